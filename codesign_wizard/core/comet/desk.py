"""One server at work, for the window and the terminal alike: look, compare, apply, undo, prove.

``compare`` and ``look`` change nothing. ``apply`` and ``undo`` change what they were shown, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.comet import apply as applying
from codesign_wizard.core.comet import findings, interrupted, look, settings
from codesign_wizard.core.comet.address import ServerAddress, check_exposed
from codesign_wizard.core.comet.client import CometClient, Credentials
from codesign_wizard.core.comet.journal import Journal
from codesign_wizard.core.comet.look import Line, State, View
from codesign_wizard.core.comet.settings import USUAL, Desired, FileFields, Part, Wanted
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Remedy, blocks, worst_first
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.comet.proof import Expected, Proof


@dataclass(frozen=True)
class Comparison:
    """What *apply* would do: ``wishes`` and ``lines`` belong together; ``findings`` are for people."""

    view: View
    wishes: list[Desired]
    lines: list[Line]
    findings: list[Finding]
    fields: FileFields = FileFields.FILE

    @property
    def different(self) -> list[Line]:
        """The lines that applying would change."""
        return [line for line in self.lines if line.state is not State.SAME]

    def only(self, parts: Sequence[Part]) -> Comparison:
        """Return the comparison of *parts* alone, to apply nothing else."""
        pairs = [
            (wish, line)
            for wish, line in zip(self.wishes, self.lines, strict=True)
            if line.setting.part in parts
        ]
        return replace(self, wishes=[wish for wish, _ in pairs], lines=[line for _, line in pairs])

    @property
    def blocked(self) -> bool:
        """Whether the settings cannot be changed, or would not work."""
        return blocks(self.findings)

    @property
    def may_apply(self) -> bool:
        """Whether the server lets the settings be changed, and they are worth giving to it.

        That it does not build hinders nothing; a file that cannot sign does.
        """
        harmless = (findings.ROLE_OFF.id, findings.ROLE_DENIED.id, findings.PREBUILT.id)
        return self.view.branding is not None and not blocks(
            [each for each in self.findings if each.id not in harmless]
        )

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as documented in docs/json.md."""
        return {
            "version": self.view.version.version,
            "organization": self.view.account.organization,
            "settings": [line.to_json() for line in self.lines],
            "different": len(self.different),
        }


