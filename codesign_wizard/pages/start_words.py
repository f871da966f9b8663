"""What the page Start says: how far the way is, what comes next, and a line for each profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from codesign_wizard.core.expiry import NEAR_DAYS
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import (
    APPLE_CERTIFICATES,
    KEY_VAULT,
    MACOS_LEVEL,
    MACOS_TRIAL,
    SERVER,
    WINDOWS_TRIAL,
    Group,
    StepState,
)
from codesign_wizard.core.needs import apple_expiry, in_days, next_expiry, windows_expiry
from codesign_wizard.core.profile import LEVELS, Profile
from codesign_wizard.core.standing import sign_only_words, standing, to_correct
from codesign_wizard.core.text import tr
from codesign_wizard.pages.workspace import Workspace

# the steps that prove a system's signing together
_PROOFS = {
    Group.WINDOWS: (WINDOWS_TRIAL, KEY_VAULT),
    Group.MACOS: (MACOS_TRIAL, APPLE_CERTIFICATES),
}


def verdict(workspace: Workspace) -> tuple[Severity, str, str]:
    """Return how grave it is, the sentence that says so, and a smaller one.

    Nothing is praised without a word about what was warned of on the way.
    """
    severity, title, text = _verdict(workspace)
    warned = _warned(workspace) if severity is Severity.OK else ""
    return (Severity.WARNING, title, f"{text} {warned}".strip()) if warned else (severity, title, text)


def is_stale(workspace: Workspace) -> bool:
    """Tell whether what ``verdict`` says is that something is out of date: that has a sign of its own."""
    flow, (severity, _, _) = workspace.flow, verdict(workspace)
    old = any(flow.state(step.key) is StepState.OUT_OF_DATE for step in flow.steps())
    # what is old is told before any other warning
    return severity is Severity.WARNING and old


def _warned(workspace: Workspace) -> str:
    """Return what stands against a step that is done, "" for nothing."""
    flow, now = workspace.flow, datetime.now(UTC)
    for step in flow.steps():
        if standing(flow, step.key, now).severity is not Severity.WARNING:
            continue
        result = flow.profile.results.get(step.key)
        told = [each.title for each in result.findings if each.severity is Severity.WARNING] if result else []
        if step.key == MACOS_LEVEL and flow.profile.macos.level == LEVELS[0]:
            told = [sign_only_words()]
        what = told[0] if told else standing(flow, step.key, now).told
        return tr("{step}: {what}").format(step=step.title, what=what)
    return ""


def _verdict(workspace: Workspace) -> tuple[Severity, str, str]:
    flow = workspace.flow
    if workspace.starting_practice:
        return Severity.INFO, tr("The practice accounts are being started."), tr("A second or two.")
    states = {step.key: flow.state(step.key) for step in flow.steps()}
    problem = _problem(workspace, states)
    if problem is not None:
        return problem
    done = _done(states)
    systems = {step.group for step in flow.steps() if step.group in _PROOFS}
    if done and len(done) == len(systems) and states.get(SERVER, StepState.DONE) is StepState.DONE:
        return _works(workspace, done)
    if not systems and SERVER not in states:
        return Severity.INFO, tr("Choose what will be signed."), ""
    return _next(workspace, states, done)


def _problem(workspace: Workspace, states: Mapping[str, StepState]) -> tuple[Severity, str, str] | None:
    """Return what is in the way, or that something ended or changed."""
    flow, now = workspace.flow, datetime.now(UTC)
    expiry = next_expiry(workspace.profile)
    # what is wrong comes before what is only old, also where it lies further on
    if expiry is not None and expiry.time <= now and _done(states):
        return (
            Severity.ERROR,
            expiry.ended,
            tr("Renewed already? Check it again on its page, and the wizard sees what is there now."),
        )
    for step in flow.steps():
        if standing(flow, step.key, now).needs_attention:
            title = tr("Needs attention: {step}.").format(step=step.title)
            return Severity.ERROR, title, _wrong(workspace, step.key, now)
    for step in flow.steps():
        if states[step.key] is StepState.OUT_OF_DATE:
            severity, until = _until(workspace)
            near = until if severity is Severity.WARNING else ""
            return Severity.WARNING, tr("Out of date: {step}.").format(step=step.title), near
    return None


def _wrong(workspace: Workspace, key: str, now: datetime) -> str:
    """Return why the step *key* needs attention: what was found, what has ended, or what cannot be right."""
    flow = workspace.flow
    state = flow.state(key)
    if state is StepState.ATTENTION:
        return flow.blocking(key)[0].title
    if state is not StepState.DONE:
        return to_correct(flow)
    own = apple_expiry if key == APPLE_CERTIFICATES else windows_expiry
    # a step that is done and needs attention has something that ended; what is not its own is the secret
    ends = [each for each in (own(flow.profile), next_expiry(flow.profile)) if each is not None]
    return next((each.ended for each in ends if each.time <= now), "")


def _done(states: Mapping[str, StepState]) -> list[Group]:
    """Return for which systems a trial has proved that signing works."""
    return [
        group for group, keys in _PROOFS.items() if all(states.get(key) is StepState.DONE for key in keys)
    ]


def _works(workspace: Workspace, done: Sequence[Group]) -> tuple[Severity, str, str]:
    severity, until = _until(workspace)
    title = tr("{systems} signing works: the trial was signed and verified.")
    return severity, title.format(systems=_systems(done)), f"{_comes(workspace)} {until}".strip()


def _comes(workspace: Workspace) -> str:
    """Return which step comes next, the one that the footer's button opens; "" when none is left."""
    ahead = workspace.flow.ahead()
    return "" if ahead is None else tr("Next step: {step}.").format(step=ahead.title)


