"""The pictures of *Permissions*: what is missing, the administrator's sign-in, the wait for a grant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesign_wizard.core.azure.permissions.admin import AdminWay
from codesign_wizard.core.flow import PERMISSIONS
from codesign_wizard.core.text import tr
from codesign_wizard.pages.permissions import PermissionsPage
from codesign_wizard.screenshots.pages import focus, shown
from codesign_wizard.widgets.basics import CodeBox

if TYPE_CHECKING:
    from codesign_wizard.screenshots.studio import Studio
    from codesign_wizard.window import MainWindow


def no_role(studio: Studio) -> None:
    """No role on the vault; an administrator signs in by a code, and sees what would be granted."""
    with studio.practice("rbac-none", page=PERMISSIONS) as window:
        page = _look(studio, window)
        studio.take(window, "permissions-none")
        page.admin.card.way.setCurrentIndex(page.admin.card.way.findData(AdminWay.DEVICE_CODE))
        page.admin.sign_in()
        studio.wait(page.admin.card.code_part.isVisible, tr("the code"))
        studio.take(window, "permissions-code", at=page.admin.card)
        _, code = page.admin.card.code_part.findChildren(CodeBox)[0].toPlainText().splitlines()
        window.workspace.session.approve_sign_in(code)
        studio.idle(window)
        focus(window)
        studio.take(window, "permissions-plan", at=page.admin.card)
        page.admin.grant()
        studio.idle(window)
        focus(window)
        studio.take(window, "permissions-granted")


def some_permissions(studio: Studio) -> None:
    """What is missing of the rest: one role of two, and the portal's template without signing."""
    for scenario, name in (
        ("rbac-certificates-only", "permissions-missing"),
        ("policy-template-without-crypto", "permissions-template"),
    ):
        with studio.practice(scenario, page=PERMISSIONS) as window:
            page = _look(studio, window)
            studio.take(window, name)
            studio.take(window, f"{name}-matrix", at=page.table.matrix)
    with studio.practice("firewall", page=PERMISSIONS) as window:
        studio.take(window, "permissions-not-looked")
        _look(studio, window)
        studio.take(window, "permissions-firewall")


def not_yet(studio: Studio) -> None:
    """A grant that the vault does not know of yet; and the wait for one."""
    with studio.practice("rbac-propagating", page=PERMISSIONS) as window:
        page = _look(studio, window)
        _sign_in_admin(studio, window, page)
        focus(window)
        studio.take(window, "permissions-propagating")
    with studio.practice("rbac-none", page=PERMISSIONS) as window:
        practice = window.workspace.session.practice
        assert practice is not None
        practice.world.propagation = 600.0  # the wait is given up before that
        page = _look(studio, window)
        _sign_in_admin(studio, window, page)
        page.admin.grant()
        studio.wait(page.admin.card.countdown.isVisible, tr("the countdown"))
        focus(window)
        studio.take(window, "permissions-waiting", at=page.admin.card)
        window.runner.cancel()
        studio.idle(window)


def _sign_in_admin(studio: Studio, window: MainWindow, page: PermissionsPage) -> None:
    page.admin.card.way.setCurrentIndex(page.admin.card.way.findData(AdminWay.DEVICE_CODE))
    page.admin.sign_in()
    studio.wait(page.admin.card.code_part.isVisible, tr("the code"))
    _, code = page.admin.card.code_part.findChildren(CodeBox)[0].toPlainText().splitlines()
    window.workspace.session.approve_sign_in(code)
    studio.idle(window)


def _look(studio: Studio, window: MainWindow) -> PermissionsPage:
    page = shown(window, PermissionsPage)
    page.run()
    studio.idle(window)
    focus(window)
    return page
