"""The matrix: which permissions it holds, what it concludes, and that it survives being kept."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from codesign_wizard.core.azure.permissions.catalogue import Model, Permission, Purpose, permissions, wanted
from codesign_wizard.core.azure.permissions.report import Observation, Report, Row, Source, State, verdict
from codesign_wizard.core.finding import Certainty, Evidence, utc_now


def rows(model: Model, state_of: Callable[[Permission], State]) -> tuple[Row, ...]:
    return tuple(Row(each, state_of(each), Certainty.OBSERVED) for each in permissions(model))


def names(model: Model, kind: str, purpose: Purpose) -> list[str]:
    return [each.name for each in wanted(model, purpose) if each.kind == kind]


def test_access_policy_asks_literally_what_the_documentation_does() -> None:
    # 8 for key management and 6 for cryptography, 14 for certificates: all but Delete
    assert names(Model.POLICY, "keys", Purpose.DOCUMENTED) == [
        "get", "list", "update", "create", "import", "recover", "backup", "restore",
        "decrypt", "encrypt", "unwrapKey", "wrapKey", "verify", "sign",
    ]  # fmt: skip
    assert names(Model.POLICY, "certificates", Purpose.DOCUMENTED) == [
        "get", "list", "update", "create", "import", "recover", "backup", "restore", "managecontacts",
        "manageissuers", "getissuers", "listissuers", "setissuers", "deleteissuers",
    ]  # fmt: skip


def test_roles_ask_for_every_data_action_of_both_officers() -> None:
    prefix = "Microsoft.KeyVault/vaults/"
    asked = {each.name.removeprefix(prefix) for each in wanted(Model.RBAC, Purpose.DOCUMENTED)}
    assert {name.partition("/")[0] for name in asked} == {
        "certificates", "certificatecas", "certificatecontacts", "keys", "keyrotationpolicies",
    }  # fmt: skip
    assert len(asked) == len(wanted(Model.RBAC, Purpose.DOCUMENTED)) == 32
    groups = {each.group for each in wanted(Model.RBAC, Purpose.DOCUMENTED)}
    assert groups == {"Key Vault Certificates Officer", "Key Vault Crypto Officer"}


def test_each_purpose_holds_the_smaller_one() -> None:
    for model in Model:
        sign, life, documented = (set(wanted(model, purpose)) for purpose in Purpose)
        assert sign < life < documented


@pytest.mark.parametrize("model", Model)
def test_verdicts(model: Model) -> None:
    def said(state_of: Callable[[Permission], State]) -> dict[Purpose, State]:
        return {purpose: verdict(purpose, rows(model, state_of)).state for purpose in Purpose}

    assert set(said(lambda each: State.GRANTED).values()) == {State.GRANTED}
    assert set(said(lambda each: State.MISSING).values()) == {State.MISSING}
    signs = said(lambda each: State.GRANTED if Purpose.SIGN in each.purposes else State.UNTESTABLE)
    assert list(signs.values()) == [State.GRANTED, State.UNTESTABLE, State.UNTESTABLE]
    likely = said(lambda each: State.LIKELY if Purpose.SIGN in each.purposes else State.GRANTED)
    assert set(likely.values()) == {State.LIKELY}
    # one that is missing outweighs all that is not known
    mixed = said(lambda each: State.MISSING if each.action.endswith("sign/action") else State.UNTESTABLE)
    assert set(mixed.values()) == {State.MISSING}


@pytest.mark.parametrize("model", Model)
def test_a_report_survives_being_kept(model: Model) -> None:
    seen = Observation(
        Source.PROBE,
        State.MISSING,
        Certainty.OBSERVED,
        "The vault refused it.",
        Evidence(status=403, code="ForbiddenByRbac", message="no", time=utc_now(), more={"action": "x"}),
    )
    kept = Report(
        model,
        tuple(Row(each, State.MISSING, Certainty.OBSERVED, (seen,)) for each in permissions(model)),
        resource_id="/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v",
        facts={"sku": "premium"},
    )
    document = json.loads(json.dumps(kept.to_json()))
    assert Report.from_json(document) == kept
    document["permissions"].append({**document["permissions"][0], "name": "of-a-later-version"})
    assert Report.from_json(document) == kept
