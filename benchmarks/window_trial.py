"""The trials of both platforms in the window, on practice accounts: its longest pause, and what it keeps.

In processes of their own, offscreen. The longest pause is that of a heartbeat on the event loop during both
trials while another job writes 100,000 lines into the log, which is shown and followed. Other programs on the
machine lengthen it: of ``ROUNDS`` rounds the best one counts, all of them are in the JSON file. The first
pair in a run is a row of its own, from as many processes: its pages are opened for the first time. Memory is
the resident size after ten more pairs of trials against that after one, in a process without such floods:
what they take would hide a leak.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 3
TRIALS = 10
LOOKED = 3.0  # seconds that a person looks at the first page before the first pair
LONGEST = 0.05  # seconds
GROWTH = 1.1

CODE = (
    f"ROUNDS, TRIALS, LOOKED = {ROUNDS}, {TRIALS}, {LOOKED}\n"
    + """
import gc, json, os, sys, time
FLOODS = sys.argv[1] != "memory"
from PySide6.QtCore import Qt, QTimer
from codesign_wizard import app as wizard
from codesign_wizard.core.flow import MACOS_TRIAL, STEPS, WINDOWS_TRIAL
from codesign_wizard.core.job import LogLevel
from codesign_wizard.opening import open_session

app = wizard.application()
session = open_session(practice=True)
session.profile.macos_wanted = True
window = wizard.build_window(session, frame_first=True)
window.show()
window.show_log()

heart = QTimer()
heart.setTimerType(Qt.TimerType.PreciseTimer)

def idle():
    return not window.runner.foreground

def quiet():
    return not window.runner.tasks

def trials():
    for key in (WINDOWS_TRIAL, MACOS_TRIAL):
        window.show_step(key)
        yield idle
        former = window.workspace.profile.results.get(key)
        window.page.go.click()
        yield idle
        result = window.workspace.profile.results[key]
        assert result.ok, [finding.title for finding in result.findings]
        assert result is not former, "the click did nothing"

def flood(job):
    for number in range(100_000):
        job.log(LogLevel.INFO, f"Line {number} of a long log, as long as lines usually are", part="vault")

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

pauses, own, seconds = [], [], []

def beat():
    global last, worked
    now, work = time.perf_counter(), time.thread_time()
    beats.append(now - last - 0.005)
    works.append(work - worked)
    last, worked = now, work

heart.timeout.connect(beat)

def round_of_both():
    global beats, works, last, worked
    # each round fills the same log: its lines are given up first
    window.log_model._drop(window.log_model.total)
    yield quiet
    beats, works = [0.0], [0.0]
    last, worked = time.perf_counter(), time.thread_time()
    heart.start(5)
    window.runner.start(flood, "Flood", quiet=True)
    yield from trials()
    yield quiet
    heart.stop()
    pauses.append(max(beats))
    own.append(max(works))

def story():
    yield lambda: bool(window.pages.opened)  # the first one stands
    for step in STEPS:
        window.workspace.flow.go(step.key)
    # as a person who has looked at the first page for a moment, while the others are made
    seen = time.monotonic() + LOOKED
    yield lambda: time.monotonic() > seen
    if not FLOODS:
        yield from trials()
        first = resident()
        for _ in range(TRIALS):
            began = time.perf_counter()
            yield from trials()
            seconds.append(time.perf_counter() - began)
        print(json.dumps({"first": first, "last": resident(), "seconds": seconds}))
        return
    for _ in range(1 if sys.argv[1] == "cold" else ROUNDS + 1):
        yield from round_of_both()
    print(json.dumps({"cold": [pauses[0], own[0]], "pauses": pauses[1:], "own": own[1:]}))

# A step of the story at a time, each in a turn of its own as a person's clicks are. In the loop that the
# program runs in: without exec() Qt takes nothing away of what was let go with deleteLater().
told = story()
until = next(told)

def turn():
    global until
    try:
        if until():
            until = next(told)
    except StopIteration:
        window.close()
        app.quit()
    # a slot's exception would be printed, and the loop go on for ever
    except BaseException:
        sys.excepthook(*sys.exc_info())
        app.exit(1)

often = QTimer()
often.timeout.connect(turn)
often.start(10)
code = app.exec()
session.close()
sys.exit(code)
"""
)


def measure(part: str) -> dict[str, Any]:
    """Return what a process tells: ``cold``, ``pauses``, ``own`` (s) of the *part* "floods", only the first
    of "cold"; ``seconds`` (s), ``first``, ``last`` (bytes) of "memory".
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            "QT_QPA_PLATFORM": "offscreen",
            "CODESIGN_WIZARD_CONFIG": folder,
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            [sys.executable, "-c", CODE, part],
            check=True,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            timeout=900,
        )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def run() -> list[dict[str, Any]]:
    """Measure, and return the rows for the table."""
    told = measure("floods") | measure("memory")
    first = [told["cold"][0], *(measure("cold")["cold"][0] for _ in range(ROUNDS - 1))]
    return [
        {
            "name": "longest pause of the window, both trials and 100,000 log lines",
            "ours": min(told["pauses"]),
            "peer": None,
            "ratio": None,
            "limit": LONGEST,
            "unit": "s",
            "rounds": told["pauses"],
        },
        {
            "name": "  of it the window's own work at most",
            "ours": min(told["own"]),
            "peer": None,
            "ratio": None,
            "unit": "s",
            "rounds": told["own"],
        },
        {
            "name": "longest pause of the window, the first pair of trials in a run",
            "ours": min(first),
            "peer": None,
            "ratio": None,
            "limit": LONGEST,
            "unit": "s",
            "rounds": first,
        },
        {
            "name": "both trials in the window",
            "ours": min(told["seconds"]),
            "peer": None,
            "ratio": None,
            "unit": "s",
            "rounds": told["seconds"],
        },
        {
            "name": "memory after ten pairs of trials (peer: after one)",
            "ours": told["last"] / 1e6,
            "peer": told["first"] / 1e6,
            "ratio": told["last"] / told["first"],
            "limit": GROWTH,
            "unit": "MB",
        },
    ]
