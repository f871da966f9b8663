"""Texts are collected from literals, and what could never be translated is refused."""

from __future__ import annotations

import ast
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tools import findings, translations


def collect(source: str) -> tuple[list[str], list[str]]:
    messages, problems = translations.collect(ast.parse(source), "module.py")
    return [message.text for message in messages], problems


def test_literals_are_collected_wherever_tr_is_called() -> None:
    texts, problems = collect(
        'tr("one")\ntext.tr("two {name}").format(name=1)\ntr("joined " "three")\n'
        'K = FindingKind("a.b", Severity.ERROR, "Title {x}.", "meaning")\n'
        'L = FindingKind(id="a.c", severity=s, title="Other.", meaning="m")\n'
        'print("not collected")\n'
    )
    assert sorted(texts) == ["Other.", "Title {x}.", "joined three", "one", "two {name}"]
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
    ],
)
def test_what_a_translator_could_not_match_is_refused(source: str, reason: str) -> None:
    _, problems = collect(source)
    assert problems
    assert "module.py:1" in problems[0]
    assert reason in " ".join(problems)


def test_the_template_is_qts_and_holds_each_text_once() -> None:
    messages, _ = translations.collect(ast.parse('tr("<b> & {x}")\ntr("twice")\ntr("twice")'), "module.py")
    root = ElementTree.fromstring(translations.template(messages).split("\n", 2)[2])
    assert root.tag == "TS"
    assert [node.text for node in root.iter("source")] == ["<b> & {x}", "twice"]


def test_a_stale_template_is_noticed_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "new" / "template.ts"
    assert translations.main(["--check"], target=target) == 1
    assert "out of date" in capsys.readouterr().out
    assert translations.main([], target=target) == 0
    assert translations.main(["--check"], target=target) == 0


def test_a_stale_page_of_findings_is_noticed_and_mended(tmp_path: Path) -> None:
    target = tmp_path / "findings.md"
    assert findings.main(["--check"], target=target) == 1
    assert findings.main([], target=target) == 0
    assert findings.main(["--check"], target=target) == 0
    page = target.read_text(encoding="utf-8")
    for kind in findings.load():
        assert page.count(f"| `{kind.id}` |") == 1
    assert "`azure.sign-in.secret-expired` | error" in page
