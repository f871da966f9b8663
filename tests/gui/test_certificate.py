"""The page Certificate on practice accounts: request, answer, merge, renewal, by mouse and by keyboard."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QObject, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QPushButton, QWidget

from codesign_wizard.core.certificates.desk import CertificateDesk, Stage
from codesign_wizard.core.certificates.vault import CertificateVault
from codesign_wizard.core.flow import CERTIFICATE, KEY_VAULT, START, StepState
from codesign_wizard.core.job import Job
from codesign_wizard.pages.certificate import CertificatePage
from codesign_wizard.session import Session, open_session
from tests.gui.driving import wait_idle
from tests.gui.test_access import CONTROLS, cut, walk

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow

NAME = "harbour-2027"
FORM = {
    "organization": 'Harbour "Küste", Söhne & Co. KG',
    "locality": "Kiel",
    "state": "Schleswig-Holstein",
    "country": "DE",
}


@pytest.fixture
def practice() -> Iterator[Callable[..., Session]]:
    """Return a function that opens a session on practice accounts, on this page."""
    opened: list[Session] = []

    def opening(name: str = "", scenario: str | None = None) -> Session:
        session = open_session(practice=True, scenario=scenario)
        opened.append(session)
        session.profile.page = CERTIFICATE
        session.profile.reached = [START, KEY_VAULT, "permissions", CERTIFICATE]
        if name:
            session.profile.windows.azure.certificate_name = name
        return session

    yield opening
    for session in opened:
        session.close()


@pytest.fixture
def page_on(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> Callable[..., tuple[MainWindow, CertificatePage]]:
    """Return a function that opens the page and looks."""

    def opened(name: str = "", scenario: str | None = None) -> tuple[MainWindow, CertificatePage]:
        window = open_window(practice(name, scenario))
        page = window.page
        assert isinstance(page, CertificatePage)
        qtbot.mouseClick(page.look_button, Qt.MouseButton.LeftButton)
        wait_idle(window, qtbot)
        return window, page

    return opened


def fill(page: CertificatePage, **values: str) -> None:
    for key, value in {**FORM, **values}.items():
        edit = page.form.form.fields[key].edit
        # keys that are pressed can only be of ASCII
        edit.setText(value)
        edit.textEdited.emit(value)


def make(window: MainWindow, page: CertificatePage, qtbot: QtBot) -> None:
    """Write, check, confirm."""
    page.requesting.write()
    fill(page)
    qtbot.mouseClick(page.form.check, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert page.question.isVisible(), page.banner.title
    qtbot.mouseClick(page.question.yes, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)


def answer(page: CertificatePage, folder: Path, *, other_key: bool = False) -> Path:
    """Let the practice CA answer; root first, as CAs like to."""
    cloud = page.workspace.session.practice
    assert cloud is not None
    world = cloud.world
    start = world.clock.now()
    if other_key:
        key = rsa.generate_private_key(65537, 3072)
        leaf = world.code_signing.issue_for(key.public_key(), world.code_signing.root.subject, start=start)
    else:
        leaf = world.code_signing.issue(x509.load_pem_x509_csr(page.request.pem.encode()), start=start)
    chain = [world.code_signing.root, world.code_signing.intermediate, leaf]
    path = folder / "from-the-ca.crt"
    path.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in chain))
    return path


def stage(session: Session) -> Stage:
    """Ask the vault itself."""
    desk = CertificateDesk(
        session.network, session.azure_options(), session.application_secret, session.roots
    )
    return desk.look(Job()).stage


def primaries(page: CertificatePage) -> list[str]:
    return [
        each.text()
        for each in page.findChildren(QPushButton)
        if each.isVisible() and each.property("kind") == "primary"
    ]


Opening = Callable[..., tuple["MainWindow", CertificatePage]]


def test_a_certificate_that_works_is_judged_and_done(page_on: Opening) -> None:
    window, page = page_on()
    assert page.banner.title.startswith("The certificate can sign programs until ")
    assert page.held.isVisible()
    assert not page.pending.isVisible()
    assert window.workspace.flow.state(CERTIFICATE) is StepState.DONE
    assert len(page.chain.links.children()) == 3
    assert page.judged.passed is not None
    assert primaries(page) == []


def test_a_request_is_made_answered_and_merged(page_on: Opening, qtbot: QtBot, tmp_path: Path) -> None:
    window, page = page_on(NAME)
    session = window.workspace.session
    assert page.begin_part.isVisible()
    assert primaries(page) == [page.begin_part.write.text()]
    assert window.workspace.flow.state(CERTIFICATE) is StepState.IN_PROGRESS
    make(window, page, qtbot)
    assert page.banner.title == "A signing request waits for the CA's answer."
    assert window.workspace.flow.state(CERTIFICATE) is StepState.IN_PROGRESS
    assert primaries(page) == [page.request.save.text()]

    csr = tmp_path / "harbour.csr"
    page.saving.save_request(csr)
    wait_idle(window, qtbot)
    assert page.request.saved.text() == "Saved as harbour.csr"
    read = subprocess.run(
        [
            "openssl",
            "req",
            "-in",
            csr,
            "-verify",
            "-noout",
            "-subject",
            "-nameopt",
            "utf8,sep_multiline,lname",
        ],
        capture_output=True,
        text=True,
    )
    assert "verify OK" in read.stderr + read.stdout
    # a common name that was left empty is the organisation's
    assert f"commonName={FORM['organization']}" in read.stdout
    assert f"organizationName={FORM['organization']}" in read.stdout
    assert "countryName=DE" in read.stdout

    page.answering.take_files([str(answer(page, tmp_path))])
    wait_idle(window, qtbot)
    assert page.banner.title == "The answer fits the request."
    assert stage(session) is Stage.PENDING, "nothing is merged before somebody says so"
    assert primaries(page) == [page.question.yes.text()]
    qtbot.mouseClick(page.question.yes, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert page.banner.title.startswith("The certificate can sign programs until ")
    assert window.workspace.flow.state(CERTIFICATE) is StepState.DONE
    result = window.workspace.profile.results[CERTIFICATE]
    assert "azure.signature.works" in [each.id for each in result.findings]
    assert stage(session) is Stage.USABLE


def test_the_whole_form_by_keyboard_alone(page_on: Opening, qtbot: QtBot) -> None:
    window, page = page_on(NAME)
    window.activateWindow()
    page.begin_part.write.setFocus()
    qtbot.keyClick(page.begin_part.write, Qt.Key.Key_Space)
    fields = page.form.form.fields
    qtbot.waitUntil(lambda: fields["organization"].edit.hasFocus())
    for key in ("organization", "common_name", "locality", "state", "country"):
        focused = QGuiApplication.focusObject()
        assert focused is fields[key].edit
        qtbot.keyClick(focused, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        qtbot.keyClick(focused, Qt.Key.Key_Delete)
        qtbot.keyClicks(focused, FORM.get(key, "").encode("ascii", "ignore").decode())
        qtbot.keyClick(fields[key].edit, Qt.Key.Key_Tab)
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_C, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: page.question.yes.hasFocus())
    wait_idle(window, qtbot)
    qtbot.keyClick(page.question.yes, Qt.Key.Key_Escape)
    assert not page.question.isVisible()
    assert stage(window.workspace.session) is Stage.FREE
    assert page.form.isVisible()
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_C, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: page.question.yes.hasFocus())
    wait_idle(window, qtbot)
    qtbot.keyClick(page.question.yes, Qt.Key.Key_Space)
    wait_idle(window, qtbot)
    assert stage(window.workspace.session) is Stage.PENDING


def test_nothing_is_made_before_it_is_confirmed(page_on: Opening, qtbot: QtBot) -> None:
    window, page = page_on(NAME)
    page.requesting.write()
    fill(page)
    page.requesting.check()
    wait_idle(window, qtbot)
    shown = page.question.facts.findChildren(type(page.form.preview.string))
    told = [each.accessibleName() for each in shown]
    assert any("RSA 4096 (RSA-HSM)" in text for text in told)
    assert any('O="Harbour ""Küste"", Söhne & Co. KG"' in text for text in told)
    assert stage(window.workspace.session) is Stage.FREE
    # what is typed now is no longer what was checked
    qtbot.keyClicks(page.form.form.fields["locality"].edit, "x")
    assert not page.question.isVisible()
    assert not page.problems.isVisible()


def test_a_mistake_is_told_at_its_field_and_gets_the_focus(page_on: Opening, qtbot: QtBot) -> None:
    window, page = page_on(NAME)
    window.activateWindow()
    page.requesting.write()
    fill(page, country="UK", business_category="N/A")
    page.form.form.fields["business_category"].judge(accuse=True)
    page.requesting.check()
    country = page.form.form.fields["country"]
    assert country.message.text().startswith("UK is not a country's code")
    qtbot.waitUntil(country.edit.hasFocus)
    assert not window.runner.tasks, "the vault is not asked about what cannot be"
    country.edit.clear()
    qtbot.keyClicks(country.edit, "de")
    page.requesting.check()
    category = page.form.form.fields["business_category"]
    qtbot.waitUntil(category.edit.hasFocus)
    assert page.form.form.extended.content.isVisible()


def test_what_is_typed_stays_and_is_there_again(page_on: Opening, qtbot: QtBot) -> None:
    window, page = page_on(NAME)
    page.requesting.write()
    fill(page)
    page.form.form.key.setCurrentIndex(2)
    page.form.form.key.activated.emit(2)
    assert "Windows does not accept EC keys" in page.form.form.advice.text()
    assert page.form.form.advice.property("role") == "warning"
    assert page.form.preview.string.toPlainText().startswith('CN="Harbour ""Küste""')
    page.requesting.leave()
    kept = window.workspace.profile.windows.request
    assert kept.organization == FORM["organization"]
    assert kept.key == "ec-p-256"
    page.requesting.write()
    assert page.form.form.values()["locality"] == "Kiel"
    assert page.form.form.asked().key.label == "EC P-256"


@pytest.mark.parametrize("wrong", ["page", "key", "empty", "missing"])
def test_an_answer_that_does_not_fit_changes_nothing(
    page_on: Opening, qtbot: QtBot, tmp_path: Path, wrong: str
) -> None:
    window, page = page_on(NAME)
    make(window, page, qtbot)
    path = tmp_path / "certificate.cer"
    expected = {
        "page": "certificate.answer.web-page",
        "key": "certificate.answer.other-key",
        "empty": "certificate.answer.empty",
        "missing": "certificate.answer.unreadable",
    }
    if wrong == "page":
        path.write_text("<!DOCTYPE html><html><body>Please sign in</body></html>")
    elif wrong == "key":
        path = answer(page, tmp_path, other_key=True)
    elif wrong == "empty":
        path.write_bytes(b"")
    page.answering.take_files([str(path)])
    wait_idle(window, qtbot)
    assert [view.finding.id for view in page.problems.views][:1] == [expected[wrong]]
    assert page.banner.text == "Nothing was changed in the vault."
    assert not page.question.isVisible()
    assert not page.answer.merge.isVisible()
    assert page.pending.isVisible()
    # the step itself still waits: a wrong file is no fault of the vault's
    assert window.workspace.flow.state(CERTIFICATE) is StepState.IN_PROGRESS
    # mended in place, the same file is looked at again
    if wrong != "missing":
        path.write_bytes(answer(page, tmp_path).read_bytes())
        page.check_again()
        wait_idle(window, qtbot)
        assert page.banner.title == "The answer fits the request."


def test_files_dropped_together_and_pasted_text_are_answers(
    page_on: Opening, qtbot: QtBot, tmp_path: Path
) -> None:
    window, page = page_on(NAME)
    make(window, page, qtbot)
    whole = answer(page, tmp_path)
    paths = []
    for number, each in enumerate(x509.load_pem_x509_certificates(whole.read_bytes())):
        paths.append(tmp_path / f"part-{number}.cer")
        paths[-1].write_bytes(each.public_bytes(Encoding.DER))
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    dropped = QDropEvent(
        QPointF(4, 4),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    page.answer.drop.dropEvent(dropped)
    wait_idle(window, qtbot)
    assert page.banner.title == "The answer fits the request."
    assert page.answer.given.text() == "Given: part-0.cer, part-1.cer, part-2.cer"
    page.question.no.click()
    assert page.answer.merge.isVisible(), "an answer that fits can still be merged"

    QGuiApplication.clipboard().setText("Dear customer,\n\n> " + whole.read_text().replace("\n", "\n> "))
    page.answer.paste.setFocus()
    qtbot.keyClick(page.answer.paste, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    wait_idle(window, qtbot)
    assert page.banner.title == "The answer fits the request."
    assert page.answer.given.text() == "Given: the pasted text"
    assert page.answer.paste.toPlainText() == ""


def test_the_request_is_found_again_in_the_vault_after_a_restart(
    page_on: Opening, open_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    window, page = page_on(NAME)
    make(window, page, qtbot)
    pem = page.request.pem
    session = window.workspace.session
    window.close()
    # shown at once from the profile, as it was seen
    session.profile.windows.request.organization = ""
    again = open_window(session)
    assert isinstance(again.page, CertificatePage)
    assert again.page.request.pem == pem
    again.close()
    # and without anything remembered here
    session.profile.results.clear()
    fresh = open_window(session)
    assert isinstance(fresh.page, CertificatePage)
    assert not fresh.page.pending.isVisible()
    fresh.page.look()
    wait_idle(fresh, qtbot)
    assert fresh.page.request.pem == pem


def test_dropping_a_request_says_what_is_lost_and_asks(page_on: Opening, qtbot: QtBot) -> None:
    window, page = page_on(NAME)
    make(window, page, qtbot)
    window.activateWindow()
    qtbot.mouseClick(page.request.drop, Qt.MouseButton.LeftButton)
    assert "can then never be used" in page.question.lost.text()
    qtbot.waitUntil(page.question.no.hasFocus)
    assert page.question.yes.property("kind") != "primary"
    qtbot.keyClick(page.question.no, Qt.Key.Key_Space)
    assert stage(window.workspace.session) is Stage.PENDING
    page.requesting.ask_drop()
    qtbot.mouseClick(page.question.yes, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert stage(window.workspace.session) is Stage.FREE
    assert page.begin_part.isVisible()


def test_a_renewal_leaves_the_present_version_signing(page_on: Opening, qtbot: QtBot, tmp_path: Path) -> None:
    window, page = page_on()
    before = window.workspace.profile.results[CERTIFICATE].facts["version"]
    qtbot.mouseClick(page.held_card.renew, Qt.MouseButton.LeftButton)
    form = page.form.form
    publisher = window.workspace.profile.results[CERTIFICATE].facts["publisher"]
    assert form.asked().subject.get("common_name") == publisher
    page.requesting.check()
    wait_idle(window, qtbot)
    assert page.question.isVisible(), page.banner.title
    page.question.yes.click()
    wait_idle(window, qtbot)
    assert page.held.isVisible()
    assert page.pending.isVisible()
    assert "next version waits" in page.banner.text
    assert window.workspace.flow.state(CERTIFICATE) is StepState.DONE, "the old version signs meanwhile"
    page.answering.take_files([str(answer(page, tmp_path))])
    wait_idle(window, qtbot)
    page.question.yes.click()
    wait_idle(window, qtbot)
    assert window.workspace.profile.results[CERTIFICATE].facts["version"] != before
    assert not page.pending.isVisible()


def test_a_request_that_somebody_else_made_meanwhile_is_gone_on_with(page_on: Opening, qtbot: QtBot) -> None:
    window, page = page_on(NAME)
    page.requesting.write()
    fill(page)
    session = window.workspace.session
    desk = CertificateDesk(
        session.network, session.azure_options(), session.application_secret, session.roots
    )
    desk.request(Job(), page.form.form.asked())
    page.requesting.check()
    wait_idle(window, qtbot)
    assert [view.finding.id for view in page.problems.views] == ["certificate.request.pending-exists"]
    assert not page.question.isVisible()
    ways = page.ways.findChildren(QPushButton)
    qtbot.mouseClick(ways[0], Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert page.pending.isVisible()
    assert not page.form.isVisible()


def test_a_deleted_certificate_is_recovered_where_it_stands(page_on: Opening, qtbot: QtBot) -> None:
    window, page = page_on()
    session = window.workspace.session
    options, secret = session.azure_options(), session.application_secret()
    with CertificateVault.open(Job(), session.network, options, secret) as vault:
        vault._clients.certificates.begin_delete_certificate(options.certificate_name).result()
    page.look()
    wait_idle(window, qtbot)
    assert [view.finding.id for view in page.problems.views] == ["certificate.request.name-deleted"]
    assert window.workspace.flow.state(CERTIFICATE) is StepState.ATTENTION
    recover = page.ways.findChildren(QPushButton)[0]
    assert recover.text() == "Recover the deleted one…"
    qtbot.mouseClick(recover, Qt.MouseButton.LeftButton)
    assert stage(session) is Stage.DELETED, "nothing happens before somebody says so"
    qtbot.mouseClick(page.question.yes, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert page.held.isVisible()
    assert window.workspace.flow.state(CERTIFICATE) is StepState.DONE


def test_a_look_that_fails_keeps_what_was_seen(page_on: Opening, qtbot: QtBot) -> None:
    window, page = page_on(NAME)
    window.errors_expected = True
    make(window, page, qtbot)
    pem = page.request.pem
    window.workspace.profile.network.proxy = "http://127.0.0.1:9"
    page.look()
    wait_idle(window, qtbot)
    assert window.workspace.flow.state(CERTIFICATE) is StepState.ATTENTION
    assert page.problems.views
    assert page.banner.text.startswith("What is shown below is of ")
    assert page.pending.isVisible()
    assert page.request.pem == pem


def test_reminders_are_saved_for_the_calendar(page_on: Opening, qtbot: QtBot, tmp_path: Path) -> None:
    window, page = page_on()
    target = tmp_path / "renewal.ics"
    page.saving.save_reminders(target)
    wait_idle(window, qtbot)
    text = target.read_text("utf-8")
    assert text.count("BEGIN:VEVENT") == 4
    assert page.held_card.saved.text() == "Saved as renewal.ics"


def test_time_to_renew_is_told_and_is_the_thing_to_do(page_on: Opening) -> None:
    window, page = page_on()
    result = window.workspace.profile.results[CERTIFICATE]
    soon = (datetime.now(UTC) + timedelta(days=20, hours=1)).isoformat()
    result.details["desk"] = {**result.details["desk"], "stage": "renewal-due", "expires": soon}
    page._shown = None
    page.refresh()
    assert page.banner.title.startswith("Time to renew")
    assert "20 days left" in page.banner.title
    assert primaries(page) == [page.held_card.renew.text()]


def test_the_page_looks_by_itself_once_when_signing_in_has_worked(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    session = practice()
    from codesign_wizard.core.flow import Flow

    Flow(session.profile).record(KEY_VAULT, [], {})
    window = open_window(session)
    wait_idle(window, qtbot)
    page = window.page
    assert isinstance(page, CertificatePage)
    assert page.held.isVisible()
    seen = window.workspace.profile.results[CERTIFICATE]
    window.show_step(KEY_VAULT)
    window.show_step(CERTIFICATE)
    wait_idle(window, qtbot)
    assert window.workspace.profile.results[CERTIFICATE] is seen


def test_without_a_vault_looking_is_one_clear_problem(window: MainWindow, qtbot: QtBot) -> None:
    window.workspace.profile.reached = [START, KEY_VAULT, "permissions", CERTIFICATE]
    window.show_step(CERTIFICATE)
    page = window.page
    assert isinstance(page, CertificatePage)
    assert page.banner.title == "Nobody has looked yet what the vault holds."
    qtbot.mouseClick(page.look_button, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert window.workspace.flow.state(CERTIFICATE) is StepState.ATTENTION
    assert page.problems.views


class Windows(QObject):
    """Keeps the names of windows that come up besides the wizard's own."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.seen.append(type(watched).__name__)
        return False


