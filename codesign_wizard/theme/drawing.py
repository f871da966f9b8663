"""The parts of controls that the style sheet cannot draw: arrows, fields, ticks, the focus."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from codesign_wizard.theme.colours import tokens
from codesign_wizard.theme.measures import mirrored, px, scale


def paint_chevron(painter: QPainter, box: QRectF, *, down: bool, ink: str) -> None:
    """Draw a small arrow head into *box*, pointing down or onwards."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(QColor(ink), 1.5 * scale())
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    middle, half = box.center(), 3.5 * scale()
    if down:
        points = [QPointF(-half, -half / 2), QPointF(0, half / 2), QPointF(half, -half / 2)]
    else:
        way = -1 if painter.layoutDirection() is Qt.LayoutDirection.RightToLeft else 1
        points = [QPointF(way * x, y) for x, y in ((-half / 2, -half), (half / 2, 0), (-half / 2, half))]
    painter.drawPolyline([middle + point for point in points])
    painter.restore()


def paint_field(painter: QPainter, box: QRectF, *, focused: bool, enabled: bool) -> None:
    """Draw the frame of a field into *box*."""
    look = tokens()
    width = 2.0 if focused else 1.0
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    # what cannot be used is told by its edge as well, not by grey alone
    edge = look.disabled if not enabled else look.accent if focused else look.line
    line = Qt.PenStyle.SolidLine if enabled else Qt.PenStyle.DashLine
    painter.setPen(QPen(QColor(edge), width, line))
    painter.setBrush(QColor(look.surface if enabled else look.sunken))
    inset = width / 2
    painter.drawRoundedRect(box.adjusted(inset, inset, -inset, -inset), px(6), px(6))
    painter.restore()


def paint_tick(painter: QPainter, box: QRectF, *, checked: bool, focused: bool, enabled: bool) -> None:
    """Draw the square of a check box into *box*."""
    look = tokens()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if enabled:
        edge = look.accent if checked or focused else look.faint
        painter.setPen(QPen(QColor(edge), 1.4))
        painter.setBrush(QColor(look.accent if checked else look.surface))
    else:
        painter.setPen(QPen(QColor(look.disabled), 1.4, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box.adjusted(0.7, 0.7, -0.7, -0.7), px(4), px(4))
    if focused:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(look.ink if checked else look.accent), 1.4))
        painter.drawRoundedRect(box.adjusted(-0.7, -0.7, 0.7, 0.7), px(5), px(5))
    if checked:
        unit = box.width() / 16
        pen = QPen(QColor(look.on_accent if enabled else look.disabled), 1.9 * unit)
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
    look = tokens()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(look.line), 1) if look.contrast else Qt.PenStyle.NoPen)
    painter.setBrush(QColor(look.surface))
    # a line of one pixel lies half inside: on the edge it would be cut to a grey one
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), px(6), px(6))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(look.accent))
    begin = box.right() - px(3) if mirrored() else box.left()
    painter.drawRoundedRect(QRectF(begin, box.top(), px(3), box.height()), 1.5, 1.5)
    painter.restore()


def paint_focus(painter: QPainter, box: QRectF) -> None:
    """Draw the ring that shows where the keyboard is around *box*."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(tokens().accent), 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), px(6), px(6))
    painter.restore()


def ink(value: str) -> QColor:
    """Return a token as the colour a painter takes."""
    return QColor(value)
