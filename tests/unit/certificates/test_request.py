"""What is asked of the vault, and the request it gives back, judged against OpenSSL."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from codesign_wizard.core.certificates.request import CODE_SIGNING, KeyChoice, RequestOptions, SigningRequest
from codesign_wizard.core.certificates.request_check import check_request
from codesign_wizard.core.certificates.subject import Subject
from codesign_wizard.core.errors import CodesignError
from tests.support import pki
from tests.unit.certificates.answers import SUBJECT, request


def openssl(data: bytes, *arguments: str) -> str:
    done = subprocess.run(
        ["openssl", "req", "-noout", *arguments], input=data, capture_output=True, check=True, timeout=20
    )
    return done.stdout.decode() + done.stderr.decode()


def ids(findings: Any) -> list[str]:
    return [each.id.removeprefix("certificate.request.") for each in findings]


def test_the_request_is_read_as_openssl_reads_it() -> None:
    read = SigningRequest.read(request())
    pem = read.pem()
    assert "verify OK" in openssl(pem.encode(), "-verify")
    assert max(map(len, pem.splitlines())) == 64
    assert pem.endswith("-----END CERTIFICATE REQUEST-----\n")
    shown = openssl(pem.encode(), "-pubkey")
    assert SigningRequest.read(pem.encode()) == read
    assert (
        SigningRequest.read(
            pem.replace("BEGIN CERT", "BEGIN NEW CERT").replace("END CERT", "END NEW CERT").encode()
        )
        == read
    )
    done = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "DER"],
        input=shown.encode(),
        capture_output=True,
        check=True,
    )
    assert done.stdout == read.public_key
    words = dict(read.words())
    assert words["Common name"] == 'Söhne, "X"'
    assert words["Key"] == "RSA 3072"
    assert words["Asks for"] == "code signing"
    assert words["Key usage"] == "digitalSignature"
    assert words["Signature"] == "SHA-256"
    assert read.to_json()["pem"] == pem


@pytest.mark.parametrize(
    ("data", "asked", "wanted"),
    [
        (request(), RequestOptions(SUBJECT, KeyChoice.RSA_3072), ["good"]),
        (request(), None, ["good"]),
        (request(usage=None), None, ["good"]),
        (request(), RequestOptions(SUBJECT, KeyChoice.RSA_4096), ["key-differs"]),
        (request("p384"), RequestOptions(SUBJECT, KeyChoice.EC_P384), ["good"]),
        (request("p384"), RequestOptions(SUBJECT, KeyChoice.EC_P256), ["key-differs"]),
        (request("p384"), None, ["key-ec"]),
        (request("rsa2048"), None, ["key-small"]),
        (
            request(subject=Subject.parse("CN=x")),
            RequestOptions(SUBJECT, KeyChoice.RSA_3072),
            ["subject-differs"],
        ),
        (
            request(subject=Subject(tuple(reversed(SUBJECT.attributes)))),
            RequestOptions(SUBJECT, KeyChoice.RSA_3072),
            ["good"],
        ),
        (request(usage=ExtendedKeyUsageOID.SERVER_AUTH), None, ["usage-differs"]),
        (request(digital_signature=False), None, ["key-usage-differs"]),
    ],
)  # fmt: skip
def test_what_came_back_is_compared_with_what_was_asked(
    data: bytes, asked: RequestOptions | None, wanted: list[str]
) -> None:
    assert ids(check_request(SigningRequest.read(data), asked)) == wanted


def test_a_damaged_request_is_noticed() -> None:
    der = bytearray(request())
    der[-1] ^= 1
    read = SigningRequest.read(bytes(der))
    assert ids(check_request(read)) == ["signature-wrong"]
    assert dict(read.words())["Signature"] == "does not hold"
    for data in (
        b"",
        b"<html>",
        request()[:200],
        b"-----BEGIN CERTIFICATE REQUEST-----",
        pki.leaf("p256").pem,
    ):
        with pytest.raises(CodesignError) as caught:
            SigningRequest.read(data)
        assert caught.value.finding.id == "certificate.request.unreadable"


@pytest.mark.parametrize("choice", KeyChoice)
@pytest.mark.parametrize("hardware", [True, False])
def test_the_policy_is_what_microsofts_client_sends(choice: KeyChoice, hardware: bool) -> None:
    options = RequestOptions(SUBJECT, choice, hardware, 36, {"order": "1"})
    policy = options.policy()
    sent = options.sdk_policy()._to_certificate_policy_bundle().as_dict()
    for part in ("key_props", "secret_props", "issuer"):
        assert sent[part] == policy[part]
    shown = {name: value for name, value in sent["x509_props"].items() if value != {}}
    assert shown == policy["x509_props"]
    assert policy["key_props"]["exportable"] is False
    assert policy["key_props"]["reuse_key"] is False
    assert policy["key_props"]["kty"].endswith("-HSM") is hardware
    assert policy["x509_props"]["ekus"] == [CODE_SIGNING]
    wanted = (["key-ec"] if "EC" in choice.label else []) + ([] if hardware else ["key-software"])
    assert [each for each in ids(options.check()) if each != "subject-quoting"] == wanted
    assert KeyChoice.named(choice.label.lower().replace(" ", "-")) is choice


def test_tags_that_the_vault_would_refuse() -> None:
    many = {str(number): "" for number in range(16)}
    assert "tags" in ids(RequestOptions(SUBJECT, tags=many).check())
    assert "tags" in ids(RequestOptions(SUBJECT, tags={"a": "b" * 257}).check())
    with pytest.raises(KeyError):
        KeyChoice.named("dsa")
