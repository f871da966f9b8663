"""A look that the vault breaks off: what was seen stays, and what was not answered is not called no."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from codesign_wizard.core.azure.permissions.catalogue import Purpose
from codesign_wizard.core.azure.permissions.check import Check, Looked
from codesign_wizard.core.azure.permissions.report import Row, State
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.flow import PERMISSIONS, Flow
from codesign_wizard.core.job import Job
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.windows_results import kept_report, record_diagnosis
from codesign_wizard.pages.permissions_words import to_be_granted
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.keyvault.permissions import AccessPolicy
from codesign_wizard.practice.keyvault.routes import service
from codesign_wizard.practice.scenarios import rbac
from codesign_wizard.practice.scenarios.network import unavailable
from codesign_wizard.practice.wire.messages import Request, Response
from tests.unit.azure.conftest import Person

THROTTLED = {
    "code": "Throttled",
    "message": "Request was not processed because too many requests were received. "
    "Reason: VaultRequestTypeLimitReached",
}
PASSING = "AKV10046: Unable to resolve the key used for signature validation. EncodedJwtHeader: 'x'."
EXPIRED = "Error validating token: IDX10223"


def answer(status: int, error: dict[str, Any]) -> Response:
    body = json.dumps({"error": error}).encode()
    return Response(status, body, [("Content-Type", "application/json; charset=utf-8")])


def refused(words: str) -> Response:
    return answer(401, {"code": "Unauthorized", "message": words})


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """One cloud for all; each test leaves its vault as it was."""
    with PracticeCloud() as cloud:
        yield Person(cloud, tmp_path_factory.mktemp("cache"))
        assert cloud.problems == []


@pytest.fixture
def who(kept: Person) -> Iterator[Person]:
    world = kept.cloud.world
    access, assignments = world.vault.access, list(world.authorization.assignments)
    rbac_, policies = access.rbac, list(access.policies)
    yield kept
    access.rbac, access.policies, world.authorization.assignments = rbac_, policies, assignments
    world.conditions.answers.clear()


class Meddler:
    """Answers in the vault's place what *decide* says; ``tokens`` are those that were sent, in order."""

    def __init__(self, who: Person, decide: Callable[[Request, int], Response | None]) -> None:
        self._decide, self._vault, self._lock = decide, service(who.cloud.world), threading.Lock()
        self.count, self.tokens = 0, list[str]()
        who.cloud.world.conditions.answers[who.cloud.world.vault.host] = self.handle

    def handle(self, request: Request) -> Response:
        token = request.headers.get("Authorization")
        with self._lock:
            number = self.count
            if token and "wizard-probe" in request.path:
                self.count += 1
            if token and token not in self.tokens:
                self.tokens.append(token)
            found = self._decide(request, number) if token else None
        return found or self._vault.handle(request)


def probes(after: int, response: Callable[[], Response]) -> Callable[[Request, int], Response | None]:
    """Return what answers *response* to every request about nobody's names but the first *after*."""
    return lambda request, number: response() if "wizard-probe" in request.path and number >= after else None


def look(who: Person) -> Looked:
    return Check(who.network, who.options, lambda: who.secret).look(Job())


def by_id(looked: Looked) -> dict[str, Finding]:
    return {each.id: each for each in looked.findings}


def rows(looked: Looked) -> dict[str, Row]:
    assert looked.report is not None
    return {
        each.permission.key.removeprefix("Microsoft.KeyVault/vaults/"): each for each in looked.report.rows
    }


def verdicts(looked: Looked) -> dict[Purpose, State]:
    assert looked.report is not None
    return {each.purpose: each.state for each in looked.report.verdicts()}


def forget_own_rights(who: Person) -> None:
    """Have a vault that goes by access policies, of which Resource Manager tells the application nothing."""
    world = who.cloud.world
    world.vault.access.rbac = False
    own = world.tenant.service_principals[0].object_id
    world.authorization.assignments = [
        each for each in world.authorization.assignments if each.principal_id != own
    ]
    world.vault.access.policies = [AccessPolicy(own, keys=["all"], certificates=["all"])]


