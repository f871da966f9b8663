"""Arrows point one way: ``core`` knows no front end, practice does not ask the code it stands against."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMPORT_RULES = "from importlinter.cli import lint_imports_command as command; command()"


def python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def test_the_import_rules_hold() -> None:
    done = python(IMPORT_RULES, "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_an_arrow_the_wrong_way_is_noticed(tmp_path: Path) -> None:
    package = tmp_path / "codesign_wizard"
    for name in ("core", "practice"):
        (package / name).mkdir(parents=True)
        (package / name / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "core" / "wrong.py").write_text("def f():\n    import codesign_wizard.practice\n")
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    # only the contract in question: the others name modules that this small package does not have
    head, *contracts = settings[settings.index("[tool.importlinter]") :].split(
        "[[tool.importlinter.contracts]]"
    )
    chosen = next(contract for contract in contracts if 'id = "core-below"' in contract)
    kept = [
        line
        for line in chosen.splitlines()
        if "codesign_wizard." not in line or line.rstrip('",]').endswith((".practice", ".core"))
    ]
    (tmp_path / "pyproject.toml").write_text(f"{head}[[tool.importlinter.contracts]]\n" + "\n".join(kept))
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_RULES, "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": "", "SYSTEMROOT": "C:\\Windows"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 broken" in done.stdout


@pytest.mark.parametrize(
    ("modules", "never"),
    [
        ("core/**/*.py", ("PySide6", "shiboken6", "codesign_wizard.practice", "codesign_wizard.overrides")),
        ("practice/**/*.py", ("PySide6", "codesign_wizard.core.doctor", "codesign_wizard.core.trial")),
        ("commands/*.py", ("PySide6", "azure", "cryptography", "requests", "codesign_wizard.practice.cloud")),
        ("pages/*.py", ("azure", "cryptography", "requests", "codesign_wizard.practice.cloud")),
        # the frame of the first window, which is painted before anything runs
        (
            "window.py",
            (
                "socket",
                "hashlib",
                "queue",
                "codesign_wizard.core.files",
                "codesign_wizard.core.job",
                "codesign_wizard.widgets.basics",
            ),
        ),
    ],
)
def test_importing_a_part_does_not_load_what_it_must_not(modules: str, never: tuple[str, ...]) -> None:
    """Import rules read the source; this runs it, and so sees what is loaded before it is needed as well."""
    names = []
    for path in sorted((ROOT / "codesign_wizard").glob(modules)):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names.append(".".join(parts).removesuffix(".__init__"))
    assert names
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1].split(','): importlib.import_module(name)\n"
        "never = sys.argv[2].split(',')\n"
        "print(','.join(sorted(n for n in never if n in sys.modules)))\n"
    )
    done = python(program, ",".join(names), ",".join(never))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_no_layout_is_asked_for_its_items() -> None:
    """Python keeps what ``itemAt`` returns, Qt deletes it with its widget: that ends in a crash."""
    asking = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "codesign_wizard").rglob("*.py"))
        if ".itemAt(" in path.read_text(encoding="utf-8")
    ]
    assert asking == [], "layout.indexOf(widget) tells the place, layout.takeAt() hands the item over"
