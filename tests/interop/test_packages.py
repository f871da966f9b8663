"""Other programs' readings of our packages: 7-Zip, libarchive, cksum, OpenSSL, rcodesign, apple-bom."""

from __future__ import annotations

import hashlib
import json
import re
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from codesign_wizard.core.apple import bom, cpio, detached
from codesign_wizard.core.apple.package import Package
from codesign_wizard.core.apple.package_contents import sign_contents
from codesign_wizard.core.apple.package_sign import change_package, sign_package
from codesign_wizard.core.apple.package_verify import verify_package
from codesign_wizard.core.apple.sample import build_sample
from codesign_wizard.core.apple.tree import Tree
from codesign_wizard.core.apple.xar import Xar
from codesign_wizard.core.authenticode import der
from codesign_wizard.core.job import Job
from tests.support import apple_pki, judges, pki


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.pkg"
    build_sample(Job(), "Acme Backup", path)
    return path


@pytest.fixture(scope="module")
def rebuilt(unsigned: Path) -> Path:
    """The sample with a file more in it, so that everything inside was built again, and signed."""

    def change(_component: object, _part: str, tree: Tree) -> None:
        folder = tree.place("Acme Backup.app/Contents/_CodeSignature")
        folder.mkdir()
        (folder / "CodeResources").write_bytes(b"<plist/>" * 5000)

    target = unsigned.with_name("rebuilt.pkg")
    change_package(Job(), unsigned, target, change)
    sign_package(Job(), target, target, apple_pki.signer(), roots=apple_pki.roots())
    return target


