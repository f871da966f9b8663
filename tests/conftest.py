"""The surroundings of every test: no display, no real profile, keyring, proxy or account anywhere near.

All of it is set before the first import of the program or of Qt, because both read the environment early.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

_OUTER = dict(os.environ)
_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30  # bytes


def _choose_temporary_folder() -> None:
    """Let temporary files lie in memory where there is room for them and nobody has chosen another place.

    A file that is written anew, or takes another's place, waits for the disk; the tests do it many thousand
    times, and nothing of it is to outlive them.
    """
    chosen = "TMPDIR" in os.environ or "PYTEST_DEBUG_TEMPROOT" in os.environ
    if chosen or sys.platform != "linux" or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return
    system = os.statvfs(_MEMORY)
    if not system.f_flag & os.ST_NOEXEC and system.f_bavail * system.f_frsize >= _ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


_choose_temporary_folder()
_HOME = Path(tempfile.mkdtemp(prefix="codesign-wizard-tests-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

_FOLDERS = {
    "HOME": "",
    "USERPROFILE": "",
    "APPDATA": "AppData/Roaming",
    "LOCALAPPDATA": "AppData/Local",
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "XDG_CACHE_HOME": ".cache",
    "XDG_RUNTIME_DIR": ".run",
    "CODESIGN_WIZARD_CONFIG": ".config/codesign-wizard",
    "CODESIGN_WIZARD_CACHE": ".cache/codesign-wizard",
}
# what would lead a test to a real proxy, account, session bus or display
_FOREIGN = ("AZURE_", "CODESIGN_WIZARD_", "DBUS_", "GIO_", "QT_", "SSL_CERT_", "XDG_")
_FOREIGN_NAMES = {
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "DISPLAY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "WAYLAND_DISPLAY",
}


def _isolate() -> None:
    for name in list(os.environ):
        if name.upper() in _FOREIGN_NAMES or name.upper().startswith(_FOREIGN):
            del os.environ[name]
    for name, folder in _FOLDERS.items():
        path = _HOME / folder
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ[name] = str(path)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    # a test that wants a keyring brings its own; the real one is out of reach, here and in programs started
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    os.environ["PYTHONUTF8"] = "1"


_isolate()


@pytest.fixture(scope="session")
def outer_environment() -> Mapping[str, str]:
    """The environment as it was, for tests of tools that need the machine's own settings (pip, dev.py)."""
    return _OUTER


@pytest.fixture(scope="session", autouse=True)
def _keys_from_a_pool() -> None:
    """A cloud's keys cost a second of the processor, and the tests start many."""
    from tests.support import keys

    keys.install()


@pytest.fixture(autouse=True)
def _fresh_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that no test before has filled."""
    monkeypatch.setenv("CODESIGN_WIZARD_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(autouse=True)
def _own_secrets() -> Iterator[None]:
    """What a test hides is hidden in it alone: a word that was its password may be a later test's folder."""
    from codesign_wizard.core import redact

    before = redact._known.copy()
    yield
    redact._known = before


class _Errors(logging.Handler):
    """Keeps what was logged at level error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def _no_unexpected_error_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """An error that a library logs and no test asked for fails the test that met it (as qutebrowser does).

    ``@pytest.mark.error_log`` says that one is expected.
    """
    handler = _Errors()
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)
    if handler.lines and request.node.get_closest_marker("error_log") is None:
        pytest.fail("logged at level error:\n" + "\n".join(handler.lines), pytrace=False)
