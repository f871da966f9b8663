"""The colours: light and dark, and which of them are in force. Without Qt."""

from __future__ import annotations

from typing import NamedTuple


class Tokens(NamedTuple):
    """The colours of one scheme, as ``#rrggbb``."""

    canvas: str
    surface: str
    sunken: str
    line: str
    ink: str
    soft: str
    faint: str
    placeholder: str  # what stands in an empty field
    accent: str
    accent_wash: str
    ok: str
    ok_wash: str
    warning: str
    warning_wash: str
    error: str
    error_wash: str
    on_accent: str
    selection: str  # the ground of chosen lines and text, and what is written on it
    on_selection: str
    disabled: str
    contrast: bool = False


LIGHT = Tokens(
    canvas="#f5f6f8",
    surface="#ffffff",
    sunken="#eef0f3",
    line="#dfe3e8",
    ink="#1a1f26",
    soft="#57606c",
    faint="#636c78",
    placeholder="#636c78",
    accent="#2257d6",
    accent_wash="#e9effd",
    ok="#176b3a",
    ok_wash="#e5f4ea",
    warning="#855300",
    warning_wash="#fdf1d8",
    error="#b0261e",
    error_wash="#fcebe9",
    on_accent="#ffffff",
    selection="#e9effd",
    on_selection="#1a1f26",
    disabled="#636c78",
)
DARK = Tokens(
    canvas="#14171b",
    surface="#1c2026",
    sunken="#171a1f",
    line="#30363e",
    ink="#e9ecf0",
    soft="#a7b0bb",
    faint="#8b95a1",
    placeholder="#8b95a1",
    accent="#8fb2ff",
    accent_wash="#1e2a44",
    ok="#79d69b",
    ok_wash="#162c20",
    warning="#f0c065",
    warning_wash="#30270f",
    error="#ff9d94",
    error_wash="#3a1b19",
    on_accent="#14171b",
    selection="#1e2a44",
    on_selection="#e9ecf0",
    disabled="#8b95a1",
)

_tokens = LIGHT


def tokens() -> Tokens:
    """Return the colours in force."""
    return _tokens


def put_on(look: Tokens) -> None:
    """Let *look* be the colours in force; what is painted from now on has them."""
    global _tokens
    _tokens = look
