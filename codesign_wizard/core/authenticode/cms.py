"""PKCS #7 SignedData as Authenticode uses it (RFC 2315), and as time stamps do (RFC 5652).

Writing: SpcIndirectDataContent and one SignerInfo, version 1, by hand: no library makes a SEQUENCE as
content. Reading: bytes are kept as they came, so that a foreign signature is never encoded anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codesign_wizard.core.authenticode import der
from codesign_wizard.core.authenticode.der import DerError, Element
from codesign_wizard.core.text import shown, tr

if TYPE_CHECKING:
    from cryptography import x509

SIGNED_DATA = "1.2.840.113549.1.7.2"
SPC_INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4"
SPC_PE_IMAGE_DATA = "1.3.6.1.4.1.311.2.1.15"
SPC_STATEMENT_TYPE = "1.3.6.1.4.1.311.2.1.11"
SPC_INDIVIDUAL = "1.3.6.1.4.1.311.2.1.21"
SPC_OPUS_INFO = "1.3.6.1.4.1.311.2.1.12"
NESTED_SIGNATURE = "1.3.6.1.4.1.311.2.4.1"
RFC3161_TOKEN = "1.3.6.1.4.1.311.3.3.1"
LEGACY_COUNTERSIGNATURE = "1.2.840.113549.1.9.6"
DATA = "1.2.840.113549.1.7.1"
SIGNING_TIME = "1.2.840.113549.1.9.5"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"

RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
RSASSA_PSS = "1.2.840.113549.1.1.10"
DIGESTS = {
    "md5": "1.2.840.113549.2.5",
    "sha1": "1.3.14.3.2.26",
    "sha224": "2.16.840.1.101.3.4.2.4",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_DIGEST_OF = {oid: name for name, oid in DIGESTS.items()}
ECDSA_WITH = {
    "sha256": "1.2.840.10045.4.3.2",
    "sha384": "1.2.840.10045.4.3.3",
    "sha512": "1.2.840.10045.4.3.4",
}
# far above what signatures have; each costs memory many times its size in the file
_MAXIMUM_CERTIFICATES = 64
_MAXIMUM_SIGNERS = 16
_MAXIMUM_VALUES = 64


def algorithm(oid: str, *, null: bool) -> bytes:
    """Return an AlgorithmIdentifier, with NULL parameters or none."""
    return der.sequence(der.oid(oid), *([der.null()] if null else []))


def digest_name(identifier: Element) -> str:
    """Return hashlib's name of the digest in an AlgorithmIdentifier; raises ``DerError`` for others."""
    oid = der.read_oid(identifier.expect(der.SEQUENCE).first())
    try:
        return _DIGEST_OF[oid]
    except KeyError:
        raise DerError(tr("digest algorithm {oid} is not known").format(oid=oid)) from None


def indirect_data(digest: bytes, digest_algorithm: str) -> bytes:
    """Return SpcIndirectDataContent for the image's *digest*, as signtool writes it (an empty file name)."""
    link = der.tlv(0xA0, der.tlv(0xA2, der.tlv(0x80)))
    image = der.sequence(der.tlv(der.BIT_STRING, b"\0"), link)
    return der.sequence(
        der.sequence(der.oid(SPC_PE_IMAGE_DATA), image),
        der.sequence(algorithm(DIGESTS[digest_algorithm], null=True), der.octet_string(digest)),
    )


def opus_info(description: str, url: str) -> bytes:
    """Return SpcSpOpusInfo: what the confirmation dialog names, and its link; empty without either."""
    parts = []
    if description:
        # BMPString has no characters beyond the basic plane
        text = "".join(char if ord(char) < 0x10000 else "\ufffd" for char in description)
        parts.append(der.tlv(0xA0, der.tlv(0x80, text.encode("utf-16-be", "replace"))))
    if url:
        parts.append(der.tlv(0xA1, der.tlv(0x80, url.encode("ascii"))))
    return der.sequence(*parts)


@dataclass(frozen=True)
class Draft:
    """A signature but for its value: ``to_sign`` is the DER whose digest the key signs."""

    content: bytes
    attributes: bytes
    digest_algorithm: str

    @property
    def to_sign(self) -> bytes:
        """The signed attributes as a SET OF (RFC 2315, 9.3)."""
        return b"\x31" + self.attributes[1:]


