"""What the notary says of packages and archives: each mistake in Apple's words, and tickets for the rest."""

from __future__ import annotations

import base64
import os
import plistlib
import shutil
import struct
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core.apple import code_directory, macho, superblob
from codesign_wizard.core.apple.package import Package
from codesign_wizard.core.apple.sample import build_sample
from codesign_wizard.core.apple.sign_bundle import sign_bundle
from codesign_wizard.core.apple.sign_macho import sign_macho
from codesign_wizard.core.job import Job
from codesign_wizard.core.local_signer import LocalSigner
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.notary.cms import definite
from tests.support import notary as support
from tests.support.notary import NotaryClient

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="the sample has links, which not everybody may make there"
)
APP = "Practice Backup.app"
PROGRAM = f"{APP}/Contents/MacOS/sample"


@pytest.fixture(scope="session")
def signed(_apple_cloud: PracticeCloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, signed as it should be."""
    return support.sample(_apple_cloud, tmp_path_factory.mktemp("signed"))


@pytest.fixture(scope="session")
def application(signed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The signed application out of it."""
    folder = tmp_path_factory.mktemp("application")
    with Package(signed) as opened:
        opened.extract(Job(), opened.components[0], "Payload", folder)
    return folder / APP


def zipped(folder: Path, target: Path) -> Path:
    """Pack a bundle as ``ditto -c -k --keepParent`` does, links as links."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder.parent).as_posix()
            if path.is_symlink():
                entry = zipfile.ZipInfo(name)
                entry.external_attr = 0o120755 << 16
                archive.writestr(entry, str(path.readlink()))
            else:
                archive.write(path, name)
    return target


def messages(log: dict[str, Any], end: str = "") -> set[str]:
    return {each["message"] for each in log["issues"] or [] if each["path"].endswith(end)}


def test_the_signed_sample_is_accepted_and_has_tickets(notary: NotaryClient, signed: Path) -> None:
    log = notary.judged(signed)
    assert (log["status"], log["statusCode"], log["issues"]) == ("Accepted", 0, None)
    covered = {(each["path"], each.get("arch")): each for each in log["ticketContents"]}
    inside = f"{signed.name}/sample.pkg Contents/Payload/{PROGRAM}"
    assert {architecture for path, architecture in covered if path == inside} == {"arm64", "x86_64"}
    assert (signed.name, None) in covered
    with Package(signed) as opened:
        table = opened.archive.digest[:20].hex()
    assert covered[(signed.name, None)]["cdhash"] == table
    names = [f"2/2/{each['cdhash']}" for each in log["ticketContents"]]
    records = notary.ticket(*names)
    assert [each["recordName"] for each in records] == names
    tickets = {each["fields"]["signedTicket"]["value"] for each in records}
    assert len(tickets) == 1, "one ticket covers all of a submission"
    data = base64.b64decode(tickets.pop())
    assert data[:4] == b"s8ch"
    assert all(bytes.fromhex(each["cdhash"]) in data for each in log["ticketContents"])
    assert struct.unpack_from("<I", data, 8)[0] < len(data)
    assert {each["recordType"] for each in records} == {"DeveloperIDTicket"}


def test_a_zip_of_the_application_is_accepted(
    notary: NotaryClient, application: Path, tmp_path: Path
) -> None:
    log = notary.judged(zipped(application, tmp_path / "App.zip"))
    assert log["status"] == "Accepted", log["issues"]
    assert f"App.zip/{PROGRAM}" in {each["path"] for each in log["ticketContents"]}


def test_a_package_in_a_zip_is_opened_too(notary: NotaryClient, signed: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w") as archive:
        archive.write(signed, "inner.pkg")
    log = notary.judged(outer)
    assert log["status"] == "Accepted", log["issues"]
    assert {"outer.zip/inner.pkg", f"outer.zip/inner.pkg/sample.pkg Contents/Payload/{PROGRAM}"} <= {
        each["path"] for each in log["ticketContents"]
    }


def test_an_unsigned_package(notary: NotaryClient, tmp_path: Path) -> None:
    plain = tmp_path / "plain.pkg"
    build_sample(Job(), "Practice Backup", plain)
    log = notary.judged(plain)
    assert (log["status"], log["statusCode"], log["ticketContents"]) == ("Invalid", 4000, None)
    assert log["statusSummary"] == "Archive contains critical validation errors"
    assert messages(log, "plain.pkg") == {"The binary is not signed."}
    assert messages(log, PROGRAM) == {
        "The binary is not signed.",
        "The signature does not include a secure timestamp.",
        "The executable does not have the hardened runtime enabled.",
    }
    of_program = [each for each in log["issues"] if each["path"].endswith(PROGRAM)]
    assert {each["architecture"] for each in of_program} == {"arm64", "x86_64"}
    assert set(of_program[0]) == {"severity", "code", "path", "message", "docUrl", "architecture"}
    library = messages(log, "Sample")
    assert "The executable does not have the hardened runtime enabled." not in library
    with Package(plain) as opened:
        name = f"2/2/{opened.archive.digest[:20].hex()}"
    assert notary.ticket(name) == [
        {"recordName": name, "reason": "Record not found", "serverErrorCode": "NOT_FOUND"}
    ]


@pytest.mark.parametrize("kind", ["distribution", "development"])
def test_certificates_of_the_wrong_kind(notary: NotaryClient, tmp_path: Path, kind: str) -> None:
    package = support.sample(notary.cloud, tmp_path, application=kind)
    log = notary.judged(package)
    assert messages(log, PROGRAM) == {"The binary is not signed with a valid Developer ID certificate."}
    assert messages(log, package.name) == set()


def test_a_package_signed_for_the_app_store(notary: NotaryClient, tmp_path: Path) -> None:
    package = support.sample(notary.cloud, tmp_path, installer="store-installer")
    log = notary.judged(package)
    assert messages(log) == {"The binary is not signed with a valid Developer ID certificate."}
    assert {each["path"] for each in log["issues"]} == {package.name}


def test_no_time_stamp(notary: NotaryClient, tmp_path: Path) -> None:
    package = support.sample(notary.cloud, tmp_path, timestamp=False)
    log = notary.judged(package)
    assert messages(log) == {"The signature does not include a secure timestamp."}
    assert package.name in {each["path"] for each in log["issues"]}


def test_a_strangers_certificates(notary: NotaryClient, start: Callable[..., Any], tmp_path: Path) -> None:
    """Signed by another practice company's authority: the same names, another root."""
    other = start().cloud
    (tmp_path / "other").mkdir()
    theirs = support.sample(other, tmp_path / "other")
    log = notary.judged(theirs)
    assert messages(log) == {
        "The binary is not signed with a valid Developer ID certificate.",
        "The signature does not include a secure timestamp.",
    }


def test_an_incomplete_chain(notary: NotaryClient, application: Path, tmp_path: Path) -> None:
    """The leaf alone in the signature: the service looks for no intermediates."""
    copy, stamper = tmp_path / "tool", support.stamper(notary.cloud)
    key, certificate = notary.cloud.apple.identity("application")
    alone = LocalSigner("alone.p12", key, [certificate])
    sign_macho(Job(), _program(application), copy, alone, identifier="tool", timestamp=stamper)
    with zipfile.ZipFile(tmp_path / "App.zip", "w") as archive:
        archive.write(copy, "tool")
    log = notary.judged(tmp_path / "App.zip")
    assert "The binary is not signed with a valid Developer ID certificate." in messages(log, "tool")


def spoiled(application: Path, folder: Path, change: Callable[[Path], None]) -> Path:
    copy = folder / APP
    shutil.copytree(application, copy, symlinks=True)
    change(copy)
    return zipped(copy, folder / "App.zip")


def _program(bundle: Path) -> Path:
    return bundle / "Contents" / "MacOS" / "sample"


def flip_code(bundle: Path) -> None:
    path = _program(bundle)
    data = bytearray(path.read_bytes())
    with path.open("rb") as file:
        image = macho.read(file).images[0]
    data[image.offset + image.first_content] ^= 1
    path.write_bytes(data)


def flip_runtime(bundle: Path) -> None:
    """Take the hardened runtime's flag away: the signature over the directory breaks with it."""
    path = _program(bundle)
    data = bytearray(path.read_bytes())
    with path.open("rb") as file:
        for image in macho.read(file).images:
            assert image.signature is not None
            start = image.offset + image.signature.offset
            at = data.index(struct.pack(">I", superblob.MAGIC_CODE_DIRECTORY), start)
            flags = struct.unpack_from(">I", data, at + 12)[0]
            struct.pack_into(">I", data, at + 12, flags & ~code_directory.FLAG_RUNTIME)
    path.write_bytes(data)


INVALID = "The signature of the binary is invalid."


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (flip_code, {INVALID}),
        (flip_runtime, {INVALID, "The executable does not have the hardened runtime enabled."}),
        (lambda bundle: (bundle / "Contents" / "Resources" / "more.txt").write_text("new"), {INVALID}),
        (lambda bundle: (bundle / "Contents" / "Info.plist").write_bytes(plistlib.dumps({})), {INVALID}),
        (lambda bundle: (bundle / "Contents" / "_CodeSignature" / "CodeResources").unlink(), {INVALID}),
    ],
    ids=["code", "flags", "added", "info", "seal"],
)
def test_signatures_that_do_not_fit(
    notary: NotaryClient, application: Path, tmp_path: Path, change: Any, expected: set[str]
) -> None:
    log = notary.judged(spoiled(application, tmp_path, change))
    assert log["status"] == "Invalid"
    found = messages(log, PROGRAM)
    assert found == expected, log["issues"]


