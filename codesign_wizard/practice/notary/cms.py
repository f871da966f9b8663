"""Signatures in packages and programs, judged: CMS (RFC 5652), time stamps (RFC 3161), Apple's chain.

Written apart from what ``core`` judges with. Apple's own tools write BER with indefinite lengths.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from codesign_wizard.practice import der
from codesign_wizard.practice.der import DerError, Element

SIGNED_DATA = "1.2.840.113549.1.7.2"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_TOKEN = "1.2.840.113549.1.9.16.2.14"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_DIGESTS: dict[str, type[hashes.HashAlgorithm]] = {
    "1.3.14.3.2.26": hashes.SHA1,
    "2.16.840.1.101.3.4.2.1": hashes.SHA256,
    "2.16.840.1.101.3.4.2.2": hashes.SHA384,
    "2.16.840.1.101.3.4.2.3": hashes.SHA512,
}
_DEVELOPER_ID_AUTHORITY = ObjectIdentifier("1.2.840.113635.100.6.2.6")
_MAXIMUM_DEPTH = 32


class CmsError(ValueError):
    """It is no signature that can be read."""


@dataclass(frozen=True)
class Signature:
    """A SignedData's first signer. ``attributes`` and ``unsigned`` are values by dotted OID."""

    content_type: str
    content: bytes | None
    certificates: list[x509.Certificate]
    issuer: bytes
    serial: int
    digest: hashes.HashAlgorithm
    attributes: dict[str, Element]
    signed: bytes
    value: bytes
    unsigned: dict[str, Element]

    @property
    def signer(self) -> x509.Certificate | None:
        """The signer's certificate, if it is there."""
        for each in self.certificates:
            if each.serial_number == self.serial and each.issuer.public_bytes() == self.issuer:
                return each
        return None


def definite(data: bytes) -> bytes:
    """Return the first element of *data* with definite lengths throughout; raises ``CmsError``."""
    octets, _ = _definite(data, 0, 0)
    return octets


def _definite(data: bytes, at: int, depth: int) -> tuple[bytes, int]:
    if depth > _MAXIMUM_DEPTH or len(data) - at < 2:
        raise CmsError("cut short, or nested too deeply")
    tag, length = data[at], data[at + 1]
    start = at + 2
    if length == 0x80:
        parts, place = [], start
        while data[place : place + 2] != b"\0\0":
            part, place = _definite(data, place, depth + 1)
            parts.append(part)
        if tag & ~0x20 in (0x04, 0x80):  # an OCTET STRING in pieces
            joined = b"".join(der.read_one(part).content for part in parts)
            return der.tlv(tag & ~0x20, joined), place + 2
        return der.tlv(tag, b"".join(parts)), place + 2
    if length & 0x80:
        size = length & 0x7F
        if size > 4:
            raise CmsError("an oversized length")
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    end = start + length
    if end > len(data):
        raise CmsError("cut short")
    if tag & 0x20:
        parts, place = [], start
        while place < end:
            part, place = _definite(data, place, depth + 1)
            parts.append(part)
        return der.tlv(tag, b"".join(parts)), end
    return data[at:end], end


def read(data: bytes) -> Signature:
    """Return the signature that *data* begins with; zeros may follow. Raises ``CmsError``."""
    try:
        return _read(definite(data))
    except (DerError, IndexError, KeyError, ValueError) as error:
        raise CmsError(str(error)) from error


def _read(data: bytes) -> Signature:
    kind, wrapped = der.read_one(data).expect(der.SEQUENCE).children()
    if kind.as_oid() != SIGNED_DATA:
        raise CmsError("no SignedData")
    fields = wrapped.children()[0].expect(der.SEQUENCE).children()
    content_type, *content = fields[2].expect(der.SEQUENCE).children()
    certificates: list[x509.Certificate] = []
    rest = fields[3:]
    if rest[0].tag == 0xA0:
        for each in rest[0].children():
            if each.tag == der.SEQUENCE:
                certificates.append(x509.load_der_x509_certificate(each.octets))
        rest = rest[1:]
    if rest[0].tag == 0xA1:
        rest = rest[1:]
    signer = rest[0].expect(der.SET).children()[0].expect(der.SEQUENCE).children()
    issuer, serial = signer[1].expect(der.SEQUENCE).children()
    digest = _DIGESTS[signer[2].children()[0].as_oid()]()
    if signer[3].tag != 0xA0:
        raise CmsError("no signed attributes")
    unsigned = signer[6].children() if len(signer) > 6 else []
    return Signature(
        content_type.as_oid(),
        content[0].children()[0].expect(der.OCTET_STRING).content if content else None,
        certificates,
        issuer.octets,
        serial.as_int(),
        digest,
        _attributes(signer[3].children()),
        b"\x31" + signer[3].octets[1:],
        signer[5].expect(der.OCTET_STRING).content,
        _attributes(unsigned),
    )


