"""What the server has, beside what the profile holds, and what stands in the way. Changes nothing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from codesign_wizard.core.comet import findings, settings
from codesign_wizard.core.comet.answers import CometRefusalError
from codesign_wizard.core.comet.client import Account, CometClient, VersionInfo, signed_in
from codesign_wizard.core.comet.document import DocumentError, Members
from codesign_wizard.core.comet.settings import Desired, File, FileFields, Kind, Part, Setting, Wanted
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Remedy, blocks, utc_now
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import shown, tr

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")
# what a person is shown of the server's settings, whether the profile has something for it or not
SHOWN = (
    settings.BUILD_MODE,
    settings.METHOD,
    settings.VAULT,
    settings.CERTIFICATE,
    settings.APPLICATION,
    settings.SECRET,
    settings.TENANT,
    settings.LEVEL,
    settings.LOCALLY,
    settings.installer_setting(FileFields.FILE),
    settings.application_setting(FileFields.FILE),
    settings.installer_setting(FileFields.NAME),
    settings.application_setting(FileFields.NAME),
    settings.P12_PASSWORD,
    settings.ISSUER_ID,
    settings.KEY_ID,
    settings.KEY_FILE,
)


class State(StrEnum):
    """How a setting on the server compares with the profile's."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"  # a secret that the server keeps to itself, a file that it does not give back
    SERVER_ONLY = "server-only"  # the profile has nothing for it

    @property
    def words(self) -> str:
        """The state as a person reads it."""
        return {
            State.SAME: tr("the same"),
            State.DIFFERENT: tr("different"),
            State.UNKNOWN: tr("cannot be compared"),
            State.SERVER_ONLY: "",
        }[self]


@dataclass(frozen=True)
class Line:
    """One setting side by side, in words that show no secret."""

    setting: Setting
    server: str
    here: str
    state: State

    def to_json(self) -> dict[str, Any]:
        """Return the line as documented in docs/json.md."""
        return {
            "key": self.setting.key,
            "label": self.setting.label,
            "part": self.setting.part.value,
            "server": self.server,
            "here": self.here,
            "state": self.state.value,
        }


@dataclass(frozen=True)
class View:
    """The server as it was looked at. ``branding`` is its text, ``None`` when it may not be seen."""

    version: VersionInfo
    account: Account
    branding: str | None
    findings: list[Finding] = field(default_factory=list)

    @property
    def blocked(self) -> bool:
        """Whether anything keeps the settings from being applied or from working."""
        return blocks(self.findings)

    def members(self) -> Members:
        """Return the branding's members; an empty object's when it may not be seen."""
        return Members(self.branding or "{}")


def look(job: JobContext, client: CometClient) -> View:
    """Read version, rights and branding; what blocks is in ``findings``. Raises ``CodesignError``."""
    version = client.version(job)
    account = client.account(job)
    found = signed_in(client, version)
    branding: str | None = None
    may = account.allow_edit_branding or not account.prevent_edit_settings
    try:
        branding = client.branding(job)
    except CometRefusalError as error:
        if not error.forbidden:
            raise
        evidence = Evidence(code=str(error.status), message=error.message, time=utc_now())
        found.append(_denied(client, account, evidence, Certainty.OBSERVED))
    else:
        if not may:
            found.append(_denied(client, account, Evidence(time=utc_now()), Certainty.LIKELY))
    found += _rights(client, version, account)
    if branding is not None:
        found += _mode(Members(branding))
    return View(version, account, branding, found)


def server_lines(view: View) -> list[Line]:
    """Return the server's settings for people, secrets as *set* or not."""
    members = view.members()
    lines = []
    for setting in SHOWN:
        value = _at(members, setting.path)
        # of the two pairs of fields for files, only what is in use
        if setting.kind is Kind.FILE and not value and setting.path[-1].endswith("Name"):
            continue
        lines.append(Line(setting, _server_words(members, setting, value), "", State.SERVER_ONLY))
    return lines


def choose_fields(members: Members, asked: FileFields) -> FileFields:
    """Return which fields take the .p12 files: those asked for, those in use, or the likely ones."""
    if asked is not FileFields.AUTO:
        return asked
    macos = members.object(settings.MACOS)
    uses = {name: str(macos.get(name) or "") for name in ("CertificateFile", "CertificateName")}
    by_name = uses["CertificateName"].startswith(settings.RESOURCE) and not uses["CertificateFile"]
    return FileFields.NAME if by_name else FileFields.FILE


