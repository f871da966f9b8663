"""The log's dock in the window: below the page, or floating."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QWidget

from codesign_wizard.core.text import tr
from codesign_wizard.widgets.log_pane import LogPane


class LogDock(QDockWidget):
    """The log's dock: no title while docked, the system's own frame while floating."""

    def __init__(self, pane: LogPane) -> None:
        super().__init__(tr("Log"))
        self.setObjectName("log")
        self._pane = pane
        self.setWidget(pane)
        self._none = QWidget()
        self.setTitleBarWidget(self._none)
        self.setAllowedAreas(Qt.DockWidgetArea.BottomDockWidgetArea)
        pane.bar.hider.clicked.connect(self.hide)
        pane.bar.floater.clicked.connect(lambda: self.setFloating(not self.isFloating()))
        self.topLevelChanged.connect(self._dressed)

    def _dressed(self, floating: bool) -> None:
        self.setTitleBarWidget(None if floating else self._none)  # type: ignore[arg-type]  # None is Qt's default bar
        self._pane.bar.floater.setText(tr("Dock") if floating else tr("Float"))
