"""What a page left behind is taken away on the thread of the window, whoever works meanwhile."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from codesign_wizard.collecting import Collector

if TYPE_CHECKING:
    import pytest
    from pytestqt.qtbot import QtBot


class Left:
    """Something in a cycle, which only the collector can take away."""

    def __init__(self, gone: list[int]) -> None:
        self.itself = self
        self.gone = gone

    def __del__(self) -> None:
        self.gone.append(threading.get_ident())


def test_cycles_go_on_the_window_s_thread_alone(qtbot: QtBot, qapp: Any) -> None:
    parent = QObject()
    Collector(parent)
    assert not gc.isenabled()
    gone: list[int] = []
    Left(gone)

    def work() -> None:
        kept: list[Any] = []
        for _ in range(50_000):  # many times what sets Python's own collector off
            kept.append([])
            Left([])

    worker = threading.Thread(target=work)
    worker.start()
    worker.join(60)
    assert gone == []
    qtbot.waitUntil(lambda: gone != [], timeout=20_000)
    assert gone == [threading.get_ident()]
    parent.deleteLater()


def test_while_jobs_run_only_what_is_young_is_collected(qapp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[int] = []
    now = [1000.0]
    monkeypatch.setattr(gc, "get_count", lambda: (5000, 20, 20))
    monkeypatch.setattr(gc, "collect", collected.append)
    monkeypatch.setattr("codesign_wizard.collecting.time.monotonic", lambda: now[0])
    parent = QObject()
    collector = Collector(parent)
    monkeypatch.setattr(Collector, "busy", True)
    collector.collect()
    assert collected == [0]
    now[0] += 61
    collector.collect()
    collector.collect()
    assert collected == [0, 1, 0], "a long job's own leavings go as well"
    collected.clear()
    for _ in range(10):  # ten minutes of it
        now[0] += 61
        collector.collect()
        collector.collect()
    assert [each for each in collected if each] == [1, 1, 1, 2, 1, 1, 1, 1, 2, 1], "even those that grew old"
    monkeypatch.setattr(Collector, "busy", False)
    collector.collect()
    assert collected[-1] == 2
    parent.deleteLater()
