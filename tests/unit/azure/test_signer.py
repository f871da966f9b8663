"""Signing in a vault: what comes out, and what goes wrong in between."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509.oid import NameOID

from codesign_wizard.core.azure.credential import ApplicationCredential
from codesign_wizard.core.azure.permissions.probing import probe
from codesign_wizard.core.azure.signature import signing_key
from codesign_wizard.core.azure.signer import KeyVaultSigner
from codesign_wizard.core.certificates.held import KeyFacts
from codesign_wizard.core.certificates.vault_reader import VaultReader
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.job import Job, LogLine
from codesign_wizard.core.signing import DigestAlgorithm
from codesign_wizard.practice.keyvault.models import Throttle
from codesign_wizard.practice.keyvault.permissions import AccessPolicy
from tests.support.keys import rsa_key

DIGEST = hashlib.sha256(b"wizard").digest()


def refused(call: Callable[[], object]) -> Finding:
    with pytest.raises(CodesignError) as caught:
        call()
    return caught.value.finding


@pytest.mark.parametrize("algorithm", list(DigestAlgorithm))
def test_a_signature_is_the_leafs(person: Callable[..., Any], algorithm: DigestAlgorithm) -> None:
    who = person()
    lines: list[LogLine] = []
    with KeyVaultSigner.open(Job(on_log=lines.append), who.network, who.options, who.secret) as signer:
        digest = hashlib.new(algorithm.value, b"wizard").digest()
        signature = signer.sign(Job(on_log=lines.append), digest, algorithm)
        key = signer.certificate_chain[0].public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        hashing = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
        key.verify(signature, digest, padding.PKCS1v15(), utils.Prehashed(hashing[algorithm.value]))
        assert signer.version in signer.key_id
        assert who.options.vault_name in signer.description
        # the leaf and the intermediate that its address gives; the root stays out
        assert signer.certificate_chain[1:] == [who.cloud.world.code_signing.intermediate]
        assert signer.findings == []
    assert any(line.request_id for line in lines if line.part == "vault")
    assert who.secret.reveal() not in "".join(line.text for line in lines)


def test_missing_options_are_refused_before_any_call(person: Callable[..., Any]) -> None:
    who = person()
    lines: list[LogLine] = []
    job = Job(on_log=lines.append)
    with pytest.raises(InputError):
        KeyVaultSigner.open(job, who.network, who.options, None)
    with pytest.raises(InputError):
        KeyVaultSigner.open(job, who.network, replace(who.options, certificate_name=""), who.secret)
    assert lines == []


def test_the_vaults_refusals_come_out_as_findings(person: Callable[..., Any]) -> None:
    who = person()
    access, job = who.cloud.world.vault.access, Job()
    other = replace(who.options, certificate_name="other")

    def open_it(options: Any = who.options) -> KeyVaultSigner:
        return KeyVaultSigner.open(job, who.network, options, who.secret)

    missing = refused(lambda: open_it(other))
    assert missing.id == "azure.vault.certificate-missing"
    assert missing.evidence.code == "CertificateNotFound"
    rights = who.cloud.world.authorization
    own = who.cloud.world.tenant.service_principals[0].object_id
    others = [each for each in rights.assignments if each.principal_id != own]
    certificates, keys = (each for each in rights.assignments if each.principal_id == own)
    rights.assignments = [*others, keys]
    finding = refused(open_it)
    assert finding.id == "azure.permission.missing"
    assert finding.evidence.more["action"] == "Microsoft.KeyVault/vaults/certificates/read"
    rights.assignments = [*others, certificates]
    with open_it() as signer:
        finding = refused(lambda: signer.sign(job, DIGEST, DigestAlgorithm.SHA256))
    assert finding.evidence.more["action"] == "Microsoft.KeyVault/vaults/keys/sign/action"
    access.rbac = False
    access.policies = [AccessPolicy(own, keys=["get"], certificates=["get"])]
    with open_it() as signer:
        finding = refused(lambda: signer.sign(job, DIGEST, DigestAlgorithm.SHA256))
        assert finding.evidence.more["action"] == "keys sign"
        # keys/sign alone is enough: the SDK's own look at the key may be refused
        access.policies = [AccessPolicy(own, keys=["sign"], certificates=["get"])]
        assert signer.sign(job, DIGEST, DigestAlgorithm.SHA256)


def test_a_disabled_certificate_is_named_before_it_is_used(person: Callable[..., Any]) -> None:
    who = person()
    vault = who.cloud.world.vault
    for version in vault.certificates[who.options.certificate_name].versions:
        version.attributes.enabled = False
    finding = refused(lambda: KeyVaultSigner.open(Job(), who.network, who.options, who.secret))
    assert finding.id == "azure.vault.certificate-disabled"


def test_a_vault_is_asked_for_its_tenant_once_and_again_when_it_moved(person: Callable[..., Any]) -> None:
    who = person()
    vault, own = who.cloud.world.vault, who.options.tenant_id
    lines: list[LogLine] = []

    def open_it() -> None:
        lines.clear()
        KeyVaultSigner.open(Job(on_log=lines.append), who.network, who.options, who.secret).close()

    def challenged() -> int:
        return len([each for each in lines if each.part == "vault" and each.text.endswith(" 401")])

    open_it()
    open_it()
    assert challenged() == 0, "the tenant was asked for before"
    vault.tenant_id = who.cloud.world.other_tenant.tenant_id
    assert refused(open_it).id == "azure.sign-in.tenant-other"
    # made anew where it was: what the clients remember of it is wrong now
    vault.tenant_id = own
    open_it()


def test_the_key_is_read_from_an_answer_as_microsofts_client_reads_it(person: Callable[..., Any]) -> None:
    who = person()
    with VaultReader.open(Job(), who.network, who.options, who.secret) as vault:
        held = vault.read(Job())
    credential = ApplicationCredential(Job(), who.network, who.options, who.secret)
    asked = probe(Job(), who.network, who.options, credential, certificate_name=who.options.certificate_name)
    assert held.key is not None
    assert held.key.public_key
    assert KeyFacts.read(asked.key) == held.key


class _Waits(Job):
    """A job that notes each wait in place of waiting, and lets something happen meanwhile."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._then = then

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._then()


