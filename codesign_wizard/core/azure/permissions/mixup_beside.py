"""What is worth a line beside the cause: another caller, contradictions, what could not be tested, excess."""

from __future__ import annotations

from collections.abc import Iterable

from codesign_wizard.core.azure.permissions import mixup_findings as kinds
from codesign_wizard.core.azure.permissions.catalogue import (
    Model,
)
from codesign_wizard.core.azure.permissions.evaluate import (
    covers,
)
from codesign_wizard.core.azure.permissions.matrix import Contradiction
from codesign_wizard.core.azure.permissions.mixup_seen import Seen, has_data, of_application, role_name
from codesign_wizard.core.azure.permissions.mixup_words import more, names
from codesign_wizard.core.azure.permissions.probe_answers import Meaning
from codesign_wizard.core.azure.permissions.report import Source, State
from codesign_wizard.core.finding import Evidence, Finding, utc_now
from codesign_wizard.core.text import tr


def beside(seen: Seen) -> Iterable[Finding]:
    """Yield what is worth a line beside the cause."""
    found = seen.probes.object_id
    if found and seen.identity is not None and found != seen.identity.object_id.lower():
        yield kinds.OTHER_CALLER(
            vault=seen.options.vault_name,
            seen=found,
            expected=seen.identity.object_id,
            evidence=seen.evidence(),
        )
    for each in seen.matrix.contradictions[:1]:
        yield kinds.CONTRADICTION(
            action=each.permission.name,
            detail=" ".join([each.first.text, each.second.text, *_why(each)]),
            evidence=more(each.second.evidence, **each.first.evidence.more),
        )
    odd = [each for each in seen.probes.asked if each.meaning is Meaning.UNKNOWN]
    if odd and not seen.probes.findings:
        yield kinds.UNTESTED(
            vault=seen.options.vault_name,
            detail=odd[0].observation.text,
            evidence=odd[0].observation.evidence,
        )
    excess = _excess(seen)
    if excess:
        yield kinds.EXCESS(vault=seen.options.vault_name, what=excess, evidence=Evidence(time=utc_now()))


def _why(found: Contradiction) -> Iterable[str]:
    """Yield what is known to bring such a difference about."""
    if found.first.state is State.MISSING and found.second.state is State.GRANTED:
        computed = found.first.source in (Source.ADMIN, Source.SELF)
        if computed and found.permission.model is Model.RBAC:
            yield tr("A role that was taken away, or a new denial, takes the vault some minutes to learn of.")


def _excess(seen: Seen) -> str:
    """Return in words what an administrator sees granted beyond what is asked for."""
    if seen.access is None:
        return ""
    if seen.model is Model.POLICY:
        return names(
            [
                row.permission
                for row in seen.matrix.rows
                if row.state is State.GRANTED and not row.permission.asked_for
            ]
        )
    vault = seen.access.resource_id.lower().rstrip("/")
    wide = [
        each
        for each in of_application(seen)
        if covers(each.scope, vault)
        and each.scope.lower().rstrip("/") != vault
        and has_data(seen.access, each)
    ]
    return "; ".join(
        tr("{role} on {scope}").format(role=role_name(seen.access, each), scope=each.scope) for each in wide
    )
