"""What makes, changes, deletes and recovers a vault, and what its name may be. Rules only.

REST reference ``Vaults - Create Or Update``, ``Update``, ``Delete``, ``Purge Deleted``;
learn.microsoft.com/azure/key-vault/general: ``soft-delete-overview``, ``key-vault-recovery``,
``access-control-default``.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from codesign_wizard.practice.keyvault.models import Firewall, Vault
from codesign_wizard.practice.keyvault.permissions import Access
from codesign_wizard.practice.management import errors
from codesign_wizard.practice.management.access import read_policies
from codesign_wizard.practice.management.authorization import Subscription, same
from codesign_wizard.practice.management.call import location, tags

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

VAULTS = "Microsoft.KeyVault/vaults"
REGIONS = (
    "australiacentral", "australiaeast", "australiasoutheast", "austriaeast", "belgiumcentral",
    "brazilsouth", "canadacentral", "canadaeast", "centralindia", "centralus", "chilecentral",
    "eastasia", "eastus", "eastus2", "francecentral", "germanywestcentral", "indonesiacentral",
    "israelcentral", "italynorth", "japaneast", "japanwest", "koreacentral", "koreasouth",
    "malaysiawest", "mexicocentral", "newzealandnorth", "northcentralus", "northeurope", "norwayeast",
    "polandcentral", "qatarcentral", "southafricanorth", "southcentralus", "southeastasia", "southindia",
    "spaincentral", "swedencentral", "switzerlandnorth", "uaenorth", "uksouth", "ukwest",
    "westcentralus", "westeurope", "westindia", "westus", "westus2", "westus3",
)  # fmt: skip
# from this version on a vault that is made without a word about it goes by roles
_ROLES_BY_DEFAULT = "2026-02-01"
_NAME = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]")
_RETENTION = range(7, 91)
_ENABLED_FOR = ("Deployment", "DiskEncryption", "TemplateDeployment")
_NETWORK = ("Enabled", "Disabled")


def unfit(name: str, world: World) -> errors.ArmError | None:
    """Return why no new vault can be called *name*, or nothing."""
    if not _NAME.fullmatch(name):
        return errors.vault_name_invalid(name)
    owner = world.vaults.owner_of(name)
    if owner is None:
        return None
    return errors.vault_deleted() if owner.gone else errors.vault_name_taken(name)


def create(
    world: World, subscription: Subscription, group: str, name: str, body: dict[str, Any], version: str
) -> Vault:
    """Make a vault from the request's *body*, or recover a deleted one; raises ``ArmError``."""
    given = _properties(body)
    place = _location(body)
    if str(given.get("createMode") or "").lower() == "recover":
        return _recover(world, subscription, group, name, place)
    refusal = unfit(name, world)
    if refusal is not None:
        raise refusal
    vault = Vault(name, subscription.tenant_id, subscription.subscription_id, group, location=place)
    # what the vault says of itself before it is there is never seen: it is added when all is read
    vault.access = Access(rbac=version >= _ROLES_BY_DEFAULT)
    _read(vault, given, whole=True, new=True)
    vault.tags = tags(body.get("tags"))
    vault.resolves_from = world.clock.now().timestamp() + world.dns * world.conditions.slow_factor
    world.vaults.add(vault)
    return vault


def replace(vault: Vault, body: dict[str, Any]) -> None:
    """Give a vault that is there the properties of a PUT; raises ``ArmError`` and then changes nothing.

    What is left out of it has its default; the permission model and what is fixed for ever stay.
    """
    place = _location(body)
    if place != vault.location:
        raise errors.location_fixed(vault.name, vault.location, vault.resource_group, place)
    kept = tags(body.get("tags"))
    _read(vault, _properties(body), whole=True, new=False)
    vault.tags = kept


def patch(vault: Vault, body: dict[str, Any]) -> None:
    """Change what *body* names, and nothing else; raises ``ArmError`` and then changes nothing."""
    kept = tags(body["tags"]) if "tags" in body else vault.tags
    _read(vault, _properties(body) if "properties" in body else {}, whole=False, new=False)
    vault.tags = kept


def delete(world: World, vault: Vault) -> None:
    """Delete a vault: it can be recovered, without the role assignments on it and in it."""
    vault.gone = world.clock.now().timestamp()
    world.authorization.assignments = [
        each for each in world.authorization.assignments if not _within(each.scope, vault)
    ]


def purge(world: World, vault: Vault) -> None:
    """Remove a deleted vault for good; raises ``ArmError``."""
    if vault.purge_protection:
        raise errors.purge_protected(vault.name)
    if vault in world.vaults.every()[:2]:  # the world begins with them
        raise errors.purge_not_played(vault.name)
    world.vaults.purge(vault)


