"""Stapling and validating: the ticket goes where macOS looks, and the file is whole whatever happens."""

from __future__ import annotations

import hashlib
import os
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from codesign_wizard.core.apple import staple as stapling
from codesign_wizard.core.apple.package import Package
from codesign_wizard.core.apple.package_sign import sign_package
from codesign_wizard.core.apple.package_verify import verify_package
from codesign_wizard.core.apple.sign_bundle import sign_bundle
from codesign_wizard.core.apple.staple import read_trailer, staple, trailer, validate
from codesign_wizard.core.apple.ticket import record_name
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.job import Job
from tests.support import apple_bundles, apple_pki, packages
from tests.support.apple_stand_in import StandIn, StandInNetwork

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
TICKET = b"s8ch" + b"ticket" * 100


class Quick(Job):
    """A job whose pauses take no time."""

    def wait(self, seconds: float) -> None:
        self.check_cancelled()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    source = packages.product(tmp_path / "unsigned.pkg")
    target = tmp_path / "some.pkg"
    sign_package(Job(), source, target, apple_pki.signer("installer"), roots=apple_pki.roots(), now=NOW)
    return target


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = apple_bundles.app(tmp_path)
    sign_bundle(Job(), folder, folder, apple_pki.signer("application"), timestamp=None)
    return folder


def _record(path: Path) -> str:
    return stapling.open_target(path).record


def _with_ticket(path: Path, *tickets: bytes | None) -> StandIn:
    stand_in = StandIn()
    stand_in.tickets[_record(path)] = list(tickets)
    return stand_in


def test_a_package_is_stapled_behind_its_archive(package: Path) -> None:
    before = package.read_bytes()
    with Package(package) as opened:
        expected = f"2/2/{opened.archive.recorded[:20].hex()}"
        if opened.archive.digest_name == "sha1":
            expected = f"2/1/{opened.archive.recorded.hex()}"
    assert _record(package) == expected
    result = staple(Quick(), StandInNetwork(_with_ticket(package, None, None, TICKET)), package)
    assert (result.stapled, result.changed) == (True, True)
    after = package.read_bytes()
    first = b"t8lr" + struct.pack("<HHII", 1, 1, 0, 0)
    last = b"t8lr" + struct.pack("<HHII", 1, 2, len(TICKET), 0)
    assert after == before + first + TICKET + last
    assert verify_package(Job(), package, roots=apple_pki.roots(), now=NOW).stapled


def test_an_app_is_stapled_beside_its_seal(app: Path) -> None:
    result = staple(Quick(), StandInNetwork(_with_ticket(app, TICKET)), app)
    assert (app / "Contents" / "CodeResources").read_bytes() == TICKET
    assert result.to_json()["kind"] == "app"
    assert (app / "Contents" / "_CodeSignature" / "CodeResources").is_file()


def test_stapling_again_changes_nothing_and_another_ticket_is_replaced(package: Path) -> None:
    stand_in = _with_ticket(package, TICKET)
    network = StandInNetwork(stand_in)
    staple(Quick(), network, package)
    once = package.read_bytes()
    again = staple(Quick(), network, package)
    assert not again.changed
    assert package.read_bytes() == once
    assert "apple.staple.already" in [each.id for each in again.findings]
    stand_in.tickets[_record(package)] = [b"newer"]
    newer = staple(Quick(), network, package)
    assert newer.changed
    assert "apple.staple.renewed" in [each.id for each in newer.findings]
    assert package.read_bytes().count(b"t8lr") == 2
    assert validate(Quick(), network, package).stapled


def test_validating_tells_what_is_stapled(package: Path, app: Path) -> None:
    for path in (package, app):
        stand_in = _with_ticket(path, TICKET)
        network = StandInNetwork(stand_in)
        assert [each.id for each in validate(Quick(), network, path).findings] == ["apple.staple.not-stapled"]
        staple(Quick(), network, path)
        assert [each.id for each in validate(Quick(), network, path).findings] == ["apple.staple.valid"]
        stand_in.tickets[_record(path)] = [b"another"]
        assert [each.id for each in validate(Quick(), network, path).findings] == [
            "apple.staple.ticket-differs"
        ]
        stand_in.tickets[_record(path)] = [None]
        with pytest.raises(CodesignError) as caught:
            validate(Quick(), network, path)
        assert caught.value.finding.id == "apple.ticket.not-found"


