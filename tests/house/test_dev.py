"""``dev.py`` makes its environment by itself, once, and stays out of the program's way.

The tests work on a small checkout of their own: ``dev.py`` beside a lock file that names no package and a
program that tells how it was called.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, os, sys, time
print(json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "python": sys.executable}), flush=True)
if "--wait" in sys.argv:
    time.sleep(60)
sys.exit(7 if "--fail" in sys.argv else 0)
"""


class Checkout:
    """A checkout in a folder of its own, and a way to call its ``dev.py``."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = {
            name: value
            for name, value in environment.items()
            if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "PYTHONPATH", "VIRTUAL_ENV")
        }
        package = folder / "codesign_wizard"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "__main__.py").write_text(PROGRAM)
        shutil.copy(ROOT / "dev.py", folder)
        self.write_lock("# nothing\n")

    def write_lock(self, text: str) -> None:
        (self.folder / "requirements.lock").write_text(text)

    @property
    def site_packages(self) -> Path:
        pattern = "Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages"
        return next((self.folder / ".venv").glob(pattern))

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.folder / "dev.py"), *arguments]

    def run(
        self, *arguments: str, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=cwd or self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=150,
        )


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, outer_environment: Mapping[str, str]) -> Checkout:
    """A checkout whose environment was made by its first start."""
    checkout = Checkout(tmp_path_factory.mktemp("check out ü"), outer_environment)
    first = checkout.run("run", "doctor")
    assert first.returncode == 0, first.stderr
    # the first start talks, but not where the program's output goes
    assert "Making the environment" in first.stderr
    assert json.loads(first.stdout)["arguments"] == ["doctor"]
    return checkout


def load_dev() -> ModuleType:
    specification = importlib.util.spec_from_file_location("dev_under_test", ROOT / "dev.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_arguments_exit_code_and_output_are_the_programs(ready: Checkout, tmp_path: Path) -> None:
    done = ready.run("run", "doctor", "--fail", "zwei Wörter", "", "--json", cwd=tmp_path)
    assert done.returncode == 7
    told = json.loads(done.stdout)
    assert told["arguments"] == ["doctor", "--fail", "zwei Wörter", "", "--json"]
    assert Path(told["folder"]) == tmp_path
    assert Path(told["python"]).is_relative_to(ready.folder / ".venv")
    assert done.stderr == "", "a second start has nothing to say"


def test_a_second_start_is_quick(ready: Checkout) -> None:
    def spent() -> float:
        # the children's processor time: what else the machine has to do is none of it (Windows tells no such)
        times = os.times()
        return time.perf_counter() if os.name == "nt" else times.children_user + times.children_system

    def best(command: list[str]) -> float:
        seconds = []
        for _ in range(5):
            started = spent()
            subprocess.run(command, cwd=ready.folder, env=ready.environment, check=True, capture_output=True)
            seconds.append(spent() - started)
        return min(seconds)

    inside = ready.folder / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    bare = best([str(inside), "-P", "-m", "codesign_wizard", "doctor"])
    assert best(ready.command("run", "doctor")) - bare < 0.3


def test_a_module_in_the_working_folder_does_not_get_in(ready: Checkout, tmp_path: Path) -> None:
    for name in ("codesign_wizard", "hashlib", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(99)")
    assert ready.run("run", "doctor", cwd=tmp_path).returncode == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a display is taken for granted")
def test_without_arguments_it_shows_the_wizard_or_where_nobody_could_see_it_the_trial(
    ready: Checkout,
) -> None:
    assert json.loads(ready.run("run").stdout)["arguments"] == ["trial", "all", "--practice"]
    hidden = ready.run("run", DISPLAY=":0", QT_QPA_PLATFORM="offscreen")
    assert json.loads(hidden.stdout)["arguments"] == ["trial", "all", "--practice"]
    assert json.loads(ready.run("run", WAYLAND_DISPLAY="wayland-0").stdout)["arguments"] == [
        "gui",
        "--practice",
    ]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to pass on")
def test_a_signal_reaches_the_program(ready: Checkout) -> None:
    with subprocess.Popen(
        ready.command("run", "doctor", "--wait"), env=ready.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == -signal.SIGTERM


def test_a_changed_lock_refreshes_and_keeps_what_is_there(ready: Checkout) -> None:
    kept = ready.site_packages / "kept_by_the_person.py"
    kept.write_text("")
    ready.write_lock("# still nothing\n")
    assert "Installing the packages" in ready.run("run", "doctor").stderr
    assert ready.run("run", "doctor").stderr == ""
    ready.write_lock("# still nothing\r\n")
    assert ready.run("run", "doctor").stderr == "", "line ends are no change"
    assert kept.exists()


def test_an_environment_made_by_others_is_added_to_not_replaced(ready: Checkout) -> None:
    kept = ready.site_packages / "made_by_others.py"
    kept.write_text("")
    stamp = ready.folder / ".venv" / "codesign-wizard-stamp.json"
    for content in (None, "not json", "[]"):
        stamp.unlink() if content is None else stamp.write_text(content)
        assert ready.run("run", "doctor").returncode == 0
        assert kept.exists()
        assert json.loads(stamp.read_text())["folder"] == str(ready.folder)


def test_a_set_up_that_failed_says_so_and_the_next_start_makes_it_whole(
    tmp_path: Path, outer_environment: Mapping[str, str]
) -> None:
    checkout = Checkout(tmp_path, outer_environment)
    checkout.write_lock("no-such-package @ file:///nowhere/no.whl --hash=sha256:" + "0" * 64 + "\n")
    failed = checkout.run("run", "doctor")
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "could not be installed" in failed.stderr
    assert "Traceback" not in failed.stderr
    checkout.write_lock("# nothing\n")
    leftover = checkout.site_packages / "half_a_package.py"
    leftover.write_text("")
    repaired = checkout.run("run", "doctor")
    assert repaired.returncode == 0, repaired.stderr
    assert not leftover.exists(), "what an interrupted set-up left is not trusted"
    assert {path.name for path in tmp_path.iterdir()} == {
        ".venv",
        "codesign_wizard",
        "dev.py",
        "requirements.lock",
    }


@pytest.mark.skipif(os.name == "nt", reason="there a running process keeps its files from being replaced")
def test_an_interrupted_set_up_is_repaired_and_two_starts_do_not_disturb_each_other(
    tmp_path: Path, outer_environment: Mapping[str, str]
) -> None:
    checkout = Checkout(tmp_path, outer_environment)
    process = subprocess.Popen(
        checkout.command("run", "doctor"),
        env=checkout.environment,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".venv/lib/python*/site-packages")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    together = [
        subprocess.Popen(
            checkout.command("run", "doctor"), env=checkout.environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for each in together:
        out, _ = each.communicate(timeout=150)
        assert each.returncode == 0
        assert json.loads(out)["arguments"] == ["doctor"]


def test_a_pristine_checkout_is_named_when_its_lock_is_missing(
    tmp_path: Path, outer_environment: Mapping[str, str]
) -> None:
    checkout = Checkout(tmp_path, outer_environment)
    (tmp_path / "requirements.lock").unlink()
    done = checkout.run("run", "doctor")
    assert done.returncode == 1
    assert "requirements.lock cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_wrong_usage_and_help(outer_environment: Mapping[str, str], tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, outer_environment)
    unknown = checkout.run("fly")
    assert unknown.returncode == 2
    assert "no command fly" in unknown.stderr
    assert checkout.run().returncode == 2
    helped = checkout.run("--help")
    assert helped.returncode == 0
    assert "dev.py screenshots DIR" in helped.stdout
    assert not (tmp_path / ".venv").exists()


def test_an_old_python_can_read_it_and_is_told() -> None:
    source = (ROOT / "dev.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    imported = {
        name.name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import)
        for name in node.names
    }
    assert imported <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("version", [(3, 8, 10), (3, 10, 12), (3, 15, 0)])
def test_a_python_out_of_range_gets_one_sentence(
    version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dev = load_dev()
    monkeypatch.setattr(dev.sys, "version_info", version)
    monkeypatch.setattr(
        dev.shutil, "which", lambda name: f"/usr/bin/{name}" if name == "python3.12" else None
    )
    assert dev.main(["check"]) == 1
    said = capsys.readouterr().err
    assert f"needs Python 3.11 to 3.14; this is 3.{version[1]}" in said
    assert "python3.12 dev.py" in said


def test_missing_system_libraries_are_named_with_the_exact_command(monkeypatch: pytest.MonkeyPatch) -> None:
    dev = load_dev()
    monkeypatch.setattr(dev, "has_font", lambda: False)
    missing = dev.missing_packages({"libno-such.so.9": "libno-such9", "libc.so.6": "libc6"})
    assert missing == [
        "libno-such9",
        *([] if sys.platform.startswith("linux") else ["libc6"]),
        "fonts-dejavu-core",
    ]
    monkeypatch.setattr(dev.os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(dev.shutil, "which", lambda _: None)
    sentence = dev.apt_install(["libegl1", "fonts-dejavu-core"])
    assert sentence.endswith("sudo apt-get install -y --no-install-recommends libegl1 fonts-dejavu-core")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Debian's libraries")
def test_what_may_not_be_installed_ends_only_what_needs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dev = load_dev()
    monkeypatch.setattr(dev, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setattr(dev, "missing_packages", lambda _: ["libegl1"])
    monkeypatch.setattr(dev, "apt_install", lambda packages: f"please run: {packages}")
    monkeypatch.setattr(dev.shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(dev.Failed, match="libegl1"):
        dev.prepare_system(fatal=True)
    dev.prepare_system(fatal=False)
    assert "libegl1" in capsys.readouterr().err
    assert not (tmp_path / "stamp.json").exists(), "it is looked for again at the next start"
