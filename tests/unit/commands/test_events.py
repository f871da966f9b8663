"""What a terminal shows while a command works: how far it is, of what, and nothing over a question."""

from __future__ import annotations

import io
import re

import pytest

from codesign_wizard.commands import events
from codesign_wizard.commands.events import Events
from codesign_wizard.core.job import StageState


class Terminal(io.StringIO):
    """A terminal that keeps all that was drawn."""

    def isatty(self) -> bool:
        return True

    def drawn(self) -> list[str]:
        """Return the lines that were drawn since the last call, without what moves the cursor."""
        text, lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", self.getvalue()), []
        self.seek(0)
        self.truncate()
        for line in re.split(r"[\r\n]+", text):
            lines += [line.strip()] if line.strip() else []
        return lines


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(events, "_PATIENCE", 0.0)
    return Terminal()


@pytest.mark.parametrize(
    ("done", "total", "far"), [(7, 22, "7/22"), (1_500_000, 3_000_000, "1.5 MB/3.0 MB"), (3, None, "")]
)
def test_only_what_must_be_bytes_is_called_bytes(
    terminal: Terminal, done: int, total: int | None, far: str
) -> None:
    shown = Events(terminal, quiet=False, verbose=False)
    shown.progress(done, total, "at work")
    shown.close()
    drawn = " ".join(terminal.drawn())
    assert far in drawn
    assert "byte" not in drawn


def test_what_goes_on_after_a_stage_says_what_it_is(terminal: Terminal) -> None:
    shown = Events(terminal, quiet=False, verbose=False)
    shown.stage("permissions", StageState.RUNNING, "")
    shown.progress(1, 22, "asking")
    shown.stage("permissions", StageState.DONE, "")
    shown.pause()
    before = " ".join(terminal.drawn())
    shown.progress(0, None, "Waiting: 9:59 left")
    shown.close()
    after = " ".join(terminal.drawn())
    assert "Permissions" in before
    assert "Waiting: 9:59 left" in after
    assert "Permissions" not in after


def test_nothing_is_drawn_over_a_question(terminal: Terminal) -> None:
    shown = Events(terminal, quiet=False, verbose=False)
    shown.progress(1, 2, "at work")
    shown.pause()
    terminal.drawn()
    terminal.write("Go on? [y/N] ")
    shown.say("a line")
    assert terminal.drawn() == ["Go on? [y/N] a line"]
    shown.progress(2, 2, "at work")
    shown.close()
    assert any("2/2" in line for line in terminal.drawn())
