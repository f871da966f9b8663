"""``permissions``: what is said at the end is no more than was seen, and nobody signs in for nothing."""

from __future__ import annotations

import io
from typing import Any

import pytest

from codesign_wizard import session
from codesign_wizard.commands import permissions
from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.azure.permissions.admin_findings import AZ_NOT_SIGNED_IN
from codesign_wizard.core.azure.permissions.catalogue import Model, Purpose
from codesign_wizard.core.azure.permissions.catalogue import permissions as catalogue
from codesign_wizard.core.azure.permissions.report import Report, Row, State, all_clear
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Certainty
from codesign_wizard.core.redact import redact
from codesign_wizard.core.secrets import MemoryStore
from tests.support.command_line import Document, Run, errors


def report(documented: State, *, sign: State = State.GRANTED) -> Report:
    return Report(
        Model.RBAC,
        tuple(
            Row(each, sign if Purpose.SIGN in each.purposes else documented, Certainty.OBSERVED, ())
            for each in catalogue(Model.RBAC)
        ),
    )


@pytest.mark.parametrize(
    ("told", "closing"),
    [
        (report(State.GRANTED), "The application may do all that is needed."),
        (report(State.LIKELY), "The application may sign, and nothing is missing as far as can be tested."),
        (report(State.UNTESTABLE, sign=State.LIKELY), "Nothing is missing as far as can be tested."),
        (report(State.MISSING), "The application may sign, but not do all that is asked for."),
        (report(State.MISSING, sign=State.LIKELY), "The application may not do all that is asked for."),
        (
            report(State.UNTESTABLE, sign=State.UNTESTABLE),
            "What the application may do could not be found out.",
        ),
        (Report(None), "What the application may do could not be found out."),
        (None, "What the application may do could not be found out."),
    ],
)
def test_the_closing_sentence_says_no_more_than_the_verdicts(told: Report | None, closing: str) -> None:
    assert all_clear(told) == closing


@pytest.mark.parametrize("what", ["show", "grant"])
def test_nobody_signs_in_for_options_that_cannot_be_right(
    what: str, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permissions, "_sign_in", lambda *_: pytest.fail("somebody was asked"))
    words = ["permissions", what, "--practice", "--as", "browser", "--vault", "a--b", "--yes"]
    code, found = document(*words)
    assert code == 1
    assert errors(found) == ["azure.options.vault-name"]
    assert found["result"] == ({"granted": [], "report": None} if what == "grant" else [])


def test_only_what_is_missing_is_listed_and_how_much_is_not_certain(document: Document, run: Run) -> None:
    words = ("permissions", "show", "--missing", "--practice", "policy-template-without-crypto")
    _, found = document(*words)
    states = {each["name"]: each["state"] for each in found["result"]}
    assert "sign" in states
    assert set(states.values()) == {"missing"}
    _, out, _ = run(*words)
    assert "Likely granted" not in out
    assert "Not testable from here" not in out
    assert "Not certain, and not listed as missing: " in out


def test_without_the_administrator_the_application_is_looked_at_all_the_same(document: Document) -> None:
    code, found = document("permissions", "show", "--practice", "tenant-unknown", "--as", "device-code")
    assert code == 1
    assert errors(found) == ["azure.admin.tenant-unknown", "azure.sign-in.tenant-unknown"]
    # it alone knows the tenant that is probably meant
    assert "most probably that is the one" in str(found["findings"])


def test_an_administrator_who_did_not_sign_in_keeps_nothing_from_signing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise CodesignError(AZ_NOT_SIGNED_IN())

    monkeypatch.setattr(permissions, "_sign_in", refuse)
    code, out, _ = run("permissions", "show", "--practice", "--as", "az")
    assert code == 1
    assert "No administrator signed in; what the application itself may do is as shown." in out
    assert "Signing for Windows will not work" not in out
    _, out, _ = run("permissions", "show", "--practice", "rbac-none", "--as", "az")
    assert "Signing for Windows will not work until this is mended." in out


@pytest.mark.parametrize(("typed", "ends"), [("n\n", "[y/N] "), ("", "[y/N] \n")])
def test_what_is_not_a_yes_grants_nothing(
    typed: str, ends: str, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.setattr(Context, "can_ask", property(lambda _: True))
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    code, out, err = run("permissions", "grant", "--practice", "policy-none", "--as", "az")
    assert code == 2
    assert "The answer was not yes, so nothing was changed." in out
    assert "To be granted" in err
    # where the input ends, what follows does not stand in the question's line
    assert err.endswith(ends)


def test_without_a_yes_the_document_says_what_would_be_granted(document: Document) -> None:
    code, found = document("permissions", "grant", "--practice", "policy-none", "--as", "az")
    assert code == 2
    assert errors(found) == ["usage.confirmation-needed"]
    result = found["result"]
    assert result["granted"] == []
    (step,) = result["planned"]
    assert (step["kind"], step["request"]["method"]) == ("access-policy", "PUT")
    assert result["report"]["model"] == "access-policy"


def test_what_is_granted_and_not_known_to_the_vault_yet_is_waited_for(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for = permissions._waited

    def soon(context: Context, *more: Any) -> Outcome:
        practice = context.session.practice
        assert practice is not None
        begins = practice.world.clock.now().timestamp() + 0.5
        for each in practice.world.authorization.assignments:
            each.effective_from = min(each.effective_from, begins)
        return wait_for(context, *more)

    monkeypatch.setattr(permissions, "_waited", soon)
    monkeypatch.setattr(Context, "confirm", lambda *_: pytest.fail("nothing is granted: nobody is asked"))
    code, found = document("permissions", "grant", "--practice", "rbac-propagating", "--as", "az")
    assert code == 0
    assert found["result"]["granted"] == []
    assert found["findings"][0]["id"] == "azure.admin.effective-by-now"
    states = {each["purpose"]: each["state"] for each in found["result"]["report"]["verdicts"]}
    assert states["documented"] == "granted"


def test_where_a_proxys_login_goes_can_be_read(run: Run) -> None:
    code, out, _ = run("doctor", "windows", "--practice", "proxy-login")
    assert code == 1
    assert "http://USER:PASSWORD@HOST:PORT" in out
    # and nothing that is like it is spared
    assert "PASSWORD" not in redact("http://USER:PASSWORD@proxy.example:80")


def test_a_missing_secret_comes_with_what_keeps_the_keyring_from_being_asked(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "open_store", lambda: MemoryStore("The keyring is locked."))
    for words in (("permissions", "show"), ("doctor", "windows")):
        code, found = document(*words)
        assert code == 1
        told = {each["evidence"]["field"]: each["detail"] for each in found["findings"] if each["evidence"]}
        assert told["application_secret"] == "The keyring is locked."
        assert told["vault_name"] == ""
    # also where it is raised as an error
    monkeypatch.delenv("CODESIGN_WIZARD_SERVER_PASSWORD", raising=False)
    code, found = document("server", "show", "--server", "https://server.example", "--user", "admin")
    assert (code, errors(found)) == (2, ["server.sign-in.password-missing"])
    assert "The keyring is locked." in found["findings"][0]["detail"]
