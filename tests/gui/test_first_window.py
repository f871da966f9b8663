"""The first window is there before what it does not need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_the_first_window_is_there_without_the_heavy_parts(tmp_path: Path) -> None:
    code = """
import sys
from codesign_wizard import app
from PySide6.QtWidgets import QApplication
from codesign_wizard.window import MainWindow

def until_its_page_is_there():
    (window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, MainWindow))
    while not window.stack.count():
        QApplication.processEvents()

QApplication.exec = staticmethod(until_its_page_is_there)
app.run_gui()
heavy = {"azure", "requests", "cryptography", "keyring", "urllib3", "msal", "asyncio"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
print([name for name in sys.modules if name.startswith("codesign_wizard.practice")])
print([name for name in sys.modules if name.startswith("codesign_wizard.pages.")])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "CODESIGN_WIZARD_CONFIG": str(tmp_path), "PYTHONPATH": str(Path.cwd())},
        check=True,
        timeout=120,
    )
    heavy, practice, pages = done.stdout.splitlines()
    assert heavy == "[]"
    assert practice == "[]"
    assert "codesign_wizard.pages.start" in pages
    assert "key_vault" not in pages
    assert "windows_trial" not in pages


def test_no_source_of_ours_is_read_because_it_is_imported(tmp_path: Path) -> None:
    code = """
import inspect, sys
from codesign_wizard import app
app.application()
read = []
own = inspect.getsource
inspect.getsource = lambda module: read.append(module.__name__) or own(module)
import codesign_wizard.widgets.labels
import codesign_wizard.pages.start
import wave
print([name for name in read if name.startswith("codesign_wizard")], "wave" in read)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "CODESIGN_WIZARD_CONFIG": str(tmp_path), "PYTHONPATH": str(Path.cwd())},
        check=True,
        timeout=120,
    )
    assert done.stdout.split() == ["[]", "True"], (
        "where Qt's side looks in another way, this has no use any more"
    )
