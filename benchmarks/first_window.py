"""Time from process start to an interactive first window, ours against a bare one of the same modules.

Both are fresh processes, run in turns, offscreen, warm. Interactive means: shown, painted, and an event
that was posted while it was painted answered. Our window paints its frame (header, steps, footer: all
usable) before the page in it; when the page stands there as well is measured beside it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 1.25

BARE = """
import sys, time
from PySide6.QtCore import QAbstractTableModel, QObject, QTimer, Qt, QUrl
from PySide6.QtGui import QAccessible, QColor, QDesktopServices, QFont, QFontDatabase, QPainter, QPalette
from PySide6.QtWidgets import QApplication, QMainWindow
class Window(QMainWindow):
    def paintEvent(self, event):
        super().paintEvent(event)
        QTimer.singleShot(0, done)
def done():
    if not stamps:
        stamps.append(time.monotonic())
        print(stamps[0], stamps[0])
    app.quit()
stamps = []
app = QApplication(sys.argv)
window = Window()
window.resize(1180, 760)
window.show()
app.exec()
"""

OURS = """
import sys, time
from codesign_wizard import app as wizard
build = wizard.build_window
stamps = []
def build_window(*arguments, **options):
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication
    from codesign_wizard.window import MainWindow
    painted = MainWindow.paintEvent
    def first(self, event):
        if not stamps:
            QTimer.singleShot(0, lambda: stamps.append(time.monotonic()))
        painted(self, event)
    MainWindow.paintEvent = first
    window = build(*arguments, **options)
    def complete():
        if not stamps or window.stack.count() == 0:
            QTimer.singleShot(0, complete)
            return
        QApplication.processEvents()
        print(stamps[0], time.monotonic())
        QApplication.quit()
    QTimer.singleShot(0, complete)
    return window
wizard.build_window = build_window
wizard.run_gui()
"""


def start(code: str, environment: dict[str, str]) -> tuple[float, float]:
    """Return the seconds until a fresh interpreter's window answers, and until its page stands there."""
    began = time.monotonic()  # one clock for all processes of the machine
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    interactive, complete = map(float, done.stdout.split()[-2:])
    return interactive - began, complete - began


def measure(rounds: int = 15) -> dict[str, float]:
    """Return medians in seconds (``bare``, ``ours``, ``complete``) and of the ``ratio`` of ours to bare."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            # an installed program has its byte code
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            "QT_QPA_PLATFORM": "offscreen",
            "CODESIGN_WIZARD_CONFIG": folder,
            "PYTHONPATH": str(ROOT),
        }
        for code in (BARE, OURS):
            start(code, environment)  # warm: byte code and disk
        bare, ours = [], []
        for _ in range(rounds):
            bare.append(start(BARE, environment))
            ours.append(start(OURS, environment))
    # medians stand for a usual start; of the ratio, over pairs, since a machine's speed drifts meanwhile
    result = {
        "bare": statistics.median(each[0] for each in bare),
        "ours": statistics.median(each[0] for each in ours),
        "complete": statistics.median(each[1] for each in ours),
    }
    pairs = zip(ours, bare, strict=True)
    return {**result, "ratio": statistics.median(one[0] / other[0] for one, other in pairs)}


def run() -> list[dict[str, Any]]:
    """Measure, and return the row for the table."""
    result = measure()
    return [
        {
            "name": "first window, interactive (peer: bare main window)",
            "ours": result["ours"],
            "peer": result["bare"],
            "ratio": result["ratio"],
            "limit": LIMIT,
            "unit": "s",
        },
        {
            "name": "first window with its page (peer: bare main window)",
            "ours": result["complete"],
            "peer": result["bare"],
            "ratio": result["complete"] / result["bare"],
            "unit": "s",
        },
    ]
