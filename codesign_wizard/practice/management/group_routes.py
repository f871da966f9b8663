"""Resource groups, locations and resource providers on Resource Manager's wire."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codesign_wizard.practice.management import errors, responses
from codesign_wizard.practice.management.call import Call, Handler, Page, document, location
from codesign_wizard.practice.management.vault_life import REGIONS
from codesign_wizard.practice.wire.messages import Response, json_response
from codesign_wizard.practice.wire.router import Router

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

_GROUPS = "Microsoft.Resources/subscriptions/resourceGroups"
# learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
_NAME = re.compile(r"[\w\-.()]{0,89}[\w\-()]")
_PROVIDERS = ("Microsoft.Authorization", "Microsoft.KeyVault", "Microsoft.Resources")


class GroupRoutes:
    """Leads requests about resource groups and providers to the world; *page* words a list."""

    def __init__(self, world: World, router: Router[Handler], page: Page) -> None:
        self._world = world
        self._page = page
        add = router.add
        base = "/subscriptions/{subscription}"
        add("GET", f"{base}/resourceGroups", self._list)
        add("GET", f"{base}/resourceGroups/{{group}}", self._get)
        add("PUT", f"{base}/resourceGroups/{{group}}", self._put)
        add("GET", f"{base}/locations", self._locations)
        add("GET", f"{base}/providers/{{provider}}", self._provider)
        add("POST", f"{base}/providers/{{provider}}/register", self._register)

    def _list(self, call: Call) -> Response:
        found = call.subscription(self._world)
        return self._page(
            call,
            [
                responses.resource_group(found, name, place)
                for name, place in sorted(found.resource_groups.items())
                if call.manager.may(f"{_GROUPS}/read", f"{found.scope}/resourceGroups/{name}")
            ],
        )

    def _get(self, call: Call) -> Response:
        call.manager.demand(f"{_GROUPS}/read", call.path)
        found = call.subscription(self._world)
        name = found.resource_group(call.value("group"))
        if not name:
            raise errors.group_missing(call.value("group"))
        return json_response(200, responses.resource_group(found, name, found.resource_groups[name]))

    def _put(self, call: Call) -> Response:
        call.manager.demand(f"{_GROUPS}/write", call.path)
        subscription, name = call.subscription(self._world), call.value("group")
        if not _NAME.fullmatch(name):
            raise errors.group_name_invalid(name)
        place = location(document(call.request).get("location"))
        if not place:
            raise errors.location_missing()
        if place not in REGIONS:
            raise errors.group_location_unknown(place, REGIONS)
        with self._world.lock:
            held = subscription.resource_group(name)
            if held and subscription.resource_groups[held] != place:
                raise errors.group_location_fixed(held, subscription.resource_groups[held], place)
            # anew: other requests may be reading it
            subscription.resource_groups = {**subscription.resource_groups, held or name: place}
            self._world.save()
        return json_response(
            200 if held else 201, responses.resource_group(subscription, held or name, place)
        )

    def _locations(self, call: Call) -> Response:
        found = call.subscription(self._world)
        call.manager.demand("Microsoft.Resources/subscriptions/locations/read", found.scope)
        return json_response(200, {"value": [responses.region(found, each) for each in REGIONS]})

    def _provider(self, call: Call) -> Response:
        found = call.subscription(self._world)
        call.manager.demand("Microsoft.Resources/subscriptions/providers/read", found.scope)
        return json_response(200, responses.provider(found, self._known(call)))

    def _register(self, call: Call) -> Response:
        found, name = call.subscription(self._world), self._known(call)
        call.manager.demand(f"{name}/register/action", found.scope)
        return json_response(200, responses.provider(found, name))

    def _known(self, call: Call) -> str:
        wanted = call.value("provider")
        for each in _PROVIDERS:
            if each.lower() == wanted.lower():
                return each
        raise errors.namespace_unknown(wanted)
