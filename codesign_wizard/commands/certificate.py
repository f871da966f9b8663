"""``certificate``: what the vault holds, judged; the CA's answer merged; renewal; reminders."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.csr import make, open_vault, save_file
from codesign_wizard.commands.output import Outcome
from codesign_wizard.commands.request_options import add_request_arguments, asked, described, say, wrong
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Finding, FindingKind, Severity, iso, worst_first
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.certificates.bundle import Answer
    from codesign_wizard.core.certificates.desk import CertificateDesk, DeskState
    from codesign_wizard.core.certificates.forms import Piece
    from codesign_wizard.core.certificates.held import NameSummary, VersionSummary

CALENDAR = FindingKind(
    "certificate.calendar.saved",
    Severity.OK,
    "Saved as {file}: {reminders}.",
    "A calendar file (iCalendar) with the days on which to renew.",
)
CALENDAR_EMPTY = FindingKind(
    "certificate.calendar.nothing",
    Severity.WARNING,
    "There is nothing to be reminded of: {name} is past its end, or there is no certificate.",
    "No calendar file was written.",
)
MERGED = FindingKind(
    "certificate.answer.merged",
    Severity.OK,
    "The certificate of {name} was merged into the vault as version {version}.",
    "The CA's answer is now the newest version; what names the certificate without a version uses it.",
)
_WORDS = {
    "show": lambda: tr("certificate show takes no file."),
    "list": lambda: tr("certificate list takes no file."),
    "recover": lambda: tr("certificate recover takes no file."),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do, the CA's files, a version, and what a renewal asks for."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=("show", "list", "merge", "renew", "recover"),
        default="show",
        help=tr(
            "judge a version; list what the vault holds; check and merge the CA's answer; request the next "
            "version; bring a deleted one back"
        ),
    )
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help=tr(
            "merge: what the CA sent, in any form; - for standard input. renew: the file for the request"
        ),
    )
    parser.add_argument("--version", metavar="VERSION", help=tr("show: another version than the newest"))
    parser.add_argument(
        "--calendar", type=Path, metavar="FILE", help=tr("show, merge: save reminders of its end (.ics)")
    )
    parser.add_argument(
        "--check-only", action="store_true", help=tr("merge: check the answer, and merge nothing")
    )
    parser.add_argument(
        "--practice-ca", action="store_true", help=tr("merge, in practice: let the practice CA answer")
    )
    add_request_arguments(parser)


def run(context: Context) -> Outcome:
    """Do what the first word says."""
    what, files = context.options.what, context.options.files
    if files and what in _WORDS:
        raise wrong(_WORDS[what]())
    context.reaches_out()
    return {"show": _show, "list": _list, "merge": _merge, "renew": _renew, "recover": _recover}[what](
        context
    )


def _show(context: Context) -> Outcome:
    if context.options.version:
        return _show_version(context, context.options.version)
    state = _desk(context).look(context.job)
    findings = [*state.findings, *_unheld(context, state)]
    findings += _calendar(context, state.name, state.expires)
    return _shown(state, findings)


def _shown(state: DeskState, findings: Sequence[Finding]) -> Outcome:
    from codesign_wizard.core.certificates.desk_words import headline

    lines = list(state.chain)
    request = state.request
    return Outcome(
        worst_first(findings),
        {**state.to_json(), "facts": dict(state.facts)},
        facts=[*_facts(state.facts), *([(tr("Chain"), " → ".join(lines))] if lines else [])],
        notes=[tr("A signing request waits for the CA's answer: csr show.")] if request is not None else [],
        clear=headline(state)[1],
        blocked=tr("Programs cannot be signed with it until this is mended."),
    )


def _show_version(context: Context, version: str) -> Outcome:
    from codesign_wizard.core.certificates.judge import judge_version

    session = context.session
    vault, _ = open_vault(context)
    with vault:
        newest = vault.read(context.job)
        held = newest if newest.version == version.lower() else vault.read(context.job, version.lower())
        held = held.with_newest(held.version == newest.version)
    judged = judge_version(context.job, held, roots=session.roots(), network=session.network)
    findings = [*judged.findings, *_calendar(context, held.name, judged.expires)]
    return Outcome(
        worst_first(findings),
        {"vault": vault.options.vault_name, "name": held.name, **judged.to_json()},
        facts=_facts(judged.facts),
        clear=tr("This version can sign programs."),
        blocked=tr("Programs cannot be signed with this version."),
    )


def _list(context: Context) -> Outcome:
    vault, _ = open_vault(context)
    with vault:
        names = vault.names(context.job)
        known = any(each.name.lower() == vault.name.lower() for each in names)
        versions = vault.all_versions(context.job) if known else []
        unsure = {each.name for each in names if each.expires is None}
        unsure |= {vault.name} if any(each.pending for each in versions) else set()
        waiting = {each.lower() for each in vault.waiting(context.job, sorted(unsure))}
    lines = [tr("In the vault {vault}:").format(vault=vault.options.vault_name)]
    room = max((len(each.name) for each in names), default=0)
    lines += [
        f"  {each.name:<{room}}  {_name_words(each, each.name.lower() in waiting)}" for each in names
    ] or [f"  {tr('nothing')}"]
    if versions:
        waits = vault.name.lower() in waiting
        newest = next((each.version for each in versions if not each.pending), "")
        lines += ["", tr("Versions of {name}, the newest first:").format(name=vault.name)]
        lines += [f"  {each.version}  {_version_words(each, newest, waits)}" for each in versions]
    return Outcome(
        [],
        {
            "vault": vault.options.vault_name,
            "name": vault.name,
            "certificates": [{**each.to_json(), "pending": each.name.lower() in waiting} for each in names],
            "versions": [
                {**each.to_json(), "pending": each.pending and vault.name.lower() in waiting}
                for each in versions
            ],
        },
        lines=lines,
    )


def _merge(context: Context) -> Outcome:
    from codesign_wizard.core.certificates.desk_words import what_is_merged

    desk = _desk(context)
    answer = desk.check(context.job, _pieces(context, desk))
    if not answer.ok:
        return Outcome(
            answer.findings,
            {"merged": False, "answer": answer.to_json()},
            facts=answer.words(),
            blocked=tr("Nothing was merged; the vault is as it was."),
        )
    if context.options.check_only:
        return Outcome(
            answer.findings,
            {"merged": False, "answer": answer.to_json()},
            facts=answer.words(),
            clear=tr("It can be merged; nothing was."),
        )
    say([tr("To be merged:"), *described(what_is_merged(desk.options, answer))])
    context.confirm(tr("This gives it to the signing request that waits in the vault."))
    state = desk.merge(context.job, answer)
    return _merged(context, state, answer)


def _merged(context: Context, state: DeskState, answer: Answer) -> Outcome:
    # the judgement says the rest again, of what is in the vault now
    kept = [each for each in answer.findings if each.severity in (Severity.WARNING, Severity.OK)]
    merged = MERGED(name=state.facts.get("publisher", state.name), version=state.facts.get("version", ""))
    findings = [*state.findings, merged, *kept]
    findings += _calendar(context, state.name, state.expires)
    shown = _shown(state, findings)
    return Outcome(
        shown.findings,
        {"merged": True, "answer": answer.to_json(), "certificate": shown.result},
        facts=shown.facts,
        notes=shown.notes,
        clear=tr("Merged, and the vault signs with it."),
        blocked=tr("It was merged, but programs cannot be signed with it yet."),
    )


def _renew(context: Context) -> Outcome:
    from codesign_wizard.core.certificates.chains import load_whole
    from codesign_wizard.core.certificates.subject import Subject

    files = context.options.files
    if len(files) > 1:
        raise wrong(tr("certificate renew takes one file at most, for the request."))
    context.options.file = Path(files[0]) if files else None
    vault, credential = open_vault(context)
    with vault:
        holding = vault.state(context.job)
        present = holding.certificate
        if present is None:
            state = _desk(context).look(context.job)
            nothing = [*state.findings, *_unheld(context, state)]
            return Outcome(worst_first(nothing), {}, blocked=tr("There is nothing to renew: csr create."))
        leaf = load_whole(present.der)
        subject = Subject.from_name(leaf.subject) if leaf is not None else None
        return make(context, vault, credential, asked(context, subject, present.tags), holding)


def _recover(context: Context) -> Outcome:
    from codesign_wizard.core.certificates.desk import Stage

    desk = _desk(context)
    state = desk.look(context.job)
    if state.stage is not Stage.DELETED:
        return _shown(state, [*state.findings, *_unheld(context, state)])
    context.confirm(
        tr("This brings the deleted certificate {name} back, with all its versions and its keys.").format(
            name=state.name
        )
    )
    state = desk.recover(context.job)
    return _shown(state, state.findings)


def _desk(context: Context) -> CertificateDesk:
    from codesign_wizard.core.certificates.desk import CertificateDesk

    session = context.session
    return CertificateDesk(
        session.network, session.azure_options(), context.application_secret, session.roots
    )


def _unheld(context: Context, state: DeskState) -> list[Finding]:
    """Return that there is no certificate to sign with, where the look at the vault left it at a state."""
    from codesign_wizard.core.azure import vault_findings
    from codesign_wizard.core.certificates.desk import Stage

    options = context.session.azure_options()
    if state.stage is Stage.FREE:
        remedies = vault_findings.missing_remedies(options)
        return [vault_findings.CERTIFICATE_MISSING(name=state.name, vault=state.vault, remedies=remedies)]
    if state.stage is Stage.PENDING:
        remedies = vault_findings.pending_remedies(options)
        return [vault_findings.PENDING(name=state.name, remedies=remedies)]
    return []


def _calendar(context: Context, name: str, expires: datetime | None) -> list[Finding]:
    from codesign_wizard.core.certificates.reminders import calendar, reminders, reminders_words

    file = context.options.calendar
    if file is None:
        return []
    vault = context.session.azure_options().vault_name
    found = reminders(vault, name, expires) if expires is not None else []
    if not found:
        return [CALENDAR_EMPTY(name=name)]
    save_file(context, file, calendar(found))
    return [CALENDAR(reminders=reminders_words(len(found)), file=str(file))]


def _pieces(context: Context, desk: CertificateDesk) -> list[Piece]:
    from codesign_wizard.core.certificates.bundle import read_files
    from codesign_wizard.core.certificates.forms import Piece

    files: list[str] = context.options.files
    if context.options.practice_ca:
        return _practice_answer(context, desk)
    if not files:
        raise wrong(tr("certificate merge needs the CA's files, or - to read standard input."))
    pieces = read_files(Path(each) for each in files if each != "-")
    if "-" in files:
        pieces.append(Piece(tr("the pasted text"), _standard_input(context)))
    return pieces


def _standard_input(context: Context) -> bytes:
    """Return what comes on standard input, up to one octet more than is taken."""
    from codesign_wizard.core.certificates.forms import MAXIMUM_SIZE

    if sys.stdin is None:
        return b""
    if sys.stdin.isatty():
        say([tr("Paste the CA's text; end it with Ctrl-D (on Windows Ctrl-Z and Enter).")])
    with context.waiting_for_person():
        return sys.stdin.buffer.read(MAXIMUM_SIZE + 1)


def _practice_answer(context: Context, desk: CertificateDesk) -> list[Piece]:
    from codesign_wizard.core.certificates import service_findings
    from codesign_wizard.core.certificates.forms import Piece

    practice = context.session.practice
    if practice is None or context.options.files:
        raise wrong(tr("--practice-ca is for practice, and in place of the CA's files."))
    with open_vault(context)[0] as vault:
        pending = vault.read_pending(context.job)
    if pending is None or not pending.waits:
        raise CodesignError(service_findings.NONE(name=desk.options.certificate_name))
    try:
        given = practice.ca_desk.answer_request(pending.request.pem(), "pem")
    except ValueError as error:
        # as a CA would: by a mail that says why not
        return [Piece.of_text(str(error), tr("the CA's refusal"))]
    return [Piece(name, data) for name, data in given]


def _facts(facts: Any) -> list[tuple[str, str]]:
    from codesign_wizard.core.verdict import readable

    names = {
        "certificate": tr("Certificate"),
        "version": tr("Version"),
        "publisher": tr("Publisher"),
        "issuer": tr("Issuer"),
        "issuer_name": tr("Intermediate"),
        "issuer_expires": tr("Intermediate valid until"),
        "root": tr("Root"),
        "key": tr("Key"),
        "key_type": tr("Kind of key"),
        "hsm": tr("Hardware"),
        "validation": tr("Owner checked by"),
        "certificate_issued": tr("Valid from"),
        "certificate_expires": tr("Valid until"),
        "serial": tr("Serial number"),
        "created": tr("In the vault since"),
    }
    return [(names.get(name, name), readable(value)) for name, value in facts.items()]


def _name_words(each: NameSummary, waits: bool) -> str:
    if each.expires is None:
        return _bare_words(waits)
    return _until(each.expires, enabled=each.enabled)


def _bare_words(waits: bool) -> str:
    return tr("a signing request waits") if waits else tr("no certificate, and no request that waits")


def _version_words(each: VersionSummary, newest: str, waits: bool) -> str:
    if each.pending or each.expires is None:
        return _bare_words(waits)
    words = _until(each.expires, enabled=each.enabled)
    return f"{words}, {tr('newest')}" if each.version == newest else words


def _until(expires: datetime, *, enabled: bool | None) -> str:
    from codesign_wizard.core.certificates.desk_words import days_words

    words = tr("until {date}, {left}").format(
        date=iso(expires)[:10], left=days_words(expires, datetime.now(UTC))
    )
    return words if enabled is not False else f"{words}, {tr('switched off')}"
