"""CodeResources: the property list that seals every file of a bundle (Security framework, resources.cpp).

``files`` is the old list, with SHA-1, ``files2`` the one that counts. Rules say what is sealed and how.
"""

from __future__ import annotations

import hashlib
import plistlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from codesign_wizard.core.apple import entitlements, superblob
from codesign_wizard.core.apple.bundle import RESOURCES_FILE, SIGNATURE_FOLDER, Entry
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.text import tr

_CHUNK = 1 << 20
_MAXIMUM_RULES = 200
_MAXIMUM_FILES = 500_000
_MAXIMUM_SIZE = 256 << 20
# a pattern from a file that is judged must not be able to take forever
_SAFE = re.compile(r"(?:[^*+{]|\\.|\.\*){1,200}")


class ResourcesError(superblob.BlobError):
    """The seal cannot be read; the text says why, in words for a person."""


@dataclass(frozen=True)
class Rule:
    """A rule: which paths, how strong (the highest weight wins), and what is done with them."""

    pattern: str
    weight: float = 1
    omit: bool = False
    optional: bool = False
    nested: bool = False

    def to_plist(self) -> Any:
        """Return the rule's value in the list: ``true``, or a dictionary with what is not usual."""
        value: dict[str, Any] = {}
        for name in ("omit", "optional", "nested"):
            if getattr(self, name):
                value[name] = True
        if self.weight != 1:
            value["weight"] = float(self.weight)
        return value or True


@dataclass(frozen=True)
class Sealed:
    """What is known of one path: a file's hashes, nested code's hash and requirement, or a link's target."""

    hash1: bytes = b""
    hash2: bytes = b""
    cdhash: bytes = b""
    requirement: str = ""
    link: str | None = None
    optional: bool = False

    def to_plist(self) -> dict[str, Any]:
        """Return the value in ``files2``."""
        value: dict[str, Any] = {}
        if self.cdhash:
            value["cdhash"] = self.cdhash
            value["requirement"] = self.requirement
        elif self.link is not None:
            value["symlink"] = self.link
        else:
            value["hash2"] = self.hash2
        if self.optional:
            value["optional"] = True
        return value


@dataclass(frozen=True)
class Resources:
    """A seal: its two lists, and its rules."""

    files: dict[str, Sealed] = field(default_factory=dict)
    files2: dict[str, Sealed] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    rules2: list[Rule] = field(default_factory=list)

    def to_plist(self) -> bytes:
        """Return the property list in XML, keys sorted."""
        files: dict[str, Any] = {
            path: {"hash": each.hash1, "optional": True} if each.optional else each.hash1
            for path, each in self.files.items()
        }
        document = {
            "files": files,
            "files2": {path: each.to_plist() for path, each in self.files2.items()},
            "rules": {rule.pattern: rule.to_plist() for rule in self.rules},
            "rules2": {rule.pattern: rule.to_plist() for rule in self.rules2},
        }
        return plistlib.dumps(document, fmt=plistlib.FMT_XML, sort_keys=True)


# never sealed: the seal itself, a stapled ticket, a receipt; Apple's tools leave them out without a rule
_EXCLUDED = re.compile(rf"({SIGNATURE_FOLDER}|_MASReceipt)(/|$)|{RESOURCES_FILE}$")


def excluded(path: str, executable: str) -> bool:
    """Tell whether *path* is outside every seal: the program itself, and what signing adds."""
    return path == executable or _EXCLUDED.match(path) is not None


def default_rules(resources: bool) -> tuple[list[Rule], list[Rule]]:
    """Return the rules that Apple's tool writes for a bundle with a folder ``Resources``, or without."""
    prefix = "^Resources/" if resources else "^"
    languages = [
        Rule(rf"{prefix}.*\.lproj/", 1000, optional=True),
        Rule(rf"{prefix}Base\.lproj/", 1010),
        Rule(rf"{prefix}.*\.lproj/locversion.plist$", 1100, omit=True),
    ]
    rules = [Rule("^version.plist$"), Rule("^Resources/" if resources else "^.*"), *languages]
    code = [
        Rule("^[^/]+$", 10, nested=True),
        Rule(
            "^(Frameworks|SharedFrameworks|PlugIns|Plug-ins|XPCServices|Helpers|MacOS"
            "|Library/(Automator|Spotlight|LoginItems))/",
            10,
            nested=True,
        ),
        Rule("^Resources/", 20),
    ]
    rules2 = [
        Rule("^.*"),
        *(code if resources else []),
        Rule(r".*\.dSYM($|/)", 11),
        Rule(r"^(.*/)?\.DS_Store$", 2000, omit=True),
        Rule(r"^Info\.plist$", 20, omit=True),
        Rule(r"^version\.plist$", 20),
        Rule(r"^embedded\.provisionprofile$", 20),
        Rule("^PkgInfo$", 20, omit=True),
        *languages,
    ]
    return rules, rules2


_KNOWN = {rule.pattern for with_ in (True, False) for rules in default_rules(with_) for rule in rules}


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    if pattern not in _KNOWN and (_SAFE.fullmatch(pattern) is None or pattern.count(".*") > 2):
        return None
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return None


def understood(rule: Rule) -> bool:
    """Tell whether the rule's pattern is one that is applied here."""
    return _compiled(rule.pattern) is not None


