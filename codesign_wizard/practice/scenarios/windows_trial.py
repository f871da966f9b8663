"""Scenarios of the Windows trial: what time-stamp servers do."""

from __future__ import annotations

from codesign_wizard.core.text import tr
from codesign_wizard.practice.scenarios.network import HOLD_SECONDS, unavailable
from codesign_wizard.practice.scenarios.registry import scenario
from codesign_wizard.practice.timestamp.hosts import HOSTS
from codesign_wizard.practice.world import World

AREA = "Windows trial"
_TRIAL = ("trial", "windows")


@scenario(
    "timestamp-down",
    AREA,
    lambda: tr("The first time-stamp server is down."),
    command=_TRIAL,
    expects=["authenticode.timestamp.server-down"],
)
def timestamp_down(world: World) -> None:
    """503; the second server works."""
    world.conditions.answers[HOSTS["a"]] = unavailable


@scenario(
    "timestamp-slow",
    AREA,
    lambda: tr("The first time-stamp server does not answer in time."),
    command=(*_TRIAL, "--timeout", "2"),
    expects=["authenticode.timestamp.server-slow"],
)
def timestamp_slow(world: World) -> None:
    """The answer is held back; the second server works."""
    world.conditions.holds[HOSTS["a"]] = HOLD_SECONDS


@scenario(
    "timestamp-wrong",
    AREA,
    lambda: tr("The first time-stamp server answers another request."),
    command=_TRIAL,
    expects=["authenticode.timestamp.answer-wrong"],
)
def timestamp_wrong(world: World) -> None:
    """A sound token for another imprint and nonce; the second server works."""
    world.timestamp_units["a"].answers_another = True


@scenario(
    "all-timestamps-down",
    AREA,
    lambda: tr("No time-stamp server works."),
    command=_TRIAL,
    expects=["authenticode.timestamp.none"],
)
def all_timestamps_down(world: World) -> None:
    """One answers 503, the other refuses connections."""
    world.conditions.answers[HOSTS["a"]] = unavailable
    world.conditions.refused.add(HOSTS["b"])
