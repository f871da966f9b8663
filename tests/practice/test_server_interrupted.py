"""A change to a server with something in the middle of it: others, a torn connection, the program's end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.cli import main
from codesign_wizard.core.comet import apply as applying
from codesign_wizard.core.comet.client import CometClient
from codesign_wizard.core.comet.desk import doctor_server
from codesign_wizard.core.comet.document import same
from codesign_wizard.core.comet.journal import Old, Phase
from codesign_wizard.core.comet.settings import MacosWanted, Part, Wanted
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.job import Job
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import APPLICATION_SECRET, NOT_KEPT, SERVER_PASSWORD
from codesign_wizard.practice.comet.models import HOST
from codesign_wizard.practice.comet.routes import service as comet_service
from codesign_wizard.practice.wire.messages import Request, Response
from tests.support.server_bench import Bench, ids, macos, practice_profile


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


def test_a_diagnosis_of_a_profile_that_lacks_something_tells_of_it_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CometClient, "set_branding", lambda *_: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        bench.apply()
    monkeypatch.undo()
    with bench.desk() as desk:
        found, comparison = doctor_server(Job(), desk, Wanted(bench.wanted.azure, None))
    assert comparison is None
    assert {"server.apply.interrupted-before", "azure.options.missing"} <= ids(found)


def test_a_comparison_that_lacks_something_leaves_it_to_be_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CometClient, "set_branding", lambda *_: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        bench.apply()
    monkeypatch.undo()
    with bench.desk() as desk:
        with pytest.raises(InputError):
            desk.compare(Job(), Wanted(bench.wanted.azure, None))
        assert "server.apply.interrupted-before" in ids(desk.compare(Job(), bench.wanted).findings)
        assert "server.apply.interrupted-before" not in ids(desk.compare(Job(), bench.wanted).findings)


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("undoing", [False, True])
def test_many_profiles_are_told_of_it_as_one_is(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    undoing: bool,
    saved: bool,
) -> None:
    """What was changed is nothing but a secret, and a look at many profiles asks the keyring beforehand."""
    bench.folder = tmp_path / "server"
    bench.apply(Wanted(bench.wanted.azure, Secret("the former one")))
    if undoing:
        bench.apply()
    real = CometClient.set_branding

    def save(self: CometClient, job: Any, text: str) -> None:
        if saved:
            real(self, job, text)
        raise Killed

    monkeypatch.setattr(CometClient, "set_branding", save)
    with pytest.raises(Killed):
        bench.undo() if undoing else bench.apply()
    monkeypatch.undo()
    record = bench.journal.read()
    assert record is not None
    assert record.phase.open
    made = practice_profile(bench.cloud)
    made.server.address = bench.cloud.accounts.server_address
    made.server.user = bench.server.administrators[0].name
    made.network.proxy, made.network.ca_bundle = bench.cloud.proxy_url, str(bench.cloud.ca_file)
    ProfileStore(tmp_path / "profiles").save(made)
    bench.secrets.set(made.id, APPLICATION_SECRET, Secret(bench.cloud.accounts.application_secret))
    bench.secrets.set(made.id, SERVER_PASSWORD, Secret(bench.server.administrators[0].password))
    monkeypatch.setenv("CODESIGN_WIZARD_CONFIG", str(tmp_path))
    monkeypatch.setattr("codesign_wizard.session.open_store", lambda: bench.secrets)

    shown: list[Any] = []

    def told(*more: str) -> tuple[set[str], Phase, Old | None]:
        bench.journal.write(record)
        main(["doctor", "server", *more, "--json"])
        document = json.loads(capsys.readouterr().out)
        findings = document["result"]["profiles"][0]["findings"] if more else document["findings"]
        after = bench.journal.read()
        assert after is not None
        shown[:] = findings
        own = {each["id"] for each in findings if "interrupted" in each["id"]}
        return own, after.phase, bench.journal.old()

    old = bench.journal.old()
    assert old is not None
    alone = told()
    assert len(alone[0]) == 1, shown
    bench.journal.keep_old(old)
    assert told("--all-profiles") == alone


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


def test_a_second_change_that_ends_as_it_begins_undoes_nothing_by_mistake(
    bench: Bench, tmp_path: Path
) -> None:
    first, second = (
        Wanted(macos=replace(macos(tmp_path), password=Secret(each))) for each in ("first", "second")
    )
    bench.apply(first, [Part.CERTIFICATES])
    before = bench.members()
    kept = bench.secrets.set

    def full(*_: object) -> None:
        raise CodesignError(NOT_KEPT())

    bench.secrets.set = full  # type: ignore[method-assign]  # a keyring that fails
    with pytest.raises(CodesignError):
        bench.apply(second, [Part.CERTIFICATES])
    assert bench.journal.read().phase is Phase.APPLIED  # type: ignore[union-attr]  # the first one's

    def killed(*values: Any) -> None:
        kept(*values)
        raise Killed

    bench.secrets.set = killed  # type: ignore[method-assign]  # killed as the old values were replaced there
    with pytest.raises(Killed):
        bench.apply(second, [Part.CERTIFICATES])
    bench.secrets.set = kept  # type: ignore[method-assign]
    with bench.desk() as desk:
        assert not desk.can_undo
        assert "server.apply.interrupted-before" in ids(desk.look(Job()).findings)
    assert bench.members() == before


@pytest.mark.parametrize("back", [True, False])
def test_a_former_change_is_offered_for_undoing_only_with_its_own_secrets(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, back: bool
) -> None:
    """The keyring took the newer values whole, and failed as the former's surplus pieces were removed."""
    bench.apply()
    old = bench.journal.old()
    assert old is not None
    held = Old({**old.values, "LongerThanTheNext": "x" * 3000}, old.files)
    bench.journal.keep_old(held)

    def fails(*_: object) -> None:
        if not back:
            monkeypatch.setattr(bench.secrets, "set", fails)
        raise CodesignError(NOT_KEPT())

    with bench.desk() as desk:
        comparison = desk.compare(Job(), Wanted(bench.wanted.azure, Secret("another")))
        monkeypatch.setattr(bench.secrets, "forget", fails)
        with pytest.raises(CodesignError) as raised:
            desk.apply(Job(), comparison)
    monkeypatch.undo()
    assert raised.value.finding.id == NOT_KEPT.id
    assert (bench.journal.old() == held) is back
    with bench.desk() as desk:
        desk.look(Job())
        assert desk.can_undo is back
