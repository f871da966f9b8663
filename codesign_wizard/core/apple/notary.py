"""Notarising a file from beginning to end: announced, uploaded, judged by Apple, and its log explained.

Every step is noted (``SubmissionStore``) before the next begins, so that whatever ends the program in
between is continued with the same submission. The same bytes are never submitted twice while a submission
of them is open, nor when one was accepted.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from codesign_wizard.core.apple import notary_findings as found
from codesign_wizard.core.apple import upload_access
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.notary_api import IN_PROGRESS, NotaryApi, NotaryLog, Submission, UploadAccess
from codesign_wizard.core.apple.notary_issues import Predicted, explain
from codesign_wizard.core.apple.notary_storage import AccessEndedError, UploadGoneError
from codesign_wizard.core.apple.notary_upload import arrived, upload_file
from codesign_wizard.core.apple.preflight import preflight
from codesign_wizard.core.apple.submissions import Record, State, SubmissionStore, Upload
from codesign_wizard.core.apple.submitted_file import Sendable, sendable
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Evidence, Finding, Remedy, iso, utc_now, worst_first
from codesign_wizard.core.job import JobContext, LogLevel, StageState
from codesign_wizard.core.network import NetworkError
from codesign_wizard.core.network_failure import FailureKind
from codesign_wizard.core.secrets import SecretStore
from codesign_wizard.core.text import size_words, tr

UPLOAD, PROCESSING, LOG = "upload", "processing", "log"
STAGES = (UPLOAD, PROCESSING, LOG)
# after so long without a result the wait ends; the submission goes on with Apple
PATIENCE = 3600.0
_PAUSES = (0.5, 1.0, 2.0, 3.0, 5.0, 5.0, 10.0, 10.0, 15.0)
_LONGEST_PAUSE = 30.0
_SHORTEST_PAUSE = 0.2  # in practice, where all pauses are short
_TEAM_NOT_CONFIGURED = 7000
_PART = "notary"
_SUPPORT = "https://developer.apple.com/contact/topic/select"


@dataclass(frozen=True)
class Desk:
    """What notarising needs.

    The service, where submissions are noted, where secrets are, and trusted roots.
    """

    api: NotaryApi
    submissions: SubmissionStore
    secrets: SecretStore
    profile_id: str
    roots: AppleRoots


@dataclass(frozen=True)
class Outcome:
    """How a submission stands: its record, Apple's log when there is one, and what is to be said."""

    record: Record
    findings: list[Finding]
    log: NotaryLog | None = None
    log_file: Path | None = None

    @property
    def accepted(self) -> bool:
        """Whether Apple has notarised the file."""
        return self.record.state is State.ACCEPTED

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as documented in docs/json.md."""
        return {**record_json(self.record), "log": None if self.log is None else self.log.document}


def record_json(record: Record) -> dict[str, Any]:
    """Return a submission as documented in docs/json.md."""
    return {
        "id": record.id,
        "name": record.name,
        "file": record.file or None,
        "sha256": record.sha256 or None,
        "size": record.size or None,
        "state": record.state.value,
        "created": iso(record.created),
        "uploaded": None if record.uploaded is None else iso(record.uploaded),
        "finished": None if record.finished is None else iso(record.finished),
        "summary": record.summary or None,
    }


def submit(
    job: JobContext, desk: Desk, path: Path, *, look_first: bool = True, anew: bool = False
) -> Outcome:
    """Bring *path* to Apple, or find that it is there already; nobody waits for the result here.

    With *look_first* our own verification has to find nothing that Apple would refuse, else nothing is
    uploaded and the outcome's record has no id. *anew* submits bytes again that were accepted, or whose
    upload cannot be continued. Raises ``CodesignError``, ``InputError`` and ``Cancelled``; what arrived is
    kept.
    """
    job.stage(UPLOAD, StageState.RUNNING, tr("reading the file"))
    with sendable(job, path) as sent, desk.submissions.lock(sent.bare, shown(path.name)):
        return _submit(job, desk, path, sent, look_first=look_first, anew=anew)


def _submit(
    job: JobContext, desk: Desk, path: Path, sent: Sendable, *, look_first: bool, anew: bool
) -> Outcome:
    known = None if anew else _known(desk, sent)
    findings: list[Finding] = []
    if known is not None and known.state is not State.UPLOADING:
        date = f"{known.created.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        already = found.ALREADY(date=date, evidence=Evidence(more={"submission": known.id}))
        job.stage(UPLOAD, StageState.SKIPPED, tr("submitted already"))
        known.file = str(path.absolute())
        # killed between the end of the upload and this, the last time
        drop_access(job, desk)
        return Outcome(known, [already])
    if known is None and look_first:
        look = preflight(job, path, roots=desk.roots)
        findings += look.findings
        if not look.ok:
            job.stage(UPLOAD, StageState.FAILED, tr("Apple would refuse it"))
            refused = found.PREFLIGHT(
                file=shown(path.name),
                remedies=[Remedy(title=tr("Mend what is listed, or submit it all the same: --anyway."))],
            )
            return Outcome(_blank(path, sent.sha256, sent.size, desk), worst_first([refused, *findings]))
    record, more = _Bringing(job, desk, path, sent).bring(known)
    return Outcome(record, [*findings, *more])


def _known(desk: Desk, sent: Sendable) -> Record | None:
    """Return the submission of these bytes, or of the same without the ticket that is stapled now."""
    known = desk.submissions.find(sent.sha256, desk.api.key.issuer_id)
    if known is None and sent.bare != sent.sha256:
        known = desk.submissions.find(sent.bare, desk.api.key.issuer_id)
        if known is not None and known.state is State.UPLOADING:
            return None  # the rest of an upload has to be of the same file
    return known


class _Bringing:
    """One file on its way to Apple."""

    def __init__(self, job: JobContext, desk: Desk, path: Path, sent: Sendable) -> None:
        self.job, self.desk, self.path = job, desk, path
        self.file, self.sha256, self.size = sent.file, sent.sha256, sent.size
        self.findings: list[Finding] = []

    def bring(self, known: Record | None) -> tuple[Record, list[Finding]]:
        record, access = known, None
        if record is not None and self._judged(record):
            return record, self.findings
        if record is not None:
            access = self._recall(record)
            if access is None:
                self._lost(record, tr("the access to Apple's storage was not kept"))
                record = None
        for attempt in (1, 2):
            if record is None or access is None:
                record, access = self._announce()
            try:
                self._upload(record, access)
            except (AccessEndedError, UploadGoneError) as error:
                ended = isinstance(error, AccessEndedError)
                why = (
                    tr("the access to Apple's storage has ended")
                    if ended
                    else tr("Apple's storage dropped it")
                )
                self._lost(record, why)
                if attempt == 2:
                    raise CodesignError(
                        found.UPLOAD_REFUSED(
                            code=type(error).__name__.removesuffix("Error"),
                            evidence=Evidence(message=str(error) or None, time=utc_now()),
                            remedies=[Remedy(title=tr("Start again."))],
                        )
                    ) from error
                record = access = None
            else:
                return record, self.findings
        raise AssertionError("the second attempt returns or raises")

    def _judged(self, record: Record) -> bool:
        """Tell whether Apple has come to a result: then the upload had ended, and that was not noted."""
        try:
            finished = self.desk.api.status(self.job, record.id).finished
        except CodesignError as error:
            if error.finding.id != found.SUBMISSION_UNKNOWN.id:
                raise
            return False
        if finished:
            self._arrived(record)
        return finished

    def _arrived(self, record: Record) -> None:
        record.state, record.uploaded, record.upload = State.PROCESSING, utc_now(), None
        self.desk.submissions.save(record)
        self._forget_access()
        self.job.stage(UPLOAD, StageState.DONE, size_words(self.size))

    def _recall(self, record: Record) -> UploadAccess | None:
        try:
            return upload_access.recall(self.desk.secrets, self.desk.profile_id, record.id)
        except CodesignError as error:
            self.job.log(LogLevel.WARNING, error.finding.title, part=_PART)
            return None

    def _announce(self) -> tuple[Record, UploadAccess]:
        api = self.desk.api
        self.job.check_cancelled()
        submission_id, access = api.create(self.job, self.file.name, self.sha256)
        # the id first: a keyring may want to be unlocked, and who is killed meanwhile still knows it
        record = _blank(self.path, self.sha256, self.size, self.desk)
        record.id, record.name = submission_id, self.file.name
        record.upload = Upload(access.bucket, access.object)
        self.desk.submissions.save(record)
        try:
            kept = upload_access.keep(self.desk.secrets, self.desk.profile_id, submission_id, access)
            if not kept or not self.desk.secrets.kept:
                self.job.log(
                    LogLevel.INFO, tr("An interrupted upload can be continued in this run only."), part=_PART
                )
        except CodesignError as error:
            # the upload works without; only an interruption could not be continued
            self.job.log(LogLevel.WARNING, error.finding.title, part=_PART)
        self.job.log(LogLevel.INFO, tr("The submission is {id}").format(id=record.id), part=_PART)
        return record, access

    def _upload(self, record: Record, access: UploadAccess) -> None:
        if record.upload is None:
            record.upload = Upload(access.bucket, access.object)
        self.job.stage(UPLOAD, StageState.RUNNING, record.id)
        there = bool(record.upload.parts)
        done = upload_file(
            self.job,
            self.desk.api.network,
            access,
            self.file,
            self.size,
            record.upload,
            lambda: self.desk.submissions.save(record),
        )
        if there and done.found:
            self.findings.append(
                found.UPLOAD_RESUMED(
                    done=size_words(done.found),
                    total=size_words(self.size),
                    evidence=Evidence(more={"submission": record.id}),
                )
            )
        self._arrived(record)

    def _lost(self, record: Record, why: str) -> None:
        record.state, record.upload, record.finished = State.ABANDONED, None, utc_now()
        self.desk.submissions.save(record)
        self._forget_access()
        self.findings.append(found.UPLOAD_LOST(id=record.id, why=why))

    def _forget_access(self) -> None:
        drop_access(self.job, self.desk)


def drop_access(job: JobContext, desk: Desk) -> None:
    """Forget the access to Apple's storage, which is of no use after the upload."""
    try:
        upload_access.forget(desk.secrets, desk.profile_id)
    except CodesignError as error:
        job.log(LogLevel.WARNING, error.finding.title, part=_PART)


