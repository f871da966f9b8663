"""The little DER (ITU-T X.690) that the time-stamp servers need: building and walking.

Kept apart from ``core`` on purpose: what the program judges with is never what the stand-in builds with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

INTEGER = 0x02
BOOLEAN = 0x01
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30
SET = 0x31


class DerError(ValueError):
    """The bytes are not the DER that was expected."""


def tlv(tag: int, content: bytes) -> bytes:
    """Return one element with a single-byte *tag* and a definite length."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big") + content


def sequence(*parts: bytes) -> bytes:
    """Return a SEQUENCE of ready-made elements; empty ones (absent OPTIONALs) vanish."""
    return tlv(SEQUENCE, b"".join(parts))


def set_of(parts: Iterable[bytes]) -> bytes:
    """Return a SET OF, its elements in the order DER demands (X.690, 11.6)."""
    return tlv(SET, b"".join(sorted(parts)))


def integer(value: int) -> bytes:
    """Return an INTEGER."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER from its dotted form."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    content = bytearray()
    for arc in (first * 40 + second, *rest):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(0x80 | arc & 0x7F)
        content += bytes(reversed(digits))
    return tlv(OBJECT_IDENTIFIER, bytes(content))


def octet_string(value: bytes) -> bytes:
    """Return an OCTET STRING."""
    return tlv(OCTET_STRING, value)


def utf8_string(value: str) -> bytes:
    """Return a UTF8String."""
    return tlv(0x0C, value.encode())


def null() -> bytes:
    """Return a NULL."""
    return b"\x05\x00"


def boolean(value: bool) -> bytes:
    """Return a BOOLEAN."""
    return tlv(BOOLEAN, b"\xff" if value else b"\x00")


def generalized_time(time: datetime) -> bytes:
    """Return a GeneralizedTime in UTC, to the second (RFC 3161, 2.4.2)."""
    return tlv(0x18, time.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode())


def named_bits(*numbers: int) -> bytes:
    """Return a BIT STRING with these named bits set, trailing zeros cut (X.690, 11.2.2)."""
    highest = max(numbers)
    value = bytearray(highest // 8 + 1)
    for number in numbers:
        value[number // 8] |= 0x80 >> number % 8
    return tlv(0x03, bytes((7 - highest % 8,)) + bytes(value))


def explicit(number: int, element: bytes) -> bytes:
    """Return *element* under an explicit context tag; for constructed IMPLICIT ones, give the content."""
    return tlv(0xA0 | number, element)


@dataclass(frozen=True, slots=True)
class Element:
    """One element as read: its tag, its content, and all its octets."""

    tag: int
    content: bytes
    octets: bytes

    def children(self) -> list[Element]:
        """Return the elements inside; raises ``DerError``."""
        return read_all(self.content)

    def expect(self, tag: int) -> Element:
        """Return this element if it has *tag*; raises ``DerError``."""
        if self.tag != tag:
            raise DerError(f"tag {self.tag:#04x} where {tag:#04x} belongs")
        return self

    def as_int(self) -> int:
        """Return an INTEGER's value; raises ``DerError``."""
        self.expect(INTEGER)
        if not self.content:
            raise DerError("INTEGER without content")
        return int.from_bytes(self.content, "big", signed=True)

    def as_bool(self) -> bool:
        """Return a BOOLEAN's value; raises ``DerError``."""
        if len(self.expect(BOOLEAN).content) != 1:
            raise DerError("BOOLEAN of wrong length")
        return self.content != b"\x00"

    def as_oid(self) -> str:
        """Return an OBJECT IDENTIFIER in dotted form; raises ``DerError``."""
        self.expect(OBJECT_IDENTIFIER)
        if not self.content or self.content[-1] & 0x80:
            raise DerError("cut OBJECT IDENTIFIER")
        arcs, value = [], 0
        for octet in self.content:
            value = value << 7 | octet & 0x7F
            if not octet & 0x80:
                arcs.append(value)
                value = 0
        first = min(arcs[0] // 40, 2)
        return ".".join(str(arc) for arc in (first, arcs[0] - 40 * first, *arcs[1:]))


def read_one(data: bytes) -> Element:
    """Return the single element that *data* is; raises ``DerError`` on anything behind it."""
    elements = read_all(data)
    if len(elements) != 1:
        raise DerError(f"{len(elements)} elements where one belongs")
    return elements[0]


def read_all(data: bytes) -> list[Element]:
    """Return the elements that follow each other in *data*; raises ``DerError``."""
    elements, at = [], 0
    while at < len(data):
        start = at
        if len(data) - at < 2 or data[at] & 0x1F == 0x1F:
            raise DerError("cut element, or a tag of several octets")
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4 or len(data) - at < size:
                raise DerError("indefinite or oversized length")
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if len(data) - at < length:
            raise DerError("content cut short")
        elements.append(Element(tag, data[at : at + length], data[start : at + length]))
        at += length
    return elements
