"""The practice team's identities as their owner has them: two .p12 files under one password."""

from __future__ import annotations

import base64
import secrets
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from codesign_wizard.practice.apple.authority import TEAM, AppleAuthority
from codesign_wizard.practice.state import State

_NAME = "apple-account"  # the document in the state
_LARGEST = 1 << 20  # bytes of a file that may be a copy of one


class AppleAccount:
    """Both files in *folder*, which belongs to a run.

    Where *state* is kept they are the same to the byte in every run, as a person's files are: a server that
    was given them has them still.
    """

    def __init__(self, authority: AppleAuthority, folder: Path, state: State) -> None:
        self._authority = authority
        self._state = state
        self._lock = threading.Lock()
        kept = state.document(_NAME) or {}
        self._kept: dict[str, str] = kept.get("files", {})
        self.password: str = kept.get("password") or secrets.token_urlsafe(12)
        self.team = TEAM.identifier
        self.application_file = folder / "developer-id-application.p12"
        self.installer_file = folder / "developer-id-installer.p12"

    def write(self) -> None:
        """Make the files where they are not there yet: their keys take a moment, and few runs need them."""
        with self._lock:
            for kind, path in (("application", self.application_file), ("installer", self.installer_file)):
                if not path.exists():
                    path.parent.mkdir(mode=0o700, exist_ok=True)
                    path.write_bytes(self._file(kind))

    def is_copy(self, file: Path) -> bool:
        """Tell whether *file* is one of the two, or a copy of one in another folder."""
        if file in (self.application_file, self.installer_file):
            return True
        try:
            held = base64.b64encode(file.read_bytes()).decode() if file.stat().st_size <= _LARGEST else ""
        except (OSError, ValueError):
            return False
        return held in self._kept.values()

    def _file(self, kind: str) -> bytes:
        if kind not in self._kept:
            key, certificate = self._authority.identity(kind)
            self._kept[kind] = base64.b64encode(self._packed(key, certificate)).decode()
            self._state.keep(_NAME, {"password": self.password, "files": self._kept})
        return base64.b64decode(self._kept[kind])

    def _packed(self, key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> bytes:
        issuers = [self._authority.intermediate(), self._authority.root]
        encryption = BestAvailableEncryption(self.password.encode())
        return pkcs12.serialize_key_and_certificates(None, key, certificate, issuers, encryption)
