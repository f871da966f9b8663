"""Findings, jobs, redaction and file replacement: what everything else leans on."""

from __future__ import annotations

import copy
import os
import pickle
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from codesign_wizard.core.errors import Cancelled
from codesign_wizard.core.files import replacing, write_atomic
from codesign_wizard.core.finding import (
    Certainty,
    Evidence,
    Finding,
    FindingKind,
    Remedy,
    Severity,
    worst_first,
)
from codesign_wizard.core.job import Job, LogLevel, LogLine, call_cancellable
from codesign_wizard.core.redact import HIDDEN, Secret, redact
from codesign_wizard.core.text import install_translator, shown


def test_a_finding_comes_back_from_its_json() -> None:
    finding = Finding(
        "area.part.what",
        Severity.WARNING,
        "Title.",
        "Detail.",
        Certainty.LIKELY,
        Evidence(403, "Forbidden", "No.", "r-1", datetime(2026, 11, 23, 10, tzinfo=UTC), {"host": "h"}),
        (Remedy("Do it.", ("First", "Second"), "az x", "Set-X", "https://learn.microsoft.com/"),),
    )
    assert Finding.from_json(finding.to_json()) == finding
    assert finding.to_json()["evidence"]["time"] == "2026-11-23T10:00:00Z"


def test_a_finding_never_shows_a_secret() -> None:
    Secret("canary/secret+0003")
    finding = Finding(
        "a.b",
        Severity.ERROR,
        "canary/secret+0003",
        "canary/secret+0003",
        evidence=Evidence(
            message="x canary/secret+0003", code="canary%2Fsecret%2B0003", more={"u": "canary/secret+0003"}
        ),
    )
    assert "canary" not in str(finding.to_json())


def test_ids_are_well_formed_and_declared_once() -> None:
    kind = FindingKind("test.base.once", Severity.INFO, "{who} was here.", "test")
    with pytest.raises(ValueError, match="twice"):
        FindingKind("test.base.once", Severity.INFO, "", "")
    with pytest.raises(ValueError, match="not a finding id"):
        FindingKind("Test Bad", Severity.INFO, "", "")
    assert kind(who="{curly}").title == "{curly} was here."


def test_a_title_is_translated_when_it_is_made() -> None:
    kind = FindingKind("test.base.translated", Severity.INFO, "{who} is here.", "test")
    install_translator({"{who} is here.": "{who} ist hier."}.__getitem__)
    try:
        assert kind(who="Er").title == "Er ist hier."
    finally:
        install_translator(None)


def test_the_worst_comes_first_and_order_is_kept() -> None:
    findings = [Finding(f"a.{n}", severity, "") for n, severity in enumerate([*Severity, *Severity])]
    assert [finding.id for finding in worst_first(findings)] == [
        "a.0",
        "a.4",
        "a.1",
        "a.5",
        "a.2",
        "a.6",
        "a.3",
        "a.7",
    ]


@pytest.mark.parametrize("show", [str, repr, "{}".format, lambda s: f"{s!r:>20}"])
def test_a_secret_hides_itself(show: object) -> None:
    assert "canary-0004" not in show(Secret("canary-0004"))  # type: ignore[operator]  # each one is callable


def test_a_secret_is_never_pickled_or_copied_into_a_file() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret("canary-0005"))
    with pytest.raises(TypeError):
        copy.copy(Secret("canary-0005"))


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdef123456",
        "token eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl end",
        "client_id=1&client_secret=hunter2hunter&scope=x",
        "http://user:hunter2hunter@proxy.example:3128",
        "-----BEGIN PRIVATE KEY-----\nc2lnbmF0dXJl\n-----END PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str) -> None:
    shown = redact(text)
    assert HIDDEN in shown
    for part in ("abcdef123456", "c2lnbmF0dXJl", "hunter2hunter"):
        assert part not in shown


def test_a_longer_secret_is_hidden_whole_when_a_shorter_one_is_part_of_it() -> None:
    Secret("canary6")
    Secret("canary6-and-more")
    assert redact("x canary6-and-more y") == f"x {HIDDEN} y"


def test_a_job_forwards_its_events_redacted() -> None:
    lines: list[LogLine] = []
    Secret("canary-0007")
    job = Job(on_log=lines.append)
    job.log(LogLevel.INFO, "with canary-0007", part="vault", request_id="r")
    assert lines[0].text == f"with {HIDDEN}"
    assert (lines[0].part, lines[0].request_id) == ("vault", "r")


def test_cancelling_wakes_a_wait_and_a_blocking_call_at_once() -> None:
    for wait in (
        lambda job: job.wait(30),
        lambda job: call_cancellable(job, lambda: threading.Event().wait(30), timeout=30),
    ):
        job = Job()
        threading.Timer(0.1, job.cancel).start()
        start = time.monotonic()
        with pytest.raises(Cancelled):
            wait(job)
        assert time.monotonic() - start < 15


def test_a_blocking_call_gives_its_result_its_error_or_a_time_out() -> None:
    assert call_cancellable(Job(), lambda: 5, timeout=5) == 5
    with pytest.raises(ZeroDivisionError):
        call_cancellable(Job(), lambda: 1 / 0, timeout=5)
    with pytest.raises(TimeoutError):
        call_cancellable(Job(), lambda: threading.Event().wait(30), timeout=0.1)


def test_foreign_words_stay_on_their_line() -> None:
    hostile = "a\x1b[2J\x07b\r\nc\x9b1md\u202ee\u2067f\u2028g\udcffh\tä 漢 😀"
    plain = shown(hostile)
    assert plain == "a�[2J�b��c�1md�e�f�g�h�ä 漢 😀".replace("�", "\ufffd")
    assert shown("a\tb\nc\x1b", keep="\n\t") == "a\tb\nc\ufffd"


def test_a_replaced_file_is_old_or_new_and_never_half(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_atomic(target, b"old")
    os.chmod(target, 0o640)
    with pytest.raises(KeyError), replacing(target) as draft:  # noqa: PT012  # the block is the case
        draft.write_bytes(b"half")
        raise KeyError
    assert target.read_bytes() == b"old"
    write_atomic(target, b"new")
    assert target.read_bytes() == b"new"
    if os.name == "posix":
        assert target.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [target]


def test_a_name_as_long_as_file_systems_take_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 255)
    write_atomic(target, b"new")
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_what_is_no_ordinary_file_does_not_give_way_to_one(tmp_path: Path) -> None:
    pipe, folder, link, loop = (tmp_path / name for name in ("pipe", "folder", "link", "loop"))
    os.mkfifo(pipe)
    folder.mkdir()
    link.symlink_to(pipe)
    loop.symlink_to(loop)
    for target in (pipe, folder, link, loop, Path(tmp_path.anchor)):
        with pytest.raises(OSError), replacing(target):  # noqa: PT011  # each has its own number
            pytest.fail("a draft was made for it")
    assert pipe.is_fifo()
    assert loop.is_symlink()
    assert sorted(tmp_path.iterdir()) == [folder, link, loop, pipe]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize(
    "words", [["verify"], ["inspect"], ["profile", "import"], ["sign", "x.exe", "--p12"]]
)
def test_a_pipe_is_refused_and_not_waited_for(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from codesign_wizard.cli import main

    pipe = tmp_path / "pipe.exe"
    os.mkfifo(pipe)
    output = ["--output", str(tmp_path / "out.exe"), "--no-timestamp"] if words[0] == "sign" else []
    assert main([*words, str(pipe), *output]) == 2
    assert "no ordinary file" in capsys.readouterr().out