def test_throttling_that_passes_is_waited_for(person: Callable[..., Any]) -> None:
    who = person()
    vault = who.cloud.world.vault
    with KeyVaultSigner.open(Job(), who.network, who.options, who.secret) as signer:
        vault.throttle = Throttle(free=0)

        def passes() -> None:
            if len(job.waits) == 2:
                vault.throttle = None

        job = _Waits(passes)
        assert signer.sign(job, DIGEST, DigestAlgorithm.SHA256)
        pace = who.network.settings.pace
        assert job.waits == [1.0 * pace, 2.0 * pace]
        vault.throttle = Throttle(free=0, retry_after=5)
        job = _Waits(lambda: None)
        assert refused(lambda: signer.sign(job, DIGEST, DigestAlgorithm.SHA256)).id == "azure.vault.throttled"
        assert job.waits == [5.0 * pace] * 3
        vault.throttle = Throttle(free=0, retry_after=3600)
        job = _Waits(lambda: None)
        assert refused(lambda: signer.sign(job, DIGEST, DigestAlgorithm.SHA256)).id == "azure.vault.throttled"
        assert job.waits == []


def test_cancelling_takes_effect_at_once(person: Callable[..., Any]) -> None:
    who = person()
    with KeyVaultSigner.open(Job(), who.network, who.options, who.secret) as signer:
        who.cloud.world.conditions.holds[who.options.vault_host] = 30.0
        job = Job()
        threading.Timer(0.3, job.cancel).start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            signer.sign(job, DIGEST, DigestAlgorithm.SHA256)
        assert time.monotonic() - began < 15


def _certificate(key: Any) -> x509.Certificate:
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Practice")]), datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


@pytest.mark.parametrize(
    ("curve", "name", "digest"),
    [
        (ec.SECP256R1(), "ES256", DigestAlgorithm.SHA256),
        (ec.SECP384R1(), "ES384", DigestAlgorithm.SHA384),
        (ec.SECP521R1(), "ES512", DigestAlgorithm.SHA512),
    ],
)
def test_ec_signatures_come_as_der_and_the_curve_decides(
    curve: ec.EllipticCurve, name: str, digest: DigestAlgorithm
) -> None:
    private = ec.generate_private_key(curve)
    key = signing_key(_certificate(private), "c")
    assert (key.digest, key.algorithm(digest)) == (digest, name)
    other = next(each for each in DigestAlgorithm if each is not digest)
    assert refused(lambda: key.algorithm(other)).id == "azure.signature.digest-not-possible"
    value = hashlib.new(digest.value, b"wizard").digest()
    hashing = {32: hashes.SHA256(), 48: hashes.SHA384(), 64: hashes.SHA512()}[digest.size]
    der = private.sign(value, ec.ECDSA(utils.Prehashed(hashing)))
    r, s = utils.decode_dss_signature(der)
    size = (curve.key_size + 7) // 8
    raw = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    assert key.checked(raw, value, digest, "kid") == der
    for wrong in (raw[:-1], raw[::-1], b"", bytes(len(raw)), der):
        assert (
            refused(lambda wrong=wrong: key.checked(wrong, value, digest, "kid")).id
            == "azure.signature.wrong"
        )


def test_a_signature_of_another_key_and_a_key_of_another_kind_are_refused() -> None:
    private = rsa_key(2048)
    stranger = rsa_key(2048)
    key = signing_key(_certificate(private), "c")
    hashing = utils.Prehashed(hashes.SHA256())
    good = private.sign(DIGEST, padding.PKCS1v15(), hashing)
    assert key.checked(good, DIGEST, DigestAlgorithm.SHA256, "kid") == good
    bad = stranger.sign(DIGEST, padding.PKCS1v15(), hashing)
    finding = refused(lambda: key.checked(bad, DIGEST, DigestAlgorithm.SHA256, "kid"))
    assert finding.id == "azure.signature.wrong"
    odd = _certificate(ec.generate_private_key(ec.SECP256K1()))
    assert refused(lambda: signing_key(odd, "c")).id == "azure.vault.key-unsuitable"
