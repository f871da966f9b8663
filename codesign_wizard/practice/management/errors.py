"""What Azure Resource Manager says when it refuses: codes, texts, statuses.

The texts are those of real answers (issue threads, recordings of the SDKs' tests) and of
learn.microsoft.com/azure/azure-resource-manager/management/common-error-codes; where no source shows one, the
docstring says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_AUDIENCES = (
    "https://management.core.windows.net/",
    "https://management.core.windows.net",
    "https://management.azure.com/",
    "https://management.azure.com",
)


@dataclass
class ArmError(Exception):
    """A refusal, as ``{"error": {"code", "message"}}``."""

    status: int
    code: str
    message: str


def token_missing() -> ArmError:
    """401: no ``Authorization``."""
    return ArmError(
        401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
    )


def token_invalid() -> ArmError:
    """401: not a token that Entra ID signed."""
    return ArmError(401, "InvalidAuthenticationToken", "The access token is invalid.")


def audience_invalid(found: str) -> ArmError:
    """401: a token for another resource, Key Vault for instance."""
    allowed = ",".join(f"'{each}'" for each in _AUDIENCES)
    return ArmError(
        401,
        "InvalidAuthenticationTokenAudience",
        f"The access token has been obtained for wrong audience or resource '{found}'. It should exactly "
        f"match with one of the allowed audiences {allowed}.",
    )


def audience_known(audience: str) -> bool:
    """Tell whether a token for *audience* is good here."""
    return audience in _AUDIENCES


def token_expired(expiry: str, now: str) -> ArmError:
    """401: past ``exp``."""
    return ArmError(
        401,
        "ExpiredAuthenticationToken",
        f"The access token expiry UTC time '{expiry}' is earlier than current UTC time '{now}'.",
    )


def tenant_wrong(found: str, expected: str) -> ArmError:
    """401: the subscription belongs to another directory."""
    return ArmError(
        401,
        "InvalidAuthenticationTokenTenant",
        f"The access token is from the wrong issuer '{found}'. It must match the tenant "
        f"'https://sts.windows.net/{expected}/' associated with this subscription. Please use the authority "
        f"(URL) 'https://login.windows.net/{expected}' to get the token. Note, if the subscription is "
        "transferred to another tenant there is no impact to the services, but information about new tenant "
        "could take time to propagate (up to an hour). If you just transferred your subscription and see "
        "this error message, please try back later.",
    )


def version_missing() -> ArmError:
    """400: no ``api-version``."""
    return ArmError(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )


def version_invalid(version: str, supported: Sequence[str]) -> ArmError:
    """400: a version that Resource Manager's own types do not have."""
    return ArmError(
        400,
        "InvalidApiVersionParameter",
        f"The api-version '{version}' is invalid. The supported versions are "
        f"'{','.join(reversed(supported))}'.",
    )


def version_unregistered(version: str, kind: str, location: str, supported: Sequence[str]) -> ArmError:
    """400: a version that the provider of *kind* does not have."""
    return ArmError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location '{location}' and API version '{version}' for "
        f"type '{kind}'. The supported api-versions are '{', '.join(supported)}'. The supported locations "
        "are 'northeurope, westeurope'.",
    )


def forbidden(client: str, object_id: str, action: str, scope: str) -> ArmError:
    """403: no role of the caller holds the action."""
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{client}' with object id '{object_id}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
        "refresh your credentials.",
    )


def denied(client: str, object_id: str, action: str, scope: str, name: str, deny_id: str) -> ArmError:
    """403: a deny assignment stands against it."""
    return ArmError(
        403,
        "DenyAssignmentAuthorizationFailed",
        f"The client '{client}' with object id '{object_id}' has permission to perform action '{action}' on "
        f"scope '{scope}'; however, the access is denied because of the deny assignment with name '{name}' "
        f"and Id '{deny_id.replace('-', '')}' at scope '{scope}'.",
    )


def subscription_missing(subscription: str) -> ArmError:
    """404: no such subscription, or none that the token's tenant knows."""
    return ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")


def group_missing(group: str) -> ArmError:
    """404: no such resource group."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def resource_missing(kind: str, name: str, group: str) -> ArmError:
    """404: no such resource."""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{kind}/{name}' under resource group '{group}' was not found. For more details please "
        "go to https://aka.ms/ARMResourceNotFoundFix",
    )


def path_unknown(path: str) -> ArmError:
    """404 for anything else that is not there."""
    return ArmError(404, "InvalidResourceType", f"The resource type could not be found for '{path}'.")


def not_played(method: str, path: str) -> ArmError:
    """501 in words of the practice cloud's own: real, but not part of it."""
    return ArmError(501, "NotImplemented", f"The practice cloud does not carry out {method} on '{path}'.")