def test_what_was_seen_before_the_vault_throttles_stays(who: Person) -> None:
    forget_own_rights(who)
    # nothing but reading, and what is asked of no name, gets an answer
    writing = {
        "certificates/create",
        "certificates/update",
        "certificates/backup",
        "keys/update",
        "keys/backup",
    }
    Meddler(
        who,
        lambda request, number: (
            answer(429, THROTTLED) if "wizard-probe" in request.path and request.method != "GET" else None
        ),
    )
    looked = look(who)
    found = by_id(looked)
    throttled = found["azure.vault.throttled"]
    assert throttled.evidence.status == 429
    assert "VaultRequestTypeLimitReached" in (throttled.evidence.message or "")
    # the signature was made all the same, so nobody is kept from signing
    assert throttled.severity is Severity.WARNING
    assert "azure.signature.works" in found
    assert not [each for each in found if each.startswith("azure.permission.") and "enough" in each]
    states = [each.state for each in rows(looked).values()]
    assert State.GRANTED in states
    assert State.MISSING not in states
    for name in writing:
        row = rows(looked)[name]
        assert row.state is State.UNTESTABLE, name
        assert "too many requests" in row.observations[0].text, name
    assert verdicts(looked) == {
        Purpose.SIGN: State.GRANTED,
        Purpose.LIFE: State.UNTESTABLE,
        Purpose.DOCUMENTED: State.UNTESTABLE,
    }


def test_what_was_refused_before_the_vault_throttles_is_missing_and_the_rest_is_open(who: Person) -> None:
    forget_own_rights(who)
    who.cloud.world.vault.access.policies = []
    Meddler(
        who,
        lambda request, number: (
            answer(429, THROTTLED) if request.path.startswith("/keys/") or "backup" in request.path else None
        ),
    )
    looked = look(who)
    found = by_id(looked)
    assert found["azure.vault.throttled"].severity is Severity.ERROR
    # what was not answered may be granted: nobody says that nothing is, nor how the rest is replaced
    assert "azure.permission.policy-none" not in found
    missing = found["azure.permission.missing"]
    assert "certificates" in missing.title
    assert all("in place of" in " ".join(each.portal) for each in missing.remedies if each.az)
    assert rows(looked)["certificates/get"].state is State.MISSING
    assert rows(looked)["keys/sign"].state is State.UNTESTABLE
    assert verdicts(looked)[Purpose.SIGN] is State.MISSING


def test_the_page_keeps_the_matrix_with_what_broke_the_look_off(who: Person) -> None:
    forget_own_rights(who)
    own = who.cloud.world.tenant.service_principals[0].object_id
    # nothing is granted that the vault refuses before it throttles, but signing is not known
    who.cloud.world.vault.access.policies = [AccessPolicy(own, certificates=["all"])]
    Meddler(
        who, lambda request, number: answer(429, THROTTLED) if request.path.startswith("/keys/") else None
    )
    looked = look(who)
    assert verdicts(looked)[Purpose.SIGN] is State.UNTESTABLE
    flow = Flow(Profile("one", "One"))
    record_diagnosis(flow, looked.findings, looked.facts, looked.report, inputs="x", asked=PERMISSIONS)
    result = flow.profile.results[PERMISSIONS]
    assert "azure.vault.throttled" in [each.id for each in result.findings]
    report = kept_report(result)
    assert report is not None
    assert len(report.rows) == len(rows(looked))
    throttled = [each for each in looked.findings if each.id == "azure.vault.throttled"]
    assert not to_be_granted(throttled)