def wait(
    job: JobContext, desk: Desk, record: Record, *, patience: float = PATIENCE, look: Path | None = None
) -> Outcome:
    """Ask until Apple has come to a result, at most *patience* seconds, and explain it.

    *look* is the file, to compare Apple's log with. Cancelling ends the wait, not the submission. Raises
    ``CodesignError`` and ``Cancelled``.
    """
    job.stage(PROCESSING, StageState.RUNNING, record.id)
    began, failures = time.monotonic(), 0
    attempt = 0
    while True:
        try:
            submission = desk.api.status(job, record.id)
            failures = 0
        except NetworkError as error:
            failures += 1
            # a wait of an hour outlives a network that is away for a moment
            if failures > 5 or error.kind not in _PASSING:
                raise
        else:
            if submission.finished:
                return conclude(job, desk, record, submission, look=look)
        waited = time.monotonic() - began
        elapsed = _elapsed(record)
        if waited >= patience:
            job.stage(PROCESSING, StageState.ATTENTION, tr("still at work"))
            return Outcome(record, [in_progress(record)])
        job.progress(
            int(elapsed),
            None,
            tr("Apple is at work for {elapsed}, usually 2 to 15 minutes").format(elapsed=duration(elapsed)),
        )
        usual = _PAUSES[attempt] if attempt < len(_PAUSES) else _LONGEST_PAUSE
        pause = max(_SHORTEST_PAUSE, usual * desk.api.network.settings.pace)
        attempt += 1
        job.wait(min(pause, max(0.05, patience - waited)))


