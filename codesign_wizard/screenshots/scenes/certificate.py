"""The pictures of the page *Certificate*: a whole life, from the empty vault to the renewal.

The practice CA's answers are made beside the page, as a CA makes them, and handed to it as files.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.flow import CERTIFICATE
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.pages.certificate import CertificatePage
    from codesign_wizard.practice.authority import CodeSigningAuthority
    from codesign_wizard.screenshots.studio import Studio
    from codesign_wizard.window import MainWindow

_NAME = "harbour-2027"
_FORM = {
    "organization": "Harbour Backup, Söhne & Co. KG",
    "locality": "Kiel",
    "state": "Schleswig-Holstein",
    "country": "DE",
}
_DAYS_LEFT = 24


def certificate(studio: Studio) -> None:
    """From no certificate to one that signs: the form, the request, a wrong answer, the right one."""
    with studio.practice(page=CERTIFICATE) as window:
        page = _certificate(window)
        studio.take(window, "certificate-not-looked")
        window.workspace.profile.windows.azure.certificate_name = _NAME
        page.look()
        studio.idle(window)
        studio.take(window, "certificate-none")
        _fill(page, {**_FORM, "country": "UK"})
        page.focus_problem()
        studio.take(window, "certificate-form-mistake", at=page.form.form.fields["locality"])
        _fill(page, _FORM)
        page.form.form.key.setCurrentIndex(3)
        page.form.form.key.activated.emit(3)
        studio.take(window, "certificate-form-key", at=page.form.form.key.parentWidget())
        page.form.form.key.setCurrentIndex(0)
        page.form.form.key.activated.emit(0)
        # where it is when the form is opened: the picture is of the form's beginning
        page.form.form.fields["organization"].edit.setFocus()
        studio.take(window, "certificate-form")
        page.requesting.check()
        studio.idle(window)
        studio.take(window, "certificate-confirm")
        _agreed(studio, window, page)
        studio.take(window, "certificate-pending")
        studio.take(window, "certificate-answer", at=page.answer)
        page.request.tabs.bar.setCurrentIndex(1)
        studio.take(window, "certificate-pending-text", at=page.request)
        page.request.tabs.bar.setCurrentIndex(0)
        page.requesting.ask_drop()
        studio.take(window, "certificate-drop")
        page.question.no.click()
        page.answering.take_files([str(_other(window, studio.scratch / "harbour-2026.cer"))])
        studio.idle(window)
        studio.take(window, "certificate-answer-mistake")
        page.answering.take_files([str(_answer(window, page, studio.scratch / "from-the-ca.pem"))])
        studio.idle(window)
        studio.take(window, "certificate-answer-fits")
        page.question.yes.click()
        studio.idle(window)
        studio.take(window, "certificate-merged")
        studio.take(window, "certificate-judged", at=page.judged)


def renewal(studio: Studio) -> None:
    """A certificate near its end, and the request for the next one beside it."""
    with studio.practice(page=CERTIFICATE) as window:
        page = _certificate(window)
        window.workspace.profile.windows.azure.certificate_name = _NAME
        page.look()
        studio.idle(window)
        _request(studio, window, page)
        old = studio.scratch / "old.pem"
        page.answering.take_files([str(_answer(window, page, old, days_left=_DAYS_LEFT))])
        studio.idle(window)
        page.question.yes.click()
        studio.idle(window)
        studio.take(window, "certificate-renewal-due")
        _request(studio, window, page)
        studio.take(window, "certificate-renewing")


def _certificate(window: MainWindow) -> CertificatePage:
    from codesign_wizard.pages.certificate import CertificatePage

    page = window.page
    assert isinstance(page, CertificatePage)
    return page


def _fill(page: CertificatePage, values: dict[str, str]) -> None:
    if not page.form.isVisible():
        page.requesting.write()
    for key, value in values.items():
        field = page.form.form.fields[key]
        field.edit.setText(value)
        field.edit.textEdited.emit(value)
        field.judge(accuse=True)


def _request(studio: Studio, window: MainWindow, page: CertificatePage) -> None:
    _fill(page, _FORM)
    page.requesting.check()
    studio.idle(window)
    _agreed(studio, window, page)


def _agreed(studio: Studio, window: MainWindow, page: CertificatePage) -> None:
    """Let the request be made, and wait until it is shown."""
    page.question.yes.click()
    studio.wait(lambda: bool(page.request.pem), tr("the work to end"))
    studio.idle(window)


def _answer(window: MainWindow, page: CertificatePage, path: Path, *, days_left: int = 0) -> Path:
    """Write the practice CA's answer to the request that waits."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from codesign_wizard.practice.authority import LEAF_DAYS

    start, authority = _now(window), _authority(window)
    if days_left:
        start -= timedelta(days=LEAF_DAYS - days_left)
    leaf = authority.issue(x509.load_pem_x509_csr(page.request.pem.encode()), start=start)
    chain = (authority.root, authority.intermediate, leaf)
    path.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in chain))
    return path


def _other(window: MainWindow, path: Path) -> Path:
    """Write a certificate that was made for another request."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding

    key = rsa.generate_private_key(65537, 3072)
    subject = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, _FORM["organization"]),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, _FORM["organization"]),
        ]
    )
    leaf = _authority(window).issue_for(key.public_key(), subject, start=_now(window))
    path.write_bytes(leaf.public_bytes(Encoding.PEM))
    return path


def _authority(window: MainWindow) -> CodeSigningAuthority:
    cloud = window.workspace.session.practice
    assert cloud is not None
    return cloud.world.code_signing


def _now(window: MainWindow) -> datetime:
    cloud = window.workspace.session.practice
    assert cloud is not None
    return cloud.world.clock.now()
