"""One authenticated request to a vault: its names, its body, its pages, and who asks."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from codesign_wizard.practice.entra.tokens import base64url, from_base64url
from codesign_wizard.practice.keyvault import errors
from codesign_wizard.practice.keyvault.models import Vault
from codesign_wizard.practice.keyvault.permissions import Caller
from codesign_wizard.practice.wire.messages import Request, Response, json_response

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

T = TypeVar("T")
_LARGEST_PAGE = 25


class Asked:
    """What every operation needs of its request. Operations on keys and on certificates build on it."""

    def __init__(self, world: World, vault: Vault, caller: Caller, request: Request) -> None:
        self._world = world
        self._vault = vault
        self._caller = caller
        self._request = request

    @property
    def _name(self) -> str:
        return self._request.values.get("name", "")

    @property
    def _version(self) -> str:
        return self._request.values.get("version", "")

    @property
    def _now(self) -> int:
        return int(self._world.clock.now().timestamp())

    def _permit(self, group: str, permission: str, name: str) -> None:
        """Raise ``VaultError`` unless the caller has the permission on the object (empty: on the vault)."""
        now = self._world.clock.now().timestamp()
        self._vault.permit(self._world.authorization, self._caller, group, permission, name, now)

    def _changed(self, document: dict[str, Any]) -> Response:
        self._world.save()
        return json_response(200, document)

    def _body(self) -> dict[str, Any]:
        try:
            document = json.loads(self._request.body)
        except (ValueError, RecursionError) as error:  # nested too deeply
            raise errors.property_invalid() from error
        if not isinstance(document, dict):
            raise errors.property_invalid()
        return document

    def _text(self, body: dict[str, Any], name: str) -> str:
        value = body.get(name)
        if not isinstance(value, str) or not value:
            raise errors.property_invalid(name)
        return value

    def _bytes(self, body: dict[str, Any], name: str) -> bytes:
        """Return a base64url member; the service takes plain base64 as well, as jsign sends it."""
        try:
            return from_base64url(self._text(body, name))
        except ValueError as error:
            raise errors.property_invalid(name) from error

    def _page(self, items: list[T], render: Callable[[T], dict[str, Any]]) -> Response:
        query = self._request.parameters
        size = query.get("maxresults", str(_LARGEST_PAGE))
        if not size.isascii() or not size.isdigit() or not 1 <= int(size) <= _LARGEST_PAGE:
            raise errors.property_invalid("maxresults")
        try:
            start = int(from_base64url(query.get("$skiptoken", "")) or b"0")
        except ValueError as error:
            raise errors.property_invalid("$skiptoken") from error
        end = start + int(size)
        link = None
        if end < len(items):
            asked = {"api-version": query["api-version"], "$skiptoken": base64url(str(end).encode())}
            asked |= {"maxresults": size, **({"includePending": "true"} if self._with_pending else {})}
            link = f"https://{self._vault.host}:443{self._request.path}?" + urllib.parse.urlencode(
                asked, safe="$"
            )
        return json_response(
            200, {"value": [render(item) for item in items[max(start, 0) : end]], "nextLink": link}
        )

    @property
    def _with_pending(self) -> bool:
        return self._request.parameters.get("includepending", "").lower() == "true"
