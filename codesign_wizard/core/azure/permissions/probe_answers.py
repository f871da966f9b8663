"""What the vault's answer says about a permission: granted, missing, or not looked at, with what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from codesign_wizard.core.azure import explain
from codesign_wizard.core.azure.explain import VaultRefusal
from codesign_wizard.core.azure.permissions.catalogue import Model, permission_for
from codesign_wizard.core.azure.permissions.probes import Probe
from codesign_wizard.core.azure.permissions.report import Observation, Source, State
from codesign_wizard.core.finding import Certainty, Evidence, Finding, utc_now
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.text import mark, tr, translate


class Meaning(StrEnum):
    """What an answer says about the permission that was asked for."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    OBJECT = "object"  # let through; the object is in a bad state
    PROBABLY = "probably"  # 400: the content was looked at
    NETWORK = "network"  # firewall or private endpoint: the permission was not looked at
    TOKEN = "token"
    THROTTLED = "throttled"
    UNANSWERED = "unanswered"  # no answer came, or it is that the service has a fault
    UNKNOWN = "unknown"


# the question is as open as before
OPEN = frozenset({Meaning.NETWORK, Meaning.TOKEN, Meaning.THROTTLED, Meaning.UNANSWERED, Meaning.UNKNOWN})


# said by what stands before the vault, not of an object in it
_ELSEWHERE = ("ResourceNotFound", "NotFound", "VaultNotFound")
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
    Meaning.UNANSWERED: mark("The service behind the vault has a fault: {words}"),
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
    throttling, token, faults), each once: errors where it ended the asking, warnings where single requests
    were left without an answer. What was not asked for that reason is in ``asked``, too. ``key`` is the
    KeyBundle of the certificate's key as the vault gave it, empty where it did not. ``resource_id``,
    ``application_id``, ``object_id`` are as the vault named them in refusals, else "".
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


def read_answer(probe: Probe, answer: Answer, *, real: str = "") -> Asked:
    """Return what *answer* says about the permission that *probe* asks for; understands any body."""
    request = f"{probe.method} {answer.url.partition('?')[0]}"
    if 200 <= answer.status < 300 and _of_the_vault(probe, answer, real):
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
    if meaning in (Meaning.UNKNOWN, Meaning.UNANSWERED):
        text = text.format(words=refusal.words or f"HTTP {refusal.status}")
    elif meaning is Meaning.ALLOWED:
        text = tr("The vault answered that there is no such name, so it had let the request through.")
        if not probe.sure:
            text = tr("The vault answered that there is no such name; it probably let the request through.")
    elif meaning is Meaning.REFUSED and refusal.denial:
        text = tr("A deny assignment forbids it.")
    return _asked(probe, meaning, text, refusal.evidence, refusal, real)


def _of_the_vault(probe: Probe, answer: Answer, real: str) -> bool:
    """Tell whether a success can be the vault's: JSON, and of no name that nobody has.

    A proxy's page comes with 200, too. A rotation policy has a default, which may be given for any name.
    """
    try:
        document = answer.json()
    except ValueError:
        return False
    may_be_there = bool(real) or "{name}" not in probe.path or probe.name == "getrotationpolicy"
    return isinstance(document, dict) and may_be_there


def unanswered(probe: Probe, finding: Finding, *, real: str = "") -> Asked:
    """Return what is known of *probe* when no answer came to it, for what *finding* says."""
    text = tr("No answer came: {words}").format(words=finding.title)
    return _asked(probe, Meaning.UNANSWERED, text, finding.evidence, real=real)


def left_out(probe: Probe, finding: Finding) -> Asked:
    """Return what is known of *probe* when what *finding* says ended the asking before it."""
    text = tr("Not asked any more: {words}").format(words=finding.title)
    return _asked(probe, Meaning.UNANSWERED, text, Evidence(time=utc_now()))


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
    if refusal.unavailable:
        return Meaning.UNANSWERED
    return Meaning.UNKNOWN
