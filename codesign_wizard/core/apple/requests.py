"""Apple certificates without a Mac: keys and signing requests made here, and what Apple's site answers.

The keys wait on disk for days, encrypted under a random password that the system's keyring keeps: a key
itself does not fit into Windows Credential Manager. A key is known again by its request beside it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.apple import identity_findings as found
from codesign_wizard.core.apple.certificates import Kind, classify, describe, read_certificates
from codesign_wizard.core.apple.identity import Identity
from codesign_wizard.core.apple.identity_judge import judge_data
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.authenticode.trust import BROKEN
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.files import require_file, write_atomic
from codesign_wizard.core.finding import Evidence, Finding, Remedy, blocks
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa

KEY_SIZE = 2048  # developer.apple.com takes no other for Developer ID
WANTED = (Kind.INSTALLER, Kind.APPLICATION)
_SHORT = {Kind.INSTALLER: "installer", Kind.APPLICATION: "application"}
_MAXIMUM_SIZE = 1 << 20
_FORM = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class PendingRequest:
    """A key that waits for its certificate: ``request`` is the signing request in PEM, ``made`` UTC."""

    kind: Kind
    made: datetime
    request: bytes
    key_file: Path

    @property
    def file_name(self) -> str:
        """The usual name of the request's file."""
        return f"developer-id-{_SHORT[self.kind]}.certSigningRequest"

    def key_matches(self, certificate: x509.Certificate) -> bool:
        """Tell whether *certificate* was made for this request."""
        from cryptography import x509
        from cryptography.exceptions import UnsupportedAlgorithm

        try:
            return x509.load_pem_x509_csr(self.request).public_key() == certificate.public_key()
        except (ValueError, UnsupportedAlgorithm):
            return False


@dataclass(frozen=True)
class Assembled:
    """What became of .cer files: identities with their keys, and the findings on each file."""

    identities: list[tuple[Identity, PendingRequest]]
    findings: list[Finding]


class RequestDesk:
    """The keys and requests of one profile, in *folder*, which is made private when first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def pending(self) -> list[PendingRequest]:
        """Return what waits, newest first; files that are not ours are left alone."""
        waiting = []
        for path in self.folder.glob("*.certSigningRequest") if self.folder.is_dir() else ():
            short, _, made = path.stem.partition("-")
            kind = next((kind for kind, name in _SHORT.items() if name == short), None)
            key_file = path.with_suffix(".key.pem")
            try:
                when = datetime.strptime(made, _FORM).replace(tzinfo=UTC)
                require_file(key_file)
                request = path.read_bytes()
            except (ValueError, OSError):
                continue  # somebody else's file, or half of a pair
            if kind is not None:
                waiting.append(PendingRequest(kind, when, request, key_file))
        return sorted(waiting, key=lambda each: each.made, reverse=True)

    def create(self, kind: Kind, password: Secret, *, name: str, email: str, now: datetime) -> PendingRequest:
        """Make a key and a request for *kind*; raises ``InputError`` when it cannot be kept.

        *name* and *email* stand in the request; Apple puts the account's own in their place.
        """
        from cryptography.hazmat.primitives.asymmetric import rsa
        from cryptography.hazmat.primitives.serialization import (
            BestAvailableEncryption,
            Encoding,
            PrivateFormat,
        )

        from codesign_wizard.core.private_key import hide

        key = rsa.generate_private_key(65537, KEY_SIZE)
        hide(key)
        encryption = BestAvailableEncryption(password.reveal().encode())
        sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        request = _request(key, name=name, email=email)
        base = f"{_SHORT[kind]}-{now.astimezone(UTC).strftime(_FORM)}"
        key_file = self.folder / f"{base}.key.pem"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with suppress(NotImplementedError):
                os.chmod(self.folder, 0o700)
            write_atomic(key_file, sealed, private=True)
            write_atomic(self.folder / f"{base}.certSigningRequest", request, private=True)
        except OSError as error:
            raise InputError(
                found.UNWRITABLE(file=str(key_file), why=error.strerror or str(error))
            ) from error
        return PendingRequest(kind, now, request, key_file)

    def drop(self, request: PendingRequest) -> None:
        """Remove key and request: after they are in a .p12, or because nobody wants them."""
        request.key_file.unlink(missing_ok=True)
        base = request.key_file.name.removesuffix(".key.pem")
        request.key_file.with_name(f"{base}.certSigningRequest").unlink(missing_ok=True)

    def assemble(
        self,
        files: Iterable[Path],
        password: Secret | None,
        *,
        now: datetime | None = None,
        roots: AppleRoots | None = None,
    ) -> Assembled:
        """Put the certificates in *files* (.cer, DER or PEM) together with the keys that wait for them.

        *password* opens the keys. What is wrong is said in the findings; nothing is written or removed.
        """
        waiting = self.pending()
        if not waiting:
            return Assembled([], [found.NOTHING_ASKED(remedies=[ask_first()])])
        identities: list[tuple[Identity, PendingRequest]] = []
        findings: list[Finding] = []
        for path in files:
            try:
                certificates = _read(path)
                made = [self._fitting(path, each, waiting) for each in _leaves(certificates)]
                if not made:
                    raise CodesignError(_no_certificate(path))
                for certificate, request in made:
                    key = _open_key(request, password)
                    data = _bare(key, certificate, certificates)
                    report = judge_data(path.name, data, None, wanted=request.kind, now=now, roots=roots)
                    ours = [each for each in report.findings if each.id != found.CHAIN_COMPLETED.id]
                    # the kinds are for the person to choose on Apple's site: either may come for either
                    ours = [each for each in ours if each.id != found.SWAPPED.id]
                    findings += ours
                    if report.identity is not None and not blocks(ours):
                        identities.append((report.identity, request))
            except CodesignError as error:
                findings.append(error.finding)
        return Assembled(identities, findings)

    @staticmethod
    def _fitting(
        path: Path, certificate: x509.Certificate, waiting: Sequence[PendingRequest]
    ) -> tuple[x509.Certificate, PendingRequest]:
        for request in waiting:
            if request.key_matches(certificate):
                return certificate, request
        try:
            name = describe(certificate).common_name
        except BROKEN:
            name = ""
        raise CodesignError(found.NOT_OURS(file=path.name, name=name, remedies=[same_computer()]))


def new_password() -> Secret:
    """Return a random password for keys on disk: 43 letters and digits, 256 bits."""
    return Secret(secrets.token_urlsafe(32))


def apple_steps() -> list[str]:
    """Return what to do from the requests to the .p12 files, in order, for somebody at a terminal."""
    return [*site_steps(), tr("Then: codesign-wizard identity assemble FILE.cer FILE.cer")]


def site_steps() -> list[str]:
    """Return what to click on Apple's site, in order, from the requests to the .cer files."""
    return [
        tr(
            "Sign in at {page} as the Account Holder: only that role creates Developer ID certificates."
        ).format(page=found.CERTIFICATES_PAGE),
        tr("Choose the team at the top right, if there are several: both certificates must be of one."),
        tr("Certificates, + (add), under Software choose Developer ID Installer, Continue."),
        tr("Choose G2 Sub-CA (Xcode 11.4.1 or later), and the file for the Installer, Continue, Download."),
        tr("Do the same with Developer ID Application and the other file."),
    ]


