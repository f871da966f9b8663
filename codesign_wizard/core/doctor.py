"""The diagnosis for Windows: from the names as typed to a test signature. It changes nothing anywhere.

Stages, in order: options, network, sign-in, vault, signature. What an error makes pointless is skipped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codesign_wizard.core.azure.options import AzureOptions, check_options
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Finding, blocks, iso
from codesign_wizard.core.job import JobContext, StageState
from codesign_wizard.core.network import Network
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.signing import DigestAlgorithm
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.azure.credential import ApplicationCredential
    from codesign_wizard.core.azure.signer import KeyVaultSigner
    from codesign_wizard.core.azure.signin import CallerIdentity

STAGES = ("options", "network", "sign-in", "vault", "signature")

# what is signed says so itself, and is no digest of any program
TEST_TEXT = b"Codesign Wizard test signature: it signs nothing but this sentence."


@dataclass(frozen=True)
class DoctorResult:
    """Findings in the order they were made; ``facts`` by stable names, for people and JSON."""

    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    identity: CallerIdentity | None = None


def doctor_windows(
    job: JobContext, network: Network, options: AzureOptions, secret: Secret | None
) -> DoctorResult:
    """Diagnose the options; every refusal is a finding. Raises ``InputError`` and ``Cancelled``."""
    return _Doctor(job, network, options, secret).run()


class _Doctor:
    def __init__(
        self, job: JobContext, network: Network, options: AzureOptions, secret: Secret | None
    ) -> None:
        self.job, self.network, self.options, self.secret = job, network, options, secret
        self.findings: list[Finding] = []
        self.facts: dict[str, str] = {}
        self.identity: CallerIdentity | None = None
        self.credential: ApplicationCredential | None = None

    def run(self) -> DoctorResult:
        steps = (self._options, self._network, self._sign_in, self._vault)
        done = 0
        for key, step in zip(STAGES, steps, strict=False):
            self.job.check_cancelled()
            self.job.stage(key, StageState.RUNNING)
            found = list(step())
            self.findings += found
            done += 1
            if blocks(found):
                self.job.stage(key, StageState.FAILED)
                break
            if key != "vault":
                self.job.stage(key, StageState.DONE)
        for key in STAGES[done:]:
            if blocks(self.findings):
                self.job.stage(key, StageState.SKIPPED)
        return DoctorResult(self.findings, self.facts, self.identity)

    def _options(self) -> Iterable[Finding]:
        return check_options(self.options, self.secret)

    def _network(self) -> Iterable[Finding]:
        from codesign_wizard.core.azure.discovery import discover

        found = discover(self.job, self.network, self.options)
        if found.vault_tenant:
            self.facts["vault_tenant"] = found.vault_tenant
        return found.findings

    def _sign_in(self) -> Iterable[Finding]:
        from codesign_wizard.core.azure.credential import ApplicationCredential

        assert self.secret is not None  # a missing one has been an error before
        self.credential = ApplicationCredential(self.job, self.network, self.options, self.secret)
        result = self.credential.sign_in()
        self.identity = result.identity
        if result.identity is not None:
            self.facts["application_id"] = result.identity.application_id
            self.facts["object_id"] = result.identity.object_id
            self.facts["tenant_id"] = result.identity.tenant_id
            self.facts["token_expires"] = iso(result.identity.expires)
        return result.findings

    def _vault(self) -> Iterable[Finding]:
        from codesign_wizard.core.azure.signer import KeyVaultSigner

        try:
            signer = KeyVaultSigner.open(
                self.job, self.network, self.options, self.secret, credential=self.credential
            )
        except CodesignError as error:
            return [error.finding]
        with signer:
            return self._signature(signer)

    def _signature(self, signer: KeyVaultSigner) -> list[Finding]:
        from codesign_wizard.core.azure import vault_findings

        self._certificate_facts(signer)
        self.job.stage("vault", StageState.DONE)
        self.job.stage("signature", StageState.RUNNING)
        findings = list(signer.findings)
        try:
            digest = _digest_for(signer)
            signer.sign(self.job, hashlib.new(digest.value, TEST_TEXT).digest(), digest)
        except CodesignError as error:
            self.job.stage("signature", StageState.FAILED)
            return [*findings, error.finding]
        self.job.stage("signature", StageState.DONE)
        return [
            *findings,
            vault_findings.SIGNATURE_WORKS(
                name=self.options.certificate_name,
                detail=tr("The signature was thrown away; the vault's audit log holds the request."),
            ),
        ]

    def _certificate_facts(self, signer: KeyVaultSigner) -> None:
        from codesign_wizard.core.authenticode import trust
        from codesign_wizard.core.authenticode.verify import describe_key

        leaf = signer.certificate_chain[0]
        self.facts["certificate"] = signer.description
        self.facts["publisher"] = trust.name(leaf)
        self.facts["issuer"] = trust.issuer_name(leaf)
        self.facts["key"] = describe_key(leaf)
        self.facts["certificate_expires"] = iso(leaf.not_valid_after_utc)


def _digest_for(signer: KeyVaultSigner) -> DigestAlgorithm:
    """Return a digest the key can sign: an EC key of the vault takes only its curve's own (RFC 7518, 3.4)."""
    from cryptography.hazmat.primitives.asymmetric import ec

    key = signer.certificate_chain[0].public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.key_size >= 512:
            return DigestAlgorithm.SHA512
        if key.curve.key_size >= 384:
            return DigestAlgorithm.SHA384
    return DigestAlgorithm.SHA256
