"""The page *Certificate*: the signing request, written, checked, made, merged and dropped."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from codesign_wizard.core.certificates.desk import Stage
from codesign_wizard.core.flow import CERTIFICATE, StepState
from tests.gui.driving import wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

from tests.gui.certificate_driving import FORM, NAME, Opening, answer, fill, make, primaries, stage


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
    assert country.message.text().startswith("UK is not a country code")
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
    assert page.form.preview.copy.isVisibleTo(page)
    country = page.form.form.fields["country"]
    country.edit.selectAll()
    qtbot.keyClicks(country.edit, "UK")
    assert not page.form.preview.copy.isVisibleTo(page), "what is refused is none to copy"
    country.edit.selectAll()
    qtbot.keyClicks(country.edit, FORM["country"])
    assert page.form.preview.copy.isVisibleTo(page)
    page.requesting.leave()
    kept = window.workspace.profile.windows.request
    assert kept.organization == FORM["organization"]
    assert kept.key == "ec-p-256"
    page.requesting.write()
    assert page.form.form.values()["locality"] == "Kiel"
    assert page.form.form.asked().key.label == "EC P-256"


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
