"""JSON changed as text: what is not ours stays byte for byte."""

from __future__ import annotations

import json
import random

import pytest

from codesign_wizard.core.comet.document import DocumentError, Members, same


def test_only_the_named_members_change() -> None:
    text = ' {"a" : 1.10,\n "b":{"x":9007199254740993, "y":[1e400]} , "c":"\\/\\u2028","d":null}\n'
    changed = Members(text).replaced({"a": '"new"'})
    assert changed == text.replace("1.10", '"new"')
    assert Members(text).replaced({}) == text
    assert Members(text).replaced({"b": Members(text).object("b").replaced({"z": "0"})}) == text.replace(
        "[1e400]}", '[1e400],"z":0}'
    )


def test_new_members_come_last() -> None:
    assert Members("{}").replaced({"a": "1", "b": "2"}) == '{"a":1,"b":2}'
    assert Members('{ "x" : 0 }').replaced({"a": "1"}) == '{ "x" : 0,"a":1 }'
    assert Members('{"é":1}').replaced({"é": "2", 'q"': "3"}) == '{"é":2,"q\\"":3}'


def test_of_a_repeated_name_the_last_counts() -> None:
    members = Members('{"a":1,"a":2}')
    assert members.get("a") == 2
    assert json.loads(members.replaced({"a": "3"})) == {"a": 3}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"a"}', '{"a":}', '{"a":1,}', '{"a":1} x', "{a:1}", '{"a":1 "b":2}', "null", "{1:2}"],
)
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(DocumentError):
        Members(text)


def test_deep_nesting_is_no_crash() -> None:
    with pytest.raises(DocumentError):
        Members('{"a":' + "[" * 200_000)


def test_a_number_of_any_length_is_stepped_over() -> None:
    long = "9" * 10_000
    assert Members(f'{{"a":{long},"b":1}}').replaced({"b": "2"}) == f'{{"a":{long},"b":2}}'


def test_numbers_are_compared_by_their_exact_value() -> None:
    assert same("1.0", "1")
    assert same("1e2", "100")
    assert same('{"a":1,"b":2}', '{ "b": 2, "a": 1 }')
    assert not same("9007199254740993", "9007199254740992")
    assert not same('"1"', "1")
    assert not same("true", "1")


def test_random_objects_keep_what_is_not_touched() -> None:
    source = random.Random(8)

    def value(depth: int) -> object:
        kind = source.randrange(7 if depth < 4 else 5)
        plain = [None, True, source.randrange(10**20), source.random() * 10 ** source.randrange(9), 'ü\n"{,}']
        if kind < 5:
            return plain[kind]
        if kind == 5:
            return [value(depth + 1) for _ in range(source.randrange(4))]
        return {f"k{source.randrange(99)}": value(depth + 1) for _ in range(source.randrange(4))}

    for _ in range(300):
        document = {f"n{number}": value(0) for number in range(source.randrange(1, 12))}
        text = json.dumps(document, indent=source.choice([None, 2]), ensure_ascii=source.random() < 0.5)
        chosen = source.choice(list(document))
        changed = json.loads(Members(text).replaced({chosen: '"here"', "added": "[]"}))
        assert changed == {**document, chosen: "here", "added": []}
