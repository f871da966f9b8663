"""What the server's builds for Windows and for macOS share: how signing fails, and time stamps."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from codesign_wizard.core.job import JobContext
from codesign_wizard.core.signing import DigestAlgorithm

if TYPE_CHECKING:
    from codesign_wizard.core.authenticode.timestamp import Timestamper
    from codesign_wizard.practice.world import World


class BuildError(Exception):
    """Signing did not work; the text goes into the log and to who asked."""


@dataclass(frozen=True)
class Stamp:
    """What a time-stamp server gave, in the shape that signing takes."""

    token: bytes
    server: str
    time: datetime
    findings: list[Any] = field(default_factory=list)
    host: str = "timestamp"


class Stamper:
    """A time-stamp client that asks the practice unit at once."""

    def __init__(self, world: World) -> None:
        self._world = world

    def stamp(self, job: JobContext, signature: bytes, digest: DigestAlgorithm) -> Stamp:
        """Return a time stamp over *signature*."""
        unit = next(iter(self._world.timestamp_units.values()))
        return Stamp(unit.stamp(hashlib.sha256(signature).digest()), unit.label, self._world.clock.now())


def stamper(world: World) -> Timestamper:
    """Return what signing calls for a time stamp: it needs only ``stamp``."""
    return cast("Timestamper", Stamper(world))
