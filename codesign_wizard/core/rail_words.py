"""The few words beside a step in the list of steps: what it waits for, or how long what it looks at lasts."""

from __future__ import annotations

from datetime import datetime

from codesign_wizard.core import flow as steps
from codesign_wizard.core.flow import Flow, StepState
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.text import tr

_NEAR_DAYS = 90


def note(flow: Flow, profile: Profile, key: str, now: datetime) -> str:
    """Return what is worth saying of the step *key*, nothing for most of them."""
    result = profile.results.get(key)
    waits = result.details.get(steps.OPEN) if result is not None else ""
    match flow.state(key):
        case StepState.OUT_OF_DATE:
            return tr("out of date")
        case StepState.ATTENTION:
            count = len(flow.blocking(key))
            return tr("1 problem") if count == 1 else tr("{n} problems").format(n=count)
        case StepState.IN_PROGRESS if key == steps.CERTIFICATE:
            return tr("at the CA") if waits == "pending" else ""
        case StepState.IN_PROGRESS if key == steps.APPLE_CERTIFICATES:
            return tr("1 of 2") if waits in ("installer", "application") else ""
        case StepState.DONE if key == _tells_expiry(profile):
            from codesign_wizard.core.needs import in_days, windows_expiry

            expiry = windows_expiry(profile)
            return in_days(expiry, now) if expiry is not None else ""
        case StepState.DONE if key == steps.APPLE_CERTIFICATES:
            from codesign_wizard.core.needs import apple_expiry, in_days

            # five years: the name of the step is worth more room than the days, until there are few
            expiry = apple_expiry(profile)
            near = expiry is not None and expiry.days(now) <= _NEAR_DAYS
            return in_days(expiry, now) if expiry is not None and near else ""
    return ""


def _tells_expiry(profile: Profile) -> str:
    """Return the step that tells when the certificate ends: the one that looks at it closest."""
    return steps.CERTIFICATE if steps.CERTIFICATE in profile.results else steps.KEY_VAULT
