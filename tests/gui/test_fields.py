"""Fields: when they speak, what they keep, and what becomes of a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from codesign_wizard.core.finding import Finding, FindingKind, Severity
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import BULLET
from codesign_wizard.pages.settings import PathList
from codesign_wizard.theme import Mark
from codesign_wizard.widgets.basics import CodeBox, CopyButton, Facts, together
from codesign_wizard.widgets.fields import CheckedField, PathEdit, PlainField, path_row
from codesign_wizard.widgets.findings import FindingView
from codesign_wizard.widgets.labels import label
from codesign_wizard.widgets.pieces import Banner, portal_steps
from codesign_wizard.widgets.secret_field import SecretField

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow

DIGITS = FindingKind("test.digits", Severity.ERROR, "Only digits go here.", "Only in tests.")


def digits(text: str) -> list[Finding]:
    return [] if text.isdigit() else [DIGITS()]


@pytest.fixture
def form(qtbot: QtBot, qapp: Any) -> QWidget:
    holder = QWidget()
    QVBoxLayout(holder)
    qtbot.addWidget(holder)
    holder.show()
    holder.activateWindow()
    return holder


def put(form: QWidget, *parts: QWidget) -> None:
    layout = form.layout()
    assert layout is not None
    for part in parts:
        layout.addWidget(part)
        part.show()


def test_no_complaint_while_typing_but_on_leaving(form: QWidget, qtbot: QtBot) -> None:
    field, other = CheckedField("&Number", check=digits), QLineEdit()
    put(form, field, other)
    field.edit.setFocus()
    qtbot.keyClicks(field.edit, "12x")
    QTest.qWait(650)
    assert field.message.isHidden()
    assert field.edit.property("state") in ("", None)
    qtbot.keyClick(field.edit, Qt.Key.Key_Tab)
    assert field.message.text() == "Only digits go here."
    assert field.edit.property("state") == "error"
    assert field.mark.mark is Mark.ERROR
    assert field.edit.accessibleDescription() == "Only digits go here."


def right_edge(part: QWidget, form: QWidget) -> int:
    return part.mapTo(form, part.rect().topRight()).x()


def test_all_fields_of_a_form_end_at_one_edge_with_a_sign_or_without(form: QWidget, qtbot: QtBot) -> None:
    checked, plain = CheckedField("&Number", check=digits), PlainField("&Words")
    path, short = CheckedField("&File", path=True), CheckedField("&Short", check=digits, short=80, note="n")
    secret = SecretField("&Secret")
    row = path_row(path, lambda: None)
    put(form, checked, plain, row, short, secret)
    form.resize(700, 300)
    for text in ("12", "x"):
        checked.set(text)
        short.set(text)
        QApplication.processEvents()
        chooser = row.findChildren(QPushButton)[-1]
        edges = {right_edge(part, form) for part in (checked.edit, plain.edit, chooser, secret.reveal)}
        assert len(edges) == 1, edges
        assert right_edge(checked.mark, form) == right_edge(short.mark, form)
    # what is said of a short field stands beside it
    (note,) = [each for each in short.findChildren(QLabel) if each.text() == "n"]
    assert 0 < note.x() - short.edit.geometry().right() <= 9


def test_an_address_is_not_parted_behind_its_scheme(form: QWidget) -> None:
    words = label("Write it as http://host:port.")
    put(form, words)
    assert words.text() == "Write it as http://host:port."
    for width in range(words.fontMetrics().horizontalAdvance("http://host:port.") + 4, 300, 7):
        words.setFixedWidth(width)
        QApplication.processEvents()
        assert "http://\u2060host:port" in QLabel.text(words), width
    words.setFixedWidth(60)  # too narrow for it: better parted than cut
    QApplication.processEvents()
    assert QLabel.text(words) == words.text()


def test_good_news_come_as_soon_as_typing_pauses(form: QWidget, qtbot: QtBot) -> None:
    field = CheckedField("&Number", check=digits)
    put(form, field)
    field.edit.setFocus()
    qtbot.keyClicks(field.edit, "12")
    assert field.mark.isHidden()
    qtbot.waitUntil(lambda: field.mark.isVisible() and field.mark.mark is Mark.OK, timeout=20_000)


def test_a_complaint_goes_away_with_the_next_key(form: QWidget, qtbot: QtBot) -> None:
    field = CheckedField("&Number", check=digits)
    put(form, field)
    field.set("abc")
    assert field.message.isVisible()
    field.edit.setFocus()
    qtbot.keyClicks(field.edit, "1")
    assert field.message.isHidden()


def test_pasting_accuses_at_once_and_trims(form: QWidget, qtbot: QtBot) -> None:
    field = CheckedField("&Number", check=digits)
    put(form, field)
    field.edit.setFocus()
    QGuiApplication.clipboard().setText("  12 4 \t")
    qtbot.keyClick(field.edit, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert field.edit.text() == "12 4"
    assert field.message.isVisible()


def test_a_secret_is_hidden_and_revealed_only_while_pressed(form: QWidget, qtbot: QtBot) -> None:
    field = SecretField("Sec&ret")
    put(form, field)
    field.edit.setFocus()
    qtbot.keyClicks(field.edit, "value~1")
    hidden, plain = QLineEdit.EchoMode.Password, QLineEdit.EchoMode.Normal
    assert field.edit.echoMode() is hidden
    qtbot.mousePress(field.reveal, Qt.MouseButton.LeftButton)
    assert field.edit.echoMode() is plain
    qtbot.mouseRelease(field.reveal, Qt.MouseButton.LeftButton)
    assert field.edit.echoMode() is hidden
    qtbot.keyPress(field.edit, Qt.Key.Key_F8, Qt.KeyboardModifier.AltModifier)
    assert field.edit.echoMode() is plain
    qtbot.keyRelease(field.edit, Qt.Key.Key_F8, Qt.KeyboardModifier.AltModifier)
    assert field.edit.echoMode() is hidden


def test_a_pasted_secret_is_trimmed_and_leaves_the_field_once_it_is_kept(form: QWidget, qtbot: QtBot) -> None:
    field = SecretField("Sec&ret")
    put(form, field)
    field.committed.connect(lambda secret: field.show_saved("Secret Service"))
    field.edit.setFocus()
    QGuiApplication.clipboard().setText("\n practice~value ")
    with qtbot.waitSignal(field.committed) as caught:
        qtbot.keyClick(field.edit, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert caught.args == [Secret("practice~value")]
    assert field.edit.text() == ""
    assert field.saved.text() == "Saved in Secret Service"
    field.start_over()
    field.edit.undo()
    assert field.edit.text() == "", "undo must not bring a secret back"


def test_a_saved_secret_can_be_replaced_and_forgotten(form: QWidget, qtbot: QtBot) -> None:
    field = SecretField("Sec&ret")
    put(form, field)
    field.show_saved("Keychain")
    assert not field.edit.isVisible()
    with qtbot.waitSignal(field.forget):
        qtbot.mouseClick(field.forget_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(field.replace, Qt.MouseButton.LeftButton)
    assert field.edit.isVisible()
    assert field.message.text() == "Will be stored in Keychain."


def test_copying_is_confirmed_after_it_worked(form: QWidget, qtbot: QtBot) -> None:
    button = CopyButton(lambda: "az login")
    put(form, button)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "az login"
    assert button.text() == "Copied ✓"
    qtbot.waitUntil(lambda: button.text() == "Copy", timeout=4000)


def test_a_path_that_is_wrong_gets_its_sign_within_the_window(window: MainWindow, qtbot: QtBot) -> None:
    page = window.open_panel("settings")
    bundle = page.bundle
    before = [one for one in QApplication.topLevelWidgets() if one.isVisible()]
    qtbot.keyClicks(bundle.edit, "/no/such/file.pem")
    bundle.judge(accuse=True)
    assert bundle.mark.isVisible()
    assert bundle.mark.window() is window
    assert bundle.message.text() == "There is no such file."
    assert [one for one in QApplication.topLevelWidgets() if one.isVisible()] == before
    page.timeout.edit.setText("0")
    page.timeout.judge(accuse=True)
    QApplication.processEvents()
    assert page.timeout.message.width() > 200, "the field is short, what is wrong with it is not"


def test_ids_are_broken_between_their_groups_and_copied_whole(form: QWidget, qtbot: QtBot) -> None:
    guid, thumbprint = "a095a721-e728-43d1-ab5c-59a4aa0a0617", "0123456789abcdef" * 4
    value = f"empty → {guid}, {thumbprint}"
    box = CodeBox(value, role="fact")
    form.layout().addWidget(box)
    narrow = box.fontMetrics().horizontalAdvance("0000-0000-0000-")
    box.setFixedWidth(narrow)
    QApplication.processEvents()
    lines, block = [], box.document().begin()
    while block.isValid():
        layout = block.layout()
        for number in range(layout.lineCount()):
            line = layout.lineAt(number)
            lines.append(block.text()[line.textStart() : line.textStart() + line.textLength()])
        block = block.next()
    shown = [line.replace("\u200b", "").strip() for line in lines]
    parts = [*guid.split("-"), *(thumbprint[place : place + 8] for place in range(0, 64, 8))]
    assert len(shown) > 4
    for part in parts:
        assert any(part in line for line in shown), f"{part} is broken: {shown}"
    # what is copied has nothing in it that cannot be seen
    assert box.toPlainText() == value
    box.selectAll()
    box.copy()
    assert QGuiApplication.clipboard().text() == value
    assert not QGuiApplication.clipboard().mimeData().hasHtml()


def test_facts_that_change_keep_their_rows(form: QWidget, qtbot: QtBot) -> None:
    facts = Facts([("Vault", "contoso"), ("Key", "one")])
    form.layout().addWidget(facts)
    facts.show()
    boxes = facts.findChildren(CodeBox)
    assert [box.toPlainText() for box in boxes] == ["contoso", "one"]
    facts.set([("Vault", "contoso"), ("Certificate", "two"), ("Key", "three")])
    shown = facts.findChildren(CodeBox)
    assert shown[:2] == boxes
    assert [box.toPlainText() for box in shown] == ["contoso", "two", "three"]
    assert [box.accessibleName() for box in shown][1:] == ["Certificate: two", "Key: three"]
    facts.set([("Vault", "fabrikam")])
    assert [box.toPlainText() for box in shown if not box.isHidden()] == ["fabrikam"]


def test_a_line_of_a_script_stays_one_line(form: QWidget, qtbot: QtBot) -> None:
    text = "az one --option-that-is-long 'two'\n" * 3 + "az " + "--option x " * 60
    script, wrapped = CodeBox(text, wrap=False), CodeBox(text)
    form.resize(400, 600)
    put(form, script, wrapped)
    QApplication.processEvents()
    assert script.document().size().height() < wrapped.document().size().height()
    assert script.horizontalScrollBar().isVisible()
    assert script.verticalScrollBar().maximum() == 0, "the bar took its room from the text"
    assert not wrapped.horizontalScrollBar().isVisible()


def test_a_long_script_scrolls_in_its_box_so_that_its_bars_are_in_view(form: QWidget, qtbot: QtBot) -> None:
    script = CodeBox("\n".join(["echo " + "x" * 200] * 100), wrap=False, most=10)
    short = CodeBox("echo x", wrap=False, most=10)
    form.resize(400, 600)
    put(form, script, short)
    QApplication.processEvents()
    assert script.height() < 14 * script.fontMetrics().lineSpacing()
    assert script.verticalScrollBar().isVisible()
    assert script.horizontalScrollBar().isVisible()
    assert not short.verticalScrollBar().isVisible()


def test_a_step_alone_has_no_number_and_its_command_stands_as_code(form: QWidget) -> None:
    one = portal_steps(["In a terminal: `codesign-wizard doctor windows`"])
    two = portal_steps(["First.", "Then."])
    put(form, one, two)
    assert [part.text() for part in one.findChildren(QLabel) if part.text()] == ["In a terminal:"]
    assert [box.toPlainText() for box in one.findChildren(CodeBox)] == ["codesign-wizard doctor windows"]
    assert [part.text() for part in two.findChildren(QLabel)] == ["1.", "First.", "2.", "Then."]


def test_a_long_path_gives_way_in_its_folders_and_keeps_its_name(form: QWidget) -> None:
    edit, path = PathEdit(), "/Users/somebody/Documents/certificates/of 2026/developer-id-installer.p12"
    put(form, edit)
    edit.setText(path)
    edit.resize(300, 30)
    assert edit.shortened.endswith("…/developer-id-installer.p12")
    assert edit.shortened.startswith("/Users")
    assert edit.toolTip() == edit.text() == path, "what is shown is not what is kept"
    edit.resize(edit.fontMetrics().horizontalAdvance("…/developer-id-installer.p12") + 30, 30)
    assert edit.shortened == "…/developer-id-installer.p12"
    edit.resize(120, 30)
    assert edit.shortened.endswith(".p12")
    assert edit.fontMetrics().horizontalAdvance(edit.shortened) <= 120
    edit.resize(2000, 30)
    assert edit.shortened == path


def test_date_and_time_stay_together_on_the_screen_only(form: QWidget, qapp: Any) -> None:
    banner, moment = Banner(), "2026-11-29 08:32:10 UTC"
    banner.say(Severity.INFO, "Done.", f"Read {moment}.")
    assert together("In 5 s 1.5 MB of 4 GiB") == "In 5\u00a0s 1.5\u00a0MB of 4\u00a0GiB"
    assert together("until 2026-12-23, 24 days left") == "until 2026-12-23, 24\u00a0days left"
    assert (
        together("2026-12-23 is the day, SHA-256 the digest") == "2026-12-23 is the day, SHA-256 the digest"
    )
    assert banner.text == f"Read {moment}."
    (words,) = [one for one in banner.findChildren(QLabel) if one.text() == banner.text]
    # what Qt has, which is what it lays out in lines
    assert QLabel.text(words) == f"Read {moment}.".replace(" ", "\u00a0"), "no single word is left above"
    facts = Facts([("Time", moment)])
    put(form, facts)
    (box,) = facts.findChildren(CodeBox)
    assert box.document().toRawText() == moment.replace(" ", "\u00a0")
    box.selectAll()
    box.copy()
    assert QGuiApplication.clipboard().text() == moment


def test_several_files_of_a_finding_hang_behind_their_bullets(form: QWidget) -> None:
    listed = ["one very long name of a file", "another"]
    view = FindingView(DIGITS(detail="\n".join(["What it is.", *(f"{BULLET}{each}" for each in listed)])))
    put(form, view)
    texts = {one.text(): one for one in view.findChildren(QLabel)}
    assert "What it is." in texts
    for each in listed:
        assert texts[each].geometry().left() > texts["What it is."].geometry().left()


def test_a_path_in_a_list_is_whole_in_its_tip(form: QWidget) -> None:
    paths = PathList("Roots")
    put(form, paths)
    assert not paths.remove.isEnabled()
    paths.set(["/a/root.pem"])
    paths.take("/another/folder/root.pem")
    assert paths.paths == ["/a/root.pem", "/another/folder/root.pem"]
    assert [paths.list.item(place).toolTip() for place in range(2)] == paths.paths
    assert paths.list.textElideMode() is Qt.TextElideMode.ElideMiddle
    paths.list.setCurrentRow(0)
    assert paths.remove.isEnabled()
    paths.set([])
    assert not paths.remove.isEnabled()


def test_a_shortened_path_reads_from_left_to_right_in_a_mirrored_page(qtbot: QtBot, qapp: Any) -> None:
    def picture(direction: Qt.LayoutDirection) -> QImage:
        qapp.setLayoutDirection(direction)
        try:
            edit = PathEdit()
            qtbot.addWidget(edit)
            edit.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignAbsolute)
            edit.setText("/srv/somebody/certificates/developer-id-installer.p12")
            edit.resize(edit.fontMetrics().horizontalAdvance("…/developer-id-installer.p12") + 30, 30)
            return edit.grab().toImage()
        finally:
            qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)

    assert picture(Qt.LayoutDirection.RightToLeft) == picture(Qt.LayoutDirection.LeftToRight)
