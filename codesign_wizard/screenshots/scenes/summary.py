"""The pictures of the page *Summary*: nothing yet, work for all, all proved; a report opened again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from codesign_wizard.core.finding import iso
from codesign_wizard.core.flow import (
    CERTIFICATE,
    KEY_VAULT,
    MACOS_LEVEL,
    PERMISSIONS,
    SUMMARY,
    WINDOWS_TRIAL,
    Flow,
)
from codesign_wizard.core.profile import LEVELS, Profile, new_profile
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.pages.summary import SummaryPage
    from codesign_wizard.screenshots.studio import Studio
    from codesign_wizard.window import MainWindow


def summary(studio: Studio) -> None:
    """Nothing done; what each party must do; and all that was proved."""
    with studio.own(new_profile("My product"), page=SUMMARY) as window:
        studio.take(window, "summary-empty")
    with studio.own(_open_ends(), page=SUMMARY) as window:
        _focus(window)
        studio.take(window, "summary-parties")
        studio.take(window, "summary-next", at=_summary(window).next_card)
    with studio.own(_proved(), page=SUMMARY) as window:
        _focus(window)
        studio.take(window, "summary-proved")


def report(studio: Studio) -> None:
    """A report that somebody sent: its summary, and the page that it is about."""
    from codesign_wizard.core.report import build_report, write_report

    with studio.practice("secret-expired", page=KEY_VAULT) as window:
        page = window.page
        run = page.run_sign_in  # type: ignore[attr-defined]  # the page that was asked for
        run()
        studio.idle(window)
        file = studio.scratch / "report.html"
        write_report(build_report(window.workspace.profile, practice=True), file)
        window.open_inspect(str(file))
        studio.wait(lambda: window.workspace.session.origin is not None, tr("the report"))
        studio.idle(window)
        studio.take(window, "report-summary")
        window.show_step(KEY_VAULT)
        studio.idle(window)
        studio.take(window, "report-key-vault")


def _summary(window: MainWindow) -> SummaryPage:
    from codesign_wizard.pages.summary import SummaryPage

    assert isinstance(window.page, SummaryPage)
    return window.page


def _open_ends() -> Profile:
    """Return a profile with work left for everybody."""
    from codesign_wizard.core.apple.notary_findings import AGREEMENT_MISSING
    from codesign_wizard.core.azure.signin_findings import OK
    from codesign_wizard.core.azure.vault_findings import PERMISSION_MISSING

    made = new_profile("Harbour Backup")
    made.macos_wanted, made.macos.level = True, LEVELS[1]
    made.ends.client_secret = f"{datetime.now(UTC) + timedelta(days=33):%Y-%m-%d}"
    flow = Flow(made)
    flow.record(KEY_VAULT, [OK(object_id="3f0c6d1e-57a2-4c2e-9d55-0b8f1e2a7c44")], {})
    flow.record(PERMISSIONS, [PERMISSION_MISSING(action="sign", vault="harbour-signing")], {})
    flow.record(CERTIFICATE, [], {}, details={"open": "pending"})
    flow.record(MACOS_LEVEL, [AGREEMENT_MISSING()], {})
    made.reached = [step.key for step in flow.steps()]
    return made


def _proved() -> Profile:
    """Return a profile of which everything works."""
    made = new_profile("Harbour Backup")
    ends = datetime.now(UTC) + timedelta(days=311)
    made.ends.client_secret = f"{ends:%Y-%m-%d}"
    flow = Flow(made)
    for key in (KEY_VAULT, PERMISSIONS, CERTIFICATE, WINDOWS_TRIAL):
        facts = {"certificate_expires": iso(ends), "publisher": "Harbour Backup Ltd"}
        flow.record(key, [], facts if key in (CERTIFICATE, WINDOWS_TRIAL) else {})
    made.reached = [step.key for step in flow.steps()]
    return made


def _focus(window: MainWindow) -> None:
    from PySide6.QtCore import Qt

    window.page.setFocus(Qt.FocusReason.OtherFocusReason)
