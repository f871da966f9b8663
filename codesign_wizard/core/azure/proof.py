"""The definitive proof: a real signature made in the vault, checked with the certificate's public key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from codesign_wizard.core.azure import vault_findings
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Evidence, Finding, iso, utc_now
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from azure.keyvault.certificates import KeyVaultCertificate
    from cryptography import x509

    from codesign_wizard.core.azure.credential import ApplicationCredential
    from codesign_wizard.core.azure.signer import KeyVaultSigner

# what is signed says so itself, and is no digest of any program
TEST_TEXT = b"Codesign Wizard test signature: it signs nothing but this sentence."


@dataclass(frozen=True)
class Proof:
    """What came of it: ``unread`` is why the certificate could not be read, ``unsigned`` why not signed.

    ``noticed`` are findings beside that (of the chain); ``facts`` are the certificate's. ``key_id`` is the
    key's and ``certificate`` what Microsoft's client gave, when the certificate was read; ``issuers`` is its
    chain above it, as far as it could be had.
    """

    unread: Finding | None = None
    unsigned: Finding | None = None
    works: Finding | None = None
    noticed: tuple[Finding, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    key_id: str = ""
    certificate: KeyVaultCertificate | None = None
    issuers: tuple[x509.Certificate, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        """All of it, in the order in which it was found."""
        return [*self.noticed, *filter(None, (self.unread, self.unsigned, self.works))]


def prove(
    job: JobContext,
    network: Network,
    options: AzureOptions,
    credential: ApplicationCredential,
    *,
    certificate_read: Callable[[], None] = lambda: None,
) -> Proof:
    """Read the certificate and have the vault sign a sentence with its key; the signature is thrown away.

    *certificate_read* is called between the two. Raises ``InputError`` and ``Cancelled``.
    """
    from codesign_wizard.core.azure.signer import KeyVaultSigner
    from codesign_wizard.core.errors import InputError

    try:
        signer = KeyVaultSigner.open(job, network, options, credential.secret, credential=credential)
    except InputError:
        raise
    except CodesignError as error:
        return Proof(unread=error.finding)
    with signer:
        read = Proof(
            noticed=tuple(signer.findings),
            facts=_facts(signer),
            key_id=signer.key_id,
            certificate=signer.certificate,
            issuers=tuple(signer.certificate_chain[1:]),
        )
        certificate_read()
        digest = signer.test_digest()
        try:
            signer.sign(job, hashlib.new(digest.value, TEST_TEXT).digest(), digest)
        except CodesignError as error:
            return replace(read, unsigned=error.finding)
    works = vault_findings.SIGNATURE_WORKS(
        name=options.certificate_name,
        detail=tr("The signature was thrown away; the vault's audit log holds the request."),
        evidence=Evidence(time=utc_now(), more={"key": signer.key_id}),
    )
    return replace(read, works=works)


def _facts(signer: KeyVaultSigner) -> dict[str, str]:
    from codesign_wizard.core.authenticode import trust
    from codesign_wizard.core.certificate_json import describe_key
    from codesign_wizard.core.chain import issuer_facts

    leaf = signer.certificate_chain[0]
    return {
        "certificate": signer.description,
        "publisher": trust.name(leaf),
        "issuer": trust.issuer_name(leaf),
        "key": describe_key(leaf),
        "certificate_expires": iso(leaf.not_valid_after_utc),
        **issuer_facts(signer.certificate_chain),
    }
