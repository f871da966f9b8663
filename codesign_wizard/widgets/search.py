"""The field for words to look for."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QLineEdit, QToolButton

from codesign_wizard import theme
from codesign_wizard.theme import px
from codesign_wizard.widgets.labels import keep_side


class SearchEdit(QLineEdit):
    """Words to look for, with a button that takes them away, drawn here: the style's own is always dark."""

    def __init__(self) -> None:
        super().__init__()
        keep_side(self)
        self.setClearButtonEnabled(True)
        self._clearer = self.findChild(QToolButton)
        if self._clearer is not None:
            self._clearer.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """As Qt's; paints the button itself."""
        clearer = self._clearer
        if clearer is None or watched is not clearer or event.type() is not QEvent.Type.Paint:
            return super().eventFilter(watched, event)
        if self.text():
            painter = QPainter(clearer)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.ink(theme.tokens().soft), px(2)))
            middle, arm = QRectF(clearer.rect()).center(), px(4)
            for way in (1, -1):
                painter.drawLine(middle - QPointF(arm, way * arm), middle + QPointF(arm, way * arm))
            painter.end()
        return True
