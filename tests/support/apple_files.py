"""The test team's identities as .p12 files, and a request for a trial with them."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from codesign_wizard.core.apple.options import AppleOptions
from codesign_wizard.core.redact import Secret
from tests.support import apple_pki

PASSWORD = "only-for-these-files"


def p12(folder: Path, kind: str) -> Path:
    """Write the identity *kind* of ``apple_pki`` with its issuer, under ``PASSWORD``."""
    issued = apple_pki.leaf(kind)
    path = folder / f"{kind}.p12"
    encryption = BestAvailableEncryption(PASSWORD.encode())
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(
            None, issued.key, issued.certificate, [apple_pki.authority().certificate], encryption
        )
    )
    return path


def options(folder: Path) -> AppleOptions:
    """Return both identities, written to *folder*."""
    return AppleOptions(p12(folder, "application"), p12(folder, "installer"), Secret(PASSWORD))
