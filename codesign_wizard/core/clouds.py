"""The three Azure clouds and their hosts.

Source: azure-cli ``core/cloud.py``; Key Vault's "access behind a firewall"; azure-identity ``_constants.py``;
Microsoft Graph's "national cloud deployments".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cloud:
    """Host names of one Azure cloud. ``key`` is stable and stored in profiles."""

    key: str
    name: str
    vault_suffix: str
    managed_hsm_suffix: str
    authority_host: str
    management_host: str
    portal_host: str
    graph_host: str

    @property
    def vault_resource(self) -> str:
        """The audience of a Key Vault token: the challenge's ``resource``."""
        return f"https://{self.vault_suffix}"

    @property
    def vault_scope(self) -> str:
        """The OAuth 2.0 scope for Key Vault."""
        return f"{self.vault_resource}/.default"

    @property
    def management_scope(self) -> str:
        """The OAuth 2.0 scope for Azure Resource Manager."""
        return f"https://{self.management_host}/.default"

    @property
    def graph_scope(self) -> str:
        """The OAuth 2.0 scope for Microsoft Graph."""
        return f"https://{self.graph_host}/.default"


PUBLIC = Cloud(
    "public",
    "Azure",
    "vault.azure.net",
    "managedhsm.azure.net",
    "login.microsoftonline.com",
    "management.azure.com",
    "portal.azure.com",
    "graph.microsoft.com",
)
US_GOVERNMENT = Cloud(
    "us-government",
    "Azure US Government",
    "vault.usgovcloudapi.net",
    "managedhsm.usgovcloudapi.net",
    "login.microsoftonline.us",
    "management.usgovcloudapi.net",
    "portal.azure.us",
    "graph.microsoft.us",
)
CHINA = Cloud(
    "china",
    "Azure China (21Vianet)",
    "vault.azure.cn",
    "managedhsm.azure.cn",
    "login.chinacloudapi.cn",
    "management.chinacloudapi.cn",
    "portal.azure.cn",
    "microsoftgraph.chinacloudapi.cn",
)
CLOUDS = (PUBLIC, US_GOVERNMENT, CHINA)


def by_key(key: str) -> Cloud:
    """Return the cloud stored under *key*; raises ``KeyError``."""
    return {cloud.key: cloud for cloud in CLOUDS}[key]


def of_vault_host(host: str) -> Cloud | None:
    """Return the cloud that the host name of a vault belongs to, or ``None``."""
    host = host.lower().rstrip(".")
    for cloud in CLOUDS:
        if host.endswith("." + cloud.vault_suffix):
            return cloud
    return None
