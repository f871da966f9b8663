"""The matrix: what was found out about each permission, how, and what follows for the three purposes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from codesign_wizard.core.azure.permissions.catalogue import Model, Permission, Purpose, permissions
from codesign_wizard.core.finding import Certainty, Evidence, Finding
from codesign_wizard.core.text import mark, tr, translate


class State(StrEnum):
    """What is known of a permission."""

    GRANTED = "granted"
    MISSING = "missing"
    LIKELY = "likely"
    UNTESTABLE = "untestable"

    @property
    def words(self) -> str:
        """The word shown for it."""
        return translate(_STATES[self])


_STATES = {
    State.GRANTED: mark("Granted"),
    State.MISSING: mark("Missing"),
    State.LIKELY: mark("Likely granted"),
    State.UNTESTABLE: mark("Not testable from here"),
}


class Source(StrEnum):
    """Where an observation comes from."""

    SELF = "own-permissions"  # the management plane, asked by the caller about itself
    PROBE = "probe"  # the vault's answer for a fresh random name, or to a list
    OBJECT = "object"  # the vault's answer for the real certificate or its key
    SIGNATURE = "signature"  # a real signature, checked with the certificate's public key
    ADMIN = "administrator"  # computed from what an administrator may read


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that was seen about one permission. ``text`` is one sentence for people."""

    source: Source
    state: State
    certainty: Certainty
    text: str
    evidence: Evidence = field(default_factory=Evidence)

    def to_json(self) -> dict[str, Any]:
        """Return the observation, redacted by its evidence."""
        return {
            "source": self.source.value,
            "state": self.state.value,
            "certainty": self.certainty.value,
            "text": self.text,
            **self.evidence.to_json(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Observation:
        """Return what ``to_json`` wrote; raises ``KeyError``, ``TypeError`` or ``ValueError``."""
        rest = dict(document)
        source, state = Source(rest.pop("source")), State(rest.pop("state"))
        certainty, text = Certainty(rest.pop("certainty")), str(rest.pop("text"))
        return cls(source, state, certainty, text, Evidence.from_json(rest))


@dataclass(frozen=True, slots=True)
class Row:
    """A permission and what all observations together say; the first observation is the one that decided."""

    permission: Permission
    state: State
    certainty: Certainty
    observations: tuple[Observation, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the line as ``COMMANDS.md`` lays it down."""
        permission = self.permission
        return {
            "model": permission.model.value,
            "name": permission.name,
            "kind": permission.kind,
            "group": permission.group,
            "label": permission.label,
            "asked_for": permission.asked_for,
            "purposes": [purpose.value for purpose in Purpose if purpose in permission.purposes],
            "state": self.state.value,
            "certainty": self.certainty.value,
            "evidence": [each.to_json() for each in self.observations],
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the permissions suffice for a purpose.

    ``state`` is MISSING when one is missing; else UNTESTABLE or LIKELY when one is only that; else GRANTED.
    """

    purpose: Purpose
    state: State
    missing: tuple[Permission, ...] = ()
    open: tuple[Permission, ...] = ()  # likely or not testable

    def to_json(self) -> dict[str, Any]:
        """Return purpose, state and the names that are missing or open."""
        return {
            "purpose": self.purpose.value,
            "state": self.state.value,
            "missing": [each.key for each in self.missing],
            "open": [each.key for each in self.open],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """A vault's permissions for one caller. ``model`` is ``None`` as long as no answer told it.

    ``resource_id`` is the vault's ARM id where an answer told it, else "". ``facts`` are named strings for
    people and JSON: what the administrator's view adds (sku, firewall, groups, …) and when it was seen.
    ``either`` are the verdicts that hold whichever model it is, where it is not known and there are no rows.
    """

    model: Model | None
    rows: tuple[Row, ...] = ()
    findings: tuple[Finding, ...] = ()
    resource_id: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    either: tuple[Verdict, ...] = ()

    def verdicts(self) -> tuple[Verdict, ...]:
        """Return the verdict for each purpose; without a model what holds in both, if anything is known."""
        return tuple(verdict(purpose, self.rows) for purpose in Purpose) if self.rows else self.either

    def to_json(self) -> dict[str, Any]:
        """Return model, rows and verdicts; the findings stand in the document's own member."""
        return {
            "model": self.model.value if self.model else None,
            "vault": self.resource_id or None,
            "permissions": [row.to_json() for row in self.rows],
            "verdicts": [each.to_json() for each in self.verdicts()],
            "facts": dict(self.facts),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], findings: Iterable[Finding] = ()) -> Report:
        """Return what ``to_json`` wrote, with *findings* beside it.

        A line that this version does not know is left out. Raises ``KeyError``, ``TypeError`` or
        ``ValueError`` on anything else.
        """
        model = Model(document["model"]) if document["model"] else None
        known = {(each.kind, each.name): each for each in permissions(model)} if model else {}
        rows = [
            Row(
                known[line["kind"], line["name"]],
                State(line["state"]),
                Certainty(line["certainty"]),
                tuple(Observation.from_json(each) for each in line["evidence"]),
            )
            for line in document["permissions"]
            if (line["kind"], line["name"]) in known
        ]
        return cls(
            model,
            tuple(rows),
            tuple(findings),
            str(document["vault"] or ""),
            {str(name): str(value) for name, value in dict(document["facts"]).items()},
            () if model else tuple(map(_kept_verdict, document["verdicts"])),
        )


def _kept_verdict(document: Mapping[str, Any]) -> Verdict:
    return Verdict(Purpose(document["purpose"]), State(document["state"]))


def verdict(purpose: Purpose, rows: Iterable[Row]) -> Verdict:
    """Return what *rows* say for *purpose*."""
    needed = [row for row in rows if purpose in row.permission.purposes]
    missing = tuple(row.permission for row in needed if row.state is State.MISSING)
    open_rows = [row for row in needed if row.state in (State.LIKELY, State.UNTESTABLE)]
    if missing:
        state = State.MISSING
    elif any(row.state is State.UNTESTABLE for row in open_rows):
        state = State.UNTESTABLE
    else:
        state = State.LIKELY if open_rows else State.GRANTED
    return Verdict(purpose, state, missing, tuple(row.permission for row in open_rows))


def in_either(purpose: Purpose, *rows: Iterable[Row]) -> Verdict:
    """Return what holds for *purpose* whichever of *rows*, one model's each, are the vault's.

    The permissions have other names in each model, so none are named.
    """
    states = {verdict(purpose, each).state for each in rows}
    if len(states) > 1 and State.MISSING in states:
        return Verdict(purpose, State.UNTESTABLE)
    order = (State.MISSING, State.UNTESTABLE, State.LIKELY, State.GRANTED)
    return Verdict(purpose, min(states, key=order.index))


def all_clear(report: Report | None) -> str:
    """Return the answer where nothing stands in the way: no more is said than was found out."""
    known = report.verdicts() if report is not None else ()
    if known and all(each.state is State.GRANTED for each in known):
        return tr("The application may do all that is needed.")
    signs = any(each.purpose is Purpose.SIGN and each.state is State.GRANTED for each in known)
    if any(each.state is State.MISSING for each in known):
        return (
            tr("The application may sign, but not do all that is asked for.")
            if signs
            else tr("The application may not do all that is asked for.")
        )
    if signs:
        return tr("The application may sign, and nothing is missing as far as can be tested.")
    rows = report.rows if report is not None else ()
    if {each.state for each in rows} | {each.state for each in known} <= {State.UNTESTABLE}:
        return tr("What the application may do could not be found out.")
    return tr("Nothing is missing as far as can be tested.")
