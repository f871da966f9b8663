"""An administrator of a practice cloud who has signed in already."""

from __future__ import annotations

from codesign_wizard.core.azure.permissions.admin import AdminSession
from codesign_wizard.core.clouds import PUBLIC
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.redact import Secret
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.entra.models import Grant


class Administrator(AdminSession):
    """Stands for a sign-in that is done: how it is done is no matter here."""

    def __init__(self, practice: PracticeCloud) -> None:
        self.account, self.cloud = "administrator", PUBLIC
        self._practice = practice

    def token(self, scope: str = "", *, job: JobContext | None = None) -> Secret:
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
