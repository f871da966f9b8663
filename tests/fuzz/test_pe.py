"""10,000 mutated programs: each is refused with one sentence, or reported; nothing else ever happens."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from codesign_wizard.core.authenticode import cms, timestamp
from codesign_wizard.core.authenticode.der import DerError, sequence, tlv
from codesign_wizard.core.authenticode.roots import RootStore
from codesign_wizard.core.authenticode.sign import sign_file
from codesign_wizard.core.authenticode.verify import verify_file
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.job import Job
from tests.support import judges, pe, pki

COUNT = 10_000
SHARDS = 4
WORDS = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x84\xff\xff\xff", b"\x80\x00\x00\x00"]


def seeds(folder: Path) -> list[bytes]:
    plain = [pe.small(), pe.small(plus=False, machine=0x14C, length=1500), pe.small(machine=0xAA64)]
    source, target, twice = folder / "in.exe", folder / "out.exe", folder / "two.exe"
    source.write_bytes(plain[0])
    sign_file(Job(), source, target, pki.signer("p256"), description="x", url="https://x.example")
    sign_file(Job(), target, twice, pki.signer("rsa2048"), append=True)
    return [*plain, target.read_bytes(), twice.read_bytes()]


def mutated(random_: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random_.randint(1, 4)):
        # headers and tables more often than their share of the bytes
        start, end = random_.choice([(0, len(changed)), (0, 0x40), (0x80, 0x200), (1024, len(changed))])
        place = min(random_.randrange(start, max(end, start + 1)), len(changed) - 1)
        match random_.randrange(7):
            case 0:
                changed[place] ^= 1 << random_.randrange(8)
            case 1:
                changed[place] = random_.randrange(256)
            case 2:
                changed[place : place + 4] = random_.choice(WORDS)
            case 3:
                del changed[place:]
            case 4:
                del changed[place : place + random_.randint(1, 16)]
            case 5:
                changed[place:place] = random_.randbytes(random_.randint(1, 16))
            case 6:
                changed += random_.randbytes(random_.randint(1, 64))
        if not changed:
            return b""
    return bytes(changed)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_mutated_program_is_refused_or_reported(tmp_path: Path, shard: int) -> None:
    originals = seeds(tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    random_ = random.Random(20261123 + shard)
    roots = RootStore.microsoft()
    signer = pki.signer("p256")
    source, target = tmp_path / "fuzz.exe", tmp_path / "signed.exe"
    sentences: list[str] = []
    left: set[Path] = set()
    seen = {"refused": 0, "reported": 0, "signed": 0}
    for number in range(COUNT // SHARDS):
        source.write_bytes(mutated(random_, random_.choice(originals)))
        try:
            verification = verify_file(Job(), source, roots=roots)
            assert verification.findings
            seen["reported"] += 1
        except InputError as error:
            sentences.append(error.finding.title)
            seen["refused"] += 1
        try:
            sign_file(Job(), source, target, signer, append=number % 2 == 0)
        except InputError as error:
            sentences.append(error.finding.title)
            left.update(tmp_path.iterdir())
        else:
            ids = {finding.id for finding in verify_file(Job(), target, roots=roots).findings}
            # what was written now is right, whatever the file was before
            assert "authenticode.verify.table" not in ids
            if number % 2:
                assert "authenticode.verify.digest-wrong" not in ids
                assert "authenticode.verify.signature-wrong" not in ids
            seen["signed"] += 1
            target.unlink()
    assert left == {source}
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in sentences)
    assert all(count > COUNT // SHARDS // 50 for count in seen.values()), seen


def test_a_mutated_time_stamp_never_counts_unless_nothing_signed_changed(tmp_path: Path) -> None:
    judges.program("openssl")
    imprint = hashlib.sha256(b"signature").digest()
    token = timestamp.read_response(pki.Tsa(tmp_path).reply(timestamp.request(imprint, "sha256", 1)))
    roots = RootStore(microsoft=False)
    assert timestamp.check_token(token, b"signature", roots).time
    random_ = random.Random(7)
    accepted = 0
    for _ in range(1500):
        changed = bytearray(token)
        changed[random_.randrange(len(changed))] ^= 1 << random_.randrange(8)
        try:
            timestamp.check_token(bytes(changed), b"signature", roots)
            accepted += 1
        except timestamp.TokenError:
            continue
    # the root in the token is signed by nobody here, and nobody uses it
    assert accepted < 1500 * (len(pki.timestamp_root().pem) / len(token))


def test_bombs_cost_no_more_than_their_size() -> None:
    deep = b""
    for _ in range(50_000):
        deep = tlv(0x30, deep) if len(deep) < 60_000 else deep
    for bomb in (deep, b"\x30\x84\xff\xff\xff\xff", b"\x30\x80" * 100, sequence(*[b"\x05\x00"] * 100_000)):
        with pytest.raises(DerError):
            cms.parse(bomb)
