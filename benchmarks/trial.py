"""The practice trial as a whole process: start, cloud, sign-in, sample, signature, time stamp, check."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RUNS = 5
LIMIT = 3.0  # seconds


def run() -> list[dict[str, Any]]:
    """Time ``codesign-wizard trial windows --practice``, start to exit: median of ``RUNS`` after one more."""
    seconds = [_once() for _ in range(RUNS + 1)][1:]
    return [
        {
            "name": "practice trial, whole process",
            "ours": statistics.median(seconds),
            "peer": None,
            "ratio": None,
            "limit": LIMIT,
            "unit": "s",
            "runs": seconds,
        }
    ]


def _once() -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-P", "-m", "codesign_wizard", "trial", "windows", "--practice", "--json"]
        started = time.perf_counter()
        done = subprocess.run([*command, "--output", folder], capture_output=True, text=True, timeout=120)
        seconds = time.perf_counter() - started
        # a quick failure must not count as a quick trial
        if done.returncode or not json.loads(done.stdout)["ok"] or not list(Path(folder).glob("*.exe")):
            raise RuntimeError(f"the trial failed, exit code {done.returncode}: {done.stderr[-2000:]}")
    return seconds
