"""Every .p12 that Keychain Access, OpenSSL or this program writes opens, whole; the rest is told apart."""

from __future__ import annotations

import base64
import hmac
import shutil
import subprocess
import unicodedata
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from codesign_wizard.core.apple import pkcs12_mac
from codesign_wizard.core.apple.pkcs12 import Pkcs12Error, Reason, open_p12, read_structure
from codesign_wizard.core.apple.trust import INTERMEDIATES, ROOT
from codesign_wizard.core.authenticode import der
from codesign_wizard.core.authenticode.roots import load
from codesign_wizard.core.resources import resource
from tests.support.practice_identities import authority, several

PASSWORD = "p12-canary"
openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def pem(folder: Path, *kinds: str) -> Path:
    """Write keys and certificates of *kinds* and the intermediate to one PEM file."""
    parts = []
    for kind in kinds:
        key, certificate = authority().identity(kind)
        parts += [
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            certificate.public_bytes(Encoding.PEM),
        ]
    parts.append(authority().intermediate().public_bytes(Encoding.PEM))
    path = folder / "identity.pem"
    path.write_bytes(b"".join(parts))
    return path


def export(
    folder: Path, *options: str, password: str = PASSWORD, kinds: tuple[str, ...] = ("installer",)
) -> bytes:
    """Return what ``openssl pkcs12 -export`` makes of the identities."""
    source, target = pem(folder, *kinds), folder / "out.p12"
    command = ["openssl", "pkcs12", "-export", "-in", source, "-out", target, "-passout", f"pass:{password}"]
    subprocess.run([*map(str, command), *options], check=True, capture_output=True)
    return target.read_bytes()


@openssl
@pytest.mark.parametrize(
    ("options", "scheme", "mac"),
    [
        (("-legacy",), "RC2-40", "SHA-1"),
        (("-legacy", "-descert"), "3DES", "SHA-1"),
        (("-legacy", "-certpbe", "NONE"), "3DES", "SHA-1"),
        (("-legacy", "-keypbe", "PBE-SHA1-RC2-128", "-certpbe", "PBE-SHA1-RC2-128"), "RC2-128", "SHA-1"),
        ((), "AES-256", "SHA-256"),
        (("-keypbe", "AES-128-CBC", "-certpbe", "AES-192-CBC", "-macalg", "sha512"), "AES-192", "SHA-512"),
        (("-nomac",), "AES-256", ""),
        (("-legacy", "-nomac"), "3DES", ""),
        (("-iter", "1"), "AES-256", "SHA-256"),
    ],
)
def test_what_openssl_writes_opens(tmp_path: Path, options: tuple[str, ...], scheme: str, mac: str) -> None:
    data = export(tmp_path, *options)
    contents = open_p12(data, PASSWORD)
    key, certificate = authority().identity("installer")
    assert [
        (found.private_numbers(), own)
        for found, own in contents.identities
        if isinstance(found, rsa.RSAPrivateKey)
    ] == [(key.private_numbers(), certificate)]
    assert contents.certificates == [authority().intermediate()]
    assert scheme in contents.structure.schemes
    assert contents.structure.mac == mac
    assert contents.structure.keys == 1
    assert not contents.more_keys_possible


@openssl
@pytest.mark.parametrize("legacy", [(), ("-legacy",)])
@pytest.mark.parametrize("password", ["", "ä", "Grüße €", "пароль", "密碼 🔑", "a" * 100, " blank "])
def test_passwords_of_any_letters_open(tmp_path: Path, legacy: tuple[str, ...], password: str) -> None:
    data = export(tmp_path, *legacy, password=password)
    assert len(open_p12(data, password).identities) == 1
    # a Mac hands over letters in parts, other systems whole
    assert len(open_p12(data, unicodedata.normalize("NFD", password)).identities) == 1
    with pytest.raises(Pkcs12Error) as error:
        open_p12(data, f"{password}x")
    assert error.value.reason is Reason.PASSWORD_WRONG


@openssl
def test_an_empty_password_is_none(tmp_path: Path) -> None:
    assert len(open_p12(export(tmp_path, password=""), None).identities) == 1


@openssl
def test_a_file_without_encryption_opens_with_any_password(tmp_path: Path) -> None:
    data = export(tmp_path, "-keypbe", "NONE", "-certpbe", "NONE", "-nomac")
    for password in (None, "", "anything"):
        assert len(open_p12(data, password).identities) == 1
    assert read_structure(data).schemes == ()


def test_keys_and_certificates_of_several_identities_are_matched() -> None:
    bags = several("installer", "application")
    contents = open_p12(bags, PASSWORD)
    assert [certificate for _, certificate in contents.identities] == [
        authority().identity(kind)[1] for kind in ("installer", "application")
    ]
    for key, certificate in contents.identities:
        assert key.public_key() == certificate.public_key()
    assert contents.structure.keys == 2


def test_a_certificate_without_its_key_is_no_identity() -> None:
    _, certificate = authority().identity("application")
    data = pkcs12.serialize_key_and_certificates(b"x", None, None, [certificate], NoEncryption())
    contents = open_p12(data, None)
    assert not contents.identities
    assert not contents.lone_keys
    assert contents.certificates == [certificate]


def test_a_key_with_anothers_certificate_is_alone() -> None:
    key, _ = authority().identity("application")
    other = authority().identity("installer")[1]
    data = pkcs12.serialize_key_and_certificates(b"x", key, None, [other], NoEncryption())
    contents = open_p12(data, None)
    assert not contents.identities
    assert len(contents.lone_keys) == 1


