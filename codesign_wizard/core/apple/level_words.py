"""What the three levels mean, and what is missing for each, from what is really there.

The consequences are the server's documentation's and Gatekeeper's rules (``core.apple.gatekeeper``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.flow import APPLE_CERTIFICATES, MACOS_LEVEL, Flow, StepState
from codesign_wizard.core.profile import LEVELS, ApiKeySettings, Profile
from codesign_wizard.core.standing import sign_only_words
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import verdict, when

SIGN_ONLY, NOTARISE, STAPLE = LEVELS

_AGREEMENT = "apple.notary.agreement-missing"
_MEMBERSHIP = ("apple.notary.membership-expired", "apple.notary.team-inaccessible")
# what is wrong with the way or the service says nothing of the key
_ABOUT_KEY = ("apple.api-key.", "apple.notary.role-too-low")


class Sign(StrEnum):
    """What stands before a line of a card."""

    THERE = "there"
    UNCERTAIN = "uncertain"
    OPEN = "open"  # needed, and not given yet
    MISSING = "missing"
    NEUTRAL = "neutral"


@dataclass(frozen=True)
class Line:
    """A line of a card; ``needed`` tells a need from a consequence."""

    sign: Sign
    text: str
    needed: bool = False


@dataclass(frozen=True)
class LevelCard:
    """A level: its name, one sentence, what it needs and what follows from it."""

    level: str
    title: str
    summary: str
    lines: Sequence[Line]

    @property
    def blocked(self) -> bool:
        """Whether something is missing that the level needs."""
        return any(each.needed and each.sign in (Sign.MISSING, Sign.OPEN) for each in self.lines)


def cards(flow: Flow, *, kept: bool | None, found: bool = False) -> list[LevelCard]:
    """Return the three cards in order; *kept* tells whether a key is kept, ``None`` if not known yet.

    *found* tells whether a file called like a key lies where such files lie.
    """
    profile = flow.profile
    key = _key_lines(flow, kept, found)
    return [
        LevelCard(
            SIGN_ONLY,
            tr("Sign only"),
            tr("Fastest. macOS 10.15 and later stop what was downloaded."),
            [
                _certificates(profile, ("installer",)),
                Line(Sign.NEUTRAL, tr("No API key")),
                Line(Sign.MISSING, tr("Customers read “cannot be opened”, with a network and without")),
                Line(Sign.NEUTRAL, tr("macOS 10.14 and earlier open it")),
                Line(Sign.NEUTRAL, tr("First download of a client: seconds")),
            ],
        ),
        LevelCard(
            NOTARISE,
            tr("Sign and notarise"),
            tr("Good. The customer's Mac asks Apple once, when it is first opened."),
            [
                _certificates(profile, ("installer", "application")),
                *key,
                Line(Sign.THERE, tr("With a network: opens, on every macOS")),
                Line(Sign.UNCERTAIN, tr("Without a network: macOS 10.15 and later stop it")),
                Line(Sign.NEUTRAL, tr("First download of a client: minutes")),
            ],
        ),
        LevelCard(
            STAPLE,
            tr("Sign, notarise and staple"),
            tr("Best. Apple's ticket is inside the package."),
            [
                _certificates(profile, ("installer", "application")),
                *key,
                Line(Sign.THERE, tr("Opens with a network and without, on every macOS")),
                Line(
                    Sign.NEUTRAL,
                    tr("First download of a client: 10 minutes or more; problems stand in the server's log"),
                ),
            ],
        ),
    ]


def recommendation() -> list[str]:
    """Return what speaks for which level, a sentence each."""
    return [
        tr(
            "For customers, take “Sign, notarise and staple”: a backup client is often installed behind a "
            "firewall, or on a Mac that is being set up, from where Apple cannot be asked. There the ticket "
            "has to be inside."
        ),
        tr(
            "The price is the wait at the first download after each new version of the server, 10 minutes or "
            "more; later downloads are at once. If that wait is a nuisance and all Macs are online, “Sign "
            "and notarise” is enough."
        ),
        tr(
            "“Sign only” is for tests, and for packages that are not downloaded with a browser or a mail: "
            "only what is marked as downloaded is judged by Gatekeeper."
        ),
    ]


def lacking(own: ApiKeySettings, *, kept: bool | None, found: bool = False) -> str:
    """Return what has to be given or mended before Apple can be asked, as a sentence; "" for nothing."""
    if kept is False:
        if found:
            return tr("The API key that was found is not taken yet.")
        return tr("The API key is still missing.")
    missing = _id_missing(own)
    if missing:
        return tr("The {name} is still missing.").format(name=missing)
    return _wrong_words(own)


def _wrong_words(own: ApiKeySettings) -> str:
    """Return which ids cannot be right, as a sentence; "" for none."""
    wrong = _ids_wrong(own)
    if len(wrong) > 1:
        return tr("{one} and {other} cannot be right.").format(one=wrong[0], other=wrong[1])
    return tr("The {name} cannot be right.").format(name=wrong[0]) if wrong else ""


def said(flow: Flow, *, kept: bool | None, found: bool = False) -> tuple[Severity, str, str]:
    """Return how grave it is, the sentence about the chosen level, and a smaller one; as ``cards``."""
    profile = flow.profile
    chosen = profile.macos.level
    if chosen == SIGN_ONLY:
        return (
            Severity.WARNING,
            sign_only_words(),
            tr("The other two levels avoid that; they need an API key."),
        )
    result, state = profile.results.get(MACOS_LEVEL), flow.state(MACOS_LEVEL)
    lacks, wrong = lacking(profile.macos.api_key, kept=kept, found=found), _wrong_words(profile.macos.api_key)
    if result is not None and state is StepState.OUT_OF_DATE:
        of = tr("The result below is of {time}.").format(time=when(result.obtained))
        if wrong:  # before anything can be checked again
            return Severity.ERROR, wrong, of
        return Severity.WARNING, tr("Key or network changed since Apple was asked: check it again."), of
    if result is not None:
        clear = tr("Apple accepts the key: this level can be reached.")
        severity, title, text = verdict(result.findings, clear)
        checked = tr("Checked {time}.").format(time=when(result.obtained))
        return severity, title, f"{text} {checked}".strip()
    if wrong:
        return Severity.ERROR, wrong, lacks if lacks != wrong else ""
    if kept is False and found:
        return (
            Severity.INFO,
            tr("An API key was found on this computer."),
            tr("Take it below, or give another one; then the Issuer ID."),
        )
    if kept is False:
        return (
            Severity.INFO,
            tr("This level needs an App Store Connect API key."),
            tr("Drop its file below, AuthKey_….p8, and give the Issuer ID."),
        )
    return Severity.INFO, lacks or tr("The key is there. Apple has not been asked yet."), ""


def _id_missing(own: ApiKeySettings) -> str:
    """Return the name of the id that is not given, "" where both are."""
    if not own.issuer_id:
        return tr("Issuer ID")
    return "" if own.key_id else tr("Key ID")


def _ids_wrong(own: ApiKeySettings) -> list[str]:
    """Return the names of the ids that are not of Apple's form."""
    from codesign_wizard.core.apple.api_key import check_ids
    from codesign_wizard.core.apple.api_key_findings import ISSUER_WRONG, KEY_ID_WRONG

    wrong = {each.id for each in check_ids(own.key_id, own.issuer_id, named=own.named)[2]}
    named = ((ISSUER_WRONG.id, tr("Issuer ID")), (KEY_ID_WRONG.id, tr("Key ID")))
    return [name for finding, name in named if finding in wrong]


