"""Where Tab leads: through everything in the order it is read, whenever it was made."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QGridLayout, QLayout, QScrollArea, QWidget

# taken out here, when the module is imported ahead: Qt's enumerations are made at their first use, and the
# flags' own operators are slow for all the parts of a window
_BY_TAB: int = Qt.FocusPolicy.TabFocus.value
_UPWARDS = QBoxLayout.Direction.BottomToTop


def put_in_order(window: QWidget) -> None:
    """Let Tab go through *window* in the order of its layouts; Qt goes in the order things were made."""
    stops = [each for each in _stops(window) if each.window() is window]
    for one, other in pairwise(stops):
        QWidget.setTabOrder(one, other)


def _stops(widget: QWidget) -> Iterator[QWidget]:
    if widget.isHidden() and not widget.isWindow():
        return  # with all that is in it, such as every page but the one that is open: Tab cannot lead there
    if widget.focusPolicy().value & _BY_TAB:
        yield widget
    if isinstance(widget, QScrollArea):
        content = widget.widget()
        if content is not None:
            yield from _stops(content)
        return
    layout = widget.layout()
    if layout is not None:
        yield from _within(layout, [each for each in widget.children() if isinstance(each, QWidget)])


def _within(layout: QLayout, widgets: list[QWidget]) -> Iterator[QWidget]:
    for each in _parts(layout, widgets):
        if isinstance(each, QWidget):
            yield from _stops(each)
        else:
            yield from _within(each, widgets)


def _parts(layout: QLayout, widgets: list[QWidget]) -> list[QWidget | QLayout]:
    """Return what *layout* arranges, in its order; *widgets* are those in it or in its neighbours.

    Not by ``itemAt``: Python keeps the item that it returns for as long as the layout lives, Qt deletes it
    with its widget, and what is made at the same address next is taken apart with the item.
    """
    placed: list[tuple[int, QWidget | QLayout]] = [
        (place, each) for each in widgets if (place := layout.indexOf(each)) >= 0
    ]
    for inner in layout.children():
        if isinstance(inner, QLayout):
            placed.append((layout.indexOf(inner), inner))
    if isinstance(layout, QGridLayout):
        placed.sort(key=lambda each: _cell(layout, each[0]))
    else:
        placed.sort(key=lambda each: each[0])
        if isinstance(layout, QBoxLayout) and layout.direction() is _UPWARDS:
            placed.reverse()
    return [each for _, each in placed]


def _cell(grid: QGridLayout, place: int) -> tuple[int, int]:
    position = grid.getItemPosition(place)
    assert isinstance(position, tuple)  # row, column and how many of each
    return position[0], position[1]