def test_no_part_is_a_window_of_its_own_for_a_moment(
    page_on: Opening, qapp: QApplication, qtbot: QtBot, tmp_path: Path
) -> None:
    windows = Windows()
    qapp.installEventFilter(windows)
    window, page = page_on(NAME)
    make(window, page, qtbot)
    page.answering.take_text("good morning")
    wait_idle(window, qtbot)
    page.answering.take_files([str(answer(page, tmp_path))])
    wait_idle(window, qtbot)
    page.question.yes.click()
    wait_idle(window, qtbot)
    qapp.removeEventFilter(windows)
    # on a desktop such a window flashes, and takes the focus with it
    assert windows.seen == ["MainWindow"]


def shortcomings(window: MainWindow, qtbot: QtBot) -> list[str]:
    """Return what keeps somebody from using the page as it stands: names, keyboard, room."""
    found: list[str] = []
    for interface in walk(QAccessible.queryAccessibleInterface(window)):
        named = interface.text(QAccessible.Text.Name).strip()
        if interface.role() in CONTROLS and not interface.state().invisible and not named:
            found.append(f"no name: {interface.object()}")
    letters: dict[str, str] = {}
    for one in window.findChildren(QWidget):
        if isinstance(one, QAbstractButton | QLabel) and one.isVisible():
            text = one.text().replace("&&", "")
            if "&" in text and not (isinstance(one, QLabel) and one.buddy() is None):
                letter = text[text.index("&") + 1].lower()
                if letter in letters:
                    found.append(f"the same key: {text} and {letters[letter]}")
                letters[letter] = text
    window.activateWindow()
    window.page.setFocus()
    reached: set[object] = set()
    for _ in range(300):
        focused = window.focusWidget()
        if focused in reached and focused is window.page:
            break
        reached.add(focused)
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    found += [
        f"not reached: {one.accessibleName() or one.text()}"
        for one in window.page.findChildren(QWidget)
        if isinstance(one, QAbstractButton | QLineEdit)
        and one.isVisible()
        and one.isEnabled()
        and one.focusPolicy() & Qt.FocusPolicy.TabFocus
        and one not in reached
    ]
    for width, height in ((860, 640), (1024, 700), (1600, 1000)):
        window.resize(width, height)
        # text that wraps asks for another height only after it has been laid out once
        for _ in range(6):
            QCoreApplication.processEvents()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
        found += [f"{width}: {each}" for each in cut(window)]
    return found


