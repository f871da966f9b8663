"""Key Vault's answers: order of checks, words, documents, signatures."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from codesign_wizard.practice.keyvault.models import Throttle
from codesign_wizard.practice.keyvault.objects import VaultKey, new_hsm_key
from codesign_wizard.practice.keyvault.permissions import AccessPolicy
from tests.support.keys import rsa_key

DIGEST = hashlib.sha256(b"practice").digest()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def un64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def error(answer: Any) -> tuple[int, str, str, str]:
    body = answer.json()["error"]
    return answer.status_code, body["code"], body.get("innererror", {}).get("code", ""), body["message"]


def test_without_a_token_the_challenge_names_the_vaults_tenant(client: Any) -> None:
    for method, path in (("GET", "/certificates"), ("POST", "/keys/any/thing/sign"), ("PUT", "/nothing")):
        answer = client.vault(path, method, token="")
        assert error(answer) == (
            401, "Unauthorized", "", "AKV10000: Request is missing a Bearer or PoP token.",
        )  # fmt: skip
        assert answer.headers["WWW-Authenticate"] == (
            f'Bearer authorization="https://login.microsoftonline.com/{client.cloud.accounts.tenant_id}", '
            'resource="https://vault.azure.net"'
        )


def test_headers_of_every_answer(client: Any) -> None:
    mine = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    answer = client.vault("/certificates", headers={"x-ms-client-request-id": mine})
    headers = answer.headers
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["x-ms-client-request-id"] == mine
    assert len(headers["x-ms-request-id"]) == 36
    assert headers["x-ms-keyvault-region"] == "westeurope"
    assert headers["x-ms-keyvault-service-version"].count(".") == 3
    assert headers["x-ms-keyvault-network-info"].startswith("conn_type=Ipv4;addr=203.0.113.7;")
    assert headers["Date"].endswith("GMT")


def _forge(client: Any, **changes: Any) -> str:
    """A token with changed claims, soundly signed by the cloud's own key."""
    claims = jwt.decode(client.token(), options={"verify_signature": False})
    return str(client.cloud.world.tokens.sign(claims | changes))


def test_tokens_are_really_checked(client: Any) -> None:
    token = client.token()
    header, claims, signature = token.split(".")
    other_key = rsa_key(2048)
    decoded = json.loads(un64(claims))
    kid = jwt.get_unverified_header(token)["kid"]
    tenant = client.cloud.accounts.tenant_id
    other_tenant = client.cloud.world.other_tenant.tenant_id
    changed = b64(json.dumps(decoded | {"oid": "somebody else"}).encode())
    none = b64(b'{"typ":"JWT","alg":"none"}')
    none_with_kid = b64(json.dumps({"typ": "JWT", "alg": "none", "kid": kid}).encode())
    stranger = jwt.encode(decoded, other_key, "RS256", headers={"kid": "unknown"})
    unresolved = "AKV10046: Unable to resolve the key used for signature validation. EncodedJwtHeader: '{}'."
    now = int(time.time())
    cases = [
        (f"{none}.{claims}.", unresolved.format(none)),
        (f"{none_with_kid}.{claims}.", unresolved.format(none_with_kid)),
        (stranger, unresolved.format(stranger.split(".")[0])),
        (jwt.encode(decoded, other_key, "RS256", headers={"kid": kid}),
         "Error validating token: IDX10511: Signature validation failed."),
        (f"{header}.{changed}.{signature}", "Error validating token: IDX10511: Signature validation failed."),
        ("garbage", "Error validating token: IDX12741: JWT must have three segments (JWS)."),
        (_forge(client, iss=f"https://sts.windows.net/{other_tenant}/"),
         f"AKV10032: Invalid issuer. Expected one of https://sts.windows.net/{tenant}/, found "
         f"https://sts.windows.net/{other_tenant}/."),
        (_forge(client, aud="https://management.azure.com/"),
         "AKV10022: Invalid audience. Expected https://vault.azure.net, found: https://management.azure.com/."),
        (_forge(client, exp=now - 301), "Error validating token: IDX10223"),
        (_forge(client, nbf=now + 400), "Error validating token: IDX10222"),
    ]  # fmt: skip
    for forged, words in cases:
        answer = client.vault("/certificates", token=forged)
        assert error(answer) == (401, "Unauthorized", "", words)
        assert "WWW-Authenticate" in answer.headers
    assert client.vault("/certificates", token=token).status_code == 200


