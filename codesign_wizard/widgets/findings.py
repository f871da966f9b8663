"""A finding as it looks everywhere: sign, colour and word; what was seen; what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from codesign_wizard import theme
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Remedy, Severity, worst_first
from codesign_wizard.core.redact import redact
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import when
from codesign_wizard.theme import SEVERITY_MARKS, px
from codesign_wizard.widgets.basics import (
    Card,
    CodeBox,
    CopyButton,
    MarkView,
    breakable,
    button,
    clear,
    column,
    label,
    row,
)
from codesign_wizard.widgets.pieces import (
    Fold,
    Tabs,
    az_box,
    detail_text,
    hanging,
    portal_steps,
    powershell_box,
    severity_word,
)
from codesign_wizard.widgets.wrapping import WrappingRow

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

LOG = "log:"  # begins a link that leads to a request's line in the log


def evidence_lines(evidence: Evidence) -> list[tuple[str, str]]:
    """Return what was seen as name and text, redacted, in the order a vendor's support asks for it."""
    lines: list[tuple[str, str]] = []
    if evidence.status is not None:
        lines.append((tr("Status"), str(evidence.status)))
    if evidence.code:
        lines.append((tr("Code"), evidence.code))
    if evidence.message:
        lines.append((tr("Message"), evidence.message))
    if evidence.request_id:
        lines.append((tr("Request id"), evidence.request_id))
    if evidence.time is not None:
        lines.append((tr("Time"), when(evidence.time)))
    lines += list(evidence.more.items())
    return [(name, redact(text)) for name, text in lines]


def seen_short(evidence: Evidence) -> str:
    """Return HTTP status and the vendor's code in a few words; a code that is a number is named as one."""
    code = redact(evidence.code or "")
    if code.isdecimal():
        code = tr("code {code}").format(code=code)
    status = f"HTTP {evidence.status}" if evidence.status else ""
    return ", ".join(part for part in (status, code) if part)


def _ring(widget: QWidget) -> None:
    """Show while *widget* is painted whether it has the focus."""
    if widget.hasFocus():
        painter = QPainter(widget)
        theme.paint_focus(painter, QRectF(widget.rect()))
        painter.end()


class RemedyView(QWidget):
    """What to do: tabs for the ways that exist, a copy button for the one that is shown, one link."""

    link = Signal(str)

    def __init__(self, remedy: Remedy) -> None:
        super().__init__()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(px(8))
        box.addWidget(label(remedy.title))
        self.tabs: Tabs | None = None  # where there is a choice
        self.buttons = WrappingRow(px(8))
        ways: list[tuple[str, QWidget, str]] = []
        if remedy.portal:
            ways.append((tr("Portal"), portal_steps(remedy.portal), "\n".join(remedy.portal)))
        if remedy.az:
            ways.append(("az", az_box(remedy.az, tr("az command")), remedy.az))
        if remedy.powershell:
            box_of_it = powershell_box(remedy.powershell, tr("PowerShell command"))
            ways.append(("PowerShell", box_of_it, remedy.powershell))
        self._texts = [text for _, _, text in ways]
        if len(ways) > 1:
            self.tabs = Tabs(tr("Ways to do it"))
            for title, page, _ in ways:
                self.tabs.add(title, page)
            box.addWidget(self.tabs)
        elif ways:
            box.addWidget(ways[0][1])
        self.copy: CopyButton | None = None
        self.opener: QWidget | None = None
        if ways:
            self.copy = CopyButton(self._shown)
            self.copy.setAccessibleName(tr("Copy what to do"))
            self.buttons.addWidget(self.copy)
        if remedy.url:
            url = remedy.url
            opener = button(tr("Read more"), lambda: self.link.emit(url), "link")
            opener.setAccessibleName(tr("Read more about this"))
            opener.setToolTip(url)
            self.buttons.addWidget(opener)
            self.opener = opener
        box.addLayout(self.buttons)

    def insert_button(self, button: QWidget) -> None:
        """Put *button* behind the one that copies, for Tab as well; before the link."""
        first = self.copy
        self.buttons.insertWidget(0 if first is None else 1, button)
        if first is not None:
            QWidget.setTabOrder(first, button)
        if self.opener is not None:
            QWidget.setTabOrder(button, self.opener)

    def _shown(self) -> str:
        return self._texts[self.tabs.index if self.tabs is not None else 0]


