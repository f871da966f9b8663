"""The page *Certificate* driven as by a person, and the practice CA beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from codesign_wizard.core.certificates.desk import CertificateDesk, Stage
from codesign_wizard.core.job import Job
from codesign_wizard.pages.certificate import CertificatePage
from codesign_wizard.session import Session
from tests.gui.driving import wait_idle
from tests.support.keys import rsa_key

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
        key = rsa_key(3072)
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
