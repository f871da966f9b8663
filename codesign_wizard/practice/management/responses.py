"""Azure Resource Manager's JSON documents (REST reference: resources, Key Vault, authorization)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_network
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


def region(found: Subscription, name: str) -> dict[str, Any]:
    """Return a location."""
    return {
        "id": f"{found.scope}/locations/{name}",
        "name": name,
        "type": "Region",
        "displayName": name,
        "regionalDisplayName": name,
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
    }


def provider(found: Subscription, name: str) -> dict[str, Any]:
    """Return a resource provider: the practice subscription has every one registered."""
    return {
        "id": f"{found.scope}/providers/{name}",
        "namespace": name,
        "resourceTypes": [],
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationRequired",
    }


def resource(vault: Vault) -> dict[str, Any]:
    """Return a vault as lists of resources give it."""
    return {
        "id": vault.arm_id,
        "name": vault.name,
        "type": "Microsoft.KeyVault/vaults",
        "location": vault.location,
        "tags": vault.tags,
    }


def vault(found: Vault, *, ready: bool = True) -> dict[str, Any]:
    """Return a vault with its properties; until it is *ready* its name is being registered."""
    firewall = found.firewall
    protection = {"enablePurgeProtection": True} if found.purge_protection else {}
    return {
        **resource(found),
        "properties": {
            "sku": {"family": "A", "name": found.sku},
            "tenantId": found.tenant_id,
            "networkAcls": {
                "bypass": firewall.bypass,
                "defaultAction": "Allow" if firewall.open else "Deny",
                "ipRules": [{"value": str(ip_network(each))} for each in firewall.allowed],
                "virtualNetworkRules": [],
            },
            "accessPolicies": [access_policy(found.tenant_id, each) for each in found.access.policies],
            "enabledForDeployment": "Deployment" in found.enabled_for,
            "enabledForDiskEncryption": "DiskEncryption" in found.enabled_for,
            "enabledForTemplateDeployment": "TemplateDeployment" in found.enabled_for,
            "enableSoftDelete": True,
            "softDeleteRetentionInDays": found.retention_days,
            **protection,
            "enableRbacAuthorization": found.access.rbac,
            "vaultUri": f"https://{found.host}/",
            "provisioningState": "Succeeded" if ready else "RegisteringDns",
            "publicNetworkAccess": "Disabled" if firewall.private_only else "Enabled",
        },
    }


def deleted_vault(found: Vault) -> dict[str, Any]:
    """Return a vault that was deleted and can be recovered."""
    place = f"/subscriptions/{found.subscription_id}/providers/Microsoft.KeyVault/locations/{found.location}"
    protection = {"purgeProtectionEnabled": True} if found.purge_protection else {}
    return {
        "id": f"{place}/deletedVaults/{found.name}",
        "name": found.name,
        "type": "Microsoft.KeyVault/deletedVaults",
        "properties": {
            "vaultId": found.arm_id,
            "location": found.location,
            "tags": found.tags,
            "deletionDate": _whole(found.gone),
            "scheduledPurgeDate": _whole(found.gone + found.retention_days * 24 * 3600),
            **protection,
        },
    }


def _whole(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


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
        **({"condition": found.condition, "conditionVersion": "2.0"} if found.condition else {}),
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
