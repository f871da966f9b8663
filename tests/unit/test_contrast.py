"""Every text of the theme can be read on every ground that it stands on, in every scheme."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtGui import QColor, QPalette

from codesign_wizard.theme.colours import DARK, LIGHT, Tokens
from codesign_wizard.theme.contrast import READABLE, contrast_palette, contrast_ratio, from_palette

GROUNDS = ("canvas", "surface", "sunken")
MARKED = ("accent", "ok", "warning", "error")
PAIRS = [
    *((text, ground) for text in ("ink", "soft", "faint", "disabled", *MARKED) for ground in GROUNDS),
    *((text, f"{wash}_wash") for wash in MARKED for text in ("ink", "soft", wash)),
    ("on_accent", "accent"),
    ("on_selection", "selection"),
]
# on a chosen line each text keeps its colour, but in high contrast
ON_SELECTION = ("ink", "soft", "faint", *MARKED)


def palette(window: str, ink: str, mark: str, on_mark: str, grey: str) -> QPalette:
    """Return a system's palette of five colours, as Windows' contrast themes have them."""
    made, role = QPalette(), QPalette.ColorRole
    for which in (role.Window, role.Base):
        made.setColor(which, QColor(window))
    for which in (role.WindowText, role.Text):
        made.setColor(which, QColor(ink))
        made.setColor(QPalette.ColorGroup.Disabled, which, QColor(grey))
    made.setColor(role.Highlight, QColor(mark))
    made.setColor(role.HighlightedText, QColor(on_mark))
    return made


SYSTEMS = {
    "night sky": contrast_palette(dark=True),
    "desert": contrast_palette(dark=False),
    "aquatic": palette("#202020", "#ffffff", "#8ee3f0", "#263b50", "#a6a6a6"),
    "dusk": palette("#2d3236", "#ffffff", "#a1bfde", "#212d3b", "#a6a6a6"),
    "black": palette("#000000", "#ffffff", "#1aebff", "#000000", "#3ff23f"),
    # the system prefers contrast, and yet its colours are those of every day, or worse
    "fusion": palette("#efefef", "#000000", "#308cc6", "#ffffff", "#bebebe"),
    "grey": palette("#808080", "#8a8a8a", "#787878", "#7f7f7f", "#808080"),
}
SCHEMES: dict[str, Tokens] = {
    "light": LIGHT,
    "dark": DARK,
    **{name: from_palette(system) for name, system in SYSTEMS.items()},
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_is_readable_on_every_ground(scheme: str) -> None:
    look = SCHEMES[scheme]
    pairs = PAIRS if look.contrast else [*PAIRS, *((text, "selection") for text in ON_SELECTION)]
    poor = {
        f"{text} on {ground}": round(ratio, 2)
        for text, ground in pairs
        if (ratio := contrast_ratio(getattr(look, text), getattr(look, ground))) < READABLE
    }
    assert poor == {}


def test_the_ratio_is_that_of_the_guidelines() -> None:
    assert round(contrast_ratio("#000000", "#ffffff"), 2) == 21
    assert contrast_ratio("#777777", "#777777") == 1
    # the textbook pair: #767676 is the lightest grey that passes on white, #777777 fails
    assert contrast_ratio("#767676", "#ffffff") > READABLE > contrast_ratio("#777777", "#ffffff")


def test_high_contrast_keeps_the_systems_colours_where_they_can_be_read() -> None:
    look = SCHEMES["desert"]
    assert (look.canvas, look.ink, look.accent, look.on_accent) == (
        "#fffaef",
        "#3d3d3d",
        "#903909",
        "#fff5e3",
    )
    assert look.disabled == "#676767" != look.ink
    assert SCHEMES["fusion"].accent == "#000000"  # its blue is 3.2 on its own ground
