"""The samples' icon, drawn by arithmetic: a rounded square in the accent colour with a tick on it.

Source: Microsoft, "Icons" (ICONDIR, GRPICONDIR) and BITMAPINFOHEADER. Pictures are 32-bit bitmaps and not
PNG, because the bytes of a PNG depend on the compressor's version.
"""

from __future__ import annotations

import functools
import itertools
import math
import struct
from collections.abc import Sequence

SIZES = (16, 32, 48)
_ACCENT = (0x22, 0x57, 0xD6)
_PAPER = (0xFF, 0xFF, 0xFF)
_CORNER = 0.2
_TICK = ((0.26, 0.53), (0.43, 0.70), (0.75, 0.32))  # a polyline in units of the side, y downwards
_STROKE = 0.065
_RAISED_BY = 0.7  # the same tick, smaller and higher, where a name stands below it
_OVERSAMPLING = 4
_BLOCK = 8  # pixels; every size is a multiple
_SAMPLES = [
    ((i + 0.5) / _OVERSAMPLING, (j + 0.5) / _OVERSAMPLING)
    for i in range(_OVERSAMPLING)
    for j in range(_OVERSAMPLING)
]
_NOTHING = bytes(4)
_ACCENT_PIXEL = bytes((*reversed(_ACCENT), 255))
_PAPER_PIXEL = bytes((*reversed(_PAPER), 255))


class _Tick:
    """The polyline of the tick, and its stroke's half width."""

    def __init__(self, points: Sequence[tuple[float, float]], stroke: float) -> None:
        self.stroke = stroke
        # of each line: where it begins, where it leads, its squared length
        self._lines = [
            (ax, ay, bx - ax, by - ay, (bx - ax) * (bx - ax) + (by - ay) * (by - ay))
            for (ax, ay), (bx, by) in itertools.pairwise(points)
        ]

    def distance(self, u: float, v: float) -> float:
        """Return how far a point is from the middle of the stroke."""
        nearest = math.inf
        for ax, ay, dx, dy, squared in self._lines:
            x, y = u - ax, v - ay
            along = (x * dx + y * dy) / squared
            if along > 0:
                along = min(along, 1.0)
                x -= along * dx
                y -= along * dy
            nearest = min(nearest, x * x + y * y)
        return math.sqrt(nearest)


_PLAIN = _Tick(_TICK, _STROKE)
_RAISED = _Tick(
    [(0.5 + (x - 0.5) * _RAISED_BY, 0.03 + y * _RAISED_BY) for x, y in _TICK], _STROKE * _RAISED_BY
)


@functools.cache
def bitmap(size: int, raised: bool = False) -> bytes:
    """Return one picture as an icon resource holds it: header, BGRA rows bottom up, empty mask.

    With *raised* the tick leaves the lower third to a name.
    """
    tick = _RAISED if raised else _PLAIN
    # the height counts the picture and its 1-bit mask
    header = struct.pack("<IiiHHIIiiII", 40, size, size * 2, 1, 32, 0, size * size * 4, 0, 0, 0, 0)
    rows = bytearray(size * size * 4)
    for y in range(0, size, _BLOCK):
        for x in range(0, size, _BLOCK):
            _paint(rows, x, y, _BLOCK, size, tick)
    mask_row = (size + 31) // 32 * 4
    return header + bytes(rows) + bytes(mask_row * size)


def group(identifiers: list[int], pictures: list[bytes]) -> bytes:
    """Return the GRPICONDIR that names the icon resources *identifiers*, one for each of ``SIZES``."""
    directory = struct.pack("<HHH", 0, 1, len(pictures))
    for size, identifier, picture in zip(SIZES, identifiers, pictures, strict=True):
        directory += struct.pack("<BBBBHHIH", size, size, 0, 0, 1, 32, len(picture), identifier)
    return directory


def _paint(rows: bytearray, x: int, y: int, side: int, size: int, tick: _Tick) -> None:
    """Fill the square of *side* pixels at x, y; only where an edge runs through is each pixel looked at."""
    # its middle tells where it lies, with half a diagonal to spare
    reach = 0.75 * side / size
    u, v = (x + side / 2) / size, (y + side / 2) / size
    beyond = _from_corner(u, v) - _CORNER
    if beyond > reach:
        return  # nothing there, as it was
    aside = tick.distance(u, v) - tick.stroke
    rounded, edged = beyond >= -reach, abs(aside) <= reach
    if side > 1 and (rounded or edged):
        half = side // 2
        for down in (0, half):
            for along in (0, half):
                _paint(rows, x + along, y + down, half, size, tick)
        return
    if rounded or edged:
        line = _pixel(x, y, size, tick if edged else None, rounded=rounded)
    else:
        line = (_ACCENT_PIXEL if aside > 0 else _PAPER_PIXEL) * side
    for down in range(side):
        at = ((size - 1 - y - down) * size + x) * 4
        rows[at : at + len(line)] = line


def _pixel(x: int, y: int, size: int, tick: _Tick | None, *, rounded: bool) -> bytes:
    """Return blue, green, red, alpha of a pixel, from a grid of samples in it.

    *tick* if its edge may run through, *rounded* if a corner's may.
    """
    covered = ticked = 0
    for i, j in _SAMPLES:
        u, v = (x + i) / size, (y + j) / size
        if not rounded or _from_corner(u, v) <= _CORNER:
            covered += 1
            if tick is not None and tick.distance(u, v) <= tick.stroke:
                ticked += 1
    if not covered:
        return _NOTHING
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
