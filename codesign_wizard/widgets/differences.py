"""The server's settings beside the profile's: a part at a time, each chosen on its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QGridLayout, QWidget

from codesign_wizard import theme
from codesign_wizard.core.comet.look import State
from codesign_wizard.core.comet.words import offered, part_note, part_title, state_words
from codesign_wizard.core.text import tr
from codesign_wizard.theme import MARK_SIZE, Mark, px
from codesign_wizard.widgets.basics import (
    CodeBox,
    MarkView,
    Tick,
    breakable,
    clear,
    column,
    hairline,
    label,
    row,
)

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from codesign_wizard.core.comet.kept import KeptLine, Looked
    from codesign_wizard.core.comet.settings import Part

_MARKS = {
    State.SAME: Mark.OK,
    State.DIFFERENT: Mark.WARNING,
    State.UNKNOWN: Mark.INFO,
    State.SERVER_ONLY: Mark.NOT_APPLICABLE,
}
_NAME, _SERVER, _HERE = 1, 2, 3
_GAP = 10  # as here, all at a text scale of 1
_LEAST_NAME = 110  # a setting's name wraps between words only
_WIDEST_PART = 190  # the longest that stands unbroken: the name of an API key's file, any part of an id
_LEAST_OF_ID = 140  # an id stands in three lines at most; for that, names wrap
_BEHIND_HEADING = 10  # besides the gap: headings are close to each other where values are short
# behind a hyphen a line may end, but not before a digit (Unicode Standard Annex 14)
_HYPHEN = re.compile(r"(?<=-)(?=\D)")


class DifferenceTable(QWidget):
    """Rows of setting, server and profile under a tick for each part; ``changed`` tells of a tick."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(px(_GAP))
        self._grid.setVerticalSpacing(px(7))
        self._grid.setColumnMinimumWidth(0, px(MARK_SIZE))
        self._longest = 0  # what the longest name needs to stand on one line
        self._least: dict[int, int] = {}  # what the columns of values need
        self._whole: dict[int, int] = {}  # and to break no id at all
        self.ticks: dict[Part, Tick] = {}

    def show_look(self, looked: Looked, chosen: Sequence[Part], *, can_choose: bool) -> None:
        """Show the lines of *looked*; the parts of *chosen* are ticked."""
        clear(self._grid)
        self.ticks = {}
        place, headings = 0, dict[int, int]()
        for words, at in ((tr("Setting"), _NAME), (tr("On the server"), _SERVER), (tr("Here"), _HERE)):
            heading = label(words, "label", wrap=False)
            headings[at] = heading.sizeHint().width() + px(_BEHIND_HEADING)
            heading.setMinimumWidth(headings[at])
            self._grid.addWidget(heading, place, at)
        choosable = offered(looked)
        for part in looked.parts:
            self._grid.addWidget(hairline(), place + 1, 0, 1, 4)
            self._grid.addWidget(
                self._heading(looked, part, part in choosable, part in chosen, can_choose),
                place + 2,
                0,
                1,
                4,
            )
            place += 2
            for line in looked.part_lines(part):
                place += 1
                self._add(place, line)
        metrics = QFontMetrics(theme.font())
        self._longest = max((metrics.horizontalAdvance(line.label) for line in looked.lines), default=0) + 2
        for at, values in (
            (_SERVER, [line.server for line in looked.lines]),
            (_HERE, [line.here for line in looked.lines]),
        ):
            # what is empty on one side leaves its room to the ids on the other, but no word is broken
            whole = [word for value in values for word in value.split()]
            parts = [
                part
                for word in whole
                for each in breakable(word).split("\u200b")
                for part in _HYPHEN.split(each)
            ]
            longest = max(map(metrics.horizontalAdvance, whole), default=0)
            widest = max(map(metrics.horizontalAdvance, parts), default=0) + 2
            least = max(min(widest, px(_WIDEST_PART)), min(longest, px(_LEAST_OF_ID)))
            self._least[at] = max(headings[at], least)
            self._grid.setColumnStretch(at, max(longest, px(_WIDEST_PART)))
            self._whole[at] = max(headings[at], longest + 2)
        self._share_room()

    def chosen(self) -> list[Part]:
        """Return the parts that are ticked."""
        return [part for part, tick in self.ticks.items() if tick.isChecked()]

    def minimumSizeHint(self) -> QSize:
        # the names' column gives way; by its present width it would hold the page wide
        least = px(MARK_SIZE) + 3 * px(_GAP) + px(_LEAST_NAME) + sum(self._least.values())
        return QSize(least, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()

    def _share_room(self) -> None:
        """Let names and values stand on one line; where there is no room, values are broken, then names."""
        room = self.width() - px(MARK_SIZE) - 3 * px(_GAP)
        fits = sum(self._whole.values()) <= room - self._longest
        for at, width in (self._whole if fits else self._least).items():
            self._grid.setColumnMinimumWidth(at, width)
        left = max(room - sum(self._least.values()), px(_LEAST_NAME))
        self._grid.setColumnMinimumWidth(_NAME, min(self._longest, left))

    def _heading(
        self, looked: Looked, part: Part, choosable: bool, chosen: bool, can_choose: bool
    ) -> QWidget:
        holder = QWidget()
        title, note = part_title(part), part_note(looked, part)
        told = label(note, "label")
        if choosable:
            tick = self.ticks[part] = Tick(title)
            tick.setChecked(chosen)
            tick.setEnabled(can_choose)
            tick.setAccessibleName(tr("Apply {part}: {note}").format(part=title, note=note))
            tick.toggled.connect(lambda checked: self.changed.emit())
            line = row(tick, told, gap=12)
        else:
            line = row(label(title, "heading", wrap=False), told, gap=12)
        line.setStretch(1, 1)
        holder.setLayout(line)
        return holder

    def _add(self, place: int, line: KeptLine) -> None:
        state = State(line.state)
        words = state_words(line)
        name = label(line.label)
        if state in (State.SAME, State.SERVER_ONLY):
            self._grid.addWidget(name, place, _NAME, Qt.AlignmentFlag.AlignTop)
        else:
            named = column(name, label(words, "label"), None, gap=0)
            self._grid.addLayout(named, place, _NAME)
        self._grid.addWidget(MarkView(_MARKS[state], words), place, 0, Qt.AlignmentFlag.AlignTop)
        # ids are long and are there to be copied
        for value, at, where in (
            (line.server, _SERVER, tr("{setting}, on the server: {value}")),
            (line.here, _HERE, tr("{setting}, here: {value}")),
        ):
            told = where.format(setting=line.label, value=value)
            self._grid.addWidget(CodeBox(value, told, role="fact"), place, at, Qt.AlignmentFlag.AlignTop)
