"""A certificate's life in the practice vault, by Microsoft's own client and by plain requests."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from codesign_wizard.practice.keyvault import x500
from tests.practice.test_clients import _SETTINGS, environment
from tests.support.keys import rsa_key

POLICY = {
    "key_props": {"exportable": False, "kty": "RSA-HSM", "key_size": 3072, "reuse_key": False},
    "secret_props": {"contentType": "application/x-pkcs12"},
    "x509_props": {
        "subject": 'CN=Practice,O="Practice, Inc.",C=NZ',
        "ekus": ["1.3.6.1.5.5.7.3.3"],
        "key_usage": ["digitalSignature"],
        "validity_months": 12,
    },
    "issuer": {"name": "Unknown"},
}

_SDK = r"""
import json, os, sys
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.certificates import CertificateClient, CertificatePolicy, KeyUsageType

credential = ClientSecretCredential(
    os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"]
)
client = CertificateClient(f"https://{os.environ['CODESIGN_WIZARD_VAULT']}.vault.azure.net", credential)
out, step = {}, sys.argv[1]
name = os.environ["CODESIGN_WIZARD_CERTIFICATE"]
policy = CertificatePolicy(
    issuer_name="Unknown", subject="CN=Test,O=Test,C=NZ", key_type="RSA-HSM", key_size=3072, exportable=False,
    reuse_key=False, enhanced_key_usage=["1.3.6.1.5.5.7.3.3"], key_usage=[KeyUsageType.digital_signature],
    content_type="application/x-pkcs12", validity_in_months=12,
)
if step == "request":
    poller = client.begin_create_certificate("fresh", policy, tags={"for": "tests"})
    out["done"] = poller.done()
    operation = poller.result()
    out["status"], out["csr"] = operation.status, operation.csr.hex()
    out["again"] = client.get_certificate_operation("fresh").csr.hex() == out["csr"]
    out["listed"] = [each.name for each in client.list_properties_of_certificates()]
    out["with pending"] = [each.name for each in client.list_properties_of_certificates(include_pending=True)]
    try:
        client.begin_create_certificate("fresh", policy)
    except ResourceExistsError as error:
        out["twice"] = error.error.message
    out["cer"] = client.get_certificate("fresh").cer
elif step == "merge":
    chain = [bytes.fromhex(each) for each in json.loads(sys.stdin.read())]
    try:
        client.merge_certificate("fresh", chain[1:])
    except HttpResponseError as error:
        out["other"] = error.error.message
    merged = client.merge_certificate("fresh", chain)
    out["enabled"], out["tags"] = merged.properties.enabled, merged.properties.tags
    out["status"] = client.get_certificate_operation("fresh").status
    out["versions"] = [each.version for each in client.list_properties_of_certificate_versions("fresh")]
    changed = client.update_certificate_properties("fresh", merged.properties.version, enabled=False)
    out["disabled"] = changed.properties.enabled
elif step == "rest":
    client.begin_create_certificate("second", policy).result()
    out["cancelled"] = client.cancel_certificate_operation("second").cancellation_requested
    out["dropped"] = client.delete_certificate_operation("second").name
    try:
        client.get_certificate_operation("second")
    except ResourceNotFoundError as error:
        out["gone"] = error.error.code
    imported = client.import_certificate("third", bytes.fromhex(sys.stdin.read()), password="pass word")
    out["imported"] = imported.policy.key_type
    deleted = client.begin_delete_certificate("third").result()
    out["deleted"] = [each.name for each in client.list_deleted_certificates()]
    try:
        client.begin_create_certificate("third", policy)
    except ResourceExistsError as error:
        out["recoverable"] = error.error.innererror["code"]
    recovered = client.begin_recover_deleted_certificate("third").result()
    out["recovered"] = recovered.name
    own = CertificatePolicy(issuer_name="Self", subject="CN=own", key_type="RSA", key_size=2048)
    out["self"] = client.begin_create_certificate("own", own).result().policy.key_type
print(json.dumps(out))
"""

_SDK_REST = (
    _SDK.partition("if step ==")[0]
    + r"""
