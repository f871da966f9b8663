"""Looking at vault and tenant without any secret.

A vault answers a request without a token by a challenge that names its tenant
(learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses); a tenant's OpenID
configuration is public. Both answers also tell the time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import quote

from codesign_wizard.core import network_findings
from codesign_wizard.core.azure import explain, signin_findings, vault_findings
from codesign_wizard.core.azure.identifiers import guid_of
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.finding import Evidence, Finding, blocks, utc_now
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network, NetworkError
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.network_clock import clock_finding
from codesign_wizard.core.text import tr

_API_VERSION = "7.4"


@dataclass(frozen=True, slots=True)
class Discovery:
    """What is known without a secret.

    ``vault_tenant`` is the GUID from the vault's challenge; ``tenant_id`` the typed tenant's GUID as Entra ID
    gives it; ``tenant_ok`` tells whether the two agree. ``None`` where it could not be learnt.
    """

    findings: list[Finding] = field(default_factory=list)
    vault_tenant: str | None = None
    tenant_id: str | None = None
    tenant_ok: bool | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way."""
        return not blocks(self.findings)


def discover(job: JobContext, network: Network, options: AzureOptions) -> Discovery:
    """Ask vault and tenant who they are; what is wrong is in the findings. Raises ``Cancelled``."""
    vault = _ask_vault(job, network, options)
    if vault.stop:
        return Discovery([vault.finding] if vault.finding else [])
    findings: list[Finding] = []
    tenant = _ask_tenant(job, network, options, vault.tenant) if options.tenant_id else _Asked()
    clock = clock_finding(vault.answer, options.vault_host) or clock_finding(
        tenant.answer, options.cloud.authority_host
    )
    if clock is not None:
        findings.append(clock)
    name_service_down = (
        vault.finding is not None
        and vault.finding.id == vault_findings.UNKNOWN.id
        and tenant.finding is not None
        and tenant.finding.id == network_findings.NAME_UNKNOWN.id
    )
    if vault.finding is not None and not name_service_down:
        findings.append(vault.finding)
    if tenant.finding is not None:
        findings.append(tenant.finding)
    agrees: bool | None = None
    if vault.tenant and tenant.tenant:
        agrees = vault.tenant == tenant.tenant
        if not agrees and tenant.finding is None:
            evidence = Evidence(
                status=vault.answer.status if vault.answer else None,
                message=vault.answer.headers.get("www-authenticate") if vault.answer else None,
                request_id=(vault.answer.request_id or None) if vault.answer else None,
                time=utc_now(),
                more={"vault-tenant": vault.tenant, "tenant-given": tenant.tenant},
            )
            findings.append(signin_findings.tenant_other(options, vault.tenant, evidence))
    return Discovery(findings, vault.tenant or None, tenant.tenant or None, agrees)


@dataclass(frozen=True, slots=True)
class _Asked:
    answer: Answer | None = None
    tenant: str = ""
    finding: Finding | None = None
    stop: bool = False  # asking further would only fail in the same way


def _ask_vault(job: JobContext, network: Network, options: AzureOptions) -> _Asked:
    url = f"{options.vault_url}/certificates?api-version={_API_VERSION}"
    try:
        answer = network.request(job, "GET", url, part="vault", retries=1, max_body=1 << 20)
    except NetworkError as error:
        if error.finding.id == network_findings.NAME_UNKNOWN.id:
            return _Asked(finding=_unknown(options, error.finding))
        return _Asked(finding=error.finding, stop=True)
    tenant = explain.challenge_tenant(answer.headers.get("www-authenticate", ""))
    if answer.status == 401 and tenant:
        evidence = Evidence(
            status=401,
            message=answer.headers["www-authenticate"],
            request_id=answer.request_id or None,
            time=utc_now(),
            more={"vault-tenant": tenant},
        )
        found = vault_findings.FOUND(vault=options.vault_name, tenant=tenant, evidence=evidence)
        return _Asked(answer, tenant, found)
    refusal = explain.read_refusal(answer.status, answer.body, answer.headers, {"host": options.vault_host})
    if answer.status in (408, 429) or answer.status >= 500 or refusal.closed_network:
        return _Asked(answer, "", explain.explain(refusal, options))
    if answer.status == 403:
        # nobody has said yet who asks: whatever it is about, it is not what the application may do
        return _Asked(answer, "", explain.refused(refusal, options))
    return _Asked(answer, "", vault_findings.not_a_vault(options, refusal.evidence))


def _unknown(options: AzureOptions, network_finding: Finding) -> Finding:
    evidence = network_finding.evidence
    return vault_findings.UNKNOWN(
        vault=options.vault_name,
        detail=tr("The name {host} is not known. It may be mistyped, deleted, or in another cloud.").format(
            host=options.vault_host
        ),
        certainty=network_finding.certainty,
        evidence=replace(evidence, more={**evidence.more, "host": options.vault_host}),
        remedies=vault_findings.unknown_remedies(options),
    )


def _ask_tenant(job: JobContext, network: Network, options: AzureOptions, vault_tenant: str) -> _Asked:
    tenant = quote(options.tenant_id, safe=".-")
    url = f"https://{options.cloud.authority_host}/{tenant}/v2.0/.well-known/openid-configuration"
    try:
        answer = network.request(job, "GET", url, part="sign-in", retries=1, max_body=1 << 20)
    except NetworkError as error:
        return _Asked(finding=error.finding)
    if answer.status != 200:
        refusal = signin_findings.read_refusal(answer.status, answer.body, answer.headers)
        if refusal.number in (90002, 900023, 900021, 50059):
            return _Asked(answer, "", signin_findings.tenant_unknown(refusal, options, vault_tenant or None))
        return _Asked(answer, "", signin_findings.explain(refusal, options, None))
    try:
        issuer = str(answer.json()["issuer"])
    except (ValueError, KeyError, TypeError):
        issuer = ""
    # a domain typed in the tenant's place stands in the issuer as the tenant's GUID
    parts = [guid_of(part) for part in issuer.split("/")]
    return _Asked(answer, next(filter(None, parts), guid_of(options.tenant_id)))
