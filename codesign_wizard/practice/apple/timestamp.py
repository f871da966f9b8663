"""What vouches for Apple's time-stamp server in practice: an authority of its own below the Apple-like root.

As Apple's ("Apple Timestamp Certification Authority", apple.com/certificateauthority).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from codesign_wizard.practice.apple.authority import (
    AppleAuthority,
    authority_extensions,
    distinguished_name,
)
from codesign_wizard.practice.authority import build, key_usage
from codesign_wizard.practice.key_making import PrivateKey


class AppleTimestampAuthority:
    """The authority and its servers' certificates; made when first asked for."""

    def __init__(self, authority: AppleAuthority) -> None:
        self._authority = authority

    @property
    def issuers(self) -> Sequence[x509.Certificate]:
        """What is sent beside a server's certificate."""
        return [self._issuer, self._authority.root]

    @property
    def _issuer(self) -> x509.Certificate:
        def make() -> x509.Certificate:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
            return self._authority.below_root(
                distinguished_name("Practice Apple-like Timestamp Certification Authority"),
                self._authority.key("timestamp-authority").public_key(),
                extensions=[*authority_extensions(0), (usage, False)],
            )

        return self._authority.certified("timestamp-authority", make)

    def unit_key(self, unit: str) -> PrivateKey:
        """Return the signing key of the server called *unit*."""
        return self._authority.key(f"timestamp-{unit}")

    def unit(self, unit: str) -> x509.Certificate:
        """Return the certificate of the server called *unit*: critical EKU, as RFC 3161, 2.3 demands."""

        def make() -> x509.Certificate:
            return build(
                distinguished_name("Practice Timestamp Signer TS01"),
                self._authority.key(f"timestamp-{unit}").public_key(),
                self._issuer.subject,
                self._authority.key("timestamp-authority"),
                start=datetime.now(UTC) - timedelta(days=90),
                days=5 * 365,
                extensions=[
                    (x509.BasicConstraints(ca=False, path_length=None), True),
                    (key_usage("digital_signature"), True),
                    (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True),
                ],
            )

        return self._authority.certified(f"timestamp-{unit}", make)
