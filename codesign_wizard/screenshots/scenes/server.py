"""The pictures of *Server*: signing in, the differences, a change, and the proof by the server's clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesign_wizard.core.flow import SERVER
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.pages.server import ServerPage
    from codesign_wizard.screenshots.studio import Studio
    from codesign_wizard.window import MainWindow


def server_sign_in(studio: Studio) -> None:
    """Nobody has signed in: a person's own empty form, an address without encryption, a one-time code."""
    own = Profile(id="own", name="Own product", server_wanted=True)
    own.reached = ["start", SERVER]
    own.server.address, own.server.user = "http://192.0.2.10:8060/", "admin"
    with studio.own(own, page=SERVER) as window:
        studio.idle(window)
        studio.take(window, "server-plain-http")
    with studio.practice("server-one-time-code", page=SERVER) as window:
        page = _server(window)
        studio.idle(window)
        studio.take(window, "server-not-connected")
        page.jobs.connect_server()
        studio.idle(window)
        studio.take(window, "server-one-time-code")


def server_apply(studio: Studio) -> None:
    """The differences, the question, the change applied, the proof under way and good."""
    with studio.practice(page=SERVER) as window:
        page = _server(window)
        studio.idle(window)
        page.jobs.connect_server()
        studio.idle(window)
        studio.take(window, "server-differences")
        studio.take(window, "server-differences-below", at=page.differences)
        page.jobs.ask_apply()
        studio.take(window, "server-confirm", at=page.question)
        page.question.yes.click()
        studio.idle(window)
        studio.take(window, "server-applied")
        studio.take(window, "server-applied-below", at=page.differences.fields_row)
        page.jobs.ask_undo()
        studio.take(window, "server-undo", at=page.question)
        page.question.no.click()
        page.jobs.prove()
        *_, last = page.proof.rows
        with studio.held(window, lambda key, state: key == f"build.{last}", tr("the first client")):
            studio.take(window, "server-proving", at=page.proof)
        studio.idle(window)
        studio.take(window, "server-proved")
        studio.take(window, "server-proved-below", at=page.proof)
        window.show_step("start")
        studio.take(window, "start-server-proved")


def server_trouble(studio: Studio) -> None:
    """The loader was delivered; the build role is off; the password is wrong."""
    with studio.practice("server-loader-build", page=SERVER) as window:
        page = _server(window)
        studio.idle(window)
        page.jobs.connect_server()
        studio.idle(window)
        page._platforms_chosen([5])
        page.jobs.prove()
        studio.idle(window)
        studio.take(window, "server-loader")
        studio.take(window, "server-loader-below", at=page.proof)
    for scenario, picture in (
        ("server-no-build-role", "server-no-role"),
        ("server-wrong-password", "server-wrong-password"),
    ):
        with studio.practice(scenario, page=SERVER) as window:
            page = _server(window)
            studio.idle(window)
            page.jobs.connect_server()
            studio.idle(window)
            studio.take(window, picture)


def _server(window: MainWindow) -> ServerPage:
    from codesign_wizard.pages.server import ServerPage

    page = window.page
    assert isinstance(page, ServerPage)
    return page
