"""How a command is given the App Store Connect API key.

Options, the environment, else profile and keyring.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.commands.context import Context, environment_secret
from codesign_wizard.commands.hints import with_remedy
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Finding, blocks
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.apple.api_key import ApiKey, KeyFile
    from codesign_wizard.core.apple.notary_explain import KnownKey

_FILE = "CODESIGN_WIZARD_API_KEY_FILE"
_KEY = "CODESIGN_WIZARD_API_KEY"  # a name, not a value
_KEY_ID = "CODESIGN_WIZARD_API_KEY_ID"
_ISSUER = "CODESIGN_WIZARD_API_ISSUER"


@dataclass(frozen=True)
class GivenKey:
    """The key for this run; ``fresh`` is what was read for it, ``None`` where it is the profile's own."""

    key: ApiKey
    known: KnownKey
    findings: list[Finding] = field(default_factory=list)
    fresh: KeyFile | None = None


def add_key_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the key's file and ids."""
    parser.add_argument(
        "--key-file",
        type=Path,
        metavar="FILE",
        help=tr("the API key, AuthKey_….p8 (or {name})").format(name=_FILE),
    )
    parser.add_argument(
        "--key-id",
        metavar="ID",
        help=tr("its Key ID, if the file's name does not tell (or {name})").format(name=_KEY_ID),
    )
    parser.add_argument("--issuer", metavar="UUID", help=tr("the Issuer ID (or {name})").format(name=_ISSUER))


def given_key(context: Context) -> GivenKey:
    """Return the key by options, environment, profile, in this order; raises ``InputError``."""
    from codesign_wizard.core.apple.api_key import ApiKey, check_ids, none
    from codesign_wizard.core.apple.notary_explain import KnownKey

    options, session = context.options, context.session
    own = session.profile.macos.api_key
    environment = {} if context.practising else os.environ
    fresh = _fresh(context)
    key_id = options.key_id or environment.get(_KEY_ID, "")
    issuer = options.issuer or environment.get(_ISSUER, "")
    named = fresh.key_id if fresh is not None else own.named
    key, issuer_id, findings = check_ids(
        key_id or (fresh.key_id if fresh is not None else own.key_id),
        issuer or (fresh.issuer_id if fresh is not None else "") or own.issuer_id,
        named=named,
    )
    if fresh is not None:
        private = fresh.private_key
    else:
        with context.waiting_for_person():
            stored = session.api_private_key()
        if stored is None:
            raise InputError(_with_how(none()))
        private = stored
    wrong = [each for each in findings if each.severity == "error"]
    if wrong:
        raise InputError(_with_how(wrong[0]))
    assert not blocks(findings)
    same = fresh is None and (key, issuer_id) == (own.key_id, own.issuer_id)
    known = KnownKey(named, own.accepted if same else "")
    more = fresh.findings if fresh is not None else []
    return GivenKey(ApiKey(key, issuer_id, private), known, [*more, *findings], fresh)


def keep_key(context: Context, given: GivenKey, *, accepted: str) -> bool:
    """Note that Apple accepted the key; with ``--keep`` keep the key itself. Return whether it was kept."""
    session = context.session
    own = session.profile.macos.api_key
    if context.options.keep:
        session.set_api_key(given.key, named=given.known.named)
    elif given.fresh is not None or (given.key.key_id, given.key.issuer_id) != (own.key_id, own.issuer_id):
        return False
    own.accepted = accepted
    session.save()
    return bool(context.options.keep)


def _fresh(context: Context) -> KeyFile | None:
    from codesign_wizard.core.apple.api_key import parse_key, read_key_file

    if context.options.key_file is not None:
        return read_key_file(context.options.key_file)
    if context.practising:
        return None
    text = environment_secret(_KEY)
    if text is not None:
        return parse_key(text.reveal().replace("\\n", "\n").encode(), _KEY)
    told = os.environ.get(_FILE, "")
    return read_key_file(Path(told)) if told else None


def _with_how(finding: Finding) -> Finding:
    return with_remedy(
        finding,
        tr(
            "Here: notary check --key-file AuthKey_….p8 --issuer UUID --keep; or {file}, {key_id} and "
            "{issuer} "
            "in the environment."
        ).format(file=_FILE, key_id=_KEY_ID, issuer=_ISSUER),
    )