def test_a_changed_resource(notary: NotaryClient, application: Path, tmp_path: Path) -> None:
    def change(bundle: Path) -> None:
        resources = [path for path in (bundle / "Contents" / "Resources").rglob("*") if path.is_file()]
        resources[0].write_bytes(resources[0].read_bytes() + b" ")

    assert messages(notary.judged(spoiled(application, tmp_path, change)), PROGRAM) == {INVALID}


def test_a_stapled_application_is_still_intact(
    notary: NotaryClient, application: Path, tmp_path: Path
) -> None:
    stapled = spoiled(
        application, tmp_path, lambda at: (at / "Contents" / "CodeResources").write_bytes(b"s8ch")
    )
    assert notary.judged(stapled)["status"] == "Accepted"


def test_no_hardened_runtime(notary: NotaryClient, application: Path, tmp_path: Path) -> None:
    signer, stamper = support.signer(notary.cloud, "application"), support.stamper(notary.cloud)
    copy, roots = tmp_path / APP, support.roots(notary.cloud)
    sign_bundle(Job(), application, copy, signer, timestamp=stamper, hardened_runtime=False, roots=roots)
    log = notary.judged(zipped(copy, tmp_path / "App.zip"))
    assert messages(log) == {"The executable does not have the hardened runtime enabled."}
    assert {each["path"].rpartition("/")[2] for each in log["issues"]} == {"sample", "sample-helper"}


