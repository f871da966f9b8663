"""The program signs itself: what the stand-alone app starts on Windows and macOS, by its own command.

Neither can be made here. What stands in for them is what makes them up: PyInstaller's own programs for those
systems, with an archive at their end on Windows, in a bundle made by our recipe on macOS.
"""

from __future__ import annotations

import os
import plistlib
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support import apple_bundles, command_line, fetched, judges
from tools import icons
from tools.package import labels

ROOT = Path(__file__).resolve().parents[2]
ENTITLEMENTS = ROOT / "tools" / "package" / "entitlements.plist"
LOADERS = "PyInstaller/bootloader"


@pytest.fixture(scope="module")
def version() -> str:
    from importlib.metadata import version as version_of

    return version_of("pyinstaller")


def command(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, Any]:
    """Run our command line and return its document."""
    said = command_line.run(capsys, *words, "--json")
    assert said.code == 0, said.document["findings"]
    return said.document


@pytest.mark.parametrize("loader", ["run.exe", "runw.exe"])
def test_a_windows_program_keeps_its_archive(
    tmp_path: Path, version: str, loader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from PyInstaller.archive.readers import CArchiveReader
    from PyInstaller.archive.writers import CArchiveWriter

    member = f"{LOADERS}/Windows-64bit-intel/{loader}"
    program = fetched.from_wheel("pyinstaller", version, "win_amd64", member, tmp_path)
    archive, script = tmp_path / "archive", tmp_path / "codesign-wizard"
    script.write_text("print('the program')\n")
    CArchiveWriter(str(archive), [("codesign-wizard", str(script), True, "s")], "python311.dll")
    program.write_bytes(program.read_bytes() + archive.read_bytes())

    target = tmp_path / "signed" / "codesign-wizard.exe"
    target.parent.mkdir()
    command(capsys, "sign", program, "--output", target, "--practice")
    judges.osslsigncode_accepts(
        target,
        target.with_name("practice-roots.pem"),
        target.with_name("practice-timestamp-roots.pem"),
    )
    # where the loader looks for it: the last of its marks in the file
    assert CArchiveReader(str(target)).extract("codesign-wizard")
    assert target.stat().st_size > program.stat().st_size


@pytest.mark.skipif(os.name == "nt", reason="bundles hold links and modes")
def test_a_macos_bundle_has_its_entitlements(
    tmp_path: Path, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = judges.program("rcodesign")
    app = tmp_path / labels.MACOS_BUNDLE
    contents = app / "Contents"
    for name, loader in (("codesign-wizard-gui", "runw"), ("codesign-wizard", "run")):
        member = f"{LOADERS}/Darwin-64bit/{loader}"
        path = fetched.from_wheel("pyinstaller", version, "macosx_10_13_universal2", member, tmp_path)
        apple_bundles.write(contents / "MacOS" / name, path.read_bytes(), 0o755)
    apple_bundles.write(
        contents / "Info.plist",
        plistlib.dumps(
            {
                **labels.information(),
                "CFBundleExecutable": "codesign-wizard-gui",
                "CFBundleIdentifier": labels.IDENTIFIER,
                "CFBundlePackageType": "APPL",
            }
        ),
    )
    # as PyInstaller lays it out: data in Resources and links to them beside the libraries in Frameworks
    icon = contents / "Resources" / "codesign_wizard" / "resources" / "codesign-wizard.icns"
    icon.parent.mkdir(parents=True)
    shutil.copy(icons.FOLDER / f"{icons.NAME}.icns", icon)
    library = contents / "Frameworks" / "libexample.dylib"
    apple_bundles.write(library, path.read_bytes(), 0o755)
    (contents / "Frameworks" / "codesign_wizard").symlink_to("../Resources/codesign_wizard")
    (contents / "Resources" / "libexample.dylib").symlink_to("../Frameworks/libexample.dylib")
    with zipfile.ZipFile(contents / "Resources" / "base_library.zip", "w") as archive:
        archive.writestr("os.pyc", b"")

    target = tmp_path / "signed" / labels.MACOS_BUNDLE
    target.parent.mkdir()
    command(capsys, "sign", app, "--output", target, "--entitlements", ENTITLEMENTS, "--practice")
    roots = target.with_name("practice-roots.pem")
    command(capsys, "verify", target, "--extra-root", roots, "--extra-timestamp-root", roots)
    for name in ("MacOS/codesign-wizard-gui", "MacOS/codesign-wizard", "Frameworks/libexample.dylib"):
        signed = target / "Contents" / name
        assert "no problems detected!" in judges.run(tool, "verify", signed).stdout, name
    shown = judges.run(
        tool, "print-signature-info", target / "Contents" / "MacOS" / "codesign-wizard-gui"
    ).stdout
    assert "com.apple.security.cs.allow-unsigned-executable-memory" in shown
    assert "RUNTIME" in shown.upper()
    assert (target / "Contents" / "Frameworks" / "codesign_wizard").is_symlink()
