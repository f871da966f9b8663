"""The command line as people and programs meet it: words, documents, exit codes, streams, interruptions."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard import cli
from codesign_wizard.cli import main
from codesign_wizard.commands import arguments
from codesign_wizard.commands.arguments import parse
from tests.support import pe, pki

CANARY = "canary~Secret.9f31c0/+=ü"
Run = Callable[..., tuple[int, str, str]]
posix = pytest.mark.skipif(os.name == "nt", reason="signals and descriptors of POSIX")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("CODESIGN_WIZARD_CONFIG", str(tmp_path / "config"))

    def call(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, said.out, said.err

    return call


@pytest.fixture
def document(run: Run) -> Callable[..., tuple[int, dict[str, Any]]]:
    def call(*words: object) -> tuple[int, dict[str, Any]]:
        code, out, _ = run(*words, "--json")
        found = json.loads(out)
        assert found["schema"] == 1
        assert found["ok"] is (code == 0)
        assert found["started"].endswith("Z")
        assert found["started"] <= found["finished"]
        return code, found

    return call


def program(
    *words: object, check: int | None = None, environment: dict[str, str] | None = None, **more: Any
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "codesign_wizard", *map(str, words)],
        env={**os.environ, **(environment or {})},
        text=True,
        encoding="utf-8",
        timeout=60,
        **{"capture_output": True, **more},
    )
    assert "Traceback" not in (done.stderr or "") + (done.stdout or "")
    if check is not None:
        assert done.returncode == check, done
    return done


def ids(found: dict[str, Any]) -> set[str]:
    return {finding["id"] for finding in found["findings"]}


# -- words


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
    words: list[str], title: str, detail: str, run: Run, document: Any
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
    words: list[str], run: Run, document: Any
) -> None:
    code, out, err = run(*words)
    assert code == 2
    assert "--secret-stdin" in out
    assert CANARY not in out + err
    code, found = document(*words)
    assert (code, ids(found)) == (2, {"usage.secret-argument"})
    assert "canary" not in json.dumps(found)


@pytest.mark.parametrize("words", [[], *([name] for name in arguments.COMMANDS)])
def test_help_and_version_are_results(words: list[str], run: Run, document: Any) -> None:
    code, out, err = run(*words, "--help")
    assert (code, err) == (0, "")
    assert "--practice" in out
    assert document(*words, "--help")[1]["result"]["text"].splitlines() == out.splitlines()
    assert run("--version")[1].startswith("codesign-wizard 0")


# -- documents, streams


def test_standard_output_has_one_document_and_nothing_else(tmp_path: Path) -> None:
    done = program("trial", "windows", "--practice", "--json", "--verbose", "--output", tmp_path, check=0)
    found = json.loads(done.stdout)
    assert (found["command"], found["practice"]) == ("trial windows", {"scenario": None})
    assert found["result"]["windows"]["verification"]["ok"] is True
    assert "Time-stamp: done" in done.stderr
    assert "login.microsoftonline.com" in done.stderr


def test_people_read_results_on_standard_output_and_nothing_on_the_way() -> None:
    done = program("doctor", "windows", "--practice", check=0)
    assert "✓ ok" in done.stdout
    assert done.stdout.rstrip().endswith("the signature is good.")
    assert done.stderr == ""
    assert program("doctor", "windows", "--practice", "--quiet", check=0).stdout == ""


def test_a_refusal_comes_with_evidence_and_remedies_worst_first(run: Run) -> None:
    code, out, _ = run("doctor", "windows", "--practice", "secret-wrong")
    assert code == 1
    head = out[: out.index("✓ ok")]
    assert "✗ error" in head
    assert "AADSTS7000215" in head
    assert "status 401" in head
    for word in ("Portal", "az ", "PowerShell", "See"):
        assert f"  {word}" in head
    # commands are whole, to be copied
    assert any(line.rstrip().endswith("-o tsv") and "az ad app" in line for line in head.splitlines())
    assert out.rstrip().endswith("(1 error)")


@posix
def test_closed_full_and_broken_streams_are_no_crash(tmp_path: Path) -> None:
    target = tmp_path / "a.exe"
    target.write_bytes(pe.small())
    command = f'"{sys.executable}" -m codesign_wizard '
    for tail, codes in (
        (f'verify "{target}" >&-', (1,)),
        (f'verify "{target}" --json 2>&-', (1,)),
        ("--help <&- >&- 2>&-", (0,)),
        ("profile set --secret-stdin <&-", (2,)),
        ("practice scenarios | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}", (0,)),
    ):
        done = subprocess.run(["bash", "-c", command + tail], capture_output=True, timeout=60)
        assert done.returncode in codes, (tail, done)
        assert b"Traceback" not in done.stderr
        assert b"Exception" not in done.stderr
    if Path("/dev/full").exists():
        done = subprocess.run(["bash", "-c", command + "--help >/dev/full"], capture_output=True, timeout=60)
        assert done.returncode == 1
        assert b"could not be written" in done.stderr


def test_an_ascii_terminal_gets_plainer_signs(tmp_path: Path) -> None:
    file = tmp_path / "Größe.exe"
    file.write_bytes(pe.small())
    ascii_only = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = program("verify", file, environment=ascii_only, check=1)
    assert done.stdout.isascii()
    assert "x error" in done.stdout
    assert (
        json.loads(program("verify", file, "--json", environment=ascii_only, check=1).stdout)["ok"] is False
    )


@posix
@pytest.mark.parametrize("plain", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["colour", "no", "dumb"])
def test_a_terminal_gets_colours_unless_it_must_not(plain: dict[str, str], tmp_path: Path) -> None:
    import pty

    file = tmp_path / "a.exe"
    file.write_bytes(pe.small())
    outer, inner = pty.openpty()
    try:
        program("verify", file, environment={"TERM": "xterm", **plain}, capture_output=False, stdout=inner)
        os.close(inner)
        said = os.read(outer, 65536).decode()
    finally:
        os.close(outer)
    assert ("\x1b[" in said) is not bool(plain)
    assert "is not signed" in said


def test_an_unforeseen_fault_is_a_finding_with_a_reference(
    run: Run, document: Any, monkeypatch: pytest.MonkeyPatch
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


# -- interruptions


def _started(words: list[object], until: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "codesign_wizard", *map(str, words), "--json", "--verbose"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stderr is not None
    for line in process.stderr:
        if until in line:
            return process
    raise AssertionError(f"it ended before {until!r}")


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_a_waiting_command_at_once(number: int) -> None:
    process = _started(["doctor", "windows", "--practice", "slow", "--timeout", "60"], "Options: done")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)  # the vault would hold its answer for 30 s
    assert process.returncode == cli.INTERRUPTED == 130
    found = json.loads(out)
    assert found["ok"] is False
    assert ids(found) == {"internal.interrupted"}
    assert "Traceback" not in err


@posix
def test_ctrl_c_in_the_wait_for_a_grant_says_that_the_grant_stays(tmp_path: Path) -> None:
    words = ["permissions", "grant", "--practice", "rbac-none", "--as", "az", "--yes", "--state", tmp_path]
    process = _started(words, "Then: the role Key Vault Crypto Officer")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert ids(json.loads(out)) == {"azure.admin.grant-interrupted"}
    assert "Traceback" not in err


@posix
def test_an_interrupted_trial_leaves_nothing_and_keeps_what_was_there(tmp_path: Path) -> None:
    output = tmp_path / "new" / "folder"
    words = ["trial", "windows", "--practice", "timestamp-slow", "--timeout", "30", "--output", output]
    process = _started(words, "Sign: done")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert not (tmp_path / "new").exists()


@posix
def test_practice_serve_runs_until_it_is_told(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "codesign_wizard", "practice", "serve", "--until-stdin-closes", "--verbose"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    assert all(line.startswith("export ") for line in lines)
    proxy = lines[0].split("=", 1)[1].strip()
    asked = subprocess.run(
        [sys.executable, "-c", f"import urllib.request as u; u.install_opener(u.build_opener("
         f"u.ProxyHandler({{'http': '{proxy}'}}))); print(u.urlopen('http://pki.example/ca.crt').status)"],
        capture_output=True,
        text=True,
        timeout=30,
    )  # fmt: skip
    assert asked.stdout.strip() == "200", asked.stderr
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "GET http://pki.example/ca.crt 200" in err


@posix
def test_practice_serve_gives_one_document_with_the_accounts() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "codesign_wizard", "practice", "serve", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    text = ""
    while not text.endswith("\n}\n"):
        text += process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    assert rest == ""
    assert process.returncode == 0
    found = json.loads(text)
    assert found["command"] == "practice serve"
    accounts = found["result"]
    assert accounts["environment"]["AZURE_CLIENT_SECRET"] == accounts["application_secret"]
    assert "•" not in accounts["application_secret"]
    assert not Path(accounts["ca_file"]).exists()


# -- what is not needed is not imported


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


# -- values


def test_an_option_beats_the_environment_and_that_the_profile(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from codesign_wizard.commands.context import Context
    from codesign_wizard.commands.output import Printer

    assert run("profile", "set", "windows.vault-name=of-profile", "windows.certificate-name=of-profile",
               "network.timeout=7")[0] == 0  # fmt: skip
    monkeypatch.setenv("CODESIGN_WIZARD_VAULT", "of-environment")
    monkeypatch.setenv("AZURE_CLIENT_ID", "66666666-7777-4888-8999-aaaaaaaaaaaa")
    words = ["doctor", "--vault", "of-option"]
    with Context(parse(words), Printer.for_arguments(words)) as context:
        options = context.session.azure_options()
        assert options.vault_name == "of-option"
        assert options.certificate_name == "of-profile"
        assert options.application_id == "66666666-7777-4888-8999-aaaaaaaaaaaa"
        assert context.session.network.settings.timeout == 7
    with Context(parse(["doctor"]), Printer.for_arguments([])) as context:
        assert context.session.azure_options().vault_name == "of-environment"


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a text on standard input."""
    import io

    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_a_secret_comes_by_standard_input(given: Any, document: Any) -> None:
    given(f"{CANARY}\n")
    code, found = document("doctor", "windows", "--practice", "--secret-stdin")
    assert code == 1
    assert "azure.sign-in.secret-wrong" in ids(found)
    for nothing in ("", "\n", "   \n", "x" * 5000):
        given(nothing)
        code, found = document("doctor", "windows", "--practice", "--secret-stdin")
        assert (code, ids(found)) == (2, {"usage.no-secret-on-stdin"})
    given("a\nb\n")
    words = ["sign", "a.exe", "--output", "b.exe", "--secret-stdin", "--p12-password-stdin"]
    assert ids(document(*words)[1]) == {"usage.two-secrets-on-stdin"}