def test_debuggable_programs(notary: NotaryClient, application: Path, tmp_path: Path) -> None:
    copy = tmp_path / "tool"
    sign_macho(
        Job(),
        _program(application),
        copy,
        support.signer(notary.cloud, "application"),
        identifier="tool",
        entitlements=plistlib.dumps({"com.apple.security.get-task-allow": True}),
        timestamp=support.stamper(notary.cloud),
        roots=support.roots(notary.cloud),
    )
    with zipfile.ZipFile(tmp_path / "tool.zip", "w") as archive:
        archive.write(copy, "tool")
    log = notary.judged(tmp_path / "tool.zip")
    assert messages(log) == {"The executable requests the com.apple.security.get-task-allow entitlement."}


def test_a_package_that_was_changed_after_signing(notary: NotaryClient, signed: Path, tmp_path: Path) -> None:
    data = bytearray(signed.read_bytes())
    with Package(signed) as opened:
        place = opened.archive.signature("CMS")
        assert place is not None
        at = opened.archive.heap + place.offset
    end = data.rindex(b"\x04\x82\x01\x00", at, at + place.size)  # the signature's value, 256 bytes
    data[end + 20] ^= 1
    broken = tmp_path / signed.name
    broken.write_bytes(data)
    log = notary.judged(broken)
    assert {each["message"] for each in log["issues"]} >= {INVALID}
    assert {each["path"] for each in log["issues"]} == {signed.name}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 and nothing more",
        b"xar!" + bytes(100),
        b"\xcf\xfa\xed\xfe" + bytes(100),
        os.urandom(5000),
    ],
    ids=["empty", "zip", "xar", "program", "noise"],
)
def test_what_is_no_archive(notary: NotaryClient, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "App.zip").write_bytes(data)
    log = notary.judged(tmp_path / "App.zip")
    assert (log["status"], log["ticketContents"]) == ("Invalid", None)
    assert messages(log) == {"The contents of the package at App.zip could not be extracted."}


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/absolute"])
def test_an_archive_leads_nowhere_else(notary: NotaryClient, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "App.zip", "w") as archive:
        archive.writestr(name, b"x")
    log = notary.judged(tmp_path / "App.zip")
    assert log["status"] == "Invalid"
    assert not list(notary.cloud.folder.rglob("outside"))


