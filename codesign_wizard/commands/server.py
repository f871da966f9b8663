"""``server``: what a Comet Server has beside the profile; applied, undone, proved by its own builds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.commands.context import INTERRUPTED, Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.comet.settings import FileFields, Part
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import Finding, worst_first
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.comet.desk import Comparison, ServerDesk
    from codesign_wizard.core.comet.look import Line
    from codesign_wizard.core.comet.proof import Proof

_SIGNS = {"same": "✓", "different": "≠", "unknown": "?", "server-only": " "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do, the server, who signs in, and which settings."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=("show", "diff", "apply", "undo", "prove"),
        default="show",
        help=tr(
            "show: what the server has; diff: beside what the profile holds; apply: give it what differs, "
            "after asking; undo: give it the old values back; prove: let it build its clients, and judge them"
        ),
    )
    add_sign_in(parser)
    parser.add_argument(
        "--only",
        action="append",
        choices=[part.value for part in Part],
        help=tr("diff, apply: only these settings; may be given more than once"),
    )
    parser.add_argument(
        "--file-fields",
        choices=[each.value for each in FileFields],
        help=tr("which of the server's fields take the .p12 files: CertificateFile or CertificateName"),
    )
    parser.add_argument(
        "--platform",
        action="append",
        type=int,
        metavar="NUMBER",
        help=tr("prove: the client to build, by the server's number; may be given more than once"),
    )
    parser.add_argument(
        "--list-platforms", action="store_true", help=tr("prove: only list what the server can build")
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help=tr("prove: where the downloaded clients are put")
    )
    parser.add_argument(
        "--build-timeout",
        type=float,
        default=30.0,
        metavar="MINUTES",
        help=tr("prove: how long the server may take for one client (default: 30)"),
    )


def add_sign_in(parser: argparse.ArgumentParser) -> None:
    """Take the server's address and who signs in."""
    parser.add_argument("--server", metavar="URL", help=tr("the server's address"))
    parser.add_argument("--user", metavar="NAME", help=tr("the administrator's user name"))
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help=tr("read the administrator's password from standard input"),
    )
    parser.add_argument(
        "--code-stdin",
        action="store_true",
        help=tr("read a one-time code from standard input, on the line after the password if both are"),
    )
    parser.add_argument(
        "--plain-http",
        action="store_true",
        help=tr("let an http address of another computer be used, unencrypted"),
    )


def run(context: Context) -> Outcome:
    """Do what was asked, and end the session whatever comes of it."""
    context.reaches_out()
    work = {"show": _show, "diff": _diff, "apply": _apply, "undo": _undo, "prove": _prove}[
        context.options.what
    ]
    return at_desk(context, work)


def at_desk(
    context: Context, work: Callable[[Context, ServerDesk], Outcome], *, asked: bool = True
) -> Outcome:
    """Sign in, do *work*, and end the session; what keeps it open is told. *asked*: see ``open_desk``."""
    from codesign_wizard.core.comet import findings

    desk = open_desk(context, asked=asked)
    with desk:
        outcome = work(context, desk)
        try:
            notes = desk.close()
        except KeyboardInterrupt:
            # the work is done, and what came of it must not be lost: a change would go untold
            why = tr("it was not waited for.")
            told = [*outcome.findings, findings.NOT_ENDED(host=desk.client.address.host, why=why)]
            return replace(outcome, findings=told, code=INTERRUPTED)
    return replace(outcome, findings=[*outcome.findings, *notes]) if notes else outcome


def open_desk(context: Context, *, asked: bool = True) -> ServerDesk:
    """Return a signed-in desk; on a terminal, password and one-time code are asked for.

    *asked* tells that the command takes the options of ``add_sign_in``.
    Raises ``InputError`` and ``CodesignError``. A wrong password is tried once.
    """
    from codesign_wizard.core.comet import findings
    from codesign_wizard.core.comet.desk import ServerDesk

    session, options = context.session, context.options
    address = session.server_address()
    user = session.server_user
    password = _password(context, asked=asked)
    given = _code(context, asked=asked)

    def sign_in(code: Secret | None) -> ServerDesk:
        return ServerDesk.open(
            context.job,
            session.network,
            address,
            user,
            password,
            session.server_journal(),
            code=code,
            plain_http=session.profile.server.plain_http or (asked and options.plain_http),
        )

    try:
        return sign_in(given)
    except CodesignError as error:
        # the server asks for one and has not taken any: asking the person is no second try
        if error.finding.id != findings.CODE_NEEDED.id or given is not None or not context.can_ask:
            raise
    code = context.ask_secret(tr("One-time code for {user}: ").format(user=user)).strip()
    return sign_in(Secret(code) if code else None)


