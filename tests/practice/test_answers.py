"""The practice CA's answers, in every form, as other programs read them."""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from codesign_wizard.practice import answers
from codesign_wizard.practice.cloud import PracticeCloud
from tests.support.keys import rsa_key


@pytest.fixture(scope="module")
def cloud() -> Iterator[PracticeCloud]:
    with PracticeCloud() as started:
        yield started


@pytest.fixture(scope="module")
def request_pem() -> str:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Harbour")])
    builder = x509.CertificateSigningRequestBuilder(subject)
    signed = builder.sign(rsa_key(3072), hashes.SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


def subjects(form: str, content: bytes) -> str:
    """Return the subjects as openssl reads them."""
    encoding = "DER" if form in ("der", "p7b-der") else "PEM"
    if form.startswith("p7b"):
        command = ["openssl", "pkcs7", "-inform", encoding, "-print_certs", "-noout"]
    else:
        command = ["openssl", "x509", "-inform", encoding, "-noout", "-subject"]
    done = subprocess.run(command, input=content, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


@pytest.mark.parametrize("form", ["pem", "der", "p7b-der", "p7b-pem"])
def test_a_file_is_what_it_is_called(cloud: PracticeCloud, request_pem: str, form: str) -> None:
    [(name, content)] = cloud.ca_desk.answer_request(request_pem, form)
    assert name.endswith((".pem", ".cer", ".p7b"))
    assert "CN = Harbour" in subjects(form, content) or "CN=Harbour" in subjects(form, content)


def test_the_forms_that_are_not_one_certificate_first(cloud: PracticeCloud, request_pem: str) -> None:
    [(_, archive)] = cloud.ca_desk.answer_request(request_pem, "zip")
    assert len(zipfile.ZipFile(io.BytesIO(archive)).namelist()) == 4
    files = dict(cloud.ca_desk.answer_request(request_pem, "files"))
    assert "Harbour" in subjects("der", files["certificate.cer"])
    [(_, bundle)] = cloud.ca_desk.answer_request(request_pem, "root-first")
    assert "Practice Code Signing Root" in subjects("pem", bundle)
    [(_, extra)] = cloud.ca_desk.answer_request(request_pem, "extra")
    loaded = x509.load_pem_x509_certificates(extra)
    assert len(loaded) - len(set(loaded)) == 2
    [(_, mail)] = cloud.ca_desk.answer_request(request_pem, "text")
    assert mail.startswith(b"Dear customer,")


def test_what_cannot_be_answered_is_refused(cloud: PracticeCloud, request_pem: str) -> None:
    assert len(cloud.ca_desk.answer_forms) == 9
    with pytest.raises(KeyError):
        cloud.ca_desk.answer_request(request_pem, "by pigeon")
    with pytest.raises(ValueError, match="error parsing"):
        cloud.ca_desk.answer_request("good morning", "pem")


@pytest.mark.parametrize("fault", ["other-key", "rsa-2048", "tls", "expired", "not-yet", "unchecked"])
def test_a_wrong_certificate_is_wrong_in_one_thing(
    cloud: PracticeCloud, request_pem: str, fault: str
) -> None:
    [(_, content)] = cloud.ca_desk.answer_request(request_pem, "pem", fault)
    leaf, issuer = x509.load_pem_x509_certificates(content)
    leaf.verify_directly_issued_by(issuer)
    asked = x509.load_pem_x509_csr(request_pem.encode())
    now = cloud.world.clock.now()
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    key = leaf.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    found = {
        "other-key": key != asked.public_key(),
        "rsa-2048": key.key_size == 2048,
        "tls": x509.oid.ExtendedKeyUsageOID.CODE_SIGNING not in usages,
        "expired": leaf.not_valid_after_utc < now,
        "not-yet": leaf.not_valid_before_utc > now,
    }
    wanted = {"rsa-2048": {"rsa-2048", "other-key"}, "unchecked": set()}.get(fault, {fault})
    assert {name for name, wrong in found.items() if wrong} == wanted
    assert leaf.subject == asked.subject


def test_wrong_files_are_what_they_are_called(cloud: PracticeCloud, request_pem: str) -> None:
    def only(fault: str) -> bytes:
        [(_, content)] = cloud.ca_desk.answer_request(request_pem, "zip", fault)
        return content

    assert set(cloud.ca_desk.answer_faults) >= {"pfx", "noise", "empty", "web-page", "issuers-only"}
    assert only("empty") == b""
    assert b"<html>" in only("web-page")
    assert len(only("noise")) == 50 << 20
    assert len(x509.load_pem_x509_certificates(only("issuers-only"))) == 2
    key, leaf, _ = pkcs12.load_key_and_certificates(only("pfx"), answers.PFX_PASSWORD.encode())
    assert key is not None
    assert leaf is not None
    with pytest.raises(KeyError):
        cloud.ca_desk.answer_request(request_pem, "pem", "by pigeon")


def test_the_ca_does_not_take_what_public_ones_refuse(cloud: PracticeCloud) -> None:
    def pem(kind: int, name: x509.Name) -> str:
        builder = x509.CertificateSigningRequestBuilder(name)
        signed = builder.sign(rsa_key(kind), hashes.SHA256())
        return signed.public_bytes(Encoding.PEM).decode()

    named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Harbour")])
    with pytest.raises(ValueError, match="at least 3072"):
        cloud.ca_desk.answer_request(pem(2048, named), "pem")
    with pytest.raises(ValueError, match="subject is empty"):
        cloud.ca_desk.answer_request(pem(3072, x509.Name([])), "pem")
    assert cloud.ca_desk.answer_request(pem(2048, named), "pem", "unchecked")


def test_a_request_is_read_as_az_prints_it(request_pem: str) -> None:
    bare = "".join(request_pem.splitlines()[1:-1])
    read = answers.read_request(f"{bare}\r\n".encode())
    assert read == answers.read_request(request_pem.encode())
