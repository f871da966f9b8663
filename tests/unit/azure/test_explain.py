"""Answers of Key Vault and Entra ID in their real wording, and what they are explained as."""

from __future__ import annotations

import json
from typing import Any

import pytest

from codesign_wizard.core.azure import explain, signin_findings
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.redact import Secret

OPTIONS = AzureOptions("contoso", "code-signing", "6b1f6e2a-3b0c-4f0e-9d3a-0c2f4a6b8d10", "contoso.com")
TENANT = "0d9c1f3e-5a7b-4c2d-8e6f-1a2b3c4d5e6f"
CALLER = (
    "appid=6b1f6e2a-3b0c-4f0e-9d3a-0c2f4a6b8d10;oid=77777777-1111-4222-8333-444444444444;"
    "iss=https://sts.windows.net/0d9c1f3e-5a7b-4c2d-8e6f-1a2b3c4d5e6f/"
)
VAULT_ID = (
    "/subscriptions/11111111-2222-4333-8444-555555555555/resourcegroups/rg"
    "/providers/microsoft.keyvault/vaults/contoso"
)
RBAC = (
    "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or "
    f"role definitions were changed recently, please observe propagation time.\r\nCaller: {CALLER}\r\n"
    "Action: 'Microsoft.KeyVault/vaults/{0}'\r\nResource: '"
    + VAULT_ID
    + "/{1}'\r\nAssignment: (not found)\r\n"
    "DenyAssignmentId: null\r\nDecisionReason: null \r\nVault: contoso;location=westeurope\r\n"
)
POLICY = (
    f"The user, group or application '{CALLER}' does not have certificates get permission on key vault "
    "'contoso;location=westeurope'. For help resolving this issue, please see "
    "https://go.microsoft.com/fwlink/?linkid=2125287"
)


def vault(
    status: int, code: str = "", message: str = "", inner: str = "", name: str = "innererror"
) -> Finding:
    error: dict[str, Any] = {"code": code, "message": message}
    if inner:
        error[name] = {"code": inner}
    refusal = explain.read_refusal(status, json.dumps({"error": error}).encode(), {"X-MS-Request-Id": "r-1"})
    finding = explain.explain(refusal, OPTIONS, operation="keys sign")
    assert finding.evidence.status == status
    assert finding.evidence.request_id == "r-1"
    return finding


def test_a_missing_role_is_named_with_a_command_for_this_caller_and_vault() -> None:
    finding = vault(403, "Forbidden", RBAC.format("keys/sign/action", "keys/code-signing"), "ForbiddenByRbac")
    assert finding.id == "azure.permission.missing"
    assert finding.evidence.more["action"] == "Microsoft.KeyVault/vaults/keys/sign/action"
    assert finding.evidence.more["object-id"] == "77777777-1111-4222-8333-444444444444"
    az = finding.remedies[0].az or ""
    assert "--role 'Key Vault Crypto Officer'" in az
    assert f"--scope '{VAULT_ID}'" in az
    assert "--assignee-object-id '77777777-1111-4222-8333-444444444444'" in az
    assert "New-AzRoleAssignment" in (finding.remedies[0].powershell or "")
    reading = vault(403, "Forbidden", RBAC.format("certificates/read", "certificates/x"), "ForbiddenByRbac")
    assert "Key Vault Certificates Officer" in (reading.remedies[0].az or "")


def test_a_missing_tick_is_named_in_the_words_of_access_policies() -> None:
    finding = vault(403, "Forbidden", POLICY, "ForbiddenByPolicy")
    assert finding.id == "azure.permission.missing"
    assert finding.evidence.more["action"] == "certificates get"
    az = finding.remedies[0].az or ""
    assert az.startswith("az keyvault set-policy --name 'contoso' --object-id '77777777-")
    assert "delete" not in az.replace("deleteissuers", "")


