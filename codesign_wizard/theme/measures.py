"""Lengths, the direction of reading and type, at the present text scale."""

from __future__ import annotations

import sys

from PySide6.QtCore import QMargins, QRectF, Qt
from PySide6.QtGui import QFont, QFontDatabase, QFontInfo, QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget

# lengths at a text scale of 1, in device-independent pixels; all on a grid of 4
MARGIN = 28
GAP = 16
RAIL_WIDTH = 244
CONTROL_HEIGHT = 32
MARK_SIZE = 18
CARD_PADDING = 16
NARROW = 720  # a page narrower than this puts its columns below each other

_BODY = 13.0

_scale = 1.0


def scale() -> float:
    """Return how much larger than usual everything is; at least 1."""
    return _scale


def set_scale(factor: float) -> None:
    """Let everything that is made from now on be *factor* times as large as usual."""
    global _scale
    _scale = factor


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
