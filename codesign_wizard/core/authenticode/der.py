"""Just enough DER (X.690) to write and read PKCS #7, RFC 3161 and a certificate trust list.

Reading takes slices and never recurses on its own; every length is checked against what is there, so hostile
input costs no more than its own size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from codesign_wizard.core.text import tr

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
UTF8_STRING = 0x0C
SEQUENCE = 0x30
SET = 0x31
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
BMP_STRING = 0x1E

_MAXIMUM_CHILDREN = 4096


class DerError(ValueError):
    """The bytes are not the DER that belongs in this place."""


@dataclass(frozen=True, slots=True)
class Element:
    """One tag, length, value inside ``data``: ``start`` its first octet, ``content`` its value's, ``end``."""

    data: bytes
    tag: int
    start: int
    content: int
    end: int

    @property
    def value(self) -> bytes:
        """The value octets, without tag and length."""
        return self.data[self.content : self.end]

    @property
    def encoded(self) -> bytes:
        """The whole element."""
        return self.data[self.start : self.end]

    def children(self) -> list[Element]:
        """Return the elements inside; raises ``DerError``."""
        return list(self._children())

    def first(self) -> Element:
        """Return the first element inside; raises ``DerError`` when there is none."""
        return read(self.data, self.content, self.end)

    def expect(self, tag: int) -> Element:
        """Return this element; raises ``DerError`` when it has another tag."""
        if self.tag != tag:
            raise DerError(
                tr("tag {found} in place of {wanted}").format(found=f"{self.tag:#04x}", wanted=f"{tag:#04x}")
            )
        return self

    def _children(self) -> Iterator[Element]:
        if not self.tag & 0x20:
            raise DerError(tr("a primitive value has no parts"))
        offset = self.content
        for _ in range(_MAXIMUM_CHILDREN):
            if offset == self.end:
                return
            child = read(self.data, offset, self.end)
            yield child
            offset = child.end
        raise DerError(tr("too many parts"))


def read(data: bytes, offset: int = 0, end: int | None = None) -> Element:
    """Return the element at *offset*, which must end at or before *end*; raises ``DerError``."""
    end = len(data) if end is None else end
    if offset + 2 > end:
        raise DerError(tr("cut short"))
    tag, length = data[offset], data[offset + 1]
    if tag & 0x1F == 0x1F:
        raise DerError(tr("a tag of several octets"))
    content = offset + 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or content + count > end:
            raise DerError(tr("a length that is not DER"))
        length = int.from_bytes(data[content : content + count], "big")
        content += count
    if content + length > end:
        raise DerError(tr("longer than what holds it"))
    return Element(data, tag, offset, content, content + length)


def whole(data: bytes, tag: int = SEQUENCE) -> Element:
    """Return the one element that *data* consists of; raises ``DerError`` when something follows it."""
    element = read(data).expect(tag)
    if element.end != len(data):
        raise DerError(tr("something follows the end"))
    return element


def tlv(tag: int, *parts: bytes) -> bytes:
    """Return *tag*, the length, and *parts* joined."""
    value = b"".join(parts)
    size = len(value)
    if size < 0x80:
        return bytes((tag, size)) + value
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + value


def sequence(*parts: bytes) -> bytes:
    """Return a SEQUENCE of *parts*."""
    return tlv(SEQUENCE, *parts)


def set_of(*parts: bytes) -> bytes:
    """Return a SET OF *parts*, in the order DER wants (X.690, 11.6)."""
    return tlv(SET, *sorted(parts))


def integer(value: int) -> bytes:
    """Return an INTEGER."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octet_string(value: bytes) -> bytes:
    """Return an OCTET STRING."""
    return tlv(OCTET_STRING, value)


def null() -> bytes:
    """Return NULL."""
    return tlv(NULL)


def oid(dotted: str) -> bytes:
    """Return the OBJECT IDENTIFIER of *dotted*, such as ``1.3.6.1.5.5.7.3.3``."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    octets = bytearray()
    for arc in (first * 40 + second, *rest):
        group = [arc & 0x7F]
        while arc := arc >> 7:
            group.append(0x80 | arc & 0x7F)
        octets += bytes(reversed(group))
    return tlv(OBJECT_IDENTIFIER, bytes(octets))


def read_oid(element: Element) -> str:
    """Return the dotted form of an OBJECT IDENTIFIER; raises ``DerError``."""
    return _dotted(element.expect(OBJECT_IDENTIFIER).value)


@lru_cache(maxsize=1024)  # Microsoft's list of roots names the same few thousands of times
def _dotted(value: bytes) -> str:
    if not value or len(value) > 64 or value[-1] & 0x80:
        raise DerError(tr("not an object identifier"))
    arcs, arc = [], 0
    for octet in value:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(str(number) for number in (first, arcs[0] - 40 * first, *arcs[1:]))


def read_integer(element: Element) -> int:
    """Return an INTEGER; raises ``DerError``."""
    value = element.expect(INTEGER).value
    if not value:
        raise DerError(tr("an integer without octets"))
    return int.from_bytes(value, "big", signed=True)


def read_time(element: Element) -> datetime:
    """Return a UTCTime or GeneralizedTime as UTC; raises ``DerError``."""
    text = element.value.decode("ascii", "replace")
    if not text.endswith("Z"):
        raise DerError(tr("a time that is not in UTC"))
    try:
        if element.tag == UTC_TIME:
            time = datetime.strptime(text, "%y%m%d%H%M%SZ").replace(tzinfo=UTC)
            # RFC 5280, 4.1.2.5.1: 50 and later belong to the last century
            return time.replace(year=time.year % 100 + (1900 if time.year % 100 >= 50 else 2000))
        if element.tag == GENERALIZED_TIME:
            seconds, _, fraction = text[:-1].partition(".")
            time = datetime.strptime(seconds, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            micros = int(fraction[:6].ljust(6, "0")) if fraction.isdigit() else 0
            if "." in text and not fraction.isdigit():
                raise DerError(tr("a time with a strange fraction"))
            return time.replace(microsecond=micros)
    except ValueError as error:
        raise DerError(tr("not a time: {text}").format(text=text[:24])) from error
    raise DerError(tr("not a time"))


def read_string(element: Element) -> str:
    """Return a character string of one of the usual types, replacing what does not decode."""
    encoding = {BMP_STRING: "utf-16-be", UTF8_STRING: "utf-8"}.get(element.tag, "latin-1")
    return element.value.decode(encoding, "replace")
