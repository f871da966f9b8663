"""What a certificate's key can sign in Key Vault, and whether a signature is the key's own.

Algorithms: RFC 7518, 3.1, as Key Vault names them; in the vault the curve decides the digest. Key Vault gives
EC signatures as r and s, each as long as the curve's order (RFC 7518, 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.azure import vault_findings
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Certainty, Evidence, Remedy, utc_now
from codesign_wizard.core.signing import DigestAlgorithm
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

_CURVES = {
    "secp256r1": ("ES256", DigestAlgorithm.SHA256, "P-256"),
    "secp384r1": ("ES384", DigestAlgorithm.SHA384, "P-384"),
    "secp521r1": ("ES512", DigestAlgorithm.SHA512, "P-521"),
}
_RSA = {DigestAlgorithm.SHA256: "RS256", DigestAlgorithm.SHA384: "RS384", DigestAlgorithm.SHA512: "RS512"}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A certificate's public key; ``digest`` is the only one it signs, ``None`` when it may be any."""

    public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    name: str
    digest: DigestAlgorithm | None

    def algorithm(self, digest: DigestAlgorithm) -> str:
        """Return Key Vault's name for signing *digest*; raises ``CodesignError``."""
        from cryptography.hazmat.primitives.asymmetric import rsa

        if isinstance(self.public_key, rsa.RSAPublicKey):
            return _RSA[digest]
        name, possible, _ = _CURVES[self.public_key.curve.name]
        if digest is not possible:
            raise CodesignError(
                vault_findings.DIGEST(
                    name=self.name,
                    possible=possible.value.upper(),
                    digest=digest.value.upper(),
                    certainty=Certainty.COMPUTED,
                    remedies=[
                        Remedy(
                            title=tr("Sign with {digest}.").format(digest=possible.value.upper()),
                        )
                    ],
                )
            )
        return name

    def jwk(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key (RFC 7517), its numbers as bytes."""
        from cryptography.hazmat.primitives.asymmetric import rsa

        if isinstance(self.public_key, rsa.RSAPublicKey):
            numbers = self.public_key.public_numbers()
            return {
                "kty": "RSA",
                "n": numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big"),
                "e": numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big"),
            }
        point = self.public_key.public_numbers()
        size = (self.public_key.curve.key_size + 7) // 8
        return {
            "kty": "EC",
            "crv": _CURVES[self.public_key.curve.name][2],
            "x": point.x.to_bytes(size, "big"),
            "y": point.y.to_bytes(size, "big"),
        }

    def checked(self, value: bytes, digest: bytes, algorithm: DigestAlgorithm, key_id: str) -> bytes:
        """Return the vault's signature *value* in the signer's form, checked with the certificate's key.

        RSA signatures stay as they are, r and s become an ECDSA-Sig-Value. Raises ``CodesignError``.
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

        hash_algorithm: hashes.HashAlgorithm = {
            DigestAlgorithm.SHA256: hashes.SHA256(),
            DigestAlgorithm.SHA384: hashes.SHA384(),
            DigestAlgorithm.SHA512: hashes.SHA512(),
        }[algorithm]
        prehashed = utils.Prehashed(hash_algorithm)
        try:
            if isinstance(self.public_key, rsa.RSAPublicKey):
                self.public_key.verify(value, digest, padding.PKCS1v15(), prehashed)
                return value
            size = (self.public_key.curve.key_size + 7) // 8
            if len(value) != 2 * size:
                raise InvalidSignature
            r, s = int.from_bytes(value[:size], "big"), int.from_bytes(value[size:], "big")
            signature = utils.encode_dss_signature(r, s)
            self.public_key.verify(signature, digest, ec.ECDSA(prehashed))
        except (InvalidSignature, ValueError) as error:
            raise CodesignError(
                vault_findings.SIGNATURE_WRONG(
                    name=self.name,
                    detail=tr("Another certificate may have been merged into the key's place."),
                    certainty=Certainty.COMPUTED,
                    evidence=Evidence(time=utc_now(), more={"key": key_id, "bytes": str(len(value))}),
                    remedies=[
                        Remedy(
                            title=tr("Make a new signing request in the vault, and merge the answer to it.")
                        )
                    ],
                )
            ) from error
        return signature


def signing_key(leaf: x509.Certificate, name: str) -> SigningKey:
    """Return the key of the certificate called *name*; raises ``CodesignError`` if it cannot sign here."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    kind = tr("it is of an unknown kind")
    try:
        key = leaf.public_key()
        if isinstance(key, rsa.RSAPublicKey):
            return SigningKey(key, name, None)
        if isinstance(key, ec.EllipticCurvePublicKey):
            if key.curve.name in _CURVES:
                return SigningKey(key, name, _CURVES[key.curve.name][1])
            kind = tr("its curve is {curve}").format(curve=key.curve.name)
    except (ValueError, UnsupportedAlgorithm) as error:
        kind = str(error)
    raise CodesignError(
        vault_findings.KEY_UNSUITABLE(name=name, kind=kind, remedies=vault_findings.renew_remedies())
    )
