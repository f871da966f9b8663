"""A profile at a glance: the verdict, what works and since when, and what each party has to do next.

Everything is derived from the results that are kept and their findings, by the areas of the findings' ids.
So a step that comes later has its place in the summary without being known here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from codesign_wizard.core.expiry import Ending, Known, endings, remedies_for
from codesign_wizard.core.finding import Finding, Severity, utc_now, worst_first
from codesign_wizard.core.flow import (
    APPLE_CERTIFICATES,
    CERTIFICATE,
    KEY_VAULT,
    MACOS_LEVEL,
    OPEN,
    PENDING,
    SERVER,
    START,
    STEPS,
    SUMMARY,
    Flow,
    Group,
    Step,
    StepState,
)
from codesign_wizard.core.profile import LEVELS, Profile
from codesign_wizard.core.standing import Standing, sign_only_words, standing, to_correct
from codesign_wizard.core.step_result import StepResult
from codesign_wizard.core.text import tr


class Party(StrEnum):
    """Who has to act."""

    PARTNER = "partner"
    AZURE = "azure-administrator"
    APPLE = "apple-account-holder"
    CA = "certificate-authority"
    SERVER = "server-administrator"

    @property
    def words(self) -> str:
        """What the party is called."""
        return {
            Party.PARTNER: tr("You"),
            Party.AZURE: tr("Azure administrator"),
            Party.APPLE: tr("Apple's Account Holder"),
            Party.CA: tr("Certificate authority"),
            Party.SERVER: tr("Administrator of the Comet Server"),
        }[self]


# the longest beginning of a finding's id decides who can mend it
_MENDED_BY = {
    "": Party.PARTNER,
    "azure.": Party.AZURE,
    "azure.options.": Party.PARTNER,
    "azure.sign-in.secret-wrong": Party.PARTNER,
    "azure.sign-in.secret-id-pasted": Party.PARTNER,
    "azure.sign-in.option-missing": Party.PARTNER,
    "azure.sign-in.tenant-unknown": Party.PARTNER,
    "azure.sign-in.unavailable": Party.PARTNER,
    "azure.vault.unknown": Party.PARTNER,
    "azure.vault.certificate-": Party.PARTNER,
    "azure.vault.certificate-pending": Party.CA,
    "azure.vault.unavailable": Party.PARTNER,
    "azure.vault.throttled": Party.PARTNER,
    "azure.signature.": Party.PARTNER,
    "certificate.answer.": Party.CA,
    "certificate.request.permission-missing": Party.AZURE,
    "certificate.judge.revoked": Party.CA,
    "apple.identity.expired": Party.APPLE,
    "apple.identity.expiring": Party.APPLE,
    "apple.identity.wrong-kind": Party.APPLE,
    "apple.identity.authority-ends": Party.APPLE,
    "apple.api-key.not-authorized": Party.APPLE,
    "apple.api-key.revoked": Party.APPLE,
    "apple.notary.agreement-missing": Party.APPLE,
    "apple.notary.membership-expired": Party.APPLE,
    "apple.notary.role-too-low": Party.APPLE,
    "apple.notary.team-": Party.APPLE,
    "apple.notary.forbidden": Party.APPLE,
    "server.": Party.SERVER,
    "server.address.": Party.PARTNER,
    "server.sign-in.": Party.PARTNER,
    "server.settings.different": Party.PARTNER,
}
_ENDED_MENDED_BY = {
    "certificate": Party.PARTNER,
    "client-secret": Party.AZURE,
    "application-certificate": Party.APPLE,
    "installer-certificate": Party.APPLE,
    "developer-id-g1": Party.APPLE,
    "apple-membership": Party.APPLE,
}
# the step whose page says more of an end, or of what a diagnosis found
_TOLD_BY = {
    "certificate": CERTIFICATE,
    "client-secret": KEY_VAULT,
    "application-certificate": APPLE_CERTIFICATES,
    "installer-certificate": APPLE_CERTIFICATES,
    "developer-id-g1": APPLE_CERTIFICATES,
    "apple-membership": MACOS_LEVEL,
    "doctor-macos": MACOS_LEVEL,
    "doctor-server": SERVER,
}


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that somebody has to do: ``what`` is why, ``how`` the remedy, where the findings name one."""

    party: Party
    what: str
    how: str = ""
    severity: Severity = Severity.INFO
    step: str = ""  # the key of the step, or of the diagnosis, that told of it

    @property
    def page(self) -> str:
        """The key of the step whose page says more; "" for none."""
        return _TOLD_BY.get(self.step, self.step)

    def to_json(self) -> dict[str, Any]:
        """Return the move as docs/json.md has it."""
        return {
            "party": self.party.value,
            "name": self.party.words,
            "what": self.what,
            "how": self.how,
            "severity": self.severity.value,
            "step": self.step or None,
        }


