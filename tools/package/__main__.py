"""``python -m tools.package``: makes the app in ``dist`` for the system it runs on, and tries it."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tools.package import linux
from tools.package.labels import MACOS_BUNDLE
from tools.package.smoke import SmokeFailed, program, smoke

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist"
WORK = ROOT / "build" / "package"
RECIPE = Path(__file__).with_name("codesign-wizard.spec")


def main(arguments: Sequence[str]) -> int:
    """Make the app, or with ``--smoke`` only try the one that is there; return the exit code."""
    parser = argparse.ArgumentParser(prog="dev.py package", description="Make the stand-alone app in dist/.")
    parser.add_argument("--smoke", action="store_true", help="try the app that is there; make nothing")
    parser.add_argument("--no-smoke", action="store_true", help="make the app; do not try it")
    options = parser.parse_args(arguments)
    app = DIST / (MACOS_BUNDLE if sys.platform == "darwin" else "codesign-wizard")
    if not options.smoke and not make(app):
        return 1
    if not program(DIST, "codesign-wizard").exists():
        say(f"There is no app in {DIST.name}/ yet: python3 dev.py package makes it.")
        return 1
    if not options.no_smoke:
        say("== trying it without Python")
        try:
            smoke(DIST, say)
        except SmokeFailed as problem:
            say(f"The app does not work: {problem}")
            return 1
    say(f"The app is {app.relative_to(ROOT)}.")
    return 0


def make(app: Path) -> bool:
    """Make the app in *app*; tell whether that worked. What was there before goes first."""
    started = time.monotonic()
    say(f"== making {app.relative_to(ROOT)}")
    for old in (DIST / "codesign-wizard", DIST / MACOS_BUNDLE):
        if old.exists():
            shutil.rmtree(old)
    command = [
        *(sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "ERROR"),
        *("--workpath", str(WORK), "--distpath", str(DIST), str(RECIPE)),
    ]
    # the same input gives the same bytes: sets and dictionaries are gone through in the same order
    if subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "1"}).returncode:
        say("The app could not be made; PyInstaller's own words stand above.")
        return False
    if sys.platform.startswith("linux"):
        linux.add_desktop_entry(app)
    files = [path for path in app.rglob("*") if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in files) / 1e6
    say(f"   {size:.0f} MB in {len(files)} files ({time.monotonic() - started:.0f} s)")
    return True


def say(text: str) -> None:
    """Tell a person something."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
