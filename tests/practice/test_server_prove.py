"""The server's own macOS builds, judged: signed, notarised and stapled as its level says."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.authenticode.roots import RootStore
from codesign_wizard.core.comet.proof import Proof, ProveRequest
from codesign_wizard.core.comet.prove import prove
from codesign_wizard.core.comet.settings import MacosWanted, Wanted
from codesign_wizard.core.job import Job
from codesign_wizard.core.redact import Secret
from tests.support.server_bench import Bench, ids


def _prove_macos(bench: Bench, identities: dict[str, Path], asked: int, **changes: Any) -> Proof:
    accounts = bench.cloud.accounts
    bench.cloud.world.notary.processing = 0.0
    wanted = Wanted(
        macos=MacosWanted(
            asked,
            identities["installer"],
            identities["application"],
            Secret("one for both"),
            accounts.api_issuer_id,
            accounts.api_key_id,
            Secret(accounts.api_private_key),
        )
    )
    timestamps = [bench.cloud.timestamp_roots_file]
    with bench.desk() as desk:
        desk.apply(Job(), desk.compare(Job(), wanted))
        view = desk.look(Job())
        expected, _ = desk.expected(Job(), wanted, desk.level(view))
        (proof,) = prove(
            Job(),
            desk.client,
            ProveRequest(
                [each for each in desk.client.platforms(Job()) if each.number == 50],
                bench.folder / "out",
                replace(expected, **changes),
                bench.network,
                RootStore.microsoft(),
                AppleRoots.with_files([bench.cloud.apple_roots_file], timestamps),
            ),
        )
    return proof


@pytest.mark.skipif(
    sys.platform == "win32", reason="the sample has links, which not everybody may make there"
)
@pytest.mark.parametrize(
    ("level", "told"),
    [(0, "server.prove.sign-only"), (1, "server.prove.notarised"), (2, "apple.staple.valid")],
)
def test_the_package_is_signed_notarised_and_stapled_as_the_level_says(
    bench: Bench, identities: dict[str, Path], level: int, told: str
) -> None:
    proof = _prove_macos(bench, identities, level)
    assert proof.ok, [finding.title for finding in proof.findings]
    assert {"server.prove.signed", told} <= ids(proof.findings)
    assert proof.package is not None
    assert proof.package.stapled is (level == 2)
    assert proof.file is not None
    assert proof.file.read_bytes()[:4] == b"xar!"
    assert [each.name for each in (bench.folder / "out").iterdir()] == [proof.file.name]


@pytest.mark.skipif(
    sys.platform == "win32", reason="the sample has links, which not everybody may make there"
)
def test_what_the_level_does_not_say_is_found(bench: Bench, identities: dict[str, Path]) -> None:
    # the server signs only, and was to notarise, or to staple; and for somebody else
    _, other = bench.cloud.apple.identity("application")
    assert "server.prove.not-stapled" in ids(_prove_macos(bench, identities, 0, level=2).findings)
    proof = _prove_macos(bench, identities, 0, level=1, installer=other)
    assert {"server.prove.not-notarised", "server.prove.other-signer"} <= ids(proof.findings)


def test_a_notary_that_refuses_shows_in_the_server_s_log(bench: Bench, identities: dict[str, Path]) -> None:
    bench.cloud.world.account.agreement_missing = True
    try:
        proof = _prove_macos(bench, identities, 2)
    finally:
        bench.cloud.world.account.agreement_missing = False
    assert ids(proof.findings) == {"server.prove.refused"}
    assert "agreement" in (proof.findings[0].evidence.message or "").lower()
    with bench.desk() as desk:
        told = desk.explain_failure(Job(), desk.look(Job()), [proof], Wanted())
    assert ids(told) == {"server.prove.log"}
    assert "agreement" in told[0].detail.lower()
