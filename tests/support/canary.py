"""A search for secrets where none may be: in every spelling in which one could have slipped out."""

from __future__ import annotations

import base64
import json
import sys
import urllib.parse
from collections.abc import Iterable
from pathlib import Path

_LINE = 32  # characters of a key's line in PEM
_SHORT = 4  # shorter values are ordinary words


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


def values_of(secrets: Iterable[str]) -> list[str]:
    """Return what to search for of *secrets*: each whole, or each line of a key, as good as the key."""
    values: set[str] = set()
    for secret in secrets:
        lines = [line for line in secret.splitlines() if len(line) >= _LINE and line[:1] != "-"]
        values.update(lines or [secret])
    return sorted(value for value in values if len(value) >= _SHORT)


class Started:
    """Arguments and environments of the programs that this process starts, as a process list has them."""

    def __init__(self) -> None:
        self.said: list[str] = []
        sys.addaudithook(self._heard)  # for good: nobody can take one away

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
            self.said.append(repr(arguments))
