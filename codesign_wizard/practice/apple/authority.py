"""A practice certification authority that marks certificates as Apple does.

The extensions are those of Apple's Developer ID certificates ("Certification Practice Statement, Developer
ID", apple.com/certificateauthority): the kind by an extension of Apple's arc, the team in the subject.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from codesign_wizard.core.apple import oids
from codesign_wizard.practice.authority import CsrError, build, key_usage, policies
from codesign_wizard.practice.der import utf8_string
from codesign_wizard.practice.key_making import PrivateKey
from codesign_wizard.practice.state import State

_POLICY = "1.2.840.113635.100.5.1"  # Apple's certificate policy
_NULL = b"\x05\x00"
# as Apple's first Developer ID authority
_G1_START = datetime(2012, 2, 1, 22, 12, 15, tzinfo=UTC)
_G1_END = datetime(2027, 2, 1, 22, 12, 15, tzinfo=UTC)
LEAF_DAYS = 5 * 365.0


@dataclass(frozen=True)
class Team:
    """A team of Apple's developer programme: its identifier, ten signs, and its name."""

    identifier: str
    name: str


@dataclass(frozen=True)
class Kind:
    """A kind of certificate: how its common name begins, Apple's mark, the key's usage."""

    prefix: str
    mark: str
    usage: str


TEAM = Team("PRACTICE01", "Practice Team")
OTHER_TEAM = Team("PRACTICE02", "Another Practice Team")

_CODE = ExtendedKeyUsageOID.CODE_SIGNING.dotted_string
APPLICATION = Kind("Developer ID Application", oids.DEVELOPER_ID_APPLICATION, _CODE)
INSTALLER = Kind("Developer ID Installer", oids.DEVELOPER_ID_INSTALLER, oids.INSTALLER_USAGE)
DISTRIBUTION = Kind("Apple Distribution", oids.MAC_APP_DISTRIBUTION, _CODE)
DEVELOPMENT = Kind("Apple Development", oids.MAC_DEVELOPMENT, _CODE)
STORE_INSTALLER = Kind(
    "3rd Party Mac Developer Installer", oids.MAC_INSTALLER_DISTRIBUTION, oids.APP_STORE_INSTALLER_USAGE
)
KINDS = {
    "application": APPLICATION,
    "installer": INSTALLER,
    "distribution": DISTRIBUTION,
    "development": DEVELOPMENT,
    "store-installer": STORE_INSTALLER,
}


