"""The stored profiles: a file each in one folder, written in one step, by several windows at a time.

What writing a file takes is imported where it is written: the first window reads only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.profile import NEWER, UNREADABLE, Profile
from codesign_wizard.core.text import tr

UNKNOWN = FindingKind(
    "profile.unknown",
    Severity.ERROR,
    "There is no profile called {name}.",
    "No profile has this name or id.",
)
NOT_SAVED = FindingKind(
    "profile.not-saved",
    Severity.ERROR,
    "The profile {name} could not be saved.",
    "The profile's file could not be written; the former one is unchanged.",
)


class ProfileStore:
    """The profiles in a folder, a file each, and which one was used last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def list(self) -> Sequence[Profile]:
        """Return every readable profile, by name; see ``read_all`` for the others."""
        return self.read_all()[0]

    def read_all(self) -> tuple[Sequence[Profile], Sequence[Finding]]:
        """Return every readable profile, by name, and a finding for each file that cannot be read."""
        profiles, findings = [], []
        for path in self._files():
            try:
                profiles.append(self._read(path))
            except InputError as error:
                findings.append(error.finding)
        return sorted(profiles, key=lambda profile: (profile.name.casefold(), profile.id)), findings

    def load(self, name: str) -> Profile:
        """Return the profile with this id or name; raises ``InputError``."""
        path = self._path(name)
        if path is not None and path.is_file():
            return self._read(path)
        matches = [profile for profile in self.list() if profile.name.casefold() == name.casefold()]
        if len(matches) == 1:
            return matches[0]
        known = ", ".join(profile.name for profile in self.list())
        detail = (
            tr("Several profiles have this name: give the id. Profiles: {known}").format(known=known)
            if matches
            else tr("Profiles: {known}").format(known=known or tr("none yet"))
        )
        raise InputError(UNKNOWN(name=name, detail=detail))

    def save(self, profile: Profile) -> Sequence[Finding]:
        """Write the profile in one step; return what to tell when it was changed elsewhere as well.

        What another window or command saved since *profile* was read is taken into *profile*, where it
        stands; see ``profile_merge``. Raises ``InputError`` when the file cannot be written, or when a later
        version wrote it meanwhile.
        """
        from codesign_wizard.core.files import write_atomic, written
        from codesign_wizard.core.locked import locked

        path = self._path(profile.id)
        if path is None:
            raise InputError(UNREADABLE(name=profile.name, detail=tr("Its id is not a file name.")))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with locked(path.parent) as alone:
                findings = self._catch_up(profile, path)
                data = written(json.dumps(_to_store(profile), indent=2, ensure_ascii=False) + "\n")
                write_atomic(path, data, private=True)
                if alone:
                    # whoever writes holds the lock: a draft that still lies there is of a killed run
                    for draft in path.parent.glob(f".{path.name}.*.part"):
                        draft.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(NOT_SAVED(name=profile.name, detail=str(error))) from error
        profile.stored = json.loads(data)
        return findings

    def catch_up(self, profile: Profile) -> Sequence[Finding]:
        """Take what was saved elsewhere since into *profile*, and return what to tell; nothing is written.

        Raises ``InputError`` when a later version wrote the file.
        """
        path = self._path(profile.id)
        return self._catch_up(profile, path) if path is not None and path.is_file() else []

    def _catch_up(self, profile: Profile, path: Path) -> Sequence[Finding]:
        base = profile.stored
        if base is None:  # made here, and never stored
            return []
        from codesign_wizard.core.profile_document import take_over
        from codesign_wizard.core.profile_merge import REMOVED_ELSEWHERE, merge

        if not path.is_file():
            detail = tr("Its secrets were removed with it: they are asked for again where they are needed.")
            remedy = Remedy(
                title=tr("If it is not wanted any more, forget it here as well, on the page Start.")
            )
            return [REMOVED_ELSEWHERE(name=profile.name, detail=detail, remedies=[remedy])]
        try:
            there = self._read(path)
        except InputError as error:
            if error.finding.id == NEWER.id:
                raise
            return []  # nothing can be taken from it, and what is here is whole
        theirs = there.stored
        if theirs is None or theirs == base:
            return []
        # each as this version writes it: what only an older file lacks is no change
        merged = merge(_whole(base), json.loads(json.dumps(profile.to_json())), _whole(theirs))
        take_over(profile, Profile.from_json(merged.document))
        profile.stored = theirs
        return merged.findings(profile.name)

    def forget(self, profile_id: str) -> None:
        """Remove the profile's file, and what other parts keep of it beside it, as far as it is there.

        Its secrets go first (``profile_secrets.forget_all``): what waits there for Apple is of no use without
        them.
        """
        path = self._path(profile_id)
        if path is not None:
            import shutil

            beside = self.folder.parent
            shutil.rmtree(beside / "apple" / profile_id, ignore_errors=True)
            (beside / "server" / path.name).unlink(missing_ok=True)
            path.unlink(missing_ok=True)

    @property
    def last_used(self) -> str | None:
        """The id of the profile used last, if it is still there."""
        try:
            name = (self.folder / "last-used").read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
        path = self._path(name)
        return name if path is not None and path.is_file() else None

    def set_last_used(self, profile_id: str) -> None:
        """Remember which profile was used last; not being able to is no error."""
        from codesign_wizard.core.files import write_atomic

        try:
            write_atomic(self.folder / "last-used", profile_id.encode(), private=True)
        except OSError:
            return  # only a convenience: the next start asks again

    def _files(self) -> Sequence[Path]:
        return sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []

    def _path(self, profile_id: str) -> Path | None:
        # an id from outside must never lead out of the folder
        return self.folder / f"{profile_id}.json" if re.fullmatch(r"[a-z0-9-]{1,64}", profile_id) else None

    @staticmethod
    def _read(path: Path) -> Profile:
        try:
            document = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(
                UNREADABLE(name=path.name, detail=tr("Not readable as JSON: {error}").format(error=error))
            ) from error
        profile = Profile.from_json(document)
        if profile.id != path.stem:
            profile.id = path.stem
        profile.stored = document
        return profile


def _to_store(profile: Profile) -> dict[str, Any]:
    """Return the document of *profile* without a password of its proxy, unless its file has just that.

    It is in the profile while it waits for the keyring (``Session.save``): a file of an earlier version keeps
    what it has until then, and none gets one.
    """
    from codesign_wizard.core import proxy_login

    document = profile.to_json()
    there = ((profile.stored or {}).get("network") or {}).get("proxy")
    if document["network"]["proxy"] != there:
        document["network"]["proxy"] = proxy_login.split(document["network"]["proxy"])[0]
    return document


def _whole(document: Any) -> Any:
    return json.loads(json.dumps(Profile.from_json(document).to_json()))
