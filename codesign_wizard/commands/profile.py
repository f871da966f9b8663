"""``profile``: lists, shows, changes, forgets, exports and imports what is configured."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.commands.profile_settings import SETTERS, bad_setting, flat, setter
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import require_file, write_atomic, written
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.profile import Profile, new_profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.report_clean import without_login
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.session import Session


SAVED = FindingKind("profile.saved", Severity.OK, "The profile {name} is saved.", "The change was written.")


FORGOTTEN = FindingKind(
    "profile.forgotten",
    Severity.OK,
    "The profile {name} and its secrets are forgotten.",
    "The profile's file and its entries in the keyring were removed.",
)


PATHS_LEFT_OUT = FindingKind(
    "profile.paths-left-out",
    Severity.WARNING,
    "Files of another computer were left out of the profile: {files}.",
    "An imported profile names extra roots or a CA bundle that are not on this computer.",
)


LOGIN_LEFT_OUT = FindingKind(
    "profile.login-left-out",
    Severity.INFO,
    "The proxy's login was left out of the export.",
    "A proxy address with user and password in it is exported without them.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do and the settings or the file for it."""
    parser.add_argument(
        "what", choices=("list", "show", "set", "forget", "export", "import"), help=tr("what to do")
    )
    parser.add_argument("values", nargs="*", metavar="KEY=VALUE or FILE", help=", ".join(sorted(SETTERS)))
    parser.add_argument(
        "--server-password-stdin",
        action="store_true",
        help=tr("set: keep the Comet Server's password, from standard input, in the keyring"),
    )
    parser.add_argument(
        "--password-stdin",
        "--p12-password-stdin",
        action="store_true",
        help=tr("set: keep the one password of the .p12 files, read from standard input, in the keyring"),
    )
    parser.add_argument("--new", metavar="NAME", help=tr("set: make a new profile with this name first"))


def run(context: Context) -> Outcome:
    """Do what was asked."""
    return {
        "list": _list,
        "show": _show,
        "set": _set,
        "forget": _forget,
        "export": _export,
        "import": _import,
    }[context.options.what](context)


def _store(context: Context) -> ProfileStore:
    """Return the profiles without opening one, which may be the damaged one that is looked for."""
    if context.practising:
        return context.session.profiles
    from codesign_wizard.opening import profile_folder

    return ProfileStore(profile_folder(os.environ))


def _session_on(context: Context, profile: Profile) -> Session:
    """Return a session on *profile*, which is not stored yet, without opening another one."""
    from codesign_wizard.session import Session

    return Session(profile, _store(context), secrets=context.session.secrets if context.practising else None)


def _list(context: Context) -> Outcome:
    _values(context, 0)
    store = _store(context)
    (profiles, unreadable), last = store.read_all(), store.last_used
    result = [
        {"id": profile.id, "name": profile.name, "last_used": profile.id == last} for profile in profiles
    ]
    lines = [
        f"{'*' if profile.id == last else ' '} {profile.name}  ({profile.id})" for profile in profiles
    ] or [tr("There is no profile yet.")]
    return Outcome(list(unreadable), result, lines=lines)


def _show(context: Context) -> Outcome:
    _values(context, 0)
    profile = context.session.profile
    document = {key: value for key, value in profile.to_json().items() if key != "results"}
    return Outcome([], document, [(key, value) for key, value in flat(profile).items()])


def _set(context: Context) -> Outcome:
    options = context.options
    # a secret on standard input is for the keyring here, not for this run
    wants_secret, options.secret_stdin = options.secret_stdin, False
    if wants_secret and options.password_stdin:
        from codesign_wizard.commands.sign import ONE_SECRET

        raise InputError(ONE_SECRET())
    session = context.session
    if options.new is not None:
        if not options.new.strip():
            raise bad_setting("--new", tr("a profile needs a name"))
        session.profile = new_profile(options.new.strip())
    wants_password = options.server_password_stdin
    wants = [wants_secret, wants_password, options.password_stdin]
    if not options.values and not any(wants) and options.new is None:
        raise bad_setting(
            "profile set",
            tr("it needs KEY=VALUE, --secret-stdin, --password-stdin or --server-password-stdin"),
        )
    former = session.profile.network.proxy
    for setting in options.values:
        key, mark, value = setting.partition("=")
        if not mark:
            raise bad_setting(setting, tr("it has no = in it"))
        setter(key)(session.profile, value.strip())
    proxy, session.profile.network.proxy = session.profile.network.proxy, former
    # what a file of an earlier version still has is not changed here, and moves with the saving
    wants.append(proxy != former and session.networking.set_proxy(proxy))
    findings = []
    if wants_secret:
        session.set_application_secret(Secret(context.read_secret().reveal().strip()))
    if wants_password:
        session.set_server_password(context.read_secret())
    if options.password_stdin:
        session.set_apple_password(context.read_secret())
    if any(wants) and not session.secrets.kept:
        from codesign_wizard.core.secrets import NOT_KEPT

        findings.append(NOT_KEPT(detail=session.secrets.reason))
    findings += session.save()
    if not context.practising:
        session.profiles.set_last_used(session.profile.id)
    return Outcome([*findings, SAVED(name=session.profile.name)], {"id": session.profile.id})


