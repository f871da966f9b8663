"""Detached CMS signatures (RFC 5652) as macOS packages and code carry them: written, read, checked.

Apple's own tools write BER with indefinite lengths; it is turned into DER for reading, the octets of signed
parts staying what they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from codesign_wizard.core.authenticode import cms, der
from codesign_wizard.core.authenticode.der import DerError, Element
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

TIMESTAMP_TOKEN = "1.2.840.113549.1.9.16.2.14"  # id-aa-timeStampToken (RFC 3161, appendix A)
# room for a time-stamp authority's answer with its certificates: Apple's takes about 5 KB
TOKEN_ROOM = 8192
_MAXIMUM_DEPTH = 64


@dataclass(frozen=True)
class Draft:
    """A signature but for its value. ``to_sign`` is the DER whose digest the key signs."""

    attributes: bytes
    digest_algorithm: str

    @property
    def to_sign(self) -> bytes:
        """The signed attributes as a SET OF (RFC 5652, 5.4)."""
        return b"\x31" + self.attributes[1:]


def draft(
    content_digest: bytes, digest_algorithm: str, time: datetime, extra: Sequence[tuple[str, bytes]] = ()
) -> Draft:
    """Return signed attributes for content with *content_digest*, made at *time*.

    *extra* holds further attributes as (OID, value in DER).
    """
    attributes = [
        cms.attribute(cms.CONTENT_TYPE, der.oid(cms.DATA)),
        cms.attribute(cms.SIGNING_TIME, _time(time)),
        cms.attribute(cms.MESSAGE_DIGEST, der.octet_string(content_digest)),
        *(cms.attribute(oid, value) for oid, value in extra),
    ]
    return Draft(der.tlv(0xA0, *sorted(attributes)), digest_algorithm)


def assemble(
    parts: Draft, chain: Sequence[x509.Certificate], signature: bytes, unsigned: Sequence[tuple[str, bytes]]
) -> bytes:
    """Return the ContentInfo in DER, without content; *chain* is leaf first, *unsigned* (OID, DER).

    The certificates lie in it as Apple's tools lay them: the issuers, then the leaf.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    leaf, *issuers = chain
    signer = cms.signer_info(leaf, parts.attributes, parts.digest_algorithm, signature, unsigned)
    signed = der.sequence(
        der.integer(1),
        der.tlv(der.SET, cms.algorithm(cms.DIGESTS[parts.digest_algorithm], null=True)),
        der.sequence(der.oid(cms.DATA)),
        der.tlv(0xA0, *(each.public_bytes(Encoding.DER) for each in (*issuers, leaf))),
        der.tlv(der.SET, signer),
    )
    return der.sequence(der.oid(cms.SIGNED_DATA), der.tlv(0xA0, signed))


def _time(time: datetime) -> bytes:
    utc = time.astimezone(UTC)
    # RFC 5652, 11.3: UTCTime through 2049
    if utc.year < 2050:
        return der.tlv(der.UTC_TIME, utc.strftime("%y%m%d%H%M%SZ").encode())
    return der.tlv(der.GENERALIZED_TIME, utc.strftime("%Y%m%d%H%M%SZ").encode())


def parse(data: bytes) -> cms.SignedData:
    """Return the SignedData at the start of *data* (DER or BER; zero padding may follow).

    ``content`` is an empty OCTET STRING, for the signature is detached. Raises ``DerError``.
    """
    encoded = to_der(data)
    info = der.read(encoded).expect(der.SEQUENCE)
    members = info.children()
    if len(members) != 2 or der.read_oid(members[0]) != cms.SIGNED_DATA:
        raise DerError(tr("not a SignedData"))
    body = members[1].expect(0xA0).first().expect(der.SEQUENCE)
    parts = body.children()
    if len(parts) < 4:
        raise DerError(tr("a SignedData that is cut short"))
    content = parts[2].expect(der.SEQUENCE).children()
    if not content:
        raise DerError(tr("a SignedData that is cut short"))
    if len(content) > 1:
        raise DerError(tr("a signature that is not detached"))
    nothing = der.read(der.octet_string(b""))
    # the reader of attached signatures does the rest: it is given an empty content
    whole = der.sequence(
        members[0].encoded,
        der.tlv(
            0xA0,
            der.sequence(
                parts[0].encoded,
                parts[1].encoded,
                der.sequence(content[0].encoded, der.tlv(0xA0, nothing.encoded)),
                *(part.encoded for part in parts[3:]),
            ),
        ),
    )
    return cms.parse(whole)


def check(signer: cms.SignerInfo, content: bytes, certificate: x509.Certificate) -> str:
    """Check a signer's attributes and signature over *content*; return "" or what does not fit."""
    return cms.check_signer(signer, cms.DATA, content, certificate)


def signing_time(signer: cms.SignerInfo) -> datetime | None:
    """Return the time that the signer claims, or ``None``."""
    found = signer.one(cms.SIGNING_TIME)
    if found is None:
        return None
    try:
        return der.read_time(found)
    except DerError:
        return None


def to_der(data: bytes) -> bytes:
    """Return the first element of *data* with definite lengths; what has them is not touched.

    Constructed OCTET STRINGs, which come with indefinite lengths, are joined. Raises ``DerError``.
    """
    encoded, _ = _definite(data, 0, 0)
    return encoded


def _definite(data: bytes, offset: int, depth: int) -> tuple[bytes, int]:
    """Return the element at *offset* in definite form, and where it ends."""
    if depth > _MAXIMUM_DEPTH:
        raise DerError(tr("nested too deeply"))
    if offset + 2 > len(data):
        raise DerError(tr("cut short"))
    tag, length = data[offset], data[offset + 1]
    if length != 0x80:
        element = der.read(data, offset)
        # something inside may still be indefinite, but only where something can be inside
        if not tag & 0x20 or not _has_indefinite(element, depth):
            return element.encoded, element.end
        place, end, closed = element.content, element.end, False
    else:
        if not tag & 0x20:
            raise DerError(tr("a length that is not DER"))
        place, end, closed = offset + 2, len(data), True
    parts: list[bytes] = []
    while place < end and not (closed and data[place : place + 2] == b"\0\0"):
        part, place = _definite(data, place, depth + 1)
        parts.append(part)
    if closed:
        if data[place : place + 2] != b"\0\0":
            raise DerError(tr("cut short"))
        place += 2
    if tag == 0x24:
        octets = b"".join(der.read(part).expect(der.OCTET_STRING).value for part in parts)
        return der.octet_string(octets), place
    return der.tlv(tag, *parts), place


def _has_indefinite(element: Element, depth: int) -> bool:
    """Tell whether an element with a definite length holds one without."""
    if depth > _MAXIMUM_DEPTH:
        raise DerError(tr("nested too deeply"))
    place = element.content
    while place < element.end:
        if place + 2 > element.end:
            raise DerError(tr("cut short"))
        if element.data[place + 1] == 0x80:
            return True
        child = der.read(element.data, place, element.end)
        if child.tag & 0x20 and _has_indefinite(child, depth + 1):
            return True
        place = child.end
    return False
