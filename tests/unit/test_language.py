"""The language: which there are, which is chosen, what it says, and what stays English whatever is chosen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from codesign_wizard import cli
from codesign_wizard.core import language, preferences
from codesign_wizard.core import retell as retelling
from codesign_wizard.core.finding import Certainty, Evidence, FindingKind, Severity, utc_now
from codesign_wizard.core.flow import KEY_VAULT, Flow
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.report import build_report, support_text
from codesign_wizard.core.retell import retell
from codesign_wizard.core.step_result import StepResult
from codesign_wizard.core.text import in_english, seconds_words, size_words, tr

SLOW = FindingKind(
    "test.language", Severity.ERROR, "The vault {name} does not answer: {why}.", "Only in tests."
)
TS = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="xx" sourcelanguage="en_GB"><context><name>codesign_wizard</name>
<message><source>opens the wizard</source><translation>öffnet &lt;den&gt; Assistenten</translation></message>
<message><source>Keep {name}
&amp; go</source><translation>{name}
&amp; weiter</translation></message>
<message><source>not yet</source><translation type="unfinished">half done</translation></message>
<message><source>gone</source><translation type="vanished">weg</translation></message>
</context></TS>
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Languages xx and xx_YY beside English, and an empty configuration."""
    (tmp_path / "codesign_wizard_xx.ts").write_text(TS, encoding="utf-8")
    (tmp_path / "codesign_wizard_xx_YY.ts").write_text(TS, encoding="utf-8")
    (tmp_path / "codesign_wizard.ts").write_text(TS, encoding="utf-8")
    monkeypatch.setattr(language, "resource", lambda name: tmp_path)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(language.sys, "platform", "linux")
    monkeypatch.setenv("CODESIGN_WIZARD_CONFIG", str(tmp_path / "config"))
    _forget()
    yield tmp_path
    language.use_language(language.ENGLISH)
    _forget()


def _forget() -> None:
    for kept in (language.catalogue, retelling._book, retelling._told):
        kept.cache_clear()


def test_what_a_finding_is_stays_whatever_its_words_are_in(folder: Path) -> None:
    words = {"error": "Fehler", "likely": "wahrscheinlich", "not yet": "noch nicht"}
    entries = "".join(
        f"<message><source>{source}</source><translation>{told}</translation></message>"
        for source, told in words.items()
    )
    document = TS.replace("</context>", f"{entries}</context>")
    (folder / "codesign_wizard_xx.ts").write_text(document, encoding="utf-8")
    _forget()
    found = SLOW(name="error", why="not yet", certainty=Certainty.LIKELY, detail="not yet")
    told = StepResult(utc_now(), ok=False, findings=[found]).retold("xx").findings[0]
    assert (told.id, told.severity, told.certainty) == (found.id, Severity.ERROR, Certainty.LIKELY)
    assert told.detail == "noch nicht"


def test_only_what_is_finished_is_said(folder: Path) -> None:
    assert language.use_language("xx") == "xx" == language.current_language()
    assert tr("opens the wizard") == "öffnet <den> Assistenten"
    assert tr("Keep {name}\n& go").format(name="x") == "x\n& weiter"
    assert [tr("not yet"), tr("gone"), tr("new")] == ["not yet", "gone", "new"]
    with in_english():
        assert tr("opens the wizard") == "opens the wizard"
    assert language.use_language("fr") == "en" == language.current_language()
    assert tr("opens the wizard") == "opens the wizard"


def test_a_damaged_file_leaves_english(folder: Path) -> None:
    (folder / "codesign_wizard_xx.ts").write_text(TS[:-40], encoding="utf-8")
    assert language.use_language("xx") == "en"
    assert tr("opens the wizard") == "opens the wizard"


@pytest.mark.parametrize(
    ("kept", "environment", "expected"),
    [
        ("", {}, "en"),
        ("", {"LANG": "xx_AT.UTF-8"}, "xx"),
        ("", {"LANG": "xx_YY.UTF-8@euro"}, "xx_YY"),
        ("", {"LANG": "fr_FR.UTF-8"}, "en"),
        ("", {"LANG": "en_GB.UTF-8", "LANGUAGE": "fr:xx"}, "xx"),
        ("", {"LANG": "xx", "LC_MESSAGES": "en_US"}, "en"),
        ("", {"LC_ALL": "C.UTF-8", "LANGUAGE": "xx", "LANG": "xx"}, "en"),
        ("", {"LC_ALL": "POSIX", "LANG": "xx"}, "en"),
        ("", {"CODESIGN_WIZARD_LANGUAGE": "xx-CH"}, "xx"),
        ("", {"CODESIGN_WIZARD_LANGUAGE": "en", "LANG": "xx"}, "en"),
        ("", {"CODESIGN_WIZARD_LANGUAGE": "../x", "LANG": "xx"}, "en"),
        ("xx", {"CODESIGN_WIZARD_LANGUAGE": "en", "LANG": "en_GB"}, "xx"),
        ("en", {"CODESIGN_WIZARD_LANGUAGE": "xx", "LANG": "xx"}, "en"),
    ],
)
def test_what_is_set_comes_before_the_variable_and_that_before_the_system(
    folder: Path, kept: str, environment: dict[str, str], expected: str
) -> None:
    environment = {**environment, "CODESIGN_WIZARD_CONFIG": str(folder / "config")}
    preferences.keep_preference(preferences.LANGUAGE, kept, environment)
    assert language.chosen_language(environment) == expected