def _until(workspace: Workspace) -> tuple[Severity, str]:
    """Return what expires next, and whether that is near."""
    expiry, now = next_expiry(workspace.profile), datetime.now(UTC)
    if expiry is None:
        return Severity.OK, ""
    until = tr("Next expiry: the {what}, {when}.").format(what=expiry.what, when=in_days(expiry, now))
    return (Severity.WARNING if expiry.days(now) <= NEAR_DAYS else Severity.OK), until


def _systems(groups: Sequence[Group]) -> str:
    return tr(" and ").join(group.value for group in groups)


def _next(
    workspace: Workspace, states: Mapping[str, StepState], done: Sequence[Group]
) -> tuple[Severity, str, str]:
    """Return what has been proved so far, and which step comes next."""
    comes = _comes(workspace)
    if done:
        title = tr("{systems} signing works.").format(systems=_systems(done))
        severity, until = _until(workspace)
        return severity, f"{title} {comes}", until
    proved = _proved(states)
    if proved:
        return Severity.OK, f"{proved} {comes}", ""
    if workspace.session.practice is None:
        return (
            Severity.INFO,
            f"{tr('Nothing is proved yet.')} {comes}",
            tr("No accounts yet? Try the whole way with practice accounts first."),
        )
    made_up = tr("The accounts are made up and live on this computer only; nothing real is touched.")
    if workspace.profile.results:
        return Severity.INFO, f"{tr('Nothing is proved yet.')} {comes}", made_up
    return Severity.INFO, tr("Everything is filled in: walk the whole way with Next."), made_up


def _proved(states: Mapping[str, StepState]) -> str:
    """Return what of the way is proved although no system is as a whole; "" for nothing."""
    told = (
        (SERVER, tr("The server signs its clients as you.")),
        (MACOS_TRIAL, tr("The trial for macOS was signed and verified.")),
        (WINDOWS_TRIAL, tr("The trial for Windows was signed and verified.")),
        (KEY_VAULT, tr("The vault can sign.")),
    )
    return next((words for key, words in told if states.get(key) is StepState.DONE), "")


def practice_words(workspace: Workspace) -> str:
    """Return what practice accounts are, and whether they are in use."""
    if workspace.starting_practice:
        return tr(
            "Practice accounts are on their way: a vault, an application, an Apple team, a Comet Server and "
            "time-stamp servers that live on this computer only. Your own profiles and your keyring are not "
            "touched."
        )
    if workspace.practising:
        return tr(
            "You are on practice accounts: a vault, an application, an Apple team, a Comet Server and "
            "time-stamp servers that live on this computer only. Your own profiles and your keyring are not "
            "touched. “What if…” lets something go wrong, and shows how that is explained."
        )
    return tr(
        "No accounts yet? A made-up vault, an Apple team, a Comet Server and time-stamp servers on this "
        "computer show the whole way. Nothing real is touched, and nothing leaves this computer."
    )


def profile_line(profile: Profile) -> str:
    """Return the profile's name, and what of it expires first."""
    expiry = next_expiry(profile)
    if expiry is None:
        return tr("{name}: no expiry known yet").format(name=profile.name)
    if expiry.time <= datetime.now(UTC):
        return tr("{name}: {what} expired on {date}").format(
            name=profile.name, what=expiry.what, date=expiry.time.date().isoformat()
        )
    return tr("{name}: {what} expires {when}").format(
        name=profile.name, what=expiry.what, when=in_days(expiry, datetime.now(UTC))
    )