def test_a_real_token_of_another_audience_is_refused(client: Any) -> None:
    token = client.ask_token(scope="https://management.azure.com/.default").json()["access_token"]
    assert error(client.vault("/keys", token=token))[3] == (
        "AKV10022: Invalid audience. Expected https://vault.azure.net, found: https://management.azure.com."
    )


def test_api_versions(client: Any) -> None:
    for version in ("2016-10-01", "7.0", "7.2", "7.6", "2025-07-01", "2026-04-01"):
        assert client.vault("/certificates", version=version).status_code == 200
    assert error(client.vault("/certificates", version="")) == (
        400, "BadParameter", "", "api-version must be specified",
    )  # fmt: skip
    assert error(client.vault("/certificates", version="1.0"))[:2] == (400, "BadParameter")


def test_order_firewall_token_permission_existence_body(start: Callable[..., Any]) -> None:
    """One request with everything wrong, mended step by step."""
    own = start()
    world, vault = own.cloud.world, own.cloud.world.vault
    good = own.token()
    principal = world.tenant.service_principals[0].object_id
    assignments, world.authorization.assignments = world.authorization.assignments, []
    vault.firewall.open = False
    path, bad_body = "/keys/nothing/0123456789abcdef0123456789abcdef/sign", {"alg": "XX", "value": "?"}

    def ask(token: str, path: str = path) -> tuple[int, str, str, str]:
        return error(own.vault(path, "POST", token=token, body=bad_body))

    expired = _forge(own, exp=1)
    caller = (
        f"appid={own.cloud.accounts.application_id};oid={principal};"
        f"iss=https://sts.windows.net/{vault.tenant_id}/"
    )
    assert ask("")[3].startswith("AKV10000")
    assert ask(expired) == (
        403, "Forbidden", "ForbiddenByFirewall",
        "Client address is not authorized and caller is not a trusted service.\r\nClient address: 203.0.113.7"
        f"\r\nCaller: {caller}\r\nVault: {vault.name};location=westeurope",
    )  # fmt: skip
    vault.firewall.allowed = ["203.0.113.7"]
    assert ask(expired)[0] == 401
    resource = (
        f"/subscriptions/{vault.subscription_id}/resourcegroups/rg-code-signing/providers/microsoft.keyvault/"
        f"vaults/{vault.name}/keys/nothing"
    )
    assert ask(good) == (
        403, "Forbidden", "ForbiddenByRbac",
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or "
        "role definitions were changed recently, please observe propagation time.\r\n"
        f"Caller: {caller}\r\nAction: 'Microsoft.KeyVault/vaults/keys/sign/action'\r\n"
        f"Resource: '{resource}'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\n"
        f"DecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: {vault.name};location=westeurope\r\n",
    )  # fmt: skip
    world.authorization.assignments = assignments
    assert ask(good) == (
        404, "KeyNotFound", "",
        "A key with (name/id) nothing/0123456789abcdef0123456789abcdef was not found in this key vault. If "
        "you recently deleted this key you may be able to recover it using the correct recovery command. For "
        "help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182",
    )  # fmt: skip
    name = own.cloud.accounts.certificate_name
    assert ask(good, f"/keys/{name}//sign")[:2] == (400, "BadParameter")


def test_private_endpoint_only(start: Callable[..., Any]) -> None:
    own = start("private-endpoint")
    status, code, inner, words = error(own.vault("/certificates"))
    assert (status, code, inner) == (403, "Forbidden", "ForbiddenByConnection")
    assert words.startswith(
        "Public network access is disabled and request is not from a trusted service nor via an approved "
        "private link.\r\nCaller: appid="
    )


def test_access_policies_say_which_permission_is_missing(start: Callable[..., Any]) -> None:
    own = start()
    vault, principal = own.cloud.world.vault, own.cloud.world.tenant.service_principals[0]
    vault.access.rbac = False  # the roles it had do nothing any more
    caller = (
        f"appid={own.cloud.accounts.application_id};oid={principal.object_id};"
        f"iss=https://sts.windows.net/{vault.tenant_id}/"
    )
    wanted = (
        "The user, group or application '{}' does not have {} permission on key vault '{};location="
        "westeurope'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287"
    )
    for path, method, permission in (
        ("/certificates/any", "GET", "certificates get"),
        ("/certificates", "GET", "certificates list"),
        ("/keys/any/x/sign", "POST", "keys sign"),
    ):
        assert error(own.vault(path, method)) == (
            403, "Forbidden", "ForbiddenByPolicy", wanted.format(caller, permission, vault.name),
        )  # fmt: skip
    vault.access.policies = [AccessPolicy(principal.object_id, keys=["Sign"], certificates=["all"])]
    name = own.cloud.accounts.certificate_name
    assert own.vault(f"/certificates/{name}").status_code == 200
    assert (
        own.vault(f"/keys/{name}//sign", "POST", body={"alg": "RS256", "value": b64(DIGEST)}).status_code
        == 200
    )
    assert error(own.vault(f"/keys/{name}"))[2] == "ForbiddenByPolicy"


