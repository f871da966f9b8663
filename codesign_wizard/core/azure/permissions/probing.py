"""Asking the vault about each permission, side by side, and giving way while it throttles."""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.azure import explain
from codesign_wizard.core.azure.explain import VaultRefusal
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.catalogue import Model
from codesign_wizard.core.azure.permissions.probe_answers import (
    Asked,
    Meaning,
    ProbeResult,
    left_out,
    read_answer,
    unanswered,
)
from codesign_wizard.core.azure.permissions.probes import MODEL_PROBE, PROBES, Probe, verify_body
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.job import JobContext, side_by_side
from codesign_wizard.core.network import Network, NetworkError
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.network_failure import FailureKind
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.azure.credential import ApplicationCredential
    from codesign_wizard.core.redact import Secret

AT_ONCE = 8
# what the official clients that sign send
CERTIFICATES_API, KEYS_API = "2026-04-01", "2025-07-01"
_BACK_OFF = (1.0, 2.0, 4.0)  # seconds, for all probes of a run together
_LONGEST_RETRY_AFTER = 30.0
# seconds before one request is sent again whose token the service could not check for the moment (AKV10046)
_PASSING = (0.5, 1.0, 2.0)


def probe(
    job: JobContext,
    network: Network,
    options: AzureOptions,
    credential: ApplicationCredential,
    *,
    certificate_name: str,
    key_id: str | None = None,
) -> ProbeResult:
    """Ask the vault about every permission that can be asked for safely, side by side; changes nothing.

    *certificate_name* and its key are read under their real names as well; *key_id* is the key's, if it is
    known. Raises ``CodesignError`` when there is no token, ``InputError`` and ``Cancelled``.
    """
    return _Run(job, network, options, credential).all(certificate_name, key_id or "")


@dataclass
class _Gate:
    """Holds every probe of a run back while the vault throttles; gives up after a few times."""

    job: JobContext
    network: Network
    lock: threading.Lock = field(default_factory=threading.Lock)
    times: int = 0
    closed: bool = False

    def throttled(self, answer: Answer, seen: int) -> bool:
        """Wait because of *answer*, asked for at the gate's count *seen*; tell whether to try again."""
        with self.lock:
            if self.closed:
                return False
            if seen == self.times:  # else another probe has waited in the meantime
                told = answer.headers.get("retry-after", "").strip()
                seconds = float(told[:6]) if told.isascii() and told.isdigit() else 0.0
                if self.times == len(_BACK_OFF) or seconds > _LONGEST_RETRY_AFTER:
                    self.closed = True
                    return False
                seconds = max(seconds, _BACK_OFF[self.times])
                self.network.pause(
                    self.job, seconds, tr("The vault throttles; trying again in {seconds} s"), part="vault"
                )
                self.times += 1
            return True


