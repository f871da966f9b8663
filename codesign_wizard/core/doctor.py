"""The diagnosis for Windows: from the names as typed to a test signature. It changes nothing anywhere.

Stages, in order: options, network, sign-in, permissions, vault, signature. What an error makes pointless is
skipped. The last three ask the vault side by side, and are told one after the other. With roots to judge by,
the certificate itself is judged as well: what a signature alone does not show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.azure.options import AzureOptions, check_options
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Finding, Severity, blocks, iso
from codesign_wizard.core.job import JobContext, StageState
from codesign_wizard.core.network import Network
from codesign_wizard.core.redact import Secret

if TYPE_CHECKING:
    from azure.keyvault.certificates import KeyVaultCertificate

    from codesign_wizard.core.authenticode.roots import RootStore
    from codesign_wizard.core.azure.credential import ApplicationCredential
    from codesign_wizard.core.azure.permissions.admin import AdminSession
    from codesign_wizard.core.azure.permissions.diagnosis import Diagnosis
    from codesign_wizard.core.azure.permissions.evaluate import VaultAccess
    from codesign_wizard.core.azure.permissions.report import Report
    from codesign_wizard.core.azure.proof import Proof
    from codesign_wizard.core.azure.signin import CallerIdentity
    from codesign_wizard.core.certificates.held import KeyFacts

STAGES = ("options", "network", "sign-in", "permissions", "vault", "signature")
_PERMISSION = "azure.permission."
# what the vault's refusal to sign has said already
_TOLD = {
    "certificate.judge.disabled": "azure.vault.certificate-disabled",
    "certificate.judge.key-disabled": "azure.vault.certificate-disabled",
    "certificate.judge.expired": "azure.vault.certificate-expired",
    "certificate.judge.not-yet-valid": "azure.vault.certificate-not-yet-valid",
    "certificate.judge.key-operations": "azure.vault.key-may-not-sign",
}
_SECRET_ID, _LOOKS_LIKE_ID = "azure.sign-in.secret-id-pasted", "azure.options.secret-looks-like-id"
_EXPIRES_SOON = "certificate.judge.expires-soon"


@dataclass(frozen=True)
class DoctorResult:
    """Findings in the order they were made; ``facts`` by stable names, for people and JSON.

    ``permissions`` is the matrix, ``None`` when it did not come to that; ``access`` what an administrator
    sees of the grants.
    """

    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    identity: CallerIdentity | None = None
    permissions: Report | None = None
    access: VaultAccess | None = None


def doctor_windows(
    job: JobContext,
    network: Network,
    options: AzureOptions,
    secret: Secret | None,
    *,
    admin: AdminSession | None = None,
    roots: RootStore | None = None,
) -> DoctorResult:
    """Diagnose the options, with *admin*'s eyes as well; every refusal is a finding.

    The certificate is judged by *roots*; without them it is not. Raises ``InputError`` and ``Cancelled``.
    """
    return _Doctor(job, network, options, secret, admin, roots).run()


class _Doctor:
    def __init__(
        self,
        job: JobContext,
        network: Network,
        options: AzureOptions,
        secret: Secret | None,
        admin: AdminSession | None,
        roots: RootStore | None,
    ) -> None:
        self.job, self.network, self.options, self.secret = job, network, options, secret
        self.admin, self.roots = admin, roots
        self.findings: list[Finding] = []
        self.facts: dict[str, str] = {}
        self.identity: CallerIdentity | None = None
        self.credential: ApplicationCredential | None = None
        self.diagnosis: Diagnosis | None = None

    def run(self) -> DoctorResult:
        steps = dict(
            zip(STAGES, (self._options, self._network, self._sign_in, self._permissions), strict=False)
        )
        for key, step in steps.items():
            self.job.check_cancelled()
            self.job.stage(key, StageState.RUNNING)
            found = list(step())
            self.findings += found
            blocked = blocks(found)
            self.job.stage(key, StageState.FAILED if blocked else StageState.DONE)
            if blocked and self.diagnosis is None:
                for skipped in STAGES[STAGES.index(key) + 1 :]:
                    self.job.stage(skipped, StageState.SKIPPED)
                break
        if self.diagnosis is not None:
            self._proof(self.diagnosis)
        diagnosis = self.diagnosis
        return DoctorResult(
            self.findings,
            self.facts,
            self.identity,
            diagnosis.report if diagnosis is not None else None,
            diagnosis.access if diagnosis is not None else None,
        )

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
        if any(each.id == _SECRET_ID for each in result.findings):
            # what it looked like beforehand is told by what came of it
            self.findings = [each for each in self.findings if each.id != _LOOKS_LIKE_ID]
        return [*result.findings, *self._seen_by_administrator(result.findings)]

    def _seen_by_administrator(self, refused: Iterable[Finding]) -> Iterable[Finding]:
        """Return what an administrator sees of a sign-in that was refused."""
        error = next((each for each in refused if each.severity is Severity.ERROR), None)
        if self.admin is None or self.secret is None or error is None:
            return []
        from codesign_wizard.core.azure.permissions.sign_in_seen import seen_by_administrator

        graph = partial(self.admin.graph, self.job, self.network)
        return [self.admin.finding(), *seen_by_administrator(graph, error, self.options, self.secret)]

    def _permissions(self) -> Iterable[Finding]:
        from codesign_wizard.core.azure.permissions.diagnosis import diagnose

        assert self.credential is not None
        self.diagnosis = diagnose(
            self.job,
            self.network,
            self.options,
            self.credential,
            identity=self.identity,
            admin=self.admin,
        )
        if self.diagnosis.secret_end is not None:
            self.facts.update(self.diagnosis.secret_end.facts)
        signed_in = [self.admin.finding()] if self.admin is not None else []
        return [*signed_in, *self.diagnosis.findings]

    def _proof(self, diagnosis: Diagnosis) -> None:
        """Tell what came of reading the certificate and of the test signature, and nothing twice."""
        proof = diagnosis.proof
        self.facts.update(proof.facts)
        known = {each.id for each in self.findings}
        named = any(each.startswith(_PERMISSION) for each in known)
        for finding in proof.findings:
            if finding.id not in known and not (named and finding.id.startswith(_PERMISSION)):
                self.findings.append(finding)
        if self.roots is not None and proof.certificate is not None:
            bundle = diagnosis.probes.key if diagnosis.probes is not None else {}
            self.findings += self._judged(self.roots, proof, proof.certificate, bundle)
        for key, refused in (("vault", proof.unread), ("signature", proof.unread or proof.unsigned)):
            if refused is None:
                self.job.stage(key, StageState.DONE)
            elif refused is proof.unread and key == "signature":
                self.job.stage(key, StageState.SKIPPED)
            else:
                # for lack of a permission: that stage has failed before, and said why
                explained = refused.id.startswith(_PERMISSION)
                self.job.stage(key, StageState.SKIPPED if explained else StageState.FAILED)

    def _judged(
        self, roots: RootStore, proof: Proof, certificate: KeyVaultCertificate, bundle: Mapping[str, Any]
    ) -> Iterator[Finding]:
        """Yield what stands against the certificate, or soon will, and was not found before."""
        from codesign_wizard.core.certificates.held import HeldCertificate, KeyFacts
        from codesign_wizard.core.certificates.judge import judge_version

        known = {each.id for each in self.findings}
        facts = KeyFacts.read(bundle) if bundle else None
        if facts is None or facts.id != certificate.key_id:
            # no answer came, or a version between the two
            try:
                facts = self._key(str(certificate.key_id or ""))
            except CodesignError as error:
                if error.finding.id not in known:
                    yield error.finding
                return
        held = HeldCertificate.of(certificate, facts, True)
        judged = judge_version(self.job, held, roots=roots, network=self.network, known=proof.issuers)
        for finding in judged.findings:
            grave = finding.severity in (Severity.ERROR, Severity.WARNING) or finding.id == _EXPIRES_SOON
            if grave and finding.id not in known and _TOLD.get(finding.id) not in known:
                yield finding

    def _key(self, key_id: str) -> KeyFacts | None:
        """Read the key once more; ``None`` where it may not be read."""
        from codesign_wizard.core.certificates.vault_reader import VaultReader

        with VaultReader.open(
            self.job, self.network, self.options, self.secret, credential=self.credential
        ) as vault:
            return vault.key(self.job, key_id)
