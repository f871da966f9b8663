"""A file on its way to Apple: the same submission after a stop, and a new one where there is none."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from codesign_wizard.core.apple import notary_findings as found
from codesign_wizard.core.apple import upload_access
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.notary_api import UploadAccess
from codesign_wizard.core.apple.notary_desk import PART, UPLOAD, Desk, Outcome, blank_record
from codesign_wizard.core.apple.notary_storage import AccessEndedError, UploadGoneError
from codesign_wizard.core.apple.notary_upload import upload_file
from codesign_wizard.core.apple.preflight import preflight
from codesign_wizard.core.apple.submissions import Record, State, Upload
from codesign_wizard.core.apple.submitted_file import Sendable, sendable
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Evidence, Finding, Remedy, utc_now, worst_first
from codesign_wizard.core.job import JobContext, LogLevel, StageState
from codesign_wizard.core.text import size_words, tr


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
        look = preflight(_Looking(job), path, roots=desk.roots)
        findings += look.findings
        if not look.ok:
            job.stage(UPLOAD, StageState.FAILED, tr("Apple would refuse it"))
            refused = found.PREFLIGHT(
                file=shown(path.name),
                remedies=[Remedy(title=tr("Mend what is listed, or submit it all the same: --anyway."))],
            )
            return Outcome(
                blank_record(path, sent.sha256, sent.size, desk), worst_first([refused, *findings])
            )
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


class _Looking:
    """A job of which nothing is sent yet: how far the look is says nothing of the upload."""

    def __init__(self, job: JobContext) -> None:
        self._job = job
        self.log = job.log
        self.stage = job.stage
        self.check_cancelled = job.check_cancelled
        self.wait = job.wait

    def progress(self, done: int, total: int | None, text: str = "") -> None:
        """Say what is looked at, as what comes before."""
        self._job.progress(0, None, tr("first looking at {file}").format(file=text) if text else "")


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
            self.job.log(LogLevel.WARNING, error.finding.title, part=PART)
            return None

    def _announce(self) -> tuple[Record, UploadAccess]:
        api = self.desk.api
        self.job.check_cancelled()
        submission_id, access = api.create(self.job, self.file.name, self.sha256)
        # the id first: a keyring may want to be unlocked, and who is killed meanwhile still knows it
        record = blank_record(self.path, self.sha256, self.size, self.desk)
        record.id, record.name = submission_id, self.file.name
        record.upload = Upload(access.bucket, access.object)
        self.desk.submissions.save(record)
        try:
            kept = upload_access.keep(self.desk.secrets, self.desk.profile_id, submission_id, access)
            if not kept or not self.desk.secrets.kept:
                self.job.log(
                    LogLevel.INFO, tr("An interrupted upload can be continued in this run only."), part=PART
                )
        except CodesignError as error:
            # the upload works without; only an interruption could not be continued
            self.job.log(LogLevel.WARNING, error.finding.title, part=PART)
        self.job.log(LogLevel.INFO, tr("The submission is {id}").format(id=record.id), part=PART)
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
        job.log(LogLevel.WARNING, error.finding.title, part=PART)
