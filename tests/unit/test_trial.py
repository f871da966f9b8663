"""The Windows trial: what it makes, and what it leaves when it cannot."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core import files
from codesign_wizard.core.authenticode.roots import RootStore
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.finding import FindingKind, Severity, all_kinds
from codesign_wizard.core.job import Job, StageState
from codesign_wizard.core.network import Network, NetworkSettings
from codesign_wizard.core.trial import STAGES, WindowsTrialRequest, file_name, run_windows_trial
from tests.support import pe, pki

REFUSED = next((kind for kind in all_kinds() if kind.id == "test.trial.refused"), None) or FindingKind(
    "test.trial.refused", Severity.ERROR, "The key does not sign.", "Only in tests."
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("trial")
    (folder / "root.pem").write_bytes(pki.root().pem)
    (folder / "tsa-root.pem").write_bytes(pki.timestamp_root().pem)
    with pki.tsa(folder / "tsa") as (url, _):
        yield url, folder


@pytest.fixture
def request_of(authority: tuple[str, Path], tmp_path: Path) -> Any:
    url, folder = authority

    def make(**changes: Any) -> WindowsTrialRequest:
        request = WindowsTrialRequest(
            open_signer=lambda job: pki.signer("rsa3072"),
            network=Network(NetworkSettings(use_environment=False)),
            roots=RootStore.microsoft([folder / "root.pem"], [folder / "tsa-root.pem"]),
            output_folder=tmp_path / "out" / "deep",
            product_name="Größe & Co Backup",
            timestamp_servers=[url],
            timestamp_timeout=5.0,
        )
        return replace(request, **changes)

    return make


class Stages:
    """Keeps how each stage ended."""

    def __init__(self) -> None:
        self.ended: dict[str, StageState] = {}
        self.job = Job(on_stage=self._note)

    def _note(self, key: str, state: StageState, text: str) -> None:
        assert key in STAGES
        if state is StageState.RUNNING:
            assert key not in self.ended, "a stage that has ended does not begin again"
        else:
            self.ended[key] = state


def test_a_sample_is_built_signed_stamped_verified_and_packed(request_of: Any, tmp_path: Path) -> None:
    stages = Stages()
    result = run_windows_trial(stages.job, request_of(description="Größe"))
    assert result.ok, result.findings
    assert stages.ended == dict.fromkeys(STAGES, StageState.DONE)
    assert list(stages.ended) == list(STAGES)
    folder = tmp_path / "out" / "deep"
    assert sorted(path.name for path in folder.iterdir()) == [result.exe.name, result.zip.name]
    with zipfile.ZipFile(result.zip) as archive:
        assert archive.namelist() == [result.exe.name]
        assert (
            hashlib.sha256(archive.read(result.exe.name)).digest()
            == hashlib.sha256(result.exe.read_bytes()).digest()
        )
    assert result.facts["publisher"] == "Test Publisher rsa3072"
    assert result.facts["chain"] == "Test Publisher rsa3072 → Test Code Signing CA → Test Root"
    assert "Test TSA" in result.facts["timestamp"]
    assert result.facts["file"] == str(result.exe)
    assert {"trial.windows.smart-screen"} <= {finding.id for finding in result.findings}
    document = result.to_json()
    assert document["verification"]["file"] == document["file"] == str(result.exe)
    again = run_windows_trial(Job(), request_of(description="Größe"))
    assert again.ok, "an earlier result is replaced"


@pytest.mark.parametrize(("architecture", "machine"), [("x86", "x86"), ("arm64", "arm64")])
def test_the_sample_is_of_the_architecture_asked_for(
    architecture: str, machine: str, request_of: Any
) -> None:
    result = run_windows_trial(Job(), request_of(architecture=architecture))
    assert result.verification.architecture == machine


def test_an_own_installer_keeps_its_name_and_itself(request_of: Any, tmp_path: Path) -> None:
    own = tmp_path / "Setup 1.0.exe"
    own.write_bytes(pe.small(length=5003))
    before = own.read_bytes()
    result = run_windows_trial(Job(), request_of(input_file=own))
    assert (result.exe.name, result.zip.name) == ("Setup 1.0-signed.exe", "Setup 1.0-signed.zip")
    assert own.read_bytes() == before
    named = run_windows_trial(Job(), request_of(input_file=own, output_name="other.exe"))
    assert named.exe.name == "other.exe"
    with pytest.raises(InputError) as refused:
        run_windows_trial(Job(), request_of(input_file=own, output_folder=tmp_path, output_name=own.name))
    assert refused.value.finding.id == "trial.output.is-input"
    assert own.read_bytes() == before
    library = tmp_path / "part.dll"
    library.write_bytes(pe.small())
    assert run_windows_trial(Job(), request_of(input_file=library)).zip is None


def test_a_key_that_refuses_leaves_nothing_and_is_told_at_its_stage(request_of: Any, tmp_path: Path) -> None:
    def refuse(job: Any) -> Any:
        raise CodesignError(REFUSED())

    stages = Stages()
    result = run_windows_trial(stages.job, request_of(open_signer=refuse))
    assert not result.ok
    assert [finding.id for finding in result.findings] == [REFUSED.id]
    assert (result.exe, result.zip) == (None, None)
    assert stages.ended["hash"] is StageState.DONE
    assert stages.ended["sign"] is StageState.FAILED
    assert stages.ended["verify"] is StageState.SKIPPED
    assert not (tmp_path / "out").exists()


def test_what_windows_would_not_accept_is_not_kept(request_of: Any, tmp_path: Path) -> None:
    good = run_windows_trial(Job(), request_of())
    before = good.exe.read_bytes(), good.zip.read_bytes()
    stages = Stages()
    result = run_windows_trial(stages.job, request_of(open_signer=lambda job: pki.signer("self-signed")))
    assert not result.ok
    assert (result.exe, result.zip) == (None, None)
    found = {finding.id for finding in result.findings}
    assert {"authenticode.verify.self-signed", "trial.output.not-kept"} <= found
    assert result.verification is not None
    assert stages.ended["verify"] is StageState.FAILED
    assert (good.exe.read_bytes(), good.zip.read_bytes()) == before
    assert len(list(good.exe.parent.iterdir())) == 2


def test_no_time_stamp_is_no_trial(request_of: Any, authority: tuple[str, Path], tmp_path: Path) -> None:
    result = run_windows_trial(Job(), request_of(timestamp_servers=[authority[0] + "/500"]))
    assert [finding.id for finding in result.findings] == ["authenticode.timestamp.none"]
    assert not (tmp_path / "out").exists()
    # a server that fails before another works is a warning, and the file is there
    result = run_windows_trial(Job(), request_of(timestamp_servers=[authority[0] + "/500", authority[0]]))
    assert result.ok
    assert "authenticode.timestamp.server-down" in {finding.id for finding in result.findings}


@pytest.mark.parametrize("stage", ["hash", "sign", "time-stamp", "verify"])
def test_cancelling_leaves_nothing(stage: str, request_of: Any, tmp_path: Path) -> None:
    job = Job(on_stage=lambda key, state, text: job.cancel() if key == stage else None)
    with pytest.raises(Cancelled):
        run_windows_trial(job, request_of())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["text", "missing", "folder"])
def test_an_input_that_is_no_program_is_refused(kind: str, request_of: Any, tmp_path: Path) -> None:
    own = tmp_path / "own.exe"
    if kind == "text":
        own.write_text("no program")
    elif kind == "folder":
        own.mkdir()
    with pytest.raises(InputError):
        run_windows_trial(Job(), request_of(input_file=own))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_refused(request_of: Any, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file in the way")
    with pytest.raises(InputError) as refused:
        run_windows_trial(Job(), request_of())
    assert refused.value.finding.id == "trial.output.unwritable"


@pytest.mark.parametrize(
    ("product", "name"),
    [
        ("Acme Backup", "acme-backup"),
        ("../../etc/passwd", "etc-passwd"),
        ("CON", "con"),
        ("a" * 300, "a" * 60),
        ("   ", "product"),
        ("北风备份", "product"),
        ('x<>:"|?*\x00y', "x-y"),
    ],
)
def test_a_product_s_name_becomes_a_file_s_name(product: str, name: str) -> None:
    assert file_name(product) == name


@pytest.mark.parametrize("name", ["x.exe", "x.zip"])
def test_a_folder_in_the_way_is_told_before_anything_is_signed(
    name: str, request_of: Any, tmp_path: Path
) -> None:
    (tmp_path / name).mkdir()
    other = tmp_path / ("x.zip" if name == "x.exe" else "x.exe")
    other.write_bytes(b"former")
    stages = Stages()
    with pytest.raises(InputError, match=name) as error:
        run_windows_trial(stages.job, request_of(output_folder=tmp_path, output_name="x.exe"))
    assert error.value.finding.id == "authenticode.file.unwritable"
    assert stages.ended["sign"] is StageState.SKIPPED
    assert other.read_bytes() == b"former"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.exe", "x.zip"]


@pytest.mark.parametrize("former", [True, False])
@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("locked", ["x.exe", "x.zip"])
def test_of_program_and_zip_both_are_new_or_none(
    former: bool, links: bool, locked: str, request_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, archive = tmp_path / "x.exe", tmp_path / "x.zip"
    if former:
        program.write_bytes(b"former")
        archive.write_bytes(b"former zip")
    real = os.replace

    def in_use(source: Any, target: Any) -> None:
        # as Windows answers for a program that runs, or an archive that is open; putting it back is allowed
        if Path(target) == tmp_path / locked and Path(source).name != "former":
            raise PermissionError(errno.EACCES, "Access is denied")
        real(source, target)

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.replace", in_use)
    if not links:
        monkeypatch.setattr("os.link", no_links)
    with pytest.raises(InputError, match="Access is denied"):
        run_windows_trial(Job(), request_of(output_folder=tmp_path, output_name="x.exe"))
    left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert left == ({"x.exe": b"former", "x.zip": b"former zip"} if former else {})


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("beside", [True, False])
def test_a_zip_that_cannot_come_back_is_not_lost(
    beside: bool, links: bool, request_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program is in use, and when the former zip is to come back, the new one is open already."""
    program, archive = tmp_path / "x.exe", tmp_path / "x.zip"
    program.write_bytes(b"former")
    archive.write_bytes(b"former zip")
    replace, rename = os.replace, Path.rename

    def in_use(source: Any, target: Any) -> None:
        if Path(target) == program or Path(source).name == "former":
            raise PermissionError(errno.EACCES, "Access is denied")
        replace(source, target)

    def nowhere(self: Path, target: Path) -> Path:
        if self.name == "former" and not beside:
            raise PermissionError(errno.EACCES, "Access is denied")
        return rename(self, target)

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.replace", in_use)
    monkeypatch.setattr(Path, "rename", nowhere)
    if not links:
        monkeypatch.setattr("os.link", no_links)
    with pytest.raises(InputError) as raised:
        run_windows_trial(Job(), request_of(output_folder=tmp_path, output_name="x.exe"))
    assert program.read_bytes() == b"former"
    assert zipfile.is_zipfile(archive)  # whole, of the signed program
    (former,) = (
        path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == b"former zip"
    )
    assert (former == tmp_path / "x (former).zip") is beside
    assert str(former) in raised.value.finding.title
    # and what lies hidden still comes with the next write
    monkeypatch.undo()
    monkeypatch.setattr(files, "_FRESH", -1.0)
    assert run_windows_trial(Job(), request_of(output_folder=tmp_path, output_name="x.exe")).ok
    assert (tmp_path / "x (former).zip").read_bytes() == b"former zip"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x (former).zip", "x.exe", "x.zip"]


