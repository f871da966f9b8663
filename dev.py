#!/usr/bin/env python3
"""Start, test and check the project on any machine that has Python.

    python3 dev.py run [ARGS…]        the program; without ARGS the wizard on practice accounts
    python3 dev.py test [ARGS…]       every test; ARGS go to pytest
    python3 dev.py check              format, lint, types, import rules, translations, findings
    python3 dev.py bench [NAME]       benchmarks against peers, in the same run
    python3 dev.py screenshots DIR    a picture of every page in every look, measured for text that is cut
    python3 dev.py package            the stand-alone app for this system, in dist/, made and tried
    python3 dev.py lock [--upgrade]   write the lock files from pyproject.toml

The first start makes the environment ``.venv`` beside this file, with the locked versions; later starts find
it ready. Nothing else is written, but on Debian and Ubuntu the system packages that Qt needs are installed
where that is allowed without a password. Standard library only.
"""

# This file must be readable by any Python 3, so that an old one can say that it is too old.
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

TYPE_CHECKING = False  # type checkers take it for true; importing typing would cost every start
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

OLDEST, NEWEST = (3, 11), (3, 14)

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "codesign-wizard-stamp.json"
UNFINISHED = VENV / "codesign-wizard-unfinished"
RUN_LOCK = "requirements.lock"
DEV_LOCK = "requirements-dev.lock"
WINDOWS = os.name == "nt"

# What Qt opens at run time, and the Debian package that has it.
LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
}
DISPLAY_LIBRARIES = {
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
}
FONT_PACKAGE = "fonts-dejavu-core"
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")


class Failed(Exception):
    """The command cannot go on; the text says why and what to do."""


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    commands = {
        "run": run,
        "test": test,
        "check": check,
        "bench": bench,
        "screenshots": screenshots,
        "package": package,
        "lock": lock,
    }
    if not arguments or arguments[0] in ("-h", "--help"):
        print((__doc__ or "").strip())
        return 0 if arguments else 2
    if arguments[0] not in commands:
        say(f"dev.py has no command {arguments[0]}; it has {', '.join(commands)}.")
        return 2
    try:
        check_python()
        return commands[arguments[0]](list(arguments[1:]))
    except Failed as problem:
        say(str(problem))
        return 1
    except KeyboardInterrupt:
        say("Interrupted. The next start repairs what was left unfinished.")
        return 130


# --- the commands ---


def run(arguments: list[str]) -> int:
    """Run the program with *arguments*; stdout is the program's alone."""
    prepare(RUN_LOCK)
    if not arguments:
        arguments = ["gui", "--practice"] if has_display() else ["trial", "all", "--practice"]
    if arguments[0] == "gui" or arguments[0].startswith("-"):
        prepare_system(fatal=False)
    # -P: a file in the working folder must not stand in for one of our modules
    return become([python(), "-P", "-m", "codesign_wizard", *arguments])


def test(arguments: list[str]) -> int:
    """Run pytest, with the reasons of what is skipped."""
    prepare(DEV_LOCK)
    prepare_system(fatal=True)
    workers = (
        [] if any(argument in ALONE or argument.startswith("-n") for argument in arguments) else PARALLEL
    )
    os.chdir(ROOT)
    return become([python(), "-m", "pytest", "-rs", *workers, *arguments])


# files stay together, because a file's tests may share a window or a practice cloud
PARALLEL = ["-n", "2", "--dist", "loadfile"]
ALONE = ("-s", "--pdb", "--trace", "--co", "--collect-only")


IMPORT_RULES = "from importlinter.cli import lint_imports_command as command; command()"


def check(arguments: list[str]) -> int:
    """Run every check, go on after one that fails, and say at the end which did."""
    prepare(DEV_LOCK)
    checks = {
        "format": ["-m", "ruff", "format", "--check", "."],
        "lint": ["-m", "ruff", "check", "."],
        "types": ["-m", "mypy"],
        "import rules": ["-c", IMPORT_RULES, "--no-cache"],
        "translations": ["-m", "tools.translations", "--complete"],
        "findings": ["-m", "tools.findings", "--check"],
    }
    failed = []
    for name, command in checks.items():
        started = time.monotonic()
        print(f"== {name}", flush=True)
        if subprocess.call([python(), *command, *arguments], cwd=ROOT):
            failed.append(name)
        print(f"   {'FAILED' if name in failed else 'ok'}, {time.monotonic() - started:.1f} s", flush=True)
    print(f"Failed: {', '.join(failed)}." if failed else "Every check passed.", flush=True)
    return 1 if failed else 0


def bench(arguments: list[str]) -> int:
    """Run the benchmarks, or the one named."""
    prepare(DEV_LOCK)
    prepare_system(fatal=False)
    return become([python(), "-m", "benchmarks.run", *arguments])


def screenshots(arguments: list[str]) -> int:
    """Write pictures of every page into the folder given; only those of the looks and scenes named."""
    if not arguments or arguments[0].startswith("-"):
        raise Failed("Say where the pictures go: python3 dev.py screenshots DIR [LOOK or SCENE…]")
    prepare(RUN_LOCK)
    prepare_system(fatal=True)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    return become([python(), "-P", "-m", "codesign_wizard.screenshots", *arguments])


