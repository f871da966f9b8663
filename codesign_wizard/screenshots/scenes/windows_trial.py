"""The pictures of *Windows trial*: under way, cancelled, and with time-stamp servers that do not work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesign_wizard.core.flow import WINDOWS_TRIAL
from codesign_wizard.core.text import tr
from codesign_wizard.pages.windows_trial import WindowsTrialPage
from codesign_wizard.screenshots.pages import shown

if TYPE_CHECKING:
    from codesign_wizard.screenshots.studio import Studio


def running(studio: Studio) -> None:
    """A trial under way, waiting for a time-stamp server that does not answer; then cancelled."""
    with studio.practice("timestamp-slow", page=WINDOWS_TRIAL) as window:
        trial = shown(window, WindowsTrialPage)
        trial.run()
        with studio.held(window, lambda key, state: key == "time-stamp", tr("the time stamp")):
            studio.take(window, "windows-trial-running")
            window.runner.cancel()
        studio.idle(window)
        studio.take(window, "windows-trial-cancelled")


def no_time_stamp(studio: Studio) -> None:
    """A trial that fails because no time-stamp server works."""
    with studio.practice("all-timestamps-down", page=WINDOWS_TRIAL) as window:
        trial = shown(window, WindowsTrialPage)
        trial.run()
        studio.idle(window)
        studio.take(window, "windows-trial-problem")
        window.show_log()
        studio.take(window, "windows-trial-problem-log")


def one_time_stamp(studio: Studio) -> None:
    """A trial that ends well although the first time-stamp server is down."""
    with studio.practice("timestamp-down", page=WINDOWS_TRIAL) as window:
        trial = shown(window, WindowsTrialPage)
        trial.run()
        studio.idle(window)
        studio.take(window, "windows-trial-warning")
