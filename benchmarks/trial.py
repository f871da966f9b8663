"""The practice trials as a whole process: start, cloud, sign-in, samples, signatures, time stamps, checks."""

from __future__ import annotations

import json
import os
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
    """Time ``codesign-wizard trial … --practice``, start to exit: median of ``RUNS`` after one more."""
    return [_row("windows", "practice trial for Windows"), _row("all", "practice trial, both platforms")]


def _row(what: str, name: str) -> dict[str, Any]:
    seconds = [_once(what) for _ in range(RUNS + 1)][1:]
    return {
        "name": f"{name}, whole process",
        "ours": statistics.median(seconds),
        "peer": None,
        "ratio": None,
        "limit": LIMIT,
        "unit": "s",
        "runs": seconds,
    }


def _once(what: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-P", "-m", "codesign_wizard", "trial", what, "--practice", "--json"]
        started = time.perf_counter()
        # an installed program has its byte code
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        done = subprocess.run(
            [*command, "--output", folder], env=environment, capture_output=True, text=True, timeout=120
        )
        seconds = time.perf_counter() - started
        # a quick failure must not count as a quick trial
        if done.returncode or not json.loads(done.stdout)["ok"] or not list(Path(folder).glob("*.exe")):
            raise RuntimeError(f"the trial failed, exit code {done.returncode}: {done.stderr[-2000:]}")
    return seconds
