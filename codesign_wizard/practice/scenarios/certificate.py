"""What can be wrong with the certificate in the vault, or with what the CA sends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from codesign_wizard.core.text import tr
from codesign_wizard.practice.authority import LEAF_DAYS, build, key_usage, name
from codesign_wizard.practice.keyvault import lifecycle
from codesign_wizard.practice.keyvault.objects import KeyVersion, code_signing_policy, new_hsm_key
from codesign_wizard.practice.scenarios.registry import scenario
from codesign_wizard.practice.world import CERTIFICATE, COMPANY, World, certify, key_name

AREA = "certificate"
_DOCTOR = ("doctor", "windows")
_SHOW = ("certificate", "show")
_CREATE = ("csr", "create", "--yes")
_MERGE = ("certificate", "merge", "--practice-ca", "--yes")
_SUBJECT = name(COMPANY, COMPANY, "NZ", "Christchurch")
_X500 = f'CN="{COMPANY}", O="{COMPANY}", L=Christchurch, C=NZ'


def _empty(world: World) -> None:
    """Leave nothing in the vault."""
    world.vault.certificates.clear()
    world.vault.keys.clear()


def _have(world: World) -> None:
    """Have the usual certificate in the vault, from which somebody may have removed it."""
    vault = world.vault
    if CERTIFICATE not in vault.certificates:
        for held in (vault.keys, vault.pending, vault.deleted, vault.deleted_keys):
            held.pop(CERTIFICATE, None)
        certify(world, vault)


def _key(world: World, kind: str = "rsa-3072") -> KeyVersion:
    """Return a key version for the vault; the usual one's key is made already."""
    label = key_name(world.vault) if kind == "rsa-3072" else f"{key_name(world.vault)}-{kind}"
    return new_hsm_key(label, kind, int(world.clock.now().timestamp()))


def _hold(
    world: World,
    key: KeyVersion,
    *,
    age: float = 30,
    days: float = LEAF_DAYS,
    usages: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.CODE_SIGNING,),
) -> None:
    """Let the vault hold a certificate of the practice CA for *key*, *age* days old, in place of its own."""
    public_key = key.private_key(world.state).public_key()
    start = world.clock.now() - timedelta(days=age)
    _put(
        world, key, world.code_signing.issue_for(public_key, _SUBJECT, start=start, days=days, usages=usages)
    )


def _put(world: World, key: KeyVersion, certificate: x509.Certificate) -> None:
    _empty(world)
    policy = code_signing_policy(_X500, key, world.clock.now())
    policy.exportable = key.exportable
    now = int(world.clock.now().timestamp())
    world.vault.add_certificate(world.state, CERTIFICATE, key, policy, certificate, now)


def _request(world: World) -> None:
    """Let a request wait in the vault."""
    policy = {
        "key_props": {"kty": "RSA-HSM", "key_size": 3072, "exportable": False, "reuse_key": False},
        "x509_props": {"subject": _X500, "ekus": ["1.3.6.1.5.5.7.3.3"], "key_usage": ["digitalSignature"]},
        "issuer": {"name": "Unknown"},
    }
    now = int(world.clock.now().timestamp())
    lifecycle.create(world.vault, world.state, CERTIFICATE, {"policy": policy}, now)


@scenario(
    "certificate-missing",
    AREA,
    lambda: tr("There is no certificate of this name in the vault."),
    command=_DOCTOR,
    expects=["azure.vault.certificate-missing"],
    kept=True,
)
def certificate_missing(world: World) -> None:
    """Nothing was ever made under the name."""
    _empty(world)


@scenario(
    "certificate-pending",
    AREA,
    lambda: tr("The signing request still waits for the CA's answer."),
    command=_DOCTOR,
    expects=["azure.vault.certificate-pending"],
    kept=True,
)
def certificate_pending(world: World) -> None:
    """There is a request, and no certificate yet."""
    _empty(world)
    _request(world)


@scenario(
    "certificate-deleted",
    AREA,
    lambda: tr("Somebody deleted the certificate; it can be recovered."),
    command=_SHOW,
    expects=["certificate.request.name-deleted"],
    kept=True,
)
def certificate_deleted(world: World) -> None:
    """Soft-deleted: the name stays taken."""
    _have(world)
    lifecycle.delete(world.vault, CERTIFICATE, int(world.clock.now().timestamp()))


@scenario(
    "certificate-disabled",
    AREA,
    lambda: tr("The certificate is switched off in the vault."),
    command=_DOCTOR,
    expects=["azure.vault.certificate-disabled"],
    kept=True,
)
def certificate_disabled(world: World) -> None:
    """Enabled is No, so the key refuses to sign."""
    _have(world)
    body = {"attributes": {"enabled": False}}
    lifecycle.update(world.vault, CERTIFICATE, "", body, int(world.clock.now().timestamp()))


