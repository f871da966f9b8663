"""What the page *Apple certificates* does, each as one piece of work on a session's files and secrets.

The page gives a ``Keeper`` (what is kept where) and shows what comes back; nothing in here waits for a
person or changes anything but the files and secrets that a function's name says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from codesign_wizard.core.apple import identity_findings as found
from codesign_wizard.core.apple.certificates import Kind
from codesign_wizard.core.apple.identity_desk import PLACES, Look, look
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.files import require_file, write_atomic
from codesign_wizard.core.finding import Finding, Remedy, utc_now
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import SecretStore
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    # imported where they are used: a page that is only shown does without
    from codesign_wizard.core.apple.identity import Identity
    from codesign_wizard.core.apple.repack import Protection
    from codesign_wizard.core.apple.requests import Assembled, PendingRequest, RequestDesk
    from codesign_wizard.core.apple.trust import AppleRoots

_MAXIMUM = 1 << 20


class Keeper(Protocol):
    """Where roots, waiting keys and passwords are; a ``Session`` is one. May ask the keyring."""

    @property
    def secrets(self) -> SecretStore:
        """Return the store of secrets."""

    def apple_roots(self) -> AppleRoots:
        """Return the roots to judge by."""

    def apple_keys_folder(self) -> Path:
        """Return where keys wait."""

    def apple_passwords(self) -> Sequence[Secret]:
        """Return the known passwords of .p12 files, the usual one first."""

    def keep_apple_passwords(self, first: Secret | None, second: Secret | None = None) -> None:
        """Keep these passwords in place of those kept before."""

    def apple_keys_password(self, *, make: bool) -> Secret | None:
        """Return what the waiting keys are encrypted under."""


@dataclass(frozen=True)
class Seen:
    """A look at the places, how many passwords are known, and where they are kept, in words.

    ``reason`` says why they are not kept beyond this run, where they are not.
    """

    look: Look
    passwords: int
    place: str
    reason: str


def look_again(
    keeper: Keeper, files: Mapping[Kind, Path], fresh: Kind | None = None, *, team: str = ""
) -> Seen:
    """Judge *files* with the passwords that are kept; see ``identity_desk.look``."""
    passwords = keeper.apple_passwords()
    looked = look(files, passwords, fresh=fresh, team=team, roots=keeper.apple_roots())
    return Seen(looked, len(passwords), keeper.secrets.place, keeper.secrets.reason)


def pending_of(keeper: Keeper) -> list[PendingRequest]:
    """Return the newest request of each kind that waits, Installer first."""
    waiting = _requests(keeper).pending()
    newest = [next((each for each in waiting if each.kind is kind), None) for kind in PLACES]
    return [each for each in newest if each is not None]


def make_requests(keeper: Keeper, name: str) -> list[Finding]:
    """Make a key and a request for each kind that has none; raises ``CodesignError`` when it cannot be kept.

    *name* stands in the requests; Apple puts the account's own in its place.
    """
    password = keeper.apple_keys_password(make=True)
    if password is None:
        raise CodesignError(no_keyring(keeper.secrets.reason))
    requests = _requests(keeper)
    waiting = {each.kind for each in pending_of(keeper)}
    made = [
        requests.create(kind, password, name=name, email="", now=utc_now())
        for kind in PLACES
        if kind not in waiting
    ]
    return [
        found.REQUESTED(kind=each.kind.label, file=each.file_name, date=each.made.date().isoformat())
        for each in made
    ]


def save_requests(keeper: Keeper, folder: Path) -> list[Path]:
    """Write the requests that wait into *folder* under their usual names; raises ``CodesignError``."""
    saved = []
    for each in pending_of(keeper):
        target = folder / each.file_name
        try:
            write_atomic(target, each.request)
        except OSError as error:
            why = error.strerror or str(error)
            raise CodesignError(found.UNWRITABLE(file=str(target), why=why)) from error
        saved.append(target)
    return saved


def drop_requests(keeper: Keeper) -> None:
    """Remove all keys and requests that wait, for good."""
    requests = _requests(keeper)
    for each in requests.pending():
        requests.drop(each)


def assemble(keeper: Keeper, files: Sequence[Path]) -> Assembled:
    """Put the certificates in *files* together with the keys that wait; nothing is written or removed."""
    return _requests(keeper).assemble(
        files, keeper.apple_keys_password(make=False), roots=keeper.apple_roots()
    )


def are_answers(keeper: Keeper, files: Sequence[Path]) -> bool:
    """Tell whether *files* are certificates without keys while keys wait here: Apple's answer, not a .p12."""
    return bool(files) and bool(pending_of(keeper)) and all(_is_certificate(path) for path in files)


def _is_certificate(path: Path) -> bool:
    from codesign_wizard.core.apple.certificates import read_certificates

    try:
        require_file(path)
        if path.stat().st_size > _MAXIMUM:
            return False
        data = path.read_bytes()
    except OSError:
        return False  # told when it is judged
    return b"PRIVATE KEY-----" not in data and bool(read_certificates(data))


def to_write(looked: Look) -> dict[Kind, Identity]:
    """Return the identities that can be written anew, by their place."""
    return {kind: report.identity for kind, report in looked.reports.items() if report.identity is not None}


def write(
    keeper: Keeper,
    identities: Mapping[Kind, Identity],
    targets: Mapping[Kind, Path],
    password: Secret,
    protection: Protection,
    made_here: Sequence[PendingRequest] = (),
) -> Finding:
    """Write the identities to *targets*, both or none, and keep their password; then drop *made_here*.

    Raises ``CodesignError``.
    """
    from codesign_wizard.core.apple.repack import write_all, written

    files = write_all(
        [(identities[kind], targets[kind]) for kind in targets],
        password,
        protection,
        roots=keeper.apple_roots(),
    )
    # a file that stays as it is keeps its own
    stays = len(targets) < len(PLACES)
    others = [each for each in keeper.apple_passwords() if each != password] if stays else []
    keeper.keep_apple_passwords(password, others[0] if others else None)
    requests = _requests(keeper)
    # the keys are in the .p12 files now, which were opened again to be sure
    for each in made_here:
        requests.drop(each)
    return written(files)


def no_keyring(reason: str) -> Finding:
    """Return the finding for a system that cannot keep the keys' password."""
    return found.NO_KEYRING(
        detail=reason,
        remedies=[
            Remedy(
                title=tr("Unlock or install a keyring, or choose a password yourself and use the command."),
                portal=(
                    tr("Set CODESIGN_WIZARD_KEYS_PASSWORD to a password that you keep yourself."),
                    tr("Run `codesign-wizard identity request`, and later `identity assemble`, with it."),
                ),
            )
        ],
    )


def _requests(keeper: Keeper) -> RequestDesk:
    from codesign_wizard.core.apple.requests import RequestDesk as Desk

    return Desk(keeper.apple_keys_folder())