from azure.keyvault.certificates import AdministratorContact, CertificateContact, LifetimeAction

def refused(call, *given, **named):
    try:
        call(*given, **named)
    except HttpResponseError as error:
        return [error.status_code, error.error.code, error.error.message]
    return None

# what a dropped request leaves behind
client.begin_create_certificate("left", policy, tags={"for": "tests"}).result()
client.delete_certificate_operation("left")
left = client.get_certificate("left")
out["left"] = [left.cer, left.properties.enabled, left.properties.tags, left.policy.subject]
out["left versions"] = len(list(client.list_properties_of_certificate_versions("left")))
out["left listed"] = [
    [each.name for each in client.list_properties_of_certificates(include_pending=pending)]
    for pending in (False, True)
]
client.begin_delete_certificate("left").wait()
out["left deleted"] = client.get_deleted_certificate("left").name
out["left recovered"] = client.begin_recover_deleted_certificate("left").result().name
client.begin_create_certificate("left", policy).result()
client.begin_delete_certificate("left").wait()
client.begin_recover_deleted_certificate("left").wait()
out["operation"] = client.get_certificate_operation("left").status

changed = client.update_certificate_policy(
    name, CertificatePolicy(subject="CN=Next", issuer_name="Unknown", validity_in_months=6, lifetime_actions=[
        LifetimeAction(action="EmailContacts", days_before_expiry=30)])
)
kept = client.get_certificate_policy(name)
out["policy"] = [changed.subject, kept.subject, kept.validity_in_months, kept.key_type, kept.key_size,
    kept.enhanced_key_usage, kept.lifetime_actions[0].days_before_expiry]
out["bad policy"] = refused(
    client.update_certificate_policy, name, CertificatePolicy(issuer_name="Unknown", subject="CN=a, Inc.")
)

out["contacts"] = [refused(client.get_contacts)]
people = [CertificateContact(email="one@example.com", name="One"), CertificateContact(email="b@c.de")]
client.set_contacts(people)
out["contacts"] += [[each.email for each in client.get_contacts()], len(client.delete_contacts())]
out["contacts"] += [refused(client.delete_contacts)]

issuer = client.create_issuer("ca", provider="Test", account_id="account", password="not told again",
    admin_contacts=[AdministratorContact(first_name="A", last_name="B", email="a@b.example")])
client.update_issuer("ca", account_id="other", enabled=False)
issuer = client.get_issuer("ca")
out["issuer"] = [issuer.provider, issuer.account_id, issuer.password, issuer.enabled,
    issuer.admin_contacts[0].email, [each.name for each in client.list_properties_of_issuers()]]
# not waited for: it would be asked about until the CA has issued
client.begin_create_certificate("itself", CertificatePolicy(issuer_name="ca", subject="CN=by itself"))
out["by itself"] = client.get_certificate_operation("itself").status_details
out["not merged"] = refused(client.merge_certificate, "itself", [b"0"])
out["issuer gone"] = [client.delete_issuer("ca").name, refused(client.get_issuer, "ca")]

blob = client.backup_certificate(name)
out["backup"] = [refused(client.restore_certificate_backup, each) for each in (blob, blob[:-1], b"junk")]
before = client.get_certificate(name)
client.begin_delete_certificate(name).wait()
out["backup"] += [refused(client.restore_certificate_backup, blob)]
client.purge_deleted_certificate(name)
restored = client.restore_certificate_backup(blob)
out["restored"] = [restored.cer == before.cer, restored.id == before.id]

named = CertificatePolicy(issuer_name="Unknown", san_dns_names=["a.example"], san_emails=["b@a.example"],
    san_user_principal_names=["c@a.example"], enhanced_key_usage=["1.3.6.1.5.5.7.3.3"])
out["sans"] = client.begin_create_certificate("sans", named, enabled=False).result().csr.hex()
out["sans told"] = client.get_certificate_policy("sans").san_dns_names

