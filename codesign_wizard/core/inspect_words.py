"""What can be inspected, and what one learns of it, for somebody who has not given a file yet."""

from __future__ import annotations

from dataclasses import dataclass

from codesign_wizard.core.text import tr


@dataclass(frozen=True)
class Inspectable:
    """A kind of file: its name, how such files end, and what is told of them."""

    name: str
    endings: str
    told: str


def inspectable() -> list[Inspectable]:
    """Return the kinds that ``inspect_file`` knows; it goes by the content, whatever the name."""
    return [
        Inspectable(
            tr("Programs for Windows"),
            ".exe .dll .sys",
            tr("Who signed it, when it was time-stamped, and whether Windows trusts that."),
        ),
        Inspectable(
            tr("Packages and apps for macOS"),
            ".pkg .app .dylib",
            tr("Who signed it, what is in it, and what macOS would refuse."),
        ),
        Inspectable(
            tr("Certificates, and what a CA sent"),
            ".cer .crt .pem .p7b .zip",
            tr("Whose they are, by whom, until when, and whether Windows trusts them."),
        ),
        Inspectable(tr("Signing requests"), ".csr", tr("What they ask for, and with which key.")),
        Inspectable(
            tr("Keys with their certificates"),
            ".p12 .pfx",
            tr("Whose they are, how the file is protected, and what is missing in it."),
        ),
        Inspectable(tr("Private keys"), ".pem .p8 .key", tr("Whether a password protects them.")),
        Inspectable(
            tr("Profiles and reports of this program"),
            ".json .html",
            tr("Whose they are; a report is opened to be read."),
        ),
    ]
