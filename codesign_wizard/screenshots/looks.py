"""The ways in which all pages are photographed: colours, sizes, direction, language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from codesign_wizard.core.language import ENGLISH

SIZES = ((1180, 760), (860, 640))  # device-independent pixels: the sketches' size, and a small laptop's
SCHEMES = ("light", "dark")


class Look(NamedTuple):
    """A way all pages are shown; ``name`` stands in the pictures' names, the scale is the text's."""

    name: str = ""
    scale: float = 1.0
    schemes: Sequence[str] = SCHEMES
    sizes: Sequence[tuple[int, int]] = SIZES
    mirrored: bool = False
    contrast: bool = False
    language: str = ENGLISH


LOOKS = {
    "normal": Look(),
    "large": Look("large", 2.0, sizes=((1720, 1280),)),  # 200 %, on what the small size has room for
    "contrast": Look("contrast", sizes=SIZES[:1], contrast=True),
    # as for a language that is written from right to left; colours are the same either way
    "mirrored": Look("mirrored", schemes=SCHEMES[:1], mirrored=True),
    "german": Look("german", schemes=SCHEMES[:1], language="de"),  # words that are longer
}