def test_certificate_documents(client: Any) -> None:
    name = client.cloud.accounts.certificate_name
    latest = client.vault(f"/certificates/{name}/").json()
    certificate = x509.load_der_x509_certificate(base64.b64decode(latest["cer"]))
    base, version = client.vault_url, latest["id"].rpartition("/")[2]
    assert latest["id"] == f"{base}/certificates/{name}/{version}"
    assert latest["kid"] == f"{base}/keys/{name}/{version}"
    assert latest["sid"] == f"{base}/secrets/{name}/{version}"
    assert un64(latest["x5t"]) == certificate.fingerprint(hashes.SHA1())
    assert latest["attributes"]["exp"] == int(certificate.not_valid_after_utc.timestamp())
    assert latest["policy"]["key_props"] == {
        "exportable": False, "kty": "RSA-HSM", "key_size": 3072, "reuse_key": False,
    }  # fmt: skip
    assert latest["policy"]["issuer"] == {"name": "Unknown"}
    versioned = client.vault(f"/certificates/{name}/{version}").json()
    assert "policy" not in versioned
    assert versioned["cer"] == latest["cer"]
    listed = client.vault("/certificates").json()
    assert [entry["id"] for entry in listed["value"]] == [f"{base}/certificates/{name}"]
    assert listed["nextLink"] is None
    versions = client.vault(f"/certificates/{name}/versions").json()["value"]
    assert [entry["id"] for entry in versions] == [latest["id"]]
    assert client.vault(f"/certificates/{name}/policy").json() == latest["policy"]


def test_missing_things_word_for_word(client: Any) -> None:
    assert error(client.vault("/certificates/nothing")) == (
        404, "CertificateNotFound", "",
        "A certificate with (name/id) nothing was not found in this key vault. If you recently deleted "
        "this certificate you may be able to recover it using the correct recovery command. For help "
        "resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182",
    )  # fmt: skip
    assert error(client.vault("/certificates/nothing/pending")) == (
        404, "PendingCertificateNotFound", "", "Pending certificate not found: nothing",
    )  # fmt: skip
    name = client.cloud.accounts.certificate_name
    assert "(name/id) " + name + "/0000 was" in error(client.vault(f"/certificates/{name}/0000"))[3]
    assert error(client.vault(f"/keys/{name}/0000"))[1] == "KeyNotFound"


def test_operations_the_service_does_not_have(client: Any) -> None:
    name = client.cloud.accounts.certificate_name
    assert error(client.vault("/nothing"))[:2] == (404, "NotFound")
    assert error(client.vault("/certificates", "DELETE"))[:2] == (405, "MethodNotAllowed")
    assert error(client.vault(f"/keys/{name}/x/sign"))[3] == "Method GET does not allow operation 'sign'"
    html = client.vault("/", token="")
    assert (html.status_code, html.headers["Content-Type"]) == (403, "text/html")


def test_what_the_vault_does_not_play_asks_for_its_permission_first(start: Callable[..., Any]) -> None:
    own = start()
    world, vault = own.cloud.world, own.cloud.world.vault
    calls = (
        ("PUT", "/secrets/any", "secrets", "set"), ("GET", "/secrets/any/versions", "secrets", "list"),
        ("DELETE", "/secrets/any", "secrets", "delete"), ("GET", "/deletedsecrets", "secrets", "list"),
        ("GET", "/keys/code-signing/attestation", "keys", "get"),
        ("POST", "/keys/code-signing//release", "keys", "release"),
    )  # fmt: skip
    world.authorization.assignments = []
    for method, path, *_ in calls:
        assert error(own.vault(path, method, body={}))[2] == "ForbiddenByRbac"
    assert error(own.vault("/deletedsecrets/any")) == (
        404,
        "SecretNotFound",
        "",
        "Deleted Secret not found: any",
    )
    principal = world.tenant.service_principals[0].object_id
    world.assign(principal, "Key Vault Administrator", vault.arm_id)
    for method, path, *_ in calls:
        assert error(own.vault(path, method, body={}))[:2] == (501, "NotImplemented")
    vault.access.rbac = False
    for method, path, group, permission in calls:
        assert f"does not have {group} {permission} permission" in error(own.vault(path, method, body={}))[3]