def test_a_ticket_is_awaited_and_its_absence_explained(package: Path) -> None:
    before = package.read_bytes()
    stand_in = _with_ticket(package, None)
    with pytest.raises(CodesignError) as caught:
        staple(Quick(), StandInNetwork(stand_in), package, patience=0.0)
    finding = caught.value.finding
    assert (finding.id, finding.evidence.code) == ("apple.ticket.not-found", "NOT_FOUND")
    assert finding.remedies
    assert len(stand_in.asked) == 1
    assert package.read_bytes() == before


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>"),
        (200, b"{}"),
        (200, b'{"records": []}'),
        (200, b'{"records": [1]}'),
        (200, b'{"records": [{"fields": {"signedTicket": {"value": "%%%"}}}]}'),
        (200, b'{"records": [{"fields": {"signedTicket": {"value": ""}}}]}'),
        (200, b'{"records": [{"serverErrorCode": "THROTTLED", "reason": "busy"}]}'),
        (401, b'{"serverErrorCode": "AUTHENTICATION_FAILED", "reason": "no auth method found"}'),
        (503, b""),
    ],
)
def test_an_answer_that_is_no_ticket_is_told(package: Path, answer: tuple[int, bytes]) -> None:
    before = package.read_bytes()
    stand_in = StandIn()
    stand_in._ticket = lambda request: (*answer, {})  # type: ignore[method-assign]
    with pytest.raises(CodesignError) as caught:
        staple(Quick(), StandInNetwork(stand_in), package)
    assert caught.value.finding.id == "apple.ticket.refused"
    assert package.read_bytes() == before


def test_what_cannot_be_stapled_is_told_before_apple_is_asked(tmp_path: Path) -> None:
    unsigned = packages.product(tmp_path / "unsigned.pkg")
    (tmp_path / "a.dmg").write_bytes(b"koly")
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04")
    (tmp_path / "program").write_bytes(struct.pack("<I", 0xFEEDFACF) + bytes(100))
    (tmp_path / "other.txt").write_bytes(b"text")
    (tmp_path / "folder").mkdir()
    bare = apple_bundles.app(tmp_path, "Unsigned.app")
    expected = {
        unsigned: "apple.staple.unsigned",
        bare: "apple.staple.unsigned",
        tmp_path / "a.dmg": "apple.staple.cannot",
        tmp_path / "a.zip": "apple.staple.cannot",
        tmp_path / "program": "apple.staple.cannot",
        tmp_path / "other.txt": "apple.package.not-a-package",
        tmp_path / "folder": "apple.staple.cannot",
        tmp_path / "none.pkg": "apple.staple.cannot",
    }
    stand_in = StandIn()
    for path, finding in expected.items():
        for call in (staple, validate):
            with pytest.raises(InputError) as caught:
                call(Quick(), StandInNetwork(stand_in), path)
            assert caught.value.finding.id == finding, path.name
    assert not stand_in.asked


def test_a_damaged_trailer_is_told_and_can_be_stapled_over(package: Path) -> None:
    whole = package.read_bytes() + trailer(TICKET)
    for broken in (whole[:-1], whole[:-20], whole.replace(TICKET, TICKET[:-1]), whole + b"x"):
        package.write_bytes(broken)
        network = StandInNetwork(_with_ticket(package, TICKET))
        assert [each.id for each in validate(Quick(), network, package).findings] == [
            "apple.staple.ticket-damaged"
        ]
        assert staple(Quick(), network, package).changed
        assert package.read_bytes() == whole


def test_bytes_of_somebody_else_behind_the_archive_are_left_alone(package: Path) -> None:
    package.write_bytes(package.read_bytes() + b"what is this")
    with pytest.raises(InputError) as caught:
        staple(Quick(), StandInNetwork(StandIn()), package)
    assert caught.value.finding.id == "apple.staple.cannot"


def test_cancelled_or_unwritable_leaves_the_file_as_it_was(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = package.read_bytes()
    network = StandInNetwork(_with_ticket(package, TICKET))
    job = Quick(on_progress=lambda done, total, text: job.cancel())
    with pytest.raises(Cancelled):
        staple(job, network, package)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CodesignError) as caught:
        staple(Quick(), network, package)
    assert caught.value.finding.id == "apple.staple.unwritable"
    assert package.read_bytes() == before
    assert sorted(each.name for each in package.parent.iterdir()) == ["some.pkg", "unsigned.pkg"]


def test_a_trailer_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"archive" + trailer(TICKET))
    size = path.stat().st_size
    with path.open("rb") as file:
        assert read_trailer(file, 7, size - 7) == TICKET
        assert read_trailer(file, 0, size) is None
        assert read_trailer(file, size, 0) is None


def test_a_record_is_named_by_the_first_twenty_bytes() -> None:
    assert record_name("sha1", bytes(range(20))) == "2/1/000102030405060708090a0b0c0d0e0f10111213"
    assert (
        record_name("sha256", hashlib.sha256(b"").digest()) == "2/2/e3b0c44298fc1c149afbf4c8996fb92427ae41e4"
    )
