"""The page *Certificate*, the CA's answer: files, texts, what does not fit, the practice CA."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication

from codesign_wizard.core.flow import CERTIFICATE, StepState
from tests.gui.driving import wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

from tests.gui.certificate_driving import NAME, Opening, answer, make


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