def compare(job: JobContext, client: CometClient, view: View, wishes: Sequence[Desired]) -> list[Line]:
    """Return each wish beside what the server has; an uploaded file is read back to be compared."""
    members = view.members()
    return [_line(job, client, members, each) for each in wishes]


def difference_findings(
    view: View, wanted: Wanted, parts: Sequence[Part], lines: Sequence[Line], fields: FileFields
) -> list[Finding]:
    """Return what the comparison comes to, and what the server is too old for."""
    found = list(_age(view, parts))
    found += settings.notices(wanted, parts)
    if Part.CERTIFICATES in parts:
        chosen = choose_fields(view.members(), fields)
        names = [settings.installer_setting(chosen).path[-1], settings.application_setting(chosen).path[-1]]
        if fields is FileFields.AUTO and not _uses(view.members(), names):
            found.append(
                findings.FIELD_UNSURE(
                    fields=", ".join(names),
                    certainty=Certainty.LIKELY,
                    remedies=[
                        Remedy(
                            title=tr(
                                "Save one file in the server's own form, and see here which field it fills; "
                                "--file-fields file or name chooses."
                            )
                        )
                    ],
                )
            )
    count = sum(line.state is State.DIFFERENT for line in lines)
    unseen = sum(line.state is State.UNKNOWN for line in lines)
    if lines and not count and not unseen:
        found.append(findings.SAME(evidence=Evidence(time=utc_now())))
    elif unseen and not count:
        found.append(findings.ONLY_SECRETS(count=unseen, evidence=Evidence(time=utc_now())))
    elif count:
        found.append(findings.DIFFERENT(count=count, evidence=Evidence(time=utc_now())))
    return found


def nothing_wanted() -> Finding:
    """Return what to say of a profile without anything for the server."""
    return findings.NOTHING(
        certainty=Certainty.COMPUTED,
        remedies=[Remedy(title=tr("Fill in the Key Vault options or the Apple files first."))],
    )


