"""The certificate of one name at a glance, and every step of its life as one job.

``CertificateDesk`` is what the page and the commands work with: it looks, checks before a request, makes it,
checks the CA's answer, merges it. ``DeskState`` is what a look found, as plain values that are kept and shown
again after a restart; ``desk_words`` says it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.certificates import judge_findings, service_findings
from codesign_wizard.core.certificates.held import Holding, NameState, PendingRequest
from codesign_wizard.core.certificates.judge import VersionJudgement, judge_version, needs_renewal
from codesign_wizard.core.certificates.preflight import check_before_request
from codesign_wizard.core.certificates.request import RequestOptions
from codesign_wizard.core.certificates.request_check import check_request
from codesign_wizard.core.certificates.subject import Subject
from codesign_wizard.core.finding import Evidence, Finding, Remedy, Severity, iso, worst_first
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.authenticode.roots import RootStore
    from codesign_wizard.core.azure.permissions.report import Report
    from codesign_wizard.core.certificates.bundle import Answer
    from codesign_wizard.core.certificates.forms import Piece
    from codesign_wizard.core.certificates.vault import CertificateVault

_OTHER_KEY = "certificate.answer.other-key"


class Stage(StrEnum):
    """Where the certificate of a name is in its life."""

    FREE = "free"  # nothing has the name
    PENDING = "pending"  # the first request waits for the CA
    USABLE = "usable"
    RENEWAL_DUE = "renewal-due"  # usable, and its end is near
    UNUSABLE = "unusable"  # there is one, and something stands against signing with it
    DELETED = "deleted"
    TAKEN = "taken"  # a key without a certificate has the name

    @property
    def held(self) -> bool:
        """Whether the vault holds a certificate under the name."""
        return self in (Stage.USABLE, Stage.RENEWAL_DUE, Stage.UNUSABLE)

    @property
    def open(self) -> bool:
        """Whether the step is neither done nor wrong: somebody has yet to act."""
        return self in (Stage.FREE, Stage.PENDING)


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """The request that waits: PEM for the CA, words for people (name and value), since when (UTC)."""

    pem: str
    words: tuple[tuple[str, str], ...]
    key: str = ""
    since: datetime | None = None

    @classmethod
    def of(cls, pending: PendingRequest) -> ShownRequest:
        """Return what is shown of *pending*."""
        request = pending.request
        return cls(request.pem(), tuple(request.words()), request.key, pending.since)

    def to_json(self) -> dict[str, Any]:
        """Return it as kept in a profile."""
        return {
            "pem": self.pem,
            "words": [list(pair) for pair in self.words],
            "key": self.key,
            "since": iso(self.since) if self.since else None,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ShownRequest:
        """Return what ``to_json`` wrote; raises ``KeyError``, ``TypeError`` or ``ValueError``."""
        words = tuple((str(name), str(value)) for name, value in document["words"])
        return cls(str(document["pem"]), words, str(document["key"]), _time(document["since"]))


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """One version of the certificate; times in UTC."""

    version: str
    enabled: bool | None
    created: datetime | None
    expires: datetime | None
    newest: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as kept in a profile."""
        return {
            "version": self.version,
            "enabled": self.enabled,
            "created": iso(self.created) if self.created else None,
            "expires": iso(self.expires) if self.expires else None,
            "newest": self.newest,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ShownVersion:
        """Return what ``to_json`` wrote; raises ``KeyError``, ``TypeError`` or ``ValueError``."""
        return cls(
            str(document["version"]),
            document["enabled"],
            _time(document["created"]),
            _time(document["expires"]),
            bool(document["newest"]),
        )


@dataclass(frozen=True, slots=True)
class DeskState:
    """What a look found. ``chain`` names the certificates, leaf first and the root last where it is known.

    ``subject`` is the certificate's own, by the keys of ``FIELDS``: a renewal begins with it.
    """

    vault: str
    name: str
    stage: Stage
    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    chain: tuple[str, ...] = ()
    versions: tuple[ShownVersion, ...] = ()
    request: ShownRequest | None = None
    expires: datetime | None = None
    subject: Mapping[str, str] = field(default_factory=dict)

    @property
    def renewing(self) -> bool:
        """Whether a request for the next version waits beside a certificate."""
        return self.stage.held and self.request is not None

    def to_renew(self, now: datetime | None = None) -> bool:
        """Tell whether a renewal is the thing to do: the end is near or over, and no request waits."""
        ended = self.expires is not None and self.expires <= (now or datetime.now(UTC))
        return self.request is None and (self.stage is Stage.RENEWAL_DUE or ended)

    def to_json(self) -> dict[str, Any]:
        """Return it as kept in a profile; the findings and facts stand beside it there."""
        return {
            "vault": self.vault,
            "name": self.name,
            "stage": self.stage.value,
            "chain": list(self.chain),
            "versions": [each.to_json() for each in self.versions],
            "request": self.request.to_json() if self.request else None,
            "expires": iso(self.expires) if self.expires else None,
            "subject": dict(self.subject),
        }

    @classmethod
    def from_json(
        cls,
        document: Mapping[str, Any],
        findings: Sequence[Finding] = (),
        facts: Mapping[str, str] | None = None,
    ) -> DeskState:
        """Return what ``to_json`` wrote; raises ``KeyError``, ``TypeError`` or ``ValueError``."""
        request = document["request"]
        return cls(
            str(document["vault"]),
            str(document["name"]),
            Stage(document["stage"]),
            tuple(findings),
            dict(facts or {}),
            tuple(str(each) for each in document["chain"]),
            tuple(ShownVersion.from_json(each) for each in document["versions"]),
            ShownRequest.from_json(request) if request is not None else None,
            _time(document["expires"]),
            {str(name): str(value) for name, value in document["subject"].items()},
        )


def describe(
    options: AzureOptions,
    holding: Holding,
    judgement: VersionJudgement | None,
    *,
    now: datetime | None = None,
) -> DeskState:
    """Return what is shown of *holding*; *judgement* is of the newest version, if there is one."""
    return DeskState(
        options.vault_name,
        holding.name,
        _stage(holding, judgement, now),
        tuple(worst_first(_findings(options, holding, judgement))),
        dict(judgement.facts) if judgement is not None else {},
        tuple(_names(judgement)) if judgement is not None else (),
        tuple(
            ShownVersion(
                each.version, each.enabled, each.created, each.expires, each.version == holding.newest_version
            )
            for each in holding.versions
        ),
        ShownRequest.of(holding.pending) if holding.pending is not None else None,
        judgement.expires if judgement is not None else None,
        _subject(judgement) if judgement is not None else {},
    )


@dataclass(frozen=True)
class CertificateDesk:
    """One name in one vault, and the jobs around it. ``secret`` and ``roots`` are asked on the job's thread.

    Every method raises ``CodesignError`` with a finding made of the vault's or Entra ID's words, and
    ``Cancelled``. What changes the vault says so; nothing else does.
    """

    network: Network
    options: AzureOptions
    secret: Callable[[], Secret | None]
    roots: Callable[[], RootStore]

    def look(self, job: JobContext) -> DeskState:
        """Return what the vault holds under the name, the newest version judged."""
        with self._open(job) as vault:
            return self._state(job, vault)

    def before_request(
        self,
        job: JobContext,
        asked: RequestOptions,
        *,
        tier: str = "",
        permissions: Report | None = None,
    ) -> list[Finding]:
        """Return what speaks for and against making *asked*, by a fresh look; see ``preflight``."""
        with self._open(job) as vault:
            job.progress(0, None, tr("Reading what the vault holds"))
            holding = vault.state(job)
        found = check_before_request(self.options, asked, holding, tier=tier, permissions=permissions)
        return worst_first(found)

    def request(self, job: JobContext, asked: RequestOptions) -> DeskState:
        """CHANGES THE VAULT: make a key and a request for it, read it back and compare it with *asked*."""
        with self._open(job) as vault:
            job.progress(0, None, tr("Making the key and the request in the vault"))
            pending = vault.create_request(job, asked)
            state = self._state(job, vault)
        # what was asked is known now: the comparison says more than a look alone can
        known = {each.id for each in check_request(pending.request)}
        kept = [each for each in state.findings if each.id not in known]
        findings = worst_first([*check_request(pending.request, asked), *kept])
        return replace(state, findings=tuple(findings))

    def drop(self, job: JobContext) -> DeskState:
        """CHANGES THE VAULT: delete the request that waits. Its key, and any answer to it, are lost."""
        with self._open(job) as vault:
            job.progress(0, None, tr("Dropping the request"))
            vault.drop_request(job)
            return self._state(job, vault)

    def recover(self, job: JobContext) -> DeskState:
        """CHANGES THE VAULT: bring the deleted certificate back."""
        with self._open(job) as vault:
            job.progress(0, None, tr("Recovering the certificate"))
            vault.recover_deleted(job)
            return self._state(job, vault)

    def check(self, job: JobContext, pieces: Sequence[Piece]) -> Answer:
        """Judge what a CA sent against the request that waits; nothing is changed."""
        from codesign_wizard.core.certificates.bundle import check_answer, read_bundle

        bundle = read_bundle(pieces)
        if not bundle.certificates:
            return check_answer(job, bundle, None, roots=self.roots())
        with self._open(job) as vault:
            job.progress(0, None, tr("Comparing with the request in the vault"))
            pending = vault.read_pending(job)
            key = pending.request.public_key if pending is not None and pending.waits else None
            roots = self.roots()
            answer = check_answer(job, bundle, key, roots=roots, network=self.network)
            if answer.leaf is None and any(each.id == _OTHER_KEY for each in answer.findings):
                # only then is it worth asking for the vault's other requests
                others = vault.pending_keys(job)
                answer = check_answer(job, bundle, key, roots=roots, network=self.network, others=others)
        return answer

    def merge(self, job: JobContext, answer: Answer) -> DeskState:
        """CHANGES THE VAULT: give *answer* to the request that waits; then a test text is signed with it."""
        from codesign_wizard.core.certificates.vault import prove_signature

        with self._open(job) as vault:
            job.progress(0, None, tr("Merging the answer"))
            held = vault.merge_answer(job, answer)
            state = self._state(job, vault)
        job.progress(0, None, tr("Signing a test text with it"))
        proof = prove_signature(job, self.network, self.options, self.secret(), version=held.version)
        findings = tuple(worst_first([*state.findings, *proof]))
        stage = state.stage
        if any(each.severity is Severity.ERROR for each in proof):
            stage = Stage.UNUSABLE
        return replace(state, findings=findings, stage=stage)

    def attestation(self, job: JobContext) -> bytes | None:
        """Return the service's proof that the key is in an HSM, or ``None`` where it gives none."""
        with self._open(job) as vault:
            return vault.attestation(job)

    def _open(self, job: JobContext) -> CertificateVault:
        from codesign_wizard.core.certificates.vault import CertificateVault

        job.progress(0, None, tr("Signing in"))
        return CertificateVault.open(job, self.network, self.options, self.secret())

    def _state(self, job: JobContext, vault: CertificateVault) -> DeskState:
        job.progress(0, None, tr("Reading what the vault holds"))
        holding = vault.state(job)
        judgement = None
        if holding.certificate is not None:
            job.progress(0, None, tr("Judging the certificate"))
            judgement = judge_version(job, holding.certificate, roots=self.roots(), network=self.network)
        return describe(self.options, holding, judgement)


def _stage(holding: Holding, judgement: VersionJudgement | None, now: datetime | None) -> Stage:
    if judgement is not None:
        if not judgement.usable:
            return Stage.UNUSABLE
        due = judgement.expires is not None and needs_renewal(judgement.expires, now)
        return Stage.RENEWAL_DUE if due else Stage.USABLE
    match holding.state:
        case NameState.PENDING | NameState.RENEWING:
            return Stage.PENDING
        case NameState.DELETED:
            return Stage.DELETED
        case NameState.TAKEN:
            return Stage.TAKEN
    return Stage.FREE


def _findings(
    options: AzureOptions, holding: Holding, judgement: VersionJudgement | None
) -> Iterator[Finding]:
    if judgement is not None:
        renewing = holding.pending is not None
        yield from (_asked_for(each) if renewing else each for each in judgement.findings)
    if holding.state is NameState.DELETED:
        times = {"deleted": holding.deleted, "gone-for-good": holding.purge}
        evidence = Evidence(more={name: iso(time) for name, time in times.items() if time is not None})
        yield service_findings.name_deleted(options, holding.name, evidence)
    elif holding.state is NameState.TAKEN:
        yield service_findings.NAME_TAKEN(name=holding.name, remedies=service_findings.other_name_remedies())
    if holding.pending is not None:
        yield from check_request(holding.pending.request)
    yield from holding.findings


def _asked_for(finding: Finding) -> Finding:
    """Return *finding* as it is while the request for the next version waits: that is asked for already."""
    if finding.id != judge_findings.EXPIRES_SOON.id:
        return finding
    remedy = Remedy(title=tr("Hand in the CA's answer when it comes."))
    evidence = replace(finding.evidence, more={**finding.evidence.more, "request": "waits"})
    return replace(finding, detail=waits_words(), evidence=evidence, remedies=(remedy,))


def waits_words() -> str:
    """Return that the request for a certificate's next version is at the CA."""
    return tr("A request for its next version waits for the CA's answer.")


def _subject(judgement: VersionJudgement) -> dict[str, str]:
    return Subject.from_name(judgement.chain[0].subject).to_form() if judgement.chain else {}


def _names(judgement: VersionJudgement) -> Iterator[str]:
    from codesign_wizard.core.authenticode import trust

    for each in judgement.chain:
        yield trust.name(each)
    if judgement.root is not None:
        yield trust.name(judgement.root)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
