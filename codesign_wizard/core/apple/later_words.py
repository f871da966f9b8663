"""How far a trial above the level of signing came, its submissions, and Apple's issues, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.apple.notary_issues import UNSIGNED
from codesign_wizard.core.apple.trial_words import accepted
from codesign_wizard.core.finding import Finding, Remedy, Severity
from codesign_wizard.core.flow import APPLE_CERTIFICATES, MACOS_LEVEL
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.text import BULLET, size_words, tr
from codesign_wizard.core.verdict import when

if TYPE_CHECKING:
    from codesign_wizard.core.apple.submissions import Record
    from codesign_wizard.core.macos_trial_state import TrialState

UPLOAD, PROCESSING, STAPLE, VALIDATE = "upload", "processing", "staple", "validate"
_LATER = {LEVELS[1]: (UPLOAD, PROCESSING), LEVELS[2]: (UPLOAD, PROCESSING, STAPLE, VALIDATE)}
# a member of the trial's state: the fingerprint of the settings that its file was signed by
SIGNED_BY = "signed-by"
_REFUSED = "refused"  # as core.macos_trial has it
_LISTED = 12
_PREFLIGHT = "apple.notary.preflight"
_ISSUE = "apple.notary.issue-"


def later_stages(level: str) -> Sequence[str]:
    """Return the stages after signing at *level*."""
    return _LATER.get(level, ())


def left_at(state: TrialState | None, level: str, signed_by: str) -> str:
    """Return the stage at which a trial goes on, "" where there is nothing to go on with.

    A file that was refused, was signed by other settings than *signed_by*, or is gone, is nothing to go on
    with.
    """
    if (
        state is None
        or _REFUSED in state.data
        or state.data.get(SIGNED_BY, signed_by) != signed_by
        or not Path(state.file).exists()
    ):
        return ""
    return next((key for key in later_stages(level) if key not in state.done), "")


def may_go_anyway(state: TrialState | None, findings: Iterable[Finding]) -> bool:
    """Tell whether a file waits that was not uploaded because of what our own verification says of it."""
    return (
        state is not None
        and state.data.get(_REFUSED) == UPLOAD
        and any(each.id == _PREFLIGHT for each in findings)
        and Path(state.file).exists()
    )


def stage_words(key: str) -> str:
    """Return what a stage after signing is called."""
    return {
        UPLOAD: tr("Upload"),
        PROCESSING: tr("Apple"),
        STAPLE: tr("Staple"),
        VALIDATE: tr("Validate"),
    }.get(key, key)


def left_words(state: TrialState, key: str) -> tuple[str, str]:
    """Return sentence and smaller sentence for a trial that was left before the stage *key* was done."""
    file, submission = Path(state.file).name, str(state.data.get("submission", ""))
    if key == PROCESSING:
        return (
            tr("{file} is with Apple; nobody waits for the result now.").format(file=file),
            tr("Going on asks for it. The submission {id} is kept, and nothing is sent twice.").format(
                id=submission
            ),
        )
    if key == UPLOAD:
        return (
            tr("{file} is signed; the upload to Apple is not finished.").format(file=file),
            tr("Going on sends only what has not arrived."),
        )
    return (
        tr("{file} is notarised; the ticket is not in it yet.").format(file=file),
        tr("Going on takes it from Apple and staples it."),
    )


def waiting_words(key: str) -> tuple[str, str]:
    """Return sentence and smaller sentence while the stage *key* is under way."""
    return {
        UPLOAD: (
            tr("Uploading to Apple."),
            tr("Cancelling keeps what has arrived; going on sends the rest."),
        ),
        PROCESSING: (
            tr("Apple is looking at it: usually 2 to 15 minutes."),
            tr(
                "New teams may wait hours. Stop waiting whenever you like: the submission stays with Apple, "
                "and this page goes on with it, even after the wizard was closed."
            ),
        ),
        STAPLE: (tr("Asking Apple for the ticket."), tr("It may come a little after the result.")),
        VALIDATE: (tr("Comparing the ticket with Apple's."), ""),
    }.get(key, ("", ""))


def under_way(key: str) -> str:
    """Return what is done in the stage *key*, as the footer says it; "" for one of signing."""
    return {
        UPLOAD: tr("Uploading to Apple"),
        PROCESSING: tr("Waiting for Apple"),
        STAPLE: tr("Stapling"),
        VALIDATE: tr("Comparing the ticket"),
    }.get(key, "")


def stop_words(key: str) -> str:
    """Return what to cancel the stage *key* is called; "" for Cancel, where it ends what is under way."""
    return tr("Stop waiting") if key == PROCESSING else ""


def asks_words(level: str, stage: str) -> str:
    """Return whom a trial at *level* asks for what, which goes on at *stage* ("" for its beginning)."""
    if stage == PROCESSING:
        return tr("Asks Apple for the result; nothing is sent.")
    if stage in (STAPLE, VALIDATE):
        return tr("Asks Apple for the ticket; nothing is sent.")
    if later_stages(level):
        return tr("Sends the signed package to Apple. The keys stay on this computer.")
    return tr("Asks Apple's time-stamp server only. Keys and file stay on this computer.")


def elsewhere(findings: Iterable[Finding]) -> str:
    """Return the step where all that a trial failed for is mended, "" where that is not one step."""
    errors = [each.id for each in findings if each.severity is Severity.ERROR]
    for begins, step in (("apple.api-key.", MACOS_LEVEL), ("apple.identity.", APPLE_CERTIFICATES)):
        if errors and all(each.startswith(begins) for each in errors):
            return step
    return ""


def refused_inside(findings: Iterable[Finding]) -> bool:
    """Tell whether Apple refused the file, or would, for something that is in it."""
    return any(each.id.startswith(_ISSUE) and each.severity is Severity.ERROR for each in findings)


def clear_words(level: str, findings: Iterable[Finding]) -> str:
    """Return the sentence for a trial that went through *level* and found nothing wrong."""
    if level not in _LATER:
        return accepted(findings, tr("Signed and verified: the signatures hold."))
    if any(each.id.endswith("-extra-root") for each in findings):
        # as practice's, or a company's own for tests
        done = tr("Signed, notarised and stapled") if level == LEVELS[2] else tr("Signed and notarised")
        return tr("{done}, with the roots that were added: macOS does not know them.").format(done=done)
    if level == LEVELS[2]:
        return tr("Signed, notarised and stapled: it opens on every Mac, with a network and without.")
    return tr("Signed and notarised: it opens on a Mac that can ask Apple.")


def explained(findings: Iterable[Finding]) -> list[Finding]:
    """Return *findings* as a page shows them: the files below each of Apple's issues, no command to type."""
    return [_explained(each) for each in findings]


