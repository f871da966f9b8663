"""What follows from all that the sources of a diagnosis said; it asks nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions import evaluate, mixups
from codesign_wizard.core.azure.permissions.catalogue import Model, Purpose, permission_for
from codesign_wizard.core.azure.permissions.matrix import build
from codesign_wizard.core.azure.permissions.mixup_beside import untested
from codesign_wizard.core.azure.permissions.mixup_findings import MODEL_UNKNOWN
from codesign_wizard.core.azure.permissions.mixup_seen import Seen
from codesign_wizard.core.azure.permissions.own_rights import OwnRights
from codesign_wizard.core.azure.permissions.probe_answers import Meaning, ProbeResult
from codesign_wizard.core.azure.permissions.report import (
    Observation,
    Report,
    Source,
    State,
    Verdict,
    in_either,
)
from codesign_wizard.core.azure.proof import Proof
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Severity, iso, utc_now
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.azure.permissions.evaluate import VaultAccess
    from codesign_wizard.core.azure.signin import CallerIdentity

AREA = "azure.permission."


def conclude(
    options: AzureOptions,
    identity: CallerIdentity | None,
    proof: Proof,
    probes: ProbeResult,
    own: OwnRights,
    seen: VaultAccess | Finding | None,
) -> Report:
    """Put together what the sources said of the application *identity*.

    *seen* is the administrator's view, or why there is none though one signed in.
    """
    from codesign_wizard.core.azure.permissions.management import unread

    access = None if seen is None or isinstance(seen, Finding) else seen
    findings = [seen] if isinstance(seen, Finding) else []
    model = probes.model or own.model or (access.model if access is not None else None)
    if access is not None:
        findings += unread(access)
    facts = _facts(access, own)
    if model is None:
        findings = [
            *_interrupted(proof, probes),
            *findings,
            _model_unknown(options, probes),
            *untested(options, probes),
        ]
        either = _in_either(options, proof, probes, own)
        return Report(None, (), tuple(findings), own.resource_id, facts, either)
    object_id = identity.object_id if identity is not None else probes.object_id
    observed = observe(options, probes, model, own=own, proof=proof, access=access, object_id=object_id)
    matrix = build(model, observed, options.certificate_name)
    told = Seen(options, model, matrix, probes, own, identity, access)
    findings = [*_interrupted(proof, probes), *mixups.name(told), *findings]
    return Report(model, matrix.rows, tuple(findings), told.resource_id, facts)


def heard(proof: Proof, probes: ProbeResult) -> bool:
    """Tell whether the vault said something of a permission before it gave no more answers."""
    return bool(_proved(proof)) or any(
        each.observation.state is not State.UNTESTABLE for each in probes.asked
    )


def _interrupted(proof: Proof, probes: ProbeResult) -> list[Finding]:
    """Return what kept questions from being answered; it is as grave as it is for *proof*.

    Where a signature was made all the same, it keeps nobody from signing.
    """
    graver = {each.id: each for each in proof.findings}
    found = [graver.get(each.id, each) for each in probes.findings]
    if proof.works is None:
        return found
    return [
        replace(each, severity=Severity.WARNING) if each.severity is Severity.ERROR else each
        for each in found
    ]


def observe(
    options: AzureOptions,
    probes: ProbeResult,
    model: Model,
    *,
    own: OwnRights | None = None,
    proof: Proof | None = None,
    access: VaultAccess | None = None,
    object_id: str = "",
) -> dict[str, list[Observation]]:
    """Return all that was observed, by ``Permission.key`` of *model*."""
    found = probes.by_model(model)
    if proof is not None:
        for kind, name, one in _proved(proof):
            key = permission_for(model, kind, name).key
            heard = any(
                each.source is Source.OBJECT and each.state is not State.UNTESTABLE
                for each in found.get(key, ())
            )
            # the certificate is read by a probe, too: its answer is enough
            if kind == "keys" or not heard:
                found.setdefault(key, []).append(one)
    if own is not None and model is Model.RBAC:
        for key, one in own.observations().items():
            found.setdefault(key, []).append(one)
    if access is not None and object_id:
        for key, one in evaluate.evaluate(access, object_id, options.certificate_name).items():
            found.setdefault(key, []).append(one)
    return found


def _in_either(
    options: AzureOptions, proof: Proof, probes: ProbeResult, own: OwnRights
) -> tuple[Verdict, ...]:
    """Return what holds in both models: the vault refused nothing, so it did not tell which it has."""
    rows = [
        build(model, observe(options, probes, model, own=own, proof=proof), options.certificate_name).rows
        for model in Model
    ]
    return tuple(in_either(purpose, *rows) for purpose in Purpose)


def _proved(proof: Proof) -> list[tuple[str, str, Observation]]:
    """Return what reading the certificate and making a signature say about the permissions for them."""
    found: list[tuple[str, str, Observation]] = []

    def tell(kind: str, name: str, source: Source, state: State, text: str, evidence: Evidence) -> None:
        found.append((kind, name, Observation(source, state, Certainty.OBSERVED, text, evidence)))

    if proof.certificate is not None:
        evidence = Evidence(time=utc_now(), more={"certificate": str(proof.certificate.id or "")})
        text = tr("The vault carried the request out.")
        tell("certificates", "get", Source.OBJECT, State.GRANTED, text, evidence)
    if proof.unread is not None and proof.unread.id.startswith(AREA):
        text = tr("The vault refused to read the certificate.")
        tell("certificates", "get", Source.OBJECT, State.MISSING, text, proof.unread.evidence)
    if proof.works is not None:
        evidence = Evidence(time=utc_now(), more={"key": proof.key_id})
        text = tr("A test signature was made, and is good.")
        tell("keys", "sign", Source.SIGNATURE, State.GRANTED, text, evidence)
    if proof.unsigned is not None and proof.unsigned.id.startswith(AREA):
        text = tr("The vault refused the test signature with the certificate's key.")
        tell("keys", "sign", Source.OBJECT, State.MISSING, text, proof.unsigned.evidence)
    return found


def _model_unknown(options: AzureOptions, probes: ProbeResult) -> Finding:
    allowed = [each for each in probes.asked if each.observation.state is State.GRANTED]
    answered = [each for each in probes.asked if each.meaning is not Meaning.UNANSWERED]
    return MODEL_UNKNOWN(
        vault=options.vault_name,
        detail=tr(
            "It refused none of {all} requests for lack of a permission, and let {count} through for certain."
        ).format(count=len(allowed), all=len(answered)),
        severity=Severity.INFO if allowed else Severity.WARNING,
        evidence=Evidence(time=utc_now()),
    )


def _facts(access: VaultAccess | None, own: OwnRights) -> dict[str, str]:
    """Return what is known of the vault beside its permissions, by stable names."""
    facts = {"sku": own.sku} if own.sku else {}
    if access is None:
        return facts
    facts = {
        "sku": access.sku or facts.get("sku", ""),
        "location": access.location,
        "public_network": access.public_network,
        "firewall": access.default_action,
        "firewall_addresses": ", ".join(access.ip_rules),
        "private_endpoints": str(access.private_endpoints),
        "soft_delete": str(access.soft_delete).lower(),
        "purge_protection": str(access.purge_protection).lower(),
        "groups": ", ".join(access.groups),
        "grants_seen": iso(utc_now()),
    }
    return {name: value for name, value in facts.items() if value}
