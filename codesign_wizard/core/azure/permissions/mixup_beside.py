"""What is worth a line beside the cause: another caller, contradictions, what could not be tested, excess."""

from __future__ import annotations

from collections.abc import Iterable

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions import mixup_findings as kinds
from codesign_wizard.core.azure.permissions.catalogue import (
    SECRETS,
    Model,
)
from codesign_wizard.core.azure.permissions.evaluate import (
    covers,
    entries,
)
from codesign_wizard.core.azure.permissions.matrix import Contradiction
from codesign_wizard.core.azure.permissions.mixup_seen import Seen, has_data, of_application, role_name
from codesign_wizard.core.azure.permissions.mixup_words import more, names
from codesign_wizard.core.azure.permissions.probe_answers import Meaning, ProbeResult
from codesign_wizard.core.azure.permissions.report import Source, State
from codesign_wizard.core.finding import Evidence, Finding, utc_now
from codesign_wizard.core.text import tr


def beside(seen: Seen) -> Iterable[Finding]:
    """Yield what is worth a line beside the cause."""
    found = seen.probes.object_id
    expected = seen.identity.object_id if seen.identity is not None else ""
    if found and expected and found != expected.lower():
        yield kinds.OTHER_CALLER(
            vault=seen.options.vault_name,
            seen=found,
            expected=expected,
            evidence=seen.evidence(),
        )
    for each in seen.matrix.contradictions[:1]:
        yield kinds.CONTRADICTION(
            action=each.permission.name,
            detail=" ".join([each.first.text, each.second.text, *_why(each)]),
            evidence=more(each.second.evidence, **each.first.evidence.more),
        )
    yield from untested(seen.options, seen.probes)
    excess = _excess(seen)
    if excess:
        yield kinds.EXCESS(vault=seen.options.vault_name, what=excess, evidence=Evidence(time=utc_now()))


def untested(options: AzureOptions, probes: ProbeResult) -> Iterable[Finding]:
    """Yield that answers came which tell nothing, in the words of the first."""
    odd = [each for each in probes.asked if each.meaning is Meaning.UNKNOWN]
    if odd:
        yield kinds.UNTESTED(
            vault=options.vault_name, detail=odd[0].observation.text, evidence=odd[0].observation.evidence
        )


def _why(found: Contradiction) -> Iterable[str]:
    """Yield what is known to bring such a difference about."""
    if found.first.state is State.MISSING and found.second.state is State.GRANTED:
        computed = found.first.source in (Source.ADMIN, Source.SELF)
        if computed and found.permission.model is Model.RBAC:
            yield tr("A role that was taken away, or a new denial, takes the vault some minutes to learn of.")


def _excess(seen: Seen) -> str:
    """Return in words what an administrator sees granted beyond what is asked for; secrets never are."""
    if seen.access is None:
        return ""
    if seen.model is Model.POLICY:
        beyond = [
            row.permission
            for row in seen.matrix.rows
            if row.state is State.GRANTED and not row.permission.asked_for
        ]
        held = [name for each in entries(seen.access, seen.object_id) for name in each.secrets]
        secrets = dict.fromkeys(f"secrets {name.lower()}" for name in held)
        return ", ".join(filter(None, (names(beyond), *secrets)))
    vault = seen.access.resource_id.lower().rstrip("/")
    found = []
    for each in of_application(seen):
        if not covers(each.scope, vault):
            continue
        role = role_name(seen.access, each)
        if each.scope.lower().rstrip("/") != vault and has_data(seen.access, each):
            found.append(tr("{role} on {scope}").format(role=role, scope=each.scope))
        elif has_data(seen.access, each, SECRETS):
            found.append(tr("{role}, which opens secrets, too").format(role=role))
    return "; ".join(found)
