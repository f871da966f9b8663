"""Which servers are trusted: the operating system's roots, and a file of further ones."""

from __future__ import annotations

import os
import ssl
import sys
import threading
from functools import lru_cache
from pathlib import Path

# where distributions keep their roots when OpenSSL's own places hold none; as truststore looks for them
_ROOTS = (
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/cert.pem",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/ca-bundle.pem",
)


def context(bundle: str) -> ssl.SSLContext:
    """Return a context that trusts the system's roots and those in *bundle* (PEM; "" for none).

    Raises ``OSError`` and ``ssl.SSLError`` for a bad *bundle*.
    """
    if sys.platform in ("win32", "darwin"):
        # there the system itself judges each chain
        return _with(_system(), bundle)
    # elsewhere its roots are files, and reading them takes longer than a handshake: once, until one changes
    state = tuple(_state(each) for each in (bundle, *_places()) if each)
    # of threads that come at once, one reads
    with _reading:
        return _kept(bundle, state)


_reading = threading.Lock()


@lru_cache(maxsize=16)
def _kept(bundle: str, state: tuple[tuple[str, int, int], ...]) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    own = ssl.get_default_verify_paths()
    if own.cafile or (own.capath and any(Path(own.capath).glob("*.[0-9]"))):
        made.set_default_verify_paths()
    else:
        for each in _ROOTS:
            if Path(each).is_file():
                made.load_verify_locations(cafile=each)
                break
    return _with(made, bundle)


def _with(made: ssl.SSLContext, bundle: str) -> ssl.SSLContext:
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if bundle:
        made.load_verify_locations(cafile=bundle)
    return made


def _system() -> ssl.SSLContext:
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _places() -> tuple[str, ...]:
    found = ssl.get_default_verify_paths()
    return (*filter(None, (found.cafile, found.capath)), *_ROOTS)


def _state(path: str) -> tuple[str, int, int]:
    """Return what tells *path* from a changed one."""
    try:
        told = os.stat(path)  # noqa: PTH116  # a path object would cost more than the call
    except OSError:
        return path, 0, 0
    return path, told.st_mtime_ns, told.st_size
