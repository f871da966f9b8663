"""Colours, sizes, type and the round state marks: the only place that has them.

The tokens are applied as a palette and one generated style sheet; widgets that paint themselves ask
``tokens()`` while painting. Light, dark and high contrast follow the system (``Follower``); high contrast
takes the system's palette and draws borders instead of washes.
"""

from __future__ import annotations

import math
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QMargins, QObject, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontInfo,
    QGuiApplication,
    QPainter,
    QPalette,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QApplication, QWidget

from codesign_wizard import theme_sheet
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import StepState
from codesign_wizard.core.resources import resource

if TYPE_CHECKING:
    from PySide6.QtGui import QIcon


class Tokens(NamedTuple):
    """The colours of one scheme, as ``#rrggbb``."""

    canvas: str
    surface: str
    sunken: str
    line: str
    ink: str
    soft: str
    faint: str
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

READABLE = 4.5  # the least contrast of text (WCAG 2.2, 1.4.3)

# lengths at a text scale of 1, in device-independent pixels; all on a grid of 4
MARGIN = 28
GAP = 16
RAIL_WIDTH = 244
CONTROL_HEIGHT = 32
MARK_SIZE = 18
CARD_PADDING = 16
TEXT_WIDTH = 640  # about 80 characters of body text
NARROW = 720  # a page narrower than this puts its columns below each other

_BODY, _TITLE, _LABEL = 13.0, 21.0, 11.5
_ICON_SIZES = (16, 24, 32, 48, 64, 128, 256)


class Mark(StrEnum):
    """The round signs: each has a shape of its own, so that colour never speaks alone."""

    OK = "ok"
    NOW = "now"
    WARNING = "warning"
    ERROR = "error"
    INFO = "info"
    EMPTY = "empty"
    NOT_APPLICABLE = "not-applicable"
    OUT_OF_DATE = "out-of-date"


STEP_MARKS = {
    StepState.NOT_STARTED: Mark.EMPTY,
    StepState.IN_PROGRESS: Mark.NOW,
    StepState.DONE: Mark.OK,
    StepState.ATTENTION: Mark.ERROR,
    StepState.OUT_OF_DATE: Mark.OUT_OF_DATE,
}
SEVERITY_MARKS = {
    Severity.ERROR: Mark.ERROR,
    Severity.WARNING: Mark.WARNING,
    Severity.INFO: Mark.INFO,
    Severity.OK: Mark.OK,
}

_tokens = LIGHT
_scale = 1.0


def tokens() -> Tokens:
    """Return the colours in force."""
    return _tokens


def px(length: float) -> int:
    """Return *length* at the present text scale, in whole device-independent pixels."""
    return round(length * _scale)


def mirrored() -> bool:
    """Tell whether the language is written from right to left, and pages with it."""
    return QGuiApplication.layoutDirection() is Qt.LayoutDirection.RightToLeft


def margins(start: float, top: float, end: float, bottom: float) -> QMargins:
    """Return margins in the direction of reading (layouts keep theirs as they are), scaled."""
    left, right = (end, start) if mirrored() else (start, end)
    return QMargins(px(left), px(top), px(right), px(bottom))


def placed(widget: QWidget, box: QRectF) -> QRectF:
    """Return where *box*, laid out from left to right, is to be painted in *widget*."""
    if widget.layoutDirection() is Qt.LayoutDirection.RightToLeft:
        return QRectF(widget.width() - box.right(), box.top(), box.width(), box.height())
    return box


def color(mark: Mark) -> str:
    """Return the colour a mark is drawn in."""
    now = _tokens
    return {
        Mark.OK: now.ok,
        Mark.NOW: now.accent,
        Mark.WARNING: now.warning,
        Mark.ERROR: now.error,
        Mark.INFO: now.accent,
        Mark.OUT_OF_DATE: now.warning,
    }.get(mark, now.faint)


def font(size: float = _BODY, *, bold: bool = False, mono: bool = False) -> QFont:
    """Return the system's font (or its fixed one) at *size* (px at a text scale of 1)."""
    if mono:
        chosen = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        chosen.setStyleHint(QFont.StyleHint.Monospace)
    else:
        chosen = QFont(QApplication.font())
    chosen.setPixelSize(px(size))
    chosen.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return chosen


def system_text_scale(app: QApplication) -> float:
    """Return how much larger than usual the system's text is; at least 1."""
    usual = 12.0 if sys.platform == "win32" else 13.0
    return max(1.0, QFontInfo(app.font()).pixelSize() / usual)


