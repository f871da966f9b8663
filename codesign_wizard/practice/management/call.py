"""One authenticated request to Azure Resource Manager, and what its body and its path say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codesign_wizard.practice.management import errors
from codesign_wizard.practice.management.authorization import Subscription
from codesign_wizard.practice.management.grants import Manager
from codesign_wizard.practice.wire.messages import Request, Response

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World


@dataclass(frozen=True)
class Call:
    """One authenticated request. ``path`` holds no empty segments."""

    request: Request
    path: str
    manager: Manager

    def value(self, name: str) -> str:
        """Return what the path has in the place of ``{name}``; "" where the pattern has no such place."""
        return self.request.values.get(name, "")

    @property
    def version(self) -> str:
        """The ``api-version``, a known one."""
        return self.request.parameters["api-version"]

    def subscription(self, world: World) -> Subscription:
        """Return the subscription of the path, which was looked at before."""
        found = world.authorization.subscription(self.value("subscription"))
        assert found is not None, "the path was looked at before"
        return found


Handler = Callable[[Call], Response]
Page = Callable[[Call, list[dict[str, Any]]], Response]  # words a list


def document(request: Request) -> dict[str, Any]:
    """Return the body, an object; raises ``ArmError``."""
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError) as error:  # nested too deeply
        raise errors.request_malformed(str(error)) from error
    if not isinstance(found, dict):
        raise errors.request_malformed("Unexpected value encountered when deserializing the request.")
    return found


def properties(request: Request) -> dict[str, Any]:
    """Return the ``properties`` of the body; raises ``ArmError``."""
    found = document(request).get("properties")
    if not isinstance(found, dict):
        raise errors.request_malformed("Required property 'properties' not found in JSON.")
    return found


def location(given: Any) -> str:
    """Return a location as Azure keeps it: ``West Europe`` is ``westeurope``; "" for none."""
    return given.replace(" ", "").lower() if isinstance(given, str) else ""


def tags(given: Any) -> dict[str, str]:
    """Return the tags of a resource; raises ``ArmError``."""
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(isinstance(each, str) for each in given.values()):
        raise errors.request_malformed("Unexpected value of 'tags'.")
    return dict(given)
