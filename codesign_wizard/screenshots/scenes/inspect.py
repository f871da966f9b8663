"""The pictures of *Inspect*: a file that is not signed, and files that nobody can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesign_wizard.core.profile import new_profile
from codesign_wizard.core.sample import build_sample

if TYPE_CHECKING:
    from codesign_wizard.screenshots.studio import Studio


def unreadable(studio: Studio) -> None:
    """*Inspect* with a file that is not signed, and with one that nobody can read."""
    program = studio.scratch / "tool.exe"
    program.write_bytes(build_sample("Tool", "x64"))
    with studio.own(new_profile("My product")) as window:
        window.open_inspect(str(program))
        studio.idle(window)
        studio.take(window, "inspect-unsigned")
        keys = studio.scratch / "key.p12"
        keys.write_bytes(b"no PKCS #12 at all")
        window.open_inspect(str(keys))
        studio.idle(window)
        studio.take(window, "inspect-problem")
