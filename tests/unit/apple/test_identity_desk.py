"""The two places for Apple's identities: files find theirs, and are told of once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from codesign_wizard.core.apple.certificates import Kind
from codesign_wizard.core.apple.identity_desk import Look, Waits, by_name, look
from codesign_wizard.core.apple.identity_words import judged_words, waiting_words
from codesign_wizard.core.flow import CERTIFICATE_EXPIRES
from codesign_wizard.core.redact import Secret
from codesign_wizard.practice.apple import authority as ca
from codesign_wizard.practice.apple.keychain import export
from tests.support.practice_identities import authority, ids, packed, roots, special

ONE, OTHER = Secret("p12-canary"), Secret("other-canary")
BOTH = {Kind.INSTALLER: "installer", Kind.APPLICATION: "application"}
Lay = Callable[..., Path]


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    """Return a function that writes a .p12 of *kind*."""

    def written(kind: str, name: str = "", password: Secret = ONE) -> Path:
        path = tmp_path / (name or f"{kind}.p12")
        path.write_bytes(packed(*authority().identity(kind), password=password))
        return path

    return written


def looked(files: dict[Kind, Path], passwords: Sequence[Secret] = (ONE,), fresh: Kind | None = None) -> Look:
    return look(files, passwords, fresh=fresh, roots=roots())


def test_both_in_their_places(lay: Lay) -> None:
    seen = looked({kind: lay(name) for kind, name in BOTH.items()})
    assert seen.waits is Waits.NOTHING
    assert seen.moved == []
    assert ids(seen.findings)[-1] == "pair"
    assert seen.severities() == {"installer": "ok", "application": "ok"}
    facts = seen.facts()
    assert facts["team"] == "PRACTICE01"
    assert facts[CERTIFICATE_EXPIRES] == min(facts["installer_expires"], facts["application_expires"])
    severity, title, text = judged_words(seen.findings, facts)
    assert (severity.value, title) == (
        "ok",
        "Both certificates can sign, for Practice Team (team PRACTICE01).",
    )
    assert "days left" in text


def test_the_profiles_team_is_asked_for(lay: Lay) -> None:
    files = {kind: lay(name) for kind, name in BOTH.items()}
    for team, expected in (("PRACTICE01", 0), ("OTHERTEAM1", 2)):
        seen = look(files, [ONE], team=team, roots=roots())
        assert [each.id for each in seen.findings].count("apple.options.other-team") == expected
        assert list(seen.severities().values()).count("error") == expected


def test_swapped_files_change_places(lay: Lay) -> None:
    seen = looked({Kind.INSTALLER: lay("application"), Kind.APPLICATION: lay("installer")})
    assert {kind: path.stem for kind, path in seen.files.items()} == BOTH
    assert sorted(ids(seen.moved)) == ["moved", "moved"]
    assert "swapped" not in ids(seen.findings)


def test_a_file_in_the_wrong_place_moves_to_the_empty_one(lay: Lay) -> None:
    seen = looked({Kind.INSTALLER: lay("application", "mine.p12")}, fresh=Kind.INSTALLER)
    assert {kind: path.name for kind, path in seen.files.items()} == {Kind.APPLICATION: "mine.p12"}
    assert seen.moved[0].title == "mine.p12 is the Developer ID Application certificate: it was moved there."
    assert seen.waits is Waits.INSTALLER
    assert waiting_words(seen.waits, [])[0] == "The Installer certificate is still missing."


def test_a_file_given_just_now_takes_the_place_of_another(lay: Lay) -> None:
    files = {Kind.INSTALLER: lay("application", "new.p12"), Kind.APPLICATION: lay("application")}
    seen = looked(files, fresh=Kind.INSTALLER)
    assert {kind: path.name for kind, path in seen.files.items()} == {Kind.APPLICATION: "new.p12"}
    # nobody gave one just now: which of the two is meant is for the person to say
    assert "both-same" in ids(looked(files).findings)


def test_each_file_is_tried_with_every_password(lay: Lay) -> None:
    files = {Kind.INSTALLER: lay("installer"), Kind.APPLICATION: lay("application", password=OTHER)}
    assert looked(files, ()).waits is Waits.PASSWORD
    half = looked(files)
    assert half.locked == [Kind.APPLICATION]
    assert half.opened == [Kind.INSTALLER]
    assert half.severities()["application"] == "error"
    whole = looked(files, (ONE, OTHER))
    assert whole.passwords == {Kind.INSTALLER: 0, Kind.APPLICATION: 1}
    assert "passwords-differ" in ids(whole.findings)


def test_one_file_with_both_stands_in_both_places(tmp_path: Path) -> None:
    path = tmp_path / "two.p12"
    path.write_bytes(export([authority().identity(name) for name in BOTH.values()], ONE.reveal()))
    seen = looked({Kind.APPLICATION: path})
    assert list(seen.files.values()) == [path, path]
    kinds = {kind: report.identity.kind for kind, report in seen.reports.items() if report.identity}
    assert kinds == {kind: kind for kind in BOTH}
    told = ids(seen.findings)
    assert told.count("shared") == told.count("chain-completed") == 1
    assert "several" not in told


def test_the_wrong_kind_stays_where_it_was_put(tmp_path: Path) -> None:
    path = tmp_path / "store.p12"
    path.write_bytes(special(ca.DISTRIBUTION))
    seen = looked({Kind.APPLICATION: path})
    assert list(seen.files) == [Kind.APPLICATION]
    assert "wrong-kind" in ids(seen.findings)


def test_a_file_without_a_key_says_what_it_is(tmp_path: Path, lay: Lay) -> None:
    bare = tmp_path / "bare.p12"
    bare.write_bytes(packed(None, None, [authority().identity("application")[1]]))
    seen = looked({Kind.INSTALLER: lay("installer"), Kind.APPLICATION: bare})
    assert seen.findings[0].id == "apple.identity.no-key"
    assert seen.facts()["application_kind"] == "Developer ID Application"


@pytest.mark.parametrize(
    ("names", "given", "expected"),
    [
        (["x.p12"], Kind.APPLICATION, {Kind.APPLICATION: "x.p12"}),
        (["My Application.p12"], None, {Kind.APPLICATION: "My Application.p12"}),
        (["app_b.p12", "inst_a.p12"], None, {Kind.INSTALLER: "app_b.p12", Kind.APPLICATION: "inst_a.p12"}),
        (
            ["application.p12", "two.p12"],
            None,
            {Kind.INSTALLER: "two.p12", Kind.APPLICATION: "application.p12"},
        ),
        (["b.p12", "INSTALLER.p12"], None, {Kind.INSTALLER: "INSTALLER.p12", Kind.APPLICATION: "b.p12"}),
    ],
)
def test_files_that_come_together_are_laid_by_their_names(
    names: list[str], given: Kind | None, expected: dict[Kind, str]
) -> None:
    assert by_name([Path(name) for name in names], given) == {
        kind: Path(name) for kind, name in expected.items()
    }


def test_a_path_that_is_not_there_is_said(tmp_path: Path) -> None:
    seen = looked({Kind.INSTALLER: tmp_path / "gone.p12"})
    assert ids(seen.findings) == ["unreadable"]
