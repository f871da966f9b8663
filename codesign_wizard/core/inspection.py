"""What a look at a file says, whatever the file is, and what can be found of any."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from codesign_wizard.core.finding import Finding, FindingKind, Severity

PASSWORD = FindingKind(
    "inspect.password-needed",
    Severity.WARNING,
    "{file} needs its password to be opened.",
    "A .p12 (.pfx) file is encrypted, and no password was given.",
)


WRONG_PASSWORD = FindingKind(
    "inspect.password-wrong",
    Severity.ERROR,
    "The password does not open {file}, or the file is damaged.",
    "A .p12 (.pfx) file is encrypted with another password than the one given.",
)


DAMAGED = FindingKind(
    "inspect.damaged",
    Severity.ERROR,
    "{file} begins like {what} but cannot be read.",
    "The file is damaged or was cut short.",
)


@dataclass(frozen=True)
class Inspection:
    """What was found: ``kind`` is stable, ``title`` one sentence, ``facts`` pairs for people in order."""

    kind: str
    title: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the inspection as documented in docs/json.md."""
        return {"kind": self.kind, "title": self.title, **self.details}
