"""In which language the program speaks: which there are, which is chosen, and the words of it.

A language is a Qt Linguist file (TS 2.1) ``resources/translations/codesign_wizard_<code>.ts``, read with the
standard library when it is the one that is chosen; English is what stands in the source and costs nothing.
Chosen is what the person has set, else ``CODESIGN_WIZARD_LANGUAGE``, else the language of the system's own
windows and menus; a language that there is not means English.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from functools import cache

from codesign_wizard.core.preferences import LANGUAGE, read_preference
from codesign_wizard.core.resources import resource
from codesign_wizard.core.text import install_translator

ENGLISH = "en"
VARIABLE = "CODESIGN_WIZARD_LANGUAGE"
_PREFIX = "codesign_wizard_"

_current = ENGLISH


def languages() -> list[str]:
    """Return the codes (ISO 639, ``de``) of the languages there are, English first."""
    files = sorted(resource("translations").glob(f"{_PREFIX}*.ts"))
    return [ENGLISH, *(path.stem.removeprefix(_PREFIX) for path in files)]


def current_language() -> str:
    """Return the code of the language that is on."""
    return _current


def start_language(environment: Mapping[str, str] = os.environ) -> str:
    """Turn on the language that is chosen, before anything is shown; return its code."""
    return use_language(chosen_language(environment))


def use_language(code: str) -> str:
    """Let ``tr`` speak the language *code* from now on, or English if it cannot; return the code in use."""
    global _current
    words = catalogue(code) if code != ENGLISH else {}
    _current = code if words else ENGLISH
    install_translator((lambda text: words.get(text, text)) if words else None)
    return _current


def chosen_language(environment: Mapping[str, str] = os.environ) -> str:
    """Return the code of the language to speak, one of ``languages``."""
    for told in (read_preference(LANGUAGE, environment), environment.get(VARIABLE, "")):
        if told:
            return _match(told) or ENGLISH
    return next((code for told in system_languages(environment) if (code := _match(told))), ENGLISH)


@cache
def catalogue(code: str) -> dict[str, str]:
    """Return what *code*'s file says for each English text: finished translations, {} without a file."""
    from xml.parsers import expat

    try:
        return parse((resource("translations") / f"{_PREFIX}{code}.ts").read_bytes())
    except (OSError, expat.ExpatError):
        return {}  # English is always there


def parse(data: bytes) -> dict[str, str]:
    """Return the finished translations in a TS file, by their source; raises ``ExpatError``."""
    # English, which nothing is to be read for, does without
    from xml.parsers import expat

    found: dict[str, str] = {}
    parts: dict[str, list[str]] = {"source": [], "translation": []}
    place: list[str] | None = None
    finished = True

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal place, finished
        place = parts.get(name)
        if place is not None:
            place.clear()
        if name == "translation":
            finished = "type" not in attributes  # unfinished, vanished, obsolete

    def text(more: str) -> None:
        if place is not None:
            place.append(more)

    def end(name: str) -> None:
        nonlocal place
        place = None
        if name == "message" and finished and parts["translation"]:
            found["".join(parts["source"])] = "".join(parts["translation"])

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    parser.buffer_text = True
    parser.Parse(data, True)
    return found


def system_languages(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the languages of the system's windows and menus as it names them, the preferred one first."""
    try:
        if sys.platform == "win32":
            return _windows_languages()
        if sys.platform == "darwin":
            return _mac_languages() or _posix_languages(environment)
    except (AttributeError, OSError, ValueError):  # a system too old or too new for the call
        return []
    return _posix_languages(environment)


def _posix_languages(environment: Mapping[str, str]) -> list[str]:
    """The variables as gettext takes them (its manual, 2.3.3): C and POSIX mean English in any case."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    told = next((environment[name] for name in names if environment.get(name)), "C")
    if told.partition(".")[0] in ("C", "POSIX"):
        return [ENGLISH]
    return [*(each for each in environment.get("LANGUAGE", "").split(":") if each), told]


def _windows_languages() -> list[str]:
    """GetUserPreferredUILanguages (winnls.h): names such as de-DE, each ended by a zero, all by another."""
    import ctypes

    windows = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]  # on Windows only
    count, size = ctypes.c_ulong(0), ctypes.c_ulong(0)
    names = 8  # MUI_LANGUAGE_NAME
    if not windows.GetUserPreferredUILanguages(names, ctypes.byref(count), None, ctypes.byref(size)):
        return []
    text = ctypes.create_unicode_buffer(size.value)
    if not windows.GetUserPreferredUILanguages(names, ctypes.byref(count), text, ctypes.byref(size)):
        return []
    return [each for each in "".join(text[: size.value]).split("\0") if each]


def _mac_languages() -> list[str]:
    """CFLocaleCopyPreferredLanguages: what stands in System Settings, names such as de-CH."""
    import ctypes

    core = ctypes.CDLL("/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation")
    core.CFLocaleCopyPreferredLanguages.restype = ctypes.c_void_p
    core.CFArrayGetCount.argtypes, core.CFArrayGetCount.restype = [ctypes.c_void_p], ctypes.c_long
    core.CFArrayGetValueAtIndex.argtypes = [ctypes.c_void_p, ctypes.c_long]
    core.CFArrayGetValueAtIndex.restype = ctypes.c_void_p
    core.CFStringGetCString.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_long, ctypes.c_uint32]
    core.CFStringGetCString.restype = ctypes.c_bool
    core.CFRelease.argtypes = [ctypes.c_void_p]
    array = core.CFLocaleCopyPreferredLanguages()
    if not array:
        return []
    try:
        found, text = [], ctypes.create_string_buffer(64)
        for place in range(core.CFArrayGetCount(array)):
            utf8 = 0x08000100  # kCFStringEncodingUTF8
            if core.CFStringGetCString(core.CFArrayGetValueAtIndex(array, place), text, len(text), utf8):
                found.append(text.value.decode())
        return found
    finally:
        core.CFRelease(array)


def _match(told: str) -> str:
    """Return the code there is for a locale's name (``de_AT.UTF-8``, ``de-CH``), or ""."""
    name = re.split(r"[.@]", told.strip())[0].replace("-", "_")
    for wanted in (name, name.partition("_")[0].lower()):
        if wanted in ("C", "POSIX"):
            return ENGLISH
        for code in languages():
            if code.lower() == wanted.lower():
                return code
    return ""
