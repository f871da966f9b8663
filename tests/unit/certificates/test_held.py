"""A key as the vault describes it in the answer to *Get Key*."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from codesign_wizard.core.certificates.held import KeyFacts

KID = "https://vault.vault.azure.net/keys/code-signing/0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("name", "curve"), [("P-256", ec.SECP256R1()), ("P-384", ec.SECP384R1()), ("P-521", ec.SECP521R1())]
)
def test_a_key_on_a_curve(name: str, curve: ec.EllipticCurve) -> None:
    public = ec.generate_private_key(curve).public_key()
    numbers, size = public.public_numbers(), (curve.key_size + 7) // 8

    def number(value: int) -> str:
        return base64.urlsafe_b64encode(value.to_bytes(size, "big")).rstrip(b"=").decode()

    key = {"kid": KID, "kty": "EC-HSM", "key_ops": ["sign"], "crv": name}
    bundle = {
        "key": {**key, "x": number(numbers.x), "y": number(numbers.y)},
        "attributes": {"enabled": True, "exportable": False, "hsmPlatform": "1"},
    }
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert KeyFacts.read(bundle) == KeyFacts(KID, "EC-HSM", ("sign",), "1", False, True, spki)


@pytest.mark.parametrize(
    "bundle",
    [
        {},
        {"key": None, "attributes": []},
        {"key": {"n": "é", "e": 3, "key_ops": "sign"}, "attributes": {"enabled": "yes", "exportable": 1}},
        {"key": {"crv": "P-256", "x": "AQ", "y": "AQ"}},
        {"key": {"crv": ["P-256"], "x": {}, "y": "AQ"}},
    ],
)
def test_what_is_missing_or_damaged_stays_untold(bundle: dict[str, Any]) -> None:
    facts = KeyFacts.read(bundle)
    assert (facts.operations, facts.exportable, facts.enabled, facts.public_key) == ((), None, None, b"")
