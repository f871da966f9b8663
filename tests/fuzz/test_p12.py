"""2,000 mutated .p12 files: each opens, or is refused with one sentence, in bounded time and memory."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat, pkcs12

from codesign_wizard.core.apple.identity_judge import judge_data
from codesign_wizard.core.apple.pkcs12 import Pkcs12Error, Reason, open_p12
from codesign_wizard.core.authenticode import der
from codesign_wizard.core.finding import blocks
from codesign_wizard.core.redact import Secret
from codesign_wizard.practice.apple.authority import AppleAuthority
from codesign_wizard.practice.apple.keychain import export
from codesign_wizard.practice.state import State
from tests.support import fuzzing
from tests.support.clocks import at_most

COUNT = 2_000
SHARDS = 2
PASSWORD = "p12-canary"
SECONDS = 10  # for one file, on a busy machine; the worst that is let through asks 5 million rounds
MEGABYTES = 150
WORDS = [
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x84\xff\xff\xff",
    b"\x02\x04\x7f\xff\xff\xff",
    b"\x30\x80",
    b"\x24\x80",
]


@pytest.fixture(scope="module")
def seeds() -> list[bytes]:
    authority = AppleAuthority(State())
    identities = [authority.identity(kind) for kind in ("installer", "application")]
    others = [authority.intermediate(), authority.root]
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(1).hmac_hash(hashes.SHA256())
    open_safe = _safe(pkcs12.serialize_key_and_certificates(b"x", *identities[0], others, NoEncryption()))
    modern = builder.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC).build(PASSWORD.encode())
    return [
        export(identities[:1], PASSWORD, iterations=1),
        export(identities, PASSWORD, others=others, rc2=False, iterations=1),
        export([], PASSWORD, others=others, iterations=1),
        pkcs12.serialize_key_and_certificates(b"x", *identities[0], others, modern),
        # without a MAC, which stops everything that was changed at the door
        _without_mac(open_safe),
        _without_mac(_safe(export(identities, PASSWORD, iterations=1))),
    ]


def _safe(data: bytes) -> bytes:
    return der.whole(data).children()[1].children()[1].first().value


def _without_mac(safe: bytes) -> bytes:
    content = der.sequence(der.oid("1.2.840.113549.1.7.1"), der.tlv(0xA0, der.octet_string(safe)))
    return der.sequence(der.integer(3), content)


def mutated(dice: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        # the outer structure is at the beginning, the MAC at the end
        start, end = dice.choice([(0, len(changed)), (0, 160), (max(len(changed) - 120, 0), len(changed))])
        place = min(dice.randrange(start, max(end, start + 1)), max(len(changed) - 1, 0))
        match dice.randrange(6):
            case 0:
                changed[place : place + 1] = bytes([dice.randrange(256)])
            case 1:
                changed[place : place + 1] = bytes(
                    [changed[place] ^ 1 << dice.randrange(8)] if changed else b""
                )
            case 2:
                word = dice.choice(WORDS)
                changed[place : place + len(word)] = word
            case 3:
                del changed[place : place + dice.randint(1, 40)]
            case 4:
                changed[place:place] = bytes(dice.randrange(256) for _ in range(dice.randint(1, 12)))
            case 5:
                changed[place:place] = changed[place : place + dice.randint(1, 200)]
    if dice.randrange(12) == 0:
        del changed[dice.randrange(len(changed) + 1) :]
    return bytes(changed)


@pytest.fixture
def flat_memory() -> Iterator[None]:
    resource = pytest.importorskip("resource", reason="POSIX only")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < MEGABYTES


@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.usefixtures("flat_memory")
def test_one_sentence_each(shard: int, seeds: list[bytes]) -> None:
    dice = fuzzing.dice(f"p12 {shard}")
    count = fuzzing.count(COUNT // SHARDS)
    opened = refused = 0
    for number in range(count):
        data = mutated(dice, seeds[number % len(seeds)])
        with at_most(SECONDS, data.hex()):
            report = judge_data("it.p12", data, Secret(PASSWORD))
        assert report.findings, data.hex()
        for finding in report.findings:
            assert "\n" not in finding.title
            assert "canary" not in str(finding.to_json())
        opened += report.opened
        refused += blocks(report.findings) and not report.opened
    # neither all refused at the first byte, nor all as good as whole
    assert opened > 10
    assert refused > count // 2


def _deep(levels: int) -> bytes:
    data = b"\x04\x00"
    for _ in range(levels):
        data = der.tlv(0x24, data)
    return data


@pytest.mark.usefixtures("flat_memory")
def test_bombs_are_refused_at_once() -> None:
    start = der.integer(3)
    data_oid = der.oid("1.2.840.113549.1.7.1")

    def pfx(content: bytes, *more: bytes) -> bytes:
        return der.sequence(start, der.sequence(data_oid, der.tlv(0xA0, content)), *more)

    scrypt = der.sequence(
        der.oid("1.2.840.113549.1.5.13"),
        der.sequence(
            der.sequence(
                der.oid("1.3.6.1.4.1.11591.4.11"),
                der.sequence(der.octet_string(b"salt"), der.integer(1 << 24), der.integer(8), der.integer(1)),
            ),
            der.sequence(der.oid("2.16.840.1.101.3.4.1.42"), der.octet_string(bytes(16))),
        ),
    )
    encrypted = der.sequence(
        der.oid("1.2.840.113549.1.7.6"),
        der.tlv(0xA0, der.sequence(der.integer(0), der.sequence(data_oid, scrypt, der.tlv(0x80, bytes(64))))),
    )
    bag = der.sequence(der.oid("1.2.840.113549.1.12.10.1.1"), der.tlv(0xA0, der.sequence()))
    keys = der.sequence(data_oid, der.tlv(0xA0, der.octet_string(der.sequence(*[bag] * 100))))
    cases = {
        pfx(_deep(5000)): Reason.DAMAGED,
        b"\x30\x80" * 100_000: Reason.NOT_P12,
        b"\x30\x80\x02\x01\x03" + b"\x30\x80" * 100_000: Reason.DAMAGED,
        pfx(der.octet_string(der.sequence(encrypted))): Reason.TOO_COSTLY,
        pfx(der.octet_string(der.sequence(keys))): Reason.TOO_COSTLY,
        bytes(3 << 20): Reason.TOO_LARGE,
    }
    for data, reason in cases.items():
        with at_most(2.0), pytest.raises(Pkcs12Error) as error:
            open_p12(data, PASSWORD)
        assert error.value.reason is reason