@scenario(
    "certificate-expired",
    AREA,
    lambda: tr("The certificate expired ten days ago."),
    command=_DOCTOR,
    expects=["azure.vault.certificate-expired"],
    kept=True,
)
def certificate_expired(world: World) -> None:
    """Nobody renewed it in time."""
    _hold(world, _key(world), age=LEAF_DAYS + 10)


@scenario(
    "certificate-expiring",
    AREA,
    lambda: tr("The certificate expires within three weeks."),
    command=_DOCTOR,
    expects=["certificate.judge.expires-soon"],
    kept=True,
)
def certificate_expiring(world: World) -> None:
    """It is high time to renew it."""
    _hold(world, _key(world), age=LEAF_DAYS - 20)


@scenario(
    "certificate-tls",
    AREA,
    lambda: tr("The certificate is one for web servers."),
    command=_DOCTOR,
    expects=["certificate.judge.usage-wrong"],
    kept=True,
)
def certificate_tls(world: World) -> None:
    """What the portal proposes when nothing is changed there."""
    _hold(world, _key(world), usages=(ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH))


@scenario(
    "certificate-software-key",
    AREA,
    lambda: tr("The key is kept in software, not in the HSM."),
    command=_DOCTOR,
    expects=["certificate.judge.software-key"],
    kept=True,
)
def certificate_software_key(world: World) -> None:
    """Key type RSA in place of RSA-HSM."""
    key = _key(world)
    key.key_type = "RSA"
    _hold(world, key)


@scenario(
    "certificate-exportable",
    AREA,
    lambda: tr("The key may be exported from the vault."),
    command=_DOCTOR,
    expects=["certificate.judge.exportable", "certificate.judge.software-key"],
    kept=True,
)
def certificate_exportable(world: World) -> None:
    """Only software keys can be; whoever reads the secret has the key."""
    key = _key(world)
    key.key_type, key.exportable = "RSA", True
    _hold(world, key)


@scenario(
    "certificate-ec",
    AREA,
    lambda: tr("The certificate has an EC key, which Windows does not accept for programs."),
    command=_DOCTOR,
    expects=["certificate.judge.key-ec"],
    kept=True,
)
def certificate_ec(world: World) -> None:
    """CAs issue such certificates, and signing works."""
    _hold(world, _key(world, "ec-P-256"))


@scenario(
    "certificate-rsa2048",
    AREA,
    lambda: tr("The certificate has an RSA key of 2048 bits."),
    command=_DOCTOR,
    expects=["certificate.judge.key-small"],
    kept=True,
)
def certificate_rsa2048(world: World) -> None:
    """The vault's default, too small for code signing since 2021."""
    _hold(world, _key(world, "rsa-2048"))


@scenario(
    "certificate-self-signed",
    AREA,
    lambda: tr("The certificate was made by the vault itself, not by a CA."),
    command=_DOCTOR,
    expects=["certificate.judge.self-signed"],
    kept=True,
)
def certificate_self_signed(world: World) -> None:
    """The policy says issuer Self, as the portal proposes."""
    key = _key(world)
    private = key.private_key(world.state)
    start = world.clock.now() - timedelta(days=30)
    extensions = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (key_usage("digital_signature"), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False),
    ]
    certificate = build(
        _SUBJECT, private.public_key(), _SUBJECT, private, start=start, days=365, extensions=extensions
    )
    _put(world, key, certificate)


@scenario(
    "key-without-sign",
    AREA,
    lambda: tr("The key of the certificate is only allowed to wrap other keys."),
    command=_DOCTOR,
    expects=["azure.vault.key-may-not-sign"],
    kept=True,
)
def key_without_sign(world: World) -> None:
    """The request asked for key encipherment, which decides the key's operations."""
    key = _key(world)
    key.key_ops = ["wrapKey", "unwrapKey"]
    _hold(world, key)


@scenario(
    "vault-standard",
    AREA,
    lambda: tr("The vault is of the Standard tier, and a request with an HSM key is made."),
    command=_CREATE,
    expects=["certificate.request.vault-standard"],
    kept=True,
)
def vault_standard(world: World) -> None:
    """Standard vaults have no hardware keys."""
    _empty(world)
    world.vault.sku = "standard"


@scenario(
    "merge-other-key",
    AREA,
    lambda: tr("The CA mixes up orders: its answer is for another request."),
    command=_MERGE,
    expects=["certificate.answer.other-key"],
)
def merge_other_key(world: World) -> None:
    """The certificate is good, and of no use here."""
    _empty(world)
    _request(world)
    world.code_signing.mixes_up_orders = True


@scenario(
    "issuer-missing",
    AREA,
    lambda: tr("The issuer's certificate is neither in the vault nor where the certificate names it."),
    command=_DOCTOR,
    expects=["certificate.chain.incomplete"],
)
def issuer_missing(world: World) -> None:
    """Only the certificate was merged, and the CA's address is gone."""
    world.code_signing.withheld.add("/ca.crt")