@dataclass(frozen=True, slots=True)
class StepLine:
    """A step at a glance. ``obtained``: when its result was had; ``text``: its worst finding, or a fact."""

    step: Step
    standing: Standing
    obtained: datetime | None
    text: str = ""

    @property
    def state(self) -> StepState:
        """Where the step stands."""
        return self.standing.state


@dataclass(frozen=True, slots=True)
class Summary:
    """What the page *Summary* and the report say first."""

    severity: Severity
    title: str
    text: str
    lines: list[StepLine] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)


def summarise(profile: Profile, *, now: datetime | None = None) -> Summary:
    """Return the summary of what is kept of *profile* now; asks nobody."""
    now = now or utc_now()
    flow = Flow(profile)
    lines = [_line(flow, step, now) for step in flow.steps() if step.key not in (START, SUMMARY)]
    ends = endings(profile)
    severity, title, text = _verdict(flow, lines, ends, now)
    return Summary(severity, title, text, lines, ends, _moves(flow, lines, ends, now))


def shown_results(profile: Profile) -> list[tuple[str, str, StepResult]]:
    """Return the results that are kept, as key, title and result, in the order of the steps.

    A result of something that is no step of this version stands last, under its key.
    """
    order = {step.key: place for place, step in enumerate(STEPS)}
    titles = {step.key: step.title for step in STEPS} | diagnosis_titles()
    return [
        (key, titles.get(key, key), result)
        for key, result in sorted(
            profile.results.items(), key=lambda each: (order.get(each[0], len(order)), each[0])
        )
    ]


def diagnosis_titles() -> dict[str, str]:
    """Return the titles of the results that a diagnosis leaves beside those of the steps."""
    return {
        "doctor-macos": tr("Diagnosis for macOS"),
        "doctor-server": tr("Diagnosis of the Comet Server"),
    }


def party_of(finding: Finding) -> Party:
    """Return who can mend *finding*."""
    return _MENDED_BY[max((each for each in _MENDED_BY if finding.id.startswith(each)), key=len)]


def _line(flow: Flow, step: Step, now: datetime) -> StepLine:
    result = flow.profile.results.get(step.key)
    stands = standing(flow, step.key, now)
    unasked = step.key == MACOS_LEVEL and flow.profile.macos.level == LEVELS[0]
    if unasked and stands.severity is Severity.WARNING:
        # nobody has to be asked for this level, so there is no result that could say it
        return StepLine(step, stands, result.obtained if result is not None else None, sign_only_words())
    if stands.severity is Severity.ERROR and stands.state is not StepState.DONE:
        return StepLine(step, stands, result.obtained if result is not None else None, to_correct(flow))
    if result is None:
        return StepLine(step, stands, None)
    grave = [
        each for each in worst_first(result.findings) if each.severity in (Severity.ERROR, Severity.WARNING)
    ]
    text = grave[0].title if grave else ""
    if not grave:
        told = ("publisher", "application_name", "certificate")
        text = next((result.facts[name] for name in told if result.facts.get(name)), "")
    return StepLine(step, stands, result.obtained, text)


