"""What the stand-alone app says of itself: to Windows in a version resource, to macOS in Info.plist.

Sources: Microsoft, "VERSIONINFO resource"; Apple, "Information Property List".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codesign_wizard import __version__ as VERSION  # noqa: N812  # a constant here
from codesign_wizard.core.language import languages

NAME = "Codesign Wizard"
IDENTIFIER = "org.codesign-wizard.app"
MACOS_BUNDLE = f"{NAME}.app"
COPYRIGHT = "The Codesign Wizard authors, MIT License"
# what the PySide6 wheels in the lock are built for
OLDEST_MACOS = "13.0"


def information() -> dict[str, Any]:
    """Return what is added to the bundle's Info.plist."""
    return {
        "CFBundleName": NAME,
        "CFBundleDisplayName": NAME,
        # without it the system shows its own panels and menus in English
        "CFBundleLocalizations": languages(),
        "CFBundleShortVersionString": VERSION,
        "CFBundleVersion": VERSION,
        "LSApplicationCategoryType": "public.app-category.developer-tools",
        "LSMinimumSystemVersion": OLDEST_MACOS,
        "NSHighResolutionCapable": True,
        "NSHumanReadableCopyright": COPYRIGHT,
        "NSRequiresAquaSystemAppearance": False,  # follows dark mode
    }


def version_resource() -> str:
    """Return the Windows version resource in the form that PyInstaller reads."""
    numbers = (*map(int, VERSION.split(".")), 0)[:4]
    texts = {
        "CompanyName": "The Codesign Wizard authors",
        "FileDescription": NAME,
        "FileVersion": VERSION,
        "InternalName": "codesign-wizard",
        "LegalCopyright": COPYRIGHT,
        "ProductName": NAME,
        "ProductVersion": VERSION,
    }
    strings = ", ".join(f"StringStruct({name!r}, {text!r})" for name, text in texts.items())
    return (
        "VSVersionInfo(\n"
        f"  ffi=FixedFileInfo(filevers={numbers}, prodvers={numbers}, mask=0x3F, flags=0, OS=0x40004,\n"
        "    fileType=1, subtype=0, date=(0, 0)),\n"
        "  kids=[\n"
        f"    StringFileInfo([StringTable('040904B0', [{strings}])]),\n"
        "    VarFileInfo([VarStruct('Translation', [0x409, 1200])]),\n"
        "  ],\n"
        ")\n"
    )


def write_version_resource(folder: Path) -> str:
    """Write the version resource into *folder* and return its path."""
    target = folder / "version-resource.txt"
    target.write_text(version_resource(), encoding="utf-8")
    return str(target)
