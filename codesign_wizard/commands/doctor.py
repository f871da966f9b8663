"""``doctor``: looks for what keeps signing from working, from names to a test signature. Changes nothing."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from codesign_wizard.commands.api_key_options import add_key_arguments, given_key
from codesign_wizard.commands.context import Context
from codesign_wizard.commands.expiring import add_expiring_argument, with_endings
from codesign_wizard.commands.macos import hinted, identities
from codesign_wizard.commands.macos_arguments import (
    add_identity_arguments,
    add_level_argument,
    add_password_argument,
)
from codesign_wizard.commands.output import Outcome
from codesign_wizard.commands.server import doctor, with_server
from codesign_wizard.commands.systems import windows_and_macos
from codesign_wizard.commands.verify import add_root_arguments
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.profile import LEVELS, Profile
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.apple.notary_api import NotaryApi

NOT_WANTED = FindingKind(
    "usage.system-left-out",
    Severity.INFO,
    "{system} was left out: the profile does not want it, and nothing is set for it.",
    "The word all stands for the systems that a profile wants, or has settings for.",
)

# findings that leave signing alone
_ABOUT_KEY = ("apple.api-key.", "apple.notary.")
NOTHING_YET = FindingKind(
    "usage.nothing-set-up",
    Severity.INFO,
    "Nothing is set up on this computer yet.",
    "Neither the profile, nor the options, nor the environment name a vault, an application or a tenant.",
)


def _beginnings() -> list[Remedy]:
    """Return where a person begins who has set up nothing."""
    return [
        Remedy(title=tr("To be led through it, open the wizard: codesign-wizard")),
        Remedy(
            title=tr("To see the whole way on made-up accounts first: codesign-wizard trial all --practice")
        ),
    ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to look at."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=("windows", "macos", "server", "all"),
        default="all",
        help=tr("what to look at"),
    )
    add_identity_arguments(parser)
    add_password_argument(parser)
    add_level_argument(parser)
    add_key_arguments(parser)
    add_root_arguments(parser)
    parser.add_argument(
        "--all-profiles",
        action="store_true",
        help=tr(
            "look at every profile, several at a time; all is what each of them wants or has settings for, "
            "and nobody is asked for a password"
        ),
    )
    add_expiring_argument(parser)


def run(context: Context) -> Outcome:
    """Diagnose, and tell what ends soon if that was asked for."""
    outcome = diagnose(context)
    return outcome if context.options.expiring is None else with_endings(context, outcome)


def diagnose(context: Context) -> Outcome:
    """Diagnose what the profile has for the systems that are asked for."""
    from codesign_wizard.commands.trial import both

    options = context.options
    if options.secret_stdin and options.password_stdin:
        from codesign_wizard.commands.sign import ONE_SECRET

        raise InputError(ONE_SECRET())
    context.reaches_out()
    if options.all_profiles:
        from codesign_wizard.commands.doctor_profiles import all_profiles

        def systems(profile: Profile) -> tuple[bool, bool, bool]:
            server = profile.server_wanted if options.what == "all" else options.what == "server"
            return (*windows_and_macos(profile, options.what), server)

        return all_profiles(context, systems)
    if options.what == "server":
        return doctor(context)
    windows, macos = windows_and_macos(context.session.profile, options.what)
    outcomes = []
    if windows:
        outcomes.append(_windows(context))
    if macos:
        outcomes.append(_macos(context))
    outcome = outcomes[0] if len(outcomes) == 1 else both(outcomes)
    if options.what != "all":
        return outcome
    left_out = [
        NOT_WANTED(system=name) for name, wanted in (("Windows", windows), ("macOS", macos)) if not wanted
    ]
    return with_server(context, replace(outcome, findings=[*outcome.findings, *left_out]))


def _macos(context: Context) -> Outcome:
    from codesign_wizard.core.apple.certificates import Kind
    from codesign_wizard.core.apple.doctor import doctor_macos

    session = context.session

    def open_api() -> tuple[NotaryApi, list[Finding]]:
        given = given_key(context)
        return session.notary_api(given.key, given.known), given.findings

    wants_key = session.macos_level() != LEVELS[0]
    result = doctor_macos(
        context.job,
        identities(context, (Kind.APPLICATION, Kind.INSTALLER)),
        roots=session.apple_roots(),
        timestamper=session.apple_timestamper(),
        open_api=open_api if wants_key else None,
    )
    names = _macos_names()
    return Outcome(
        hinted(result.findings),
        {"macos": {"facts": dict(result.facts), "identities": result.identities}},
        [(names.get(name, name), value) for name, value in result.facts.items()],
        clear=tr("Signing for macOS works: both identities sign, and Apple lets the API key notarise.")
        if wants_key
        else tr("Signing for macOS works: both identities sign, and the signatures hold."),
        blocked=tr("Signing works; nothing can be notarised until this is mended.")
        if all(each.id.startswith(_ABOUT_KEY) for each in result.findings if each.severity is Severity.ERROR)
        else tr("Signing for macOS will not work until this is mended."),
    )


def _windows(context: Context) -> Outcome:
    from codesign_wizard.core.doctor import doctor_windows

    session = context.session
    options = session.azure_options()
    result = doctor_windows(
        context.job, session.network, options, context.application_secret(), roots=session.roots()
    )
    names = _names()
    given = (options.vault_name, options.certificate_name, options.application_id, options.tenant_id)
    return Outcome(
        [*result.findings, *([] if any(given) else [NOTHING_YET(remedies=_beginnings())])],
        {
            "facts": dict(result.facts),
            "permissions": result.permissions.to_json() if result.permissions is not None else None,
        },
        [(names.get(name, name), value) for name, value in result.facts.items()],
        clear=tr("Signing for Windows works: the vault signs, and the signature is good."),
        blocked=tr("Signing for Windows will not work until this is mended."),
    )


def _names() -> dict[str, str]:
    return {
        "vault_tenant": tr("Vault's tenant"),
        "application_id": tr("Application"),
        "object_id": tr("Seen by the vault as"),
        "tenant_id": tr("Tenant"),
        "token_expires": tr("Signed in until"),
        "certificate": tr("Certificate"),
        "publisher": tr("Publisher"),
        "issuer": tr("Issuer"),
        "key": tr("Key"),
        "certificate_expires": tr("Expires"),
        "issuer_name": tr("Intermediate"),
        "issuer_expires": tr("Intermediate expires"),
    }


def _macos_names() -> dict[str, str]:
    return {
        "team": tr("Team"),
        "application": tr("Signs programs"),
        "application_issuer": tr("Issuer"),
        "application_expires": tr("Expires"),
        "installer": tr("Signs packages"),
        "installer_issuer": tr("Issuer"),
        "installer_expires": tr("Expires"),
        "timestamp_server": tr("Time-stamp server"),
        "api_key": tr("API key"),
    }
