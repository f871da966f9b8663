"""The window's frame: header, rail of steps, footer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from codesign_wizard import theme
from codesign_wizard.core.flow import StepState
from codesign_wizard.core.standing import Standing
from codesign_wizard.core.text import tr
from codesign_wizard.theme import Mark, px
from codesign_wizard.widgets.labels import button, end, isolated, label

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QPaintEvent, QResizeEvent


class Header(QWidget):
    """Product, profile, practice badge; what can be opened from anywhere."""

    what_if = Signal()
    inspect = Signal()
    report = Signal()
    settings = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "header")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(px(48))
        self.profile = label("", wrap=False)
        self.badge = label(tr("Practice accounts"), "badge", wrap=False)
        self.badge.setAccessibleName(tr("Practice accounts are in use: nothing real is touched"))
        self.badge.setToolTip(self.badge.accessibleName())
        self.badge.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        box = QHBoxLayout(self)
        box.setContentsMargins(theme.margins(20, 0, 14, 0))
        box.setSpacing(px(10))
        # the first to give way: the window's title says it as well
        self.brand = (label(tr("Codesign Wizard"), "brand", wrap=False), label("/", "slash", wrap=False))
        for part in self.brand:
            box.addWidget(part)
        box.addWidget(self.profile)
        box.addWidget(self.badge)
        box.addStretch(1)
        self.what_if_button = button(tr("What if…"), self.what_if.emit, "flat")
        self.what_if_button.setAccessibleName(tr("What if: let something go wrong in this practice"))
        self.inspect_button = button(tr("&Inspect a file…"), self.inspect.emit, "flat")
        self.report_button = button(tr("Report"), self.report.emit, "flat")
        self.report_button.setAccessibleName(tr("Report: summary, save, copy for support"))
        self.settings_button = button(tr("&Settings"), self.settings.emit, "flat")
        self._buttons = (
            self.what_if_button, self.inspect_button, self.report_button, self.settings_button,
        )  # fmt: skip
        for each in self._buttons:
            box.addWidget(each)

    def show_profile(self, name: str, *, practising: bool) -> None:
        """Show the profile's name, and the badge once the practice is there."""
        shown = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, px(320))
        self.profile.setText(shown)
        self.profile.setToolTip(name)
        self.badge.setVisible(practising)
        self.what_if_button.setVisible(practising)
        if self.isVisible():  # else its first size, which comes with showing it, has it fitted
            self._fit()

    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        return QSize(0, hint.height())  # what has to give way must not hold the window wide

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        kept = [self.profile, *(part for part in self._buttons if not part.isHidden())]
        kept += [self.badge] if not self.badge.isHidden() else []
        parts = [*self.brand, *kept]
        room = self.width() - px(34) - px(10) * len(parts)
        wide = sum(part.sizeHint().width() for part in parts) <= room
        for part in self.brand:
            part.setVisible(wide)


class RailStep(NamedTuple):
    """A step as the rail shows it; the note of its standing is at its right."""

    key: str
    title: str
    group: str
    standing: Standing
    reachable: bool

    @property
    def state(self) -> StepState:
        """Where the step stands."""
        return self.standing.state

    @property
    def note(self) -> str:
        """A few words, often none."""
        return self.standing.note

    @property
    def notes(self) -> list[str]:
        """The note, and what is shown of it where it has no room."""
        return [each for each in (self.standing.note, self.standing.short) if each]

    @property
    def closed(self) -> bool:
        """Whether nothing is known of it, and it cannot be opened yet."""
        return self.state is StepState.NOT_STARTED and not self.reachable


def step_mark(step: RailStep) -> Mark:
    """Return the sign before *step*: one that cannot be opened yet has a shape of its own."""
    return Mark.CLOSED if step.closed else theme.standing_mark(step.standing)