def request_malformed(detail: str) -> ArmError:
    """400: the body cannot be read."""
    return ArmError(
        400,
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: '{detail}'.",
    )


def filter_invalid(text: str) -> ArmError:
    """400 of resource lists."""
    return ArmError(
        400, "InvalidFilterInQueryString", f"Invalid $filter '{text}' specified in the query string."
    )


def filter_unsupported(text: str) -> ArmError:
    """400 of the lists of Microsoft.Authorization."""
    return ArmError(
        400,
        "UnsupportedQuery",
        f"The filter '{text}' is not supported. Supported filters are either 'atScope()' or 'principalId eq "
        "'{value}' or assignedTo('{value}')'.",
    )


def assignment_name_invalid(name: str) -> ArmError:
    """400: assignments are named by GUIDs."""
    return ArmError(
        400,
        "InvalidRoleAssignmentId",
        f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID.",
    )


def assignment_exists(assignment_id: str) -> ArmError:
    """409: the principal has this role at this scope already."""
    return ArmError(
        409,
        "RoleAssignmentExists",
        "The role assignment already exists. The ID of the existing role assignment is "
        f"{assignment_id.replace('-', '')}.",
    )


def assignment_fixed() -> ArmError:
    """400: who has what where cannot be changed under the same id."""
    return ArmError(
        400,
        "RoleAssignmentUpdateNotPermitted",
        "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
    )


def assignment_missing(assignment_id: str) -> ArmError:
    """404."""
    return ArmError(404, "RoleAssignmentNotFound", f"The role assignment '{assignment_id}' is not found.")


def condition_invalid() -> ArmError:
    """400 for a condition that cannot be read (wording by analogy)."""
    return ArmError(400, "InvalidCondition", "The condition of the role assignment is not valid.")


def principal_missing(principal_id: str, tenant_id: str) -> ArmError:
    """400: no such principal, and the request does not say what it is."""
    return ArmError(
        400,
        "PrincipalNotFound",
        f"Principal {principal_id.replace('-', '')} does not exist in the directory {tenant_id}. Check that "
        "you have the correct principal ID. If you are creating this principal and then immediately "
        "assigning a role, this error might be related to a replication delay. In this case, set the role "
        "assignment principalType property to a value, such as ServicePrincipal, User, or Group.  See "
        "https://aka.ms/docs-principaltype",
    )


def principal_unmatched(principal_id: str, actual: str, given: str) -> ArmError:
    """400: the principal is of another kind than the request says (the service's own misspelling)."""
    return ArmError(
        400,
        "UnmatchedPrincipalType",
        f"The PrincipalId '{principal_id.replace('-', '')}' has type '{actual}' , which is different from "
        f"specified PrinciaplType '{given}'.",
    )


def role_missing(role_id: str) -> ArmError:
    """404."""
    return ArmError(
        404,
        "RoleDefinitionDoesNotExist",
        f"The specified role definition with ID '{role_id.replace('-', '').upper()}' does not exist.",
    )


def role_name_taken(name: str) -> ArmError:
    """409: names of custom roles are one directory's."""
    return ArmError(
        409,
        "RoleDefinitionWithSameNameExists",
        f"A custom role with the name '{name}' already exists in this directory. Use a different name.",
    )


def role_built_in() -> ArmError:
    """403: Azure's own roles stay as they are (wording by analogy)."""
    return ArmError(403, "RoleDefinitionIsBuiltIn", "A built-in role definition cannot be changed.")


def role_in_use() -> ArmError:
    """400: custom-roles-troubleshooting has code and words (status by analogy)."""
    return ArmError(
        400, "RoleDefinitionHasAssignments", "There are existing role assignments referencing role."
    )


def role_incomplete(what: str) -> ArmError:
    """400: a member of the definition is missing or empty (wording by analogy)."""
    return ArmError(400, "RoleDefinitionInvalid", f"The role definition has no valid '{what}'.")


def action_unknown(action: str) -> ArmError:
    """400: an action of no provider."""
    return ArmError(
        400,
        "InvalidActionOrNotAction",
        f"'{action}' does not match any of the actions supported by the providers.",
    )


def role_not_assignable(role_id: str, scope: str) -> ArmError:
    """400: a custom role outside its assignable scopes (wording by analogy)."""
    return ArmError(
        400,
        "RoleAssignmentScopeNotAssignableToRoleDefinition",
        f"The scope '{scope}' of the role assignment is not within the assignable scopes of the role "
        f"definition with ID '{role_id}'.",
    )


def group_name_invalid(name: str) -> ArmError:
    """400."""
    return ArmError(
        400,
        "InvalidResourceGroup",
        f"The provided resource group name '{name}' has these invalid characters or ends with a period. The "
        "name can only be a letter, digit, '-', '.', '(', ')' or '_'.",
    )


