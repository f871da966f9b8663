"""The calls of a Comet Server that are needed here, typed.

POST to ``/api/v1/admin/…``, form fields in, JSON out (docs.cometbackup.com/latest/api/api-methods; the
official Go and PHP SDKs, 25.9.x). Whoever signs in gets a session's key at once; the password is not sent
again, and the session is ended with ``close``. Success is a ``Status`` of 200 to 299, whatever HTTP says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

from codesign_wizard.core.comet import findings
from codesign_wizard.core.comet.address import ServerAddress
from codesign_wizard.core.comet.answers import (
    CometRefusalError,
    loads,
    not_comet,
    opening,
    parse,
    refusal_in,
)
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Remedy, utc_now
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.network_download import Head, download
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import shown, tr

PART = "server"
CODE_WANTED = "ERR_TOTP_REQUIRED"
_MAXIMUM_SETTINGS = 64 << 20
_MAXIMUM_LOG = 256 << 20
_SAVING = 120.0  # seconds: all settings go up a slow line, and the server writes them
_DRIFT = timedelta(minutes=5)


@dataclass(frozen=True)
class Credentials:
    """Who signs in; ``code`` is a one-time code, which the server takes once."""

    user: str
    password: Secret
    code: Secret | None = None


@dataclass(frozen=True)
class VersionInfo:
    """``admin/meta/version``: what is used of it. ``drift`` is the server's clock less this computer's."""

    version: str
    codename: str
    build_role: bool
    authentication_role: bool
    drift: timedelta


@dataclass(frozen=True)
class Account:
    """``admin/account/properties``: what is used of it."""

    organization: str
    prevent_edit_settings: bool
    allow_edit_branding: bool
    deny_build: bool


@dataclass(frozen=True)
class Platform:
    """A client that the server can build; the numbers are the server's own."""

    number: int
    category: str
    description: str
    recommended: bool

    @property
    def title(self) -> str:
        """What a person picks it by."""
        return shown(f"{self.category}: {self.description}" if self.category else self.description)

    @property
    def windows(self) -> bool:
        """Whether it is for Windows."""
        return "windows" in f"{self.category} {self.description}".lower()

    @property
    def macos(self) -> bool:
        """Whether it is for macOS."""
        text = f"{self.category} {self.description}".lower()
        return "macos" in text or "mac os" in text or "os x" in text


