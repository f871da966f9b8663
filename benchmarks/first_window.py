"""Time from process start to an interactive first window, ours against a bare one of the same modules.

Both are fresh processes, run in turns, offscreen, warm. Interactive means: shown, painted, and a posted event
answered. ``main`` prints a table and returns the numbers; the limit is 1.25 (issue: first window).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 1.25

BARE = """
import sys
from PySide6.QtCore import QAbstractTableModel, QObject, QTimer, Qt, QUrl
from PySide6.QtGui import QAccessible, QColor, QDesktopServices, QFont, QFontDatabase, QPainter, QPalette
from PySide6.QtWidgets import QApplication, QMainWindow
app = QApplication(sys.argv)
window = QMainWindow()
window.resize(1180, 760)
window.show()
app.processEvents()
QTimer.singleShot(0, app.quit)
app.exec()
"""

OURS = """
import sys
from codesign_wizard import app as wizard
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
kept = QApplication.exec
def once():
    app = QApplication.instance()
    app.processEvents()
    QTimer.singleShot(0, app.quit)
    return kept()
QApplication.exec = staticmethod(once)
wizard.run_gui()
"""


def start(code: str, environment: dict[str, str]) -> float:
    """Return the seconds that a fresh interpreter needs for *code*; raises when it fails."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment)
    return time.perf_counter() - began


def measure(rounds: int = 15) -> dict[str, float]:
    """Return the medians in seconds (``bare``, ``ours``) and their ``ratio``."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
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
    # the minimum would flatter both alike; the median stands for a usual start
    result = {"bare": statistics.median(bare), "ours": statistics.median(ours)}
    return {**result, "ratio": result["ours"] / result["bare"]}


def main() -> dict[str, float]:
    """Measure, print one line each, and return the numbers."""
    result = measure()
    print(f"bare main window  {result['bare'] * 1000:6.0f} ms")
    print(f"wizard            {result['ours'] * 1000:6.0f} ms")
    print(f"ratio             {result['ratio']:6.2f}   (limit {LIMIT})")
    return result


if __name__ == "__main__":
    sys.exit(0 if main()["ratio"] <= LIMIT else 1)
