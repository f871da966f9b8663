"""What others make of the code we sign, and we of theirs: OpenSSL, LIEF, rcodesign."""

from __future__ import annotations

import dataclasses
import os
import plistlib
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from codesign_wizard.core.apple import code_directory, macho, oids, requirements, superblob
from codesign_wizard.core.apple.sign_bundle import sign_bundle
from codesign_wizard.core.apple.sign_macho import sign_macho
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.apple.verify_code import verify_code
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.job import Job
from codesign_wizard.core.local_signer import LocalSigner
from tests.interop.conftest import Bench
from tests.support import apple_bundles, apple_pki, judges, pki
from tests.support import macho as samples

ENTITLEMENTS = plistlib.dumps(
    {"com.apple.security.cs.allow-jit": True, "keychain-access-groups": ["a", "b"], "n": 300}
).rstrip(b"\n")


def blobs_of(path: Path) -> list[dict[int, bytes]]:
    with path.open("rb") as file:
        return [superblob.parse(macho.signature_data(file, image)) for image in macho.read(file).images]


@pytest.fixture
def universal(tmp_path: Path) -> Path:
    path = tmp_path / "tool"
    path.write_bytes(samples.universal(samples.thin("x86_64"), samples.thin("arm64", code=70_000)))
    return path


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    """The identity in PEM: rcodesign opens no .p12 of today's encryption."""
    path = tmp_path / "identity.pem"
    issued = [apple_pki.leaf("application"), apple_pki.authority(), apple_pki.root()]
    path.write_bytes(pki.private_pem(issued[0]) + b"".join(each.pem for each in issued))
    return path


def errors(path: Path, roots: AppleRoots | None = None) -> set[str]:
    report = verify_code(Job(), path, trust=roots or apple_pki.roots())
    return {each.id for each in report.findings if each.severity is Severity.ERROR}


def test_openssl_verifies_every_cms(universal: Path, tmp_path: Path, bench: Bench) -> None:
    openssl = judges.program("openssl")
    signed, root = tmp_path / "signed", tmp_path / "root.pem"
    root.write_bytes(apple_pki.root().pem)
    sign_macho(Job(), universal, signed, apple_pki.signer("application"), timestamp=bench.timestamper)
    for number, blobs in enumerate(blobs_of(signed)):
        cms, directory = tmp_path / f"{number}.cms", tmp_path / f"{number}.cd"
        cms.write_bytes(superblob.content(blobs[superblob.SLOT_CMS], superblob.MAGIC_CMS))
        directory.write_bytes(blobs[0])
        # Apple's critical extensions are unknown to OpenSSL
        arguments = ["cms", "-verify", "-binary", "-inform", "DER", "-in", cms, "-content", directory]
        arguments += ["-CAfile", root, "-purpose", "any", "-ignore_critical", "-out", os.devnull]
        done = judges.run(openssl, *arguments, check=False)
        assert done.returncode == 0, done.stdout
        directory.write_bytes(blobs[0][:-1] + bytes([blobs[0][-1] ^ 1]))
        assert judges.run(openssl, *arguments, check=False).returncode != 0


def test_lief_reads_what_we_wrote(universal: Path, tmp_path: Path) -> None:
    lief = judges.module("lief")
    signed = tmp_path / "signed"
    sign_macho(Job(), universal, signed, apple_pki.signer("application"), timestamp=None)
    fat = lief.MachO.parse(str(signed))
    assert fat.size == 2
    for binary, blobs in zip(fat, blobs_of(signed), strict=True):
        assert binary.has_code_signature
        assert bytes(binary.code_signature.content)[:4] == bytes.fromhex("fade0cc0")
        linkedit = binary.get_segment("__LINKEDIT")
        end = binary.code_signature.data_offset + binary.code_signature.data_size
        assert linkedit.file_offset + linkedit.file_size == end
        assert binary.code_signature.data_offset == code_directory.parse(blobs[0]).code_limit


