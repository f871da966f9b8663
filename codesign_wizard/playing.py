"""What if…: a scenario switched on and off in the practice that runs, and the page that shows it.

``switch`` is the work, for a thread; ``settle`` then tells the profile. The window offers it; nothing in
``core`` knows of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import (
    CERTIFICATE,
    KEY_VAULT,
    MACOS_LEVEL,
    MACOS_TRIAL,
    OPEN,
    PERMISSIONS,
    SERVER,
    STEPS,
    WINDOWS_TRIAL,
    Flow,
    StepState,
)
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.finding import Finding
    from codesign_wizard.core.job import JobContext
    from codesign_wizard.core.profile import Profile
    from codesign_wizard.core.step_result import StepResult
    from codesign_wizard.practice.scenarios import Scenario
    from codesign_wizard.session import Session

_WINDOWS = (KEY_VAULT, PERMISSIONS, CERTIFICATE, WINDOWS_TRIAL, SERVER)
_APPLE = (MACOS_LEVEL, MACOS_TRIAL)
_ALL = (*_WINDOWS, *_APPLE)
# what a scenario of an area can show on, the place to look first at the front
_SHOWN = {
    "sign-in": _WINDOWS,
    "network": _WINDOWS,
    "RBAC": (PERMISSIONS, KEY_VAULT, CERTIFICATE, WINDOWS_TRIAL, SERVER),
    "access policy": (PERMISSIONS, KEY_VAULT, CERTIFICATE, WINDOWS_TRIAL, SERVER),
    "certificate": (CERTIFICATE, WINDOWS_TRIAL, SERVER),
    "Windows trial": (WINDOWS_TRIAL,),
    "Apple": (MACOS_TRIAL,),
    "Server": (SERVER,),
}
_OWN_PLACE = {
    "tls-inspected": _ALL,
    "proxy-login": _ALL,
    "clock-wrong": _ALL,
    "key-without-sign": (KEY_VAULT, CERTIFICATE, WINDOWS_TRIAL, SERVER),
    "vault-standard": (CERTIFICATE,),
    "merge-other-key": (CERTIFICATE,),
    "issuer-missing": (WINDOWS_TRIAL, CERTIFICATE, SERVER),
    "agreement-missing": _APPLE,
    "api-key-unknown": _APPLE,
    "api-role-too-low": _APPLE,
    "ticket-late": (MACOS_TRIAL,),
    "ticket-missing": (MACOS_TRIAL,),
}
# what the page Certificate tells of in words of its own: a finding of its own, or how far the certificate is
_JUDGED = {
    "certificate-disabled": "certificate.judge.disabled",
    "certificate-expired": "certificate.judge.expired",
}
_STAGES = {"certificate-missing": "free", "certificate-pending": "pending"}
_STAPLED = ("ticket-late", "ticket-missing")
# who granted what, and to whom else, only an administrator sees
_BY_ADMINISTRATOR = (
    "rbac-propagating",
    "policies-on-rbac-vault",
    "policy-wrong-object-id",
    "policy-excess",
    "roles-on-policy-vault",
)
_PROVED = ("server-json-instead-of-file", "server-loader-build", "server-other-signer")
_FACTS = ("vault_name", "certificate_name", "application_id", "tenant_id")


@dataclass(frozen=True, slots=True)
class Offer:
    """A scenario as it is offered: ``pages`` are the steps that can show it, the one to open first in front.

    ``how`` is one sentence on what to do there; ``expects`` are the ids of the findings that explain it, and
    ``lasts`` tells that it can be mended there.
    """

    name: str
    area: str
    summary: str
    pages: tuple[str, ...]
    how: str
    expects: tuple[str, ...] = ()
    lasts: bool = False


@dataclass(frozen=True, slots=True)
class Switched:
    """What a switch did, for ``settle``: from which scenario to which, and the values that are others now.

    ``package`` is what the macOS trial takes, "" for the sample; ``told`` is why it could not be made.
    """

    former: Offer | None
    offer: Offer | None
    changed: dict[str, str]
    package: str
    told: Finding | None = None


def offers() -> list[Offer]:
    """Return every scenario, area by area."""
    from codesign_wizard.practice.scenarios import all_scenarios

    return [_offer(each) for each in all_scenarios()]


def area_title(area: str) -> str:
    """Return what the area of scenarios is called."""
    return {
        "sign-in": tr("Sign-in to Azure"),
        "network": tr("Network and vault's address"),
        "RBAC": tr("Permissions by roles (RBAC)"),
        "access policy": tr("Permissions by access policy"),
        "certificate": tr("Certificate and the CA's answer"),
        "Windows trial": tr("Windows trial: time-stamp servers"),
        "Apple": tr("Apple: account, notarisation, ticket"),
        "Server": tr("Comet Server"),
    }.get(area, area)


def playing(session: Session) -> Offer | None:
    """Return the scenario that is on, if any."""
    if session.practice is None or session.practice.scenario is None:
        return None
    name = session.practice.scenario
    return next((each for each in offers() if each.name == name), None)


def seen(profile: Profile, offer: Offer, told: Collection[str] = ()) -> bool:
    """Tell whether the page that shows *offer* has told of it since it was switched on.

    *told* are the ids of findings that are shown there now and are in no result. Another problem than the
    scenario's own is none of it.
    """
    result = _since(profile, offer)
    if result is not None and offer.name in _STAGES:
        return bool(result.details.get(OPEN) == _STAGES[offer.name])
    ids = {each.id for each in result.findings} if result is not None else set()
    return any(each in ids or each in told for each in offer.expects)


def way_words(
    profile: Profile, offer: Offer, *, here: str, told: Collection[str] = (), busy: bool = False
) -> str:
    """Return how *offer* is seen, or that it was, on the page *here* ("" on none of the steps).

    *busy* tells that something is under way there.
    """
    first = page_titles(offer.pages[:1])
    there = here == offer.pages[0]
    if seen(profile, offer, told if there else ()):
        if there and busy:  # the buttons are held meanwhile, and what is under way may mend it
            return tr("It was seen. It can be switched off once what is under way has ended.")
        if there and here == SERVER and offer.how == _first(SERVER):
            return tr("Seen: it is explained below. Switch it off and sign in again.")
        if there:
            return tr("Seen: it is explained below. Switch it off and check again.")
        return tr("Seen, and explained on {page}.").format(page=first)
    if _mended(profile, offer):
        return tr("Nothing of it is seen any more: it was mended. Switch it off.")
    if there and busy and offer.how.startswith(_first(here)):  # what takes more steps may take them yet
        return tr("Under way: it shows in a moment.")
    words = tr("To see it: {how}") if there else tr("Shows on {page}. {how}")
    return words.format(page=first, how=offer.how)


def _since(profile: Profile, offer: Offer) -> StepResult | None:
    """Return what was found since the switch where *offer* shows; one of before has no inputs: ``settle``."""
    result = profile.results.get(offer.pages[0])
    return result if result is not None and result.inputs else None


def _mended(profile: Profile, offer: Offer) -> bool:
    """Tell whether what can be mended is: all is well where one look would show it."""
    result = _since(profile, offer)
    return offer.lasts and offer.how == _first(offer.pages[0]) and result is not None and result.ok


def off_words(flow: Flow) -> tuple[Severity, str, str]:
    """Return what is said while no scenario is on: how grave, a sentence, and a smaller one."""
    old = [step.key for step in flow.steps() if flow.state(step.key) is StepState.OUT_OF_DATE]
    text = tr("What was seen before is out of date. Check again on: {pages}.") if old else ""
    # whether everything works is for the pages to say: here nothing was checked
    return Severity.INFO, tr("No scenario is switched on."), text.format(pages=page_titles(old))


def fixed_words(session: Session) -> str:
    """Return why nothing can be switched in this practice; empty where it can be."""
    if session.practice is None or session.practice.can_play:
        return ""
    return tr(
        "This practice was started with a scenario that it keeps in its folder, so that it can be mended "
        "there. For another, start afresh: codesign-wizard gui --practice"
    )


def switch(job: JobContext, session: Session, name: str | None) -> Switched:
    """Make the scenario *name* wrong in the practice that runs, in place of the one before; ``None``: off.

    Raises ``KeyError`` for an unknown name.
    """
    from codesign_wizard.practice_package import package_to_try

    cloud = session.practice
    assert cloud is not None, "offered in practice only"
    former = playing(session)
    before = {fact: getattr(cloud.accounts, fact) for fact in _FACTS}
    secret = cloud.accounts.application_secret
    cloud.play(name)
    session.scenario = name
    # what is open leads to the network as it was, and an issuer once fetched would hide that it is gone
    session.networking.drop()
    shutil.rmtree(cloud.folder / "cache", ignore_errors=True)
    if cloud.accounts.application_secret != secret:
        session.set_application_secret(Secret(cloud.accounts.application_secret))
    changed = {fact: getattr(cloud.accounts, fact) for fact in _FACTS}
    package, told = "", None
    try:
        package = str(package_to_try(job, session) or "")
    except CodesignError as error:
        told = error.finding  # the switch is made all the same
    return Switched(
        former,
        playing(session),
        {fact: value for fact, value in changed.items() if value != before[fact]},
        package,
        told,
    )


def settle(profile: Profile, switched: Switched) -> None:
    """Tell *profile* of a switch: values that are others now, results that may be, and the way there."""
    from codesign_wizard.practice_package import take_to_trial

    for fact, value in switched.changed.items():
        setattr(profile.windows.azure, fact, value)
    take_to_trial(profile, switched.package)
    for offer in (switched.former, switched.offer):
        for key in offer.pages if offer is not None else ():
            result = profile.results.get(key)
            if result is not None:
                result.outdate()
    if switched.offer is None:
        return
    page = switched.offer.pages[0]
    profile.windows_wanted |= page in _WINDOWS
    profile.macos_wanted |= page in _APPLE
    profile.server_wanted |= page == SERVER
    if page in _APPLE:
        least = LEVELS[2] if switched.offer.name in _STAPLED else LEVELS[1]
        profile.macos.level = max(profile.macos.level, least, key=LEVELS.index)
    for step in STEPS:
        if step.key not in profile.reached:
            profile.reached.append(step.key)
        if step.key == page:
            break


def page_titles(pages: Sequence[str]) -> str:
    """Return the names of the steps *pages*, in the order of the way."""
    return ", ".join(step.title for step in STEPS if step.key in pages)


def _offer(scenario: Scenario) -> Offer:
    name, area = scenario.name, scenario.area
    pages = tuple(_OWN_PLACE.get(name, _SHOWN[area]))
    how = _how(name, pages[0])
    expects = [_JUDGED[name]] if name in _JUDGED else scenario.expects
    return Offer(name, area, scenario.summary, pages, how, tuple(expects), scenario.kept)


def _how(name: str, page: str) -> str:
    match name:
        case "vault-standard":
            return tr("Write a signing request, let it be checked, and make it.")
        case "merge-other-key":
            return tr("Look in the vault, then let the practice CA answer.")
        case "slow" | "timestamp-slow":
            return _first(page) + " " + tr("It takes as long as Settings allow for an answer.")
        case "server-changed-meanwhile":
            return tr("Sign in and look, then apply.")
        case "server-one-time-code":
            return tr("Sign in and look; the practice code is offered where it is asked for.")
        case _ if name.startswith("notary-") and name != "notary-slow":
            return tr(
                "Sign and verify, then submit it all the same. The trial signs what it reaches; a program in "
                "an archive inside stays as it was."
            )
        case _ if name in _BY_ADMINISTRATOR:
            return tr("Look at what the application may do, then sign in as administrator.")
        case "server-secret-expired":
            return tr("Sign in and look, then prove it before you apply anything.")
        case _ if name in _PROVED:
            return tr("Sign in and look, apply what differs, then prove it.")
    return _first(page)


def _first(page: str) -> str:
    return {
        KEY_VAULT: tr("Sign in."),
        PERMISSIONS: tr("Look at what the application may do."),
        CERTIFICATE: tr("Look in the vault."),
        WINDOWS_TRIAL: tr("Sign and verify."),
        MACOS_LEVEL: tr("Check the key with Apple."),
        MACOS_TRIAL: tr("Sign and verify."),
        SERVER: tr("Sign in and look."),
    }[page]
