"""The project's own Python files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "codesign_wizard"


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """Yield every module of the package as path and syntax tree, in a fixed order."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def shown(path: Path) -> str:
    """Return *path* as it stands in the project, with forward slashes."""
    return path.relative_to(ROOT).as_posix()


def is_current(path: Path, text: str) -> bool:
    """Tell whether the generated file *path* holds *text*; line ends do not count."""
    return path.is_file() and path.read_text(encoding="utf-8") == text


def write(path: Path, text: str) -> None:
    """Write a generated file, with Unix line ends on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