def draft(digest: bytes, digest_algorithm: str, description: str, url: str) -> Draft:
    """Return the content and signed attributes for an image's *digest*.

    There is no signingTime: the time stamp says when, and signtool leaves it out as well.
    """
    content = indirect_data(digest, digest_algorithm)
    # PKCS #7: the digest covers the content's value, without tag and length
    message_digest = hashlib.new(digest_algorithm, der.read(content).value).digest()
    attributes = sorted(
        (
            attribute(CONTENT_TYPE, der.oid(SPC_INDIRECT_DATA)),
            attribute(SPC_STATEMENT_TYPE, der.sequence(der.oid(SPC_INDIVIDUAL))),
            attribute(SPC_OPUS_INFO, opus_info(description, url)),
            attribute(MESSAGE_DIGEST, der.octet_string(message_digest)),
        )
    )
    return Draft(content, der.tlv(0xA0, *attributes), digest_algorithm)


def assemble(
    parts: Draft, chain: Sequence[x509.Certificate], signature: bytes, unsigned: Sequence[tuple[str, bytes]]
) -> bytes:
    """Return the ContentInfo in DER; *chain* is leaf first, *unsigned* holds (OID, value in DER)."""
    from cryptography.hazmat.primitives.serialization import Encoding

    signer = signer_info(chain[0], parts.attributes, parts.digest_algorithm, signature, unsigned)
    certificates = [certificate.public_bytes(Encoding.DER) for certificate in chain]
    signed = der.sequence(
        der.integer(1),
        der.tlv(der.SET, algorithm(DIGESTS[parts.digest_algorithm], null=True)),
        der.sequence(der.oid(SPC_INDIRECT_DATA), der.tlv(0xA0, parts.content)),
        der.tlv(0xA0, *certificates),
        der.tlv(der.SET, signer),
    )
    return der.sequence(der.oid(SIGNED_DATA), der.tlv(0xA0, signed))


def signer_info(
    leaf: x509.Certificate,
    attributes: bytes,
    digest_algorithm: str,
    signature: bytes,
    unsigned: Sequence[tuple[str, bytes]],
) -> bytes:
    """Return the SignerInfo in DER: *leaf* signed the *attributes*; *unsigned* holds (OID, value in DER)."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    if isinstance(leaf.public_key(), rsa.RSAPublicKey):
        key = algorithm(RSA_ENCRYPTION, null=True)
    else:
        key = algorithm(ECDSA_WITH[digest_algorithm], null=False)
    late = sorted(attribute(oid, value) for oid, value in unsigned)
    return der.sequence(
        der.integer(1),
        der.sequence(leaf.issuer.public_bytes(), der.integer(leaf.serial_number)),
        algorithm(DIGESTS[digest_algorithm], null=True),
        attributes,
        key,
        der.octet_string(signature),
        *([der.tlv(0xA1, *late)] if late else []),
    )


@dataclass(frozen=True)
class SignerInfo:
    """One signer of a SignedData; ``signed`` and ``unsigned`` map an attribute's OID to its values."""

    element: Element
    issuer: bytes
    serial: int
    key_identifier: bytes
    digest_algorithm: str
    attributes: bytes
    signed: dict[str, list[Element]]
    signature_algorithm: Element
    signature: bytes
    unsigned: dict[str, list[Element]]

    def one(self, oid: str) -> Element | None:
        """Return the only value of a signed attribute, or ``None``."""
        values = self.signed.get(oid, [])
        return values[0] if len(values) == 1 else None


@dataclass(frozen=True)
class SignedData:
    """A parsed ContentInfo.

    ``content`` is the element inside eContent; ``certificates`` are DER; ``digest_algorithms`` are OIDs.
    """

    encoded: bytes
    digest_algorithms: list[str]
    content_type: str
    content: Element
    certificates: list[bytes]
    signers: list[SignerInfo] = field(default_factory=list)

    @property
    def content_octets(self) -> bytes:
        """What messageDigest covers: the content's value octets."""
        return self.content.value

    def announces(self, signer: SignerInfo) -> bool:
        """Whether ``digest_algorithms`` has the signer's; one pass readers hash the content by them only.

        RFC 5652, 5.1, lets a signature be refused otherwise; OpenSSL does.
        """
        return DIGESTS[signer.digest_algorithm] in self.digest_algorithms