def _attributes(elements: Iterable[Element]) -> dict[str, Element]:
    found = {}
    for each in elements:
        name, values = each.expect(der.SEQUENCE).children()
        found[name.as_oid()] = values.expect(der.SET)
    return found


def holds(signature: Signature, content: bytes, *, kind: str | None = None) -> bool:
    """Tell whether the signer signed *content*: the message digest, the attributes' signature, the type."""
    certificate = signature.signer
    if certificate is None:
        return False
    try:
        given = signature.attributes[_MESSAGE_DIGEST].children()[0].expect(der.OCTET_STRING).content
        named = signature.attributes[_CONTENT_TYPE].children()[0].as_oid()
    except (DerError, KeyError, IndexError):
        return False
    if given != hashlib.new(signature.digest.name, content).digest() or named != (kind or named):
        return False
    return verified(certificate, signature.value, signature.signed, signature.digest)


def verified(certificate: x509.Certificate, value: bytes, data: bytes, digest: hashes.HashAlgorithm) -> bool:
    """Tell whether *value* is the certificate's key's signature over *data*."""
    key = certificate.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(value, data, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(value, data, ec.ECDSA(digest))
        else:
            return False
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True)
class Trust:
    """What the notary goes by: Apple's root in practice, and the roots of time-stamp servers."""

    root: x509.Certificate
    timestamp_roots: Sequence[x509.Certificate]

    def developer_id(self, signature: Signature, mark: str, when: datetime) -> bool:
        """Tell whether a Developer ID certificate with *mark* (dotted) signed, its whole chain at hand.

        The chain has to be in the signature: the service looks for no intermediates.
        """
        leaf = signature.signer
        if leaf is None or not _has(leaf, ObjectIdentifier(mark)):
            return False
        chain = self.chain(leaf, signature.certificates, [self.root], when)
        return len(chain) > 2 and _has(chain[1], _DEVELOPER_ID_AUTHORITY)

    def chain(
        self,
        leaf: x509.Certificate,
        others: Sequence[x509.Certificate],
        roots: Sequence[x509.Certificate],
        when: datetime,
    ) -> list[x509.Certificate]:
        """Return the certificates from *leaf* to one of *roots*, all valid at *when*, or nothing."""
        anchors = {each.public_bytes(Encoding.DER) for each in roots}
        path = [leaf]
        while len(path) < 6:
            last = path[-1]
            if not last.not_valid_before_utc <= when <= last.not_valid_after_utc:
                return []
            if last.public_bytes(Encoding.DER) in anchors:
                return path
            issuer = next((each for each in (*roots, *others) if _issued(each, last)), None)
            if issuer is None or issuer in path:
                return []
            path.append(issuer)
        return []

    def timestamp(self, signature: Signature) -> datetime | None:
        """Return the time of the signature's time stamp, or ``None`` where there is none that holds."""
        values = signature.unsigned.get(_TOKEN)
        if values is None:
            return None
        try:
            token = read(values.content)
            return self._stamped(token, signature.value)
        except (CmsError, DerError, IndexError, KeyError, ValueError):
            return None

    def _stamped(self, token: Signature, value: bytes) -> datetime | None:
        signer = token.signer
        if token.content is None or token.content_type != _TST_INFO or signer is None:
            return None
        if not holds(token, token.content, kind=_TST_INFO):
            return None
        fields = der.read_one(token.content).expect(der.SEQUENCE).children()
        algorithm, imprint = fields[2].expect(der.SEQUENCE).children()
        digest = _DIGESTS[algorithm.children()[0].as_oid()]()
        if hashlib.new(digest.name, value).digest() != imprint.expect(der.OCTET_STRING).content:
            return None
        text = fields[4].expect(0x18).content.decode("ascii")
        when = datetime.strptime(text.partition(".")[0].rstrip("Z"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        usages = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if ExtendedKeyUsageOID.TIME_STAMPING not in usages:
            return None
        trusted = self.chain(signer, token.certificates, [*self.timestamp_roots, self.root], when)
        return when if trusted else None


def _has(certificate: x509.Certificate, oid: ObjectIdentifier) -> bool:
    return any(each.oid == oid for each in certificate.extensions)


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    if issuer.subject != certificate.issuer:
        return False
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        certificate.verify_directly_issued_by(issuer)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return False
    return constraints.ca
