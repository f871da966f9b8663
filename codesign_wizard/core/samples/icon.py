"""The samples' icon, drawn by arithmetic: a rounded square in the accent colour with a tick on it.

Source: Microsoft, "Icons" (ICONDIR, GRPICONDIR) and BITMAPINFOHEADER. Pictures are 32-bit bitmaps and not
PNG, because the bytes of a PNG depend on the compressor's version.
"""

from __future__ import annotations

import functools
import itertools
import math
import struct

SIZES = (16, 32, 48)
_ACCENT = (0x22, 0x57, 0xD6)
_PAPER = (0xFF, 0xFF, 0xFF)
_CORNER = 0.2
_TICK = ((0.26, 0.53), (0.43, 0.70), (0.75, 0.32))  # a polyline in units of the side, y downwards
_STROKE = 0.065
# the same tick, smaller and higher, where a name stands below it
_RAISED_BY = 0.7
_RAISED = tuple((0.5 + (x - 0.5) * _RAISED_BY, 0.03 + y * _RAISED_BY) for x, y in _TICK)
_OVERSAMPLING = 4
_BLOCK = 8  # pixels; every size is a multiple


@functools.cache
def bitmap(size: int, raised: bool = False) -> bytes:
    """Return one picture as an icon resource holds it: header, BGRA rows bottom up, empty mask.

    With *raised* the tick leaves the lower third to a name.
    """
    tick, stroke = (_RAISED, _STROKE * _RAISED_BY) if raised else (_TICK, _STROKE)
    # the height counts the picture and its 1-bit mask
    header = struct.pack("<IiiHHIIiiII", 40, size, size * 2, 1, 32, 0, size * size * 4, 0, 0, 0, 0)
    rows = bytearray(size * size * 4)
    for y in range(0, size, _BLOCK):
        for x in range(0, size, _BLOCK):
            _paint(rows, x, y, _BLOCK, size, tick, stroke)
    mask_row = (size + 31) // 32 * 4
    return header + bytes(rows) + bytes(mask_row * size)


def group(identifiers: list[int], pictures: list[bytes]) -> bytes:
    """Return the GRPICONDIR that names the icon resources *identifiers*, one for each of ``SIZES``."""
    directory = struct.pack("<HHH", 0, 1, len(pictures))
    for size, identifier, picture in zip(SIZES, identifiers, pictures, strict=True):
        directory += struct.pack("<BBBBHHIH", size, size, 0, 0, 1, 32, len(picture), identifier)
    return directory


def _paint(
    rows: bytearray,
    x: int,
    y: int,
    side: int,
    size: int,
    tick: tuple[tuple[float, float], ...],
    stroke: float,
) -> None:
    """Fill the square of *side* pixels at x, y; only where an edge runs through is each pixel looked at."""
    colour = _plain(x, y, side, size, tick, stroke)
    if colour is None and side > 1:
        half = side // 2
        for down in (0, half):
            for along in (0, half):
                _paint(rows, x + along, y + down, half, size, tick, stroke)
        return
    line = (_pixel(x, y, size, tick, stroke) if colour is None else colour) * side
    for down in range(side):
        at = ((size - 1 - y - down) * size + x) * 4
        rows[at : at + len(line)] = line


def _plain(
    x: int, y: int, side: int, size: int, tick: tuple[tuple[float, float], ...], stroke: float
) -> bytes | None:
    """Return the colour of a square that lies wholly on one side of every edge, else ``None``."""
    # its middle tells that, with half a diagonal to spare
    reach = 0.75 * side / size
    middle = ((x + side / 2) / size, (y + side / 2) / size)
    corner = _from_corner(*middle)
    if corner > _CORNER + reach:
        return bytes(4)
    if corner < _CORNER - reach:
        line = _from_tick(*middle, tick)
        if line > stroke + reach:
            return bytes((*reversed(_ACCENT), 255))
        if line < stroke - reach:
            return bytes((*reversed(_PAPER), 255))
    return None


def _pixel(x: int, y: int, size: int, tick: tuple[tuple[float, float], ...], stroke: float) -> bytes:
    """Return blue, green, red, alpha of a pixel, from a grid of samples in it."""
    covered = ticked = 0
    for i in range(_OVERSAMPLING):
        for j in range(_OVERSAMPLING):
            u = (x + (i + 0.5) / _OVERSAMPLING) / size
            v = (y + (j + 0.5) / _OVERSAMPLING) / size
            if _from_corner(u, v) <= _CORNER:
                covered += 1
                ticked += _from_tick(u, v, tick) <= stroke
    if not covered:
        return bytes(4)
    colour = [
        (paper * ticked + accent * (covered - ticked)) // covered
        for paper, accent in zip(_PAPER, _ACCENT, strict=True)
    ]
    return bytes((colour[2], colour[1], colour[0], covered * 255 // _OVERSAMPLING**2))


def _from_corner(u: float, v: float) -> float:
    """Return how far a point is from the inner square, whose margin is the corners' radius."""
    dx = max(_CORNER - u, u - (1 - _CORNER), 0.0)
    dy = max(_CORNER - v, v - (1 - _CORNER), 0.0)
    return math.sqrt(dx * dx + dy * dy)


def _from_tick(u: float, v: float, tick: tuple[tuple[float, float], ...]) -> float:
    """Return how far a point is from the middle of the stroke."""
    return math.sqrt(min(_distance_squared(u, v, *start, *end) for start, end in itertools.pairwise(tick)))


def _distance_squared(u: float, v: float, ax: float, ay: float, bx: float, by: float) -> float:
    """Return the squared distance of a point from the line between a and b."""
    dx, dy = bx - ax, by - ay
    along = max(0.0, min(1.0, ((u - ax) * dx + (v - ay) * dy) / (dx * dx + dy * dy)))
    return (u - ax - along * dx) ** 2 + (v - ay - along * dy) ** 2
