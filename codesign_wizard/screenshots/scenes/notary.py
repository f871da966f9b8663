"""The pictures of *macOS trial* above the level of signing: on its way, left, refused, and through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesign_wizard.core.flow import MACOS_TRIAL
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.text import tr
from codesign_wizard.screenshots.scenes.apple import trial_page

if TYPE_CHECKING:
    from codesign_wizard.screenshots.studio import Studio

_LONG = 600.0  # seconds, until the picture is taken
_UPLOADS = "notary-submissions-prod.s3.us-west-2.amazonaws.com"


def macos_notarise(studio: Studio) -> None:
    """Upload, Apple's processing, the wait stopped and gone on with, stapled; and the submissions."""
    with studio.practice(page=MACOS_TRIAL) as window:
        practice = window.workspace.session.practice
        assert practice is not None
        notary, conditions = practice.world.notary, practice.world.conditions
        notary.processing = _LONG
        practice.world.tickets.lag = -_LONG  # there as soon as the result is
        page = trial_page(window)
        window.workspace.profile.macos.level = LEVELS[2]
        window.workspace.edited()
        studio.take(window, "macos-staple-ready")
        conditions.holds[_UPLOADS] = _LONG
        page.run()
        studio.wait(lambda: page.stages.cards["time-stamp"].state.value == "done", tr("the time stamp"))
        studio.wait(lambda: "kB" in page.stages.cards["upload"].words.text(), tr("the upload"))
        window.runner.changed.emit()  # the footer says what is so now, not at its clock's next turn
        studio.take(window, "macos-upload")
        with studio.held(
            window, lambda key, state: key == "processing", tr("Apple"), begin=conditions.holds.clear
        ):
            studio.take(window, "macos-waiting")
            window.footer.cancel_button.click()
        studio.idle(window)
        studio.take(window, "macos-stopped-waiting")
        for sent in notary.history():
            sent.ready = 0.0
        page.run()
        studio.idle(window)
        studio.take(window, "macos-stapled")
        page.submissions.open()
        studio.take(window, "macos-submissions", at=page.submissions)


def macos_refused(studio: Studio) -> None:
    """What Apple would refuse, sent all the same: each reason explained; and a trial without a key."""
    with studio.practice("notary-unsigned", page=MACOS_TRIAL) as window:
        session = window.workspace.session
        assert session.practice is not None
        session.practice.world.notary.processing = 0.0
        page = trial_page(window)
        window.workspace.profile.macos.level = LEVELS[1]
        window.workspace.edited()
        page.run()
        studio.idle(window)
        studio.take(window, "macos-preflight")
        page.anyway.click()
        studio.idle(window)
        studio.take(window, "macos-invalid")
        page.submissions.open()
        page.submissions.ask(page.submissions.records[0])
        studio.idle(window)
        studio.take(window, "macos-issues", at=page.submissions)
        studio.take(window, "macos-issues-explained", at=page.submissions.findings)
        session.set_api_key(None)
        page.run()
        studio.idle(window)
        studio.take(window, "macos-no-key")
