"""The pictures of *macOS trial* above the level of signing: on its way, left, refused, and through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesign_wizard.core.flow import MACOS_TRIAL
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.pages.macos_trial import MacosTrialPage
    from codesign_wizard.screenshots import Studio
    from codesign_wizard.window import MainWindow

_LONG = 22.0  # seconds that the practice notary takes: the wait is given up before
_SLOW = 15.0  # seconds until the storage answers
_UPLOADS = "notary-submissions-prod.s3.us-west-2.amazonaws.com"


def macos_notarise(studio: Studio) -> None:
    """Upload, Apple's processing, the wait stopped and gone on with, stapled; and the submissions."""
    with studio.practice(page=MACOS_TRIAL) as window:
        practice = window.workspace.session.practice
        assert practice is not None
        notary, conditions = practice.world.notary, practice.world.conditions
        notary.processing = _LONG
        page = _trial(window)
        window.workspace.profile.macos.level = LEVELS[2]
        window.workspace.edited()
        studio.take(window, "macos-staple-ready")
        conditions.holds[_UPLOADS] = _SLOW
        page.run()
        studio.wait(lambda: page.stages.cards["time-stamp"].state.value == "done", tr("the time stamp"))
        studio.wait(lambda: page.stages.cards["upload"].state.value == "running", tr("the upload"))
        studio.take(window, "macos-upload")
        conditions.holds.clear()
        studio.wait(page.stop.isVisible, tr("Apple"))
        studio.wait(lambda: "3 s" in page.stages.cards["processing"].words.text(), tr("Apple"))
        studio.take(window, "macos-waiting")
        page.stop.click()
        studio.idle(window)
        studio.take(window, "macos-stopped-waiting")
        page.run()
        studio.idle(window)
        studio.take(window, "macos-stapled")
        page.submissions.open()
        studio.take(window, "macos-submissions", at=page.submissions)


def macos_refused(studio: Studio) -> None:
    """A package that Apple refuses for three reasons, each explained; and a trial without a key."""
    from codesign_wizard.core.apple import notary
    from codesign_wizard.core.apple.sample import build_sample
    from codesign_wizard.core.job import Job

    with studio.practice(page=MACOS_TRIAL) as window:
        session = window.workspace.session
        page = _trial(window)
        window.workspace.profile.macos.level = LEVELS[1]
        window.workspace.edited()
        key = session.api_key()
        assert key is not None
        desk, job = session.notary_desk(key), Job()
        # the build's output as it came out: neither package nor programs are signed
        package = studio.scratch / "client-setup.pkg"
        build_sample(job, "Practice Backup", package)
        brought = notary.submit(job, desk, package, look_first=False)
        notary.wait(job, desk, brought.record, look=package)
        page.shown()
        page.submissions.open()
        page.submissions.ask(page.submissions.records[0])
        studio.idle(window)
        studio.take(window, "macos-issues", at=page.submissions)
        studio.take(window, "macos-issues-explained", at=page.submissions.findings)
        session.set_api_key(None)
        page.run()
        studio.idle(window)
        studio.take(window, "macos-no-key")


def _trial(window: MainWindow) -> MacosTrialPage:
    from codesign_wizard.pages.macos_trial import MacosTrialPage

    page = window.page
    assert isinstance(page, MacosTrialPage)
    return page
