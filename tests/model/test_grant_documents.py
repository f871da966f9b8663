"""Random documents of Azure Resource Manager, read and judged by ours and by a naive reading of the rules.

Beside what ``test_permissions`` draws: the documents themselves, as the reader gets them; roles of several
sets of permissions, with conditions of their own; patterns with ``*`` anywhere; denials of several sets, with
groups that they spare; groups of another tenant; scopes in any case, with and without a slash at their end,
at names that begin alike; several access policies for one principal, of another tenant, of an application for
people; lists and groups that may not be read.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.catalogue import Model, Permission, permissions
from codesign_wizard.core.azure.permissions.evaluate import EVERYBODY, VaultAccess, evaluate
from codesign_wizard.core.azure.permissions.management import read_access
from codesign_wizard.core.azure.permissions.report import State
from codesign_wizard.core.job import Job
from codesign_wizard.core.redact import Secret
from tests.unit.azure.permissions_admin import vendor
from tests.unit.azure.permissions_admin.vendor import TENANT, Call, Reply

WORLDS = 800
PREFIX = "Microsoft.KeyVault/vaults/"
NAME = "code-signing"
ABOVE = "/subscriptions/5a5a5a5a-0000-4000-8000-000000000001"
VAULT = f"{ABOVE}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v"
ROLES = f"{ABOVE}/providers/Microsoft.Authorization/roleDefinitions/aaaaaaaa-0000-4000-8000-00000000000"
ME, OTHER = "77777777-0000-4000-8000-00000000abcd", "99999999-0000-4000-8000-00000000abcd"
APPLICATION = "66666666-0000-4000-8000-00000000abcd"
FOREIGN = "44444444-0000-4000-8000-000000000002"
GROUPS = [f"88888888-0000-4000-8000-00000000abc{n}" for n in range(3)]
PATTERNS = (
    "*", "*/read", "*/action", "*/sign/*", "", "Microsoft.KeyVault/*", "Microsoft.*/vaults/*/read",
    "Microsoft.Storage/*", f"{PREFIX}*", f"{PREFIX}keys/*", f"{PREFIX}certificates/*", f"{PREFIX}keys",
    f"{PREFIX}keys/*/*", f"{PREFIX}k*s/*n/action", f"{PREFIX.upper()}KEYS/SIGN/ACTION", f"{PREFIX}keys/read",
    f"{PREFIX}certificates/read", f"{PREFIX}certificatecas/*", f"{PREFIX}keys/import/action",
    f"{PREFIX}*/restore/action",
)  # fmt: skip
WIDE = (
    "/", "/providers/Microsoft.Management/managementGroups/root", ABOVE, f"{ABOVE}/resourceGroups/rg",
    VAULT, f"{VAULT}/", f"{VAULT}2", f"{ABOVE}/resourceGroups/r",
)  # fmt: skip
OBJECTS = tuple(
    f"{VAULT}/{each}"
    for each in (f"keys/{NAME}", f"certificates/{NAME}", f"keys/{NAME}2", f"keys/{NAME}/versions/1", "keys")
)
ISSUERS = ("getissuers", "listissuers", "setissuers", "deleteissuers")
EMPTY = AzureOptions("v", NAME, APPLICATION, TENANT)


@dataclass
class Documents:
    """What Resource Manager and Graph answer; ``mine`` are the groups that the principal is in."""

    mine: list[str]
    vault: dict[str, Any]
    roles: dict[str, dict[str, Any]]
    assignments: list[dict[str, Any]] = field(default_factory=list)
    denials: list[dict[str, Any]] = field(default_factory=list)
    refused: tuple[str, ...] = ()

    @property
    def me(self) -> set[str]:
        """Whose grants count."""
        return {ME, *self.mine}

    def answer(self, call: Call) -> Reply:
        """Answer one request."""
        path = unquote(call.path)
        if any(each.lower() in path.lower() for each in self.refused):
            return Reply(403, {"error": {"code": "AuthorizationFailed", "message": "No."}})
        if path == VAULT:
            return Reply(200, self.vault)
        found: list[dict[str, Any]] = []
        if path.endswith("/transitiveMemberOf"):
            found = [{"id": each.upper(), "@odata.type": "#microsoft.graph.group"} for each in self.mine]
        elif "/applications(" in path:
            return Reply(200, {})
        elif "/roledefinitions/" in path.lower():
            return Reply(200, {"properties": self.roles[path.lower()]})
        elif path.endswith("/denyAssignments"):
            found = [{"id": "/d", "properties": each} for each in self.denials if above(each["scope"], VAULT)]
        else:
            at = path.removesuffix("/providers/Microsoft.Authorization/roleAssignments")
            found = [
                {"id": f"/a/{number}", "properties": each}
                for number, each in enumerate(self.assignments)
                if each["principalId"].lower() in self.me
                and (above(each["scope"], at) or above(at, each["scope"]))
            ]
        return Reply(200, {"value": found})


def draw_documents(draw: random.Random) -> Documents:
    """Return a few grants that meet, miss and contradict each other."""
    mine = [each for each in GROUPS if draw.random() < 0.5]
    somebody = [ME, ME, *GROUPS, OTHER]

    def spelled(text: str) -> str:
        return draw.choice((text, text, text.upper(), text.lower()))

    def pick(*most: int) -> list[str]:
        return draw.sample(PATTERNS, draw.choice(most))

    def set_of(**more: Any) -> dict[str, Any]:
        return {"dataActions": pick(0, 1, 2), "notDataActions": pick(0, 0, 1), **more}

    def ids(most: Sequence[int], *more: str) -> list[dict[str, str]]:
        return [{"id": spelled(each)} for each in draw.sample([*GROUPS, ME, OTHER, *more], draw.choice(most))]

    roles = {
        f"{ROLES}{n}".lower(): {
            "roleName": f"role {n}",
            "permissions": [
                set_of(**draw.choice(({}, {"condition": None}, {"condition": "c" if n == 3 else None})))
                for _ in range(draw.choice((1, 1, 2, 2)))
            ],
        }
        for n in range(4)
    }
    made = Documents(mine, {"id": VAULT, "name": "v"}, roles)
    for _ in range(draw.choice((0, 1, 1, 2, 3, 4))):
        who = draw.choice(somebody)
        made.assignments.append(
            {
                "principalId": spelled(who),
                "principalType": draw.choice(("Group", "ForeignGroup"))
                if who in GROUPS
                else "ServicePrincipal",
                "scope": spelled(draw.choice(WIDE + OBJECTS)),
                "roleDefinitionId": spelled(f"{ROLES}{draw.randrange(4)}"),
                "condition": "c" if draw.random() < 0.1 else None,
            }
        )
    for _ in range(draw.choice((0, 0, 0, 1, 2))):
        made.denials.append(
            {
                "scope": spelled(draw.choice(WIDE[1:])),
                "doNotApplyToChildScopes": draw.random() < 0.2,
                "principals": ids((1, 2), EVERYBODY, EVERYBODY),
                "excludePrincipals": ids((0, 0, 1, 2)),
                "permissions": [
                    set_of(condition=draw.choice((*[None] * 9, "c"))) for _ in range(draw.choice((1, 2)))
                ],
            }
        )
    made.vault["properties"] = {
        "tenantId": TENANT,
        "enableRbacAuthorization": draw.choice((True, True, False, None)),
        "accessPolicies": [draw_policy(draw, spelled(who)) for who in somebody if draw.random() < 0.4],
    }
    pieces = ("roleAssignments", "denyAssignments", "transitiveMemberOf", f"{ROLES}0")
    made.refused = tuple(each for each in pieces if draw.random() < 0.07)
    return made


def draw_policy(draw: random.Random, who: str) -> dict[str, Any]:
    """Return an entry of an access policy for *who*."""

    def ticks(kind: str) -> list[str]:
        names = [each.name for each in permissions(Model.POLICY) if each.kind == kind]
        few = draw.sample(names, draw.randrange(len(names)))
        return ["All"] if draw.random() < 0.1 else [draw.choice((each, each.upper())) for each in few]

    kinds = {
        draw.choice(("keys", "Keys")): ticks("keys"),
        "certificates": ticks("certificates"),
        "secrets": None,
    }
    entry = {"objectId": who, "permissions": kinds, "tenantId": draw.choice((*[TENANT.upper()] * 5, FOREIGN))}
    return entry | draw.choice(({}, {}, {"applicationId": None}, {"applicationId": APPLICATION}))


# --- the rules, naively ------------------------------------------------------------------------------------


def like(pattern: str, text: str) -> bool:
    """Tell whether *pattern*, with ``*`` for any text, is *text*; letter for letter."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(like(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] == text[0] and like(pattern[1:], text[1:])