def apply(
    app: QApplication,
    scheme: Qt.ColorScheme | None = None,
    *,
    scale: float | None = None,
    contrast: QPalette | None = None,
) -> None:
    """Dress the application; *scheme* ``None`` takes the system's, *scale* ``None`` keeps the present one.

    *contrast*: high contrast with these colours, whatever the system prefers.
    """
    global _tokens, _scale
    if scale is not None:
        _scale = scale
    hints = app.styleHints()
    wanted = hints.accessibility().contrastPreference() is Qt.ContrastPreference.HighContrast
    if contrast is not None or (scheme is None and wanted):
        app.setPalette(QPalette() if contrast is None else contrast)
        _tokens = from_palette(app.palette())
        app.setPalette(_palette(_tokens))
    else:
        dark = (hints.colorScheme() if scheme is None else scheme) is Qt.ColorScheme.Dark
        _tokens = DARK if dark else LIGHT
        app.setPalette(_palette(_tokens))
    app.setFont(font())
    app.setStyleSheet(
        theme_sheet.build(_tokens, px, mono_family=font(mono=True).family(), mirrored=mirrored())
    )


class Follower(QObject):
    """Dresses the application again whenever the system's scheme or contrast changes."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        hints = app.styleHints()
        hints.colorSchemeChanged.connect(self._changed)
        hints.accessibility().contrastPreferenceChanged.connect(self._changed)

    def _changed(self) -> None:
        apply(self._app)


def arguments() -> list[str]:
    """Return what a new ``QApplication`` is told: Fusion everywhere but on macOS.

    Asking for the style afterwards would make another one first, and Python's whole class for it.
    """
    return [] if sys.platform == "darwin" else ["-style", "fusion"]


def start(app: QApplication) -> None:
    """Dress a new application in the system's scheme and text size, and keep following it."""
    apply(app, scale=system_text_scale(app))
    Follower(app)


def app_icon() -> QIcon:
    """Return the program's icon; a picture is read when its size is first shown."""
    # here, not above: its many enumerations cost the first window time
    from PySide6.QtGui import QIcon

    icon = QIcon()
    for size in _ICON_SIZES:
        icon.addFile(str(resource(f"icons/codesign-wizard-{size}.png")), QSize(size, size))
    return icon


def _palette(look: Tokens) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for which, value in (
        (role.Window, look.canvas),
        (role.Base, look.surface),
        (role.AlternateBase, look.sunken),
        (role.Button, look.surface),
        (role.WindowText, look.ink),
        (role.Text, look.ink),
        (role.ButtonText, look.ink),
        (role.BrightText, look.error),
        (role.PlaceholderText, look.faint),
        (role.Highlight, look.accent),
        (role.HighlightedText, look.on_accent),
        (role.Link, look.accent),
        (role.LinkVisited, look.accent),
        (role.ToolTipBase, look.surface),
        (role.ToolTipText, look.ink),
        (role.Light, look.surface),
        (role.Midlight, look.line),
        (role.Mid, look.line),
        (role.Dark, look.faint),
        (role.Shadow, look.line),
        (role.Accent, look.accent),
    ):
        palette.setColor(which, QColor(value))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(look.disabled))
    return palette


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


def _black_or_white(ground: str) -> str:
    return max("#000000", "#ffffff", key=lambda one: contrast_ratio(one, ground))


def paint_mark(painter: QPainter, box: QRectF, mark: Mark) -> None:
    """Draw *mark* into the square *box*."""
    ratio = painter.device().devicePixelRatio()
    key = (mark, box.width(), ratio, color(mark), _tokens.surface)
    if key not in _marks:
        side = math.ceil(box.width() * ratio)
        image = QPixmap(side, side)
        image.setDevicePixelRatio(ratio)
        image.fill(Qt.GlobalColor.transparent)
        drawn = QPainter(image)
        _draw_mark(drawn, box.width() / 18, mark)
        drawn.end()
        _marks[key] = image
    painter.drawPixmap(box.topLeft(), _marks[key])


# they are painted again and again, a dozen in a window, and each takes some twenty calls
_marks: dict[tuple[Mark, float, float, str, str], QPixmap] = {}