def _certificates(profile: Profile, kinds: Sequence[str]) -> Line:
    """Return the line about the certificates, by what their page found."""
    result = profile.results.get(APPLE_CERTIFICATES)
    told = result.details.get("severity", {}) if result is not None else {}
    names = {"installer": tr("Developer ID Installer"), "application": tr("Developer ID Application")}
    files = {"installer": profile.macos.installer_file, "application": profile.macos.application_file}
    whole = names[kinds[0]] if len(kinds) == 1 else tr("Both certificates")
    missing = [names[kind] for kind in kinds if not files[kind]]
    if missing:
        return Line(Sign.OPEN, tr("{name}: none yet").format(name=" + ".join(missing)), needed=True)
    wrong = [names[kind] for kind in kinds if told.get(kind) == Severity.ERROR.value]
    if wrong:
        return Line(Sign.MISSING, tr("{name}: cannot sign").format(name=" + ".join(wrong)), needed=True)
    if any(kind not in told for kind in kinds):
        return Line(Sign.UNCERTAIN, tr("{name}: not checked yet").format(name=whole), needed=True)
    return Line(Sign.THERE, whole, needed=True)


def _key_lines(flow: Flow, kept: bool | None, found: bool) -> list[Line]:
    """Return the lines about key, agreement and membership."""
    profile = flow.profile
    own, result = profile.macos.api_key, profile.results.get(MACOS_LEVEL)
    if kept is False:
        words = tr("API key: found, not taken yet") if found else tr("API key: none yet")
        return [Line(Sign.OPEN, words, needed=True)]
    missing, wrong = _id_missing(own), _ids_wrong(own)
    if missing:
        return [Line(Sign.OPEN, tr("API key: its {name} is missing").format(name=missing), needed=True)]
    if wrong:
        if len(wrong) > 1:
            words = tr("API key: {one} and {other} cannot be right").format(one=wrong[0], other=wrong[1])
        else:
            words = tr("API key: its {name} cannot be right").format(name=wrong[0])
        return [Line(Sign.MISSING, words, needed=True)]
    # the step's own state says nothing of the key at the level that needs none
    if result is None or result.inputs != flow.inputs(MACOS_LEVEL):
        return [Line(Sign.UNCERTAIN, tr("API key: not checked yet"), needed=True)]
    if result.ok:
        return [Line(Sign.THERE, tr("API key: accepted by Apple"), needed=True)]
    return [_refused(result.findings)]


def _refused(findings: Sequence[Finding]) -> Line:
    errors = [each.id for each in findings if each.severity is Severity.ERROR]
    if _AGREEMENT in errors:
        return Line(Sign.MISSING, tr("Agreement with Apple: has to be accepted"), needed=True)
    if any(each in _MEMBERSHIP for each in errors):
        return Line(Sign.MISSING, tr("Membership in Apple's programme: ended or suspended"), needed=True)
    if any(each.startswith(_ABOUT_KEY) for each in errors):
        return Line(Sign.MISSING, tr("API key: Apple does not take it"), needed=True)
    return Line(Sign.UNCERTAIN, tr("API key: could not be checked"), needed=True)
