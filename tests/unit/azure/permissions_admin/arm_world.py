"""A small Azure Resource Manager for tests: one vault, its grants, the rules for adding to them."""

from __future__ import annotations

import copy
import re
from typing import Any

from tests.unit.azure.permissions_admin.vendor import TENANT, Call, Reply

SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
VAULT_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg (1)/providers/Microsoft.KeyVault/vaults/contoso"
PRINCIPAL = "77777777-1111-4222-8333-444444444444"
REGISTRATION = "99999999-1111-4222-8333-444444444444"
GROUP = "88888888-1111-4222-8333-444444444444"
ROLES = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
CERTIFICATES_OFFICER = f"{ROLES}/a4417e6f-fecd-4de8-b567-7b0420556985"
CRYPTO_OFFICER = f"{ROLES}/14b46e9e-c2b7-41b4-b07b-48a6ebf60603"
KEYVAULT = "Microsoft.KeyVault/vaults"


def role(name: str, *data_actions: str, actions: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the properties of a built-in role."""
    one = {"actions": list(actions), "notActions": [], "notDataActions": []}
    one["dataActions"] = [f"{KEYVAULT}/{action}" for action in data_actions]
    return {"roleName": name, "type": "BuiltInRole", "permissions": [one]}


class ArmWorld:
    """Answers as Resource Manager does; ``refuse`` maps a piece of a path to a reply in its place."""

    def __init__(self, *, rbac: bool) -> None:
        self.vault: dict[str, Any] = {
            "id": VAULT_ID,
            "name": "contoso",
            "type": "Microsoft.KeyVault/vaults",
            "location": "westeurope",
            "properties": {
                "tenantId": TENANT,
                "sku": {"family": "A", "name": "Premium"},
                "enableRbacAuthorization": rbac,
                "enableSoftDelete": True,
                "enablePurgeProtection": True,
                "publicNetworkAccess": "Enabled",
                "networkAcls": {
                    "bypass": "AzureServices",
                    "defaultAction": "Deny",
                    "ipRules": [{"value": "203.0.113.7/32"}],
                },
                "privateEndpointConnections": [{"id": "x"}],
                "accessPolicies": [],
            },
        }
        self.assignments: dict[str, dict[str, Any]] = {}
        self.definitions: dict[str, dict[str, Any]] = {
            CERTIFICATES_OFFICER: role(
                "Key Vault Certificates Officer",
                "certificatecas/*",
                "certificates/*",
                "certificatecontacts/write",
            ),
            CRYPTO_OFFICER: role("Key Vault Crypto Officer", "keys/*", "keyrotationpolicies/*"),
        }
        self.denials: list[dict[str, Any]] = []
        self.refuse: dict[str, Reply] = {}
        self.newest_api = True
        self.writes: list[Call] = []

    def state(self) -> dict[str, Any]:
        """Return everything that a grant could change."""
        return copy.deepcopy(
            {"vault": self.vault, "assignments": self.assignments, "definitions": self.definitions}
        )

    def assign(self, definition: str, scope: str, principal: str = PRINCIPAL, kind: str = "ServicePrincipal",
               **more: Any) -> None:  # fmt: skip
        """Add a role assignment as it was before."""
        name = f"{len(self.assignments):08d}-0000-4000-8000-000000000000"
        self.assignments[f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"] = {
            "roleDefinitionId": definition,
            "principalId": principal,
            "principalType": kind,
            "scope": scope,
            "createdOn": "2026-11-23T09:00:00.1234567Z",
            **more,
        }

    def answer(self, call: Call) -> Reply:
        """Answer one request."""
        assert call.headers["authorization"] == "Bearer token-of-the-test"
        if call.method != "GET":
            self.writes.append(call)
        for piece, reply in self.refuse.items():
            if piece in f"{call.method} {call.path}":
                return reply
        if call.host == "graph.microsoft.com":
            if call.path.startswith("/v1.0/applications(appId="):
                return Reply(200, {"id": REGISTRATION.upper()})
            assert call.path == f"/v1.0/servicePrincipals/{PRINCIPAL}/transitiveMemberOf"
            groups = [{"@odata.type": "#microsoft.graph.group", "id": GROUP.upper()}]
            return Reply(
                200, {"value": [*groups, {"@odata.type": "#microsoft.graph.directoryRole", "id": "r"}]}
            )
        assert call.host == "management.azure.com"
        assert call.query["api-version"]
        return self._arm(call, call.path)

    def _arm(self, call: Call, path: str) -> Reply:
        if path == "/subscriptions":
            return self._pages(
                call, [{"id": "/subscriptions/other"}, {"id": f"/subscriptions/{SUBSCRIPTION}"}]
            )
        if path.endswith("/resources"):
            there = path.startswith(f"/subscriptions/{SUBSCRIPTION}/")
            assert "name eq 'contoso'" in call.query["$filter"]
            return Reply(200, {"value": [{"id": VAULT_ID, "name": "Contoso"}] if there else []})
        if path == VAULT_ID:
            if call.query["api-version"] > "2024" and not self.newest_api:
                return error(400, "NoRegisteredProviderFound", "No registered resource provider found")
            return Reply(200, self.vault)
        if path == f"{VAULT_ID}/accessPolicies/add":
            return self._add_policies(call)
        if path == f"{VAULT_ID}/providers/Microsoft.Authorization/denyAssignments":
            return Reply(200, {"value": self.denials})
        if path == f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments":
            return Reply(
                200, {"value": [{"id": name, "properties": each} for name, each in self.assignments.items()]}
            )
        if path == f"{VAULT_ID}/providers/Microsoft.Authorization/roleAssignments":
            asked = call.query.get("$filter", "")
            if asked.startswith("principalId eq "):
                held = self.assignments.items()
                return Reply(
                    200,
                    {
                        "value": [
                            {"id": name, "properties": each}
                            for name, each in held
                            if f"'{each['principalId']}'" in asked
                        ]
                    },
                )
            assert asked == f"assignedTo('{PRINCIPAL}')" or "$skiptoken" in call.query
            found = [
                {"id": name, "properties": each}
                for name, each in self.assignments.items()
                if f"{each['scope']}/".startswith(f"{VAULT_ID}/")
                or f"{VAULT_ID}/".startswith(f"{each['scope']}/")
            ]
            return self._pages(call, found)
        if "/roleAssignments/" in path and call.method == "PUT":
            return self._put_assignment(call)
        if path == f"{VAULT_ID}/providers/Microsoft.Authorization/roleDefinitions":
            return self._definitions_here(call)
        if "/roleDefinitions/" in path:
            return self._definition(call)
        return error(404, "ResourceNotFound", f"The Resource '{path}' was not found.")

    def _pages(self, call: Call, items: list[dict[str, Any]]) -> Reply:
        """One item a page."""
        number = int(call.query.get("$skiptoken", "0"))
        document: dict[str, Any] = {"value": items[number : number + 1]}
        if number + 1 < len(items):
            path = call.path.replace(" ", "%20")
            token = f"$skiptoken={number + 1}&api-version={call.query['api-version']}"
            document["nextLink"] = f"https://{call.host}{path}?{token}"
        return Reply(200, document)

    def _add_policies(self, call: Call) -> Reply:
        """Put entries in the place of those for the same principal: nothing is merged for the caller."""
        entries = self.vault["properties"]["accessPolicies"]
        for new in call.json()["properties"]["accessPolicies"]:
            same = [
                each
                for each in entries
                if each["objectId"] == new["objectId"] and not each.get("applicationId")
            ]
            for each in same:
                entries.remove(each)
            entries.append(new)
        return Reply(200, {"properties": {"accessPolicies": entries}})

    def _put_assignment(self, call: Call) -> Reply:
        new = call.json()["properties"]
        scope = call.path.partition("/providers/Microsoft.Authorization/")[0]
        for each in self.assignments.values():
            same = (each["roleDefinitionId"], each["principalId"], each["scope"])
            if same == (new["roleDefinitionId"], new["principalId"], scope):
                return error(409, "RoleAssignmentExists", "The role assignment already exists.")
        if new["roleDefinitionId"] not in self.definitions:
            return error(400, "RoleDefinitionDoesNotExist", "The specified role definition does not exist.")
        assert re.fullmatch(r"[0-9a-f-]{36}", call.path.rpartition("/")[2])
        self.assignments[call.path] = {**new, "scope": scope}
        return Reply(201, {"id": call.path, "properties": self.assignments[call.path]})

    def _definitions_here(self, call: Call) -> Reply:
        """List what can be assigned on the vault, by name; names are compared without case."""
        asked = re.fullmatch(r"roleName eq '([^']*)'", call.query.get("$filter", ""))
        assert asked is not None or "$skiptoken" in call.query
        found = [
            {"id": name, "properties": each}
            for name, each in self.definitions.items()
            if asked is None or each["roleName"].lower() == asked[1].lower()
            if any(f"{VAULT_ID}/".startswith(f"{scope}/") for scope in each.get("assignableScopes", ["/"]))
        ]
        return self._pages(call, found)

    def _definition(self, call: Call) -> Reply:
        if call.method == "PUT":
            new = call.json()["properties"]
            if any(
                each["roleName"] == new["roleName"] and name != call.path
                for name, each in self.definitions.items()
            ):
                return error(
                    409, "RoleDefinitionWithSameNameExists", "A custom role with the same name exists."
                )
            self.definitions[call.path] = new
            return Reply(201, {"id": call.path, "properties": new})
        if call.path not in self.definitions:
            return error(404, "RoleDefinitionDoesNotExist", "The role definition was not found.")
        return Reply(200, {"id": call.path, "properties": self.definitions[call.path]})


def error(status: int, code: str, message: str) -> Reply:
    """Return Resource Manager's error body."""
    return Reply(
        status,
        {"error": {"code": code, "message": message}},
        headers={"x-ms-correlation-request-id": "c-1", "x-ms-request-id": "r-2"},
    )


def forbidden(action: str, scope: str = VAULT_ID) -> Reply:
    """Return Resource Manager's words for a missing right."""
    return error(
        403,
        "AuthorizationFailed",
        "The client 'admin@contoso.example' with object id 'x' does not have authorization to perform "
        f"action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, "
        "please refresh your credentials.",
    )
