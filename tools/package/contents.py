"""What is in the stand-alone app and what stays out.

PyInstaller takes along whatever an imported module could ever use. Most of its weight is Qt's plug-ins for
purposes that this program does not have, with the system libraries that they open, and the descriptions of
all services of Amazon but the one that Apple's upload uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

# name of the program, and whether it has a console
PROGRAMS = {"codesign-wizard-gui": False, "codesign-wizard": True}

EXCLUDED_MODULES = [
    "codesign_wizard.__main__",
    "codesign_wizard.screenshots",
    "PIL",
    "numpy",
    "pytest",
    "setuptools",
    "tkinter",
]

# an entry of PyInstaller's lists: place in the app, source, kind
Entry = tuple[str, str, str]

# folders of Qt's plug-ins, and the plug-ins kept of each; a folder that is not named is left out: widgets
# draw without OpenGL, pictures are PNG, which Qt reads by itself, and the network is not Qt's
_PLUGINS: dict[str, tuple[str, ...]] = {
    "platforms": ("cocoa", "offscreen", "wayland", "windows", "xcb"),
    "platforminputcontexts": ("compose", "ibus"),
    "platformthemes": ("xdgdesktopportal",),
    "styles": ("mac", "modernwindows"),
    "wayland-decoration-client": ("bradient",),
    "wayland-shell-integration": ("xdg-shell",),
}
# software rendering for what draws with OpenGL, which nothing here does
_UNUSED_LIBRARIES = ("opengl32sw.dll", "d3dcompiler_47.dll")
_BOTOCORE_SERVICE = "s3"


def trim(
    binaries: Iterable[Entry],
    datas: Iterable[Entry],
    imports_of: Callable[[str], Iterable[tuple[str, str | None]]] | None,
) -> tuple[list[Entry], list[Entry]]:
    """Return the entries of both lists that the app needs.

    *imports_of* returns the name and the path of each library that a binary opens. With it, libraries go too
    that only a plug-in left out had asked for; without it they stay.
    """
    kept = [entry for entry in binaries if _wanted(entry[0])]
    if imports_of is not None:
        kept = _reachable(kept, imports_of)
    places = {PurePosixPath(_posix(entry[0])) for entry in kept}
    names = {Path(entry[1]).name for entry in kept}
    return kept, [
        entry
        for entry in datas
        if _wanted(entry[0])
        # a link to a library is a datum; it goes with its library
        and (entry[2] != "SYMLINK" or _points_at(entry, places) or Path(entry[1]).name in names)
    ]


def _wanted(place: str) -> bool:
    path = PurePosixPath(_posix(place))
    parts = path.parts
    if path.name.lower() in _UNUSED_LIBRARIES:
        return False
    if "plugins" in parts[:-2] and "PySide6" in parts:
        folder = parts[parts.index("plugins") + 1]
        plugin = path.stem.removeprefix("lib").removeprefix("q")
        return plugin.startswith(_PLUGINS.get(folder, ())) if folder in _PLUGINS else False
    if path.name == "codesign_wizard.ts":
        return False  # the template of all languages is for translators
    if "translations" in parts and "PySide6" in parts:
        return path.name.startswith("qtbase_")
    if parts[:2] == ("botocore", "data") and len(parts) > 3:
        return parts[2] == _BOTOCORE_SERVICE
    return True


def _reachable(
    entries: list[Entry], imports_of: Callable[[str], Iterable[tuple[str, str | None]]]
) -> list[Entry]:
    """Return the entries that are modules or plug-ins themselves, or are opened by one that is kept."""
    by_source = {str(Path(entry[1]).resolve()): entry for entry in entries}
    by_name = {Path(entry[0]).name: entry for entry in entries}
    kept: dict[str, Entry] = {}
    waiting = [entry for entry in entries if not _is_library(entry)]
    while waiting:
        entry = waiting.pop()
        if entry[0] in kept:
            continue
        kept[entry[0]] = entry
        for name, source in imports_of(entry[1]):
            found = by_source.get(str(Path(source).resolve())) if source else None
            found = found or by_name.get(Path(name).name)
            if found is not None:
                waiting.append(found)
    return [entry for entry in entries if entry[0] in kept]


def _is_library(entry: Entry) -> bool:
    path = PurePosixPath(_posix(entry[0]))
    opened_by_python = entry[2] == "EXTENSION" or "plugins" in path.parts or path.name.startswith("libpython")
    return not opened_by_python


def _points_at(entry: Entry, places: set[PurePosixPath]) -> bool:
    target = PurePosixPath(_posix(entry[0])).parent / _posix(entry[1])
    return target in places


def _posix(place: str) -> str:
    return place.replace("\\", "/")
