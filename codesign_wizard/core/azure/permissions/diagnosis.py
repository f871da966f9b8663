"""Finding out what the application may do in the vault; it changes nothing anywhere.

Four sources, asked side by side: what Resource Manager says of the caller itself, what the vault answers to
requests without effect, a real test signature, and, with an administrator's sign-in, the grants themselves.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.conclusion import conclude, heard
from codesign_wizard.core.azure.permissions.evaluate import VaultAccess
from codesign_wizard.core.azure.permissions.own_rights import OwnRights, own_rights
from codesign_wizard.core.azure.permissions.probe_answers import ProbeResult
from codesign_wizard.core.azure.permissions.probing import probe
from codesign_wizard.core.azure.permissions.report import Report
from codesign_wizard.core.azure.proof import Proof, prove
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Finding, blocks
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network

if TYPE_CHECKING:
    from codesign_wizard.core.azure.credential import ApplicationCredential
    from codesign_wizard.core.azure.permissions.admin import AdminSession
    from codesign_wizard.core.azure.permissions.secret_end import SecretEnd
    from codesign_wizard.core.azure.signin import CallerIdentity
    from codesign_wizard.core.redact import Secret

T = TypeVar("T")


@dataclass(frozen=True)
class Diagnosis:
    """What was found. ``report`` is ``None`` when the vault could not be asked.

    ``findings`` are about the permissions, and about the administrator's view; ``proof`` is what came of
    reading the certificate and signing, with findings of its own.
    """

    proof: Proof
    report: Report | None = None
    findings: tuple[Finding, ...] = ()
    access: VaultAccess | None = None
    probes: ProbeResult | None = field(default=None, repr=False)
    secret_end: SecretEnd | None = None  # with an administrator's sign-in


def diagnose(
    job: JobContext,
    network: Network,
    options: AzureOptions,
    credential: ApplicationCredential,
    *,
    identity: CallerIdentity | None = None,
    admin: AdminSession | None = None,
) -> Diagnosis:
    """Ask every source; *credential* is signed in as *identity*. Raises ``InputError`` and ``Cancelled``."""
    run = _Run(job, network, options, credential, identity)
    with ThreadPoolExecutor(4, thread_name_prefix="diagnosis") as pool:
        own = pool.submit(run.own)
        proved = pool.submit(run.prove)
        access = pool.submit(run.access, admin) if admin is not None else None
        ends = pool.submit(run.secret_end, admin) if admin is not None else None
        run.certificate_looked_for(proved)
        probes = (
            None
            if run.pointless
            else probe(job, network, options, credential, certificate_name=options.certificate_name)
        )
        rights = run.own_again(_result(job, own), probes.resource_id if probes else "")
        proof = _result(job, proved)
        seen = _result(job, access) if access is not None else None
        end = _result(job, ends) if ends is not None else None
    told = (end.finding,) if end is not None else ()
    if probes is not None and (not blocks(probes.findings) or heard(proof, probes)):
        concluded = conclude(options, identity, proof, probes, rights, seen)
        view = seen if isinstance(seen, VaultAccess) else None
        return Diagnosis(proof, concluded, (*concluded.findings, *told), view, probes, end)
    # the vault told nothing; by the grants a closed network is told from a missing permission. Whether
    # something more that is granted works could not be found out, so there is no access to plan by
    report: Report | None = None
    beside: tuple[Finding, ...] = (seen,) if isinstance(seen, Finding) else ()
    if isinstance(seen, VaultAccess):
        report = conclude(options, identity, proof, ProbeResult(None), rights, seen)
        beside = report.findings
    # what closes the network blocks before any permission is looked at
    first = (proof.unread,) if proof.unread is not None and blocks(beside) else ()
    found = (*first, *(probes.findings if probes else ()), *told, *beside)
    return Diagnosis(proof, report, found, None, probes, end)


@dataclass
class _Run:
    job: JobContext
    network: Network
    options: AzureOptions
    credential: ApplicationCredential
    identity: CallerIdentity | None

    def __post_init__(self) -> None:
        self.read = threading.Event()
        self.pointless = False
        self.management: Secret | None = None

    @property
    def _object_id(self) -> str:
        return self.identity.object_id if self.identity is not None else ""

    def own(self) -> OwnRights:
        signed_in = self.credential.management_token()
        if signed_in.token is None:
            return OwnRights()
        self.management = signed_in.token
        return own_rights(self.job, self.network, self.options, signed_in.token, object_id=self._object_id)

    def own_again(self, told: OwnRights, resource_id: str) -> OwnRights:
        """Ask Resource Manager once more where the vault told its resource id, and nobody else did."""
        if self.management is None or told.resource_id or told.silent or not resource_id:
            return told
        return own_rights(
            self.job, self.network, self.options, self.management, resource_id, object_id=self._object_id
        )

    def prove(self) -> Proof:
        try:
            return prove(
                self.job, self.network, self.options, self.credential, certificate_read=self.read.set
            )
        finally:
            self.read.set()

    def certificate_looked_for(self, proved: Future[Proof]) -> None:
        """Wait until the certificate was read, or could not be; note when there is no use in asking more."""
        while not self.read.wait(0.02):
            self.job.check_cancelled()
        if not proved.done():
            return
        unread = proved.result().unread
        # a vault that cannot be reached, or has no time, says nothing of permissions either
        self.pointless = unread is not None and (unread.id in _POINTLESS or unread.id.startswith("network."))

    def access(self, admin: AdminSession) -> VaultAccess | Finding:
        from codesign_wizard.core.azure.permissions.management import read_access

        cloud = self.options.cloud
        try:
            return read_access(
                self.job,
                self.network,
                self.options,
                admin.token(job=self.job),
                self._object_id,
                account=admin.account,
                graph_token=lambda: admin.token(cloud.graph_scope, job=self.job),
            )
        except CodesignError as error:
            return error.finding

    def secret_end(self, admin: AdminSession) -> SecretEnd:
        from codesign_wizard.core.azure.permissions.secret_end import not_told, read_secret_end

        try:
            graph = admin.graph(self.job, self.network)
        except CodesignError as error:
            return not_told(error.finding)
        return read_secret_end(graph, self.options, self.credential.secret)


_POINTLESS = frozenset(
    {
        "azure.vault.firewall", "azure.vault.private-endpoint", "azure.vault.throttled",
        "azure.vault.unavailable", "azure.vault.token-refused", "azure.sign-in.tenant-other",
    }
)  # fmt: skip


def _result(job: JobContext, future: Future[T]) -> T:
    while not future.done():
        job.check_cancelled()
        wait([future], timeout=0.05)
    return future.result()
