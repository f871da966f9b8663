"""What two runs have differently by chance is no difference; what they do differently is one."""

from __future__ import annotations

import pytest

from tools.package.same import comparable


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("AuthKey_K7QW2M9XZR.p8", "AuthKey_QWERTZUIOP.p8"),
        ("the key QWERTZUIOP of a team", "the key 1234567890 of a team"),
        ("request deadbeef failed", "request 12ab34cd failed"),
        ("/tmp/pytest-1/out", "/tmp/pytest-207/out"),
    ],
)
def test_an_id_drawn_at_random_is_none_to_compare_by(one: str, other: str) -> None:
    assert comparable({"value": one}) == comparable({"value": other})


def test_words_are_compared() -> None:
    assert comparable("signed by the vault") != comparable("signed by a file")
    assert comparable({"SETTINGS": 1}) != comparable({"settings": 1})
