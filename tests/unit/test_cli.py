"""The command line as people and programs meet it: its words, its help, faults, what it imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codesign_wizard.cli import main
from codesign_wizard.commands import arguments
from codesign_wizard.commands.arguments import parse
from tests.support import pe, pki
from tests.support.command_line import CANARY, Document, Run, ids


@pytest.mark.parametrize(
    ("words", "name", "practice"),
    [
        (["trial", "all", "--practice"], "trial all", ""),
        (["doctor", "windows", "--practice", "secret-wrong"], "doctor windows", "secret-wrong"),
        (["doctor", "windows", "--practice=secret-wrong"], "doctor windows", "secret-wrong"),
        (["--practice", "trial", "windows"], "trial windows", ""),
        (["--practice", "secret-wrong", "doctor", "windows"], "doctor windows", "secret-wrong"),
        (["doctor", "--practice", "windows"], "doctor windows", ""),
        (["--timeout", "3", "--json", "doctor", "--quiet", "windows"], "doctor windows", None),
        (["doctor", "--vault", "doctor", "all"], "doctor all", None),
        (["inspect", "a.exe", "--practice", "b.exe"], "inspect", ""),
        ([], "gui", None),
        (["--practice"], "gui", ""),
    ],
)
def test_options_stand_anywhere_and_practice_takes_only_a_scenario(
    words: list[str], name: str, practice: str | None
) -> None:
    parsed = parse(words)
    assert (parsed.name, parsed.practice) == (name, practice)


def test_files_and_options_may_be_mixed() -> None:
    parsed = parse(["inspect", "a.exe", "--json", "b.exe", "--", "-c.exe"])
    assert [str(file) for file in parsed.options.files] == ["a.exe", "b.exe", "-c.exe"]


@pytest.mark.parametrize(
    ("words", "title", "detail"),
    [
        (["docter"], "There is no command called docter.", "doctor"),
        (["--practice", "secret-wron", "doctor"], "neither a command nor a scenario", "secret-wrong"),
        (["doctor", "windows", "--practice=secret-wron"], "no scenario called secret-wron", "secret-wrong"),
        (["verify", "a.exe", "--practice", "secret-wron"], "no scenario called secret-wron", "secret-wrong"),
        (["verify", "a.exe", "--extra-rot", "b.pem"], "no option --extra-rot", "--extra-root"),
        (["verify", "a.exe", "b.exe"], "b.exe is one word too many", ""),
        (["verify"], "FILE", "--help"),
        (["sign", "a.exe"], "--output", "--help"),
        (["doctor", "linux"], "linux", "--help"),
        (["trial", "--timeout", "soon", "--practice"], "soon", "seconds"),
        (["trial", "--timeout", "-1", "--practice"], "-1", "seconds"),
        (["doctor", "--quiet", "--verbose"], "contradict", ""),
        (["doctor", "--state", "x"], "--practice", ""),
        (["profile", "lst"], "lst", "--help"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_told_in_a_sentence_and_in_json(
    words: list[str], title: str, detail: str, run: Run, document: Document
) -> None:
    code, out, _ = run(*words)
    assert code == 2
    assert title in " ".join(out.split())
    code, found = document(*words)
    assert code == 2
    (finding,) = found["findings"]
    assert finding["severity"] == "error"
    assert title in finding["title"] + finding["detail"]
    assert detail.lower() in (finding["detail"] + finding["title"]).lower()


def test_a_system_s_name_as_an_option_s_value_is_none() -> None:
    assert parse(["trial", "--output", "macos"]).name == "trial all"


@pytest.mark.parametrize(
    "words",
    [
        ["doctor", "--secret", CANARY],
        ["--secret", CANARY, "doctor"],
        ["doctor", f"--client-secret={CANARY}"],
        ["sign", "a", "--output", "b", "--p12-password", CANARY],
        ["sign", "a", "--output", "b", f"--password={CANARY}"],
        [f"--Secret={CANARY}"],
    ],
)
def test_a_secret_on_the_command_line_is_refused_and_never_repeated(
    words: list[str], run: Run, document: Document
) -> None:
    code, out, err = run(*words)
    assert code == 2
    assert "--secret-stdin" in out
    assert CANARY not in out + err
    code, found = document(*words)
    assert (code, ids(found)) == (2, {"usage.secret-argument"})
    assert "canary" not in json.dumps(found)


@pytest.mark.parametrize("words", [[], *([name] for name in arguments.COMMANDS)])
def test_help_and_version_are_results(words: list[str], run: Run, document: Document) -> None:
    code, out, err = run(*words, "--help")
    assert (code, err) == (0, "")
    assert "--practice" in out
    assert document(*words, "--help")[1]["result"]["text"].splitlines() == out.splitlines()
    assert run("--version")[1].startswith("codesign-wizard 0")


def test_an_unforeseen_fault_is_a_finding_with_a_reference(
    run: Run, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    from codesign_wizard.commands import verify
    from codesign_wizard.core.redact import Secret

    secret = Secret(CANARY)

    def fail(context: object) -> None:
        raise RuntimeError(f"with {secret.reveal()} in it")

    monkeypatch.setattr(verify, "run", fail)
    code, found = document("verify", "a.exe")
    assert (code, ids(found)) == (1, {"internal.unexpected"})
    assert found["findings"][0]["remedies"]
    assert "canary" not in json.dumps(found)
    first = run("verify", "a.exe")
    assert first[0] == 1
    # the same fault has the same reference
    assert first[1].split("reference")[1][:10] == run("verify", "b.exe")[1].split("reference")[1][:10]


def test_the_log_of_a_fault_is_redacted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from codesign_wizard.commands import verify
    from codesign_wizard.core.redact import Secret

    def fail(context: object) -> None:
        raise RuntimeError(f"with {Secret(CANARY).reveal()} in it")

    monkeypatch.setattr(verify, "run", fail)
    assert main(["verify", "a.exe", "--verbose"]) == 1
    said = capsys.readouterr()
    assert "RuntimeError: with •••••• in it" in said.err
    assert "canary" not in said.err + said.out


@pytest.mark.parametrize("words", [["--help"], ["verify", "FILE"], ["sign", "FILE"], ["profile", "list"]])
def test_a_quick_command_imports_no_heavy_library(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.exe").write_bytes(pe.small())
    (tmp_path / "a.p12").write_bytes(pki.p12(pki.leaf("p256"), [pki.intermediate().certificate]))
    words = [str(tmp_path / "a.exe") if word == "FILE" else word for word in words]
    if words[0] == "sign":
        words += ["--p12", str(tmp_path / "a.p12"), "--no-timestamp", "--output", str(tmp_path / "b.exe")]
    heavy = [
        "azure",
        "requests",
        "urllib3",
        "rich",
        "PySide6",
        "keyring",
        "logging",
        "codesign_wizard.practice",
    ]
    code = (
        "import sys; from codesign_wizard.cli import main; code = main(sys.argv[1:]); "
        f"print([name for name in {heavy} if name in sys.modules], code, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, "CODESIGN_WIZARD_P12_PASSWORD": pki.PASSWORD},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr.strip().splitlines()[-1] == f"[] {1 if words[0] == 'verify' else 0}", done.stderr


def test_without_a_display_the_headless_command_is_named(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform in ("win32", "darwin"):
        pytest.skip("there is always a display here")
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    for words in ([], ["gui"], ["--practice"]):
        code, found = document(*words)
        assert (code, ids(found)) == (2, {"usage.no-display"})
        assert "trial all --practice" in json.dumps(found["findings"])
