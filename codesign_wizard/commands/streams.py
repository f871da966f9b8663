"""What a standard stream can show: colours, signs of good typography, how many columns."""

from __future__ import annotations

import os
from typing import TextIO

from codesign_wizard.core.text import shown

# plainer signs for an encoding that lacks the better ones
_PLAINER = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "…": "...",
        "→": "->",
        "•": "*",
        "·": "-",
        "✓": "+",
        "✗": "x",
        "\u00a0": " ",
    }
)


def encodable(text: str, stream: TextIO) -> str:
    """Return *text* as *stream* can write it: plainer signs, or ``?``, for what its encoding lacks.

    Nothing that a terminal would obey is left: names of files, names in them and answers come from strangers.
    """
    text = shown(text, keep="\n\t")
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAINER).encode(encoding, "replace").decode(encoding)
    return text


def coloured(stream: TextIO) -> bool:
    """Tell whether *stream* is a terminal that may get colours (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def columns(stream: TextIO, most: int) -> int:
    """Return how many columns to fill: *most*, or fewer on a narrower terminal."""
    if not stream.isatty():
        return most
    import shutil

    return max(40, min(shutil.get_terminal_size((most, 24)).columns, most))
