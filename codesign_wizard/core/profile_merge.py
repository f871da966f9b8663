"""Two windows, or a window and a command, that changed one profile: what each changed is kept.

A three-way merge of the stored documents: as both began (*base*), as it is here (*ours*), as the other saved
it (*theirs*). What only one side changed is that side's. Where both changed one setting, ours is kept and the
other value is told, so that nothing is lost unsaid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.profile_labels import label, value_words
from codesign_wizard.core.text import tr

CHANGED_ELSEWHERE = FindingKind(
    "profile.changed-elsewhere",
    Severity.INFO,
    "The profile {name} was changed in another window as well; both changes are kept.",
    "Another window or a command saved the same profile; what it changed was taken over.",
)
CHANGED_TWICE = FindingKind(
    "profile.changed-twice",
    Severity.WARNING,
    "The profile {name} was changed here and in another window, one setting in two ways.",
    "Two windows changed the same setting; the one that saved last keeps its value, and the other is told.",
)
REMOVED_ELSEWHERE = FindingKind(
    "profile.removed-elsewhere",
    Severity.WARNING,
    "The profile {name} was forgotten in another window; it is saved anew from this one.",
    "The profile's file was removed while another window had it open and went on changing it.",
)

# each side counts its changes: what relied on either side's former secret is out of date
_COUNTERS = ("secret_revision", "password_revision", "revision")
_NONE = object()
_SHOWN = 60


@dataclass
class Merged:
    """The document of both; ``taken`` is what came from the other side, ``twice`` what both changed.

    Names are the members' paths (``windows.azure.vault_name``); ``twice`` gives our value and the other.
    """

    document: dict[str, Any]
    taken: list[str] = field(default_factory=list)
    twice: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def findings(self, name: str) -> list[Finding]:
        """Return what the person is told: nothing where nothing came from elsewhere."""
        if self.twice:
            pairs = {
                label(path): tr("here {ours}, there {theirs}").format(
                    ours=_short(ours), theirs=_short(theirs)
                )
                for path, (ours, theirs) in self.twice.items()
            }
            detail = tr("What stands here was kept. What was typed there is below, in case it was right.")
            remedy = Remedy(title=tr("Look which value is right, and close one of the two windows."))
            return [CHANGED_TWICE(name=name, detail=detail, evidence=Evidence(more=pairs), remedies=[remedy])]
        if self.taken:
            names = dict.fromkeys(map(label, self.taken))
            taken = tr("Taken over from there: {what}.").format(what=", ".join(names))
            return [CHANGED_ELSEWHERE(name=name, detail=taken)]
        return []


def merge(base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Merged:
    """Return both sides' changes to *base* in one document; all three as ``Profile.to_json`` makes them."""
    merged = Merged({})
    merged.document = _object(base, ours, theirs, "", merged)
    return merged


def _object(
    base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any], where: str, merged: Merged
) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name in [*theirs, *(name for name in ours if name not in theirs)]:
        values = [side.get(name, _NONE) for side in (base, ours, theirs)]
        value = _member(values[0], values[1], values[2], f"{where}{name}", merged)
        if value is not _NONE:
            document[name] = value
    return document


def _member(base: Any, ours: Any, theirs: Any, path: str, merged: Merged) -> Any:
    if theirs == base:
        return ours
    if path.endswith(_COUNTERS) and all(isinstance(each, int) for each in (base, ours, theirs)):
        merged.taken.append(path)
        return ours + theirs - base
    if theirs == ours and not isinstance(ours, Mapping):
        return ours
    if path == "page":
        return ours  # where somebody else is in the wizard is nothing to follow
    if path == "reached":
        return [*theirs, *(step for step in ours if step not in theirs)]
    if path.startswith("results."):
        return _result(base, ours, theirs, path, merged)
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        return _object(base if isinstance(base, Mapping) else {}, ours, theirs, f"{path}.", merged)
    if ours == base or ours is _NONE:
        merged.taken.append(path)
        return theirs
    merged.twice[path] = (ours, "" if theirs is _NONE else theirs)
    return ours


def _result(base: Any, ours: Any, theirs: Any, path: str, merged: Merged) -> Any:
    """Both are right, each for its time: the later one, as if one window had asked twice."""
    if theirs is _NONE:  # given up there: ours stays if it was had anew
        return ours if ours != base else theirs
    if (
        ours is not _NONE
        and ours != base
        and str(ours.get("obtained", "")) >= str(theirs.get("obtained", ""))
    ):
        return ours
    merged.taken.append(path)
    return theirs


def _short(value: Any) -> str:
    text = value_words(value) or "–"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