def test_a_link_in_a_zip_leads_nowhere_else(notary: NotaryClient, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("out")
    link.external_attr = 0o120755 << 16
    with zipfile.ZipFile(tmp_path / "App.zip", "w") as archive:
        archive.writestr(link, str(tmp_path))
        archive.writestr("out/written", b"x")
    assert messages(notary.judged(tmp_path / "App.zip")) == {
        "The contents of the package at App.zip could not be extracted."
    }
    assert not (tmp_path / "written").exists()


def test_a_ticket_may_come_late_or_never(notary: NotaryClient, signed: Path, tmp_path: Path) -> None:
    plain = tmp_path / "again.pkg"
    build_sample(Job(), "Practice Backup", plain, version="1.0.1")
    package = support.sample(notary.cloud, tmp_path, source=plain)
    world = notary.cloud.world
    world.tickets.lag = 30
    log = notary.judged(package)
    name = f"2/2/{log['ticketContents'][0]['cdhash']}"
    assert notary.ticket(name)[0]["serverErrorCode"] == "NOT_FOUND"
    world.clock.offset += timedelta(seconds=31)
    assert "fields" in notary.ticket(name)[0]


def test_ticket_requests_have_to_hold(notary: NotaryClient) -> None:
    for body in (b"", b"[]", b'{"records":[]}', b'{"records":[{}]}', b'{"records":[{"recordName":1}]}'):
        answer = notary.session.post(support.TICKETS, data=body, timeout=20)
        assert answer.status_code == 400
        assert answer.json()["serverErrorCode"] == "BAD_REQUEST"
    # a form that staplers are around with, and that the service takes
    answer = notary.session.post(support.TICKETS, json={"records": {"recordName": "2/2/00"}}, timeout=20)
    assert answer.json()["records"][0]["serverErrorCode"] == "NOT_FOUND"


def test_indefinite_lengths_become_definite() -> None:
    ber = bytes.fromhex("3080 0201 05 2480 0402 6869 0401 21 0000 0000 ffff".replace(" ", ""))
    assert definite(ber) == bytes.fromhex("3008 020105 0403 686921".replace(" ", ""))
