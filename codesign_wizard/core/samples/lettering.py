"""A product's name in letters of five by seven dots, for a picture that is drawn without fonts.

Fonts differ between systems and need a graphics library; the sample must have the same bytes everywhere.
"""

from __future__ import annotations

import unicodedata

# five columns each, the lowest bit on top
_GLYPHS = {
    letter: bytes.fromhex(columns)
    for letter, columns in {
        "0": "3e5149453e", "1": "00427f4000", "2": "4261514946", "3": "2141454b31", "4": "1814127f10",
        "5": "2745454539", "6": "3c4a494930", "7": "0171090503", "8": "3649494936", "9": "064949291e",
        "A": "7e1111117e", "B": "7f49494936", "C": "3e41414122", "D": "7f4141221c", "E": "7f49494941",
        "F": "7f09090901", "G": "3e4149497a", "H": "7f0808087f", "I": "00417f4100", "J": "2040413f01",
        "K": "7f08142241", "L": "7f40404040", "M": "7f020c027f", "N": "7f0408107f", "O": "3e4141413e",
        "P": "7f09090906", "Q": "3e4151215e", "R": "7f09192946", "S": "4649494931", "T": "01017f0101",
        "U": "3f4040403f", "V": "1f2040201f", "W": "3f4038403f", "X": "6314081463", "Y": "0708700807",
        "Z": "6151494543", "&": "3649552250", "+": "08083e0808", "-": "0808080808", ".": "0060600000",
        "'": "0005030000", "!": "00005f0000", " ": "0000000000",
    }.items()
}  # fmt: skip
_COLUMNS, _ROWS = 5, 7
_STEP, _LEADING = _COLUMNS + 1, _ROWS + 3
_LARGEST = 3  # dots of this many pixels at most
_LINES = 2


def dots(name: str, width: int, height: int) -> frozenset[tuple[int, int]]:
    """Return the pixels (x, y) that *name* covers in a box of *width* by *height*, centred.

    Letters lose their accents and become capitals. The largest dots are taken with which the name fits into
    two lines, and a name too long for the smallest ends in its first letters. Empty when a letter has no
    glyph here (other scripts): better no name than half of one.
    """
    text = " ".join(_plain(name).split())
    if not text or not set(text) <= set(_GLYPHS):
        return frozenset()
    for scale in range(_LARGEST, 0, -1):
        room = (width // scale + 1) // _STEP
        lines = _wrapped(text, room)
        if len(lines) <= min(_LINES, (height // scale + 3) // _LEADING):
            break
    else:
        lines = [line[:room] for line in lines[:_LINES]]
    top = (height - (len(lines) * _LEADING - 3) * scale) // 2
    covered: set[tuple[int, int]] = set()
    for number, line in enumerate(lines):
        left = (width - (len(line) * _STEP - 1) * scale) // 2
        for place, letter in enumerate(line):
            x, y = left + place * _STEP * scale, top + number * _LEADING * scale
            covered |= _letter(letter, x, y, scale)
    return frozenset(covered)


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.replace("ß", "ss")).upper()
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _wrapped(text: str, room: int) -> list[str]:
    """Return *text* in lines of whole words; a word longer than *room* makes more lines than there may be."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) <= room or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines if all(len(line) <= room for line in lines) else [*lines, *[""] * _LINES]


def _letter(letter: str, x: int, y: int, scale: int) -> set[tuple[int, int]]:
    return {
        (x + column * scale + i, y + row * scale + j)
        for column, bits in enumerate(_GLYPHS[letter])
        for row in range(_ROWS)
        if bits >> row & 1
        for i in range(scale)
        for j in range(scale)
    }
