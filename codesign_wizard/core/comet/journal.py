"""What was changed on the server, step by step, so that it can be undone and a killed run explains itself.

A file for each profile (JSON, without secrets); old secrets and old uploaded files are in the keyring.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from codesign_wizard.core import long_secret
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.files import write_atomic
from codesign_wizard.core.finding import Evidence, FindingKind, Severity, iso, utc_now
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import SERVER_UNDO, SecretStore

SCHEMA = 1

NOT_WRITTEN = FindingKind(
    "server.apply.journal",
    Severity.ERROR,
    "What is about to be changed cannot be written down: {why}. Nothing was changed.",
    "The folder of the profiles cannot be written, so a change could not be undone.",
)


class Phase(StrEnum):
    """How far a change came."""

    STARTED = "started"  # nothing sent yet
    UPLOADED = "uploaded"  # files are there, nothing refers to them
    SENT = "sent"  # the settings were sent, and no answer was seen
    APPLIED = "applied"
    UNDOING = "undoing"  # the old settings were sent, and no answer was seen
    UNDONE = "undone"
    NONE = "none"  # it came to nothing

    @property
    def open(self) -> bool:
        """Whether a run ended in the middle of it."""
        return self in (Phase.STARTED, Phase.UPLOADED, Phase.SENT, Phase.UNDOING)


@dataclass
class Record:
    """One change. ``before`` and ``after`` are JSON text by key path.

    ``None`` stands for what is kept elsewhere or was not there; ``secret`` names the keys whose values are in
    the keyring.
    """

    server: str
    user: str
    phase: Phase
    before: dict[str, str | None] = field(default_factory=dict)
    after: dict[str, str | None] = field(default_factory=dict)
    secret: list[str] = field(default_factory=list)
    uploaded: list[str] = field(default_factory=list)
    time: datetime = field(default_factory=utc_now)


@dataclass(frozen=True)
class Old:
    """What the keyring holds for undoing: JSON text by key path, and files by their address."""

    values: dict[str, str] = field(default_factory=dict, repr=False)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict, repr=False)


class Journal:
    """The last change of a profile's server."""

    def __init__(self, folder: Path, profile_id: str, secrets: SecretStore) -> None:
        self._path = folder / f"{profile_id}.json"
        self._profile_id = profile_id
        self._secrets = secrets

    def read(self) -> Record | None:
        """Return the last change, ``None`` when there is none or its file cannot be understood."""
        try:
            document = json.loads(self._path.read_text("utf-8"))
            if document["schema"] != SCHEMA:
                return None
            return Record(
                server=str(document["server"]),
                user=str(document["user"]),
                phase=Phase(document["phase"]),
                before=_texts(document["before"]),
                after=_texts(document["after"]),
                secret=[str(each) for each in document["secret"]],
                uploaded=[str(each) for each in document["uploaded"]],
                time=datetime.fromisoformat(document["time"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def write(self, record: Record) -> None:
        """Write the change down; raises ``InputError``."""
        document = {
            "schema": SCHEMA,
            "server": record.server,
            "user": record.user,
            "phase": record.phase.value,
            "time": iso(record.time),
            "before": record.before,
            "after": record.after,
            "secret": record.secret,
            "uploaded": record.uploaded,
        }
        try:
            write_atomic(self._path, json.dumps(document, indent=1).encode(), private=True)
        except OSError as error:
            why = error.strerror or str(error)
            raise InputError(NOT_WRITTEN(why=why, evidence=Evidence(code=type(error).__name__))) from error

    def keep_old(self, old: Old) -> bool:
        """Keep in the keyring what undoing needs; tell whether the files found room.

        Raises ``CodesignError``.
        """
        files = {uri: [name, base64.b64encode(data).decode()] for uri, (name, data) in old.files.items()}
        for kept in (files, {}):
            text = json.dumps({"values": old.values, "files": kept})
            if len(text) <= long_secret.MAXIMUM:
                long_secret.put(self._secrets, self._profile_id, SERVER_UNDO, Secret(text))
                return kept == files
        return False

    def old(self) -> Old | None:
        """Return what was kept, ``None`` when it is not there any more; raises ``CodesignError``."""
        kept = long_secret.get(self._secrets, self._profile_id, SERVER_UNDO)
        if kept is None:
            return None
        try:
            document = json.loads(kept.reveal())
            files = {
                str(uri): (str(name), base64.b64decode(data, validate=True))
                for uri, (name, data) in document["files"].items()
            }
            return Old({str(key): str(value) for key, value in document["values"].items()}, files)
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            return None

    def holds(self, old: Old | None) -> bool:
        """Tell whether *old*, as it was read before, is still kept; put back if something else is by now."""
        try:
            if self.old() != old and old is not None:
                self.keep_old(old)
            return self.old() == old
        except CodesignError:
            return False  # the keyring does not tell

    def forget_old(self) -> None:
        """Remove what was kept in the keyring; raises ``CodesignError``."""
        long_secret.forget(self._secrets, self._profile_id, SERVER_UNDO)


def _texts(document: Any) -> dict[str, str | None]:
    return {str(key): None if value is None else str(value) for key, value in document.items()}
