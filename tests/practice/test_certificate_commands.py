"""``csr`` and ``certificate`` on the command line: what they ask, change and write."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.support import command_line
from tests.support.command_line import errors, ids

Run = Callable[..., tuple[int, dict[str, Any]]]
DOCUMENTED = (Path(__file__).parents[2] / "docs" / "json.md").read_text("utf-8")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run a command on practice accounts that are kept between runs; return exit code and document."""

    def call(*words: object, practice: str = "--practice") -> tuple[int, dict[str, Any]]:
        said = command_line.run(capsys, *words, practice, "--state", tmp_path / "state", "--json")
        return said.code, said.document

    return call


def names(value: Any) -> set[str]:
    if isinstance(value, dict):
        inner = {name: item for name, item in value.items() if name not in ("facts", "tags", "subject")}
        return set(inner) | {name for item in inner.values() for name in names(item)}
    if isinstance(value, list):
        return {name for item in value for name in names(item)}
    return set()


def documented(found: dict[str, Any]) -> None:
    missing = {name for name in names(found["result"]) if f"`{name}`" not in DOCUMENTED}
    assert missing == set()


def test_nothing_is_made_without_a_yes(run: Run) -> None:
    fresh = ("--certificate", "fresh")
    code, found = run("csr", "create", *fresh)
    assert (code, errors(found)) == (2, ["usage.confirmation-needed"])
    code, found = run("csr", "show", *fresh)
    assert (code, errors(found)) == (1, ["certificate.request.none"])
    code, found = run("certificate", "show", *fresh)
    assert (code, errors(found)) == (1, ["azure.vault.certificate-missing"])
    assert found["result"]["stage"] == "free"


