"""The wheel is whole: installed elsewhere, without the checkout, the program finds itself and its files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from email.parser import Parser
from pathlib import Path

import pytest

from codesign_wizard.cli import main
from tools.package import same

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that nothing is written into the checkout."""
    source = tmp_path_factory.mktemp("source")
    for name in ("codesign_wizard", "resources"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(source / "dist")],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    [built] = (source / "dist").glob("*.whl")
    return built


def test_every_resource_and_every_module_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder, inside in (
        ("resources", "codesign_wizard/resources"),
        ("codesign_wizard", "codesign_wizard"),
    ):
        files = [
            path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts
        ]
        assert files
        missing = {f"{inside}/{path.relative_to(ROOT / folder).as_posix()}" for path in files} - names
        assert missing == set()
    assert not [name for name in names if name.startswith(("tests/", "tools/", "benchmarks/"))]


def test_its_metadata_name_the_commands_and_forbid_the_broken_qt(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [metadata_name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(metadata_name).decode())
        scripts = archive.read(metadata_name.replace("METADATA", "entry_points.txt")).decode()
    assert "codesign-wizard = codesign_wizard.cli:main" in scripts
    assert "codesign-wizard-gui = codesign_wizard." in scripts
    assert metadata["Requires-Python"] == ">=3.11"
    requires = metadata.get_all("Requires-Dist") or []
    assert any(entry.lower().startswith("pyside6-essentials") and "<6.12" in entry for entry in requires)
    assert not any("pytest" in entry for entry in requires)


def test_installed_elsewhere_it_does_what_the_checkout_does(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "installed"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(target),
    ]
    subprocess.run([*command, str(wheel)], check=True, capture_output=True, timeout=120)
    environment = {**os.environ, "PYTHONPATH": str(target)}
    program = (
        "import codesign_wizard, pathlib\n"
        "from codesign_wizard.core.resources import resource\n"
        "folder = resource('translations')\n"
        "print(codesign_wizard.__file__, folder, folder.is_dir(), sep='\\n')\n"
    )
    told = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.splitlines()
    assert Path(told[0]).is_relative_to(target)
    assert Path(told[1]).is_relative_to(target)
    assert told[2] == "True"

    # all that the checkout does without an account: every kind of command, and the window
    folders = [tmp_path / "here", tmp_path / "there"]
    for folder in folders:
        folder.mkdir()
    monkeypatch.chdir(folders[0])

    def here(words: Sequence[str]) -> tuple[int, str]:
        return main(words), capsys.readouterr().out

    ours = same.documents(here)
    theirs = same.in_one_process([sys.executable], folders[1], environment)
    assert {each["code"] for each in ours} == {0, 1, 2}
    assert same.differences(ours, theirs) == []
    ours[-1]["said"]["ok"] = True
    assert len(same.differences(ours, theirs)) == 1, "what differs is seen"
    for language, words, said in (
        ("de", ["--help"], "Befehle:"),
        ("", ["gui", "--practice", "--close"], ""),
    ):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "codesign_wizard", *words],
            cwd=tmp_path,
            env=environment | {"CODESIGN_WIZARD_LANGUAGE": language},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=150,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert said in done.stdout
