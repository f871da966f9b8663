"""Azure Resource Manager's JSON documents (REST reference: resources, Key Vault, authorization)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from codesign_wizard.practice.keyvault.models import Vault
from codesign_wizard.practice.keyvault.permissions import AccessPolicy
from codesign_wizard.practice.management.authorization import (
    EVERYONE,
    DenyAssignment,
    RoleAssignment,
    Subscription,
)
from codesign_wizard.practice.management.roles import RoleDefinition

AUTHORIZATION = "/providers/Microsoft.Authorization"


def time(seconds: float) -> str:
    """Return a time as .NET writes it: seven digits after the point."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}0Z"


def subscription(found: Subscription) -> dict[str, Any]:
    """Return a subscription."""
    return {
        "id": found.scope,
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": found.subscription_id,
        "tenantId": found.tenant_id,
        "displayName": found.name,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def resource_group(found: Subscription, name: str, location: str) -> dict[str, Any]:
    """Return a resource group."""
    return {
        "id": f"{found.scope}/resourceGroups/{name}",
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": location,
        "properties": {"provisioningState": "Succeeded"},
    }


def resource(vault: Vault) -> dict[str, Any]:
    """Return a vault as lists of resources give it."""
    return {
        "id": vault.arm_id,
        "name": vault.name,
        "type": "Microsoft.KeyVault/vaults",
        "location": vault.location,
        "tags": {},
    }


def vault(found: Vault) -> dict[str, Any]:
    """Return a vault with its properties."""
    firewall = found.firewall
    return {
        **resource(found),
        "properties": {
            "sku": {"family": "A", "name": found.sku},
            "tenantId": found.tenant_id,
            "networkAcls": {
                "bypass": "AzureServices",
                "defaultAction": "Allow" if firewall.open else "Deny",
                "ipRules": [{"value": f"{each}/32"} for each in firewall.allowed],
                "virtualNetworkRules": [],
            },
            "accessPolicies": [access_policy(found.tenant_id, each) for each in found.access.policies],
            "enabledForDeployment": False,
            "enabledForDiskEncryption": False,
            "enabledForTemplateDeployment": False,
            "enableSoftDelete": True,
            "softDeleteRetentionInDays": 90,
            "enableRbacAuthorization": found.access.rbac,
            "vaultUri": f"https://{found.host}/",
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Disabled" if firewall.private_only else "Enabled",
        },
    }


def access_policy(tenant_id: str, policy: AccessPolicy) -> dict[str, Any]:
    """Return one entry of a vault's access policies."""
    compound = {"applicationId": policy.application_id} if policy.application_id else {}
    return {
        "tenantId": tenant_id,
        "objectId": policy.object_id,
        **compound,
        "permissions": policy.permissions(),
    }


def access_policies(found: Vault) -> dict[str, Any]:
    """Return the answer to a change of access policies."""
    return {
        "id": f"{found.arm_id}/accessPolicies/",
        "type": "Microsoft.KeyVault/vaults/accessPolicies",
        "location": found.location,
        "properties": {
            "accessPolicies": [access_policy(found.tenant_id, each) for each in found.access.policies]
        },
    }


def role_assignment(found: RoleAssignment) -> dict[str, Any]:
    """Return a role assignment."""
    return {
        "properties": {
            "roleDefinitionId": f"{_home(found.scope)}{AUTHORIZATION}/roleDefinitions/{found.role_id}",
            "principalId": found.principal_id,
            "principalType": found.principal_type,
            "scope": found.scope,
            "condition": found.condition,
            "conditionVersion": "2.0" if found.condition else None,
            "createdOn": time(found.created),
            "updatedOn": time(found.created),
            "createdBy": found.created_by,
            "updatedBy": found.created_by,
            "delegatedManagedIdentityResourceId": None,
            "description": found.description,
        },
        "id": assignment_path(found),
        "type": "Microsoft.Authorization/roleAssignments",
        "name": found.assignment_id,
    }


def assignment_path(found: RoleAssignment) -> str:
    """Return an assignment's own id."""
    scope = "" if found.scope == "/" else found.scope
    return f"{scope}{AUTHORIZATION}/roleAssignments/{found.assignment_id}"


def role_definition(found: RoleDefinition, scope: str) -> dict[str, Any]:
    """Return a role definition, asked for at *scope*."""
    return {
        "properties": {
            "roleName": found.name,
            "type": "CustomRole" if found.custom else "BuiltInRole",
            "description": found.description,
            "assignableScopes": list(found.assignable_scopes),
            "permissions": [permissions(found)],
            "createdOn": time(found.created),
            "updatedOn": time(found.updated),
            "createdBy": None,
            "updatedBy": None,
        },
        "id": f"{_home(scope)}{AUTHORIZATION}/roleDefinitions/{found.role_id}",
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": found.role_id,
    }


def permissions(found: RoleDefinition) -> dict[str, Any]:
    """Return what a role holds."""
    return {
        "actions": list(found.actions),
        "notActions": list(found.not_actions),
        "dataActions": list(found.data_actions),
        "notDataActions": list(found.not_data_actions),
    }


def deny_assignment(found: DenyAssignment, kind_of: Callable[[str], str]) -> dict[str, Any]:
    """Return a deny assignment; *kind_of* tells what a principal's id is."""

    def named(ids: list[str]) -> list[dict[str, Any]]:
        return [{"id": each, "type": "SystemDefined" if each == EVERYONE else kind_of(each)} for each in ids]

    return {
        "properties": {
            "denyAssignmentName": found.name,
            "description": found.description,
            "permissions": [
                {
                    "actions": found.actions,
                    "notActions": found.not_actions,
                    "dataActions": found.data_actions,
                    "notDataActions": found.not_data_actions,
                    "condition": found.condition,
                    "conditionVersion": "2.0" if found.condition else None,
                }
            ],
            "scope": found.scope,
            "doNotApplyToChildScopes": found.own_scope_only,
            "principals": named(found.principal_ids),
            "excludePrincipals": named(found.excluded_principal_ids),
            "isSystemProtected": True,
        },
        "id": f"{found.scope}{AUTHORIZATION}/denyAssignments/{found.deny_id}",
        "type": "Microsoft.Authorization/denyAssignments",
        "name": found.deny_id,
    }


def _home(scope: str) -> str:
    """Return where a role definition's id begins: its subscription, or the tenant."""
    parts = scope.strip("/").split("/")
    return f"/subscriptions/{parts[1]}" if parts[0].lower() == "subscriptions" and len(parts) > 1 else ""