class FindingView(Card):
    """One finding that asks for attention."""

    again = Signal(object)  # the Finding
    link = Signal(str)

    def __init__(self, finding: Finding, *, can_check: bool = True) -> None:
        super().__init__()
        self.finding = finding
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        word = severity_word(finding.severity)
        self.setAccessibleName(f"{word}: {finding.title}")
        self.setAccessibleDescription(finding.detail)
        clear_heading(self)
        head = QHBoxLayout()
        head.setSpacing(px(12))
        head.addWidget(MarkView(SEVERITY_MARKS[finding.severity], word), 0, Qt.AlignmentFlag.AlignTop)
        words: QLabel = label(word, finding.severity.value, wrap=False)
        likely = finding.certainty is Certainty.LIKELY
        head_line = WrappingRow(px(8))
        head_line.addWidget(words)
        if likely:
            head_line.addWidget(label(tr("likely, not proved"), "label", wrap=False))
        texts = column(head_line, label(breakable(finding.title), "heading"), gap=2)
        if finding.detail:
            texts.addSpacing(px(2))
            texts.addWidget(detail_text(finding.detail))
        head.addLayout(texts, 1)
        self.body.addLayout(head)

        inner = QVBoxLayout()
        inner.setContentsMargins(theme.margins(30, 0, 0, 0))
        inner.setSpacing(px(8))
        self.body.addLayout(inner)
        for remedy in finding.remedies:
            view = RemedyView(remedy)
            view.link.connect(self.link)
            # each begins with a sentence of its own: where one ends and the next begins is to be seen
            if len(finding.remedies) > 1:
                inner.addLayout(hanging("•", view, 14))
            else:
                inner.addWidget(view)
        self.recheck = button(tr("Check again"), lambda: self.again.emit(finding))
        self.recheck.setAccessibleName(tr("Check again: {title}").format(title=finding.title))
        if not can_check:
            self.recheck.hide()  # shown before it has a parent, it would be a window for a moment
        if finding.remedies:
            view.insert_button(self.recheck)
        elif can_check:
            inner.addLayout(row(self.recheck, None))
        self.seen = evidence_fold(finding, self.link.emit)
        if self.seen is not None:
            inner.addWidget(self.seen)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        _ring(self)


def clear_heading(card: Card) -> None:
    """Take the heading that every card starts with out of *card*."""
    for part in (card.heading, card.note):
        card.body.removeWidget(part)
        part.deleteLater()


def evidence_fold(finding: Finding, link: Callable[[str], object]) -> Fold | None:
    """Return "What we saw", folded, or ``None`` when there is nothing to show.

    *link* is given ``LOG`` and the request id when its line in the log is asked for.
    """
    lines = evidence_lines(finding.evidence)
    if not lines:
        return None
    short = seen_short(finding.evidence)
    title = tr("What we saw: {what}").format(what=short) if short else tr("What we saw")
    fold = Fold(title)
    fold.button.setAccessibleName(title)

    def fill() -> None:
        text = "\n".join(f"{name}: {value}" for name, value in [*lines, (tr("Finding"), finding.id)])
        fold.body.addWidget(CodeBox(text, tr("What we saw")))
        copy = CopyButton(lambda: text, kind="small")
        copy.setAccessibleName(tr("Copy what we saw"))
        request_id = finding.evidence.request_id
        if request_id:
            shower = button(tr("Show in the log"), lambda: link(f"{LOG}{request_id}"), "link")
            shower.setAccessibleName(tr("Show the request {id} in the log").format(id=request_id))
            fold.body.addLayout(row(copy, shower, None))
        else:
            fold.body.addLayout(row(copy, None))

    fold.fill_when_opened(fill)
    return fold


