"""A package as a look at a file shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.inspect import inspect_file
from codesign_wizard.core.job import Job
from tests.support import apple_pki, packages
from tests.unit.apple.package_judging import signed


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return packages.product(tmp_path / "source.pkg")


def test_a_package_is_inspected(source: Path, tmp_path: Path) -> None:
    found = inspect_file(Job(), source)
    assert (found.kind, found.title) == ("macos-package", "source.pkg is a macOS package that is not signed.")
    assert ("Title", "Some & App") in found.facts
    assert ("Installs", "com.example.one 1.2, in /Applications") in found.facts
    found = inspect_file(Job(), signed(source), apple_roots=apple_pki.roots())
    assert found.title.endswith(f"signed by Developer ID Installer: Test ({apple_pki.TEAM}).")
    assert found.details["verification"]["ok"]
    (tmp_path / "damaged.pkg").write_bytes(source.read_bytes()[:500])
    with pytest.raises(InputError, match="damaged"):
        inspect_file(Job(), tmp_path / "damaged.pkg")
