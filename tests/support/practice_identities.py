"""The practice team's identities as bytes of .p12 files, good and wrong, and a judgement's findings by id."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    pkcs12,
)

from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.authenticode import der
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.redact import Secret
from codesign_wizard.practice.apple import authority as ca
from codesign_wizard.practice.apple.authority import AppleAuthority
from codesign_wizard.practice.state import State

PASSWORD = Secret("p12-canary")


@functools.cache
def authority() -> AppleAuthority:
    return AppleAuthority(State())


@functools.cache
def roots() -> AppleRoots:
    root, *issuers = authority().certificates()
    return AppleRoots(
        extra=[root.public_bytes(Encoding.DER)],
        extra_issuers=[each.public_bytes(Encoding.DER) for each in issuers],
    )


def packed(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None,
    certificate: x509.Certificate | None,
    others: Iterable[x509.Certificate] = (),
    password: Secret = PASSWORD,
) -> bytes:
    encryption = BestAvailableEncryption(password.reveal().encode()) if password else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"x", key, certificate, list(others), encryption)


def made(kind: str) -> bytes:
    return packed(*authority().identity(kind))


def special(kind: ca.Kind, team: ca.Team = ca.TEAM, **options: object) -> bytes:
    key = authority().key("special")
    return packed(key, authority().issue(key.public_key(), kind, team, **options))  # type: ignore[arg-type]


def several(*kinds: str, password: str = PASSWORD.reveal()) -> bytes:
    """Return one .p12 with several identities, laid together from those of one each."""
    infos = []
    for kind in kinds:
        key, certificate = authority().identity(kind)
        data = pkcs12.serialize_key_and_certificates(
            kind.encode(), key, certificate, None, BestAvailableEncryption(password.encode())
        )
        safe = der.whole(data).children()[1].children()[1].first().value
        infos += [each.encoded for each in der.whole(safe).children()]
    wrapped = der.tlv(0xA0, der.octet_string(der.sequence(*infos)))
    return der.sequence(der.integer(3), der.sequence(der.oid("1.2.840.113549.1.7.1"), wrapped))


def errors(findings: Iterable[Finding]) -> list[str]:
    return [each.id for each in findings if each.severity is Severity.ERROR]


def ids(findings: Iterable[Finding]) -> list[str]:
    return [each.id.removeprefix("apple.identity.") for each in findings]