def test_key_document(client: Any) -> None:
    name = client.cloud.accounts.certificate_name
    bundle = client.vault(f"/keys/{name}").json()
    certificate = x509.load_der_x509_certificate(
        base64.b64decode(client.vault(f"/certificates/{name}").json()["cer"])
    )
    public = certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    assert int.from_bytes(un64(bundle["key"]["n"]), "big") == public.public_numbers().n
    assert un64(bundle["key"]["e"]) == b"\x01\x00\x01"
    assert bundle["key"]["kty"] == "RSA-HSM"
    assert bundle["key"]["key_ops"] == ["sign", "verify"]
    assert bundle["managed"] is True
    attributes = bundle["attributes"]
    assert (attributes["exportable"], attributes["hsmPlatform"]) == (False, "2")
    assert attributes["recoveryLevel"] == "Recoverable+Purgeable"
    assert client.vault(f"/keys/{name}/versions").json()["value"][0]["kid"] == bundle["key"]["kid"]
    assert client.vault("/keys").json()["value"][0]["kid"] == f"{client.vault_url}/keys/{name}"


@pytest.mark.parametrize("size", ["256", "384", "512"])
@pytest.mark.parametrize("family", ["RS", "PS"])
def test_rsa_signatures(client: Any, family: str, size: str) -> None:
    name = client.cloud.accounts.certificate_name
    chosen = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[size]
    digest = hashlib.new(f"sha{size}", b"practice").digest()
    body = {"alg": family + size, "value": b64(digest)}
    answer = client.vault(f"/keys/{name}//sign", "POST", body=body).json()
    certificate = x509.load_der_x509_certificate(
        base64.b64decode(client.vault(f"/certificates/{name}").json()["cer"])
    )
    scheme: padding.AsymmetricPadding = padding.PKCS1v15()
    if family == "PS":
        scheme = padding.PSS(padding.MGF1(chosen), chosen.digest_size)
    public = certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(un64(answer["value"]), digest, scheme, utils.Prehashed(chosen))
    check = {"alg": family + size, "digest": b64(digest), "value": answer["value"]}
    assert client.vault(f"/keys/{name}//verify", "POST", body=check).json() == {"value": True}
    check["digest"] = b64(bytes(len(digest)))
    assert client.vault(f"/keys/{name}//verify", "POST", body=check).json() == {"value": False}


def test_plain_base64_is_taken_as_jsign_sends_it(client: Any) -> None:
    name = client.cloud.accounts.certificate_name
    value = base64.b64encode(b"\xff" * 32).decode()
    assert "/" in value
    answer = client.vault(f"/keys/{name}//sign", "POST", body={"alg": "RS256", "value": value})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("curve", "algorithm", "kind"),
    [
        ("P-256", "ES256", ec.SECP256R1()),
        ("P-256K", "ES256K", ec.SECP256K1()),
        ("P-384", "ES384", ec.SECP384R1()),
        ("P-521", "ES512", ec.SECP521R1()),
    ],
)
def test_ec_signatures_are_r_and_s(
    start: Callable[..., Any], curve: str, algorithm: str, kind: ec.EllipticCurve
) -> None:
    own = start()
    key = new_hsm_key(f"test-{curve}", f"ec-{curve}")
    own.cloud.world.vault.keys["mine"] = VaultKey("mine", [key])
    bundle = own.vault("/keys/mine").json()["key"]
    assert (bundle["kty"], bundle["crv"]) == ("EC-HSM", curve)
    size = {"ES384": 48, "ES512": 64}.get(algorithm, 32)
    digest = bytes(range(size))
    answer = own.vault("/keys/mine//sign", "POST", body={"alg": algorithm, "value": b64(digest)})
    signature = un64(answer.json()["value"])
    half = (kind.key_size + 7) // 8
    assert len(signature) == 2 * half
    r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
    public = ec.EllipticCurvePublicNumbers(
        int.from_bytes(un64(bundle["x"]), "big"), int.from_bytes(un64(bundle["y"]), "big"), kind
    ).public_key()
    chosen = {32: hashes.SHA256(), 48: hashes.SHA384(), 64: hashes.SHA512()}[size]
    public.verify(utils.encode_dss_signature(r, s), digest, ec.ECDSA(utils.Prehashed(chosen)))
    wrong = error(own.vault("/keys/mine//sign", "POST", body={"alg": "RS256", "value": b64(DIGEST)}))
    assert wrong[:2] == (400, "BadParameter")


