"""The tree holds what belongs into it: no machine's paths, no registry's hosts, nothing left for later."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# written in pieces, so that this file does not find itself
PATHS = re.compile(r"(?<![\w.:/])/(?:" + "|".join(("work", "ro" + "ot", "farm", "home")) + r")/[a-z]")
HOSTS = re.compile(
    "|".join(("py" + r"pi\.org", "python" + "hosted", "deb" + r"\.debian\.org", "crates" + r"\.io"))
)
LATER = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")
BROAD = re.compile(r"^\s*except(?: Exception| BaseException)?(?: as \w+)?:\s*(#.*)?$")
IGNORE = re.compile(r"# type: ignore(?!\[[\w, -]+\]  # \S)")


def tracked(*patterns: str) -> list[Path]:
    """Return the files that git would put into a clone, new ones that are not ignored with them."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60).stdout
    return [ROOT / name for name in names.decode().split("\0") if name and (ROOT / name).is_file()]


def lines_with(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    found = []
    for path in files:
        content = path.read_bytes()
        if b"\0" in content[:4096]:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    return found


@pytest.mark.parametrize("pattern", [PATHS, HOSTS], ids=["machine paths", "registry hosts"])
def test_nothing_tells_where_it_was_made(pattern: re.Pattern[str]) -> None:
    assert lines_with(pattern, tracked()) == []


def test_nothing_is_left_for_later() -> None:
    assert lines_with(LATER, tracked("*.py", "*.sh", ".ci/run", "*.toml")) == []


def test_every_ignored_type_error_has_a_code_and_a_reason() -> None:
    assert (
        lines_with(IGNORE, tracked("codesign_wizard/*.py", "dev.py", "tools/*.py", "benchmarks/*.py")) == []
    )


def test_every_broad_except_raises_again_or_has_a_reason() -> None:
    wanting = []
    for path in tracked("codesign_wizard/*.py", "dev.py", "tools/*.py", "benchmarks/*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            match = BROAD.match(line)
            if match and not match[1] and not lines[number - 1].lstrip().startswith("#"):
                indent = len(line) - len(line.lstrip())
                block = []
                for following in lines[number + 1 :]:
                    if following.strip() and len(following) - len(following.lstrip()) <= indent:
                        break
                    block.append(following.strip())
                if not any(entry.startswith(("raise", "#")) for entry in block):
                    wanting.append(f"{path.relative_to(ROOT)}:{number + 1}")
    assert wanting == []


def test_what_is_generated_is_not_tracked() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in tracked()}
    assert not [name for name in names if name.endswith((".pyc", ".exe", ".dll", ".whl"))]
    assert not [
        name for name in names if name.startswith((".venv/", "dist/", "build/")) or "__pycache__" in name
    ]
    assert "benchmarks/latest.json" not in names
