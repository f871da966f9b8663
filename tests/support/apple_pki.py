"""A throw-away PKI with Apple's marks: root, Developer ID authority, Installer and Application leaves."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from codesign_wizard.core.apple import oids
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.local_signer import LocalSigner
from tests.support import pki
from tests.support.pki import Issued, Key

TEAM = "ABCDE12345"
_NULL = b"\x05\x00"


def issue(
    name: str,
    own: Key,
    issuer: Issued | None,
    *,
    marks: tuple[str, ...] = (),
    usage: str | None = None,
    ca: bool = False,
    team: str = TEAM,
    days: tuple[float, float] = (-30, 1500),
) -> Issued:
    """Return a certificate with Apple's extensions *marks* and the critical usage *usage* (dotted)."""
    now = datetime.now(UTC)
    attributes = [
        x509.NameAttribute(NameOID.COMMON_NAME, name),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
    ]
    if not ca:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, team))
    subject = x509.Name(attributes)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer is not None else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ObjectIdentifier(usage)]), critical=True)
    for mark in marks:
        extension = x509.UnrecognizedExtension(ObjectIdentifier(mark), _NULL)
        builder = builder.add_extension(extension, critical=not ca)
    authority = issuer.key if issuer is not None else own
    return Issued(builder.sign(authority, hashes.SHA256()), own)


@functools.cache
def root() -> Issued:
    """The root in Apple's place."""
    return issue("Test Apple Root CA", pki.key("rsa2048-apple-root"), None, ca=True, days=(-4000, 4000))


@functools.cache
def authority() -> Issued:
    """The issuer in the place of Developer ID Certification Authority."""
    marks = (oids.DEVELOPER_ID_AUTHORITY,)
    own = pki.key("rsa2048-apple-ca")
    return issue("Test Developer ID CA", own, root(), ca=True, marks=marks, days=(-2000, 2000))


@functools.cache
def leaf(kind: str) -> Issued:
    """``installer``, ``application``, or a faulty one: ``expired``, ``other-ca``, ``ec``."""
    match kind:
        case "application":
            own, mark, usage = "rsa2048-application", oids.DEVELOPER_ID_APPLICATION, oids.CODE_SIGNING_USAGE
            return issue(
                f"Developer ID Application: Test ({TEAM})",
                pki.key(own),
                authority(),
                marks=(mark,),
                usage=usage,
            )
        case "expired":
            days = (-1000.0, -10.0)
            return _installer(pki.key("rsa2048-expired"), authority(), days)
        case "other-ca":
            return _installer(pki.key("rsa2048-other"), root(), (-30.0, 900.0))
        case "ec":
            return _installer(pki.key("p256-apple"), authority(), (-30.0, 900.0))
    return _installer(pki.key("rsa2048-installer"), authority(), (-30.0, 1500.0))


def _installer(own: Key, issuer: Issued, days: tuple[float, float]) -> Issued:
    marks = (oids.DEVELOPER_ID_INSTALLER,)
    name = f"Developer ID Installer: Test ({TEAM})"
    return issue(name, own, issuer, marks=marks, usage=oids.INSTALLER_USAGE, days=days)


def signer(kind: str = "installer") -> LocalSigner:
    """Return a signer with the leaf *kind* and its issuer."""
    issued = leaf(kind)
    others = [] if kind == "other-ca" else [authority().certificate]
    return LocalSigner(f"{kind}.p12", issued.key, [issued.certificate, *others])


def roots() -> AppleRoots:
    """Return roots that count this PKI, and the test's time-stamp authority, like Apple's."""
    return AppleRoots(
        extra=[root().certificate.public_bytes(Encoding.DER)],
        extra_timestamp=[pki.timestamp_root().certificate.public_bytes(Encoding.DER)],
    )