def rule_for(rules: Iterable[Rule], path: str) -> Rule | None:
    """Return the strongest rule that *path* fits, or ``None``."""
    best: Rule | None = None
    for rule in rules:
        if best is not None and rule.weight <= best.weight:
            continue
        pattern = _compiled(rule.pattern)
        if pattern is not None and pattern.search(path):
            best = rule
    return best


def seal(
    root: Path,
    entries: Iterable[Entry],
    executable: str,
    code: Mapping[str, tuple[bytes, str]],
    *,
    resources: bool,
    step: Callable[[str], None] = lambda _: None,
) -> Resources:
    """Return the seal over *entries* below *root*.

    *code* maps paths of nested code, files and bundles, to its cdhash and requirement. Raises ``OSError``.
    """
    rules, rules2 = default_rules(resources)
    made = Resources(rules=rules, rules2=rules2)
    inside: list[str] = []
    for entry in entries:
        if excluded(entry.path, executable):
            continue
        nested = any(entry.path.startswith(each) for each in inside)
        old = rule_for(rules, entry.path) if entry.kind == "file" else None
        new = None if nested else rule_for(rules2, entry.path)
        if new is not None and is_nested_bundle(new, entry) and entry.path in code:
            inside.append(entry.path + "/")
            cdhash, requirement = code[entry.path]
            made.files2[entry.path] = Sealed(cdhash=cdhash, requirement=requirement)
            continue
        if entry.kind == "folder":
            continue
        if entry.kind == "link":
            if new is not None and not new.omit:
                made.files2[entry.path] = Sealed(link=entry.target)
            continue
        if (old is None or old.omit) and (new is None or new.omit):
            continue
        step(entry.path)
        hash1, hash2 = hashes(root / entry.path)
        if old is not None and not old.omit:
            made.files[entry.path] = Sealed(hash1=hash1, optional=old.optional)
        if new is not None and not new.omit:
            if new.nested and entry.path in code:
                cdhash, requirement = code[entry.path]
                made.files2[entry.path] = Sealed(cdhash=cdhash, requirement=requirement)
            else:
                made.files2[entry.path] = Sealed(hash2=hash2, optional=new.optional)
    return made


def is_nested_bundle(rule: Rule, entry: Entry) -> bool:
    """Tell whether a folder is taken for code of its own: by the rule, and a dot in its name."""
    return entry.kind == "folder" and rule.nested and "." in entry.path.rsplit("/", 1)[-1]


def hashes(path: Path) -> tuple[bytes, bytes]:
    """Return SHA-1 and SHA-256 of the file's content; raises ``OSError``."""
    old, new = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            old.update(chunk)
            new.update(chunk)
    return old.digest(), new.digest()


def parse(data: bytes) -> Resources:
    """Return the seal in *data*; raises ``ResourcesError``."""
    if len(data) > _MAXIMUM_SIZE:
        raise ResourcesError(tr("it is too large"))
    try:
        document = entitlements.parse_plist(data, _MAXIMUM_SIZE)
    except entitlements.EntitlementsError as error:
        raise ResourcesError(str(error)) from error
    if not isinstance(document, dict):
        raise ResourcesError(tr("its outermost part is no dictionary"))
    sections: dict[str, dict[str, Any]] = {}
    for name in ("files", "files2", "rules", "rules2"):
        section = document.get(name, {})
        limit = _MAXIMUM_FILES if name.startswith("files") else _MAXIMUM_RULES
        if not isinstance(section, dict) or len(section) > limit:
            raise ResourcesError(tr("its part “{name}” is not a list").format(name=name))
        sections[name] = section
    return Resources(
        {path: _sealed(path, value, old=True) for path, value in sections["files"].items()},
        {path: _sealed(path, value, old=False) for path, value in sections["files2"].items()},
        [_rule(pattern, value) for pattern, value in sections["rules"].items()],
        [_rule(pattern, value) for pattern, value in sections["rules2"].items()],
    )


def _sealed(path: str, value: Any, *, old: bool) -> Sealed:
    if isinstance(value, bytes):
        return Sealed(hash1=value)
    if not isinstance(value, dict) or path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise ResourcesError(tr("its entry for {path} is not one").format(path=shown(path)))
    octets = {name: value.get(name, b"") for name in ("hash", "hash2", "cdhash")}
    texts = {name: value.get(name, "") for name in ("requirement", "symlink")}
    if not all(isinstance(each, bytes) for each in octets.values()) or not all(
        isinstance(each, str) for each in texts.values()
    ):
        raise ResourcesError(tr("its entry for {path} is not one").format(path=shown(path)))
    return Sealed(
        hash1=octets["hash"],
        hash2=octets["hash2"],
        cdhash=octets["cdhash"],
        requirement=texts["requirement"],
        link=texts["symlink"] if "symlink" in value else None,
        optional=value.get("optional") is True,
    )


def _rule(pattern: str, value: Any) -> Rule:
    if isinstance(value, bool):
        return Rule(pattern, omit=not value)
    if not isinstance(value, dict):
        raise ResourcesError(tr("its rule {pattern} is not one").format(pattern=shown(pattern)))
    weight = value.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or weight != weight:
        raise ResourcesError(tr("its rule {pattern} is not one").format(pattern=shown(pattern)))
    flags = {name: value.get(name) is True for name in ("omit", "optional", "nested")}
    return Rule(pattern, float(weight), **flags)
