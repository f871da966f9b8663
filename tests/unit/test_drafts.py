"""Drafts: what a killed process left goes at the next write; what is in use or foreign stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from codesign_wizard.core import files
from codesign_wizard.core.files import hidden_folder, replacing, replacing_folder, write_atomic
from codesign_wizard.core.trial_parts import work_folder

# each target's draft is begun; the app is caught while the new one takes its place
_WRITER = """
import os, sys, time
from pathlib import Path
from codesign_wizard.core.files import replacing, replacing_folder
from codesign_wizard.core.trial_parts import work_folder
place = Path(sys.argv[1])
rename = Path.rename
def caught(self, other):
    if self.name == "draft":
        print("ready", flush=True)
        sys.stdin.read()
    return rename(self, other)
Path.rename = caught
exe, bundle = place / "setup.exe", place / "A.app"
with replacing(exe) as draft, work_folder(place) as work, replacing_folder(bundle) as app:
    draft.write_bytes(b"half")
    (work / "draft").write_bytes(b"half")
    (app / "Info.plist").write_bytes(b"new")
"""


def _hidden(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir() if path.name.startswith("."))


def _write_all(place: Path) -> None:
    write_atomic(place / "setup.exe", b"whole")
    with work_folder(place):
        pass
    with pytest.raises(KeyError), replacing_folder(place / "A.app"):
        raise KeyError


def test_what_a_killed_process_left_goes_with_the_next_write_and_no_sooner(tmp_path: Path) -> None:
    app = tmp_path / "A.app"
    app.mkdir()
    (app / "Info.plist").write_bytes(b"old")
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        begun = _hidden(tmp_path)
        assert len(begun) == 3
        assert not app.exists()
        write_atomic(tmp_path / "setup.exe", b"other")
        with work_folder(tmp_path):
            assert len(_hidden(tmp_path)) == 4
        assert _hidden(tmp_path) == begun  # its writer lives
        writer.kill()
    _write_all(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["A.app", "setup.exe"]
    assert (app / "Info.plist").read_bytes() == b"old"
    assert (tmp_path / "setup.exe").read_bytes() == b"whole"


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    target, own = tmp_path / "setup.exe", files._computer()
    left = f".setup.exe.{own}00112233.codesign.part"
    foreign = [
        ".setup.exe.part",
        ".setup.exe.0123456789ab.part",
        ".setup.exe.ffffffff00112233.codesign.part",  # another computer's
        f".other.exe.{own}00112233.codesign.part",
        f".setup.exe.{own}notamark.codesign.part",
        f"setup.exe.{own}00112233.codesign.part",
    ]
    for name in (left, *foreign):
        (tmp_path / name).write_bytes(b"x")
    write_atomic(target, b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*foreign, "setup.exe"])


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_with_a_drafts_name_is_not_followed(tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    aim.mkdir()
    (aim / "in-use").touch()
    (tmp_path / f".setup.exe.{files._computer()}00112233.codesign.part").symlink_to(aim)
    write_atomic(tmp_path / "setup.exe", b"new")
    assert (aim / "in-use").exists()


def test_a_draft_that_is_swept_as_it_is_begun_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, hold, swept = tmp_path / "setup.exe", files.hold, []

    def late(handle: int) -> bool:
        if not swept:
            swept.extend(_hidden(tmp_path))
            if os.name == "posix":
                (tmp_path / swept[0]).unlink()
        return hold(handle)

    monkeypatch.setattr(files, "hold", late)
    with replacing(target) as draft:
        draft.write_bytes(b"new")
    assert swept
    assert [path.name for path in tmp_path.iterdir()] == ["setup.exe"]


def test_a_hidden_folder_goes_whatever_happens(tmp_path: Path) -> None:
    with pytest.raises(KeyError), hidden_folder(tmp_path / "x") as place:  # noqa: PT012  # the block is the case
        (place / "file").write_bytes(b"x")
        raise KeyError
    assert list(tmp_path.iterdir()) == []
