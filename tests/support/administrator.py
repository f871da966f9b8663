"""An administrator of a practice cloud who has signed in already."""

from __future__ import annotations

from typing import Any

from codesign_wizard.core.clouds import PUBLIC
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.redact import Secret
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.entra.models import Grant


class Administrator:
    """Stands for a sign-in that is done: how it is done is no matter here."""

    account = "administrator"
    cloud = PUBLIC

    def __init__(self, practice: PracticeCloud) -> None:
        self._practice = practice

    def token(self, scope: str = "", *, job: Any = None) -> Secret:
        """Return a token of the practice administrator."""
        world = self._practice.world
        user = world.administrator
        audience = (scope or "https://management.azure.com/.default").removesuffix("/.default")
        client = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
        return Secret(world.tokens.issue(Grant(world.tenant, client, user.object_id, audience, user)))

    def finding(self) -> Finding:
        """Return who signed in."""
        from codesign_wizard.core.azure.permissions.admin_findings import SIGNED_IN

        return SIGNED_IN(account=self.account)
