"""Mutated programs, signatures and seals: refused with one sentence or reported, at bounded cost."""

from __future__ import annotations

import os
import plistlib
import random
import shutil
import time
from pathlib import Path

import pytest

from codesign_wizard.core.apple.sign_macho import sign_macho
from codesign_wizard.core.apple.verify_code import verify_code
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.job import Job
from tests.fuzz.test_pe import mutated as anywhere
from tests.support import apple_bundles, apple_pki, fuzzing
from tests.support import macho as samples

COUNT = 3_000
SHARDS = 4
BUNDLES = 400


def seeds(folder: Path) -> list[bytes]:
    plist = plistlib.dumps({"com.apple.security.cs.allow-jit": True})
    plain = [
        samples.thin(code=3000, info_plist=plistlib.dumps({"CFBundleIdentifier": "org.example"})),
        samples.universal(samples.thin("x86_64", code=900), samples.thin("arm64", code=900), align=12),
    ]
    signed = []
    for number, data in enumerate(plain):
        source, target = folder / f"{number}", folder / f"{number}.signed"
        source.write_bytes(data)
        sign_macho(Job(), source, target, apple_pki.signer("application"), timestamp=None, entitlements=plist)
        signed.append(target.read_bytes())
    # signatures are the larger part of what is read
    return [*plain, *signed, *signed]


def mutated(random_: random.Random, data: bytes) -> bytes:
    """Change the headers, or the signature, or anything."""
    place = data.find(bytes.fromhex("fade0cc0"))
    if place < 0 or random_.random() < 0.4:
        return anywhere(random_, data)
    return data[:place] + anywhere(random_, data[place:])


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_mutated_program_is_refused_or_reported(tmp_path: Path, shard: int) -> None:
    originals = seeds(tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    random_ = fuzzing.dice(f"macho {shard}")
    roots, signer = apple_pki.roots(), apple_pki.signer("application")
    source, target = tmp_path / "fuzz", tmp_path / "signed"
    seen = {"refused": 0, "reported": 0, "signed": 0}
    longest = 0.0
    for number in range(fuzzing.count(COUNT // SHARDS)):
        source.write_bytes(mutated(random_, random_.choice(originals)))
        began = time.thread_time()
        sentences: list[str] = []
        try:
            report = verify_code(Job(), source, trust=roots)
            report.to_json()
            sentences = [each.title for each in report.findings]
            seen["reported"] += 1
        except InputError as error:
            sentences = [error.finding.title]
            seen["refused"] += 1
        if number % 5 == 0:
            try:
                sign_macho(Job(), source, target, signer, timestamp=None, roots=roots)
                # what was signed holds, whatever it was before
                assert verify_code(Job(), target, trust=roots).ok
                target.unlink()
                seen["signed"] += 1
            except InputError as error:
                sentences.append(error.finding.title)
        longest = max(longest, time.thread_time() - began)
        assert sentences
        for sentence in sentences:
            assert sentence.endswith(".")
            assert "\n" not in sentence
        assert {each.name for each in tmp_path.iterdir()} == {"fuzz"}
    assert all(seen.values()), seen
    assert longest < 5


@pytest.mark.skipif(os.name == "nt", reason="bundles hold links and modes")
def test_a_mutated_seal_or_info_plist_is_refused_or_reported(tmp_path: Path) -> None:
    from codesign_wizard.core.apple.sign_bundle import sign_bundle

    app = apple_bundles.app(tmp_path)
    sign_bundle(Job(), app, app, apple_pki.signer("application"), timestamp=None)
    random_ = fuzzing.dice("seal")
    seal = app / "Contents" / "_CodeSignature" / "CodeResources"
    info = app / "Contents" / "Info.plist"
    originals = {path: path.read_bytes() for path in (seal, info)}
    roots = apple_pki.roots()
    for number in range(fuzzing.count(BUNDLES)):
        path = (seal, info)[number % 2]
        path.write_bytes(anywhere(random_, originals[path]))
        try:
            report = verify_code(Job(), app, trust=roots)
            report.to_json()
            sentences = [each.title for each in report.findings]
            assert not report.ok or path.read_bytes() == originals[path]
        except InputError as error:
            sentences = [error.finding.title]
        assert all("\n" not in each for each in sentences)
        path.write_bytes(originals[path])
    assert {each.name for each in tmp_path.iterdir()} == {"Example.app"}
    shutil.rmtree(app)