def test_every_state_of_the_page_can_be_used_by_everybody(
    page_on: Opening, qtbot: QtBot, tmp_path: Path
) -> None:
    window, page = page_on()
    seen: dict[str, list[str]] = {"held": shortcomings(window, qtbot)}
    page.requesting.write()
    page.form.form.more.open()
    page.form.form.extended.open()
    page.form.form.fields["country"].set("UK")
    seen["form"] = shortcomings(window, qtbot)
    page.form.form.fields["country"].set("NZ")
    page.requesting.check()
    wait_idle(window, qtbot)
    assert page.question.isVisible()
    seen["question"] = shortcomings(window, qtbot)
    page.question.yes.click()
    wait_idle(window, qtbot)
    page.ca.fold.open()
    page.request.tabs.bar.setCurrentIndex(1)
    seen["renewing"] = shortcomings(window, qtbot)
    page.answering.take_files([str(answer(page, tmp_path))])
    wait_idle(window, qtbot)
    seen["fits"] = shortcomings(window, qtbot)
    page.requesting.ask_drop()
    seen["dropping"] = shortcomings(window, qtbot)
    page.question.no.click()
    page.answering.take_text("good morning")
    wait_idle(window, qtbot)
    seen["mistake"] = shortcomings(window, qtbot)
    window.workspace.profile.windows.azure.certificate_name = NAME
    page.look()
    wait_idle(window, qtbot)
    assert page.begin_part.isVisible()
    seen["free"] = shortcomings(window, qtbot)
    assert {name: found for name, found in seen.items() if found} == {}


def test_the_practice_ca_answers_in_every_form_and_each_fits(page_on: Opening, qtbot: QtBot) -> None:
    window, page = page_on(NAME)
    make(window, page, qtbot)
    card = page.answer
    assert card.practice.isVisible()
    assert card.forms.count() == 9
    for place in range(card.forms.count()):
        card.forms.setCurrentIndex(place)
        card.practise.click()
        wait_idle(window, qtbot)
        assert page.banner.title == "The answer fits the request.", card.forms.currentText()
        assert not page.problems.views, card.forms.currentText()
    page.question.yes.click()
    wait_idle(window, qtbot)
    assert page.held.isVisible()
