"""Finding out what the application may do in the vault; it changes nothing anywhere.

Four sources, asked side by side: what Resource Manager says of the caller itself, what the vault answers to
requests without effect, a real test signature, and, with an administrator's sign-in, the grants themselves.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions import evaluate, mixups
from codesign_wizard.core.azure.permissions.catalogue import Model, Purpose, permission_for
from codesign_wizard.core.azure.permissions.matrix import build
from codesign_wizard.core.azure.permissions.mixup_beside import untested
from codesign_wizard.core.azure.permissions.mixup_findings import MODEL_UNKNOWN
from codesign_wizard.core.azure.permissions.mixup_seen import Seen
from codesign_wizard.core.azure.permissions.own_rights import OwnRights, own_rights
from codesign_wizard.core.azure.permissions.probe_answers import Meaning, ProbeResult
from codesign_wizard.core.azure.permissions.probing import probe
from codesign_wizard.core.azure.permissions.report import (
    Observation,
    Report,
    Source,
    State,
    Verdict,
    in_either,
)
from codesign_wizard.core.azure.proof import Proof, prove
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Severity, blocks, iso, utc_now
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.azure.credential import ApplicationCredential
    from codesign_wizard.core.azure.permissions.admin import AdminSession
    from codesign_wizard.core.azure.permissions.evaluate import VaultAccess
    from codesign_wizard.core.azure.permissions.secret_end import SecretEnd
    from codesign_wizard.core.azure.signin import CallerIdentity
    from codesign_wizard.core.redact import Secret

T = TypeVar("T")
AREA = "azure.permission."


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
        try:
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
        except BaseException:
            run.stop.set()
            raise
    told = (end.finding,) if end is not None else ()
    if probes is None or (blocks(probes.findings) and not _heard(proof, probes)):
        found = (*(probes.findings if probes else ()), *told)
        alone = Diagnosis(proof, findings=found, probes=probes, secret_end=end)
        return run.by_grants(alone, rights, seen) if isinstance(seen, evaluate.VaultAccess) else alone
    concluded = run.concluded(proof, probes, rights, seen)
    return replace(concluded, findings=(*concluded.findings, *told), secret_end=end)


def _heard(proof: Proof, probes: ProbeResult) -> bool:
    """Tell whether the vault said something of a permission before it gave no more answers."""
    return bool(_proved(proof)) or any(
        each.observation.state is not State.UNTESTABLE for each in probes.asked
    )


def _interrupted(proof: Proof, probes: ProbeResult) -> list[Finding]:
    """Return what kept questions from being answered; it is as grave as it is for *proof*.

    Where a signature was made all the same, it keeps nobody from signing.
    """
    graver = {each.id: each for each in proof.findings}
    found = [graver.get(each.id, each) for each in probes.findings]
    if proof.works is None:
        return found
    return [
        replace(each, severity=Severity.WARNING) if each.severity is Severity.ERROR else each
        for each in found
    ]


def observe(
    options: AzureOptions,
    probes: ProbeResult,
    model: Model,
    *,
    own: OwnRights | None = None,
    proof: Proof | None = None,
    access: VaultAccess | None = None,
    object_id: str = "",
) -> dict[str, list[Observation]]:
    """Return all that was observed, by ``Permission.key`` of *model*."""
    found = probes.by_model(model)
    if proof is not None:
        for kind, name, one in _proved(proof):
            key = permission_for(model, kind, name).key
            heard = any(
                each.source is Source.OBJECT and each.state is not State.UNTESTABLE
                for each in found.get(key, ())
            )
            # the certificate is read by a probe, too: its answer is enough
            if kind == "keys" or not heard:
                found.setdefault(key, []).append(one)
    if own is not None and model is Model.RBAC:
        for key, one in own.observations().items():
            found.setdefault(key, []).append(one)
    if access is not None and object_id:
        for key, one in evaluate.evaluate(access, object_id, options.certificate_name).items():
            found.setdefault(key, []).append(one)
    return found


@dataclass
class _Run:
    job: JobContext
    network: Network
    options: AzureOptions
    credential: ApplicationCredential
    identity: CallerIdentity | None

    def __post_init__(self) -> None:
        self.stop = threading.Event()
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

    def by_grants(self, alone: Diagnosis, own: OwnRights, seen: VaultAccess) -> Diagnosis:
        """Return *alone*, which the vault told nothing for, with what follows from the grants.

        So a closed network is told from a missing permission. There is no ``access``: whether something more
        that is granted works could not be found out.
        """
        told = self.concluded(alone.proof, ProbeResult(None), own, seen)
        # what closes the network blocks before any permission is looked at
        first = [alone.proof.unread] if alone.proof.unread is not None and blocks(told.findings) else []
        findings = (*first, *alone.findings, *told.findings)
        return replace(alone, report=told.report, findings=findings)

    def concluded(
        self, proof: Proof, probes: ProbeResult, own: OwnRights, seen: VaultAccess | Finding | None
    ) -> Diagnosis:
        """Put together what the sources said."""
        from codesign_wizard.core.azure.permissions.management import unread

        access = None if seen is None or isinstance(seen, Finding) else seen
        findings = [seen] if isinstance(seen, Finding) else []
        model = probes.model or own.model or (access.model if access is not None else None)
        if access is not None:
            findings += unread(access)
        facts = _facts(access, own)
        if model is None:
            findings = [
                *_interrupted(proof, probes),
                *findings,
                _model_unknown(self.options, probes),
                *untested(self.options, probes),
            ]
            return Diagnosis(
                proof,
                Report(
                    None,
                    (),
                    tuple(findings),
                    own.resource_id,
                    facts,
                    self._in_either(proof, probes, own),
                ),
                tuple(findings),
                access,
                probes,
            )
        object_id = self.identity.object_id if self.identity is not None else probes.object_id
        observed = observe(
            self.options, probes, model, own=own, proof=proof, access=access, object_id=object_id
        )
        matrix = build(model, observed, self.options.certificate_name)
        told = Seen(self.options, model, matrix, probes, own, self.identity, access)
        findings = [*_interrupted(proof, probes), *mixups.name(told), *findings]
        report = Report(model, matrix.rows, tuple(findings), told.resource_id, facts)
        return Diagnosis(proof, report, tuple(findings), access, probes)

    def _in_either(self, proof: Proof, probes: ProbeResult, own: OwnRights) -> tuple[Verdict, ...]:
        """Return what holds in both models: the vault refused nothing, so it did not tell which it has."""
        name = self.options.certificate_name
        rows = [
            build(model, observe(self.options, probes, model, own=own, proof=proof), name).rows
            for model in Model
        ]
        return tuple(in_either(purpose, *rows) for purpose in Purpose)


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


def _proved(proof: Proof) -> list[tuple[str, str, Observation]]:
    """Return what reading the certificate and making a signature say about the permissions for them."""
    found = []
    if proof.certificate is not None:
        text = tr("The vault carried the request out.")
        evidence = Evidence(time=utc_now(), more={"certificate": str(proof.certificate.id or "")})
        one = Observation(Source.OBJECT, State.GRANTED, Certainty.OBSERVED, text, evidence)
        found.append(("certificates", "get", one))
    unread = proof.unread
    if unread is not None and unread.id.startswith(AREA):
        text = tr("The vault refused to read the certificate.")
        one = Observation(Source.OBJECT, State.MISSING, Certainty.OBSERVED, text, unread.evidence)
        found.append(("certificates", "get", one))
    if proof.works is not None:
        text = tr("A test signature was made, and is good.")
        evidence = Evidence(time=utc_now(), more={"key": proof.key_id})
        one = Observation(Source.SIGNATURE, State.GRANTED, Certainty.OBSERVED, text, evidence)
        found.append(("keys", "sign", one))
    refused = proof.unsigned
    if refused is not None and refused.id.startswith(AREA):
        text = tr("The vault refused the test signature with the certificate's key.")
        one = Observation(Source.OBJECT, State.MISSING, Certainty.OBSERVED, text, refused.evidence)
        found.append(("keys", "sign", one))
    return found


def _model_unknown(options: AzureOptions, probes: ProbeResult) -> Finding:
    allowed = [each for each in probes.asked if each.observation.state is State.GRANTED]
    answered = [each for each in probes.asked if each.meaning is not Meaning.UNANSWERED]
    return MODEL_UNKNOWN(
        vault=options.vault_name,
        detail=tr(
            "It refused none of {all} requests for lack of a permission, and let {count} through for certain."
        ).format(count=len(allowed), all=len(answered)),
        severity=Severity.INFO if allowed else Severity.WARNING,
        evidence=Evidence(time=utc_now()),
    )


def _facts(access: VaultAccess | None, own: OwnRights) -> dict[str, str]:
    """Return what is known of the vault beside its permissions, by stable names."""
    facts = {"sku": own.sku} if own.sku else {}
    if access is None:
        return facts
    facts = {
        "sku": access.sku or facts.get("sku", ""),
        "location": access.location,
        "public_network": access.public_network,
        "firewall": access.default_action,
        "firewall_addresses": ", ".join(access.ip_rules),
        "private_endpoints": str(access.private_endpoints),
        "soft_delete": str(access.soft_delete).lower(),
        "purge_protection": str(access.purge_protection).lower(),
        "groups": ", ".join(access.groups),
        "grants_seen": iso(utc_now()),
    }
    return {name: value for name, value in facts.items() if value}