def test_ber_with_lengths_left_open_is_read() -> None:
    """Java's and Apple's older writers leave lengths open and cut octet strings into pieces."""
    key, certificate = authority().identity("installer")
    data = pkcs12.serialize_key_and_certificates(
        b"x", key, certificate, None, BestAvailableEncryption(PASSWORD.encode())
    )
    version, safe, *rest = der.whole(data).children()
    content = safe.children()[1].first().value
    halves = b"".join(der.octet_string(half) for half in (content[:700], content[700:]))
    opened = b"\x30\x80" + safe.children()[0].encoded + b"\xa0\x80\x24\x80" + halves + b"\0\0" * 3
    ber = b"\x30\x80" + version.encoded + opened + b"".join(each.encoded for each in rest) + b"\0\0"
    structure = read_structure(ber)
    assert structure.keys == 1
    assert structure == read_structure(data)


def test_what_is_no_p12_is_told_from_what_is_damaged() -> None:
    key, certificate = authority().identity("installer")
    good = pkcs12.serialize_key_and_certificates(
        b"x", key, certificate, None, BestAvailableEncryption(PASSWORD.encode())
    )
    cases = {
        b"": Reason.NOT_P12,
        certificate.public_bytes(Encoding.DER): Reason.NOT_P12,
        certificate.public_bytes(Encoding.PEM): Reason.NOT_P12,
        base64.b64encode(good): Reason.NOT_P12,
        good[:-40]: Reason.DAMAGED,
        good[:200]: Reason.DAMAGED,
        good + b"\0": Reason.DAMAGED,
        b"\x30" + b"\0" * (1 << 20): Reason.TOO_LARGE,
    }
    for data, reason in cases.items():
        with pytest.raises(Pkcs12Error) as error:
            open_p12(data, PASSWORD)
        assert error.value.reason is reason, data[:20]


def test_a_password_that_is_missing_is_not_called_wrong() -> None:
    key, certificate = authority().identity("installer")
    data = pkcs12.serialize_key_and_certificates(
        b"x", key, certificate, None, BestAvailableEncryption(PASSWORD.encode())
    )
    for password in (None, ""):
        with pytest.raises(Pkcs12Error) as error:
            open_p12(data, password)
        assert error.value.reason is Reason.PASSWORD_MISSING


@openssl
def test_absurd_iterations_are_refused_before_any_is_done(tmp_path: Path) -> None:
    data = export(tmp_path, "-iter", "2000")
    many = data.replace(b"\x02\x02\x07\xd0", b"\x02\x02\x7f\xff")
    assert read_structure(many).iterations >= 3 * 0x7FFF
    # the MAC's count stands last
    place = data.rindex(b"\x02\x02\x07\xd0")
    assert place == len(data) - 4
    members = der.whole(data).children()
    digest, salt, _ = members[2].children()
    absurd = der.sequence(
        members[0].encoded,
        members[1].encoded,
        der.sequence(digest.encoded, salt.encoded, der.integer(0x7FFFFFFF)),
    )
    with pytest.raises(Pkcs12Error) as error:
        open_p12(absurd, PASSWORD)
    assert error.value.reason is Reason.TOO_COSTLY


@pytest.mark.parametrize("name", [ROOT, *INTERMEDIATES])
def test_the_certificates_are_those_that_apple_publishes(name: str) -> None:
    folder = resource("apple")
    data = (folder / name).read_bytes()
    row = next(line for line in (folder / "README.md").read_text("utf-8").splitlines() if f"`{name}`" in line)
    assert sha256(data).hexdigest() in row
    certificate = load(data)
    assert str(certificate.not_valid_after_utc.date()) in row
    if name != ROOT:
        certificate.verify_directly_issued_by(load((folder / ROOT).read_bytes()))


@openssl
@pytest.mark.parametrize(
    "options", [("-legacy",), ("-macalg", "sha256"), ("-macalg", "sha384"), ("-macalg", "sha512")]
)
@pytest.mark.parametrize("password", [PASSWORD, "", "Grüße €"])
def test_the_integrity_check_is_rfc_7292s(tmp_path: Path, options: tuple[str, ...], password: str) -> None:
    data = export(tmp_path, *options, password=password)
    members = der.whole(data).children()
    content = members[1].children()[1].first().value
    assert pkcs12_mac.fits(members, content, password.encode()) is True
    assert pkcs12_mac.fits(members, content, b"other") is False
    assert pkcs12_mac.fits(members[:2], content, password.encode()) is None


def test_the_right_password_is_not_blamed_for_what_is_broken_inside() -> None:
    """A certificate that nobody can read, under a MAC that fits."""
    secret = (PASSWORD + "\0").encode("utf-16-be")
    broken = der.tlv(0xA0, der.octet_string(der.sequence(der.integer(1))))
    bag = der.sequence(
        der.oid("1.2.840.113549.1.12.10.1.3"),
        der.tlv(0xA0, der.sequence(der.oid("1.2.840.113549.1.9.22.1"), broken)),
    )
    data_oid = der.oid("1.2.840.113549.1.7.1")
    bags = der.sequence(data_oid, der.tlv(0xA0, der.octet_string(der.sequence(bag))))
    safe = der.sequence(bags)
    key = pkcs12_mac.derive(secret, b"salt", pkcs12_mac.MAC, 20, 1)
    mac = der.sequence(
        der.sequence(
            der.sequence(der.oid("1.3.14.3.2.26"), der.null()),
            der.octet_string(hmac.new(key, safe, "sha1").digest()),
        ),
        der.octet_string(b"salt"),
    )
    data = der.sequence(der.integer(3), der.sequence(data_oid, der.tlv(0xA0, der.octet_string(safe))), mac)
    for password, reason in ((PASSWORD, Reason.CONTENT), ("other", Reason.PASSWORD_WRONG)):
        with pytest.raises(Pkcs12Error) as error:
            open_p12(data, password)
        assert error.value.reason is reason
