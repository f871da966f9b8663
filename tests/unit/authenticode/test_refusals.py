"""What is no Windows program, or a damaged one, is refused with one sentence and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from codesign_wizard.core.authenticode.roots import RootStore
from codesign_wizard.core.authenticode.sign import sign_file
from codesign_wizard.core.authenticode.verify import verify_file
from codesign_wizard.core.errors import Cancelled, InputError
from codesign_wizard.core.job import Job
from tests.support import pe, pki

NEW = 0x80
OPTIONAL = NEW + 24
DIRECTORY = OPTIONAL + 144
NOT_A_PROGRAM = {
    "empty": (b"", "it is empty"),
    "zip": (b"PK\x03\x04" + bytes(60), "zip"),
    "msix": (b"PK\x03\x04" + bytes(26) + b"AppxManifest.xml" + bytes(60), "app package"),
    "msi": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), ".msi"),
    "cab": (b"MSCF" + bytes(60), "cabinet"),
    "elf": (b"\x7fELF" + bytes(60), "Linux"),
    "mach-o": (b"\xcf\xfa\xed\xfe" + bytes(60), "macOS"),
    "pkg": (b"xar!" + bytes(60), ".pkg"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(60), "7-Zip"),
    "pdf": (b"%PDF-1.7" + bytes(60), "PDF"),
    "script": (b"#!/bin/sh\nexit 0\n", "script"),
    "page": (b"<!DOCTYPE html><html></html>", "web page"),
    "text": (b"hello, world\n", "text"),
    "pem": (b"-----BEGIN CERTIFICATE-----\n", "PEM"),
    "noise": (bytes(range(256)), "does not know"),
    "MZ alone": (b"MZ", "DOS program"),
    "NE": (b"MZ" + bytes(0x3A) + struct.pack("<I", 0x40) + b"NE" + bytes(200), "16-bit"),
    "LE": (b"MZ" + bytes(0x3A) + struct.pack("<I", 0x40) + b"LE" + bytes(200), "driver"),
    "DOS": (b"MZ" + bytes(300), "DOS program"),
}


def put(offset: int, form: str, *values: int) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        changed = bytearray(data)
        struct.pack_into(form, changed, offset, *values)
        return bytes(changed)

    return change


MALFORMED: dict[str, Callable[[bytes], bytes]] = {
    "cut in the DOS header": lambda data: data[:0x30],
    "cut in the PE header": lambda data: data[: NEW + 10],
    "cut in the optional header": lambda data: data[: OPTIONAL + 60],
    "cut in the section table": lambda data: data[: OPTIONAL + 0xF0 + 10],
    "cut in a section": lambda data: data[:700],
    "e_lfanew huge": put(0x3C, "<I", 0xFFFFFFF0),
    "e_lfanew behind the end": put(0x3C, "<I", 0x10000),
    "e_lfanew odd": put(0x3C, "<I", 0x81),
    "e_lfanew overlapping": put(0x3C, "<I", 4),
    "optional header of no size": put(NEW + 20, "<H", 0),
    "four directories": put(OPTIONAL + 108, "<I", 4),
    "ROM magic": put(OPTIONAL, "<H", 0x107),
    "table with a size only": put(DIRECTORY, "<II", 0, 64),
    "table with a place only": put(DIRECTORY, "<II", 1024, 0),
    "table behind the end": put(DIRECTORY, "<II", 4096, 64),
    "table into the headers": put(DIRECTORY, "<II", 64, 1024 - 64),
    "table in the middle": put(DIRECTORY, "<II", 512, 64),
    "table huge": put(DIRECTORY, "<II", 1024, 0xFFFFFFF8),
    "table not aligned": lambda data: put(DIRECTORY, "<II", 1027, 61)(data + bytes(64)),
    "data behind the table": lambda data: put(DIRECTORY, "<II", 1024, 64)(data + bytes(80)),
    "a section behind the end": put(OPTIONAL + 0xF0 + 16, "<II", 0xFFFFFF00, 512),
}


def refused(source: Path, folder: Path) -> InputError:
    target = folder / "out.exe"
    before = sorted(folder.iterdir())
    with pytest.raises(InputError) as error:
        sign_file(Job(), source, target, pki.signer("p256"))
    assert sorted(folder.iterdir()) == before
    assert error.value.finding.title.count("\n") == 0
    return error.value


@pytest.mark.parametrize("name", NOT_A_PROGRAM)
def test_what_is_no_program_is_named(tmp_path: Path, name: str) -> None:
    data, words = NOT_A_PROGRAM[name]
    source = tmp_path / "file.bin"
    source.write_bytes(data)
    for error in (refused(source, tmp_path), _verify_refusal(source)):
        assert error.finding.id in ("authenticode.file.not-a-program", "authenticode.file.malformed")
        assert words in error.finding.title or name == "MZ alone"
        assert source.name in error.finding.title


@pytest.mark.parametrize("name", MALFORMED)
def test_a_damaged_program_is_refused(tmp_path: Path, name: str) -> None:
    source = tmp_path / "file.exe"
    source.write_bytes(MALFORMED[name](pe.small()))
    for error in (refused(source, tmp_path), _verify_refusal(source)):
        assert error.finding.id in ("authenticode.file.malformed", "authenticode.file.not-a-program")


def test_headers_alone_are_a_program(tmp_path: Path) -> None:
    data = bytearray(pe.small()[:512])
    struct.pack_into("<H", data, NEW + 6, 0)
    source, target = tmp_path / "in.exe", tmp_path / "out.exe"
    source.write_bytes(data)
    sign_file(Job(), source, target, pki.signer("p256"))
    assert _ids(target, _roots(tmp_path)).isdisjoint({"authenticode.verify.digest-wrong"})


def test_a_table_entry_that_lies_is_reported_and_can_be_replaced(tmp_path: Path) -> None:
    source, target = tmp_path / "in.exe", tmp_path / "out.exe"
    source.write_bytes(
        put(DIRECTORY, "<II", 1024, 64)(pe.small() + struct.pack("<IHH", 3, 0x200, 2) + bytes(56))
    )
    assert "authenticode.verify.table" in _ids(source, _roots(tmp_path))
    sign_file(Job(), source, target, pki.signer("p256"))
    verification = verify_file(Job(), target, roots=_roots(tmp_path))
    assert verification.ok, verification.findings
    with pytest.raises(InputError) as error:
        sign_file(Job(), source, tmp_path / "two.exe", pki.signer("p256"), append=True)
    assert error.value.finding.id == "authenticode.sign.cannot-append"


def test_nothing_can_be_appended_to_an_unsigned_file(tmp_path: Path) -> None:
    source = tmp_path / "in.exe"
    source.write_bytes(pe.small())
    with pytest.raises(InputError) as error:
        sign_file(Job(), source, tmp_path / "out.exe", pki.signer("p256"), append=True)
    assert error.value.finding.id == "authenticode.sign.cannot-append"


def test_appending_loses_no_entry_of_the_table(tmp_path: Path) -> None:
    source, target = tmp_path / "in.exe", tmp_path / "out.exe"
    source.write_bytes(pe.small())
    sign_file(Job(), source, source, pki.signer("p256"))
    once = source.read_bytes()
    table = once[1024:]
    source.write_bytes(put(DIRECTORY, "<II", 1024, 2 * len(table))(once + table))
    assert len(verify_file(Job(), source, roots=_roots(tmp_path)).signatures) == 2
    with pytest.raises(InputError) as error:
        sign_file(Job(), source, target, pki.signer("p256"), append=True)
    assert error.value.finding.id == "authenticode.sign.cannot-append"
    assert not target.exists()


def test_paths_that_cannot_be_used(tmp_path: Path) -> None:
    source = tmp_path / "in.exe"
    source.write_bytes(pe.small())
    signer = pki.signer("p256")
    for bad in (tmp_path / "missing.exe", tmp_path):
        with pytest.raises(InputError) as error:
            sign_file(Job(), bad, tmp_path / "out.exe", signer)
        assert error.value.finding.id == "authenticode.file.unreadable"
    with pytest.raises(InputError) as error:
        sign_file(Job(), source, tmp_path / "no" / "out.exe", signer)
    assert error.value.finding.id == "authenticode.file.unwritable"


@pytest.mark.skipif(os.name == "nt", reason="links, pipes and long names of POSIX")
@pytest.mark.parametrize("name", ["loop", "pipe", "folder", "x" * 300, ".", "/"])
def test_places_that_no_file_can_take(name: str, tmp_path: Path) -> None:
    source = tmp_path / "in.exe"
    source.write_bytes(pe.small())
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError) as error:
        sign_file(Job(), source, tmp_path / name, pki.signer("p256"))
    assert error.value.finding.id == "authenticode.file.unwritable"
    assert not error.value.finding.title.startswith(" ")
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "pipe").is_fifo()


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "in.exe", tmp_path / "out.exe"
    source.write_bytes(pe.small())
    target.write_bytes(b"old")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("codesign_wizard.core.authenticode.pe.copy_content", full)
    with pytest.raises(InputError, match="No space left"):
        sign_file(Job(), source, target, pki.signer("p256"))
    assert target.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.exe", "out.exe"]


def test_a_file_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "in.exe"
    source.write_bytes(pe.small(length=3 << 20))

    def touch(done: int, total: int | None, text: str) -> None:
        os.utime(source, ns=(done, done))

    with pytest.raises(InputError) as error:
        sign_file(Job(on_progress=touch), source, tmp_path / "out.exe", pki.signer("p256"))
    assert error.value.finding.id == "authenticode.file.changed"
    assert list(tmp_path.iterdir()) == [source]


def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "in.exe"
    source.write_bytes(pe.small(length=5 << 20))
    job = Job()
    job.on_progress = lambda *_: job.cancel()
    with pytest.raises(Cancelled):
        sign_file(job, source, tmp_path / "out.exe", pki.signer("p256"))
    assert list(tmp_path.iterdir()) == [source]


def test_a_file_can_be_signed_in_place_and_through_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.exe", tmp_path / "link.exe"
    real.write_bytes(pe.small())
    os.chmod(real, 0o755)
    link.symlink_to(real)
    sign_file(Job(), link, link, pki.signer("p256"))
    assert link.is_symlink()
    assert verify_file(Job(), real, roots=_roots(tmp_path)).ok
    assert real.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("description", "url"),
    [
        ("x" * 2000, ""),
        ("a\nb", ""),
        ("", "ftp://x.example"),
        ("", "https://ü.example"),
        ("", "javascript:1"),
    ],
)
def test_texts_that_do_not_belong_into_a_signature(tmp_path: Path, description: str, url: str) -> None:
    source = tmp_path / "in.exe"
    source.write_bytes(pe.small())
    with pytest.raises(InputError) as error:
        sign_file(Job(), source, tmp_path / "o.exe", pki.signer("p256"), description=description, url=url)
    assert error.value.finding.id == "authenticode.sign.bad-text"


def _verify_refusal(source: Path) -> InputError:
    with pytest.raises(InputError) as error:
        verify_file(Job(), source, roots=RootStore.microsoft())
    return error.value


def _roots(folder: Path) -> RootStore:
    path = folder / "roots.pem"
    path.write_bytes(pki.root().pem)
    return RootStore.microsoft([path])


def _ids(path: Path, roots: RootStore) -> set[str]:
    return {finding.id for finding in verify_file(Job(), path, roots=roots).findings}
