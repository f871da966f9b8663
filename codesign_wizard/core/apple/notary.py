"""Notarising a file from beginning to end: announced, uploaded, judged by Apple, and its log explained.

Every step is noted (``SubmissionStore``) before the next begins, so that whatever ends the program in
between is continued with the same submission. The same bytes are never submitted twice while a submission
of them is open, nor when one was accepted.
"""

from __future__ import annotations

import time
from pathlib import Path

from codesign_wizard.core.apple import notary_findings as found
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.notary_api import NotaryLog, Submission
from codesign_wizard.core.apple.notary_desk import LOG, PROCESSING, Desk, Outcome, foreign_record
from codesign_wizard.core.apple.notary_issues import Predicted, explain
from codesign_wizard.core.apple.notary_words import SUPPORT, duration, elapsed_of, in_progress, not_configured
from codesign_wizard.core.apple.preflight import preflight
from codesign_wizard.core.apple.submissions import Record, State
from codesign_wizard.core.apple.submitted_file import sendable
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Evidence, Finding, Remedy, utc_now, worst_first
from codesign_wizard.core.job import JobContext, StageState
from codesign_wizard.core.network import NetworkError
from codesign_wizard.core.network_failure import FailureKind
from codesign_wizard.core.text import tr

# after so long without a result the wait ends; the submission goes on with Apple
PATIENCE = 3600.0


_PAUSES = (0.5, 1.0, 2.0, 3.0, 5.0, 5.0, 10.0, 10.0, 15.0)


_LONGEST_PAUSE = 30.0


_SHORTEST_PAUSE = 0.2  # in practice, where all pauses are short


_TEAM_NOT_CONFIGURED = 7000


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
        elapsed = elapsed_of(record)
        if waited >= patience:
            job.stage(PROCESSING, StageState.ATTENTION, tr("still at work"))
            return Outcome(record, [in_progress(record)])
        job.progress(
            int(elapsed),
            None,
            tr("Apple has been at work for {elapsed}, usually 2 to 15 minutes").format(
                elapsed=duration(elapsed)
            ),
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
    record = desk.submissions.get(submission_id) or foreign_record(desk, submission)
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
        record = foreign_record(desk, submission)
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
        return [not_configured(evidence)]
    own = _own_look(job, desk, log, look or (Path(record.file) if record.file else None))
    explained = explain(issues, own)
    kind = found.INVALID if record.state is State.INVALID else found.REJECTED
    remedies = [Remedy(title=tr("Mend what is listed, sign again, submit again."))]
    if not explained:
        remedies = [
            Remedy(title=tr("Apple's log has no issues: ask Apple, with the submission ID."), url=SUPPORT)
        ]
    return [kind(file=file, summary=shown(summary), evidence=evidence, remedies=remedies), *explained]


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