def location_missing() -> ArmError:
    """400: every resource lies somewhere."""
    return ArmError(400, "LocationRequired", "The location property is required for this definition.")


def location_unknown(place: str, kind: str, known: Sequence[str]) -> ArmError:
    """400: there is no such region, or the type is not offered there."""
    return ArmError(
        400,
        "LocationNotAvailableForResourceType",
        f"The provided location '{place}' is not available for resource type '{kind}'. List of available "
        f"regions for the resource type is '{','.join(known)}'.",
    )


def group_location_unknown(place: str, known: Sequence[str]) -> ArmError:
    """400: there is no such region."""
    return ArmError(
        400,
        "LocationNotAvailableForResourceGroup",
        f"The provided location '{place}' is not available for resource group. List of available regions is "
        f"'{','.join(known)}'.",
    )


def group_location_fixed(name: str, held: str, place: str) -> ArmError:
    """409: a resource group stays where it is."""
    return ArmError(
        409,
        "InvalidResourceGroupLocation",
        f"Invalid resource group location '{place}'. The Resource group already exists in location '{held}'.",
    )


def location_fixed(name: str, held: str, group: str, place: str) -> ArmError:
    """409: a resource stays where it is."""
    return ArmError(
        409,
        "InvalidResourceLocation",
        f"The resource '{name}' already exists in location '{held}' in resource group '{group}'. A resource "
        f"with the same name cannot be created in location '{place}'. Please select a new resource name.",
    )


def namespace_unknown(name: str) -> ArmError:
    """404: no such resource provider."""
    return ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{name}' is invalid.")


def vault_name_invalid(name: str) -> ArmError:
    """400."""
    return ArmError(
        400,
        "VaultNameNotValid",
        f"The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. "
        "The name must begin with a letter, end with a letter or digit, and not contain consecutive hyphens. "
        "Follow this link for more information: https://go.microsoft.com/fwlink/?linkid=2147742",
    )


def vault_name_taken(name: str) -> ArmError:
    """409: somebody's vault, anywhere, is called so."""
    return ArmError(
        409,
        "VaultAlreadyExists",
        f"The vault name '{name}' is already in use. Vault names are globally unique so it is possible that "
        "the name is already taken. If you are sure that the vault name was not taken then it is possible "
        "that a vault with the same name was recently deleted but not purged after being placed in a "
        "recoverable state. If the vault is in a recoverable state then the vault will need to be purged "
        "before reusing the name. For more information about VaultAlreadyExists, soft delete and purging a "
        "vault follow this link https://go.microsoft.com/fwlink/?linkid=2147740.",
    )


def vault_deleted() -> ArmError:
    """409: a deleted vault still owns its name."""
    return ArmError(
        409,
        "ConflictError",
        "A vault with the same name already exists in deleted state. You need to either recover or purge "
        "existing key vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more "
        "information on soft delete.",
    )


def deleted_vault_missing(name: str) -> ArmError:
    """404: nothing of this name was deleted there."""
    return ArmError(404, "DeletedVaultNotFound", f"The specified deleted vault '{name}' does not exist.")


def property_invalid(name: str) -> ArmError:
    """400: a property that cannot be read, or must not be so (wording by analogy)."""
    return ArmError(400, "BadRequest", f"An invalid value was provided for '{name}'.")


def property_fixed(name: str) -> ArmError:
    """400: what is chosen once, when the vault is made."""
    return ArmError(
        400, "BadRequest", f'The property "{name}" has been set already and it can\'t be modified.'
    )


def soft_delete_fixed() -> ArmError:
    """400: every vault can be recovered."""
    return ArmError(
        400,
        "BadRequest",
        'The property "enableSoftDelete" can be set to false only for creating new vault. Enabling the '
        "'soft delete' functionality is an irreversible action.",
    )


def purge_protection_fixed() -> ArmError:
    """400: protection against purging is never taken off."""
    return ArmError(
        400,
        "BadRequest",
        'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a '
        "vault is an irreversible action.",
    )


def purge_protected(name: str) -> ArmError:
    """400: the vault goes when its time has come (wording by analogy)."""
    return ArmError(
        400,
        "MethodNotAllowed",
        f"The operation 'DeletedVaultPurge' is not allowed on the vault '{name}': it is purge protected.",
    )


def purge_not_played(name: str) -> ArmError:
    """501 in words of the practice cloud's own: it needs the vaults it began with."""
    return ArmError(501, "NotImplemented", f"The practice cloud does not purge its own vault '{name}'.")


def policy_invalid() -> ArmError:
    """400: an access policy of another tenant, or permissions that are none."""
    return ArmError(400, "BadRequest", "An invalid value was provided for 'accessPolicies'.")