def _recover(world: World, subscription: Subscription, group: str, name: str, place: str) -> Vault:
    for vault in world.vaults.deleted():
        if (
            same(vault.name, name)
            and vault.subscription_id == subscription.subscription_id
            and same(vault.resource_group, group)
            and vault.location == place
        ):
            vault.gone = 0.0
            return vault
    raise errors.deleted_vault_missing(name)


def _within(scope: str, vault: Vault) -> bool:
    return f"{scope.lower().rstrip('/')}/".startswith(f"{vault.arm_id.lower()}/")


def _properties(body: dict[str, Any]) -> dict[str, Any]:
    given = body.get("properties")
    if not isinstance(given, dict):
        raise errors.request_malformed("Required property 'properties' not found in JSON.")
    return given


def _location(body: dict[str, Any]) -> str:
    place = location(body.get("location"))
    if not place:
        raise errors.location_missing()
    if place not in REGIONS:
        raise errors.location_unknown(place, VAULTS, REGIONS)
    return place


def _read(vault: Vault, given: dict[str, Any], *, whole: bool, new: bool) -> None:
    """Take the properties over into *vault*; *whole* if what is missing has its default."""
    if (whole or "tenantId" in given) and str(given.get("tenantId")).lower() != vault.tenant_id:
        raise errors.property_invalid("tenantId")
    sku = _sku(given["sku"]) if whole or "sku" in given else vault.sku
    rbac = _flag(given, "enableRbacAuthorization", vault.access.rbac)
    retention, protection = _deletion(vault, given, new=new)
    firewall = _firewall(given, Firewall() if whole else vault.firewall)
    policies = vault.access.policies
    if "accessPolicies" in given or whole:
        policies = read_policies(given.get("accessPolicies") or [], vault.tenant_id)
    former = [] if whole else vault.enabled_for
    enabled_for = [each for each in _ENABLED_FOR if _flag(given, f"enabledFor{each}", each in former)]
    vault.sku, vault.firewall, vault.enabled_for = sku, firewall, enabled_for
    vault.access.rbac, vault.access.policies = rbac, policies
    vault.retention_days, vault.purge_protection = retention, protection


def _sku(given: Any) -> str:
    name = str(given.get("name", "")).lower() if isinstance(given, dict) else ""
    if name not in ("standard", "premium") or given.get("family", "A") != "A":
        raise errors.property_invalid("sku")
    return name


def _flag(given: dict[str, Any], name: str, otherwise: bool) -> bool:
    value = given.get(name)
    if value is None:
        return otherwise
    if not isinstance(value, bool):
        raise errors.property_invalid(name)
    return value


def _deletion(vault: Vault, given: dict[str, Any], *, new: bool) -> tuple[int, bool]:
    """Return for how many days what is deleted stays, and whether it cannot be purged before."""
    if given.get("enableSoftDelete") is False:
        raise errors.soft_delete_fixed()
    days = given.get("softDeleteRetentionInDays")
    if days is None:
        days = vault.retention_days
    if not isinstance(days, int) or isinstance(days, bool) or days not in _RETENTION:
        raise errors.property_invalid("softDeleteRetentionInDays")
    if days != vault.retention_days and not new:
        raise errors.property_fixed("softDeleteRetentionInDays")
    protection = _flag(given, "enablePurgeProtection", vault.purge_protection)
    if given.get("enablePurgeProtection") is False:
        raise errors.purge_protection_fixed()
    return days, protection


def _firewall(given: dict[str, Any], former: Firewall) -> Firewall:
    """Return the networking, of which *former* is what is not named."""
    rules = given.get("networkAcls")
    access = given.get("publicNetworkAccess")
    private_only = former.private_only
    if access is not None:
        if str(access).capitalize() not in _NETWORK:
            raise errors.property_invalid("publicNetworkAccess")
        private_only = str(access).capitalize() == "Disabled"
    if rules is None:
        return Firewall(former.open, list(former.allowed), private_only, former.bypass)
    if not isinstance(rules, dict):
        raise errors.property_invalid("networkAcls")
    if rules.get("virtualNetworkRules"):
        # no subnet is there that could be named
        raise errors.property_invalid("networkAcls.virtualNetworkRules")
    action, bypass = rules.get("defaultAction", "Allow"), rules.get("bypass", "AzureServices")
    if action not in ("Allow", "Deny") or bypass not in ("AzureServices", "None"):
        raise errors.property_invalid("networkAcls")
    return Firewall(action == "Allow", _addresses(rules.get("ipRules") or []), private_only, bypass)


def _addresses(given: Any) -> list[str]:
    """Return the IPv4 addresses and ranges of ``ipRules``; raises ``ArmError``."""
    try:
        return [str(ipaddress.IPv4Network(each["value"])) for each in given]
    except (ValueError, KeyError, TypeError) as error:
        raise errors.property_invalid("networkAcls.ipRules") from error
