"""Texts are collected from literals, and what could never be translated is refused."""

from __future__ import annotations

import ast
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tools import catalogues, findings, translations


def collect(source: str) -> tuple[list[str], list[str]]:
    messages, problems = translations.collect(ast.parse(source), "module.py")
    return [message.text for message in messages], problems


def test_literals_are_collected_wherever_tr_is_called() -> None:
    texts, problems = collect(
        'def f():\n tr("one")\n text.tr("two {name}").format(name=1)\n tr("joined " "three")\n'
        'MARKED = mark("four")\n'
        'K = FindingKind("a.b", Severity.ERROR, "Title {x}.", "meaning")\n'
        'L = FindingKind(id="a.c", severity=s, title="Other.", meaning="m")\n'
        'print("not collected")\n'
    )
    assert sorted(texts) == ["Other.", "Title {x}.", "four", "joined three", "one", "two {name}"]
    assert problems == []


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('tr(f"hello {name}")', "f-string"),
        ("tr(variable)", "literal"),
        ('tr("a" + b)', "literal"),
        ('tr("a", "b")', "literal"),
        ("tr(text=x)", "literal"),
        ('tr("{}")', "needs a name"),
        ('tr("{0}")', "needs a name"),
        ('tr("open {brace")', "do not pair"),
        ('FindingKind("a.b", s, f"{x}", "m")', "f-string"),
        ('WORDS = {1: tr("early")}', "imported"),
        ('def f(text=tr("early")): ...', "imported"),
    ],
)
def test_what_a_translator_could_not_match_is_refused(source: str, reason: str) -> None:
    _, problems = collect(source)
    assert problems
    assert "module.py:1" in problems[0]
    assert reason in " ".join(problems)


def test_the_template_is_qts_and_holds_each_text_once() -> None:
    messages, _ = translations.collect(
        ast.parse('mark("<b> & {x}")\nmark("twice")\nmark("twice")'), "module.py"
    )
    root = ElementTree.fromstring(catalogues.catalogue(messages).split("\n", 2)[2])
    assert root.tag == "TS"
    assert [node.text for node in root.iter("source")] == ["<b> & {x}", "twice"]


def test_a_stale_template_is_noticed_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new"
    assert translations.main(["--check"], folder=folder) == 1
    assert "out of date" in capsys.readouterr().out
    assert translations.main([], folder=folder) == 0
    assert translations.main(["--check"], folder=folder) == 0


def test_a_stale_page_of_findings_is_noticed_and_mended(tmp_path: Path) -> None:
    target = tmp_path / "findings.md"
    assert findings.main(["--check"], target=target) == 1
    assert findings.main([], target=target) == 0
    assert findings.main(["--check"], target=target) == 0
    page = target.read_text(encoding="utf-8")
    for kind in findings.load():
        assert page.count(f"| `{kind.id}` |") == 1
    assert "`azure.sign-in.secret-expired` | error" in page
    assert "`profile.job-under-way` | warning" in page, "the window has findings of its own"


def test_a_language_keeps_what_is_translated_and_loses_what_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "codesign_wizard_de.ts"
    old = [catalogues.Message(text, "a.py") for text in ("Start", "gone")]
    file.write_text(catalogues.catalogue(old, "de", {"Start": "Los", "gone": "weg"}), encoding="utf-8")
    given = tmp_path / "more.json"
    given.write_text('{"Summary": "Übersicht <&>"}', encoding="utf-8")
    assert translations.main(["--check"], folder=tmp_path) == 1
    assert translations.main(["--take", "de", str(given)], folder=tmp_path) == 0
    assert catalogues.known(file) == {"Start": "Los", "Summary": "Übersicht <&>"}
    assert translations.main(["--check"], folder=tmp_path) == 0
    capsys.readouterr()
    assert translations.main(["--complete"], folder=tmp_path) == 1
    assert "translations are missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "told", "reason"),
    [
        ("{a} of {b:.1f}", "{b} von {a}", "{fields}"),
        ("Save", "Sichern ", "white space"),
        ("a\nb", "a b", "lines"),
        ("&Save", "Sichern", "letter to press"),
        ("Save it.", "Sichern", "end in ."),
        ("Save", "Sichern.", "ends in ."),
        ("Use --yes here", "Hier --ja verwenden", "lacks --yes"),
        ("Save it", "Es  sichern", "two spaces"),
        ("Save {n} s", "In {n}\N{NO-BREAK SPACE}s sichern", "cannot be seen"),
        ('Say "yes"', 'Sagen Sie „ja"', "quotes"),
        ('Say "yes"', "Sagen Sie „ja”", "quotes"),
        ("Save (all)", "Alles (sichern", "brackets"),
    ],
)
def test_what_a_translation_must_share_with_its_source_is_checked(
    source: str, told: str, reason: str
) -> None:
    assert reason in " ".join(catalogues.flaws(source, told, "de"))
    assert not list(catalogues.flaws('&Say "{a}" --x\n', "„{a}“ &sagen --x\n", "de"))
