"""The pictures of ``dev.py screenshots``: which there are, what they show, and what they never show."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit, QTextEdit, QWidget

from codesign_wizard import theme
from codesign_wizard.core.flow import CERTIFICATE, WINDOWS_TRIAL, Flow, StepState
from codesign_wizard.core.job import Job, StageState
from codesign_wizard.core.language import ENGLISH, current_language
from codesign_wizard.core.profile import Profile, new_profile
from codesign_wizard.screenshots import run, studio
from codesign_wizard.screenshots.looks import SCHEMES, SIZES
from codesign_wizard.screenshots.scenes import way
from codesign_wizard.screenshots.studio import Studio
from codesign_wizard.screenshots.table import SCENES
from tests.gui.driving import PATIENCE

if TYPE_CHECKING:
    from codesign_wizard.window import MainWindow


def brightness(image: QImage) -> float:
    """Return the mean lightness of *image*, 0 to 1."""
    small = image.scaled(16, 16)
    return sum(small.pixelColor(x, y).lightnessF() for x in range(16) for y in range(16)) / 256


def test_each_state_is_taken_in_both_schemes_and_sizes_under_the_same_names(
    qapp: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main(str(tmp_path / "new" / "folder"), scenes=["unreadable"], looks=["normal"]) == 0
    pictures = {path.name: QImage(str(path)) for path in (tmp_path / "new" / "folder").iterdir()}
    assert sorted(pictures) == sorted(
        f"{state}-{scheme}-{width}x{height}.png"
        for state in ("inspect-unsigned", "inspect-problem")
        for scheme in SCHEMES
        for width, height in SIZES
    )
    for name, image in pictures.items():
        assert name.endswith(f"-{image.width()}x{image.height()}.png")
        assert (brightness(image) > 0.7) if "-light-" in name else (brightness(image) < 0.3), name
    assert capsys.readouterr().out == f"8 pictures are in {tmp_path / 'new' / 'folder'}.\n"


def test_other_looks_have_names_of_their_own_and_leave_the_program_as_it_was(
    qapp: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = ["large", "contrast", "german", "mirrored"]
    assert run.main(str(tmp_path), scenes=["unreadable"], looks=looks) == 0
    pictures = {path.name for path in tmp_path.iterdir()}
    assert {
        "inspect-problem-light-large-1720x1280.png",
        "inspect-problem-dark-contrast-1180x760.png",
        "inspect-problem-light-german-860x640.png",
        "inspect-problem-light-mirrored-860x640.png",
    } <= pictures
    assert len(pictures) == 2 * (2 + 2 + 2 + 2)
    corner = QImage(str(tmp_path / "inspect-problem-dark-contrast-1180x760.png")).pixelColor(300, 60)
    assert corner.name() == "#000000"
    assert not theme.tokens().contrast
    assert theme.px(100) == 100
    assert not theme.mirrored()
    assert current_language() == ENGLISH


def test_several_are_at_work_and_one_that_fails_keeps_no_other_from_being_taken(
    qapp: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenes = ["level_empty", "none of them"]
    assert run.main(str(tmp_path), scenes=scenes, looks=["mirrored"], processes=2) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "level-empty-light-mirrored-1180x760.png",
        "level-empty-light-mirrored-860x640.png",
    ]
    said = capsys.readouterr()
    assert said.out.startswith("2 pictures are in ")
    assert "none of them, mirrored: " in said.err
    assert "KeyError" in said.err


def test_a_text_that_is_cut_is_told_with_its_picture(
    qapp: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(at: Studio) -> None:
        with at.own(new_profile("My product")) as window:
            window.footer.next_button.setFixedWidth(40)
            at.take(window, "cut")

    monkeypatch.setitem(SCENES, "cut", cut)
    assert run.main(str(tmp_path), scenes=["cut"], looks=["normal"]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("4 pictures are in ")
    assert said.err.startswith("cut-light-1180x760 (+1): QPushButton in Footer: '&Next: Key Vault' needs ")
    assert said.err.endswith(", has 40\n")


def test_no_picture_shows_a_secret(qapp: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    def look(studio: Studio, window: MainWindow, name: str, *, at: QWidget | None = None) -> None:
        secret = window.workspace.session.application_secret()
        shown = [one for one in window.findChildren(QWidget) if one.isVisible()]
        texts = [one.text() for one in shown if isinstance(one, QLabel)]
        texts += [one.displayText() for one in shown if isinstance(one, QLineEdit)]
        texts += [one.toPlainText() for one in shown if isinstance(one, QPlainTextEdit | QTextEdit)]
        texts += [line.text for line in window.log_model.lines]
        assert len(texts) > 5
        if secret is not None:
            assert not [text for text in texts if secret.reveal() in text], name
        taken.append(name if secret is not None else "")

    monkeypatch.setattr(Studio, "take", look)
    assert run.main(str(tmp_path), scenes=["wrong_secret", "fresh"], looks=["normal"]) == 0
    assert "key-vault-wrong-secret-seen" in taken
    assert "key-vault-mistakes" in taken


def test_a_folder_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert run.main(str(tmp_path / "file" / "pictures")) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"The pictures cannot be written to {tmp_path / 'file' / 'pictures'}: ")
    assert said.err.count("\n") == 1


def test_a_page_that_does_not_come_to_its_state_is_no_picture(
    qapp: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(at: Studio) -> None:
        at.wait(lambda: False, "the moon")

    monkeypatch.setattr(studio, "_PATIENCE_S", 0.05)
    monkeypatch.setitem(SCENES, "never", never)
    assert run.main(str(tmp_path), scenes=["never"], looks=["normal"]) == 1
    assert capsys.readouterr().err == "never, normal: Waiting for the moon took too long.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_job_stands_still_while_its_picture_is_taken(window: MainWindow, qapp: Any, tmp_path: Path) -> None:
    told: list[str] = []
    begun = threading.Event()

    def work(job: Job) -> None:
        assert begun.wait(PATIENCE / 1000)
        for key in ("build", "judge"):
            job.stage(key, StageState.DONE)

    at_work = Studio(qapp, tmp_path, tmp_path)
    window.runner.start(work, "Building").stage.connect(lambda key, state, text: told.append(key))
    with at_work.held(window, lambda key, state: key == "build", "the first stage", begin=begun.set):
        for _ in range(20):
            qapp.processEvents()
            time.sleep(0.005)
        assert told == ["build"], "it was shown, and nothing that comes after it"
    at_work.idle(window)
    assert told == ["build", "judge"]


def test_what_ends_soon_in_a_picture_leaves_the_trial_of_the_same_certificate(
    qapp: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Profile] = []

    def own(at: Studio, *profiles: Profile) -> None:
        opened.extend(profiles)
        raise InterruptedError

    profile = new_profile("Done")
    for key in (WINDOWS_TRIAL, CERTIFICATE):
        Flow(profile).record(key, [], {"certificate_expires": "2028-02-01T00:00:00+00:00"})
    monkeypatch.setattr(Studio, "own", own)
    with pytest.raises(InterruptedError):
        way.again(Studio(qapp, tmp_path, tmp_path), profile)
    assert [Flow(each).state(WINDOWS_TRIAL) for each in opened] == [StepState.DONE] * 3
