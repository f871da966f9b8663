"""``inspect`` understands requests, and the wrappings in which CAs send certificates."""

from __future__ import annotations

from pathlib import Path

import pytest

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
