"""An Apple identity out of a .p12 file, and what is known of the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codesign_wizard.core.apple import identity_findings as found
from codesign_wizard.core.apple.certificates import Description, Kind
from codesign_wizard.core.apple.pkcs12 import Structure
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Finding, blocks
from codesign_wizard.core.local_signer import LocalSigner

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


@dataclass(frozen=True)
class Identity:
    """A key with its certificate; ``chain`` is the leaf, then its issuers without the root."""

    name: str
    key: PrivateKeyTypes = field(repr=False)
    certificate: x509.Certificate = field(repr=False)
    chain: list[x509.Certificate] = field(repr=False)
    root: x509.Certificate | None = field(repr=False)
    description: Description

    @property
    def kind(self) -> Kind:
        """What it signs."""
        return self.description.kind

    @property
    def team(self) -> str:
        """The team identifier, or ""."""
        return self.description.team

    def signer(self) -> LocalSigner:
        """Return a ``core.signing.Signer`` with this key; raises ``InputError`` for a strange key."""
        from cryptography.hazmat.primitives.asymmetric import ec, rsa

        if not isinstance(self.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise InputError(found.KEY_KIND(file=self.name))
        return LocalSigner(self.name, self.key, self.chain)


@dataclass(frozen=True)
class IdentityReport:
    """One file, judged. ``identity`` is the one that would be used, ``others`` further ones in the file.

    ``certificate`` is known even where there is no key; ``opened`` tells whether the password fits;
    ``wanted`` is the kind that the file was given as, if it was.
    """

    name: str
    findings: list[Finding]
    identity: Identity | None = None
    others: list[Identity] = field(default_factory=list)
    certificate: Description | None = None
    structure: Structure | None = None
    opened: bool = False
    wanted: Kind | None = None

    @property
    def ok(self) -> bool:
        """Whether it can be signed with."""
        return self.identity is not None and not blocks(self.findings)