def test_preferences_keep_what_others_wrote_and_survive_damage(folder: Path) -> None:
    file = folder / "config" / "settings.json"
    preferences.keep_preference("language", "xx")
    document = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**document, "later": [1]}), "utf-8")
    preferences.keep_preference("language", "")
    assert json.loads(file.read_text("utf-8")) == {"later": [1]}
    for damaged in ("[]", "{", '{"language": 3}', "\0"):
        file.write_text(damaged, "utf-8")
        assert preferences.read_preference("language") == ""


def test_the_terminal_speaks_the_language_and_json_stays_english(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CODESIGN_WIZARD_LANGUAGE", "xx")
    assert cli.main(["--help"]) == 0
    assert "öffnet <den> Assistenten" in capsys.readouterr().out
    assert cli.main(["--help", "--json"]) == 0
    assert "opens the wizard" in json.loads(capsys.readouterr().out)["result"]["text"]


GERMAN = """<TS version="2.1"><context>
<message><source>The vault {name} does not answer: {why}.</source>
<translation>Der Tresor {name} antwortet nicht: {why}.</translation></message>
<message><source>it was {n} times too slow</source>
<translation>er war {n}-mal zu langsam</translation></message>
<message><source>Try again.</source><translation>Noch einmal versuchen.</translation></message>
<message><source>{a} and {b}</source><translation>{a} und {b}</translation></message>
<message><source>open</source><translation>offen</translation></message>
</context></TS>"""


def test_a_text_is_said_again_in_the_other_language(folder: Path) -> None:
    (folder / "codesign_wizard_xx.ts").write_text(GERMAN, encoding="utf-8")
    told = "Der Tresor {x} antwortet nicht: er war 3-mal zu langsam."
    assert retell(told, "xx", "en") == "The vault {x} does not answer: it was 3 times too slow."
    assert retell("Er war 3-mal zu langsam", "xx", "en") == "It was 3 times too slow"
    assert retell(f"{told} Noch einmal versuchen.", "xx", "en").endswith("too slow. Try again.")
    assert retell("Das kennt niemand. Noch einmal versuchen.", "xx", "en") == "Das kennt niemand. Try again."
    assert retell("Noch einmal versuchen.", "en", "en") == "Noch einmal versuchen."
    assert retell("Try again.", "en", "xx") == "Noch einmal versuchen."


def test_results_follow_the_language_and_a_report_is_english(folder: Path) -> None:
    (folder / "codesign_wizard_xx.ts").write_text(GERMAN, encoding="utf-8")
    language.use_language("xx")
    evidence = Evidence(message="open", more={"server 1": "Noch einmal versuchen."})
    found = SLOW(
        name="v",
        why=tr("it was {n} times too slow").format(n=2),
        detail=tr("Try again."),
        evidence=evidence,
    )
    profile = Profile(id="mine-1", name="Mine")
    Flow(profile).record(KEY_VAULT, [found], {"state": "open"}, details={"open": "open"})
    stored = json.loads(json.dumps(profile.to_json()))
    document = build_report(profile)
    assert document["findings"][0]["title"] == "The vault v does not answer: it was 2 times too slow."
    assert document["findings"][0]["evidence"]["server 1"] == "Try again."
    assert "The vault v does not answer" in support_text(document)
    assert profile.results[KEY_VAULT].findings[0].title.startswith("Der Tresor v")
    language.use_language("en")
    opened = Profile.from_json(stored).results[KEY_VAULT]
    assert opened.findings[0].detail == "Try again."
    language.use_language("xx")
    # what programs read, and vendors wrote, is not touched
    back = type(opened).from_json(opened.to_json())
    assert back.findings[0].title == found.title
    assert back.findings[0].evidence.message == "open"
    assert (back.facts, back.details) == ({"state": "open"}, {"open": "open"})


def test_almost_all_of_german_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    words, lost = language.catalogue("de"), 0
    assert len(words) > 3000
    for source, told in words.items():
        names = [name for _, name, _, _ in Formatter().parse(source) if name is not None]
        values = {name: f"v-{place}9" for place, name in enumerate(names)}
        lost += retell(_filled(told, values), "de", "en") != _filled(source, values)
    # the rest is twice the same in German: Optionen is options, and Options
    assert lost < len(words) / 50


def _filled(text: str, values: dict[str, str]) -> str:
    return "".join(
        words + ("" if name is None else values[name]) for words, name, _, _ in Formatter().parse(text)
    )


def test_sizes_have_the_decimal_sign_of_the_language() -> None:
    language.use_language("de")
    try:
        assert (size_words(1_540_000), seconds_words(2.25)) == (
            "1,5 MB",
            "2,2 s",
        )
        with in_english():
            assert size_words(1_540) == "1.5 kB"
    finally:
        language.use_language(language.ENGLISH)


def test_sizes_are_told_again_with_the_other_decimal_sign() -> None:
    assert retell("1,5 MB", "de", "en") == "1.5 MB"
    assert retell("a-setup.exe, 20,0 kB", "de", "en") == "a-setup.exe, 20.0 kB"
    assert retell("20.0 kB", "en", "de") == "20,0 kB"
    assert retell("one.two kB", "en", "de") == "one.two kB", "only of numbers"
