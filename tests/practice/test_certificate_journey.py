"""A certificate's whole way on the command line, the program ended between the steps, its state kept.

Request, restart, the CA's answer in each of its forms, merge, a signed program that osslsigncode accepts,
renewal; and every wrong answer, which changes nothing in the vault.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.practice import answers
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.state import State
from codesign_wizard.practice.world import make_world
from tests.support import command_line, judges
from tests.support.command_line import errors

Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A practice cloud that was started once, so that its authorities have their keys."""
    folder = tmp_path_factory.mktemp("journey") / "state"
    with PracticeCloud(state=folder):
        return folder


@pytest.fixture
def state(begun: Path, tmp_path: Path) -> Path:
    return shutil.copytree(begun, tmp_path / "state")


@pytest.fixture
def run(state: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command that ends with *code*; every run starts the practice cloud anew from what is kept."""

    def call(*words: object, code: int = 0) -> dict[str, Any]:
        practice = [] if words[:2] == ("practice", "issue") else ["--practice"]
        said = command_line.run(capsys, *words, *practice, "--state", state, "--json")
        assert said.code == code, said.document["findings"]
        return said.document

    return call


def elsewhere(state: Path, *words: object) -> dict[str, Any]:
    """Run a command in a process of its own."""
    done = command_line.program(*words, "--practice", "--state", state, "--json")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def signs(run: Run, folder: Path, name: str) -> tuple[str, str]:
    """Sign the sample with the certificate *name*, have osslsigncode judge it; return key and program."""
    result = run("trial", "windows", "--output", folder, "--certificate", name)["result"]["windows"]
    judges.osslsigncode_accepts(
        Path(result["file"]), folder / "practice-roots.pem", folder / "practice-timestamp-roots.pem"
    )
    return result["facts"]["key"], result["file"]


@pytest.mark.parametrize("form", answers.FORMS)
def test_from_request_to_a_signed_program_in_each_form(
    run: Run, state: Path, form: str, tmp_path: Path
) -> None:
    name, request = f"by-{form}", tmp_path / "request.csr"
    made = run(
        *("csr", "create", request, "--certificate", name, "--key", "rsa-3072", "--yes"),
        *("--organization", "Söhne, Test & Co"),
    )["result"]
    shown = elsewhere(state, "csr", "show", "--certificate", name)["result"]
    assert shown["pem"] == made["pem"] == request.read_text("ascii")
    assert run("certificate", "show", "--certificate", name, code=1)["result"]["stage"] == "pending"

    issued = run("practice", "issue", request, "--form", form, "--output", tmp_path / "answer")["result"]
    files = [tmp_path / "answer" / each["name"] for each in issued["files"]]
    assert len(files) == (3 if form == "files" else 1)
    merged = run("certificate", "merge", *files, "--certificate", name, "--yes")["result"]
    assert merged["merged"] is True
    # the issuer comes from the answer, or from where the certificate names it; the root is left out
    assert [each["name"] for each in merged["answer"]["chain"]] == [
        "Söhne, Test & Co",
        "Practice Code Signing CA",
    ]
    assert merged["certificate"]["stage"] == "usable"
    signs(run, tmp_path / "signed", name)


def test_a_text_is_pasted(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = tmp_path / "request.csr"
    run("csr", "create", request, "--certificate", "pasted", "--key", "rsa-3072", "--yes")
    run("practice", "issue", request, "--form", "text", "--output", tmp_path)
    pasted = io.TextIOWrapper(io.BytesIO((tmp_path / "mail.txt").read_bytes()))
    monkeypatch.setattr(sys, "stdin", pasted)
    assert run("certificate", "merge", "-", "--certificate", "pasted", "--yes")["result"]["merged"] is True


def test_renewed_while_the_old_version_keeps_signing(run: Run, state: Path, tmp_path: Path) -> None:
    name, request = "renewed", tmp_path / "request.csr"
    words = ("--certificate", name, "--key", "rsa-3072", "--yes")
    first_key = run("csr", "create", request, *words)["result"]["public_key_sha256"]
    run("certificate", "merge", "--practice-ca", *words[:2], "--yes")
    old, first = signs(run, tmp_path / "first", name)

    again = run("certificate", "renew", tmp_path / "next.csr", *words)["result"]
    assert again["public_key_sha256"] != first_key
    waiting = elsewhere(state, "certificate", "show", "--certificate", name)["result"]
    assert waiting["stage"] == "usable"
    assert waiting["request"]["pem"] == again["pem"] == (tmp_path / "next.csr").read_text("ascii")
    same, _ = signs(run, tmp_path / "meanwhile", name)
    assert same == old, "the old version keeps signing"

    run("practice", "issue", tmp_path / "next.csr", "--form", "p7b-der", "--output", tmp_path)
    merged = run("certificate", "merge", tmp_path / "certificate.p7b", *words[:2], "--yes")["result"]
    new, _ = signs(run, tmp_path / "new", name)
    assert merged["certificate"]["facts"]["version"] in new
    assert new != old
    listed = run("certificate", "list", "--certificate", name)["result"]["versions"]
    assert len(listed) == 2
    for version in listed:
        judged = run("certificate", "show", "--version", version["version"], "--certificate", name)["result"]
        assert judged["usable"] is True
    # what the old one signed is as good as before
    folder = tmp_path / "first"
    judges.osslsigncode_accepts(
        Path(first), folder / "practice-roots.pem", folder / "practice-timestamp-roots.pem"
    )


_WRONG = {
    "other-key": "certificate.answer.other-key",
    "rsa-2048": "certificate.answer.other-key",
    "tls": "certificate.answer.tls",
    "expired": "certificate.answer.expired",
    "issuers-only": "certificate.answer.only-authorities",
    "web-page": "certificate.answer.web-page",
    "pfx": "certificate.answer.pfx",
    "empty": "certificate.answer.empty",
    "noise": "certificate.answer.too-large",
}


def kept(state: Path) -> tuple[str, dict[str, Any]]:
    """What the vault holds and waits for, as it is kept."""
    vault = make_world(State(state)).vault.to_json()
    return json.dumps(vault, sort_keys=True, default=str), vault


@pytest.mark.parametrize("fault", _WRONG)
def test_a_wrong_answer_gets_one_sentence_and_changes_nothing(
    run: Run, state: Path, fault: str, tmp_path: Path
) -> None:
    name, request = "awaited", tmp_path / "request.csr"
    run("csr", "create", request, "--certificate", name, "--key", "rsa-3072", "--yes")
    issued = run("practice", "issue", request, "--fault", fault, "--output", tmp_path)["result"]
    before, vault = kept(state)
    assert name in vault["pending"]
    document = run(
        *("certificate", "merge", tmp_path / issued["files"][0]["name"], "--certificate", name, "--yes"),
        code=1,
    )
    assert errors(document) == [_WRONG[fault]]
    (found,) = [each for each in document["findings"] if each["severity"] == "error"]
    assert re.fullmatch(r"[^\n]{10,180}\.", found["title"])
    assert found["remedies"], "and what to do about it"
    assert document["result"]["merged"] is False
    assert kept(state)[0] == before
    (tmp_path / issued["files"][0]["name"]).unlink()


def test_a_key_that_is_too_small_is_refused_although_it_fits(run: Run, state: Path, tmp_path: Path) -> None:
    from codesign_wizard.practice.keyvault import lifecycle

    # as the portal makes it when nothing is changed there
    world = make_world(State(state))
    policy = {
        "key_props": {"kty": "RSA-HSM", "key_size": 2048, "exportable": False},
        "x509_props": {"subject": "CN=Small", "ekus": ["1.3.6.1.5.5.7.3.3"]},
        "issuer": {"name": "Unknown"},
    }
    now = int(world.clock.now().timestamp())
    lifecycle.create(world.vault, world.state, "small", {"policy": policy}, now)
    world.save()
    request = tmp_path / "small.csr"
    assert errors(run("csr", "save", request, "--certificate", "small", code=1)) == [
        "certificate.request.key-small"
    ]
    assert errors(run("practice", "issue", request, "--output", tmp_path, code=1)) == [
        "practice.request-refused"
    ]
    run("practice", "issue", request, "--fault", "unchecked", "--output", tmp_path)
    before, _ = kept(state)
    words = ("certificate", "merge", tmp_path / "certificate.pem", "--certificate", "small", "--yes")
    assert errors(run(*words, code=1)) == ["certificate.answer.key-small"]
    assert kept(state)[0] == before


def test_an_answer_to_another_request_says_to_which(run: Run, tmp_path: Path) -> None:
    for name in ("one", "two"):
        words = ("--certificate", name, "--key", "rsa-3072", "--yes")
        run("csr", "create", tmp_path / f"{name}.csr", *words)
    run("practice", "issue", tmp_path / "two.csr", "--output", tmp_path)
    document = run(
        "certificate", "merge", tmp_path / "certificate.pem", "--certificate", "one", "--yes", code=1
    )
    assert errors(document) == ["certificate.answer.other-request"]
    assert document["result"]["answer"]["matches"] == "two"


def test_a_deleted_certificate_is_recovered(run: Run, state: Path) -> None:
    from codesign_wizard.practice.keyvault import lifecycle

    world = make_world(State(state))
    lifecycle.delete(world.vault, "code-signing", int(world.clock.now().timestamp()))
    world.save()
    assert errors(run("certificate", "recover", code=2)) == ["usage.confirmation-needed"]
    assert run("certificate", "recover", "--yes")["result"]["stage"] == "usable"
    assert run("certificate", "show")["result"]["stage"] == "usable"


_NAMES = [
    'O="Comma, Inc.",CN="Comma, Inc.",C=US',
    'CN="Said ""so"" Ltd",O="Said ""so"" Ltd",C=GB',
    'CN="A + B = C; <D> # E",O="A + B",L="St. Gallen",C=CH',
    "CN=Müller & Söhne GmbH,O=Müller & Söhne GmbH,L=Köln,ST=Nordrhein-Westfalen,C=DE",
    "CN=株式会社バックアップ,O=株式会社バックアップ,L=千代田区,ST=東京都,C=JP",
    "CN=Żółć Łódź Ελλάδα Москва,O=Żółć,C=PL",
    f"CN={'長' * 64},O={'ab' * 32},L={'Ö' * 128},C=TW",
    'CN="back\\slash \\ two",O="O\'Brien / Sons",C=IE',
    "CN=Practice,O=Practice,SERIALNUMBER=HRB 12345,OID.2.5.4.15=Private Organization,"
    "OID.1.3.6.1.4.1.311.60.2.1.3=DE,C=DE",
]


@pytest.mark.parametrize("subject", _NAMES, ids=range(len(_NAMES)))
def test_openssl_reads_the_subject_to_the_byte(run: Run, subject: str, tmp_path: Path) -> None:
    from codesign_wizard.core.certificates.subject import Subject

    file = tmp_path / "request.csr"
    words = ("--certificate", "named", "--key", "rsa-3072", "--yes")
    made = run("csr", "create", file, *words, "--subject", subject)
    assert not [each for each in made["findings"] if each["id"].endswith("-differs")]
    run("csr", "cancel", *words[:2], "--yes")
    # values in hexadecimal, so that no quoting of openssl's comes between
    judged = judges.run(
        *(judges.program("openssl"), "req", "-in", file, "-verify", "-noout", "-subject"),
        *("-nameopt", "dump_all,dump_der,sep_multiline,oid"),
    ).stdout
    assert "verify OK" in judged or "self-signature verify OK" in judged
    found = re.findall(r"^\s+([\d.]+)=#([0-9A-F]+)$", judged, re.M)
    read = [(oid, text(bytes.fromhex(dumped))) for oid, dumped in found]
    assert read == list(reversed(Subject.parse(subject).attributes))


def text(encoded: bytes) -> str:
    """Return the value of a DER string type."""
    from codesign_wizard.core.authenticode import der

    element = der.read(encoded, 0)
    # BMPString, which is the only one of two octets a character
    return element.value.decode("utf-16-be" if element.tag == 0x1E else "utf-8")
