"""The pictures of *What if…*: the scenarios of the practice, one of them on and explained, and off again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesign_wizard.core.flow import START
from codesign_wizard.pages.what_if import WhatIfPage
from codesign_wizard.screenshots.pages import focus, refused_sign_in, shown

if TYPE_CHECKING:
    from codesign_wizard.screenshots.studio import Studio


def what_if(studio: Studio) -> None:
    """The scenarios of the practice: all of them, found by a word, one on and explained, off again."""
    with studio.practice() as window:
        window.workspace.what_if.emit()
        studio.take(window, "what-if")
        page = shown(window, WhatIfPage)
        page.search.setText("expired")
        studio.take(window, "what-if-found")
        page.search.setText("nothing has this")
        studio.take(window, "what-if-nothing-found")
        page.search.clear()
        window.workspace.play("firewall")
        studio.idle(window)
        studio.take(window, "what-if-on")
        refused_sign_in(studio, window)
        focus(window)
        studio.take(window, "what-if-explained")
        window.show_step(START)
        studio.take(window, "start-what-if")
        window.workspace.what_if.emit()
        studio.take(window, "what-if-which")
        window.workspace.play(None)
        studio.idle(window)
        studio.take(window, "what-if-off")
