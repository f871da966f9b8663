"""The settings that are ours on the server: what they are called there, what the profile holds for them.

Keys: ``BrandingOptions`` and ``MacOSCodeSignProperties`` of the official SDKs (25.9.x). Everything else on
the server belongs to others and is never touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.azure.options import AzureOptions, check_options
from codesign_wizard.core.clouds import PUBLIC
from codesign_wizard.core.comet import findings
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import require_file
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Remedy, Severity, blocks
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import shown, tr

if TYPE_CHECKING:
    from codesign_wizard.core.apple.trust import AppleRoots

MACOS = "MacOSCodeSign"
RESOURCE = "resource://"
CUSTOM_BUILD, PREBUILT = 0, 1
METHOD_AZURE = 4
PLAIN = 0  # ENCRYPTIONMETHOD_UNCONFIGURED: the value is as typed
MAXIMUM_FILE = 1 << 20

# the SDK releases that brought the fields were in step with these servers: upper bounds
AZURE_SINCE = (23, 3, 1)
MACOS_SINCE = (22, 3, 5)


class Part(StrEnum):
    """What can be applied alone."""

    AZURE = "azure"
    LEVEL = "level"
    CERTIFICATES = "certificates"
    API_KEY = "api-key"
    BUILD_MODE = "build-mode"


# in the order of the form; custom builds are asked for by name only
USUAL = (Part.AZURE, Part.LEVEL, Part.CERTIFICATES, Part.API_KEY)


class FileFields(StrEnum):
    """Which of two pairs of fields takes the uploaded .p12 files."""

    AUTO = "auto"
    FILE = "file"  # CertificateFile, AppCertificateFile
    NAME = "name"  # CertificateName, AppCertificateName


class Kind(StrEnum):
    """What a setting's value is."""

    TEXT = "text"
    CHOICE = "choice"
    FLAG = "flag"
    SECRET = "secret"
    FILE = "file"


@dataclass(frozen=True)
class Setting:
    """One key: ``path`` leads to it from the branding object."""

    path: tuple[str, ...]
    part: Part
    kind: Kind
    _label: Callable[[], str]

    @property
    def label(self) -> str:
        """The words of the server's form."""
        return self._label()

    @property
    def key(self) -> str:
        """The path as it is written."""
        return ".".join(self.path)

    @property
    def format_path(self) -> tuple[str, ...]:
        """Where a secret's format stands."""
        return (*self.path[:-1], f"{self.path[-1]}Format")


def _windows(name: str, kind: Kind, label: Callable[[], str]) -> Setting:
    return Setting((f"WindowsCodeSign{name}",), Part.AZURE, kind, label)


def _macos(name: str, part: Part, kind: Kind, label: Callable[[], str]) -> Setting:
    return Setting((MACOS, name), part, kind, label)


BUILD_MODE = Setting(("BuildMode",), Part.BUILD_MODE, Kind.CHOICE, lambda: tr("Build mode"))
METHOD = _windows("Method", Kind.CHOICE, lambda: tr("Windows code signing"))
VAULT = _windows("AzureVaultName", Kind.TEXT, lambda: tr("Azure Key Vault name"))
CERTIFICATE = _windows("AzureCertName", Kind.TEXT, lambda: tr("Certificate name"))
# as the form has them: elsewhere the same words are translated
APPLICATION = _windows("AzureAppID", Kind.TEXT, lambda: "Application ID")
SECRET = _windows("AzureAppSecret", Kind.SECRET, lambda: "Application Secret")
TENANT = _windows("AzureTenantID", Kind.TEXT, lambda: "Tenant ID")
LEVEL = _macos("Level", Part.LEVEL, Kind.CHOICE, lambda: tr("macOS code signing level"))
LOCALLY = _macos("SignLocally", Part.CERTIFICATES, Kind.FLAG, lambda: tr("Sign on this server"))
P12_PASSWORD = _macos(
    "PfxFilePassword", Part.CERTIFICATES, Kind.SECRET, lambda: tr("Password of both certificate files")
)
ISSUER_ID = _macos("NotaryAPIIssuerID", Part.API_KEY, Kind.TEXT, lambda: tr("API Issuer ID"))
KEY_ID = _macos("NotaryAPIKeyID", Part.API_KEY, Kind.TEXT, lambda: tr("API Key ID"))
KEY_FILE = _macos("NotaryAPIKeyFile", Part.API_KEY, Kind.FILE, lambda: tr("API Key file"))


