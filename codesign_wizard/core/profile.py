"""What a person has configured, without any secret: one partner's set-up, and the document it is kept as.

Members of the document that this version does not know are kept, so that a later version's profile survives
being opened here; one of a later *schema* is refused rather than damaged.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.plain import Plain, plain
from codesign_wizard.core.step_result import StepResult
from codesign_wizard.core.text import tr

SCHEMA = 1

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


@plain
class AzureSettings(Plain):
    """The server form's Azure options but the secret. ``secret_revision`` counts changes of the secret."""

    vault_name: str = ""
    certificate_name: str = ""
    application_id: str = ""
    tenant_id: str = ""
    cloud: str = "public"
    secret_revision: int = 0
    unknown: dict[str, Any] = field(default_factory=dict)


@plain
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


@plain
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


@plain
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


@plain
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


@plain
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


@plain
class KnownEnds(Plain):
    """Ends that a person typed because nobody tells them: dates as ISO 8601, "" where none was.

    The client secret's date is that of the present secret: another secret takes it away.
    """

    client_secret: str = ""
    apple_membership: str = ""
    unknown: dict[str, Any] = field(default_factory=dict)


@plain
class NetworkOptions(Plain):
    """How to reach the vendors. Empty means the environment's; ``timeout`` in seconds for one attempt."""

    proxy: str = ""
    ca_bundle: str = ""
    timeout: float = 20.0
    unknown: dict[str, Any] = field(default_factory=dict)


@plain
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
        from codesign_wizard.core.profile_document import encode

        return {"schema": SCHEMA, **encode(self)}

    @classmethod
    def from_json(cls, document: object) -> Profile:
        """Return the profile in *document*; raises ``InputError`` (unreadable, or of a later schema)."""
        from codesign_wizard.core.profile_document import decode

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
            return decode(cls, members)
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