pem = sys.stdin.read().encode()
given = CertificatePolicy(content_type="application/x-pem-file")
imported = client.import_certificate("pem", pem, policy=given, enabled=False, tags={"a": "b"})
told = imported.policy
out["pem"] = [imported.properties.enabled, imported.properties.tags, told.subject, told.enhanced_key_usage,
    told.content_type, told.exportable]
print(json.dumps(out))
"""
)


def sdk(client: Any, step: str, given: str = "", code: str = _SDK) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", code, step],
        env=environment(client.cloud, *_SETTINGS),
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    out: dict[str, Any] = json.loads(done.stdout)
    return out


def answer(client: Any, csr: bytes) -> list[x509.Certificate]:
    world = client.cloud.world
    leaf = world.code_signing.issue(x509.load_der_x509_csr(csr), start=world.clock.now())
    return [leaf, world.code_signing.intermediate]


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def test_the_azure_sdk_requests_and_merges(start: Callable[..., Any], tmp_path: Path) -> None:
    state = tmp_path / "state"
    client = start(state=state)
    out = sdk(client, "request")
    assert out["done"] is True
    assert out["status"] == "inProgress"
    assert out["again"] is True
    assert "fresh" not in out["listed"]
    assert "fresh" in out["with pending"]
    assert "while a pending key vault certificate's status is inProgress" in out["twice"]
    assert out["cer"] is None
    (tmp_path / "fresh.csr").write_bytes(bytes.fromhex(out["csr"]))
    judged = subprocess.run(
        [
            "openssl",
            "req",
            "-inform",
            "DER",
            "-in",
            str(tmp_path / "fresh.csr"),
            "-verify",
            "-noout",
            "-text",
        ],
        capture_output=True,
        text=True,
    )
    assert "verify OK" in judged.stderr + judged.stdout
    assert "Code Signing" in judged.stdout
    assert "Public-Key: (3072 bit)" in judged.stdout
    client.cloud.stop()
    # another process, later
    client = start(state=state)
    chain = [der(each).hex() for each in answer(client, bytes.fromhex(out["csr"]))]
    merged = sdk(client, "merge", json.dumps(chain))
    assert merged["other"].startswith("The public key of the end-entity certificate")
    assert merged["enabled"] is True
    assert merged["tags"] == {"for": "tests"}
    assert merged["status"] == "completed"
    assert len(merged["versions"]) == 1
    assert merged["disabled"] is False


def test_the_azure_sdk_cancels_imports_deletes_and_recovers(start: Callable[..., Any]) -> None:
    client = start()
    key = rsa_key(2048)
    world = client.cloud.world
    leaf = world.code_signing.issue_for(key.public_key(), x500.parse("CN=imported"), start=world.clock.now())
    identity = pkcs12.serialize_key_and_certificates(
        b"", key, leaf, None, serialization.BestAvailableEncryption(b"pass word")
    )
    assert sdk(client, "rest", identity.hex()) == {
        "cancelled": True,
        "dropped": "second",
        "gone": "PendingCertificateNotFound",
        "imported": "RSA",
        "deleted": ["third"],
        "recoverable": "ObjectIsDeletedButRecoverable",
        "recovered": "third",
        "self": "RSA",
    }


def test_the_azure_sdk_does_all_the_rest(start: Callable[..., Any], tmp_path: Path) -> None:
    client = start(state=tmp_path / "state")
    world = client.cloud.world
    name = client.cloud.accounts.certificate_name
    key = rsa_key(2048)
    leaf = world.code_signing.issue_for(key.public_key(), x500.parse('CN="A, B"'), start=world.clock.now())
    own = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = own + leaf.public_bytes(serialization.Encoding.PEM)
    out = sdk(client, "", pem.decode("ascii"), _SDK_REST)

    assert out["left"] == [None, False, {"for": "tests"}, "CN=Test,O=Test,C=NZ"]
    assert out["left versions"] == 1
    assert out["left listed"] == [[name], [name, "left"]]
    assert (out["left deleted"], out["left recovered"]) == ("left", "left")
    assert out["operation"] == "inProgress"
    assert out["policy"] == ["CN=Next", "CN=Next", 6, "RSA-HSM", 3072, ["1.3.6.1.5.5.7.3.3"], 30]
    assert out["bad policy"][:2] == [400, "BadParameter"]
    missing = [404, "ContactsNotFound", "Contacts not found"]
    assert out["contacts"] == [missing, ["one@example.com", "b@c.de"], 2, missing]
    assert out["issuer"] == ["Test", "other", None, False, "a@b.example", ["ca"]]
    assert "in progress" in out["by itself"]
    words = "Merge is forbidden on pending object created with issuer : ca while it is in progess."
    assert out["not merged"] == [403, "Forbidden", words]
    assert out["issuer gone"] == ["ca", [404, "CertificateIssuerNotFound", "Issuer not found"]]
    taken, cut, junk, deleted = out["backup"]
    assert taken[:2] == deleted[:2] == [409, "Conflict"]
    assert cut == junk == [400, "BadParameter", "Backup blob contains invalid or corrupt version."]
    assert out["restored"] == [True, True]
    request = x509.load_der_x509_csr(bytes.fromhex(out["sans"]))
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical, "the subject is empty"
    assert names.value.get_values_for_type(x509.DNSName) == ["a.example"] == out["sans told"]
    assert names.value.get_values_for_type(x509.RFC822Name) == ["b@a.example"]
    assert len(names.value) == 3
    usages = ["1.3.6.1.5.5.7.3.3"]
    assert out["pem"] == [False, {"a": "b"}, 'CN="A, B"', usages, "application/x-pem-file", True]
    # a password that was given to the vault is nowhere
    client.cloud.stop()
    assert not [each for each in (tmp_path / "state").iterdir() if b"not told again" in each.read_bytes()]
    again = start(state=tmp_path / "state")
    assert again.vault("/certificates/left").json()["attributes"]["enabled"] is False
    assert again.vault(f"/certificates/{name}/policy").json()["x509_props"]["subject"] == "CN=Next"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x509_props": {"subject": "CN=Foo, Inc."}}, "not a valid X500 name"),
        ({"x509_props": {}}, "Subject or Subject Alternative Names"),
        ({"key_props": {"kty": "RSA-HSM", "key_size": 1024}}, "key_props.key_size"),
        ({"key_props": {"kty": "RSA-HSM", "exportable": True}}, "Exportable keys"),
        ({"key_props": {"kty": "DSA"}}, "key_props.kty"),
        ({"issuer": {"name": "NobodyCA"}}, "Issuer NobodyCA not found"),
        ({"x509_props": {"subject": "CN=a", "ekus": ["code signing"]}}, "x509_props.ekus"),
        ({"x509_props": {"subject": "CN=a", "key_usage": ["everything"]}}, "x509_props.key_usage"),
        ({"x509_props": {"subject": "CN=a", "validity_months": 0}}, "x509_props.validity_months"),
        ({"x509_props": {"sans": {"dns_names": "a.example"}}}, "x509_props.sans.dns_names"),
        ({"lifetime_actions": [{"trigger": {}, "action": {"action_type": "Shout"}}]}, "lifetime_actions"),
    ],
)
def test_a_bad_policy_makes_nothing(client: Any, change: dict[str, Any], words: str) -> None:
    refused = client.vault("/certificates/never/create", "POST", body={"policy": POLICY | change})
    assert refused.status_code == 400
    assert words in refused.json()["error"]["message"]
    assert client.vault("/certificates/never/pending").status_code == 404


def test_a_standard_vault_has_no_hsm(start: Callable[..., Any]) -> None:
    client = start()
    client.cloud.world.vault.sku = "standard"
    refused = client.vault("/certificates/hard/create", "POST", body={"policy": POLICY})
    assert refused.status_code == 400
    assert refused.json()["error"]["message"] == "Hardware key operation not allowed on standard vault"


def test_every_form_of_x5c_that_the_service_takes(start: Callable[..., Any]) -> None:
    client = start()
    forms: dict[str, Callable[[list[x509.Certificate]], list[str]]] = {
        "der": lambda chain: [base64.b64encode(der(each)).decode() for each in chain],
        "twice": lambda chain: [base64.b64encode(base64.b64encode(der(each))).decode() for each in chain],
        "pkcs7": lambda chain: [
            base64.b64encode(pkcs7.serialize_certificates(chain[:1], serialization.Encoding.DER)).decode()
        ],
    }
    for name, form in forms.items():
        made = client.vault(f"/certificates/{name}/create", "POST", body={"policy": POLICY})
        assert made.status_code == 202
        assert made.headers["Location"].startswith(f"{client.vault_url}/certificates/{name}/pending?")
        chain = answer(client, base64.b64decode(made.json()["csr"]))
        for junk, words in (
            ({"x5c": []}, "at least one valid item"),
            ({"x5c": ["dGVzdA=="]}, "ASN1 bad tag value met"),
            ({}, "at least one valid item"),
        ):
            refused = client.vault(f"/certificates/{name}/pending/merge", "POST", body=junk)
            assert (refused.status_code, words in refused.text) == (400, True)
        merged = client.vault(f"/certificates/{name}/pending/merge", "POST", body={"x5c": form(chain)})
        assert merged.status_code == 201, merged.text
        assert base64.b64decode(merged.json()["cer"]) == der(chain[0])
        version = merged.json()["id"].rpartition("/")[2]
        digest = hashes.Hash(hashes.SHA256())
        digest.update(b"x")
        value = base64.urlsafe_b64encode(digest.finalize()).rstrip(b"=").decode()
        signed = client.vault(f"/keys/{name}/{version}/sign", "POST", body={"alg": "RS256", "value": value})
        assert signed.status_code == 200


def test_a_renewal_leaves_the_present_version_in_use(start: Callable[..., Any]) -> None:
    client = start()
    name = client.cloud.accounts.certificate_name
    before = client.vault(f"/certificates/{name}").json()
    made = client.vault(f"/certificates/{name}/create", "POST", body={"policy": POLICY})
    assert made.status_code == 202
    during = client.vault(f"/certificates/{name}").json()
    assert during["id"] == before["id"]
    assert during["pending"]["id"].endswith(f"/certificates/{name}/pending")
    chain = answer(client, base64.b64decode(made.json()["csr"]))
    x5c = [base64.b64encode(der(each)).decode() for each in chain]
    assert client.vault(f"/certificates/{name}/pending/merge", "POST", body={"x5c": x5c}).status_code == 201
    after = client.vault(f"/certificates/{name}").json()
    assert after["id"] != before["id"]
    version = before["id"].rpartition("/")[2]
    assert client.vault(f"/certificates/{name}/{version}").json()["cer"] == before["cer"]


def test_a_request_that_was_dropped_takes_no_answer(start: Callable[..., Any]) -> None:
    client = start()
    made = client.vault("/certificates/lost/create", "POST", body={"policy": POLICY}).json()
    assert client.vault("/certificates/lost/pending", "DELETE").status_code == 200
    chain = answer(client, base64.b64decode(made["csr"]))
    x5c = [base64.b64encode(der(chain[0])).decode()]
    refused = client.vault("/certificates/lost/pending/merge", "POST", body={"x5c": x5c})
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "PendingCertificateNotFound")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('CN=Foo, O="Foo, Inc.", C=DE', "CN=Foo,O=Foo\\, Inc.,C=DE"),
        ('CN="a ""b"" c"+OU=x;O=y', 'CN=a \\"b\\" c+OU=x,O=y'),
        ("CN=中文, OID.2.5.4.15=Private", "CN=中文,2.5.4.15=Private"),
    ],
)
def test_names_are_read_as_windows_reads_them(text: str, shown: str) -> None:
    assert x500.parse(text).rfc4514_string() == shown


@pytest.mark.parametrize("text", ["", "CN=", "XX=1", 'CN=a"b', "CN=a,", "C=DEU", "CN", 'CN="a', "C=Ä1"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # each for a reason of its own
        x500.parse(text)
