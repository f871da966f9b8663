"""What Gatekeeper answers, what macOS' own programs say beside us, and which form a path has."""

from __future__ import annotations

import os
import zipfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from codesign_wizard.core.apple import mac_tools, zipped_app
from codesign_wizard.core.apple.forms import Form, form_of
from codesign_wizard.core.apple.gatekeeper import certificate_date, gatekeeper
from codesign_wizard.core.apple.zipped_app import unpack
from codesign_wizard.core.errors import Cancelled, InputError
from codesign_wizard.core.job import Job
from codesign_wizard.practice.apple.authority import APPLICATION, AppleAuthority
from codesign_wizard.practice.state import State
from tests.support import apple_bundles, macho

posix = pytest.mark.skipif(os.name == "nt", reason="stand-ins are shell scripts")


@pytest.fixture(scope="module")
def authority() -> AppleAuthority:
    return AppleAuthority(State())


@pytest.mark.parametrize(
    ("level", "acceptable", "ticket", "start", "expected"),
    [
        ("sign-only", True, False, 2024, ("not-notarised", "stops", "stops")),
        ("notarise", True, False, 2024, ("once-notarised", "opens-once-notarised", "stops")),
        ("staple", True, False, 2024, ("to-staple", "opens-once-notarised", "stops")),
        ("staple", True, True, 2024, ("ticket", "opens", "opens")),
        ("sign-only", True, True, 2024, ("ticket", "opens", "opens")),
        ("sign-only", False, True, 2024, ("refuses", "stops", "stops")),
        # certificates of before notarisation
        ("sign-only", True, False, 2018, ("old-certificate", "opens", "opens")),
    ],
)
def test_gatekeeper_goes_by_the_rules_that_spctl_lists(
    authority: AppleAuthority,
    level: str,
    acceptable: bool,
    ticket: bool,
    start: int,
    expected: tuple[str, str, str],
) -> None:
    key = authority.key("application").public_key()
    certificate = authority.issue(key, APPLICATION, start=datetime(start, 1, 1, tzinfo=UTC))
    assert certificate_date(certificate) == datetime(start, 1, 1, tzinfo=UTC)
    answer = gatekeeper(level, acceptable=acceptable, ticket=ticket, certificate=certificate)
    (finding,) = answer.findings
    assert (finding.id, answer.online, answer.offline) == (f"apple.gatekeeper.{expected[0]}", *expected[1:])


def test_nobodys_signature_is_refused() -> None:
    answer = gatekeeper("sign-only", acceptable=True, ticket=False, certificate=None)
    assert answer.findings[0].id == "apple.gatekeeper.refuses"


def _stand_in(folder: Path, name: str, code: int, text: str, wait: float = 0) -> None:
    script = f'#!/bin/sh\nsleep {wait}\necho "$@" > "{folder}/{name}.asked"\necho "{text}" >&2\nexit {code}\n'
    apple_bundles.write(folder / name, script.encode(), 0o755)


@posix
def test_macos_programs_are_asked_and_both_answers_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: AppleAuthority
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    path = tmp_path / "a b.pkg"
    path.write_bytes(b"x")
    certificate = authority.identity("installer")[1]
    stopped = gatekeeper("sign-only", acceptable=True, ticket=False, certificate=certificate)
    opened = gatekeeper("staple", acceptable=True, ticket=True, certificate=certificate)
    _stand_in(tmp_path, "pkgutil", 0, "Status: signed by a developer certificate")
    _stand_in(tmp_path, "spctl", 3, f"{path}: rejected\nsource=Unnotarized Developer ID")

    def ask(expected: object, *, practice: bool = False, form: Form = Form.PACKAGE) -> list[str]:
        answers, findings = mac_tools.ask_macos(
            Job(), path, form, expected, practice=practice, platform="darwin"
        )
        assert len(answers) == len(findings)
        assert all(each.to_json()["text"] == each.text for each in answers)
        return [each.id.removeprefix("apple.macos.") for each in findings]

    assert ask(stopped) == ["accepts", "refuses-as-expected"]
    assert (tmp_path / "pkgutil.asked").read_text() == f"--check-signature {path}\n"
    assert (tmp_path / "spctl.asked").read_text() == f"--assess --type install --verbose=4 {path}\n"
    # a ticket is there and spctl refuses all the same: that is for people to know
    assert ask(opened) == ["accepts", "refuses"]
    _stand_in(tmp_path, "pkgutil", 1, "Status: no signature")
    assert ask(opened) == ["refuses", "refuses"]
    # a Mac does not know practice roots
    assert ask(opened, practice=True) == ["refuses-as-expected"] * 2
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert ask(opened, form=Form.PROGRAM) == ["no-answer"] * 2
    assert ask(opened, form=Form.ZIP) == []
    assert mac_tools.ask_macos(Job(), path, Form.PACKAGE, opened, platform="linux") == ([], [])


