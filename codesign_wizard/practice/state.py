"""Where a practice cloud keeps its keys, certificates and world: in memory, or in a folder between runs.

A folder is private (0700, files 0600 where the system knows modes) and holds PEM and JSON only. A scenario
that is kept has a folder of its own in it, with what differs from the well world.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import write_atomic
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.practice.key_making import STOCK, PrivateKey

STATE_UNUSABLE = FindingKind(
    "practice.state-unusable",
    Severity.ERROR,
    "The folder that keeps the practice cloud cannot be used: {reason}",
    "The folder given with --state cannot be written, or a file in it is damaged; nothing in it was changed. "
    "An empty folder begins anew.",
)


class StateError(InputError):
    """The folder given to keep the practice cloud in cannot be used; the text says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(STATE_UNUSABLE(reason=reason))


def private_key_pem(key: PrivateKey) -> bytes:
    """Return *key* as unencrypted PKCS #8 in PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


_SCENARIOS = "scenarios"
# the CA is outside of what a scenario breaks: what it issues it knows of in every world
_COMMON = ("code-signing-ca.json",)


def load_key(pem: bytes) -> PrivateKey | None:
    """Return a key that practice kept, ``None`` for one of another kind; raises ``ValueError``.

    The library would look whether both factors are prime, a quarter of a second for each key of each start.
    These were made here: what is looked for is a damaged file.
    """
    key = serialization.load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    if isinstance(key, rsa.RSAPrivateKey):
        whole = key.private_numbers()
        p, q, d = whole.p, whole.q, whole.d
        crt = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
        exponent = whole.public_numbers.e * d
        if (
            p * q != whole.public_numbers.n
            or crt != (whole.dmp1, whole.dmq1, whole.iqmp)
            or exponent % (p - 1) != 1
            or exponent % (q - 1) != 1
        ):
            raise ValueError("the parts of the RSA key do not fit together")
        return key
    return key if isinstance(key, ec.EllipticCurvePrivateKey) else None


class State:
    """Named keys, certificates and documents. Without a folder they live as long as the object."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._memory: dict[str, bytes] = {}
        self._keys: dict[str, PrivateKey] = {}
        self._certificates: dict[str, x509.Certificate] = {}
        self._promised: dict[str, Callable[[], x509.Certificate]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._layer: Path | None = None
        self.frozen = False  # a scenario's world is never written over the well one
        if folder is not None:
            _private(folder)

    @property
    def kept(self) -> bool:
        """Whether there is a folder, so that the next run goes on with the same keys."""
        return self._folder is not None

    def scenario_kept(self, scenario: str) -> bool:
        """Tell whether a world of *scenario* is kept from an earlier run."""
        return self._folder is not None and (self._folder / _SCENARIOS / scenario / "world.json").is_file()

    def enter(self, scenario: str) -> None:
        """Write into the folder of *scenario* from now on; what is not there is read from the well world."""
        if self._folder is None:
            return
        layer = self._folder / _SCENARIOS / scenario
        _private(layer.parent)
        _private(layer)
        self._layer = layer

    def thaw(self) -> None:
        """End being frozen: what was kept in memory meanwhile is written where it belongs."""
        if not self.frozen:
            return
        self.frozen = False
        if self._folder is not None:
            held, self._memory = self._memory, {}
            for name, data in held.items():
                self._write(name, data)

    def key(self, name: str, kind: str) -> PrivateKey:
        """Return the key called *name*, made now if there is none; threads may ask at once."""
        with self._making(f"{name}.key"):
            found = self._keys.get(name)
            if found is None:
                found = self._load_key(name)
            if found is None:
                found = STOCK.take(kind)
                self._write(f"{name}.key.pem", private_key_pem(found))
            self._keys[name] = found
            return found

    def put_key(self, name: str, key: PrivateKey) -> None:
        """Keep *key*, made elsewhere, under *name*."""
        with self._making(f"{name}.key"):
            self._write(f"{name}.key.pem", private_key_pem(key))
            self._keys[name] = key

    def certificate(self, name: str, make: Callable[[], x509.Certificate]) -> x509.Certificate:
        """Return the certificate called *name*, or what *make* returns, kept under that name."""
        with self._making(f"{name}.crt"):
            found = self._certificates.get(name)
            if found is None:
                found = self._load_certificate(name)
            if found is None:
                found = self._promised.get(name, make)()
                self._write(f"{name}.crt.pem", found.public_bytes(serialization.Encoding.PEM))
            self._certificates[name] = found
            return found

    def promise(self, name: str, make: Callable[[], x509.Certificate]) -> None:
        """Let *make* give the certificate called *name* when it is asked for; at once where all is kept."""
        if self.kept:
            self.certificate(name, make)
        else:
            self._promised[name] = make

    def holds(self, file: str) -> bool:
        """Tell whether *file* (``NAME.key.pem``, ``NAME.crt.pem``, ``NAME.json``) is kept."""
        return self._read(file) is not None

    def document(self, name: str) -> dict[str, Any] | None:
        """Return the JSON document called *name*, or ``None``."""
        raw = self._read(f"{name}.json")
        if raw is None:
            return None
        try:
            document = json.loads(raw)
        except ValueError as error:
            raise StateError(f"{name}.json: {error}") from error
        if not isinstance(document, dict):
            raise StateError(f"{name}.json: not an object")
        return document

    def keep(self, name: str, document: dict[str, Any]) -> None:
        """Store a JSON document under *name*."""
        self._write(f"{name}.json", json.dumps(document, indent=1).encode())

    def large_files(self, name: str, temporary: Path) -> Path:
        """Return the folder for files too large for memory: one that is kept, or else *temporary*."""
        return temporary if self._folder is None or self.frozen else (self._layer or self._folder) / name

    def _making(self, name: str) -> threading.Lock:
        """Return the lock under which one thing is made, so that threads do not make it twice."""
        with self._lock:
            return self._locks.setdefault(name, threading.Lock())

    def _load_certificate(self, name: str) -> x509.Certificate | None:
        pem = self._read(f"{name}.crt.pem")
        if pem is None:
            return None
        try:
            return x509.load_pem_x509_certificate(pem)
        except ValueError as error:
            raise StateError(f"{name}.crt.pem: {error}") from error

    def _load_key(self, name: str) -> PrivateKey | None:
        pem = self._read(f"{name}.key.pem")
        if pem is None:
            return None
        try:
            key = load_key(pem)
        except ValueError as error:
            raise StateError(f"{name}.key.pem: {error}") from error
        if key is None:
            raise StateError(f"{name}.key.pem: neither an RSA nor an EC key")
        return key

    def _read(self, name: str) -> bytes | None:
        if name in self._memory or self._folder is None:
            return self._memory.get(name)
        for folder in (self._layer, self._folder):
            if folder is None:
                continue
            try:
                return (folder / name).read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StateError(f"{name}: {error.strerror or error}") from error
        return None

    def _write(self, name: str, data: bytes) -> None:
        if self._folder is None or self.frozen:
            self._memory[name] = data
            return
        folder = self._folder if self._layer is None or name in _COMMON else self._layer
        try:
            write_atomic(folder / name, data, private=True)
        except OSError as error:
            raise StateError(f"{name}: {error.strerror or error}") from error


def _private(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.chmod(folder, 0o700)
    except OSError as error:
        raise StateError(f"{folder}: {error.strerror or error}") from error
