"""The window: header, rail, pages, log, footer. It knows the way, not the work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QMainWindow,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from codesign_wizard.core import flow as steps
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import StepState
from codesign_wizard.core.standing import standing
from codesign_wizard.core.text import tr
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.runner import Runner, Task, unexpected
from codesign_wizard.theme import px
from codesign_wizard.widgets.labels import announce, restyle
from codesign_wizard.widgets.shell import Footer, Header, LogBar, Rail, RailStep
from codesign_wizard.window_log import WindowLog, requests_of
from codesign_wizard.window_notices import WindowNotices
from codesign_wizard.window_pages import MODULES, PageBook

# what the frame itself does without is imported where it is used: the window is there before it
if TYPE_CHECKING:
    from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QPaintEvent

    from codesign_wizard.ahead import Ahead
    from codesign_wizard.pages.base import Page
    from codesign_wizard.playing import Switched
    from codesign_wizard.widgets.log_dock import LogDock
    from codesign_wizard.widgets.log_model import LogModel

_TOLD_AFTER_S = 5  # a wait longer than this also says how long


class MainWindow(QMainWindow):
    """The wizard's window on a workspace.

    With *frame_first* the page is made when the frame around it has been painted: the window is there, and
    answers, before what takes longest.
    """

    def __init__(self, workspace: Workspace, *, frame_first: bool = False) -> None:
        super().__init__()
        self.workspace = workspace
        self.runner: Runner = workspace.runner
        self.setWindowTitle(tr("Codesign Wizard"))
        self.setAcceptDrops(True)
        self.setMinimumSize(px(760), px(520))
        self._panel: str | None = None
        self._agreed: set[tuple[str, datetime]] = set()
        self._closing = False
        self._frame_first = frame_first
        self._ahead: Ahead | None = None
        self.header = Header()
        self.rail = Rail()
        self.stack = QStackedWidget()
        self.footer = Footer()
        self.log_bar = LogBar()
        self.notices = WindowNotices(
            workspace, open_link=self.open_link, what_if=lambda: self.open_panel("what-if")
        )
        self.pages = PageBook(workspace, self.stack, self._connect_page)
        self._build()
        self.log = WindowLog(self.inner, workspace, self.log_bar)
        self._connect()
        self._clock = QTimer(self)
        self._clock.setInterval(250)
        self._clock.timeout.connect(self._show_job)
        if frame_first:
            self._changed()
        else:
            self._open_first()

    def _open_first(self) -> None:
        if not self.pages.opened:
            from codesign_wizard.widgets.settling import Settling

            self.show_step(self.workspace.flow.current().key)
            Settling(self, lambda: self.page)

    def _build(self) -> None:
        # a window within the window: the log docks below the page, but above the footer
        self.inner = QMainWindow(self)
        self.inner.setWindowFlags(Qt.WindowType.Widget)
        middle = QWidget()
        middle.setProperty("role", "page")
        box = QVBoxLayout(middle)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(self.notices)
        box.addWidget(self.stack, 1)
        self.inner.setCentralWidget(middle)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(self.inner, 1)
        column.addWidget(self.log_bar)
        column.addWidget(self.footer)
        body = QHBoxLayout()
        body.setSpacing(0)
        body.addWidget(self.rail)
        body.addLayout(column, 1)
        whole = QWidget()
        outer = QVBoxLayout(whole)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.header)
        outer.addLayout(body, 1)
        self.setCentralWidget(whole)

    def _connect(self) -> None:
        self.workspace.changed.connect(self._changed)
        self.workspace.replaced.connect(self._another_profile)
        self.workspace.notice.connect(self.notices.show_notice)
        self.workspace.inspect.connect(self.open_inspect)
        self.workspace.go.connect(self.show_step)
        self.workspace.played.connect(self._played)
        self.workspace.what_if.connect(lambda: self.open_panel("what-if"))
        self.runner.changed.connect(self._show_job)
        self.runner.changed.connect(self._changed)
        self.runner.idle.connect(self._idle)
        self.log.request.connect(self.show_finding)
        self.header.inspect.connect(lambda: self.open_inspect(""))
        self.header.report.connect(lambda: self.show_step(steps.SUMMARY))
        self.runner.refused.connect(self._refused)
        self.header.settings.connect(lambda: self.open_panel("settings"))
        self.header.what_if.connect(lambda: self.open_panel("what-if"))
        self.rail.chosen.connect(self.show_step)
        self.footer.back.connect(self.go_back)
        self.footer.next.connect(self.go_next)
        self.footer.anyway.connect(self._go_anyway)
        self.footer.stay.connect(self._stay)
        self.footer.cancel.connect(self.runner.cancel)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        # not an event of this window: of those a hundred come before it is first painted
        app.focusWindowChanged.connect(self._come_back)

    @property
    def key(self) -> str:
        """The key of the step that is open or that a panel covers."""
        return self.workspace.profile.page

    @property
    def page(self) -> Page:
        """The page or panel that is shown."""
        from codesign_wizard.pages.base import Page

        page = self.stack.currentWidget()
        assert isinstance(page, Page)
        return page

    def page_of(self, key: str) -> Page:
        """Return the page *key*, made at its first use."""
        return self.pages.get(key)

    def _connect_page(self, page: Page) -> None:
        page.link.connect(self.open_link)
        banner = getattr(page, "banner", None)
        if banner is not None:
            banner.said.connect(self._show_rail)
        question = getattr(page, "question", None)
        if question is not None:
            question.changed.connect(self._choose_primary)

    def show_step(self, key: str) -> None:
        """Open the step *key* if it can be reached."""
        flow = self.workspace.flow
        if not flow.reachable(key) or key not in [step.key for step in flow.steps()]:
            return
        self._panel = None
        self.footer.hide_question()
        moved = key != self.workspace.profile.page or key not in self.workspace.profile.reached
        flow.go(key)
        self._open(key)
        if moved:
            self.workspace.edited()

    def open_panel(self, key: str) -> Page:
        """Open a panel over the page; Back or Esc returns."""
        self._panel = key
        self.footer.hide_question()
        self._open(key)
        return self.pages.get(key)

    def open_inspect(self, path: str) -> None:
        """Open *Inspect*, and look at the file *path* at once if one is given."""
        page = self.open_panel("inspect")
        look = getattr(page, "look_at", None)
        if path and look is not None:
            look(path)

    def go_back(self) -> None:
        """Leave a panel, or go to the step before."""
        if self._panel is not None:
            self.show_step(self.key)
            return
        before = self.workspace.flow.back(self.key)
        if before is not None:
            self.show_step(before.key)

    def go_next(self) -> None:
        """Go where the way goes on; when something blocks, ask once, in the footer."""
        key, flow = self.key, self.workspace.flow
        after = flow.onward(key)
        if after is None:
            return
        result = self.workspace.profile.results.get(key)
        blocked = flow.state(key) is StepState.ATTENTION and result is not None
        if blocked and result is not None and (key, result.obtained) not in self._agreed:
            self.footer.ask(tr("{reason} Go on all the same?").format(reason=flow.reason_not_next(key)))
            announce(self.footer, self.footer.reason.text(), assertive=True)
            return
        self.show_step(after.key)

    def show_log(self) -> None:
        """Show the log, made at its first use."""
        self.log.show()

    @property
    def log_model(self) -> LogModel:
        """The log's lines, which are kept whether they are shown or not."""
        return self.log.model

    @property
    def log_dock(self) -> LogDock:
        """The dock of the log, made at its first use."""
        return self.log.dock

    def show_in_log(self, request_id: str) -> None:
        """Show the log at the line of this request; say so when it has none."""
        if not self.log.show_request(request_id):
            self._say(tr("The log has no line of this request: it was asked in an earlier run."))

    def show_finding(self, request_id: str) -> None:
        """Open the page with the finding that this request led to; say so when there is none."""
        if self.page.show_request(request_id):
            return
        results = self.workspace.profile.results
        speaking = [key for key, told in results.items() if request_id in requests_of(told)]
        for key in speaking:
            self.show_step(key)
            if self.key == key and self.page.show_request(request_id):
                return
        if speaking:
            self._say(tr("A finding speaks of this request, but its page does not show it now."))
        else:
            self._say(tr("No finding speaks of this request: it was answered as it should be."))

    def _say(self, text: str) -> None:
        self.footer.reason.setText(text)
        announce(self.footer, text)

    def unexpected(self, error: BaseException) -> None:
        """Tell of an exception that nobody caught, as a finding; its trace goes to the log."""
        import traceback

        from codesign_wizard.core.job import LogLevel

        self.runner.log(LogLevel.ERROR, f"{type(error).__name__}: {error}", part="wizard")
        for line in "".join(traceback.format_exception(error)).splitlines():
            self.runner.log(LogLevel.DEBUG, line, part="wizard")
        self.notices.show_notice(unexpected(error))

    def open_link(self, address: str) -> None:
        """Open *address* in the browser (practice copies it instead), or the log at a request."""
        from PySide6.QtCore import QUrl
        from PySide6.QtGui import QDesktopServices, QGuiApplication

        from codesign_wizard.widgets.findings import LOG

        if address.startswith(LOG):
            self.show_in_log(address.removeprefix(LOG))
            return
        if self.workspace.practising:
            QGuiApplication.clipboard().setText(address)
            self.footer.reason.setText(tr("Practice opens no browser. The address was copied."))
            announce(self.footer, self.footer.reason.text())
            return
        if address.startswith("https://"):
            QDesktopServices.openUrl(QUrl(address))

    def _come_back(self) -> None:
        """Take over what was changed in another window: who comes back to this one may have been there."""
        if self.pages.opened and self.isActiveWindow():
            self.workspace.catch_up()

    def paintEvent(self, event: QPaintEvent) -> None:
        """As Qt's; the first time, the page is asked for."""
        super().paintEvent(event)
        if self._frame_first:
            self._frame_first = False
            QTimer.singleShot(0, self._open_first)
            QTimer.singleShot(0, self._look_ahead)

    def _look_ahead(self) -> None:
        from codesign_wizard.ahead import Ahead

        def prepare() -> bool:
            more = self.pages.prepare()
            if not more:
                self._order()  # the first time takes longer, and would be in the midst of a job
            return more

        self._ahead = Ahead(MODULES, prepare, lambda: bool(self.runner.tasks), self)

    def keep_typed(self) -> None:
        """Let every page keep what is typed and not kept yet."""
        for page in self.pages.opened.values():
            page.leaving()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close at once when idle; else cancel what runs, and close when it has ended."""
        if not self._closing:
            self.keep_typed()
        self.runner.stop()
        if self._ahead is not None:
            self._ahead.stop()
        self.workspace.save()  # which may have something for the keyring to do
        if self.runner.tasks:
            self._closing = True
            self.setEnabled(False)
            event.ignore()
            return
        self.workspace.save()
        self.runner.close()
        self.log.close()
        event.accept()

    def focusNextPrevChild(self, next: bool) -> bool:  # Qt's name
        """As Qt's, in reading order: results come and go, and would all be reached last."""
        self._order()
        return super().focusNextPrevChild(next)

    def _order(self) -> None:
        from codesign_wizard.widgets.order import put_in_order

        put_in_order(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        from PySide6.QtGui import QKeySequence

        # what no control has used for itself, such as an editor to give up an edit; by each system's own keys
        standard = QKeySequence.StandardKey
        if event.matches(standard.Cancel):
            self._escape()
        elif event.matches(standard.Open):
            self.open_inspect("")
        elif event.matches(standard.Preferences):
            self.open_panel("settings")
        elif event.matches(standard.Quit):
            self.close()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        from codesign_wizard.widgets.pieces import dropped_file

        if dropped_file(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        from codesign_wizard.widgets.pieces import dropped_file

        path = dropped_file(event)
        if path is not None:
            event.acceptProposedAction()
            self.open_inspect(str(path))

    def _open(self, key: str) -> None:
        page = self.page_of(key)
        self.stack.setCurrentWidget(page)
        page.refresh()
        if not any(one.hasFocus() for one in self.rail.buttons):
            page.setFocus(Qt.FocusReason.OtherFocusReason)
        page.shown()
        self._changed()
        self._hold()

    def _hold(self) -> None:
        """While a report is open, hold what is shown but the panel that reads files; say where it is from."""
        origin = self.workspace.session.origin
        self.notices.show_report(origin)
        if origin is not None and self._panel != "inspect" and self.stack.count():
            from codesign_wizard.pages.held import hold

            hold(self.page)

    def _played(self, switched: Switched) -> None:
        """Let every page begin anew on a practice that is another now."""
        panel = self._panel
        for page in self.pages.opened.values():
            page.leaving()
        self._replaced()
        if switched.offer is None:
            if panel == "what-if":
                self.open_panel(panel)
            announce(self, tr("It is switched off: nothing is wrong in the practice now."))
        elif self.notices.play_strip is not None:
            strip = self.notices.play_strip
            announce(strip, strip.banner.title, assertive=True)

    def _refused(self) -> None:
        from codesign_wizard.core.report import READ_ONLY

        self.notices.show_notice(READ_ONLY(severity=Severity.INFO))

    def _changed(self) -> None:
        workspace = self.workspace
        flow, key = workspace.flow, self.key
        practising = workspace.session.practice is not None
        self.header.show_profile(workspace.profile.name, practising=practising)
        self._show_rail()
        self._show_play()
        if self._panel is not None:
            self.footer.show_return(flow.current().title)
            if self._panel == "what-if" and self._panel in self.pages.opened:
                self.pages.opened[self._panel].refresh()
            return
        before, after = flow.back(key), flow.onward(key)
        held = self.runner.foreground is not None or workspace.starting_practice
        if not self.footer.asking:
            self.footer.show_way(
                before.title if before is not None else None,
                after.title if after is not None else None,
                self._why_not_next() if after is not None else "",
                held=held,
            )
        if key in self.pages.opened:
            self.pages.opened[key].refresh()
        self._choose_primary()
        self._hold()

    def _show_rail(self) -> None:
        """Show how each step stands; of the page that is open also what it alone knows."""
        flow, now = self.workspace.flow, datetime.now(UTC)
        opened = "" if self._panel is not None else self.key
        shown = Severity.OK
        # these two speak of all the steps
        if opened in self.pages.opened and opened not in (steps.START, steps.SUMMARY):
            banner = getattr(self.pages.opened[opened], "banner", None)
            shown = banner.severity if banner is not None else shown
        self.rail.show_steps(
            [
                RailStep(
                    step.key,
                    step.title,
                    step.group.words,
                    stands.beside(shown) if step.key == opened else stands,
                    flow.reachable(step.key),
                )
                for step in flow.steps()
                for stands in [standing(flow, step.key, now)]
            ],
            opened,
        )

    def _show_play(self) -> None:
        page = self.pages.opened.get(self.key)
        self.notices.show_play(self.key, self._panel, page.told() if page is not None else ())

    def _why_not_next(self) -> str:
        """Return why going on is not advised: what the page says is missing, or what the flow knows."""
        page = self.pages.opened.get(self.key)
        told = page.missing() if page is not None else ""
        return told or self.workspace.flow.reason_not_next(self.key)

    def _choose_primary(self) -> None:
        """Let Next be the thing to do next once the page has no other: one accent a page."""
        page = self.pages.opened.get(self.key)
        if page is None or self._panel is not None:
            return
        buttons = page.findChildren(QPushButton)
        other = any(one.property("kind") == "primary" and one.isVisibleTo(page) for one in buttons)
        restyle(self.footer.next_button, "kind", "" if other or self._why_not_next() else "primary")

    def _show_job(self) -> None:
        task = self.runner.foreground
        if task is None:
            self._clock.stop()
            self.footer.show_job("", None)
            return
        self._clock.start()
        self.footer.show_job(_told(task), None, name=task.name, stop=task.stop)

    def _another_profile(self) -> None:
        self.notices.dismiss_read()
        self._replaced()

    def _replaced(self) -> None:
        self.pages.end()
        self._agreed = set()
        self.show_step(self.workspace.flow.current().key)
        if self._ahead is not None:
            self._ahead.again()

    def _go_anyway(self) -> None:
        result = self.workspace.profile.results.get(self.key)
        if result is not None:
            self._agreed.add((self.key, result.obtained))
        self.footer.hide_question()
        self.go_next()

    def _stay(self) -> None:
        self.footer.hide_question()
        self._changed()
        if not self.page.focus_problem():
            self.footer.next_button.setFocus()

    def _escape(self) -> None:
        if self.footer.asking:
            self._stay()
        elif self.runner.cancel():
            announce(self.footer, tr("Cancelling"))
        elif self._panel is not None:
            self.go_back()

    def _idle(self) -> None:
        if self._closing:
            self.close()


def _told(task: Task) -> str:
    text = f"{task.name} · {task.text.removesuffix('…')}…" if task.text else f"{task.name}…"
    if task.seconds >= _TOLD_AFTER_S:
        text = tr("{what} ({n} s)").format(what=text, n=int(task.seconds))
    return text
