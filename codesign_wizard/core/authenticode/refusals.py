"""One sentence on why a file is not signed: what it is instead, or what about it is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from codesign_wizard.core.finding import Certainty, Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

NOT_A_PE = FindingKind(
    "authenticode.file.not-a-program",
    Severity.ERROR,
    "{file} is not a Windows program: {what}.",
    "The file is of another kind; only .exe and .dll files are signed for Windows.",
)
MALFORMED = FindingKind(
    "authenticode.file.malformed",
    Severity.ERROR,
    "{file} is damaged: {why}.",
    "The file begins like a Windows program but its headers or tables contradict each other.",
)
UNREADABLE = FindingKind(
    "authenticode.file.unreadable",
    Severity.ERROR,
    "{file} cannot be read: {why}.",
    "The file is missing, is a folder, or the system does not let it be read.",
)
UNWRITABLE = FindingKind(
    "authenticode.file.unwritable",
    Severity.ERROR,
    "{file} cannot be written: {why}.",
    "The folder is missing or full, or the system does not let the file be written.",
)
CHANGED = FindingKind(
    "authenticode.file.changed",
    Severity.ERROR,
    "{file} changed while it was being signed; nothing was written.",
    "Another program wrote to the file while it was read.",
)


def _unpack() -> Remedy:
    return Remedy(title=tr("Unpack it and sign the .exe inside."))


def _other_tool() -> Remedy:
    return Remedy(title=tr("Sign it with the tool that made it, or choose the .exe installer."))


def malformed(path: Path, why: str) -> Finding:
    """Return the finding for a program that contradicts itself."""
    return MALFORMED(
        file=path.name,
        why=why,
        certainty=Certainty.COMPUTED,
        remedies=[Remedy(title=tr("Build or download the file again."))],
    )


def not_a_pe(path: Path, file: BinaryIO, size: int) -> Finding:
    """Return the finding that names what the open *file* is instead, by its first bytes."""
    file.seek(0)
    start = file.read(4096)
    what, remedy = _kind(start, size)
    return NOT_A_PE(
        file=path.name,
        what=what,
        certainty=Certainty.COMPUTED,
        remedies=[remedy] if remedy is not None else [],
    )


def describe(file: BinaryIO, size: int) -> str:
    """Return in words what the open *file* is by its first bytes; it is then at its beginning again."""
    file.seek(0)
    what, _ = _kind(file.read(4096), size)
    file.seek(0)
    return what


def _kind(start: bytes, size: int) -> tuple[str, Remedy | None]:
    if not size:
        return tr("it is empty"), None
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        if b"AppxManifest.xml" in start or b"[Content_Types].xml" in start:
            return tr("it is an app package or document in a zip (.msix, .appx, .vsix, .docx)"), _other_tool()
        return tr("it is a zip file"), _unpack()
    for magic, name, remedy in _magics():
        if start.startswith(magic):
            return name, remedy
    if start[:2] == b"MZ":
        return _old_program(start), None
    text = start.lstrip(b"\xef\xbb\xbf\xff\xfe")
    if text.startswith(b"#!"):
        return tr("it is a script"), None
    if text[:64].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return tr("it is a web page; perhaps the download was an error message"), None
    if b"\0" not in start and all(byte >= 0x20 or byte in b"\t\r\n\f\x1b" for byte in start):
        return tr("it is a text file"), None
    return tr("it is of a kind this tool does not know"), None


def _magics() -> list[tuple[bytes, str, Remedy | None]]:
    return [
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            tr("it is a Windows Installer package (.msi) or an old document; this tool signs neither"),
            _other_tool(),
        ),
        (b"MSCF", tr("it is a cabinet (.cab), which this tool does not sign"), _other_tool()),
        (b"\x7fELF", tr("it is a Linux program"), None),
        (b"\xcf\xfa\xed\xfe", tr("it is a macOS program"), None),
        (b"\xce\xfa\xed\xfe", tr("it is a macOS program"), None),
        (b"\xca\xfe\xba\xbe", tr("it is a universal macOS program or a Java class"), None),
        (b"xar!", tr("it is a macOS package (.pkg)"), None),
        (b"7z\xbc\xaf\x27\x1c", tr("it is a 7-Zip archive"), _unpack()),
        (b"Rar!", tr("it is a RAR archive"), _unpack()),
        (b"\x1f\x8b", tr("it is a gzip file"), _unpack()),
        (b"\xfd7zXZ", tr("it is an xz file"), _unpack()),
        (b"BZh", tr("it is a bzip2 file"), _unpack()),
        (b"%PDF", tr("it is a PDF document"), None),
        (b"!<arch>", tr("it is a library or a Debian package"), None),
        (b"-----BEGIN ", tr("it is a certificate, request or key in PEM"), None),
        (b"\x30\x82", tr("it looks like a certificate or a key file"), None),
    ]


def _old_program(start: bytes) -> str:
    if len(start) >= 0x40:
        new = int.from_bytes(start[0x3C:0x40], "little")
        kind = start[new : new + 2]
        if kind == b"NE":
            return tr("it is a 16-bit Windows program")
        if kind in (b"LE", b"LX"):
            return tr("it is an OS/2 program or an old driver")
    return tr("it is a DOS program, or was cut short")
