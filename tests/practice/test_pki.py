"""The practice CA: chain, AIA, CRL, OCSP, answers to signing requests; judged by OpenSSL."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509 import ocsp

from codesign_wizard.practice.authority import CsrError
from tests.support.keys import rsa_key

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
PEM = serialization.Encoding.PEM


@pytest.fixture(scope="module")
def leaf(client: Any) -> x509.Certificate:
    name = client.cloud.accounts.certificate_name
    return x509.load_der_x509_certificate(
        base64.b64decode(client.vault(f"/certificates/{name}").json()["cer"])
    )


def fetch(client: Any, path: str, kind: str) -> bytes:
    answer = client.session.get(f"http://pki.example{path}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    return bytes(answer.content)


def place(certificate: x509.Certificate, method: Any) -> str:
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    return next(str(each.access_location.value) for each in access if each.access_method == method)


@needs_openssl
def test_openssl_accepts_the_chain_found_by_aia_with_revocation_checked(
    client: Any, leaf: x509.Certificate, tmp_path: Path
) -> None:
    url = place(leaf, x509.AuthorityInformationAccessOID.CA_ISSUERS)
    issuer = x509.load_der_x509_certificate(client.session.get(url).content)
    lists = [
        x509.load_der_x509_crl(fetch(client, path, "application/pkix-crl"))
        for path in ("/ca.crl", "/root.crl")
    ]
    files = [tmp_path / name for name in ("leaf.pem", "ca.pem", "crl.pem")]
    files[0].write_bytes(leaf.public_bytes(PEM))
    files[1].write_bytes(issuer.public_bytes(PEM))
    files[2].write_bytes(b"".join(each.public_bytes(PEM) for each in lists))
    done = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-policy_check", "-crl_check_all", "-CRLfile", files[2],
         "-CAfile", client.cloud.roots_file, "-untrusted", files[1], files[0]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_leaf_is_what_a_public_ca_issues(client: Any, leaf: x509.Certificate) -> None:
    get = leaf.extensions.get_extension_for_class
    assert [usage.dotted_string for usage in get(x509.ExtendedKeyUsage).value] == ["1.3.6.1.5.5.7.3.3"]
    assert get(x509.KeyUsage).critical
    assert get(x509.KeyUsage).value.digital_signature
    assert not get(x509.BasicConstraints).value.ca
    policies = [policy.policy_identifier.dotted_string for policy in get(x509.CertificatePolicies).value]
    assert policies == ["2.23.140.1.4.1"]
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days < 459
    assert "(practice)" in leaf.subject.rfc4514_string()
    public = leaf.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == 3072
    assert leaf.verify_directly_issued_by(client.cloud.world.code_signing.intermediate) is None


def test_the_issuer_comes_as_certificate_and_as_bundle(client: Any) -> None:
    single = x509.load_der_x509_certificate(fetch(client, "/ca.crt", "application/pkix-cert"))
    bundle = pkcs7.load_der_pkcs7_certificates(fetch(client, "/ca.p7c", "application/pkcs7-mime"))
    assert bundle == [single]
    assert x509.load_der_x509_certificate(fetch(client, "/root.crt", "application/pkix-cert")).subject == (
        single.issuer
    )
    assert client.session.get("http://pki.example/other").status_code == 404
    assert client.session.post("http://pki.example/ca.crt").status_code == 405


def test_ocsp_tells_good_revoked_and_unknown(start: Callable[..., Any]) -> None:
    own = start()
    world = own.cloud.world
    name = own.cloud.accounts.certificate_name
    leaf = world.vault.certificates[name].versions[0].certificate(world.state)
    issuer = world.code_signing.intermediate

    def ask(certificate: x509.Certificate, signer: x509.Certificate = issuer) -> ocsp.OCSPCertStatus:
        request = ocsp.OCSPRequestBuilder().add_certificate(certificate, signer, hashes.SHA1())
        request = request.add_extension(x509.OCSPNonce(b"n" * 16), False)
        body = request.build().public_bytes(serialization.Encoding.DER)
        posted = own.session.post("http://pki.example/ocsp", data=body)
        got = own.session.get(
            "http://pki.example/ocsp/"
            + base64.b64encode(body).decode().replace("/", "%2F").replace("+", "%2B")
        )
        answers = [ocsp.load_der_ocsp_response(each.content) for each in (posted, got)]
        assert answers[0].certificate_status == answers[1].certificate_status
        assert answers[0].extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n" * 16
        public = issuer.public_key()
        assert isinstance(public, rsa.RSAPublicKey)
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        public.verify(answers[0].signature, answers[0].tbs_response_bytes, PKCS1v15(), hashes.SHA256())
        return answers[0].certificate_status

    assert ask(leaf) is ocsp.OCSPCertStatus.GOOD
    assert ask(issuer, world.code_signing.root) is ocsp.OCSPCertStatus.UNKNOWN
    world.code_signing.revoke(leaf.serial_number, world.clock.now())
    assert ask(leaf) is ocsp.OCSPCertStatus.REVOKED
    revoked = x509.load_der_x509_crl(own.session.get("http://pki.example/ca.crl").content)
    assert revoked.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None
    bad = own.session.post("http://pki.example/ocsp", data=b"junk")
    assert ocsp.load_der_ocsp_response(bad.content).response_status is (
        ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    )


def _csr(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, subject: x509.Name) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)  # not granted
    return builder.sign(key, hashes.SHA256()).public_bytes(PEM)


def test_signing_requests_are_answered(client: Any) -> None:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Somebody (practice)")])
    key = ec.generate_private_key(ec.SECP256R1())
    for pem in (_csr(key, subject), x509.load_pem_x509_csr(_csr(key, subject)).public_bytes(
        serialization.Encoding.DER)):  # fmt: skip
        leaf, issuer = client.cloud.ca_desk.issue(pem)
        leaf.verify_directly_issued_by(issuer)
        assert leaf.subject == subject
        assert leaf.public_key() == key.public_key()
        assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_signing_requests_that_a_ca_refuses(client: Any) -> None:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Somebody (practice)")])
    small = rsa_key(2048)
    with pytest.raises(CsrError, match="3072"):
        client.cloud.ca_desk.issue(_csr(small, subject))
    with pytest.raises(CsrError, match="empty"):
        client.cloud.ca_desk.issue(_csr(ec.generate_private_key(ec.SECP256R1()), x509.Name([])))
    good = x509.load_pem_x509_csr(_csr(ec.generate_private_key(ec.SECP256R1()), subject))
    damaged = bytearray(good.public_bytes(serialization.Encoding.DER))
    damaged[-1] ^= 1
    with pytest.raises(ValueError, match=r"."):
        client.cloud.ca_desk.issue(bytes(damaged))
    with pytest.raises(ValueError, match=r"."):
        client.cloud.ca_desk.issue(b"junk")
