"""A program to be signed and a key in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import pe, pki


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with ``a.exe``, ``a.p12`` (its password is in the environment) and ``root.pem``."""
    (tmp_path / "a.exe").write_bytes(pe.small())
    (tmp_path / "a.p12").write_bytes(pki.p12(pki.leaf("p256"), [pki.intermediate().certificate]))
    (tmp_path / "root.pem").write_bytes(pki.root().pem)
    monkeypatch.setenv("CODESIGN_WIZARD_P12_PASSWORD", pki.PASSWORD)
    return tmp_path
