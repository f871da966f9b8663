"""Reading an answer that may be anything: its words, and its members in the form that a vendor gives them.

A gateway's page, a cut text, a number where a list should be: what is not as documented counts as not there.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

LONGEST = 4000  # characters of a vendor's words that are kept; a real refusal has about a thousand


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


def members_of(value: object) -> Mapping[str, Any]:
    """Return *value* where it is an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """Return *value* where it is a list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def texts_of(value: object) -> tuple[str, ...]:
    """Return the lines of *value* as texts where it is a list; none for anything else."""
    return tuple(str(each) for each in list_of(value))
