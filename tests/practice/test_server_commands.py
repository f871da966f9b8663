"""The server on the command line: the whole way, other judges, secrets, and one session for each command."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.cli import main
from codesign_wizard.core.comet.client import CometClient
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.comet.models import Administrator, CometServer
from tests.support import command_line, judges
from tests.support.canary import leaks
from tests.support.command_line import ids

Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str) -> tuple[int, dict[str, Any]]:
        said = command_line.run(capsys, *words, "--json")
        return said.code, said.document

    return call


def test_from_differences_to_the_proof_and_back(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, out = tmp_path / "state", tmp_path / "out"
    here = ("--practice", "--state", str(state))
    code, document = run("server", "diff", *here)
    assert code == 0
    assert {line["state"] for line in document["result"]["settings"]} == {"different"}
    # without a yes nothing is changed
    code, document = run("server", "apply", *here)
    assert (code, ids(document)) == (2, {"usage.confirmation-needed"})
    code, document = run("server", "prove", *here, "--output", str(out))
    assert code == 1
    assert "server.prove.loader" in ids(document)

    code, document = run("server", "apply", "--yes", *here)
    assert code == 0
    assert "WindowsCodeSignAzureAppSecret" in document["result"]["applied"]
    code, document = run("server", "prove", *here, "--output", str(out), "--platform", "7")
    assert code == 0, document["findings"]
    assert {"server.prove.signed", "authenticode.verify.timestamp-extra-root"} <= ids(document)
    (client,) = document["result"]["clients"]
    with zipfile.ZipFile(client["file"]) as archive:
        (name,) = archive.namelist()
        (tmp_path / "client.exe").write_bytes(archive.read(name))
    # the cloud's roots change with no run: the state keeps them
    with PracticeCloud(state=state) as cloud:
        judges.osslsigncode_accepts(tmp_path / "client.exe", cloud.roots_file, cloud.timestamp_roots_file)
        assert cloud.world.comet.open_sessions == 0

    # the keyring of practice is memory; what was empty before needs none
    assert main(["server", "undo", "--yes", "--json", *here]) == 0
    seen = capsys.readouterr()
    assert "server.undo.done" in ids(json.loads(seen.out))
    # by the server form's own labels, not by its keys
    assert "  Azure Key Vault name  empty\n" in seen.err
    assert "WindowsCodeSign" not in seen.err
    code, document = run("server", "diff", *here)
    assert {line["state"] for line in document["result"]["settings"]} == {"different"}


def test_no_secret_leaves_the_keyring(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    keys: list[str] = []
    start = CometServer.start_session

    def started(self: CometServer, account: Administrator) -> str:
        keys.append(start(self, account))
        return keys[-1]

    monkeypatch.setattr(CometServer, "start_session", started)
    for words in (
        ["profile", "set", "macos=yes"],
        ["server", "apply", "--yes", "--verbose"],
        ["server", "show", "--json", "--verbose"],
        ["server", "diff", "--verbose"],
        ["profile", "show"],
    ):
        main([*words, "--practice", "--state", str(state)])
    seen = capfd.readouterr()
    with PracticeCloud(state=state) as cloud:
        secrets = [cloud.accounts.application_secret, cloud.accounts.server_password]
        # how the server keeps it is nobody's business either
        secrets.append(json.loads(cloud.world.comet.branding["WindowsCodeSignAzureAppSecret"]))
        secrets += [cloud.apple_account.password, cloud.accounts.api_private_key.splitlines()[1]]
        assert cloud.world.comet.macos_setting("PfxFilePassword") == cloud.apple_account.password
    assert len(keys) == 3
    secrets += keys
    for secret in secrets:
        assert leaks(secret, seen.out, seen.err, state / "server", state / "profiles") == []


def test_ctrl_c_at_the_good_bye_loses_nothing_of_what_was_done(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: CometClient) -> None:
        if not self._closed:
            self._closed = True
            raise KeyboardInterrupt

    monkeypatch.setattr(CometClient, "close", interrupted)
    code, document = run("server", "apply", "--yes", "--practice", "--state", str(tmp_path / "state"))
    assert code == 130
    assert {"server.apply.done", "server.sign-in.not-revoked"} <= ids(document)
    assert "WindowsCodeSignAzureAppSecret" in document["result"]["applied"]


def test_password_and_code_come_by_standard_input(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    with PracticeCloud(state=state) as cloud:
        password = cloud.accounts.server_password
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n123456\n"))
    code, document = run(
        "server", "show", "--password-stdin", "--code-stdin", "--practice", "--state", str(state)
    )
    # the account has no codes, and one more is no harm
    assert code == 0, document["findings"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("not-the-one-8471\n"))
    code, document = run("server", "show", "--password-stdin", "--practice", "--state", str(state))
    assert (code, ids(document)) == (1, {"server.sign-in.refused"})


@pytest.mark.parametrize(
    ("words", "finding", "code"),
    [
        (("server", "show"), "server.address.missing", 2),
        (("server", "show", "--server", "http://203.0.113.9"), "server.address.plain-http", 2),
        (("server", "show", "--server", "x.example"), "server.sign-in.password-missing", 2),
        (("server", "show", "--server", "https://a:b@x.example"), "server.address.wrong", 2),
        (("doctor", "server"), "server.address.missing", 2),
        (("server", "show", "--password", "x"), "usage.secret-argument", 2),
        (("server", "dance"), "usage.wrong", 2),
    ],
)
def test_what_is_missing_or_wrong_is_one_sentence(
    run: Run, words: tuple[str, ...], finding: str, code: int
) -> None:
    got, document = run(*words)
    assert (got, ids(document)) == (code, {finding})
    (told,) = document["findings"]
    assert told["remedies"]


def test_settings_of_the_profile(run: Run) -> None:
    assert (
        run("profile", "set", "server.address=Backup.example.com/#/x", "server.user=me", "server=yes")[0] == 0
    )
    _, shown = run("profile", "show")
    assert shown["result"]["server"]["address"] == "https://backup.example.com/"
    assert shown["result"]["server"]["user"] == "me"
    assert run("profile", "set", "server.file-fields=both")[0] == 2
    assert run("profile", "set", "server.plain-http=perhaps")[0] == 2


def test_doctor_looks_at_the_server(run: Run) -> None:
    code, document = run("doctor", "server", "--practice")
    assert code == 0
    assert {"server.sign-in.ok", "server.settings.different"} <= ids(document)
    assert document["result"]["server"]["different"] == 6
    code, document = run("doctor", "server", "--practice", "server-no-build-role")
    assert code == 1
    assert "server.build.role-off" in ids(document)
