"""The stages of a longer job, a small card each, live."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QProgressBar, QSizePolicy, QWidget

from codesign_wizard.core.job import StageState
from codesign_wizard.core.text import tr
from codesign_wizard.theme import NARROW, Mark, px
from codesign_wizard.widgets.basics import Card, MarkView, label, restyle
from codesign_wizard.widgets.findings import clear_heading

_LONG = re.compile(r"\S{15,}")
# behind a dot, and not before the end of a file's name: "pkg" alone on a line is no name
_PLACE = re.compile(r"(?<=[._])(?!\w{1,5}\W*$)(?=.)|(?<=[^-._]{12})(?=[^-._])")
_MOST = 6  # cards in a row
_TOLD_AFTER_S = 2  # a stage that takes longer also says how long
_MARKS = {
    StageState.WAITING: Mark.EMPTY,
    StageState.RUNNING: Mark.NOW,
    StageState.DONE: Mark.OK,
    StageState.ATTENTION: Mark.WARNING,
    StageState.FAILED: Mark.ERROR,
    StageState.SKIPPED: Mark.NOT_APPLICABLE,
}


def state_word(state: StageState) -> str:
    """Return what *state* is called."""
    return {
        StageState.WAITING: tr("waiting"),
        StageState.RUNNING: tr("working"),
        StageState.DONE: tr("done"),
        StageState.ATTENTION: tr("done, with a warning"),
        StageState.FAILED: tr("did not work"),
        StageState.SKIPPED: tr("left out"),
    }[state]


def _breakable(text: str) -> str:
    """Return *text* with places where a host or a file's name may be broken: a card is narrow."""
    return _LONG.sub(lambda word: _PLACE.sub("\u200b", word[0]), text)


class StageCard(Card):
    """One stage: its sign, its name, what it says, and how far it is."""

    def __init__(self, title: str) -> None:
        super().__init__()
        clear_heading(self)
        self._title = title
        self.state = StageState.WAITING
        self.mark = MarkView()
        self.words = label("", "label")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Progress of {stage}").format(stage=title))
        keep = self.bar.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(keep)
        self.bar.hide()
        head = QHBoxLayout()
        head.setSpacing(px(7))
        head.addWidget(self.mark)
        self.heading = label(title, "heading")
        head.addWidget(self.heading, 1)
        self.body.setContentsMargins(px(11), px(9), px(11), px(9))
        self.body.setSpacing(px(4))
        self.body.addLayout(head)
        self.body.addWidget(self.words)
        self.body.addStretch(1)
        self.body.addWidget(self.bar)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._shown = ""
        self._since = 0.0
        self.set(StageState.WAITING, "")

    @property
    def least(self) -> int:
        """The width that its name takes on one line, or its longest word if it has several."""
        words = self.heading.text().split() or [""]
        longest = max(map(self.heading.fontMetrics().horizontalAdvance, words))
        return longest + self.mark.sizeHint().width() + px(7) + 2 * px(11) + 4

    def set(self, state: StageState, text: str) -> None:
        """Show *state*, and *text* or the state's own word."""
        self.state = state
        shown = text or state_word(state)
        self.mark.set(_MARKS[state], state_word(state))
        self._since = time.monotonic()
        self._say(shown)
        # a bar only where it is known how much there is to do
        self.bar.hide()
        restyle(self, "active", "true" if state is StageState.RUNNING else "false")
        self.setAccessibleName(f"{self._title}: {state_word(state)}")
        self.setAccessibleDescription(shown)

    def progress(self, done: int, total: int | None, text: str) -> None:
        """Show how far the stage is."""
        if total:
            # a bar counts in 32 bits, a file may be longer
            self.bar.setRange(0, 1000)
            self.bar.setValue(min(1000, done * 1000 // total))
            self.bar.show()
        if text:
            self._say(text)

    def tick(self) -> None:
        """Tell how long the stage has been under way, once that is worth telling."""
        seconds = int(time.monotonic() - self._since)
        if self.state is StageState.RUNNING and seconds >= _TOLD_AFTER_S:
            self.words.setText(_breakable(tr("{what}, {n} s").format(what=self._shown, n=seconds)))

    def _say(self, text: str) -> None:
        self._shown = text
        self.words.setText(_breakable(text))
        self.words.setToolTip(text)


class StageCards(QWidget):
    """All stages in a row, at most six, or in two where the page is narrow."""

    def __init__(self, stages: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        self._all = {key: StageCard(title) for key, title in stages}
        self.cards = dict(self._all)  # those that are part of the job
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(px(8))
        self._across = 0
        self._clock = QTimer(self)
        self._clock.setInterval(250)
        self._clock.timeout.connect(self._tick)
        self._arrange(min(len(self.cards), _MOST))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def choose(self, keys: Iterable[str]) -> None:
        """Show the stages *keys* only: the others are no part of the job."""
        wanted = set(keys)
        if wanted != set(self.cards):
            self.cards = {key: card for key, card in self._all.items() if key in wanted}
            self._across = 0
            for key, card in self._all.items():
                card.setVisible(key in wanted)
            self._arrange(self._fitting())

    def reset(self) -> None:
        """Put every stage back to waiting."""
        for card in self.cards.values():
            card.set(StageState.WAITING, "")

    def set(self, key: str, state: StageState, text: str = "") -> None:
        """Show the state of one stage; a stage that is not shown here is passed over."""
        card = self.cards.get(key)
        if card is not None:
            card.set(state, text)
        if any(one.state is StageState.RUNNING for one in self.cards.values()):
            self._clock.start()
        else:
            self._clock.stop()

    def _tick(self) -> None:
        for card in self.cards.values():
            card.tick()

    def progress(self, done: int, total: int | None, text: str) -> None:
        """Show how far the stage that runs is."""
        for card in self.cards.values():
            if card.state is StageState.RUNNING:
                card.progress(done, total, text)

    def stop(self, state: StageState, text: str) -> None:
        """Let what still runs end in *state*: a cancelled or failed job says nothing more of it."""
        for card in self.cards.values():
            if card.state is StageState.RUNNING:
                card.set(state, text)

    def undo(self, text: str) -> None:
        """Let what was done count no more, as *text* says: nothing of a cancelled job is left."""
        for card in self.cards.values():
            if card.state in (StageState.DONE, StageState.ATTENTION):
                card.set(StageState.SKIPPED, text)

    def resizeEvent(self, event: QEvent) -> None:
        self._arrange(self._fitting())

    def _fitting(self) -> int:
        """Return how many stand in a row."""
        count = len(self.cards)
        # rows that differ by one card at most: nine are five and four, not six and three
        rows = -(-count // _MOST) if self.width() >= px(NARROW) else max(1 + (count > 3), -(-count // 3))
        # a name is never cut: in some languages they are long
        needed = max((card.least for card in self.cards.values()), default=0) + self._grid.spacing()
        while rows < count and -(-count // rows) * needed > self.width() + self._grid.spacing():
            rows += 1
        return -(-count // rows)

    def _arrange(self, across: int) -> None:
        if across == self._across:
            return
        self._across = across
        # not takeAt(): the item it hands out would stay the one that is told when a card's hint
        # changes, and the grid would keep the hints of the new ones for good
        for card in self._all.values():
            self._grid.removeWidget(card)
        for place, card in enumerate(self.cards.values()):
            self._grid.addWidget(card, place // across, place % across)
        for place in range(len(self._all)):
            self._grid.setColumnStretch(place, 1 if place < across else 0)
        self.updateGeometry()