def ask_first() -> Remedy:
    """What to do where no key waits."""
    return Remedy(
        title=tr("Make the signing requests first."), portal=(tr("Run `codesign-wizard identity request`."),)
    )


def same_computer() -> Remedy:
    """What to do with a certificate whose key is elsewhere."""
    return Remedy(
        title=tr("Take the .cer made for the request of this profile, or go where its request was made."),
        portal=(
            tr("On a Mac: open the .cer, and export the identity from Keychain Access as .p12."),
            tr("Or create the certificate anew on Apple's site with the request of `identity request`."),
        ),
        url=found.CERTIFICATES_PAGE,
    )


def _request(key: rsa.RSAPrivateKey, *, name: str, email: str) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if email:
        parts.insert(0, x509.NameAttribute(NameOID.EMAIL_ADDRESS, email))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(parts))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _read(path: Path) -> list[x509.Certificate]:
    try:
        require_file(path)
        if path.stat().st_size > _MAXIMUM_SIZE:
            raise CodesignError(_no_certificate(path))
        certificates = read_certificates(path.read_bytes())
    except OSError as error:
        raise InputError(found.UNREADABLE(file=path.name, why=error.strerror or str(error))) from error
    if not certificates:
        raise CodesignError(_no_certificate(path))
    return certificates


def _no_certificate(path: Path) -> Finding:
    from codesign_wizard.core.authenticode.refusals import describe as describe_file

    with path.open("rb") as file:
        what = describe_file(file, path.stat().st_size)
    return found.NO_CERTIFICATES(file=path.name, what=what)


def _leaves(certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    return [each for each in certificates if classify(each) is not Kind.AUTHORITY]


def _open_key(request: PendingRequest, password: Secret | None) -> rsa.RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from codesign_wizard.core.private_key import load_private_key

    locked = found.KEYS_LOCKED(kind=request.kind.label, remedies=[ask_anew()])
    if password is None:
        raise CodesignError(locked)
    try:
        key = load_private_key(request.key_file.read_bytes(), password.reveal().encode())
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(found.UNREADABLE(file=request.key_file.name, why=why)) from error
    except (ValueError, TypeError) as error:
        raise CodesignError(
            found.KEYS_LOCKED(
                kind=request.kind.label, evidence=Evidence(message=str(error)), remedies=[ask_anew()]
            )
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise CodesignError(locked)
    return key


def ask_anew() -> Remedy:
    """What to do when a waiting key cannot be opened any more."""
    return Remedy(
        title=tr("Make new requests, and create the certificates anew on Apple's site."),
        portal=(
            tr("Run `codesign-wizard identity request --anew`."),
            tr("Revoke the certificate whose key is lost: an account has five of each kind at most."),
        ),
        url=found.CERTIFICATES_PAGE,
    )


def _bare(key: rsa.RSAPrivateKey, certificate: x509.Certificate, others: Sequence[x509.Certificate]) -> bytes:
    """Return both as a .p12 in memory, so that it is judged as any other would be."""
    from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

    beside = [each for each in others if each != certificate]
    return pkcs12.serialize_key_and_certificates(None, key, certificate, beside, NoEncryption())
