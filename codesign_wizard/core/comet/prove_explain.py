"""Why a proof failed: what the server's log says of it, and whether the same vault signs from here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from codesign_wizard.core.comet import prove_findings as found
from codesign_wizard.core.comet.client import CometClient, VersionInfo
from codesign_wizard.core.comet.server_log import signing_lines
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Evidence, Finding, Remedy, utc_now
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.azure.options import AzureOptions
    from codesign_wizard.core.comet.proof import Proof

_SIGN_IN = "azure.sign-in."


def explain_failure(
    job: JobContext,
    client: CometClient,
    version: VersionInfo,
    proofs: Sequence[Proof],
    network: Network,
    options: AzureOptions | None,
    secret: Secret | None,
) -> list[Finding]:
    """Return what the server's log says around the failed builds, and whether the vault signs from here."""
    failed = [proof for proof in proofs if not proof.ok]
    if not failed:
        return []
    findings = list(_log(job, client, version, failed, options, secret))
    if options is not None and secret is not None and any(proof.platform.windows for proof in failed):
        here = _from_here(job, network, options, secret)
        if any(each.id == found.HERE_WORKS.id for each in here):
            # what the profile holds is right, so a refused sign-in is of what the server holds
            findings = [_server_s(each) if each.id.startswith(_SIGN_IN) else each for each in findings]
        findings += here
    return findings


def refused_here(
    job: JobContext, network: Network, options: AzureOptions, secret: Secret
) -> tuple[Finding | None, dict[str, str]]:
    """Return what keeps the vault from making a test signature from here, and the facts that were seen."""
    from codesign_wizard.core.azure.credential import ApplicationCredential
    from codesign_wizard.core.azure.proof import prove as sign_here

    try:
        proof = sign_here(job, network, options, ApplicationCredential(job, network, options, secret))
    except CodesignError as error:
        return error.finding, {}
    return proof.unread or proof.unsigned, dict(proof.facts)


def _log(
    job: JobContext,
    client: CometClient,
    version: VersionInfo,
    failed: Sequence[Proof],
    options: AzureOptions | None,
    secret: Secret | None,
) -> list[Finding]:
    began, ended = min(each.began for each in failed), max(each.ended for each in failed)
    lines = signing_lines(job, client, began.astimezone(UTC), ended.astimezone(UTC), version.drift)
    evidence = Evidence(time=utc_now(), more={"from": f"{began:%H:%M:%S}", "to": f"{ended:%H:%M:%S}"})
    if lines is None:
        return [found.LOG_CLOSED(evidence=evidence)]
    if not lines:
        return [found.LOG_EMPTY(evidence=evidence)]
    text = "\n".join(lines)
    findings = [found.LOG(count=len(lines), detail=text, evidence=evidence)]
    if options is not None and "AADSTS" in text:
        findings.append(_sign_in_in_log(text, options, secret))
    return findings


def _sign_in_in_log(text: str, options: AzureOptions, secret: Secret | None) -> Finding:
    """Return what Entra ID's refusal in the server's log means."""
    import json

    from codesign_wizard.core.azure import signin_findings

    line = next(line for line in text.splitlines() if "AADSTS" in line)
    body = json.dumps({"error": "invalid_client", "error_description": line[line.index("AADSTS") :]}).encode()
    return signin_findings.explain(signin_findings.read_refusal(401, body, {}), options, secret)


def _server_s(finding: Finding) -> Finding:
    """Return what Entra ID's refusal asks for when the profile's own options sign."""
    give = Remedy(
        title=tr("The profile's options sign from here: give them to the server (server apply --only azure).")
    )
    return replace(finding, remedies=(give, *finding.remedies))


def _from_here(job: JobContext, network: Network, options: AzureOptions, secret: Secret) -> list[Finding]:
    refused, facts = refused_here(job, network, options, secret)
    if refused is None:
        return [found.HERE_WORKS(evidence=Evidence(time=utc_now(), more=facts))]
    return [found.HERE_FAILS(why=refused.title, evidence=refused.evidence), refused]