class CometClient:
    """A session on a server; make it by ``open`` and ``close`` it."""

    def __init__(self, network: Network, address: ServerAddress, user: str, key: Secret) -> None:
        self._network = network
        self.address = address
        self.user = user
        self._key = key
        self._closed = False
        self.notes: list[Finding] = []  # what closing could not do

    @classmethod
    def open(
        cls, job: JobContext, network: Network, address: ServerAddress, credentials: Credentials
    ) -> CometClient:
        """Sign in, once, and keep the session's key; raises ``CodesignError`` and ``Cancelled``."""
        if not credentials.user:
            raise InputError(
                findings.USER_MISSING(
                    certainty=Certainty.COMPUTED,
                    remedies=[Remedy(title=tr("Give the name with which you sign in to the server."))],
                )
            )
        fields = {"Username": credentials.user, "Password": credentials.password.reveal()}
        if credentials.code is None:
            fields["AuthType"] = "Password"
        else:
            fields |= {"AuthType": "PasswordTOTP", "TOTP": credentials.code.reveal().strip()}
        try:
            document = _post(job, network, address, "account/session-start", fields, tr("the sign-in"))
        except CometRefusalError as error:
            raise _sign_in_refused(error, credentials) from error
        key = document.get("SessionKey") if isinstance(document, dict) else None
        if not isinstance(key, str) or not key:
            raise CodesignError(not_comet(address, Evidence(message=tr("no session key was given"))))
        return cls(network, address, credentials.user, Secret(key))

    def __enter__(self) -> CometClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the session; what kept it from ending is in ``notes``. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        from codesign_wizard.core.job import Job

        try:
            # a cancelled job still ends its session
            _post(
                Job(),
                _hurried(self._network),
                self.address,
                "account/session-revoke",
                self._fields(),
                tr("the end of the session"),
            )
        except (CodesignError, Cancelled) as error:
            why = error.finding.title if isinstance(error, CodesignError) else ""
            self.notes.append(findings.NOT_ENDED(host=self.address.host, why=why))

    # reading

    def version(self, job: JobContext) -> VersionInfo:
        """Return the server's version, roles and clock."""
        began = datetime.now(UTC)
        document = self._object(job, "meta/version", {}, tr("to tell its version"))
        middle = began + (datetime.now(UTC) - began) / 2
        told = document.get("CurrentTime")
        drift = timedelta()
        if type(told) is int and told > 0:
            with suppress(OverflowError, ValueError, OSError):
                drift = datetime.fromtimestamp(told, UTC) - middle
        return VersionInfo(
            _text(document, "Version"),
            _text(document, "VersionCodename"),
            document.get("SoftwareBuildRole") is True,
            document.get("AuthenticationRole") is not False,
            drift,
        )

    def account(self, job: JobContext) -> Account:
        """Return what the administrator may do."""
        document = self._object(job, "account/properties", {}, tr("to tell what the account may do"))
        rights = document.get("Permissions")
        rights = rights if isinstance(rights, dict) else {}
        security = document.get("Security")
        if isinstance(security, dict):
            Secret(_text(security, "TOTPKey"))  # nobody's business here, and hidden wherever it turns up
        return Account(
            _text(document, "OrganizationID"),
            rights.get("PreventEditServerSettings") is True,
            rights.get("AllowEditBranding") is True,
            rights.get("DenySoftwareBuildRole") is True,
        )

    def branding(self, job: JobContext) -> str:
        """Return the branding object as the server sent it: JSON text, unread."""
        from codesign_wizard.core.comet.document import DocumentError, Members

        answer = self._call(job, "meta/branding-config/get", {}, tr("to show its branding"))
        try:
            outer = Members(answer.body.decode("utf-8-sig"))
            if "Branding" not in outer:
                raise DocumentError(tr("there is no branding in it"))
            Members(outer.raw("Branding"))
        except (DocumentError, UnicodeDecodeError) as error:
            raise CodesignError(
                findings.UNREADABLE(
                    why=str(error),
                    evidence=Evidence(answer.status, message=opening(answer.body), time=utc_now()),
                    remedies=[Remedy(title=tr("Check that the address is the Comet Server's own."))],
                )
            ) from error
        return outer.raw("Branding")

    def platforms(self, job: JobContext) -> list[Platform]:
        """Return the clients that the server can build, by number."""
        document = self._object(job, "branding/available-platforms", {}, tr("to list its clients"))
        found = []
        for number, told in document.items():
            if number.isascii() and number.isdigit() and isinstance(told, dict):
                words = (_text(told, "Category"), _text(told, "Description"))
                found.append(Platform(int(number), *words, told.get("Recommended") is True))
        return sorted(found, key=lambda each: each.number)

    def resource(self, job: JobContext, uri: str) -> bytes:
        """Return the uploaded file that ``resource://HASH`` refers to."""
        fields = {"Hash": uri.removeprefix("resource://")}
        return self._call(job, "meta/resource/get", fields, tr("to give back a file"), binary=True).body

    def log_days(self, job: JobContext) -> list[int]:
        """Return the days that have a log, as the server numbers them, the newest first."""
        document = self._json(job, "meta/list-available-log-days", {}, tr("to list its logs"))
        days = [each for each in document if type(each) is int] if isinstance(document, list) else []
        return sorted(days, reverse=True)

    def log(self, job: JobContext, day: int) -> str:
        """Return the log of a day of ``log_days``."""
        body = self._call(job, "meta/read-logs", {"Log": str(day)}, tr("to show its log"), binary=True).body
        text = body.decode("utf-8", "replace")
        if text.lstrip().startswith('"'):
            # the JavaScript SDK reads it as a JSON string
            with suppress(ValueError):
                told = json.loads(text)
                text = told if isinstance(told, str) else text
        return text

    # changing

    def set_branding(self, job: JobContext, text: str) -> None:
        """Replace the whole branding object by the JSON *text*."""
        fields = {**self._fields(), "BrandingConfig": text}
        answer = _send(job, self._network, self.address, "meta/branding-config/set", fields, _SAVING)
        parse(self.address, answer, tr("to save the branding"))

    def upload(self, job: JobContext, name: str, data: bytes) -> str:
        """Upload a file and return what refers to it, ``resource://HASH``; keep it by saving that at once."""
        boundary = f"----codesign-wizard-{os.urandom(16).hex()}"
        plain = "".join(
            char if (char.isascii() and char.isalnum()) or char in ".-_" else "_" for char in name
        )
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="upload"; filename="{plain}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        body += data + f"\r\n--{boundary}--\r\n".encode()
        # credentials go into the headers here; they are octets of UTF-8, as the Go SDK sends them
        headers = {
            f"X-Comet-Admin-{field}": value.encode().decode("latin-1")
            for field, value in self._fields().items()
        }
        headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
        what = tr("the file {name}").format(name=name)
        document = parse(
            self.address,
            self._network.request(
                job, "POST", self._url("meta/resource/new"), headers=headers, data=body, part=PART
            ),
            what,
        )
        key = document.get("ResourceHash") if isinstance(document, dict) else None
        if not isinstance(key, str) or not key:
            raise CodesignError(not_comet(self.address, Evidence(message=tr("no file's hash was given"))))
        return f"resource://{key}"

    # building

    def test_build(self, job: JobContext, platform: int) -> None:
        """Ask whether a client can be downloaded; raises ``CometRefusalError`` when not."""
        fields = {"Platform": str(platform), "SelfAddress": self.address.url}
        self._json(job, "branding/generate-client/test", fields, tr("to build this client"))

    def build(
        self,
        job: JobContext,
        platform: int,
        take: Callable[[bytes], None],
        *,
        first: float,
        waiting: Callable[[float], None] | None = None,
        text: str = "",
    ) -> Head:
        """Let the server build a client and hand its bytes to *take*; *first* are seconds until it begins."""
        fields = {**self._fields(), "Platform": str(platform), "SelfAddress": self.address.url}
        return download(
            job,
            self._network,
            self._url("branding/generate-client/by-platform"),
            data=fields,
            take=take,
            part=PART,
            first=first,
            stall=max(60.0, self._network.settings.timeout),
            waiting=waiting,
            text=text,
        )

    # the wire

    def _fields(self) -> dict[str, str]:
        return {"Username": self.user, "AuthType": "SessionKey", "SessionKey": self._key.reveal()}

    def _url(self, call: str) -> str:
        return _url(self.address, call)

    def _call(
        self, job: JobContext, call: str, fields: Mapping[str, str], what: str, *, binary: bool = False
    ) -> Answer:
        answer = _send(job, self._network, self.address, call, {**self._fields(), **fields})
        try:
            if not (binary and 200 <= answer.status < 300 and refusal_in(answer.body) is None):
                parse(self.address, answer, what)
        except CometRefusalError as error:
            if error.forbidden and call != "account/properties":
                self._check_session(job)
            raise
        return answer

    def _json(self, job: JobContext, call: str, fields: Mapping[str, str], what: str) -> Any:
        answer = self._call(job, call, fields, what)
        return loads(answer.body)

    def _object(self, job: JobContext, call: str, fields: Mapping[str, str], what: str) -> dict[str, Any]:
        document = self._json(job, call, fields, what)
        if not isinstance(document, dict):
            raise CodesignError(not_comet(self.address, Evidence(message=tr("no JSON object came"))))
        return document

    def _check_session(self, job: JobContext) -> None:
        """Raise what a refusal really means if the session is over."""
        try:
            self.account(job)
        except CometRefusalError as error:
            if error.forbidden:
                self._closed = True
                raise CodesignError(
                    findings.SESSION_ENDED(
                        host=self.address.host,
                        evidence=_evidence(error.status, error.message),
                        remedies=[Remedy(title=tr("Sign in again."))],
                    )
                ) from error
            raise


