"""Every scenario, run as a person would run it, gives its findings and no other error."""

from __future__ import annotations

import base64
import io
import json
import os
import secrets
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from codesign_wizard import opening
from codesign_wizard.cli import main
from codesign_wizard.core.apple.pkcs12 import open_p12
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.flow import KEY_VAULT, Flow
from codesign_wizard.core.job import Job
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.report import build_report, support_text, write_report
from codesign_wizard.opening import open_session
from codesign_wizard.playing import Switched, area_title, offers, settle, switch
from codesign_wizard.practice.comet import models as comet_models
from codesign_wizard.practice.comet.models import CometServer
from codesign_wizard.practice.entra.people import SignIns
from codesign_wizard.practice.entra.tokens import TokenAuthority
from codesign_wizard.practice.scenarios import all_scenarios
from codesign_wizard.session import Session
from tests.support.canary import Started, leaks, parts_of, values_of

ALL = all_scenarios()
# the first of each area is played from the start of the cloud as well, as --practice NAME does it
STARTED = [next(each for each in ALL if each.area == area) for area in dict.fromkeys(one.area for one in ALL)]


STARTED_PROGRAMS = Started()


def _cache() -> Path:
    return Path(os.environ["CODESIGN_WIZARD_CACHE"])


def _record(session: Session, document: dict[str, Any]) -> None:
    """Keep what was found as the window keeps it, and save the profile."""
    findings = [Finding.from_json(each) for each in document["findings"]]
    Flow(session.profile).record(KEY_VAULT, findings, {})
    session.save()


class Issued:
    """What the services give out on the way: tokens, refresh tokens, keys of sessions on the server."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.secrets: list[str] = []
        for owner, name in (
            (TokenAuthority, "sign"),
            (SignIns, "refresh_token"),
            (CometServer, "start_session"),
        ):
            patch.setattr(owner, name, self._noting(getattr(owner, name)))

    def _noting(self, own: Callable[..., str]) -> Callable[..., str]:
        def noting(*arguments: Any, **named: Any) -> str:
            given = own(*arguments, **named)
            self.secrets.append(given)
            return given

        return noting

    def values(self) -> list[str]:
        """Return what to search for: of a token its signature, without which it is none."""
        return [each.rpartition(".")[2] for each in self.secrets]


class Live:
    """One practice that goes on, in which scenarios are switched on and off as the window does it."""

    def __init__(self, issued: Issued) -> None:
        self.issued = issued
        self.session = open_session(practice=True)
        assert self.session.practice is not None
        self.session.practice.world.notary.processing = 0.1

    def world(self) -> str:
        """Return all that the cloud would keep, and what is wrong with its network."""
        world = self.session.practice.world  # type: ignore[union-attr]  # it practises
        kept = [vault.to_json() for vault in world.vaults.all()]
        directory, conditions = world.directory.to_json(), vars(world.conditions)
        rest = [world.comet.to_json(), world.authorization.to_json(), world.account.to_json()]
        return json.dumps([kept, directory, *rest, conditions, vars(world.accounts)], default=repr)

    def secrets(self) -> list[str]:
        """Return every secret there is at the moment: of the accounts, of the store, and made on the way."""
        assert self.session.practice is not None
        accounts = vars(self.session.practice.world.accounts)
        names = [name for name in accounts if name.endswith(("secret", "password", "private_key"))]
        assert {"application_secret", "api_private_key", "server_password"} <= set(names)
        login = self.session.practice.world.conditions.proxy_login
        stored = self.session.secrets._secrets.values()  # type: ignore[attr-defined]  # practice has it in memory
        given = [str(accounts[name]) for name in names] + [each.reveal() for each in stored]
        given += [*self.issued.values(), *([login.password] if login is not None else [])]
        return values_of([*given, self.session.practice.apple_account.password])

    def key_parts(self) -> list[str | bytes]:
        """Return what gives away the keys in both .p12 files, and the seed of the one-time codes."""
        assert self.session.practice is not None
        world = self.session.practice.world
        seeds = {each.totp for each in world.comet.administrators if each.totp}
        identities = [self.session.practice.apple.identity(kind)[0] for kind in ("application", "installer")]
        return [part for key in identities for part in parts_of(key)] + sorted(seeds)

    def leaks(self, said: str, *places: Path, also: str = "") -> list[str]:
        """Search what was written, and whatever could be, for every secret there is."""
        profile, store = self.session.profile, self.session.profiles
        document = build_report(profile, practice=True, scenario=self.session.scenario)
        for suffix in ("html", "json"):
            write_report(document, places[0] / f"report.{suffix}")
        written = [said, support_text(document), *STARTED_PROGRAMS.said]
        where = [*places, store.folder, store.folder.parent / "apple" / profile.id, _cache()]
        searched = [*self.secrets(), *self.key_parts(), *([also] if also else [])]
        return leaks(searched, *written, *where)

    def switch(self, name: str | None) -> Switched:
        """Switch as the window does, on a profile as a command starts with."""
        self.issued.secrets.clear()
        self.session.profile.macos_wanted = False
        switched = switch(Job(), self.session, name)
        settle(self.session.profile, switched)
        return switched

    def open_session(self, *, overrides: Any, **more: Any) -> Session:
        """Open what a command works on: this practice, which it does not end."""
        beside = self.session.beside(self.session.profile)
        beside.overrides = overrides
        beside.close = lambda: None  # type: ignore[method-assign]  # it goes on
        return beside


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with pytest.MonkeyPatch.context() as patch:
        made = Live(Issued(patch))
        yield made
        made.session.close()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[[Any], dict[str, Any]]:
    """Return a function that runs a scenario's command, judges what it says, and returns the document."""

    def running(scenario: Any, live: Live | None = None) -> dict[str, Any]:
        command = list(scenario.command)
        if command[0] == "trial" or command[:2] == ["server", "prove"]:
            command += ["--output", str(tmp_path / "out")]
        # the whole log is told as well, to be searched for secrets
        code = main([*command, "--practice", scenario.name, "--json", "--verbose"])
        said = capsys.readouterr()
        document: dict[str, Any] = json.loads(said.out)
        if live is not None:
            _record(live.session, document)
            assert live.leaks(said.out + said.err, tmp_path) == []
        found = {finding["id"]: finding for finding in document["findings"]}
        errors = {key for key, finding in found.items() if finding["severity"] == "error"}
        assert set(scenario.expects) <= set(found), f"found {sorted(found)}"
        assert errors <= set(scenario.expects)
        assert code == (1 if errors else 0)
        assert document["ok"] is not bool(errors)
        assert document["practice"] == {"scenario": scenario.name}
        for key in scenario.expects:
            finding = found[key]
            assert finding["title"].endswith(".")
            assert finding["evidence"], "a refusal comes with what was seen"
            if finding["severity"] == "error":
                assert finding["remedies"], "an error comes with a fix"
        return document

    return running


