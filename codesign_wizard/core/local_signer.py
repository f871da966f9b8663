"""Signing with a key in a .p12 (.pfx) file: for trials, tests, and people who have one (RFC 7292)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.files import require_file
from codesign_wizard.core.finding import Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.signing import DigestAlgorithm
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

_MAXIMUM_SIZE = 1 << 20

UNREADABLE = FindingKind(
    "identity.p12.unreadable",
    Severity.ERROR,
    "{file} cannot be opened as a .p12 file: {why}.",
    "The file is missing, is of another kind, is damaged, or the password does not open it.",
)
NO_KEY = FindingKind(
    "identity.p12.no-key",
    Severity.ERROR,
    "{file} holds no private key, so nothing can be signed with it.",
    "Only the certificate was exported.",
)
NO_CERTIFICATE = FindingKind(
    "identity.p12.no-certificate",
    Severity.ERROR,
    "{file} holds no certificate for its key.",
    "The key was exported without its certificate, or with another key's.",
)
WRONG_KIND = FindingKind(
    "identity.p12.key-kind",
    Severity.ERROR,
    "The key in {file} is of a kind that does not sign programs.",
    "Only RSA and EC keys sign programs.",
)


class LocalSigner:
    """A ``Signer`` whose key is in memory, from a .p12 file."""

    def __init__(
        self,
        name: str,
        key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
        chain: Sequence[x509.Certificate],
    ) -> None:
        self._name = name
        self._key = key
        self._chain = list(chain)

    @classmethod
    def open(cls, path: Path, password: Secret | None) -> LocalSigner:
        """Return a signer for the file; raises ``InputError`` saying what is wrong with it."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import ec, rsa
        from cryptography.hazmat.primitives.serialization import pkcs12

        from codesign_wizard.core.private_key import hide

        def refuse(why: str, remedy: str = "") -> InputError:
            return InputError(
                UNREADABLE(file=path.name, why=why, remedies=[Remedy(title=remedy)] if remedy else [])
            )

        try:
            require_file(path)
            if path.stat().st_size > _MAXIMUM_SIZE:
                raise refuse(tr("it is too large to be one"))
            data = path.read_bytes()
        except OSError as error:
            raise refuse(error.strerror or str(error)) from error
        if not data.startswith(b"\x30"):
            raise refuse(tr("it is of another kind"))
        # the bytes that were given, where the locale did not let Python read them as text
        secret = None if password is None else password.reveal().encode("utf-8", "surrogateescape")
        try:
            (secret or b"").decode()
        except UnicodeDecodeError as error:
            raise refuse(
                tr("the password that came is no text in UTF-8"),
                tr("Give the password in UTF-8, or type it where it is asked for."),
            ) from error
        try:
            key, leaf, others = pkcs12.load_key_and_certificates(data, secret)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            if "password" in str(error).lower():
                raise refuse(
                    tr("the password is wrong, or the file is damaged"),
                    tr("Type the password it was exported with."),
                ) from error
            raise refuse(tr("it is damaged or of another kind")) from error
        if key is None:
            raise InputError(
                NO_KEY(file=path.name, remedies=[Remedy(title=tr("Export the certificate with its key."))])
            )
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise InputError(WRONG_KIND(file=path.name))
        hide(key)
        candidates = [each for each in (leaf, *others) if each is not None]
        own = next((each for each in candidates if each.public_key() == key.public_key()), None)
        if own is None:
            raise InputError(NO_CERTIFICATE(file=path.name))
        return cls(path.name, key, _ordered(own, candidates))

    @property
    def certificate_chain(self) -> Sequence[x509.Certificate]:
        return self._chain

    @property
    def description(self) -> str:
        return self._name

    @property
    def findings(self) -> Sequence[Finding]:
        return ()

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def sign(self, job: JobContext, digest: bytes, algorithm: DigestAlgorithm) -> bytes:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
        from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

        job.check_cancelled()
        prehashed = Prehashed(
            {
                DigestAlgorithm.SHA256: hashes.SHA256(),
                DigestAlgorithm.SHA384: hashes.SHA384(),
                DigestAlgorithm.SHA512: hashes.SHA512(),
            }[algorithm]
        )
        try:
            if isinstance(self._key, rsa.RSAPrivateKey):
                return self._key.sign(digest, padding.PKCS1v15(), prehashed)
            return self._key.sign(digest, ec.ECDSA(prehashed))
        except (ValueError, UnsupportedAlgorithm) as error:
            # an RSA key can be too small for the digest
            raise CodesignError(WRONG_KIND(file=self._name, detail=str(error))) from error


def _ordered(leaf: x509.Certificate, others: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    chain = [leaf]
    while len(chain) < 8:
        last = chain[-1]
        issuer = next(
            (each for each in others if each.subject == last.issuer and each not in chain and each != last),
            None,
        )
        # the root stays out: whoever trusts it has it
        if issuer is None or issuer.subject == issuer.issuer:
            return chain
        chain.append(issuer)
    return chain