def _hurried(network: Network) -> Network:
    """Return the same network with a short time-out: for good-byes that nobody waits for."""
    return Network(replace(network.settings, timeout=min(network.settings.timeout, 5.0)))


def signed_in(client: CometClient, version: VersionInfo) -> list[Finding]:
    """Return who is signed in where, and what the server's clock is like."""
    found = [
        findings.SIGNED_IN(
            host=client.address.host,
            user=client.user,
            version=shown(version.version),
            evidence=Evidence(time=utc_now(), more={"version": shown(version.version)}),
        )
    ]
    if abs(version.drift) >= _DRIFT:
        minutes = round(abs(version.drift).total_seconds() / 60)
        found.append(
            findings.CLOCK(
                offset=tr("{n} minutes").format(n=minutes),
                direction=tr("ahead of") if version.drift > timedelta() else tr("behind"),
                evidence=Evidence(time=utc_now(), more={"drift": f"{version.drift.total_seconds():.0f} s"}),
                remedies=[
                    Remedy(title=tr("Let the server and this computer set their clocks from the network."))
                ],
            )
        )
    return found


def _url(address: ServerAddress, call: str) -> str:
    return f"{address.url}api/v1/admin/{call}"


def _send(
    job: JobContext,
    network: Network,
    address: ServerAddress,
    call: str,
    fields: Mapping[str, str],
    least: float = 0.0,
) -> Answer:
    """Send a call; it may take the network's time-out, and at least *least* seconds."""
    return network.request(
        job,
        "POST",
        _url(address, call),
        data=dict(fields),
        part=PART,
        max_body=_MAXIMUM_LOG if call == "meta/read-logs" else _MAXIMUM_SETTINGS,
        timeout=max(network.settings.timeout, least),
    )


def _post(
    job: JobContext,
    network: Network,
    address: ServerAddress,
    call: str,
    fields: Mapping[str, str],
    what: str,
) -> Any:
    return parse(address, _send(job, network, address, call, fields), what)


def _sign_in_refused(error: CometRefusalError, credentials: Credentials) -> CodesignError:
    evidence = error.finding.evidence
    if error.message.strip() == CODE_WANTED:
        return CodesignError(
            findings.CODE_NEEDED(
                user=credentials.user,
                evidence=evidence,
                remedies=[
                    Remedy(title=tr("Give the code that your authenticator shows now: each one works once."))
                ],
            )
        )
    if error.forbidden or error.status in (400, 404):
        detail = ""
        if credentials.code is not None:
            detail = tr("A one-time code works once and for half a minute: take a fresh one.")
        return CodesignError(
            findings.SIGN_IN_REFUSED(
                user=credentials.user,
                detail=detail,
                evidence=evidence,
                remedies=findings.password_remedies(),
            )
        )
    return error


def _evidence(status: int, message: str) -> Evidence:
    return Evidence(code=str(status), message=message, time=utc_now())


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""
