"""Drafts: what a killed process left goes at the next write; what is in use or foreign stays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from codesign_wizard.core import files
from codesign_wizard.core.files import hidden_folder, replacing, replacing_folder, write_atomic
from codesign_wizard.core.in_use import take
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


def _names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def _age(place: Path, seconds: float = 3600.0) -> None:
    """Let the hidden folders be as old."""
    for name in _hidden(place):
        then = (place / name).stat().st_mtime - seconds
        os.utime(place / name, (then, then))


def _app(place: Path, name: str = "A.app") -> Path:
    app = place / name
    app.mkdir()
    (app / "Info.plist").write_bytes(b"old")
    return app


def _replace_app(app: Path) -> None:
    with replacing_folder(app) as draft:
        (draft / "Info.plist").write_bytes(b"new")


def _fail(app: Path) -> None:
    with pytest.raises(KeyError), replacing_folder(app):
        raise KeyError


def _write_all(place: Path) -> None:
    write_atomic(place / "setup.exe", b"whole")
    with work_folder(place):
        pass
    _fail(place / "A.app")


def test_what_a_killed_process_left_goes_with_the_next_write_and_no_sooner(tmp_path: Path) -> None:
    app = _app(tmp_path)
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
        assert len(begun) == 4  # the app's draft, and what gives way to it
        _age(tmp_path)
        assert not app.exists()
        write_atomic(tmp_path / "setup.exe", b"other")
        with work_folder(tmp_path):
            assert len(_hidden(tmp_path)) == 5
        assert _hidden(tmp_path) == begun  # its writer lives
        writer.kill()
    _write_all(tmp_path)
    assert _names(tmp_path) == ["A.app", "setup.exe"]
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
        (tmp_path / name).mkdir()
        (tmp_path / name / "in-use").touch()
    write_atomic(target, b"new")
    assert _names(tmp_path) == sorted(
        [left, *foreign, "setup.exe"]
    )  # a writer may be about to have it in use
    _age(tmp_path)
    write_atomic(target, b"new")
    assert _names(tmp_path) == sorted([*foreign, "setup.exe"])


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_with_a_drafts_name_is_not_followed(tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    aim.mkdir()
    (aim / "in-use").touch()
    (tmp_path / f".setup.exe.{files._computer()}00112233.codesign.part").symlink_to(aim)
    write_atomic(tmp_path / "setup.exe", b"new")
    assert (aim / "in-use").exists()


@pytest.mark.parametrize("removed", [True, False])
def test_a_draft_that_is_swept_as_it_is_begun_is_begun_anew(
    removed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, hold, swept = tmp_path / "setup.exe", files.hold, []

    def late(handle: int) -> bool:
        if not swept:
            swept.extend(_hidden(tmp_path))
            if removed and os.name == "posix":
                shutil.rmtree(tmp_path / swept[0])
            return removed and hold(handle)
        return hold(handle)

    monkeypatch.setattr(files, "hold", late)
    with replacing(target) as draft:
        draft.write_bytes(b"new")
        assert swept != _hidden(tmp_path)
    assert swept
    assert _names(tmp_path) == ["setup.exe"]


def test_where_nothing_can_be_locked_files_are_written_and_nobodys_draft_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "hold", lambda _: False)
    with replacing(tmp_path / "setup.exe") as draft:
        draft.write_bytes(b"new")
        begun = _hidden(tmp_path)
        _age(tmp_path, 48 * 3600.0)
        write_atomic(tmp_path / "setup.exe", b"other")
        assert _hidden(tmp_path) == begun
    assert _names(tmp_path) == ["setup.exe"]
    assert (tmp_path / "setup.exe").read_bytes() == b"new"
    # killed there in the midst of it: the old app comes back a day later
    left = tmp_path / f"{files._beginning(tmp_path / 'A.app')}00112233.codesign.part"
    left.mkdir()
    _app(left, "former")
    _age(tmp_path)
    _fail(tmp_path / "A.app")
    assert _names(tmp_path) == [left.name, "setup.exe"]
    _age(tmp_path, 48 * 3600.0)
    _fail(tmp_path / "A.app")
    assert _names(tmp_path) == ["A.app", "setup.exe"]


@pytest.mark.skipif(os.name == "nt", reason="its locks forbid nothing that files reach")
def test_what_is_written_is_not_what_is_locked(tmp_path: Path) -> None:
    # on CIFS a lock of one handle forbids writing through another
    with replacing(tmp_path / "setup.exe") as draft:
        handle = take(draft)
        assert handle is not None
        os.close(handle)


def _after_giving_way(monkeypatch: pytest.MonkeyPatch, app: Path, then: Callable[[], object]) -> None:
    rename = Path.rename

    def caught(self: Path, other: Path) -> Path:
        moved = rename(self, other)
        if self == app:
            then()
        return moved

    monkeypatch.setattr(Path, "rename", caught)


def test_an_app_comes_back_when_replacing_it_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _app(tmp_path)

    def interrupt() -> None:
        raise KeyboardInterrupt

    _after_giving_way(monkeypatch, app, interrupt)
    with pytest.raises(KeyboardInterrupt):
        _replace_app(app)
    assert _names(tmp_path) == ["A.app"]
    assert (app / "Info.plist").read_bytes() == b"old"


def test_an_app_whose_place_was_taken_meanwhile_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _app(tmp_path)
    _after_giving_way(monkeypatch, app, lambda: app.write_bytes(b"another's"))
    with pytest.raises(OSError, match=r"A \(former\)\.app now"):
        _replace_app(app)
    assert _names(tmp_path) == ["A (former).app", "A.app"]
    assert app.read_bytes() == b"another's"
    assert (tmp_path / "A (former).app" / "Info.plist").read_bytes() == b"old"


def test_an_app_that_cannot_be_put_back_is_kept_and_comes_back_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, rename = _app(tmp_path), Path.rename

    def refused(self: Path, other: Path) -> Path:
        if self != app:
            raise PermissionError(13, "Permission denied")
        return rename(self, other)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refused)
        with pytest.raises(OSError, match=r"what stood there is .*former now"):
            _replace_app(app)
    assert len(_names(tmp_path)) == 1
    _age(tmp_path)
    _fail(app)
    assert _names(tmp_path) == ["A.app"]
    assert (app / "Info.plist").read_bytes() == b"old"


def test_half_of_an_app_that_was_replaced_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _app(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", lambda *_, **__: None)  # as if killed there
        _replace_app(app)
    assert _hidden(tmp_path)
    app.rename(tmp_path / "elsewhere")
    _age(tmp_path)
    _fail(app)
    assert _names(tmp_path) == ["elsewhere"]
    assert (tmp_path / "elsewhere" / "Info.plist").read_bytes() == b"new"


def test_an_app_does_not_come_back_under_another_long_name(tmp_path: Path) -> None:
    one, other = tmp_path / ("n" * 255), tmp_path / ("n" * 254 + "m")
    left = tmp_path / f"{files._beginning(one)}00112233.codesign.part"
    left.mkdir()
    (left / "in-use").touch()
    _app(left, "former")
    _age(tmp_path)
    _fail(other)
    assert _names(tmp_path) == [left.name]
    _app(tmp_path, one.name)  # and its own place is taken
    _fail(one)
    assert len(_names(tmp_path)) == 2
    assert any(name.endswith(" (former)") for name in _names(tmp_path))


@pytest.mark.parametrize(("number", "taken"), [(32, True), (5, True), (None, False)])
def test_what_somebody_has_open_for_a_moment_is_replaced(
    number: int | None, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, refusals = os.replace, [PermissionError(13, "The process cannot access the file")]
    if number is not None:
        refusals[0].winerror = number

    def refused(source: Path, target: Path) -> None:
        if refusals:
            raise refusals.pop()
        replace(source, target)

    monkeypatch.setattr(os, "replace", refused)
    if taken:
        write_atomic(tmp_path / "setup.exe", b"new")
        assert (tmp_path / "setup.exe").read_bytes() == b"new"
    else:
        with pytest.raises(PermissionError):
            write_atomic(tmp_path / "setup.exe", b"new")
        assert _names(tmp_path) == []


def test_a_hidden_folder_goes_whatever_happens(tmp_path: Path) -> None:
    with pytest.raises(KeyError), hidden_folder(tmp_path / "x") as place:  # noqa: PT012  # the block is the case
        (place / "file").write_bytes(b"x")
        raise KeyError
    assert list(tmp_path.iterdir()) == []
