"""The API key's file and ids: every mistake is named, and what is right is kept whole."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from codesign_wizard.core.apple import api_key, api_token
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.redact import Secret, redact
from tests.support import apple_pki, apple_stand_in
from tests.support.apple_stand_in import ISSUER, KEY_ID, PRIVATE
from tests.support.keys import rsa_key

PEM = apple_stand_in.pem().encode()


def _pkcs8(key: object, encryption: object = None) -> bytes:
    chosen = encryption or NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, chosen)  # type: ignore[attr-defined]


def _certificate() -> bytes:
    return apple_pki.leaf("installer").certificate.public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    "data",
    [
        PEM,
        PEM.replace(b"\n", b"\r\n"),
        PEM.replace(b"\n", b"\r"),
        b"\xef\xbb\xbf" + PEM,
        b"\xff\xfe" + PEM.decode().encode("utf-16-le"),
        b"  \n" + PEM.rstrip() + b"\n\n",
        b" ".join(PEM.split(b"\n")),
        PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        PRIVATE.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        base64.b64encode(PRIVATE.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())),
    ],
)
def test_a_key_is_read_in_every_form_it_comes_in(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / f"AuthKey_{KEY_ID}.p8"
    path.write_bytes(data)
    found = api_key.read_key_file(path)
    assert found.key_id == KEY_ID
    assert found.private_key.reveal().encode() == PEM
    assert len(PEM) == 241
    assert redact(found.private_key.reveal()).strip() == "••••••"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "not-a-key"),
        (b"hello\n", "not-a-key"),
        (b"x" * 70_000, "not-a-key"),
        (PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "not-a-key"),
        (_pkcs8(rsa_key(2048)), "wrong-kind"),
        (_pkcs8(ed25519.Ed25519PrivateKey.generate()), "wrong-kind"),
        (_pkcs8(ec.generate_private_key(ec.SECP384R1())), "wrong-curve"),
        (_pkcs8(PRIVATE, BestAvailableEncryption(b"x")), "encrypted"),
        (PEM[: len(PEM) // 2], "damaged"),
        (PEM[:60] + PEM[90:], "damaged"),
        (_certificate(), "certificate"),
        (apple_pki.leaf("installer").certificate.public_bytes(Encoding.DER), "certificate"),
        (b'{"key_id": "X"}', "not-a-key"),
        (b"{", "damaged"),
        (bytes(range(256)), "not-a-key"),
        (b"\x30\x03\x02\x01\x03", "not-a-key"),
        (b"\x30\x82\x01", "damaged"),
    ],
)
def test_a_file_that_is_no_key_is_named_for_what_it_is(tmp_path: Path, data: bytes, expected: str) -> None:
    path = tmp_path / "AuthKey_ABCDEFGHIJ.p8"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        api_key.read_key_file(path)
    finding = caught.value.finding
    assert finding.id == f"apple.api-key.{expected}"
    assert finding.remedies
    assert path.name in finding.title


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.p8"):
        with pytest.raises(InputError) as caught:
            api_key.read_key_file(path)
        assert caught.value.finding.id == "apple.api-key.unreadable"


def test_the_json_of_fastlane_brings_its_ids(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps({"key_id": KEY_ID.lower(), "issuer_id": ISSUER.upper(), "key": PEM.decode()}))
    found = api_key.read_key_file(path)
    assert (found.key_id, found.issuer_id) == (KEY_ID, ISSUER)


@pytest.mark.parametrize(
    ("key_id", "issuer", "named", "expected"),
    [
        (KEY_ID, ISSUER, "", []),
        (f' "{KEY_ID}"\n', f"“{ISSUER.upper()}” ", KEY_ID, []),
        ("", ISSUER, KEY_ID, []),
        (KEY_ID.lower(), ISSUER, "", ["key-id-case"]),
        ("", ISSUER, "", ["key-id-missing"]),
        ("2X9R4", ISSUER, "", ["key-id-wrong"]),
        (ISSUER, ISSUER, "", ["key-id-wrong"]),
        (KEY_ID, "", "", ["issuer-missing"]),
        (KEY_ID, KEY_ID, "", ["issuer-wrong"]),
        (KEY_ID, ISSUER.replace("-", ""), "", ["issuer-wrong"]),
        (KEY_ID, ISSUER, "ABCDEFGHIJ", ["key-id-differs"]),
    ],
)
def test_ids_are_tidied_and_judged(key_id: str, issuer: str, named: str, expected: list[str]) -> None:
    key, issuer_id, findings = api_key.check_ids(key_id, issuer, named=named)
    assert [each.id.rpartition(".")[2] for each in findings] == expected
    if not any(each.severity == "error" for each in findings):
        assert (key, issuer_id) == (KEY_ID, ISSUER)


def test_keys_are_found_by_their_names_the_newest_first(tmp_path: Path) -> None:
    for age, name in enumerate(
        [
            "AuthKey_AAAAAAAAAA.p8",
            "AuthKey_BBBBBBBBBB (1).p8",
            "AuthKey_short.p8",
            "other.p8",
            "AuthKey_CCCCCCCCCC.txt",
        ]
    ):
        (tmp_path / name).write_bytes(PEM)
        os.utime(tmp_path / name, (1_000_000 - age, 1_000_000 - age))
    found = api_key.find([tmp_path / "nowhere", tmp_path, tmp_path])
    assert [each.key_id for each in found] == ["AAAAAAAAAA", "BBBBBBBBBB"]


def test_tokens_are_short_lived_and_made_anew_on_the_way() -> None:
    now = [1_800_000_000.0]
    source = api_token.TokenSource(apple_stand_in.key(), lambda: now[0])
    first = source.token()
    claims = jwt.decode(
        first,
        PRIVATE.public_key(),
        ["ES256"],
        audience="appstoreconnect-v1",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["iss"] == ISSUER
    assert 0 < claims["exp"] - claims["iat"] <= 20 * 60
    assert jwt.get_unverified_header(first) == {"alg": "ES256", "kid": KEY_ID, "typ": "JWT"}
    now[0] += 11 * 60
    assert source.token() == first
    now[0] += 2 * 60
    second = source.token()
    assert second != first
    # a clock that was set back makes the token one from the future
    now[0] -= 3600
    assert source.token() != second
    assert redact(second) == "••••••"


def test_a_key_in_the_keyring_that_was_damaged_is_told() -> None:
    with pytest.raises(InputError) as caught:
        api_token.TokenSource(api_key.ApiKey(KEY_ID, ISSUER, Secret(PEM.decode()[:80])))
    assert caught.value.finding.id == "apple.api-key.damaged"
