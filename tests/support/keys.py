"""RSA keys for practice clouds in tests, made of primes that were found before: finding primes is what costs.

The first keys of a size are made as the product makes them. Later ones pair their primes anew: every key is
well formed and another one, and none is for anything but a test. The product's own way is left as it is.
"""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives.asymmetric import rsa

from codesign_wizard.practice.state import PrivateKey

_MADE = 10  # keys of a size; their 20 primes give 180 other pairs
_EXPONENT = 65537


class KeyPool:
    """Stands in for ``practice.state.generate_key``; threads may ask at once."""

    def __init__(self, make: Callable[[str], PrivateKey]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._primes: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._pairs: dict[str, Iterator[tuple[int, int]]] = {}

    def __call__(self, kind: str) -> PrivateKey:
        if not kind.startswith("rsa-"):
            return self._make(kind)
        with self._lock:
            primes = self._primes[kind]
            if kind in self._pairs or len(primes) >= _MADE:
                if kind not in self._pairs:
                    self._pairs[kind] = itertools.cycle(_pairs(primes))
                return _key(*next(self._pairs[kind]))
        key = self._make(kind)
        assert isinstance(key, rsa.RSAPrivateKey)
        numbers = key.private_numbers()
        with self._lock:
            primes.append((numbers.p, numbers.q))
        return key


def _pairs(primes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return every pair of two primes that was no key yet; a prime comes again as late as can be."""
    flat = [prime for pair in primes for prime in pair]
    count = len(flat)
    found = [
        (flat[place], flat[(place + distance) % count])
        for distance in range(1, count // 2)
        for place in range(count)
    ]
    known = {frozenset(pair) for pair in primes}
    return [pair for pair in found if frozenset(pair) not in known]


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
