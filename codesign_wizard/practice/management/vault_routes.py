"""Vaults on Resource Manager's wire: lists, the vault itself and its life, its access policies, its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codesign_wizard.practice.keyvault.models import Vault
from codesign_wizard.practice.management import errors, responses, vault_life
from codesign_wizard.practice.management.access import change_policies
from codesign_wizard.practice.management.authorization import Subscription
from codesign_wizard.practice.management.call import Call, Handler, Page, document, location, properties
from codesign_wizard.practice.management.vault_life import VAULTS
from codesign_wizard.practice.wire.messages import Response, json_response
from codesign_wizard.practice.wire.router import Router

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

_PROVIDER = "Microsoft.KeyVault"


class VaultRoutes:
    """Leads requests about vaults to the rules; *page* words a list."""

    def __init__(self, world: World, router: Router[Handler], page: Page) -> None:
        self._world = world
        self._page = page
        add = router.add
        provider = f"/subscriptions/{{subscription}}/providers/{_PROVIDER}"
        group = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{VAULTS}"
        add("GET", f"{provider}/vaults", self._list)
        add("GET", group, self._list)
        add("GET", f"{group}/{{vault}}", self._get)
        add("PUT", f"{group}/{{vault}}", self._put)
        add("PATCH", f"{group}/{{vault}}", self._patch)
        add("DELETE", f"{group}/{{vault}}", self._delete)
        add("PUT", f"{group}/{{vault}}/accessPolicies/{{operation}}", self._policies)
        add("GET", f"{provider}/deletedVaults", self._list_deleted)
        add("GET", f"{provider}/locations/{{location}}/deletedVaults/{{vault}}", self._get_deleted)
        add("POST", f"{provider}/locations/{{location}}/deletedVaults/{{vault}}/purge", self._purge)
        add("POST", f"{provider}/checkNameAvailability", self._check_name)
        for none in ("managedHSMs", "deletedManagedHSMs"):
            add("GET", f"{provider}/{none}", self._no_hsms)

    def held(self, subscription: Subscription, group: str = "") -> list[Vault]:
        """Return the vaults of a subscription, or of a resource group there."""
        return [
            vault
            for vault in self._world.vaults.all()
            if vault.subscription_id == subscription.subscription_id
            and group.lower() in ("", vault.resource_group.lower())
        ]

    def _list(self, call: Call) -> Response:
        found, group = call.subscription(self._world), call.value("group")
        scope = f"{found.scope}/resourceGroups/{group}" if group else found.scope
        call.manager.demand(f"{VAULTS}/read", scope)
        if group and not found.resource_group(group):
            raise errors.group_missing(group)
        return self._page(call, [self._shown(each) for each in self.held(found, group)])

    def _get(self, call: Call) -> Response:
        call.manager.demand(f"{VAULTS}/read", call.path)
        return self._one(self._named(call))

    def _put(self, call: Call) -> Response:
        call.manager.demand(f"{VAULTS}/write", call.path)
        subscription, name = call.subscription(self._world), call.value("vault")
        group = subscription.resource_group(call.value("group"))
        if not group:
            raise errors.group_missing(call.value("group"))
        body = document(call.request)
        with self._world.lock:
            vault = self._find(subscription, group, name)
            if vault is None:
                vault = vault_life.create(self._world, subscription, group, name, body, call.version)
            else:
                vault_life.replace(vault, body)
            self._world.save()
        return self._one(vault)

    def _patch(self, call: Call) -> Response:
        call.manager.demand(f"{VAULTS}/write", call.path)
        body = document(call.request)
        with self._world.lock:
            vault = self._named(call)
            vault_life.patch(vault, body)
            self._world.save()
        return self._one(vault)

    def _delete(self, call: Call) -> Response:
        call.manager.demand(f"{VAULTS}/delete", call.path)
        subscription, group = call.subscription(self._world), call.value("group")
        with self._world.lock:
            vault = self._find(subscription, group, call.value("vault"))
            if vault is None:
                return Response(204)
            vault_life.delete(self._world, vault)
            self._world.save()
        return Response(200)

    def _policies(self, call: Call) -> Response:
        vault_path = call.path.rpartition("/accessPolicies/")[0] or call.path
        call.manager.demand(f"{VAULTS}/accessPolicies/write", vault_path)
        with self._world.lock:
            vault = self._named(call)
            change_policies(vault, call.value("operation").lower(), properties(call.request))
            self._world.save()
        return json_response(200, responses.access_policies(vault))

    # what was deleted, and names

    def _list_deleted(self, call: Call) -> Response:
        subscription = call.subscription(self._world)
        call.manager.demand(f"{_PROVIDER}/deletedVaults/read", subscription.scope)
        return self._page(call, [responses.deleted_vault(each) for each in self._gone(subscription)])

    def _get_deleted(self, call: Call) -> Response:
        call.manager.demand(f"{_PROVIDER}/locations/deletedVaults/read", call.path)
        return json_response(200, responses.deleted_vault(self._gone_named(call)))

    def _purge(self, call: Call) -> Response:
        call.manager.demand(f"{_PROVIDER}/locations/deletedVaults/purge/action", call.path)
        with self._world.lock:
            vault_life.purge(self._world, self._gone_named(call))
            self._world.save()
        return Response(200)

    def _check_name(self, call: Call) -> Response:
        subscription = call.subscription(self._world)
        call.manager.demand(f"{_PROVIDER}/checkNameAvailability/read", subscription.scope)
        body = document(call.request)
        name = body.get("name")
        if not isinstance(name, str) or str(body.get("type", "")).lower() != VAULTS.lower():
            raise errors.request_malformed("The name and the type of a vault are needed.")
        refusal = vault_life.unfit(name, self._world)
        if refusal is None:
            return json_response(200, {"nameAvailable": True})
        reason = "AccountNameInvalid" if refusal.status == 400 else "AlreadyExists"
        return json_response(200, {"nameAvailable": False, "reason": reason, "message": refusal.message})

    def _no_hsms(self, call: Call) -> Response:
        subscription = call.subscription(self._world)
        call.manager.demand(f"{_PROVIDER}/{call.path.rpartition('/')[2]}/read", subscription.scope)
        return self._page(call, [])

    def _gone(self, subscription: Subscription) -> list[Vault]:
        wanted = subscription.subscription_id
        return [each for each in self._world.vaults.deleted() if each.subscription_id == wanted]

    def _gone_named(self, call: Call) -> Vault:
        name, place = call.value("vault"), location(call.value("location"))
        for vault in self._gone(call.subscription(self._world)):
            if vault.name.lower() == name.lower() and vault.location == place:
                return vault
        raise errors.deleted_vault_missing(name)

    def _find(self, subscription: Subscription, group: str, name: str) -> Vault | None:
        held = self.held(subscription, group)
        return next((each for each in held if each.name.lower() == name.lower()), None)

    def _named(self, call: Call) -> Vault:
        subscription, group, name = call.subscription(self._world), call.value("group"), call.value("vault")
        if not subscription.resource_group(group):
            raise errors.group_missing(group)
        found = self._find(subscription, group, name)
        if found is None:
            raise errors.resource_missing(VAULTS, name, group)
        return found

    def _one(self, vault: Vault) -> Response:
        response = json_response(200, self._shown(vault))
        if not self._ready(vault):
            # the real one leaves it to the client how often it asks: every half minute
            response.headers.append(("Retry-After", "1"))
        return response

    def _shown(self, vault: Vault) -> dict[str, Any]:
        return responses.vault(vault, ready=self._ready(vault))

    def _ready(self, vault: Vault) -> bool:
        return vault.resolves_from <= self._world.clock.now().timestamp()
