"""A search for secrets where none may be: in every spelling in which one could have slipped out."""

from __future__ import annotations

import base64
import json
import urllib.parse
from pathlib import Path


def spellings(secret: str) -> dict[str, bytes]:
    """Return the forms in which *secret* might be written, by name."""
    raw = secret.encode()
    forms = {
        "plain": raw,
        "UTF-16": secret.encode("utf-16-le"),
        "URL": urllib.parse.quote(secret, safe="").encode(),
        "form": urllib.parse.quote_plus(secret).encode(),
        "JSON": json.dumps(secret)[1:-1].encode(),
        "hexadecimal": raw.hex().encode(),
        "reversed": raw[::-1],
    }
    for shift in range(3):
        # base64 of a longer text holds the secret at one of three shifts; the ends depend on the neighbours
        encoded = base64.b64encode(bytes(shift) + raw).rstrip(b"=")
        forms[f"base64+{shift}"] = encoded[4 if shift else 0 : -2]
    return forms


def leaks(secret: str, *places: Path | bytes | str) -> list[str]:
    """Return where *secret* was found, one line each; *places* are outputs, files, or whole folders."""
    found = []
    for place in places:
        if isinstance(place, Path):
            files = (
                [place] if place.is_file() else [path for path in sorted(place.rglob("*")) if path.is_file()]
            )
            contents = [(str(path), path.read_bytes() + str(path).encode()) for path in files]
        else:
            contents = [("output", place.encode() if isinstance(place, str) else place)]
        for name, content in contents:
            found += [f"{name}: {form}" for form, text in spellings(secret).items() if text in content]
    return found
