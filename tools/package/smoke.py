"""Tries the stand-alone app as on a machine without Python: an empty home, no PATH, none of our settings.

What it cannot see: that the system's own libraries are old enough elsewhere. It runs where the app was made.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from codesign_wizard import __version__
from codesign_wizard.core import processes
from codesign_wizard.core.job import WORK_FOR_ANOTHER
from tools.package import same
from tools.package.labels import MACOS_BUNDLE

_TIMEOUT = 300  # seconds, for a machine that is busy
_NEEDED_BY_WINDOWS = ("SYSTEMROOT", "SYSTEMDRIVE", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE")


class SmokeFailed(Exception):
    """The app does not do what it should; the text says what it did."""


def program(folder: Path, name: str) -> Path:
    """Return the path of the program *name* in the app that was made in *folder*."""
    if sys.platform == "darwin":
        return folder / MACOS_BUNDLE / "Contents" / "MacOS" / name
    return folder / "codesign-wizard" / (f"{name}.exe" if sys.platform == "win32" else name)


def smoke(folder: Path, say: Callable[[str], None]) -> None:
    """Try the app in *folder*, telling *say* each thing that works; raises ``SmokeFailed``."""
    with tempfile.TemporaryDirectory(prefix="codesign-wizard-smoke-") as place:
        trial = Trial(folder, Path(place))
        for check in (
            version,
            commands,
            another,
            the_same,
            trials,
            judged_again,
            window,
            nowhere,
            given_back,
        ):
            started = time.monotonic()
            told = check(trial)
            say(f"   {told} ({time.monotonic() - started:.1f} s)")


class Trial:
    """The app and the place that it is tried in."""

    def __init__(self, folder: Path, place: Path) -> None:
        self.folder, self.place = folder, place
        self.output = place / "out"
        home = place / "home"
        home.mkdir()
        self.environment = {
            **{name: os.environ[name] for name in _NEEDED_BY_WINDOWS if name in os.environ},
            **dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_RUNTIME_DIR"), str(home)),
            **dict.fromkeys(("TEMP", "TMP", "TMPDIR"), place.as_posix()),
            "PATH": str(home),  # no Python, nor anything else
            "QT_QPA_PLATFORM": "offscreen",
        }
        home.chmod(0o700)

    def run(self, name: str, *arguments: str, code: int = 0) -> str:
        """Run a program of the app and return what it printed; raises ``SmokeFailed``."""
        command = [str(program(self.folder, name)), *arguments]
        try:
            done = subprocess.run(
                command,
                cwd=self.place,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SmokeFailed(f"{name} {' '.join(arguments)} did not run to its end: {error}") from error
        said = done.stdout.decode("utf-8", "replace")
        if done.returncode != code:
            raise SmokeFailed(
                f"{name} {' '.join(arguments)} ended with {done.returncode} in place of {code}.\n"
                f"{said[-3000:]}\n{done.stderr.decode('utf-8', 'replace')[-3000:]}"
            )
        return said

    def answer(self, folder: Path, arguments: Sequence[str]) -> tuple[int, str]:
        """Run the console program in *folder*; return its exit code and what it printed."""
        done = subprocess.run(
            [str(program(self.folder, "codesign-wizard")), *arguments],
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
        )
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Run the console program and return its document."""
        document: dict[str, Any] = json.loads(self.run("codesign-wizard", *arguments, "--json", code=code))
        return document


def version(trial: Trial) -> str:
    """It starts, and is the version that was packed."""
    said = trial.run("codesign-wizard", "--version").strip()
    if said.split()[-1] != __version__:
        raise SmokeFailed(f"--version says {said}, not {__version__}.")
    return said


def commands(trial: Trial) -> str:
    """Every command is in it: each is imported by its name."""
    from codesign_wizard.commands.arguments import COMMANDS

    for name in COMMANDS:
        trial.run("codesign-wizard", name, "--help")
    return f"{len(COMMANDS)} commands answer"


