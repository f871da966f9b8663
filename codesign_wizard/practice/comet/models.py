"""The server's state: who may sign in and do what, its settings, uploaded files, sessions, its log.

Names of fields and calls are those of the official SDKs (github.com/CometBackup, 25.9.x). What the SDKs leave
open is decided here on purpose so that a client that guesses is found out: a set that leaves a key out
resets it, secrets come back sealed under another format, files that nothing refers to are dropped.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from codesign_wizard.practice.clock import Clock
from codesign_wizard.practice.comet import errors, members
from codesign_wizard.practice.comet.branding import (
    DEFAULTS,
    MACOS_DEFAULTS,
    MACOS_SECRETS,
    SECRETS,
    new_branding,
)

HOST = "backup-server.example"


ADDRESS = f"https://{HOST}/"


VERSION = "25.9.8"


ADMINISTRATOR = "practice-admin"


RESOURCE = "resource://"


SEALED = 1  # an ENCRYPTIONMETHOD_ that no SDK names: the server's own


SESSION = timedelta(hours=1)


_MAXIMUM_LOG = 20_000


# (platform id, category, description, recommended, kind, architecture as the server's files are named by it)
PLATFORMS = (
    (7, "Windows", "x86_64 (64-bit)", False, "windows", "x86_64"),
    (1, "Windows", "x86_32 (32-bit)", False, "windows", "x86_32"),
    (5, "Windows", "Any CPU", True, "windows", "anycpu"),
    (8, "macOS", "x86_64 (Intel)", False, "macos", "x86_64"),
    (50, "macOS", "arm64 (Apple Silicon)", True, "macos", "arm64"),
    (21, "Linux", "Debian package (.deb)", True, "linux", "any"),
)


@dataclass
class Permissions:
    """AdminUserPermissions, as far as practice goes by them."""

    prevent_edit_server_settings: bool = False
    allow_edit_branding: bool = False
    deny_software_build_role: bool = False

    @property
    def may_edit_branding(self) -> bool:
        """Whether the branding may be read and changed."""
        return self.allow_edit_branding or not self.prevent_edit_server_settings

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``account/properties`` shows."""
        return {
            "PreventEditServerSettings": self.prevent_edit_server_settings,
            "PreventServerShutdown": False,
            "PreventChangePassword": False,
            "AllowEditBranding": self.allow_edit_branding,
            "AllowEditEmailOptions": False,
            "AllowEditRemoteStorage": False,
            "AllowEditWebhooks": False,
            "AllowEditExternalAuthSources": False,
            "DenyConstellationRole": False,
            "DenyViewServerHistory": False,
            "DenyViewServerInfo": False,
            "PreventDeleteStorageVault": False,
            "PreventRequestStorageVault": False,
            "PreventAddCustomStorageVault": False,
            "HideCloudStorageBranding": False,
            "ShouldRestrictProviderList": False,
            "AllowedProvidersWhenRestricted": None,
            "AllowedUserPolicies": None,
            "DenySoftwareBuildRole": self.deny_software_build_role,
        }


@dataclass
class Administrator:
    """An account. ``totp`` is the shared key of its one-time codes (RFC 6238), empty without."""

    name: str
    password: str = field(repr=False)
    totp: bytes = field(default=b"", repr=False)
    organization: str = ""
    permissions: Permissions = field(default_factory=Permissions)
    last_step: int = 0  # a code is taken once


@dataclass
class BuildFaults:
    """What the builder does in place of its work."""

    delivers_loader: bool = False
    signs_as_other: bool = False
    refuses: str = ""