def test_a_missing_value_comes_with_how_it_is_given_here(run: Run, document: Any) -> None:
    out = " ".join(run("doctor", "windows")[1].split())
    for word in ("--vault NAME", "AZURE_TENANT_ID", "profile set --secret-stdin"):
        assert word in out
    code, found = document("doctor", "windows")
    assert (code, ids(found)) == (1, {"azure.options.missing", "usage.nothing-set-up"})
    assert all(finding["remedies"] for finding in found["findings"])


# -- the wizard's window


def test_without_a_display_the_headless_command_is_named(
    document: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform in ("win32", "darwin"):
        pytest.skip("there is always a display here")
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    for words in ([], ["gui"], ["--practice"]):
        code, found = document(*words)
        assert (code, ids(found)) == (2, {"usage.no-display"})
        assert "trial all --practice" in json.dumps(found["findings"])


# -- profiles


def test_a_profile_s_life(run: Run, document: Any, given: Any, tmp_path: Path) -> None:
    assert "no profile yet" in run("profile", "list")[1]
    code, found = document("profile", "forget", "--yes")
    assert code == 2
    assert document("profile", "set", "--new", "Nordwind", "product-name=Backup für alle")[0] == 0
    assert document("profile", "set", "windows.cloud=china", "extra-roots=a.pem, b.pem")[0] == 0
    shown = document("profile", "show")[1]["result"]
    assert (shown["name"], shown["product_name"]) == ("Nordwind", "Backup für alle")
    assert shown["windows"]["azure"]["cloud"] == "china"
    assert shown["extra_roots"] == ["a.pem", "b.pem"]
    assert "windows.cloud" in run("profile", "show")[1]

    file = tmp_path / "out.json"
    assert run("profile", "export", file)[0] == 0
    code, found = document("profile", "import", file)
    assert code == 0
    other = found["result"]["id"]
    listed = document("profile", "list")[1]["result"]
    assert [each["name"] for each in listed] == ["Nordwind", "Nordwind"]
    assert other in {each["id"] for each in listed}

    code, found = document("profile", "forget", "--profile", other)
    assert (code, ids(found)) == (2, {"usage.confirmation-needed"})
    assert document("profile", "forget", "--profile", other, "--yes")[0] == 0
    assert len(document("profile", "list")[1]["result"]) == 1
    assert document("profile", "show", "--profile", other)[0] == 2

    given(f"{CANARY}\n")
    code, found = document("profile", "set", "--secret-stdin")
    # the tests' keyring is none: the person is told that the secret is not kept
    assert (code, ids(found)) == (0, {"secrets.not-kept", "profile.saved"})


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ("windows.vault=x", "windows.vault-name"),
        ("windows.cloud=mars", "us-government"),
        ("windows.application-id=zero", ""),
        ("windows.timestamp-servers=ftp://a.example", ""),
        ("network.timeout=0", "seconds"),
        ("name=", "needs one"),
        ("windows=perhaps", "yes or no"),
        ("nothing", "="),
    ],
)
def test_a_wrong_setting_changes_nothing(setting: str, part: str, document: Any) -> None:
    assert document("profile", "set", "name=Kept")[0] == 0
    before = document("profile", "show")[1]["result"]
    code, found = document("profile", "set", "product-name=New", setting)
    assert code == 2
    assert part in json.dumps(found["findings"])
    assert document("profile", "show")[1]["result"] == before