def test_a_refusal_without_an_action_falls_back_on_what_was_asked() -> None:
    assert (
        "Microsoft.KeyVault/vaults/keys/sign/action"
        in vault(403, "Forbidden", "No.", "ForbiddenByRbac").title
    )
    assert "keys sign" in vault(403, "Forbidden", "Operation is not allowed.", "AccessDenied").title


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ((403, "Forbidden", "Client address is not authorized and caller is not a trusted service.\r\n"
          "Client address: 203.0.113.7\r\n", "ForbiddenByFirewall"), "azure.vault.firewall"),
        ((403, "Forbidden", "Request was not allowed by NSP rules and the client address is not authorized",
          "ForbiddenByFirewall"), "azure.vault.firewall"),
        ((403, "Forbidden", "Public network access is disabled and request is not from a trusted service nor "
          "via an approved private link.\r\n", ""), "azure.vault.private-endpoint"),
        ((403, "Forbidden", "Operation sign is not allowed on a disabled key.", "KeyDisabled", "innerError"),
         "azure.vault.certificate-disabled"),
        ((403, "Forbidden", "Operation sign is not allowed on an expired key.", ""),
         "azure.vault.certificate-expired"),
        ((403, "Forbidden", "Operation sign is not allowed on a not yet valid key.", "KeyNotYetValid"),
         "azure.vault.certificate-not-yet-valid"),
        ((403, "Forbidden", "Operation sign is not permitted on this key.", "KeyOperationForbidden"),
         "azure.vault.key-may-not-sign"),
        ((401, "Unauthorized", "AKV10032: Invalid issuer. Expected one of "
          "https://sts.windows.net/0d9c1f3e-5a7b-4c2d-8e6f-1a2b3c4d5e6f/, found https://sts.windows.net/x/."),
         "azure.sign-in.tenant-other"),
        ((401, "Unauthorized", "AKV10022: Invalid audience. Expected https://vault.azure.net, found: x."),
         "azure.vault.token-refused"),
        ((404, "CertificateNotFound", "A certificate with (name/id) x was not found in this key vault."),
         "azure.vault.certificate-missing"),
        ((429, "Throttled", "Request was not processed because too many requests were received."),
         "azure.vault.throttled"),
        ((503, "", ""), "azure.vault.unavailable"),
        ((400, "BadParameter", "Property x has invalid value"), "azure.vault.other"),
    ],
)  # fmt: skip
def test_the_other_refusals(arguments: tuple[Any, ...], wanted: str) -> None:
    assert vault(*arguments).id == wanted


def test_the_address_that_the_firewall_saw_goes_into_the_command() -> None:
    text = "Client address is not authorized and caller is not trusted.\r\nClient address: 203.0.113.7\r\n"
    assert "'203.0.113.7/32'" in (vault(403, "Forbidden", text, "ForbiddenByFirewall").remedies[0].az or "")


