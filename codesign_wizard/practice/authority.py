"""The practice certification authorities: code signing with its intermediate, and time stamping.

Certificates follow the CA/Browser Forum's Code Signing Baseline Requirements 3.10 (key size, policies, at
most 460 days) so that nothing but the unknown root sets them apart from a bought one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from codesign_wizard.practice.key_making import PrivateKey, generate_key
from codesign_wizard.practice.state import State

PKI_HOST = "pki.example"
CODE_SIGNING_POLICY = "2.23.140.1.4.1"  # CSBR 7.1.6.1: non-EV code signing
TIMESTAMPING_POLICY = "2.23.140.1.4.2"  # CSBR 7.1.6.1: time stamping
LEAF_DAYS = 459  # CSBR 6.3.2 allows 460 since 2026-03-01; the last second counts as a day

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class CsrError(ValueError):
    """The signing request cannot be answered; the text says why."""


def name(common_name: str, organization: str = "", country: str = "", locality: str = "") -> x509.Name:
    """Return a distinguished name, in the usual order, without empty parts."""
    parts = (
        (NameOID.COUNTRY_NAME, country),
        (NameOID.LOCALITY_NAME, locality),
        (NameOID.ORGANIZATION_NAME, organization),
        (NameOID.COMMON_NAME, common_name),
    )
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value])


def key_usage(*names: str) -> x509.KeyUsage:
    """Return a KeyUsage with these of cryptography's attribute names set."""
    known = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{each: each in names for each in known})


def build(
    subject: x509.Name,
    public_key: PublicKey,
    issuer: x509.Name,
    issuer_key: PrivateKey,
    *,
    start: datetime,
    days: float,
    extensions: Sequence[tuple[x509.ExtensionType, bool]],
    serial: int | None = None,
) -> x509.Certificate:
    """Return a signed certificate with subject and authority key identifiers and *extensions* (critical?)."""
    first, last = validity(start, days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256())


def validity(start: datetime, days: float) -> tuple[datetime, datetime]:
    """Return the first and the last moment of a certificate that is valid for *days*."""
    start = start.replace(microsecond=0)
    # both ends count (RFC 5280, 4.1.2.5), hence the second less
    return start, start + timedelta(days=days) - timedelta(seconds=1)


def policies(oid: str) -> x509.CertificatePolicies:
    """Return CertificatePolicies with one policy."""
    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(oid), None)])


def root_certificate(subject: x509.Name, key: PrivateKey) -> x509.Certificate:
    """Return a self-signed root of twenty years, already three years old."""
    return build(
        subject,
        key.public_key(),
        subject,
        key,
        start=datetime.now(UTC) - timedelta(days=3 * 365),
        days=20 * 365,
        extensions=[
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (key_usage("key_cert_sign", "crl_sign"), True),
        ],
    )


def _issuer_name() -> x509.Name:
    return name("Practice Code Signing CA", "Practice Certification Authority", "NZ")