def state_words(record: Record) -> str:
    """Return where a submission stands."""
    return {
        "uploading": tr("not fully uploaded"),
        "processing": tr("with Apple"),
        "accepted": tr("accepted"),
        "invalid": tr("refused: invalid"),
        "rejected": tr("refused"),
        "abandoned": tr("given up: never fully uploaded"),
    }[record.state.value]


def submission_line(record: Record) -> str:
    """Return file, time and size of a submission."""
    return f"{record.name}, {when(record.created)}" + (f", {size_words(record.size)}" if record.size else "")


def _explained(finding: Finding) -> Finding:
    if finding.id == _PREFLIGHT:
        # the remedy names an option of the terminal's
        mend = tr(
            "Mend what is listed below, then try again; or submit it all the same, by the button above."
        )
        return replace(finding, remedies=(Remedy(title=mend),))
    if not finding.id.startswith(_ISSUE):
        return finding
    if finding.id.endswith("-unsigned"):
        again = tr("Sign it, innermost first, then the package again: a trial on this page does both.")
        usual = UNSIGNED.mend()
        remedies = [replace(each, title=again) if each.title == usual else each for each in finding.remedies]
        finding = replace(finding, remedies=tuple(remedies))
    files = [text for name, text in finding.evidence.more.items() if name.startswith("file ")]
    more = len(files) - _LISTED + int(finding.evidence.more.get("more", "0"))
    listed = files[:_LISTED]
    if more > 0:
        listed.append(tr("and {count} more").format(count=more))
    return replace(finding, detail="\n".join([finding.detail, *(f"{BULLET}{each}" for each in listed)]))
