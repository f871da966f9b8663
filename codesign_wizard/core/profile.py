"""What a person has configured, without any secret: a versioned file for each profile.

The file is JSON, UTF-8, written in one step. Members this version does not know are kept, so that a later
version's profile survives being opened here; a file of a later *schema* is refused rather than damaged.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import write_atomic
from codesign_wizard.core.finding import Finding, FindingKind, Remedy, Severity, iso
from codesign_wizard.core.language import ENGLISH, current_language
from codesign_wizard.core.plain import Plain
from codesign_wizard.core.text import tr

SCHEMA = 1

# to evaluate the annotations of a profile takes longer than to read it
_hints = lru_cache(maxsize=64)(get_type_hints)

# Without an account, over plain http as usual: a time-stamp token is signed itself.
DEFAULT_TIMESTAMP_SERVERS = (
    "http://timestamp.digicert.com",
    "http://timestamp.sectigo.com",
    "http://timestamp.globalsign.com/tsa/r6advanced1",
    "http://ts.ssl.com",
)

# Apple's own, the one that its tools ask
APPLE_TIMESTAMP_SERVERS = ("http://timestamp.apple.com/ts01",)
# how far signing for macOS goes; their places are the server's numbers for them
LEVELS = ("sign-only", "notarise", "staple")

UNREADABLE = FindingKind(
    "profile.unreadable",
    Severity.ERROR,
    "The profile {name} cannot be read.",
    "A profile's file is damaged, or a member has the wrong type.",
)
NEWER = FindingKind(
    "profile.newer",
    Severity.ERROR,
    "The profile {name} was written by a later version of Codesign Wizard.",
    "The profile's schema is later than this version understands; it is left alone.",
)
UNKNOWN = FindingKind(
    "profile.unknown",
    Severity.ERROR,
    "There is no profile called {name}.",
    "No profile has this name or id.",
)
NOT_SAVED = FindingKind(
    "profile.not-saved",
    Severity.ERROR,
    "The profile {name} could not be saved.",
    "The profile's file could not be written; the former one is unchanged.",
)

R = TypeVar("R")
_ASIDE = ("unknown", "stored", "places")  # fields of the dataclasses that are no members of the document


@dataclass(eq=False, repr=False)
class AzureSettings(Plain):
    """The server form's Azure options but the secret. ``secret_revision`` counts changes of the secret."""

    vault_name: str = ""
    certificate_name: str = ""
    application_id: str = ""
    tenant_id: str = ""
    cloud: str = "public"
    secret_revision: int = 0
    unknown: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class RequestSettings(Plain):
    """The form for a signing request as filled in: the keys of ``certificates.subject.FIELDS``, and the key.

    ``key`` is a choice by its name (``rsa-4096``); ``hardware`` false asks for a key in software.
    """

    common_name: str = ""
    organization: str = ""
    organizational_unit: str = ""
    street: str = ""
    locality: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""
    email: str = ""
    serial_number: str = ""
    business_category: str = ""
    jurisdiction_locality: str = ""
    jurisdiction_state: str = ""
    jurisdiction_country: str = ""
    key: str = "rsa-4096"
    hardware: bool = True
    unknown: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class WindowsSettings(Plain):
    """Everything about signing for Windows. ``input_file`` empty means the built-in sample."""

    azure: AzureSettings = field(default_factory=AzureSettings)
    request: RequestSettings = field(default_factory=RequestSettings)
    timestamp_servers: list[str] = field(default_factory=lambda: list(DEFAULT_TIMESTAMP_SERVERS))
    digest: str = "sha256"
    input_file: str = ""
    description: str = ""
    url: str = ""
    architecture: str = "x64"
    unknown: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class ApiKeySettings(Plain):
    """The ids of the App Store Connect API key, which is itself in the keyring.

    ``named`` is the Key ID that the file's name told, "" where it told none. ``revision`` counts changes of
    the key. ``accepted`` is when Apple last accepted key and ids as they are (ISO 8601), or "".
    """

    key_id: str = ""
    issuer_id: str = ""
    named: str = ""
    revision: int = 0
    accepted: str = ""
    unknown: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class MacosSettings(Plain):
    """Everything about signing for macOS. The two files are paths of .p12 files, "" where there is none.

    ``password_revision`` counts changes of their password, which the keyring keeps. ``team`` is the team that
    both must be of, "" for any; ``level`` one of ``LEVELS``. ``input_file`` empty means the built-in sample.
    """

    installer_file: str = ""
    application_file: str = ""
    password_revision: int = 0
    team: str = ""
    level: str = LEVELS[0]
    timestamp_servers: list[str] = field(default_factory=lambda: list(APPLE_TIMESTAMP_SERVERS))
    input_file: str = ""
    api_key: ApiKeySettings = field(default_factory=ApiKeySettings)
    unknown: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class ServerSettings(Plain):
    """The Comet Server that receives the settings. ``address`` as typed; the password is in the keyring.

    ``plain_http`` allows an http address of another computer; ``file_fields`` (``auto``, ``file``, ``name``)
    is which of its fields take the .p12 files.
    """

    address: str = ""
    user: str = ""
    plain_http: bool = False
    file_fields: str = "auto"
    unknown: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class KnownEnds(Plain):
    """Ends that a person typed because nobody tells them: dates as ISO 8601, "" where none was.

    The client secret's date is that of the present secret: another secret takes it away.
    """

    client_secret: str = ""
    apple_membership: str = ""
    unknown: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class NetworkOptions(Plain):
    """How to reach the vendors. Empty means the environment's; ``timeout`` in seconds for one attempt."""

    proxy: str = ""
    ca_bundle: str = ""
    timeout: float = 20.0
    unknown: dict[str, Any] = field(default_factory=dict)


