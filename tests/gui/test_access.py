"""Everything has a name, a place on the keyboard, and room for larger text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QWidget

from codesign_wizard import theme
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Remedy, Severity, utc_now
from codesign_wizard.core.flow import CERTIFICATE, KEY_VAULT, MACOS_TRIAL, STEPS, WINDOWS_TRIAL
from codesign_wizard.widgets import basics
from codesign_wizard.widgets.findings import FindingList, FindingView
from codesign_wizard.widgets.pieces import Tabs
from tests.gui.driving import discard, lines, pause, wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow

MISSING = FindingKind("test.access", Severity.ERROR, "The application may not sign.", "Only in tests.")
WORKS = FindingKind("test.works", Severity.OK, "The vault answers.", "Only in tests.")

Role = QAccessible.Role
CONTROLS = {
    Role.Button,
    Role.ButtonMenu,
    Role.CheckBox,
    Role.ComboBox,
    Role.EditableText,
    Role.List,
    Role.PageTab,
    Role.PageTabList,
    Role.ProgressBar,
    Role.RadioButton,
    Role.SpinBox,
    Role.Table,
    Role.Link,
}
PANELS = ("inspect", "settings", "what-if")
PAGES = (*(step.key for step in STEPS), *PANELS)


def finding() -> Finding:
    return MISSING(
        detail="Key Vault Crypto Officer is missing.",
        evidence=Evidence(403, "ForbiddenByRbac", "Caller is not authorized", "req-1", utc_now()),
        remedies=[
            Remedy(
                "Grant Key Vault Crypto Officer.",
                portal=("Open the vault.", "Add the role."),
                az="az role assignment create --role 'Key Vault Crypto Officer'",
                powershell="New-AzRoleAssignment",
                url="https://learn.microsoft.com/azure/key-vault/general/rbac-guide",
            )
        ],
    )


def walk(interface: QAccessibleInterface) -> Iterator[QAccessibleInterface]:
    yield interface
    if interface.role() is Role.Table:
        return  # cells speak for themselves
    for place in range(interface.childCount()):
        child = interface.child(place)
        if child is not None and child.isValid():
            yield from walk(child)


def open_page(window: MainWindow, key: str) -> None:
    window.workspace.profile.reached = [step.key for step in STEPS]
    window.workspace.profile.macos_wanted = window.workspace.profile.server_wanted = True
    if key in PANELS:
        window.open_panel(key)
    else:
        window.show_step(key)
        assert window.key == key


@pytest.fixture
def full(window: MainWindow, qtbot: QtBot) -> MainWindow:
    """The wizard with results on its pages and the log shown."""
    for key in (KEY_VAULT, CERTIFICATE, WINDOWS_TRIAL):
        window.workspace.flow.record(key, [finding(), WORKS()], {"publisher": "Somebody", "file": "/none"})
    window.show_log()
    window.log_dock.widget().add(lines(3))
    return window


@pytest.mark.parametrize("key", PAGES)
def test_every_control_has_an_accessible_name(full: MainWindow, qtbot: QtBot, key: str) -> None:
    open_page(full, key)
    wait_idle(full, qtbot)
    unnamed = []
    for interface in walk(QAccessible.queryAccessibleInterface(full)):
        if interface.role() in CONTROLS and not interface.state().invisible:
            name = interface.text(QAccessible.Text.Name)
            if not name.strip():
                widget = interface.object()
                unnamed.append(f"{interface.role().name} {widget.__class__.__name__} in {widget.parent()}")
    assert unnamed == []


@pytest.mark.parametrize("key", PAGES)
def test_tab_reaches_every_control_in_order_and_shows_where_it_is(
    full: MainWindow, qtbot: QtBot, key: str
) -> None:
    open_page(full, key)
    wait_idle(full, qtbot)
    full.activateWindow()
    qtbot.waitUntil(full.isActiveWindow)
    # a layout within layouts asks for its height one level at a time, each in its own turn
    pause(qtbot, 60)
    full.page.setFocus()
    reached: list[QWidget] = []
    unseen: list[str] = []
    for _ in range(300):
        focused = full.focusWidget()
        if focused in reached and focused is full.page:
            break
        reached.append(focused)
        with_focus = focused.grab().toImage()
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
        # the page itself is where reading begins, and shows nothing
        if focused is not full.page and focused.grab().toImage() == with_focus:
            unseen.append(focused.accessibleName() or type(focused).__name__)
    assert unseen == [], "the focus cannot be seen"
    inside = [full.page.isAncestorOf(one) for one in reached[1:]]
    assert inside == sorted(inside, reverse=True), "Tab leaves the page before all of it was reached"
    missed = [
        one.accessibleName() or one.objectName() or getattr(one, "text", str)()
        for one in full.page.findChildren(QWidget)
        if isinstance(one, QAbstractButton | QLineEdit)
        and one.isVisible()
        and one.isEnabled()
        and one.focusPolicy() & Qt.FocusPolicy.TabFocus
        and one not in reached
    ]
    assert missed == []


@pytest.mark.parametrize("key", PAGES)
def test_mnemonics_on_a_page_are_given_once(full: MainWindow, qtbot: QtBot, key: str) -> None:
    open_page(full, key)
    assert clashes(full) == []
    full.log_dock.hide()  # then there is a button that shows it
    assert clashes(full) == []


@pytest.mark.parametrize("key", [WINDOWS_TRIAL, MACOS_TRIAL])
def test_mnemonics_are_given_once_where_a_trial_shows_its_file(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, key: str
) -> None:
    open_page(window, key)
    file = tmp_path / "signed"
    file.write_bytes(b"")
    window.workspace.flow.record(key, [WORKS()], {"publisher": "Somebody", "file": str(file)})
    window.workspace.edited()
    assert window.page.save_file.isVisible()
    assert clashes(window) == []


def clashes(window: MainWindow) -> list[str]:
    """Return the texts that are shown and share the letter they are reached by."""
    letters: dict[str, list[str]] = {}
    for one in window.findChildren(QWidget):
        if isinstance(one, QAbstractButton | QLabel) and one.isVisible():
            if isinstance(one, QLabel) and one.buddy() is None:
                continue
            text = one.text().replace("&&", "")
            if "&" in text:
                letters.setdefault(text[text.index("&") + 1].lower(), []).append(text)
    return [" and ".join(texts) for texts in letters.values() if len(texts) > 1]


def test_results_are_announced_without_moving_the_focus(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        QAccessible, "updateAccessibility", staticmethod(lambda event: said.append(event.message()))
    )
    window.notices.show_notice(finding())
    assert said == ["The application may not sign."]


def test_the_first_problem_gets_the_focus(full: MainWindow, qtbot: QtBot) -> None:
    open_page(full, KEY_VAULT)
    full.activateWindow()
    assert full.page.focus_problem()
    focused = full.focusWidget()
    assert isinstance(focused, FindingView)
    assert focused.accessibleName() == "Problem: The application may not sign."


def test_a_finding_says_its_severity_in_a_word_and_shows_only_the_ways_that_exist(
    qtbot: QtBot, qapp: Any
) -> None:
    shown = FindingList()
    qtbot.addWidget(shown)
    shown.set([WORKS(), finding()])
    (view,) = shown.views
    words = [one.text() for one in view.findChildren(QLabel)]
    assert "Problem" in words
    bar = view.findChild(Tabs).bar
    assert [bar.tabText(place) for place in range(bar.count())] == ["Portal", "az", "PowerShell"]
    shown.set([MISSING(remedies=[Remedy("Only words.")])])
    assert shown.views[0].findChild(Tabs) is None


def test_what_we_saw_is_folded_and_opens_with_the_vendors_words(qtbot: QtBot, qapp: Any) -> None:
    view = FindingView(finding())
    qtbot.addWidget(view)
    view.show()
    assert view.seen is not None
    assert view.seen.content.isHidden()
    assert view.seen.button.text() == "What we saw: HTTP 403, ForbiddenByRbac"
    qtbot.keyClick(view.seen.button, Qt.Key.Key_Space)
    assert view.seen.content.isVisible()
    text = view.seen.content.findChild(basics.CodeBox).toPlainText()
    for part in ("Status: 403", "Code: ForbiddenByRbac", "Request id: req-1", "UTC", "Finding: test.access"):
        assert part in text


@pytest.mark.parametrize("key", PAGES)
def test_larger_text_is_not_cut(full: MainWindow, qtbot: QtBot, key: str) -> None:
    from PySide6.QtWidgets import QApplication

    from codesign_wizard import app as wizard

    application = QApplication.instance()
    assert isinstance(application, QApplication)
    theme.apply(application, Qt.ColorScheme.Light, scale=1.5)
    full.others_expected = True
    try:
        window = wizard.build_window(full.workspace.session)
        window.resize(1290, 960)
        window.show()
        open_page(window, key)
        wait_idle(window, qtbot)
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
        assert cut(window) == []
        discard(window)
    finally:
        theme.apply(application, Qt.ColorScheme.Light, scale=1.0)


@pytest.mark.parametrize("key", PAGES)
def test_nothing_is_cut_in_a_narrow_window(full: MainWindow, qtbot: QtBot, key: str) -> None:
    # made narrow while it is open: what lay side by side has to give way
    open_page(full, key)
    full.resize(1180, 760)
    wait_idle(full, qtbot)
    QCoreApplication.processEvents()
    full.resize(860, 640)

    def fits() -> None:
        assert cut(full) == []

    # a layout within layouts asks for its height one level at a time, each in its own turn
    qtbot.waitUntil(fits, timeout=5000)


def cut(window: MainWindow) -> list[str]:
    """Return the labels and buttons whose text does not fit, and what sticks out of the page at its right."""
    found = []
    page = window.page.widget()
    if page.width() > window.page.viewport().width():
        found.append(f"the page is wider than its place: {page.width()}")
    for one in window.findChildren(QWidget):
        if not one.isVisible() or not isinstance(one, QAbstractButton | QLabel) or not one.text():
            continue
        if isinstance(one, QLabel) and one.wordWrap():
            needed = one.heightForWidth(one.width())
            if needed > one.height() + 1:
                found.append(f"too low: {one.text()!r} {one.height()} < {needed}")
        elif isinstance(one, QLabel):
            if one.sizeHint().width() > one.width() + 1:
                found.append(f"too narrow: {one.text()!r}")
        elif one.property("kind") and one.sizeHint().width() > one.width() + 1:
            found.append(f"too narrow: {one.text()!r}")
        if page.isAncestorOf(one):
            right = one.mapTo(page, QPoint(one.width(), 0)).x()
            if right > page.width():
                found.append(f"sticks out: {one.text()!r}")
    return found