_PASSING = (
    FailureKind.RESET,
    FailureKind.TIMEOUT,
    FailureKind.NAME,
    FailureKind.REFUSED,
    FailureKind.PROTOCOL,
    FailureKind.OTHER,
)


def status(job: JobContext, desk: Desk, submission_id: str, *, look: Path | None = None) -> Outcome:
    """Ask once how a submission stands, and explain the result if there is one.

    Raises ``CodesignError`` and ``Cancelled``.
    """
    submission = desk.api.status(job, submission_id)
    record = desk.submissions.get(submission_id) or _foreign(desk, submission)
    if not submission.finished:
        return Outcome(record, [in_progress(record)])
    return conclude(job, desk, record, submission, look=look)


def conclude(
    job: JobContext, desk: Desk, record: Record, submission: Submission, *, look: Path | None = None
) -> Outcome:
    """Note the result, fetch the log, and say what it means. Raises ``CodesignError`` and ``Cancelled``."""
    record.state = State.of(submission.status)
    record.finished = record.finished or utc_now()
    record.name = record.name or submission.name
    accepted = record.state is State.ACCEPTED
    job.stage(
        PROCESSING,
        StageState.DONE if accepted else StageState.FAILED,
        submission.status,
    )
    log: NotaryLog | None = None
    kept: Path | None = None
    findings: list[Finding] = []
    job.stage(LOG, StageState.RUNNING)
    try:
        log = _patient_log(job, desk, record.id)
        record.summary = log.summary
        kept = desk.submissions.save_log(record.id, log.document)
    except CodesignError as error:
        # the result stands without its log
        findings.append(_as_warning(error.finding))
    desk.submissions.save(record)
    job.stage(LOG, StageState.DONE if log is not None else StageState.ATTENTION)
    findings += _result(job, desk, record, submission, log, look)
    return Outcome(record, worst_first(findings), log, kept)


