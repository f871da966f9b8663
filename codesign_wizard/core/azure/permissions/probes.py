"""Asking the vault about each permission by requests that cannot change anything.

The service looks at firewall, token, permission and then at the operation itself (learn.microsoft.com/azure/
key-vault/general/authentication, "Key Vault request operation flow"). So a request about a name that does not
exist is refused with 403 where the permission is missing, and answered with 404 where it is there. For some
operations no published answer proves that order: their 404 counts as *likely*. What has no request that is
certainly without effect (create, import, recover, delete, …) is not asked at all.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.azure import explain
from codesign_wizard.core.azure.explain import VaultRefusal
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.catalogue import Model, Permission, permissions
from codesign_wizard.core.azure.permissions.report import Observation, Source, State
from codesign_wizard.core.finding import Certainty, Evidence, Finding, utc_now
from codesign_wizard.core.job import JobContext, side_by_side
from codesign_wizard.core.network import Network, NetworkError
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.network_failure import FailureKind
from codesign_wizard.core.text import mark, tr, translate

if TYPE_CHECKING:
    from codesign_wizard.core.azure.credential import ApplicationCredential

AT_ONCE = 8
# what the official clients that sign send
CERTIFICATES_API, KEYS_API = "2026-04-01", "2025-07-01"
_BACK_OFF = (1.0, 2.0, 4.0)  # seconds, for all probes of a run together
_LONGEST_RETRY_AFTER = 30.0
_DIGEST = base64.urlsafe_b64encode(bytes(32)).rstrip(b"=").decode()
_NO_VERSION = "0" * 32


@dataclass(frozen=True, slots=True)
class Probe:
    """One request. ``{name}`` stands for a fresh random name in ``path``.

    ``sure`` tells whether published answers prove that a caller without the permission is refused with 403
    before the service looks whether the name exists: only then does a 404 say that the permission is there.
    """

    kind: str
    name: str  # the permission's, as access policies call it
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    sure: bool = False

    @property
    def words(self) -> str:
        """The permission as a refusal names it: ``keys sign``."""
        return f"{self.kind} {self.name}"


def _crypto(name: str, operation: str, **more: str) -> Probe:
    body = {"alg": "RS256", "value": _DIGEST, **more}
    return Probe("keys", name, "POST", f"/keys/{{name}}/{_NO_VERSION}/{operation}", body)


PROBES: tuple[Probe, ...] = (
    Probe("certificates", "get", "GET", "/certificates/{name}/", sure=True),
    Probe("keys", "get", "GET", "/keys/{name}/", sure=True),
    Probe("certificates", "list", "GET", "/certificates?maxresults=1", sure=True),
    Probe("keys", "list", "GET", "/keys?maxresults=1", sure=True),
    # the service looks for the name before it looks at what is to be merged, so this is never a certificate
    Probe("certificates", "create", "POST", "/certificates/{name}/pending/merge", {"x5c": ["dGVzdA=="]}),
    Probe(
        "certificates", "update", "PATCH", "/certificates/{name}/pending", {"cancellation_requested": True}
    ),
    Probe("certificates", "backup", "POST", "/certificates/{name}/backup"),
    Probe("certificates", "restore", "POST", "/certificates/restore", {"value": "AA"}),
    Probe("certificates", "managecontacts", "GET", "/certificates/contacts"),
    Probe("certificates", "listissuers", "GET", "/certificates/issuers?maxresults=1"),
    Probe("certificates", "getissuers", "GET", "/certificates/issuers/{name}"),
    _crypto("sign", "sign"),
    _crypto("verify", "verify", digest=_DIGEST),
    _crypto("encrypt", "encrypt"),
    _crypto("decrypt", "decrypt"),
    _crypto("wrapKey", "wrapkey"),
    _crypto("unwrapKey", "unwrapkey"),
    Probe("keys", "update", "PATCH", f"/keys/{{name}}/{_NO_VERSION}", {}),
    Probe("keys", "backup", "POST", "/keys/{name}/backup"),
    Probe("keys", "getrotationpolicy", "GET", "/keys/{name}/rotationpolicy"),
)

# asked for what it refuses only: nobody needs to read secrets, and a refusal tells the vault's model and id
_MODEL_PROBE = Probe("secrets", "get", "GET", "/secrets/{name}/")


class Meaning(StrEnum):
    """What an answer says about the permission that was asked for."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    OBJECT = "object"  # let through; the object is in a bad state
    PROBABLY = "probably"  # 400: the content was looked at
    NETWORK = "network"  # firewall or private endpoint: the permission was not looked at
    TOKEN = "token"
    THROTTLED = "throttled"
    UNKNOWN = "unknown"


