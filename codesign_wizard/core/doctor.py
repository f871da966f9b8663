"""The diagnosis for Windows: from the names as typed to a test signature. It changes nothing anywhere.

Stages, in order: options, network, sign-in, permissions, vault, signature. What an error makes pointless is
skipped. The last three ask the vault side by side, and are told one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codesign_wizard.core.azure.options import AzureOptions, check_options
from codesign_wizard.core.finding import Finding, blocks, iso
from codesign_wizard.core.job import JobContext, StageState
from codesign_wizard.core.network import Network
from codesign_wizard.core.redact import Secret

if TYPE_CHECKING:
    from codesign_wizard.core.azure.credential import ApplicationCredential
    from codesign_wizard.core.azure.permissions.admin import AdminSession
    from codesign_wizard.core.azure.permissions.diagnosis import Diagnosis
    from codesign_wizard.core.azure.permissions.evaluate import VaultAccess
    from codesign_wizard.core.azure.permissions.report import Report
    from codesign_wizard.core.azure.signin import CallerIdentity

STAGES = ("options", "network", "sign-in", "permissions", "vault", "signature")
_PERMISSION = "azure.permission."


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
) -> DoctorResult:
    """Diagnose the options, with *admin*'s eyes as well; every refusal is a finding.

    Raises ``InputError`` and ``Cancelled``.
    """
    return _Doctor(job, network, options, secret, admin).run()


class _Doctor:
    def __init__(
        self,
        job: JobContext,
        network: Network,
        options: AzureOptions,
        secret: Secret | None,
        admin: AdminSession | None,
    ) -> None:
        self.job, self.network, self.options, self.secret = job, network, options, secret
        self.admin = admin
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
        return result.findings

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
        for key, refused in (("vault", proof.unread), ("signature", proof.unread or proof.unsigned)):
            if refused is None:
                self.job.stage(key, StageState.DONE)
            elif refused is proof.unread and key == "signature":
                self.job.stage(key, StageState.SKIPPED)
            else:
                # for lack of a permission: that stage has failed before, and said why
                explained = refused.id.startswith(_PERMISSION)
                self.job.stage(key, StageState.SKIPPED if explained else StageState.FAILED)
