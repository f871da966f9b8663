"""Keys of the practice cloud, made when they are asked for or, where they surely will be, before that.

Finding the primes of an RSA key takes tenths of a second, and lets the rest of the program go on meanwhile.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from cryptography.hazmat.primitives.asymmetric import ec, rsa

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Order = Sequence[Future[PrivateKey]]

_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1,
    "P-256K": ec.SECP256K1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
}
_WORKERS = 4
# what a cloud has from its start: the vault's key and its certification authority's
FIRST = ("rsa-3072", "rsa-3072")
# what is needed beside that to sign for a system, as it is asked for: both roots, tokens, a time-stamp
# server; Apple's root and two authorities, the team's two identities, the time stamps' authority and server
TO_SIGN = {"windows": ("rsa-3072", "rsa-3072", "rsa-2048", "rsa-3072"), "macos": ("rsa-2048",) * 7}


def generate_key(kind: str) -> PrivateKey:
    """Return a new key of *kind*: ``rsa-3072``, ``ec-P-256`` and the like."""
    family, _, size = kind.partition("-")
    if family == "rsa":
        return rsa.generate_private_key(65537, int(size))
    return ec.generate_private_key(_CURVES[size]())


class Stock:
    """Keys made ahead, of which each is taken once; threads may order and take at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ordered: defaultdict[str, deque[Future[PrivateKey]]] = defaultdict(deque)
        self._workers: ThreadPoolExecutor | None = None

    def order(self, kinds: Iterable[str]) -> Order:
        """Begin to make a key of each of *kinds*, in this order, and return at once what ``drop`` takes."""
        made = []
        with self._lock:
            if self._workers is None:
                # as many as there are processors: who asks for a key often has to wait for it
                count = max(1, min(_WORKERS, os.cpu_count() or 1))
                self._workers = ThreadPoolExecutor(count, "practice-keys")
            for kind in kinds:
                made.append(self._workers.submit(generate_key, kind))
                self._ordered[kind].append(made[-1])
        return made

    def take(self, kind: str) -> PrivateKey:
        """Return a new key of *kind*: one from the stock, or one that is made now."""
        with self._lock:
            waiting = self._ordered[kind]
            future = waiting.popleft() if waiting else None
        # one that no worker has begun is made here at once, beside what they are making
        if future is None or future.cancel():
            return generate_key(kind)
        return future.result()

    def drop(self, order: Order) -> None:
        """Forget what was not taken of *order*; a key that is under way is still made, and thrown away."""
        workers = None
        with self._lock:
            for waiting in self._ordered.values():
                for future in [each for each in waiting if each in order]:
                    waiting.remove(future)
                    future.cancel()
            if not any(self._ordered.values()):
                workers, self._workers = self._workers, None
        if workers is not None:
            workers.shutdown(wait=False, cancel_futures=True)


# one for the process: a key is as good as another, and the first are ordered before a cloud is there
STOCK = Stock()
