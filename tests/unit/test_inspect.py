"""Files of every kind are told from their content, and what is wrong with them is said."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    pkcs7,
)
from cryptography.x509.oid import NameOID

from codesign_wizard.core.authenticode.roots import RootStore
from codesign_wizard.core.authenticode.sign import sign_file
from codesign_wizard.core.errors import Cancelled, InputError
from codesign_wizard.core.inspect import inspect_file
from codesign_wizard.core.inspection import Inspection
from codesign_wizard.core.job import Job
from codesign_wizard.core.redact import Secret
from tests.support import pe, pki


@pytest.fixture
def look(tmp_path: Path) -> Any:
    """Inspect bytes under a name that says nothing."""

    def inspect(data: bytes, password: str | None = None, **more: Any) -> Inspection:
        path = tmp_path / "file.bin"
        path.write_bytes(data)
        return inspect_file(Job(), path, None if password is None else Secret(password), **more)

    return inspect


def ids(found: Inspection) -> set[str]:
    return {finding.id for finding in found.findings}


def request() -> x509.CertificateSigningRequest:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Applicant")])
    return x509.CertificateSigningRequestBuilder(name).sign(pki.key("rsa3072"), hashes.SHA256())


def test_a_program_is_named_with_its_signer(look: Any, tmp_path: Path) -> None:
    unsigned = look(pe.small(machine=0xAA64))
    assert (unsigned.kind, ids(unsigned)) == ("windows-program", {"authenticode.verify.unsigned"})
    assert "not signed" in unsigned.title
    # the title says it: only what follows from it is said besides
    assert unsigned.lead() == ("Windows shows an unknown publisher and SmartScreen warns. Sign it.", [])
    assert "arm64" in dict(unsigned.facts)["Kind"]
    (tmp_path / "a.exe").write_bytes(pe.small())
    (tmp_path / "root.pem").write_bytes(pki.root().pem)
    sign_file(Job(), tmp_path / "a.exe", tmp_path / "b.exe", pki.signer("p256"), description="Größe")
    roots = RootStore.microsoft([tmp_path / "root.pem"])
    signed = inspect_file(Job(), tmp_path / "b.exe", roots=roots)
    assert "signed by Test Publisher p256" in signed.title
    assert ("Description", "Größe") in signed.facts
    assert signed.to_json()["verification"]["ok"] is True


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_certificates_in_every_wrapping(encoding: Encoding, look: Any) -> None:
    leaf, ca = pki.leaf("rsa3072").certificate, pki.intermediate().certificate
    one = look(leaf.public_bytes(encoding))
    assert (one.kind, one.title) == ("certificates", "file.bin is the certificate of Test Publisher rsa3072.")
    # PKCS #7 sorts as it likes, and CAs send their own first
    assert look(b"".join(each.public_bytes(Encoding.PEM) for each in (ca, leaf))).title == (
        "file.bin holds the certificate of Test Publisher rsa3072, and 1 more."
    )
    many = look(pkcs7.serialize_certificates([leaf, ca], encoding))
    assert many.kind == "certificates-p7b"
    assert len(many.to_json()["certificates"]) == 2
    assert sorted((part.role, part.name) for part in many.parts) == [
        ("Intermediate certificate", "Test Code Signing CA"),
        ("Leaf certificate", "Test Publisher rsa3072"),
    ]
    assert many.facts == one.parts == []
    shown = dict(one.facts)
    assert shown["Key"] == "RSA 3072"
    assert shown["Thumbprint (SHA-1)"] == leaf.fingerprint(hashes.SHA1()).hex()
    # nobody but the tests knows this root
    assert "inspect.certificate-not-trusted" in ids(one)


def test_what_is_wrong_with_a_certificate_is_said(look: Any, tmp_path: Path) -> None:
    leaf, ca = pki.leaf("rsa3072").certificate, pki.intermediate().certificate
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in (leaf, ca))
    (tmp_path / "root.pem").write_bytes(pki.root().pem)
    trusted = look(chain, roots=RootStore.microsoft([tmp_path / "root.pem"]))
    assert "inspect.certificate-trusted" in ids(trusted)
    assert "code signing" in " ".join(finding.title for finding in trusted.findings)
    assert "inspect.certificate-expired" in ids(look(pki.leaf("expired").pem))
    assert "inspect.certificate-key-small" in ids(look(pki.leaf("rsa2048").pem))
    tls = look(pki.leaf("tls").pem)
    assert "TLS servers" in " ".join(finding.title for finding in tls.findings)
    later = pki.issue("Later", pki.key("rsa3072"), pki.intermediate(), days=(5, 400))
    assert "inspect.certificate-not-yet-valid" in ids(look(later.pem))


def test_a_p12_wants_its_password(look: Any) -> None:
    data = pki.p12(pki.leaf("rsa3072"), [pki.intermediate().certificate])
    closed = look(data)
    assert (closed.kind, ids(closed)) == ("p12", {"inspect.password-needed"})
    wrong = look(data, "not-the-password-9")
    assert ids(wrong) == {"inspect.password-wrong"}
    opened = look(data, pki.PASSWORD)
    assert "holds a key and the certificate of Test Publisher rsa3072" in opened.title
    assert len(opened.to_json()["certificates"]) == 2
    assert look(pki.p12(pki.leaf("rsa3072"), [], None)).to_json()["certificates"]


def test_requests_and_keys_are_recognised(look: Any) -> None:
    for encoding in (Encoding.PEM, Encoding.DER):
        found = look(request().public_bytes(encoding))
        assert (found.kind, found.details["subject"]) == ("certificate-request", "CN=Applicant")
    plain = pki.private_pem(pki.leaf("p256"))
    open_key = look(plain)
    assert (open_key.kind, ids(open_key)) == ("private-key", {"inspect.private-key-open"})
    sealed = pki.leaf("p256").key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"canary-key-password")
    )
    assert (look(sealed).kind, ids(look(sealed))) == ("private-key", set())
    # nothing of a key is ever in what is said about it
    body = plain.split(b"\n")[1].decode()
    assert body not in str(open_key)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04" + bytes(60), "zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), ".msi"),
        (b"MSCF" + bytes(60), "cabinet"),
        (b"\x7fELF" + bytes(60), "Linux"),
        (b"#!/bin/sh\n", "script"),
        (b"only text\n", "text"),
        (b"\x30\x82\x01\x00" + bytes(300), "certificate or a key"),
        (bytes(range(256)) * 8, "does not know"),
    ],
)
def test_anything_else_is_named(data: bytes, words: str, look: Any) -> None:
    found = look(data)
    assert (found.kind, ids(found)) == ("other", {"inspect.unknown"})
    assert words in found.title


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, look: Any) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            inspect_file(Job(), path)
    with pytest.raises(InputError, match="damaged"):
        look(b"MZ" + bytes(0x3A) + b"\x00\xff\xff\x7f" + bytes(64))
    with pytest.raises(InputError, match="begins like a certificate"):
        look(pki.root().pem.replace(b"M", b"!", 5))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no ordinary file"):
        inspect_file(Job(), tmp_path / "pipe")


def test_a_huge_file_is_read_in_pieces_and_can_be_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    seen: list[int] = []
    job = Job(on_progress=lambda done, total, text: seen.append(done))
    found = inspect_file(job, path)
    assert found.kind == "other"
    assert len(seen) > 4
    job = Job(on_progress=lambda done, total, text: job.cancel())
    with pytest.raises(Cancelled):
        inspect_file(job, path)


def test_mutated_files_are_never_a_crash(look: Any) -> None:
    import random

    dice = random.Random(20261123)
    kinds = [
        pki.leaf("rsa3072").pem,
        pki.leaf("p256").certificate.public_bytes(Encoding.DER),
        pki.p12(pki.leaf("p256"), [], None),
        request().public_bytes(Encoding.DER),
        pkcs7.serialize_certificates([pki.root().certificate], Encoding.DER),
        pe.small(),
    ]
    for number in range(600):
        data = bytearray(kinds[number % len(kinds)])
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(min(len(data), 1500))] = dice.randrange(256)
        if number % 5 == 0:
            del data[dice.randrange(len(data)) :]
        # no other exception
        with suppress(InputError):
            assert look(bytes(data)).title
