"""The upload to Apple's storage: whatever happens on the way, what arrived is not sent again."""

from __future__ import annotations

import gc
import hashlib
import tracemalloc
from pathlib import Path

import pytest

from codesign_wizard.core.apple import notary_storage, notary_upload
from codesign_wizard.core.apple.notary_api import UploadAccess
from codesign_wizard.core.apple.notary_storage import AccessEndedError, UploadGoneError
from codesign_wizard.core.apple.notary_upload import part_size, upload_file
from codesign_wizard.core.apple.submissions import Upload
from codesign_wizard.core.errors import Cancelled, CodesignError
from codesign_wizard.core.job import Job
from codesign_wizard.core.redact import Secret
from tests.support.apple_stand_in import BUCKET, SECRET, TOKEN, StandIn, StandInNetwork

MIB = 1 << 20
PART = 64 << 10
ACCESS = UploadAccess(BUCKET, "prod/it", Secret("ASIASTANDIN"), Secret(SECRET), Secret(TOKEN))


class Patient(Job):
    """A job whose pauses take no time, but are counted."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def wait(self, seconds: float) -> None:
        self.check_cancelled()
        self.pauses.append(seconds)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notary_upload, "SINGLE", PART)
    monkeypatch.setattr(notary_upload, "part_size", lambda size: PART)


def _stand_in(path: Path, size: int) -> StandIn:
    pattern = b"".join(number.to_bytes(4, "big") for number in range(PART // 4))
    with path.open("wb") as file:
        for number in range(-(-size // PART)):
            file.write((number.to_bytes(4, "big") + pattern[4:])[: min(PART, size - number * PART)])
    stand_in = StandIn()
    stand_in.submissions["it"] = {"submissionName": "it", "sha256": "", "uploaded": False}
    return stand_in


def _upload(stand_in: StandIn, path: Path, state: Upload, job: Job | None = None) -> notary_upload.Uploaded:
    return upload_file(
        job or Patient(), StandInNetwork(stand_in), ACCESS, path, path.stat().st_size, state, lambda: None
    )


def test_a_small_file_goes_in_one_request(tmp_path: Path) -> None:
    path = tmp_path / "a.pkg"
    path.write_bytes(b"package")
    stand_in = StandIn()
    digest = hashlib.sha256(b"package").hexdigest()
    stand_in.submissions["it"] = {"submissionName": "a.pkg", "sha256": digest, "uploaded": False}
    done = _upload(stand_in, path, Upload(BUCKET, "prod/it"))
    assert (done.sent, done.found) == (7, 0)
    assert stand_in.submissions["it"]["uploaded"]
    assert stand_in.asked == ["PUT /prod/it"]


@pytest.mark.usefixtures("small_parts")
def test_a_connection_cut_ten_times_sends_nothing_twice_that_arrived(tmp_path: Path) -> None:
    path, size = tmp_path / "large.pkg", 40 * PART + 123
    stand_in = _stand_in(path, size)
    parts_begun = [0]

    def cut(operation: str, sent: int) -> bool:
        if operation == "part" and sent >= PART // 2:
            parts_begun[0] += 1
            return parts_begun[0] % 4 == 0 and parts_begun[0] <= 40
        return False

    stand_in.cut = cut
    job = Patient()
    done = _upload(stand_in, path, Upload(BUCKET, "prod/it"), job)
    assert stand_in.submissions["it"]["uploaded"]
    assert (done.sent, stand_in.received, stand_in.twice) == (size, size, [])
    assert len(job.pauses) == 10


@pytest.mark.usefixtures("small_parts")
def test_an_answer_that_is_lost_does_not_send_the_part_again(tmp_path: Path) -> None:
    path, size = tmp_path / "large.pkg", 5 * PART
    stand_in = _stand_in(path, size)
    lost: list[str] = []

    def lose(operation: str) -> bool:
        lost.append(operation)
        return operation in ("part", "complete") and lost.count(operation) == 2 - (operation == "complete")

    stand_in.lose = lose
    _upload(stand_in, path, Upload(BUCKET, "prod/it"))
    assert stand_in.submissions["it"]["uploaded"]
    assert (stand_in.received, stand_in.twice) == (size, [])


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("may_list", [True, False])
def test_an_upload_goes_on_with_what_is_there(tmp_path: Path, may_list: bool) -> None:
    path, size = tmp_path / "large.pkg", 9 * PART + 5
    stand_in = _stand_in(path, size)
    state = Upload(BUCKET, "prod/it")
    job = Patient()
    stand_in.cut = lambda operation, sent: (len(state.parts) == 6 and job.cancel_event.set()) or False
    with pytest.raises(Cancelled):
        _upload(stand_in, path, state, job)
    assert len(state.parts) == 6
    stand_in.cut = lambda operation, sent: False
    stand_in.may_list = may_list
    if may_list:
        # killed before it could be noted: S3 knows it all the same
        del state.parts[6]
    done = _upload(stand_in, path, state)
    assert (done.found, done.sent) == (6 * PART, size - 6 * PART)
    assert (stand_in.received, stand_in.twice) == (size, [])
    assert stand_in.submissions["it"]["uploaded"]


@pytest.mark.usefixtures("small_parts")
def test_a_part_of_another_file_does_not_count(tmp_path: Path) -> None:
    path, size = tmp_path / "large.pkg", 4 * PART
    stand_in = _stand_in(path, size)
    stand_in.uploads["upload-0"] = {1: ('"' + "0" * 32 + '"', PART), 2: ('"x"', PART)}
    state = Upload(BUCKET, "prod/it", PART, "upload-0", {2: '"x"'})
    done = _upload(stand_in, path, state)
    # the second is as it was noted, where a bucket's own encryption makes ETags that are no MD5
    assert done.found == PART
    assert 1 in stand_in.twice


@pytest.mark.usefixtures("small_parts")
def test_what_cannot_go_on_is_told_from_what_is_only_slow(tmp_path: Path) -> None:
    path = tmp_path / "large.pkg"
    stand_in = _stand_in(path, 3 * PART)
    gone = Upload(BUCKET, "prod/it", PART, "upload-7", {1: '"x"'})
    with pytest.raises(UploadGoneError):
        _upload(stand_in, path, gone)
    stand_in.access_ended = True
    with pytest.raises(AccessEndedError):
        _upload(stand_in, path, Upload(BUCKET, "prod/it"))
    stand_in.access_ended = False
    stand_in.cut = lambda operation, sent: operation == "part"
    state, job = Upload(BUCKET, "prod/it"), Patient()
    with pytest.raises(CodesignError) as caught:
        _upload(stand_in, path, state, job)
    assert caught.value.finding.id == "apple.notary.upload-failed"
    assert job.pauses == sorted(job.pauses)
    assert state.upload_id


@pytest.mark.usefixtures("small_parts")
def test_a_file_that_changes_under_way_is_told(tmp_path: Path) -> None:
    path = tmp_path / "large.pkg"
    stand_in = _stand_in(path, 3 * PART)
    with pytest.raises(CodesignError) as caught:
        upload_file(
            Patient(),
            StandInNetwork(stand_in),
            ACCESS,
            path,
            3 * PART + 1,
            Upload(BUCKET, "it"),
            lambda: None,
        )
    assert caught.value.finding.id == "apple.notary.file-changed"


def test_the_size_of_parts_fits_every_file() -> None:
    assert part_size(9 * MIB) == 8 * MIB
    assert part_size(500 * MIB) == 8 * MIB
    for size in (5 << 40, (5 << 40) - 1, 100 << 30):
        assert size / part_size(size) <= 10_000
        assert part_size(size) % MIB == 0


def test_memory_grows_neither_with_the_file_nor_with_cuts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notary_upload, "SINGLE", MIB)
    monkeypatch.setattr(notary_upload, "part_size", lambda size: MIB)
    peaks = []
    notary_storage._botocore()
    # the first reads botocore's tables, which stay
    for count, cuts in ((2, 0), (4, 0), (10, 0), (10, 8)):
        path = tmp_path / f"{count}-{cuts}.pkg"
        with path.open("wb") as file:
            file.truncate(count * MIB)
        stand_in = StandIn()
        stand_in.submissions["it"] = {"submissionName": "it", "sha256": "", "uploaded": False}
        cut_at = [0]

        def cut(
            operation: str, sent: int, stand_in: StandIn = stand_in, at: list[int] = cut_at, cuts: int = cuts
        ) -> bool:
            # in every part once: after a cut S3 is asked for it, and then it is sent
            if operation != "part" or sent < PART or len(at) > cuts or len(stand_in.asked) < at[-1] + 3:
                return False
            at.append(len(stand_in.asked))
            return True

        stand_in.cut = cut
        gc.disable()  # what waits to be collected must not hold parts
        tracemalloc.start()
        _upload(stand_in, path, Upload(BUCKET, "prod/it"))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        gc.enable()
        assert len(cut_at) == 1 + cuts
        assert stand_in.submissions["it"]["uploaded"]
    assert peaks[2] < peaks[1] + MIB // 2
    assert peaks[3] < peaks[2] + 3 * MIB
