"""The pictures of *Apple certificates* and *macOS trial*: every state, on files that a person could have.

The files are practice's own, laid into the scratch folder as somebody would have them on the desktop.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.apple.certificates import Kind
from codesign_wizard.core.flow import APPLE_CERTIFICATES, MACOS_TRIAL
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.pages.apple_certificates import AppleCertificatesPage
    from codesign_wizard.pages.macos_trial import MacosTrialPage
    from codesign_wizard.screenshots.studio import Studio
    from codesign_wizard.window import MainWindow

_OTHER = "another-one-to-try"  # a password of a throw-away file


def apple_files(studio: Studio) -> None:
    """Two .p12 files: none, their password, both right, swapped, without a key, of two teams."""
    with studio.practice(page=APPLE_CERTIFICATES) as window:
        page = _certificates(window)
        studio.idle(window)
        studio.take(window, "apple-right")
        studio.take(window, "apple-judged", at=page.judged)
        desk = _lay_out(window, studio.scratch / "Desktop")
        _empty(studio, window, page)
        studio.take(window, "apple-empty")
        page.take_files([str(desk / "installer-aes-256.p12"), str(desk / "application-aes-256.p12")])
        studio.idle(window)
        studio.take(window, "apple-password")
        _give_password(studio, window, page)
        for kind in page.slots:
            page.clear(kind)
            studio.idle(window)
        page.take_files([str(desk / "application-aes-256.p12")], Kind.INSTALLER)
        studio.idle(window)
        studio.take(window, "apple-moved")
        for name, picture in (
            ("without-key.p12", "apple-no-key"),
            ("other-team.p12", "apple-two-teams"),
            ("apple-distribution.p12", "apple-wrong-kind"),
        ):
            page.take_files([str(desk / "installer-aes-256.p12"), str(desk / name)])
            studio.idle(window)
            studio.take(window, picture)
        page.clear(Kind.INSTALLER)
        studio.idle(window)
        page.take_files([str(desk / "two-identities.p12")], Kind.APPLICATION)
        studio.idle(window)
        studio.take(window, "apple-one-file")


def apple_passwords(studio: Studio) -> None:
    """Two files under two passwords, written anew under one."""
    with studio.practice(page=APPLE_CERTIFICATES) as window:
        page = _certificates(window)
        studio.idle(window)
        desk = _lay_out(window, studio.scratch / "Documents")
        page.take_files([str(desk / "installer-aes-256.p12"), str(desk / "application-other.p12")])
        studio.idle(window)
        _give_password(studio, window, page)
        studio.take(window, "apple-other-password", at=page.secrets)
        page.secrets.other.edit.setText(_OTHER)
        page.secrets.other.commit()
        studio.idle(window)
        studio.take(window, "apple-two-passwords")
        page.making.open_repack()
        page.files.password.setCurrentIndex(page.files.password.count() - 1)
        page.files.password.activated.emit(page.files.password.count() - 1)
        studio.take(window, "apple-repack")
        page.files.new.edit.setText("one-for-both")
        page.making.ask_write()
        studio.take(window, "apple-repack-confirm")
        page.question.yes.click()
        studio.idle(window)
        studio.idle(window)
        studio.take(window, "apple-repacked")


def without_a_mac(studio: Studio) -> None:
    """Keys and requests made here, Apple's answer, and the .p12 files that come of both."""
    with studio.practice(page=APPLE_CERTIFICATES) as window:
        page = _certificates(window)
        studio.idle(window)
        desk = _lay_out(window, studio.scratch / "Downloads")
        _empty(studio, window, page)
        studio.take(window, "no-mac-begin", at=page.fold)
        page.requests.made.make.click()
        studio.idle(window)
        studio.take(window, "no-mac-waiting")
        page.making.save_requests(desk)
        studio.idle(window)
        studio.take(window, "no-mac-saved", at=page.fold)
        page.making.ask_drop()
        studio.take(window, "no-mac-drop")
        page.question.no.click()
        page.take_files([str(desk / "stranger.cer")])
        studio.idle(window)
        studio.take(window, "no-mac-stranger")
        page.requests.answer.practise.click()
        studio.idle(window)
        studio.idle(window)
        studio.take(window, "no-mac-assembled")
        page.files.new.edit.setText("chosen-by-a-person")
        page.making.ask_write()
        studio.take(window, "no-mac-confirm")
        page.question.yes.click()
        studio.idle(window)
        studio.idle(window)
        studio.take(window, "no-mac-done")


def macos_trial(studio: Studio) -> None:
    """The trial for macOS: ready, under way, done, in detail, out of date, failed."""
    from PySide6.QtCore import Qt

    with studio.practice(page=MACOS_TRIAL) as window:
        trial = trial_page(window)
        studio.take(window, "macos-trial-nothing-yet")
        trial.run()
        with studio.held(window, lambda key, state: key == "time-stamp", tr("the time stamp")):
            studio.take(window, "macos-trial-running")
        studio.idle(window)
        trial.setFocus(Qt.FocusReason.OtherFocusReason)
        studio.take(window, "macos-trial-good")
        studio.take(window, "macos-trial-settings", at=trial.drop)
        trial.details.click()
        studio.take(window, "macos-trial-details", at=trial.findings)
        trial.details.click()
        window.show_step("start")
        studio.take(window, "start-macos-done")
        window.show_step(MACOS_TRIAL)
        former = window.workspace.profile.product_name
        window.workspace.profile.product_name = "Harbour Backup"
        window.workspace.edited()
        studio.take(window, "macos-trial-out-of-date")
        window.workspace.profile.product_name = former
        window.workspace.session.keep_apple_passwords(Secret("not-the-one"))
        trial.run()
        studio.idle(window)
        studio.take(window, "macos-trial-problem")


def _certificates(window: MainWindow) -> AppleCertificatesPage:
    from codesign_wizard.pages.apple_certificates import AppleCertificatesPage

    page = window.page
    assert isinstance(page, AppleCertificatesPage)
    return page


def trial_page(window: MainWindow) -> MacosTrialPage:
    """Return the page, which is open."""
    from codesign_wizard.pages.macos_trial import MacosTrialPage

    page = window.page
    assert isinstance(page, MacosTrialPage)
    return page


def _lay_out(window: MainWindow, folder: Path) -> Path:
    """Write practice's faulty files, one under another password, and a certificate whose key is elsewhere."""
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12

    from codesign_wizard.practice.apple.files import apple_files as samples

    cloud = window.workspace.session.practice
    assert cloud is not None
    folder.mkdir()
    for each in samples(cloud.apple):
        (folder / each.name).write_bytes(each.data)
    key, certificate = cloud.apple.identity("application")
    encryption = BestAvailableEncryption(_OTHER.encode())
    data = pkcs12.serialize_key_and_certificates(None, key, certificate, None, encryption)
    (folder / "application-other.p12").write_bytes(data)
    (folder / "stranger.cer").write_bytes(certificate.public_bytes(Encoding.DER))
    return folder


def _empty(studio: Studio, window: MainWindow, page: AppleCertificatesPage) -> None:
    """Take the practice team's files away, and their password, as for somebody who begins."""
    window.workspace.session.keep_apple_passwords(None)
    for kind in page.slots:
        page.clear(kind)
        studio.idle(window)


def _give_password(studio: Studio, window: MainWindow, page: AppleCertificatesPage) -> None:
    from codesign_wizard.practice.apple.files import PASSWORD

    page.secrets.first.edit.setText(PASSWORD)
    page.secrets.first.commit()
    studio.idle(window)
