"""The practice team's identities as their owner has them: two .p12 files under one password."""

from __future__ import annotations

import secrets
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from codesign_wizard.practice.apple.authority import TEAM, AppleAuthority


class AppleAccount:
    """Both files in *folder*, which belongs to a run; the keys are the authority's, and are kept with it."""

    def __init__(self, authority: AppleAuthority, folder: Path) -> None:
        self._authority = authority
        self._lock = threading.Lock()
        self.password = secrets.token_urlsafe(12)
        self.team = TEAM.identifier
        self.application_file = folder / "developer-id-application.p12"
        self.installer_file = folder / "developer-id-installer.p12"

    def write(self) -> None:
        """Make the files where they are not there yet: their keys take a moment, and few runs need them."""
        with self._lock:
            for kind, path in (("application", self.application_file), ("installer", self.installer_file)):
                if not path.exists():
                    path.parent.mkdir(mode=0o700, exist_ok=True)
                    key, certificate = self._authority.identity(kind)
                    path.write_bytes(self._packed(key, certificate))

    def _packed(self, key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> bytes:
        issuers = [self._authority.intermediate(), self._authority.root]
        encryption = BestAvailableEncryption(self.password.encode())
        return pkcs12.serialize_key_and_certificates(None, key, certificate, issuers, encryption)