def package(arguments: list[str]) -> int:
    """Make the stand-alone app and try it; ``--smoke`` only tries, ``--no-smoke`` only makes."""
    prepare(DEV_LOCK)
    prepare_system(fatal=True)
    os.chdir(ROOT)
    return become([python(), "-m", "tools.package", *arguments])


def lock(arguments: list[str]) -> int:
    """Write both lock files; with ``--upgrade`` to the newest versions that pyproject.toml allows."""
    if not set(arguments) <= {"--upgrade"}:
        raise Failed("lock knows only --upgrade.")
    prepare(DEV_LOCK)
    common = [
        *("-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"),
        *("--python-version", ".".join(map(str, OLDEST)), "--no-annotate"),
        *("--custom-compile-command", "python3 dev.py lock", *arguments, "pyproject.toml"),
    ]
    for extra in (["-o", RUN_LOCK], ["--group", "dev", "-c", RUN_LOCK, "-o", DEV_LOCK]):
        if subprocess.call([python(), *common, *extra], cwd=ROOT):
            raise Failed("The lock files could not be written; what uv said stands above.")
    return 0


# --- the environment ---


def check_python() -> None:
    """Raise ``Failed`` unless this Python is one that the locked packages support."""
    version = sys.version_info[:2]
    if OLDEST <= version <= NEWEST:
        return
    span = f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
    others = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    found = next((name for name in others if shutil.which(name)), None)
    advice = f"Start it as: {found} dev.py …" if found else "Install one of them and start dev.py with it."
    raise Failed(
        f"Codesign Wizard needs Python {span}; this is {version[0]}.{version[1]} ({sys.executable}). {advice}"
    )


def prepare(lock_name: str) -> None:
    """Make or refresh ``.venv`` so that it holds what *lock_name* says; at once when it does already."""
    if is_ready(lock_name):
        return
    locks = {name: digest(name) for name in (RUN_LOCK, lock_name)}  # first: without them nothing is begun
    VENV.mkdir(exist_ok=True)
    with only_one():
        if is_ready(lock_name):  # another process did it meanwhile
            return
        started = time.monotonic()
        if needs_rebuild():
            say("Making the environment .venv …")
            make_venv()
        stamp = read_stamp()
        UNFINISHED.touch()
        install(lock_name)
        link_project()
        write_stamp({**stamp, **identity(), "locks": {**stamp.get("locks", {}), **locks}})
        UNFINISHED.unlink()
        say(f"The environment is ready, after {time.monotonic() - started:.0f} s.")


def is_ready(lock_name: str) -> bool:
    """Tell whether the environment is whole, for this Python, this folder and the present lock file."""
    stamp = read_stamp()
    return (
        bool(stamp)
        and not UNFINISHED.exists()
        and {name: stamp.get(name) for name in identity()} == identity()
        and stamp.get("locks", {}).get(lock_name) == digest(lock_name)
        and Path(python()).exists()
    )


def needs_rebuild() -> bool:
    """Tell whether what is there cannot be added to: missing, of another Python, or left half done."""
    if UNFINISHED.exists() or not Path(python()).exists():
        return True
    program = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([python(), "-c", program], capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired):
        return True
    return answer.returncode != 0 or answer.stdout.strip() != identity()["python"]


def make_venv() -> None:
    """Make ``.venv`` anew; raises ``Failed``."""
    prepare_ensurepip()
    for entry in VENV.iterdir():
        if entry.name == LOCK_FILE.name:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    UNFINISHED.touch()
    outcome = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if outcome.returncode:
        raise Failed(f"{outcome.stdout.strip()}\nThe environment .venv could not be made.")


def prepare_ensurepip() -> None:
    """See to it that this Python can make an environment: Debian keeps that part in a package of its own."""
    if subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True).returncode == 0:
        return
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if not shutil.which("apt-get"):
        raise Failed(f"{sys.executable} has no venv and ensurepip; install them, or another Python.")
    problem = apt_install([package])
    if problem:
        raise Failed(f"Python cannot make an environment yet. {problem}")


def install(lock_name: str) -> None:
    """Install what the lock file says, only wheels, every one checked by its hash."""
    say(f"Installing the packages of {lock_name} (once; some 100 MB) …")
    command = [
        *(python(), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-deps"),
        *("--require-hashes", "--only-binary", ":all:", "--progress-bar", "off", "-r", str(ROOT / lock_name)),
    ]
    said = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", cwd=str(VENV)
    ) as process:
        for line in process.stdout or ():
            said.append(line)
            show_progress(line.strip())
    show_progress("")
    if process.returncode:
        sys.stderr.write("".join(said[-25:]))
        raise Failed(
            "The packages could not be installed; pip's own words stand above. Is there a network, and does "
            "pip know its proxy (HTTPS_PROXY)? Then start again."
        )