def fingerprint(branding: str) -> str:
    """Return a digest of what the branding means; secrets under the server's own format do not count.

    A server may wrap a secret anew for each answer, so an equal secret may look different.
    """
    meaning = json.loads(branding, parse_int=_tagged, parse_float=_tagged, parse_constant=str)
    _blank_sealed(meaning)
    text = json.dumps(meaning, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _tagged(text: str) -> list[str]:
    return ["number", text]


def _blank_sealed(meaning: Any) -> None:
    waiting = [meaning]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            for name in list(each):
                if each.get(f"{name}Format", ["number", "0"]) != ["number", "0"]:
                    each[name] = None
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _rights(client: CometClient, version: VersionInfo, account: Account) -> Iterable[Finding]:
    if account.organization:
        yield findings.TENANT(
            user=client.user,
            evidence=Evidence(time=utc_now(), more={"OrganizationID": shown(account.organization)}),
            remedies=[
                Remedy(
                    title=tr("Sign in as a top-level administrator to see the server's log and all settings.")
                )
            ],
        )
    if not version.build_role or not version.authentication_role:
        yield findings.ROLE_OFF(
            evidence=Evidence(
                time=utc_now(),
                more={
                    "SoftwareBuildRole": str(version.build_role).lower(),
                    "AuthenticationRole": str(version.authentication_role).lower(),
                },
            ),
            remedies=findings.role_remedies(),
        )
    elif account.deny_build:
        yield findings.ROLE_DENIED(
            user=client.user,
            evidence=Evidence(time=utc_now(), more={"DenySoftwareBuildRole": "true"}),
            remedies=[
                Remedy(title=tr("Let a top-level administrator take this restriction off the account."))
            ],
        )


def _denied(client: CometClient, account: Account, evidence: Evidence, certainty: Certainty) -> Finding:
    more = {
        "PreventEditServerSettings": str(account.prevent_edit_settings).lower(),
        "AllowEditBranding": str(account.allow_edit_branding).lower(),
    }
    seen = Evidence(code=evidence.code, message=evidence.message, time=evidence.time, more=more)
    return findings.DENIED(
        user=client.user,
        evidence=seen,
        certainty=certainty,
        remedies=findings.branding_remedies(client.user),
    )


def _mode(members: Members) -> Iterable[Finding]:
    if members.get("BuildMode", 0) == settings.PREBUILT:
        yield findings.PREBUILT(
            evidence=Evidence(time=utc_now(), more={"BuildMode": "1"}),
            remedies=[
                Remedy(
                    title=tr("Let the server make custom builds: server apply --only build-mode."),
                    portal=(
                        tr("On the server: Settings, Branding, Client branding."),
                        tr("Choose custom branding in place of the pre-built client."),
                    ),
                )
            ],
        )


def _age(view: View, parts: Sequence[Part]) -> Iterable[Finding]:
    told = _NUMBERS.match(view.version.version)
    if told is None:
        return
    number = tuple(int(each[:9]) for each in told[0].split("."))
    for wanted, since, what in (
        ((Part.AZURE,), settings.AZURE_SINCE, tr("Azure Key Vault")),
        ((Part.CERTIFICATES, Part.API_KEY), settings.MACOS_SINCE, tr("uploaded Apple certificates")),
    ):
        if number < since and any(part in parts for part in wanted):
            yield findings.TOO_OLD(
                what=what,
                version=shown(view.version.version),
                needed=".".join(map(str, since)),
                certainty=Certainty.LIKELY,
                evidence=Evidence(time=utc_now(), more={"Version": shown(view.version.version)}),
                remedies=[Remedy(title=tr("Upgrade the server."))],
            )


def _uses(members: Members, names: Iterable[str]) -> bool:
    macos = members.object(settings.MACOS)
    return any(str(macos.get(name) or "").startswith(settings.RESOURCE) for name in names)


def _at(members: Members, path: tuple[str, ...]) -> Any:
    try:
        for name in path[:-1]:
            members = members.object(name)
    except DocumentError:
        return None
    return members.get(path[-1])


def value_at(members: Members, path: tuple[str, ...]) -> Any:
    """Return the value that *path* leads to, ``None`` without one."""
    return _at(members, path)


def _line(job: JobContext, client: CometClient, members: Members, wish: Desired) -> Line:
    setting, value = wish.setting, wish.value
    held = _at(members, setting.path)
    server = _server_words(members, setting, held)
    if isinstance(value, Secret):
        here = tr("set") if value else tr("empty")
        if _at(members, setting.format_path) not in (None, settings.PLAIN):
            # an empty one is not kept under a format
            state = State.UNKNOWN if held or value else State.SAME
        else:
            state = State.SAME if (held or "") == value.reveal() else State.DIFFERENT
        return Line(setting, server, here, state)
    if isinstance(value, File):
        return Line(setting, server, shown(value.name), _file_state(job, client, held, value))
    if setting.kind is Kind.TEXT:
        # GUIDs and names of vaults have no case
        same = str(held or "").strip().lower() == str(value).strip().lower()
        same = same if setting.path != settings.CERTIFICATE.path else str(held or "").strip() == value
    else:
        same = type(held) is type(value) and held == value
    return Line(setting, server, settings.words(setting, value), State.SAME if same else State.DIFFERENT)


def _file_state(job: JobContext, client: CometClient, held: Any, file: File) -> State:
    uri = str(held or "")
    if not uri.startswith(settings.RESOURCE):
        return State.DIFFERENT
    if uri.removeprefix(settings.RESOURCE).lower() == file.digest:
        return State.SAME
    try:
        data = client.resource(job, uri)
    except CometRefusalError:
        return State.UNKNOWN
    except CodesignError:
        raise
    return State.SAME if hashlib.sha256(data).hexdigest() == file.digest else State.DIFFERENT


def _server_words(members: Members, setting: Setting, held: Any) -> str:
    if held is None:
        return tr("not known to the server")
    if setting.kind is Kind.SECRET:
        if not held:
            return tr("empty")
        form = _at(members, setting.format_path)
        return tr("set") if form in (None, settings.PLAIN) else tr("set, kept under the server's own format")
    if setting.kind is Kind.FILE and str(held).startswith(settings.RESOURCE):
        return tr("an uploaded file ({start}…)").format(start=shown(str(held))[len(settings.RESOURCE) :][:8])
    return shown(settings.words(setting, held))