def another(trial: Trial) -> str:
    """It works for another process of itself, as for many profiles at a time."""
    from codesign_wizard.commands.doctor_profiles import Asked, Looker
    from codesign_wizard.core.language import ENGLISH
    from codesign_wizard.core.profile import new_profile
    from codesign_wizard.core.profile_store import ProfileStore
    from codesign_wizard.core.secrets import MemoryStore
    from codesign_wizard.session import Session

    nobody = Session(new_profile("Nobody"), ProfileStore(trial.place), secrets=MemoryStore())
    share = [(0, Asked(nobody.profile, (), {}))]
    asked = processes.pickled((ENGLISH, (Looker(nobody), share, 1, False)))
    command = [str(program(trial.folder, "codesign-wizard")), WORK_FOR_ANOTHER]
    with subprocess.Popen(
        command, cwd=trial.place, env=trial.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        killing = threading.Timer(_TIMEOUT, process.kill)
        killing.start()
        try:
            process.stdin.write(asked)
            process.stdin.flush()
            said = process.stdout.read()
        finally:
            killing.cancel()
    if process.returncode or not said:
        raise SmokeFailed(f"{WORK_FOR_ANOTHER} ended with {process.returncode}.")
    return "it works for another process of itself"


def the_same(trial: Trial) -> str:
    """Every kind of command does what it does in the checkout."""
    here, there = trial.place / "checkout", trial.place / "app"
    for each in (here, there):
        each.mkdir()
    # the app has no Python to run them all in one process
    there_said = same.documents(lambda words: trial.answer(there, words))
    own = {**os.environ, "CODESIGN_WIZARD_CONFIG": str(here), "CODESIGN_WIZARD_CACHE": str(here / "cache")}
    here_said = same.in_one_process([sys.executable], here, own)
    found = same.differences(here_said, there_said)
    if found:
        raise SmokeFailed("The app does not do what the checkout does:\n" + "\n".join(found))
    return f"{len(there_said)} commands do what they do in the checkout"


def trials(trial: Trial) -> str:
    """Both platforms' samples are signed, notarised and judged on practice accounts."""
    trial.run("codesign-wizard", "profile", "set", "macos=yes", "macos.level=staple", *PRACTICE)
    said = trial.json("trial", "all", "--output", str(trial.output), *PRACTICE)
    errors = [finding["id"] for finding in said["findings"] if finding["severity"] == "error"]
    made = sorted(path.name for path in trial.output.iterdir() if path.suffix in (".exe", ".pkg"))
    if errors or len(made) != 2:
        raise SmokeFailed(f"The practice trial left {made} and found {errors}.")
    return f"both practice trials made {' and '.join(made)}"


def judged_again(trial: Trial) -> str:
    """A new process, with only Microsoft's and Apple's roots, refuses what a practice CA has signed."""
    [signed] = trial.output.glob("*.exe")
    said = trial.json("verify", str(signed), code=1)
    found = [finding["id"] for finding in said["findings"] if finding["severity"] == "error"]
    if not any("root" in each or "trust" in each or "chain" in each for each in found):
        raise SmokeFailed(f"verify does not say that the root is unknown, but {found}.")
    return f"the real roots do not know the practice CA ({', '.join(found)})"


def window(trial: Trial) -> str:
    """The windowed program opens, starts the practice accounts, and quits."""
    trial.run("codesign-wizard-gui", "--practice", "--close")
    return "the window opens on practice accounts, and closes"


def nowhere(trial: Trial) -> str:
    """Where nothing can be kept the practice works all the same, and German is spoken."""
    names = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_RUNTIME_DIR")
    before = dict(trial.environment)
    # a folder below a file: not even an administrator can make it
    file = trial.place / "file"
    file.touch()
    trial.environment |= dict.fromkeys(names, str(file / "home"))
    trial.environment["CODESIGN_WIZARD_LANGUAGE"] = "de"
    try:
        said = trial.run("codesign-wizard", "--help")
        trial.run("codesign-wizard", "trial", "windows", "--practice", "--output", str(trial.place / "kept"))
        trial.run("codesign-wizard", "doctor", code=1)
        trial.run("codesign-wizard-gui", "--close")
    finally:
        trial.environment = before
    if "Befehle:" not in said:
        raise SmokeFailed("The app does not speak German.")
    return "without a home it works on practice accounts, in German"


def given_back(trial: Trial) -> str:
    """The app wrote nothing into its own folder."""
    newest = max(path.stat().st_mtime for path in trial.folder.rglob("*"))
    if newest > (trial.place / "home").stat().st_ctime:
        raise SmokeFailed("The app changed its own folder.")
    return "its folder is as it was"


PRACTICE = ("--practice", "--state", "state")
