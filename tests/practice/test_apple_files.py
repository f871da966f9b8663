"""The sample .p12 files of ``practice files`` are what they say, by our judgement and OpenSSL's."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from codesign_wizard.cli import main
from codesign_wizard.core import redact
from codesign_wizard.practice.apple.authority import AppleAuthority
from codesign_wizard.practice.apple.files import apple_files
from codesign_wizard.practice.apple.keychain import _PI, export, rc2_cbc
from codesign_wizard.practice.state import State

openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
NAMES = [each.name for each in apple_files(AppleAuthority(State()))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def listed(folder: Path) -> dict[str, dict[str, Any]]:
    import contextlib
    import io

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert main(["practice", "files", str(folder), "--json"]) == 0
    return {each["name"]: each for each in json.loads(said.getvalue())["result"]["files"]}


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    # ordinary words as passwords would be hidden in what later tests read
    monkeypatch.setattr(redact, "_known", redact._known.copy())


def test_all_kinds_of_mistakes_are_there(listed: dict[str, dict[str, Any]], folder: Path) -> None:
    assert set(listed) | {"practice-apple-roots.pem"} == {path.name for path in folder.iterdir()}
    assert list(listed)[: len(NAMES)] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_is_judged_as_it_says(
    name: str,
    listed: dict[str, dict[str, Any]],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CODESIGN_WIZARD_CONFIG", str(tmp_path))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setenv("CODESIGN_WIZARD_P12_PASSWORD", listed[name]["password"] or "")
    capsys.readouterr()
    code = main([*shlex.split(listed[name]["command"]), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert {each["id"] for each in document["findings"]} == set(listed[name]["expects"])
    assert code == any(each["severity"] == "error" for each in document["findings"])


CODE = (
    "signed.pkg",
    "unsigned.pkg",
    "unsigned-inside.pkg",
    "damaged.pkg",
    "swapped.pkg",
    "no-timestamp.pkg",
    "signed-program",
    "unsigned-program",
    "damaged-program",
    "not-hardened-program",
    "installer-signed-program",
)


@pytest.mark.parametrize("name", CODE)
def test_each_package_and_program_is_judged_as_it_says(
    name: str,
    listed: dict[str, dict[str, Any]],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    assert set(CODE) == set(listed) - set(NAMES)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CODESIGN_WIZARD_CONFIG", str(tmp_path))
    capsys.readouterr()
    code = main([*shlex.split(listed[name]["command"]), "--json"])
    document = json.loads(capsys.readouterr().out)
    severities = {each["id"]: each["severity"] for each in document["findings"]}
    wrong = {each for each, severity in severities.items() if severity in ("error", "warning")}
    assert wrong == set(listed[name]["expects"])
    assert code == ("error" in severities.values())
    assert document["result"]["ok"] is (code == 0)
    # nobody ever notarised these: at the profile's level, signing only, Gatekeeper stops each
    assert document["result"]["gatekeeper"] == {"level": "sign-only", "online": "stops", "offline": "stops"}
    explained = "apple.gatekeeper.refuses" if code else "apple.gatekeeper.not-notarised"
    assert explained in severities


@openssl
@pytest.mark.parametrize("password", ["practice", "", "Grüße ✓"])
@pytest.mark.parametrize("rc2", [True, False])
def test_openssl_opens_what_keychain_access_would_write(tmp_path: Path, password: str, rc2: bool) -> None:
    authority = AppleAuthority(State())
    identities = [authority.identity(kind) for kind in ("installer", "application")]
    path = tmp_path / "a.p12"
    path.write_bytes(export(identities, password, others=[authority.root], rc2=rc2))
    command = [
        "openssl",
        "pkcs12",
        "-legacy",
        "-info",
        "-nodes",
        "-in",
        str(path),
        "-passin",
        f"pass:{password}",
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.count(b"BEGIN CERTIFICATE") == 3
    assert done.stdout.count(b"BEGIN PRIVATE KEY") == 2
    found = x509.load_pem_x509_certificates(done.stdout)
    assert {each for _, each in identities} < set(found)
    assert (b"pbeWithSHA1And40BitRC2-CBC" in done.stderr) is rc2
    assert b"MAC: sha1, Iteration 2048" in done.stderr


def test_rc2_is_rfc_2268s() -> None:
    assert sorted(_PI) == list(range(256))
    # RFC 2268, 5: those of its test vectors whose effective length is the key's
    for key, plain, cipher in (
        ("ffffffffffffffff", "ffffffffffffffff", "278b27e42e2f0d49"),
        ("3000000000000000", "1000000000000001", "30649edf9be7d2c2"),
        ("88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"),
    ):
        assert rc2_cbc(bytes.fromhex(key), bytes(8), bytes.fromhex(plain)).hex() == cipher


def test_a_folder_is_wanted_and_respected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["practice", "files"]) == 2
    assert main(["practice", "scenarios", "x"]) == 2
    (tmp_path / "expired.p12").write_bytes(b"mine")
    assert main(["practice", "files", str(tmp_path), "--json"]) == 2
    assert (tmp_path / "expired.p12").read_bytes() == b"mine"
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    assert main(["practice", "files", str(blocked), "--json"]) == 2
    assert "Traceback" not in capsys.readouterr().err
