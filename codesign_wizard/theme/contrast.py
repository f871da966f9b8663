"""High contrast: the system's colours, made readable. Imported only where somebody asks for it."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette

from codesign_wizard.theme.colours import Tokens

READABLE = 4.5  # the least contrast of text (WCAG 2.2, 1.4.3)
CLEAR = 7.0  # and the one that high contrast wants (1.4.6)


def from_palette(palette: QPalette) -> Tokens:
    """Return high contrast in the system's colours *palette*.

    A system may prefer more contrast and yet give colours of its ordinary scheme: what could not be read then
    is drawn in the ink, or in black and white.
    """
    role = QPalette.ColorRole

    def name(which: QPalette.ColorRole, group: QPalette.ColorGroup = QPalette.ColorGroup.Active) -> str:
        return palette.color(group, which).name()

    base, window = name(role.Base), name(role.Window)
    ink = _readable(name(role.WindowText), base, window)
    if not ink:  # no ink is readable on both
        window = base
        ink = _readable(name(role.Text), base) or _black_or_white(base)
    accent = _readable(name(role.Highlight), base, window) or ink
    on_accent = _readable(name(role.HighlightedText), accent) or _black_or_white(accent)
    return Tokens(
        canvas=window,
        surface=base,
        sunken=window,
        line=ink,
        ink=ink,
        soft=ink,
        faint=ink,
        placeholder=_paler(ink, base, window),
        accent=accent,
        accent_wash=base,
        ok=ink,
        ok_wash=base,
        warning=ink,
        warning_wash=base,
        error=ink,
        error_wash=base,
        on_accent=on_accent,
        selection=accent,
        on_selection=on_accent,
        disabled=_readable(name(role.Text, QPalette.ColorGroup.Disabled), base, window) or ink,
        contrast=True,
    )


def contrast_palette(*, dark: bool) -> QPalette:
    """Return the colours of Windows' contrast theme *Night sky* or *Desert*, to show them anywhere."""
    window, ink, mark, on_mark, grey = (
        ("#000000", "#ffffff", "#d6b4fd", "#2b2b2b", "#a6a6a6")
        if dark
        else ("#fffaef", "#3d3d3d", "#903909", "#fff5e3", "#676767")
    )
    palette, role = QPalette(), QPalette.ColorRole
    for which in (role.Window, role.Base, role.Button):
        palette.setColor(which, QColor(window))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(which, QColor(ink))
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(grey))
    palette.setColor(role.Highlight, QColor(mark))
    palette.setColor(role.HighlightedText, QColor(on_mark))
    return palette


def contrast_ratio(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2, *contrast ratio* and *relative luminance*)."""

    def luminance(value: str) -> float:
        color = QColor(value)
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
            for part in (color.redF(), color.greenF(), color.blueF())
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _readable(value: str, *grounds: str) -> str:
    return value if all(contrast_ratio(value, ground) >= READABLE for ground in grounds) else ""


def _paler(ink: str, *grounds: str) -> str:
    """Return *ink* as much nearer to the first of *grounds* as stays clear: a hint must not look typed."""
    full, ground = QColor(ink), QColor(grounds[0])
    for share in (0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95):
        mixed = QColor(
            round(share * full.red() + (1 - share) * ground.red()),
            round(share * full.green() + (1 - share) * ground.green()),
            round(share * full.blue() + (1 - share) * ground.blue()),
        ).name()
        if all(contrast_ratio(mixed, each) >= CLEAR for each in grounds):
            return mixed
    return ink


def _black_or_white(ground: str) -> str:
    return max("#000000", "#ffffff", key=lambda one: contrast_ratio(one, ground))
