"""Pieces with a little behaviour: banner, fold, tabs, file drop."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QAbstractButton,
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from codesign_wizard import theme
from codesign_wizard.core.azure.quoting import powershell_lines, sh_lines
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.text import BULLET, tr
from codesign_wizard.theme import SEVERITY_MARKS, Mark, px
from codesign_wizard.widgets.basics import (
    CodeBox,
    MarkView,
    breakable,
    button,
    column,
    label,
    restyle,
    row,
)
from codesign_wizard.widgets.labels import isolated

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QDragEnterEvent, QDropEvent, QPaintEvent


def severity_word(severity: Severity) -> str:
    """Return the word that stands beside the sign of *severity*."""
    return {
        Severity.ERROR: tr("Problem"),
        Severity.WARNING: tr("Warning"),
        Severity.INFO: tr("Note"),
        Severity.OK: tr("In order"),
    }[severity]


class Banner(QFrame):
    """The answer first: one sentence with its sign, and at most one more below it.

    ``severity`` is how grave it is; ``said`` tells that it is another now.
    """

    said = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self.setProperty("severity", "info")
        self.severity = Severity.INFO
        self.title = ""  # the sentence shown
        self.text = ""  # the smaller one below it
        self._mark = MarkView(Mark.INFO)
        self._title = label("", "heading")
        self._text = label("", "soft")
        self._text.hide()
        box = QHBoxLayout(self)
        box.setContentsMargins(px(14), px(11), px(14), px(11))
        box.setSpacing(px(12))
        box.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        box.addLayout(column(self._title, self._text, gap=2), 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def say(self, severity: Severity, title: str, text: str = "", *, mark: Mark | None = None) -> None:
        """Show *title* and below it *text*; *mark* replaces the sign of *severity*."""
        restyle(self, "severity", severity.value)
        self._mark.set(mark or SEVERITY_MARKS[severity], severity_word(severity))
        self.title, self.text = title, text
        self._title.setText(breakable(title))
        self._text.setText(breakable(text))
        self._text.setVisible(bool(text))
        self.setAccessibleName(f"{severity_word(severity)}: {title}")
        if severity is not self.severity:
            self.severity = severity
            self.said.emit()


class FoldButton(QAbstractButton):
    """A line of text with an arrow that opens and closes what is below it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.setCheckable(True)
        self.setText(text)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:
        words = self.fontMetrics().size(Qt.TextFlag.TextShowMnemonic, self.text())
        return QSize(words.width() + px(24), words.height() + px(8))

    def minimumSizeHint(self) -> QSize:
        return QSize(px(80), self.sizeHint().height())

    def heightForWidth(self, width: int) -> int:
        flags = int(Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextShowMnemonic)
        room = QRect(0, 0, width - px(18), px(10_000))
        return self.fontMetrics().boundingRect(room, flags, self.text()).height() + px(8)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.tokens()
        painter = QPainter(self)
        line = QRectF(0, 0, px(12), self.fontMetrics().height() + px(8))  # beside the first one
        theme.paint_chevron(painter, theme.placed(self, line), down=self.isChecked(), ink=look.soft)
        words = theme.placed(self, QRectF(self.rect()).adjusted(px(18), 0, 0, 0)).toRect()
        painter.setPen(theme.ink(look.ink if self.underMouse() else look.soft))
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        wrapped = int(Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextShowMnemonic)
        painter.drawText(words, int(flags) | wrapped, isolated(self.text()))
        if self.hasFocus():
            theme.paint_focus(painter, QRectF(self.rect()))
        painter.end()

    def enterEvent(self, event: QEvent) -> None:
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.update()