def parse(data: bytes) -> SignedData:
    """Return the SignedData at the start of *data* (zero padding may follow); raises ``DerError``."""
    info = der.read(data).expect(der.SEQUENCE)
    kind, wrapped = _exactly(info, 2)
    if der.read_oid(kind) != SIGNED_DATA:
        raise DerError(tr("not a SignedData"))
    members = _exactly(wrapped.expect(0xA0), 1)[0].expect(der.SEQUENCE).children()
    if len(members) < 4:
        raise DerError(tr("a SignedData that is cut short"))
    der.read_integer(members[0])
    digest_algorithms = [
        der.read_oid(identifier.expect(der.SEQUENCE).first())
        for identifier in members[1].expect(der.SET).children()
    ]
    content_type, content = _exactly(members[2].expect(der.SEQUENCE), 2)
    certificates: list[bytes] = []
    for member in members[3:-1]:
        if member.tag == 0xA0:
            # [1] is an attribute certificate, which Microsoft's time stamps carry
            certificates = [each.encoded for each in member.children() if each.tag == der.SEQUENCE]
    if len(certificates) > _MAXIMUM_CERTIFICATES:
        raise DerError(tr("more certificates than any signature has"))
    signers = members[-1].expect(der.SET).children()
    if len(signers) > _MAXIMUM_SIGNERS:
        raise DerError(tr("more signers than any signature has"))
    return SignedData(
        encoded=info.encoded,
        digest_algorithms=digest_algorithms,
        content_type=der.read_oid(content_type),
        content=_exactly(content.expect(0xA0), 1)[0],
        certificates=certificates,
        signers=[read_signer(each) for each in signers],
    )


def check_signer(signer: SignerInfo, content_type: str, octets: bytes, certificate: x509.Certificate) -> str:
    """Check the signer's attributes and signature over *octets*; return "" or what does not fit."""
    if not signer.attributes:
        # both Authenticode ("SignerInfo") and RFC 5652, 5.3, for content that is not data, ask for them
        return tr("there are no signed attributes")
    message_digest, kind = signer.one(MESSAGE_DIGEST), signer.one(CONTENT_TYPE)
    if message_digest is None or message_digest.tag != der.OCTET_STRING:
        return tr("there is no message digest")
    if kind is None or kind.tag != der.OBJECT_IDENTIFIER or der.read_oid(kind) != content_type:
        return tr("the signed content type is another one")
    if message_digest.value != hashlib.new(signer.digest_algorithm, octets).digest():
        return tr("the message digest is another one")
    return check_signature(certificate, signer, b"\x31" + signer.attributes[1:])