def test_a_damaged_profile_is_listed_beside_the_others(run: Run, document: Any, tmp_path: Path) -> None:
    assert run("profile", "set", "--new", "Good")[0] == 0
    folder = tmp_path / "config" / "profiles"
    (folder / "bad.json").write_text("{")
    (folder / "last-used").write_text("bad")
    code, found = document("profile", "list")
    assert code == 1
    assert [each["name"] for each in found["result"]] == ["Good"]
    assert ids(found) == {"profile.unreadable"}
    newer = json.dumps({"schema": 99, "name": "x", "id": "x"})
    (tmp_path / "newer.json").write_text(newer)
    code, found = document("profile", "import", tmp_path / "newer.json")
    assert (code, ids(found)) == (2, {"profile.newer"})


def test_no_file_has_the_password_of_a_proxy(document: Any, run: Run, tmp_path: Path) -> None:
    # not one of the secrets that this process has seen before
    proxy = "http://user:unseen-71@proxy.example:8080"
    code, found = document("profile", "set", "name=P", f"network.proxy={proxy}")
    # the tests have no keyring
    assert (code, ids(found)) == (0, {"profile.saved", "secrets.not-kept"})
    (tmp_path / "given.json").write_text(
        json.dumps({"schema": 1, "id": "x", "name": "Q", "network": {"proxy": proxy}})
    )
    code, found = document("profile", "import", tmp_path / "given.json")
    assert (code, ids(found)) == (0, {"profile.saved", "secrets.not-kept"})
    kept = [path.read_text() for path in (tmp_path / "config" / "profiles").glob("*.json")]
    assert len(kept) == 2
    assert all("http://user@proxy.example:8080" in each and "unseen" not in each for each in kept)
    code, found = document("profile", "export")
    assert (code, ids(found)) == (0, {"profile.login-left-out"})
    assert found["result"]["network"]["proxy"] == "http://proxy.example:8080"
    for words in (["export"], ["show"], ["show", "--json"]):
        assert "unseen" not in run("profile", *words)[1]


