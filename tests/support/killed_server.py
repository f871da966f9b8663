"""The page *Server* in a process of its own: ``python -m tests.support.killed_server apply|look``.

``apply`` signs in and changes what differs, as a person would; whoever started it kills it meanwhile.
``look`` opens the page, signs in, and prints one line of JSON: what the page says before and after. The
profile is the configured one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from codesign_wizard import app as wizard
from codesign_wizard.core.flow import SERVER, STEPS
from codesign_wizard.pages.server import ServerPage
from codesign_wizard.session import open_session

_PATIENCE = 120.0  # seconds for what needs two


def main(what: str) -> int:
    """Do *what*, and return the exit code."""
    app = wizard.application()

    def wait(until: Callable[[], bool]) -> None:
        end = time.monotonic() + _PATIENCE
        while not until():
            if time.monotonic() > end:
                raise TimeoutError(what)
            app.processEvents()
            time.sleep(0.01)

    with open_session(environment=os.environ) as session:
        session.profile.page, session.profile.server_wanted = SERVER, True
        session.profile.reached = [step.key for step in STEPS]
        window = wizard.build_window(session)
        window.show()
        page = window.page
        assert isinstance(page, ServerPage)
        wait(lambda: not window.runner.tasks)
        told = [page.banner.title, page.banner.text]
        page.jobs.connect_server()
        wait(lambda: not window.runner.tasks)
        if what == "apply":
            page.jobs.ask_apply()
            page.question.yes.click()
            wait(lambda: not window.runner.tasks)
        found = [each.id for each in page.kept().findings(window.workspace.flow.inputs(SERVER))]
        print(json.dumps({"before": told, "after": page.banner.title, "found": found}), flush=True)
        window.close()
        wait(lambda: not window.isVisible())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
