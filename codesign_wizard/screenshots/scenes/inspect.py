"""The pictures of *Inspect*: a file that is not signed, and files that nobody can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesign_wizard.core.profile import new_profile
from codesign_wizard.core.sample import build_sample
from codesign_wizard.pages.inspect import InspectPage
from codesign_wizard.practice.apple.files import PASSWORD, apple_files
from codesign_wizard.screenshots.pages import shown

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


def chain(studio: Studio) -> None:
    """*Inspect* with nothing yet, and with a certificate beside those that issued it."""
    from cryptography.hazmat.primitives.serialization import Encoding

    with studio.practice() as window:
        cloud = window.workspace.session.practice
        assert cloud is not None
        window.open_inspect("")
        studio.idle(window)
        studio.take(window, "inspect-nothing-yet")
        apple = cloud.apple
        certificates = studio.scratch / "chain.pem"
        whole = [apple.identity("application")[1], apple.intermediate(), apple.root]
        certificates.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in whole))
        window.open_inspect(str(certificates))
        studio.idle(window)
        studio.take(window, "inspect-chain")


def protected(studio: Studio) -> None:
    """*Inspect* with a .p12 file: its password asked for, a wrong one, the right one."""
    with studio.practice() as window:
        cloud = window.workspace.session.practice
        assert cloud is not None
        keys = studio.scratch / "installer.p12"
        files = {each.name: each.data for each in apple_files(cloud.apple)}
        keys.write_bytes(files["installer-aes-256.p12"])
        window.open_inspect(str(keys))
        studio.idle(window)
        studio.take(window, "inspect-password")
        page = shown(window, InspectPage)
        for password, name in (("not the one", "inspect-wrong-password"), (PASSWORD, "inspect-identity")):
            page.password.setText(password)
            page.password.returnPressed.emit()
            studio.idle(window)
            studio.take(window, name)