@pytest.mark.parametrize(
    ("choice", "words"),
    [(("--key", "ec-p-256"), "Windows does not accept EC keys"), (("--software-key",), "every public CA")],
)
def test_what_speaks_against_a_key_is_said_before_the_question(
    choice: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = command_line.run(capsys, "csr", "create", "--certificate", "fresh", *choice, "--practice")
    assert told.code == 2
    assert told.err.index("To be made:") < told.err.index(words)
    assert words not in told.out


def test_a_request_is_made_shown_saved_and_dropped(run: Run, tmp_path: Path) -> None:
    fresh, file = ("--certificate", "fresh"), tmp_path / "fresh.csr"
    code, made = run("csr", "create", *fresh, "--yes", "--tag", "for=tests", "--key", "rsa-3072")
    assert code == 0
    assert {"certificate.request.name-free", "certificate.request.good"} <= ids(made)
    documented(made)
    request = x509.load_pem_x509_csr(made["result"]["pem"].encode())
    assert made["result"]["key"] == "RSA 3072"
    # the practice profile's form; the organisation stands for the name
    assert request.subject.rfc4514_string().startswith("CN=Practice Backup Ltd")
    assert made["result"]["subject"] == run("csr", "show", *fresh)[1]["result"]["subject"]
    code, saved = run("csr", "save", file, *fresh)
    assert code == 0
    assert file.read_text("ascii") == made["result"]["pem"] == saved["result"]["pem"]
    assert run("csr", "save", file, *fresh)[0] == 2, "a file is not replaced without a yes"
    code, twice = run("csr", "create", *fresh, "--yes")
    assert (code, errors(twice)) == (1, ["certificate.request.pending-exists"])
    assert run("csr", "show", *fresh)[1]["result"]["pem"] == made["result"]["pem"]
    assert run("csr", "cancel", *fresh)[0] == 2
    code, dropped = run("csr", "cancel", *fresh, "--yes")
    assert (code, dropped["result"]) == (0, {"name": "fresh"})
    assert errors(run("csr", "show", *fresh)[1]) == ["certificate.request.none"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["csr", "save"], "needs a file"),
        (["csr", "show", "a.csr"], "takes no file"),
        (["csr", "create", "--subject", "CN=a", "--cn", "b"], "not both"),
        (["csr", "create", "--subject", "Practice"], "cannot be read"),
        (["csr", "create", "--tag", "words"], "NAME=VALUE"),
        (["csr", "create", "--key", "dsa"], "dsa"),
        (["certificate", "merge"], "needs the CA's files"),
        (["certificate", "show", "a.cer"], "takes no file"),
        (["certificate", "renew", "a", "b"], "one file"),
        (["certificate", "merge", "a.cer", "--practice-ca"], "in place of"),
    ],
)
def test_what_cannot_be_meant_is_said(words: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = command_line.run(capsys, *words, "--practice")
    assert said.code == 2
    assert why in said.out


def test_a_subject_that_no_ca_takes_is_stopped_before_anything_is_made(run: Run) -> None:
    words = ("csr", "create", "--certificate", "fresh", "--yes")
    for given, wrong in (
        (("--country", "UK"), "certificate.request.subject-country"),
        (("--organization", "x" * 65), "certificate.request.subject-too-long"),
    ):
        code, found = run(*words, *given)
        assert code == 1
        assert wrong in errors(found)
    assert errors(run("csr", "show", "--certificate", "fresh")[1]) == ["certificate.request.none"]


def test_the_permissions_are_looked_at_before(run: Run) -> None:
    words = ("csr", "create", "--certificate", "fresh", "--yes")
    code, found = run(*words, practice="--practice=rbac-crypto-user-only")
    assert code == 1
    assert errors(found)[0].startswith(("azure.permission.", "certificate.request.permission"))


def test_merged_renewed_listed_and_judged(run: Run, tmp_path: Path) -> None:
    fresh, calendar = ("--certificate", "fresh"), tmp_path / "fresh.ics"
    _, made = run("csr", "create", *fresh, "--yes", "--key", "rsa-3072", "--tag", "for=tests")
    code, pending = run("certificate", "show", *fresh)
    assert (code, errors(pending)) == (1, ["azure.vault.certificate-pending"])
    assert pending["result"]["request"]["pem"].startswith("-----BEGIN CERTIFICATE REQUEST")
    code, checked = run("certificate", "merge", *fresh, "--practice-ca", "--check-only")
    assert (code, checked["result"]["merged"]) == (0, False)
    assert run("certificate", "merge", *fresh, "--practice-ca")[0] == 2
    assert errors(run("certificate", "show", *fresh)[1]) == ["azure.vault.certificate-pending"]
    code, merged = run("certificate", "merge", *fresh, "--practice-ca", "--yes", "--calendar", calendar)
    assert code == 0
    assert {"azure.signature.works", "certificate.answer.merged", "certificate.calendar.saved"} <= ids(merged)
    documented(merged)
    assert len(re.findall(b"BEGIN:VEVENT", calendar.read_bytes())) == 4
    first = merged["result"]["certificate"]["facts"]["version"]

    code, renewed = run("certificate", "renew", *fresh, "--yes", "--key", "rsa-3072")
    assert code == 0
    assert "certificate.request.renewal" in ids(renewed)
    assert renewed["result"]["subject"] == made["result"]["subject"]
    code, shown = run("certificate", "show", *fresh)
    assert (code, shown["result"]["stage"]) == (0, "usable")
    assert shown["result"]["request"]["pem"] == renewed["result"]["pem"]
    assert shown["result"]["facts"]["version"] == first, "the old one keeps signing"
    documented(shown)
    second = run("certificate", "merge", *fresh, "--practice-ca", "--yes")[1]["result"]["certificate"]
    assert second["facts"]["version"] != first

    _, listed = run("certificate", "list", *fresh)
    documented(listed)
    assert [each["name"] for each in listed["result"]["certificates"]] == ["code-signing", "fresh"]
    versions = {each["version"]: each for each in listed["result"]["versions"]}
    assert set(versions) == {first, second["facts"]["version"]}
    assert all(each["tags"] == {"for": "tests"} for each in versions.values()), "tags go along"
    code, old = run("certificate", "show", "--version", first, *fresh)
    assert code == 0
    assert old["result"]["usable"] is True
    assert "certificate.judge.older-version" in ids(old)
    documented(old)


@pytest.mark.parametrize(
    ("scenario", "words", "command"),
    [
        ("certificate-pending", ["doctor", "windows"], "certificate merge"),
        ("certificate-expiring", ["certificate", "show"], "certificate renew"),
        ("certificate-deleted", ["certificate", "show"], "certificate recover"),
        ("merge-other-key", ["csr", "create", "--yes"], "csr cancel"),
    ],
)
def test_the_command_that_goes_on_is_named(run: Run, scenario: str, words: list[str], command: str) -> None:
    _, found = run(*words, practice=f"--practice={scenario}")
    hints = [remedy["title"] for each in found["findings"] for remedy in each["remedies"]]
    assert any(command in hint for hint in hints), hints


def test_there_is_nothing_to_renew_without_a_certificate(run: Run) -> None:
    code, found = run("certificate", "renew", "--certificate", "fresh", "--yes")
    assert (code, errors(found)) == (1, ["azure.vault.certificate-missing"])


def test_what_a_dropped_request_leaves_is_no_request(run: Run) -> None:
    left = ("--certificate", "left")
    assert run("csr", "create", *left, "--key", "rsa-3072", "--yes")[0] == 0
    assert run("csr", "cancel", *left, "--yes")[0] == 0
    code, found = run("certificate", "list", *left)
    assert code == 0
    (entry,) = [each for each in found["result"]["certificates"] if each["name"] == "left"]
    assert (entry["pending"], entry["sha1"]) == (False, None)
    assert [each["pending"] for each in found["result"]["versions"]] == [False]
    version = found["result"]["versions"][0]["version"]
    code, found = run("certificate", "show", *left)
    assert (code, errors(found)) == (1, ["azure.vault.certificate-missing"])
    assert found["result"]["stage"] == "free"
    for words in (("certificate", "show", "--version", version), ("doctor", "windows")):
        code, found = run(*words, *left)
        assert (code, errors(found)) == (1, ["azure.vault.certificate-unissued"])
    # and the name can be used again
    assert run("csr", "create", *left, "--key", "rsa-3072", "--yes")[0] == 0
    code, found = run("certificate", "list", *left)
    (entry,) = [each for each in found["result"]["certificates"] if each["name"] == "left"]
    assert entry["pending"] is True
