"""What a step of the wizard found, as it is kept in the profile: in one language, told again in another."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from codesign_wizard.core.finding import Finding, iso
from codesign_wizard.core.language import ENGLISH, current_language
from codesign_wizard.core.plain import Plain, plain

_CODES = ("id", "severity", "certainty")  # of a finding, which every language writes alike


@plain
class StepResult(Plain):
    """What a step found, when (UTC), and the fingerprint of the settings it relied on.

    ``details`` is a JSON object of the step's own, for what its page shows besides. ``language`` is that of
    its words.
    """

    obtained: datetime
    ok: bool
    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    inputs: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    language: str = field(default_factory=current_language)

    def outdate(self) -> None:
        """Make it rely on no settings there are: what was seen is out of date, whatever they become."""
        self.inputs = ""

    def to_json(self) -> dict[str, Any]:
        """Return the result as stored."""
        return {
            "obtained": iso(self.obtained),
            "ok": self.ok,
            "findings": [finding.to_json() for finding in self.findings],
            "facts": dict(self.facts),
            "inputs": self.inputs,
            "details": self.details,
            "language": self.language,
        }

    def retold(self, language: str) -> StepResult:
        """Return the result in the words of *language*, as far as they are known."""
        if language == self.language:
            return self
        from codesign_wizard.core.retell import retell_all

        kept = [each.to_json() for each in self.findings]
        found = [
            # "error" and "likely" are words of ours as well, and here no words
            Finding.from_json({**after, **{name: before[name] for name in _CODES if name in before}})
            for before, after in zip(kept, retell_all(kept, self.language, language), strict=True)
        ]
        facts, details = self.facts, self.details
        if language == ENGLISH:
            facts, details = (retell_all(each, self.language, language) for each in (facts, details))
        else:
            # this way a vendor's word, or one for programs such as "open", would be taken for one of ours
            found = [
                dataclasses.replace(after, evidence=before.evidence)
                for before, after in zip(self.findings, found, strict=True)
            ]
        return dataclasses.replace(self, findings=found, facts=facts, details=details, language=language)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> StepResult:
        """Return what ``to_json`` wrote, in the language that is on.

        Raises ``KeyError``, ``TypeError`` or ``ValueError``.
        """
        kept = cls(
            obtained=datetime.fromisoformat(document["obtained"]),
            ok=bool(document["ok"]),
            findings=[Finding.from_json(finding) for finding in document.get("findings", ())],
            facts={str(name): str(value) for name, value in dict(document.get("facts", {})).items()},
            inputs=str(document.get("inputs", "")),
            details=dict(document.get("details", {})),
            language=str(document.get("language", ENGLISH)),
        )
        return kept.retold(current_language())
