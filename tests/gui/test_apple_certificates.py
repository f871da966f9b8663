"""The page Apple certificates: files find their places, mistakes are named, requests become .p12 files."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QPushButton

from codesign_wizard.core.apple.certificates import Kind
from codesign_wizard.core.flow import APPLE_CERTIFICATES, START, StepState
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import APPLE_OTHER_PASSWORD, APPLE_PASSWORD, MemoryStore
from codesign_wizard.pages.apple_certificates import AppleCertificatesPage
from codesign_wizard.practice.apple.authority import AppleAuthority
from codesign_wizard.practice.apple.keychain import export
from codesign_wizard.session import Session
from tests.gui.driving import wait_idle
from tests.gui.test_access import cut
from tests.support.canary import leaks
from tests.support.practice_identities import authority, packed

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow

ONE, OTHER, NEW = "apple-canary-one", "apple-canary-two", "apple-canary-new"


class Kept(MemoryStore):
    """A keyring that outlives the run, as far as the program can tell."""

    kept = True
    place = "the test's keyring"


@pytest.fixture
def own(store: ProfileStore, tmp_path: Path) -> Session:
    """A session of a person's own, whose roots know the test's Apple-like authorities."""
    root = tmp_path / "apple-roots.pem"
    root.write_bytes(authority().pem())
    profile = Profile(id="mine-1", name="Own product", macos_wanted=True, windows_wanted=False)
    profile.extra_roots = [str(root)]
    profile.page = APPLE_CERTIFICATES
    profile.reached = [START, APPLE_CERTIFICATES]
    store.save(profile)
    return Session(profile, store, secrets=Kept())


@pytest.fixture
def opened(
    open_window: Callable[..., MainWindow], own: Session, qtbot: QtBot
) -> tuple[MainWindow, AppleCertificatesPage]:
    window = open_window(own)
    page = window.page
    assert isinstance(page, AppleCertificatesPage)
    wait_idle(window, qtbot)
    return window, page


def p12(folder: Path, kind: str, password: str = ONE, name: str = "") -> str:
    path = folder / (name or f"{kind}.p12")
    path.write_bytes(packed(*authority().identity(kind), password=Secret(password)))
    return str(path)


def type_password(window: MainWindow, page: AppleCertificatesPage, qtbot: QtBot, password: str) -> None:
    field = page.secrets.other if page.secrets.other.isVisible() else page.secrets.first
    qtbot.keyClicks(field.edit, password)
    qtbot.keyClick(field.edit, Qt.Key.Key_Return)
    wait_idle(window, qtbot)


def found(page: AppleCertificatesPage) -> list[str]:
    return [each.finding.id.removeprefix("apple.") for each in page.problems.views]


def primaries(page: AppleCertificatesPage) -> list[str]:
    buttons = [each for each in page.findChildren(QPushButton) if each.isVisible()]
    return [each.text() for each in buttons if each.property("kind") == "primary"]


Opened = tuple["MainWindow", AppleCertificatesPage]


def test_both_files_dropped_at_once_find_their_places(opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    window, page = opened
    window.activateWindow()
    data = QMimeData()
    paths = [p12(tmp_path, "application", name="a.p12"), p12(tmp_path, "installer", name="b.p12")]
    data.setUrls([QUrl.fromLocalFile(path) for path in paths])
    drop = page.slots[Kind.APPLICATION].drop
    event = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0)
    )
    drop.dropEvent(event)
    wait_idle(window, qtbot)
    assert page.secrets.first.edit.hasFocus()
    # nothing is accused before somebody had the chance to type the password
    assert page.banner.title == "Type the password of the files."
    assert found(page) == []
    assert window.workspace.flow.state(APPLE_CERTIFICATES) is StepState.IN_PROGRESS
    assert window.footer.reason.text() == "The password of the files is still missing."
    type_password(window, page, qtbot, ONE)
    # the field is gone: on to the answer, not to whatever stands next in the window
    assert page.hasFocus()
    assert window.footer.reason.text() == ""
    assert page.banner.title == "Both certificates can sign, for Practice Team (team PRACTICE01)."
    assert page.slots[Kind.INSTALLER].path.text() == paths[1]
    assert page.slots[Kind.APPLICATION].path.text() == paths[0]
    assert page.judged.passed is not None
    assert window.workspace.flow.state(APPLE_CERTIFICATES) is StepState.DONE
    # years: not worth the room beside the name
    assert window.rail.buttons[1].step.note == ""
    session = window.workspace.session
    assert session.secrets.get("mine-1", APPLE_PASSWORD) == Secret(ONE)
    window.workspace.save()
    assert leaks(ONE, tmp_path / "profiles") == []
    assert leaks(ONE, "\n".join(line.text for line in window.log_model.lines)) == []


def test_the_page_remembers_and_looks_again(
    opened: Opened, open_window: Callable[..., MainWindow], own: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    window, page = opened
    page.take_files([p12(tmp_path, "installer"), p12(tmp_path, "application")])
    wait_idle(window, qtbot)
    type_password(window, page, qtbot, ONE)
    window.workspace.save()
    again = open_window(
        Session(own.profiles.load("mine-1"), own.profiles, secrets=own.secrets), frame_first=False
    )
    kept = again.page
    assert isinstance(kept, AppleCertificatesPage)
    # shown at once from what was kept, before anything is read
    assert again.workspace.flow.state(APPLE_CERTIFICATES) is StepState.DONE
    assert kept.slots[Kind.INSTALLER].facts.isVisible()
    (tmp_path / "application.p12").unlink()
    wait_idle(again, qtbot)
    kept.look()
    wait_idle(again, qtbot)
    assert found(kept) == ["identity.unreadable"]
    assert again.workspace.flow.state(APPLE_CERTIFICATES) is StepState.ATTENTION


def test_a_pasted_path_in_the_wrong_place_moves_and_is_told(
    opened: Opened, qtbot: QtBot, tmp_path: Path
) -> None:
    window, page = opened
    window.workspace.session.keep_apple_passwords(Secret(ONE))
    path = p12(tmp_path, "application")
    field = page.slots[Kind.INSTALLER].path
    field.setFocus()
    QGuiApplication.clipboard().setText(f'"{path}"')
    qtbot.keyClick(field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    wait_idle(window, qtbot)
    assert field.text() == ""
    assert page.slots[Kind.APPLICATION].path.text() == path
    told = [each.id for each in window.workspace.profile.results[APPLE_CERTIFICATES].findings]
    assert "apple.identity.moved" in told
    assert page.banner.title == "The Installer certificate is still missing."
    assert window.footer.reason.text() == "The Installer certificate is still missing."
    assert page.banner.text.startswith("application.p12 is the Developer ID Application certificate")
    qtbot.mouseClick(page.slots[Kind.APPLICATION].remove, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert page.banner.title == "No certificates yet."
    assert window.footer.reason.text() == "Both certificates are needed."
    window.activateWindow()
    assert window.focusWidget() is page.slots[Kind.INSTALLER].drop.choose
    assert APPLE_CERTIFICATES not in window.workspace.profile.results
    assert Path(path).exists()


def test_two_passwords_become_one_after_confirmation(opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    window, page = opened
    window.activateWindow()
    former = [p12(tmp_path, "installer"), p12(tmp_path, "application", OTHER)]
    before = [Path(path).read_bytes() for path in former]
    page.take_files(former)
    wait_idle(window, qtbot)
    type_password(window, page, qtbot, ONE)
    assert found(page) == ["identity.password-wrong"]
    type_password(window, page, qtbot, OTHER)
    assert found(page) == ["identity.passwords-differ"]
    qtbot.waitUntil(lambda: window.focusWidget() is page.problems.views[0])  # once it is laid out
    (way,) = page.ways.findChildren(QPushButton)
    qtbot.mouseClick(way, Qt.MouseButton.LeftButton)
    assert page.files.isVisible()
    assert primaries(page) == [page.files.go.text()]
    page.files.password.setCurrentIndex(page.files.password.count() - 1)
    page.files.password.activated.emit(2)
    qtbot.mouseClick(page.files.go, Qt.MouseButton.LeftButton)
    assert page.files.wrong.text().startswith("Choose a password")
    qtbot.keyClicks(page.files.new.edit, NEW)
    page.files.protection.setCurrentIndex(1)
    for kind, field in page.files.paths.items():
        field.set(str(tmp_path / "out" / f"{kind.value}.p12"))
    qtbot.mouseClick(page.files.go, Qt.MouseButton.LeftButton)
    assert page.question.isVisible()
    assert not (tmp_path / "out").exists(), "nothing is written before somebody says so"
    qtbot.mouseClick(page.question.yes, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    wait_idle(window, qtbot)
    assert page.banner.title.startswith("Both certificates can sign")
    assert [Path(path).read_bytes() for path in former] == before
    secrets = window.workspace.session.secrets
    assert secrets.get("mine-1", APPLE_PASSWORD) == Secret(NEW)
    assert secrets.get("mine-1", APPLE_OTHER_PASSWORD) is None
    for kind in page.slots:
        path = tmp_path / "out" / f"{kind.value}.p12"
        read = subprocess.run(
            ["openssl", "pkcs12", "-legacy", "-in", path, "-info", "-nokeys", "-passin", f"pass:{NEW}"],
            capture_output=True,
            text=True,
        )
        assert read.returncode == 0, read.stderr
        assert "pbeWithSHA1And3-KeyTripleDES-CBC" in read.stderr
        assert read.stdout.count("BEGIN CERTIFICATE") == 3


def test_one_file_with_both_identities_can_be_taken_apart(
    opened: Opened, qtbot: QtBot, tmp_path: Path
) -> None:
    window, page = opened
    window.workspace.session.keep_apple_passwords(Secret(ONE))
    both = tmp_path / "both.p12"
    both.write_bytes(export([authority().identity(kind) for kind in ("installer", "application")], ONE))
    page.take_files([str(both)], Kind.APPLICATION)
    wait_idle(window, qtbot)
    assert found(page) == ["identity.shared"]
    assert all(slot.path.text() == str(both) for slot in page.slots.values())
    page.making.open_repack()
    page.making.ask_write()
    qtbot.mouseClick(page.question.yes, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    wait_idle(window, qtbot)
    assert found(page) == []
    assert sorted(path.name for path in tmp_path.glob("developer-id-*.p12")) == [
        "developer-id-application.p12",
        "developer-id-installer.p12",
    ]


def test_a_file_too_many_and_another_team_are_told(opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    window, page = opened
    window.workspace.session.keep_apple_passwords(Secret(ONE))
    window.workspace.profile.macos.team = "OTHERTEAM1"
    pair = [p12(tmp_path, "installer"), p12(tmp_path, "application")]
    page.take_files([*pair, str(tmp_path / "third.p12")])
    wait_idle(window, qtbot)
    assert sorted(set(found(page))) == ["identity.left-out", "options.other-team"]
    (way,) = [each for each in page.ways.findChildren(QPushButton) if each.isVisibleTo(page)]
    way.click()
    wait_idle(window, qtbot)
    assert found(page) == []
    assert window.workspace.profile.macos.team == ""


def test_every_mistake_is_named(opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    window, page = opened
    from codesign_wizard.practice.apple.files import PASSWORD, apple_files

    window.workspace.session.keep_apple_passwords(Secret(PASSWORD))
    for each in apple_files(authority()):
        (tmp_path / each.name).write_bytes(each.data)
    page.take_files([str(tmp_path / "installer-aes-256.p12")], Kind.INSTALLER)
    wait_idle(window, qtbot)
    window.workspace.profile.macos.team = "PRACTICE01"
    for name, expected in {
        "without-key": "identity.no-key",
        "apple-distribution": "identity.wrong-kind",
        "other-team": "identity.teams-differ",
    }.items():
        page.take_files([str(tmp_path / f"{name}.p12")], Kind.APPLICATION)
        wait_idle(window, qtbot)
        assert expected in found(page), name
        assert window.workspace.flow.state(APPLE_CERTIFICATES) is StepState.ATTENTION
        # of two teams the profile's is the right one, and neither can be made the profile's
        assert page.slots[Kind.APPLICATION].mark.accessibleName() == "Application: Problem"
        assert not page.ways.isVisible()
    page.take_files([str(tmp_path / "application-rc2-40.p12")], Kind.APPLICATION)
    wait_idle(window, qtbot)
    assert found(page) == []
    assert window.workspace.flow.state(APPLE_CERTIFICATES) is StepState.DONE


def test_requests_wait_for_days_and_become_files_by_keyboard_alone(
    opened: Opened, open_window: Callable[..., MainWindow], own: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    window, page = opened
    window.activateWindow()
    assert primaries(page) == [page.requests.made.make.text()]
    page.setFocus()
    qtbot.keyClick(page, Qt.Key.Key_M, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: len(page.pending) == 2, timeout=10_000)
    wait_idle(window, qtbot)
    assert page.banner.title == "Two signing requests wait for Apple's certificates."
    assert window.footer.reason.text() == "Apple's certificates are still missing."
    assert primaries(page) == [page.requests.made.save.text()]
    page.making.save_requests(tmp_path / "to-apple")
    wait_idle(window, qtbot)
    requests = {
        kind: (tmp_path / "to-apple" / f"developer-id-{kind}.certSigningRequest").read_bytes()
        for kind in ("installer", "application")
    }
    window.close()

    # another day
    later = open_window(Session(own.profiles.load("mine-1"), own.profiles, secrets=own.secrets))
    page = later.page
    assert isinstance(page, AppleCertificatesPage)
    wait_idle(later, qtbot)
    assert page.banner.title == "Two signing requests wait for Apple's certificates."
    answers = [apple(authority(), requests[kind], kind, tmp_path) for kind in requests]
    stranger = authority().identity("application")[1]
    from cryptography.hazmat.primitives.serialization import Encoding

    (tmp_path / "stranger.cer").write_bytes(stranger.public_bytes(Encoding.DER))
    page.take_files([str(tmp_path / "stranger.cer")])
    wait_idle(later, qtbot)
    assert found(page) == ["request.not-ours"]
    # dropped on a place for .p12 files: they are known for what they are
    page.take_files(answers, Kind.INSTALLER)
    wait_idle(later, qtbot)
    assert page.banner.title == "The certificates fit the keys made here."
    later.activateWindow()
    page.files.paths[Kind.INSTALLER].set(str(tmp_path / "i.p12"))
    page.files.paths[Kind.APPLICATION].set(str(tmp_path / "a.p12"))
    page.files.new.edit.setFocus()
    qtbot.keyClicks(page.files.new.edit, NEW)
    qtbot.keyClick(page.files.new.edit, Qt.Key.Key_W, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(page.question.yes.hasFocus)
    qtbot.keyClick(page.question.yes, Qt.Key.Key_Escape)
    assert not (tmp_path / "i.p12").exists()
    qtbot.keyClick(page.files.new.edit, Qt.Key.Key_W, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(page.question.yes.hasFocus)
    qtbot.keyClick(page.question.yes, Qt.Key.Key_Space)
    wait_idle(later, qtbot)
    wait_idle(later, qtbot)
    assert page.banner.title.startswith("Both certificates can sign")
    assert own.apple_keys_folder().is_dir()
    assert list(own.apple_keys_folder().iterdir()) == []
    assert later.workspace.flow.state(APPLE_CERTIFICATES) is StepState.DONE


def apple(site: AppleAuthority, request: bytes, kind: str, folder: Path) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from codesign_wizard.practice.apple.authority import KINDS

    path = folder / f"developerID_{kind}.cer"
    answer = site.answer(x509.load_pem_x509_csr(request), KINDS[kind])
    path.write_bytes(answer.public_bytes(Encoding.DER))
    return str(path)


def test_dropping_requests_asks_and_says_what_is_lost(opened: Opened, qtbot: QtBot) -> None:
    window, page = opened
    page.making.make_requests()
    wait_idle(window, qtbot)
    page.making.ask_drop()
    assert page.question.no.hasFocus()
    assert "can then never be used" in page.question.lost.text()
    qtbot.keyClick(page.question.no, Qt.Key.Key_Escape)
    assert len(page.pending) == 2
    page.making.ask_drop()
    qtbot.mouseClick(page.question.yes, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert page.banner.title == "No certificates yet."


def test_without_a_keyring_no_keys_are_made(
    open_window: Callable[..., MainWindow], own: Session, qtbot: QtBot
) -> None:
    window = open_window(Session(own.profile, own.profiles, secrets=MemoryStore("no keyring")))
    page = window.page
    assert isinstance(page, AppleCertificatesPage)
    page.making.make_requests()
    wait_idle(window, qtbot)
    assert found(page) == ["request.no-keyring"]
    assert not own.apple_keys_folder().exists()


def test_what_is_not_open_yet_is_not_written_anew(opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    window, page = opened
    window.activateWindow()
    page.take_files([p12(tmp_path, "installer"), p12(tmp_path, "application")])
    wait_idle(window, qtbot)
    page.setFocus()
    page.making.open_repack()
    assert page.files.isHidden()
    assert page.secrets.first.edit.hasFocus(), "the password comes first"


@pytest.mark.parametrize("width", [860, 1180])
def test_nothing_is_cut_while_something_is_asked(
    opened: Opened, qtbot: QtBot, tmp_path: Path, width: int
) -> None:
    window, page = opened
    window.workspace.session.keep_apple_passwords(Secret(ONE), Secret(OTHER))
    page.take_files([p12(tmp_path, "installer"), p12(tmp_path, "application", OTHER)])
    wait_idle(window, qtbot)
    page.making.open_repack()
    page.making.ask_write()
    window.resize(width, 640)
    for _ in range(3):
        QGuiApplication.processEvents()
    assert cut(window) == []


@pytest.fixture(autouse=True)
def _no_dialog(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file dialog would wait for a person for ever."""
    from PySide6.QtWidgets import QFileDialog

    def refuse(*args: object, **more: object) -> None:
        raise AssertionError("a file dialog was opened")

    for name in ("getOpenFileNames", "getSaveFileName", "getExistingDirectory"):
        monkeypatch.setattr(QFileDialog, name, refuse)
