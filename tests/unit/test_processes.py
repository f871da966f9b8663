"""The same work in several processes: in order, cancelled and ended together, secrets on no other way."""

from __future__ import annotations

import importlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codesign_wizard.core import processes
from codesign_wizard.core.errors import Cancelled
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.job import Job, LogLine
from codesign_wizard.core.processes import processes_for, spread
from codesign_wizard.core.redact import HIDDEN, Secret

CANARY = "canary-9f3b2c61d0"
# a module that both processes can import
WORK = """
import os, sys, time
from pathlib import Path
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.job import LogLevel
from codesign_wizard.core.redact import Secret

def who(job, number):
    time.sleep(0.02)
    if number % 7 == 3:
        raise CodesignError(Finding("test.odd", Severity.ERROR, f"{number} is odd."))
    return number, os.getpid()

def seen(job, secret):
    job.log(LogLevel.INFO, "it is " + secret.reveal(), part="test")
    own = Path("/proc/self")
    around = [(own / name).read_bytes() for name in ("cmdline", "environ")] if own.exists() else []
    return secret.reveal()[::-1], any(secret.reveal().encode() in each for each in around), repr(sys.argv)

def dies_elsewhere(job, parent):
    if os.getpid() != parent:
        os._exit(3)
    return os.getpid()

def cannot_be_told(job, parent):
    return (lambda: 1) if os.getpid() != parent else os.getpid()

class OnlyThere:
    def __reduce__(self):
        import importlib
        return importlib.import_module, ("there_is_no_such_module",)

def speaks_of_what_is_not_here(job, parent):
    return OnlyThere() if os.getpid() != parent else os.getpid()

def learns(job, number):
    token = Secret(f"learned-there-{number}-4d1c9b7e")
    return Finding("test.echo", Severity.ERROR, "It says " + token.reveal())

def waits(job, folder):
    (Path(folder) / str(os.getpid())).touch()
    job.wait(60)

def is_deaf(job, folder):
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("work")
    (folder / "spread_work.py").write_text(WORK, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", str(folder))
        yield importlib.import_module("spread_work")
        del sys.modules["spread_work"]


def test_what_comes_is_in_order_from_all_of_them_and_findings_with_it(work: Any) -> None:
    told: list[tuple[int, int | None]] = []
    found = spread(
        Job(on_progress=lambda done, total, _: told.append((done, total))),
        range(24),
        work.who,
        "Counting",
        processes=2,
    )
    for number, outcome in enumerate(found):
        if number % 7 == 3:
            assert isinstance(outcome, Finding)
            assert outcome.title == f"{number} is odd."
        else:
            assert isinstance(outcome, tuple)
            assert outcome[0] == number
    workers = {outcome[1] for outcome in found if isinstance(outcome, tuple)}
    assert len(workers) == 2
    assert os.getpid() not in workers
    assert told == [(number, 24) for number in range(1, 25)]


def test_a_secret_goes_over_the_pipe_only_and_is_hidden_there(work: Any) -> None:
    lines: list[LogLine] = []
    items = [Secret(f"{CANARY}-{number}") for number in range(4)]
    found = spread(Job(on_log=lines.append), items, work.seen, "", processes=2)
    for item, outcome in zip(items, found, strict=True):
        assert isinstance(outcome, tuple)
        backwards, around, arguments = outcome
        assert backwards == item.reveal()[::-1], "it arrived"
        assert not around
        assert CANARY not in arguments
    assert len(lines) == 4
    assert not any(CANARY in line.text for line in lines)
    with pytest.raises(TypeError):
        pickle.dumps(items[0])
    assert spread(Job(on_log=lines.append), items, work.seen, "", processes=2, logged=False) == found
    assert len(lines) == 4


def test_what_another_process_came_to_know_is_hidden_here_too(work: Any) -> None:
    found = spread(Job(), range(2), work.learns, "", processes=2)
    assert [each.to_json()["title"] for each in found if isinstance(each, Finding)] == [
        f"It says {HIDDEN}"
    ] * 2


@pytest.mark.parametrize("name", ["dies_elsewhere", "cannot_be_told", "speaks_of_what_is_not_here"])
def test_what_a_process_leaves_undone_is_done_here(work: Any, name: str) -> None:
    here = os.getpid()
    assert spread(Job(), [here] * 6, getattr(work, name), "", processes=2) == [here] * 6


def test_so_is_what_cannot_be_begun(work: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-such-program"))
    here = os.getpid()
    assert spread(Job(), [here] * 4, work.dies_elsewhere, "", processes=2) == [here] * 4


@pytest.mark.parametrize(("name", "grace"), [("waits", 30.0), ("is_deaf", 0.3)])
def test_cancelling_ends_them(
    work: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, grace: float
) -> None:
    monkeypatch.setattr(processes, "_GRACE", grace)
    job = Job()

    def cancel() -> None:
        wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
        job.cancel()

    threading.Thread(target=cancel, daemon=True).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        spread(job, [str(tmp_path)] * 2, getattr(work, name), "", processes=2)
    assert time.monotonic() - began < 25
    for each in tmp_path.iterdir():
        assert not alive(int(each.name))


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_they_end_when_the_one_that_asked_is_killed(work: Any, tmp_path: Path) -> None:
    asks = (
        "import sys, spread_work\n"
        "from codesign_wizard.core.job import Job\n"
        "from codesign_wizard.core.processes import spread\n"
        "spread(Job(), [sys.argv[1]] * 2, spread_work.waits, '', processes=2)\n"
    )
    asking = subprocess.Popen([sys.executable, "-c", asks, str(tmp_path)])
    try:
        wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
        workers = [int(each.name) for each in tmp_path.iterdir()]
        assert asking.pid not in workers
        assert all(map(alive, workers))
        os.kill(asking.pid, signal.SIGKILL)
    finally:
        asking.kill()
        asking.wait()
    wait_for(lambda: not any(map(alive, workers)))


def test_on_windows_nobody_waits_in_a_read_of_the_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [(0, 0), (0, 0), BrokenPipeError()]

    def peek(handle: int, size: int) -> Any:
        assert (handle, size) == (77, 0)
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setitem(sys.modules, "_winapi", SimpleNamespace(PeekNamedPipe=peek))  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(get_osfhandle={0: 77}.get))  # type: ignore[arg-type]
    monkeypatch.setattr(processes, "_LOOK", 0.0)
    monkeypatch.setattr(sys, "platform", "win32")
    job = Job()
    processes._cancel_at_end(job)
    assert answers == []
    with pytest.raises(Cancelled):
        job.check_cancelled()


def test_a_few_are_not_worth_another_process_and_no_more_are_begun_than_processors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "_processors", lambda: 2)
    assert [processes_for(number) for number in (0, 1, 39, 40, 1000)] == [1, 1, 1, 2, 2]
    monkeypatch.setattr(processes, "_processors", lambda: 64)
    assert processes_for(1000) == 4


def test_the_stand_alone_app_is_its_own_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes._command()[1:] == ["-P", "-m", "codesign_wizard", processes.WORK_FOR_ANOTHER]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert processes._command() == [sys.executable, processes.WORK_FOR_ANOTHER]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    # one that nobody has asked for its end yet is no process any more
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
