"""Signing, judging and diagnosing for macOS on the command line, led to the practice network by environment.

OpenSSL judges what was written; so does rcodesign, where it is installed.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.cli import main
from codesign_wizard.core.apple import macho, superblob
from codesign_wizard.core.apple.sample import build_sample
from codesign_wizard.core.apple.xar import Xar
from codesign_wizard.core.job import Job
from codesign_wizard.core.samples import macho as programs
from codesign_wizard.practice import client_settings
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.timestamp.hosts import APPLE_URL
from tests.support import apple_bundles, command_line, judges
from tests.support.canary import leaks
from tests.support.command_line import ids

Run = Callable[..., tuple[int, dict[str, Any]]]
openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture
def run(
    cloud: PracticeCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Run:
    for name, value in client_settings.environment(cloud).items():
        if not name.startswith("AZURE"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("CODESIGN_WIZARD_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")

    def call(*words: object) -> tuple[int, dict[str, Any]]:
        said = command_line.run(capsys, *words, "--json")
        assert not leaks(cloud.apple_account.password, said.out, said.err)
        return said.code, said.document

    return call


@pytest.fixture
def roots(cloud: PracticeCloud) -> tuple[str, ...]:
    return ("--extra-root", str(cloud.apple_roots_file))


def _openssl_accepts(cms: bytes, content: bytes, cloud: PracticeCloud, folder: Path) -> None:
    (folder / "signature.der").write_bytes(cms)
    (folder / "content").write_bytes(content)
    judges.run(
        "openssl",
        "cms",
        "-verify",
        "-binary",
        "-inform",
        "DER",
        "-in",
        folder / "signature.der",
        "-content",
        folder / "content",
        "-CAfile",
        cloud.apple_roots_file,
        "-purpose",
        "any",
        "-ignore_critical",  # Apple's marks, which it does not know
        "-out",
        folder / "out",
    )


@openssl
def test_a_package_is_signed_inside_and_out_and_judged(
    run: Run, roots: tuple[str, ...], cloud: PracticeCloud, tmp_path: Path
) -> None:
    source, target = tmp_path / "a.pkg", tmp_path / "signed.pkg"
    build_sample(Job(), "Acme Backup", source)
    code, found = run("sign", source, "--output", target, *roots)
    assert code == 0, found["findings"]
    result = found["result"]
    assert (result["form"], result["file"], result["team"]) == ("package", str(target), "PRACTICE01")
    assert result["signer"].count("Developer ID Installer: Practice Team (PRACTICE01)") == 1
    assert result["timestamp"]["server"] == APPLE_URL
    assert {each["signer"].count("Developer ID Application") for each in result["code"]} == {1}
    assert [len(each["architectures"]) for each in result["code"]] == [2, 2, 2]
    code, judged = run("verify", target, *roots)
    assert code == 0
    assert not ids(judged, "error", "warning")
    assert judged["result"]["digest"] == result["digest"]
    assert judged["result"]["macos"] == [], "there is no Mac here"
    # nobody but practice knows the root
    code, real = run("verify", target)
    assert code == 1
    assert {"apple.verify.package-chain-wrong", "apple.gatekeeper.refuses"} <= ids(real)
    archive = Xar(target)
    try:
        place = archive.signature("CMS")
        assert place is not None
        cms = archive.heap_bytes(place.offset, place.size).rstrip(b"\0")
        _openssl_accepts(cms, archive.recorded, cloud, tmp_path)
    finally:
        archive.close()


@openssl
def test_a_program_is_signed_as_asked(
    run: Run, roots: tuple[str, ...], cloud: PracticeCloud, tmp_path: Path
) -> None:
    source, target, plist = (tmp_path / name for name in ("tool", "signed", "entitlements.plist"))
    source.write_bytes(programs.program("Hello."))
    plist.write_bytes(
        b'<plist version="1.0"><dict><key>com.apple.security.get-task-allow</key><true/></dict></plist>'
    )
    words = ("--identifier", "org.example.tool", "--entitlements", plist)
    code, found = run("sign", source, "--output", target, *words, *roots)
    assert code == 0
    assert ids(found, "error", "warning") == {"apple.code.get-task-allow"}
    assert found["result"]["code"][0]["identifier"] == "org.example.tool"
    code, judged = run("verify", target, *roots)
    assert (code, ids(judged, "error", "warning")) == (0, {"apple.verify.code-get-task-allow"})
    # signed again without a word about entitlements, it keeps them
    assert run("sign", target, "--output", target, "--yes", *roots)[0] == 0
    assert run("verify", target, *roots)[1]["result"]["signatures"][0]["entitlements"] == [
        "com.apple.security.get-task-allow"
    ]
    with target.open("rb") as file:
        image = macho.read(file).images[0]
        blobs = superblob.parse(macho.signature_data(file, image) or b"")
    cms = superblob.content(blobs[superblob.SLOT_CMS], superblob.MAGIC_CMS)
    _openssl_accepts(cms, blobs[superblob.SLOT_CODE_DIRECTORY], cloud, tmp_path)


def test_an_app_is_signed_into_its_place(run: Run, roots: tuple[str, ...], tmp_path: Path) -> None:
    app = apple_bundles.app(tmp_path / "own")
    code, found = run("sign", app, "--output", tmp_path / "Signed.app", "--no-timestamp", *roots)
    assert code == 0, found["findings"]
    assert found["result"]["form"] == "bundle"
    assert found["result"]["timestamp"] is None
    code, judged = run("verify", tmp_path / "Signed.app", "--level", "notarise", *roots)
    assert code == 0, judged["findings"]
    assert judged["result"]["gatekeeper"]["online"] == "opens-once-notarised"
    assert ids(judged, "warning") == {"apple.verify.code-timestamp-missing"}
    (tmp_path / "Signed.app" / "Contents" / "Resources" / "x.txt").write_text("more")
    code, changed = run("verify", tmp_path / "Signed.app", *roots)
    assert code == 1
    assert "apple.verify.code-seal-broken" in ids(changed)


@pytest.mark.parametrize(
    ("words", "code", "found"),
    [
        (("--append",), 2, "usage.option-for-other-system"),
        (("--installer-file", ""), 2, "apple.options.missing"),
        (("--installer-file", "missing.p12"), 1, "apple.identity.unreadable"),
        (("--timestamp-url", "http://127.0.0.1:9/"), 1, "authenticode.timestamp.none"),
    ],
    ids=["Windows' option", "no file", "missing file", "no time stamp"],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    words: tuple[str, ...], code: int, found: str, run: Run, roots: tuple[str, ...], tmp_path: Path
) -> None:
    source, target = tmp_path / "a.pkg", tmp_path / "out" / "b.pkg"
    build_sample(Job(), "Acme Backup", source)
    target.parent.mkdir()
    target.write_bytes(b"mine")
    exit_code, document = run("sign", source, "--output", target, *words, *roots)
    assert (exit_code, found in ids(document)) == (code, True)
    assert [each.name for each in target.parent.iterdir()] == ["b.pkg"]
    assert target.read_bytes() == b"mine"


def test_the_package_alone_needs_the_installer_alone(
    run: Run, roots: tuple[str, ...], tmp_path: Path
) -> None:
    source, target = tmp_path / "a.pkg", tmp_path / "b.pkg"
    build_sample(Job(), "Acme Backup", source)
    words = ("--package-only", "--application-file", "", "--no-timestamp")
    code, found = run("sign", source, "--output", target, *words, *roots)
    assert code == 0, found["findings"]
    assert found["result"]["code"] == []
    code, judged = run("verify", target, *roots)
    assert code == 1
    assert "apple.verify.code-unsigned" in ids(judged)


def test_the_diagnosis_says_what_is_wrong_with_identities(
    run: Run, roots: tuple[str, ...], cloud: PracticeCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    code, found = run("doctor", "macos", *roots)
    assert code == 0, found["findings"]
    assert ids(found, "ok") == {
        "apple.identity.found",
        "apple.identity.pair",
        "apple.doctor.time-stamp",
        "apple.doctor.test-signature",
    }
    facts = found["result"]["macos"]["facts"]
    assert (facts["team"], facts["timestamp_server"]) == ("PRACTICE01", APPLE_URL)
    assert [each["place"] for each in found["result"]["macos"]["identities"]] == ["application", "installer"]
    assert sorted(tmp_path.rglob("*")) == before, "it changes nothing"
    monkeypatch.setenv("CODESIGN_WIZARD_P12_PASSWORD", "not-the-right-one")
    code, found = run("doctor", "macos", *roots)
    assert code == 1
    assert ids(found, "error") == {"apple.identity.password-wrong"}
    assert "apple.doctor.time-stamp" in ids(found), "the server is asked all the same"
    account = cloud.apple_account
    monkeypatch.setenv("CODESIGN_WIZARD_P12_PASSWORD", account.password)
    monkeypatch.setenv("CODESIGN_WIZARD_TEAM", "OTHERTEAM1")
    assert "apple.options.other-team" in ids(run("doctor", "macos", *roots)[1], "error")
    swapped = ("--installer-file", account.application_file, "--application-file", account.installer_file)
    assert "apple.identity.swapped" in ids(run("doctor", "macos", *swapped, *roots)[1], "error")


def test_settings_for_macos_are_kept_and_the_password_is_not_in_the_profile(
    run: Run, cloud: PracticeCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in client_settings.environment(cloud):
        monkeypatch.delenv(name, raising=False)
    account = cloud.apple_account
    settings = [
        f"macos.application-file={account.application_file}",
        f"macos.installer-file={account.installer_file}",
        "macos.team=practice01",
        "macos.level=2",
        "macos=yes",
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO(account.password + "\n"))
    code, found = run("profile", "set", *settings, "--password-stdin")
    assert code == 0
    assert "secrets.not-kept" in ids(found), "there is no keyring here"
    code, shown = run("profile", "show")
    macos = shown["result"]["macos"]
    assert (macos["team"], macos["level"]) == ("PRACTICE01", "staple")
    assert macos["password_revision"] == 1
    assert not leaks(account.password, tmp_path)
    assert run("profile", "set", "macos.level=3")[0] == 2
    assert run("profile", "set", "macos.team=short")[0] == 2
    assert run("profile", "set", "macos.timestamp-servers=nowhere")[0] == 2


@openssl
def test_openssl_accepts_apples_time_stamp(client: Any, tmp_path: Path) -> None:
    data, query, reply = (tmp_path / name for name in ("data", "query", "reply"))
    data.write_bytes(b"practice")
    judges.run("openssl", "ts", "-query", "-data", data, "-sha256", "-cert", "-out", query)
    kind = {"Content-Type": "application/timestamp-query"}
    answer = client.session.post(APPLE_URL, data=query.read_bytes(), headers=kind)
    assert answer.status_code == 200
    reply.write_bytes(answer.content)
    roots = client.cloud.apple_roots_file
    judges.run("openssl", "ts", "-verify", "-queryfile", query, "-in", reply, "-CAfile", roots)
    other = APPLE_URL.replace("ts01", "ts02")
    assert client.session.post(other, data=query.read_bytes(), headers=kind).status_code == 404


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int, dict[str, Any]]]:
    """What a start without a display does: both trials on practice accounts."""
    folder = tmp_path_factory.mktemp("both")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = main(["trial", "all", "--practice", "--json", "--output", str(folder)])
    return folder, code, json.loads(said.getvalue())


def test_both_trials_write_both_installers(both: tuple[Path, int, dict[str, Any]]) -> None:
    folder, code, found = both
    assert code == 0, found["findings"]
    assert sorted(each.name for each in folder.iterdir()) == [
        "practice-backup-setup.exe",
        "practice-backup-setup.pkg",
        "practice-backup-setup.zip",
        "practice-roots.pem",
        "practice-timestamp-roots.pem",
    ]
    windows, macos = (found["result"][name] for name in ("windows", "macos"))
    assert windows["file"].endswith(".exe")
    assert (macos["file"], macos["level"]) == (str(folder / "practice-backup-setup.pkg"), "sign-only")
    assert macos["timestamp"]["server"] == APPLE_URL
    assert macos["verification"]["gatekeeper"] == {
        "level": "sign-only",
        "online": "stops",
        "offline": "stops",
    }
    # roots of both systems, which serve other programs
    assert (folder / "practice-roots.pem").read_text().count("BEGIN CERTIFICATE") == 4


def test_other_programs_list_and_judge_what_the_trial_wrote(both: tuple[Path, int, dict[str, Any]]) -> None:
    folder, _, found = both
    package = folder / "practice-backup-setup.pkg"
    if shutil.which("7z"):
        listed = judges.run("7z", "l", package)
        assert "sample.pkg/Payload" in listed.stdout.replace("\\", "/")
    told = judges.run(judges.program("rcodesign"), "print-signature-info", package).stdout
    assert "checksum_verifies: true" in told
    assert "cms_signature_verifies: true" in told
    assert "apple_certificate_profile: developer-id-installer" in told
    assert f"toc_checksum_reported: sha256:{found['result']['macos']['digest']}" in told


def test_a_trial_goes_all_the_way_and_rcodesign_sees_the_ticket(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    words = ["trial", "macos", "--practice", "--level", "staple", "--output", str(tmp_path), "--json"]
    assert main(words) == 0
    macos = json.loads(capsys.readouterr().out)["result"]["macos"]
    assert macos["state"]["done"] == ["upload", "processing", "staple", "validate"]
    assert macos["verification"]["stapled"] is True
    assert macos["verification"]["gatekeeper"] == {"level": "staple", "online": "opens", "offline": "opens"}
    assert main(["trial", "macos", "--practice", "--continue", "--json"]) == 2
    assert "usage.nothing-to-continue" in capsys.readouterr().out
    told = judges.run(judges.program("rcodesign"), "print-signature-info", macos["file"]).stdout
    assert "cms_signature_verifies: true" in told


def test_without_a_mac_from_the_requests_to_the_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CODESIGN_WIZARD_CONFIG", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> dict[str, Any]:
        practice = [] if words[0] == "practice" else ["--practice"]
        said = command_line.run(capsys, *words, *practice, "--state", "state", "--json")
        assert said.code == 0, said.document["findings"]
        return said.document

    call("identity", "request")
    for kind in ("installer", "application"):
        request = f"developer-id-{kind}.certSigningRequest"
        issued = call("practice", "issue", request, "--apple", kind)["result"]
        assert issued["form"] == "cer"
        assert [each["name"] for each in issued["files"]] == [f"developerID_{kind}.cer"]
    monkeypatch.setenv("CODESIGN_WIZARD_NEW_P12_PASSWORD", "canary-of-the-new-files")
    made = call("identity", "assemble", "developerID_installer.cer", "developerID_application.cer")
    assert not leaks("canary-of-the-new-files", json.dumps(made))
    monkeypatch.setenv("CODESIGN_WIZARD_P12_PASSWORD", "canary-of-the-new-files")
    files = [str(path) for path in sorted(tmp_path.glob("*.p12"))]
    assert len(files) == 2
    assert "apple.identity.pair" in ids(call("identity", "check", *files))
