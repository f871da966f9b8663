"""Keys that belong to no certificate: made, imported, changed, rotated, deleted and brought back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.keyvault.models import Vault
from codesign_wizard.practice.keyvault.permissions import AccessPolicy
from tests.practice.test_clients import _SETTINGS, environment

_SDK = """
import json, os
from datetime import datetime, timedelta, timezone
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import JsonWebKey, KeyClient, KeyRotationLifetimeAction, KeyRotationPolicy
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

credential = ClientSecretCredential(
    os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"]
)
client = KeyClient(f"https://{os.environ['CODESIGN_WIZARD_VAULT']}.vault.azure.net", credential)
out = {}
first = client.create_rsa_key("alone", size=2048, tags={"for": "test"})
out["made"] = [first.key_type, first.properties.hsm_platform, first.key_operations, first.properties.tags]
second = client.create_ec_key("alone", curve="P-384", hardware_protected=True)
out["hsm"] = [second.key_type, second.properties.hsm_platform, second.key.crv, second.key_operations]
listed = client.list_properties_of_key_versions("alone", max_page_size=1)
out["versions"] = [each.version for each in listed] == [second.properties.version, first.properties.version]
signed = CryptographyClient(second.id, credential).sign(SignatureAlgorithm.es384, bytes(48))
out["valid"] = CryptographyClient(second.id, credential).verify(
    SignatureAlgorithm.es384, bytes(48), signed.signature).is_valid

end = datetime(2031, 1, 2, tzinfo=timezone.utc)
changed = client.update_key_properties(
    "alone", first.properties.version, key_operations=["verify"], enabled=False, expires_on=end, tags={})
out["changed"] = [changed.key_operations, changed.properties.enabled, changed.properties.expires_on == end]

private = ec.generate_private_key(ec.SECP256R1()).private_numbers()
point = private.public_numbers
numbers = {"x": point.x, "y": point.y, "d": private.private_value}
members = {name: value.to_bytes(32, "big") for name, value in numbers.items()}
own = JsonWebKey(kty="EC", crv="P-256", **members)
taken = client.import_key("brought", own, hardware_protected=True)
out["imported"] = [taken.key_type, taken.key.x == members["x"]]

out["policy"] = [each.action.value for each in client.get_key_rotation_policy("brought").lifetime_actions]
policy = client.update_key_rotation_policy("brought", KeyRotationPolicy(
    expires_in="P90D", lifetime_actions=[KeyRotationLifetimeAction("Rotate", time_after_create="P60D")]))
out["set"] = [policy.expires_in, [each.action.value for each in policy.lifetime_actions]]
turned = client.rotate_key("brought")
out["rotated"] = [turned.key_type, turned.key.x != taken.key.x,
                  (turned.properties.expires_on - turned.properties.created_on).days]

blob = client.backup_key("brought")
try:
    client.restore_key_backup(blob)
except ResourceExistsError as error:
    out["taken"] = error.error.message
gone = client.begin_delete_key("brought")
gone.wait()
out["deleted"] = [each.name for each in client.list_deleted_keys()]
try:
    client.get_key("brought")
except ResourceNotFoundError as error:
    out["missing"] = error.error.code
for attempt in (lambda: client.create_ec_key("brought"), lambda: client.restore_key_backup(blob)):
    try:
        attempt()
    except ResourceExistsError as error:
        out.setdefault("conflicts", []).append([error.error.innererror["code"], error.error.message])
poller = client.begin_recover_deleted_key("brought")
poller.wait()
out["recovered"] = poller.result().properties.version == turned.properties.version
client.begin_delete_key("brought").wait()
client.purge_deleted_key("brought")
out["purged"] = [each.name for each in client.list_deleted_keys()]
restored = client.restore_key_backup(blob)
out["restored"] = [restored.properties.version == turned.properties.version,
                   len(list(client.list_properties_of_key_versions("brought")))]