class PassedRow(QWidget):
    """A finding that asks for nothing, on one line."""

    link = Signal(str)

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # no stop for Tab, but a way from the log
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(px(12))
        word = severity_word(finding.severity)
        self.setAccessibleName(f"{word}: {finding.title}")
        box.addWidget(MarkView(SEVERITY_MARKS[finding.severity], word), 0, Qt.AlignmentFlag.AlignTop)
        texts = column(label(breakable(finding.title)), gap=2)
        if finding.detail:
            texts.addWidget(detail_text(finding.detail))
        self.seen = evidence_fold(finding, self.link.emit)
        if self.seen is not None:
            texts.addWidget(self.seen)
        box.addLayout(texts, 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        _ring(self)


def focus_request(page: QScrollArea, request_id: str) -> bool:
    """Show the finding on *page* that this request led to, opened and focused; tells whether there is one."""
    views: list[FindingView | PassedRow] = [*page.findChildren(FindingView), *page.findChildren(PassedRow)]
    for view in views:
        if view.finding.evidence.request_id == request_id and view.isVisibleTo(page):
            if view.seen is not None:
                view.seen.open()
            view.setFocus(Qt.FocusReason.OtherFocusReason)
            # once it is laid out with its evidence open
            QTimer.singleShot(0, view, partial(page.ensureWidgetVisible, view))
            return True
    return False


class FindingList(QWidget):
    """Findings, worst first: each that asks for attention as a card, the rest together in one."""

    again = Signal(object)
    link = Signal(str)

    def __init__(self, passed: str = "") -> None:
        super().__init__()
        self._passed = passed or tr("What was checked")
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(px(12))
        self.views: list[FindingView] = []
        self.passed: Card | None = None
        self._unmade: list[Finding] = []  # what the card of the rest is still to be filled with
        # not Maximum: that holds it at the height that its hint has, however many lines its texts wrap to
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.hide()

    def set(self, findings: Iterable[Finding], *, can_check: bool = True, passed: bool = True) -> None:
        """Show *findings* in place of the former ones; *passed*: also those that ask for nothing."""
        clear(self._box)
        self.views, self.passed, self._unmade = [], None, []
        ordered = worst_first(findings)
        quiet = [finding for finding in ordered if finding.severity in (Severity.INFO, Severity.OK)]
        for finding in ordered:
            if finding in quiet:
                continue
            view = FindingView(finding, can_check=can_check)
            view.again.connect(self.again)
            view.link.connect(self.link)
            self.views.append(view)
            self._box.addWidget(view)
        if quiet:
            self.passed, self._unmade = Card(self._passed), quiet
            self._box.addWidget(self.passed)
        self.show_passed(passed)

    def show_passed(self, shown: bool) -> None:
        """Show or hide the card of what asks for nothing; it is filled when it is first shown."""
        if self.passed is not None:
            if shown:
                self._fill(self.passed)
            self.passed.setVisible(shown)
        self.setVisible(bool(self.views) or (shown and self.passed is not None))

    def _fill(self, card: Card) -> None:
        findings, self._unmade = self._unmade, []
        for place, finding in enumerate(findings):
            if place:
                line = QFrame()
                line.setProperty("role", "hairline")
                card.body.addWidget(line)
            passed = PassedRow(finding)
            passed.link.connect(self.link)
            card.body.addWidget(passed)

    def speaks_of(self, request_id: str) -> bool:
        """Tell whether a finding here is of this request, shown or not."""
        shown = [view.finding for view in self.views] + [one.finding for one in self.findChildren(PassedRow)]
        return any(each.evidence.request_id == request_id for each in [*shown, *self._unmade])

    def focus_first(self) -> bool:
        """Put the focus on the first problem, if one is shown; tells whether it did."""
        if not self.isVisible():  # on a page that is not shown: keys would go where nobody sees them
            return False
        for view in self.views:
            if view.finding.severity is Severity.ERROR:
                view.setFocus(Qt.FocusReason.OtherFocusReason)
                return True
        return False
