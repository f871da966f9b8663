"""Real programs for macOS, out of npm and PyPI: judged as they are, and signed again by us."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from codesign_wizard.core.apple.sign_macho import sign_macho
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.apple.verify_code import CodeReport, verify_code
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.job import Job
from tests.interop.conftest import Bench
from tests.support import apple_pki, fetched, judges, signature_parts

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "signature-parts.md"
SENTRY = "97JCY7859U"


@dataclass(frozen=True)
class Real:
    """Where a program is had, and what is known of it: its team, or else that no certificate signed it."""

    package: str
    version: str
    member: str
    platform: str = ""
    team: str = ""
    state: str = "ad-hoc"
    architectures: tuple[str, ...] = ("arm64",)


REAL = {
    "sentry-cli": Real(
        "@sentry/cli-darwin", "3.8.0", "bin/sentry-cli", team=SENTRY, architectures=("x86_64", "arm64")
    ),
    "ruff": Real("ruff", "0.17.6", "ruff-0.17.6.data/scripts/ruff", "macosx_11_0_arm64", team="2DC432GLL2"),
    "cryptography": Real(
        "cryptography", "50.0.2", "cryptography/hazmat/bindings/_rust.abi3.so", "macosx_11_0_arm64"
    ),
    "esbuild-x64": Real(
        "@esbuild/darwin-x64", "0.28.2", "bin/esbuild", state="unsigned", architectures=("x86_64",)
    ),
    "esbuild-arm64": Real("@esbuild/darwin-arm64", "0.28.2", "bin/esbuild"),
}


@dataclass(frozen=True)
class Signed:
    """A real program, how it was judged as it came, and the same signed by us."""

    about: Real
    path: Path
    report: CodeReport
    ours: Path


@pytest.fixture(scope="module", params=list(REAL))
def real(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    outer_environment: Mapping[str, str],
    bench: Bench,
) -> Signed:
    about = REAL[request.param]
    folder = tmp_path_factory.mktemp("package")
    if about.platform:
        path = fetched.from_wheel(about.package, about.version, about.platform, about.member, folder)
    else:
        path = fetched.from_npm(about.package, about.version, about.member, folder, outer_environment)
    ours = folder / "signed"
    signer = apple_pki.signer("application")
    sign_macho(Job(), path, ours, signer, timestamp=bench.timestamper, roots=apple_pki.roots())
    return Signed(about, path, verify_code(Job(), path, trust=AppleRoots()), ours)


def errors(report: CodeReport) -> set[str]:
    return {each.id for each in report.findings if each.severity is Severity.ERROR}


def test_it_verifies_to_apples_root_or_is_known_as_unsigned(real: Signed) -> None:
    report = real.report
    assert tuple(each.architecture for each in report.signatures) == real.about.architectures
    if not real.about.team:
        assert errors(report) == {f"apple.verify.code-{real.about.state}"}
        return
    assert report.ok, [each.title for each in report.findings]
    assert not report.extra_roots_used
    assert {each.team for each in report.signatures} == {real.about.team}
    assert {each.id for each in report.findings} >= {
        "apple.verify.code-chain-ok",
        "apple.verify.code-timestamp-ok",
        "apple.verify.code-requirement-ok",
        "apple.verify.code-kind-ok",
    }


def test_its_time_is_the_time_stamps(real: Signed) -> None:
    if not real.about.team:
        assert all(each.timestamp is None for each in real.report.signatures)
        return
    for each in real.report.signatures:
        assert each.timestamp is not None
        assert each.certificate is not None
        assert (
            each.certificate.not_valid_before_utc < each.timestamp.time < each.certificate.not_valid_after_utc
        )
    # long after every certificate in it has expired
    from datetime import UTC, datetime

    later = verify_code(Job(), real.path, trust=AppleRoots(), now=datetime(2060, 1, 1, tzinfo=UTC))
    assert later.ok, [each.title for each in later.findings]


def test_signed_again_it_holds_for_us_and_others(real: Signed) -> None:
    report = verify_code(Job(), real.ours, trust=apple_pki.roots())
    assert errors(report) == set()
    lief = judges.module("lief")
    # its parts do not keep the whole alive
    fat = lief.MachO.parse(str(real.ours))
    assert [each.has_code_signature for each in fat] == [True] * len(real.about.architectures)
    assert all(lief.MachO.check_layout(each)[0] for each in fat)
    assert "no problems detected!" in judges.run(judges.program("rcodesign"), "verify", real.ours).stdout


def test_the_page_on_the_parts_of_a_signature_is_true(real: Signed) -> None:
    """With UPDATE_DOCS=1 it is written anew."""
    if real.about.team != SENTRY:
        return
    tables = []
    for architecture in real.about.architectures:
        pair = [signature_parts.parts(path, architecture) for path in (real.path, real.ours)]
        tables.append(signature_parts.table(*pair))
    # one table does for both architectures
    assert tables[0] == tables[1]
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition("| part |")
    after = rest[rest.index("\n\n") + 1 :]
    if os.environ.get("UPDATE_DOCS"):
        DOCUMENT.write_text(before + tables[0] + after, encoding="utf-8")
    else:
        assert text == before + tables[0] + after