def _draw_mark(painter: QPainter, unit: float, mark: Mark) -> None:
    look, ink = _tokens, QColor(color(mark))
    filled = mark in (Mark.OK, Mark.WARNING, Mark.ERROR, Mark.INFO)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(ink, 1.4 * unit))
    painter.setBrush(ink if filled else Qt.BrushStyle.NoBrush)
    painter.drawEllipse(QRectF(unit, unit, 16 * unit, 16 * unit))
    stroke = QPen(QColor(look.surface) if filled else ink, 1.9 * unit)
    stroke.setCapStyle(Qt.PenCapStyle.RoundCap)
    stroke.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(stroke)

    def at(x: float, y: float) -> QPointF:
        return QPointF(x * unit, y * unit)

    match mark:
        case Mark.OK:
            painter.drawPolyline([at(5.6, 9.2), at(8, 11.6), at(12.4, 6.8)])
        case Mark.NOW:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink)
            painter.drawEllipse(at(9, 9), 4 * unit, 4 * unit)
        case Mark.WARNING | Mark.ERROR:
            painter.drawLine(at(9, 5), at(9, 9.6))
            painter.drawPoint(at(9, 12.8))
        case Mark.INFO:
            painter.drawPoint(at(9, 5.2))
            painter.drawLine(at(9, 8.4), at(9, 13))
        case Mark.NOT_APPLICABLE:
            stroke.setWidthF(1.4 * unit)
            painter.setPen(stroke)
            painter.drawLine(at(6, 9), at(12, 9))
        case Mark.OUT_OF_DATE:
            stroke.setWidthF(1.5 * unit)
            painter.setPen(stroke)
            painter.drawPolyline([at(9, 5.2), at(9, 9.2), at(11.8, 10.8)])
        case Mark.EMPTY:
            pass


def paint_chevron(painter: QPainter, box: QRectF, *, down: bool, ink: str) -> None:
    """Draw a small arrow head into *box*, pointing down or onwards."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(QColor(ink), 1.5 * _scale)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    middle, half = box.center(), 3.5 * _scale
    if down:
        points = [QPointF(-half, -half / 2), QPointF(0, half / 2), QPointF(half, -half / 2)]
    else:
        way = -1 if painter.layoutDirection() is Qt.LayoutDirection.RightToLeft else 1
        points = [QPointF(way * x, y) for x, y in ((-half / 2, -half), (half / 2, 0), (-half / 2, half))]
    painter.drawPolyline([middle + point for point in points])
    painter.restore()


def paint_field(painter: QPainter, box: QRectF, *, focused: bool, enabled: bool) -> None:
    """Draw the frame of a field into *box*."""
    look = _tokens
    width = 2.0 if focused else 1.0
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(look.accent if focused else look.line), width))
    painter.setBrush(QColor(look.surface if enabled else look.sunken))
    inset = width / 2
    painter.drawRoundedRect(box.adjusted(inset, inset, -inset, -inset), px(6), px(6))
    painter.restore()


def paint_tick(painter: QPainter, box: QRectF, *, checked: bool, focused: bool, enabled: bool) -> None:
    """Draw the square of a check box into *box*."""
    look = _tokens
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    fill = look.accent if enabled else look.disabled
    edge = fill if checked else (look.accent if focused else look.faint)
    painter.setPen(QPen(QColor(edge), 1.4))
    painter.setBrush(QColor(fill if checked else look.surface))
    painter.drawRoundedRect(box.adjusted(0.7, 0.7, -0.7, -0.7), px(4), px(4))
    if focused:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(look.ink if checked else look.accent), 1.4))
        painter.drawRoundedRect(box.adjusted(-0.7, -0.7, 0.7, 0.7), px(5), px(5))
    if checked:
        unit = box.width() / 16
        pen = QPen(QColor(look.on_accent), 1.9 * unit)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        corner = box.topLeft()
        points = [
            QPointF(4 * unit, 8.2 * unit),
            QPointF(6.9 * unit, 11 * unit),
            QPointF(12 * unit, 5.2 * unit),
        ]
        painter.drawPolyline([corner + point for point in points])
    painter.restore()


def paint_selected_step(painter: QPainter, box: QRectF) -> None:
    """Draw the ground of the present step in the rail into *box*, its accent bar where reading begins."""
    look = _tokens
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(look.line), 1) if look.contrast else Qt.PenStyle.NoPen)
    painter.setBrush(QColor(look.surface))
    painter.drawRoundedRect(box, px(6), px(6))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(look.accent))
    begin = box.right() - px(3) if mirrored() else box.left()
    painter.drawRoundedRect(QRectF(begin, box.top(), px(3), box.height()), 1.5, 1.5)
    painter.restore()


def paint_focus(painter: QPainter, box: QRectF) -> None:
    """Draw the ring that shows where the keyboard is around *box*."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(_tokens.accent), 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), px(6), px(6))
    painter.restore()


def ink(value: str) -> QColor:
    """Return a token as the colour a painter takes."""
    return QColor(value)