def link_project() -> None:
    """Let the environment's Python find the project where it is."""
    folder = next(iter(VENV.glob("lib/python*/site-packages")), VENV / "Lib" / "site-packages")
    (folder / "codesign_wizard_checkout.pth").write_text(f"{ROOT}\n", encoding="utf-8")


def identity() -> dict[str, str]:
    """Return what the environment must have been made for: this Python and this folder."""
    return {"python": f"{sys.version_info[0]}.{sys.version_info[1]}", "folder": str(ROOT)}


def digest(lock_name: str) -> str:
    """Return the SHA-256 of a lock file, in hexadecimal; line ends do not count."""
    import hashlib

    try:
        content = (ROOT / lock_name).read_bytes()
    except OSError as problem:
        raise Failed(
            f"{lock_name} cannot be read: {problem.strerror}. Is this a whole checkout?"
        ) from problem
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def read_stamp() -> dict[str, Any]:
    """Return what the last finished set-up wrote, or nothing."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(stamp: dict[str, Any]) -> None:
    """Write the stamp in one step."""
    draft = STAMP.with_suffix(".part")
    draft.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    os.replace(draft, STAMP)


LOCK_FILE = VENV / "codesign-wizard-lock"


class only_one:  # noqa: N801  # reads as the sentence it stands in
    """Hold other set-ups of this environment back; the system lets go when the process ends."""

    def __enter__(self) -> None:
        self._file = LOCK_FILE.open("a+b")
        waiting = False
        while not self._try():
            if not waiting:
                say("Waiting for another set-up of .venv to end …")
                waiting = True
            time.sleep(0.5)

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _try(self) -> bool:
        try:
            if sys.platform == "win32":
                import msvcrt

                self._file.seek(0)
                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


# --- the system ---


def prepare_system(*, fatal: bool) -> None:
    """Install what Qt needs of a Debian or Ubuntu; elsewhere, and when all is there, do nothing.

    What is missing and may not be installed is said in one sentence; with *fatal* that ends the command.
    """
    if not sys.platform.startswith("linux"):
        return
    stamp = read_stamp()
    wanted = {**LIBRARIES, **(DISPLAY_LIBRARIES if has_display() else {})}
    seen = set(stamp.get("system", ()))
    if {*wanted, "font"} <= seen:
        return
    missing = missing_packages(wanted)
    if missing:
        problem = (
            apt_install(missing)
            if shutil.which("apt-get")
            else (f"Qt needs these libraries of the system, as Debian calls them: {' '.join(missing)}.")
        )
        if problem:
            if fatal:
                raise Failed(problem)
            say(problem)
            return
    write_stamp({**stamp, "system": sorted({*seen, *wanted, "font"})})


def missing_packages(libraries: dict[str, str]) -> list[str]:
    """Return the Debian packages of the libraries that cannot be opened, and of a font if there is none."""
    import ctypes

    missing = []
    for library, package in libraries.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    if not has_font():
        missing.append(FONT_PACKAGE)
    return missing


def has_font() -> bool:
    """Tell whether any font is installed: without one Qt draws every letter as an empty box."""
    for folder in FONT_FOLDERS:
        for _, _, names in os.walk(Path(folder).expanduser()):
            if any(name.lower().endswith((".ttf", ".otf", ".ttc", ".pfb")) for name in names):
                return True
    return False


def apt_install(packages: list[str]) -> str:
    """Install Debian *packages* if that needs no password; return "" or the sentence to show."""
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    by_hand = "sudo " + " ".join(command)
    prefix: list[str] = []
    if os.name != "posix" or os.geteuid() != 0:
        allowed = shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True)
        if not allowed or allowed.returncode:
            return f"System packages are missing; please run: {by_hand}"
        prefix = ["sudo", "-n"]
    say(f"Installing system packages: {' '.join(packages)} …")
    environment = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive"]
    for step in (["apt-get", "update"], command):
        outcome = subprocess.run(
            [*environment, *step], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    if outcome.returncode:  # of the installation; an update with one dead source may still do
        sys.stderr.write(outcome.stdout[-2000:])
        return f"System packages could not be installed; please run: {by_hand}"
    return ""


def has_display() -> bool:
    """Tell whether a window could be seen."""
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform:
        return platform.split(":")[0] not in ("offscreen", "minimal")
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


# --- small things ---


def python() -> str:
    """Return the path of the environment's Python."""
    return str(VENV / "Scripts" / "python.exe" if WINDOWS else VENV / "bin" / "python")


def become(command: list[str]) -> int:
    """Run *command* in this process's place: same streams, signals and exit code."""
    sys.stdout.flush()
    sys.stderr.flush()
    if not WINDOWS:
        os.execv(command[0], command)
    with subprocess.Popen(command) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # the console sent it to the program too, which ends by itself
                continue


def say(text: str) -> None:
    """Tell a person something, on stderr."""
    print(text, file=sys.stderr, flush=True)


def show_progress(text: str) -> None:
    """Show one line of a longer work in place of the last, on a terminal only."""
    if sys.stderr.isatty():
        width = max(20, shutil.get_terminal_size().columns - 1)
        sys.stderr.write(f"\r\033[K{text[:width]}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
