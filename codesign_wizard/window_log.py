"""The window's log: its lines are kept from the start, its dock is made when somebody wants to see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal

from codesign_wizard.theme import px

if TYPE_CHECKING:
    from PySide6.QtWidgets import QMainWindow

    from codesign_wizard.core.job import LogLine
    from codesign_wizard.core.step_result import StepResult
    from codesign_wizard.pages.workspace import Workspace
    from codesign_wizard.widgets.log_dock import LogDock
    from codesign_wizard.widgets.log_model import LogModel
    from codesign_wizard.widgets.shell import LogBar


class WindowLog(QObject):
    """The log of *window*, whose *bar* stands there while the dock does not."""

    request = Signal(str)  # the id of a request whose finding is to be shown

    def __init__(self, window: QMainWindow, workspace: Workspace, bar: LogBar) -> None:
        super().__init__(window)
        self._window = window
        self._workspace = workspace
        self._bar = bar
        self._model: LogModel | None = None
        self._dock: LogDock | None = None
        workspace.runner.lines.connect(self._count)
        bar.show_asked.connect(self.show)
        bar.show_count(0)

    @property
    def model(self) -> LogModel:
        """The lines, which are kept whether they are shown or not."""
        if self._model is None:
            from codesign_wizard.widgets.log_model import LogModel

            self._model = LogModel(self)
        return self._model

    @property
    def dock(self) -> LogDock:
        """The dock, made at its first use."""
        if self._dock is None:
            from codesign_wizard.widgets.log_dock import LogDock
            from codesign_wizard.widgets.log_pane import LogPane

            runner = self._workspace.runner
            pane = LogPane(runner, self.model)
            pane.request.connect(self.request)
            self._workspace.changed.connect(self._explain)
            self._explain()
            dock = LogDock(pane)
            self._window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
            self._window.resizeDocks([dock], [px(170)], Qt.Orientation.Vertical)
            # once more: after the pane has added what came
            runner.lines.disconnect(self._count)
            runner.lines.connect(self._count)
            dock.visibilityChanged.connect(lambda shown: self._bar.setVisible(dock.isHidden()))
            self._dock = dock
        return self._dock

    def show(self) -> None:
        """Show the dock in place of the bar."""
        self.dock.show()
        self._bar.hide()

    def show_request(self, request_id: str) -> bool:
        """Show the line of this request; tell whether there is one."""
        from codesign_wizard.widgets.log_pane import LogPane

        self.show()
        pane = self.dock.widget()
        return not isinstance(pane, LogPane) or pane.show_request(request_id)

    def close(self) -> None:
        """Close the dock, if it was ever made."""
        if self._dock is not None:
            self._dock.close()

    def _explain(self) -> None:
        """Let the lines know of which requests a finding speaks."""
        told = [requests_of(result) for result in self._workspace.profile.results.values()]
        self.model.set_explained(frozenset().union(*told))

    def _count(self, lines: list[LogLine]) -> None:
        if self._dock is None:
            self.model.append(lines)
        self._bar.show_count(self.model.total)


def requests_of(result: StepResult) -> frozenset[str]:
    """Return the ids of the requests that the findings of *result* speak of."""
    ids = (finding.evidence.request_id for finding in result.findings)
    return frozenset(each for each in ids if each)
