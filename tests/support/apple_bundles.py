"""An app bundle with everything in it that signing has to get right."""

from __future__ import annotations

import plistlib
from pathlib import Path

from tests.support import macho


def info(identifier: str, executable: str, **more: object) -> bytes:
    """Return an Info.plist."""
    return plistlib.dumps(
        {
            "CFBundleIdentifier": identifier,
            "CFBundleExecutable": executable,
            "CFBundlePackageType": "APPL",
            **more,
        }
    )


def write(path: Path, data: bytes, mode: int = 0o644) -> Path:
    """Write a file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)
    return path


def app(folder: Path, name: str = "Example.app") -> Path:
    """Make an app with a universal program, a tool, a framework, an inner app, languages and links."""
    top = folder / name
    contents = top / "Contents"
    both = macho.universal(macho.thin("x86_64"), macho.thin("arm64", seed=3))
    write(contents / "Info.plist", info("org.example.app", "Example"))
    write(contents / "PkgInfo", b"APPL????")
    write(contents / "MacOS" / "Example", both, 0o755)
    write(contents / "MacOS" / "tool", macho.thin(seed=5), 0o755)
    write(contents / "Resources" / "icon.icns", b"icns")
    write(contents / "Resources" / "en.lproj" / "Localizable.strings", b"en")
    write(contents / "Resources" / "en.lproj" / "locversion.plist", b"version")
    write(contents / "Resources" / "Base.lproj" / "Main.strings", b"base")
    write(contents / "Resources" / ".DS_Store", b"store")
    write(contents / "Resources" / "helper", macho.thin(seed=7), 0o755)
    (contents / "Resources" / "link").symlink_to("icon.icns")
    framework = contents / "Frameworks" / "Part.framework"
    version = framework / "Versions" / "A"
    write(version / "Resources" / "Info.plist", info("org.example.part", "Part", CFBundlePackageType="FMWK"))
    write(version / "Part", macho.thin(file_type=macho.DYLIB, seed=9), 0o755)
    (framework / "Versions" / "Current").symlink_to("A")
    (framework / "Part").symlink_to("Versions/Current/Part")
    (framework / "Resources").symlink_to("Versions/Current/Resources")
    write(contents / "Frameworks" / "libinner.dylib", macho.thin(file_type=macho.DYLIB, seed=11), 0o755)
    inner = contents / "Library" / "LoginItems" / "Inner.app" / "Contents"
    write(inner / "Info.plist", info("org.example.inner", "Inner"))
    write(inner / "MacOS" / "Inner", macho.thin(seed=13), 0o755)
    write(inner / "Resources" / "x.txt", b"x")
    return top
