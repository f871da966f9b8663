"""A search for secrets where none may be: in every spelling in which one could have slipped out."""

from __future__ import annotations

import base64
import json
import sys
import urllib.parse
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa

_LINE = 32  # characters of a key's line in PEM
_SHORT = 4  # shorter values are ordinary words
_PIECE = 24  # bytes of a key's number, which no other one begins with


def spellings(secret: str | bytes) -> dict[str, bytes]:
    """Return the forms in which *secret* might be written, by name."""
    raw = secret.encode() if isinstance(secret, str) else secret
    forms = {
        "plain": raw,
        "URL": urllib.parse.quote(raw, safe="").encode(),
        "form": urllib.parse.quote_plus(raw).encode(),
        "hexadecimal": raw.hex().encode(),
        "reversed": raw[::-1],
    }
    if isinstance(secret, str):
        forms |= {"UTF-16": secret.encode("utf-16-le"), "JSON": json.dumps(secret)[1:-1].encode()}
    else:
        quoted = "".join(repr(bytes([each]))[2:-1] for each in raw)
        forms |= {
            "HEXADECIMAL": raw.hex().upper().encode(),
            # in a longer text its single quotes are escaped, if that has double ones, too
            "repr": quoted.encode(),
            "repr, escaped": quoted.replace("'", "\\'").encode(),
        }
        forms |= _shifted("base32", base64.b32encode, raw, 5)
    forms |= _shifted("base64", base64.b64encode, raw, 3)
    return forms | _shifted("base64url", base64.urlsafe_b64encode, raw, 3)


def _shifted(name: str, encode: Callable[[bytes], bytes], raw: bytes, group: int) -> dict[str, bytes]:
    """Return how a longer text's encoding holds *raw*; the ends depend on the neighbours."""
    forms, signs = {}, 8 if group == 5 else 4
    for shift in range(group):
        encoded = encode(bytes(shift) + raw).rstrip(b"=")
        forms[f"{name}+{shift}"] = encoded[signs if shift else 0 : -2]
    return forms


def leaks(secret: str | bytes | Iterable[str | bytes], *places: Path | bytes | str) -> list[str]:
    """Return where *secret*, or one of several, was found, one line each.

    *places* are outputs, files, or whole folders. Bytes are found in lines and between colons, too.
    """
    secrets = [secret] if isinstance(secret, str | bytes) else list(secret)
    forms = [(each, *form) for each in secrets for form in spellings(each).items()]
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
            found += [f"{name}: {form}" for _, form, text in forms if text in content]
            if any(isinstance(each, bytes) for each in secrets):
                joined = _joined(content)
                found += [
                    f"{name}: {form} in lines"
                    for each, form, text in forms
                    if isinstance(each, bytes) and text in joined and text not in content
                ]
    return found


def _joined(content: bytes) -> bytes:
    """Return *content* without what breaks an encoding into lines or pairs, also where it is quoted."""
    return content.replace(b"\\n", b"").replace(b"\\r", b"").translate(None, b" \t\r\n:")


def parts_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> list[str | bytes]:
    """Return what gives *key* away, however it is packed: its secret numbers, and a piece of their bytes."""
    numbers = key.private_numbers()
    secret = (
        (numbers.d, numbers.p, numbers.q)
        if isinstance(numbers, rsa.RSAPrivateNumbers)
        else (numbers.private_value,)
    )
    whole = [each.to_bytes((each.bit_length() + 7) // 8) for each in secret]
    return [*(str(each) for each in secret), *(each[:_PIECE] for each in whole)]


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
