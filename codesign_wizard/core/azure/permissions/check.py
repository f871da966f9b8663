"""Looking at permissions and granting them, as both the window and the terminal do it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.catalogue import Purpose
from codesign_wizard.core.azure.permissions.report import Report
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Finding, blocks
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network
from codesign_wizard.core.redact import Secret

if TYPE_CHECKING:
    from codesign_wizard.core.azure.permissions.admin import AdminSession, AdminWay, DeviceCode
    from codesign_wizard.core.azure.permissions.evaluate import VaultAccess
    from codesign_wizard.core.azure.permissions.grant import GrantPlan, GrantStep
    from codesign_wizard.core.azure.signin import CallerIdentity


@dataclass(frozen=True)
class Looked:
    """What looking found. ``access`` is an administrator's view of the grants, ``None`` without one."""

    findings: list[Finding]
    facts: dict[str, str] = field(default_factory=dict)
    report: Report | None = None
    access: VaultAccess | None = None
    identity: CallerIdentity | None = None


class _Countdown:
    """A job that waits: how far each of its looks is must not take the countdown's place."""

    def __init__(self, job: JobContext) -> None:
        self.log = job.log
        self.stage = job.stage
        self.check_cancelled = job.check_cancelled
        self.wait = job.wait

    def progress(self, done: int, total: int | None, text: str = "") -> None:
        """Say nothing."""
        self.check_cancelled()


class Check:
    """Looks and grants for one set of options. *secret* is called on the thread that works."""

    def __init__(self, network: Network, options: AzureOptions, secret: Callable[[], Secret | None]) -> None:
        self._network = network
        self._options = options
        self._secret = secret

    @property
    def usable(self) -> bool:
        """Whether the options are such that a vault can be asked: else no administrator is needed either."""
        from codesign_wizard.core.azure.options import check_options

        return not blocks(check_options(self._options, self._secret()))

    def sign_in(
        self,
        job: JobContext,
        way: AdminWay,
        *,
        show_code: Callable[[DeviceCode], None],
        open_browser: Callable[[str], bool],
    ) -> AdminSession:
        """Sign an administrator in to the tenant of the options; as ``admin.sign_in_admin``."""
        from codesign_wizard.core.azure.permissions.admin import sign_in_admin

        options = self._options
        return sign_in_admin(
            job,
            self._network,
            options.cloud,
            options.tenant_id,
            way,
            show_code=show_code,
            open_browser=open_browser,
        )

    def look(self, job: JobContext, admin: AdminSession | None = None) -> Looked:
        """Find out what the application may do, with *admin*'s eyes as well; changes nothing.

        What is wrong is in the findings. Raises ``InputError`` and ``Cancelled``.
        """
        from codesign_wizard.core.doctor import doctor_windows

        result = doctor_windows(job, self._network, self._options, self._secret(), admin=admin)
        return Looked(result.findings, result.facts, result.permissions, result.access, result.identity)

    def plan(self, looked: Looked, purpose: Purpose, *, least: bool) -> GrantPlan:
        """Return what would have to be granted for *purpose*; an administrator must have *looked*."""
        from codesign_wizard.core.azure.permissions.grant import plan_grant

        assert looked.access is not None
        assert looked.report is not None
        assert looked.identity is not None
        return plan_grant(
            looked.report,
            looked.access,
            object_id=looked.identity.object_id,
            purpose=purpose,
            least=least,
            options=self._options,
        )

    def grant(
        self,
        job: JobContext,
        looked: Looked,
        admin: AdminSession,
        plan: GrantPlan,
        *,
        tick: Callable[[float, float], None],
        done: Callable[[GrantStep, Finding], None] = lambda step, finding: None,
    ) -> Looked:
        """Grant what *plan* says, wait until the vault knows of it, and look again.

        Where nothing is left to grant it only waits, which is for plans that are ``only_to_wait``. *tick* is
        told the seconds since then and those left, *done* each step that was done. Raises
        ``CodesignError``, ``Cancelled``.
        """
        from codesign_wizard.core.azure.permissions.grant import carry_out, wait_until_effective

        made = carry_out(job, self._network, admin, plan, done=done) if plan.steps else []
        if blocks(made):
            # what was granted before the refusal stays: the look is no longer of today, so it is told alone
            return replace(looked, findings=[*made, *looked.findings])
        waited: list[Finding] = []
        if plan.wanted:  # all of it may be denied
            waited = wait_until_effective(
                job,
                lambda: self._asked(job, looked),
                plan.wanted,
                made=bool(plan.steps),
                tick=tick,
            ).findings
        again = self.look(job, admin)
        return replace(again, findings=[*made, *waited, *again.findings])

    def _asked(self, waiting: JobContext, looked: Looked) -> Report:
        """Ask the vault alone, with a fresh token: it may have to name groups that are new."""
        from codesign_wizard.core.azure.credential import ApplicationCredential
        from codesign_wizard.core.azure.permissions.conclusion import observe
        from codesign_wizard.core.azure.permissions.matrix import build
        from codesign_wizard.core.azure.permissions.probing import probe

        job = _Countdown(waiting)
        secret = self._secret()
        assert secret is not None  # without one nobody could have looked
        credential = ApplicationCredential(job, self._network, self._options, secret)
        name = self._options.certificate_name
        probes = probe(job, self._network, self._options, credential, certificate_name=name)
        if blocks(probes.findings):
            raise CodesignError(next(each for each in probes.findings if blocks([each])))
        assert looked.access is not None
        model = looked.access.model
        rows = build(model, observe(self._options, probes, model), name).rows
        return Report(model, rows, probes.findings, looked.access.resource_id)