def test_rcodesign_accepts_and_reads_alike(universal: Path, tmp_path: Path, bench: Bench) -> None:
    tool, signed = judges.program("rcodesign"), tmp_path / "signed"
    result = sign_macho(
        Job(),
        universal,
        signed,
        apple_pki.signer("application"),
        timestamp=bench.timestamper,
        identifier="org.example.tool",
        entitlements=ENTITLEMENTS,
    )
    assert "no problems detected!" in judges.run(tool, "verify", signed).stdout
    shown = judges.run(tool, "print-signature-info", signed).stdout
    # each with its time stamp
    assert shown.count("signature_verifies: true") == 4
    assert shown.count("flags: CodeSignatureFlags(RUNTIME)") == 2
    assert shown.count("identifier: org.example.tool") == 2
    assert shown.count(f"team_name: {apple_pki.TEAM}") == 2
    assert shown.count("runtime_version: 15.5.0") == 2
    assert shown.count("time_stamp_token:") == 2
    assert shown.count("entitlements_der_plist:") == 2
    for blobs in blobs_of(signed):
        directory = code_directory.parse(blobs[0])
        assert directory.full_hash.hex() in shown
    # its notation has parentheses around everything, and quotes
    words = shown.replace("(", "").replace(")", "").replace('"', "")
    assert result.requirement.replace('"', "") in words


def test_rcodesigns_own_signature_differs_only_where_it_must(
    universal: Path, identity: Path, tmp_path: Path
) -> None:
    """Differences: the room for the CMS, thus the load commands, thus the first page's hash."""
    tool, ours, theirs = judges.program("rcodesign"), tmp_path / "ours", tmp_path / "theirs"
    plist, requirement = tmp_path / "e.plist", tmp_path / "r.bin"
    plist.write_bytes(ENTITLEMENTS)
    expression = requirements.developer_id("org.example.tool", apple_pki.TEAM)
    requirement.write_bytes(requirements.single_blob(expression))
    sign_macho(
        Job(),
        universal,
        ours,
        apple_pki.signer("application"),
        timestamp=None,
        roots=apple_pki.roots(),
        identifier="org.example.tool",
        entitlements=ENTITLEMENTS,
    )
    arguments = ["--pem-file", identity, "--timestamp-url", "none", "--team-name", apple_pki.TEAM]
    arguments += ["--binary-identifier", "org.example.tool", "--code-signature-flags", "runtime"]
    arguments += ["--entitlements-xml-file", plist, "--code-requirements-file", requirement]
    judges.run(tool, "sign", *arguments, universal, theirs)
    assert errors(theirs) == set()
    for one, two in zip(blobs_of(ours), blobs_of(theirs), strict=True):
        assert list(one) == list(two)
        for slot in (superblob.SLOT_REQUIREMENTS, superblob.SLOT_ENTITLEMENTS_DER):
            assert one[slot] == two[slot]
        assert one[5].rstrip() == two[5].rstrip()
        first, second = code_directory.parse(one[0]), code_directory.parse(two[0])
        for name in (
            "identifier", "team", "flags", "hash_type", "page_size", "code_limit", "exec_base",
            "exec_limit", "exec_flags", "runtime", "version", "special",
        ):  # fmt: skip
            assert getattr(first, name) == getattr(second, name), name
        assert list(first.hashes)[1:] == list(second.hashes)[1:]
        assert len(one[0]) == len(two[0])


@pytest.mark.skipif(os.name == "nt", reason="bundles hold links and modes")
def test_rcodesign_and_we_accept_each_others_bundles(tmp_path: Path) -> None:
    tool = judges.program("rcodesign")
    app, ours, theirs = apple_bundles.app(tmp_path), tmp_path / "Ours.app", tmp_path / "Theirs.app"
    # vouching for itself, because rcodesign's requirement for other chains names the leaf as the root
    own = apple_pki.issue(
        f"Developer ID Application: Test ({apple_pki.TEAM})",
        pki.key("rsa2048-application"),
        None,
        marks=(oids.DEVELOPER_ID_APPLICATION,),
        usage=oids.CODE_SIGNING_USAGE,
    )
    pem = tmp_path / "own.pem"
    pem.write_bytes(pki.private_pem(own) + own.pem)
    signed = sign_bundle(Job(), app, ours, LocalSigner("own", own.key, [own.certificate]), timestamp=None)
    arguments = ["--pem-file", pem, "--timestamp-url", "none", "--team-name", apple_pki.TEAM]
    judges.run(tool, "sign", *arguments, "--code-signature-flags", "runtime", app, theirs)
    # nothing but the root is wrong
    assert errors(theirs) == {"apple.verify.code-chain-wrong"}
    for path in ("Contents/MacOS/Example", *(each for each in signed.nested if (ours / each).is_file())):
        assert "no problems detected!" in judges.run(tool, "verify", ours / path).stdout
    first, second = (
        plistlib.loads((each / "Contents" / "_CodeSignature" / "CodeResources").read_bytes())
        for each in (ours, theirs)
    )
    assert first["rules"] == second["rules"]
    assert first["rules2"] == second["rules2"]
    assert set(first["files2"]) == set(second["files2"])
    # in the old list it forgets that this rule leaves files out
    assert set(second["files"]) - set(first["files"]) == {"Resources/en.lproj/locversion.plist"}
    for path, value in first["files2"].items():
        if "hash2" in value and path != "Resources/helper":
            assert second["files2"][path] == value


