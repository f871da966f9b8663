"""What no request can ask is computed: it is called granted only where the vault must know of the grant."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions import evaluate, mixups
from codesign_wizard.core.azure.permissions.catalogue import Model, permissions
from codesign_wizard.core.azure.permissions.matrix import build
from codesign_wizard.core.azure.permissions.mixup_seen import Seen
from codesign_wizard.core.azure.permissions.own_rights import OwnRights, RightSet
from codesign_wizard.core.azure.permissions.probe_answers import ProbeResult
from codesign_wizard.core.azure.permissions.report import Observation, Row, Source, State
from codesign_wizard.core.finding import Certainty, Finding, utc_now

PREFIX = "Microsoft.KeyVault/vaults/"
VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/contoso"
OPTIONS = AzureOptions("contoso", "code-signing", "6b1f6e2a-3b0c-4f0e-9d3a-0c2f4a6b8d10", "")
ME = "77777777-1111-4222-8333-444444444444"
IMPORT = f"{PREFIX}keys/import/action"
SIGN = f"{PREFIX}keys/sign/action"
GROUP = "88888888-1111-4222-8333-444444444444"


def denial(*actions: str, **more: Any) -> evaluate.DenyAssignment:
    given: dict[str, Any] = {
        "principal_ids": (evaluate.EVERYBODY,),
        "excluded_principal_ids": (),
        "scope": VAULT,
        **more,
    }
    return evaluate.DenyAssignment(
        id="d", name="Locked", data_actions=tuple(PREFIX + each for each in actions), **given
    )


def own(*sets: RightSet, denials: tuple[evaluate.DenyAssignment, ...] | None = ()) -> OwnRights:
    return OwnRights(VAULT, sets, denials=denials, object_id=ME)


def holding(*patterns: str) -> RightSet:
    return RightSet(data_actions=tuple(PREFIX + each for each in patterns))


def row(
    action: str, own: OwnRights | None = None, access: evaluate.VaultAccess | None = None, *seen: str
) -> Row:
    """Return the line of *action*, where the vault let *seen* through."""
    found: dict[str, list[Observation]] = {
        each: [Observation(Source.PROBE, State.LIKELY, Certainty.LIKELY, "there is no such name")]
        for each in seen
    }
    for told in (
        own.observations() if own else {},
        evaluate.evaluate(access, ME, "code-signing") if access else {},
    ):
        for key, one in told.items():
            found.setdefault(key, []).append(one)
    matrix = build(Model.RBAC, found, "code-signing")
    return next(each for each in matrix.rows if each.permission.key == action)


def access(created: datetime | None, *patterns: str, **more: Any) -> evaluate.VaultAccess:
    definition = evaluate.RoleDefinition("r", "Mine", data_actions=tuple(PREFIX + each for each in patterns))
    given = evaluate.RoleAssignment("a", more.pop("principal", ME), "", VAULT, "r", created=created)
    return evaluate.VaultAccess(
        VAULT, "contoso", Model.RBAC, assignments=(given,), definitions=(definition,), **more
    )


def test_own_rights_count_where_the_vault_was_seen_to_know_of_them() -> None:
    assert row(IMPORT, own(holding("keys/*")), None, SIGN).state is State.GRANTED
    # another set of rights, which holds nothing that can be asked for, may be a minute old
    both = own(holding("keys/sign/action"), holding("keys/import/action"))
    assert row(IMPORT, both, None, SIGN).state is State.LIKELY
    assert row(SIGN, both, None, SIGN).state is State.GRANTED


def test_a_deny_assignment_counts_though_the_own_rights_do_not_tell_it() -> None:
    for one, state in (
        (denial("keys/import/action"), State.MISSING),
        (denial("keys/import/action", principal_ids=(ME,)), State.MISSING),
        (denial("keys/*", not_data_actions=(IMPORT, SIGN)), State.GRANTED),
        (denial("keys/import/action", excluded_principal_ids=(ME,)), State.GRANTED),
        (denial("keys/import/action", scope=f"{VAULT}2"), State.GRANTED),
        # who is named may be a group that the application is in
        (denial("keys/import/action", principal_ids=(GROUP,)), State.UNTESTABLE),
        (denial("keys/import/action", condition="(true)"), State.UNTESTABLE),
        # and so may be who is spared
        (denial("keys/import/action", excluded_principal_ids=(GROUP,)), State.UNTESTABLE),
    ):
        told = row(IMPORT, own(holding("keys/*"), denials=(one,)), None, SIGN)
        assert told.state is state, (one, told)
        assert told.state is State.GRANTED or "Locked" in told.observations[0].text
    unread = row(IMPORT, own(holding("keys/*"), denials=None), None, SIGN)
    assert (unread.state, unread.certainty) == (State.LIKELY, Certainty.LIKELY)


def test_a_grant_of_today_counts_once_the_vault_was_seen_to_know_of_it() -> None:
    now = utc_now()
    for created, patterns, more, state in (
        (now - timedelta(minutes=1), ("keys/import/action",), {}, State.LIKELY),
        (now - timedelta(minutes=1), ("keys/*",), {}, State.GRANTED),
        (now - timedelta(days=2), ("keys/import/action",), {}, State.GRANTED),
        (None, ("keys/import/action",), {}, State.LIKELY),
        # the role is old; being in the group need not be
        (now - timedelta(days=2), ("keys/import/action",), {"principal": GROUP, "groups": (GROUP,)},
         State.LIKELY),
    ):  # fmt: skip
        told = row(IMPORT, None, access(created, *patterns, **more), SIGN)
        assert told.state is state, (created, patterns, more)


def test_a_role_that_was_changed_after_it_was_given_is_as_new_as_the_change() -> None:
    now = utc_now()
    given = access(now - timedelta(days=9), "keys/*")
    for changed, state in (
        (now - timedelta(minutes=1), State.LIKELY),
        (now - timedelta(days=2), State.GRANTED),
        (now - timedelta(days=99), State.GRANTED),
    ):
        (definition,) = given.definitions
        seen = replace(given, definitions=(replace(definition, updated=changed),))
        # that the vault knows of the former role says nothing of what was added to it
        assert row(IMPORT, None, seen, SIGN).state is state, changed


def test_what_the_vault_does_not_know_of_a_changed_role_is_on_its_way() -> None:
    given = access(utc_now() - timedelta(days=9), "keys/*", "certificates/*")
    (definition,) = given.definitions
    changed = replace(given, definitions=(replace(definition, updated=utc_now() - timedelta(minutes=1)),))
    refused = Observation(Source.PROBE, State.MISSING, Certainty.OBSERVED, "refused")
    for held, expected in ((given, "contradiction"), (changed, "propagating")):
        told = evaluate.evaluate(held, ME, "code-signing")
        found = {key: [refused, one] for key, one in told.items()}
        matrix = build(Model.RBAC, found, "code-signing")
        seen = Seen(OPTIONS, Model.RBAC, matrix, ProbeResult(Model.RBAC, object_id=ME), access=held)
        assert mixups.name(seen)[0].id == f"azure.permission.{expected}"


def test_an_old_grant_that_the_vault_does_not_keep_to_is_no_propagation() -> None:
    """The administrator's view tells when it was given, the list of the caller's own rights does not."""
    given = access(utc_now() - timedelta(days=9), "keys/*")
    found = {key: [one] for key, one in own(holding("keys/*")).observations().items()}
    for key, one in evaluate.evaluate(given, ME, "code-signing").items():
        found[key].append(one)
    found[SIGN].append(Observation(Source.PROBE, State.MISSING, Certainty.OBSERVED, "refused"))
    matrix = build(Model.RBAC, found, "code-signing")
    seen = Seen(OPTIONS, Model.RBAC, matrix, ProbeResult(Model.RBAC, object_id=ME), access=given)
    assert mixups.name(seen)[0].id == "azure.permission.contradiction"


def test_a_role_of_a_group_may_be_older_than_who_is_in_the_group() -> None:
    given = access(utc_now() - timedelta(days=9), "keys/*", "certificates/*")
    (assignment,) = given.assignments
    team = "88888888-0000-4000-8000-000000000001"
    given = replace(
        given,
        groups=(team,),
        assignments=(replace(assignment, principal_id=team, principal_type="Group"),),
    )
    refused = Observation(Source.PROBE, State.MISSING, Certainty.OBSERVED, "refused")
    told = evaluate.evaluate(given, ME, "code-signing")
    matrix = build(Model.RBAC, {key: [refused, one] for key, one in told.items()}, "code-signing")
    seen = Seen(OPTIONS, Model.RBAC, matrix, ProbeResult(Model.RBAC, object_id=ME), access=given)
    finding = mixups.name(seen)[0]
    assert (finding.id, finding.certainty) == ("azure.permission.propagating", Certainty.LIKELY)
    assert "Since when the application is in the group is not told." in finding.detail


def excess(held: evaluate.VaultAccess) -> str:
    """Return what is said to be more than is asked for, where the vault lets everything through."""
    yes = Observation(Source.PROBE, State.GRANTED, Certainty.OBSERVED, "seen")
    told = evaluate.evaluate(held, ME, "code-signing")
    found = {key: [yes, one] if one.state is State.GRANTED else [one] for key, one in told.items()}
    matrix = build(held.model, found, "code-signing")
    seen = Seen(OPTIONS, held.model, matrix, ProbeResult(held.model, object_id=ME), access=held)
    return next((each.title for each in mixups.name(seen) if each.id == "azure.permission.excess"), "")


def test_what_opens_secrets_is_more_than_is_asked_for() -> None:
    assert excess(access(None, "keys/*", "certificates/*")) == ""
    assert "Mine, which opens secrets, too" in excess(access(None, "*"))
    wide = access(None, "*")
    wide = replace(wide, assignments=(replace(wide.assignments[0], scope="/subscriptions/s"),))
    assert "Mine on /subscriptions/s" in excess(wide)
    entry = evaluate.AccessPolicy(ME, keys=("sign", "purge"), certificates=("get",), secrets=("Get", "list"))
    held = evaluate.VaultAccess(VAULT, "contoso", Model.POLICY, policies=(entry,))
    assert ": keys purge, secrets get, secrets list." in excess(held)
    assert excess(replace(held, policies=(replace(entry, keys=("sign",), secrets=()),))) == ""


@pytest.mark.parametrize("version", ["", "/0123456789abcdef0123456789abcdef"])
def test_a_role_on_a_key_or_a_version_of_it_is_named_by_the_keys_name(version: str) -> None:
    held = access(None, "keys/*")
    held = replace(held, assignments=(replace(held.assignments[0], scope=f"{VAULT}/keys/other{version}"),))
    refused = Observation(Source.PROBE, State.MISSING, Certainty.OBSERVED, "refused")
    found = {key: [refused, one] for key, one in evaluate.evaluate(held, ME, "code-signing").items()}
    matrix = build(Model.RBAC, found, "code-signing")
    seen = Seen(OPTIONS, Model.RBAC, matrix, ProbeResult(Model.RBAC, object_id=ME), access=held)
    finding = mixups.name(seen)[0]
    assert (finding.id, "for other alone" in finding.title) == ("azure.permission.single-object", True)


def test_the_own_rights_on_the_vault_do_not_deny_what_a_role_on_one_object_may_give() -> None:
    """As with Key Vault Reader on the vault and Key Vault Crypto Officer on one key."""
    found = {key: [one] for key, one in own(holding("*/read")).observations().items()}
    found[SIGN] += [
        Observation(Source.PROBE, State.MISSING, Certainty.OBSERVED, "refused"),
        Observation(Source.SIGNATURE, State.GRANTED, Certainty.OBSERVED, "signed"),
    ]
    matrix = build(Model.RBAC, found, "code-signing")
    states = {each.permission.key: each.state for each in matrix.rows}
    assert states[SIGN] is State.GRANTED
    assert states[IMPORT] is State.UNTESTABLE
    # neither is on one object
    assert states[f"{PREFIX}keys/restore/action"] is State.MISSING
    assert states[f"{PREFIX}certificatecas/write"] is State.MISSING


def test_a_grant_of_today_that_resource_manager_does_not_list_yet_is_likely() -> None:
    fresh = access(utc_now() - timedelta(minutes=1), "keys/import/action")
    assert row(IMPORT, own(holding("keys/sign/action")), fresh, SIGN).state is State.LIKELY
    denied = own(holding("keys/*"), denials=(denial("keys/import/action"),))
    assert row(IMPORT, denied, fresh, SIGN).state is State.MISSING


def policy_finding(granted: tuple[str, ...], access: evaluate.VaultAccess | None = None) -> Finding:
    """Return the error on a vault of access policies that refuses to sign and let *granted* through."""
    found = {
        each.key: [
            Observation(
                Source.PROBE,
                State.GRANTED if each.key in granted else State.MISSING,
                Certainty.OBSERVED,
                "seen",
            )
        ]
        for each in permissions(Model.POLICY)
    }
    seen = Seen(
        OPTIONS,
        Model.POLICY,
        build(Model.POLICY, found, "code-signing"),
        ProbeResult(Model.POLICY, object_id=ME),
        access=access,
    )
    return mixups.name(seen)[0]


def test_no_command_takes_ticks_away_that_cannot_be_seen() -> None:
    documented, least, _ = policy_finding(("certificates/get", "keys/getrotationpolicy")).remedies
    assert documented.az is not None
    # what was seen stays; the rest of what is there would go, and that is said
    assert " getrotationpolicy " in documented.az
    assert any("Delete, Purge" in step for step in documented.portal)
    assert (least.az, least.powershell) == (None, None)
    assert any("administrator" in step for step in least.portal)


@pytest.mark.parametrize("seen", [True, False])
def test_the_least_has_commands_where_nothing_else_is_ticked_or_all_is_known(seen: bool) -> None:
    entry = evaluate.AccessPolicy(ME, keys=("purge",), certificates=("get",))
    known = evaluate.VaultAccess(VAULT, "contoso", Model.POLICY, policies=(entry,))
    finding = policy_finding(("certificates/get",), known) if seen else policy_finding(())
    documented, least = finding.remedies[:2]
    assert least.az is not None
    assert least.powershell is not None
    assert (" purge " in least.az) is seen
    for each in (documented, least):
        assert not any("take the ticks away" in step or "would go" in step for step in each.portal)


def test_beside_a_condition_the_same_role_is_not_given_again() -> None:
    held = access(utc_now() - timedelta(days=2), "keys/*")
    conditional = replace(held, assignments=(replace(held.assignments[0], condition="(false)"),))
    refused = Observation(Source.PROBE, State.MISSING, Certainty.OBSERVED, "refused")
    found = {key: [refused, one] for key, one in evaluate.evaluate(conditional, ME, "code-signing").items()}
    seen = Seen(
        OPTIONS,
        Model.RBAC,
        build(Model.RBAC, found, "code-signing"),
        ProbeResult(Model.RBAC, object_id=ME),
        access=conditional,
    )
    finding = mixups.name(seen)[0]
    assert finding.id == "azure.permission.conditional"
    commands = [each.az for each in finding.remedies if each.az]
    assert len(commands) == 2
    assert all("az role definition create" in each and "Officer" not in each for each in commands)