def installer_setting(fields: FileFields) -> Setting:
    """Return the setting that takes the Developer ID Installer file."""
    name = "CertificateName" if fields is FileFields.NAME else "CertificateFile"
    # as the form has it, here and below
    return _macos(name, Part.CERTIFICATES, Kind.FILE, lambda: "Developer ID Installer certificate")


def application_setting(fields: FileFields) -> Setting:
    """Return the setting that takes the Developer ID Application file."""
    name = "AppCertificateName" if fields is FileFields.NAME else "AppCertificateFile"
    return _macos(name, Part.CERTIFICATES, Kind.FILE, lambda: "Developer ID Application certificate")


@dataclass(frozen=True)
class MacosWanted:
    """What the profile holds for macOS; ``level`` is the server's number, 0 to 2, ``key`` the .p8's text."""

    level: int = 0
    installer: Path | None = None
    application: Path | None = None
    password: Secret | None = None
    issuer_id: str = ""
    key_id: str = ""
    key: Secret | None = field(default=None, repr=False)
    team: str = ""  # what both certificates must be of; "" for any
    roots: AppleRoots | None = field(default=None, repr=False)  # what counts as Apple's; None for Apple's own


@dataclass(frozen=True)
class Wanted:
    """What the profile holds for the server; ``None`` for an operating system that is not wanted."""

    azure: AzureOptions | None = None
    secret: Secret | None = None
    macos: MacosWanted | None = None

    def parts(self) -> tuple[Part, ...]:
        """Return the parts that there is something for."""
        found = [Part.AZURE] if self.azure is not None else []
        macos = self.macos
        if macos is not None and (macos.installer or macos.application):
            found += [Part.LEVEL, Part.CERTIFICATES]
        if macos is not None and (macos.issuer_id or macos.key_id or macos.key):
            found.append(Part.API_KEY)
        return tuple(found)


@dataclass(frozen=True)
class File:
    """A file to be uploaded, read once so that what is compared is what is sent."""

    name: str
    data: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


Value = str | int | bool | Secret | File


@dataclass(frozen=True)
class Desired:
    """What a setting is to be."""

    setting: Setting
    value: Value


def desired(wanted: Wanted, parts: Sequence[Part], fields: FileFields) -> list[Desired]:
    """Return what the settings of *parts* are to be, in the order of the form.

    Raises ``InputError`` for what is missing or cannot be right, and for files that cannot be read.
    """
    found: list[Desired] = []
    if Part.BUILD_MODE in parts:
        found.append(Desired(BUILD_MODE, CUSTOM_BUILD))
    if Part.AZURE in parts:
        found += _azure(wanted)
    macos = wanted.macos or MacosWanted()
    if Part.LEVEL in parts:
        found.append(Desired(LEVEL, macos.level))
    if Part.CERTIFICATES in parts:
        found += _certificates(macos, fields)
    if Part.API_KEY in parts:
        found += _api_key(macos)
    return found


def notices(wanted: Wanted, parts: Sequence[Part]) -> list[Finding]:
    """Return what *desired* takes and a person should know: warnings about values, errors about files.

    The .p12 files and the API key are judged as this program would sign with them: the wrong kind, another
    password, a key that is not theirs, or an expired certificate would not do on the server either.
    """
    found: list[Finding] = []
    if Part.AZURE in parts and wanted.azure is not None:
        found += [each for each in check_options(wanted.azure, wanted.secret) if not blocks([each])]
    if wanted.macos is not None and Part.CERTIFICATES in parts:
        found += _judged_files(wanted.macos)
    if wanted.macos is not None and Part.API_KEY in parts:
        found += _judged_key(wanted.macos)
    return [each for each in found if each.severity in (Severity.ERROR, Severity.WARNING)]


def _judged_files(macos: MacosWanted) -> list[Finding]:
    from codesign_wizard.core.apple.certificates import Kind as Certificate
    from codesign_wizard.core.apple.options import AppleOptions, judge_identities

    kinds = [Certificate.INSTALLER]
    if macos.application is not None:
        kinds.append(Certificate.APPLICATION)
    options = AppleOptions(macos.application, macos.installer, macos.password, macos.team)
    return judge_identities(options, roots=macos.roots, kinds=kinds).findings


