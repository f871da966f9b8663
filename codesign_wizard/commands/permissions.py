"""``permissions``: what the application may do in the vault; grants what is missing, after asking."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from codesign_wizard.commands.context import INTERRUPTED, Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.azure.permissions.catalogue import PREFIX, Model, Purpose
from codesign_wizard.core.azure.permissions.report import Report, Row, State, all_clear
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.finding import Certainty, blocks
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.azure.permissions.admin import AdminSession, DeviceCode
    from codesign_wizard.core.azure.permissions.check import Check, Looked
    from codesign_wizard.core.azure.permissions.grant import GrantPlan, GrantStep
    from codesign_wizard.core.finding import Finding, Remedy

WAYS = ("az", "browser", "device-code")
_SIGNS = {State.GRANTED: "✓", State.MISSING: "✗", State.LIKELY: "~", State.UNTESTABLE: "?"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do, and how an administrator signs in."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=("show", "grant"),
        default="show",
        help=tr("show: the permissions, changes nothing; grant: what is missing, after asking"),
    )
    parser.add_argument(
        "--as",
        dest="way",
        choices=WAYS,
        help=tr("sign in as administrator: the session of az, the browser, or a code on another device"),
    )
    parser.add_argument(
        "--for",
        dest="purpose",
        choices=[purpose.value for purpose in Purpose],
        default=Purpose.DOCUMENTED.value,
        help=tr("grant: what for (default: all that the server's documentation asks for)"),
    )
    parser.add_argument(
        "--least",
        action="store_true",
        help=tr("grant: exactly what is needed, by a custom role or single ticks, not the usual roles"),
    )
    parser.add_argument("--missing", action="store_true", help=tr("show: only what is missing"))


def run(context: Context) -> Outcome:
    """Show the permissions, or grant what is missing."""
    from codesign_wizard.core.azure.permissions.check import Check

    context.reaches_out()
    session, options = context.session, context.options
    check = Check(session.network, session.azure_options(), context.application_secret)
    if options.what == "grant":
        return _grant(context, check)
    admin, refused = None, []
    if options.way and check.usable:
        try:
            admin = _sign_in(context, check)
        except CodesignError as error:
            # what the application itself sees is told all the same
            refused.append(error.finding)
    looked = check.look(context.job, admin)
    blocked = ""
    if refused and not blocks(looked.findings):
        blocked = tr("No administrator signed in; what the application itself may do is as shown.")
    told = replace(looked, findings=[*refused, *looked.findings])
    return _shown(told, only_missing=options.missing, blocked=blocked)


def _shown(looked: Looked, *, only_missing: bool, blocked: str = "") -> Outcome:
    """Return what was found out; *blocked* is the closing sentence where an error is none of signing's."""
    report = looked.report
    rows = list(report.rows) if report is not None else []
    missing = [row for row in rows if row.permission.asked_for and row.state is State.MISSING]
    listed = [row for row in rows if row.permission.asked_for or row.state is State.GRANTED]
    return Outcome(
        looked.findings,
        [row.to_json() for row in (missing if only_missing else rows)],
        lines=_table(missing if only_missing else listed),
        notes=[*(_uncertain(rows) if only_missing else ()), *_verdicts(report)],
        clear=all_clear(report),
        blocked=blocked or tr("Signing for Windows will not work until this is mended."),
    )


def _grant(context: Context, check: Check) -> Outcome:
    from codesign_wizard.commands.arguments import WRONG, WrongUsage

    options = context.options
    if options.way is None:
        why = tr("Granting needs an administrator: add --as az, --as browser or --as device-code.")
        raise WrongUsage(WRONG(why=why, certainty=Certainty.COMPUTED), "permissions grant")
    if not check.usable:
        return _not_granted(check.look(context.job))
    admin = _sign_in(context, check)
    looked = check.look(context.job, admin)
    if looked.access is None:
        return _not_granted(looked)
    plan = check.plan(looked, Purpose(options.purpose), least=options.least)
    if plan.only_to_wait:
        return _waited(context, check, looked, admin, plan)
    if not plan.steps:
        # roles and ticks are all there: nothing is missing, or something denies it
        return _granted(
            looked,
            (),
            tr("Nothing had to be granted."),
            tr("Nothing was granted: no grant is missing, and no other helps against what stands above."),
        )
    _say(context, _described(plan, admin))
    try:
        context.confirm(tr("This grants what stands above, and takes nothing away."))
    except InputError as error:
        # without a yes it is a look at what would be granted
        planned = {"planned": [step.to_json() for step in plan.steps]}
        return Outcome([error.finding], {**_result((), looked.report), **planned}, code=2)
    made: list[tuple[GrantStep, Finding]] = []
    try:
        after = check.grant(
            context.job,
            looked,
            admin,
            plan,
            tick=_ticker(context),
            done=lambda step, finding: made.append((step, finding)),
        )
    except Cancelled:
        # "everything is as it was" would be wrong here
        return _interrupted(made)
    return _granted(
        after,
        made,
        tr("Granted, and the vault knows it."),
        tr("The grant is not enough, or not known to the vault yet.")
        if len(made) == len(plan.steps)
        else tr("Not all of it was granted: what was refused stands above.")
        if made
        else tr("Nothing was granted: what was refused stands above."),
    )


def _not_granted(looked: Looked) -> Outcome:
    """Return what was found out where it did not come to a plan."""
    return replace(_shown(looked, only_missing=True), result=_result((), looked.report))


