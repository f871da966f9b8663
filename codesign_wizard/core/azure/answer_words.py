"""What a person can read of an answer that is no document of the vendor's: a gateway's page, a cut text."""

from __future__ import annotations

import html
import re


def readable(body: bytes) -> str:
    """Return what a person can read of a body that is no error document: without tags, in one line."""
    text = body[:20_000].decode("utf-8", "replace")
    if re.search(r"<\s*(?:!doctype|html|head|body|title|h\d|p)\b", text, re.I):
        text = re.sub(r"(?is)<(style|script)\b.*?(?:</\1\s*>|$)|<!--.*?(?:-->|$)|<[^>]*(?:>|$)", " ", text)
        text = html.unescape(text)
    return " ".join(text.split())[:300]


def text_of(value: object) -> str:
    """Return *value* where it is a text, as the vendor's documents have it there; "" for anything else."""
    return value if isinstance(value, str) else ""