def holds(permission_set: Mapping[str, Any], action: str) -> bool:
    """Tell whether one set of permissions, by itself, has *action*."""
    has, has_not = (
        any(like(each.lower(), action.lower()) for each in permission_set[name])
        for name in ("dataActions", "notDataActions")
    )
    return has and not has_not


def parts(scope: str) -> list[str]:
    """Return a scope's parts, without case."""
    return [each for each in scope.lower().split("/") if each]


def above(scope: str, resource: str) -> bool:
    """Tell whether *scope* is *resource* or above it."""
    return "managementgroups" in parts(scope) or parts(resource)[: len(parts(scope))] == parts(scope)


def named(denial: Mapping[str, Any], member: str) -> set[str]:
    """Return whose ids a deny assignment has under *member*."""
    return {each["id"].lower() for each in denial[member]}


def by_policy(made: Documents, permission: Permission) -> bool | None:
    """Return what access policies give; ``None`` where the rules are silent (see ``by_roles``)."""
    found: bool | None = False
    for entry in made.vault["properties"]["accessPolicies"]:
        if entry["objectId"].lower() not in made.me or entry.get("applicationId"):
            continue
        kinds = {kind.lower(): names for kind, names in entry["permissions"].items()}
        held = {each.lower() for each in kinds[permission.kind]}
        if {permission.name.lower(), "all"} & held:
            if entry["tenantId"].lower() == TENANT:
                return True
            found = None
        if permission.name in ISSUERS and "manageissuers" in held:
            found = None
    return found


