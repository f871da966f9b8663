"""What the step *Server* keeps of its work: what the server had, what was changed, what its builds proved.

Each part has its own time, and says by which settings it was obtained: a proof outlives neither a change of
the server nor one of the profile. No secret is in here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from codesign_wizard.core.comet.look import State
from codesign_wizard.core.comet.settings import Part
from codesign_wizard.core.finding import Finding, blocks, iso, utc_now, worst_first
from codesign_wizard.core.flow import CERTIFICATE_EXPIRES, OPEN
from codesign_wizard.core.step_result import StepResult

DIFFERENT, UNPROVED = "different", "unproved"  # what the step waits for, under ``flow.OPEN``


@dataclass(frozen=True)
class KeptLine:
    """A setting side by side, as ``look.Line`` has it in words."""

    label: str
    part: str
    server: str
    here: str
    state: str

    @property
    def differs(self) -> bool:
        """Whether it was seen to differ; what cannot be compared was not."""
        return self.state == State.DIFFERENT


@dataclass(frozen=True)
class KeptPlatform:
    """A client that the server can build and that carries a signature."""

    number: int
    title: str
    system: str  # "windows" or "macos"
    recommended: bool = False


@dataclass(frozen=True)
class Looked:
    """The server as it was looked at; ``drift`` is its clock less this computer's, in seconds.

    ``inputs`` is the fingerprint of the profile's settings that it was compared with.
    """

    host: str
    user: str
    version: str
    drift: float
    lines: list[KeptLine]
    platforms: list[KeptPlatform]
    findings: list[Finding]
    inputs: str = ""
    may_apply: bool = False
    can_build: bool = False
    can_undo: bool = False
    time: datetime = field(default_factory=utc_now)

    def part_lines(self, part: Part) -> list[KeptLine]:
        """Return the lines of *part*, in the order of the form."""
        return [line for line in self.lines if line.part == part.value]

    @property
    def parts(self) -> list[Part]:
        """The parts that there are lines of."""
        return [part for part in Part if self.part_lines(part)]

    @property
    def different(self) -> int:
        """How many settings were seen to differ."""
        return sum(line.differs for line in self.lines)


@dataclass(frozen=True)
class Changed:
    """The last change made from here. ``inputs`` is the fingerprint of the settings that were given."""

    labels: list[str]
    findings: list[Finding]
    inputs: str
    undone: bool = False
    time: datetime = field(default_factory=utc_now)


@dataclass(frozen=True)
class Client:
    """How one of the server's clients was judged; ``facts`` are for people, and the file's path."""

    platform: KeptPlatform
    ok: bool
    facts: dict[str, str]


@dataclass(frozen=True)
class Proved:
    """The server's own builds. ``changed_since`` tells that the server was changed from here afterwards."""

    clients: list[Client]
    findings: list[Finding]
    inputs: str
    changed_since: bool = False
    time: datetime = field(default_factory=utc_now)

    @property
    def ok(self) -> bool:
        """Whether every client is signed as it should be."""
        return bool(self.clients) and not blocks(self.findings)


@dataclass
class Kept:
    """All of it; ``failure`` is what the last attempt ended with."""

    looked: Looked | None = None
    changed: Changed | None = None
    proved: Proved | None = None
    failure: Finding | None = None
    chosen: list[int] = field(default_factory=list)  # platforms that a person ticked; none: the usual ones

    @classmethod
    def of(cls, result: StepResult | None) -> Kept:
        """Return what was kept in *result*; nothing where another version kept it its own way."""
        if result is None:
            return cls()
        try:
            return cls.from_json(result.details)
        except (KeyError, TypeError, ValueError, AttributeError):
            return cls()

    def current_proof(self, inputs: str) -> Proved | None:
        """Return the proof if it holds for the settings with the fingerprint *inputs*."""
        proof = self.proved
        return proof if proof is not None and proof.inputs == inputs and not proof.changed_since else None

    def current_look(self, inputs: str) -> Looked | None:
        """Return the look if it compared with the settings with the fingerprint *inputs*."""
        return self.looked if self.looked is not None and self.looked.inputs == inputs else None

    def findings(self, inputs: str) -> list[Finding]:
        """Return what holds now, the worst first, each once."""
        changed = self.changed if self.changed is not None and self.changed.inputs == inputs else None
        told: list[Finding] = [] if self.failure is None else [self.failure]
        for part in (self.current_look(inputs), changed, self.current_proof(inputs)):
            told += part.findings if part is not None else []
        return worst_first({(each.id, each.title): each for each in told}.values())

    def facts(self, inputs: str) -> dict[str, str]:
        """Return what other steps and the report go by."""
        facts = {} if self.looked is None else {"host": self.looked.host, "version": self.looked.version}
        proof = self.current_proof(inputs)
        for client in proof.clients if proof is not None else []:
            for key in (CERTIFICATE_EXPIRES, "installer_sha256"):
                if client.facts.get(key):
                    facts[key] = client.facts[key]
        return facts

    def waits_for(self, inputs: str) -> str:
        """Return what is still to be done: ``DIFFERENT``, ``UNPROVED`` or "" for nothing."""
        looked = self.current_look(inputs)
        if looked is None or looked.different:
            return DIFFERENT
        return UNPROVED if self.current_proof(inputs) is None else ""

    def details(self, inputs: str) -> dict[str, Any]:
        """Return all of it as details of the step's result."""
        return {**self.to_json(), OPEN: self.waits_for(inputs)}

    def to_json(self) -> dict[str, Any]:
        """Return all of it, to be read by ``from_json``."""
        parts = {"looked": self.looked, "changed": self.changed, "proved": self.proved}
        document: dict[str, Any] = {name: _plain(part) for name, part in parts.items() if part is not None}
        document["failure"] = None if self.failure is None else self.failure.to_json()
        document["chosen"] = self.chosen
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Kept:
        """Return what ``to_json`` wrote; raises ``KeyError``, ``TypeError``, ``ValueError``."""
        looked, changed, proved = (document.get(name) for name in ("looked", "changed", "proved"))
        failure = document.get("failure")
        return cls(
            None
            if looked is None
            else Looked(
                **{
                    **_read(looked),
                    "lines": [KeptLine(**each) for each in looked["lines"]],
                    "platforms": [KeptPlatform(**each) for each in looked["platforms"]],
                }
            ),
            None if changed is None else Changed(**_read(changed)),
            None
            if proved is None
            else Proved(**{**_read(proved), "clients": [_client(each) for each in proved["clients"]]}),
            None if failure is None else Finding.from_json(failure),
            [int(each) for each in document.get("chosen", ())],
        )


def _plain(part: Looked | Changed | Proved) -> dict[str, Any]:
    names = [name for name in part.__dataclass_fields__ if name not in ("findings", "time")]
    document = {name: _value(getattr(part, name)) for name in names}
    return {
        **document,
        "findings": [each.to_json() for each in part.findings],
        "time": iso(part.time),
    }


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(each) for each in value]
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value


def _read(document: Mapping[str, Any]) -> dict[str, Any]:
    findings: Iterable[Any] = document["findings"]
    return {
        **document,
        "findings": [Finding.from_json(each) for each in findings],
        "time": datetime.fromisoformat(document["time"]),
    }


def _client(document: Mapping[str, Any]) -> Client:
    facts = {str(name): str(value) for name, value in document["facts"].items()}
    return Client(KeptPlatform(**document["platform"]), bool(document["ok"]), facts)
