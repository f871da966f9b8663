"""Which of the server's clients are built for the proof."""

from __future__ import annotations

import pytest

from codesign_wizard.core.comet.client import Platform
from codesign_wizard.core.comet.prove import choose_platforms
from codesign_wizard.core.errors import InputError

OFFERED = [
    Platform(1, "Windows", "32-bit", False),
    Platform(5, "Windows", "Any CPU", True),
    Platform(8, "macOS", "Intel", False),
    Platform(21, "Linux", "Debian", True),
]


def numbers(asked: list[int], *, windows: bool = True, macos: bool = True) -> list[int]:
    return [each.number for each in choose_platforms(OFFERED, asked, windows=windows, macos=macos)]


def test_one_for_each_wanted_system_the_recommended_first() -> None:
    assert numbers([]) == [5, 8]
    assert numbers([], macos=False) == [5]
    assert numbers([8, 1]) == [8, 1]


@pytest.mark.parametrize(
    ("asked", "wanted", "finding"),
    [
        ([99], True, "server.prove.no-platform"),
        ([21], True, "server.prove.other-system"),
        ([], False, "server.prove.no-platform"),
    ],
)
def test_what_cannot_be_proved(asked: list[int], wanted: bool, finding: str) -> None:
    with pytest.raises(InputError) as raised:
        numbers(asked, windows=wanted, macos=wanted)
    assert raised.value.finding.id == finding
    assert raised.value.finding.remedies