def by_roles(made: Documents, permission: Permission) -> bool | None:
    """Return what roles and denials give on the certificate or its key, or on the vault.

    ``None`` where the rules leave it open: what a condition means, whether an object is below its vault.
    """
    group, _, operation = permission.action.removeprefix(PREFIX).partition("/")
    one = group in ("keys", "certificates") and operation != "restore/action"
    target = f"{VAULT}/{group}/{NAME}" if one else VAULT
    unsure = conditional = False
    for denial in made.denials:
        if (
            named(denial, "excludePrincipals") & made.me
            or not named(denial, "principals") & {EVERYBODY, *made.me}
            or not above(denial["scope"], target)
        ):
            continue
        for each in denial["permissions"]:
            if not holds(each, permission.action):
                continue
            if denial["doNotApplyToChildScopes"] and parts(denial["scope"]) != parts(target):
                unsure = unsure or parts(denial["scope"]) == parts(VAULT)
            elif each["condition"]:
                unsure = True
            else:
                return False
    for assignment in made.assignments:
        if assignment["principalId"].lower() not in made.me or not above(assignment["scope"], target):
            continue
        for each in made.roles[assignment["roleDefinitionId"].lower()]["permissions"]:
            if holds(each, permission.action):
                if not assignment["condition"] and not each.get("condition"):
                    return None if unsure else True
                conditional = True
    return None if conditional else False


def read(made: Documents) -> VaultAccess:
    """Return what our reader makes of the documents."""
    token = Secret("t")
    return read_access(
        Job(), vendor.network(made.answer), EMPTY, token, ME, resource_id=VAULT, graph_token=lambda: token
    )


def worlds() -> Iterator[Documents]:
    draw = random.Random(20261126)
    for _ in range(WORLDS):
        yield draw_documents(draw)


def test_what_the_documents_say_is_judged_exactly() -> None:
    seen: Counter[tuple[Model, State]] = Counter()
    for number, made in enumerate(worlds()):
        access = read(made)
        told = evaluate(access, ME, NAME)
        judge = by_roles if access.model is Model.RBAC else by_policy
        for permission in permissions(access.model):
            state, expected = told[permission.key].state, judge(made, permission)
            about = f"world {number}, {permission.key}: {told[permission.key]}, {expected}"
            seen[access.model, state] += 1
            if state is State.GRANTED:
                assert expected is True, about
            elif state is State.MISSING and permission.name not in ISSUERS:
                assert expected is False, about
            elif state is State.LIKELY:
                assert permission.name in ISSUERS or "denials" in access.unread, about
            elif state is State.UNTESTABLE:
                assert expected is None or access.unread, about
    for model in Model:
        assert seen[model, State.GRANTED] > 300
        assert seen[model, State.MISSING] > 1500
        assert seen[model, State.UNTESTABLE] > 300
