"""Chains completed from the addresses in certificates, whatever form the issuer comes in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from codesign_wizard.core.chain import complete_chain
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import Network, NetworkSettings
from codesign_wizard.core.network_answer import Answer

ADDRESS = "http://pki.practice.example/ca.cer"
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER


def certificate(
    name: str, issuer: str, key: Any, issuer_key: Any, address: str = "", authority: bool = True
) -> x509.Certificate:
    now = datetime.now(UTC)

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(authority, None), True)
    )
    if address:
        place = x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(address)
        )
        builder = builder.add_extension(x509.AuthorityInformationAccess([place]), False)
    return builder.sign(issuer_key, hashes.SHA256())


class Answers(Network):
    """A network that answers by address, and counts."""

    def __init__(self, cache: Path, bodies: dict[str, bytes]) -> None:
        super().__init__(NetworkSettings(cache=str(cache), use_environment=False))
        self.bodies = bodies
        self.asked: list[str] = []

    def request(self, job: Any, method: str, url: str, **_: Any) -> Answer:
        self.asked.append(url)
        body = self.bodies.get(url)
        return Answer(404 if body is None else 200, {}, body or b"", url, 0.0)


ROOT_KEY, CA_KEY, LEAF_KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(4))
ROOT = certificate("Root", "Root", ROOT_KEY, ROOT_KEY)
CA = certificate("CA", "Root", CA_KEY, ROOT_KEY)
LEAF = certificate("Leaf", "CA", LEAF_KEY, CA_KEY, ADDRESS, authority=False)
IMPOSTOR = certificate("CA", "Root", OTHER_KEY, ROOT_KEY)

FORMS: dict[str, Callable[[], bytes]] = {
    "der": lambda: CA.public_bytes(DER),
    "pem": lambda: b"Some words\n" + CA.public_bytes(PEM),
    "p7c": lambda: pkcs7.serialize_certificates([ROOT, IMPOSTOR, CA], DER),
    "p7b": lambda: pkcs7.serialize_certificates([CA], PEM),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_issuer_in_any_form_is_taken_once_from_the_network(form: str, tmp_path: Path) -> None:
    network = Answers(tmp_path, {ADDRESS: FORMS[form]()})
    for _ in range(2):
        result = complete_chain(Job(), network, LEAF)
        assert (result.certificates, result.findings) == ([LEAF, CA], [])
    assert network.asked == [ADDRESS]


@pytest.mark.parametrize(
    "body", [None, b"", b"<html>", IMPOSTOR.public_bytes(DER)], ids=["404", "empty", "html", "impostor"]
)
def test_what_does_not_fit_is_a_warning_and_does_not_stay(body: bytes | None, tmp_path: Path) -> None:
    network = Answers(tmp_path, {} if body is None else {ADDRESS: body})
    result = complete_chain(Job(), network, LEAF)
    assert result.certificates == [LEAF]
    assert [finding.severity for finding in result.findings] == [Severity.WARNING]
    network.bodies = {ADDRESS: CA.public_bytes(DER)}
    assert complete_chain(Job(), network, LEAF).certificates == [LEAF, CA]


def test_known_certificates_come_first_and_the_root_stays_out(tmp_path: Path) -> None:
    network = Answers(tmp_path, {})
    assert complete_chain(Job(), network, LEAF, [ROOT, IMPOSTOR, CA]).certificates == [LEAF, CA]
    assert complete_chain(Job(), network, ROOT).certificates == [ROOT]
    assert network.asked == []


def test_a_damaged_cache_is_mended(tmp_path: Path) -> None:
    network = Answers(tmp_path, {ADDRESS: CA.public_bytes(DER)})
    complete_chain(Job(), network, LEAF)
    for kept in (each for each in tmp_path.rglob("*") if each.is_file()):
        kept.write_bytes(b"damaged")
    assert complete_chain(Job(), network, LEAF).certificates == [LEAF, CA]
    assert network.asked == [ADDRESS, ADDRESS]