def test_a_token_that_is_refused_once_is_replaced_by_a_fresh_one(who: Person) -> None:
    refusals: list[str] = []

    def once(request: Request, number: int) -> Response | None:
        token = request.headers.get("Authorization")
        if "wizard-probe" not in request.path or (refusals and token not in refusals):
            return None
        refusals.append(token)
        return refused(EXPIRED)

    meddler = Meddler(who, once)
    looked = look(who)
    assert "azure.vault.token-refused" not in by_id(looked)
    assert "azure.permission.enough" in by_id(looked)
    # one for the vault and one in its place, however many requests met the refusal
    assert len(meddler.tokens) == 2
    assert len(set(refusals)) == 1


def test_a_token_that_is_refused_for_good_is_told_beside_what_was_seen(who: Person) -> None:
    meddler = Meddler(who, probes(5, lambda: refused(EXPIRED)))
    looked = look(who)
    found = by_id(looked)
    assert EXPIRED in (found["azure.vault.token-refused"].evidence.message or "")
    assert "azure.permission.enough" not in found
    assert any(each.state is State.GRANTED for each in rows(looked).values())
    assert State.MISSING not in verdicts(looked).values()
    assert len(meddler.tokens) == 2


def test_a_fault_that_passes_is_waited_out(who: Person) -> None:
    seen: dict[str, int] = {}

    def twice(request: Request, number: int) -> Response | None:
        seen[request.path] = seen.get(request.path, 0) + 1
        return refused(PASSING) if seen[request.path] <= 2 else None

    Meddler(who, twice)
    looked = look(who)
    found = by_id(looked)
    assert "azure.permission.enough" in found
    assert "azure.signature.works" in found
    assert "azure.vault.token-refused" not in found


def test_a_fault_that_does_not_pass_is_told_as_what_it_is(who: Person) -> None:
    Meddler(who, probes(5, lambda: refused(PASSING)))
    token_refused = by_id(look(who))["azure.vault.token-refused"]
    assert "AKV10046" in token_refused.detail
    assert "passes" in token_refused.remedies[0].title
    # refused from the first, nothing is known
    Meddler(who, lambda request, number: refused(PASSING))
    looked = look(who)
    assert "azure.vault.token-refused" in by_id(looked)
    assert looked.report is None


def test_single_faults_are_called_unavailable_in_the_vendors_words(who: Person) -> None:
    Meddler(who, lambda request, number: unavailable(request) if "backup" in request.path else None)
    looked = look(who)
    found = by_id(looked)
    fault = found["azure.vault.unavailable"]
    assert (fault.severity, fault.evidence.status) == (Severity.WARNING, 503)
    assert "Service Unavailable" in (fault.evidence.message or "")
    assert "azure.permission.untested" not in found
    seen = rows(looked)["keys/backup/action"].observations
    assert any("has a fault" in each.text and "Service Unavailable" in each.text for each in seen)
    assert verdicts(looked)[Purpose.SIGN] is State.GRANTED


def test_a_fault_of_the_signature_itself_stays_an_error(who: Person) -> None:
    def broken(request: Request, number: int) -> Response | None:
        return unavailable(request) if request.path.endswith(("/sign", "/backup")) else None

    Meddler(who, broken)
    looked = look(who)
    (fault,) = [each for each in looked.findings if each.id == "azure.vault.unavailable"]
    assert fault.severity is Severity.ERROR


def test_a_firewall_that_closes_half_way_takes_nothing_back(who: Person) -> None:
    rbac.rbac_none(who.cloud.world)
    closed = {
        "code": "Forbidden",
        "message": "Client address is not authorized and caller is not a trusted service.\r\n"
        "Client address: 203.0.113.9\r\nCaller: appid=x\r\nVault: v;location=westeurope",
        "innererror": {"code": "ForbiddenByFirewall"},
    }
    Meddler(who, probes(4, lambda: answer(403, closed)))
    looked = look(who)
    found = by_id(looked)
    assert found["azure.vault.firewall"].severity is Severity.ERROR
    assert State.MISSING in verdicts(looked).values()
