"""Revocation: answers of OpenSSL's responder and lists count only when they are valid and the issuer's."""

from __future__ import annotations

import functools
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from codesign_wizard.core.certificates.revocation import (
    RevocationState,
    RevocationStatus,
    check_chain,
    check_revocation,
)
from codesign_wizard.core.errors import Cancelled
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import Network, NetworkError, NetworkSettings
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.network_failure import FailureKind
from codesign_wizard.core.network_findings import OTHER
from tests.support import pki
from tests.support.pki import Issued
from tests.unit.certificates import answers

OCSP, CRL = "http://ocsp.example/", "http://crl.example/ca.crl"
NOW = datetime.now(UTC).replace(microsecond=0)
Reply = bytes | int | None


class Web(Network):
    """Answers by address: a body, a status, or nothing at all."""

    def __init__(self, replies: dict[str, Any]) -> None:
        super().__init__(NetworkSettings(use_environment=False))
        self.replies = replies
        self.asked: list[str] = []

    def request(self, job: Any, method: str, url: str, **more: Any) -> Answer:
        self.asked.append(f"{method} {url}")
        reply = self.replies.get(url)
        if callable(reply):
            reply = reply(more["data"])
        if reply is None:
            raise NetworkError(OTHER(host=url, why="no route"), FailureKind.OTHER)
        if isinstance(reply, int):
            return Answer(reply, {}, b"", url, 0.0)
        assert len(reply) <= more["max_body"]
        return Answer(200, {}, reply, url, 0.0)


@functools.cache
def subject(*places: str) -> x509.Certificate:
    """A leaf that names *places* to ask."""
    good = answers.leaf()
    builder = x509.CertificateBuilder(
        issuer_name=good.issuer, subject_name=good.subject, public_key=good.public_key(),
        serial_number=0x1234, not_valid_before=good.not_valid_before_utc,
        not_valid_after=good.not_valid_after_utc, extensions=list(good.extensions),
    )  # fmt: skip
    if OCSP in places:
        location = x509.UniformResourceIdentifier(OCSP)
        access = [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, location)]
        builder = builder.add_extension(x509.AuthorityInformationAccess(access), False)
    lists = [each for each in places if each != OCSP]
    if lists:
        names = [x509.UniformResourceIdentifier(each) for each in lists]
        points = [x509.DistributionPoint(names, None, None, None)]
        builder = builder.add_extension(x509.CRLDistributionPoints(points), False)
    return builder.sign(answers.issuing().key, hashes.SHA256())


@functools.cache
def responder(
    usage: Any = ExtendedKeyUsageOID.OCSP_SIGNING, issuer: str = "issuing", days: int = 30
) -> Issued:
    return pki.issue(
        "Responder", pki.key("p256-ocsp"), getattr(answers, issuer)(), usage=usage, days=(-40, days)
    )


def ocsp_answer(
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    *,
    signer: Issued | None = None,
    about: x509.Certificate | None = None,
    updated: timedelta = timedelta(hours=-1),
    until: timedelta | None = timedelta(days=3),
) -> bytes:
    signer = signer or answers.issuing()
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        about or subject(OCSP), answers.issuing().certificate, hashes.SHA1(), status, NOW + updated,
        NOW + until if until is not None else None,
        NOW - timedelta(days=2) if revoked else None, x509.ReasonFlags.key_compromise if revoked else None,
    )  # fmt: skip
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    if signer is not answers.issuing():
        builder = builder.certificates([signer.certificate])
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def crl(
    revoked: bool = False,
    *,
    issuer: Issued | None = None,
    updated: timedelta = timedelta(hours=-1),
    until: timedelta = timedelta(days=3),
    extension: Any = None,
) -> bytes:
    issuer = issuer or answers.issuing()
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(NOW + updated)
        .next_update(NOW + until)
    )
    if revoked:
        entry = (
            x509.RevokedCertificateBuilder().serial_number(0x1234).revocation_date(NOW - timedelta(days=2))
        )
        entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.cessation_of_operation), False)
        builder = builder.add_revoked_certificate(entry.build())
    if extension is not None:
        builder = builder.add_extension(extension, True)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def check(replies: dict[str, Any], *places: str) -> RevocationStatus:
    return check_revocation(Job(), Web(replies), subject(*places), answers.issuing().certificate, now=NOW)


def only_for(**more: Any) -> x509.IssuingDistributionPoint:
    given = dict.fromkeys(
        (
            "only_contains_user_certs",
            "only_contains_ca_certs",
            "indirect_crl",
            "only_contains_attribute_certs",
        ),
        False,
    )
    reasons = more.pop("only_some_reasons", None)
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(CRL)], relative_name=None, only_some_reasons=reasons,
        **{**given, **more},
    )  # fmt: skip


