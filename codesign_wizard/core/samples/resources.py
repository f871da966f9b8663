"""The samples' resource section: icon, version information, manifest.

Sources: Microsoft, "PE Format", section ".rsrc"; "VS_VERSIONINFO structure" and its sisters; "Application
manifests".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from codesign_wizard.core.samples import icon

_RT_ICON, _RT_GROUP_ICON, _RT_VERSION, _RT_MANIFEST = 3, 14, 16, 24
_ENGLISH = 0x0409
_UNICODE = 1200

_MANIFEST = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
  <assemblyIdentity type="win32" name="CodesignWizard.Sample" version="1.0.0.0" processorArchitecture="*"/>
  <trustInfo xmlns="urn:schemas-microsoft-com:asm.v3">
    <security>
      <requestedPrivileges>
        <requestedExecutionLevel level="asInvoker" uiAccess="false"/>
      </requestedPrivileges>
    </security>
  </trustInfo>
  <compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1">
    <application>
      <supportedOS Id="{35138b9a-5d96-4fbd-8e2d-a2440225f93a}"/>
      <supportedOS Id="{4a2f28e3-53b9-4441-ba9c-d69d4a4a6e38}"/>
      <supportedOS Id="{1f676c76-80e1-4239-95bb-83d0f6d0da78}"/>
      <supportedOS Id="{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"/>
    </application>
  </compatibility>
  <application xmlns="urn:schemas-microsoft-com:asm.v3">
    <windowsSettings>
      <dpiAware xmlns="http://schemas.microsoft.com/SMI/2005/WindowsSettings">true</dpiAware>
      <dpiAwareness xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">PerMonitorV2</dpiAwareness>
    </windowsSettings>
  </application>
</assembly>
"""


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """What the *Details* tab shows. ``version`` is four numbers below 65536."""

    version: tuple[int, int, int, int]
    strings: dict[str, str]


def section(info: VersionInfo, rva: int) -> bytes:
    """Return the resource section for the address *rva*."""
    pictures = [icon.bitmap(size) for size in icon.SIZES]
    numbers = list(range(1, len(pictures) + 1))
    tree = {
        _RT_ICON: dict(zip(numbers, pictures, strict=True)),
        _RT_GROUP_ICON: {1: icon.group(numbers, pictures)},
        _RT_VERSION: {1: version_resource(info)},
        _RT_MANIFEST: {1: _MANIFEST.encode("utf-8")},
    }
    return _directory(tree, rva)


def version_resource(info: VersionInfo) -> bytes:
    """Return a VS_VERSIONINFO with one table of strings, in English and UTF-16."""
    high, low = info.version[0] << 16 | info.version[1], info.version[2] << 16 | info.version[3]
    fixed = struct.pack(
        "<13I",
        0xFEEF04BD,  # signature
        0x00010000,  # structure version
        high,
        low,  # file version
        high,
        low,  # product version
        0x3F,  # which flags count
        0,  # flags: neither debug nor prerelease
        0x00040004,  # VOS_NT_WINDOWS32
        1,  # VFT_APP
        0,
        0,
        0,  # no date, so that the bytes stay the same
    )
    strings = [
        _block(name, 1, value.encode("utf-16-le") + b"\0\0", len(value.encode("utf-16-le")) // 2 + 1)
        for name, value in info.strings.items()
    ]
    table = _block(f"{_ENGLISH:04X}{_UNICODE:04X}", 1, b"", 0, strings)
    translation = _block("Translation", 0, struct.pack("<HH", _ENGLISH, _UNICODE), 4)
    return _block(
        "VS_VERSION_INFO",
        0,
        fixed,
        len(fixed),
        [_block("StringFileInfo", 1, b"", 0, [table]), _block("VarFileInfo", 1, b"", 0, [translation])],
    )


def _block(key: str, kind: int, value: bytes, length: int, children: list[bytes] | None = None) -> bytes:
    """Return one node: header, key, value, children, each at a multiple of four.

    *kind* is 1 for text; *length* counts words of text or bytes of data, as the structure wants it.
    """
    body = _padded(bytes(6) + key.encode("utf-16-le") + b"\0\0") + value
    for child in children or []:
        body = _padded(body) + child
    return struct.pack("<HHH", len(body), length, kind) + body[6:]


def _padded(data: bytes, multiple: int = 4) -> bytes:
    return data + bytes(-len(data) % multiple)


def _directory(tree: dict[int, dict[int, bytes]], rva: int) -> bytes:
    """Lay out type, name and language directories, then the data entries, then the data."""
    types = len(tree)
    leaves = [(kind, name) for kind, names in tree.items() for name in names]
    name_tables = 16 + 8 * types
    language_tables = name_tables + sum(16 + 8 * len(names) for names in tree.values())
    entries = language_tables + 24 * len(leaves)
    position = entries + 16 * len(leaves)

    out = bytearray(_table(types))
    offset = name_tables
    for kind, names in tree.items():
        out += struct.pack("<II", kind, 0x8000_0000 | offset)
        offset += 16 + 8 * len(names)
    leaf = 0
    for names in tree.values():
        out += _table(len(names))
        for name in names:
            out += struct.pack("<II", name, 0x8000_0000 | (language_tables + 24 * leaf))
            leaf += 1
    for index in range(len(leaves)):
        out += _table(1) + struct.pack("<II", _ENGLISH, entries + 16 * index)
    data = bytearray()
    for kind, name in leaves:
        content = tree[kind][name]
        out += struct.pack("<IIII", rva + position + len(data), len(content), 0, 0)
        data += _padded(content, 8)
    return bytes(out + data)


def _table(entries: int) -> bytes:
    """Return an IMAGE_RESOURCE_DIRECTORY of *entries* numbered entries, without a date."""
    return struct.pack("<IIHHHH", 0, 0, 0, 0, 0, entries)