@pytest.mark.parametrize("scenario", ALL, ids=lambda each: each.name)
def test_a_scenario_gives_its_findings_and_no_other_error(
    scenario: Any,
    live: Live,
    run: Callable[[Any], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(opening, "open_session", live.open_session)
    before = live.world()
    live.switch(scenario.name)
    run(scenario, live)
    live.switch(None)
    assert live.session.practice is not None
    assert live.session.practice.problems == []
    if scenario.area != "Server":  # what somebody else changed there stays changed
        assert live.world() == before


@pytest.mark.parametrize("scenario", STARTED, ids=lambda each: each.name)
def test_a_practice_may_begin_with_one(scenario: Any, run: Callable[[Any], dict[str, Any]]) -> None:
    run(scenario)


def test_after_all_of_them_all_is_well(
    live: Live, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "open_session", live.open_session)
    assert main(["doctor", "windows", "--practice", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {finding["severity"] for finding in document["findings"]} == {"ok"}


def test_a_crash_tells_no_secret(
    live: Live, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code = f"97{secrets.randbelow(10**18):018}"
    Secret(code)  # as one that was typed
    live.issued.secrets.clear()  # the program knows them whole, and never heard of these parts
    known = [*live.secrets(), code]
    assert len(known) > 5

    def crashing(**_: object) -> Session:
        raise RuntimeError(f"with {' '.join(known)}") from ValueError(json.dumps(known))

    monkeypatch.setattr(opening, "open_session", crashing)
    for form in (["--json"], []):
        assert main(["doctor", "windows", "--practice", "--verbose", *form]) == 1
        said = capsys.readouterr()
        assert "RuntimeError" in said.out + said.err
        assert live.leaks(said.out + said.err, tmp_path, also=code) == []


def test_a_crash_tells_no_key_of_a_p12(
    live: Live, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Once the file was opened, in whatever form the key turns up beside an error."""
    assert live.session.practice is not None
    account = live.session.practice.apple_account
    account.write()
    ((key, _),) = open_p12(account.application_file.read_bytes(), account.password).identities
    assert isinstance(key, rsa.RSAPrivateKey)
    written = []
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        packed = key.private_bytes(Encoding.DER, form, NoEncryption())
        pem = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
        written += [pem, "".join(pem.splitlines()[1:-1]), "\n".join(pem.splitlines()[3:])]
        written += [base64.b64encode(packed).decode(), base64.encodebytes(packed).decode()]
        written += [base64.urlsafe_b64encode(packed).decode(), packed.hex(), packed.hex(":"), repr(packed)]
        written += [packed.hex().upper(), json.dumps({"key": pem})]
    written += [str(key.private_numbers().d), hex(key.private_numbers().p)]

    for each in written:

        def crashing(each: str = each, **_: object) -> Session:
            raise RuntimeError(f"with {each}") from ValueError(each)

        monkeypatch.setattr(opening, "open_session", crashing)
        for form_of_answer in (["--json"], []):
            assert main(["doctor", "windows", "--practice", "--verbose", *form_of_answer]) == 1
            said = capsys.readouterr()
            assert "RuntimeError" in said.out + said.err
            assert leaks(parts_of(key), said.out, said.err) == [], each[:60]
    assert live.leaks("", tmp_path) == []  # nor in files


def test_the_seed_of_one_time_codes_is_told_by_nothing(
    live: Live, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The practice server tells it to whoever signed in; a crash after that does not."""
    live.switch("server-one-time-code")
    assert live.session.practice is not None
    (seed,) = {each.totp for each in live.session.practice.world.comet.administrators if each.totp}
    assert seed in live.key_parts()
    with monkeypatch.context() as patch:
        patch.setattr(opening, "open_session", live.open_session)
        patch.setattr(sys, "stdin", io.StringIO(live.session.practice.server_code() + "\n"))
        words = ["server", "show", "--code-stdin", "--practice", "server-one-time-code"]
        main([*words, "--json", "--verbose"])
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert "server.sign-in.ok" in {each["id"] for each in document["findings"]}
    _record(live.session, document)
    assert live.leaks(said.out + said.err, tmp_path) == []

    def crashing(**_: object) -> Session:
        raise RuntimeError(f"otpauth://totp/x?secret={base64.b32encode(seed).decode()}")

    monkeypatch.setattr(opening, "open_session", crashing)
    assert main(["server", "show", "--practice", "--verbose"]) == 1
    said = capsys.readouterr()
    assert "otpauth" in said.out + said.err
    assert live.leaks(said.out + said.err, tmp_path) == []
    live.switch(None)


def test_a_one_time_code_is_kept_nowhere(
    live: Live, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(opening, "open_session", live.open_session)
    # six digits are found in anything: the practice telephone shows longer ones
    planted = f"97{secrets.randbelow(10**18):018}"
    monkeypatch.setattr(comet_models, "_code", lambda key, step: f"{planted}{step}")
    live.switch("server-one-time-code")
    codes = []
    for expected in ("server.sign-in.ok", "server.sign-in.refused"):  # taken once, and not again
        assert live.session.practice is not None
        codes.append(codes[0] if codes else live.session.practice.server_code())
        monkeypatch.setattr(sys, "stdin", io.StringIO(codes[-1] + "\n"))
        words = ["server", "show", "--code-stdin", "--practice", "server-one-time-code"]
        main([*words, "--json", "--verbose"])
        said = capsys.readouterr()
        document = json.loads(said.out)
        assert expected in {each["id"] for each in document["findings"]}
        _record(live.session, document)
        assert live.leaks(said.out + said.err, tmp_path, also=planted) == []
    live.switch(None)


def test_each_is_offered_with_a_page_and_what_to_do_there() -> None:
    offered = offers()
    assert [each.name for each in offered] == [each.name for each in ALL]
    for each in offered:
        assert each.pages
        assert each.summary.endswith(".")
        assert each.how.endswith(".")
        assert area_title(each.area) != each.area or each.area == "Windows trial"


def test_the_list_names_the_command_and_what_it_finds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["practice", "scenarios", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["result"]
    assert {"secret-wrong", "vault-unknown", "all-timestamps-down"} <= {each["name"] for each in listed}
    assert all(set(each) >= {"name", "summary", "command", "expects"} for each in listed)
    asked = {shlex.split(each["command"])[0] for each in listed}
    assert asked == {"doctor", "permissions", "trial", "certificate", "csr", "server", "notary"}