def _password(context: Context, *, asked: bool) -> Secret | None:
    options, session = context.options, context.session
    if asked and options.password_stdin:
        return context.read_secret()
    with context.waiting_for_person():
        kept = session.server_password()
    if kept is not None or not context.can_ask or not session.server_user:
        return kept
    words = tr("Password of {user} on {host}: ").format(
        user=session.server_user, host=session.server_address().host
    )
    typed = context.ask_secret(words)
    return Secret(typed) if typed else None


def _code(context: Context, *, asked: bool) -> Secret | None:
    if asked and context.options.code_stdin:
        return Secret(context.read_secret().reveal().strip())
    return context.session.server_code()


def doctor(context: Context) -> Outcome:
    """Return what keeps the server from signing; the sign-in is the profile's and the environment's."""
    from codesign_wizard.core.comet.desk import doctor_server

    def work(context: Context, desk: ServerDesk) -> Outcome:
        with context.waiting_for_person():
            wanted = context.session.server_wanted()
        found, comparison = doctor_server(context.job, desk, wanted)
        if comparison is not None and context.options.what == "server":
            # doctor all has tried the vault by itself
            found = worst_first([*found, *desk.try_here(context.job, wanted, comparison)])
        return Outcome(
            found,
            {"server": None if comparison is None else comparison.to_json()},
            clear=tr("The server can sign clients with these settings."),
            blocked=tr("The server will not sign clients until this is mended."),
        )

    return at_desk(context, work, asked=False)


def with_server(context: Context, outcome: Outcome) -> Outcome:
    """Return *outcome*, and the server's diagnosis with it if the profile wants a server."""
    if not context.session.profile.server_wanted:
        return outcome
    try:
        server = doctor(context)
    except CodesignError as error:
        # what was found before must not be lost with it
        server = Outcome([error.finding], {"server": None})
    # a file that does not sign is found for macOS and for the server
    findings = {(each.id, each.title): each for each in [*outcome.findings, *server.findings]}
    return replace(
        outcome,
        findings=list(findings.values()),
        result={**outcome.result, **server.result},
        blocked=tr("Signing will not work until this is mended."),
    )


def _parts(context: Context) -> list[Part] | None:
    return [Part(each) for each in context.options.only] if context.options.only else None


def _fields(context: Context) -> FileFields:
    return FileFields(context.options.file_fields or context.session.profile.server.file_fields)


def _compare(context: Context, desk: ServerDesk) -> Comparison:
    # asked for before the comparison: a keyring may want to be unlocked
    with context.waiting_for_person():
        wanted = context.session.server_wanted()
    comparison = desk.compare(context.job, wanted, _parts(context), _fields(context))
    tried = desk.try_here(context.job, wanted, comparison)
    return replace(comparison, findings=worst_first([*comparison.findings, *tried]))


def _show(context: Context, desk: ServerDesk) -> Outcome:
    from codesign_wizard.core.comet.look import server_lines

    view = desk.look(context.job)
    lines = server_lines(view) if view.branding is not None else []
    return Outcome(
        view.findings,
        {
            "version": view.version.version,
            "organization": view.account.organization,
            "build_role": view.version.build_role,
            "settings": [line.to_json() for line in lines],
            "can_undo": desk.can_undo,
        },
        [(line.setting.label, line.server) for line in lines],
        blocked=tr("The server will not sign clients until this is mended."),
    )


def _diff(context: Context, desk: ServerDesk) -> Outcome:
    comparison = _compare(context, desk)
    return Outcome(
        comparison.findings,
        comparison.to_json(),
        lines=_table(comparison.lines),
        clear=tr("Nothing stands in the way.") if comparison.different else tr("There is nothing to apply."),
        blocked=tr("The server will not sign clients until this is mended."),
    )


def _apply(context: Context, desk: ServerDesk) -> Outcome:
    comparison = _compare(context, desk)
    document = {**comparison.to_json(), "applied": []}
    if not comparison.different or not comparison.may_apply:
        return Outcome(
            comparison.findings,
            document,
            lines=_table(comparison.lines),
            clear=tr("There was nothing to apply."),
            blocked=tr("Nothing was changed on the server."),
        )
    _say(
        [
            tr("To be changed on {host}:").format(host=desk.client.address.host),
            *_table(comparison.different),
            *(f"! {each.title}" for each in comparison.findings if each.severity.rank < 2),
        ]
    )
    context.confirm(tr("This changes the settings above, and nothing else."))
    applied = desk.apply(context.job, comparison)
    before = ("server.settings.different", "server.settings.not-compared")
    findings = [each for each in comparison.findings if each.id not in before]
    return Outcome(
        worst_first([*findings, *applied.findings]),
        {**document, "applied": applied.keys},
        notes=[tr("server undo gives the old values back; server prove shows whether it signs.")],
        clear=tr("Applied."),
        blocked=tr("The settings were given to the server; it will not sign clients until this is mended."),
    )