@pytest.mark.parametrize(
    ("text", "inner", "computer"),
    [
        ("Client address is not authorized.\r\nClient address: 203.0.113.7\r\n", "ForbiddenByFirewall",
         "203.0.113.7"),
        ("Client address is not authorized.", "ForbiddenByFirewall", "ADDRESS"),
        ("Public network access is disabled and request is not from a trusted service nor via an approved "
         "private link.", "", "ADDRESS"),
    ],
)  # fmt: skip
def test_the_server_is_let_in_as_this_computer_is(text: str, inner: str, computer: str) -> None:
    """Each address is a call of its own: a placeholder that was left in keeps no other from being added."""
    remedy = vault(403, "Forbidden", text, inner).remedies[0]
    for commands, option in ((remedy.az, "--ip-address"), (remedy.powershell, "-IpAddressRange")):
        adding = [line for line in (commands or "").splitlines() if option in line]
        assert [line.rpartition(f"{option} ")[2] for line in adding] == [
            f"'{computer}/32'",
            "'SERVER-ADDRESS/32'",
        ]
    assert "SERVER-ADDRESS" in remedy.title
    assert "Comet Server" in remedy.portal[-1]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"error": 5}', b'{"error": {"innererror": 1}}', b"[" * 99999]
)
def test_any_body_is_understood(body: bytes) -> None:
    refusal = explain.read_refusal(403, body, {})
    assert explain.explain(refusal, OPTIONS).id == "azure.vault.other"
    assert signin_findings.explain(signin_findings.read_refusal(400, body, {}), OPTIONS, None).id.endswith(
        ".other"
    )


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (
            f'Bearer authorization="https://login.microsoftonline.com/{TENANT.upper()}", resource="https://v"',
            TENANT,
        ),
        (f"Bearer authorization_uri=https://login.windows.net/{TENANT}, scope=x", TENANT),
        ('Bearer authorization="https://[::1/x", resource="https://["', ""),
        ("Basic realm=x", ""),
        ("", ""),
    ],
)
def test_the_tenant_of_a_challenge(header: str, wanted: str) -> None:
    assert explain.challenge_tenant(header) == wanted


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (7000215, "secret-wrong"),
        (7000222, "secret-expired"),
        (700016, "application-unknown"),
        (700038, "application-unknown"),
        (90002, "tenant-unknown"),
        (900023, "tenant-unknown"),
        (7000112, "application-disabled"),
        (7000229, "service-principal-missing"),
        (53003, "conditional-access"),
        (500011, "resource-unknown"),
        (7000218, "option-missing"),
        (90033, "unavailable"),
        (1234567, "other"),
    ],
)
def test_every_number_of_entra_id(number: int, wanted: str) -> None:
    text = (
        f"AADSTS{number}: What Microsoft says. Trace ID: t Correlation ID: c Timestamp: 2026-11-23 10:00:00Z"
    )
    body = {"error": "invalid_client", "error_description": text, "error_codes": [number], "trace_id": "t"}
    refusal = signin_findings.read_refusal(400, json.dumps(body).encode(), {})
    finding = signin_findings.explain(refusal, OPTIONS, Secret("abc8Q~0123456789"))
    assert finding.id == f"azure.sign-in.{wanted}"
    assert finding.evidence.code == f"AADSTS{number}"
    assert finding.evidence.message == text
    assert finding.remedies
    if wanted == "other":
        assert "What Microsoft says." in finding.title
        assert "Trace ID" not in finding.title
    if wanted != "unavailable":
        assert finding.remedies[0].url == f"https://login.microsoftonline.com/error?code={number}"


def test_a_secret_in_the_form_of_an_id_is_told_from_a_wrong_one() -> None:
    body = b'{"error_description": "AADSTS7000215: Invalid client secret provided.\\r\\nTrace ID: x"}'
    refusal = signin_findings.read_refusal(401, body, {})
    secret = Secret("0d9c1f3e-5a7b-4c2d-8e6f-1a2b3c4d5e6f")
    assert signin_findings.explain(refusal, OPTIONS, secret).id == "azure.sign-in.secret-id-pasted"


@pytest.mark.parametrize(
    ("description", "codes", "number"),
    [
        ("AADSTS7000215: x", [7000215], 7000215),
        ("AADSTS7000215: x", "7000215", 7000215),
        ("AADSTS7000215: x", [True], 7000215),
        ("AADSTS7000215: x", [50000, 7000215], 50000),
        ("no number", [7000215], 7000215),
        ("AADSTS7000222: x", [7000215], 0),
        ("no number", [10**12], 0),
        (["AADSTS7000222"], None, 0),
    ],
)
def test_a_refused_sign_in_that_contradicts_itself_is_shown_and_not_explained(
    description: object, codes: object, number: int
) -> None:
    body = json.dumps({"error_description": description, "error_codes": codes}).encode()
    assert signin_findings.read_refusal(401, body, {}).number == number