def _linker_signed(path: Path) -> Path:
    """A program with the linker's signature: hashes, and no certificate."""
    directory = code_directory.CodeDirectory(
        identifier="a.out",
        team="",
        flags=code_directory.FLAG_ADHOC | code_directory.FLAG_LINKER_SIGNED,
        hash_type=2,
        page_size=4096,
        code_limit=0,
        special={},
        hashes=[],
    )
    sign_macho(Job(), path, path, apple_pki.signer("application"), timestamp=None)
    data = bytearray(path.read_bytes())
    with path.open("rb") as file:
        (image,) = macho.read(file).images
    assert image.signature is not None
    limit = image.signature.offset
    hashes = [
        code_directory.slot_hash(data[place : min(place + 4096, limit)]) for place in range(0, limit, 4096)
    ]
    blob = code_directory.build(dataclasses.replace(directory, code_limit=limit, hashes=hashes))
    signature = superblob.build({superblob.SLOT_CODE_DIRECTORY: blob})
    data[limit:] = signature.ljust(len(data) - limit, b"\0")
    path.write_bytes(data)
    return path


SOURCES: dict[str, Callable[[Path], object]] = {
    "thin": lambda path: path.write_bytes(samples.thin()),
    "intel": lambda path: path.write_bytes(samples.thin("x86_64", code=70_000)),
    "library": lambda path: path.write_bytes(samples.thin(file_type=samples.DYLIB)),
    "universal": lambda path: path.write_bytes(samples.universal(samples.thin("x86_64"), samples.thin())),
    "linker-signed": lambda path: (path.write_bytes(samples.thin()), _linker_signed(path)),
    "signed": lambda path: (
        path.write_bytes(samples.thin()),
        sign_macho(Job(), path, path, apple_pki.signer("application"), timestamp=None),
    ),
}
# what diff-signatures may show between its own signing of the same input and ours
ALLOWED = (
    r"(- )?(path|file_size|file_sha256): .*",
    # it keeps another room for the CMS; that stands in the load commands, which the first page's hash is over
    r"(macho_linkedit_end_offset|macho_end_offset|linkedit_bytes_after_signature): .*",
    # thus the CodeDirectory has another hash, and what is signed is another one
    r"(sha1|sha256|message_digest): [0-9a-f]+",
    r'- "?\\t\\t[A-Za-z0-9+/]+=*"?',
    r"- [0-9a-f]{64}",
    r"signing_time: .*",
)
# signing again, it takes the former signature's version of the runtime, of which a linker's has none
ALLOWED_AGAIN = (r"runtime_version: .*",)


@pytest.mark.parametrize("source", list(SOURCES))
def test_its_comparison_shows_only_what_must_differ(source: str, identity: Path, tmp_path: Path) -> None:
    tool = judges.program("rcodesign")
    path, ours, theirs = tmp_path / "tool", tmp_path / "ours", tmp_path / "theirs"
    SOURCES[source](path)
    requirement = tmp_path / "r.bin"
    expression = requirements.developer_id("org.example.tool", apple_pki.TEAM)
    requirement.write_bytes(requirements.single_blob(expression))
    signer, roots = apple_pki.signer("application"), apple_pki.roots()
    sign_macho(Job(), path, ours, signer, timestamp=None, roots=roots, identifier="org.example.tool")
    arguments = ["--pem-file", identity, "--timestamp-url", "none", "--team-name", apple_pki.TEAM]
    arguments += ["--binary-identifier", "org.example.tool", "--code-signature-flags", "runtime"]
    judges.run(tool, "sign", *arguments, "--code-requirements-file", requirement, path, theirs)
    assert errors(ours) == errors(theirs) == set()
    for each in (ours, theirs):
        assert "no problems detected!" in judges.run(tool, "verify", each).stdout
    done = judges.run(tool, "diff-signatures", ours, theirs, check=False)
    removed, added = (
        Counter(line[1:].strip() for line in done.stdout.splitlines() if line[:1] == sign) for sign in "-+"
    )
    # certificates are a set: it lists them in another order
    differing = [*(removed - added), *(added - removed)]
    allowed = ALLOWED + (ALLOWED_AGAIN if source == "linker-signed" else ())
    assert differing
    unexpected = [line for line in differing if not any(re.fullmatch(each, line) for each in allowed)]
    assert unexpected == []