@pytest.mark.skipif(os.name == "nt", reason="there is no fork, and no SIGKILL")
@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_former_zip_outlives_a_run_that_is_killed(
    moment: str, links: bool, request_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when the former one is kept, just before and just after the new one has its place."""
    archive, replace = tmp_path / "x.zip", os.replace
    archive.write_bytes(b"former zip")

    def killed(source: Any, target: Any) -> None:
        if Path(target) == archive:
            if moment == "after":
                replace(source, target)
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    child = os.fork()
    if not child:
        try:
            monkeypatch.setattr("os.replace", killed)
            if not links:
                monkeypatch.setattr("os.link", no_links)
            run_windows_trial(Job(), request_of(output_folder=tmp_path, output_name="x.exe"))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert not (tmp_path / "x.exe").exists()
    if moment == "before":
        assert archive.read_bytes() == b"former zip"
    monkeypatch.setattr(files, "_FRESH", -1.0)
    assert run_windows_trial(Job(), request_of(output_folder=tmp_path, output_name="x.exe")).ok
    left = ["x (former).zip"] if moment == "after" else []  # else it gave way to the new one, as asked
    assert sorted(path.name for path in tmp_path.iterdir()) == [*left, "x.exe", "x.zip"]


@pytest.mark.skipif(os.name == "nt", reason="names there are always text")
def test_a_name_that_is_no_text_is_packed_under_one_that_is(request_of: Any, tmp_path: Path) -> None:
    name = os.fsdecode(b"a\xff\n.exe")
    result = run_windows_trial(Job(), request_of(output_folder=tmp_path, output_name=name))
    assert result.ok, result.findings
    assert result.exe.exists()
    with zipfile.ZipFile(result.zip) as archive:
        assert archive.namelist() == ["a__.exe"]


def test_a_folder_s_name_too_long_is_refused(request_of: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        run_windows_trial(Job(), request_of(output_folder=tmp_path / ("n" * 300) / "m"))
    assert error.value.finding.id == "trial.output.unwritable"