print(json.dumps(out))
"""
_RECOVERABLE = (
    "Key brought is currently in a deleted but recoverable state, and its name cannot be reused; in this "
    "state, the key can only be recovered or purged."
)


@pytest.fixture(scope="module")
def own(client: Any) -> Iterator[Any]:
    with PracticeCloud() as cloud:
        yield type(client)(cloud)
        assert cloud.problems == []


def error(answer: Any) -> tuple[int, str, str]:
    told = answer.json()["error"]
    return answer.status_code, told["code"], told["message"]


def test_the_azure_sdks_key_client(own: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SDK],
        env=environment(own.cloud, *_SETTINGS), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    every = ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]
    assert json.loads(done.stdout) == {
        "made": ["RSA", "0", every, {"for": "test"}],
        "hsm": ["EC-HSM", "2", "P-384", ["sign", "verify"]],
        "versions": True,
        "valid": True,
        "changed": [["verify"], False, True],
        "imported": ["EC-HSM", True],
        "policy": ["Notify"],
        "set": ["P90D", ["Rotate", "Notify"]],
        "rotated": ["EC-HSM", True, 90],
        "taken": "A key with (name/id) brought already exists in this key vault.",
        "deleted": ["brought"],
        "missing": "KeyNotFound",
        "conflicts": [["ObjectIsDeletedButRecoverable", _RECOVERABLE]] * 2,
        "recovered": True,
        "purged": [],
        "restored": [True, 2],
    }


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Property kty has invalid value\r\n"),
        ({"kty": "oct"}, "Property kty has invalid value\r\n"),
        ({"kty": "RSA", "key_size": 1024}, "Property key_size has invalid value\r\n"),
        ({"kty": "EC", "crv": "P-192"}, "Property crv has invalid value\r\n"),
        ({"kty": "EC", "key_ops": ["encrypt"]}, "Property key_ops has invalid value\r\n"),
        ({"kty": "EC", "attributes": {"exp": "soon"}}, "Property exp has invalid value\r\n"),
        ({"kty": "EC", "attributes": {"nbf": 20, "exp": 10}}, "Property exp has invalid value\r\n"),
        ({"kty": "EC", "tags": {str(number): "" for number in range(16)}}, "Property  has invalid value\r\n"),
    ],
)
def test_what_cannot_be_made(own: Any, body: Any, words: str) -> None:
    assert error(own.vault("/keys/refused/create", "POST", body=body)) == (400, "BadParameter", words)
    assert own.vault("/keys/refused").status_code == 404


def test_a_standard_vault_has_no_hsm(own: Any) -> None:
    vault = own.cloud.world.vault
    vault.sku = "standard"
    for kind in ("RSA-HSM", "EC-HSM"):
        assert error(own.vault("/keys/hard/create", "POST", body={"kty": kind})) == (
            400, "BadParameter", "Hardware key operation not allowed on standard vault",
        )  # fmt: skip
    assert own.vault("/keys/soft/create", "POST", body={"kty": "EC"}).status_code == 200
    vault.sku = "premium"


@pytest.mark.parametrize(
    "key",
    [
        None,
        {},
        {"kty": "RSA", "n": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ", "d": "AQ"},
    ],
)
def test_what_cannot_be_imported(own: Any, key: Any) -> None:
    assert error(own.vault("/keys/refused", "PUT", body={"key": key}))[:2] == (400, "BadParameter")
    assert own.vault("/keys/refused").status_code == 404


def test_permission_comes_before_name_and_body_in_both_models(own: Any) -> None:
    world = own.cloud.world
    vault, principal = world.vault, world.tenant.service_principals[0].object_id
    asked = [
        ("POST", "/keys/no_name/create", "create", "create/action"),
        ("PUT", "/keys/no_name", "import", "import/action"),
    ]
    kept, world.authorization.assignments = world.authorization.assignments, []
    for method, path, _, action in asked:
        status, _, words = error(own.vault(path, method, body=[]))
        assert (status, f"Action: 'Microsoft.KeyVault/vaults/keys/{action}'" in words) == (403, True)
    vault.access.rbac = False
    for method, path, permission, _ in asked:
        vault.access.policies = [AccessPolicy(principal, keys=["get", "list"])]
        words = error(own.vault(path, method, body=[]))[2]
        assert f"does not have keys {permission} permission on key vault" in words
        vault.access.policies = [AccessPolicy(principal, keys=[permission])]
        assert error(own.vault(path, method, body=[]))[:2] == (400, "BadParameter")
    # what is deleted is told to everybody by name, and given to those who may
    vault.access.policies = [AccessPolicy(principal, keys=["create", "delete"])]
    assert own.vault("/keys/judged/create", "POST", body={"kty": "EC"}).status_code == 200
    assert own.vault("/keys/judged", "DELETE").status_code == 200
    for method, path, permission in (
        ("GET", "", "get"),
        ("POST", "/recover", "recover"),
        ("DELETE", "", "purge"),
    ):
        words = error(own.vault(f"/deletedkeys/judged{path}", method))[2]
        assert f"does not have keys {permission} permission" in words
    vault.access.rbac, vault.access.policies = True, []
    world.authorization.assignments = kept


def test_a_certificates_key_is_its_certificates_alone(own: Any) -> None:
    name = own.cloud.accounts.certificate_name
    for method, path, body, operation in (
        ("POST", f"/keys/{name}/create", {"kty": "EC"}, "create"),
        ("PATCH", f"/keys/{name}", {"tags": {}}, "update"),
        ("POST", f"/keys/{name}/rotate", None, "rotate"),
        ("POST", f"/keys/{name}/backup", None, "backup"),
        ("PUT", f"/keys/{name}/rotationpolicy", {}, "setrotationpolicy"),
        ("DELETE", f"/keys/{name}", None, "delete"),
    ):
        assert error(own.vault(path, method, body=body)) == (
            403, "Forbidden", f"Operation {operation} is not allowed on a managed key.",
        )  # fmt: skip
    version = own.vault(f"/keys/{name}").json()["key"]["kid"]
    own.vault(f"/certificates/{name}", "DELETE")
    listed = {
        each["recoveryId"].rpartition("/")[2]: each for each in own.vault("/deletedkeys").json()["value"]
    }
    assert listed[name]["managed"] is True
    assert own.vault(f"/deletedkeys/{name}").json()["key"]["kid"] == version
    assert error(own.vault(f"/deletedkeys/{name}/recover", "POST"))[2].endswith("on a managed key.")
    conflict = error(own.vault(f"/keys/{name}/create", "POST", body={"kty": "EC"}))
    assert conflict[:2] == (409, "Conflict")
    own.vault(f"/deletedcertificates/{name}/recover", "POST")
    assert own.vault(f"/keys/{name}").json()["key"]["kid"] == version
    assert own.vault(f"/deletedkeys/{name}").status_code == 404


def test_a_key_keeps_its_name_from_certificates(own: Any) -> None:
    assert own.vault("/keys/mine/create", "POST", body={"kty": "EC"}).status_code == 200
    policy = {"issuer": {"name": "Unknown"}, "x509_props": {"subject": "CN=Example"}}

    def create() -> Any:
        return own.vault("/certificates/mine/create", "POST", body={"policy": policy})

    assert error(create()) == (409, "Conflict", "A key with (name/id) mine already exists in this key vault.")
    own.vault("/keys/mine", "DELETE")
    assert error(create())[2].startswith("Key mine is currently in a deleted but recoverable state")
    own.vault("/deletedkeys/mine", "DELETE")
    assert create().status_code == 202
    # the key that a waiting request has is nobody else's, and not to be seen before the answer
    assert own.vault("/keys/mine").status_code == 404
    assert error(own.vault("/keys/mine/create", "POST", body={"kty": "EC"}))[0] == 403


@pytest.mark.parametrize(
    ("policy", "member"),
    [
        ({"attributes": {"expiryTime": "P27D"}}, "expiryTime"),
        ({"attributes": {"expiryTime": "90 days"}}, "expiryTime"),
        ({"lifetimeActions": [{"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "Rotate"}}]},
         "timeBeforeExpiry"),
        ({"lifetimeActions": [{"trigger": {"timeAfterCreate": "P30D"}, "action": {"type": "Notify"}}]},
         "trigger"),
        ({"lifetimeActions": [{"trigger": {}, "action": {"type": "Burn"}}]}, "type"),
    ],
)  # fmt: skip
def test_rotation_policies_that_are_refused(own: Any, policy: Any, member: str) -> None:
    own.vault("/keys/turning/create", "POST", body={"kty": "EC"})
    before = own.vault("/keys/turning/rotationpolicy").json()["lifetimeActions"]
    answer = own.vault("/keys/turning/rotationpolicy", "PUT", body=policy)
    assert error(answer) == (400, "BadParameter", f"Property {member} has invalid value\r\n")
    assert own.vault("/keys/turning/rotationpolicy").json()["lifetimeActions"] == before


def test_keys_are_kept_with_the_world(own: Any) -> None:
    for name in ("kept", "gone"):
        own.vault(f"/keys/{name}/create", "POST", body={"kty": "EC", "tags": {"a": "b"}})
    own.vault("/keys/kept/rotationpolicy", "PUT", body={"attributes": {"expiryTime": "P90D"}})
    own.vault("/keys/gone", "DELETE")
    vault = own.cloud.world.vault
    again = Vault.from_json(json.loads(json.dumps(vault.to_json())))
    assert again == vault
    assert again.keys["kept"].versions[0].tags == {"a": "b"}
    assert "gone" in again.deleted_keys
