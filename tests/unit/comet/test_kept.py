"""What the step *Server* keeps: what it waits for, what still holds, and that it survives a restart."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from codesign_wizard.core.comet import findings as found
from codesign_wizard.core.comet import prove_findings, words
from codesign_wizard.core.comet.apply import APPLIED
from codesign_wizard.core.comet.kept import (
    DIFFERENT,
    UNPROVED,
    Changed,
    Client,
    Kept,
    KeptLine,
    KeptPlatform,
    Looked,
    Proved,
)
from codesign_wizard.core.comet.settings import Part
from codesign_wizard.core.comet.work import recommended
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import SERVER, SUMMARY, Flow, StepState
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.step_result import StepResult

WINDOWS = KeptPlatform(5, "Windows: Any CPU", "windows", True)
MACOS = KeptPlatform(8, "macOS: Intel", "macos")


def line(state: str, part: Part = Part.AZURE) -> KeptLine:
    return KeptLine("Tenant ID", part.value, "empty", "a tenant", state)


def looked(*lines: KeptLine, inputs: str = "now") -> Looked:
    return Looked(
        "backup.example.com", "admin", "25.9.8", 0.2, list(lines), [WINDOWS, MACOS], [], inputs, True, True
    )


def proved(*, inputs: str = "now", good: bool = True) -> Proved:
    finding = prove_findings.SIGNED if good else prove_findings.LOADER
    facts = {"certificate_expires": "2027-05-01T00:00:00Z", "file": "/out/client.zip"}
    return Proved([Client(WINDOWS, good, facts)], [finding(platform="Windows", publisher="A")], inputs)


def test_it_waits_for_differences_then_for_the_proof_then_for_nothing() -> None:
    assert Kept().waits_for("now") == DIFFERENT
    assert Kept(looked(line("different"))).waits_for("now") == DIFFERENT
    # what cannot be compared is no difference that was seen: the proof settles it
    kept = Kept(looked(line("unknown"), line("same")))
    assert kept.waits_for("now") == UNPROVED
    kept.proved = proved()
    assert kept.waits_for("now") == ""
    assert kept.facts("now")["certificate_expires"] == "2027-05-01T00:00:00Z"


@pytest.mark.parametrize(
    "stale", [proved(inputs="before", good=False), replace(proved(good=False), changed_since=True)]
)
def test_a_proof_of_other_settings_neither_blocks_nor_counts(stale: Proved) -> None:
    kept = Kept(looked(line("same")), proved=stale)
    assert kept.findings("now") == []
    assert kept.waits_for("now") == UNPROVED
    assert "certificate_expires" not in kept.facts("now")
    assert words.answer(kept, "now", old=False, connected=True)[0] is Severity.INFO


def test_it_survives_a_restart_and_nonsense() -> None:
    kept = Kept(
        looked(line("different")),
        Changed(["Tenant ID"], [APPLIED(count=1)], "now"),
        proved(),
        found.SIGN_IN_REFUSED(user="admin"),
        [5],
    )
    document = json.loads(json.dumps(kept.details("now")))
    result = StepResult(kept.looked.time, True, details=document)  # type: ignore[union-attr]
    again = Kept.of(result)
    assert again.to_json() == kept.to_json()
    assert again.looked is not None
    assert again.looked.lines == [line("different")]
    assert again.failure is not None
    assert again.failure.id == "server.sign-in.refused"
    several: tuple[dict[str, object], ...] = ({"looked": {}}, {"proved": 3}, {"chosen": "x"}, {"failure": []})
    for nonsense in several:
        result.details = nonsense
        assert Kept.of(result) == Kept()


def test_a_secret_that_was_given_as_it_is_now_is_not_given_again_unasked() -> None:
    kept = Kept(looked(line("unknown"), line("different", Part.LEVEL), line("same", Part.API_KEY)))
    assert words.suggested(kept, "now") == [Part.AZURE, Part.LEVEL]
    kept.changed = Changed([], [], "now")
    assert words.suggested(kept, "now") == [Part.LEVEL]
    assert words.offered(looked(line("unknown"))) == [Part.AZURE]
    kept.changed = Changed([], [], "before")
    assert Part.AZURE in words.suggested(kept, "now")
    assert words.change_lines(kept.looked or looked(), [Part.LEVEL]) == [("Tenant ID", "empty → a tenant")]


def test_the_answer_comes_first() -> None:
    def title(kept: Kept, *, old: bool = False, connected: bool = True) -> str:
        return words.answer(kept, "now", old=old, connected=connected)[1]

    assert title(Kept()) == "Nobody has signed in to the server yet."
    assert title(Kept(looked(line("different")))) == "One of the server's settings is not as in this profile."
    assert (
        title(Kept(looked(line("same")), proved=proved())) == "Proved: the server signs its clients as you."
    )
    # what comes of a problem; the problem itself is told right below, and need not be said twice
    failed = Kept(looked(line("same")), proved=proved(good=False))
    assert title(failed) == "Not proved: something is wrong with the server's clients."
    failed.changed = Changed(["Tenant ID"], [found.ROLE_OFF()], "now")
    assert title(failed) == "The last change of the server's settings did not work as it should."
    blocked = replace(looked(line("same")), findings=[found.ROLE_OFF()])
    assert title(Kept(blocked)) == "Something stands in the way of signing on this server."
    assert "Look again" in title(Kept(looked(line("same"), inputs="before")), old=True)
    assert "renewed" in title(Kept(looked(line("same")), proved=proved()), old=True)
    refused = Kept(looked(line("same")), failure=found.SIGN_IN_REFUSED(user="admin"))
    _, first, below = words.answer(refused, "now", old=False, connected=False)
    assert first == "Signing in to the server did not work."
    assert below.startswith("What is below is of ")
    ended = found.SESSION_ENDED(host="backup.example.com")
    assert title(Kept(failure=ended)) == "The server could not be looked at."
    assert title(Kept(looked(), failure=ended)) == "What was asked of the server last did not work."


def test_addresses_are_tidied_and_one_with_a_login_is_never_kept() -> None:
    assert words.tidy_address(" backup.example.com ") == "https://backup.example.com/"
    assert words.tidy_address("https://backup.example.com/admin/#/settings") == "https://backup.example.com/"
    assert words.tidy_address("not an address") == "not an address"
    assert not words.may_be_kept("https://admin:pass@backup.example.com/")
    assert [each.severity for each in words.check_address("http://192.0.2.1/")] == [Severity.WARNING]
    assert words.check_address("http://127.0.0.1:8060/") == []


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1.0, "as this computer's"), (-40.0, "40 s behind"), (660.0, "11 minutes ahead")],
)
def test_drift(seconds: float, said: str) -> None:
    assert words.drift_words(seconds) == said


def test_one_client_for_each_wanted_system() -> None:
    assert recommended(looked(), windows=True, macos=True) == [5, 8]
    assert recommended(looked(), windows=False, macos=True) == [8]


def test_the_step_stands_only_where_a_server_is_wanted_and_relies_on_all_it_is_given() -> None:
    profile = Profile(id="p", name="P", macos_wanted=True)
    flow = Flow(profile)
    assert SERVER not in [step.key for step in flow.steps()]
    profile.server_wanted = True
    assert [step.key for step in flow.steps()][-2:] == [SERVER, SUMMARY]
    kept = Kept(looked(line("same"), inputs=flow.inputs(SERVER)))
    inputs = flow.inputs(SERVER)
    flow.record(SERVER, kept.findings(inputs), {}, details=kept.details(inputs))
    assert flow.state(SERVER) is StepState.IN_PROGRESS
    kept.proved = proved(inputs=inputs)
    flow.record(SERVER, kept.findings(inputs), kept.facts(inputs), details=kept.details(inputs))
    assert flow.state(SERVER) is StepState.DONE
    for change in ("level", "installer_file"):
        setattr(profile.macos, change, "notarise")
        assert flow.state(SERVER) is StepState.OUT_OF_DATE
        inputs = flow.inputs(SERVER)
        flow.record(SERVER, [], {}, details={})
    profile.windows.azure.secret_revision += 1
    assert flow.state(SERVER) is StepState.OUT_OF_DATE
    # the API key counts only where macOS is wanted
    flow.record(SERVER, [], {}, details={})
    profile.macos_wanted = False
    flow.record(SERVER, [], {}, details={})
    profile.macos.api_key.revision += 1
    assert flow.state(SERVER) is StepState.DONE


def test_a_change_says_how_much_of_it_cannot_be_compared() -> None:
    lines = [KeptLine(name, Part.AZURE.value, "", "", "unknown") for name in ("Secret", "Password")]
    seen = looked(*lines, line("same"))

    def told(*labels: str) -> str:
        return words.change_words(Changed(list(labels), [APPLIED(count=1)], "now"), seen)

    assert told("Tenant ID", "Host").endswith("2 settings were changed, read back and compared.")
    assert told("Tenant ID").endswith("1 setting was changed, read back and compared.")
    assert told("Secret").endswith("1 setting was changed; what the server has of it cannot be compared.")
    one = told("Tenant ID", "Secret")
    assert one.endswith("2 settings were changed and read back; 1 of them cannot be compared.")
    two = told("Tenant ID", "Secret", "Password")
    assert two.endswith("3 settings were changed and read back; 2 of them cannot be compared.")
