"""Every text of the theme can be read on every ground that it stands on, in every scheme."""

from __future__ import annotations

import os
import re

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtGui import QColor, QPalette

from codesign_wizard.theme import sheet
from codesign_wizard.theme.colours import DARK, LIGHT, Tokens
from codesign_wizard.theme.contrast import CLEAR, READABLE, contrast_palette, contrast_ratio, from_palette

GROUNDS = ("canvas", "surface", "sunken")
MARKED = ("accent", "ok", "warning", "error")
PAIRS = [
    *((text, ground) for text in ("ink", "soft", "faint", "disabled", *MARKED) for ground in GROUNDS),
    *((text, f"{wash}_wash") for wash in MARKED for text in ("ink", "soft", wash)),
    ("on_accent", "accent"),
    ("on_selection", "selection"),
]
# what the window paints itself: names, notes and signs of the steps, on the rail and on the chosen one
PAINTED = [
    *((text, ground) for text in ("ink", "soft", "faint", "disabled") for ground in ("sunken", "surface")),
    ("placeholder", "surface"),
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
    pairs = [*PAIRS, *PAINTED]
    if not look.contrast:
        pairs += [(text, "selection") for text in ON_SELECTION]
    poor = {
        f"{text} on {ground}": round(ratio, 2)
        for text, ground in pairs
        if (ratio := contrast_ratio(getattr(look, text), getattr(look, ground))) < READABLE
    }
    assert poor == {}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_rule_of_the_style_sheet_gives_text_that_can_be_read_on_its_ground(scheme: str) -> None:
    look = SCHEMES[scheme]
    texts = re.sub(r"\s+", " ", sheet.build(look, round, mono_family="Mono"))
    rules = re.findall(r"([^{}]+)\{([^{}]+)\}", texts)
    poor, seen = {}, set()
    for name, body in rules:
        has = dict(re.findall(r"([\w-]+): ([^;]+);", body))
        own = has.get("background", "transparent")
        # what lets show through what it stands on may stand on any of them
        grounds = [getattr(look, each) for each in GROUNDS] if own == "transparent" else [own]
        pairs = [
            (has[each], ground)
            for each in ("color", "placeholder-text-color")
            for ground in grounds
            if each in has
        ]
        if "selection-color" in has:
            pairs.append((has["selection-color"], has["selection-background-color"]))
        for text, ground in pairs:
            seen.add(name.strip().partition("[")[0].partition(":")[0])
            if contrast_ratio(text, ground) < READABLE:
                poor[f"{name.strip()}: {text} on {ground}"] = round(contrast_ratio(text, ground), 2)
    assert poor == {}
    assert {"QLabel", "QPushButton", "QLineEdit, QPlainTextEdit, QTextEdit", "QHeaderView"} <= seen


@pytest.mark.parametrize("scheme", [name for name in SCHEMES if SCHEMES[name].contrast])
def test_in_high_contrast_a_hint_is_clear_and_yet_paler_than_what_is_typed(scheme: str) -> None:
    look = SCHEMES[scheme]
    typed = contrast_ratio(look.ink, look.surface)
    hint = contrast_ratio(look.placeholder, look.surface)
    assert hint >= min(CLEAR, typed)
    assert look.placeholder != look.ink or typed < CLEAR + 2


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
