"""What the page *macOS level and API key* does, each as one piece of work on a session's key and secrets.

The page gives a ``Keeper`` (what is kept where) and shows what comes back. Apple is asked by ``check`` only,
and nothing is submitted by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Finding, blocks, iso, utc_now, worst_first
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import SecretStore

if TYPE_CHECKING:
    # imported where they are used: a page that is only shown does without
    from codesign_wizard.core.apple.api_key import ApiKey, FoundKey
    from codesign_wizard.core.apple.notary_api import NotaryApi
    from codesign_wizard.core.apple.notary_explain import KnownKey


class Keeper(Protocol):
    """Where the key is kept, and who asks Apple with it; a ``Session`` is one. May ask the keyring."""

    @property
    def secrets(self) -> SecretStore:
        """Return the store of secrets."""

    def api_key_places(self) -> Sequence[Path]:
        """Return the folders where a key's file may lie."""

    def api_private_key(self) -> Secret | None:
        """Return the private key, if it is kept."""

    def set_api_key(self, key: ApiKey | None, *, named: str = "") -> None:
        """Keep key and ids, or forget them."""

    def notary_api(self, key: ApiKey, known: KnownKey | None = None) -> NotaryApi:
        """Return the notary service, asked with the key."""


@dataclass(frozen=True)
class Ids:
    """Both ids as the profile has them, and what is known of the key (``KnownKey``)."""

    key_id: str
    issuer_id: str
    named: str = ""
    accepted: str = ""


@dataclass(frozen=True)
class KeySeen:
    """Whether a key is kept, where, and which files called like one were found, the newest first.

    ``reason`` says why it is not kept beyond this run, where it is not. ``told`` is about a file just taken.
    """

    kept: bool
    place: str
    reason: str
    found: Sequence[FoundKey] = ()
    told: Sequence[Finding] = ()


@dataclass(frozen=True)
class Checked:
    """What Apple said of the key; ``accepted`` is when it was accepted (ISO 8601), "" when it was not."""

    findings: Sequence[Finding]
    accepted: str = ""


def look(keeper: Keeper, *, search: bool = True) -> KeySeen:
    """Look whether a key is kept, and with *search* for its file in the usual places; changes nothing."""
    from codesign_wizard.core.apple.api_key import find

    kept = keeper.api_private_key() is not None
    return KeySeen(
        kept, keeper.secrets.place, keeper.secrets.reason, find(keeper.api_key_places()) if search else ()
    )


def take(keeper: Keeper, path: Path, ids: Ids) -> KeySeen:
    """Keep the key in the file *path* whole, in the keyring; raises ``CodesignError`` and ``InputError``.

    What the file tells of its ids replaces *ids*. A Key ID that the former file told is not this file's.
    """
    from codesign_wizard.core.apple.api_key import ApiKey, read_key_file

    file = read_key_file(path)
    typed = "" if ids.named and ids.key_id == ids.named else ids.key_id
    key = ApiKey(file.key_id or typed, file.issuer_id or ids.issuer_id, file.private_key)
    keeper.set_api_key(key, named=file.key_id)
    seen = look(keeper, search=False)
    return KeySeen(seen.kept, seen.place, seen.reason, told=file.findings)


def forget(keeper: Keeper) -> KeySeen:
    """Forget the key and its ids; a file of it stays where it is. Raises ``CodesignError``."""
    keeper.set_api_key(None)
    return look(keeper)


def usable(keeper: Keeper, ids: Ids) -> tuple[ApiKey, KnownKey]:
    """Return the key as the notary service is asked with it; raises ``InputError`` where something lacks."""
    from codesign_wizard.core.apple.api_key import ApiKey, check_ids, none
    from codesign_wizard.core.apple.notary_explain import KnownKey
    from codesign_wizard.core.errors import InputError

    private = keeper.api_private_key()
    if private is None:
        raise InputError(none())
    key_id, issuer_id, findings = check_ids(ids.key_id, ids.issuer_id, named=ids.named)
    if blocks(findings):
        raise InputError(worst_first(findings)[0])
    return ApiKey(key_id, issuer_id, private), KnownKey(ids.named, ids.accepted)


def check(job: JobContext, keeper: Keeper, ids: Ids) -> Checked:
    """Ask Apple whether the key may notarise, in one call that changes nothing; raises ``Cancelled``.

    Where key or ids lack or cannot be right, Apple is not asked.
    """
    from codesign_wizard.core.apple.api_key import ApiKey, check_ids, none
    from codesign_wizard.core.apple.api_key_findings import ACCEPTED
    from codesign_wizard.core.apple.notary_explain import KnownKey

    try:
        private = keeper.api_private_key()
        key_id, issuer_id, findings = check_ids(ids.key_id, ids.issuer_id, named=ids.named)
        if private is None:
            return Checked([none(), *findings] if ids.key_id or ids.issuer_id else [none()])
        if blocks(findings):
            return Checked(worst_first(findings))
        key = ApiKey(key_id, issuer_id, private)
        keeper.notary_api(key, KnownKey(ids.named, ids.accepted)).test(job)
    except CodesignError as error:
        return Checked([error.finding])
    return Checked(worst_first([*findings, ACCEPTED(key_id=key_id)]), iso(utc_now()))
