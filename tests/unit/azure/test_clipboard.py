"""Everything that people really have on the clipboard."""

from __future__ import annotations

import json
import random
import re

import pytest

from codesign_wizard.core.azure.clipboard import recognise
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.setup_script import setup_remedy
from codesign_wizard.core.redact import Secret
from tests.support.clocks import at_most

APPLICATION = "6b1f6e2a-3b0c-4f0e-9d3a-0c2f4a6b8d10"
TENANT = "0d9c1f3e-5a7b-4c2d-8e6f-1a2b3c4d5e6f"
VALUE = "abc8Q~" + "x" * 34
IDS = {"application_id": APPLICATION, "tenant_id": TENANT}
RESOURCE = (
    "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/rg/providers/"
    "Microsoft.KeyVault/vaults/contoso"
)


def check(text: str, values: dict[str, str], secret: str | None = None) -> None:
    found = recognise(text)
    assert found is not None
    assert found.values == values
    assert found.secret == (Secret(secret) if secret else None)
    assert found.what
    assert VALUE not in found.what


RBAC = {"appId": APPLICATION, "displayName": "codesign", "password": VALUE, "tenant": TENANT}


def test_create_for_rbac_also_inside_other_text() -> None:
    check(json.dumps(RBAC, indent=2), IDS, VALUE)
    check(f"The output includes {{credentials}}.\n{json.dumps(RBAC)}\n$ ", IDS, VALUE)


def test_sdk_auth_names_the_cloud() -> None:
    document = {
        "clientId": APPLICATION,
        "clientSecret": VALUE,
        "subscriptionId": "11111111-2222-4333-8444-555555555555",
        "tenantId": TENANT,
        "activeDirectoryEndpointUrl": "https://login.microsoftonline.us",
    }
    check(json.dumps(document), {**IDS, "cloud": "us-government"}, VALUE)


@pytest.mark.parametrize(
    "form", ["export {}={}", "set {}={}", '$env:{} = "{}"', "{}='{}'", 'set "{}={}"', "{}: {}"]
)
def test_environment_lines(form: str) -> None:
    names = {"AZURE_CLIENT_ID": APPLICATION, "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_SECRET": VALUE}
    check("\n".join(form.format(name, value) for name, value in names.items()), IDS, VALUE)


def test_the_portal_overview_page_copied_as_text() -> None:
    text = (
        f"Application (client) ID\n:\n{APPLICATION}\nObject ID\n:\n{VALUE[:8]}\n"
        f"Directory (tenant) ID\n:\n{TENANT}"
    )
    check(text, IDS)
    check(f"Application (client) ID : {APPLICATION}\r\nDirectory (tenant) ID : {TENANT}", IDS)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("https://contoso.vault.azure.net/", {"vault_name": "contoso", "cloud": "public"}),
        ("contoso.vault.azure.cn", {"vault_name": "contoso", "cloud": "china"}),
        (
            "see https://contoso.vault.azure.net/certificates/code-signing/0123456789abcdef, please",
            {"vault_name": "contoso", "cloud": "public", "certificate_name": "code-signing"},
        ),
        (
            "https://contoso.vault.azure.net/keys/code-signing/0123456789abcdef",
            {"vault_name": "contoso", "cloud": "public", "certificate_name": "code-signing"},
        ),
        (RESOURCE, {"vault_name": "contoso"}),
        (
            f"https://portal.azure.us/#@contoso.onmicrosoft.us/resource{RESOURCE}/overview",
            {"tenant_id": "contoso.onmicrosoft.us", "vault_name": "contoso", "cloud": "us-government"},
        ),
        (
            "https://portal.azure.com/#view/Microsoft_AAD_RegisteredApps/ApplicationMenuBlade/~/Overview/appId/"
            + APPLICATION,
            {"application_id": APPLICATION, "cloud": "public"},
        ),
        (
            f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token",
            {"tenant_id": TENANT, "cloud": "public"},
        ),
        ("contoso-signing", {"vault_name": "contoso-signing"}),
        (APPLICATION, {}),
    ],
)
def test_addresses_and_lone_values(text: str, values: dict[str, str]) -> None:
    check(text, values)


def test_a_lone_secret_is_told_by_its_shape() -> None:
    check(VALUE, {}, VALUE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "Dear all, the meeting is at ten.",
        "{}",
        "[1, 2]",
        "https://www.example.com/a",
        '{"appId": 5}',
    ],
)
def test_other_text_is_not_recognised(text: str) -> None:
    assert recognise(text) is None


@pytest.mark.parametrize("kind", ["az", "powershell"])
def test_what_our_own_script_prints_can_be_pasted_back(kind: str) -> None:
    remedy = setup_remedy(AzureOptions("contoso", "code-signing", "", ""))
    script = getattr(remedy, kind)
    assert "premium" in script.lower()
    values = {"appId": APPLICATION, "password": VALUE, "tenant": TENANT, "vaultName": "contoso"}
    values["certificateName"] = "code-signing"
    for name in values:
        assert re.search(rf"\b{name}\b", script)
    wanted = {**IDS, "vault_name": "contoso", "certificate_name": "code-signing"}
    check(f"Preparing\n{json.dumps(values)}\n", wanted, VALUE)


@pytest.mark.parametrize(
    "unit",
    [
        "{",
        '{"a":', "[", "https://", "a.", "%25", "AZURE_CLIENT_ID=", "x = ", "-",
        "https://portal.azure.com/#@",
        '"\\',
     "a.vault.azure.net/", "appid\n", " \t"],
)  # fmt: skip
def test_a_megabyte_of_anything_is_read_in_time(unit: str) -> None:
    text = (unit * (1 << 20))[: (1 << 20) + 5]
    with at_most(5.0):
        recognise(text)


def test_broken_text_never_raises() -> None:
    source = random.Random(7)
    good = json.dumps(RBAC) + f" AZURE_CLIENT_ID={APPLICATION} https://contoso.vault.azure.net/keys/a/b#@x/"
    for _ in range(300):
        text = list(good)
        for _ in range(source.randrange(1, 12)):
            text[source.randrange(len(text))] = source.choice('{}[]"\\:/%\u200b\0\ud800=')
        recognise("".join(text))
