"""What became of a change, or of an undo, in whose middle a run ended: told once, at the next look.

A save is one call, so the server has all of it or nothing. Which of both is seen by our keys; a secret that
the server keeps its own way is compared with what the server had for it before.
"""

from __future__ import annotations

from codesign_wizard.core.comet.apply import holds, raw
from codesign_wizard.core.comet.document import Members, same
from codesign_wizard.core.comet.journal import Journal, Old, Phase, Record
from codesign_wizard.core.comet.look import View
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Remedy, Severity, utc_now
from codesign_wizard.core.text import tr

BEFORE = FindingKind(
    "server.apply.interrupted-before",
    Severity.INFO,
    "An earlier change was interrupted before it was saved: the server is as it was.",
    "The program ended between the first step and the save; uploaded files are dropped by the server itself.",
)
SAVED = FindingKind(
    "server.apply.interrupted-saved",
    Severity.INFO,
    "An earlier change was interrupted after it was saved: the server has all the new values.",
    "The program ended before it could read the settings back; that was made up for now.",
)
SECRET = FindingKind(
    "server.apply.interrupted-secret",
    Severity.WARNING,
    "An earlier change was interrupted, and whether the server has the new secret cannot be seen.",
    "Only a secret was to be changed, and the server does not show secrets.",
)
UNCLEAR = FindingKind(
    "server.apply.interrupted-unclear",
    Severity.WARNING,
    "An earlier change was interrupted, and the server now has neither the old nor the new values.",
    "The program ended in the middle of a change, and the settings were changed by others since.",
)
UNDO_BEFORE = FindingKind(
    "server.undo.interrupted-before",
    Severity.INFO,
    "An earlier undo was interrupted before it was saved: the server has the new values.",
    "The program ended before the old values were given back; the change can still be undone.",
)
UNDO_SAVED = FindingKind(
    "server.undo.interrupted-saved",
    Severity.INFO,
    "An earlier undo was interrupted after it was saved: the server has its old settings back.",
    "The program ended before it could read the settings back; that was made up for now.",
)


def explain(journal: Journal, server: str, view: View) -> list[Finding]:
    """Say what became of a change of *server* (its address) in whose middle a run ended, and close it.

    Nothing when there is none. Raises ``InputError`` when it cannot be written down.
    """
    record = journal.read()
    if record is None or not record.phase.open or record.server != server or view.branding is None:
        return []
    evidence = Evidence(
        time=utc_now(),
        more={"started": f"{record.time:%Y-%m-%d %H:%M:%S} UTC", "phase": record.phase.value},
    )
    finding, record.phase = _judge(record, journal, view.members(), evidence)
    journal.write(record)
    if record.phase is Phase.UNDONE:
        journal.forget_old()
    return [finding]


def _judge(record: Record, journal: Journal, now: Members, evidence: Evidence) -> tuple[Finding, Phase]:
    again = [Remedy(title=tr("Compare the settings again (server diff), and apply what is missing."))]
    undoing = record.phase is Phase.UNDOING
    if record.phase not in (Phase.SENT, Phase.UNDOING):
        # nothing was sent yet
        if holds(now, record.before):
            return BEFORE(evidence=evidence), Phase.NONE
        return UNCLEAR(evidence=evidence, remedies=again), Phase.NONE
    told = {key for key, text in record.after.items() if text is not None and not key.endswith("Format")}
    if any(_differ(record.before.get(key), record.after[key]) for key in told):
        new, old = holds(now, record.after), holds(now, record.before)
    else:
        # nothing but secrets: they are what shows it
        new, old = _by_secrets(record, journal, now)
        if new == old:
            return SECRET(evidence=evidence, remedies=again), Phase.APPLIED
    if new:
        if undoing:
            return UNDO_BEFORE(evidence=evidence), Phase.APPLIED
        return SAVED(evidence=evidence), Phase.APPLIED
    if old:
        if undoing:
            return UNDO_SAVED(evidence=evidence), Phase.UNDONE
        return BEFORE(evidence=evidence), Phase.NONE
    return UNCLEAR(evidence=evidence, remedies=again), Phase.NONE


def _by_secrets(record: Record, journal: Journal, now: Members) -> tuple[bool, bool]:
    """Return whether the secrets are certainly the new ones, and whether they are certainly the old ones."""
    values = (journal.old() or Old()).values
    new = old = False
    for key in record.secret:
        held = raw(now, tuple(key.split("."))) or '""'
        before = values.get(key, record.before.get(key))
        if before is None:
            return False, False
        if same(held, before):
            old = True
        elif before == '""' or held == '""':
            new = held != '""'
            old = not new
        else:
            # a server may wrap a secret anew for each answer
            return False, False
    return new, old


def _differ(before: str | None, after: str | None) -> bool:
    return before is None or after is None or not same(before, after)
