"""What an Apple certificate is for, and whose it is, by its extensions and subject."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from codesign_wizard.core.apple import oids
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

_TEAM = re.compile(r"[A-Z0-9]{10}")
_IN_PARENTHESES = re.compile(r"\(([A-Z0-9]{10})\)\s*$")
_PEM = re.compile(rb"-----BEGIN (?:TRUSTED )?CERTIFICATE-----\s+(.*?)-----END", re.S)
_USER_ID = "0.9.2342.19200300.100.1.1"


class Kind(StrEnum):
    """What Apple made the certificate for."""

    APPLICATION = "developer-id-application"
    INSTALLER = "developer-id-installer"
    KERNEL = "developer-id-kernel"
    DEVELOPMENT = "development"
    DISTRIBUTION = "distribution"
    STORE_INSTALLER = "mac-installer-distribution"
    AUTHORITY = "authority"
    OTHER = "other"

    @property
    def label(self) -> str:
        """Apple's own name for the kind; these are names and are not translated."""
        return _TITLES[self] if self in _TITLES else tr("another kind")

    @property
    def is_developer_id(self) -> bool:
        """Whether it signs for distribution outside the App Store."""
        return self in (Kind.APPLICATION, Kind.INSTALLER)


_TITLES = {
    Kind.APPLICATION: "Developer ID Application",
    Kind.INSTALLER: "Developer ID Installer",
    Kind.KERNEL: "Developer ID Kernel Extension",
    Kind.DEVELOPMENT: "Apple Development",
    Kind.DISTRIBUTION: "Apple Distribution (App Store)",
    Kind.STORE_INSTALLER: "Mac Installer Distribution (App Store)",
    Kind.AUTHORITY: "Certification Authority",
}
# Developer ID first: whoever has its mark is that, whatever else stands beside it
_BY_EXTENSION = (
    (oids.DEVELOPER_ID_APPLICATION, Kind.APPLICATION),
    (oids.DEVELOPER_ID_INSTALLER, Kind.INSTALLER),
    (oids.DEVELOPER_ID_KERNEL, Kind.KERNEL),
    (oids.MAC_INSTALLER_DISTRIBUTION, Kind.STORE_INSTALLER),
    (oids.IOS_DISTRIBUTION, Kind.DISTRIBUTION),
    (oids.MAC_APP_DISTRIBUTION, Kind.DISTRIBUTION),
    (oids.IOS_DEVELOPMENT, Kind.DEVELOPMENT),
    (oids.MAC_DEVELOPMENT, Kind.DEVELOPMENT),
)


@dataclass(frozen=True)
class Description:
    """A certificate in short: ``team`` ten signs or "", ``owner`` the name before it, ``until`` in UTC."""

    kind: Kind
    common_name: str
    owner: str
    team: str
    user_id: str
    issuer: str
    since: datetime
    until: datetime
    serial: str
    sha256: str


def classify(certificate: x509.Certificate) -> Kind:
    """Return what the certificate is for, by the extensions that Apple marks it with."""
    from cryptography import x509

    from codesign_wizard.core.authenticode.trust import BROKEN

    try:
        present = {extension.oid.dotted_string for extension in certificate.extensions}
    except BROKEN:
        return Kind.OTHER
    for oid, kind in _BY_EXTENSION:
        if oid in present:
            return kind
    try:
        if certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return Kind.AUTHORITY
    except x509.ExtensionNotFound:
        pass
    return Kind.OTHER


def describe(certificate: x509.Certificate) -> Description:
    """Return the certificate in short; raises one of ``trust.BROKEN`` when it cannot be read."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    from codesign_wizard.core.authenticode import trust

    common = _attribute(certificate.subject, NameOID.COMMON_NAME.dotted_string)
    owner = common.split(": ", 1)[1] if ": " in common else common
    return Description(
        kind=classify(certificate),
        common_name=common or trust.name(certificate),
        owner=_IN_PARENTHESES.sub("", owner).strip(),
        team=team(certificate),
        user_id=_attribute(certificate.subject, _USER_ID),
        issuer=trust.issuer_name(certificate),
        since=certificate.not_valid_before_utc,
        until=certificate.not_valid_after_utc,
        serial=f"{certificate.serial_number:x}",
        sha256=certificate.fingerprint(hashes.SHA256()).hex(),
    )


def team(certificate: x509.Certificate) -> str:
    """Return the team identifier: the subject's organisational unit, or "" where there is none.

    The parenthesis in the common name is not asked: in development certificates it names a person.
    """
    unit = _attribute(certificate.subject, "2.5.4.11")
    return unit if _TEAM.fullmatch(unit) else ""


def _attribute(subject: x509.Name, oid: str) -> str:
    for attribute in subject:
        if attribute.oid.dotted_string == oid:
            return attribute.value if isinstance(attribute.value, str) else ""
    return ""


def read_certificates(data: bytes) -> list[x509.Certificate]:
    """Return the certificates of a .cer, .crt or .pem file (DER or PEM); empty when it is none."""
    from codesign_wizard.core.authenticode import der
    from codesign_wizard.core.authenticode.roots import load
    from codesign_wizard.core.authenticode.trust import BROKEN

    try:
        bodies = [base64.b64decode(body) for body in _PEM.findall(data)][:64]
        return [load(each) for each in bodies or [der.whole(data).encoded]]
    except BROKEN:
        return []
