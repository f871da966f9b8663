"""Every check of a version in the vault, passed and failed, has its finding."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from codesign_wizard.core.authenticode.roots import RootStore
from codesign_wizard.core.certificates.held import HeldCertificate, KeyFacts
from codesign_wizard.core.certificates.judge import VersionJudgement, judge_version, needs_renewal
from codesign_wizard.core.finding import Certainty, Severity
from codesign_wizard.core.job import Job
from tests.unit.certificates import answers
from tests.unit.certificates.test_revocation import CRL, NOW, OCSP, Web, crl, ocsp_answer, subject

KEY = KeyFacts("kid", "RSA-HSM", ("sign", "verify"), "2", False, True, answers.spki())
KNOWN = [answers.issuing().certificate, answers.upper().certificate]


def held(leaf: x509.Certificate | None = None, **changes: Any) -> HeldCertificate:
    certificate = (leaf or answers.leaf()).public_bytes(Encoding.DER)
    base = HeldCertificate("code", "v1", certificate, "kid", True, exportable=False, key=KEY, newest=True)
    return dataclasses.replace(base, **changes)


def judged(of: HeldCertificate, roots: RootStore | None = None, **more: Any) -> VersionJudgement:
    return judge_version(
        Job(), of, roots=roots or answers.root_store(), known=more.pop("known", KNOWN), **more
    )


def ids(found: VersionJudgement, *severities: Severity) -> set[str]:
    return {
        each.id.removeprefix("certificate.judge.")
        for each in found.findings
        if not severities or each.severity in severities
    }


def dated(begin: datetime, end: datetime, *extensions: x509.ExtensionType) -> x509.Certificate:
    """The good leaf with other dates and further extensions."""
    good = answers.leaf()
    builder = x509.CertificateBuilder(
        issuer_name=good.issuer, subject_name=good.subject, public_key=good.public_key(), serial_number=7,
        not_valid_before=begin, not_valid_after=end, extensions=list(good.extensions),
    )  # fmt: skip
    for extension in extensions:
        builder = builder.add_extension(extension, False)
    return builder.sign(answers.issuing().key, hashes.SHA256())


GOOD = {
    "usable", "hardware", "not-exportable", "newest", "key-ok", "usage-ok", "valid",
}  # fmt: skip


def test_a_good_version_passes_every_check() -> None:
    found = judged(held())
    assert found.usable
    assert ids(found, Severity.OK) == GOOD
    assert ids(found, Severity.WARNING, Severity.ERROR) == set()
    assert ids(found, Severity.INFO) == {
        "chain-extra-root", "policy", "revocation-not-checked", "validity-rule"
    }  # fmt: skip
    seen = {each.id.rpartition(".")[2] for each in found.findings if each.certainty is Certainty.OBSERVED}
    assert seen == {"hardware", "not-exportable", "newest", "revocation-not-checked"}
    assert found.root == answers.root().certificate
    assert len(found.chain) == 3
    assert found.facts["publisher"] == "Publisher"
    assert found.facts["hsm"] == "FIPS 140-3 Level 3"
    assert datetime.fromisoformat(found.facts["certificate_expires"]) == found.expires
    assert found.to_json()["usable"] is True


def key(**changes: Any) -> KeyFacts:
    return dataclasses.replace(KEY, **changes)


@pytest.mark.parametrize(
    ("of", "severity", "wanted"),
    [
        (held(enabled=False), "error", "disabled"),
        (held(key=key(enabled=False)), "error", "key-disabled"),
        (held(key=key(kind="RSA")), "warning", "software-key"),
        (held(key=key(platform="0")), "warning", "software-key"),
        (held(key=key(platform="1")), "ok", "hardware"),
        (held(key=key(platform="")), "ok", "hardware"),
        (held(key=key(operations=("wrapKey", "unwrapKey"))), "error", "key-operations"),
        (held(exportable=True), "warning", "exportable"),
        (held(exportable=None, key=key(exportable=True)), "warning", "exportable"),
        (held(reuse_key=True), "info", "reuses-key"),
        (held(newest=False), "info", "older-version"),
        (held(tags={"order": "5", "x": ""}), "info", "tags"),
        (held(answers.leaf("tls")), "error", "usage-wrong"),
        (held(answers.leaf("no-signatures")), "error", "key-usage-wrong"),
        (held(answers.leaf("rsa2048"), key=None), "warning", "key-small"),
        (held(answers.leaf("ec"), key=None), "warning", "key-ec"),
        (held(answers.leaf("other-key")), "error", "key-other"),
        (held(answers.leaf("self-signed")), "error", "self-signed"),
        (held(answers.leaf("expired")), "error", "expired"),
        (held(answers.leaf("future")), "error", "not-yet-valid"),
        (held(der=b"\x30\x00"), "error", "unreadable"),
        (held(der=answers.leaf().public_bytes(Encoding.DER)[:-40]), "error", "unreadable"),
    ],
)  # fmt: skip
def test_each_fault_has_its_finding(of: HeldCertificate, severity: str, wanted: str) -> None:
    found = judged(of)
    assert f"certificate.judge.{wanted}:{severity}" in [
        f"{each.id}:{each.severity}" for each in found.findings
    ]
    assert found.usable is (severity != "error")
    assert ("usable" in ids(found)) is found.usable
    for each in found.findings:
        if each.severity is Severity.ERROR:
            assert each.id.endswith(wanted)


def test_the_chain_is_judged_by_windows_roots() -> None:
    unknown = judged(held(), RootStore.microsoft(), known=[*KNOWN, answers.root().certificate])
    assert ids(unknown, Severity.ERROR) == {"chain-wrong"}
    gap = judged(held(), known=[])
    assert ids(gap, Severity.WARNING) == {"chain-incomplete"}
    assert gap.usable


@pytest.mark.parametrize(
    ("days", "severity", "wanted"),
    [(61, "ok", "valid"), (59, "info", "expires-soon"), (29, "warning", "expires-soon")],
)
def test_days_left(days: int, severity: str, wanted: str) -> None:
    end = NOW + timedelta(days=days, hours=1)
    found = judged(held(dated(NOW - timedelta(days=100), end)), now=NOW)
    each = next(each for each in found.findings if each.id == f"certificate.judge.{wanted}")
    assert each.severity == severity
    assert str(days) in each.title
    assert needs_renewal(end, NOW) is (days < 60)


@pytest.mark.parametrize(
    ("begin", "days", "wanted"),
    [
        (datetime(2026, 3, 1, tzinfo=UTC), 460, "validity-rule"),
        (datetime(2026, 3, 1, tzinfo=UTC), 461, "validity-too-long"),
        (datetime(2026, 2, 28, tzinfo=UTC), 1000, None),
    ],
)
def test_the_rule_of_460_days_is_for_what_is_issued_since_march(
    begin: datetime, days: int, wanted: str | None
) -> None:
    # the last second counts as well
    end = begin + timedelta(days=days) - timedelta(seconds=1)
    found = judged(held(dated(begin, end)), now=begin + timedelta(days=10))
    assert {each for each in ids(found) if each.startswith("validity")} == ({wanted} if wanted else set())


@pytest.mark.parametrize(
    ("policies", "wanted"),
    [
        (["1.2.3", "2.23.140.1.3"], "(EV)"),
        (["2.23.140.1.4.1"], "(OV, IV)"),
        (["1.2.3"], "not stated"),
    ],
)
def test_how_the_owner_was_checked(policies: list[str], wanted: str) -> None:
    stated = x509.CertificatePolicies(
        [x509.PolicyInformation(x509.ObjectIdentifier(each), None) for each in policies]
    )
    found = judged(held(dated(NOW - timedelta(days=1), NOW + timedelta(days=300), stated)), now=NOW)
    assert next(each for each in found.findings if each.id.endswith("policy")).title.endswith(f"{wanted}.")
    assert found.facts["validation"].endswith(wanted)


def test_revocation_is_part_of_the_judgement() -> None:
    for replies, wanted, usable in (
        ({CRL: crl(True)}, "revoked", False),
        ({CRL: crl()}, "not-revoked", True),
        ({}, "revocation-not-checked", True),
    ):
        found = judged(held(subject(CRL)), network=Web(replies), now=NOW)
        assert {each for each in ids(found) if "revo" in each} == {wanted}
        assert found.usable is usable
    answered = judged(held(subject(OCSP)), network=Web({OCSP: ocsp_answer()}), now=NOW)
    assert "OCSP" in next(each for each in answered.findings if each.id.endswith("not-revoked")).title
    unasked = judged(held(subject(OCSP)), network=Web({}), now=NOW, revocation=False)
    assert unasked.revocation == []
