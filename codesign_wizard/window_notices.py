"""What stands above every page: findings that belong to no step, an open report, a scenario that is on."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout
from shiboken6 import isValid

from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.widgets.labels import announce

if TYPE_CHECKING:
    from codesign_wizard.core.report_open import Origin
    from codesign_wizard.pages.notice import Notice, PlayStrip, ReportStrip
    from codesign_wizard.pages.workspace import Workspace


class WindowNotices(QVBoxLayout):
    """The strips and notices of a window on *workspace*, the strips first.

    *open_link* is called with the address of a link in a notice, *what_if* when the way to the scenarios is
    taken.
    """

    def __init__(
        self, workspace: Workspace, *, open_link: Callable[[str], object], what_if: Callable[[], object]
    ) -> None:
        super().__init__()
        self.setContentsMargins(0, 0, 0, 0)
        self._workspace = workspace
        self._open_link = open_link
        self._what_if = what_if
        # by their finding's id; a dismissed one is gone from sight only
        self._noticed: dict[str, Notice] = {}
        self.report_strip: ReportStrip | None = None
        self.play_strip: PlayStrip | None = None

    def show_notice(self, finding: Finding) -> None:
        """Show *finding* until it is dismissed; one of a kind at a time."""
        from codesign_wizard.pages.notice import Notice

        former = self._noticed.pop(finding.id, None)
        if former is not None and isValid(former):  # it is not once the person has dismissed it
            former.dismiss()
        notice = self._noticed[finding.id] = Notice(finding)
        notice.link.connect(self._open_link)
        self.addWidget(notice)
        notice.show()
        announce(notice, finding.title, assertive=True)

    def dismiss_read(self) -> None:
        """Take away what was said of a former profile, but what failed: that is still to be read."""
        for notice in self._noticed.values():
            if isValid(notice) and notice.finding.severity is not Severity.ERROR:
                notice.dismiss()

    def show_report(self, origin: Origin | None) -> None:
        """Say where the report is from that is open, if one is."""
        if origin is None:
            if self.report_strip is not None:
                self.report_strip.hide()
            return
        if self.report_strip is None:
            from codesign_wizard.pages.notice import ReportStrip

            self.report_strip = ReportStrip(self._workspace.close_report)
            self.insertWidget(0, self.report_strip)
        self.report_strip.say(origin)
        self.report_strip.show()

    def show_play(self, key: str, panel: str | None, told: Collection[str] = ()) -> None:
        """Say above every page but the panel itself which scenario of the practice is on.

        *key* is the step that is open, *panel* what covers it, if anything does; *told* are the ids of
        findings that the page tells of in its own way.
        """
        practice = self._workspace.session.practice
        on = None
        if practice is not None and practice.scenario is not None and panel != "what-if":
            from codesign_wizard.playing import playing

            on = playing(self._workspace.session)
        if on is None:
            if self.play_strip is not None:
                self.play_strip.hide()
            return
        if self.play_strip is None:
            from codesign_wizard.pages.notice import PlayStrip

            self.play_strip = PlayStrip(self._workspace, self._what_if)
            self.insertWidget(0, self.play_strip)
        self.play_strip.say(on, here="" if panel is not None else key, told=told)
        self.play_strip.show()
