"""Entitlements in DER, as Apple's tools of both ages write them."""

from __future__ import annotations

import plistlib
import struct

import pytest

from codesign_wizard.core.apple import code_directory, entitlements
from codesign_wizard.core.authenticode import der
from tests.support.clocks import at_most


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        # measured: the DER slot of an npm package's Developer ID program, and Apple's output in public tests
        ({}, bytes([112, 5, 2, 1, 1, 176, 0])),
        ({"key": False}, bytes([112, 15, 2, 1, 1, 176, 10, 48, 8, 12, 3, 107, 101, 121, 1, 1, 0])),
        ({"key": True}, bytes([112, 15, 2, 1, 1, 176, 10, 48, 8, 12, 3, 107, 101, 121, 1, 1, 255])),
        ({"key": -1}, bytes([112, 15, 2, 1, 1, 176, 10, 48, 8, 12, 3, 107, 101, 121, 2, 1, 255])),
    ],
)
def test_der_is_what_apples_tools_write(value: dict[str, object], encoded: bytes) -> None:
    assert entitlements.to_der(value) == encoded
    assert entitlements.from_der(encoded) == value


def test_keys_are_sorted_and_everything_nests() -> None:
    value = {"z": ["a", {"y": 1, "x": True}], "a": "ä", "m": 70000}
    assert entitlements.from_der(entitlements.to_der(value)) == value
    members = der.whole(entitlements.to_der(value), 0x70).children()[1].children()
    assert [der.read_string(each.first()) for each in members] == ["a", "m", "z"]


def test_the_older_form_is_read_too() -> None:
    pair = bytes.fromhex("30240c1f636f6d2e6170706c652e73656375726974792e63732e616c6c6f772d6a6974010101")
    assert entitlements.from_der(der.tlv(der.SET, pair)) == {"com.apple.security.cs.allow-jit": True}


@pytest.mark.parametrize("value", [{"a": 1.5}, {"a": b"x"}, {"a": [b"x"]}])
def test_values_without_a_place_in_der_are_refused(value: dict[str, object]) -> None:
    with pytest.raises(entitlements.EntitlementsError):
        entitlements.to_der(value)


BOMB = b"""<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>
<plist version="1.0"><dict><key>&b;</key><true/></dict></plist>"""


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "."),
        (b"hello", "."),
        (BOMB, "entities"),
        (plistlib.dumps([1]), "no dictionary"),
        (b"bplist00" + bytes(50), "no property list"),
        (b"<plist><dict><key>a</key><integer>x</integer></dict></plist>", "no property list"),
        (b"x" * (2 << 20), "larger"),
    ],
)
def test_what_is_no_dictionary_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(entitlements.EntitlementsError, match=words):
        entitlements.parse(data)


def test_a_macos_program_that_may_be_debugged_has_no_flag_for_it() -> None:
    assert entitlements.exec_flags({entitlements.GET_TASK_ALLOW: True}) == 0
    assert entitlements.exec_flags({"get-task-allow": True}) == code_directory.EXEC_ALLOW_UNSIGNED
    assert entitlements.exec_flags({"get-task-allow": False}) == 0


def test_a_few_bytes_cannot_hold_an_endless_list() -> None:
    """A binary list of lists, each named twice by the one before: 2 to the 30th at the end."""
    levels = 30
    objects = [bytes([0xD1, levels + 2, 1])]
    objects += [bytes([0xA2, number + 2, number + 2]) for number in range(levels)] + [b"\x09", b"\x51k"]
    places = [8 + sum(map(len, objects[:number])) for number in range(len(objects))]
    data = b"bplist00" + b"".join(objects) + bytes(places)
    data += bytes(6) + bytes([1, 1]) + struct.pack(">QQQ", len(objects), 0, 8 + sum(map(len, objects)))
    plistlib.loads(data)
    with at_most(2.0), pytest.raises(entitlements.EntitlementsError, match="repeats itself"):
        entitlements.parse(data)
    # one that shares its words honestly is read
    honest = {str(number): ["the same words"] * 3 for number in range(50)}
    assert entitlements.parse(plistlib.dumps(honest, fmt=plistlib.FMT_BINARY)) == honest