@pytest.fixture(scope="module", params=["unsigned", "rebuilt"])
def package(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


def contents(path: Path) -> dict[str, bytes]:
    with Xar(path) as archive:
        return {
            entry.path: archive.read(entry, 1 << 26) for entry in archive.entries if entry.data is not None
        }


def installed(path: Path) -> dict[str, tuple[cpio.Entry, bytes]]:
    with Package(path) as opened:
        entry = opened.entry(opened.components[0], "Payload")
        assert entry is not None
        with opened.unpacked(entry) as stream:
            reader = cpio.Reader(stream)
            return {each.path: (each, b"".join(reader.chunks())) for each in reader}


def unpacked(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def for_old_libarchive(package: Path, folder: Path) -> Path:
    """Return a copy whose header names no digest: libarchive before 3.8 knows SHA-1 and MD5 only."""
    data = bytearray(package.read_bytes())
    data[24:28] = bytes(4)
    copy = folder / "old.pkg"
    copy.write_bytes(data)
    return copy


def test_7zip_unpacks_the_same_files(package: Path, tmp_path: Path) -> None:
    seven = judges.program("7z")
    judges.run(seven, "t", package)
    judges.run(seven, "x", f"-o{tmp_path}", package)
    found = unpacked(tmp_path)
    # 7-Zip shows the table of contents as a file
    toc = found.pop("[TOC].xml")
    assert found == contents(package)
    with Xar(package) as archive:
        assert archive.xml == toc


def test_libarchive_unpacks_the_same_files(package: Path, tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.mkdir()
    judges.run(judges.program("bsdtar"), "-xf", for_old_libarchive(package, tmp_path), "-C", target)
    assert unpacked(target) == contents(package)


def test_libarchive_unpacks_the_payload(package: Path, tmp_path: Path) -> None:
    payload = tmp_path / "Payload"
    payload.write_bytes(contents(package)["sample.pkg/Payload"])
    listed = judges.run(judges.program("bsdtar"), "-tvf", payload, "--numeric-owner").stdout.splitlines()
    target = tmp_path / "x"
    target.mkdir()
    judges.run(judges.program("bsdtar"), "-xf", payload, "-C", target, "--no-same-owner")
    files = installed(package)
    assert len(listed) == len(files)
    assert all(re.match(r"\S+\s+\d+\s+0\s+80\s", line) for line in listed), listed
    for path, (entry, data) in files.items():
        place = target / path
        assert stat.S_IFMT(place.lstat().st_mode) == stat.S_IFMT(entry.mode)
        if entry.is_link:
            assert str(place.readlink()) == entry.link
            continue
        assert stat.S_IMODE(place.stat().st_mode) == stat.S_IMODE(entry.mode)
        if entry.is_file:
            assert place.read_bytes() == data


def test_7zip_unpacks_the_payload(package: Path, tmp_path: Path) -> None:
    seven = judges.program("7z")
    payload = tmp_path / "Payload.gz"
    payload.write_bytes(contents(package)["sample.pkg/Payload"])
    judges.run(seven, "x", f"-o{tmp_path}", payload)
    judges.run(seven, "x", f"-o{tmp_path / 'x'}", tmp_path / "Payload")
    files = {path: data for path, (entry, data) in installed(package).items() if entry.is_file}
    found = {path: (tmp_path / "x" / path).read_bytes() for path in files}
    assert found == files


def test_the_bill_of_materials_has_the_checksums_of_cksum(package: Path, tmp_path: Path) -> None:
    cksum = judges.program("cksum")
    listed = {item.path: item for item in bom.read(contents(package)["sample.pkg/Bom"]).items}
    for path, (entry, data) in installed(package).items():
        item = listed.pop(path)
        if entry.is_folder:
            continue
        (tmp_path / "file").write_bytes(entry.link.encode() if entry.is_link else data)
        checksum, size = judges.run(cksum, tmp_path / "file").stdout.split()[:2]
        assert (item.checksum, item.size) == (int(checksum), int(size)), path
    assert listed == {}


def test_apple_bom_reads_the_same_paths(package: Path, tmp_path: Path) -> None:
    dump = judges.program("odumpbom")
    data = contents(package)["sample.pkg/Bom"]
    (tmp_path / "Bom").write_bytes(data)
    text = judges.run(dump, tmp_path / "Bom", "paths").stdout
    found = []
    for block in text.split("BomPath {")[1:]:
        fields = dict(re.findall(r"^        (\w+): (.*?),?$", block, re.MULTILINE))
        checksum = re.search(r"crc32: Some\(\s*(\d+)", block)
        link = re.search(r'link_name: Some\(\s*"(.*)"', block)
        path = json.loads(fields["path"])
        found.append(
            (
                path.removeprefix("./"),
                int(fields["file_mode"]),
                int(fields["user_id"]),
                int(fields["group_id"]),
                int(fields["size"]),
                int(checksum.group(1)) if checksum else 0,
                link.group(1) if link else "",
            )
        )
    assert found == [
        (each.path, each.mode, each.uid, each.gid, each.size, each.checksum, each.link)
        for each in bom.read(data).items
    ]


def test_apple_bom_reads_trees_of_several_levels(tmp_path: Path) -> None:
    dump = judges.program("odumpbom")
    items = [bom.Item(".", 0o40755)]
    items += [bom.Item(f"{number:06}", 0o100644, size=number) for number in range(70_000)]
    (tmp_path / "Bom").write_bytes(bom.write(items))
    lines = judges.run(dump, tmp_path / "Bom", "paths-short").stdout.splitlines()
    assert [line.split("./")[1] for line in lines[1:]] == [item.path for item in items[1:]]


def test_openssl_accepts_both_signatures(rebuilt: Path, tmp_path: Path) -> None:
    openssl = judges.program("openssl")
    leaf = apple_pki.leaf("installer")
    (tmp_path / "key.pem").write_bytes(
        leaf.certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "root.pem").write_bytes(apple_pki.root().pem)
    with Xar(rebuilt) as archive:
        (tmp_path / "digest").write_bytes(archive.recorded)
        for style in ("RSA", "CMS"):
            place = archive.signature(style)
            assert place is not None
            (tmp_path / style).write_bytes(archive.heap_bytes(place.offset, place.size))
    judges.run(
        openssl, "pkeyutl", "-verify", "-pubin", "-inkey", tmp_path / "key.pem", "-sigfile", tmp_path / "RSA",
        "-in", tmp_path / "digest", "-pkeyopt", "digest:sha256",
    )  # fmt: skip
    verify = [
        openssl, "cms", "-verify", "-binary", "-inform", "DER", "-in", tmp_path / "CMS",
        "-content", tmp_path / "digest", "-CAfile", tmp_path / "root.pem",
        # OpenSSL does not know Apple's critical extensions
        "-purpose", "any", "-ignore_critical", "-out", tmp_path / "out",
    ]  # fmt: skip
    done = judges.run(*verify)
    assert "successful" in done.stdout
    assert (tmp_path / "out").read_bytes() == (tmp_path / "digest").read_bytes()
    (tmp_path / "digest").write_bytes(hashlib.sha256(b"other").digest())
    assert judges.run(*verify, check=False).returncode != 0


@pytest.fixture(scope="module")
def stamped(unsigned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, signed with a time stamp; the authority's root lies beside it as ``tsa/root.pem``."""
    from codesign_wizard.core.authenticode.timestamp import Timestamper
    from codesign_wizard.core.network import Network, NetworkSettings

    judges.program("openssl")
    folder = tmp_path_factory.mktemp("stamped")
    target = folder / "signed.pkg"
    with pki.tsa(folder / "tsa") as (address, _):
        network = Network(NetworkSettings(use_environment=False))
        roots = apple_pki.roots()
        stamper = Timestamper(network, [address], roots=roots.timestamp)
        sign_package(Job(), unsigned, target, apple_pki.signer(), timestamp=stamper, roots=roots)
    return target


def test_openssl_accepts_the_time_stamp(stamped: Path, tmp_path: Path) -> None:
    with Xar(stamped) as archive:
        place = archive.signature("CMS")
        assert place is not None
        signer = detached.parse(archive.heap_bytes(place.offset, place.size)).signers[0]
    (tmp_path / "signature").write_bytes(signer.signature)
    (tmp_path / "token").write_bytes(der.whole(signer.unsigned[detached.TIMESTAMP_TOKEN][0].encoded).encoded)
    judges.run(
        judges.program("openssl"), "ts", "-verify", "-token_in", "-in", tmp_path / "token",
        "-data", tmp_path / "signature", "-CAfile", stamped.with_name("tsa") / "root.pem",
    )  # fmt: skip


def test_relic_accepts_signature_chain_and_files(stamped: Path, tmp_path: Path) -> None:
    relic = judges.program("relic")
    (tmp_path / "root.pem").write_bytes(apple_pki.root().pem)
    words = [
        relic,
        "verify",
        "--cert",
        tmp_path / "root.pem",
        "--cert",
        stamped.with_name("tsa") / "root.pem",
    ]
    assert "OK" in judges.run(*words, stamped).stdout
    data = bytearray(stamped.read_bytes())
    data[-50] ^= 1
    (tmp_path / "changed.pkg").write_bytes(data)
    assert judges.run(*words, tmp_path / "changed.pkg", check=False).returncode != 0


def rcodesign_says(package: Path) -> str:
    text = judges.run(judges.program("rcodesign"), "print-signature-info", package).stdout
    return text[: text.index("xar_member")] if "xar_member" in text else text


def test_rcodesign_reads_our_signature(rebuilt: Path) -> None:
    text = rcodesign_says(rebuilt)
    assert "checksum_verifies: true" in text
    assert "cms_signature_verifies: true" in text
    # it digests the digest before checking the RSA signature, which libxar, relic and we do not
    assert "rsa_signature_verifies: false" in text


@pytest.mark.parametrize("source", ["unsigned", "rebuilt"])
def test_what_rcodesign_signed_holds(source: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    rcodesign = judges.program("rcodesign")
    issued = apple_pki.leaf("installer")
    # it opens no .p12 of today, only the old kind
    (tmp_path / "i.pem").write_bytes(pki.private_pem(issued) + issued.pem + apple_pki.authority().pem)
    target = tmp_path / "signed.pkg"
    judges.run(
        rcodesign, "sign", "--pem-file", tmp_path / "i.pem", "--timestamp-url", "none",
        request.getfixturevalue(source), target,
    )  # fmt: skip
    verification = verify_package(Job(), target, roots=apple_pki.roots())
    found = {finding.id.removeprefix("apple.verify.package-") for finding in verification.findings}
    assert {"rsa-ok", "cms-ok", "table-ok", "files-ok", "contents-ok", "kind-ok"} <= found
    assert verification.ok


def test_rcodesign_accepts_the_code_in_our_package(unsigned: Path, tmp_path: Path) -> None:
    rcodesign = judges.program("rcodesign")
    target = tmp_path / "signed.pkg"
    result = sign_contents(
        Job(),
        unsigned,
        target,
        apple_pki.signer("application"),
        apple_pki.signer("installer"),
        timestamp=None,
        roots=apple_pki.roots(),
    )
    folder = tmp_path / "x"
    folder.mkdir()
    with Package(target) as opened:
        assert opened.extract(Job(), opened.components[0], "Payload", folder) is not None
    programs = [
        path for path in folder.rglob("*") if path.is_file() and path.read_bytes()[:4] == b"\xca\xfe\xba\xbe"
    ]
    # the framework's link leads to its program
    assert len({path.resolve() for path in programs}) == len(result.code) == 3
    for path in programs:
        assert "no problems detected" in judges.run(rcodesign, "verify", path).stdout
