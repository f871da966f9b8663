"""Which of macOS' forms a path has, by looking at it: a package, an app, a program, or an app in a zip."""

from __future__ import annotations

import os
import zipfile
from enum import StrEnum
from pathlib import Path

from codesign_wizard.core.apple.macho import is_macho
from codesign_wizard.core.apple.xar import MAGIC
from codesign_wizard.core.files import require_file
from codesign_wizard.core.text import tr

_ZIP = b"PK\x03\x04"
_MAXIMUM_ZIP_ENTRIES = 500_000


class Form(StrEnum):
    """What is signed for macOS."""

    PACKAGE = "package"
    BUNDLE = "bundle"
    PROGRAM = "program"
    ZIP = "zip"  # an app in a zip, as it is downloaded

    @property
    def label(self) -> str:
        """The form in words."""
        return {
            Form.PACKAGE: tr("package"),
            Form.BUNDLE: tr("app or other bundle"),
            Form.PROGRAM: tr("program"),
            Form.ZIP: tr("app in a zip"),
        }[self]

    @property
    def suffix(self) -> str:
        """The usual ending of a file name, "" for a program."""
        return {Form.PACKAGE: ".pkg", Form.BUNDLE: ".app", Form.PROGRAM: "", Form.ZIP: ".zip"}[self]


def form_of(path: Path) -> Form | None:
    """Return the form of *path*, or ``None`` when it is none of them or cannot be read.

    A folder is a bundle whatever is in it: signing it says what is missing.
    """
    try:
        if os.path.isdir(path):  # noqa: PTH112  # it never raises
            return Form.BUNDLE
        require_file(path)
        with path.open("rb") as file:
            start = file.read(8)
    except (OSError, ValueError):
        return None
    if start.startswith(MAGIC):
        return Form.PACKAGE
    if is_macho(start):
        return Form.PROGRAM
    if start.startswith(_ZIP) and _holds_app(path):
        return Form.ZIP
    return None


def _holds_app(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False
    return len(names) <= _MAXIMUM_ZIP_ENTRIES and any(
        name.count("/") == 2 and name.endswith(".app/Contents/Info.plist") for name in names
    )
