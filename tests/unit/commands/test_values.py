"""Where a command's values come from: options, environment, standard input, the profile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from codesign_wizard.commands.arguments import parse
from tests.support.command_line import CANARY, Document, Run, ids


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


@pytest.mark.parametrize(
    "address",
    ["::::", "socks5://proxy:1080", "http://", "http://proxy:99999", "http://ada:geheim@", "a b:80"],
)
def test_what_is_no_proxys_address_is_refused_at_once(
    address: str, document: Document, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*words: str) -> None:
        code, found = document(*words)
        assert (code, ids(found)) == (2, {"usage.bad-value"}), words
        assert "geheim" not in str(found)

    refused("doctor", "windows", "--proxy", address)
    refused("profile", "set", f"network.proxy={address}")
    monkeypatch.setenv("CODESIGN_WIZARD_PROXY", address)
    refused("doctor", "windows")
    monkeypatch.delenv("CODESIGN_WIZARD_PROXY")
    # what many programs read is named as it stands there
    monkeypatch.setenv("HTTPS_PROXY", address)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", CANARY)
    some = "66666666-7777-4888-8999-aaaaaaaaaaaa"
    words = ["doctor", "windows", "--vault", "a-vault", "--certificate", "a", "--tenant", some,
             "--application", some.replace("6", "5")]  # fmt: skip
    code, found = document(*words)
    assert (code, ids(found)) == (2, {"network.proxy-address"})
    assert "geheim" not in str(found)
    assert run("profile", "set", "network.proxy=http://ada@proxy.example:8080").code == 0


def test_a_ca_bundle_that_cannot_be_used_is_not_taken(
    document: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.pem").write_text("none")
    monkeypatch.chdir(tmp_path)
    for name in ("empty.pem", "missing.pem", "."):
        code, found = document("profile", "set", f"network.ca-bundle={name}")
        assert (code, ids(found)) == (2, {"network.ca-bundle"})
    assert document("profile", "set", "network.ca-bundle=")[0] == 0


def test_a_secret_comes_by_standard_input(given: Callable[[str], None], document: Document) -> None:
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


def test_a_missing_value_comes_with_how_it_is_given_here(run: Run, document: Document) -> None:
    out = " ".join(run("doctor", "windows")[1].split())
    for word in ("--vault NAME", "AZURE_TENANT_ID", "profile set --secret-stdin"):
        assert word in out
    code, found = document("doctor", "windows")
    assert (code, ids(found)) == (1, {"azure.options.missing", "usage.nothing-set-up"})
    assert all(finding["remedies"] for finding in found["findings"])


def test_who_has_set_up_nothing_is_told_where_to_begin(document: Document, run: Run) -> None:
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