class CometServer:
    """All of it; who calls holds the world's lock while it changes something."""

    def __init__(self, clock: Clock, password: str, *, seal_key: bytes, branding: str = "") -> None:
        self.clock = clock
        self.version = VERSION
        self.administrators = [Administrator(ADMINISTRATOR, password)]
        self.build_role = True
        self.authentication_role = True
        self.faults = BuildFaults()
        self.resources: dict[str, bytes] = {}
        self.log: list[tuple[datetime, str]] = []
        self.attempts = 0  # sign-ins with a wrong password or code
        self.on_read: Callable[[], None] | None = None  # somebody else at work, right after a read
        self.seal_key = seal_key
        self._sessions: dict[str, tuple[Administrator, datetime]] = {}
        self._started = clock.now()
        self.branding = members.split(branding) if branding else new_branding()
        self.write("Server started, version " + self.version)

    # who

    def authenticate(self, fields: dict[str, str]) -> Administrator:
        """Return who calls, by the SDKs' fields (``Username``, …); raises ``CometError``."""
        kind = fields.get("AuthType", "")
        if kind == "SessionKey":
            found = self._sessions.get(fields.get("SessionKey", ""))
            if found is None or found[1] < self.clock.now() or found[0].name != fields.get("Username"):
                raise errors.denied()
            return found[0]
        name = fields.get("Username", "")
        account = next((each for each in self.administrators if each.name == name), None)
        right = account is not None and hmac.compare_digest(
            account.password.encode(), fields.get("Password", "").encode()
        )
        if account is None or not right or kind not in ("Password", "PasswordTOTP"):
            self.attempts += 1
            self.write(f"Failed login for administrator '{name}'")
            raise errors.denied()
        if not account.totp:
            return account
        if kind == "Password":
            raise errors.code_needed()
        if not self._take_code(account, fields.get("TOTP", "")):
            self.attempts += 1
            raise errors.denied()
        return account

    def start_session(self, account: Administrator) -> str:
        """Return a new session's key."""
        key = secrets.token_urlsafe(32)
        self._sessions[key] = (account, self.clock.now() + SESSION)
        self.write(f"Administrator '{account.name}' logged in")
        return key

    def revoke_session(self, key: str) -> None:
        """End the session."""
        self._sessions.pop(key, None)

    @property
    def open_sessions(self) -> int:
        """How many sessions were not revoked."""
        return len(self._sessions)

    def code_now(self, name: str = ADMINISTRATOR) -> str:
        """Return the one-time code that the account's telephone shows now."""
        account = next(each for each in self.administrators if each.name == name)
        return _code(account.totp, int(self.clock.timestamp()) // 30)

    def _take_code(self, account: Administrator, code: str) -> bool:
        now = int(self.clock.timestamp()) // 30
        for step in (now - 1, now, now + 1):
            if step > account.last_step and hmac.compare_digest(_code(account.totp, step), code.strip()):
                account.last_step = step
                return True
        return False

    # settings

    def branding_text(self) -> str:
        """Return the branding object as JSON."""
        return members.join(self.branding)

    def set_branding(self, text: str) -> None:
        """Replace the whole object; raises ``CometError``."""
        try:
            told = members.split(text)
            macos = members.split(told.get("MacOSCodeSign", "{}"))
        except ValueError:
            raise errors.bad_argument("BrandingConfig") from None
        for name, default in DEFAULTS.items():
            told.setdefault(name, json.dumps(default))
            if members.value(told, name, default) != json.loads(told[name]):
                raise errors.bad_argument("BrandingConfig")
        for name, default in MACOS_DEFAULTS.items():
            macos.setdefault(name, json.dumps(default))
        for name in SECRETS:
            self._seal(told, name)
        for name in MACOS_SECRETS:
            self._seal(macos, name)
        for name in told:
            uri = members.value(told, name, "")
            if uri.startswith(RESOURCE) and uri.removeprefix(RESOURCE) not in self.resources:
                raise errors.missing(f"Resource '{uri}' ({name})")
        for name in macos:
            uri = members.value(macos, name, "")
            if uri.startswith(RESOURCE) and uri.removeprefix(RESOURCE) not in self.resources:
                raise errors.missing(f"Resource '{uri}' (MacOSCodeSign.{name})")
        told["MacOSCodeSign"] = members.join(macos)
        self.branding = told
        self._collect()
        self.write("Branding configuration updated")

    def change(self, name: str, value: Any) -> None:
        """Set one member, as somebody else does in the web interface."""
        self.branding[name] = json.dumps(value)

    def setting(self, name: str) -> Any:
        """Return a member of the branding, secrets in the clear."""
        text = members.value(self.branding, name, DEFAULTS[name])
        return self._unsealed(self.branding, name) if name in SECRETS else text

    def macos_setting(self, name: str) -> Any:
        """Return a member of ``MacOSCodeSign``, secrets in the clear."""
        macos = members.split(self.branding["MacOSCodeSign"])
        if name in MACOS_SECRETS:
            return self._unsealed(macos, name)
        return members.value(macos, name, MACOS_DEFAULTS[name])

    def _seal(self, told: dict[str, str], name: str) -> None:
        """Keep a secret that came in the clear as the server keeps its own."""
        value = members.value(told, name, "")
        if members.value(told, f"{name}Format", 0) == 0 and value:
            nonce = secrets.token_bytes(12)
            data = value.encode()
            pad = hashlib.shake_256(self.seal_key + nonce).digest(len(data))
            sealed = bytes(one ^ other for one, other in zip(data, pad, strict=True))
            told[name] = json.dumps(base64.b64encode(nonce + sealed).decode())
            told[f"{name}Format"] = json.dumps(SEALED)

    def _unsealed(self, told: dict[str, str], name: str) -> str:
        value = members.value(told, name, "")
        if members.value(told, f"{name}Format", 0) == 0:
            return str(value)
        try:
            data = base64.b64decode(value, validate=True)
        except ValueError:
            return ""
        pad = hashlib.shake_256(self.seal_key + data[:12]).digest(len(data) - 12) if len(data) > 12 else b""
        return bytes(one ^ other for one, other in zip(data[12:], pad, strict=True)).decode(
            "utf-8", "replace"
        )

    # files

    def upload(self, data: bytes) -> str:
        """Keep *data* until something refers to it or the next save; return its hash."""
        key = hashlib.sha256(data).hexdigest()
        self.resources[key] = data
        return key

    def resource(self, uri: str) -> bytes | None:
        """Return the file that a ``resource://`` address leads to."""
        return self.resources.get(uri.removeprefix(RESOURCE)) if uri.startswith(RESOURCE) else None

    def _collect(self) -> None:
        text = self.branding_text()
        self.resources = {key: data for key, data in self.resources.items() if key in text}

    # the log

    def write(self, text: str) -> None:
        """Add a line to the server's log."""
        self.log.append((self.clock.now(), text))
        del self.log[:-_MAXIMUM_LOG]

    def log_days(self) -> list[int]:
        """Return the days that have a log, newest first: Unix time of each midnight, UTC."""
        return sorted({_midnight(time) for time, _ in self.log}, reverse=True)

    def read_log(self, day: int) -> str:
        """Return the log of a day of ``log_days``; raises ``CometError``."""
        lines = [
            f"{time.strftime('%Y-%m-%d %H:%M:%S')} [info] {text}"
            for time, text in self.log
            if _midnight(time) == day
        ]
        if not lines:
            raise errors.missing("Log")
        return "\n".join(lines) + "\n"

    def version_info(self) -> dict[str, Any]:
        """Return ServerMetaVersionInfo."""
        return {
            "Version": self.version,
            "VersionCodename": "Practice",
            "StorageRole": True,
            "AuthenticationRole": self.authentication_role,
            "SoftwareBuildRole": self.build_role,
            "ConstellationRole": False,
            "ExperimentalOptions": None,
            "ServerStartTime": int(self._started.timestamp()),
            "ServerStartHash": hashlib.sha256(self.seal_key).hexdigest()[:16],
            "CurrentTime": int(self.clock.timestamp()),
            "ServerLicenseHash": "practice",
            "ServerLicenseFeaturesAll": True,
            "ServerLicenseFeatureSet": 0,
            "LicenseValidUntil": int((self._started + timedelta(days=365)).timestamp()),
            "EmailsSentSuccessfully": 0,
            "EmailsSentErrors": 0,
            "EmailsWaitingInQueue": 0,
            "SelfBackup": None,
        }

    def to_json(self) -> dict[str, Any]:
        """Return what is kept between runs."""
        first = self.administrators[0]
        return {
            "password": first.password,
            "seal_key": self.seal_key.hex(),
            "branding": self.branding_text(),
            "resources": {key: base64.b64encode(data).decode() for key, data in self.resources.items()},
        }

    @classmethod
    def from_json(cls, clock: Clock, document: dict[str, Any]) -> CometServer:
        """Return what ``to_json`` kept; raises ``KeyError``, ``TypeError`` or ``ValueError``."""
        server = cls(
            clock,
            document["password"],
            seal_key=bytes.fromhex(document["seal_key"]),
            branding=document["branding"],
        )
        server.resources = {key: base64.b64decode(data) for key, data in document["resources"].items()}
        return server


def new_server(clock: Clock, product: str, company: str) -> CometServer:
    """Return a server as it is after its set-up: branded, and nothing signed."""
    server = CometServer(clock, secrets.token_urlsafe(12), seal_key=secrets.token_bytes(32))
    server.branding |= {"ProductName": json.dumps(product), "CompanyName": json.dumps(company)}
    return server


def _midnight(time: datetime) -> int:
    day = time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return int(day.timestamp())


def _code(key: bytes, step: int) -> str:
    """Return the six digits of a step of 30 seconds (RFC 6238 over RFC 4226, 5.3)."""
    digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**6:06d}"