def test_rsnull_pads_and_nothing_else(client: Any) -> None:
    name = client.cloud.accounts.certificate_name
    answer = client.vault(f"/keys/{name}//sign", "POST", body={"alg": "RSNULL", "value": b64(b"raw")}).json()
    bundle = client.vault(f"/keys/{name}").json()["key"]
    n = int.from_bytes(un64(bundle["n"]), "big")
    plain = pow(int.from_bytes(un64(answer["value"]), "big"), 65537, n).to_bytes(384, "big")
    assert plain == b"\x00\x01" + b"\xff" * (384 - 6) + b"\x00raw"


def test_what_cannot_be_signed(start: Callable[..., Any]) -> None:
    own = start()
    name = own.cloud.accounts.certificate_name
    version = own.cloud.world.vault.keys[name].versions[0]
    kid = f"{own.vault_url}/keys/{name}/{version.version}"

    def sign(**changes: Any) -> tuple[int, str, str, str]:
        body = {"alg": "RS256", "value": b64(DIGEST)} | changes
        return error(own.vault(f"/keys/{name}/{version.version}/sign", "POST", body=body))

    assert sign(value=b64(b"short")) == (
        400, "BadParameter", "",
        "Invalid length of 'value': 5 bytes. RS256 requires 32 bytes, encoded with base64url.",
    )  # fmt: skip
    assert sign(alg="ES256")[3] == (
        f"Key and signing algorithm are incompatible. Key {kid} is of type 'RSA-HSM', and algorithm 'ES256' "
        "can only be used with a key of type 'EC' or 'EC-HSM'."
    )
    assert sign(alg="RS1")[:2] == sign(value="!")[:2] == sign(value=3)[:2] == (400, "BadParameter")
    not_json = own.session.post(
        f"{kid}/sign?api-version=7.4", data=b"{", headers={"Authorization": f"Bearer {own.token()}"}
    )
    assert error(not_json)[:2] == (400, "BadParameter")

    version.attributes.enabled = False
    assert sign() == (
        403, "Forbidden", "KeyDisabled", "Operation sign is not allowed on a disabled key.",
    )  # fmt: skip
    version.attributes.enabled = True
    version.attributes.expires = 1
    assert sign()[2:] == ("KeyExpired", "Operation sign is not allowed on an expired key.")
    version.attributes.expires, version.attributes.not_before = None, 2**40
    assert sign()[2] == "KeyNotYetValid"
    version.attributes.not_before = None
    version.key_ops = ["verify"]
    assert sign()[2:] == ("KeyOperationForbidden", "Operation sign is not permitted on this key.")


def test_paging(start: Callable[..., Any]) -> None:
    own = start()
    vault = own.cloud.world.vault
    shared = new_hsm_key("test-shared", "ec-P-256")
    for number in range(30):
        vault.keys[f"key-{number:02}"] = VaultKey(f"key-{number:02}", [shared])
    page = own.vault("/keys").json()
    assert len(page["value"]) == 25
    seen, link, token = [entry["kid"] for entry in page["value"]], page["nextLink"], own.token()
    assert "$skiptoken=" in link
    while link:
        page = own.session.get(link, headers={"Authorization": f"Bearer {token}"}).json()
        seen += [entry["kid"] for entry in page["value"]]
        link = page["nextLink"]
    assert len(seen) == len(set(seen)) == 31
    small = own.vault("/keys?maxresults=2").json()
    assert len(small["value"]) == 2
    assert "maxresults=2" in small["nextLink"]
    for bad in ("0", "26", "x", "-1"):
        assert error(own.vault(f"/keys?maxresults={bad}"))[:2] == (400, "BadParameter")
    assert error(own.vault("/keys?$skiptoken=!"))[:2] == (400, "BadParameter")


def test_throttling_with_and_without_retry_after(start: Callable[..., Any]) -> None:
    own = start()
    own.cloud.world.vault.throttle = Throttle(free=1)
    assert own.vault("/keys").status_code == 200
    answer = own.vault("/keys")
    assert error(answer) == (
        429, "Throttled", "",
        "Request was not processed because too many requests were received. "
        "Reason: VaultRequestTypeLimitReached",
    )  # fmt: skip
    assert "Retry-After" not in answer.headers
    own.cloud.world.vault.throttle = Throttle(free=0, retry_after=7)
    assert own.vault("/keys").headers["Retry-After"] == "7"
    assert own.vault("/keys", token="").status_code == 401
