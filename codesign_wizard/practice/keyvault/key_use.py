"""A key of a vault at work: when it may be used, for what, by which algorithm."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa

from codesign_wizard.practice.clock import Clock
from codesign_wizard.practice.key_making import PrivateKey
from codesign_wizard.practice.keyvault import crypto, errors
from codesign_wizard.practice.keyvault.objects import KeyVersion
from codesign_wizard.practice.state import State


@dataclass(frozen=True)
class KeyUse:
    """One version of a key, to be used now; ``kid`` is its address. Every use raises ``VaultError``."""

    kid: str
    key: KeyVersion
    state: State
    clock: Clock

    def sign(self, algorithm: str, digest: bytes) -> bytes:
        """Sign *digest*."""
        private_key = self._usable("sign", algorithm, digest)
        try:
            return crypto.sign(private_key, algorithm, digest)
        except ValueError as error:
            raise errors.property_invalid("value") from error

    def verify(self, algorithm: str, digest: bytes, value: bytes) -> bool:
        """Tell whether *value* is a signature over *digest*."""
        return crypto.verify(self._usable("verify", algorithm, digest), algorithm, digest, value)

    def encrypt(self, operation: str, algorithm: str, value: bytes) -> bytes:
        """Carry out ``encrypt``, ``decrypt``, ``wrapKey`` or ``unwrapKey``."""
        self._check(operation)
        if algorithm not in crypto.ENCRYPTIONS:
            raise errors.property_invalid("alg")
        private_key = self.key.private_key(self.state)
        if not isinstance(private_key, rsa.RSAPrivateKey):
            raise self._incompatible(algorithm)
        try:
            if operation in ("encrypt", "wrapKey"):
                return crypto.encrypt(private_key, algorithm, value)
        except ValueError as error:
            raise errors.property_invalid("value") from error
        try:
            return crypto.decrypt(private_key, algorithm, value)
        except ValueError as error:
            raise errors.decryption_failed() from error

    def _check(self, operation: str) -> None:
        """Refuse what the key may not be used for, or not now (about keys: details, "attributes").

        Public operations always may; outside its dates a key still decrypts, unwraps and verifies.
        """
        attributes, now = self.key.attributes, self.clock.timestamp()
        if operation in ("sign", "decrypt", "unwrapKey") and not attributes.enabled:
            raise errors.key_disabled(operation)
        if operation == "sign":
            if attributes.expires is not None and attributes.expires <= now:
                raise errors.key_expired(operation)
            if attributes.not_before is not None and attributes.not_before > now:
                raise errors.key_not_yet_valid(operation)
        if operation not in self.key.key_ops:
            raise errors.operation_forbidden(operation)

    def _usable(self, operation: str, algorithm: str, digest: bytes) -> PrivateKey:
        self._check(operation)
        if algorithm not in crypto.ALGORITHMS:
            raise errors.property_invalid("alg")
        private_key = self.key.private_key(self.state)
        if not crypto.fits(private_key, algorithm):
            raise self._incompatible(algorithm)
        wanted = crypto.digest_size(algorithm)
        if wanted is not None and len(digest) != wanted:
            raise errors.value_length(algorithm, len(digest), wanted)
        return private_key

    def _incompatible(self, algorithm: str) -> errors.VaultError:
        wanted = "'RSA' or 'RSA-HSM'" if algorithm[:2] in ("RS", "PS") else "'EC' or 'EC-HSM'"
        return errors.algorithm_incompatible(self.kid, self.key.key_type, algorithm, wanted)
