"""The state marks: what each means, its shape, its colour."""

from __future__ import annotations

import math
from enum import StrEnum

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap

from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import StepState
from codesign_wizard.core.standing import Standing
from codesign_wizard.theme.colours import tokens


class Mark(StrEnum):
    """The signs: each has a shape of its own, so that colour never speaks alone."""

    OK = "ok"
    NOW = "now"
    WARNING = "warning"
    ERROR = "error"
    INFO = "info"
    EMPTY = "empty"
    CLOSED = "closed"  # nobody can go there yet
    NOT_APPLICABLE = "not-applicable"
    OUT_OF_DATE = "out-of-date"


_STEP_MARKS = {
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


def standing_mark(standing: Standing) -> Mark:
    """Return the mark of a step: no tick where something is to be said against what is done."""
    if standing.severity is not Severity.OK:
        return SEVERITY_MARKS[standing.severity]
    return _STEP_MARKS[standing.state]


def color(mark: Mark) -> str:
    """Return the colour a mark is drawn in."""
    now = tokens()
    return {
        Mark.OK: now.ok,
        Mark.NOW: now.accent,
        Mark.WARNING: now.warning,
        Mark.ERROR: now.error,
        Mark.INFO: now.accent,
        Mark.OUT_OF_DATE: now.warning,
    }.get(mark, now.faint)


def paint_mark(painter: QPainter, box: QRectF, mark: Mark) -> None:
    """Draw *mark* into the square *box*."""
    ratio = painter.device().devicePixelRatio()
    key = (mark, box.width(), ratio, color(mark), tokens().surface)
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
    look, ink = tokens(), QColor(color(mark))
    filled = mark in (Mark.OK, Mark.WARNING, Mark.ERROR, Mark.INFO)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    edge = QPen(ink, 1.4 * unit)
    # corners: soft ones where there are three, sharp ones where eight would look like a circle
    edge.setJoinStyle(Qt.PenJoinStyle.MiterJoin if mark is Mark.ERROR else Qt.PenJoinStyle.RoundJoin)
    if mark is Mark.CLOSED:
        edge.setDashPattern([1.7, 1.89])  # ten of them around, in widths of the line
        edge.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(edge)
    painter.setBrush(ink if filled else Qt.BrushStyle.NoBrush)
    stroke = QPen(QColor(look.surface) if filled else ink, 1.9 * unit)
    stroke.setCapStyle(Qt.PenCapStyle.RoundCap)
    stroke.setJoinStyle(Qt.PenJoinStyle.RoundJoin)

    def at(x: float, y: float) -> QPointF:
        return QPointF(x * unit, y * unit)

    match mark:
        case Mark.WARNING:
            painter.drawPolygon([at(9, 2), at(17, 15.6), at(1, 15.6)])
        case Mark.ERROR:
            eighths = [math.radians(22.5 + 45 * place) for place in range(8)]
            painter.drawPolygon([at(9 + 8.2 * math.cos(way), 9 + 8.2 * math.sin(way)) for way in eighths])
        case _:
            painter.drawEllipse(QRectF(unit, unit, 16 * unit, 16 * unit))
    painter.setPen(stroke)
    match mark:
        case Mark.OK:
            painter.drawPolyline([at(5.6, 9.2), at(8, 11.6), at(12.4, 6.8)])
        case Mark.NOW:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink)
            painter.drawEllipse(at(9, 9), 4 * unit, 4 * unit)
        case Mark.WARNING:
            painter.drawLine(at(9, 6.6), at(9, 10.4))
            painter.drawPoint(at(9, 13.2))
        case Mark.ERROR:
            painter.drawLine(at(6.3, 6.3), at(11.7, 11.7))
            painter.drawLine(at(11.7, 6.3), at(6.3, 11.7))
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
        case Mark.EMPTY | Mark.CLOSED:
            pass
