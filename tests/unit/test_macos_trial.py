"""The macOS trial: what it makes, what it leaves when it cannot, and how it goes on where it was left."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core.apple import verify_any
from codesign_wizard.core.apple.options import AppleOptions
from codesign_wizard.core.apple.staple import trailer
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.finding import Finding, FindingKind, Severity, all_kinds
from codesign_wizard.core.job import Job, StageState
from codesign_wizard.core.macos_trial import REFUSED, STAGES, run_macos_trial, stages, unfinished
from codesign_wizard.core.macos_trial_state import MacosTrialRequest, SignedTrial, TrialState
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import size_words
from tests.support import apple_bundles, apple_files, apple_pki, macho, packages

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="the sample has links, which not everybody may make there"
)


def kind_of(name: str) -> FindingKind:
    known = {each.id: each for each in all_kinds()}
    return known.get(name) or FindingKind(name, Severity.ERROR, "Refused.", "Only in tests.")


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> AppleOptions:
    return apple_files.options(tmp_path_factory.mktemp("identities"))


@pytest.fixture
def request_of(identities: AppleOptions, tmp_path: Path) -> Callable[..., MacosTrialRequest]:
    def make(**changes: Any) -> MacosTrialRequest:
        request = MacosTrialRequest(
            options=identities,
            roots=apple_pki.roots(),
            timestamper=None,
            output_folder=tmp_path / "out" / "deep",
            product_name="Größe & Co Backup",
        )
        return dataclasses.replace(request, **changes)

    return make


class Told:
    """Keeps how each stage ended; ``stop_at`` cancels when that stage begins."""

    def __init__(self, stop_at: str = "") -> None:
        self.ended: dict[str, StageState] = {}
        self.said: dict[str, str] = {}
        self._stop_at = stop_at
        self.job = Job(on_stage=self._note)

    def _note(self, key: str, state: StageState, text: str) -> None:
        if state is not StageState.RUNNING:
            self.ended[key], self.said[key] = state, text
        elif key == self._stop_at:
            self.job.cancel()


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_sample_is_built_signed_and_verified(request_of: Any, tmp_path: Path) -> None:
    told, kept = Told(), []
    request = request_of(keep=lambda state: kept.append(state.to_json()))
    result = run_macos_trial(told.job, request)
    assert result.ok, result.findings
    assert told.ended == {
        **dict.fromkeys(STAGES, StageState.DONE),
        "time-stamp": StageState.SKIPPED,  # none was wanted
    }
    assert everything(tmp_path / "out") == ["deep", "deep/groe-co-backup-setup.pkg"]
    # the size is told of the package that is delivered, under whose name it stands
    assert told.said["build"] == "groe-co-backup-setup.pkg"
    assert told.said["sign-package"] == size_words(result.file.stat().st_size)
    facts = result.facts
    assert facts["publisher"] == f"Developer ID Installer: Test ({apple_pki.TEAM})"
    assert facts["chain"].endswith("→ Test Developer ID CA → Test Apple Root CA")
    assert (facts["team"], facts["programs"], facts["level"]) == (apple_pki.TEAM, "3", "sign-only")
    assert facts["digest"] == f"SHA-256 {result.signed.digest}"
    document = json.loads(json.dumps(result.to_json()))
    assert document["file"] == document["verification"]["file"] == str(result.file)
    assert len(document["code"]) == 3
    assert {each["team"] for each in document["code"]} == {apple_pki.TEAM}
    digest = hashlib.sha256(result.file.read_bytes()).hexdigest()
    assert kept == [document["state"]]
    assert {**kept[0], "source": ""} == {
        "file": str(result.file),
        "sha256": digest,
        "done": [],
        "data": {"signed": {name: facts[name] for name in ("programs", "digest", "key", "team")}},
        "source": "",
    }
    assert run_macos_trial(Job(), request).ok, "an earlier result is replaced"


@pytest.mark.parametrize("stage", STAGES)
def test_cancelling_leaves_what_was_there(stage: str, request_of: Any, tmp_path: Path) -> None:
    if stage == "time-stamp":
        pytest.skip("no time stamp is asked for here")
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "mine.pkg").write_bytes(b"mine")
    told = Told(stop_at=stage)
    with pytest.raises(Cancelled):
        run_macos_trial(told.job, request_of(output_folder=folder, output_name="mine.pkg"))
    assert everything(folder) == ["mine.pkg"]
    assert (folder / "mine.pkg").read_bytes() == b"mine"


def test_what_is_refused_is_explained_and_nothing_is_written(
    request_of: Any, identities: AppleOptions, tmp_path: Path
) -> None:
    told = Told()
    swapped = AppleOptions(identities.installer_file, identities.application_file, identities.password)
    result = run_macos_trial(told.job, request_of(options=swapped))
    assert not result.ok
    assert [each.id for each in result.findings if each.severity is Severity.ERROR] == [
        "apple.identity.swapped"
    ] * 2
    assert told.ended == {
        "build": StageState.DONE,
        "sign-binaries": StageState.FAILED,
        **dict.fromkeys(STAGES[2:], StageState.SKIPPED),
    }
    assert not (tmp_path / "out").exists()
    for options, found in (
        (AppleOptions(), "apple.options.missing"),
        (dataclasses.replace(identities, password=Secret("another")), "apple.identity.password-wrong"),
        (dataclasses.replace(identities, team="OTHERTEAM1"), "apple.options.other-team"),
    ):
        refused = run_macos_trial(Job(), request_of(options=options))
        assert found in {each.id for each in refused.findings}
        assert refused.file is None
        assert not refused.ok


def test_what_macos_would_not_accept_is_not_kept(
    request_of: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = verify_any.verify_any

    def refusing(*arguments: Any, **more: Any) -> verify_any.Verification:
        found = real(*arguments, **more)
        return dataclasses.replace(found, findings=[kind_of("test.macos-trial.refused")()])

    monkeypatch.setattr(verify_any, "verify_any", refusing)
    told = Told()
    result = run_macos_trial(told.job, request_of())
    assert told.ended["verify"] is StageState.FAILED
    assert {"test.macos-trial.refused", "trial.macos.not-kept"} <= {each.id for each in result.findings}
    assert result.file is None
    assert not (tmp_path / "out").exists()


def _app(folder: Path) -> Path:
    return apple_bundles.app(folder)


def _program(folder: Path) -> Path:
    return apple_bundles.write(folder / "tool", macho.thin(), 0o755)


def _zip(folder: Path) -> Path:
    app = apple_bundles.app(folder / "inside")
    path = folder / "Example.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in sorted(app.rglob("*")):
            info = zipfile.ZipInfo(each.relative_to(app.parent).as_posix())
            info.create_system = 3
            if each.is_symlink():
                info.external_attr = 0o120755 << 16
                archive.writestr(info, os.readlink(each))  # noqa: PTH115
            elif each.is_file():
                info.external_attr = (0o100000 | each.stat().st_mode & 0o777) << 16
                archive.writestr(info, each.read_bytes())
        archive.writestr("__MACOSX/._Example.app", b"metadata")
    return path


def _package(folder: Path) -> Path:
    files = {".": (0o40755, b"", ""), "readme.txt": (0o100644, b"nothing to sign", "")}
    return packages.product(folder / "own.pkg", packages.component(files))


@pytest.mark.parametrize(
    ("make", "name", "form"),
    [
        (_app, "Example-signed.app", "bundle"),
        (_program, "tool-signed", "program"),
        (_zip, "Example-signed.zip", "zip"),
    ],
)
def test_ones_own_app_program_or_zip_is_signed_and_stays_itself(
    make: Callable[[Path], Path], name: str, form: str, request_of: Any, tmp_path: Path
) -> None:
    own = make(tmp_path / "own")

    def state() -> list[tuple[str, bytes]]:
        top = own if own.is_dir() else own.parent
        return [(path.as_posix(), path.read_bytes()) for path in sorted(top.rglob("*")) if path.is_file()]

    before, told = state(), Told()
    result = run_macos_trial(told.job, request_of(input_file=own))
    assert result.ok, result.findings
    assert (result.file.name, result.form.value) == (name, form)
    assert everything(result.file.parent)[0] == name
    assert state() == before
    assert told.ended["sign-package"] is StageState.SKIPPED
    assert result.verification.path == result.file
    again = run_macos_trial(Job(), request_of(input_file=own))
    assert again.ok, "an earlier result is replaced"
    if form == "zip":
        with zipfile.ZipFile(result.file) as archive:
            modes = {each.filename: each.external_attr >> 16 for each in archive.infolist()}
        assert modes["Example.app/Contents/MacOS/Example"] == 0o100755
        assert modes["Example.app/Contents/Resources/link"] == 0o120755
        assert not any(each.startswith("__MACOSX") for each in modes)


def test_an_app_takes_no_other_things_place(request_of: Any, tmp_path: Path) -> None:
    own = _app(tmp_path / "own")
    folder = tmp_path / "out"
    (folder / "mine.app").mkdir(parents=True)
    (folder / "mine.app" / "letter.txt").write_text("mine")
    with pytest.raises(InputError) as refused:
        run_macos_trial(Job(), request_of(input_file=own, output_folder=folder, output_name="mine.app"))
    assert refused.value.finding.id == "apple.sign.not-replaced"
    assert everything(folder) == ["mine.app", "mine.app/letter.txt"]
    with pytest.raises(InputError) as same:
        run_macos_trial(Job(), request_of(input_file=own, output_folder=own.parent, output_name=own.name))
    assert same.value.finding.id == "trial.output.is-input"


def test_a_package_without_programs_is_signed_with_a_word_about_it(request_of: Any, tmp_path: Path) -> None:
    result = run_macos_trial(Job(), request_of(input_file=_package(tmp_path)))
    assert result.ok, result.findings
    assert result.file.name == "own-signed.pkg"
    assert "apple.package.no-code" in {each.id for each in result.findings}


@pytest.mark.parametrize(
    "data", [b"", b"MZ of Windows", b"xar!", b"\xca\xfe\xba\xbe\0\0\0\x02", b"PK\x03\x04"]
)
def test_what_is_none_of_it_gets_one_sentence(data: bytes, request_of: Any, tmp_path: Path) -> None:
    own = tmp_path / "own.pkg"
    own.write_bytes(data)
    told = Told()
    with pytest.raises(InputError) as refused:
        run_macos_trial(told.job, request_of(input_file=own))
    assert "own.pkg" in refused.value.finding.title
    assert StageState.FAILED in told.ended.values()
    assert not (tmp_path / "out").exists()


# later steps


@dataclass
class Step:
    """A later step: keeps an id, fails as often as it is told."""

    key: str
    level: str
    failures: int = 0
    runs: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)

    def run(self, job: Job, trial: SignedTrial) -> Sequence[Finding]:
        self.runs += 1
        self.seen.append(dict(trial.state.data))
        trial.state.data.setdefault(self.key, f"{self.key} {self.runs}")
        trial.keep()
        if self.failures:
            self.failures -= 1
            raise CodesignError(kind_of("test.macos-trial.refused")())
        if self.key == "staple":
            with trial.file.open("ab") as file:
                file.write(b"t8lr" + bytes(12))
            trial.changed(job)
        return []


def test_later_steps_follow_by_level_and_go_on_where_they_were_left(request_of: Any) -> None:
    upload, processing = Step("upload", "notarise"), Step("processing", "notarise", failures=1)
    staple, kept = Step("staple", "staple"), []
    request = request_of(
        later=[upload, processing, staple],
        level="staple",
        keep=lambda state: kept.append(json.dumps(state.to_json())),
    )
    assert stages(request) == [*STAGES, "upload", "processing", "staple"]
    assert stages(dataclasses.replace(request, level="notarise"))[len(STAGES) :] == ["upload", "processing"]
    assert stages(dataclasses.replace(request, level="sign-only")) == list(STAGES)
    told = Told()
    first = run_macos_trial(told.job, request)
    assert not first.ok
    assert first.file is not None, "what was signed is there, whatever came later"
    assert told.ended["upload"] is StageState.DONE
    assert (told.ended["processing"], told.ended["staple"]) == (StageState.FAILED, StageState.SKIPPED)
    state = TrialState.from_json(json.loads(kept[-1]))
    assert state is not None
    assert state.done == ["upload"]
    signed = first.file.read_bytes()
    told = Told()
    second = run_macos_trial(told.job, request, state)
    assert second.ok, second.findings
    assert second.signed is None, "nothing is signed again"
    assert second.facts == {**first.facts, **second.facts}, "and nothing that was told of the file is lost"
    assert {"programs", "digest", "key", "team"} <= set(second.facts)
    assert set(told.ended.values()) == {StageState.DONE}
    assert first.file.read_bytes().startswith(signed)
    assert (upload.runs, processing.runs, staple.runs) == (1, 2, 1)
    assert processing.seen[1]["processing"] == "processing 1", "what it kept is there again"
    last = TrialState.from_json(json.loads(kept[-1]))
    assert last is not None
    assert last.done == ["upload", "processing", "staple"]
    assert last.sha256 == hashlib.sha256(first.file.read_bytes()).hexdigest()
    # all is done: nothing runs again, the file is only judged
    assert run_macos_trial(Job(), request, last).ok
    assert (upload.runs, processing.runs, staple.runs) == (1, 2, 1)


def test_the_same_trial_goes_on_by_itself_and_another_does_not(request_of: Any) -> None:
    upload, processing = Step("upload", "notarise"), Step("processing", "notarise", failures=1)
    request = request_of(later=[upload, processing], level="notarise")
    first = run_macos_trial(Job(), request)
    assert (first.ok, list(first.pending)) == (False, ["processing"])
    state = first.state
    assert unfinished(Job(), request, state)
    assert not unfinished(Job(), dataclasses.replace(request, product_name="Other"), state)
    assert not unfinished(Job(), dataclasses.replace(request, output_name="other.pkg"), state)
    refused = dataclasses.replace(state, data={REFUSED: "processing"})
    assert not unfinished(Job(), request, refused), "signing anew may mend it"
    # killed between the ticket and the note about it
    with first.file.open("ab") as file:
        file.write(trailer(b"s8ch ticket"))
    assert unfinished(Job(), request, state)
    second = run_macos_trial(Job(), request, state)
    assert "trial.macos.goes-on" in {each.id for each in second.findings}
    assert (second.ok, upload.runs, processing.runs) == (True, 1, 2)
    assert not unfinished(Job(), request, second.state), "it is done"


def test_a_file_that_changed_meanwhile_is_made_anew(request_of: Any) -> None:
    step = Step("upload", "notarise")
    request = request_of(later=[step], level="notarise")
    first = run_macos_trial(Job(), request)
    with first.file.open("ab") as file:
        file.write(b"more")
    again = run_macos_trial(Job(), request, first.state)
    assert "trial.macos.changed-since" in {each.id for each in again.findings}
    assert again.ok
    assert again.signed is not None
    assert step.runs == 2


def test_without_later_steps_a_higher_level_says_so(request_of: Any) -> None:
    result = run_macos_trial(Job(), request_of(level="staple"))
    assert result.ok
    assert "trial.macos.signs-only" in {each.id for each in result.findings}
    assert result.level == "staple"
    assert result.facts["gatekeeper_online"]


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"file": "", "sha256": "x"},
        {"file": "a", "sha256": 1},
        {"file": "a", "sha256": "b", "done": 1},
    ],
)
def test_a_state_that_cannot_be_read_is_none(document: object) -> None:
    assert TrialState.from_json(document) is None
