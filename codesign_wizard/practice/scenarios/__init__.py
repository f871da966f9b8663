"""What can be wrong in the practice cloud: one thing a scenario.

A scenario is a small function that changes the world or the accounts, registered with ``scenario`` in the
module of its area. A new area is a new module and a line here.
"""

from __future__ import annotations

from codesign_wizard.practice.scenarios import (
    access_policy,
    apple,
    certificate,
    network,
    rbac,
    server,
    sign_in,
    windows_trial,
)
from codesign_wizard.practice.scenarios.registry import Scenario, apply, registered
from codesign_wizard.practice.world import World

__all__ = ["Scenario", "all_scenarios", "apply_scenario", "find_scenario"]

_AREAS = (
    sign_in.AREA,
    network.AREA,
    rbac.AREA,
    access_policy.AREA,
    certificate.AREA,
    windows_trial.AREA,
    apple.AREA,
    server.AREA,
)


def all_scenarios() -> list[Scenario]:
    """Return every scenario, area by area in the order of the documentation."""
    return [scenario for area in _AREAS for scenario in registered(area)]


def find_scenario(name: str) -> Scenario:
    """Return the scenario called *name*; raises ``KeyError``."""
    return {scenario.name: scenario for scenario in all_scenarios()}[name]


def apply_scenario(name: str, world: World) -> None:
    """Make the one thing wrong that *name* stands for; raises ``KeyError``."""
    apply(name, world)
