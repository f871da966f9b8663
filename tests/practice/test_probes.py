"""Every request that tells a permission without needing it: 403 without, its own answer with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.keyvault.objects import VaultKey, new_hsm_key
from codesign_wizard.practice.keyvault.permissions import OPERATIONS, AccessPolicy

NAME = "wizard-probe-0123456789abcdef"
VERSION = "0123456789abcdef0123456789abcdef"
USE = {"alg": "RS256", "value": "A" * 43, "digest": "A" * 43}

# (group, permission, method, path, body, status and code with the permission)
PROBES: list[tuple[str, str, str, str, Any, int, str]] = [
    ("certificates", "get", "GET", f"/certificates/{NAME}/", None, 404, "CertificateNotFound"),
    ("certificates", "list", "GET", "/certificates?maxresults=1", None, 200, ""),
    ("certificates", "create", "POST", f"/certificates/{NAME}/pending/merge", {"x5c": ["dGVzdA=="]},
     404, "PendingCertificateNotFound"),
    ("certificates", "update", "PATCH", f"/certificates/{NAME}/pending", {"cancellation_requested": True},
     404, "PendingCertificateNotFound"),
    ("certificates", "update", "DELETE", f"/certificates/{NAME}/pending", None,
     404, "PendingCertificateNotFound"),
    ("certificates", "update", "PATCH", f"/certificates/{NAME}/policy", {}, 404, "CertificateNotFound"),
    ("certificates", "backup", "POST", f"/certificates/{NAME}/backup", None, 404, "CertificateNotFound"),
    ("certificates", "restore", "POST", "/certificates/restore", {"value": "AA"}, 400, "BadParameter"),
    ("certificates", "managecontacts", "GET", "/certificates/contacts", None, 404, "ContactsNotFound"),
    ("certificates", "listissuers", "GET", "/certificates/issuers?maxresults=1", None, 200, ""),
    ("certificates", "getissuers", "GET", f"/certificates/issuers/{NAME}", None,
     404, "CertificateIssuerNotFound"),
    ("certificates", "setissuers", "PATCH", f"/certificates/issuers/{NAME}", {},
     404, "CertificateIssuerNotFound"),
    ("certificates", "deleteissuers", "DELETE", f"/certificates/issuers/{NAME}", None,
     404, "CertificateIssuerNotFound"),
    ("certificates", "delete", "DELETE", f"/certificates/{NAME}", None, 404, "CertificateNotFound"),
    ("keys", "get", "GET", f"/keys/{NAME}/", None, 404, "KeyNotFound"),
    ("keys", "list", "GET", "/keys?maxresults=1", None, 200, ""),
    ("keys", "update", "PATCH", f"/keys/{NAME}/{VERSION}", {}, 404, "KeyNotFound"),
    ("keys", "backup", "POST", f"/keys/{NAME}/backup", None, 404, "KeyNotFound"),
    ("keys", "restore", "POST", "/keys/restore", {"value": "AA"}, 400, "BadParameter"),
    ("keys", "getrotationpolicy", "GET", f"/keys/{NAME}/rotationpolicy", None, 404, "KeyNotFound"),
    ("keys", "setrotationpolicy", "PUT", f"/keys/{NAME}/rotationpolicy", {}, 404, "KeyNotFound"),
    ("keys", "rotate", "POST", f"/keys/{NAME}/rotate", None, 404, "KeyNotFound"),
    ("keys", "release", "POST", f"/keys/{NAME}/{VERSION}/release", {}, 404, "KeyNotFound"),
    ("keys", "delete", "DELETE", f"/keys/{NAME}", None, 404, "KeyNotFound"),
    *(
        ("keys", operation, "POST", f"/keys/{NAME}/{VERSION}/{operation.lower()}", USE, 404, "KeyNotFound")
        for operation in ("encrypt", "decrypt", "wrapKey", "unwrapKey", "sign", "verify")
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def own(client: Any) -> Iterator[Any]:
    with PracticeCloud() as cloud:
        yield type(client)(cloud)
        assert cloud.problems == []


def code(answer: Any) -> str:
    return str(answer.json().get("error", {}).get("code", ""))


@pytest.mark.parametrize("probe", PROBES, ids=lambda each: f"{each[2]} {each[3]}")
def test_a_probe_tells_its_permission_in_both_models(own: Any, probe: Any) -> None:
    group, permission, method, path, body, status, expected = probe
    vault, principal = own.cloud.world.vault, own.cloud.world.tenant.service_principals[0].object_id
    before = json.dumps(vault.to_json()["certificates"]) + json.dumps(vault.to_json()["keys"])
    vault.access.rbac = True
    for rbac in (True, False):
        vault.access.rbac = rbac
        every = [name for each, name in OPERATIONS if each == group]
        for policy, allowed in ((every, True), ([permission], True), (set(every) - {permission}, False)):
            vault.access.policies = [AccessPolicy(principal, **{group: list(policy)})]
            if not allowed and permission.endswith("issuers"):
                vault.access.policies[0].certificates.remove("manageissuers")
            answer = own.vault(path, method, body=body)
            if rbac or allowed:
                assert (answer.status_code, code(answer)) == (status, expected)
            else:
                assert answer.status_code == 403
                told = answer.json()["error"]
                assert told["innererror"] == {"code": "ForbiddenByPolicy"}
                assert f"does not have {group} {permission} permission" in told["message"]
    after = json.dumps(vault.to_json()["certificates"]) + json.dumps(vault.to_json()["keys"])
    assert after == before


@pytest.mark.parametrize("probe", PROBES, ids=lambda each: f"{each[2]} {each[3]}")
def test_a_probe_without_a_role_names_the_action(own: Any, probe: Any) -> None:
    group, permission, method, path, body, *_ = probe
    world = own.cloud.world
    world.vault.access.rbac = True
    kept, world.authorization.assignments = world.authorization.assignments, []
    answer = own.vault(path, method, body=body)
    world.authorization.assignments = kept
    assert answer.status_code == 403
    assert f"Action: '{OPERATIONS[group, permission].action}'" in answer.json()["error"]["message"]


def test_what_is_deleted_is_not_told_before_it_is_there(own: Any) -> None:
    world = own.cloud.world
    kept, world.authorization.assignments = world.authorization.assignments, []
    for kind, word in (("certificates", "Certificate"), ("keys", "Key")):
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/recover")):
            answer = own.vault(f"/deleted{kind}/{NAME}{path}", method)
            assert (answer.status_code, code(answer)) == (404, f"{word}NotFound")
            assert answer.json()["error"]["message"] == f"Deleted {word} not found: {NAME}"
        assert own.vault(f"/deleted{kind}").status_code == 403  # the list is judged
    world.authorization.assignments = kept
    assert own.vault("/deletedkeys").json() == {"value": [], "nextLink": None}


def test_an_rsa_key_for_encryption_wraps_and_unwraps(start: Callable[..., Any]) -> None:
    own = start()
    key = new_hsm_key("vault-wrapping", "rsa-2048")
    key.key_ops = ["encrypt", "decrypt", "wrapKey", "unwrapKey"]
    own.cloud.world.vault.keys["wrapping"] = VaultKey("wrapping", [key])

    def ask(operation: str, algorithm: str, value: str, name: str = "wrapping") -> Any:
        return own.vault(f"/keys/{name}/{operation}", "POST", body={"alg": algorithm, "value": value})

    for there, back in (("encrypt", "decrypt"), ("wrapkey", "unwrapkey")):
        for algorithm in ("RSA-OAEP", "RSA-OAEP-256", "RSA1_5"):
            sealed = ask(there, algorithm, "c2VjcmV0").json()["value"]
            assert ask(back, algorithm, sealed).json()["value"] == "c2VjcmV0"
    assert (ask("decrypt", "RSA-OAEP", "AAAA").status_code, code(ask("encrypt", "A128KW", "AAAA"))) == (
        400, "BadParameter",
    )  # fmt: skip
    forbidden = ask("encrypt", "RSA-OAEP", "AAAA", own.cloud.accounts.certificate_name).json()["error"]
    assert forbidden["innererror"] == {"code": "KeyOperationForbidden"}