_STATES = {
    Meaning.ALLOWED: (State.GRANTED, Certainty.OBSERVED),
    Meaning.REFUSED: (State.MISSING, Certainty.OBSERVED),
    Meaning.OBJECT: (State.GRANTED, Certainty.COMPUTED),
    Meaning.PROBABLY: (State.LIKELY, Certainty.LIKELY),
}
_OBJECT_CODES = (
    "KeyDisabled", "CertificateDisabled", "SecretDisabled", "KeyExpired", "KeyNotYetValid",
    "KeyOperationForbidden",
)  # fmt: skip
_TEXTS = {
    Meaning.REFUSED: mark("The vault refused it for lack of this permission."),
    Meaning.OBJECT: mark("The vault let the request through, and refused it for the state of the key."),
    Meaning.PROBABLY: mark("The vault looked at the content of the request, so it probably let it through."),
    Meaning.NETWORK: mark("The vault's network rules refused; permissions were not looked at."),
    Meaning.TOKEN: mark("The vault did not accept the token; permissions were not looked at."),
    Meaning.THROTTLED: mark("The vault had no time for the question: too many requests."),
    Meaning.UNKNOWN: mark("The answer does not tell: {words}"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A probe, its answer's meaning, and what was observed by it. ``real`` is the name of a real object."""

    probe: Probe
    meaning: Meaning
    observation: Observation
    refusal: VaultRefusal | None = None
    real: str = ""


@dataclass(frozen=True)
class ProbeResult:
    """What asking found.

    ``observations`` are by ``Permission.key`` of ``model``, and empty while no answer told the model: then
    ``by_model`` gives them for either. ``findings`` are what kept the vault from being asked (network,
    throttling, token), each once. ``key`` is the KeyBundle of the certificate's key as the vault gave it,
    empty where it did not. ``resource_id``, ``application_id``, ``object_id`` are as the vault named
    them in refusals, else "".
    """

    model: Model | None
    asked: tuple[Asked, ...] = ()
    findings: tuple[Finding, ...] = ()
    resource_id: str = ""
    application_id: str = ""
    object_id: str = ""
    key_id: str = ""
    key: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def observations(self) -> dict[str, list[Observation]]:
        """The observations by ``Permission.key``."""
        return self.by_model(self.model) if self.model is not None else {}

    def by_model(self, model: Model) -> dict[str, list[Observation]]:
        """Return the observations by the keys of *model*."""
        found: dict[str, list[Observation]] = {}
        for each in self.asked:
            permission = permission_for(model, each.probe.kind, each.probe.name)
            found.setdefault(permission.key, []).append(each.observation)
        return found


@cache
def permission_for(model: Model, kind: str, name: str) -> Permission:
    """Return the permission of *model* that means what an access policy calls *name*; raises ``KeyError``."""
    for each in permissions(Model.POLICY):
        if (each.kind, each.name) == (kind, name):
            if model is Model.POLICY:
                return each
            return next(one for one in permissions(Model.RBAC) if one.action == each.action)
    raise KeyError(f"{kind}/{name}")


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


class _StoppedError(Exception):
    """Asking further would only fail in the same way."""


class _Run:
    def __init__(
        self, job: JobContext, network: Network, options: AzureOptions, credential: ApplicationCredential
    ) -> None:
        self.job, self.network, self.options, self.credential = job, network, options, credential
        self.gate = _Gate(job, network)
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.findings: dict[str, Finding] = {}
        self.troubles: list[Finding] = []  # each one request's; they count when nothing else was heard
        self.asked: list[Asked] = []
        self.key_id = ""
        self.key: Mapping[str, Any] = {}
        # the vault's own log has it with every request (…/key-vault/general/logging, correlationId)
        self.correlation = str(uuid.uuid4())
        self.model_refusal: VaultRefusal | None = None

    def all(self, certificate_name: str, key_id: str) -> ProbeResult:
        self.token = self.credential.vault_token()
        # drawn for this run alone, so that it is certainly nobody's
        name = f"wizard-probe-{secrets.token_hex(8)}"
        tasks: list[Callable[[], object]] = []
        if certificate_name:
            tasks.append(lambda: self._real(certificate_name, key_id))
        tasks += [partial(self.ask, each, name) for each in PROBES]
        tasks.append(partial(self._which_model, name))
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
            self.ask(Probe("keys", "verify", "POST", path, _verify_body(key)), certificate, real=True)

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
            if asked.meaning in (Meaning.NETWORK, Meaning.TOKEN) and asked.refusal is not None:
                self._note(explain.explain(asked.refusal, self.options, operation=probe.words))
                self.stop.set()
            elif asked.meaning is Meaning.THROTTLED and asked.refusal is not None:
                self._note(explain.explain(asked.refusal, self.options))
                self.stop.set()
            elif answer.status >= 500 and asked.refusal is not None:
                self.troubles.append(explain.explain(asked.refusal, self.options))
        return answer

    def _which_model(self, name: str) -> None:
        """Ask for a secret that nobody has: not for the answer, but for the words of a refusal."""
        answer = None if self.stop.is_set() else self._send(_MODEL_PROBE, name, real=False)
        if answer is None or answer.status != 403:
            return
        refusal = explain.read_refusal(answer.status, answer.body, answer.headers)
        if refusal.lacks_permission:
            self.model_refusal = refusal

    def _send(self, probe: Probe, name: str, *, real: bool) -> Answer | None:
        api = KEYS_API if probe.kind == "keys" else CERTIFICATES_API
        path = probe.path.replace("{name}", name)
        url = f"{self.options.vault_url}{path}{'&' if '?' in path else '?'}api-version={api}"
        renewed = again = False
        while True:
            seen = self.gate.times
            try:
                answer = self.network.request(
                    self.job,
                    probe.method,
                    url,
                    headers={
                        "Authorization": f"Bearer {self.token.reveal()}",
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
                if probe is not _MODEL_PROBE:
                    self._lost(probe, error, name if real else "")
                return None
            if answer.status in (500, 502, 503, 504) and not again:
                again = True
                self.network.pause(self.job, 0.5)
                continue
            if answer.status == 429 and self.gate.throttled(answer, seen):
                continue
            claims = _claims(answer)
            if claims and not renewed:
                renewed = True
                self._renew(claims)
                continue
            return answer

    def _lost(self, probe: Probe, error: NetworkError, real: str) -> None:
        """Note that no answer came to *probe*."""
        finding = error.finding
        text = tr("No answer came: {words}").format(words=finding.title)
        with self.lock:
            self.asked.append(_asked(probe, Meaning.UNKNOWN, text, finding.evidence, real=real))
            # a torn connection may be one request's bad luck; anything else is everybody's
            if error.kind is FailureKind.RESET:
                self.troubles.append(finding)
            else:
                self._note(finding)
                self.stop.set()

    def _renew(self, claims: str) -> None:
        """Fetch the token that a continuous-access challenge asks for."""
        from codesign_wizard.core.redact import Secret

        with self.lock:
            self.token = Secret(self.credential.get_token(claims=claims).token)

    def _note(self, finding: Finding) -> None:
        self.findings.setdefault(finding.id, finding)

    def _result(self) -> ProbeResult:
        order = {id(each): number for number, each in enumerate(PROBES)}
        asked = sorted(self.asked, key=lambda each: (order.get(id(each.probe), -1), each.real))
        refusals = [each.refusal for each in asked if each.refusal is not None]
        if self.model_refusal is not None:
            refusals.append(self.model_refusal)
        told = {each.by_roles for each in refusals} - {None}
        if all(each.meaning is Meaning.UNKNOWN for each in asked):
            for finding in self.troubles:
                self._note(finding)
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


def read_answer(probe: Probe, answer: Answer, *, real: str = "") -> Asked:
    """Return what *answer* says about the permission that *probe* asks for; understands any body."""
    request = f"{probe.method} {answer.url.partition('?')[0]}"
    if 200 <= answer.status < 300:
        evidence = Evidence(
            status=answer.status,
            request_id=answer.request_id or None,
            time=answer.time or utc_now(),
            more={"request": request, **explain.correlation(answer.headers)},
        )
        return _asked(probe, Meaning.ALLOWED, tr("The vault carried the request out."), evidence, real=real)
    refusal = explain.read_refusal(answer.status, answer.body, answer.headers, {"request": request})
    meaning = _meaning(refusal)
    text = translate(_TEXTS.get(meaning, ""))
    if meaning is Meaning.UNKNOWN:
        text = text.format(words=refusal.words or f"HTTP {refusal.status}")
    elif meaning is Meaning.ALLOWED:
        text = tr("The vault answered that there is no such name, so it had let the request through.")
        if not probe.sure:
            text = tr("The vault answered that there is no such name; it probably let the request through.")
    elif meaning is Meaning.REFUSED and refusal.denial:
        text = tr("A deny assignment forbids it.")
    return _asked(probe, meaning, text, refusal.evidence, refusal, real)


def _asked(
    probe: Probe,
    meaning: Meaning,
    text: str,
    evidence: Evidence,
    refusal: VaultRefusal | None = None,
    real: str = "",
) -> Asked:
    state, certainty = _STATES.get(meaning, (State.UNTESTABLE, Certainty.OBSERVED))
    if meaning is Meaning.ALLOWED and refusal is not None and not probe.sure:
        state, certainty = State.LIKELY, Certainty.LIKELY
    source = Source.OBJECT if real else Source.PROBE
    return Asked(probe, meaning, Observation(source, state, certainty, text, evidence), refusal, real)


def _meaning(refusal: VaultRefusal) -> Meaning:
    if refusal.closed_network:
        return Meaning.NETWORK
    if refusal.lacks_permission:
        return Meaning.REFUSED
    if refusal.status == 403 and refusal.inner in _OBJECT_CODES:
        return Meaning.OBJECT
    if refusal.status == 404 and refusal.code.endswith("NotFound") and refusal.code not in _ELSEWHERE:
        return Meaning.ALLOWED
    if refusal.status == 400 and refusal.code:
        return Meaning.PROBABLY
    if refusal.status == 401:
        return Meaning.TOKEN
    if refusal.status == 429:
        return Meaning.THROTTLED
    return Meaning.UNKNOWN


# said by what stands before the vault, not of an object in it
_ELSEWHERE = ("ResourceNotFound", "NotFound", "VaultNotFound")


def _claims(answer: Answer) -> str:
    """Return the claims that a continuous-access challenge asks for (base64 taken off), or ""."""
    if answer.status != 401:
        return ""
    found = re.search(r'claims="([A-Za-z0-9+/_=-]{1,4000})"', answer.headers.get("www-authenticate", ""))
    if found is None:
        return ""
    try:
        text = found[1].replace("-", "+").replace("_", "/")
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return ""


def _verify_body(key: Mapping[str, Any]) -> dict[str, str]:
    """Return what asks a key (a JSON Web Key) to verify zeros, by an algorithm that it knows (RFC 7518)."""
    algorithm, size = {
        "P-256": ("ES256", 32), "P-384": ("ES384", 48), "P-521": ("ES512", 64),
    }.get(str(key.get("crv") or ""), ("RS256", 32))  # fmt: skip
    signature = bytes(256)
    if algorithm != "RS256":
        signature = bytes({"ES256": 64, "ES384": 96, "ES512": 132}[algorithm])
    else:
        modulus = str(key.get("n") or "")
        signature = bytes(len(base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))) or 256)
    return {"alg": algorithm, "digest": _base64url(bytes(size)), "value": _base64url(signature)}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


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
