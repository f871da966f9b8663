"""Keys that are made before they are asked for."""

from __future__ import annotations

import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

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
    stock.order(["ec-P-256"])
    gate.set()
    made = stock._ordered["ec-P-256"][0]
    first, second = stock.take("ec-P-256"), stock.take("ec-P-256")
    assert first is made.result()
    assert second is not first
    stock.drop()


def test_a_key_that_no_worker_has_begun_is_not_waited_for(gate: threading.Event) -> None:
    stock = Stock()
    stock.order(["ec-P-384", "ec-P-256"])  # the one worker stands still at the first
    assert _curve(stock, "ec-P-256") == "secp256r1"
    gate.set()
    assert _curve(stock, "ec-P-384") == "secp384r1"
    stock.drop()


def test_what_was_dropped_is_not_made(gate: threading.Event) -> None:
    stock = Stock()
    stock.order(["ec-P-384", "ec-P-256"])
    waiting = stock._ordered["ec-P-256"][0]
    stock.drop()
    assert waiting.cancelled()
    gate.set()
    assert _curve(stock, "ec-P-256") == "secp256r1"