class AppleAuthority:
    """Root, both Developer ID authorities, and what they issue; keys are made when first asked for."""

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def root(self) -> x509.Certificate:
        """The self-signed root."""

        def make() -> x509.Certificate:
            subject = distinguished_name("Practice Apple-like Root CA")
            return build(
                subject,
                self._key("root").public_key(),
                subject,
                self._key("root"),
                start=datetime(2006, 4, 25, 21, 40, 36, tzinfo=UTC),
                days=29 * 365,
                extensions=authority_extensions(None),
            )

        return self._state.certificate("apple-root", make)

    def intermediate(self, generation: str = "G2") -> x509.Certificate:
        """Return the Developer ID authority ``G1``, which ends on 2027-02-01, or ``G2``."""

        def make() -> x509.Certificate:
            unit = "Practice Apple-like Certification Authority" if generation == "G1" else generation
            start = _G1_START if generation == "G1" else datetime.now(UTC) - timedelta(days=3 * 365)
            days = (_G1_END - _G1_START) / timedelta(days=1) if generation == "G1" else 10 * 365
            mark = x509.UnrecognizedExtension(ObjectIdentifier(oids.DEVELOPER_ID_AUTHORITY), _NULL)
            return build(
                distinguished_name("Practice Developer ID Certification Authority", unit),
                self._key(generation).public_key(),
                self.root.subject,
                self._key("root"),
                start=start,
                days=days,
                extensions=[*authority_extensions(0), (mark, False)],
            )

        return self._state.certificate(f"apple-{generation.lower()}", make)

    def certificates(self) -> list[x509.Certificate]:
        """Return root and both authorities: what a program must know to trust practice certificates."""
        return [self.root, self.intermediate("G1"), self.intermediate("G2")]

    def pem(self) -> bytes:
        """Return ``certificates`` in PEM."""
        return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in self.certificates())

    def key(self, name: str) -> rsa.RSAPrivateKey:
        """Return the RSA-2048 key called *name*."""
        found = self._key(name)
        if not isinstance(found, rsa.RSAPrivateKey):
            raise TypeError(f"the key {name} is not RSA")
        return found

    def identity(self, kind: str) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
        """Return the practice team's key and certificate of *kind*, a name of ``KINDS``."""
        key = self.key(kind)

        def make() -> x509.Certificate:
            return self.issue(key.public_key(), KINDS[kind])

        return key, self._state.certificate(f"apple-{kind}", make)

    def ticket_signer(self) -> tuple[ec.EllipticCurvePrivateKey, list[x509.Certificate]]:
        """Return the key that signs tickets, and its certificates, leaf first."""
        key = self._state.key("apple-tickets", "ec-P-256")
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("the key of the tickets is not EC")

        def make() -> x509.Certificate:
            return build(
                distinguished_name("Practice Ticket Signing"),
                key.public_key(),
                self.root.subject,
                self._key("root"),
                start=datetime.now(UTC) - timedelta(days=30),
                days=LEAF_DAYS,
                extensions=[
                    (x509.BasicConstraints(ca=False, path_length=None), True),
                    (key_usage("digital_signature"), True),
                ],
            )

        return key, [self._state.certificate("apple-tickets", make), self.root]

    def answer(self, request: x509.CertificateSigningRequest, kind: Kind) -> x509.Certificate:
        """Answer a signing request as Apple's site does; raises ``CsrError``.

        The key alone is taken from it: name and team are the account's.
        """
        if not request.is_signature_valid:
            raise CsrError("the signature of the signing request is not valid")
        key = request.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size != 2048:
            # developer.apple.com: "Certificate Signing Requests must use RSA 2048"
            raise CsrError("the key must be RSA of 2048 bits")
        return self.issue(key, kind)

    def issue(
        self,
        public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
        kind: Kind,
        team: Team = TEAM,
        *,
        generation: str = "G2",
        start: datetime | None = None,
        days: float = LEAF_DAYS,
    ) -> x509.Certificate:
        """Return a certificate of *kind*; it begins at *start* (UTC), a month ago when not given."""
        issuer = self.intermediate(generation)
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.USER_ID, team.identifier),
                x509.NameAttribute(NameOID.COMMON_NAME, f"{kind.prefix}: {team.name} ({team.identifier})"),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, team.identifier),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, team.name),
                x509.NameAttribute(NameOID.COUNTRY_NAME, "NZ"),
            ]
        )
        begin = start or datetime.now(UTC) - timedelta(days=30)
        marks: list[tuple[x509.ExtensionType, bool]] = [
            (x509.UnrecognizedExtension(ObjectIdentifier(kind.mark), _NULL), True)
        ]
        if kind in (APPLICATION, INSTALLER):
            # the rule "Unnotarized Developer ID" asks for it (spctl --list)
            date = utf8_string(begin.strftime("%Y%m%d%H%M%SZ"))
            dated = x509.UnrecognizedExtension(ObjectIdentifier(oids.DEVELOPER_ID_DATE), date)
            marks.append((dated, False))
        return build(
            subject,
            public_key,
            issuer.subject,
            self._key(generation),
            start=begin,
            days=days,
            extensions=[
                (x509.BasicConstraints(ca=False, path_length=None), True),
                (policies(_POLICY), False),
                (x509.ExtendedKeyUsage([ObjectIdentifier(kind.usage)]), True),
                (key_usage("digital_signature"), True),
                *marks,
            ],
        )

    def below_root(
        self,
        subject: x509.Name,
        public_key: rsa.RSAPublicKey,
        *,
        extensions: list[tuple[x509.ExtensionType, bool]],
    ) -> x509.Certificate:
        """Return a certificate of the root's own, as for Apple's time-stamp authority."""
        return build(
            subject,
            public_key,
            self.root.subject,
            self._key("root"),
            start=datetime.now(UTC) - timedelta(days=3 * 365),
            days=12 * 365,
            extensions=extensions,
        )

    def certified(self, name: str, make: Callable[[], x509.Certificate]) -> x509.Certificate:
        """Return the certificate kept as *name*, made by *make* when it is first asked for."""
        return self._state.certificate(f"apple-{name}", make)

    def _key(self, name: str) -> PrivateKey:
        return self._state.key(f"apple-{name.lower()}", "rsa-2048")


def distinguished_name(common_name: str, unit: str = "") -> x509.Name:
    """Return the name of one of the authorities."""
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if unit:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Practice Certification Authority"))
    parts.append(x509.NameAttribute(NameOID.COUNTRY_NAME, "NZ"))
    return x509.Name(parts)


def authority_extensions(path_length: int | None) -> list[tuple[x509.ExtensionType, bool]]:
    """Return what marks an authority; *path_length* is how many more may follow below it."""
    return [
        (x509.BasicConstraints(ca=True, path_length=path_length), True),
        (key_usage("key_cert_sign", "crl_sign"), True),
    ]
