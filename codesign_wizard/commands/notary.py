"""``notary``: Apple's notary service: the API key, submissions, their state and their logs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.commands.api_key_options import add_key_arguments, given_key, keep_key
from codesign_wizard.commands.arguments import WrongUsage
from codesign_wizard.commands.context import INTERRUPTED, Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.errors import Cancelled, CodesignError
from codesign_wizard.core.finding import Finding, FindingKind, Severity, blocks, iso, utc_now, worst_first
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import when

if TYPE_CHECKING:
    from codesign_wizard.core.apple.notary_api import Submission
    from codesign_wizard.core.apple.notary_desk import Desk
    from codesign_wizard.core.apple.notary_desk import Outcome as Notarised
    from codesign_wizard.core.apple.submissions import Record

NEEDS = FindingKind(
    "usage.notary-words",
    Severity.ERROR,
    "notary {what} takes {wanted}.",
    "notary submit takes one file, status and log one submission ID, check and history nothing more.",
)
_WORDS = {"check": 0, "submit": 1, "status": 1, "log": 1, "history": 0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do, with what, and the key."""
    parser.add_argument(
        "what",
        choices=tuple(_WORDS),
        help=tr("try the key; submit a file; ask for a result; fetch a log; list submissions"),
    )
    parser.add_argument("which", nargs="?", metavar="FILE|ID", help=tr("the file, or the submission's ID"))
    add_key_arguments(parser)
    parser.add_argument(
        "--keep", action="store_true", help=tr("check: keep key and ids when Apple has accepted them")
    )
    parser.add_argument(
        "--wait",
        action=argparse.BooleanOptionalAction,
        default=None,
        help=tr("wait for Apple's result (submit: yes, status: no)"),
    )
    parser.add_argument(
        "--wait-at-most",
        type=float,
        metavar="MINUTES",
        default=60.0,
        help=tr("default: 60; the rest is with Apple"),
    )
    parser.add_argument(
        "--staple", action="store_true", help=tr("submit, status: staple the ticket once it is accepted")
    )
    parser.add_argument(
        "--file", type=Path, metavar="FILE", help=tr("status, log: the file, to compare the log with")
    )
    parser.add_argument("--anyway", action="store_true", help=tr("submit what Apple would refuse"))
    parser.add_argument("--anew", action="store_true", help=tr("submit again what was submitted already"))
    parser.add_argument(
        "--extra-root", action="append", metavar="PEM", help=tr("roots that count as Apple's")
    )
    parser.add_argument(
        "--extra-timestamp-root", action="append", metavar="PEM", help=tr("roots that count for time stamps")
    )


def run(context: Context) -> Outcome:
    """Do what the first word says."""
    options = context.options
    wanted = _WORDS[options.what]
    if options.what == "submit" and options.which is None and context.practising:
        from codesign_wizard.practice_package import package_to_submit

        options.which = str(package_to_submit(context.job, context.session))
    if (options.which is not None) != bool(wanted):
        words = tr("nothing more")
        if wanted:
            words = tr("a file") if options.what == "submit" else tr("a submission ID")
        raise WrongUsage(NEEDS(what=options.what, wanted=words), f"notary {options.what}")
    context.reaches_out()
    return {
        "check": _check,
        "submit": _submit,
        "status": _status,
        "log": _log,
        "history": _history,
    }[options.what](context)


def _check(context: Context) -> Outcome:
    session = context.session
    given = given_key(context)
    api = session.notary_api(given.key, given.known)
    findings = list(given.findings)
    try:
        api.test(context.job)
    except CodesignError as error:
        findings.append(error.finding)
        return Outcome(findings, _key_result(given.key, False), blocked=_blocked())
    from codesign_wizard.core.apple.api_key_findings import ACCEPTED

    findings.append(ACCEPTED(key_id=given.key.key_id))
    kept = keep_key(context, given, accepted=iso(utc_now()))
    facts = [(tr("Key ID"), given.key.key_id), (tr("Issuer ID"), given.key.issuer_id)]
    if kept:
        facts.append((tr("Kept in"), session.secrets.place))
    return Outcome(findings, _key_result(given.key, True), facts, clear=tr("Apple lets this key notarise."))


def _submit(context: Context) -> Outcome:
    from codesign_wizard.core.apple import notary_desk, notary_submit, notary_words
    from codesign_wizard.core.apple.submitted_file import check_file

    options = context.options
    path = Path(options.which)
    check_file(path)
    desk, given = _desk(context)
    try:
        brought = notary_submit.submit(
            context.job, desk, path, look_first=not options.anyway, anew=options.anew
        )
    except Cancelled:
        stopped = notary_words.stopped(desk.submissions, desk.secrets, path)
        if stopped is None:
            raise  # nothing is with Apple
        record, finding = stopped
        return _told(notary_desk.Outcome(record, [finding]), [*given, finding], code=INTERRUPTED)
    findings = [*given, *brought.findings]
    if not brought.record.id:
        return _told(brought, findings)
    if options.wait is False:
        if brought.record.open:
            findings.append(_with_how(notary_words.submitted(brought.record)))
        return _told(brought, findings)
    return _waited(context, desk, brought.record, findings, path)


