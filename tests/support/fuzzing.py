"""Where the fuzz tests take their chance from, and how much of it.

In CI always the same. By hand FUZZ_SEED gives other files, and FUZZ_FACTOR that many times as many:
``FUZZ_SEED=7 FUZZ_FACTOR=20 python3 dev.py test tests/fuzz``.
"""

from __future__ import annotations

import os
import random

_FIXED = "20261124"


def dice(name: str) -> random.Random:
    """Return the source of chance for the test *name*."""
    seed = _FIXED if os.environ.get("CI") else os.environ.get("FUZZ_SEED", _FIXED)
    return random.Random(f"{seed} {name}")


def count(usual: int) -> int:
    """Return how many files to try where *usual* is enough for every day."""
    return usual if os.environ.get("CI") else round(usual * float(os.environ.get("FUZZ_FACTOR", "1")))