class RailButton(QAbstractButton):
    """One step in the rail."""

    def __init__(self, step: RailStep, *, current: bool) -> None:
        super().__init__()
        self._by_key = False
        self.setCheckable(True)
        self.setFixedHeight(px(33))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.say(step, current=current)

    def say(self, step: RailStep, *, current: bool) -> None:
        """Show *step*; *current*: its page is the one that is open."""
        self.step = step
        self.setText(step.title)
        self.setEnabled(step.reachable)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if current else Qt.FocusPolicy.ClickFocus)
        self.setChecked(current)
        told = tr("not open yet") if step.closed else step.standing.told
        self.setAccessibleName(f"{step.title}: {told}")
        why = "" if step.reachable else tr("Opens when the step before it has been visited")
        self.setAccessibleDescription(why)
        self.setToolTip(why)
        self.update()

    def nextCheckState(self) -> None:
        """Leave the mark to the window: a click that leads nowhere must not move it."""

    def focusInEvent(self, event: QFocusEvent) -> None:
        # the ring is for the keyboard: a click needs none
        self._by_key = event.reason() is not Qt.FocusReason.MouseFocusReason
        super().focusInEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # a button would move the focus by itself, also onto what cannot be opened: the rail does it
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
            return
        super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        return QSize(px(160), px(33))

    def paintEvent(self, event: QPaintEvent) -> None:
        look, step = theme.tokens(), self.step
        painter = QPainter(self)
        if self.isChecked():
            theme.paint_selected_step(painter, QRectF(self.rect()))
        size = px(theme.MARK_SIZE)
        sign = theme.placed(self, QRectF(px(10), (self.height() - size) / 2, size, size))
        theme.paint_mark(painter, sign, step_mark(step))
        right, left = self.width() - px(8), px(38)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font(bold=self.isChecked()))
        title_width = painter.fontMetrics().horizontalAdvance(step.title)
        painter.setFont(theme.font(10.5))
        metrics = painter.fontMetrics()
        # the step's name comes first; the note is in the accessible name as well
        room = right - px(6) - left - title_width
        fits = (each for each in step.notes if metrics.horizontalAdvance(isolated(each)) <= room)
        note = isolated(next(fits, ""))
        if note:
            width = metrics.horizontalAdvance(note)
            right -= width
            painter.setPen(theme.ink(look.soft))
            painter.drawText(theme.placed(self, QRectF(right, 0, width + 1, self.height())), middle, note)
            right -= px(6)
        painter.setFont(theme.font(bold=self.isChecked()))
        idle = step.state is StepState.NOT_STARTED and not self.isChecked()
        painter.setPen(
            theme.ink(
                look.ink if step.reachable and not idle else (look.faint if step.reachable else look.disabled)
            )
        )
        title = painter.fontMetrics().elidedText(step.title, Qt.TextElideMode.ElideRight, right - left)
        painter.drawText(theme.placed(self, QRectF(left, 0, right - left, self.height())), middle, title)
        if self.hasFocus() and self._by_key:
            theme.paint_focus(painter, QRectF(self.rect()))
        painter.end()


