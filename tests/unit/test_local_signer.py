"""A .p12 opens, or is refused for the reason that is true."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.job import Job
from codesign_wizard.core.local_signer import LocalSigner
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.signing import DigestAlgorithm
from tests.support import pki


def write(folder: Path, data: bytes) -> Path:
    path = folder / "key.p12"
    path.write_bytes(data)
    return path


def test_the_chain_is_leaf_first_and_without_the_root(tmp_path: Path) -> None:
    issued = pki.leaf("p256")
    others = [pki.root().certificate, pki.intermediate().certificate]
    signer = LocalSigner.open(write(tmp_path, pki.p12(issued, others)), Secret(pki.PASSWORD))
    assert list(signer.certificate_chain) == [issued.certificate, pki.intermediate().certificate]
    assert signer.description == "key.p12"


@pytest.mark.parametrize("password", [None, Secret("")])
def test_a_file_without_a_password_opens(tmp_path: Path, password: Secret | None) -> None:
    path = write(tmp_path, pki.p12(pki.leaf("p256"), [], None))
    assert LocalSigner.open(path, password).certificate_chain


@pytest.mark.parametrize("password", [None, Secret("wrong-canary")])
def test_a_wrong_password_is_said_to_be_one(tmp_path: Path, password: Secret | None) -> None:
    path = write(tmp_path, pki.p12(pki.leaf("p256"), []))
    with pytest.raises(InputError, match="password") as error:
        LocalSigner.open(path, password)
    assert error.value.finding.id == "identity.p12.unreadable"
    assert "canary" not in str(error.value.finding.to_json())


def test_a_certificate_without_its_key_is_named(tmp_path: Path) -> None:
    data = pkcs12.serialize_key_and_certificates(
        b"x", None, None, [pki.leaf("p256").certificate], NoEncryption()
    )
    with pytest.raises(InputError) as error:
        LocalSigner.open(write(tmp_path, data), None)
    assert error.value.finding.id == "identity.p12.no-key"


def test_a_key_of_another_kind_is_named(tmp_path: Path) -> None:
    data = pkcs12.serialize_key_and_certificates(
        b"x", dsa.generate_private_key(2048), None, None, NoEncryption()
    )
    with pytest.raises(InputError) as error:
        LocalSigner.open(write(tmp_path, data), None)
    assert error.value.finding.id == "identity.p12.key-kind"


@pytest.mark.parametrize("data", [b"", b"hello", b"0\x82", b"0\x82\x01\x00" + bytes(256), pki.root().pem])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError) as error:
        LocalSigner.open(write(tmp_path, data), None)
    assert error.value.finding.id == "identity.p12.unreadable"


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.p12", tmp_path):
        with pytest.raises(InputError) as error:
            LocalSigner.open(path, None)
        assert error.value.finding.id == "identity.p12.unreadable"


def test_a_digest_of_the_wrong_length_is_an_error_that_explains_itself() -> None:
    with pytest.raises(CodesignError):
        pki.signer("p256").sign(Job(), b"short", DigestAlgorithm.SHA256)


def test_a_password_from_an_environment_in_another_encoding_is_taken_by_its_bytes(tmp_path: Path) -> None:
    path = write(tmp_path, pki.p12(pki.leaf("p256"), [], "Größe"))
    # how Python reads it where the locale is not UTF-8
    given = "Größe".encode().decode("ascii", "surrogateescape")
    assert LocalSigner.open(path, Secret(given)).certificate_chain
    with pytest.raises(InputError, match="no text in UTF-8"):
        LocalSigner.open(path, Secret("Gr\udcf6\udcdfe"))
