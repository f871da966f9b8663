"""Secrets at rest: the operating system's keyring, or memory for this run when there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Evidence, FindingKind, Remedy, Severity
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")

SERVICE = "codesign-wizard"
# what is kept by these names; profile_secrets knows all of them
APPLICATION_SECRET = "azure-application-secret"  # a name, not a value
# the one password of the two .p12 files, and the one of the keys that wait for Apple's certificates
APPLE_PASSWORD = "apple-p12-password"  # a name, not a value
APPLE_KEYS_PASSWORD = "apple-keys-password"  # a name, not a value
APPLE_API_KEY = "apple-api-key"  # a name, not a value
# the temporary access to Apple's storage while an upload is unfinished, in pieces that Windows can hold
APPLE_UPLOAD = tuple(f"apple-upload-{number}" for number in range(1, 7))
SERVER_PASSWORD = "server-password"  # a name, not a value
# of the user that the proxy's address names
PROXY_PASSWORD = "proxy-password"  # a name, not a value
# what the server had before the last change, in pieces (core.long_secret)
SERVER_UNDO = "server-undo"  # a name, not a value
# of the second file, while the two are under two passwords
APPLE_OTHER_PASSWORD = "apple-p12-other-password"  # a name, not a value

# Windows Credential Manager: 2560 bytes of UTF-16 (wincred.h, CRED_MAX_CREDENTIAL_BLOB_SIZE)
_WINDOWS_LIMIT = 1280
# a person may have to unlock the keyring in a dialog of the system's
_PATIENCE = 60.0

NOT_KEPT = FindingKind(
    "secrets.not-kept",
    Severity.WARNING,
    "Secrets are kept in memory for this run only.",
    "The system has no keyring that can be used; secrets must be given again next time.",
)
FAILED = FindingKind(
    "secrets.keyring-failed",
    Severity.ERROR,
    "{place} did not store the secret.",
    "The system's keyring refused, did not answer, or silently dropped the secret.",
)
TOO_LONG = FindingKind(
    "secrets.too-long",
    Severity.ERROR,
    "The secret is longer than {place} can hold.",
    "Windows Credential Manager holds at most 1280 characters.",
)


class SecretStore(Protocol):
    """Where secrets are kept, by profile and name."""

    @property
    def kept(self) -> bool:
        """Whether secrets outlive this run."""

    @property
    def place(self) -> str:
        """The store in words a person knows."""

    @property
    def reason(self) -> str:
        """Why secrets are not kept; empty when they are."""

    def get(self, profile_id: str, name: str) -> Secret | None:
        """Return the secret, or ``None``; raises ``CodesignError`` when the keyring does not answer."""

    def set(self, profile_id: str, name: str, secret: Secret) -> None:
        """Store the secret and read it back; raises ``CodesignError``."""

    def forget(self, profile_id: str, name: str) -> None:
        """Remove the secret, if there is one; raises ``CodesignError``."""


class MemoryStore:
    """Secrets for this run only: practice mode, tests, and systems without a keyring."""

    kept = False

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        self._secrets: dict[tuple[str, str], Secret] = {}

    @classmethod
    def of(cls, profile_id: str, secrets: Mapping[str, Secret]) -> MemoryStore:
        """Return a store of the *secrets* of one profile, by their names."""
        store = cls()
        store._secrets = {(profile_id, name): secret for name, secret in secrets.items()}
        return store

    @property
    def place(self) -> str:
        return tr("memory, for this run only")

    def get(self, profile_id: str, name: str) -> Secret | None:
        return self._secrets.get((profile_id, name))

    def set(self, profile_id: str, name: str, secret: Secret) -> None:
        self._secrets[profile_id, name] = secret

    def forget(self, profile_id: str, name: str) -> None:
        self._secrets.pop((profile_id, name), None)


class KeyringStore:
    """Secrets in the operating system's keyring."""

    kept = True
    reason = ""

    def __init__(self, backend: KeyringBackend) -> None:
        self._backend = backend

    @property
    def place(self) -> str:
        return _place(self._backend)

    def get(self, profile_id: str, name: str) -> Secret | None:
        value = self._call(lambda: self._backend.get_password(SERVICE, f"{profile_id}/{name}"))
        return None if value is None else Secret(value)

    def set(self, profile_id: str, name: str, secret: Secret) -> None:
        value = secret.reveal()
        if _is_windows(self._backend) and len(value.encode("utf-16-le")) > 2 * _WINDOWS_LIMIT:
            raise CodesignError(TOO_LONG(place=self.place))
        self._call(lambda: self._backend.set_password(SERVICE, f"{profile_id}/{name}", value))
        # a null keyring drops secrets without a word
        if self.get(profile_id, name) != secret:
            raise CodesignError(
                FAILED(place=self.place, detail=tr("What it returns is not what it was given."))
            )

    def forget(self, profile_id: str, name: str) -> None:
        if self.get(profile_id, name) is not None:
            self._call(lambda: self._backend.delete_password(SERVICE, f"{profile_id}/{name}"))

    def _call(self, call: Callable[[], T]) -> T:
        try:
            return _bounded(call)
        # backends raise what their system raises (pywintypes.error is no KeyringError)
        except Exception as error:
            raise CodesignError(
                FAILED(
                    place=self.place,
                    evidence=Evidence(code=type(error).__name__, message=str(error)),
                    remedies=[Remedy(title=tr("Unlock the keyring, then try again."))],
                )
            ) from error


def open_store() -> SecretStore:
    """Return the system's keyring if it works, else a store in memory whose ``reason`` says why."""
    try:
        import keyring

        backend = keyring.get_keyring()
        if _is_windows(backend):
            # the default may roam to other machines of the domain
            backend.persist = "local machine"  # type: ignore[attr-defined]  # only this backend has it
        if backend.priority < 1 or type(backend).__module__.endswith((".null", ".fail")):
            return MemoryStore(tr("This system has no keyring."))
        _bounded(lambda: backend.get_password(SERVICE, "probe"))
    # a keyring that cannot be used, for whatever reason, must not stop the work
    except Exception as error:
        return MemoryStore(
            tr("The system's keyring does not answer: {error}").format(
                error=str(error) or type(error).__name__
            )
        )
    return KeyringStore(backend)


def _bounded(call: Callable[[], T]) -> T:
    outcome: list[T] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(call())
        except BaseException as error:  # handed to the caller's thread, whatever it is
            failure.append(error)

    thread = threading.Thread(target=work, name="keyring", daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    if thread.is_alive():
        raise TimeoutError(tr("no answer within {seconds} s").format(seconds=f"{_PATIENCE:g}"))
    if failure:
        raise failure[0]
    return outcome[0]


def _real(backend: Any) -> Any:
    # a chainer asks several; the first is where secrets are written
    inner = getattr(backend, "backends", None)
    return inner[0] if inner else backend


def _is_windows(backend: Any) -> bool:
    return type(_real(backend)).__module__.endswith(".Windows")


def _place(backend: Any) -> str:
    module = type(_real(backend)).__module__.rpartition(".")[2]
    return {
        "Windows": "Windows Credential Manager",
        "macOS": tr("the macOS Keychain"),
        "SecretService": "Secret Service",
        "libsecret": "Secret Service",
        "kwallet": "KWallet",
    }.get(module, tr("the system's keyring"))