def _waited(context: Context, check: Check, looked: Looked, admin: AdminSession, plan: GrantPlan) -> Outcome:
    """Wait for a grant that is there, of a former run or of somebody else; nobody needs to be asked."""
    from codesign_wizard.core.azure.permissions.admin_findings import WAIT_INTERRUPTED

    _say(context, [tr("Signed in as {account}.").format(account=admin.account), *plan.notes])
    try:
        after = check.grant(context.job, looked, admin, plan, tick=_ticker(context, made=False))
    except Cancelled:
        found = WAIT_INTERRUPTED(certainty=Certainty.COMPUTED, remedies=[_look_later()])
        return Outcome([found], _result((), None), code=INTERRUPTED)
    return _granted(
        after,
        (),
        tr("Nothing had to be granted, and the vault knows all of it now."),
        tr("Nothing had to be granted, but the vault does not know all of it yet."),
    )


def _look_later() -> Remedy:
    from codesign_wizard.core.finding import Remedy

    return Remedy(title=tr("Look with permissions show what works by now; granting again does no harm."))


def _interrupted(made: Sequence[tuple[GrantStep, Finding]]) -> Outcome:
    from codesign_wizard.core.azure.permissions.admin_findings import GRANT_INTERRUPTED

    found = GRANT_INTERRUPTED(
        certainty=Certainty.COMPUTED,
        detail="" if made else tr("None of it was confirmed yet."),
        remedies=[_look_later()],
    )
    return Outcome([found, *(each for _, each in made)], _result(made, None), code=INTERRUPTED)


def _granted(looked: Looked, made: Sequence[tuple[GrantStep, Finding]], clear: str, blocked: str) -> Outcome:
    return Outcome(
        looked.findings,
        _result(made, looked.report),
        notes=_verdicts(looked.report),
        clear=clear,
        blocked=blocked,
    )


def _result(made: Sequence[tuple[GrantStep, Finding]], report: Report | None) -> dict[str, Any]:
    return {
        "granted": [step.to_json() for step, _ in made],
        "report": report.to_json() if report is not None else None,
    }


def _sign_in(context: Context, check: Check) -> AdminSession:
    from codesign_wizard.core.azure.permissions.admin import AdminWay, open_system_browser

    session = context.session

    def show(code: DeviceCode) -> None:
        _say(
            context,
            [tr("Open {address} and type the code {code}").format(address=code.address, code=code.code)],
        )
        if session.practice is not None:
            _say(context, [tr("Practice: its administrator types it now.")])
            session.approve_sign_in(code.code)

    def open_browser(address: str) -> bool:
        address = session.browser_address(address)
        _say(context, [tr("Sign in there, in the browser: {address}").format(address=address)])
        return open_system_browser(address)

    return check.sign_in(
        context.job, AdminWay(context.options.way), show_code=show, open_browser=open_browser
    )


def _ticker(context: Context, *, made: bool = True) -> Callable[[float, float], None]:
    told: list[str] = []

    def tick(gone: float, left: float) -> None:
        if not told and not context.options.quiet:
            # where no bar is drawn, it is all that is said for minutes
            text = (
                tr("Granted. Waiting until the vault knows it, {minutes} min at most; Ctrl-C ends this.")
                if made
                else tr("Waiting until the vault knows it, {minutes} min at most; Ctrl-C ends this.")
            )
            told.append(text.format(minutes=round((gone + left) / 60)))
            _say(context, told)
        minutes, seconds = divmod(math.ceil(left), 60)
        text = tr("Waiting until the vault knows the grant: {left} left")
        context.job.progress(0, None, text.format(left=f"{minutes}:{seconds:02}"))

    return tick


def _described(plan: GrantPlan, admin: AdminSession) -> Iterable[str]:
    yield tr("Signed in as {account}. To be granted:").format(account=admin.account)
    for step in plan.steps:
        yield f"  {step.title}"
        yield from (f"    {line}" for line in step.detail.splitlines())
        facts = step.facts()
        room = max(len(name) for name, _ in facts)
        yield from (f"    {name + ':':<{room + 1}} {text}" for name, text in facts)
    yield from plan.notes


def _say(context: Context, lines: Iterable[str]) -> None:
    # not the log: a person must see this whatever --quiet or --json say
    context.printer.events.pause()
    if sys.stderr is not None:
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()


def _uncertain(rows: Sequence[Row]) -> Iterable[str]:
    """Yield how many of what is asked for are neither missing nor known to be granted, if any."""
    unsure = (State.LIKELY, State.UNTESTABLE)
    count = sum(row.permission.asked_for and row.state in unsure for row in rows)
    if count:
        yield tr("Not certain, and not listed as missing: {count}").format(count=count)


def _table(rows: Sequence[Row]) -> list[str]:
    lines: list[str] = []
    group = ""
    states = [row.state.words for row in rows]
    room = max(map(len, states), default=0)
    for row, state in zip(rows, states, strict=True):
        permission = row.permission
        if permission.group != group:
            group = permission.group
            lines += [*([""] if lines else []), group]
        name = permission.name.removeprefix(PREFIX)
        if permission.model is Model.POLICY:
            name = f"{permission.kind}/{name}"
        likely = (
            f" ({tr('likely')})" if row.certainty is Certainty.LIKELY and row.state is State.MISSING else ""
        )
        lines.append(f"  {_SIGNS[row.state]} {state:<{room}}  {name}{likely}")
    return lines


def _verdicts(report: Report | None) -> list[str]:
    if report is None:
        return []
    words = {
        State.GRANTED: tr("yes"),
        State.MISSING: tr("no"),
        State.LIKELY: tr("likely"),
        State.UNTESTABLE: tr("not known from here"),
    }
    return [f"{each.purpose.words}: {words[each.state]}" for each in report.verdicts()]
