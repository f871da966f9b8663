"""What a command writes, and where: documents, results for people, broken and closed streams, terminals."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import pe
from tests.support.command_line import Document, Run, posix, program


def test_standard_output_has_one_document_and_nothing_else(tmp_path: Path) -> None:
    done = program("trial", "windows", "--practice", "--json", "--verbose", "--output", tmp_path, check=0)
    found = json.loads(done.stdout)
    assert (found["command"], found["practice"]) == ("trial windows", {"scenario": None})
    assert found["result"]["windows"]["verification"]["ok"] is True
    assert "Time-stamp: done" in done.stderr
    assert "login.microsoftonline.com" in done.stderr


def test_people_read_results_on_standard_output_and_nothing_on_the_way() -> None:
    done = program("doctor", "windows", "--practice", check=0)
    assert "✓ ok" in done.stdout
    assert done.stdout.rstrip().endswith("the signature is good.")
    assert done.stderr == ""
    assert program("doctor", "windows", "--practice", "--quiet", check=0).stdout == ""


def test_a_refusal_comes_with_evidence_and_remedies_worst_first(run: Run) -> None:
    code, out, _ = run("doctor", "windows", "--practice", "secret-wrong")
    assert code == 1
    head = out[: out.index("✓ ok")]
    assert "✗ error" in head
    assert "AADSTS7000215" in head
    assert "status 401" in head
    for word in ("Portal", "az ", "PowerShell", "See"):
        assert f"  {word}" in head
    # commands are whole, to be copied
    assert any(line.rstrip().endswith("-o tsv") and "az ad app" in line for line in head.splitlines())
    assert out.rstrip().endswith("(1 error)")


@posix
def test_closed_full_and_broken_streams_are_no_crash(tmp_path: Path) -> None:
    target = tmp_path / "a.exe"
    target.write_bytes(pe.small())
    command = f'"{sys.executable}" -m codesign_wizard '
    for tail, codes in (
        (f'verify "{target}" >&-', (1,)),
        (f'verify "{target}" --json 2>&-', (1,)),
        ("--help <&- >&- 2>&-", (0,)),
        ("profile set --secret-stdin <&-", (2,)),
        ("practice scenarios | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}", (0,)),
    ):
        done = subprocess.run(["bash", "-c", command + tail], capture_output=True, timeout=60)
        assert done.returncode in codes, (tail, done)
        assert b"Traceback" not in done.stderr
        assert b"Exception" not in done.stderr
    if Path("/dev/full").exists():
        done = subprocess.run(["bash", "-c", command + "--help >/dev/full"], capture_output=True, timeout=60)
        assert done.returncode == 1
        assert b"could not be written" in done.stderr


def test_an_ascii_terminal_gets_plainer_signs(tmp_path: Path) -> None:
    file = tmp_path / "Größe.exe"
    file.write_bytes(pe.small())
    ascii_only = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = program("verify", file, environment=ascii_only, check=1)
    assert done.stdout.isascii()
    assert "x error" in done.stdout
    assert (
        json.loads(program("verify", file, "--json", environment=ascii_only, check=1).stdout)["ok"] is False
    )


@posix
@pytest.mark.parametrize("plain", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["colour", "no", "dumb"])
def test_a_terminal_gets_colours_unless_it_must_not(plain: dict[str, str], tmp_path: Path) -> None:
    import pty

    file = tmp_path / "a.exe"
    file.write_bytes(pe.small())
    outer, inner = pty.openpty()
    try:
        program("verify", file, environment={"TERM": "xterm", **plain}, capture_output=False, stdout=inner)
        os.close(inner)
        said = os.read(outer, 65536).decode()
    finally:
        os.close(outer)
    assert ("\x1b[" in said) is not bool(plain)
    assert "is not signed" in said


def _names(value: Any) -> set[str]:
    """Return the names of all members in *value*, but those that are data themselves."""
    if isinstance(value, dict):
        inner = {name: item for name, item in value.items() if name not in ("environment", "evidence")}
        return set(value) | {name for item in inner.values() for name in _names(item)}
    if isinstance(value, list):
        return {name for item in value for name in _names(item)}
    return set()


def test_every_member_of_a_result_is_documented(local: Path, document: Document) -> None:
    text = (Path(__file__).parents[3] / "docs" / "json.md").read_text("utf-8")
    for words in (
        ["doctor", "windows", "--practice"],
        ["trial", "windows", "--practice", "--output", local / "out"],
        ["sign", local / "a.exe", "--p12", local / "a.p12", "--no-timestamp", "--output", local / "b.exe"],
        ["inspect", local / "a.exe", local / "root.pem", local / "a.p12", local / "missing"],
        ["practice", "scenarios"],
        ["profile", "set", "name=P"],
        ["profile", "list"],
    ):
        _, found = document(*words)
        missing = {name for name in _names(found) if f"`{name}`" not in text and f'"{name}"' not in text}
        assert missing == set(), words


@posix
def test_a_terminal_sees_how_far_it_is_and_a_pipe_does_not(local: Path) -> None:
    import pty
    import threading

    with (local / "a.exe").open("ab") as file:
        file.truncate(128 << 20)
    code = (
        "import sys; from codesign_wizard import cli; from codesign_wizard.commands import events\n"
        "events._PATIENCE = 0.0\nsys.exit(cli.main(sys.argv[1:]))"
    )
    words = ["sign", local / "a.exe", "--p12", local / "a.p12", "--no-timestamp", "--output", local / "b.exe"]
    command = [sys.executable, "-c", code, *map(str, words), "--json"]
    outer, inner = pty.openpty()
    said = bytearray()

    def read() -> None:
        # the far end of a closed terminal is an error on some systems, the end of the file on others
        with contextlib.suppress(OSError):
            while piece := os.read(outer, 4096):
                said.extend(piece)

    reader = threading.Thread(target=read)
    reader.start()
    done = subprocess.run(
        command,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=inner,
        timeout=60,
    )
    os.close(inner)
    reader.join(10)
    os.close(outer)
    assert done.returncode == 0
    assert json.loads(done.stdout)["ok"] is True
    text = said.decode()
    assert "Hash: done" in text
    assert "134." in text, "megabytes done, of all"
    piped = subprocess.run(command, capture_output=True, timeout=60)
    assert (piped.returncode, piped.stderr) == (0, b"")