def fetch_log(job: JobContext, desk: Desk, submission_id: str, *, look: Path | None = None) -> Outcome:
    """Fetch a submission's log and explain it; raises ``CodesignError`` and ``Cancelled``."""
    log = desk.api.log(job, submission_id)
    record = desk.submissions.get(submission_id)
    submission = Submission(submission_id, log.name, log.status)
    if record is None:
        record = _foreign(desk, submission)
        record.sha256 = log.sha256
    else:
        record.state, record.summary = State.of(log.status), log.summary
        desk.submissions.save(record)
    kept = desk.submissions.save_log(submission_id, log.document)
    return Outcome(record, worst_first(_result(job, desk, record, submission, log, look)), log, kept)


def history(job: JobContext, desk: Desk) -> list[tuple[Submission | None, Record | None]]:
    """Return the team's submissions as Apple lists them, each with our own note of it; then notes that
    Apple does not list. What Apple says is noted. Raises ``CodesignError`` and ``Cancelled``.
    """
    notes = {record.id: record for record in desk.submissions.all()}
    rows: list[tuple[Submission | None, Record | None]] = []
    for submission in desk.api.submissions(job):
        note = notes.pop(submission.id, None)
        if note is not None and submission.finished and note.state is State.PROCESSING:
            note.state, note.finished = State.of(submission.status), utc_now()
            desk.submissions.save(note)
        rows.append((submission, note))
    return [*rows, *((None, note) for note in notes.values())]


def stopped(store: SubmissionStore, secrets: SecretStore, path: Path) -> tuple[Record, Finding] | None:
    """Return the submission of *path* whose upload was stopped, and what to say of it; or ``None``."""
    file = str(path.absolute())
    record = next((each for each in store.all() if each.file == file), None)
    if record is None or record.state is not State.UPLOADING:
        return None
    again = tr("Start again: the upload goes on where it stopped, with the same submission.")
    if not secrets.kept:
        again = tr("Start again: without a keyring it begins anew, and Apple drops what was begun.")
    done = 0 if record.upload is None else arrived(record.upload, record.size)
    return record, found.UPLOAD_STOPPED(
        file=shown(record.name),
        done=size_words(done),
        total=size_words(record.size),
        id=record.id,
        evidence=Evidence(more={"submission": record.id}, time=utc_now()),
        remedies=[Remedy(title=again)],
    )


def submitted(record: Record) -> Finding:
    """Return the finding for a submission whose result nobody waits for now."""
    return found.SUBMITTED(
        file=shown(record.name), id=record.id, evidence=Evidence(more={"submission": record.id})
    )


def in_progress(record: Record) -> Finding:
    """Return the finding for a submission that Apple is at work on."""
    elapsed = _elapsed(record)
    remedies = [
        Remedy(title=tr("Ask again later; it cannot be withdrawn, and to submit it again does not help."))
    ]
    if elapsed > 24 * 3600:
        remedies.append(
            Remedy(
                title=tr(
                    "After a day, ask Apple: Development and Technical > Other Development or Technical "
                    "Questions."
                ),
                portal=(tr("Give the team ID, the submission ID and the time of the upload in UTC."),),
                url=_SUPPORT,
            )
        )
    more = {"submission": record.id}
    if record.uploaded is not None:
        more["uploaded"] = iso(record.uploaded)
    return found.IN_PROGRESS(
        id=record.id,
        elapsed=duration(elapsed),
        detail=tr(
            "Most files take 2 to 15 minutes. Some are held for a closer look, of new teams above all."
        ),
        evidence=Evidence(code=IN_PROGRESS, time=utc_now(), more=more),
        remedies=remedies,
    )