def _verdict(
    flow: Flow, lines: list[StepLine], ends: list[Ending], now: datetime
) -> tuple[Severity, str, str]:
    bad = [each for each in lines if each.state is StepState.ATTENTION]
    if bad:
        title = tr("Needs attention: {step}. {what}").format(
            step=bad[0].step.title, what=flow.blocking(bad[0].step.key)[0].title
        )
        more = len(bad) - 1
        text = (
            ""
            if not more
            else tr("1 more step needs attention.")
            if more == 1
            else tr("{n} more steps need attention.").format(n=more)
        )
        return Severity.ERROR, title, text
    others = [each for key, _, each in shown_results(flow.profile) if key in diagnosis_titles()]
    for result in others:
        errors = [each for each in result.findings if each.severity is Severity.ERROR]
        if errors:
            return Severity.ERROR, errors[0].title, ""
    gone = [each for each in ends if each.ends is not None and each.ends <= now]
    if gone:
        return Severity.ERROR, tr("{what} has ended.").format(what=gone[0].what), gone[0].note
    typed = [each for each in lines if each.standing.needs_attention and each.state is not StepState.DONE]
    if typed:
        title = tr("Needs attention: {step}. {what}").format(step=typed[0].step.title, what=typed[0].text)
        return Severity.ERROR, title, ""
    done = [each for each in lines if each.state is StepState.DONE]
    stale = [each for each in lines if each.state is StepState.OUT_OF_DATE]
    if stale:
        return (
            Severity.WARNING,
            tr("Something changed since the check of {step}.").format(step=stale[0].step.title),
            tr("Check it again: what is shown is what was."),
        )
    near = next((each for each in ends if each.near(now)), None)
    if lines and len(done) == len(lines):
        systems = [
            group.value for group in (Group.WINDOWS, Group.MACOS) if any(x.step.group is group for x in lines)
        ]
        title = tr("Signing works for {systems}: all was checked and proved.").format(
            systems=tr(" and ").join(systems)
        )
        if near is not None and near.ends is not None:
            text = tr("{what} ends on {date}.").format(what=near.what, date=f"{near.ends:%Y-%m-%d}")
            return Severity.WARNING, title, text
        warned = [each for each in lines if each.standing.severity is Severity.WARNING and each.text]
        if warned:
            text = tr("{step}: {what}").format(step=warned[0].step.title, what=warned[0].text)
            return Severity.WARNING, title, text
        return Severity.OK, title, ""
    if not lines:
        return Severity.INFO, tr("Nothing is chosen to be signed yet."), ""
    ahead = flow.ahead(now)
    return (
        Severity.INFO,
        tr("{done} of {all} steps are done.").format(done=len(done), all=len(lines)),
        tr("Next step: {step}.").format(step=ahead.title) if ahead is not None else "",
    )


def _moves(flow: Flow, lines: list[StepLine], ends: list[Ending], now: datetime) -> list[Move]:
    moves: list[Move] = []
    for key, _, result in shown_results(flow.profile):
        if key in {each.step.key for each in lines} or key in diagnosis_titles():
            moves += [
                Move(party_of(each), each.title, _how(each), each.severity, key)
                for each in worst_first(result.findings)
                if each.severity in (Severity.ERROR, Severity.WARNING)
            ]
            if result.ok and result.details.get(OPEN) == PENDING:
                what = tr("Check the order and issue the certificate for the signing request.")
                moves.append(Move(Party.CA, what, step=key))
                moves.append(Move(Party.PARTNER, tr("Hand in the CA's answer when it comes."), step=key))
    for line in lines:
        if line.state is StepState.OUT_OF_DATE:
            what = tr("Check again: {step}. Something changed since.").format(step=line.step.title)
            moves.append(Move(Party.PARTNER, what, severity=Severity.WARNING, step=line.step.key))
    first = next(
        (each for each in lines if each.state in (StepState.NOT_STARTED, StepState.IN_PROGRESS)), None
    )
    if first is not None and not any(each.step == first.step.key for each in moves):
        what = tr("Go on with {step}.").format(step=first.step.title)
        moves.append(Move(Party.PARTNER, what, step=first.step.key))
    moves += [_of_end(each, now) for each in ends if each.near(now) and each.key in _ENDED_MENDED_BY]
    for each in ends:
        if each.known is Known.UNKNOWN and each.key in _TYPED:
            what = tr("{what}: look up when it ends, and type it in above.").format(what=each.what)
            moves.append(Move(Party.PARTNER, what))
    return _once(moves)


_TYPED = ("client-secret", "apple-membership")


def _of_end(ending: Ending, now: datetime) -> Move:
    assert ending.ends is not None
    date = f"{ending.ends:%Y-%m-%d}"
    gone = ending.ends <= now
    if ending.asked_for:
        what = (
            tr("{what} ended on {date}: what replaces it is asked for.")
            if gone
            else tr("{what} ends on {date}: what replaces it is asked for.")
        )
    else:
        what = (
            tr("{what} ended on {date}: renew it.") if gone else tr("{what} ends on {date}: renew it before.")
        )
    return Move(
        _ENDED_MENDED_BY[ending.key],
        what.format(what=ending.what, date=date),
        next((each.title for each in remedies_for(ending.key, asked_for=ending.asked_for)), ""),
        Severity.ERROR if gone else Severity.WARNING,
        _TOLD_BY[ending.key],
    )


def _how(finding: Finding) -> str:
    return finding.remedies[0].title if finding.remedies else ""


def _once(moves: Iterable[Move]) -> list[Move]:
    """Return *moves* the gravest first, each party's sentence once."""
    ordered = sorted(moves, key=lambda each: (list(Party).index(each.party), each.severity.rank))
    return list({(each.party, each.what): each for each in ordered}.values())
