"""What other programs need to come to a practice cloud: an environment, and everything as a document."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from codesign_wizard.practice.timestamp.hosts import APPLE_URL

if TYPE_CHECKING:
    from codesign_wizard.practice.cloud import PracticeCloud


def environment(cloud: PracticeCloud) -> dict[str, str]:
    """Return the environment that leads any client here and signs it in."""
    accounts, apple = cloud.accounts, cloud.apple_account
    apple.write()
    return {
        "HTTPS_PROXY": cloud.proxy_url,
        "HTTP_PROXY": cloud.proxy_url,
        "https_proxy": cloud.proxy_url,
        "http_proxy": cloud.proxy_url,  # curl reads only the lower-case name for http
        # what is under the cloud's own address: S3 for clients without a proxy, and the sign-in pages
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "REQUESTS_CA_BUNDLE": str(cloud.ca_file),
        "SSL_CERT_FILE": str(cloud.ca_file),
        "CURL_CA_BUNDLE": str(cloud.ca_file),
        "NODE_EXTRA_CA_CERTS": str(cloud.ca_file),
        "AZURE_TENANT_ID": accounts.tenant_id,
        "AZURE_CLIENT_ID": accounts.application_id,
        "AZURE_CLIENT_SECRET": accounts.application_secret,
        "CODESIGN_WIZARD_VAULT": accounts.vault_name,
        "CODESIGN_WIZARD_CERTIFICATE": accounts.certificate_name,
        "CODESIGN_WIZARD_SERVER": accounts.server_address,
        "CODESIGN_WIZARD_SERVER_USER": accounts.server_user,
        "CODESIGN_WIZARD_SERVER_PASSWORD": accounts.server_password,
        # Amazon's SDK for Rust, which rcodesign uploads with, knows no proxy
        "AWS_ENDPOINT_URL_S3": cloud.proxy_url,
        "CODESIGN_WIZARD_APPLICATION_FILE": str(apple.application_file),
        "CODESIGN_WIZARD_INSTALLER_FILE": str(apple.installer_file),
        "CODESIGN_WIZARD_P12_PASSWORD": apple.password,
    }


def posix_lines(settings: Mapping[str, str]) -> list[str]:
    """Return *settings* of the environment as assignments for a POSIX shell."""
    return [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]


def powershell_lines(settings: Mapping[str, str]) -> list[str]:
    """Return *settings* of the environment as assignments for PowerShell."""
    lines = []
    for name, value in settings.items():
        quoted = value.replace("'", "''")
        lines.append(f"$env:{name} = '{quoted}'")
    return lines


def description(cloud: PracticeCloud) -> dict[str, Any]:
    """Return everything another program needs, the secret included, for ``practice serve --json``."""
    accounts, vault = cloud.accounts, f"https://{cloud.accounts.vault_name}.vault.azure.net"
    login = cloud.world.conditions.proxy_login
    return {
        "scenario": cloud.scenario,
        "proxy_url": cloud.proxy_url,
        "proxy_login": {"user": login.user, "password": login.password} if login else None,
        "ca_file": str(cloud.ca_file),
        "roots_file": str(cloud.roots_file),
        "timestamp_roots_file": str(cloud.timestamp_roots_file),
        "vault_name": accounts.vault_name,
        "vault_url": vault,
        "certificate_name": accounts.certificate_name,
        "certificate_id": f"{vault}/certificates/{accounts.certificate_name}",
        "application_id": accounts.application_id,
        "application_secret": accounts.application_secret,
        "tenant_id": accounts.tenant_id,
        "cloud": accounts.cloud,
        "product_name": accounts.product_name,
        "apple_roots_file": str(cloud.apple_roots_file),
        "apple_team": cloud.apple_account.team,
        "application_file": str(cloud.apple_account.application_file),
        "installer_file": str(cloud.apple_account.installer_file),
        "p12_password": cloud.apple_account.password,
        "apple_timestamp_server": APPLE_URL,
        "timestamp_servers": list(accounts.timestamp_servers),
        "server_address": accounts.server_address,
        "server_user": accounts.server_user,
        "server_password": accounts.server_password,
        "api_key_id": accounts.api_key_id,
        "api_issuer_id": accounts.api_issuer_id,
        "api_key_file": str(cloud.api_key_file),
        "team_id": cloud.world.account.team_id,
        "sign_in_pages": f"{cloud.proxy_url}/sign-in/",
        "az_folder": str(cloud.az_folder),
        "environment": environment(cloud),
    }
