"""What a Linux desktop wants beside the programs: an entry for its menu and the icon in its sizes."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ICONS = ROOT / "resources" / "icons"
ENTRY = Path(__file__).with_name("codesign-wizard.desktop")
SCRIPT = Path(__file__).with_name("add-to-menu.sh")


def add_desktop_entry(app: Path) -> None:
    """Put the entry, the icons and the script that tells the desktop of them into the folder *app*."""
    share = app / "share"
    (share / "applications").mkdir(parents=True)
    shutil.copy(ENTRY, share / "applications")
    for picture in ICONS.glob("codesign-wizard-[0-9]*.png"):
        size = picture.stem.rpartition("-")[2]
        folder = share / "icons" / "hicolor" / f"{size}x{size}" / "apps"
        folder.mkdir(parents=True)
        shutil.copy(picture, folder / "codesign-wizard.png")
    scalable = share / "icons" / "hicolor" / "scalable" / "apps"
    scalable.mkdir(parents=True)
    shutil.copy(ICONS / "codesign-wizard.svg", scalable)
    target = app / SCRIPT.name
    shutil.copy(SCRIPT, target)
    target.chmod(0o755)
