"""Tickets: one for everything that a submission was accepted with, found under each of its hashes.

Apple does not publish what is in a ticket. What readers of real ones have found: ``s8ch``, a version and the
length of the signers' certificates (both 32 bits, little endian), the certificates in DER, leaf first; behind
them the hashes, each after its type. The rest here, the order of the fields and the signature, is made up.
"""

from __future__ import annotations

import secrets
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from codesign_wizard.practice.notary.issues import Ticketed
from codesign_wizard.practice.state import State, StateError

if TYPE_CHECKING:
    from codesign_wizard.practice.clock import Clock

MAGIC = b"s8ch"
_DOCUMENT = "tickets"
_VERSION = 1
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
Signer = Callable[[], tuple[ec.EllipticCurvePrivateKey, Sequence[x509.Certificate]]]


@dataclass
class Ticket:
    """A ticket under one name; it can be had from ``published`` (seconds since the epoch) on."""

    record_name: str
    data: str  # hex
    published: float
    change_tag: str
    user: str


class Tickets:
    """The public database. ``lag`` are the seconds by which a ticket follows its verdict.

    With ``withheld`` none is published.
    """

    def __init__(self, state: State, clock: Clock, signer: Signer) -> None:
        self._state = state
        self._clock = clock
        self._signer = signer
        self._lock = threading.RLock()
        self._tickets: dict[str, Ticket] = {}
        self.lag = 0.0
        self.withheld = False
        self._load()

    def publish(self, covered: Sequence[Ticketed], when: float) -> None:
        """Make one ticket for *covered*, to be had under each name from *when* on, and a lag."""
        if self.withheld or not covered:
            return
        names = {each.record_name: each for each in covered}
        data = self._make(list(names.values())).hex()
        user = f"_{secrets.token_hex(16)}"
        with self._lock:
            for name in names:
                tag = "".join(secrets.choice(_BASE36) for _ in range(8))
                self._tickets[name] = Ticket(name, data, when + self.lag, tag, user)
            self._state.keep(_DOCUMENT, {"tickets": [asdict(each) for each in self._tickets.values()]})

    def find(self, record_name: str) -> Ticket | None:
        """Return the ticket under a name, if it has been published."""
        found = self._tickets.get(record_name)
        return found if found is not None and found.published <= self._clock.now().timestamp() else None

    def _make(self, covered: Sequence[Ticketed]) -> bytes:
        key, chain = self._signer()
        certificates = b"".join(each.public_bytes(Encoding.DER) for each in chain)
        listed = b"".join(struct.pack("<IB", 0, each.digest_type) + each.digest for each in covered)
        content = struct.pack("<4sII", MAGIC, _VERSION, len(certificates)) + certificates
        content += struct.pack("<II", len(covered), self._clock.timestamp()) + listed
        signature = key.sign(content, ec.ECDSA(hashes.SHA256()))
        return content + struct.pack("<I", len(signature)) + signature

    def _load(self) -> None:
        document = self._state.document(_DOCUMENT)
        if document is None:
            return
        try:
            for each in document["tickets"]:
                found = Ticket(**each)
                self._tickets[found.record_name] = found
        except (KeyError, TypeError) as error:
            raise StateError(f"{_DOCUMENT}.json: {error!r}") from error
