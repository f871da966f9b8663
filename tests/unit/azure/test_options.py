"""What people type and paste for the five options, good and bad."""

from __future__ import annotations

import pytest

from codesign_wizard.core.azure.options import FIELDS, AzureOptions, check_field, check_options, tidy
from codesign_wizard.core.clouds import CHINA, PUBLIC, US_GOVERNMENT
from codesign_wizard.core.redact import Secret

APPLICATION = "6b1f6e2a-3b0c-4f0e-9d3a-0c2f4a6b8d10"
TENANT = "0d9c1f3e-5a7b-4c2d-8e6f-1a2b3c4d5e6f"


@pytest.mark.parametrize(
    ("field", "text", "wanted"),
    [
        ("application_id", f"  {{{APPLICATION.upper()}}} ", APPLICATION),
        ("application_id", f'"{APPLICATION}"', APPLICATION),
        ("application_id", APPLICATION.replace("-", ""), APPLICATION),
        ("tenant_id", f"\u200b{TENANT}\u00a0", TENANT),
        ("tenant_id", "Contoso.OnMicrosoft.com", "contoso.onmicrosoft.com"),
        ("vault_name", "https://contoso-sign.vault.azure.net/", "contoso-sign"),
        ("vault_name", "contoso-sign.vault.azure.net:443", "contoso-sign"),
        ("vault_name", "https://contoso.vault.azure.net/keys/a/1", "contoso"),
        ("vault_name", "https://contoso.vault.usgovcloudapi.net/", "contoso.vault.usgovcloudapi.net"),
        ("vault_name", "https://contoso.managedhsm.azure.net/", "contoso.managedhsm.azure.net"),
        ("certificate_name", "https://v.vault.azure.net/certificates/code-signing/0123", "code-signing"),
        ("application_secret", ' "abc8Q~x" ', "abc8Q~x"),
    ],
)
def test_slips_are_put_right(field: str, text: str, wanted: str) -> None:
    assert tidy(field, text) == wanted
    assert tidy(field, wanted) == wanted


@pytest.mark.parametrize(
    ("field", "text", "wanted"),
    [
        ("vault_name", "ab", "vault-name"),
        ("vault_name", "a" * 25, "vault-name"),
        ("vault_name", "1contoso", "vault-name"),
        ("vault_name", "con--toso", "vault-name"),
        ("vault_name", "contoso-", "vault-name"),
        ("vault_name", "contoso sign", "vault-name"),
        ("vault_name", "contoso.vault.azure.com", "vault-suffix"),
        ("vault_name", "contoso.managedhsm.azure.net", "managed-hsm"),
        ("vault_name", "<vault name>", "placeholder"),
        ("vault_name", "your-vault", "placeholder"),
        ("certificate_name", "code signing", "certificate-name"),
        ("certificate_name", "code_signing", "certificate-name"),
        ("certificate_name", "a" * 128, "certificate-name"),
        ("certificate_name", "https://v.vault.azure.net/keys/code-signing/1", "certificate-identifier"),
        ("certificate_name", "https://v.vault.azure.net/secrets/code-signing", "certificate-identifier"),
        ("application_id", "Codesign", "application-id"),
        ("application_id", "00000000-0000-0000-0000-000000000000", "zero-id"),
        ("tenant_id", "contoso", "tenant-id"),
        ("tenant_id", "common", "tenant-id"),
        ("application_secret", APPLICATION, "secret-looks-like-id"),
        ("application_secret", "****************", "placeholder"),
        ("application_secret", "<secret>", "placeholder"),
        ("application_secret", "abc def", "secret-shape"),
    ],
)
def test_what_cannot_be_right_is_named_with_its_field(field: str, text: str, wanted: str) -> None:
    findings = check_field(field, text)
    assert [finding.id for finding in findings] == [f"azure.options.{wanted}"]
    assert findings[0].evidence.more["field"] == field


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("vault_name", "abc"),
        ("vault_name", "A" * 24),
        ("vault_name", "kv-your-vault-01"),
        ("certificate_name", "a" * 127),
        ("certificate_name", "0"),
        ("application_id", APPLICATION),
        ("tenant_id", "contoso.onmicrosoft.com"),
        ("application_secret", "abc8Q~<*>xyz"),
    ],
)
def test_good_values_pass(field: str, text: str) -> None:
    assert check_field(field, text) == []


@pytest.mark.parametrize("field", FIELDS)
def test_an_empty_field_is_nothing_to_accuse_until_all_are_checked(field: str) -> None:
    assert check_field(field, " ") == []


def test_a_mistyped_suffix_is_told_the_nearest() -> None:
    assert "contoso.vault.azure.net" in check_field("vault_name", "contoso.vaults.azure.net")[0].detail


@pytest.mark.parametrize(
    ("host", "cloud"),
    [
        ("v12.vault.azure.net", PUBLIC),
        ("v12.vault.usgovcloudapi.net", US_GOVERNMENT),
        ("v12.vault.azure.cn", CHINA),
    ],
)
def test_the_suffix_decides_the_cloud(host: str, cloud: object) -> None:
    options = AzureOptions(host, "c", APPLICATION, TENANT)
    assert (options.vault_name, options.cloud, options.vault_host) == ("v12", cloud, host)


def test_a_whole_set_of_options() -> None:
    good = AzureOptions("contoso", "code-signing", APPLICATION, TENANT)
    assert check_options(good, Secret("abc8Q~0123456789")) == []
    same = AzureOptions("contoso", "code-signing", APPLICATION, APPLICATION)
    assert [each.id for each in check_options(same, Secret("abc8Q~0123456789"))] == ["azure.options.same-ids"]
    empty = check_options(AzureOptions("", "", "", ""), None)
    assert [each.evidence.more["field"] for each in empty] == list(FIELDS)
    assert {each.id for each in empty} == {"azure.options.missing"}
