"""``profile`` on the command line: set, shown, sent, taken in, forgotten; damaged ones; secrets kept out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import CANARY, Document, Run, ids


def test_a_profile_s_life(run: Run, document: Document, given: Callable[[str], None], tmp_path: Path) -> None:
    assert "no profile yet" in run("profile", "list")[1]
    code, found = document("profile", "forget", "--yes")
    assert code == 2
    assert document("profile", "set", "--new", "Nordwind", "product-name=Backup für alle")[0] == 0
    assert document("profile", "set", "windows.cloud=china", "extra-roots=a.pem, b.pem")[0] == 0
    shown = document("profile", "show")[1]["result"]
    assert (shown["name"], shown["product_name"]) == ("Nordwind", "Backup für alle")
    assert shown["windows"]["azure"]["cloud"] == "china"
    assert shown["extra_roots"] == ["a.pem", "b.pem"]
    assert "windows.cloud" in run("profile", "show")[1]

    file = tmp_path / "out.json"
    assert run("profile", "export", file)[0] == 0
    code, found = document("profile", "import", file)
    assert code == 0
    other = found["result"]["id"]
    listed = document("profile", "list")[1]["result"]
    assert [each["name"] for each in listed] == ["Nordwind", "Nordwind"]
    assert other in {each["id"] for each in listed}

    code, found = document("profile", "forget", "--profile", other)
    assert (code, ids(found)) == (2, {"usage.confirmation-needed"})
    assert document("profile", "forget", "--profile", other, "--yes")[0] == 0
    assert len(document("profile", "list")[1]["result"]) == 1
    assert document("profile", "show", "--profile", other)[0] == 2

    given(f"{CANARY}\n")
    code, found = document("profile", "set", "--secret-stdin")
    # the tests' keyring is none: the person is told that the secret is not kept
    assert (code, ids(found)) == (0, {"secrets.not-kept", "profile.saved"})


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ("windows.vault=x", "windows.vault-name"),
        ("windows.cloud=mars", "us-government"),
        ("windows.application-id=zero", ""),
        ("windows.timestamp-servers=ftp://a.example", ""),
        ("network.timeout=0", "seconds"),
        ("name=", "needs one"),
        ("windows=perhaps", "yes or no"),
        ("nothing", "="),
    ],
)
def test_a_wrong_setting_changes_nothing(setting: str, part: str, document: Document) -> None:
    assert document("profile", "set", "name=Kept")[0] == 0
    before = document("profile", "show")[1]["result"]
    code, found = document("profile", "set", "product-name=New", setting)
    assert code == 2
    assert part in json.dumps(found["findings"])
    assert document("profile", "show")[1]["result"] == before


def test_a_damaged_profile_is_listed_beside_the_others(run: Run, document: Document, tmp_path: Path) -> None:
    assert run("profile", "set", "--new", "Good")[0] == 0
    folder = tmp_path / "config" / "profiles"
    (folder / "bad.json").write_text("{")
    (folder / "last-used").write_text("bad")
    code, found = document("profile", "list")
    assert code == 1
    assert [each["name"] for each in found["result"]] == ["Good"]
    assert ids(found) == {"profile.unreadable"}
    newer = json.dumps({"schema": 99, "name": "x", "id": "x"})
    (tmp_path / "newer.json").write_text(newer)
    code, found = document("profile", "import", tmp_path / "newer.json")
    assert (code, ids(found)) == (2, {"profile.newer"})


def test_no_file_has_the_password_of_a_proxy(document: Document, run: Run, tmp_path: Path) -> None:
    # not one of the secrets that this process has seen before
    proxy = "http://user:unseen-71@proxy.example:8080"
    code, found = document("profile", "set", "name=P", f"network.proxy={proxy}")
    # the tests have no keyring
    assert (code, ids(found)) == (0, {"profile.saved", "secrets.not-kept"})
    (tmp_path / "given.json").write_text(
        json.dumps({"schema": 1, "id": "x", "name": "Q", "network": {"proxy": proxy}})
    )
    code, found = document("profile", "import", tmp_path / "given.json")
    assert (code, ids(found)) == (0, {"profile.saved", "secrets.not-kept"})
    kept = [path.read_text() for path in (tmp_path / "config" / "profiles").glob("*.json")]
    assert len(kept) == 2
    assert all("http://user@proxy.example:8080" in each and "unseen" not in each for each in kept)
    code, found = document("profile", "export")
    assert (code, ids(found)) == (0, {"profile.login-left-out"})
    assert found["result"]["network"]["proxy"] == "http://proxy.example:8080"
    for words in (["export"], ["show"], ["show", "--json"]):
        assert "unseen" not in run("profile", *words)[1]


def test_a_profile_that_was_sent_is_named_and_taken_in_without_files_of_elsewhere(
    document: Document, run: Run, tmp_path: Path
) -> None:
    here = tmp_path / "here.pem"
    here.write_text("is not read")
    run(
        "profile",
        "set",
        "--new",
        "Harbour",
        "windows.vault-name=harbour",
        f"extra-roots={here},/nowhere/x.pem",
    )
    sent = tmp_path / "harbour.json"
    assert run("profile", "export", sent)[0] == 0
    run("profile", "set", "extra-roots=")
    code, found = document("inspect", sent)
    assert code == 0
    assert found["findings"][0]["id"] == "inspect.profile"
    assert "profile import harbour.json" in found["findings"][0]["remedies"][0]["title"]
    (tmp_path / "other.json").write_text('{"schema": 1, "id": "x"}')
    assert "inspect.profile" not in run("inspect", tmp_path / "other.json", "--json")[1]
    code, found = document("profile", "import", sent)
    assert [each["id"] for each in found["findings"]] == ["profile.paths-left-out", "profile.saved"]
    assert "/nowhere/x.pem" in found["findings"][0]["title"]
    code, shown = document("profile", "show", "--profile", found["result"]["id"])
    assert str(here) in json.dumps(shown["result"])
    assert "nowhere" not in json.dumps(shown["result"])
