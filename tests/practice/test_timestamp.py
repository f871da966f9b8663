"""Time-stamp tokens, judged by OpenSSL; refusals by RFC 3161."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from codesign_wizard.practice import der

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
QUERY = {"Content-Type": "application/timestamp-query"}
SHA256, SHA1 = "2.16.840.1.101.3.4.2.1", "1.3.14.3.2.26"


def openssl(*arguments: object) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ask(client: Any, query: bytes, unit: int = 0) -> bytes:
    answer = client.session.post(client.cloud.accounts.timestamp_servers[unit], data=query, headers=QUERY)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/timestamp-reply"
    return bytes(answer.content)


def request(
    *,
    version: int = 1,
    algorithm: str = SHA256,
    imprint: bytes = b"i" * 32,
    rest: bytes = b"",
) -> bytes:
    return der.sequence(
        der.integer(version),
        der.sequence(der.sequence(der.oid(algorithm), der.null()), der.octet_string(imprint)),
        rest,
    )


@needs_openssl
@pytest.mark.parametrize("unit", [0, 1])
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_openssl_accepts_the_token(client: Any, tmp_path: Path, digest: str, unit: int) -> None:
    data, query, reply = (tmp_path / name for name in ("data", "query", "reply"))
    data.write_bytes(b"practice")
    openssl("ts", "-query", "-data", data, f"-{digest}", "-cert", "-out", query)
    reply.write_bytes(ask(client, query.read_bytes(), unit))
    verified = openssl(
        "ts", "-verify", "-queryfile", query, "-in", reply, "-CAfile", client.cloud.timestamp_roots_file
    )
    assert "Verification: OK" in verified
    shown = openssl("ts", "-reply", "-in", reply, "-text")
    assert "Policy OID: 1.3.6.1.4.1.32473.3161.1" in shown
    assert "Accuracy: 0x01 seconds" in shown


@needs_openssl
def test_without_certificates_and_without_nonce(client: Any, tmp_path: Path) -> None:
    data, query, reply, unit = (tmp_path / name for name in ("data", "query", "reply", "unit"))
    data.write_bytes(b"practice")
    openssl("ts", "-query", "-data", data, "-sha256", "-no_nonce", "-out", query)
    reply.write_bytes(ask(client, query.read_bytes()))
    certificate = client.cloud.world.timestamps.unit("a")
    assert _der(certificate) not in reply.read_bytes()  # certReq is FALSE by default (RFC 3161, 2.4.1)
    unit.write_bytes(certificate.public_bytes(_pem()))
    openssl("ts", "-verify", "-queryfile", query, "-in", reply, "-CAfile",
            client.cloud.timestamp_roots_file, "-untrusted", unit)  # fmt: skip
    assert "Nonce: unspecified" in openssl("ts", "-reply", "-in", reply, "-text")


@needs_openssl
def test_the_other_units_token_and_another_datas_fail(client: Any, tmp_path: Path) -> None:
    query, other, reply = (tmp_path / name for name in ("query", "other", "reply"))
    for file, text in ((query, b"one"), (other, b"two")):
        (tmp_path / "data").write_bytes(text)
        openssl("ts", "-query", "-data", tmp_path / "data", "-sha256", "-cert", "-out", file)
    reply.write_bytes(ask(client, query.read_bytes()))
    with pytest.raises(AssertionError, match="mismatch"):
        openssl("ts", "-verify", "-queryfile", other, "-in", reply, "-CAfile",
                client.cloud.timestamp_roots_file)  # fmt: skip


def _fields(reply: bytes) -> tuple[int, str, int | None]:
    """Status, status string and failure bit of a response."""
    status, *more = der.read_one(reply).children()[0].children()
    text = more[0].children()[0].content.decode() if more else ""
    bits = more[1].content if len(more) > 1 else b""
    number = int.from_bytes(bits[1:], "big")
    width = 8 * len(bits[1:])
    return status.as_int(), text, width - number.bit_length() if bits else None


@pytest.mark.parametrize(
    ("query", "bit"),
    [
        (b"", 5),
        (b"garbage", 5),
        (b"\x30\x84\xff\xff\xff\xff", 5),
        (request()[:-3], 5),
        (request() + b"\x00", 5),
        (request(version=2), 2),
        (request(algorithm=SHA1, imprint=b"i" * 20), 0),
        (request(imprint=b"i" * 20), 5),
        (request(rest=der.oid("1.2.3.4")), 15),
        (request(rest=der.explicit(0, der.sequence())), 16),
        (request(rest=der.octet_string(b"x")), 5),
        (request(rest=der.integer(5) + der.oid("1.2.3")), 5),
    ],
)
def test_refusals_name_their_reason(client: Any, query: bytes, bit: int) -> None:
    status, text, failure = _fields(ask(client, query))
    assert (status, failure) == (2, bit)
    assert text


def test_our_policy_may_be_asked_for(client: Any) -> None:
    assert _fields(ask(client, request(rest=der.oid("1.3.6.1.4.1.32473.3161.1"))))[0] == 0


def test_the_token_holds_what_rfc_3161_asks(client: Any) -> None:
    nonce = 0xFEDCBA9876543210  # the top bit set: a DER integer of nine octets
    reply = ask(client, request(rest=der.integer(nonce) + der.boolean(True)))
    content = der.read_one(reply).children()[1].children()[1].children()[0].children()
    version, _, encapsulated, certificates, signers = content
    assert version.as_int() == 3
    info = encapsulated.children()[1].children()[0].content
    fields = der.read_one(info).children()
    assert fields[3].tag == der.INTEGER
    assert fields[6].as_int() == nonce
    attributes = {
        each.children()[0].as_oid(): each.children()[1].children()[0]
        for each in signers.children()[0].children()[3].children()
    }
    assert attributes["1.2.840.113549.1.9.3"].as_oid() == "1.2.840.113549.1.9.16.1.4"
    assert attributes["1.2.840.113549.1.9.4"].content == hashlib.sha256(info).digest()
    essential = attributes["1.2.840.113549.1.9.16.2.47"].children()[0].children()[0]
    unit = certificates.children()[0].octets
    assert essential.children()[0].content == hashlib.sha256(unit).digest()
    extension = x509.load_der_x509_certificate(unit).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert extension.critical
    assert [usage.dotted_string for usage in extension.value] == ["1.3.6.1.5.5.7.3.8"]


def test_serial_numbers_differ(client: Any) -> None:
    assert ask(client, request()) != ask(client, request())


def test_other_methods_and_types(client: Any) -> None:
    place = client.cloud.accounts.timestamp_servers[0]
    assert client.session.get(place).status_code == 405
    assert client.session.post(place, data=request(), headers={"Content-Type": "text/xml"}).status_code == 415


@needs_openssl
def test_the_wrong_answer_is_a_sound_token_for_something_else(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    own = start("timestamp-wrong")
    data, query, reply = (tmp_path / name for name in ("data", "query", "reply"))
    data.write_bytes(b"practice")
    openssl("ts", "-query", "-data", data, "-sha256", "-cert", "-out", query)
    reply.write_bytes(ask(own, query.read_bytes()))
    with pytest.raises(AssertionError, match="mismatch"):
        openssl("ts", "-verify", "-queryfile", query, "-in", reply, "-CAfile", own.cloud.timestamp_roots_file)
    reply.write_bytes(ask(own, query.read_bytes(), 1))
    openssl("ts", "-verify", "-queryfile", query, "-in", reply, "-CAfile", own.cloud.timestamp_roots_file)


def _der(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)


def _pem() -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.PEM


def test_units_are_certified_for_long_and_by_their_own_root(client: Any) -> None:
    root = client.cloud.world.timestamps.root
    for label in ("a", "b"):
        unit = client.cloud.world.timestamps.unit(label)
        unit.verify_directly_issued_by(root)
        assert isinstance(unit.signature_hash_algorithm, hashes.SHA256)
