"""What is said of a submission that is not over yet, or whose team Apple has not set up."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from codesign_wizard.core.apple import notary_findings as found
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.notary_api import IN_PROGRESS
from codesign_wizard.core.apple.notary_upload import arrived
from codesign_wizard.core.apple.submissions import Record, State, SubmissionStore
from codesign_wizard.core.finding import Evidence, Finding, Remedy, iso, utc_now
from codesign_wizard.core.secrets import SecretStore
from codesign_wizard.core.text import size_words, tr

SUPPORT = "https://developer.apple.com/contact/topic/select"


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
    elapsed = elapsed_of(record)
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
                url=SUPPORT,
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


def not_configured(evidence: Evidence) -> Finding:
    """Return the finding for a team that Apple has not set up for notarising."""
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
                url=SUPPORT,
            )
        ],
    )


def elapsed_of(record: Record) -> float:
    """Return the seconds since the upload, or since it was begun."""
    since = record.uploaded or record.created
    return max(0.0, (datetime.now(UTC) - since).total_seconds())