def _judged_key(macos: MacosWanted) -> list[Finding]:
    from codesign_wizard.core.apple.api_key import check_ids, parse_key

    _, _, found = check_ids(macos.key_id, macos.issuer_id)
    if macos.key is not None:
        try:
            found += parse_key(macos.key.reveal().encode(), f"AuthKey_{shown(macos.key_id)}.p8").findings
        except InputError as error:
            found.append(error.finding)
    return found


def _azure(wanted: Wanted) -> Iterator[Desired]:
    options, secret = wanted.azure, wanted.secret
    if options is None:
        raise _incomplete(tr("the Azure options"))
    wrong = [each for each in check_options(options, secret) if blocks([each])]
    if wrong:
        raise InputError(wrong[0])
    assert secret is not None, "a missing one has been an error before"
    yield Desired(METHOD, METHOD_AZURE)
    # the form has no field for another cloud; a host's name is the most that can be given
    yield Desired(VAULT, options.vault_name if options.cloud is PUBLIC else options.vault_host)
    yield Desired(CERTIFICATE, options.certificate_name)
    yield Desired(APPLICATION, options.application_id)
    yield Desired(SECRET, secret)
    yield Desired(TENANT, options.tenant_id)


def _certificates(macos: MacosWanted, fields: FileFields) -> Iterator[Desired]:
    if macos.installer is None:
        raise _incomplete(tr("the Developer ID Installer file"))
    if macos.level > 0 and macos.application is None:
        raise _incomplete(tr("the Developer ID Application file"))
    yield Desired(LOCALLY, True)
    yield Desired(installer_setting(fields), read_file(macos.installer))
    if macos.application is not None:
        yield Desired(application_setting(fields), read_file(macos.application))
    yield Desired(P12_PASSWORD, macos.password or Secret(""))


def _api_key(macos: MacosWanted) -> Iterator[Desired]:
    for value, what in (
        (macos.issuer_id, tr("the Issuer ID")),
        (macos.key_id, tr("the Key ID")),
        (macos.key, tr("the key itself (.p8)")),
    ):
        if not value:
            raise _incomplete(what)
    assert macos.key is not None, "looked at above"
    yield Desired(ISSUER_ID, macos.issuer_id)
    yield Desired(KEY_ID, macos.key_id)
    # the name under which Apple gives the file out
    yield Desired(KEY_FILE, File(f"AuthKey_{macos.key_id}.p8", macos.key.reveal().encode()))


def read_file(path: Path) -> File:
    """Return a file for the server; raises ``InputError``."""
    try:
        require_file(path)
        if path.stat().st_size > MAXIMUM_FILE:
            raise OSError(0, tr("it is too large to be one"))
        return File(path.name, path.read_bytes())
    except OSError as error:
        raise InputError(
            findings.FILE_UNREADABLE(
                file=path.name,
                why=error.strerror or str(error),
                evidence=Evidence(code=type(error).__name__),
                remedies=[Remedy(title=tr("Give the file again in the profile."))],
            )
        ) from error


def words(setting: Setting, value: object) -> str:
    """Return a value as a person reads it; the form's own words where there are some."""
    if setting.kind is Kind.FLAG:
        return tr("yes") if value else tr("no")
    if setting.kind is Kind.CHOICE:
        return _choices(setting).get(value, str(value)) if isinstance(value, int) else str(value)
    return str(value) if value else tr("empty")


def _choices(setting: Setting) -> dict[int, str]:
    if setting.path == METHOD.path:
        return {
            0: tr("automatic (older servers)"),
            1: tr("disabled"),
            2: tr("PKCS#12 file"),
            3: tr("PKCS#11 token"),
            4: tr("Azure Key Vault"),
            5: tr("SAS Relic server"),
        }
    if setting.path == LEVEL.path:
        return {0: tr("Sign only"), 1: tr("Sign and notarise"), 2: tr("Sign, notarise and staple")}
    return {CUSTOM_BUILD: tr("custom builds"), PREBUILT: tr("the vendor's pre-built client")}


def _incomplete(what: str) -> InputError:
    return InputError(
        findings.INCOMPLETE(
            what=what,
            certainty=Certainty.COMPUTED,
            remedies=[Remedy(title=tr("Fill it in, or apply the other parts alone."))],
        )
    )
