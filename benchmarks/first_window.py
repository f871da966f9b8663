"""Time from process start to an interactive first window, ours against a bare one of the same modules.

Both are fresh processes, run in turns, offscreen, warm. Interactive means: shown, painted, and a posted event
answered.
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
made = wizard.application
def application():
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication
    app = made()
    kept = QApplication.exec
    def once():
        app.processEvents()
        QTimer.singleShot(0, app.quit)
        return kept()
    QApplication.exec = staticmethod(once)
    return app
wizard.application = application
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
    # the minimum would flatter both alike; the median stands for a usual start
    result = {"bare": statistics.median(bare), "ours": statistics.median(ours)}
    return {**result, "ratio": result["ours"] / result["bare"]}


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
        }
    ]