def test_openssls_responder_is_understood(tmp_path: Path) -> None:
    """OpenSSL answers our own question, with a certificate that the CA appointed."""
    (tmp_path / "ca.pem").write_bytes(answers.issuing().pem)
    (tmp_path / "ocsp.pem").write_bytes(responder().pem)
    (tmp_path / "ocsp.key").write_bytes(pki.private_pem(responder()))
    for flag, wanted in (("V", RevocationState.GOOD), ("R", RevocationState.REVOKED)):
        gone = "261101000000Z,keyCompromise" if flag == "R" else ""
        (tmp_path / "index.txt").write_text(f"{flag}\t391231000000Z\t{gone}\t1234\tunknown\t/CN=x\n")

        def answer(asked: bytes) -> bytes:
            (tmp_path / "ask.der").write_bytes(asked)
            subprocess.run(
                ["openssl", "ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", "ocsp.pem", "-rkey",
                 "ocsp.key", "-reqin", "ask.der", "-respout", "answer.der", "-ndays", "1"],
                cwd=tmp_path, capture_output=True, check=True, timeout=20,
            )  # fmt: skip
            return (tmp_path / "answer.der").read_bytes()

        network = Web({OCSP: answer})
        found = check_revocation(Job(), network, subject(OCSP), answers.issuing().certificate)
        assert (found.state, found.source, found.address) == (wanted, "ocsp", OCSP)
        assert network.asked == [f"POST {OCSP}"]
        if flag == "R":
            assert found.reason == "keyCompromise"
            assert found.since == datetime(2026, 11, 1, tzinfo=UTC)
            assert found.to_json()["since"] == "2026-11-01T00:00:00Z"


def test_the_list_is_asked_when_the_responder_is_silent() -> None:
    for silent in (None, 500, b"<html>", ocsp_answer(ocsp.OCSPCertStatus.UNKNOWN)):
        found = check({OCSP: silent, CRL: crl(True)}, OCSP, CRL)
        assert (found.state, found.source, found.reason) == (
            RevocationState.REVOKED, "crl", "cessationOfOperation"
        )  # fmt: skip
        assert found.since == NOW - timedelta(days=2)
    assert check({CRL: crl()}, CRL).state is RevocationState.GOOD
    pem = subprocess.run(
        ["openssl", "crl", "-inform", "DER"], input=crl(True), capture_output=True, check=True
    ).stdout
    assert check({CRL: pem}, CRL).state is RevocationState.REVOKED


def tampered(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


BAD_OCSP = {
    "tampered": tampered(ocsp_answer()),
    "another's": ocsp_answer(signer=answers.upper()),
    "not for OCSP": ocsp_answer(signer=responder(ExtendedKeyUsageOID.CODE_SIGNING)),
    "not appointed": ocsp_answer(signer=responder(issuer="stranger")),
    "responder expired": ocsp_answer(signer=responder(days=-5)),
    "other certificate": ocsp_answer(about=answers.leaf()),
    "old": ocsp_answer(updated=timedelta(days=-9), until=timedelta(days=-2)),
    "old without end": ocsp_answer(updated=timedelta(days=-30), until=None),
    "future": ocsp_answer(updated=timedelta(hours=3)),
    "unknown": ocsp_answer(ocsp.OCSPCertStatus.UNKNOWN),
    "try later": ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(
        Encoding.DER
    ),
    "empty": b"",
}
BAD_CRL = {
    "tampered": tampered(crl()),
    "another's": crl(issuer=answers.upper()),
    "same name, other key": crl(issuer=answers.stranger()),
    "old": crl(updated=timedelta(days=-9), until=timedelta(days=-2)),
    "future": crl(updated=timedelta(hours=3)),
    "changes only": crl(extension=x509.DeltaCRLIndicator(5)),
    "for CAs": crl(extension=only_for(only_contains_ca_certs=True)),
    "indirect": crl(extension=only_for(indirect_crl=True)),
    "some reasons": crl(extension=only_for(only_some_reasons=frozenset([x509.ReasonFlags.key_compromise]))),
    "strange": crl(extension=x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")),
    "page": b"<html>",
}


@pytest.mark.parametrize("case", BAD_OCSP)
def test_an_answer_that_does_not_count_is_not_checked(case: str) -> None:
    found = check({OCSP: BAD_OCSP[case]}, OCSP)
    assert (found.state, found.source) == (RevocationState.UNKNOWN, "")
    assert found.why.startswith(OCSP)


@pytest.mark.parametrize("case", BAD_CRL)
def test_a_list_that_does_not_count_is_not_checked(case: str) -> None:
    assert check({CRL: BAD_CRL[case]}, CRL).state is RevocationState.UNKNOWN


def test_what_counts_in_spite_of_its_form() -> None:
    assert (
        check({CRL: crl(extension=only_for(only_contains_user_certs=True))}, CRL).state
        is RevocationState.GOOD
    )
    assert check({OCSP: ocsp_answer(signer=responder())}, OCSP).state is RevocationState.GOOD
    assert check({OCSP: ocsp_answer(until=None)}, OCSP).state is RevocationState.GOOD


def test_only_the_web_is_asked_and_not_often() -> None:
    network = Web({})
    places = ("ldap://ca.example/cn=x", "file:///etc/passwd", *(f"http://{each}.example/" for each in "abcd"))
    found = check_revocation(Job(), network, subject(*places), answers.issuing().certificate)
    assert network.asked == ["GET http://a.example/", "GET http://b.example/"]
    assert len(found.tried) == 2
    nowhere = check({})
    assert (nowhere.state, nowhere.why) == (RevocationState.UNKNOWN, "it does not say where to ask")


def test_a_whole_chain_is_asked_for_and_can_be_cancelled() -> None:
    path = [subject(CRL), answers.issuing().certificate, answers.upper().certificate]
    states = [each.state for each in check_chain(Job(), Web({CRL: crl()}), path, now=NOW)]
    assert states == [RevocationState.GOOD, RevocationState.UNKNOWN]
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        check_chain(job, Web({}), path)