class Rail(QWidget):
    """The steps by group. Arrow keys move between them, Enter or a click opens one."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "rail")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(tr("Steps"))
        self.setFixedWidth(px(theme.RAIL_WIDTH))
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(px(10), px(14), px(10), px(14))
        self._box.setSpacing(0)
        self.buttons: list[RailButton] = []
        self._shown: tuple[tuple[RailStep, ...], str] | None = None

    def show_steps(self, steps: Sequence[RailStep], current: str) -> None:
        """Show *steps*; *current* is the key of the one whose page is open."""
        former, self._shown = self._shown, (tuple(steps), current)
        if former == self._shown:
            return
        if former is not None and [(one.key, one.group) for one in former[0]] == [
            (one.key, one.group) for one in steps
        ]:
            # most stay as they are, and need not be painted again
            for one, was, step in zip(self.buttons, former[0], steps, strict=True):
                if step != was or (step.key == current) is not (step.key == former[1]):
                    one.say(step, current=step.key == current)
            return
        focused = next((place for place, one in enumerate(self.buttons) if one.hasFocus()), None)
        while (item := self._box.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.buttons = []
        group = ""
        for step in steps:
            if step.group != group:
                group = step.group
                heading = label(group.upper() if group else "", "group", wrap=False)
                heading.setContentsMargins(theme.margins(10, 12, 0, 4))
                self._box.addWidget(heading)
            one = RailButton(step, current=step.key == current)
            one.clicked.connect(lambda checked=False, key=step.key: self.chosen.emit(key))
            self.buttons.append(one)
            self._box.addWidget(one)
        self._box.addStretch(1)
        if focused is not None and focused < len(self.buttons):
            self.buttons[focused].setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        place = next((number for number, one in enumerate(self.buttons) if one.hasFocus()), None)
        if place is None:
            super().keyPressEvent(event)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.buttons[place].click()
        elif step is not None:
            self._move(place, step)
        else:
            super().keyPressEvent(event)

    def _move(self, place: int, step: int) -> None:
        place += step
        while 0 <= place < len(self.buttons):
            if self.buttons[place].isEnabled():
                self.buttons[place].setFocus(Qt.FocusReason.TabFocusReason)
                return
            place += step


class Footer(QWidget):
    """Back, the reason or what is under way, Cancel, and Next with the name of where it leads."""

    back = Signal()
    next = Signal()
    cancel = Signal()
    anyway = Signal()
    stay = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "footer")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumHeight(px(52))
        self.back_button = button(tr("&Back"), self.back.emit)
        self.next_button = button("", self.next.emit)
        self.cancel_button = button(tr("Cancel"), self.cancel.emit)
        self.stay_button = button(tr("Stay here"), self.stay.emit)
        self.anyway_button = button(tr("Go on anyway"), self.anyway.emit)
        self.reason = label("", "soft")
        self.reason.setAlignment(end())
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(px(96))
        self.bar.setAccessibleName(tr("Progress"))
        box = QHBoxLayout(self)
        box.setContentsMargins(px(theme.MARGIN), px(8), px(theme.MARGIN), px(8))
        box.setSpacing(px(12))
        box.addWidget(self.back_button)
        box.addWidget(self.reason, 1)
        box.addWidget(self.bar)
        for part in (self.cancel_button, self.stay_button, self.anyway_button, self.next_button):
            box.addWidget(part)
        self.hide_question()
        self.show_job("", None)

    def show_way(self, back: str | None, after: str | None, reason: str, *, held: bool) -> None:
        """Show where Back and Next lead (``None``: nowhere) and *reason*; *held* while a job runs."""
        self.back_button.setVisible(back is not None)
        if back is not None:
            self.back_button.setText(tr("&Back"))
            self.back_button.setAccessibleName(tr("Back: {name}").format(name=back))
        self.next_button.setVisible(after is not None and self.anyway_button.isHidden())
        if after is not None:
            self.next_button.setText(tr("&Next: {name}").format(name=after))
            self.next_button.setAccessibleName(tr("Next: {name}").format(name=after))
        self.next_button.setEnabled(not held)
        self.next_button.setAccessibleDescription(reason)
        if not self.cancel_button.isVisibleTo(self):
            self.reason.setText(reason)

    def show_return(self, name: str) -> None:
        """Show the one way out of a panel: back to the page *name*."""
        self.show_way(name, None, "", held=False)
        self.back_button.setText(tr("&Back to {name}").format(name=name))

    def show_job(self, text: str, share: float | None, *, name: str = "", stop: str = "") -> None:
        """Show that a job is under way: what it does, and the share done if known; no *text*: none is.

        *stop* is what Cancel is called where nothing is cancelled.
        """
        running = bool(text)
        self.cancel_button.setVisible(running)
        self.cancel_button.setText(stop or tr("Cancel"))
        self.cancel_button.setAccessibleName(stop or tr("Cancel: {name}").format(name=name))
        self.bar.setVisible(running and share is not None)
        if share is not None:
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(share * 1000))
        if running:
            self.reason.setText(text)

    def ask(self, question: str) -> None:
        """Ask once whether to go on although something blocks."""
        self.reason.setText(question)
        self.next_button.hide()
        self.stay_button.show()
        self.anyway_button.show()
        self.stay_button.setFocus(Qt.FocusReason.OtherFocusReason)

    def hide_question(self) -> None:
        """Take the question back."""
        self.stay_button.hide()
        self.anyway_button.hide()

    @property
    def asking(self) -> bool:
        """Whether the question is shown."""
        return not self.anyway_button.isHidden()


class LogBar(QWidget):
    """The line that stands for the log while it is hidden."""

    show_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "log-bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(px(30))
        self.count = label("", "label", wrap=False)
        self.button = button(tr("Show &log"), self.show_asked.emit, "flat")
        box = QHBoxLayout(self)
        box.setContentsMargins(theme.margins(theme.MARGIN, 0, theme.MARGIN - 6, 0))
        box.setSpacing(px(8))
        box.addWidget(label(tr("Log"), "heading", wrap=False))
        box.addWidget(self.count)
        box.addStretch(1)
        box.addWidget(self.button)

    def show_count(self, lines: int) -> None:
        """Show how many lines there are."""
        self.count.setText(tr("1 line") if lines == 1 else tr("{n} lines").format(n=lines))
