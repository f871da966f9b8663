"""``trial macos``: begun, gone on with, interrupted; what of it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.commands.context import INTERRUPTED, Context
from codesign_wizard.commands.macos import gatekeeper_facts, hinted, identities, judge_hint, timestamper
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.errors import Cancelled, InputError
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.macos_trial_state import LaterStep, MacosTrialResult
    from codesign_wizard.session import Session


NOTHING_TO_CONTINUE = FindingKind(
    "usage.nothing-to-continue",
    Severity.ERROR,
    "There is no macOS trial of this profile to go on with.",
    "--continue goes on with a trial that signed a file and did not come to the end of its level.",
)


def trial(context: Context, own: Path | None, folder: Path, name: str) -> Outcome:
    """Run the trial for macOS."""
    from codesign_wizard.core.apple.forms import Form, form_of
    from codesign_wizard.core.apple.sign_any import SigningOptions
    from codesign_wizard.core.apple.verify_any import accepted
    from codesign_wizard.core.macos_trial import not_refused, run_macos_trial, unfinished
    from codesign_wizard.core.macos_trial_state import MacosTrialRequest

    session = context.session
    profile = session.profile
    form = Form.PACKAGE if own is None else form_of(own) or Form.PROGRAM
    # what the level lacks is told before anything is signed
    later = _later(context)
    request = MacosTrialRequest(
        options=identities(context, SigningOptions().kinds(form)),
        roots=session.apple_roots(),
        timestamper=timestamper(context),
        output_folder=folder,
        product_name=profile.product_name or profile.name,
        level=session.macos_level(),
        input_file=own,
        output_name=name,
        later=later,
        keep=session.keep_macos_trial if later else lambda _: None,
    )
    state = None if context.options.anew else session.macos_trial()
    if state is not None and context.options.anyway:
        from codesign_wizard.core.apple.later_words import UPLOAD

        state = not_refused(state, UPLOAD)
    if context.options.resume and state is None:
        raise InputError(NOTHING_TO_CONTINUE())
    if not context.options.resume and not unfinished(context.job, request, state):
        state = None
    try:
        result = run_macos_trial(context.job, request, state)
    except Cancelled:
        return _interrupted(session, later)
    written = result.file is not None
    roots = context.write_practice_roots(folder, windows=False, macos=True) if written else []
    document = {**result.to_json(), "practice_roots": [str(path) for path in roots]}
    clear = tr("Signed and verified: the signatures hold.")
    if later and result.ok:
        clear = tr("Signed, verified and notarised.")
        if result.level == LEVELS[2]:
            clear = tr("Signed, verified, notarised and stapled.")
    if result.verification is not None:
        clear = accepted(result.verification, clear)
    if written and result.pending:
        clear = tr("It is signed, and with Apple now. Started again, it goes on there.")
    return Outcome(
        hinted(result.findings),
        {"macos": document},
        _trial_facts(result.facts),
        notes=[] if result.file is None else judge_hint(result.file, roots),
        clear=clear,
        blocked=_blocked(result),
    )


def _interrupted(session: Session, later: Sequence[LaterStep]) -> Outcome:
    """Say what Apple has, in whole or in part, which Ctrl-C does not withdraw; else raise ``Cancelled``."""
    from codesign_wizard.core.apple import notary_words
    from codesign_wizard.core.apple.notary_steps import SUBMISSION

    state = session.macos_trial() if later else None
    told = "" if state is None else str(state.data.get(SUBMISSION, ""))
    record = session.submissions().get(told) if told else None
    if record is not None and record.open:
        finding = notary_words.in_progress(record)
        blocked = tr("Nobody waits any more; it goes on with Apple. Started again, the trial goes on there.")
    else:
        part = (
            None
            if state is None
            else notary_words.stopped(session.submissions(), session.secrets, Path(state.file))
        )
        if part is None:
            raise Cancelled
        record, finding = part
        blocked = tr("The package is signed, but not sent yet. Started again, the trial goes on there.")
    return Outcome(
        [finding],
        {"macos": {"state": state.to_json() if state is not None else None}},
        [(tr("Submission"), record.id)],
        clear=blocked,
        blocked=blocked,
        code=INTERRUPTED,
    )


def _blocked(result: MacosTrialResult) -> str:
    from codesign_wizard.core.macos_trial import REFUSED

    if result.file is None:
        return tr("The trial did not succeed; nothing was written.")
    if result.state is not None and REFUSED in result.state.data:
        return tr("The trial was refused; what was signed is kept. Started again, it signs anew.")
    return tr("The trial did not come to its end; what was signed is kept. Started again, it goes on there.")


def _later(context: Context) -> Sequence[LaterStep]:
    """Return the steps after signing that the level has; raises ``InputError`` without an API key."""
    session = context.session
    if session.macos_level() == LEVELS[0]:
        return ()
    from codesign_wizard.commands.api_key_options import given_key
    from codesign_wizard.core.apple.notary_steps import later_steps

    given = given_key(context)
    patience = max(0.0, context.options.wait_at_most * 60)
    return later_steps(
        lambda: session.notary_desk(given.key, given.known),
        session.network,
        patience=patience,
        anyway=context.options.anyway,
    )


def _trial_facts(facts: dict[str, str]) -> list[tuple[str, str]]:
    names = {
        "publisher": tr("Publisher"),
        "chain": tr("Chain"),
        "team": tr("Team"),
        "timestamp": tr("Time stamp"),
        "digest": tr("Digest"),
        "key": tr("Key"),
        "programs": tr("Programs signed"),
        "file": tr("Signed file"),
    }
    shown = [(words, facts[name]) for name, words in names.items() if facts.get(name)]
    return [*shown, *gatekeeper_facts(facts.get("gatekeeper_online"), facts.get("gatekeeper_offline"))]