class _Run:
    def __init__(
        self, job: JobContext, network: Network, options: AzureOptions, credential: ApplicationCredential
    ) -> None:
        self.job, self.network, self.options, self.credential = job, network, options, credential
        self.gate = _Gate(job, network)
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.findings: dict[str, Finding] = {}
        self.troubles: list[Finding] = []  # each one request's
        self.asked: list[Asked] = []
        self.key_id = ""
        self.key: Mapping[str, Any] = {}
        # the vault's own log has it with every request (…/key-vault/general/logging, correlationId)
        self.correlation = str(uuid.uuid4())
        self.model_refusal: VaultRefusal | None = None
        self.renewed = False  # a plain 401 made us fetch another token: once in a run

    def all(self, certificate_name: str, key_id: str) -> ProbeResult:
        self.token = self.credential.vault_token()
        # drawn for this run alone, so that it is certainly nobody's
        name = f"wizard-probe-{secrets.token_hex(8)}"
        tasks: list[Callable[[], object]] = []
        if certificate_name:
            tasks.append(lambda: self._real(certificate_name, key_id))
        # early: without the model nothing of what is heard before an interruption can be told
        tasks.append(partial(self._which_model, name))
        tasks += [partial(self.ask, each, name) for each in PROBES]
        text = tr("Asking the vault about each permission")
        try:
            for done, _ in enumerate(side_by_side(self.job, tasks, at_once=AT_ONCE, name="probe"), 1):
                self.job.progress(done, len(tasks), text)
        except BaseException:
            self.stop.set()
            raise
        return self._result()

    def _real(self, certificate: str, key_id: str) -> None:
        """Read the certificate, then its key, and have the key verify what is no signature."""
        answer = self.ask(
            Probe("certificates", "get", "GET", "/certificates/{name}/", sure=True), certificate, real=True
        )
        told = _member(answer, "kid")
        prefix = f"{self.options.vault_url}/keys/"
        self.key_id = told if told.startswith(prefix) else key_id if key_id.startswith(prefix) else ""
        # the key of a certificate has its name; without a version the current one is read
        path = self.key_id.removeprefix(self.options.vault_url) or "/keys/{name}/"
        answer = self.ask(Probe("keys", "get", "GET", path, sure=True), certificate, real=True)
        bundle = _members(answer)
        key = bundle.get("key")
        if not isinstance(key, dict):
            return
        self.key = bundle
        told = str(key.get("kid") or "")
        if not self.key_id and told.startswith(prefix):
            self.key_id = told
        if self.key_id:
            path = f"{self.key_id.removeprefix(self.options.vault_url)}/verify"
            self.ask(Probe("keys", "verify", "POST", path, verify_body(key)), certificate, real=True)

    def ask(self, probe: Probe, name: str, *, real: bool = False) -> Answer | None:
        """Send *probe* about *name* and note what it says; return the answer, ``None`` if there is none."""
        if self.stop.is_set():
            return None
        answer = self._send(probe, name, real=real)
        if answer is None:
            return None
        asked = read_answer(probe, answer, real=name if real else "")
        with self.lock:
            self.asked.append(asked)
            if asked.meaning in (Meaning.NETWORK, Meaning.TOKEN, Meaning.THROTTLED):
                if asked.refusal is not None and not self.stop.is_set():
                    self._note(explain.explain(asked.refusal, self.options, operation=probe.words))
                self.stop.set()
            elif asked.meaning is Meaning.UNANSWERED and asked.refusal is not None:
                self.troubles.append(explain.explain(asked.refusal, self.options))
        return answer

    def _which_model(self, name: str) -> None:
        """Ask for a secret that nobody has: not for the answer, but for the words of a refusal."""
        answer = None if self.stop.is_set() else self._send(MODEL_PROBE, name, real=False)
        if answer is None or answer.status != 403:
            return
        refusal = explain.read_refusal(answer.status, answer.body, answer.headers)
        if refusal.lacks_permission:
            self.model_refusal = refusal

    def _send(self, probe: Probe, name: str, *, real: bool) -> Answer | None:
        api = KEYS_API if probe.kind == "keys" else CERTIFICATES_API
        path = probe.path.replace("{name}", name)
        url = f"{self.options.vault_url}{path}{'&' if '?' in path else '?'}api-version={api}"
        challenged = again = False
        passing = iter(_PASSING)
        while True:
            seen, token = self.gate.times, self.token
            try:
                answer = self.network.request(
                    self.job,
                    probe.method,
                    url,
                    headers={
                        "Authorization": f"Bearer {token.reveal()}",
                        "Accept": "application/json",
                        "x-ms-client-request-id": self.correlation,
                    },
                    json=probe.body,
                    part="vault",
                    retries=0,
                    max_body=1 << 20,
                )
            except NetworkError as error:
                if error.kind is FailureKind.RESET and not again:
                    again = True
                    continue
                if probe is not MODEL_PROBE:
                    self._lost(probe, error, name if real else "")
                return None
            if answer.status in (500, 502, 503, 504) and not again:
                again = True
                self.network.pause(self.job, 0.5)
                continue
            if answer.status == 429 and self.gate.throttled(answer, seen):
                continue
            if answer.status == 401:
                if _passing(answer) and (seconds := next(passing, None)) is not None:
                    self.network.pause(
                        self.job,
                        seconds,
                        tr("The vault cannot check the token; trying again in {seconds} s"),
                        part="vault",
                    )
                    continue
                claims = _claims(answer)
                if claims and not challenged:
                    challenged = True
                    if self._renew(claims):
                        continue
                elif self._fresh(token):
                    continue
            return answer

    def _lost(self, probe: Probe, error: NetworkError, real: str) -> None:
        """Note that no answer came to *probe*."""
        finding = error.finding
        with self.lock:
            self.asked.append(unanswered(probe, finding, real=real))
            # a torn connection may be one request's bad luck; anything else is everybody's
            if error.kind is FailureKind.RESET:
                self.troubles.append(finding)
            else:
                self._note(finding)
                self.stop.set()

    def _renew(self, claims: str) -> bool:
        """Fetch the token that a continuous-access challenge asks for; tell whether there is one."""
        from codesign_wizard.core.redact import Secret

        with self.lock:
            try:
                self.token = Secret(self.credential.get_token(claims=claims).token)
            except CodesignError as error:
                self._note(error.finding)
                self.stop.set()
                return False
        return True

    def _fresh(self, refused: Secret) -> bool:
        """Fetch a fresh token in place of the one *refused*, once in a run; tell whether there is another."""
        from codesign_wizard.core.redact import Secret

        with self.lock:
            if not self.renewed:
                self.renewed = True
                try:
                    self.token = Secret(self.credential.get_token(fresh=True).token)
                except CodesignError as error:
                    self._note(error.finding)
                    self.stop.set()
            return self.token is not refused

    def _note(self, finding: Finding) -> None:
        self.findings.setdefault(finding.id, finding)

    def _result(self) -> ProbeResult:
        # what ended the asking, if anything did, before single requests' troubles are told beside it
        ended = next(iter(self.findings.values()), None)
        if ended is not None:
            answered = {each.probe.words for each in self.asked if not each.real}
            self.asked += [left_out(each, ended) for each in PROBES if each.words not in answered]
        order = {id(each): number for number, each in enumerate(PROBES)}
        asked = sorted(self.asked, key=lambda each: (order.get(id(each.probe), -1), each.real))
        refusals = [each.refusal for each in asked if each.refusal is not None]
        if self.model_refusal is not None:
            refusals.append(self.model_refusal)
        told = {each.by_roles for each in refusals} - {None}
        heard = any(each.meaning not in (Meaning.UNKNOWN, Meaning.UNANSWERED) for each in asked)
        for finding in self.troubles:
            self._note(replace(finding, severity=Severity.WARNING) if heard else finding)
        model = None
        if len(told) == 1:
            model = Model.RBAC if told.pop() else Model.POLICY

        def first(name: str) -> str:
            return next((value for each in refusals if (value := getattr(each, name))), "")

        return ProbeResult(
            model,
            tuple(asked),
            tuple(self.findings.values()),
            first("resource"),
            first("application_id").lower(),
            first("object_id").lower(),
            self.key_id,
            self.key,
        )


def _passing(answer: Answer) -> bool:
    return explain.read_refusal(answer.status, answer.body, answer.headers).passing


def _claims(answer: Answer) -> str:
    """Return the claims that a continuous-access challenge asks for (base64 taken off), or ""."""
    found = re.search(r'claims="([A-Za-z0-9+/_=-]{1,4000})"', answer.headers.get("www-authenticate", ""))
    if found is None:
        return ""
    try:
        text = found[1].replace("-", "+").replace("_", "/")
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return ""


def _members(answer: Answer | None) -> Mapping[str, Any]:
    if answer is None or answer.status != 200:
        return {}
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _member(answer: Answer | None, name: str) -> str:
    value = _members(answer).get(name)
    return value if isinstance(value, str) else ""
