"""Temporary credentials for one object, which requests are signed with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Credentials:
    """Temporary credentials, as STS gives them: for one object, to write or to read, until ``expires``."""

    access_key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    bucket: str
    key: str
    writes: bool
    expires: float
