"""``sign``, ``verify``, ``inspect`` on files here: a local key, refusals that leave what was there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import pe, pki
from tests.support.command_line import Document, Run, ids, posix


def test_a_file_is_signed_with_a_p12_and_verified(local: Path, document: Document, run: Run) -> None:
    signing = ["--p12", local / "a.p12", "--no-timestamp", "--description", "Größe"]
    code, found = document("sign", local / "a.exe", *signing, "--output", local / "b.exe")
    assert (code, ids(found)) == (0, {"authenticode.sign.no-timestamp"})
    assert found["result"]["chain"] == ["Test Publisher p256", "Test Code Signing CA"]
    assert found["result"]["timestamp"] is None
    code, found = document("verify", local / "b.exe", "--extra-root", local / "root.pem")
    assert code == 0
    assert found["result"]["signatures"][0]["description"] == "Größe"
    assert "only with the roots that were added" in " ".join(
        run("verify", local / "b.exe", "--extra-root", local / "root.pem")[1].split()
    )
    code, found = document("verify", local / "b.exe")
    assert code == 1
    code, found = document("sign", local / "b.exe", *signing, "--append", "--output", local / "c.exe")
    assert code == 0
    assert len(document("verify", local / "c.exe")[1]["result"]["signatures"]) == 2


def test_signing_tells_that_the_certificate_has_expired(local: Path, document: Document) -> None:
    (local / "a.p12").write_bytes(pki.p12(pki.leaf("expired"), [pki.intermediate().certificate]))
    words = ["--p12", local / "a.p12", "--no-timestamp", "--output", local / "b.exe"]
    code, found = document("sign", local / "a.exe", *words)
    assert (code, ids(found)) == (1, {"authenticode.sign.no-timestamp", "authenticode.verify.expired"})
    judged = ids(document("verify", local / "b.exe", "--extra-root", local / "root.pem")[1])
    assert "authenticode.verify.expired" in judged


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_what_a_stranger_wrote_into_a_file_does_not_reach_the_terminal(
    command: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from codesign_wizard.core.authenticode import sign
    from codesign_wizard.core.job import Job

    monkeypatch.setattr(sign, "_check_texts", lambda *_: None)
    stranger = pki.issue("Good\x1b[2J\n✓ ok       Publisher\u202e", pki.key("p256"), None)
    signer = pki.LocalSigner("a.p12", stranger.key, [stranger.certificate])
    (tmp_path / "a.exe").write_bytes(pe.small())
    said = "\x1b]0;title\x07\r\x9b31mred\u202e"
    file = tmp_path / ("b.exe" if os.name == "nt" else "b\x1b[31m.exe")
    sign.sign_file(Job(), tmp_path / "a.exe", file, signer, description=said)
    code, out, err = run(command, file, "--verbose")
    assert code == 1
    assert "Publisher" in out
    assert not set("\x1b\x07\r\x9b\u202e") & set(out + err)
    assert not [line for line in out.splitlines() if line.startswith("✓ ok       Publisher")]


def test_signing_in_place_needs_a_yes(local: Path, document: Document) -> None:
    words = ["sign", local / "a.exe", "--p12", local / "a.p12", "--no-timestamp", "--output", local / "a.exe"]
    before = (local / "a.exe").read_bytes()
    code, found = document(*words)
    assert (code, ids(found)) == (2, {"usage.confirmation-needed"})
    assert (local / "a.exe").read_bytes() == before
    assert document(*words, "--yes")[0] == 0
    assert (local / "a.exe").read_bytes() != before


@pytest.mark.parametrize("name", ["x" * 300 + ".exe", "/", "a\udcff\n.exe"], ids=["long", "root", "no text"])
@posix
def test_a_strange_output_is_written_or_refused(name: str, local: Path, document: Document) -> None:
    signing = ["--p12", local / "a.p12", "--no-timestamp", "--output", local / name]
    code, found = document("sign", local / "a.exe", *signing)
    assert (code == 0) is name.startswith("a")
    assert ids(found) == {"authenticode.sign.no-timestamp" if code == 0 else "authenticode.file.unwritable"}


@posix
def test_an_output_that_no_file_can_have_is_refused_by_the_trial(tmp_path: Path, document: Document) -> None:
    code, found = document("trial", "windows", "--practice", "--output", tmp_path / ("x" * 300 + ".exe"))
    assert (code, ids(found)) == (2, {"authenticode.file.unwritable"})
    assert not list(tmp_path.glob("x*"))


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (["--input-is", "text"], "authenticode.file.not-a-program"),
        (["--p12", "a.exe"], "identity.p12.unreadable"),
        (["--url", "nothing"], "authenticode.sign.bad-text"),
        (["--output", "no/such/folder/b.exe"], "authenticode.file.unwritable"),
        (["--append"], "authenticode.sign.cannot-append"),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else "",
)
def test_what_cannot_be_signed_leaves_the_former_output(
    change: list[str], finding: str, local: Path, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(local)
    (local / "b.exe").write_bytes(b"former")
    if change[0] == "--input-is":
        (local / "a.exe").write_bytes(b"text")
        change = []
    words = ["sign", "a.exe", "--p12", "a.p12", "--no-timestamp", "--output", "b.exe", *change]
    code, found = document(*words)
    assert (code, ids(found)) == (2, {finding})
    assert (local / "b.exe").read_bytes() == b"former"
    assert sorted(path.name for path in local.iterdir() if path.name.startswith(".")) == []


def test_a_p12_s_password_is_asked_for_where_nobody_is(
    local: Path, run: Run, monkeypatch: pytest.MonkeyPatch, given: Callable[[str], None]
) -> None:
    words = ["sign", local / "a.exe", "--p12", local / "a.p12", "--no-timestamp", "--output", local / "b.exe"]
    monkeypatch.delenv("CODESIGN_WIZARD_P12_PASSWORD")
    given("")
    code, out, _ = run(*words)
    assert code == 2
    assert "CODESIGN_WIZARD_P12_PASSWORD" in out
    given(f"{pki.PASSWORD}\n")
    assert run(*words, "--p12-password-stdin")[0] == 0
    given("wrong-password\n")
    code, out, err = run(*words, "--p12-password-stdin")
    assert code == 2
    assert "wrong-password" not in out + err


def test_practice_output_is_accepted_by_another_program(tmp_path: Path, document: Document) -> None:
    from tests.support import judges

    (tmp_path / "own.exe").write_bytes(pe.small())
    code, found = document("sign", tmp_path / "own.exe", "--practice", "--output", tmp_path / "signed.exe")
    assert code == 0
    roots = [Path(name) for name in found["result"]["practice_roots"]]
    assert [path.name for path in roots] == ["practice-roots.pem", "practice-timestamp-roots.pem"]
    judges.osslsigncode_accepts(tmp_path / "signed.exe", *roots)


def test_several_files_are_inspected_and_an_unreadable_one_hides_none(
    local: Path, document: Document, run: Run
) -> None:
    words = ["inspect", local / "missing", local / "root.pem", local, local / "a.p12"]
    code, found = document(*words)
    assert code == 2
    assert [each["kind"] for each in found["result"]] == ["unreadable", "certificates", "unreadable", "p12"]
    out = run(*words)[1]
    assert "is the certificate of Test Root" in out
    assert document("inspect", local / "root.pem")[0] == 0


def test_a_mutated_file_is_judged_or_refused(local: Path, run: Run, document: Document) -> None:
    import random

    words = ["--p12", local / "a.p12", "--no-timestamp", "--output", local / "b.exe"]
    assert run("sign", local / "a.exe", *words)[0] == 0
    signed = (local / "b.exe").read_bytes()
    dice = random.Random(20261123)
    target = local / "mutated.exe"
    for number in range(150):
        data = bytearray(signed)
        # the headers, or the signature and the certificates in it
        place = dice.randrange(512) if number % 3 == 0 else dice.randrange(1024, len(data))
        data[place] ^= 1 << dice.randrange(8)
        target.write_bytes(data)
        code, found = document("verify", target)
        assert code in (0, 1, 2)
        assert "internal.unexpected" not in ids(found), place
