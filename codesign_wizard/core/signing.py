"""The one thing that signature formats know of a key: the ``Signer`` protocol.

Key Vault (``core.azure.signer``) and a local .p12 (``core.local_signer``) are two of them. Authenticode,
Mach-O and package signing take either and never know which.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.finding import Finding
    from codesign_wizard.core.job import JobContext


class DigestAlgorithm(Enum):
    """Digests that may be signed; the value is hashlib's name."""

    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"

    @property
    def size(self) -> int:
        """Length of the digest in bytes."""
        return {"sha256": 32, "sha384": 48, "sha512": 64}[self.value]


class Signer(Protocol):
    """A private key somewhere, and the certificate that speaks for it."""

    @property
    def certificate_chain(self) -> Sequence[x509.Certificate]:
        """The leaf first, then each issuer as far as known, without the root."""

    @property
    def description(self) -> str:
        """Where the key is, in words a person knows: vault, certificate and version, or a file's name."""

    @property
    def findings(self) -> Sequence[Finding]:
        """What was noticed when it was opened and is no obstacle, such as an issuer that is missing."""

    def close(self) -> None:
        """Let go of connections; it signs no more afterwards. May be called twice."""

    def sign(self, job: JobContext, digest: bytes, algorithm: DigestAlgorithm) -> bytes:
        """Sign *digest* (raw bytes of *algorithm*'s length).

        Returns the RSASSA-PKCS1-v1_5 signature (RFC 8017, 8.2; big-endian, modulus length), or for EC keys
        an ECDSA-Sig-Value in DER (RFC 3279, 2.2.3). It has been checked with the leaf's public key. Raises
        ``CodesignError`` with a finding, or ``Cancelled``.
        """
