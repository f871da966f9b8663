"""Entitlements: what a program asks the system for, as a property list and in DER.

DER: Apple's CoreEntitlements, [APPLICATION 16] {1, [16] {{key, value}…}}, keys sorted.
"""

from __future__ import annotations

import plistlib
from typing import Any
from xml.parsers import expat

from codesign_wizard.core.apple import code_directory, superblob
from codesign_wizard.core.authenticode import der
from codesign_wizard.core.text import tr

GET_TASK_ALLOW = "com.apple.security.get-task-allow"
_MAXIMUM_SIZE = 1 << 20
_MAXIMUM_DEPTH = 32
_APPLICATION_16, _CONTEXT_16 = 0x70, 0xB0
# names without a prefix are iOS': com.apple.security.get-task-allow sets no flag, as real programs show
_EXEC_FLAGS = {
    "get-task-allow": code_directory.EXEC_ALLOW_UNSIGNED,
    "run-unsigned-code": code_directory.EXEC_ALLOW_UNSIGNED,
    "com.apple.private.cs.debugger": code_directory.EXEC_DEBUGGER,
    "dynamic-codesigning": code_directory.EXEC_JIT,
    "com.apple.private.skip-library-validation": code_directory.EXEC_SKIP_LIBRARY_VALIDATION,
}


class EntitlementsError(superblob.BlobError):
    """The entitlements cannot be used; the text says why, in words for a person."""


def parse_plist(data: bytes, maximum: int = _MAXIMUM_SIZE) -> Any:
    """Return what a property list (XML or binary) holds; raises ``EntitlementsError``.

    Entities are refused, and nesting and size (*maximum* bytes) bounded.
    """
    if len(data) > maximum:
        raise EntitlementsError(tr("it is larger than any property list of this kind"))
    try:
        if data[:8] != b"bplist00":
            # real ones begin with spaces, which Apple's reader skips and XML forbids
            data = data.lstrip()
            _check_xml(data)
            return plistlib.loads(data)
        value = plistlib.loads(data)
        _check_shared(value, len(data))
        return value
    except EntitlementsError:
        raise
    except (
        plistlib.InvalidFileException,
        expat.ExpatError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        RecursionError,
        LookupError,
    ) as error:
        raise EntitlementsError(tr("it is no property list")) from error


def _check_shared(value: Any, size: int) -> None:
    """Raise ``EntitlementsError`` when *value* is far more than the *size* bytes it was read from.

    A binary list names its members by number, so that a few bytes can hold a list of lists of lists, each
    named twice: who goes through it would never end. Every member honestly there takes a byte at least.
    """
    pending = [value]
    while pending:
        size -= 1
        if size < 0:
            raise EntitlementsError(tr("it repeats itself without end"))
        each = pending.pop()
        if isinstance(each, dict):
            pending += each.values()
        elif isinstance(each, list):
            pending += each


def _check_xml(data: bytes) -> None:
    """Raise ``EntitlementsError`` for a document with entities of its own, or nested beyond reason."""
    depth = 0

    def start(_tag: str, _attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAXIMUM_DEPTH * 2:
            raise EntitlementsError(tr("it is nested too deeply"))

    def end(_tag: str) -> None:
        nonlocal depth
        depth -= 1

    def entity(*_: object) -> None:
        raise EntitlementsError(tr("it declares entities"))

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.EntityDeclHandler = entity
    parser.Parse(data, True)


def parse(data: bytes) -> dict[str, Any]:
    """Return the entitlements in a property list; raises ``EntitlementsError``."""
    value = parse_plist(data)
    if not isinstance(value, dict):
        raise EntitlementsError(tr("its outermost part is no dictionary"))
    return value


def to_der(entitlements: dict[str, Any]) -> bytes:
    """Return *entitlements* in DER; raises ``EntitlementsError`` for values that DER has no place for."""
    return der.tlv(_APPLICATION_16, der.integer(1), _value(entitlements, 0))


def _value(value: Any, depth: int) -> bytes:
    if depth > _MAXIMUM_DEPTH:
        raise EntitlementsError(tr("they are nested too deeply"))
    if isinstance(value, bool):
        return der.tlv(der.BOOLEAN, b"\xff" if value else b"\0")
    if isinstance(value, int):
        return der.integer(value)
    if isinstance(value, str):
        return der.tlv(der.UTF8_STRING, value.encode("utf-8", "replace"))
    if isinstance(value, list):
        return der.sequence(*(_value(each, depth + 1) for each in value))
    if isinstance(value, dict):
        pairs = sorted((str(key).encode("utf-8", "replace"), each) for key, each in value.items())
        return der.tlv(
            _CONTEXT_16,
            *(der.sequence(der.tlv(der.UTF8_STRING, key), _value(each, depth + 1)) for key, each in pairs),
        )
    raise EntitlementsError(tr("they hold a date, a fraction or binary data, which they must not"))


def from_der(data: bytes) -> dict[str, Any]:
    """Return the entitlements in DER, in today's form or the one of macOS 11 (a SET of pairs).

    Raises ``DerError``.
    """
    whole = der.whole(data, data[0] if data else 0)
    if whole.tag == _APPLICATION_16:
        members = whole.children()
        if len(members) != 2 or der.read_integer(members[0]) != 1:
            raise der.DerError(tr("a version that is not known"))
        whole = members[1]
    value = _read(whole, 0)
    if not isinstance(value, dict):
        raise der.DerError(tr("no dictionary"))
    return value


def _read(element: der.Element, depth: int) -> Any:
    if depth > _MAXIMUM_DEPTH:
        raise der.DerError(tr("nested too deeply"))
    if element.tag == der.BOOLEAN:
        return element.value not in (b"\0", b"")
    if element.tag == der.INTEGER:
        return der.read_integer(element)
    if element.tag == der.UTF8_STRING:
        return der.read_string(element)
    if element.tag == der.SEQUENCE:
        return [_read(each, depth + 1) for each in element.children()]
    if element.tag in (_CONTEXT_16, der.SET):
        found: dict[str, Any] = {}
        for pair in element.children():
            members = pair.expect(der.SEQUENCE).children()
            if len(members) != 2:
                raise der.DerError(tr("no pair"))
            found[der.read_string(members[0].expect(der.UTF8_STRING))] = _read(members[1], depth + 1)
        return found
    raise der.DerError(tr("a value of another kind"))


def exec_flags(entitlements: dict[str, Any]) -> int:
    """Return the flags of the executable segment that follow from *entitlements*."""
    flags = 0
    for name, flag in _EXEC_FLAGS.items():
        if entitlements.get(name) is True:
            flags |= flag
    return flags
