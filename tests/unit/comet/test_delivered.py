"""What a server delivers is unpacked without trusting it."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from codesign_wizard.core.comet import delivered
from codesign_wizard.core.comet.delivered import DeliveryError, open_delivery
from codesign_wizard.core.job import Job


def zipped(path: Path, *files: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return path


def unpacked(tmp_path: Path, path: Path) -> delivered.Delivery:
    folder = tmp_path / "out"
    folder.mkdir()
    return open_delivery(Job(), path, folder)


def test_one_installer(tmp_path: Path) -> None:
    found = unpacked(tmp_path, zipped(tmp_path / "a.zip", ("setup.exe", b"MZ one"), ("readme.txt", b"")))
    assert [path.read_bytes() for path in found.windows] == [b"MZ one"]
    assert found.others == ["readme.txt"]
    assert found.data_files == []


def test_a_loader_has_data_beside_it(tmp_path: Path) -> None:
    found = unpacked(tmp_path, zipped(tmp_path / "a.zip", ("install.exe", b"MZ"), ("install.dat", b"x")))
    assert found.data_files == ["install.dat"]


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.exe",
        "/evil.exe",
        "C:\\evil.exe",
        "a/../../evil.exe",
        "..\\..\\evil.exe",
        "\x1b[2Jevil.exe",
    ],
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    found = unpacked(tmp_path, zipped(tmp_path / "a.zip", (name, b"MZ")))
    (path,) = found.windows
    assert path.resolve().is_relative_to((tmp_path / "out").resolve())
    assert path.name.isprintable()
    assert {each.name for each in tmp_path.iterdir()} == {"a.zip", "out"}


def test_two_of_a_name_are_two(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with pytest.warns(UserWarning, match="Duplicate"):
        zipped(path, ("a.exe", b"MZ1"), ("a.exe", b"MZ2"))
    found = unpacked(tmp_path, path)
    assert len({each.read_bytes() for each in found.windows}) == 2


def test_a_link_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    entry = zipfile.ZipInfo("link.exe")
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    (found,) = unpacked(tmp_path, path).windows
    assert not found.is_symlink()
    assert found.read_bytes() == b"/etc/passwd"


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivered, "_MAXIMUM_UNPACKED", 1 << 20)
    with pytest.raises(DeliveryError, match="unpacks"):
        unpacked(tmp_path, zipped(tmp_path / "a.zip", ("a.exe", bytes(3 << 20))))


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivered, "_MAXIMUM_ENTRIES", 3)
    with pytest.raises(DeliveryError, match="3"):
        unpacked(tmp_path, zipped(tmp_path / "a.zip", *((f"{n}.dat", b"") for n in range(4))))


@pytest.mark.parametrize("kind", ["text", "empty", "cut", "flipped", "locked"])
def test_what_is_damaged_or_nothing_of_the_kind(tmp_path: Path, kind: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.exe", b"MZ" + bytes(range(256)) * 40)
    data = bytearray(buffer.getvalue())
    if kind == "text":
        data = bytearray(b"Not found")
    elif kind == "empty":
        data = bytearray()
    elif kind == "cut":
        data = data[: len(data) // 2]
    elif kind == "flipped":
        data[60] ^= 0xFF
    else:
        data[6] |= 1
        data[data.index(b"PK\x01\x02") + 8] |= 1
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(DeliveryError):
        unpacked(tmp_path, path)


def test_bare_files_are_taken_as_they_are(tmp_path: Path) -> None:
    for name, start in (("a", b"MZ..."), ("b", b"xar!...")):
        (tmp_path / name).write_bytes(start)
    assert open_delivery(Job(), tmp_path / "a", tmp_path).windows == [tmp_path / "a"]
    assert open_delivery(Job(), tmp_path / "b", tmp_path).packages == [tmp_path / "b"]
