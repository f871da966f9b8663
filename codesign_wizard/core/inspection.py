"""What a look at a file says, whatever the file is, and what can be found of any."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Severity

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
class Part:
    """One of several certificates in a file: whose it is, its place in the chain, and facts as pairs."""

    name: str
    role: str
    facts: list[tuple[str, str]]


@dataclass(frozen=True)
class Inspection:
    """What was found: ``kind`` is stable, ``title`` one sentence, ``facts`` pairs for people in order.

    ``parts`` are the certificates in it, where there are several. ``says`` is the id of the finding that the
    title says already, "" for none.
    """

    kind: str
    title: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    says: str = ""

    def lead(self) -> tuple[str, list[Finding]]:
        """Return what is to be said below the title, "" for nothing, and the findings to be shown besides.

        A finding that the title says already is not shown again, unless there is more to it than sentences.
        """
        told = [each for each in self.findings if each.id == self.says or each.title == self.title]
        if len(told) != 1 or not _only_words(told[0]):
            return "", self.findings
        (one,) = told
        text = " ".join([one.detail, *(each.title for each in one.remedies)]).strip()
        return text, [each for each in self.findings if each is not one]

    def to_json(self) -> dict[str, Any]:
        """Return the inspection as documented in docs/json.md."""
        return {"kind": self.kind, "title": self.title, **self.details}


def _only_words(finding: Finding) -> bool:
    """Tell whether sentences say all of *finding*: no evidence, no steps, no command, no address."""
    more = [(each.portal, each.az, each.powershell, each.url) for each in finding.remedies]
    return finding.evidence == Evidence() and not any(any(each) for each in more)
