"""Inspecting programs and apps for macOS."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codesign_wizard.core.apple.sign_bundle import sign_bundle
from codesign_wizard.core.apple.sign_macho import sign_macho
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.inspect import inspect_file
from codesign_wizard.core.inspection import Inspection
from codesign_wizard.core.job import Job
from tests.support import apple_bundles, apple_pki
from tests.support import macho as samples


def inspected(path: Path) -> Inspection:
    return inspect_file(Job(), path, apple_roots=apple_pki.roots())


def test_a_program_is_described_before_and_after_it_is_signed(tmp_path: Path) -> None:
    path = tmp_path / "tool"
    path.write_bytes(samples.universal(samples.thin("x86_64"), samples.thin("arm64")))
    before = inspected(path)
    assert before.kind == "macos-program"
    assert before.title == "tool is code for macOS that is not signed."
    assert before.facts == [("Kind", "program for macOS (x86_64, arm64)")]
    sign_macho(Job(), path, path, apple_pki.signer("application"), timestamp=None, identifier="org.example")
    after = inspected(path)
    assert after.title == "tool is code for macOS signed by Developer ID Application: Test (ABCDE12345)."
    facts = dict(after.facts)
    assert facts["Identifier"] == "org.example"
    assert facts["Team"] == apple_pki.TEAM
    assert facts["Hardened runtime"] == "15.5.0"
    assert len(facts["CDHash"]) == 40
    assert after.to_json()["verification"]["ok"] is True


def test_a_library_is_called_one(tmp_path: Path) -> None:
    path = tmp_path / "lib.dylib"
    path.write_bytes(samples.thin(file_type=samples.DYLIB))
    assert inspected(path).facts[0] == ("Kind", "library for macOS (arm64)")


@pytest.mark.skipif(os.name == "nt", reason="bundles hold links and modes")
def test_an_app_is_described(tmp_path: Path) -> None:
    app = apple_bundles.app(tmp_path)
    assert "not signed" in inspected(app).title
    sign_bundle(Job(), app, app, apple_pki.signer("application"), timestamp=None)
    found = inspected(app)
    assert found.kind == "macos-bundle"
    assert dict(found.facts)["Programs and libraries"] == "6"
    assert "signed by Developer ID Application" in found.title
    with pytest.raises(InputError):
        inspected(tmp_path)