def _undo(context: Context, desk: ServerDesk) -> Outcome:
    view = desk.look(context.job)
    if desk.can_undo:
        from codesign_wizard.core.comet.work import undo_lines

        lines = undo_lines(desk.journal)
        room = max((len(label) for label, _ in lines), default=0)
        _say(
            [
                tr("To be set back on {host}:").format(host=desk.client.address.host),
                *(f"  {label:<{room}}  {value}" for label, value in lines),
            ]
        )
        context.confirm(tr("This gives the server the values from before the last change."))
    undone = desk.undo(context.job)
    return Outcome(
        worst_first([*view.findings, *undone.findings]),
        {"undone": undone.keys},
        clear=tr("Undone."),
        blocked=tr("The server does not have all its old settings."),
    )


def _prove(context: Context, desk: ServerDesk) -> Outcome:
    from codesign_wizard.core.comet.proof import ProveRequest
    from codesign_wizard.core.comet.prove import choose_platforms, prove

    options, session, job = context.options, context.session, context.job
    if not 0 < options.build_timeout <= 24 * 60:
        raise InputError(_bad_timeout(options.build_timeout))
    view = desk.look(job)
    if any(each.id.startswith("server.build.") for each in view.findings):
        return Outcome(view.findings, {"clients": []}, blocked=tr("The server builds no clients."))
    platforms = desk.client.platforms(job)
    if options.list_platforms:
        return _platforms(view.findings, platforms)
    with context.waiting_for_person():
        wanted = session.server_wanted()
    profile = session.profile
    chosen = choose_platforms(
        platforms, options.platform or [], windows=profile.windows_wanted, macos=profile.macos_wanted
    )
    expected, doubts = desk.expected(job, wanted, desk.level(view))
    folder = (options.output or session.output_folder()).absolute()
    proofs = prove(
        job,
        desk.client,
        ProveRequest(
            chosen,
            folder,
            expected,
            session.network,
            session.roots(),
            session.apple_roots(),
            build_seconds=options.build_timeout * 60,
        ),
    )
    findings = [*view.findings, *doubts, *(each for proof in proofs for each in proof.findings)]
    findings += desk.explain_failure(job, view, proofs, wanted)
    unique = {(each.id, each.title): each for each in findings}
    return Outcome(
        worst_first(unique.values()),
        {"clients": [proof.to_json() for proof in proofs]},
        _facts(proofs),
        clear=tr("Proved: the server signs its clients as you."),
        blocked=tr("The server's own clients are not signed as they should be."),
    )


def _platforms(findings: Sequence[Finding], platforms: Sequence[Any]) -> Outcome:
    lines = [f"{each.number:>4}  {each.title}{'  *' if each.recommended else ''}" for each in platforms] or [
        tr("The server offers no client.")
    ]
    result = [
        {
            "platform": each.number,
            "category": each.category,
            "description": each.description,
            "recommended": each.recommended,
        }
        for each in platforms
    ]
    return Outcome(findings, {"platforms": result}, lines=lines)


def _facts(proofs: Sequence[Proof]) -> list[tuple[str, str]]:
    facts = []
    for proof in proofs:
        if proof.file is not None:
            facts.append((proof.platform.title, str(proof.file)))
    return facts


def _table(lines: Sequence[Line]) -> list[str]:
    if not lines:
        return []
    room = max(len(line.setting.label) for line in lines)
    wide = max(len(line.server) for line in lines)
    head = f"  {'':<{room}}  {tr('on the server'):<{wide}}  {tr('in the profile')}"
    rows = [
        f"{_SIGNS[line.state]} {line.setting.label:<{room}}  {line.server:<{wide}}  {line.here}".rstrip()
        for line in lines
    ]
    return [head, *rows]


def _say(lines: Sequence[str]) -> None:
    # not the log: a person must see this whatever --quiet or --json say
    if sys.stderr is not None:
        from codesign_wizard.commands.streams import encodable
        from codesign_wizard.core.redact import redact

        sys.stderr.write("".join(f"{encodable(redact(line), sys.stderr)}\n" for line in lines))
        sys.stderr.flush()


def _bad_timeout(minutes: float) -> Finding:
    from codesign_wizard.overrides import BAD_VALUE

    return BAD_VALUE(
        value=f"{minutes:g}",
        name="--build-timeout",
        detail=tr("Give minutes, more than 0 and at most 1440."),
    )