class CodeSigningAuthority:
    """Root and issuing CA for code signing: answers signing requests, tells what it issued and revoked."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._issued: dict[int, str] = {}
        self._revoked: dict[int, str] = {}
        self._read()
        self.mixes_up_orders = False  # answers with the certificate of another request
        self.withheld: set[str] = set()  # paths of files that are not to be had

    def make(self) -> None:
        """Make both authorities now, not on first use."""
        _ = self.root, self.intermediate

    @property
    def root(self) -> x509.Certificate:
        """The self-signed root."""
        return self._state.certificate(
            "code-signing-root",
            lambda: root_certificate(
                name("Practice Code Signing Root", "Practice Certification Authority", "NZ"), self._root_key
            ),
        )

    @property
    def intermediate(self) -> x509.Certificate:
        """The issuing CA, with EKU code signing."""

        def make() -> x509.Certificate:
            return build(
                _issuer_name(),
                self.intermediate_key.public_key(),
                self.root.subject,
                self._root_key,
                start=datetime.now(UTC) - timedelta(days=2 * 365),
                days=10 * 365,
                extensions=[
                    (x509.BasicConstraints(ca=True, path_length=0), True),
                    (key_usage("key_cert_sign", "crl_sign", "digital_signature"), True),
                    (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False),
                    (policies(CODE_SIGNING_POLICY), False),
                    (_access("root.crt"), False),
                    (_distribution("root.crl"), False),
                ],
            )

        return self._state.certificate("code-signing-ca", make)

    @property
    def _root_key(self) -> PrivateKey:
        return self._state.key("code-signing-root", "rsa-3072")

    @property
    def intermediate_key(self) -> PrivateKey:
        """The issuing CA's key; the OCSP responder signs with it as well."""
        return self._state.key("code-signing-ca", "rsa-3072")

    def issue(
        self, request: x509.CertificateSigningRequest, *, subject: x509.Name | None = None, start: datetime
    ) -> x509.Certificate:
        """Answer a signing request as a CA does for OV code signing; raises ``CsrError``.

        The subject is the order's (*subject*) or else the request's; of the request's extensions none is
        taken over. *start* is the first moment of validity.
        """
        if not request.is_signature_valid:
            raise CsrError("the signature of the signing request is not valid")
        public_key = request.public_key()
        if isinstance(public_key, rsa.RSAPublicKey):
            if public_key.key_size < 3072:
                raise CsrError(f"RSA keys must have at least 3072 bits, this one has {public_key.key_size}")
        elif not isinstance(public_key, ec.EllipticCurvePublicKey):
            raise CsrError("the key is neither RSA nor EC")
        if self.mixes_up_orders:
            public_key = generate_key("rsa-3072").public_key()
        return self.issue_for(public_key, subject or request.subject, start=start)

    def issue_for(
        self,
        public_key: PublicKey,
        subject: x509.Name,
        *,
        start: datetime,
        days: float = LEAF_DAYS,
        usages: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.CODE_SIGNING,),
    ) -> x509.Certificate:
        """Issue an OV code-signing certificate for *public_key*, or one for other *usages*."""
        if not list(subject):
            raise CsrError("the subject is empty")
        certificate = build(
            subject,
            public_key,
            _issuer_name(),  # its certificate is not needed for this, nor the root's key
            self.intermediate_key,
            start=start,
            days=days,
            extensions=[
                (x509.BasicConstraints(ca=False, path_length=None), True),
                (key_usage("digital_signature"), True),
                (x509.ExtendedKeyUsage(usages), False),
                (policies(CODE_SIGNING_POLICY), False),
                (_access("ca.crt", ocsp=True), False),
                # No CRL distribution point, against CSBR 7.1.2.3: verifiers such as osslsigncode fail when
                # they cannot fetch the list, and practice signatures are verified after the cloud has gone.
                # The list is served all the same, and OCSP is named.
            ],
        )
        with self._lock:
            self._issued[certificate.serial_number] = start.date().isoformat()
            self._keep()
        return certificate

    def revoke(self, serial: int, now: datetime) -> None:
        """Put a certificate on the revocation list."""
        with self._lock:
            self._revoked[serial] = now.isoformat()
            self._keep()

    def status(self, serial: int) -> tuple[bool, datetime | None]:
        """Tell whether this CA issued *serial*, and when it was revoked, if it was."""
        with self._lock:
            if serial not in self._issued:
                self._read()
            day = self._revoked.get(serial)
            return serial in self._issued, datetime.fromisoformat(day) if day else None

    def revocation_list(self, now: datetime, *, of_root: bool = False) -> bytes:
        """Return the current CRL (RFC 5280, 5), DER, signed by the issuing CA or by the root."""
        issuer = self.root if of_root else self.intermediate
        key = self._root_key if of_root else self.intermediate_key
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.subject)
            .last_update(now)
            .next_update(now + timedelta(days=7))
            .add_extension(x509.CRLNumber(int(now.timestamp())), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False)
        )
        with self._lock:
            revoked = {} if of_root else dict(self._revoked)
        for serial, day in revoked.items():
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(serial)
                .revocation_date(datetime.fromisoformat(day))
                .build()
            )
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def bundle(self) -> bytes:
        """Return the issuing CA's certificate as certs-only PKCS #7 in DER (``.p7c``)."""
        return pkcs7.serialize_certificates([self.intermediate], serialization.Encoding.DER)

    def _read(self) -> None:
        """Add what is kept: another process may have issued from the same folder meanwhile."""
        kept = self._state.document("code-signing-ca") or {}
        for name, mine in (("issued", self._issued), ("revoked", self._revoked)):
            for serial, day in kept.get(name, {}).items():
                mine.setdefault(int(serial), day)

    def _keep(self) -> None:
        self._read()
        self._state.keep(
            "code-signing-ca",
            {
                "issued": {str(serial): day for serial, day in self._issued.items()},
                "revoked": {str(serial): day for serial, day in self._revoked.items()},
            },
        )


class TimestampAuthority:
    """Root for time stamping, and the certificate of each time-stamp server."""

    def __init__(self, state: State) -> None:
        self._state = state

    def make(self) -> None:
        """Make the root now, not on first use."""
        _ = self.root

    @property
    def root(self) -> x509.Certificate:
        """The self-signed root; apart from the one for code signing, as with real CAs."""
        return self._state.certificate(
            "timestamp-root",
            lambda: root_certificate(
                name("Practice Timestamping Root", "Practice Certification Authority", "NZ"), self._root_key
            ),
        )

    @property
    def issuers(self) -> Sequence[x509.Certificate]:
        """What is sent beside a server's certificate."""
        return [self.root]

    @property
    def _root_key(self) -> PrivateKey:
        return self._state.key("timestamp-root", "rsa-3072")

    def unit_key(self, unit: str) -> PrivateKey:
        """Return the signing key of the server called *unit*."""
        return self._state.key(f"timestamp-{unit}", "rsa-3072")

    def unit(self, unit: str) -> x509.Certificate:
        """Return the certificate of the server called *unit*: critical EKU, as RFC 3161, 2.3 demands."""

        def make() -> x509.Certificate:
            return build(
                name(f"Practice Timestamp Unit {unit.upper()}", "Practice Certification Authority", "NZ"),
                self.unit_key(unit).public_key(),
                self.root.subject,
                self._root_key,
                start=datetime.now(UTC) - timedelta(days=90),
                days=10 * 365,
                extensions=[
                    (x509.BasicConstraints(ca=False, path_length=None), True),
                    (key_usage("digital_signature"), True),
                    (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True),
                    (policies(TIMESTAMPING_POLICY), False),
                ],
            )

        return self._state.certificate(f"timestamp-{unit}", make)


def _access(file: str, *, ocsp: bool = False) -> x509.AuthorityInformationAccess:
    places = [(AuthorityInformationAccessOID.CA_ISSUERS, f"http://{PKI_HOST}/{file}")]
    if ocsp:
        places.insert(0, (AuthorityInformationAccessOID.OCSP, f"http://{PKI_HOST}/ocsp"))
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(method, x509.UniformResourceIdentifier(place)) for method, place in places]
    )


def _distribution(file: str) -> x509.CRLDistributionPoints:
    place = x509.UniformResourceIdentifier(f"http://{PKI_HOST}/{file}")
    return x509.CRLDistributionPoints([x509.DistributionPoint([place], None, None, None)])