def check_signature(certificate: x509.Certificate, signer: SignerInfo, signed: bytes) -> str:
    """Check the signature value over *signed* with the certificate's key; return "" or what does not fit."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    oid = der.read_oid(signer.signature_algorithm.first())
    try:
        key = certificate.public_key()
        name = _RSA_WITH.get(oid) or _ECDSA_OF.get(oid) or signer.digest_algorithm
        if name != signer.digest_algorithm:
            return tr("signature and digest algorithm contradict each other")
        digest: hashes.HashAlgorithm = getattr(hashes, name.upper())()
        if isinstance(key, rsa.RSAPublicKey):
            if oid not in _RSA_WITH and oid not in (RSA_ENCRYPTION, RSASSA_PSS):
                return tr("the algorithm is not the key's")
            scheme: padding.AsymmetricPadding = (
                padding.PSS(padding.MGF1(digest), padding.PSS.AUTO)
                if oid == RSASSA_PSS
                else padding.PKCS1v15()
            )
            key.verify(signer.signature, signed, scheme, digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            if oid not in _ECDSA_OF and oid not in _ECDSA_UNNAMED:
                return tr("the algorithm is not the key's")
            key.verify(signer.signature, signed, ec.ECDSA(digest))
        else:
            return tr("the key is of a kind that does not sign programs")
    except InvalidSignature:
        return tr("the signature was not made by this key over these bytes")
    except (AttributeError, ValueError, UnsupportedAlgorithm) as error:
        return tr("the signature cannot be checked: {error}").format(error=error)
    return ""


_RSA_WITH = {
    "1.2.840.113549.1.1.5": "sha1",
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
}
# the key's algorithm, and ecdsa-with-Specified: both leave the digest to its field; wincrypt.h has them
_ECDSA_UNNAMED = ("1.2.840.10045.2.1", "1.2.840.10045.4.3")
_ECDSA_OF = {oid: name for name, oid in ECDSA_WITH.items()} | {"1.2.840.10045.4.1": "sha1"}


def read_indirect_data(content: Element) -> tuple[str, bytes]:
    """Return digest algorithm and digest of an SpcIndirectDataContent; raises ``DerError``."""
    data, info = _exactly(content.expect(der.SEQUENCE), 2)
    if der.read_oid(data.expect(der.SEQUENCE).first()) != SPC_PE_IMAGE_DATA:
        raise DerError(tr("the signature is for another kind of file"))
    identifier, digest = _exactly(info.expect(der.SEQUENCE), 2)
    return digest_name(identifier), digest.expect(der.OCTET_STRING).value


def read_opus_info(signer: SignerInfo) -> tuple[str, str]:
    """Return description and URL of the signature, each "" when absent or unreadable."""
    description = url = ""
    value = signer.one(SPC_OPUS_INFO)
    if value is None or value.tag != der.SEQUENCE:
        return description, url
    try:
        for member in value.children():
            inner = member.first()
            if member.tag == 0xA0:
                encoding = "utf-16-be" if inner.tag == 0x80 else "ascii"
                description = shown(inner.value.decode(encoding, "replace"))
            elif member.tag == 0xA1 and inner.tag == 0x80:
                url = shown(inner.value.decode("ascii", "replace"))
    except DerError:
        return description, url
    return description, url


def add_unsigned(signature: bytes, oid: str, value: bytes) -> bytes:
    """Return the ContentInfo *signature* with *value* added to the first signer's unsigned attribute *oid*.

    Every other byte is spliced as it came. Raises ``DerError``.
    """
    data = parse(signature)
    if len(data.signers) != 1:
        raise DerError(tr("the signature has several signers"))
    signer = data.signers[0].element
    members = signer.children()
    attributes = [each.encoded for each in members[-1].children()] if members[-1].tag == 0xA1 else []
    kept = [each for each in members if each.tag != 0xA1]
    values = [value.encoded for value in data.signers[0].unsigned.get(oid, [])]
    others = [each for each in attributes if der.read_oid(der.read(each).first()) != oid]
    merged = der.sequence(der.oid(oid), der.tlv(der.SET, *values, value))
    changed = der.sequence(*(each.encoded for each in kept), der.tlv(0xA1, *others, merged))
    return _splice(data.encoded, signer, changed)


def _splice(encoded: bytes, old: Element, new: bytes) -> bytes:
    # lengths of everything around the signer change with it; nothing else does
    info = der.whole(encoded)
    kind, wrapped = info.children()
    body = wrapped.children()[0]
    members = [each.encoded for each in body.children()]
    signers = body.children()[-1]
    members[-1] = der.tlv(
        der.SET, *(new if each.start == old.start else each.encoded for each in signers.children())
    )
    return der.sequence(kind.encoded, der.tlv(0xA0, der.tlv(der.SEQUENCE, *members)))


def attribute(oid: str, value: bytes) -> bytes:
    """Return an Attribute with one value."""
    return der.sequence(der.oid(oid), der.tlv(der.SET, value))


def _exactly(element: Element, count: int) -> list[Element]:
    children = element.children()
    if len(children) != count:
        raise DerError(tr("{found} parts in place of {count}").format(found=len(children), count=count))
    return children


def read_signer(element: Element) -> SignerInfo:
    """Return the SignerInfo (RFC 2315, 9.2; RFC 5652, 5.3); raises ``DerError``."""
    members = element.expect(der.SEQUENCE).children()
    if len(members) < 5:
        raise DerError(tr("a SignerInfo that is cut short"))
    der.read_integer(members[0])
    issuer, serial, key_identifier = b"", 0, b""
    if members[1].tag == 0x80:
        key_identifier = members[1].value
    else:
        name, number = _exactly(members[1].expect(der.SEQUENCE), 2)
        issuer, serial = name.encoded, der.read_integer(number)
    digest_algorithm = digest_name(members[2])
    rest = members[3:]
    attributes = b""
    signed: dict[str, list[Element]] = {}
    if rest[0].tag == 0xA0:
        attributes, signed = rest[0].encoded, _attributes(rest[0])
        rest = rest[1:]
    if len(rest) < 2:
        raise DerError(tr("a SignerInfo without a signature"))
    unsigned = _attributes(rest[2]) if len(rest) > 2 and rest[2].tag == 0xA1 else {}
    identifier = rest[0].expect(der.SEQUENCE)
    der.read_oid(identifier.first())
    return SignerInfo(
        element,
        issuer,
        serial,
        key_identifier,
        digest_algorithm,
        attributes,
        signed,
        identifier,
        rest[1].expect(der.OCTET_STRING).value,
        unsigned,
    )


def _attributes(element: Element) -> dict[str, list[Element]]:
    found: dict[str, list[Element]] = {}
    count = 0
    for each in element.children():
        kind, values = _exactly(each.expect(der.SEQUENCE), 2)
        inside = values.expect(der.SET).children()
        count += len(inside)
        if count > _MAXIMUM_VALUES:
            raise DerError(tr("more attributes than any signature has"))
        found.setdefault(der.read_oid(kind), []).extend(inside)
    return found