def duration(seconds: float) -> str:
    """Return a length of time in words: ``45 s``, ``3 min``, ``2 h 5 min``."""
    if seconds < 60:
        return tr("{count} s").format(count=int(seconds))
    minutes = int(seconds // 60)
    if minutes < 60:
        return tr("{minutes} min").format(minutes=minutes)
    return tr("{hours} h {minutes} min").format(hours=minutes // 60, minutes=minutes % 60)


def _result(
    job: JobContext,
    desk: Desk,
    record: Record,
    submission: Submission,
    log: NotaryLog | None,
    look: Path | None,
) -> list[Finding]:
    file = shown(record.name or record.id)
    summary = (log.summary if log is not None and log.summary else submission.status).rstrip(".")
    code = None if log is None or log.code is None else str(log.code)
    more = {"submission": record.id}
    evidence = Evidence(code=code, message=summary, time=utc_now(), more=more)
    issues = [] if log is None else log.issues
    if record.state is State.ACCEPTED:
        accepted = found.ACCEPTED(file=file, evidence=evidence)
        return [accepted, *explain(issues)]
    if log is not None and log.code == _TEAM_NOT_CONFIGURED:
        return [_not_configured(evidence)]
    own = _own_look(job, desk, log, look or (Path(record.file) if record.file else None))
    explained = explain(issues, own)
    kind = found.INVALID if record.state is State.INVALID else found.REJECTED
    remedies = [Remedy(title=tr("Mend what is listed, sign again, submit again."))]
    if not explained:
        remedies = [
            Remedy(title=tr("Apple's log has no issues: ask Apple, with the submission ID."), url=_SUPPORT)
        ]
    return [kind(file=file, summary=shown(summary), evidence=evidence, remedies=remedies), *explained]


def _not_configured(evidence: Evidence) -> Finding:
    return found.TEAM_NOT_CONFIGURED(
        detail=tr(
            "It can take Apple some days. Nothing is wrong with the file; signing alone works meanwhile."
        ),
        evidence=evidence,
        remedies=[
            Remedy(
                title=tr("Write to Apple's Developer Programs Support and name status code 7000."),
                portal=(
                    tr("Contact Us > Development and Technical > Other Development or Technical Questions."),
                    tr(
                        "Give the team ID and the submission ID, and ask for the team to be set up for "
                        "notarisation."
                    ),
                ),
                url=_SUPPORT,
            )
        ],
    )


def _own_look(
    job: JobContext, desk: Desk, log: NotaryLog | None, path: Path | None
) -> list[Predicted] | None:
    """Return what our own verification says of the very file that was submitted.

    ``None`` where it is gone.
    """
    if path is None or log is None or not log.issues or not path.exists():
        return None
    try:
        with sendable(job, path) as sent:
            if log.sha256 and log.sha256.lower() not in (sent.sha256, sent.bare):
                return None
        look = preflight(job, path, roots=desk.roots)
    except CodesignError:
        return None
    return None if look.skipped else look.predicted


def _patient_log(job: JobContext, desk: Desk, submission_id: str) -> NotaryLog:
    """Return the log; right after the result Apple may still say that there is none."""
    for pause in (0.5, 2.0, 5.0):
        try:
            return desk.api.log(job, submission_id)
        except CodesignError as error:
            if error.finding.id != found.LOG_NOT_READY.id:
                raise
            desk.api.network.pause(job, pause)
    return desk.api.log(job, submission_id)


def _as_warning(finding: Finding) -> Finding:
    import dataclasses

    from codesign_wizard.core.finding import Severity

    return dataclasses.replace(finding, severity=Severity.WARNING)


def _blank(path: Path, sha256: str, size: int, desk: Desk) -> Record:
    return Record(
        id="",
        name=path.name,
        sha256=sha256,
        size=size,
        issuer_id=desk.api.key.issuer_id,
        created=utc_now(),
        file=str(path.absolute()),
    )


def unknown_record(desk: Desk, submission_id: str, path: Path) -> Record:
    """Return a record for a submission of *path* of which only the id is known."""
    record = _blank(path, "", 0, desk)
    record.id, record.state = submission_id, State.PROCESSING
    return record


def _foreign(desk: Desk, submission: Submission) -> Record:
    """Return a record for what was submitted elsewhere: by notarytool, or on another computer."""
    return Record(
        id=submission.id,
        name=submission.name,
        sha256="",
        size=0,
        issuer_id=desk.api.key.issuer_id,
        created=submission.created or utc_now(),
        state=State.of(submission.status),
    )


def _elapsed(record: Record) -> float:
    since = record.uploaded or record.created
    return max(0.0, (datetime.now(UTC) - since).total_seconds())
