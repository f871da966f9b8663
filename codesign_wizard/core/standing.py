"""How a step stands, as the rail and the summary show it: its state, what takes from a *done*, and a note.

A step can be done, and yet have a warning, or tell of something that has ended since. A plain tick there
would contradict what stands beside it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import (
    APPLE_CERTIFICATES,
    CERTIFICATE,
    KEY_VAULT,
    MACOS_LEVEL,
    OPEN,
    PENDING,
    PERMISSIONS,
    Flow,
    StepState,
)
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.expiry import Ending
    from codesign_wizard.core.needs import Expiry
    from codesign_wizard.core.step_result import StepResult

_SIGNS = "azure.signature.works"
_APPLE_NOTE_DAYS = 90  # five years at first: the name of the step is worth more room, until there are few


class Standing(NamedTuple):
    """``severity`` is ``OK`` unless something is to be said against how the state sounds.

    That is of what is *done*, of values that cannot be right before anybody tried them, and of what the page
    that is open warns of.

    ``short`` is what of the note is shown where there is no room for all of it, often nothing.
    """

    state: StepState
    severity: Severity = Severity.OK
    note: str = ""
    short: str = ""

    @property
    def needs_attention(self) -> bool:
        """Whether something stands in the way here, also by an end since it was done."""
        return self.state is StepState.ATTENTION or self.severity is Severity.ERROR

    def beside(self, shown: Severity) -> Standing:
        """Return how the step stands while its page says something as grave as *shown*.

        A problem on the page is one in the rail, also where it is in no result: a mistake in what is typed,
        or a file that will not do. So is a warning. Of what is being typed the page tells first.
        """
        typed = self.severity is Severity.ERROR and self.state is not StepState.DONE
        known = self
        if typed:
            note = self.note if self.state is StepState.OUT_OF_DATE else ""
            known = self._replace(severity=Severity.OK, note=note)
        if known.needs_attention:
            return known
        if shown is Severity.ERROR:
            return known._replace(state=StepState.ATTENTION, severity=Severity.OK)
        if shown is Severity.WARNING and known.state in (StepState.IN_PROGRESS, StepState.DONE):
            return known._replace(severity=Severity.WARNING)
        return known

    @property
    def words(self) -> str:
        """What a step that stands so is called."""
        if self.severity is Severity.ERROR:
            return tr("needs attention")
        if self.severity is Severity.WARNING:
            return tr("with a warning")
        return {
            StepState.NOT_STARTED: tr("not started"),
            StepState.IN_PROGRESS: tr("in progress"),
            StepState.DONE: tr("done"),
            StepState.ATTENTION: tr("needs attention"),
            StepState.OUT_OF_DATE: tr("out of date"),
        }[self.state]

    @property
    def told(self) -> str:
        """The words with the note, where that says something besides."""
        return f"{self.words}, {self.note}" if self.note not in ("", self.words) else self.words


def standing(flow: Flow, key: str, now: datetime) -> Standing:
    """Return how the step *key* stands at *now*; the note is a few words, often none."""
    stands = _known(flow, key, now)
    tried = stands.state in (StepState.DONE, StepState.ATTENTION)
    if key == KEY_VAULT and not tried and to_correct(flow):
        # a sign without a word would leave open what was checked: nothing was
        return stands._replace(severity=Severity.ERROR, note=stands.note or tr("to be corrected"))
    return stands


def _known(flow: Flow, key: str, now: datetime) -> Standing:
    """Return how the step stands by its result alone."""
    state = flow.state(key)
    match state:
        case StepState.OUT_OF_DATE:
            return Standing(state, note=tr("out of date"))
        case StepState.ATTENTION:
            count = len(flow.blocking(key))
            note = tr("1 problem") if count == 1 else tr("{n} problems").format(n=count)
            return Standing(state, note=note, short=str(count))
        case StepState.IN_PROGRESS:
            return Standing(state, note=_open_note(flow, key))
        case StepState.DONE:
            return _done(flow, key, now)
    return Standing(state)


def to_correct(flow: Flow) -> str:
    """Return which options of the vault hold what cannot be right, as a sentence; "" for none."""
    azure = flow.profile.windows.azure
    values = {
        "vault_name": azure.vault_name,
        "certificate_name": azure.certificate_name,
        "application_id": azure.application_id,
        "tenant_id": azure.tenant_id,
    }
    if not any(values.values()):
        return ""
    # here: the first window of a new profile is not to wait for it
    from codesign_wizard.core.azure.options import field_name, impossible

    names = [field_name(field) for field in impossible(values)]
    return tr("To be corrected: {names}.").format(names=", ".join(names)) if names else ""


def _open_note(flow: Flow, key: str) -> str:
    result = flow.profile.results.get(key)
    waits = result.details.get(OPEN) if result is not None else ""
    if key == CERTIFICATE and waits == PENDING:
        return tr("at the CA")
    if key == APPLE_CERTIFICATES and waits in ("installer", "application"):
        return tr("1 of 2")
    return ""


def _done(flow: Flow, key: str, now: datetime) -> Standing:
    # here, not above: the window's frame asks before anything has been done, and is not to wait for them
    from codesign_wizard.core.needs import Expiry, in_days

    severities = [Severity.OK]
    result = flow.profile.results.get(key)
    if result is not None and any(each.severity is Severity.WARNING for each in result.findings):
        severities.append(Severity.WARNING)
    if key == MACOS_LEVEL and flow.profile.macos.level == LEVELS[0]:
        severities.append(Severity.WARNING)
    notes, alone = [], ""
    if key == KEY_VAULT and result is not None and _cannot_sign(flow, result):
        severities.append(Severity.WARNING)
        notes.append(tr("does not sign yet"))
    expiry = _told(flow, key)
    if expiry is not None:
        severities.append(_of_end(expiry.time, expiry.days(now), now))
        if key != APPLE_CERTIFICATES or expiry.days(now) <= _APPLE_NOTE_DAYS:
            left = in_days(expiry, now)
            # beside the vault's name it is not plain what ends; nobody looked at the certificate itself yet
            notes.append(tr("certificate: {when}").format(when=left) if key == KEY_VAULT else left)
            if key == KEY_VAULT and len(notes) == 1 and severities[-1] is not Severity.OK:
                alone = left  # a sign that warns is not left without a word
    secret = _secret(flow) if key == KEY_VAULT else None
    if secret is not None and secret.ends is not None and secret.near(now):
        severities.append(_of_end(secret.ends, secret.days(now) or 0, now))
        left = in_days(Expiry(secret.what, secret.ends), now)
        notes.append(tr("secret: {when}").format(when=left))
    short = notes[0] if len(notes) > 1 else alone
    return Standing(StepState.DONE, min(severities, key=lambda each: each.rank), ", ".join(notes), short)


def _cannot_sign(flow: Flow, result: StepResult) -> bool:
    """Tell whether the vault answers, but a permission is lacking and nothing was signed with its key."""
    return bool(flow.blocking(PERMISSIONS)) and all(each.id != _SIGNS for each in result.findings)


def _told(flow: Flow, key: str) -> Expiry | None:
    """Return when what the step *key* looked at closest ends."""
    from codesign_wizard.core.needs import apple_expiry, windows_expiry

    if key == APPLE_CERTIFICATES:
        return apple_expiry(flow.profile)
    told = CERTIFICATE if CERTIFICATE in flow.profile.results else KEY_VAULT
    return windows_expiry(flow.profile) if key == told else None


def _secret(flow: Flow) -> Ending | None:
    from codesign_wizard.core.expiry import endings

    return next((each for each in endings(flow.profile) if each.key == "client-secret"), None)


def _of_end(end: datetime, days: int, now: datetime) -> Severity:
    from codesign_wizard.core.expiry import NEAR_DAYS

    if end <= now:
        return Severity.ERROR
    return Severity.WARNING if days <= NEAR_DAYS else Severity.OK


def sign_only_words() -> str:
    """Return what the level of signing means to a customer."""
    return tr("“Sign only”: macOS 10.15 and later will stop what customers download.")