class Fold(QWidget):
    """A heading that opens ``body``; closed at first."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.button = FoldButton(text)
        self.content = QWidget()
        self.body = QVBoxLayout(self.content)
        self.body.setContentsMargins(theme.margins(18, 0, 0, 0))
        self.body.setSpacing(px(8))
        self.content.hide()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(px(6))
        box.addWidget(self.button)
        box.addWidget(self.content)
        self.button.toggled.connect(self.content.setVisible)

    def open(self, opened: bool = True) -> None:
        """Open or close it."""
        self.button.setChecked(opened)

    def fill_when_opened(self, fill: Callable[[], object]) -> None:
        """Let *fill* make what is in it once somebody looks: most are never opened, and a page has many."""

        def opened(shown: bool) -> None:
            self.button.toggled.disconnect(opened)
            fill()

        self.button.toggled.connect(opened)


class _Bar(QTabBar):
    """Flat tabs with room for their names when they are chosen and bold: Qt measures them as they are not."""

    def tabSizeHint(self, index: int) -> QSize:
        hint = super().tabSizeHint(index)
        bold = QFontMetrics(theme.font(bold=True)).horizontalAdvance(self.tabText(index))
        return QSize(max(hint.width(), bold + 2 * px(10) + px(4)), hint.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            theme.paint_focus(painter, QRectF(self.tabRect(self.currentIndex())))
            painter.end()


class Tabs(QWidget):
    """Flat tabs; only the chosen page takes room."""

    chosen = Signal(int)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.bar = _Bar()
        self.bar.setDrawBase(False)
        self.bar.setExpanding(False)
        self.bar.setUsesScrollButtons(False)
        self.bar.setAccessibleName(name)
        self._pages: list[QWidget] = []
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(0)
        line = QFrame()
        line.setProperty("role", "hairline")
        self._box.addWidget(self.bar)
        self._box.addWidget(line)
        self._box.addSpacing(px(10))
        self.bar.currentChanged.connect(self._show)

    def add(self, title: str, page: QWidget) -> None:
        """Add *page* under *title*; the first one is shown."""
        self._pages.append(page)
        self._box.addWidget(page)
        page.setVisible(len(self._pages) == 1)
        self.bar.addTab(title)

    @property
    def index(self) -> int:
        """The number of the page shown."""
        return self.bar.currentIndex()

    def _show(self, index: int) -> None:
        for place, page in enumerate(self._pages):
            page.setVisible(place == index)
        self.chosen.emit(index)


def az_box(text: str, name: str, *, script: bool = False) -> QWidget:
    """Return ``az`` commands, long ones over several lines, and for which shell they are quoted.

    A *script* stays as it was written, and scrolls within its box.
    """
    holder = QWidget()
    box = QVBoxLayout(holder)
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(px(4))
    box.addWidget(_commands(text if script else sh_lines(text), name, script=script))
    box.addWidget(label(tr("For bash, as in Azure Cloud Shell. On Windows take PowerShell."), "label"))
    return holder


def powershell_box(text: str, name: str, *, script: bool = False) -> CodeBox:
    """Return PowerShell commands, long ones over several lines; a *script* as that of ``az_box``."""
    return _commands(text if script else powershell_lines(text), name, script=script)


def _commands(text: str, name: str, *, script: bool) -> CodeBox:
    return CodeBox(text, name, wrap=False, most=_SCRIPT_LINES if script else 0)


_SCRIPT_LINES = 22  # of a script that are in view at a time: both scroll bars are, in the smallest window
_ENDS_IN_COMMAND = re.compile(r"([^`]+?) *`([^`]+)`\.?")


def portal_steps(steps: Sequence[str]) -> QWidget:
    """Return the numbered *steps* as text; a command that a step ends in, between backticks, as code."""
    holder = QWidget()
    box = QVBoxLayout(holder)
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(px(4))
    for number, text in enumerate(steps, 1):
        # a step alone is no list
        sign, width = (f"{number}.", 22) if len(steps) > 1 else ("", 0)
        told = _ENDS_IN_COMMAND.fullmatch(text)
        box.addLayout(hanging(sign, label(breakable(text if told is None else told[1])), width))
        if told is not None:
            box.addLayout(row(width, CodeBox(told[2], tr("Command")), gap=0))
    return holder


def detail_text(text: str) -> QWidget:
    """Return the smaller words of a finding; lines that begin with ``BULLET`` hang behind their bullet."""
    lines = text.split("\n")
    listed = [line for line in lines if line.startswith(BULLET)]
    if not listed:
        return label(breakable(text), "soft")
    holder = QWidget()
    box = QVBoxLayout(holder)
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(px(2))
    before = "\n".join(line for line in lines if line not in listed)
    if before:
        box.addWidget(label(breakable(before), "soft"))
    for line in listed:
        box.addLayout(hanging(BULLET.strip(), label(breakable(line.removeprefix(BULLET)), "soft"), 14))
    return holder


def hanging(sign: str, part: QWidget, width: int) -> QHBoxLayout:
    """Return *part* behind *sign*, its further lines below the first; *width* at a text scale of 1."""
    before = label(sign, "soft", wrap=False)
    before.setFixedWidth(px(width))
    line = QHBoxLayout()
    line.setSpacing(0)
    line.addWidget(before, 0, Qt.AlignmentFlag.AlignTop)
    line.addWidget(part, 1)
    return line


class FileDrop(QFrame):
    """A place to drop one file on, or to choose it with; ``chosen`` tells its path.

    *folders*: a folder is taken too, as a Mac's app is one. *upright*: for a narrow column, the words get the
    whole width and as many lines as they need.
    """

    chosen = Signal(str)

    def __init__(
        self, prompt: str, choose: str, pattern: str, *, folders: bool = False, upright: bool = False
    ) -> None:
        super().__init__()
        self._folders = folders
        self.setProperty("role", "drop")
        self._pattern = pattern
        self._prompt = prompt
        self.setAccessibleName(prompt)
        self.setAcceptDrops(True)
        self.words: QLabel = label(prompt, "soft")
        self.choose = button(choose, self.ask)
        way = QBoxLayout.Direction.TopToBottom if upright else QBoxLayout.Direction.LeftToRight
        box = self.box = QBoxLayout(way, self)
        box.setContentsMargins(px(12), px(10), px(12), px(10))
        box.setSpacing(px(6) if upright else px(12))
        box.addWidget(self.words, 1)
        box.addWidget(self.choose)
        height = QSizePolicy.Policy.Preferred if upright else QSizePolicy.Policy.Maximum
        self.setSizePolicy(QSizePolicy.Policy.Preferred, height)

    def say(self, text: str, tip: str = "") -> None:
        """Show *text* in place of the prompt."""
        self.words.setText(text)
        self.words.setToolTip(tip)
        self.setAccessibleName(text)

    def ask(self) -> None:
        """Let the person choose a file."""
        from PySide6.QtWidgets import QFileDialog

        path, _ = QFileDialog.getOpenFileName(self, self._prompt, "", self._pattern)
        if path:
            self.chosen.emit(path)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_file(event, folders=self._folders) is not None:
            restyle(self, "over", "true")
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QEvent) -> None:
        restyle(self, "over", "false")

    def dropEvent(self, event: QDropEvent) -> None:
        restyle(self, "over", "false")
        path = dropped_file(event, folders=self._folders)
        if path is not None:
            event.acceptProposedAction()
            self.chosen.emit(str(path))


def dropped_file(event: QDropEvent, *, folders: bool = False) -> Path | None:
    """Return the first local file, or with *folders* the first folder too, that the drag holds."""
    for url in event.mimeData().urls():
        path = Path(url.toLocalFile())
        if url.isLocalFile() and (path.is_file() or (folders and path.is_dir())):
            return path
    return None