@dataclass
class ServerDesk:
    """A signed-in session with its journal; close it, or use it as a context manager."""

    network: Network
    client: CometClient
    journal: Journal
    warnings: list[Finding] = field(default_factory=list)

    @classmethod
    def open(
        cls,
        job: JobContext,
        network: Network,
        address: ServerAddress,
        user: str,
        password: Secret | None,
        journal: Journal,
        *,
        code: Secret | None = None,
        plain_http: bool = False,
    ) -> ServerDesk:
        """Sign in, once; raises ``InputError`` for what is missing, ``CodesignError`` when refused."""
        exposed = check_exposed(address, allowed=plain_http)
        if password is None:
            raise InputError(
                findings.PASSWORD_MISSING(
                    user=user or tr("the administrator"),
                    certainty=Certainty.COMPUTED,
                    evidence=Evidence(more={"server": address.host}),
                    remedies=[Remedy(title=tr("Give the administrator's password."))],
                )
            )
        client = CometClient.open(job, network, address, Credentials(user, password, code))
        return cls(network, client, journal, exposed)

    def __enter__(self) -> ServerDesk:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> list[Finding]:
        """End the session and return what kept it from ending; safe to call twice."""
        self.client.close()
        return list(self.client.notes)

    def look(self, job: JobContext) -> View:
        """Return what the server has, what stands in the way, and what became of an interrupted change."""
        return self._explained(look.look(job, self.client))

    def _explained(self, view: View) -> View:
        """Return *view* with what became of an interrupted change, which is told once."""
        told = interrupted.explain(self.journal, self.client.address.url, view)
        return View(
            view.version, view.account, view.branding, worst_first([*self.warnings, *view.findings, *told])
        )

    def compare(
        self,
        job: JobContext,
        wanted: Wanted,
        parts: Sequence[Part] | None = None,
        fields: FileFields = FileFields.AUTO,
        *,
        view: View | None = None,
    ) -> Comparison:
        """Return the differences for *parts*, or with ``None`` for all that the profile holds something for.

        *view* is a look that was just taken. Raises ``InputError`` for what is missing or cannot be right,
        ``CodesignError``.
        """
        explain = self._explained if view is None else lambda seen: seen
        view = look.look(job, self.client) if view is None else view
        usual = tuple(each for each in USUAL if each in wanted.parts())
        chosen = usual if parts is None else tuple(parts)
        if view.branding is None or not chosen:
            view = explain(view)
            nothing = [] if chosen else [look.nothing_wanted()]
            return Comparison(view, [], [], [*view.findings, *nothing])
        pair = look.choose_fields(view.members(), fields)
        wishes = settings.desired(wanted, chosen, pair)
        lines = look.compare(job, self.client, view, wishes)
        view = explain(view)  # told once: not before all that can be refused or fail
        found = look.difference_findings(view, wanted, chosen, lines, fields)
        kept = [each for each in view.findings if not (Part.BUILD_MODE in chosen and _is_mode(each))]
        return Comparison(view, wishes, lines, worst_first([*kept, *found]), pair)

    def try_here(self, job: JobContext, wanted: Wanted, comparison: Comparison) -> list[Finding]:
        """Return a warning if the vault does not sign from here with what *comparison* would give the server.

        A test signature; nothing is changed. A firewall may let the server in and keep this computer out, so
        it is no error here.
        """
        from codesign_wizard.core.comet.prove_explain import refused_here

        azure, secret = wanted.azure, wanted.secret
        concerned = any(line.setting.part is Part.AZURE for line in comparison.different)
        if azure is None or secret is None or not concerned:
            return []
        refused, _ = refused_here(job, self.network, azure, secret)
        if refused is None:
            return []
        return [
            findings.FAILS_HERE(
                why=refused.title,
                evidence=refused.evidence,
                remedies=[Remedy(title=tr("doctor windows says what to mend; then compare again."))],
            )
        ]

    def apply(self, job: JobContext, comparison: Comparison) -> applying.Applied:
        """Change what *comparison* shows as different; see ``apply.apply``."""
        return applying.apply(
            job, self.client, comparison.view, comparison.wishes, comparison.lines, self.journal
        )

    @property
    def can_undo(self) -> bool:
        """Whether the last change was made from here and not undone."""
        return applying.can_undo(self.journal, self.client)

    def undo(self, job: JobContext) -> applying.Applied:
        """Give the server its old values back; see ``apply.undo``."""
        return applying.undo(job, self.client, self.journal)

    def expected(self, job: JobContext, wanted: Wanted, level: int) -> tuple[Expected, list[Finding]]:
        """Return whose signatures the builds should carry, and why one is not known."""
        from codesign_wizard.core.comet.proof import Expected
        from codesign_wizard.core.comet.prove import expected_windows

        found: list[Finding] = []
        windows = None
        if wanted.azure is not None:
            try:
                windows = expected_windows(job, self.network, wanted.azure, wanted.secret)
            except CodesignError as error:
                found.append(_softened(error.finding))
        return Expected(windows, _installer(wanted), level), found

    def level(self, view: View) -> int:
        """Return the level that the server is set to."""
        held = look.value_at(view.members(), settings.LEVEL.path)
        return held if type(held) is int else 0

    def explain_failure(
        self, job: JobContext, view: View, proofs: Sequence[Proof], wanted: Wanted
    ) -> list[Finding]:
        """Return what the server's log and a signature from here say about failed builds."""
        from codesign_wizard.core.comet.prove_explain import explain_failure

        return explain_failure(
            job, self.client, view.version, proofs, self.network, wanted.azure, wanted.secret
        )


def doctor_server(
    job: JobContext, desk: ServerDesk, wanted: Wanted
) -> tuple[list[Finding], Comparison | None]:
    """Return what keeps the server from signing, without changing anything."""
    view = desk.look(job)  # once: what became of an interrupted change is told once
    try:
        comparison = desk.compare(job, wanted, view=view)
    except InputError as error:
        # the profile is not complete: what the server has can still be told
        return worst_first([*view.findings, _softened(error.finding)]), None
    return [each for each in comparison.findings if each.id != findings.NOTHING.id], comparison


def _installer(wanted: Wanted) -> Any:
    """Return the certificate in the Installer file, ``None`` when it cannot be read."""
    from codesign_wizard.core.apple.identity_judge import read_identity

    macos = wanted.macos
    if macos is None or macos.installer is None:
        return None
    identity = read_identity(Path(macos.installer), macos.password).identity
    return identity.certificate if identity is not None else None


def _is_mode(finding: Finding) -> bool:
    return finding.id == findings.PREBUILT.id


def _softened(finding: Finding) -> Finding:
    """Return an error of another step as a warning here: it is that step's to block."""
    from codesign_wizard.core.finding import Severity

    return replace(finding, severity=Severity.WARNING) if finding.severity is Severity.ERROR else finding
