"""``identity`` on the command line: judged, re-exported, and made without a Mac."""

from __future__ import annotations

import io
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from codesign_wizard.core.apple.pkcs12 import open_p12
from codesign_wizard.practice.apple import authority as ca
from tests.support import command_line
from tests.support.command_line import errors
from tests.support.practice_identities import authority, made, packed, several, special

PASSWORD = "p12-canary"
Call = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    path = tmp_path / "roots.pem"
    path.write_bytes(authority().pem())
    return path


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, roots: Path
) -> Call:
    monkeypatch.setenv("CODESIGN_WIZARD_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.delenv("CODESIGN_WIZARD_P12_PASSWORD", raising=False)

    def run(*words: object, stdin: str = "") -> tuple[int, dict[str, Any]]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        said = command_line.run(capsys, *words, "--extra-root", roots, "--json")
        assert "canary" not in said.out + said.err
        return said.code, said.document

    return run


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "a.p12", tmp_path / "b.p12"
    for path, kind in zip(paths, ("installer", "application"), strict=True):
        path.write_bytes(made(kind))
    return paths


def test_one_file(call: Call, pair: tuple[Path, Path]) -> None:
    code, document = call("identity", "check", pair[0], "--password-stdin", stdin=PASSWORD)
    assert code == 0
    (told,) = document["result"]["files"]
    assert told["kind"] == "developer-id-installer"
    assert told["team"] == "PRACTICE01"
    assert told["encryption"] == ["AES-256"]
    assert [told["has_key"], told["ok"], told["opened"]] == [True, True, True]
    assert len(told["chain"]) == 3
    assert document["command"] == "identity check"


def test_a_pair_in_any_order(call: Call, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODESIGN_WIZARD_P12_PASSWORD", PASSWORD)
    for files in (pair, pair[::-1]):
        code, document = call("identity", "check", *files)
        assert code == 0
        assert document["result"]["one_password"] is True
        assert "apple.identity.pair" in [each["id"] for each in document["findings"]]
    told = ("--installer-file", pair[1], "--application-file", pair[0])
    code, document = call("identity", "check", *told)
    assert code == 1
    assert errors(document) == ["apple.identity.swapped"] * 2


def test_no_password_names_how_to_give_one(call: Call, pair: tuple[Path, Path]) -> None:
    code, document = call("identity", "check", pair[0])
    assert code == 1
    assert errors(document) == ["apple.identity.password-missing"]
    assert "CODESIGN_WIZARD_P12_PASSWORD" in document["findings"][0]["remedies"][-1]["title"]


def test_what_cannot_be_read_is_wrong_usage(call: Call, tmp_path: Path) -> None:
    assert call("identity", "check", tmp_path / "none.p12")[0] == 2
    assert call("identity", "check")[0] == 2
    assert call("identity", "repack")[0] == 2
    assert call("identity", "assemble")[0] == 2
    assert call("identity", "request", "x")[0] == 2
    assert call("identity", "check", tmp_path, "--password-stdin")[0] == 2


def test_two_passwords_become_one(call: Call, pair: tuple[Path, Path], tmp_path: Path) -> None:
    other = "another-canary"
    from codesign_wizard.core.redact import Secret

    pair[1].write_bytes(packed(*authority().identity("application"), password=Secret(other)))
    both = f"{PASSWORD}\n{other}\n"
    code, document = call("identity", "check", *pair, "--password-stdin", stdin=both)
    assert code == 1
    assert errors(document) == ["apple.identity.passwords-differ"]
    target = tmp_path / "out"
    code, document = call(
        "identity", "repack", *pair, "--password-stdin", "--new-password-stdin", "--output", target,
        stdin=f"{both}new-canary\n",
    )  # fmt: skip
    assert code == 0, document
    files = [target / "developer-id-installer.p12", target / "developer-id-application.p12"]
    assert [each["file"] for each in document["result"]["files"]] == [str(each) for each in files]
    assert [len(each["chain"]) for each in document["result"]["files"]] == [3, 3]
    code, document = call("identity", "check", *files, "--password-stdin", stdin="new-canary")
    assert code == 0
    assert "apple.identity.chain-completed" not in [each["id"] for each in document["findings"]]
    if sys.platform != "win32":
        assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    # without a new one, the first file's password is for both
    code, _ = call("identity", "repack", *pair, "--password-stdin", "--output", target, "--yes", stdin=both)
    assert code == 0
    assert call("identity", "check", *files, "--password-stdin", stdin=PASSWORD)[0] == 0


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("password", ["new-canary", "neu-canary-ä€"])
@pytest.mark.parametrize("legacy", [False, True])
def test_openssl_reads_what_is_written(
    call: Call, pair: tuple[Path, Path], tmp_path: Path, legacy: bool, password: str
) -> None:
    words = ["--legacy"] if legacy else []
    words += ["--password-stdin", "--new-password-stdin", "--output", str(tmp_path)]
    code, _ = call("identity", "repack", pair[0], *words, stdin=f"{PASSWORD}\n{password}\n")
    assert code == 0
    file = tmp_path / "developer-id-installer.p12"
    flags = ["-legacy"] if legacy else []
    done = subprocess.run(
        ["openssl", "pkcs12", *flags, "-in", str(file), "-nodes", "-info", "-passin", f"pass:{password}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.count("BEGIN CERTIFICATE") == 3
    assert done.stdout.count("BEGIN PRIVATE KEY") == 1
    scheme = "pbeWithSHA1And3-KeyTripleDES-CBC" if legacy else "AES-256-CBC"
    assert scheme in done.stderr
    assert ("MAC: sha1" if legacy else "MAC: sha256") in done.stderr
    contents = open_p12(file.read_bytes(), password)
    assert contents.structure.schemes == (("3DES",) if legacy else ("AES-256",))


def test_repack_keeps_what_is_there_and_writes_nothing_by_halves(
    call: Call, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    target = tmp_path / "developer-id-installer.p12"
    target.write_bytes(b"precious")
    words = ("identity", "repack", pair[0], "--password-stdin", "--output", tmp_path)
    code, document = call(*words, stdin=PASSWORD)
    assert code == 2
    assert errors(document) == ["usage.confirmation-needed"]
    assert call("identity", "repack", *pair, "--password-stdin", "--output", tmp_path, stdin="x")[0] == 1
    assert target.read_bytes() == b"precious"
    assert call(*words, "--yes", stdin=PASSWORD)[0] == 0


def test_repack_takes_two_identities_apart(call: Call, tmp_path: Path) -> None:
    both = tmp_path / "both.p12"
    both.write_bytes(several("application", "installer"))
    target = tmp_path / "out"
    code, document = call("identity", "repack", both, "--password-stdin", "--output", target, stdin=PASSWORD)
    assert code == 0
    names = {Path(each["file"]).name for each in document["result"]["files"]}
    assert names == {"developer-id-installer.p12", "developer-id-application.p12"}
    files = sorted(target.iterdir())
    assert call("identity", "check", *files, "--password-stdin", stdin=PASSWORD)[0] == 0


@pytest.fixture
def keys_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODESIGN_WIZARD_KEYS_PASSWORD", "keys-canary")


def request(call: Call, folder: Path, *words: str) -> dict[str, x509.CertificateSigningRequest]:
    code, document = call("identity", "request", "--output", folder, *words)
    assert code == 0, document
    assert document["result"]["steps"]
    return {
        each["kind"]: x509.load_pem_x509_csr(Path(each["file"]).read_bytes())
        for each in document["result"]["requests"]
    }


@pytest.mark.usefixtures("keys_password")
def test_from_requests_to_files_without_a_mac(call: Call, tmp_path: Path) -> None:
    requests = request(call, tmp_path, "--name", "Product", "--email", "a@example.com")
    assert set(requests) == {"developer-id-installer", "developer-id-application"}
    kept = sorted((tmp_path / "config" / "apple").rglob("*.key.pem"))
    assert len(kept) == 2
    for path in kept:
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in path.read_bytes()
        if sys.platform != "win32":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # days later the same keys wait still
    again = request(call, tmp_path)
    assert {kind: each.public_bytes(Encoding.PEM) for kind, each in again.items()} == {
        kind: each.public_bytes(Encoding.PEM) for kind, each in requests.items()
    }
    files = []
    for kind, wanted in (("installer", ca.INSTALLER), ("application", ca.APPLICATION)):
        own = requests[f"developer-id-{kind}"]
        assert own.is_signature_valid
        files.append(tmp_path / f"{kind}.cer")
        files[-1].write_bytes(authority().answer(own, wanted).public_bytes(Encoding.DER))
    target = tmp_path / "out"
    code, document = call(
        "identity", "assemble", *files, "--password-stdin", "--output", target, stdin=PASSWORD
    )
    assert code == 0, document
    written = sorted(target.iterdir())
    code, document = call("identity", "check", *written, "--password-stdin", stdin=PASSWORD)
    assert code == 0, document
    assert [len(each["chain"]) for each in document["result"]["files"]] == [3, 3]
    assert not list((tmp_path / "config" / "apple").rglob("*.pem"))


@pytest.mark.usefixtures("keys_password")
def test_a_certificate_for_another_key_and_the_wrong_kind(call: Call, tmp_path: Path) -> None:
    cer, other = tmp_path / "a.cer", tmp_path / "b.cer"
    assert errors(call("identity", "assemble", __file__)[1]) == ["apple.request.none"]
    own = request(call, tmp_path)["developer-id-application"]
    cer.write_bytes(authority().identity("application")[1].public_bytes(Encoding.DER))
    other.write_bytes(authority().answer(own, ca.DISTRIBUTION).public_bytes(Encoding.PEM))
    for file, expected in (
        (cer, "apple.request.not-ours"),
        (other, "apple.identity.wrong-kind"),
        (Path(__file__), "apple.request.no-certificate"),
    ):
        code, document = call("identity", "assemble", file, "--password-stdin", stdin=PASSWORD)
        assert code == 1
        assert errors(document) == [expected]
    # the key waits on: the right certificate may come yet
    assert len(list((tmp_path / "config" / "apple").rglob("*.key.pem"))) == 2


def test_a_lost_password_of_the_keys_is_said(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, document = call("identity", "request", "--output", tmp_path)
    assert code == 1
    assert errors(document) == ["apple.request.no-keyring"]
    assert not list(tmp_path.glob("*.certSigningRequest"))
    monkeypatch.setenv("CODESIGN_WIZARD_KEYS_PASSWORD", "keys-canary")
    own = request(call, tmp_path)["developer-id-application"]
    cer = tmp_path / "a.cer"
    cer.write_bytes(authority().answer(own, ca.APPLICATION).public_bytes(Encoding.DER))
    monkeypatch.setenv("CODESIGN_WIZARD_KEYS_PASSWORD", "other-canary")
    assert errors(call("identity", "assemble", cer)[1]) == ["apple.request.keys-locked"]
    monkeypatch.delenv("CODESIGN_WIZARD_KEYS_PASSWORD")
    assert errors(call("identity", "assemble", cer)[1]) == ["apple.request.keys-locked"]
    monkeypatch.setenv("CODESIGN_WIZARD_KEYS_PASSWORD", "keys-canary")
    # no password for the .p12: nothing is written, and the key stays
    code, document = call("identity", "assemble", cer, "--output", tmp_path / "out")
    assert errors(document) == ["apple.identity.new-password-missing"]
    assert not (tmp_path / "out").exists()
    assert call("identity", "assemble", cer, "--password-stdin", "--output", tmp_path, stdin=PASSWORD)[0] == 0


def test_teams_are_compared(call: Call, pair: tuple[Path, Path]) -> None:
    pair[1].write_bytes(special(ca.APPLICATION, ca.OTHER_TEAM))
    code, document = call("identity", "check", *pair, "--password-stdin", stdin=PASSWORD)
    assert code == 1
    assert errors(document) == ["apple.identity.teams-differ"]


@pytest.fixture
def keyring_memory() -> Iterator[dict[tuple[str, str], str]]:
    import keyring
    from keyring.backend import KeyringBackend

    kept: dict[tuple[str, str], str] = {}

    class Memory(KeyringBackend):
        priority = 5  # type: ignore[assignment]  # a class property in the base

        def get_password(self, service: str, username: str) -> str | None:
            return kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            kept[service, username] = password

        def delete_password(self, service: str, username: str) -> None:
            del kept[service, username]

    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    yield kept
    keyring.set_keyring(before)


def test_the_keyring_keeps_the_keys_password_between_runs(
    call: Call, tmp_path: Path, keyring_memory: dict[tuple[str, str], str]
) -> None:
    requests = request(call, tmp_path)
    (password,) = keyring_memory.values()
    # Windows Credential Manager holds 1280 characters: a password fits, a key would not
    assert 40 <= len(password) <= 1280
    files = []
    for kind, wanted in (("installer", ca.INSTALLER), ("application", ca.APPLICATION)):
        files.append(tmp_path / f"{kind}.cer")
        answer = authority().answer(requests[f"developer-id-{kind}"], wanted)
        files[-1].write_bytes(answer.public_bytes(Encoding.PEM))
    out = tmp_path / "out"
    code, document = call("identity", "assemble", *files, "--password-stdin", "--output", out, stdin=PASSWORD)
    assert code == 0, document
    # the one password is kept as well, so that checking asks for none
    assert len(keyring_memory) == 2
    assert call("identity", "check", *out.iterdir())[0] == 0


def test_practice_plays_the_whole_way(call: Call, tmp_path: Path) -> None:
    from codesign_wizard.practice.cloud import PracticeCloud

    state = ("--practice", "--state", tmp_path / "state")
    code, document = call("identity", "request", "--output", tmp_path, *state)
    assert code == 0
    files = []
    with PracticeCloud(state=tmp_path / "state") as cloud:
        for each in document["result"]["requests"]:
            kind = each["kind"].removeprefix("developer-id-")
            files.append(tmp_path / f"{kind}.cer")
            files[-1].write_bytes(cloud.ca_desk.issue_apple(each["pem"].encode(), kind))
        with pytest.raises(ValueError, match="2048"):
            cloud.ca_desk.issue_apple(_request_of(3072), "installer")
    words = ("identity", "assemble", *files, "--password-stdin", "--output", tmp_path / "out", *state)
    code, document = call(*words, stdin=PASSWORD)
    assert code == 0, document
    code, _ = call(
        "identity", "check", *(tmp_path / "out").iterdir(), "--password-stdin", *state, stdin=PASSWORD
    )
    assert code == 0


def _request_of(bits: int) -> bytes:
    key = rsa.generate_private_key(65537, bits)
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
