"""Other people's clients, unmodified, with only a proxy and a CA set."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core.sample import build_sample
from codesign_wizard.practice import client_settings
from codesign_wizard.practice.keyvault.objects import VaultKey, new_hsm_key

_SDK = """
import json, os
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.certificates import CertificateClient
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm

credential = ClientSecretCredential(
    os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"]
)
url = f"https://{os.environ['CODESIGN_WIZARD_VAULT']}.vault.azure.net"
certificates, keys = CertificateClient(url, credential), KeyClient(url, credential)
certificate = certificates.get_certificate(os.environ["CODESIGN_WIZARD_CERTIFICATE"])
crypto = CryptographyClient(certificate.key_id, credential)
signed = crypto.sign(SignatureAlgorithm.rs256, bytes(32))
unversioned = CryptographyClient(certificate.key_id.rpartition("/")[0], credential)
out = {
    "key_type": certificate.policy.key_type,
    "listed": [each.name for each in certificates.list_properties_of_certificates(max_page_size=1)],
    "versions": len(list(certificates.list_properties_of_certificate_versions(certificate.name))),
    "platform": keys.get_key(certificate.name).properties.hsm_platform,
    "length": len(signed.signature),
    "valid": crypto.verify(SignatureAlgorithm.rs256, bytes(32), signed.signature).is_valid,
    "unversioned": len(unversioned.sign(SignatureAlgorithm.ps256, bytes(32)).signature),
}
try:
    certificates.get_certificate("nothing")
except ResourceNotFoundError as error:
    out["missing"] = error.error.code
try:
    certificates.get_certificate_operation("nothing")
except ResourceNotFoundError as error:
    out["pending"] = error.error.code
print(json.dumps(out))
"""


_PAGES = """
import json, os
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient

credential = ClientSecretCredential(
    os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"]
)
client = KeyClient(f"https://{os.environ['CODESIGN_WIZARD_VAULT']}.vault.azure.net", credential)
print(json.dumps([each.name for each in client.list_properties_of_keys()]))
"""
_SETTINGS = (
    "HTTPS_PROXY",
    "REQUESTS_CA_BUNDLE",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "CODESIGN_WIZARD_VAULT",
    "CODESIGN_WIZARD_CERTIFICATE",
)


def environment(cloud: Any, *names: str) -> dict[str, str]:
    """This process's environment without any proxy or Azure setting, and the cloud's *names*."""
    given = client_settings.environment(cloud)
    cleared = {
        name: value for name, value in os.environ.items() if name not in given and name.upper() not in given
    }
    return cleared | {name: given[name] for name in names}


def test_the_azure_sdk_with_every_default_on(client: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SDK],
        env=environment(client.cloud, *_SETTINGS),
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "key_type": "RSA-HSM",
        "listed": ["code-signing"],
        "versions": 1,
        "platform": "2",
        "length": 384,
        "valid": True,
        "unversioned": 384,
        "missing": "CertificateNotFound",
        "pending": "PendingCertificateNotFound",
    }


def test_the_azure_sdk_follows_the_pages(start: Callable[..., Any]) -> None:
    own = start()
    shared = new_hsm_key("test-shared", "ec-P-256")
    names = [f"key-{number:02}" for number in range(30)]
    own.cloud.world.vault.keys |= {name: VaultKey(name, [shared]) for name in names}
    done = subprocess.run(
        [sys.executable, "-c", _PAGES],
        env=environment(own.cloud, *_SETTINGS), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["code-signing", *names]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_with_the_printed_shell_assignments(client: Any, tmp_path: Path) -> None:
    script = "\n".join(
        [
            *client_settings.posix_lines(client_settings.environment(client.cloud)),
            'TOKEN=$(curl -sSf -u "$AZURE_CLIENT_ID:$AZURE_CLIENT_SECRET" -d grant_type=client_credentials '
            "--data-urlencode scope=https://vault.azure.net/.default "
            '"https://login.microsoftonline.com/$AZURE_TENANT_ID/oauth2/v2.0/token" | '
            'sed \'s/.*"access_token":"\\([^"]*\\)".*/\\1/\')',
            'curl -sSf -H "Authorization: Bearer $TOKEN" '
            '"https://$CODESIGN_WIZARD_VAULT.vault.azure.net/certificates/$CODESIGN_WIZARD_CERTIFICATE'
            '?api-version=7.4"',
            "curl -sSf -o issuer.crt http://pki.example/ca.crt",
            # S3 under the cloud's own address, which no proxy leads to: refused, but there
            'curl -sS "$AWS_ENDPOINT_URL_S3/notary-submissions-prod/any" | grep -q AccessDenied',
        ]
    )
    done = subprocess.run(
        ["sh", "-eu"], input=script, cwd=tmp_path, env=environment(client.cloud), capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"].startswith(client.vault_url + "/certificates/code-signing/")
    assert (tmp_path / "issuer.crt").stat().st_size > 500


@pytest.mark.skipif(
    shutil.which("osslsigncode") is None or shutil.which("openssl") is None,
    reason="osslsigncode or openssl is not installed",
)
def test_osslsigncode_stamps_and_verifies(client: Any, tmp_path: Path) -> None:
    """Signed elsewhere, time-stamped here, verified by osslsigncode with the roots and no network."""
    cloud = client.cloud
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genrsa", "-out", key, "3072"], check=True, capture_output=True)
    request = subprocess.run(
        ["openssl", "req", "-new", "-key", key, "-subj", "/CN=Stamped (practice)"],
        check=True, capture_output=True,
    ).stdout  # fmt: skip
    from cryptography.hazmat.primitives.serialization import Encoding

    chain = tmp_path / "chain.pem"
    chain.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in cloud.ca_desk.issue(request)))
    program, signed = tmp_path / "program.exe", tmp_path / "signed.exe"
    program.write_bytes(build_sample("Practice", "x64"))  # scripts are too new a thing for some versions
    made = subprocess.run(
        ["osslsigncode", "sign", "-certs", chain, "-key", key, "-h", "sha256", "-in", program, "-out", signed,
         "-ts", cloud.accounts.timestamp_servers[0], "-p", cloud.proxy_url],
        env=environment(cloud), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    judged = subprocess.run(
        ["osslsigncode", "verify", "-in", signed, "-CAfile", cloud.roots_file,
         "-TSA-CAfile", cloud.timestamp_roots_file],
        env=environment(cloud), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert "Timestamp Server Signature verification: ok" in judged.stdout
    # older versions name the unit's issuer only
    assert "Practice Timestamp" in judged.stdout
