"""What is wrong with the practice network itself, apart from any service: the part scenarios turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from codesign_wizard.practice.wire.messages import Request, Response

_GLANCE = 0.05  # seconds between two looks whether an answer is held back still


@dataclass(frozen=True)
class ProxyLogin:
    """The proxy asks for this login (RFC 9110, 11.7; Basic, RFC 7617)."""

    user: str
    password: str
    realm: str = "Practice proxy"


@dataclass
class Conditions:
    """Faults by host name. ``stopping`` ends every wait; ``delay`` are seconds that every answer takes.

    ``holds`` are seconds an answer is held back; ``resets`` are hosts whose connections are torn down in the
    TLS handshake; ``refused`` hosts accept no connection; ``answers`` replace a service's own.
    """

    slow_factor: float = 1.0
    delay: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)
    inspected: bool = False
    proxy_login: ProxyLogin | None = None
    holds: dict[str, float] = field(default_factory=dict)
    resets: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    answers: dict[str, Callable[[Request], Response]] = field(default_factory=dict)

    def hold(self, host: str) -> None:
        """Wait as long as answers of *host* are held back: until they no longer are, or the cloud stops."""
        began = time.monotonic()
        while True:
            seconds = self.holds.get(host, 0.0) * self.slow_factor + self.delay
            left = began + seconds - time.monotonic()
            if left <= 0 or self.stopping.wait(min(left, _GLANCE)):
                return