_CODES = ("id", "severity", "certainty")  # of a finding, which every language writes alike


@dataclass(eq=False, repr=False)
class StepResult(Plain):
    """What a step found, when (UTC), and the fingerprint of the settings it relied on.

    ``details`` is a JSON object of the step's own, for what its page shows besides. ``language`` is that of
    its words.
    """

    obtained: datetime
    ok: bool
    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    inputs: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    language: str = field(default_factory=current_language)

    def to_json(self) -> dict[str, Any]:
        """Return the result as stored."""
        return {
            "obtained": iso(self.obtained),
            "ok": self.ok,
            "findings": [finding.to_json() for finding in self.findings],
            "facts": dict(self.facts),
            "inputs": self.inputs,
            "details": self.details,
            "language": self.language,
        }

    def retold(self, language: str) -> StepResult:
        """Return the result in the words of *language*, as far as they are known."""
        if language == self.language:
            return self
        from codesign_wizard.core.retell import retell_all

        kept = [each.to_json() for each in self.findings]
        found = [
            # "error" and "likely" are words of ours as well, and here no words
            Finding.from_json({**after, **{name: before[name] for name in _CODES if name in before}})
            for before, after in zip(kept, retell_all(kept, self.language, language), strict=True)
        ]
        facts, details = self.facts, self.details
        if language == ENGLISH:
            facts, details = (retell_all(each, self.language, language) for each in (facts, details))
        else:
            # this way a vendor's word, or one for programs such as "open", would be taken for one of ours
            found = [
                dataclasses.replace(after, evidence=before.evidence)
                for before, after in zip(self.findings, found, strict=True)
            ]
        return dataclasses.replace(self, findings=found, facts=facts, details=details, language=language)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> StepResult:
        """Return what ``to_json`` wrote, in the language that is on.

        Raises ``KeyError``, ``TypeError`` or ``ValueError``.
        """
        kept = cls(
            obtained=datetime.fromisoformat(document["obtained"]),
            ok=bool(document["ok"]),
            findings=[Finding.from_json(finding) for finding in document.get("findings", ())],
            facts={str(name): str(value) for name, value in dict(document.get("facts", {})).items()},
            inputs=str(document.get("inputs", "")),
            details=dict(document.get("details", {})),
            language=str(document.get("language", ENGLISH)),
        )
        return kept.retold(current_language())


