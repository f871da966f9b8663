"""A Comet-like server, and our side of it: nothing but our keys changes, whatever happens in between."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.authenticode.roots import RootStore
from codesign_wizard.core.comet import apply as applying
from codesign_wizard.core.comet.address import parse_address
from codesign_wizard.core.comet.client import CometClient
from codesign_wizard.core.comet.desk import ServerDesk
from codesign_wizard.core.comet.document import Members, same
from codesign_wizard.core.comet.journal import Journal, Phase
from codesign_wizard.core.comet.look import State
from codesign_wizard.core.comet.prove import Proof, ProveRequest, prove
from codesign_wizard.core.comet.settings import FileFields, MacosWanted, Part, Wanted
from codesign_wizard.core.errors import Cancelled, CodesignError
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import Network, NetworkSettings
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import MemoryStore
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.comet.models import HOST, CometServer, new_server
from codesign_wizard.practice.comet.routes import service as comet_service
from codesign_wizard.practice.wire.messages import Request, Response
from codesign_wizard.session import Session

AZURE_KEYS = {
    "WindowsCodeSignMethod",
    "WindowsCodeSignAzureVaultName",
    "WindowsCodeSignAzureCertName",
    "WindowsCodeSignAzureAppID",
    "WindowsCodeSignAzureAppSecretFormat",
    "WindowsCodeSignAzureAppSecret",
    "WindowsCodeSignAzureTenantID",
}
P12 = b"0\x82 not opened by anybody here"


@pytest.fixture(scope="module")
def own() -> Iterator[PracticeCloud]:
    with PracticeCloud() as running:
        yield running
        assert running.problems == []


class Bench:
    """A fresh server in the shared cloud, and desks at it."""

    def __init__(self, cloud: PracticeCloud, folder: Path) -> None:
        self.cloud, self.folder = cloud, folder
        world = cloud.world
        world.comet = new_server(world.clock, "Practice Backup", "Practice")
        world.conditions.answers.pop(HOST, None)
        world.conditions.holds.pop(HOST, None)
        self.secrets = MemoryStore()
        self.network = Network(
            NetworkSettings(proxy=cloud.proxy_url, ca_bundle=str(cloud.ca_file), use_environment=False)
        )
        self.wanted = Wanted(
            azure=Session(_profile(cloud), None).azure_options(),  # type: ignore[arg-type]  # no store is used
            secret=Secret(cloud.accounts.application_secret),
        )

    @property
    def server(self) -> CometServer:
        return self.cloud.world.comet

    @property
    def journal(self) -> Journal:
        return Journal(self.folder, "one", self.secrets)

    def desk(self, *, password: str | None = None, code: str | None = None) -> ServerDesk:
        return ServerDesk.open(
            Job(),
            self.network,
            parse_address(self.cloud.accounts.server_address),
            self.server.administrators[0].name,
            Secret(self.server.administrators[0].password if password is None else password),
            self.journal,
            code=Secret(code) if code is not None else None,
        )

    def apply(self, wanted: Wanted | None = None, parts: list[Part] | None = None, **more: Any) -> Any:
        with self.desk() as desk:
            return desk.apply(Job(), desk.compare(Job(), wanted or self.wanted, parts, **more))

    def undo(self) -> None:
        with self.desk() as desk:
            desk.undo(Job())

    def members(self) -> dict[str, str]:
        members = Members(self.server.branding_text())
        return {name: members.raw(name) for name in members}


def _profile(cloud: PracticeCloud) -> Any:
    from codesign_wizard.core.profile import Profile

    profile = Profile("one", "One")
    azure, accounts = profile.windows.azure, cloud.accounts
    azure.vault_name, azure.certificate_name = accounts.vault_name, accounts.certificate_name
    azure.application_id, azure.tenant_id = accounts.application_id, accounts.tenant_id
    return profile


@pytest.fixture
def bench(own: PracticeCloud, tmp_path: Path) -> Bench:
    return Bench(own, tmp_path)


def ids(findings: Any) -> set[str]:
    return {finding.id for finding in findings}


def macos(tmp_path: Path, level: int = 2) -> MacosWanted:
    paths = {}
    for name in ("installer.p12", "application.p12"):
        paths[name] = tmp_path / name
        paths[name].write_bytes(P12 + name.encode())
    return MacosWanted(
        level,
        paths["installer.p12"],
        paths["application.p12"],
        Secret("one for both"),
        "57246542-96fe-1a63-e053-0824d011072a",
        "2X9R4HXF34",
        Secret("the text of a key"),
    )


# only our keys


def test_apply_changes_our_keys_and_nothing_else(bench: Bench) -> None:
    before = bench.members()
    applied = bench.apply()
    after = bench.members()
    assert ids(applied.findings) == {"server.apply.done"}
    assert {name for name in after if before.get(name) != after[name]} == AZURE_KEYS
    assert list(after) == list(before)
    assert bench.server.setting("WindowsCodeSignAzureAppSecret") == bench.cloud.accounts.application_secret
    assert bench.server.open_sessions == 0


def test_two_hundred_unknown_keys_and_five_megabytes_survive_to_the_digit(bench: Bench) -> None:
    odd = (
        '{"Big":12345678901234567890123456789,"Float":1.10,"Exp":4E+2,"Zero":-0.0,"Text":"\\/\\u00e9\\u2028"}'
    )
    strange = {f"Later{n}": f'[{{"n":{n}.500,"deep":[[[{odd}]]]}}, null]' for n in range(200)}
    strange["Large"] = json.dumps("plain text, ü " * 380_000, ensure_ascii=False)
    bench.server.branding |= strange
    macos_before = Members(bench.server.branding["MacOSCodeSign"])
    before = bench.members()
    bench.apply(Wanted(bench.wanted.azure, bench.wanted.secret, MacosWanted(1)), [Part.AZURE, Part.LEVEL])
    after = bench.members()
    assert {name for name in after if before[name] != after[name]} == AZURE_KEYS | {"MacOSCodeSign"}
    macos_after = Members(after["MacOSCodeSign"])
    assert [name for name in macos_after if macos_after.raw(name) != macos_before.raw(name)] == ["Level"]


def test_what_is_the_same_is_not_sent_again(bench: Bench) -> None:
    bench.apply()
    with bench.desk() as desk:
        again = desk.compare(Job(), bench.wanted)
        states = {line.setting.path[-1]: line.state for line in again.lines}
    # the server keeps the secret its own way: whether it is the same cannot be told
    assert states.pop("WindowsCodeSignAzureAppSecret") is State.UNKNOWN
    assert set(states.values()) == {State.SAME}
    assert not again.blocked


def test_each_part_alone(bench: Bench, tmp_path: Path) -> None:
    wanted = Wanted(bench.wanted.azure, bench.wanted.secret, macos(tmp_path))
    for part, keys in (
        (Part.LEVEL, {"Level"}),
        (
            Part.CERTIFICATES,
            {
                "SignLocally",
                "CertificateFile",
                "AppCertificateFile",
                "PfxFilePassword",
                "PfxFilePasswordFormat",
            },
        ),
        (Part.API_KEY, {"NotaryAPIIssuerID", "NotaryAPIKeyID", "NotaryAPIKeyFile"}),
    ):
        before, inner = bench.members(), Members(bench.server.branding["MacOSCodeSign"])
        assert "server.apply.done" in ids(bench.apply(wanted, [part]).findings)
        after, now = bench.members(), Members(bench.server.branding["MacOSCodeSign"])
        assert {name for name in after if before[name] != after[name]} == {"MacOSCodeSign"}
        assert {name for name in now if inner.raw(name) != now.raw(name)} == keys
        bench.undo()
        assert bench.members() == before
        bench.apply(wanted, [part])
    before = bench.members()
    bench.apply(wanted, [Part.AZURE])
    assert {name for name in bench.members() if bench.members()[name] != before.get(name)} == AZURE_KEYS
    bench.undo()
    assert bench.members() == {**dict.fromkeys(AZURE_KEYS, '""'), **before}
    assert bench.server.macos_setting("PfxFilePassword") == "one for both"
    uri = bench.server.macos_setting("NotaryAPIKeyFile")
    assert bench.server.resource(uri) == b"the text of a key"


def test_the_unsure_field_is_told_and_can_be_chosen(bench: Bench, tmp_path: Path) -> None:
    wanted = Wanted(macos=macos(tmp_path))
    with bench.desk() as desk:
        unsure = desk.compare(Job(), wanted, [Part.CERTIFICATES])
        assert "server.settings.field-unsure" in ids(unsure.findings)
        chosen = desk.compare(Job(), wanted, [Part.CERTIFICATES], FileFields.NAME)
        assert "server.settings.field-unsure" not in ids(chosen.findings)
        desk.apply(Job(), chosen)
        # from here on the server shows which one it uses
        again = desk.compare(Job(), wanted, [Part.CERTIFICATES])
    assert again.fields is FileFields.NAME
    assert "server.settings.field-unsure" not in ids(again.findings)
    assert bench.server.macos_setting("CertificateName").startswith("resource://")
    assert bench.server.macos_setting("CertificateFile") == ""


# undo


def test_undo_gives_back_what_was_there(bench: Bench, tmp_path: Path) -> None:
    bench.apply(Wanted(macos=macos(tmp_path)), [Part.LEVEL, Part.CERTIFICATES, Part.API_KEY])
    before = bench.members()
    old_password = bench.server.macos_setting("PfxFilePassword")
    other = tmp_path / "other"
    other.mkdir()
    (other / "installer.p12").write_bytes(b"another file")
    new = macos(tmp_path, 0)
    changed = MacosWanted(
        0, other / "installer.p12", None, Secret("another"), new.issuer_id, "OTHERKEY01", new.key
    )
    bench.apply(Wanted(macos=changed), [Part.LEVEL, Part.CERTIFICATES, Part.API_KEY])
    assert bench.members() != before
    with bench.desk() as desk:
        assert desk.can_undo
        undone = desk.undo(Job())
        assert not desk.can_undo
    assert ids(undone.findings) == {"server.undo.done"}
    # the file that nothing referred to meanwhile was uploaded again
    assert bench.members() == before
    assert bench.server.macos_setting("PfxFilePassword") == old_password
    assert bench.server.resource(bench.server.macos_setting("CertificateFile")) == P12 + b"installer.p12"
    assert bench.journal.old() is None


def test_undo_is_refused_when_others_changed_our_keys_since(bench: Bench) -> None:
    bench.apply()
    bench.server.change("WindowsCodeSignAzureCertName", "theirs")
    with bench.desk() as desk, pytest.raises(CodesignError) as raised:
        desk.undo(Job())
    assert raised.value.finding.id == "server.apply.changed-meanwhile"
    assert bench.server.setting("WindowsCodeSignAzureCertName") == "theirs"


def test_undo_without_a_change_and_without_the_keyring(bench: Bench, tmp_path: Path) -> None:
    with bench.desk() as desk:
        with pytest.raises(CodesignError) as raised:
            desk.undo(Job())
        assert raised.value.finding.id == "server.undo.nothing"
    for password in ("first", "second"):
        bench.apply(Wanted(macos=replace(macos(tmp_path), password=Secret(password))), [Part.CERTIFICATES])
    bench.secrets = MemoryStore()
    with bench.desk() as desk:
        with pytest.raises(CodesignError) as raised:
            desk.undo(Job())
        assert raised.value.finding.id == "server.undo.secrets-gone"


# in the middle


def test_changed_meanwhile_is_refused(bench: Bench) -> None:
    with bench.desk() as desk:
        comparison = desk.compare(Job(), bench.wanted)
        bench.server.change("ProductName", "Theirs")
        before = bench.members()
        with pytest.raises(CodesignError) as raised:
            desk.apply(Job(), comparison)
    assert raised.value.finding.id == "server.apply.changed-meanwhile"
    assert bench.members() == before


class Killed(BaseException):
    """As if the process ended here."""


@pytest.mark.parametrize(
    ("moment", "finding", "changed"),
    [
        ("after-upload", "server.apply.interrupted-before", False),
        ("before-save", "server.apply.interrupted-before", False),
        ("after-save", "server.apply.interrupted-saved", True),
    ],
)
def test_a_killed_run_leaves_a_whole_server_and_the_next_start_says_what_happened(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, finding: str, changed: bool
) -> None:
    wanted = Wanted(bench.wanted.azure, bench.wanted.secret, macos(tmp_path))
    before = bench.members()
    real = CometClient.set_branding

    def save(self: CometClient, job: Any, text: str) -> None:
        if moment == "after-save":
            real(self, job, text)
        raise Killed

    monkeypatch.setattr(CometClient, "set_branding", save)
    if moment == "after-upload":
        monkeypatch.setattr(applying, "_save", lambda *_: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        bench.apply(wanted)
    assert (bench.members() != before) is changed
    monkeypatch.undo()

    with bench.desk() as desk:
        assert finding in ids(desk.look(Job()).findings)
        # it is said once
        assert finding not in ids(desk.look(Job()).findings)
        assert desk.can_undo is changed
        if changed:
            desk.undo(Job())
        else:
            desk.apply(Job(), desk.compare(Job(), wanted))
    if changed:
        assert {name for name, text in bench.members().items() if not same(text, before[name])} == set()


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("old", ["", "the former one"])
def test_a_killed_change_of_nothing_but_a_secret_is_seen_by_the_secret(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, saved: bool, old: str
) -> None:
    bench.apply(Wanted(bench.wanted.azure, Secret(old or "one")))
    if not old:
        bench.server.change("WindowsCodeSignAzureAppSecret", "")
        bench.server.change("WindowsCodeSignAzureAppSecretFormat", 0)
    real = CometClient.set_branding

    def save(self: CometClient, job: Any, text: str) -> None:
        if saved:
            real(self, job, text)
        raise Killed

    monkeypatch.setattr(CometClient, "set_branding", save)
    with pytest.raises(Killed):
        bench.apply()
    monkeypatch.undo()
    with bench.desk() as desk:
        told = ids(desk.look(Job()).findings)
    # a sealed secret that is another one may be the new one, or the old one sealed anew
    after = "server.apply.interrupted-secret" if old else "server.apply.interrupted-saved"
    assert (after if saved else "server.apply.interrupted-before") in told


@pytest.mark.parametrize("saved", [False, True])
def test_a_killed_undo_is_told_too(bench: Bench, monkeypatch: pytest.MonkeyPatch, saved: bool) -> None:
    before = bench.members()
    bench.apply()
    changed = bench.members()
    real = CometClient.set_branding

    def save(self: CometClient, job: Any, text: str) -> None:
        if saved:
            real(self, job, text)
        raise Killed

    monkeypatch.setattr(CometClient, "set_branding", save)
    with bench.desk() as desk, pytest.raises(Killed):
        desk.undo(Job())
    monkeypatch.undo()
    assert bench.members() == (before if saved else changed)
    with bench.desk() as desk:
        told = ids(desk.look(Job()).findings)
        assert ("server.undo.interrupted-saved" if saved else "server.undo.interrupted-before") in told
        assert desk.can_undo is not saved
        if not saved:
            desk.undo(Job())
    assert bench.members() == before


def test_what_would_not_sign_is_told_before_it_is_given(
    bench: Bench, identities: dict[str, Path], tmp_path: Path
) -> None:
    accounts = bench.cloud.accounts
    roots = AppleRoots.with_files([bench.cloud.apple_roots_file], [bench.cloud.timestamp_roots_file])
    good = MacosWanted(
        1,
        identities["installer"],
        identities["application"],
        Secret("one for both"),
        accounts.api_issuer_id,
        accounts.api_key_id,
        Secret(accounts.api_private_key),
        roots=roots,
    )
    swapped = replace(good, installer=good.application, application=good.installer)
    wrong_password = replace(good, password=Secret("another"))
    no_key = replace(good, key=Secret("-----BEGIN NOTHING-----"))
    other_team = replace(good, team="OTHERTEAM1")
    with bench.desk() as desk:
        assert desk.compare(Job(), Wanted(macos=good)).may_apply
        for wanted, finding in (
            (swapped, "apple.identity.swapped"),
            (wrong_password, "apple.identity.password-wrong"),
            (other_team, "apple.options.other-team"),
            (no_key, "apple.api-key."),
        ):
            comparison = desk.compare(Job(), Wanted(macos=wanted))
            assert any(each.startswith(finding) for each in ids(comparison.findings)), finding
            assert not comparison.may_apply
            # what is well can be given all the same
            assert desk.compare(Job(), Wanted(macos=wanted), [Part.LEVEL]).may_apply
        wrong = Wanted(bench.wanted.azure, Secret("no~secret"))
        assert ids(desk.try_here(Job(), wrong, desk.compare(Job(), wrong))) == {
            "server.settings.azure-fails-here"
        }
        assert desk.try_here(Job(), bench.wanted, desk.compare(Job(), bench.wanted)) == []


def test_a_killed_change_that_others_changed_since_is_told_as_unclear(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CometClient, "set_branding", lambda *_: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        bench.apply()
    monkeypatch.undo()
    bench.server.change("WindowsCodeSignAzureVaultName", "third")
    with bench.desk() as desk:
        assert "server.apply.interrupted-unclear" in ids(desk.look(Job()).findings)


def test_a_refused_save_changes_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with bench.desk() as desk:
        comparison = desk.compare(Job(), bench.wanted)
        monkeypatch.setattr(
            bench.server, "set_branding", lambda text: (_ for _ in ()).throw(_error(403, "no"))
        )
        with pytest.raises(CodesignError) as raised:
            desk.apply(Job(), comparison)
    assert raised.value.finding.id == "server.answer.refused"
    record = bench.journal.read()
    assert record is not None
    assert record.phase is Phase.NONE


def test_a_save_without_an_answer_is_looked_up(bench: Bench) -> None:
    """The settings are saved, and the connection breaks before the answer is there."""
    with bench.desk() as desk:
        comparison = desk.compare(Job(), bench.wanted)
        service = comet_service(bench.cloud.world)

        def torn(request: Request) -> Response:
            answer = service.handle(request)
            return Response(200, reset=True) if request.path.endswith("/set") else answer

        bench.cloud.world.conditions.answers[HOST] = torn
        assert ids(desk.apply(Job(), comparison).findings) == {"server.apply.done"}
        bench.cloud.world.conditions.answers[HOST] = lambda request: (
            Response(200, reset=True) if request.path.endswith("/set") else service.handle(request)
        )
        comparison = desk.compare(Job(), replace(bench.wanted, macos=MacosWanted(1)), [Part.LEVEL])
        with pytest.raises(CodesignError) as raised:
            desk.apply(Job(), comparison)
        assert raised.value.finding.id.startswith("network.")
        assert "server.apply.interrupted-before" in ids(desk.look(Job()).findings)


def _error(status: int, message: str) -> Exception:
    from codesign_wizard.practice.comet.errors import CometError

    return CometError(status, message)


def test_cancelling_before_the_save_changes_nothing(bench: Bench) -> None:
    before = bench.members()
    with bench.desk() as desk:
        comparison = desk.compare(Job(), bench.wanted)
        job = Job()
        job.cancel()
        with pytest.raises(Cancelled):
            desk.apply(job, comparison)
    assert bench.members() == before
    assert bench.server.open_sessions == 0


def test_what_the_server_changes_by_itself_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = bench.server.set_branding

    def meddle(text: str) -> None:
        real(text)
        bench.server.change("HelpURL", "https://elsewhere.example")
        bench.server.change("WindowsCodeSignAzureTenantID", "")

    monkeypatch.setattr(bench.server, "set_branding", meddle)
    found = {finding.id: finding for finding in bench.apply().findings}
    assert set(found) == {"server.apply.not-taken", "server.apply.others-changed"}
    assert "HelpURL" in found["server.apply.others-changed"].title
    assert "WindowsCodeSignAzureTenantID" in found["server.apply.not-taken"].title


# signing in


def test_a_wrong_password_is_tried_once(bench: Bench) -> None:
    with pytest.raises(CodesignError) as raised:
        bench.desk(password="not this one")
    assert raised.value.finding.id == "server.sign-in.refused"
    assert bench.server.attempts == 1


def test_a_one_time_code_is_sent_once_and_the_session_does_the_rest(bench: Bench) -> None:
    bench.server.administrators[0].totp = b"0123456789"
    with pytest.raises(CodesignError) as raised:
        bench.desk()
    assert raised.value.finding.id == "server.sign-in.code-needed"
    code = bench.server.code_now()
    with bench.desk(code=code) as desk:
        desk.apply(Job(), desk.compare(Job(), bench.wanted))
    assert bench.server.attempts == 0
    assert bench.server.open_sessions == 0
    with pytest.raises(CodesignError) as raised:
        bench.desk(code=code)
    assert raised.value.finding.id == "server.sign-in.refused"
    assert bench.server.attempts == 1


def test_an_ended_session_is_told_as_one(bench: Bench) -> None:
    with bench.desk() as desk:
        bench.server._sessions.clear()
        with pytest.raises(CodesignError) as raised:
            desk.look(Job())
    assert raised.value.finding.id == "server.sign-in.session-ended"


def test_a_redirection_is_not_followed(bench: Bench) -> None:
    asked: list[str] = []

    def lead_away(request: Request) -> Response:
        asked.append(request.path)
        return Response(307, b"", [("Location", f"https://{HOST}/elsewhere?x=1")])

    bench.cloud.world.conditions.answers[HOST] = lead_away
    with pytest.raises(CodesignError) as raised:
        bench.desk()
    assert raised.value.finding.id == "server.answer.redirected"
    assert asked == ["/api/v1/admin/account/session-start"]


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (Response(404, b"404 page not found"), "server.answer.not-comet"),
        (Response(200, b"<html>"), "server.answer.not-comet"),
        (Response(200, b'{"Status":200,"Message":"OK"}'), "server.answer.not-comet"),
        (Response(200, b"[" * 100_000), "server.answer.not-comet"),
        (Response(502, b"Bad Gateway"), "server.answer.refused"),
        (Response(200, b'{"Status":500,"Message":"database is locked"}'), "server.answer.refused"),
        (Response(200, b'{"Status":199,"Message":"odd"}'), "server.answer.refused"),
        (Response(401, b""), "server.sign-in.refused"),
    ],
    ids=["no-page", "web-page", "no-key", "nested", "gateway", "own-error", "below-200", "http-401"],
)
def test_other_answers_are_told_as_what_they_are(bench: Bench, answer: Response, finding: str) -> None:
    bench.cloud.world.conditions.answers[HOST] = lambda request: answer
    with pytest.raises(CodesignError) as raised:
        bench.desk()
    assert raised.value.finding.id == finding
    assert raised.value.finding.evidence


def test_versions_and_clocks(bench: Bench) -> None:
    bench.server.version = "22.12.0"
    with bench.desk() as desk:
        comparison = desk.compare(Job(), bench.wanted)
        assert "server.settings.too-old" in ids(comparison.findings)
        assert not comparison.may_apply
    real = bench.server.version_info
    bench.server.version_info = lambda: {**real(), "CurrentTime": 1_000_000_000}  # type: ignore[method-assign]  # a clock of its own
    with bench.desk() as desk:
        assert "server.clock" in ids(desk.look(Job()).findings)


# downloads


def test_a_build_that_is_cancelled_ends_at_once(bench: Bench) -> None:
    with bench.desk() as desk:
        bench.cloud.world.conditions.holds[HOST] = 20
        job = Job()
        threading.Timer(0.3, job.cancel).start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            desk.client.build(job, 7, lambda piece: None, first=30)
        assert time.monotonic() - began < 15
        bench.cloud.world.conditions.holds.pop(HOST)


def test_a_build_that_never_begins_ends_by_its_own_time_out(bench: Bench) -> None:
    waited: list[float] = []
    with bench.desk() as desk:
        bench.cloud.world.conditions.holds[HOST] = 20
        with pytest.raises(CodesignError) as raised:
            desk.client.build(Job(), 7, lambda piece: None, first=0.5, waiting=waited.append)
        bench.cloud.world.conditions.holds.pop(HOST)
    assert raised.value.finding.id == "network.timeout"
    assert waited


# other people's clients


def test_the_php_sdk_s_requests_are_understood(bench: Bench) -> None:
    """As AsPSR7 of comet-php-sdk 4.46 builds them: form fields, and headers for a multipart body."""
    import requests

    session = requests.Session()
    session.trust_env = False
    session.proxies, session.verify = {"https": bench.cloud.proxy_url}, str(bench.cloud.ca_file)
    account = bench.server.administrators[0]
    login = {"Username": account.name, "AuthType": "Password", "Password": account.password}

    def call(path: str, **fields: str) -> requests.Response:
        return session.post(f"https://{HOST}/api/v1/admin/{path}", data={**fields, **login}, timeout=60)

    assert call("account/properties").json()["Permissions"]["AllowEditBranding"] is False
    assert call("meta/version").json()["SoftwareBuildRole"] is True
    boundary = "-------------65f0c0ffee"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="upload"; filename="upload"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\nfile\r\n--{boundary}--\r\n"
    )
    headers = {f"X-Comet-Admin-{name}": value for name, value in login.items()}
    headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
    told = session.post(
        f"https://{HOST}/api/v1/admin/meta/resource/new", data=body.encode(), headers=headers, timeout=20
    ).json()
    assert bench.server.resources[told["ResourceHash"]] == b"file"
    branding = call("meta/branding-config/get").json()["Branding"]
    branding["PathIcoFile"] = f"resource://{told['ResourceHash']}"
    assert call("meta/branding-config/set", BrandingConfig=json.dumps(branding)).json()["Status"] == 200
    # kept as long as something refers to it
    branding["PathIcoFile"] = ""
    call("meta/branding-config/set", BrandingConfig=json.dumps(branding))
    assert bench.server.resources == {}
    branding["PathIcoFile"] = f"resource://{told['ResourceHash']}"
    refused = call("meta/branding-config/set", BrandingConfig=json.dumps(branding)).json()
    assert refused["Status"] == 404
    days = call("meta/list-available-log-days").json()
    assert "Branding configuration updated" in call("meta/read-logs", Log=str(days[0])).text
    assert set(call("branding/available-platforms").json()) >= {"1", "7", "50"}
    assert call("branding/generate-client/test", Platform="7").json() == {"Status": 200, "Message": "OK"}
    assert call("branding/generate-client/by-platform", Platform="99").json()["Status"] == 400
    assert call("branding/generate-client/by-platform", Platform="7").content[:2] == b"PK"
    assert session.get(f"https://{HOST}/api/v1/admin/meta/version", timeout=60).status_code == 405


# macOS builds


@pytest.fixture(scope="module")
def identities(own: PracticeCloud, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("p12")
    files = {}
    for kind in ("installer", "application"):
        key, certificate = own.apple.identity(kind)
        files[kind] = folder / f"{kind}.p12"
        others = [own.apple.intermediate()]
        files[kind].write_bytes(
            pkcs12.serialize_key_and_certificates(
                b"x", key, certificate, others, BestAvailableEncryption(b"one for both")
            )
        )
    return files


def _prove_macos(bench: Bench, identities: dict[str, Path], asked: int, **changes: Any) -> Proof:
    accounts = bench.cloud.accounts
    bench.cloud.world.notary.processing = 0.0
    wanted = Wanted(
        macos=MacosWanted(
            asked,
            identities["installer"],
            identities["application"],
            Secret("one for both"),
            accounts.api_issuer_id,
            accounts.api_key_id,
            Secret(accounts.api_private_key),
        )
    )
    timestamps = [bench.cloud.timestamp_roots_file]
    with bench.desk() as desk:
        desk.apply(Job(), desk.compare(Job(), wanted))
        view = desk.look(Job())
        expected, _ = desk.expected(Job(), wanted, desk.level(view))
        (proof,) = prove(
            Job(),
            desk.client,
            ProveRequest(
                [each for each in desk.client.platforms(Job()) if each.number == 50],
                bench.folder / "out",
                replace(expected, **changes),
                bench.network,
                RootStore.microsoft(),
                AppleRoots.with_files([bench.cloud.apple_roots_file], timestamps),
            ),
        )
    return proof


@pytest.mark.skipif(
    sys.platform == "win32", reason="the sample has links, which not everybody may make there"
)
@pytest.mark.parametrize(
    ("level", "told"),
    [(0, "server.prove.sign-only"), (1, "server.prove.notarised"), (2, "apple.staple.valid")],
)
def test_the_package_is_signed_notarised_and_stapled_as_the_level_says(
    bench: Bench, identities: dict[str, Path], level: int, told: str
) -> None:
    proof = _prove_macos(bench, identities, level)
    assert proof.ok, [finding.title for finding in proof.findings]
    assert {"server.prove.signed", told} <= ids(proof.findings)
    assert proof.package is not None
    assert proof.package.stapled is (level == 2)
    assert proof.file is not None
    assert proof.file.read_bytes()[:4] == b"xar!"
    assert [each.name for each in (bench.folder / "out").iterdir()] == [proof.file.name]


@pytest.mark.skipif(
    sys.platform == "win32", reason="the sample has links, which not everybody may make there"
)
def test_what_the_level_does_not_say_is_found(bench: Bench, identities: dict[str, Path]) -> None:
    # the server signs only, and was to notarise, or to staple; and for somebody else
    _, other = bench.cloud.apple.identity("application")
    assert "server.prove.not-stapled" in ids(_prove_macos(bench, identities, 0, level=2).findings)
    proof = _prove_macos(bench, identities, 0, level=1, installer=other)
    assert {"server.prove.not-notarised", "server.prove.other-signer"} <= ids(proof.findings)


def test_a_notary_that_refuses_shows_in_the_server_s_log(bench: Bench, identities: dict[str, Path]) -> None:
    bench.cloud.world.account.agreement_missing = True
    try:
        proof = _prove_macos(bench, identities, 2)
    finally:
        bench.cloud.world.account.agreement_missing = False
    assert ids(proof.findings) == {"server.prove.refused"}
    assert "agreement" in (proof.findings[0].evidence.message or "").lower()
    with bench.desk() as desk:
        told = desk.explain_failure(Job(), desk.look(Job()), [proof], Wanted())
    assert ids(told) == {"server.prove.log"}
    assert "agreement" in told[0].detail.lower()
