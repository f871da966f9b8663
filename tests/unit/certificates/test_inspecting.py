"""``inspect`` understands requests, and the wrappings in which CAs send certificates."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Severity, blocks
from codesign_wizard.core.inspect import inspect_file
from codesign_wizard.core.job import Job
from tests.unit.certificates import answers


@pytest.mark.parametrize("form", [each for each in answers.FORMS if each not in ("der", "bare")])
def test_every_wrapping_is_looked_into(form: str, tmp_path: Path) -> None:
    certificates = [answers.leaf(), answers.issuing().certificate]
    ((_, data),) = answers.FORMS[form](certificates)
    path = tmp_path / "answer"
    path.write_bytes(data)
    found = inspect_file(Job(), path)
    assert found.kind.startswith("certificates")
    subjects = [each["subject"] for each in found.details["certificates"]]
    # a PKCS #7 holds a set, whose order DER decides
    assert sorted(subject.partition(",")[0] for subject in subjects) == ["CN=Issuing CA", "CN=Publisher"]
    assert not blocks(found.findings)


def test_a_file_of_another_kind_is_described_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes.cer"
    path.write_text("Good morning\n")
    found = inspect_file(Job(), path)
    assert found.title == "notes.cer is of no kind that is inspected here: it is a text file."
    assert [name for name, _ in found.facts] == ["Size", "SHA-256"]


def test_a_request_is_shown_in_words_and_its_signature_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.csr"
    path.write_bytes(answers.request())
    found = inspect_file(Job(), path)
    assert [each.id for each in found.findings] == ["certificate.request.good"]
    assert dict(found.facts)["Asks for"] == "code signing"
    path.write_bytes(answers.request("rsa2048"))
    assert [each.severity for each in inspect_file(Job(), path).findings] == [Severity.INFO]
    damaged = bytearray(answers.request())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    assert [each.id for each in inspect_file(Job(), path).findings] == ["certificate.request.signature-wrong"]


@pytest.mark.parametrize(
    "wrap",
    [
        # as az prints a request
        base64.b64encode,
        lambda der: pem(der).encode("utf-16"),
        lambda der: pem(der).encode("utf-16-le"),
        lambda der: pem(der).encode("utf-16-be"),
        lambda der: pem(der).replace("\n", "\r\n> ").encode(),
    ],
    ids=["bare", "utf-16", "utf-16-le", "utf-16-be", "quoted"],
)
def test_a_request_is_found_in_what_programs_make_of_it(wrap: Any, tmp_path: Path) -> None:
    path = tmp_path / "request.csr"
    path.write_bytes(wrap(answers.request()))
    found = inspect_file(Job(), path)
    assert found.kind == "certificate-request"
    assert [each.id for each in found.findings] == ["certificate.request.good"]


def pem(request: bytes) -> str:
    lines = base64.encodebytes(request).decode("ascii")
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{lines}-----END CERTIFICATE REQUEST-----\n"


def test_a_certificate_that_is_cut_short_is_damaged_and_of_no_other_kind(tmp_path: Path) -> None:
    path = tmp_path / "cut.cer"
    path.write_bytes(answers.leaf().public_bytes(Encoding.DER)[:-20])
    with pytest.raises(InputError) as told:
        inspect_file(Job(), path)
    assert told.value.finding.id == "inspect.damaged"
    assert "cut short" in told.value.finding.detail


def test_what_stands_beside_a_key_is_shown_and_the_key_is_not(tmp_path: Path) -> None:
    from tests.support import pki

    key = pki.key("rsa3072").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path / "both.pem"
    path.write_bytes(
        b"Bag Attributes\n    localKeyID: 01\n" + key + answers.leaf().public_bytes(Encoding.PEM)
    )
    found = inspect_file(Job(), path)
    assert (found.kind, found.details["encrypted"]) == ("private-key", False)
    assert [each["subject"].partition(",")[0] for each in found.details["certificates"]] == ["CN=Publisher"]
    ids = [each.id for each in found.findings]
    assert ids[0] == "inspect.private-key-open"
    assert "certificate.answer.private-key" not in ids
    assert key.splitlines()[3].decode() not in str(found)
