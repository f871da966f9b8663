"""The wizard's steps: their order, which apply, what is done and what is out of date. No window in here."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from codesign_wizard.core.finding import Finding, Severity, blocks, utc_now
from codesign_wizard.core.profile import LEVELS, Profile
from codesign_wizard.core.step_result import StepResult
from codesign_wizard.core.text import mark, tr, translate


class StepState(StrEnum):
    """Where a step stands."""

    NOT_STARTED = "not-started"
    IN_PROGRESS = "in-progress"
    DONE = "done"
    ATTENTION = "attention"
    OUT_OF_DATE = "out-of-date"


class Group(StrEnum):
    """The headings of the rail."""

    NONE = ""
    WINDOWS = "Windows"
    MACOS = "macOS"
    FINISH = "Finish"

    @property
    def words(self) -> str:
        """The heading in the person's language; the systems' names are the same in all."""
        return tr("Finish") if self is Group.FINISH else self.value


class Step(NamedTuple):
    """A page of the wizard. ``key`` is stable and stored in profiles."""

    key: str
    name: str  # in English
    group: Group

    @property
    def title(self) -> str:
        """The step's name in the person's language."""
        return translate(self.name)


START = "start"
KEY_VAULT = "key-vault"
PERMISSIONS = "permissions"
CERTIFICATE = "certificate"
WINDOWS_TRIAL = "windows-trial"
APPLE_CERTIFICATES = "apple-certificates"
MACOS_LEVEL = "macos-level"
MACOS_TRIAL = "macos-trial"
SERVER = "server"
SUMMARY = "summary"

STEPS = (
    Step(START, mark("Start"), Group.NONE),
    Step(KEY_VAULT, mark("Key Vault"), Group.WINDOWS),
    Step(PERMISSIONS, mark("Permissions"), Group.WINDOWS),
    Step(CERTIFICATE, mark("Certificate"), Group.WINDOWS),
    Step(WINDOWS_TRIAL, mark("Windows trial"), Group.WINDOWS),
    Step(APPLE_CERTIFICATES, mark("Apple certificates"), Group.MACOS),
    Step(MACOS_LEVEL, mark("Level and API key"), Group.MACOS),
    Step(MACOS_TRIAL, mark("macOS trial"), Group.MACOS),
    Step(SERVER, mark("Server"), Group.FINISH),
    Step(SUMMARY, mark("Summary"), Group.FINISH),
)
OPEN = "open"  # a detail of a result: nothing is wrong, and somebody has yet to act before the step is done
PENDING = "pending"  # what OPEN says of the step Certificate: the CA has the request
CERTIFICATE_EXPIRES = "certificate_expires"  # a fact of a result: ISO 8601, UTC
_MACOS = (APPLE_CERTIFICATES, MACOS_LEVEL, MACOS_TRIAL)  # what relies on nothing in Azure
# a step that gets a result of its own; Start only gathers choices
_WITH_RESULT = (
    KEY_VAULT,
    PERMISSIONS,
    CERTIFICATE,
    WINDOWS_TRIAL,
    APPLE_CERTIFICATES,
    MACOS_LEVEL,
    MACOS_TRIAL,
    SERVER,
)
_VAULTS = (CERTIFICATE, (CERTIFICATE_EXPIRES,))
_APPLES = (APPLE_CERTIFICATES, ("installer_sha256", "application_sha256"))
# the steps that know what a trial signs with, and the facts that tell whether it is the same still
_SIGNED_WITH: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    WINDOWS_TRIAL: (_VAULTS,),
    MACOS_TRIAL: (_APPLES,),
    SERVER: (_VAULTS, _APPLES),
}


class Flow:
    """The way through the steps for one profile, which it keeps up to date."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile

    def steps(self) -> list[Step]:
        """Return the steps that apply, in order."""
        wanted = {Group.WINDOWS: self.profile.windows_wanted, Group.MACOS: self.profile.macos_wanted}
        return [
            step
            for step in STEPS
            if wanted.get(step.group, True) and (step.key != SERVER or self.profile.server_wanted)
        ]

    def current(self) -> Step:
        """Return the step the profile stands on, or the first when that one no longer applies."""
        steps = self.steps()
        return next((step for step in steps if step.key == self.profile.page), steps[0])

    def go(self, key: str) -> None:
        """Make *key* the present step; from now on it can be visited at any time."""
        self.profile.page = key
        if key not in self.profile.reached:
            self.profile.reached.append(key)

    def next(self, key: str) -> Step | None:
        """Return the step after *key*, or ``None`` at the end."""
        return self._beside(key, 1)

    def onward(self, key: str) -> Step | None:
        """Return where Next leads from *key*: to the step after it, and from Start to where work goes on."""
        return (self.ahead() if key == START else None) or self.next(key)

    def ahead(self, now: datetime | None = None) -> Step | None:
        """Return the step that comes next on the way, ``None`` when none is left.

        It is the first that needs attention, also by what has ended at *now*; else the first that is not
        done. All that speaks of a next step means this one.
        """
        # here, since how a step stands is told from the flow
        from codesign_wizard.core.standing import standing

        steps, now = self.steps(), now or utc_now()
        walked = [step for step in steps if step.key in _WITH_RESULT]
        for step in walked:
            if standing(self, step.key, now).needs_attention:
                return step
        for step in walked:
            if self.state(step.key) is not StepState.DONE:
                return step
        return steps[-1] if steps[-1].key not in self.profile.reached else None

    def back(self, key: str) -> Step | None:
        """Return the step before *key*, or ``None`` at the start."""
        return self._beside(key, -1)

    def reachable(self, key: str) -> bool:
        """Tell whether the step can be opened: seen, the next of one that was visited, or the one ahead."""
        before = self.back(key)
        if key == SUMMARY:  # it only tells what is known, however little that is
            return True
        seen = key in self.profile.reached or key in self.profile.results
        if seen or before is None or before.key in self.profile.reached:
            return True
        # this one and what comes before it may have been done on the command line, with no page opened
        ahead = self.ahead()
        return ahead is not None and ahead.key == key

    def state(self, key: str) -> StepState:
        """Return where the step stands, from the results and the settings they relied on."""
        if key == SUMMARY:
            return self._all_done()
        if key not in _WITH_RESULT:
            done = any(other in self.profile.reached for other in _WITH_RESULT)
            return StepState.DONE if done else StepState.IN_PROGRESS
        if key == MACOS_LEVEL and self.profile.macos.level == LEVELS[0]:
            return self._without_key()
        result = self.profile.results.get(key)
        if result is None:
            return StepState.IN_PROGRESS if key in self.profile.reached else StepState.NOT_STARTED
        if result.inputs != self.inputs(key) or self._renewed(key, result):
            return StepState.OUT_OF_DATE
        if result.ok and result.details.get(OPEN):
            return StepState.IN_PROGRESS
        return StepState.DONE if result.ok else StepState.ATTENTION

    def record(
        self,
        key: str,
        findings: Iterable[Finding],
        facts: Mapping[str, str],
        *,
        inputs: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> StepResult:
        """Keep what the step found. *inputs* is the fingerprint taken when the work began."""
        findings = list(findings)
        result = StepResult(
            obtained=utc_now(),
            ok=not blocks(findings),
            findings=findings,
            facts=dict(facts),
            inputs=self.inputs(key) if inputs is None else inputs,
            details=dict(details or {}),
        )
        self.profile.results[key] = result
        return result

    def inputs(self, key: str) -> str:
        """Return a fingerprint of the settings that the step relies on; it changes when one of them does."""
        if key == SERVER:
            return self._fingerprint(self._relied_server())
        return self._fingerprint(self._relied_macos(key) if key in _MACOS else self._relied_windows(key))

    def signing_inputs(self) -> str:
        """Return a fingerprint of what a package for macOS is signed by: no level and no key for Apple."""
        return self._fingerprint(self._relied_signing())

    def _fingerprint(self, relied: list[object]) -> str:
        # a change is to be noticed, not proved: no secret and no adversary in here
        text = json.dumps(relied)
        for place, name in self.profile.places.items():
            text = text.replace(json.dumps(place)[1:-1], name)
        return f"{zlib.crc32(text.encode()):08x}"

    def _relied_server(self) -> list[object]:
        """Return all that the server is given, and which server that is."""
        profile, server, macos = self.profile, self.profile.server, self.profile.macos
        network = [profile.network.proxy, profile.network.ca_bundle]
        relied: list[object] = [[server.address, server.user, server.file_fields], network]
        if profile.windows_wanted:
            relied.append(self._relied_windows(KEY_VAULT))
        if profile.macos_wanted:
            key = [macos.api_key.key_id, macos.api_key.issuer_id, macos.api_key.revision]
            relied += [self._relied_macos(APPLE_CERTIFICATES), macos.level, key]
        return [*relied, profile.extra_roots, profile.extra_timestamp_roots]

    def _relied_macos(self, key: str) -> list[object]:
        profile, macos = self.profile, self.profile.macos
        network: list[object] = [profile.network.proxy, profile.network.ca_bundle]
        own = macos.api_key
        ids: list[object] = [own.key_id, own.issuer_id, own.revision]
        if key == MACOS_LEVEL:
            return [*ids, *network]
        if key == APPLE_CERTIFICATES:
            return self._relied_identities()
        relied = [*self._relied_signing(), macos.level, *network]
        # nobody asks with the key at the level of signing
        return relied if macos.level == LEVELS[0] else [*relied, *ids]

    def _relied_identities(self) -> list[object]:
        profile, macos = self.profile, self.profile.macos
        files = [macos.installer_file, macos.application_file, macos.team]
        return [files, macos.password_revision, profile.extra_roots]

    def _relied_signing(self) -> list[object]:
        profile, macos = self.profile, self.profile.macos
        return [
            *self._relied_identities(),
            [profile.product_name, macos.input_file, macos.timestamp_servers, profile.extra_timestamp_roots],
        ]

    def _relied_windows(self, key: str) -> list[object]:
        profile, windows = self.profile, self.profile.windows
        azure = windows.azure
        relied: list[object] = [
            [azure.vault_name, azure.certificate_name, azure.application_id, azure.tenant_id, azure.cloud],
            azure.secret_revision,
            [profile.network.proxy, profile.network.ca_bundle],
        ]
        if key == CERTIFICATE:
            relied.append(profile.extra_roots)
        if key == WINDOWS_TRIAL:
            relied += [
                profile.product_name,
                [windows.input_file, windows.architecture, windows.description, windows.url],
                [windows.digest, windows.timestamp_servers],
                [profile.extra_roots, profile.extra_timestamp_roots],
            ]
        return relied

    def blocking(self, key: str) -> list[Finding]:
        """Return the errors of the step's present result."""
        result = self.profile.results.get(key)
        if result is None:
            return []
        return [finding for finding in result.findings if finding.severity is Severity.ERROR]

    def _only(self, key: str, *areas: str) -> bool:
        """Tell whether all that blocks the step is of *areas*, by how the findings' ids begin."""
        errors = self.blocking(key)
        return bool(errors) and all(each.id.startswith(areas) for each in errors)

    def reason_not_next(self, key: str) -> str:
        """Return one sentence on why going on is not advised yet; empty when the way is clear."""
        match self.state(key):
            case StepState.ATTENTION if key == MACOS_LEVEL:
                return tr("Apple will notarise nothing until this is mended.")
            case StepState.ATTENTION if key == MACOS_TRIAL and self._only(key, "apple.api-key."):
                # it may be signed or not: a key that lacks is told before, one that Apple refuses after
                return tr("Apple will notarise nothing until this is mended.")
            case StepState.ATTENTION if key == MACOS_TRIAL and self._only(
                key, "apple.notary.", "apple.ticket.", "apple.api-key."
            ):
                return tr("The file is signed; Apple will not notarise it until this is mended.")
            case StepState.ATTENTION if key == SERVER and self._only(
                key, "server.sign-in.", "server.address.", "server.answer."
            ):
                # who is not let in has seen nothing of whether it signs
                return tr("The server has not proved yet that it signs.")
            case StepState.ATTENTION:
                return tr("Signing will not work until this is mended.")
            case StepState.OUT_OF_DATE:
                return tr("Something changed since this was checked: check it again.")
            case StepState.NOT_STARTED | StepState.IN_PROGRESS if key == KEY_VAULT:
                return tr("Nobody has signed in yet.")
            case StepState.NOT_STARTED | StepState.IN_PROGRESS if key == PERMISSIONS:
                return tr("Nobody has looked at the permissions yet.")
            case StepState.NOT_STARTED | StepState.IN_PROGRESS if key == CERTIFICATE:
                if key in self.profile.results:
                    return tr("There is no certificate to sign with yet.")
                return tr("Nobody has looked at the certificate yet.")
            case StepState.IN_PROGRESS if key == MACOS_TRIAL and key in self.profile.results:
                # it may have been left while Apple is at work
                return tr("The trial has not come to its end yet.")
            case StepState.NOT_STARTED | StepState.IN_PROGRESS if key == WINDOWS_TRIAL and self.blocking(
                KEY_VAULT
            ):
                return tr("Nothing has been signed yet: Key Vault comes first.")
            case StepState.NOT_STARTED | StepState.IN_PROGRESS if key in (WINDOWS_TRIAL, MACOS_TRIAL):
                return tr("Nothing has been signed yet.")
            case StepState.NOT_STARTED | StepState.IN_PROGRESS if key == APPLE_CERTIFICATES:
                return tr("Both certificates are needed.")
            case StepState.NOT_STARTED | StepState.IN_PROGRESS if key == MACOS_LEVEL:
                if self.profile.macos.level != LEVELS[0]:
                    return tr("Check the key, or go on and check it later.")
            case StepState.NOT_STARTED | StepState.IN_PROGRESS if key == SERVER:
                return tr("The server has not proved yet that it signs.")
        return ""

    def _all_done(self) -> StepState:
        """Return the state of the summary: done when every step with a result is."""
        states = {self.state(step.key) for step in self.steps() if step.key in _WITH_RESULT}
        if states == {StepState.DONE}:
            return StepState.DONE
        return StepState.IN_PROGRESS if SUMMARY in self.profile.reached else StepState.NOT_STARTED

    def _without_key(self) -> StepState:
        """Return the state of the level where no key is needed: chosen once somebody has seen the choice."""
        seen = {MACOS_LEVEL, MACOS_TRIAL} & set(self.profile.reached)
        return StepState.DONE if seen else StepState.NOT_STARTED

    def _renewed(self, key: str, trial: StepResult) -> bool:
        """Tell whether another certificate was seen since the trial signed with the former one."""
        for step, facts in _SIGNED_WITH.get(key, ()):
            held = self.profile.results.get(step)
            if held is None or held.obtained < trial.obtained:
                continue
            pairs = [(held.facts.get(fact, ""), trial.facts.get(fact, "")) for fact in facts]
            if any(all(pair) and pair[0] != pair[1] for pair in pairs):
                return True
        return False

    def _beside(self, key: str, offset: int) -> Step | None:
        steps = self.steps()
        place = next((index for index, step in enumerate(steps) if step.key == key), None)
        if place is None or not 0 <= place + offset < len(steps):
            return None
        return steps[place + offset]