def _forget(context: Context) -> Outcome:
    from codesign_wizard.core.profile_secrets import forget_all

    _values(context, 0)
    session = context.session
    profile = session.profile
    if all(each.id != profile.id for each in session.profiles.list()):
        raise bad_setting("profile forget", tr("there is no profile to forget"))
    context.confirm(tr("The profile {name} and its secrets will be removed.").format(name=profile.name))
    forget_all(session.secrets, profile.id)
    session.profiles.forget(profile.id)
    return Outcome([FORGOTTEN(name=profile.name)], {"id": profile.id})


def _export(context: Context) -> Outcome:
    values = _values(context, 1)
    document = context.session.profile.to_json()
    findings = []
    if context.practising:  # the way to this run's cloud leads nowhere once it has ended
        document["network"] |= {"proxy": "", "ca_bundle": ""}
        document |= {"extra_roots": [], "extra_timestamp_roots": []}
    proxy = without_login(context.session.profile.network.proxy)
    if proxy != context.session.profile.network.proxy:
        document["network"]["proxy"] = proxy
        findings.append(LOGIN_LEFT_OUT())
    text = json.dumps(document, indent=2, ensure_ascii=False)
    if not values:
        return Outcome(findings, document, lines=[text])
    try:
        write_atomic(Path(values[0]).absolute(), written(text + "\n"))
    except OSError as error:
        raise bad_setting(values[0], error.strerror or str(error)) from error
    return Outcome(findings, document, lines=[tr("Written to {file}.").format(file=values[0])])


def _import(context: Context) -> Outcome:
    values = _values(context, 1)
    if not values:
        raise bad_setting("profile import", tr("it needs a file"))
    try:
        text = _input() if values[0] == "-" else _text_of(Path(values[0]))
        document = json.loads(text)
    except OSError as error:
        raise bad_setting(values[0], error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise bad_setting(values[0], tr("it cannot be read as JSON")) from error
    imported = Profile.from_json(document)
    if not imported.name.strip():
        raise bad_setting(values[0], tr("the profile in it has no name"))
    # a profile that is there already is not overwritten by one from elsewhere
    imported.id = new_profile(imported.name).id
    left_out = _without_others_files(imported)
    findings = [PATHS_LEFT_OUT(files=", ".join(left_out))] if left_out else []
    findings += _session_on(context, imported).save()
    return Outcome([*findings, SAVED(name=imported.name)], {"id": imported.id})


def _without_others_files(profile: Profile) -> list[str]:
    """Take the files out of *profile* that every step would read and that are not here; return them."""
    gone: list[str] = []

    def here(name: str) -> bool:
        found = not name or Path(name).expanduser().is_file()
        if not found:
            gone.append(name)
        return found

    profile.extra_roots = [each for each in profile.extra_roots if here(each)]
    profile.extra_timestamp_roots = [each for each in profile.extra_timestamp_roots if here(each)]
    if not here(profile.network.ca_bundle):
        profile.network.ca_bundle = ""
    return list(dict.fromkeys(gone))


def _text_of(path: Path) -> str:
    require_file(path)
    return path.read_text("utf-8")


def _input() -> str:
    return "" if sys.stdin is None else sys.stdin.read()


def _values(context: Context, most: int) -> list[str]:
    values: list[str] = context.options.values
    if len(values) > most:
        raise bad_setting(
            values[most], tr("profile {what} does not take it").format(what=context.options.what)
        )
    return values