def _status(context: Context) -> Outcome:
    from codesign_wizard.core.apple import notary

    desk, given = _desk(context)
    options = context.options
    outcome = notary.status(context.job, desk, options.which, look=options.file)
    if options.wait and outcome.record.open:
        return _waited(context, desk, outcome.record, given, options.file)
    return _ended(context, outcome, [*given, *outcome.findings], options.file)


def _log(context: Context) -> Outcome:
    from codesign_wizard.core.apple import notary

    desk, given = _desk(context)
    outcome = notary.fetch_log(context.job, desk, context.options.which, look=context.options.file)
    return _told(outcome, [*given, *outcome.findings])


def _history(context: Context) -> Outcome:
    from codesign_wizard.core.apple import notary
    from codesign_wizard.core.apple.notary_desk import record_json

    desk, given = _desk(context)
    rows = notary.history(context.job, desk)
    result: list[dict[str, Any]] = []
    lines: list[str] = []
    for submission, note in rows:
        lines.append(_line(submission, note))
        document: dict[str, Any] = {"known_here": note is not None, "listed_by_apple": submission is not None}
        if submission is not None:
            document |= {
                "id": submission.id,
                "name": submission.name,
                "status": submission.status,
                "created": None if submission.created is None else iso(submission.created),
            }
        result.append({**(record_json(note) if note is not None else {}), **document})
    if not lines:
        lines = [tr("This team has submitted nothing yet.")]
    return Outcome(given, result, lines=lines)


def _line(submission: Submission | None, note: Record | None) -> str:
    created = submission.created if submission is not None else None
    time = created or (note.created if note is not None else None)
    state = submission.status if submission is not None else (note.state.value if note is not None else "")
    name = submission.name if submission is not None else (note.name if note is not None else "")
    identifier = submission.id if submission is not None else (note.id if note is not None else "")
    return f"{when(time) if time is not None else '':<24}  {state:<12}  {identifier}  {name}"


def _waited(
    context: Context, desk: Desk, record: Record, findings: Sequence[Finding], path: Path | None
) -> Outcome:
    from codesign_wizard.core.apple import notary, notary_desk, notary_words

    try:
        patience = max(0.0, context.options.wait_at_most * 60)
        outcome = notary.wait(context.job, desk, record, patience=patience, look=path)
    except Cancelled:
        waiting = notary_desk.Outcome(record, [_with_how(notary_words.in_progress(record))])
        return _told(waiting, [*findings, *waiting.findings], code=INTERRUPTED)
    except CodesignError as error:
        waiting = notary_desk.Outcome(record, [])
        return _told(waiting, [*findings, error.finding, _with_how(notary_words.in_progress(record))])
    if outcome.record.open:
        return _told(outcome, [*findings, *map(_with_how, outcome.findings)])
    return _ended(context, outcome, [*findings, *outcome.findings], path)


def _ended(context: Context, outcome: Notarised, findings: Sequence[Finding], path: Path | None) -> Outcome:
    """Staple, where that is wanted and possible, and tell."""
    if not context.options.staple or not outcome.accepted:
        return _told(outcome, findings)
    from codesign_wizard.core.apple.staple import staple
    from codesign_wizard.core.apple.ticket import PATIENCE

    target = path or (Path(outcome.record.file) if outcome.record.file else None)
    if target is None:
        return _told(outcome, findings)
    try:
        patience = min(PATIENCE, max(0.0, context.options.wait_at_most * 60))
        stapled = staple(context.job, context.session.network, target, patience=patience)
    except CodesignError as error:
        return _told(outcome, [*findings, error.finding])
    return _told(outcome, [*findings, *stapled.findings], staple=stapled.to_json())


def _told(
    outcome: Notarised, findings: Sequence[Finding], *, code: int | None = None, staple: Any = None
) -> Outcome:
    record = outcome.record
    facts = [(tr("File"), record.file or record.name)]
    if record.id:
        facts.append((tr("Submission"), record.id))
    if record.uploaded is not None:
        facts.append((tr("Uploaded"), when(record.uploaded)))
    facts.append((tr("State"), record.state.value))
    if outcome.log_file is not None:
        facts.append((tr("Apple's log"), str(outcome.log_file)))
    result = {**outcome.to_json(), "staple": staple}
    if not record.id:
        result |= {"id": None, "state": None}
        facts = facts[:1]
    ordered = worst_first(findings)
    clear = tr("Apple has notarised it.") if outcome.accepted else ""
    blocked = (
        tr("It is not notarised.") if not outcome.accepted else tr("It is notarised, but not all is done.")
    )
    if record.open and not blocks(ordered):
        clear = tr("It is with Apple now.") if record.uploaded is not None else tr("It is not sent yet.")
    return Outcome(ordered, result, facts, clear=clear, blocked=blocked, code=code)


def _desk(context: Context) -> tuple[Desk, list[Finding]]:
    given = given_key(context)
    return context.session.notary_desk(given.key, given.known), list(given.findings)


def _with_how(finding: Finding) -> Finding:
    from codesign_wizard.commands.hints import with_remedy

    submission = finding.evidence.more["submission"]
    return with_remedy(finding, tr("Here: notary status {id} --wait --staple.").format(id=submission))


def _key_result(key: Any, accepted: bool) -> dict[str, Any]:
    return {"key_id": key.key_id, "issuer_id": key.issuer_id, "accepted": accepted}


def _blocked() -> str:
    return tr("Nothing can be notarised with this key as things are.")
