"""Other people's programs accept what is signed here: osslsigncode, signify, LIEF, pefile; real files in."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from codesign_wizard.core.authenticode.sign import sign_file
from codesign_wizard.core.authenticode.verify import verify_file
from codesign_wizard.core.job import Job
from codesign_wizard.core.signing import DigestAlgorithm
from tests.interop.conftest import Bench
from tests.support import judges, pe, pki


def lief_accepts(path: Path) -> None:
    try:
        import lief
    except ImportError:
        judges.missing("lief")
    binary = lief.PE.parse(str(path))
    assert binary is not None
    assert binary.verify_signature() == lief.PE.Signature.VERIFICATION_FLAGS.OK


def signify_accepts(path: Path, bench: Bench) -> None:
    authenticode = judges.signify()
    from signify.x509 import Certificate, CertificateStore

    own = [Certificate.from_pem(file.read_bytes()) for file in (bench.roots_file, bench.timestamp_roots_file)]
    store = CertificateStore(own, trusted=True) | authenticode.TRUSTED_CERTIFICATE_STORE
    with path.open("rb") as file:
        signed = authenticode.AuthenticodeFile.from_stream(file)
        assert signed.verify(multi_verify_mode="all", trusted_certificate_store=store)


def checksum_is_pefiles(path: Path) -> None:
    try:
        import pefile
    except ImportError:
        judges.missing("pefile")
    with pefile.PE(str(path), fast_load=True) as parsed:
        assert parsed.OPTIONAL_HEADER.CheckSum == parsed.generate_checksum()


def everybody_accepts(path: Path, bench: Bench, *, stamped: bool = True) -> None:
    verification = verify_file(Job(), path, roots=bench.roots)
    assert verification.ok, [finding.title for finding in verification.findings]
    assert verification.extra_roots_used
    judges.osslsigncode_accepts(path, bench.roots_file, bench.timestamp_roots_file if stamped else None)
    signify_accepts(path, bench)
    lief_accepts(path)
    checksum_is_pefiles(path)


@pytest.mark.parametrize("kind", ["rsa3072", "p256", "p384"])
@pytest.mark.parametrize("plus", [True, False])
@pytest.mark.parametrize("digest", list(DigestAlgorithm))
def test_every_key_width_and_digest(
    tmp_path: Path, bench: Bench, kind: str, plus: bool, digest: DigestAlgorithm
) -> None:
    source, target = tmp_path / "in.exe", tmp_path / "out.exe"
    source.write_bytes(pe.small(plus=plus, machine=0x8664 if plus else 0x14C))
    signed = sign_file(
        Job(),
        source,
        target,
        pki.signer(kind),
        digest=digest,
        description="Größe & Maß",
        url="https://product.example/",
        timestamp=bench.timestamper,
    )
    assert signed.digest_algorithm == digest.value
    everybody_accepts(target, bench)
    shown = judges.run(
        judges.program("osslsigncode"), "verify", "-in", target, "-CAfile", bench.roots_file, check=False
    )
    assert "https://product.example/" in shown.stdout


@pytest.mark.parametrize("length", [1024, 1025, 1026, 1027, 1028, 1029, 1030, 1031, 1032, 101027])
def test_every_odd_length_and_an_overlay(tmp_path: Path, bench: Bench, length: int) -> None:
    source, target = tmp_path / "in.exe", tmp_path / "out.exe"
    source.write_bytes(pe.small(length=length))
    sign_file(Job(), source, target, pki.signer("rsa3072"))
    everybody_accepts(target, bench, stamped=False)
    assert target.stat().st_size % 8 == 0


def test_arm64_and_programs_without_a_known_machine(tmp_path: Path, bench: Bench) -> None:
    for machine in (0xAA64, 0x01C4, 0x5064, 0x4242):
        source, target = tmp_path / "in.exe", tmp_path / "out.exe"
        source.write_bytes(pe.small(machine=machine))
        sign_file(Job(), source, target, pki.signer("rsa3072"), timestamp=bench.timestamper)
        judges.osslsigncode_accepts(target, bench.roots_file, bench.timestamp_roots_file)
        assert verify_file(Job(), target, roots=bench.roots).ok


def real_programs(folder: Path) -> list[Path]:
    """Return an NSIS installer and the launchers inside distlib and setuptools."""
    import distlib
    import setuptools

    found = sorted(Path(distlib.__file__).parent.glob("*.exe")) + sorted(
        Path(setuptools.__file__).parent.glob("*.exe")
    )
    assert len(found) >= 8
    script = folder / "setup.nsi"
    script.write_text('OutFile "nsis.exe"\nRequestExecutionLevel user\nSection\nSectionEnd\n')
    judges.run(judges.program("makensis"), "-V1", script)
    # setuptools has two of them under two names
    each_once = {path.read_bytes(): path for path in found}
    return [folder / "nsis.exe", *each_once.values()]


@pytest.mark.timeout(600)  # some hundred runs of other programs
def test_real_programs_signed_replaced_and_appended(tmp_path: Path, bench: Bench) -> None:
    architectures = set()
    for program in real_programs(tmp_path):
        once, twice, thrice = (tmp_path / f"{program.stem}-{n}.exe" for n in range(3))
        sign_file(Job(), program, once, pki.signer("rsa3072"), timestamp=bench.timestamper)
        everybody_accepts(once, bench)
        sign_file(Job(), once, twice, pki.signer("p256"), timestamp=bench.timestamper)
        everybody_accepts(twice, bench)
        replaced = verify_file(Job(), twice, roots=bench.roots)
        first = verify_file(Job(), once, roots=bench.roots)
        assert len(replaced.signatures) == 1
        assert replaced.signatures[0].digest == first.signatures[0].digest
        sign_file(Job(), once, thrice, pki.signer("p256"), timestamp=bench.timestamper, append=True)
        everybody_accepts(thrice, bench)
        both = verify_file(Job(), thrice, roots=bench.roots)
        assert [report.publisher for report in both.signatures] == [
            "Test Publisher rsa3072",
            "Test Publisher p256",
        ]
        architectures.add(both.architecture)
    assert {"x86", "x64", "arm64"} <= architectures


@pytest.fixture(scope="session")
def microsoft_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("msvc")
    done = subprocess.run(
        [
            sys.executable,
            *("-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)),
            *("--platform", "win_amd64", "--only-binary=:all:", "msvc-runtime==14.44.35112"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    wheels = list(folder.glob("*.whl"))
    if not wheels:
        judges.missing(f"msvc-runtime ({done.stderr.strip()[-200:]})")
    with zipfile.ZipFile(wheels[0]) as wheel:
        names = [name for name in wheel.namelist() if name.endswith(("msvcp140.dll", "concrt140.dll"))]
        wheel.extractall(folder, names)
    files = [folder / name for name in names]
    assert files
    return files


def test_what_microsoft_signed_verifies_and_stays_so_after_appending(
    tmp_path: Path, bench: Bench, microsoft_files: list[Path]
) -> None:
    for file in microsoft_files:
        before = verify_file(Job(), file, roots=bench.roots)
        assert before.ok, [finding.title for finding in before.findings]
        assert not before.extra_roots_used
        assert all(report.timestamp is not None for report in before.signatures)
        target = tmp_path / file.name
        sign_file(Job(), file, target, pki.signer("rsa3072"), timestamp=bench.timestamper, append=True)
        after = verify_file(Job(), target, roots=bench.roots)
        assert after.ok, [finding.title for finding in after.findings]
        assert len(after.signatures) == len(before.signatures) + 1
        for old in before.signatures:
            assert any(old.to_json()["signer"] == new.to_json()["signer"] for new in after.signatures)
        signify_accepts(target, bench)
        checksum_is_pefiles(target)
        lief_accepts(target)


def test_microsofts_file_changed_by_one_byte_is_refused(
    tmp_path: Path, bench: Bench, microsoft_files: list[Path]
) -> None:
    data = bytearray(microsoft_files[0].read_bytes())
    data[0x600] ^= 1
    changed = tmp_path / "changed.dll"
    changed.write_bytes(data)
    verification = verify_file(Job(), changed, roots=bench.roots)
    assert "authenticode.verify.digest-wrong" in [finding.id for finding in verification.findings]


def test_what_osslsigncode_signs_verifies_here(tmp_path: Path, bench: Bench) -> None:
    source, store, target = tmp_path / "in.exe", tmp_path / "key.p12", tmp_path / "out.exe"
    source.write_bytes(pe.small(length=3001))
    store.write_bytes(pki.p12(pki.leaf("rsa3072"), [pki.intermediate().certificate]))
    password = tmp_path / "password"
    password.write_text(pki.PASSWORD)
    server = bench.timestamper.servers[0]
    judges.run(
        *(judges.program("osslsigncode"), "sign", "-pkcs12", store, "-readpass", password, "-h", "sha256"),
        *("-n", "Something", "-i", "https://product.example/", "-ts", server, "-in", source, "-out", target),
    )
    verification = verify_file(Job(), target, roots=bench.roots)
    assert verification.ok, [finding.title for finding in verification.findings]
    assert verification.signatures[0].url == "https://product.example/"
