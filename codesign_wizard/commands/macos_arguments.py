"""The options of commands that sign or judge for macOS, and which system a file and its options are for."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path

from codesign_wizard.commands.context import Context
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.text import tr

OTHER_SYSTEM = FindingKind(
    "usage.option-for-other-system",
    Severity.ERROR,
    "{option} does not apply to {file}: it is for {system}.",
    "Some options of sign are for Windows files only, others for macOS files only.",
)


_WINDOWS_ONLY = ("append", "digest", "description", "url")


_MACOS_ONLY = (
    "application_file",
    "installer_file",
    "package_only",
    "entitlements",
    "identifier",
    "no_hardened_runtime",
)


def add_identity_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the two .p12 files, for a run."""
    parser.add_argument(
        "--application-file", metavar="FILE", help=tr("macOS: the Developer ID Application .p12")
    )
    parser.add_argument("--installer-file", metavar="FILE", help=tr("macOS: the Developer ID Installer .p12"))


def add_password_argument(parser: argparse.ArgumentParser) -> None:
    """Take the way in which a .p12's password comes."""
    parser.add_argument(
        "--password-stdin",
        "--p12-password-stdin",
        action="store_true",
        help=tr("read the .p12's password from standard input (else CODESIGN_WIZARD_P12_PASSWORD)"),
    )


def add_level_argument(parser: argparse.ArgumentParser) -> None:
    """Take how far signing for macOS goes."""
    parser.add_argument(
        "--level",
        choices=(*LEVELS, "0", "1", "2"),
        help=tr("macOS: how far to go, or what to judge for (default: the profile's)"),
    )


def add_trial_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what a trial above the level of signing needs."""
    from codesign_wizard.commands.api_key_options import add_key_arguments

    add_key_arguments(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--continue",
        dest="resume",
        action="store_true",
        help=tr("macOS: go on with the former trial, whatever is to be signed now"),
    )
    how.add_argument(
        "--anew",
        action="store_true",
        help=tr("macOS: sign and submit anew, also where the same trial was left unfinished"),
    )
    parser.add_argument("--anyway", action="store_true", help=tr("macOS: submit what Apple would refuse"))
    parser.add_argument(
        "--wait-at-most",
        type=float,
        metavar="MINUTES",
        default=60.0,
        help=tr("macOS: for Apple's result and its ticket; default: 60, the rest is with Apple"),
    )


def add_code_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what is for signing single files."""
    parser.add_argument(
        "--package-only", action="store_true", help=tr("macOS: sign a .pkg, not the programs in it")
    )
    parser.add_argument(
        "--entitlements", type=Path, metavar="PLIST", help=tr("macOS: entitlements in place of its own")
    )
    parser.add_argument("--identifier", metavar="ID", help=tr("macOS: the code's identifier"))
    parser.add_argument(
        "--no-hardened-runtime", action="store_true", help=tr("macOS: leave the hardened runtime off")
    )


def refuse_options(context: Context, file: Path, *, macos: bool) -> None:
    """Raise ``InputError`` for an option that is for the other system's files."""
    names, system = (_WINDOWS_ONLY, "Windows") if macos else (_MACOS_ONLY, "macOS")
    for name in names:
        if getattr(context.options, name, None):
            option = f"--{name.replace('_', '-')}"
            raise InputError(OTHER_SYSTEM(option=option, file=file.name, system=system))


def is_for_macos(path: Path) -> bool:
    """Tell whether *path* is of one of macOS' forms, or is called a package."""
    from codesign_wizard.core.apple.forms import form_of

    with suppress(OSError):
        return form_of(path) is not None or path.suffix.lower() == ".pkg"
    return False