@posix
def test_a_program_that_does_not_end_is_given_up_and_can_be_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(mac_tools, "_PATIENCE", 0.2)
    answer = gatekeeper("sign-only", acceptable=True, ticket=False, certificate=None)
    for name in ("codesign", "spctl"):
        apple_bundles.write(tmp_path / name, b"#!/bin/sh\nexec sleep 30\n", 0o755)
    answers, findings = mac_tools.ask_macos(Job(), tmp_path, Form.BUNDLE, answer, platform="darwin")
    assert [each.code for each in answers] == [None, None]
    assert {each.id for each in findings} == {"apple.macos.no-answer"}
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        mac_tools.ask_macos(job, tmp_path, Form.BUNDLE, answer, platform="darwin")


def test_the_form_is_seen_in_the_file(tmp_path: Path) -> None:
    plain = tmp_path / "plain.zip"
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr("setup.exe", b"MZ")
    app = tmp_path / "app.zip"
    with zipfile.ZipFile(app, "w") as archive:
        archive.writestr("A.app/Contents/Info.plist", b"")
    for name, data, form in (
        ("a", b"xar!", Form.PACKAGE),
        ("b", macho.thin(), Form.PROGRAM),
        ("c", b"MZ", None),
        ("d", b"", None),
        ("e", b"PK\x03\x04", None),
    ):
        (tmp_path / name).write_bytes(data)
        assert form_of(tmp_path / name) is form, name
    assert form_of(tmp_path) is Form.BUNDLE
    assert form_of(plain) is None
    assert form_of(app) is Form.ZIP
    assert form_of(tmp_path / "missing") is None
    assert form_of(Path("nul\0byte")) is None


def _member(name: str, mode: int, data: bytes) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info, data


@pytest.mark.parametrize(
    "members",
    [
        [_member("../out", 0o100644, b"x")],
        [_member("/tmp/out", 0o100644, b"x")],
        [_member("A.app\\..\\..\\out", 0o100644, b"x")],
        [_member("A.app/link", 0o120755, b"../../out")],
        [_member("A.app/link", 0o120755, b"/etc")],
        [_member("A.app/link", 0o120755, b"x"), _member("A.app/link", 0o120755, b"y")],
        # a file below what another member makes a link: it stays a folder, and the link is refused
        [_member("A.app/d", 0o120755, b"x"), _member("A.app/d/f", 0o100644, b"x")],
        [_member("A.app/pipe", 0o010644, b"")],
        [_member("A.app/x", 0o100644, b"x"), _member("A.app/x/y", 0o100644, b"x")],
        [_member("A.app/long", 0o120755, b"x" * 5000)],
    ],
    ids=range(10),
)
@pytest.mark.filterwarnings("ignore:Duplicate name")  # one of the traps
def test_a_zip_leads_nowhere_else(members: list[tuple[zipfile.ZipInfo, bytes]], tmp_path: Path) -> None:
    path, folder = tmp_path / "a.zip", tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        for info, data in members:
            archive.writestr(info, data)
    with pytest.raises(InputError) as refused:
        unpack(Job(), path, folder)
    assert refused.value.finding.id == "apple.zip.damaged"
    assert {each.name for each in tmp_path.iterdir()} == {"a.zip", "in"}
    assert {each.name for each in (tmp_path / "in").iterdir()} == {"deep"}


def test_a_zip_that_is_damaged_or_a_trap_gets_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("A.app/Contents/Info.plist", apple_bundles.info("a.b", "A") * 50)
        archive.writestr("A.app/Contents/MacOS/A", bytes(3_000_000))
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        folder = tmp_path / str(place)
        folder.mkdir()
        # one byte more or less can also be nothing that counts
        with suppress(InputError):
            unpack(Job(), path, folder)
    path.write_bytes(whole)
    monkeypatch.setattr(zipped_app, "_FREE", 1000)
    monkeypatch.setattr(zipped_app, "_RATIO", 2)
    (tmp_path / "trap").mkdir()
    with pytest.raises(InputError) as refused:
        unpack(Job(), path, tmp_path / "trap")
    assert "far more" in refused.value.finding.title