@dataclass(eq=False, repr=False)
class Profile(Plain):
    """One partner's set-up. ``extra_roots`` are PEM files trusted besides Microsoft's and Apple's roots."""

    id: str
    name: str
    product_name: str = ""
    windows_wanted: bool = True
    macos_wanted: bool = False
    server_wanted: bool = False
    windows: WindowsSettings = field(default_factory=WindowsSettings)
    macos: MacosSettings = field(default_factory=MacosSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    network: NetworkOptions = field(default_factory=NetworkOptions)
    ends: KnownEnds = field(default_factory=KnownEnds)
    extra_roots: list[str] = field(default_factory=list)
    extra_timestamp_roots: list[str] = field(default_factory=list)
    page: str = "start"
    reached: list[str] = field(default_factory=lambda: ["start"])
    results: dict[str, StepResult] = field(default_factory=dict)
    unknown: dict[str, Any] = field(default_factory=dict)
    # the document as it was last read or written here, to tell what changed since; no member of the document
    stored: dict[str, Any] | None = field(default=None, repr=False, compare=False)
    # what has another place at every start, as the files and the proxy of practice accounts, by that place:
    # its name where settings are compared with those of an earlier run; no member of the document
    places: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return the whole profile as stored; there is no secret in it."""
        return {"schema": SCHEMA, **_encode(self)}

    @classmethod
    def from_json(cls, document: object) -> Profile:
        """Return the profile in *document*; raises ``InputError`` (unreadable, or of a later schema)."""
        name = str(document.get("name", "")) if isinstance(document, Mapping) else ""
        try:
            if not isinstance(document, Mapping):
                raise ValueError(tr("it is not a JSON object"))
            schema = document.get("schema")
            if type(schema) is not int or schema < 1:
                raise ValueError(tr("its schema number is missing"))
            if schema > SCHEMA:
                raise InputError(
                    NEWER(name=name, detail=tr("Open it with that version; nothing was changed here."))
                )
            members = {key: value for key, value in document.items() if key != "schema"}
            return _decode(cls, members, "")
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(UNREADABLE(name=name or "?", detail=str(error))) from error


def new_profile(name: str) -> Profile:
    """Return an empty profile with a fresh id made from *name*."""
    plain = name
    if not name.isascii():
        import unicodedata

        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:32] or "profile"
    return Profile(id=f"{slug}-{os.urandom(3).hex()}", name=name)


class ProfileStore:
    """The profiles in a folder, a file each, and which one was used last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def list(self) -> Sequence[Profile]:
        """Return every readable profile, by name; see ``read_all`` for the others."""
        return self.read_all()[0]

    def read_all(self) -> tuple[Sequence[Profile], Sequence[Finding]]:
        """Return every readable profile, by name, and a finding for each file that cannot be read."""
        profiles, findings = [], []
        for path in self._files():
            try:
                profiles.append(self._read(path))
            except InputError as error:
                findings.append(error.finding)
        return sorted(profiles, key=lambda profile: (profile.name.casefold(), profile.id)), findings

    def load(self, name: str) -> Profile:
        """Return the profile with this id or name; raises ``InputError``."""
        path = self._path(name)
        if path is not None and path.is_file():
            return self._read(path)
        matches = [profile for profile in self.list() if profile.name.casefold() == name.casefold()]
        if len(matches) == 1:
            return matches[0]
        known = ", ".join(profile.name for profile in self.list())
        detail = (
            tr("Several profiles have this name: give the id. Profiles: {known}").format(known=known)
            if matches
            else tr("Profiles: {known}").format(known=known or tr("none yet"))
        )
        raise InputError(UNKNOWN(name=name, detail=detail))

    def save(self, profile: Profile) -> Sequence[Finding]:
        """Write the profile in one step; return what to tell when it was changed elsewhere as well.

        What another window or command saved since *profile* was read is taken into *profile*, where it
        stands; see ``profile_merge``. Raises ``InputError`` when the file cannot be written, or when a later
        version wrote it meanwhile.
        """
        from codesign_wizard.core.locked import locked

        path = self._path(profile.id)
        if path is None:
            raise InputError(UNREADABLE(name=profile.name, detail=tr("Its id is not a file name.")))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with locked(path.parent) as alone:
                findings = self._catch_up(profile, path)
                data = json.dumps(_to_store(profile), indent=2, ensure_ascii=False).encode() + b"\n"
                write_atomic(path, data, private=True)
                if alone:
                    # whoever writes holds the lock: a draft that still lies there is of a killed run
                    for draft in path.parent.glob(f".{path.name}.*.part"):
                        draft.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(NOT_SAVED(name=profile.name, detail=str(error))) from error
        profile.stored = json.loads(data)
        return findings

    def catch_up(self, profile: Profile) -> Sequence[Finding]:
        """Take what was saved elsewhere since into *profile*, and return what to tell; nothing is written.

        Raises ``InputError`` when a later version wrote the file.
        """
        path = self._path(profile.id)
        return self._catch_up(profile, path) if path is not None and path.is_file() else []

    def _catch_up(self, profile: Profile, path: Path) -> Sequence[Finding]:
        base = profile.stored
        if base is None:  # made here, and never stored
            return []
        from codesign_wizard.core.profile_merge import REMOVED_ELSEWHERE, merge

        if not path.is_file():
            detail = tr("Its secrets were removed with it: they are asked for again where they are needed.")
            remedy = Remedy(
                title=tr("If it is not wanted any more, forget it here as well, on the page Start.")
            )
            return [REMOVED_ELSEWHERE(name=profile.name, detail=detail, remedies=[remedy])]
        try:
            there = self._read(path)
        except InputError as error:
            if error.finding.id == NEWER.id:
                raise
            return []  # nothing can be taken from it, and what is here is whole
        theirs = there.stored
        if theirs is None or theirs == base:
            return []
        # each as this version writes it: what only an older file lacks is no change
        merged = merge(_whole(base), json.loads(json.dumps(profile.to_json())), _whole(theirs))
        _take_over(profile, Profile.from_json(merged.document))
        profile.stored = theirs
        return merged.findings(profile.name)

    def forget(self, profile_id: str) -> None:
        """Remove the profile's file, and what other parts keep of it beside it, as far as it is there.

        Its secrets go first (``secrets.forget_all``): what waits there for Apple is of no use without them.
        """
        path = self._path(profile_id)
        if path is not None:
            beside = self.folder.parent
            shutil.rmtree(beside / "apple" / profile_id, ignore_errors=True)
            (beside / "server" / path.name).unlink(missing_ok=True)
            path.unlink(missing_ok=True)

    @property
    def last_used(self) -> str | None:
        """The id of the profile used last, if it is still there."""
        try:
            name = (self.folder / "last-used").read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
        path = self._path(name)
        return name if path is not None and path.is_file() else None

    def set_last_used(self, profile_id: str) -> None:
        """Remember which profile was used last; not being able to is no error."""
        try:
            write_atomic(self.folder / "last-used", profile_id.encode(), private=True)
        except OSError:
            return  # only a convenience: the next start asks again

    def _files(self) -> Sequence[Path]:
        return sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []

    def _path(self, profile_id: str) -> Path | None:
        # an id from outside must never lead out of the folder
        return self.folder / f"{profile_id}.json" if re.fullmatch(r"[a-z0-9-]{1,64}", profile_id) else None

    @staticmethod
    def _read(path: Path) -> Profile:
        try:
            document = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(
                UNREADABLE(name=path.name, detail=tr("Not readable as JSON: {error}").format(error=error))
            ) from error
        profile = Profile.from_json(document)
        if profile.id != path.stem:
            profile.id = path.stem
        profile.stored = document
        return profile


def _to_store(profile: Profile) -> dict[str, Any]:
    """Return the document of *profile* without a password of its proxy, unless its file has just that.

    It is in the profile while it waits for the keyring (``Session.save``): a file of an earlier version keeps
    what it has until then, and none gets one.
    """
    from codesign_wizard.core import proxy_login

    document = profile.to_json()
    there = ((profile.stored or {}).get("network") or {}).get("proxy")
    if document["network"]["proxy"] != there:
        document["network"]["proxy"] = proxy_login.split(document["network"]["proxy"])[0]
    return document


def _take_over(into: Any, value: Any) -> None:
    """Make the dataclass *into* equal to *value*, part by part: others hold on to its parts."""
    for member in dataclasses.fields(into):
        if member.name in _ASIDE[1:]:
            continue
        own, other = getattr(into, member.name), getattr(value, member.name)
        if dataclasses.is_dataclass(own):
            _take_over(own, other)
        elif own != other:
            setattr(into, member.name, other)


def _whole(document: Any) -> Any:
    return json.loads(json.dumps(Profile.from_json(document).to_json()))


def _encode(value: Any) -> Any:
    if isinstance(value, StepResult):
        return value.to_json()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        members = {
            member.name: _encode(getattr(value, member.name))
            for member in dataclasses.fields(value)
            if member.name not in _ASIDE
        }
        return {**getattr(value, "unknown", {}), **members}
    if isinstance(value, dict):
        return {key: _encode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encode(item) for item in value]
    return value


def _decode(kind: type[R], document: Mapping[str, Any], where: str) -> R:
    of: Any = kind  # a dataclass that is compared has no hash, but its class does
    hints = _hints(of)
    values: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for name, value in document.items():
        if name not in hints or name in _ASIDE:
            unknown[name] = value
        else:
            values[name] = _decoded_member(hints[name], value, f"{where}{name}")
    return kind(**values, unknown=unknown)  # type: ignore[call-arg]  # every dataclass here has it


def _decoded_member(hint: Any, value: Any, where: str) -> Any:
    if type(value) is hint:
        return value  # most of them
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise ValueError(tr("{where} is not an object").format(where=where))
        return _decode(hint, value, f"{where}.")
    if get_origin(hint) is dict and get_args(hint)[1] is StepResult and isinstance(value, Mapping):
        return _decoded_results(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint == list[str] and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return list(value)
    raise ValueError(tr("{where} has the wrong type").format(where=where))


def _decoded_results(document: Mapping[str, Any]) -> dict[str, StepResult]:
    results = {}
    for key, value in document.items():
        try:
            results[str(key)] = StepResult.from_json(value)
        except (AttributeError, KeyError, TypeError, ValueError):
            continue  # a result can be had again; the settings beside it must not be lost with it
    return results
