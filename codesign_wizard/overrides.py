"""What options and the environment put over the profile for one run, judged as it is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.plain import Plain, plain
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

BAD_VALUE = FindingKind(
    "usage.bad-value",
    Severity.ERROR,
    "{value} cannot be used for {name}.",
    "A value from an option, the environment or a profile is not of the right form.",
)


@plain
class Overrides(Plain):
    """What options and the environment put over the profile for this run; ``None`` leaves the profile's."""

    vault_name: str | None = None
    certificate_name: str | None = None
    application_id: str | None = None
    tenant_id: str | None = None
    application_secret: Secret | None = None
    application_file: str | None = None
    installer_file: str | None = None
    apple_password: Secret | None = None
    apple_team: str | None = None
    macos_level: str | None = None
    proxy: str | None = None
    ca_bundle: str | None = None
    timeout: float | None = None
    server_address: str | None = None
    server_user: str | None = None
    server_password: Secret | None = None
    server_code: Secret | None = None
    extra_roots: list[str] = field(default_factory=list)
    extra_timestamp_roots: list[str] = field(default_factory=list)

    def over(self, other: Overrides) -> Overrides:
        """Return these overrides with *other*'s where these have none."""
        merged = Overrides(
            extra_roots=self.extra_roots or other.extra_roots,
            extra_timestamp_roots=self.extra_timestamp_roots or other.extra_timestamp_roots,
        )
        for name in _SINGLE:
            own = getattr(self, name)
            setattr(merged, name, getattr(other, name) if own is None else own)
        return merged

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Overrides:
        """Return what the environment says; an empty variable counts as absent. Raises ``InputError``."""
        overrides = cls()
        for variable, name in _VARIABLES.items():
            value = environment.get(variable, "").strip()
            if value:
                setattr(overrides, name, value)
        secret = environment.get("AZURE_CLIENT_SECRET", "").strip()
        if secret:
            overrides.application_secret = Secret(secret)
        # a password may begin or end with a blank
        server_password = environment.get("CODESIGN_WIZARD_SERVER_PASSWORD", "")
        if server_password:
            overrides.server_password = Secret(server_password)
        code = environment.get("CODESIGN_WIZARD_SERVER_CODE", "").strip()
        if code:
            overrides.server_code = Secret(code)
        password = environment.get("CODESIGN_WIZARD_P12_PASSWORD", "")
        if password:
            overrides.apple_password = Secret(password)
        if overrides.macos_level is not None:
            check_level(overrides.macos_level, "CODESIGN_WIZARD_MACOS_LEVEL")
        timeout = environment.get("CODESIGN_WIZARD_TIMEOUT", "").strip()
        if timeout:
            overrides.timeout = parse_timeout(timeout, "CODESIGN_WIZARD_TIMEOUT")
        if overrides.proxy is not None:
            check_proxy(overrides.proxy, "CODESIGN_WIZARD_PROXY")
        return overrides


_VARIABLES = {
    "AZURE_TENANT_ID": "tenant_id",
    "AZURE_CLIENT_ID": "application_id",
    "CODESIGN_WIZARD_VAULT": "vault_name",
    "CODESIGN_WIZARD_CERTIFICATE": "certificate_name",
    "CODESIGN_WIZARD_SERVER": "server_address",
    "CODESIGN_WIZARD_SERVER_USER": "server_user",
    "CODESIGN_WIZARD_APPLICATION_FILE": "application_file",
    "CODESIGN_WIZARD_INSTALLER_FILE": "installer_file",
    "CODESIGN_WIZARD_TEAM": "apple_team",
    "CODESIGN_WIZARD_MACOS_LEVEL": "macos_level",
    "CODESIGN_WIZARD_PROXY": "proxy",
    "CODESIGN_WIZARD_CA_BUNDLE": "ca_bundle",
}
_SECRETS = ("application_secret", "apple_password", "server_password", "server_code")
_SINGLE = (*_VARIABLES.values(), *_SECRETS, "timeout")


def parse_timeout(text: str, name: str) -> float:
    """Return *text* as seconds, more than 0 and at most 3600; raises ``InputError``."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise InputError(
            BAD_VALUE(
                value=text, name=name, detail=tr("Give seconds, more than 0 and at most 3600, such as 20.")
            )
        )
    return seconds


def check_proxy(address: str, name: str) -> str:
    """Return *address*, a proxy's or "" for none; raises ``InputError``."""
    if address:
        from codesign_wizard.core.network_findings import proxy_form
        from codesign_wizard.core.proxy_login import is_address, split

        if not is_address(address):
            raise InputError(BAD_VALUE(value=split(address)[0], name=name, detail=proxy_form()))
    return address


def check_level(value: str, name: str) -> str:
    """Return *value*, one of ``profile.LEVELS`` or its number; raises ``InputError``."""
    if value in ("0", "1", "2"):
        return LEVELS[int(value)]
    if value not in LEVELS:
        detail = tr("It must be one of {values}.").format(values=", ".join(LEVELS))
        raise InputError(BAD_VALUE(value=value, name=name, detail=detail))
    return value


def first(over: str | None, own: str) -> str:
    """Return what is put over the profile, else the profile's *own*."""
    return own if over is None else over
