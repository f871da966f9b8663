"""What a person may have to act on: a ``Finding`` with its evidence and its remedies.

The window, the terminal, the JSON document and the report show the same objects. Every kind of finding is
declared once, beside the code that makes it, with ``FindingKind``; ``docs/findings.md`` is made from those
declarations. Ids are stable: lower case, ``area.part.what``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from codesign_wizard.core.plain import Frozen, frozen
from codesign_wizard.core.redact import redact
from codesign_wizard.core.text import translate


class Severity(StrEnum):
    """How much a finding matters; only ``ERROR`` blocks the way and makes the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    OK = "ok"

    @property
    def rank(self) -> int:
        """0 for what blocks most."""
        return list(Severity).index(self)


class Certainty(StrEnum):
    """Seen in an answer, worked out from certain facts, or only probable."""

    OBSERVED = "observed"
    COMPUTED = "computed"
    LIKELY = "likely"


@frozen
class Evidence(Frozen):
    """What was seen, in the vendor's own words.

    ``status`` is an HTTP status; ``code`` the vendor's error code (``AADSTS7000222``, ``ForbiddenByRbac``);
    ``message`` its text, verbatim; ``request_id`` what the vendor's support asks for; ``time`` in UTC;
    ``more`` further named facts, in order.
    """

    status: int | None = None
    code: str | None = None
    message: str | None = None
    request_id: str | None = None
    time: datetime | None = None
    more: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the members that are known, redacted."""
        document: dict[str, Any] = {}
        if self.status is not None:
            document["status"] = self.status
        for name in ("code", "message", "request_id"):
            value = getattr(self, name)
            if value is not None:
                document[name] = redact(value)
        if self.time is not None:
            document["time"] = iso(self.time)
        for name, value in self.more.items():
            document[name] = redact(value)
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Evidence:
        """Return what ``to_json`` wrote; members without a place of their own go to ``more``.

        Raises ``TypeError`` or ``ValueError`` on anything else.
        """
        rest = dict(document)
        time = rest.pop("time", None)
        known = {name: rest.pop(name, None) for name in ("status", "code", "message", "request_id")}
        return cls(
            **known,
            time=datetime.fromisoformat(time) if time else None,
            more={name: str(value) for name, value in rest.items()},
        )

    def __bool__(self) -> bool:
        return bool(self.to_json())


@frozen
class Remedy(Frozen):
    """What to do: portal steps in order, an ``az`` and a PowerShell command ready to copy, one link."""

    title: str
    portal: tuple[str, ...] = ()
    az: str | None = None
    powershell: str | None = None
    url: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the members that exist."""
        document: dict[str, Any] = {"title": self.title}
        if self.portal:
            document["portal"] = list(self.portal)
        for name in ("az", "powershell", "url"):
            value = getattr(self, name)
            if value:
                document[name] = value
        return document


@frozen
class Finding(Frozen):
    """One thing that was found. ``title`` is one sentence; ``detail`` says more, in plain words."""

    id: str
    severity: Severity
    title: str
    detail: str = ""
    certainty: Certainty = Certainty.OBSERVED
    evidence: Evidence = field(default_factory=Evidence)
    remedies: tuple[Remedy, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the finding as ``COMMANDS.md`` lays it down, redacted."""
        return {
            "id": self.id,
            "severity": self.severity.value,
            "certainty": self.certainty.value,
            "title": redact(self.title),
            "detail": redact(self.detail),
            "evidence": self.evidence.to_json(),
            "remedies": [remedy.to_json() for remedy in self.remedies],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Finding:
        """Return what ``to_json`` wrote; raises ``KeyError`` or ``ValueError`` on anything else."""
        return cls(
            id=str(document["id"]),
            severity=Severity(document["severity"]),
            title=str(document["title"]),
            detail=str(document.get("detail", "")),
            certainty=Certainty(document.get("certainty", "observed")),
            evidence=Evidence.from_json(document.get("evidence") or {}),
            remedies=tuple(
                Remedy(
                    title=str(remedy["title"]),
                    portal=tuple(remedy.get("portal", ())),
                    az=remedy.get("az"),
                    powershell=remedy.get("powershell"),
                    url=remedy.get("url"),
                )
                for remedy in document.get("remedies", ())
            ),
        )


_ID = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+){1,3}")
_kinds: dict[str, FindingKind] = {}


@frozen
class FindingKind(Frozen):
    """The declaration of a finding: made once at module level, called to make the finding itself.

    ``title`` is the sentence shown, a literal with ``{names}`` to fill in; it is collected for translation
    from here and translated when the finding is made. ``meaning`` is the line of ``docs/findings.md``.
    """

    id: str
    severity: Severity
    title: str
    meaning: str

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"not a finding id: {self.id}")
        if self.id in _kinds:
            raise ValueError(f"finding id declared twice: {self.id}")
        _kinds[self.id] = self

    def __call__(
        self,
        *,
        detail: str = "",
        severity: Severity | None = None,
        certainty: Certainty = Certainty.OBSERVED,
        evidence: Evidence | None = None,
        remedies: Iterable[Remedy] = (),
        **values: object,
    ) -> Finding:
        """Make the finding; *values* fill the title."""
        return Finding(
            id=self.id,
            severity=severity or self.severity,
            title=translate(self.title).format(**values),
            detail=detail,
            certainty=certainty,
            evidence=evidence or Evidence(),
            remedies=tuple(remedies),
        )


def all_kinds() -> list[FindingKind]:
    """Return every kind declared in the modules imported so far, by id."""
    return [_kinds[key] for key in sorted(_kinds)]


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Order findings by what blocks most; within a severity the order is kept."""
    return sorted(findings, key=lambda finding: finding.severity.rank)


def blocks(findings: Iterable[Finding]) -> bool:
    """Tell whether any finding is an error."""
    return any(finding.severity is Severity.ERROR for finding in findings)


def utc_now() -> datetime:
    """Return the time now, in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def iso(time: datetime) -> str:
    """Return *time* in UTC as ISO 8601 with ``Z``, to the second."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
