"""Sample .p12 files with the mistakes people make, each with the command that judges it and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from codesign_wizard.practice.apple import authority as ca
from codesign_wizard.practice.apple.keychain import export

PASSWORD = "mine-to-try-1"
ROOTS = "practice-apple-roots.pem"
NOT_ASCII = "Grüße ✓"


@dataclass(frozen=True)
class SampleFile:
    """A file: ``command`` judges it (without the program), ``expects`` are the ids that it finds.

    ``password`` opens it; ``None`` where it has none.
    """

    name: str
    summary: str
    data: bytes
    password: str | None
    command: tuple[str, ...]
    expects: tuple[str, ...]


def apple_files(authority: ca.AppleAuthority) -> list[SampleFile]:
    """Return the files of the area *Apple identities*, and the roots to judge them by."""
    return _Making(authority).all()


class _Making:
    def __init__(self, authority: ca.AppleAuthority) -> None:
        self.authority = authority
        self.files: list[SampleFile] = []

    def all(self) -> list[SampleFile]:
        """Make every file."""
        self._good()
        self._incomplete()
        self._of_the_wrong_kind()
        self._passwords()
        self._others()
        return self.files

    def _good(self) -> None:
        for kind in ("installer", "application"):
            identity = self.authority.identity(kind)
            found = ("apple.identity.chain-completed", "apple.identity.found")
            self._add(
                f"{kind}-rc2-40.p12",
                f"{kind}, as Keychain Access exports it",
                export([identity], PASSWORD),
                found,
            )
            self._add(
                f"{kind}-3des.p12",
                f"{kind}, under 3DES and SHA-1",
                export([identity], PASSWORD, rc2=False),
                found,
            )
            chain = [self.authority.intermediate(), self.authority.root]
            self._add(
                f"{kind}-aes-256.p12",
                f"{kind}, under AES-256, with its chain",
                _modern(*identity, others=chain),
                ("apple.identity.found",),
            )

    def _incomplete(self) -> None:
        _, certificate = self.authority.identity("application")
        data = export([], PASSWORD, others=[certificate, self.authority.intermediate()])
        self._add("without-key.p12", "only the certificate was exported", data, ("apple.identity.no-key",))
        self._add(
            "renamed-cer.p12",
            "a .cer from Apple's site, renamed",
            certificate.public_bytes(Encoding.DER),
            ("apple.identity.certificate-only",),
            password=None,
        )
        key, _ = self.authority.identity("application")
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._add(
            "identity.pem",
            "key and certificate in PEM, no .p12",
            pem + certificate.public_bytes(Encoding.PEM),
            ("apple.identity.not-p12",),
            password=None,
        )
        both = [self.authority.identity(kind) for kind in ("installer", "application")]
        self._add(
            "two-identities.p12",
            "Installer and Application in one file",
            export(both, PASSWORD),
            ("apple.identity.several", "apple.identity.chain-completed", "apple.identity.found"),
        )
        whole = export(both[:1], PASSWORD)
        self._add("damaged.p12", "cut short on its way", whole[:-300], ("apple.identity.damaged",))

    def _of_the_wrong_kind(self) -> None:
        key = self.authority.key("application")
        public = key.public_key()
        now = datetime.now(UTC)
        found = ("apple.identity.swapped",)
        self._add(
            "swapped-installer.p12",
            "given as Installer, but it is the Application certificate",
            _modern(*self.authority.identity("application")),
            (*found, "apple.identity.chain-completed"),
            command=("identity", "check", "--installer-file", "swapped-installer.p12"),
        )
        self._add(
            "swapped-application.p12",
            "given as Application, but it is the Installer certificate",
            _modern(*self.authority.identity("installer")),
            (*found, "apple.identity.chain-completed"),
            command=("identity", "check", "--application-file", "swapped-application.p12"),
        )
        other = self.authority.issue(public, ca.APPLICATION, ca.OTHER_TEAM)
        self._add(
            "other-team.p12",
            "the Application certificate of another team",
            _modern(key, other),
            ("apple.identity.teams-differ", "apple.identity.chain-completed", "apple.identity.found"),
            command=("identity", "check", "installer-aes-256.p12", "other-team.p12"),
        )
        expired = self.authority.issue(public, ca.APPLICATION, start=now - timedelta(days=800), days=700)
        self._add(
            "expired.p12",
            "expired a hundred days ago",
            _modern(key, expired),
            ("apple.identity.expired", "apple.identity.chain-completed"),
        )
        for kind, name in (("distribution", "apple-distribution"), ("development", "apple-development")):
            certificate = self.authority.issue(public, ca.KINDS[kind])
            self._add(
                f"{name}.p12",
                f"{ca.KINDS[kind].prefix} in place of Developer ID",
                _modern(key, certificate),
                ("apple.identity.wrong-kind",),
            )

    def _passwords(self) -> None:
        identity = self.authority.identity("application")
        found = ("apple.identity.chain-completed", "apple.identity.found")
        self._add("empty-password.p12", "an empty password", export([identity], ""), found, password="")
        data = _modern(*identity, encryption=NoEncryption())
        self._add("no-password.p12", "not encrypted at all", data, found, password=None)
        self._add(
            "non-ascii-password.p12",
            "a password with umlauts and signs",
            export([identity], NOT_ASCII),
            found,
            password=NOT_ASCII,
        )

    def _others(self) -> None:
        key = self.authority.key("application")
        self._add(
            "AuthKey_PRACTICE01.p8",
            "an API key file with an RSA key in place of an EC key",
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            ("inspect.private-key-open",),
            password=None,
            command=("inspect", "AuthKey_PRACTICE01.p8"),
        )

    def _add(
        self,
        name: str,
        summary: str,
        data: bytes,
        expects: tuple[str, ...],
        *,
        password: str | None = PASSWORD,
        command: tuple[str, ...] = (),
    ) -> None:
        command = command or ("identity", "check", name)
        self.files.append(SampleFile(name, summary, data, password, command, expects))


def _modern(
    key: rsa.RSAPrivateKey,
    certificate: x509.Certificate,
    *,
    others: list[x509.Certificate] | None = None,
    encryption: KeySerializationEncryption | None = None,
) -> bytes:
    encryption = encryption or BestAvailableEncryption(PASSWORD.encode())
    return pkcs12.serialize_key_and_certificates(b"practice", key, certificate, others, encryption)
