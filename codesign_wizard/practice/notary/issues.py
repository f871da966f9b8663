"""What the notary says, in Apple's words ("Resolving common notarization issues"; logs that people posted).

Where Apple's words are not known, the practice notary's own say so in ``MADE_UP``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_PAGE = (
    "https://developer.apple.com/documentation/security/notarizing_macos_software_before_distribution/"
    "resolving_common_notarization_issues#"
)
NOT_SIGNED = "The binary is not signed."
NOT_DEVELOPER_ID = "The binary is not signed with a valid Developer ID certificate."
NO_TIMESTAMP = "The signature does not include a secure timestamp."
NO_RUNTIME = "The executable does not have the hardened runtime enabled."
DEBUGGABLE = "The executable requests the com.apple.security.get-task-allow entitlement."
INVALID = "The signature of the binary is invalid."
OLD_SDK = "The binary uses an SDK older than the 10.9 SDK."
NO_CODE = "Package {name} has no signed executables or bundles. No tickets can be generated."
NO_CODE_ZIP = "Archive contains no signed executables or bundles. No tickets can be generated."
UNREADABLE = "The contents of the package at {name} could not be extracted."
OTHER_FILE = "The SHA-256 of the uploaded file is not the one that was announced."
_ANCHORS = {
    NOT_SIGNED: "3087721",
    NOT_DEVELOPER_ID: "3087721",
    NO_TIMESTAMP: "3087733",
    NO_RUNTIME: "3087724",
    DEBUGGABLE: "3087731",
    INVALID: "3087735",
    OLD_SDK: "3087723",
}
# the service refuses such uploads, in words that are not published
MADE_UP = (OTHER_FILE, NO_CODE_ZIP)

ACCEPTED = ("Accepted", "Ready for distribution", 0)
INVALID_ARCHIVE = ("Invalid", "Archive contains critical validation errors", 4000)
NOT_CONFIGURED = (
    "Rejected",
    "Team is not yet configured for notarization. Please contact Developer Programs Support at "
    "developer.apple.com under the topic Development and Technical / Other Development or Technical "
    "Questions.",
    7000,
)


@dataclass(frozen=True)
class Issue:
    """One line of a log. ``path`` is inside the archive, ``architecture`` "" for what has none."""

    path: str
    message: str
    architecture: str = ""
    severity: str = "error"

    def to_json(self) -> dict[str, Any]:
        """Return it as logs hold it."""
        anchor = _ANCHORS.get(self.message)
        return {
            "severity": self.severity,
            "code": None,
            "path": self.path,
            "message": self.message,
            "docUrl": f"{_PAGE}{anchor}" if anchor else None,
            "architecture": self.architecture or None,
        }


@dataclass(frozen=True)
class Ticketed:
    """A code directory, or a package's table, that a ticket covers. ``digest`` is cut to 20 bytes."""

    path: str
    digest_type: int  # as in a record's name: 1 SHA-1, 2 SHA-256
    digest: bytes
    architecture: str = ""

    @property
    def record_name(self) -> str:
        """The name under which the ticket is looked up."""
        return f"2/{self.digest_type}/{self.digest.hex()}"

    def to_json(self) -> dict[str, Any]:
        """Return it as ``ticketContents`` holds it."""
        document = {
            "path": self.path,
            "digestAlgorithm": {1: "SHA-1", 2: "SHA-256"}.get(self.digest_type, "SHA-384"),
            "cdhash": self.digest.hex(),
        }
        return document | ({"arch": self.architecture} if self.architecture else {})
