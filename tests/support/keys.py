"""RSA keys for tests at no cost: of primes that were found before, which is what takes the time.

Every key is well formed and differs from the ones before it until all pairs were used; none is for anything
but a test. The product's own way of making keys is left as it is, and is gone by programs that tests start
without ``tests.support.started``.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from codesign_wizard.practice import key_making
from codesign_wizard.practice.key_making import PrivateKey

_PRIMES = Path(__file__).with_name("rsa_primes.json")  # 20 of each size: 190 keys
_EXPONENT = 65537


class KeyPool:
    """Stands in for ``practice.key_making.generate_key``; threads may ask at once."""

    def __init__(self, make: Callable[[str], PrivateKey]) -> None:
        self._make = make
        self._lock = threading.Lock()
        known: dict[str, list[str]] = json.loads(_PRIMES.read_text("ascii"))
        self._pairs = {kind: itertools.cycle(_pairs(primes)) for kind, primes in known.items()}

    def __call__(self, kind: str) -> PrivateKey:
        pairs = self._pairs.get(kind)
        if pairs is None:
            return self._make(kind)
        with self._lock:
            p, q = next(pairs)
        return _key(p, q)


def install() -> None:
    """Let the practice clouds of this process take their keys from the pool."""
    key_making.generate_key = _POOL


def rsa_key(size: int) -> rsa.RSAPrivateKey:
    """Return an RSA key of 2048, 3072 or 4096 bits, and none that a practice cloud of this process has."""
    key = _POOL(f"rsa-{size}")
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _pairs(primes: list[str]) -> Iterator[tuple[int, int]]:
    """Return every pair of two primes; a prime comes again as late as can be."""
    found = [int(prime, 16) for prime in primes]
    count = len(found)
    for distance in range(1, count // 2 + 1):
        # at half the way round every pair comes twice
        for place in range(count if 2 * distance < count else distance):
            yield found[place], found[(place + distance) % count]


def _key(p: int, q: int) -> rsa.RSAPrivateKey:
    p, q = max(p, q), min(p, q)
    d = rsa.rsa_recover_private_exponent(_EXPONENT, p, q)
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=rsa.rsa_crt_dmp1(d, p),
        dmq1=rsa.rsa_crt_dmq1(d, q),
        iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(_EXPONENT, p * q),
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


_POOL = KeyPool(key_making.generate_key)
