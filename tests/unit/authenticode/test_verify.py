"""Tampered files and certificates of the wrong kind are found out, each with its own finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from codesign_wizard.core.authenticode import cms, der, pe
from codesign_wizard.core.authenticode.roots import Purpose, RootStore
from codesign_wizard.core.authenticode.sign import sign_file
from codesign_wizard.core.authenticode.timestamp import Timestamper
from codesign_wizard.core.authenticode.verify import Verification, verify_file
from codesign_wizard.core.authenticode.windows import judged
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import Network, NetworkSettings
from tests.support import judges, pki
from tests.support import pe as programs


@dataclass
class Signed:
    """A signed file and all it needs."""

    data: bytes
    roots: RootStore
    timestamper: Timestamper
    server: str
    authority: pki.Tsa
    network: Network


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signed]:
    judges.program("openssl")
    folder = tmp_path_factory.mktemp("signed")
    (folder / "root.pem").write_bytes(pki.root().pem)
    (folder / "tsroot.pem").write_bytes(pki.timestamp_root().pem)
    roots = RootStore.microsoft([folder / "root.pem"], [folder / "tsroot.pem"])
    network = Network(NetworkSettings(use_environment=False))
    with pki.tsa(folder / "tsa") as (url, authority):
        timestamper = Timestamper(network, [url], roots=roots)
        (folder / "in.exe").write_bytes(programs.small(length=3000))
        sign_file(
            Job(),
            folder / "in.exe",
            folder / "out.exe",
            pki.signer("rsa3072"),
            description="Product",
            timestamp=timestamper,
        )
        yield Signed((folder / "out.exe").read_bytes(), roots, timestamper, url, authority, network)


def judge(folder: Path, data: bytes, roots: RootStore, now: datetime | None = None) -> Verification:
    path = folder / "judged.exe"
    path.write_bytes(data)
    return verify_file(Job(), path, roots=roots, now=now)


def errors(verification: Verification) -> set[str]:
    return {finding.id for finding in verification.findings if finding.severity is Severity.ERROR}


def test_the_untouched_file_passes_every_check(tmp_path: Path, signed: Signed) -> None:
    verification = judge(tmp_path, signed.data, signed.roots)
    assert errors(verification) == set()
    passed = {finding.id for finding in verification.findings if finding.severity is Severity.OK}
    assert {
        "authenticode.verify.digest-ok",
        "authenticode.verify.signature-ok",
        "authenticode.verify.usage-ok",
        "authenticode.verify.key-ok",
    } <= passed
    report = verification.signatures[0]
    assert (report.publisher, report.description) == ("Test Publisher rsa3072", "Product")
    assert verification.to_json()["signatures"][0]["chain"]["extra_root"] is True


@pytest.mark.parametrize("offset", [2, 0x50, 600, 1500, 2999])
def test_a_changed_byte_of_the_program_is_found(tmp_path: Path, signed: Signed, offset: int) -> None:
    data = bytearray(signed.data)
    data[offset] ^= 0x01
    assert "authenticode.verify.digest-wrong" in errors(judge(tmp_path, bytes(data), signed.roots))


def test_a_changed_padding_byte_is_found(tmp_path: Path, signed: Signed) -> None:
    data = bytearray(signed.data)
    assert data[-1] == 0, "the fixture's table has no padding: change its length"
    data[-1] = 1
    assert "authenticode.verify.table" in errors(judge(tmp_path, bytes(data), signed.roots))


def test_the_checksum_is_not_signed(tmp_path: Path, signed: Signed) -> None:
    data = bytearray(signed.data)
    data[0x80 + 24 + 64] ^= 0xFF
    assert errors(judge(tmp_path, bytes(data), signed.roots)) == set()


def parts(data: bytes) -> tuple[int, cms.SignedData]:
    start = data.rindex(b"\x00\x02\x02\x00\x30\x82") + 4
    return start, cms.parse(data[start:])


@pytest.mark.parametrize(
    ("revision", "known"), [(0x0100, True), (0x0200, True), (0x0201, False), (0x0300, False)]
)
def test_an_entry_of_an_unknown_revision_is_no_signature(
    tmp_path: Path, signed: Signed, revision: int, known: bool
) -> None:
    data = bytearray(signed.data)
    start, _ = parts(signed.data)
    data[start - 4 : start - 2] = revision.to_bytes(2, "little")
    expected = set() if known else {"authenticode.verify.table"}
    assert errors(judge(tmp_path, bytes(data), signed.roots)) == expected


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [(False, "authenticode.verify.malformed"), (True, "authenticode.verify.timestamp-wrong")],
)
def test_a_digest_that_is_not_announced_does_not_count(
    tmp_path: Path, signed: Signed, stamp: bool, expected: str
) -> None:
    start, parsed = parts(signed.data)
    encoded = parsed.signers[0].unsigned[cms.RFC3161_TOKEN][0].encoded if stamp else parsed.encoded
    place = signed.data.index(encoded, start)
    # the first object identifier of a digest is the one in the list
    place = signed.data.index(der.oid(cms.DIGESTS["sha256"]), place)
    data = bytearray(signed.data)
    data[place : place + 11] = der.oid(cms.DIGESTS["sha512"])
    assert errors(judge(tmp_path, bytes(data), signed.roots)) == {expected}


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("signature", "authenticode.verify.signature-wrong"),
        ("description", "authenticode.verify.signature-wrong"),
        ("token signature", "authenticode.verify.timestamp-wrong"),
        ("token time", "authenticode.verify.timestamp-wrong"),
        ("token imprint", "authenticode.verify.timestamp-wrong"),
    ],
)
def test_a_changed_byte_of_the_signature_is_found(
    tmp_path: Path, signed: Signed, what: str, expected: str
) -> None:
    data = bytearray(signed.data)
    start, parsed = parts(signed.data)
    signer = parsed.signers[0]
    token = signer.unsigned[cms.RFC3161_TOKEN][0]
    inner = cms.parse(token.encoded)
    info = der.whole(inner.content.value).children()
    place = {
        "signature": signer.signature[-8:],
        "description": "Product".encode("utf-16-be"),
        "token signature": inner.signers[0].signature[-8:],
        "token time": info[4].encoded,
        "token imprint": info[2].children()[1].value,
    }[what]
    offset = signed.data.index(place, start) + len(place) - 2
    data[offset] ^= 0x01
    assert expected in errors(judge(tmp_path, bytes(data), signed.roots))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("no-usage", "authenticode.verify.usage-wrong"),
        ("tls", "authenticode.verify.usage-wrong"),
        ("no-signature-usage", "authenticode.verify.usage-wrong"),
        ("expired", "authenticode.verify.expired"),
        ("self-signed", "authenticode.verify.self-signed"),
    ],
)
def test_a_certificate_of_the_wrong_kind_is_named(
    tmp_path: Path, signed: Signed, kind: str, expected: str
) -> None:
    (tmp_path / "in.exe").write_bytes(programs.small())
    sign_file(Job(), tmp_path / "in.exe", tmp_path / "out.exe", pki.signer(kind))
    assert expected in errors(verify_file(Job(), tmp_path / "out.exe", roots=signed.roots))


def test_a_small_key_and_a_missing_stamp_are_warnings(tmp_path: Path, signed: Signed) -> None:
    (tmp_path / "in.exe").write_bytes(programs.small())
    sign_file(Job(), tmp_path / "in.exe", tmp_path / "out.exe", pki.signer("rsa2048"))
    verification = verify_file(Job(), tmp_path / "out.exe", roots=signed.roots)
    warnings = {finding.id for finding in verification.findings if finding.severity is Severity.WARNING}
    assert {"authenticode.verify.key-small", "authenticode.verify.timestamp-missing"} <= warnings
    assert verification.ok


def test_without_the_extra_root_windows_would_not_trust_it(tmp_path: Path, signed: Signed) -> None:
    found = errors(judge(tmp_path, signed.data, RootStore.microsoft()))
    assert {"authenticode.verify.chain-wrong", "authenticode.verify.timestamp-wrong"} <= found


def test_a_time_stamp_outlives_the_certificate(tmp_path: Path, signed: Signed) -> None:
    later = datetime.now(UTC) + timedelta(days=1000)
    assert errors(judge(tmp_path, signed.data, signed.roots, later)) == set()
    (tmp_path / "in.exe").write_bytes(programs.small())
    sign_file(Job(), tmp_path / "in.exe", tmp_path / "out.exe", pki.signer("rsa3072"))
    without = verify_file(Job(), tmp_path / "out.exe", roots=signed.roots, now=later)
    assert "authenticode.verify.expired" in errors(without)


def test_a_lifetime_signing_certificate_ends_its_signatures(tmp_path: Path, signed: Signed) -> None:
    (tmp_path / "in.exe").write_bytes(programs.small())
    signer = pki.signer("lifetime")
    sign_file(Job(), tmp_path / "in.exe", tmp_path / "out.exe", signer, timestamp=signed.timestamper)
    later = datetime.now(UTC) + timedelta(days=1000)
    assert verify_file(Job(), tmp_path / "out.exe", roots=signed.roots).ok
    after = verify_file(Job(), tmp_path / "out.exe", roots=signed.roots, now=later)
    assert "authenticode.verify.expired" in errors(after)


def test_a_missing_intermediate_is_named(tmp_path: Path, signed: Signed) -> None:
    from codesign_wizard.core.local_signer import LocalSigner

    issued = pki.leaf("rsa3072")
    (tmp_path / "in.exe").write_bytes(programs.small())
    alone = LocalSigner("alone", issued.key, [issued.certificate])
    sign_file(Job(), tmp_path / "in.exe", tmp_path / "out.exe", alone)
    verification = verify_file(Job(), tmp_path / "out.exe", roots=signed.roots)
    assert "authenticode.verify.intermediates-missing" in {finding.id for finding in verification.findings}
    assert "Test Code Signing CA" in str([finding.title for finding in verification.findings])


def test_an_unsigned_file_is_said_to_be_so(tmp_path: Path, signed: Signed) -> None:
    assert errors(judge(tmp_path, programs.small(), signed.roots)) == {"authenticode.verify.unsigned"}


def test_a_broken_nested_signature_is_found(tmp_path: Path, signed: Signed) -> None:
    (tmp_path / "in.exe").write_bytes(signed.data)
    sign_file(Job(), tmp_path / "in.exe", tmp_path / "two.exe", pki.signer("p256"), append=True)
    data = bytearray((tmp_path / "two.exe").read_bytes())
    start, parsed = parts(bytes(data))
    nested = parsed.signers[0].unsigned[cms.NESTED_SIGNATURE][0]
    value = cms.parse(nested.encoded).signers[0].signature
    data[bytes(data).index(value, start) + len(value) - 1] ^= 1
    verification = judge(tmp_path, bytes(data), signed.roots)
    broken = [each for each in verification.findings if each.id == "authenticode.verify.signature-wrong"]
    assert [each.evidence.more["place"] for each in broken] == ["nested signature 1"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/500", "authenticode.timestamp.server-down"),
        ("/wrong", "authenticode.timestamp.answer-wrong"),
        ("/text", "authenticode.timestamp.answer-wrong"),
        ("/slow", "authenticode.timestamp.server-slow"),
    ],
)
def test_a_server_that_fails_is_told_and_the_next_is_asked(signed: Signed, path: str, expected: str) -> None:
    stamper = Timestamper(
        signed.network, [signed.server + path, signed.server], roots=signed.roots, timeout=1.0, attempts=1
    )
    from codesign_wizard.core.signing import DigestAlgorithm

    stamp = stamper.stamp(Job(), b"signature", DigestAlgorithm.SHA256)
    assert [finding.id for finding in stamp.findings] == [expected]
    assert stamp.server == signed.server


def test_a_refused_connection_and_an_unknown_name_are_told(signed: Signed) -> None:
    from codesign_wizard.core.signing import DigestAlgorithm

    stamper = Timestamper(
        signed.network, ["http://127.0.0.1:9", "http://nowhere.invalid"], roots=signed.roots, timeout=2.0
    )
    with pytest.raises(CodesignError) as error:
        stamper.stamp(Job(), b"signature", DigestAlgorithm.SHA256)
    assert error.value.finding.id == "authenticode.timestamp.none"
    assert "127.0.0.1" in error.value.finding.detail
    assert "nowhere.invalid" in error.value.finding.detail


def test_an_untrusted_authority_does_not_count(signed: Signed) -> None:
    from codesign_wizard.core.signing import DigestAlgorithm

    stamper = Timestamper(signed.network, [signed.server], roots=RootStore.microsoft(), attempts=1)
    with pytest.raises(CodesignError) as error:
        stamper.stamp(Job(), b"signature", DigestAlgorithm.SHA256)
    assert error.value.finding.id == "authenticode.timestamp.none"


@pytest.mark.parametrize("server", ["", "timestamp.example", "file:///etc/passwd", "http://", "http://a b"])
def test_an_address_that_is_none_is_refused(signed: Signed, server: str) -> None:
    if not server:
        assert Timestamper(signed.network, [server]).servers == []
        return
    with pytest.raises(InputError) as error:
        Timestamper(signed.network, [server])
    assert error.value.finding.id == "authenticode.timestamp.bad-address"


def test_microsofts_list_is_read_as_measured() -> None:
    store = RootStore.microsoft()
    when = datetime(2026, 11, 23, tzinfo=UTC)
    # the numbers move with the monthly package; an empty or an all-trusting reader would not pass
    assert 40 < store.count(Purpose.CODE_SIGNING, when) < 110
    assert 90 < store.count(Purpose.TIME_STAMPING, when) < 220


@pytest.mark.parametrize(
    ("result", "expected", "words"),
    [
        (0, "authenticode.verify.windows-ok", "accepts"),
        (-2146762496, "authenticode.verify.windows-refuses", "there is no signature"),
        (-2146869232, "authenticode.verify.windows-refuses", "changed after"),
        (-2146762487, "authenticode.verify.windows-refuses", "does not trust"),
        (-1, "authenticode.verify.windows-refuses", "0xFFFFFFFF"),
    ],
)
def test_what_windows_says_is_put_into_words(result: int, expected: str, words: str) -> None:
    finding = judged(result)
    assert finding.id == expected
    assert words in finding.title


def test_the_checksum_follows_the_windows_rule() -> None:
    assert pe.checksum(0, 100) == 0xFFFF + 100
    assert pe.checksum(0x1FFFE + 1, 0) == 1