# -- signing with a local key


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a.exe").write_bytes(pe.small())
    (tmp_path / "a.p12").write_bytes(pki.p12(pki.leaf("p256"), [pki.intermediate().certificate]))
    (tmp_path / "root.pem").write_bytes(pki.root().pem)
    monkeypatch.setenv("CODESIGN_WIZARD_P12_PASSWORD", pki.PASSWORD)
    return tmp_path


def test_a_file_is_signed_with_a_p12_and_verified(local: Path, document: Any, run: Run) -> None:
    signing = ["--p12", local / "a.p12", "--no-timestamp", "--description", "Größe"]
    code, found = document("sign", local / "a.exe", *signing, "--output", local / "b.exe")
    assert (code, ids(found)) == (0, {"authenticode.sign.no-timestamp"})
    assert found["result"]["chain"] == ["Test Publisher p256", "Test Code Signing CA"]
    assert found["result"]["timestamp"] is None
    code, found = document("verify", local / "b.exe", "--extra-root", local / "root.pem")
    assert code == 0
    assert found["result"]["signatures"][0]["description"] == "Größe"
    assert "only with the roots that were added" in " ".join(
        run("verify", local / "b.exe", "--extra-root", local / "root.pem")[1].split()
    )
    code, found = document("verify", local / "b.exe")
    assert code == 1
    code, found = document("sign", local / "b.exe", *signing, "--append", "--output", local / "c.exe")
    assert code == 0
    assert len(document("verify", local / "c.exe")[1]["result"]["signatures"]) == 2


