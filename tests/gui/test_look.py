"""What is told by colour is told by shape as well, in every look; and mirrored pages begin at the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QWidget,
)

from codesign_wizard import theme
from codesign_wizard.core.flow import STEPS, StepState
from codesign_wizard.core.standing import Standing
from codesign_wizard.pages.settings import PathList
from codesign_wizard.screenshots.measuring import clipped
from codesign_wizard.theme import Mark
from codesign_wizard.theme.contrast import CLEAR, READABLE, contrast_palette, contrast_ratio
from codesign_wizard.widgets.labels import button, isolated, label
from codesign_wizard.widgets.preview import Legend
from codesign_wizard.widgets.shell import RailButton, RailStep, step_mark
from codesign_wizard.widgets.ties import accompanied, unbroken
from tests.gui.driving import pause

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.session import Session
    from codesign_wizard.window import MainWindow

LOOKS = ("light", "dark", "light contrast", "dark contrast")


def dress(app: QApplication, look: str) -> None:
    dark = look.startswith("dark")
    contrast = contrast_palette(dark=dark) if look.endswith("contrast") else None
    theme.apply(app, Qt.ColorScheme.Dark if dark else Qt.ColorScheme.Light, contrast=contrast)


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest, qapp: Any) -> Iterator[str]:
    dress(qapp, request.param)
    yield request.param
    dress(qapp, "light")


@pytest.fixture
def mirrored(qapp: Any) -> Iterator[None]:
    before = qapp.layoutDirection()
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    yield
    qapp.setLayoutDirection(before)


def on_a_page(qtbot: QtBot, *parts: QWidget) -> QWidget:
    """Return the ground of a page with *parts* beside each other, shown."""
    holder = QWidget()
    holder.setProperty("role", "page")
    holder.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    box = QHBoxLayout(holder)
    for part in parts:
        box.addWidget(part)
    qtbot.addWidget(holder)
    holder.show()
    holder.activateWindow()
    qtbot.waitUntil(holder.isActiveWindow)
    return holder


def column(image: QImage, x: int) -> list[str]:
    return [image.pixelColor(x, y).name() for y in range(image.height())]


def columns_with_ink(image: QImage) -> list[int]:
    ground = image.pixelColor(0, 0)
    return [
        x
        for x in range(image.width())
        if any(image.pixelColor(x, y) != ground for y in range(image.height()))
    ]


def darkness(image: QImage, other: QImage | None = None) -> list[int]:
    """Return how dark each column of *image* is, or how much darker than that of *other*."""
    own = [
        sum(255 - image.pixelColor(x, y).lightness() for y in range(image.height()))
        for x in range(image.width())
    ]
    return own if other is None else [one - two for one, two in zip(own, darkness(other), strict=True)]


def test_what_stands_in_an_empty_field_can_be_read(look: str, qtbot: QtBot) -> None:
    wanted = CLEAR if look.endswith("contrast") else READABLE
    for edit in (QLineEdit(), QPlainTextEdit()):
        qtbot.addWidget(edit)
        edit.ensurePolished()
        palette = edit.palette()
        hint = palette.placeholderText().color()
        assert hint.alpha() == 255
        assert contrast_ratio(hint.name(), palette.base().color().name()) >= wanted


def test_a_link_is_underlined_and_another_button_is_not(look: str, qtbot: QtBot) -> None:
    link, plain = button("Read more", kind="link"), button("Read more")
    for each in (link, plain):
        qtbot.addWidget(each)
        each.ensurePolished()
    assert link.font().underline()
    assert not plain.font().underline()


def test_the_ring_of_the_accent_button_stands_free_of_it(look: str, qtbot: QtBot) -> None:
    primary = button("Sign in", kind="primary")
    holder = on_a_page(qtbot, button("Other"), primary)
    primary.setFocus(Qt.FocusReason.TabFocusReason)
    # where no letter is: left of the words
    line = column(holder.grab(primary.geometry().adjusted(0, -2, 0, 2)).toImage(), theme.px(9))
    colours = theme.tokens()
    assert line[:6] == [colours.canvas] * 2 + [colours.ink] * 2 + [colours.canvas] + [colours.accent]
    assert contrast_ratio(colours.ink, colours.canvas) >= 3


def test_a_button_that_cannot_be_used_has_a_broken_edge(look: str, qtbot: QtBot) -> None:
    def breaks(*, enabled: bool) -> int:
        """Return how often the upper edge changes its colour between its corners."""
        one = button("Sign in", kind=kind)
        one.setEnabled(enabled)
        image = on_a_page(qtbot, one).grab(one.geometry()).toImage()
        edge = [image.pixelColor(x, 0).name() for x in range(12, image.width() - 12)]
        return sum(here != there for here, there in pairwise(edge))

    for kind in ("", "primary", "small", "pill", "flat", "link"):
        assert breaks(enabled=True) == 0, kind
        assert breaks(enabled=False) > 8, kind


def test_each_sign_has_a_shape_of_its_own(qapp: Any) -> None:
    dress(qapp, "dark contrast")  # where most of them share one colour
    drawn: dict[Mark, QImage] = {}
    for mark in Mark:
        image = QImage(72, 72, QImage.Format.Format_RGB32)
        image.fill(QColor("#000000"))
        painter = QPainter(image)
        theme.paint_mark(painter, QRectF(0, 0, 72, 72), mark)
        painter.end()
        drawn[mark] = image.convertToFormat(QImage.Format.Format_Mono)
    dress(qapp, "light")
    for one in Mark:
        for other in Mark:
            if one < other:
                differing = sum(
                    drawn[one].pixelIndex(x, y) != drawn[other].pixelIndex(x, y)
                    for x in range(72)
                    for y in range(72)
                )
                assert differing > 72 * 72 * 0.02, (one, other)


def step(state: StepState, *, reachable: bool, note: str = "") -> RailStep:
    return RailStep("trial", "Windows trial", "", Standing(state, note=note), reachable)


def test_a_step_that_is_not_open_yet_says_so_in_words_and_by_its_sign(qtbot: QtBot) -> None:
    closed = RailButton(step(StepState.NOT_STARTED, reachable=False), current=False)
    qtbot.addWidget(closed)
    assert closed.accessibleName() == "Windows trial: not open yet"
    assert closed.accessibleDescription() == "Opens when the step before it has been visited"
    assert step_mark(closed.step) is Mark.CLOSED
    closed.say(step(StepState.NOT_STARTED, reachable=True), current=False)
    assert closed.accessibleName() == "Windows trial: not started"
    assert step_mark(closed.step) is Mark.EMPTY
    # what is known of it stays in sight when it cannot be opened
    assert step_mark(step(StepState.ATTENTION, reachable=False)) is Mark.ERROR


def test_a_title_leaves_no_word_alone(qtbot: QtBot) -> None:
    assert accompanied("Two requests wait for Apple") == "Two requests wait for\u00a0Apple"
    assert accompanied("Key Vault") == "Key Vault"
    assert unbroken("„Apple-Zertifikate“ und SHA-256") == "„Apple\u2011Zertifikate“ und SHA-256"
    assert unbroken("time-stamp servers") == "time-stamp servers"
    # two long words stay apart: one line might have no room for them
    assert accompanied("The server's Signaturzertifikat wiederherstellen") == (
        "The server's Signaturzertifikat wiederherstellen"
    )
    title = label("Two requests wait for Apple", "heading")
    qtbot.addWidget(title)
    assert title.text() == "Two requests wait for Apple"
    whole = title.fontMetrics().horizontalAdvance(title.text())
    alone = title.fontMetrics().horizontalAdvance("Apple")
    title.resize(whole - alone // 2, title.heightForWidth(whole - alone // 2))
    ink = columns_with_ink(title.grab(title.rect().adjusted(0, title.height() // 2, 0, 0)).toImage())
    assert ink[-1] > 1.4 * alone
    # where two words have no room beside each other each has a line, and nothing is cut
    narrow = title.fontMetrics().horizontalAdvance("requests") + 1
    assert narrow < title.fontMetrics().horizontalAdvance("for Apple")
    title.resize(narrow, 200)
    title.grab()
    assert list(clipped(title)) == []


def test_mirrored_text_begins_at_the_right_whatever_it_is_written_in(mirrored: None, qtbot: QtBot) -> None:
    for role in ("title", "soft", "group", "mono"):
        words = label("Windows trial", role, wrap=role != "group")
        qtbot.addWidget(words)
        words.resize(400, 40)
        ink = columns_with_ink(words.grab().toImage())
        assert ink[0] > 200, role
        assert ink[-1] > 390, role


def test_mirrored_the_name_of_what_has_two_lines_stands_at_the_first_and_at_the_right(
    mirrored: None, qtbot: QtBot
) -> None:
    from codesign_wizard.widgets.secret_field import SecretField

    field = SecretField("&Password")
    qtbot.addWidget(field)
    usual = field.label.alignment()
    field.show_saved("memory", [])
    side = Qt.AlignmentFlag.AlignHorizontal_Mask
    assert field.label.alignment() & side == usual & side
    assert field.label.alignment() & Qt.AlignmentFlag.AlignTop
    field.show_empty()
    assert field.label.alignment() == usual


def test_mirrored_the_order_of_words_stays(qtbot: QtBot, qapp: Any) -> None:
    def note(way: Qt.LayoutDirection) -> QImage:
        qapp.setLayoutDirection(way)
        shown = RailButton(step(StepState.DONE, reachable=True, note="1 of 2"), current=False)
        qtbot.addWidget(shown)
        shown.resize(300, 33)
        image = shown.grab().toImage()
        # the sign at the one side, the name beside it, and then the note
        image = image.copy(0 if shown.isRightToLeft() else 200, 0, 100, 33)
        ink = columns_with_ink(image)
        return image.copy(ink[0], 0, ink[-1] - ink[0] + 1, 33)

    try:
        mirrored_note = note(Qt.LayoutDirection.RightToLeft)
        assert isolated("1 of 2") == "\u20681 of 2\u2069"
        assert isolated("") == ""
    finally:
        qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    usual = note(Qt.LayoutDirection.LeftToRight)
    assert mirrored_note.size() == usual.size()
    # letters may begin at another part of a pixel; figures at the other end are far more than that
    assert sum(map(abs, darkness(mirrored_note, usual))) < 0.25 * sum(darkness(usual))
    assert isolated("1 of 2") == "1 of 2"


def test_a_mirrored_state_has_its_sign_where_lines_begin(mirrored: None, qtbot: QtBot) -> None:
    signs = Legend([("✕ I", "error", "The vault refused it.")])
    holder = on_a_page(qtbot, signs)
    holder.resize(300, 80)
    shown = next(one for one in signs.findChildren(QLabel) if "✕" in one.text())
    image = shown.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    ink = columns_with_ink(image)
    # the sign is the wider of the two, and stands at the right
    gap = max(range(1, len(ink)), key=lambda place: ink[place] - ink[place - 1])
    assert ink[-1] - ink[gap] > ink[gap - 1] - ink[0]


def test_a_mirrored_list_of_paths_begins_where_its_name_does(mirrored: None, qtbot: QtBot) -> None:
    paths = PathList("Roots")
    holder = on_a_page(qtbot, paths)
    holder.resize(500, 200)
    paths.set(["/etc/roots/own.pem"])
    image = paths.list.viewport().grab().toImage()
    ink = columns_with_ink(image.copy(0, 2, image.width(), 20))
    assert ink[0] > image.width() / 2


def test_a_mirrored_button_keeps_the_order_of_any_text_it_is_given(mirrored: None, qtbot: QtBot) -> None:
    shown = button("Another…")
    qtbot.addWidget(shown)
    for words in ("Another…", "Use my own .exe…"):
        shown.setText(words)
        assert shown.text() == words
        assert QPushButton.text(shown) == isolated(words) != words


def test_mirrored_columns_line_up_with_the_footer_beside_a_scroll_bar(
    mirrored: None, open_window: Callable[..., MainWindow], session: Session, qtbot: QtBot
) -> None:
    session.profile.reached = [one.key for one in STEPS]
    window = open_window(session)
    window.resize(860, 520)
    pause(qtbot, 60)
    assert window.page.verticalScrollBar().maximum() > 0
    card = window.page.title
    right = card.mapTo(window, QPoint(card.width(), 0)).x()
    log = window.log_bar.findChildren(QLabel)[0]
    assert right == log.mapTo(window, QPoint(log.width(), 0)).x()
    next_button = window.footer.next_button
    assert card.mapTo(window, QPoint(0, 0)).x() == next_button.mapTo(window, QPoint(0, 0)).x()
