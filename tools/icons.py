"""Makes the app's icon in every form from the two drawings in ``resources/icons``.

``python -m tools.icons`` writes the pictures for windows and Linux desktops (.png), the icon of the Windows
programs (.ico) and that of the macOS bundle (.icns); ``--check`` says which of them no longer match. Sources:
Microsoft, "Icons" (ICONDIR, BITMAPINFOHEADER); Apple, "Icon Services" (the types of an icon family) and Human
Interface Guidelines, "App icons" (the drawing fills 824 of 1024 points on macOS).
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "resources" / "icons"
NAME = "codesign-wizard"
PNG_SIZES = (16, 24, 32, 48, 64, 128, 256)
ICO_SIZES = (16, 20, 24, 32, 40, 48, 64, 256)
# type and width in pixels; ic11 to ic14 are 16, 32, 128 and 256 points on a fine display
ICNS_TYPES = (
    (b"icp4", 16),
    (b"icp5", 32),
    (b"ic11", 32),
    (b"ic12", 64),
    (b"ic07", 128),
    (b"ic13", 256),
    (b"ic08", 256),
    (b"ic14", 512),
    (b"ic09", 512),
    (b"ic10", 1024),
)
_SMALL = 24  # up to here the small drawing
_MACOS_SHARE = 824 / 1024
_DRAWN_SHARE = 240 / 256  # of its box the drawing fills this by itself


def main(arguments: Sequence[str] = (), *, folder: Path = FOLDER) -> int:
    """Write the pictures into *folder*, or with ``--check`` compare; return the exit code."""
    made = {f"{NAME}-{size}.png": png(size) for size in PNG_SIZES}
    made[f"{NAME}.ico"] = ico(ICO_SIZES)
    made[f"{NAME}.icns"] = icns()
    if "--check" in arguments:
        stale = [name for name, content in made.items() if not _same(folder / name, content)]
        if stale:
            print(f"Out of date: {', '.join(stale)}. Run: python -m tools.icons")
        return 1 if stale else 0
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        (folder / name).write_bytes(content)
    return 0


def png(size: int, *, macos: bool = False) -> bytes:
    """Return the icon as a PNG of *size* by *size* pixels, with macOS' margin if asked for."""
    from PySide6.QtCore import QBuffer, QIODevice, QRectF
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    small = size <= _SMALL
    drawing = QSvgRenderer(str(FOLDER / (f"{NAME}-small.svg" if small else f"{NAME}.svg")))
    if not drawing.isValid():
        raise ValueError(f"{FOLDER} has no drawing that can be read")
    picture = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(0)
    # on so few pixels macOS' margin would cost more than it gives
    width = size * _MACOS_SHARE / _DRAWN_SHARE if macos and not small else size
    painter = QPainter(picture)
    drawing.render(painter, QRectF((size - width) / 2, (size - width) / 2, width, width))
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not picture.save(buffer, "PNG", 0):  # type: ignore[call-overload]  # it takes a device; the stub does not
        raise ValueError("Qt could not write the picture")
    return bytes(buffer.data().data())


def ico(sizes: Iterable[int]) -> bytes:
    """Return a Windows icon: bitmaps, which every part of Windows reads, and PNG at 256 pixels."""
    pictures = [(size, png(size) if size >= 256 else _bitmap(size)) for size in sizes]
    offset = 6 + 16 * len(pictures)
    header = struct.pack("<HHH", 0, 1, len(pictures))
    body = b""
    for size, content in pictures:
        header += struct.pack(
            "<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(content), offset + len(body)
        )
        body += content
    return header + body


def icns() -> bytes:
    """Return a macOS icon family of PNG pictures."""
    body = b""
    for kind, size in ICNS_TYPES:
        content = png(size, macos=True)
        body += kind + struct.pack(">I", 8 + len(content)) + content
    return b"icns" + struct.pack(">I", 8 + len(body)) + body


def _bitmap(size: int) -> bytes:
    """Return a 32-bit bitmap as an icon holds it: header of twice the height, BGRA rows bottom up, a mask."""
    from PySide6.QtGui import QImage

    picture = QImage.fromData(png(size)).convertToFormat(QImage.Format.Format_ARGB32)
    pixels = bytes(picture.constBits())
    row = size * 4  # ARGB32 is B, G, R, A in memory here
    rows = b"".join(pixels[y * row : (y + 1) * row] for y in reversed(range(size)))
    mask = bytes((size + 31) // 32 * 4 * size)  # the alpha channel says it all
    header = struct.pack("<IiiHHIIiiII", 40, size, size * 2, 1, 32, 0, len(rows) + len(mask), 0, 0, 0, 0)
    return header + rows + mask


def _same(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    sys.exit(main(sys.argv[1:]))