def test_signing_tells_that_the_certificate_has_expired(local: Path, document: Any) -> None:
    (local / "a.p12").write_bytes(pki.p12(pki.leaf("expired"), [pki.intermediate().certificate]))
    words = ["--p12", local / "a.p12", "--no-timestamp", "--output", local / "b.exe"]
    code, found = document("sign", local / "a.exe", *words)
    assert (code, ids(found)) == (1, {"authenticode.sign.no-timestamp", "authenticode.verify.expired"})
    judged = ids(document("verify", local / "b.exe", "--extra-root", local / "root.pem")[1])
    assert "authenticode.verify.expired" in judged


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_what_a_stranger_wrote_into_a_file_does_not_reach_the_terminal(
    command: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from codesign_wizard.core.authenticode import sign
    from codesign_wizard.core.job import Job

    monkeypatch.setattr(sign, "_check_texts", lambda *_: None)
    stranger = pki.issue("Good\x1b[2J\n✓ ok       Publisher\u202e", pki.key("p256"), None)
    signer = pki.LocalSigner("a.p12", stranger.key, [stranger.certificate])
    (tmp_path / "a.exe").write_bytes(pe.small())
    said = "\x1b]0;title\x07\r\x9b31mred\u202e"
    file = tmp_path / ("b.exe" if os.name == "nt" else "b\x1b[31m.exe")
    sign.sign_file(Job(), tmp_path / "a.exe", file, signer, description=said)
    code, out, err = run(command, file, "--verbose")
    assert code == 1
    assert "Publisher" in out
    assert not set("\x1b\x07\r\x9b\u202e") & set(out + err)
    assert not [line for line in out.splitlines() if line.startswith("✓ ok       Publisher")]


def test_signing_in_place_needs_a_yes(local: Path, document: Any) -> None:
    words = ["sign", local / "a.exe", "--p12", local / "a.p12", "--no-timestamp", "--output", local / "a.exe"]
    before = (local / "a.exe").read_bytes()
    code, found = document(*words)
    assert (code, ids(found)) == (2, {"usage.confirmation-needed"})
    assert (local / "a.exe").read_bytes() == before
    assert document(*words, "--yes")[0] == 0
    assert (local / "a.exe").read_bytes() != before


@pytest.mark.parametrize("name", ["x" * 300 + ".exe", "/", "a\udcff\n.exe"], ids=["long", "root", "no text"])
@posix
def test_a_strange_output_is_written_or_refused(name: str, local: Path, document: Any) -> None:
    signing = ["--p12", local / "a.p12", "--no-timestamp", "--output", local / name]
    code, found = document("sign", local / "a.exe", *signing)
    assert (code == 0) is name.startswith("a")
    assert ids(found) == {"authenticode.sign.no-timestamp" if code == 0 else "authenticode.file.unwritable"}


@posix
def test_an_output_that_no_file_can_have_is_refused_by_the_trial(tmp_path: Path, document: Any) -> None:
    code, found = document("trial", "windows", "--practice", "--output", tmp_path / ("x" * 300 + ".exe"))
    assert (code, ids(found)) == (2, {"authenticode.file.unwritable"})
    assert not list(tmp_path.glob("x*"))


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (["--input-is", "text"], "authenticode.file.not-a-program"),
        (["--p12", "a.exe"], "identity.p12.unreadable"),
        (["--url", "nothing"], "authenticode.sign.bad-text"),
        (["--output", "no/such/folder/b.exe"], "authenticode.file.unwritable"),
        (["--append"], "authenticode.sign.cannot-append"),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else "",
)
def test_what_cannot_be_signed_leaves_the_former_output(
    change: list[str], finding: str, local: Path, document: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(local)
    (local / "b.exe").write_bytes(b"former")
    if change[0] == "--input-is":
        (local / "a.exe").write_bytes(b"text")
        change = []
    words = ["sign", "a.exe", "--p12", "a.p12", "--no-timestamp", "--output", "b.exe", *change]
    code, found = document(*words)
    assert (code, ids(found)) == (2, {finding})
    assert (local / "b.exe").read_bytes() == b"former"
    assert sorted(path.name for path in local.iterdir() if path.name.startswith(".")) == []


def test_a_p12_s_password_is_asked_for_where_nobody_is(
    local: Path, run: Run, monkeypatch: pytest.MonkeyPatch, given: Any
) -> None:
    words = ["sign", local / "a.exe", "--p12", local / "a.p12", "--no-timestamp", "--output", local / "b.exe"]
    monkeypatch.delenv("CODESIGN_WIZARD_P12_PASSWORD")
    given("")
    code, out, _ = run(*words)
    assert code == 2
    assert "CODESIGN_WIZARD_P12_PASSWORD" in out
    given(f"{pki.PASSWORD}\n")
    assert run(*words, "--p12-password-stdin")[0] == 0
    given("wrong-password\n")
    code, out, err = run(*words, "--p12-password-stdin")
    assert code == 2
    assert "wrong-password" not in out + err


def test_practice_output_is_accepted_by_another_program(tmp_path: Path, document: Any) -> None:
    from tests.support import judges

    (tmp_path / "own.exe").write_bytes(pe.small())
    code, found = document("sign", tmp_path / "own.exe", "--practice", "--output", tmp_path / "signed.exe")
    assert code == 0
    roots = [Path(name) for name in found["result"]["practice_roots"]]
    assert [path.name for path in roots] == ["practice-roots.pem", "practice-timestamp-roots.pem"]
    judges.osslsigncode_accepts(tmp_path / "signed.exe", *roots)


def test_several_files_are_inspected_and_an_unreadable_one_hides_none(
    local: Path, document: Any, run: Run
) -> None:
    words = ["inspect", local / "missing", local / "root.pem", local, local / "a.p12"]
    code, found = document(*words)
    assert code == 2
    assert [each["kind"] for each in found["result"]] == ["unreadable", "certificates", "unreadable", "p12"]
    out = run(*words)[1]
    assert "is the certificate of Test Root" in out
    assert document("inspect", local / "root.pem")[0] == 0


def test_a_mutated_file_is_judged_or_refused(local: Path, run: Run, document: Any) -> None:
    import random

    words = ["--p12", local / "a.p12", "--no-timestamp", "--output", local / "b.exe"]
    assert run("sign", local / "a.exe", *words)[0] == 0
    signed = (local / "b.exe").read_bytes()
    dice = random.Random(20261123)
    target = local / "mutated.exe"
    for number in range(150):
        data = bytearray(signed)
        # the headers, or the signature and the certificates in it
        place = dice.randrange(512) if number % 3 == 0 else dice.randrange(1024, len(data))
        data[place] ^= 1 << dice.randrange(8)
        target.write_bytes(data)
        code, found = document("verify", target)
        assert code in (0, 1, 2)
        assert "internal.unexpected" not in ids(found), place


def _names(value: Any) -> set[str]:
    """Return the names of all members in *value*, but those that are data themselves."""
    if isinstance(value, dict):
        inner = {name: item for name, item in value.items() if name not in ("environment", "evidence")}
        return set(value) | {name for item in inner.values() for name in _names(item)}
    if isinstance(value, list):
        return {name for item in value for name in _names(item)}
    return set()


def test_every_member_of_a_result_is_documented(local: Path, document: Any) -> None:
    text = (Path(__file__).parents[2] / "docs" / "json.md").read_text("utf-8")
    for words in (
        ["doctor", "windows", "--practice"],
        ["trial", "windows", "--practice", "--output", local / "out"],
        ["sign", local / "a.exe", "--p12", local / "a.p12", "--no-timestamp", "--output", local / "b.exe"],
        ["inspect", local / "a.exe", local / "root.pem", local / "a.p12", local / "missing"],
        ["practice", "scenarios"],
        ["profile", "set", "name=P"],
        ["profile", "list"],
    ):
        _, found = document(*words)
        missing = {name for name in _names(found) if f"`{name}`" not in text and f'"{name}"' not in text}
        assert missing == set(), words


@posix
def test_a_second_ctrl_c_does_not_ask(tmp_path: Path) -> None:
    code = (
        "import sys, time; from codesign_wizard import cli; from codesign_wizard.commands import verify\n"
        "def stubborn(context):\n    print('at it', file=sys.stderr, flush=True)\n"
        "    while True: time.sleep(0.05)\n"
        "verify.run = stubborn; sys.exit(cli.main(['verify', 'x', '--json']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None, "the first one asks the work to stop"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert ids(json.loads(out)) == {"internal.interrupted"}


@posix
def test_a_terminal_sees_how_far_it_is_and_a_pipe_does_not(local: Path) -> None:
    import pty
    import threading

    with (local / "a.exe").open("ab") as file:
        file.truncate(128 << 20)
    code = (
        "import sys; from codesign_wizard import cli; from codesign_wizard.commands import events\n"
        "events._PATIENCE = 0.0\nsys.exit(cli.main(sys.argv[1:]))"
    )
    words = ["sign", local / "a.exe", "--p12", local / "a.p12", "--no-timestamp", "--output", local / "b.exe"]
    command = [sys.executable, "-c", code, *map(str, words), "--json"]
    outer, inner = pty.openpty()
    said = bytearray()

    def read() -> None:
        # the far end of a closed terminal is an error on some systems, the end of the file on others
        with contextlib.suppress(OSError):
            while piece := os.read(outer, 4096):
                said.extend(piece)

    reader = threading.Thread(target=read)
    reader.start()
    done = subprocess.run(
        command,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=inner,
        timeout=60,
    )
    os.close(inner)
    reader.join(10)
    os.close(outer)
    assert done.returncode == 0
    assert json.loads(done.stdout)["ok"] is True
    text = said.decode()
    assert "Hash: done" in text
    assert "134." in text, "megabytes done, of all"
    piped = subprocess.run(command, capture_output=True, timeout=60)
    assert (piped.returncode, piped.stderr) == (0, b"")


def test_who_has_set_up_nothing_is_told_where_to_begin(
    document: Callable[..., tuple[int, dict[str, Any]]], run: Run
) -> None:
    code, found = document("doctor", "windows")
    assert code == 1
    (note,) = [each for each in found["findings"] if each["id"] == "usage.nothing-set-up"]
    assert note["severity"] == "info"
    assert "trial all --practice" in note["remedies"][1]["title"]
    code, found = document("doctor", "windows", "--vault", "not a name!")
    assert "usage.nothing-set-up" not in [each["id"] for each in found["findings"]]
    for words in (("doctor",), ("trial", "windows")):
        code, said, _ = run(*words, "--practice", "firewal")
        assert code == 2
        assert "There is no scenario called firewal." in said
        assert "Near to it: firewall" in said


def test_a_profile_that_was_sent_is_named_and_taken_in_without_files_of_elsewhere(
    document: Callable[..., tuple[int, dict[str, Any]]], run: Run, tmp_path: Path
) -> None:
    here = tmp_path / "here.pem"
    here.write_text("is not read")
    run(
        "profile",
        "set",
        "--new",
        "Harbour",
        "windows.vault-name=harbour",
        f"extra-roots={here},/nowhere/x.pem",
    )
    sent = tmp_path / "harbour.json"
    assert run("profile", "export", sent)[0] == 0
    run("profile", "set", "extra-roots=")
    code, found = document("inspect", sent)
    assert code == 0
    assert found["findings"][0]["id"] == "inspect.profile"
    assert "profile import harbour.json" in found["findings"][0]["remedies"][0]["title"]
    (tmp_path / "other.json").write_text('{"schema": 1, "id": "x"}')
    assert "inspect.profile" not in run("inspect", tmp_path / "other.json", "--json")[1]
    code, found = document("profile", "import", sent)
    assert [each["id"] for each in found["findings"]] == ["profile.paths-left-out", "profile.saved"]
    assert "/nowhere/x.pem" in found["findings"][0]["title"]
    code, shown = document("profile", "show", "--profile", found["result"]["id"])
    assert str(here) in json.dumps(shown["result"])
    assert "nowhere" not in json.dumps(shown["result"])
