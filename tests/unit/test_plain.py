"""Dataclasses whose methods are shared behave as those that ``dataclass`` writes."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field
from typing import Any

import pytest

from codesign_wizard.core.plain import Frozen, Plain, frozen, plain


@plain
class Box(Plain):
    name: str
    size: int = 1
    inside: list[str] = field(default_factory=list)
    hidden: str = field(default="", repr=False, compare=False)


@frozen
class Coin(Frozen):
    value: int
    marks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError("no such coin")


def test_values_come_by_place_by_name_and_by_default() -> None:
    assert Box("a", 2).size == 2
    assert Box(size=3, name="b").name == "b"
    one, other = Box("c"), Box("c")
    one.inside.append("x")
    assert other.inside == [], "each has a list of its own"
    one.size = 7
    assert dataclasses.replace(one, name="d") == Box("d", 7, ["x"])
    assert [each.name for each in dataclasses.fields(Box)] == ["name", "size", "inside", "hidden"]


@pytest.mark.parametrize(
    ("given", "named"),
    [((), {}), (("a", 1, [], "", 5), {}), (("a",), {"name": "b"}), (("a",), {"colour": "red"})],
)
def test_what_does_not_fit_is_refused(given: tuple[Any, ...], named: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="Box"):
        Box(*given, **named)


def test_compared_and_shown_by_fields() -> None:
    assert Box("a", hidden="x") == Box("a", hidden="y")
    assert Box("a") != Box("b")
    assert Box("a") != "a"
    assert repr(Box("a", hidden="secret")) == "Box(name='a', size=1, inside=[])"
    with pytest.raises(TypeError):
        hash(Box("a"))


def test_a_frozen_one_stays_as_it_is_and_travels() -> None:
    coin = Coin(5, ("worn",))
    for change in (lambda: setattr(coin, "value", 6), lambda: delattr(coin, "value")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            change()
    assert not hasattr(coin, "__dict__"), "it has slots"
    assert {coin: 1}[Coin(5, ("worn",))] == 1
    for other in (pickle.loads(pickle.dumps(coin)), copy.deepcopy(coin)):
        assert other == coin
    with pytest.raises(ValueError, match="no such coin"):
        Coin(-1)
