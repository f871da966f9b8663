"""Keys that are made before they are asked for."""

from __future__ import annotations

import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from codesign_wizard.opening import open_session
from codesign_wizard.practice import key_making
from codesign_wizard.practice.key_making import PrivateKey, Stock, generate_key


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """What the workers wait for before they make a key; the thread that asks does not."""
    opened, mine = threading.Event(), threading.current_thread()

    def make(kind: str) -> PrivateKey:
        assert threading.current_thread() is mine or opened.wait(30)
        return generate_key(kind)

    monkeypatch.setattr(key_making, "generate_key", make)
    monkeypatch.setattr(key_making, "_WORKERS", 1)
    return opened


def _curve(stock: Stock, kind: str) -> str:
    key = stock.take(kind)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.curve.name


def test_an_ordered_key_is_taken_once(gate: threading.Event) -> None:
    stock = Stock()
    ordered = stock.order(["ec-P-256"])
    gate.set()
    made = ordered[0]
    first, second = stock.take("ec-P-256"), stock.take("ec-P-256")
    assert first is made.result()
    assert second is not first
    stock.drop(ordered)


def test_a_key_that_no_worker_has_begun_is_not_waited_for(gate: threading.Event) -> None:
    stock = Stock()
    ordered = stock.order(["ec-P-384", "ec-P-256"])  # the one worker stands still at the first
    assert _curve(stock, "ec-P-256") == "secp256r1"
    gate.set()
    assert _curve(stock, "ec-P-384") == "secp384r1"
    stock.drop(ordered)


def test_what_was_dropped_is_not_made_but_what_another_ordered(gate: threading.Event) -> None:
    stock = Stock()
    mine, others = stock.order(["ec-P-384", "ec-P-256"]), stock.order(["ec-P-256"])
    stock.drop(mine)
    assert mine[1].cancelled()
    gate.set()
    made = others[0].result()
    assert stock.take("ec-P-256") is made
    late = stock.order(["ec-P-521"])
    stock.drop(late)
    assert stock._workers is None, "no thread is kept for what nobody asks for"
    assert _curve(stock, "ec-P-256") == "secp256r1"


def test_a_practice_session_that_does_not_open_leaves_no_orders(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_making, "STOCK", Stock())
    with pytest.raises(KeyError):
        open_session(practice=True, scenario="there is none", signing=["windows"])
    gate.set()
    assert key_making.STOCK._workers is None
    assert not any(key_making.STOCK._ordered.values())
