"""What a vault can be asked: path, permission, and what is done, in this order.

Key Vault REST reference, certificates and keys. Where a request needs a permission, the permission is judged
before it is looked whether the object exists, and that before the body. The one exception is the service's
own: below ``deletedcertificates`` and ``deletedkeys`` a missing object answers 404 to everybody
(azure-sdk-for-python#9113).
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from codesign_wizard.practice.entra.tokens import base64url, from_base64url
from codesign_wizard.practice.keyvault import errors, responses
from codesign_wizard.practice.keyvault.models import Vault
from codesign_wizard.practice.keyvault.permissions import Caller
from codesign_wizard.practice.wire.messages import Request, Response, json_response
from codesign_wizard.practice.wire.router import Router, split

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

T = TypeVar("T")
_LARGEST_PAGE = 25


@dataclass(frozen=True)
class _Way:
    """What a path needs: ``permission`` of ``group``, on the named object or (``whole``) on the vault."""

    group: str
    permission: str
    act: Callable[[Operation], Response]
    whole: bool = False


class Operation:
    """One authenticated request on its way: permission, existence, content."""

    def __init__(self, world: World, vault: Vault, caller: Caller, request: Request) -> None:
        self._world = world
        self._vault = vault
        self._caller = caller
        self._request = request

    def run(self) -> Response:
        """Carry the operation out; raises ``VaultError``."""
        way, known = _WAYS.find(self._request)
        if way is None:
            raise self._no_way(known)
        if way.permission:
            now = self._world.clock.now().timestamp()
            name = "" if way.whole else self._name
            self._vault.permit(self._world.authorization, self._caller, way.group, way.permission, name, now)
        return way.act(self)

    def _no_way(self, known: bool) -> errors.VaultError:
        collection, *rest = [urllib.parse.unquote(each) for each in split(self._request.path)]
        if collection.lower() not in _COLLECTIONS:
            return errors.path_unknown(self._request.path)
        if known and (not rest or rest[-1].lower() == "versions"):
            return errors.method_not_allowed(self._request.method)
        return errors.operation_unknown(self._request.method, rest[-1].lower() if rest else collection)

    @property
    def _name(self) -> str:
        return self._request.values.get("name", "")

    @property
    def _version(self) -> str:
        return self._request.values.get("version", "")

    # certificates

    def list_certificates(self) -> Response:
        vault, state = self._vault, self._world.state
        held = [each for _, each in sorted(vault.certificates.items()) if each.versions]
        return self._page(
            held,
            lambda each: responses.certificate_item(vault, each, each.versions[-1], state, whole=True),
        )

    def list_certificate_versions(self) -> Response:
        vault, state = self._vault, self._world.state
        certificate = vault.certificate(self._name)
        return self._page(
            list(reversed(certificate.versions)),
            lambda each: responses.certificate_item(vault, certificate, each, state, whole=False),
        )

    def get_certificate(self) -> Response:
        vault, state = self._vault, self._world.state
        found, version = vault.certificate_version(self._name, self._version)
        return json_response(
            200, responses.certificate_bundle(vault, found, version, state, latest=not self._version)
        )

    def get_policy(self) -> Response:
        vault = self._vault
        return json_response(200, responses.certificate_policy(vault, vault.certificate(self._name)))

    def pending(self) -> Response:
        raise errors.pending_missing(self._name)

    def contacts(self) -> Response:
        raise errors.contacts_missing()

    def list_issuers(self) -> Response:
        return self._page([], lambda each: {})

    def issuer(self) -> Response:
        raise errors.issuer_missing()

    def change_certificate(self) -> Response:
        self._vault.certificate_version(self._name, self._version)
        raise self._not_played()

    # keys

    def list_keys(self) -> Response:
        vault = self._vault
        held = [each for _, each in sorted(vault.keys.items()) if each.versions]
        return self._page(held, lambda each: responses.key_item(vault, each, each.versions[-1], whole=True))

    def list_key_versions(self) -> Response:
        vault, name = self._vault, self._name.lower()
        key = vault.keys.get(name)
        # a name without any version lists as empty, as recorded from the service
        versions = list(reversed(key.versions)) if key else []
        return self._page(
            versions, lambda each: responses.key_item(vault, vault.keys[name], each, whole=False)
        )

    def get_key(self) -> Response:
        found, version = self._vault.key_version(self._name, self._version)
        return json_response(200, responses.key_bundle(self._vault, found, version, self._world.state))

    def get_rotation_policy(self) -> Response:
        found, version = self._vault.key_version(self._name, "")
        return json_response(200, responses.rotation_policy(self._vault, found, version))

    def change_key(self) -> Response:
        self._vault.key_version(self._name, self._version)
        raise self._not_played()

    def sign(self) -> Response:
        key, chosen = self._vault.key_version(self._name, self._version)
        body = self._body()
        algorithm, digest = self._text(body, "alg"), self._bytes(body, "value")
        value = self._vault.sign(
            self._world.state, self._world.clock, key.name, chosen.version, algorithm, digest
        )
        return self._result(key.name, chosen.version, value)

    def verify(self) -> Response:
        key, chosen = self._vault.key_version(self._name, self._version)
        body = self._body()
        algorithm = self._text(body, "alg")
        digest, signature = self._bytes(body, "digest"), self._bytes(body, "value")
        good = self._vault.verify(
            self._world.state, self._world.clock, key.name, chosen.version, algorithm, digest, signature
        )
        return json_response(200, {"value": good})

    def encrypt(self, operation: str) -> Response:
        key, chosen = self._vault.key_version(self._name, self._version)
        body = self._body()
        algorithm, value = self._text(body, "alg"), self._bytes(body, "value")
        result = self._vault.encrypt(
            self._world.state, self._world.clock, key.name, chosen.version, operation, algorithm, value
        )
        return self._result(key.name, chosen.version, result)

    def _result(self, name: str, version: str, value: bytes) -> Response:
        kid = f"https://{self._vault.host}/keys/{name}/{version}"
        return json_response(200, {"kid": kid, "value": base64url(value)})

    # both

    def restore(self) -> Response:
        self._bytes(self._body(), "value")
        raise errors.backup_invalid()  # this vault has never given one out

    def make(self) -> Response:
        raise self._not_played()

    def no_deleted(self) -> Response:
        return self._page([], lambda each: {})

    def deleted(self) -> Response:
        kind = "Key" if "/deletedkeys/" in self._request.path.lower() else "Certificate"
        raise errors.deleted_missing(kind, self._name)

    def _not_played(self) -> errors.VaultError:
        last = urllib.parse.unquote(split(self._request.path)[-1]).lower()
        return errors.not_played(last if last in _VERBS else self._request.method)

    def _body(self) -> dict[str, Any]:
        try:
            document = json.loads(self._request.body)
        except ValueError as error:
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
        query = self._request.query
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
            token = base64url(str(end).encode())
            link = (
                f"https://{self._vault.host}:443{self._request.path}?api-version={query['api-version']}"
                f"&$skiptoken={token}&maxresults={size}"
            )
        return json_response(
            200, {"value": [render(item) for item in items[max(start, 0) : end]], "nextLink": link}
        )


def _ways() -> Router[_Way]:
    ways: Router[_Way] = Router()

    def certificates(
        method: str,
        pattern: str,
        permission: str,
        act: Callable[[Operation], Response],
        *,
        whole: bool = False,
    ) -> None:
        ways.add(method, f"/certificates{pattern}", _Way("certificates", permission, act, whole))

    def keys(method: str, pattern: str, permission: str, act: Callable[[Operation], Response]) -> None:
        ways.add(method, f"/keys{pattern}", _Way("keys", permission, act))

    certificates("GET", "", "list", Operation.list_certificates)
    certificates("GET", "/contacts", "managecontacts", Operation.contacts, whole=True)
    certificates("DELETE", "/contacts", "managecontacts", Operation.contacts, whole=True)
    certificates("PUT", "/contacts", "managecontacts", Operation.make, whole=True)
    certificates("GET", "/issuers", "listissuers", Operation.list_issuers, whole=True)
    certificates("GET", "/issuers/{issuer}", "getissuers", Operation.issuer, whole=True)
    certificates("PATCH", "/issuers/{issuer}", "setissuers", Operation.issuer, whole=True)
    certificates("PUT", "/issuers/{issuer}", "setissuers", Operation.make, whole=True)
    certificates("DELETE", "/issuers/{issuer}", "deleteissuers", Operation.issuer, whole=True)
    certificates("POST", "/restore", "restore", Operation.restore)
    certificates("POST", "/{name}/create", "create", Operation.make)
    certificates("POST", "/{name}/import", "import", Operation.make)
    certificates("POST", "/{name}/backup", "backup", Operation.change_certificate)
    certificates("GET", "/{name}/versions", "list", Operation.list_certificate_versions)
    certificates("GET", "/{name}/policy", "get", Operation.get_policy)
    certificates("PATCH", "/{name}/policy", "update", Operation.change_certificate)
    certificates("GET", "/{name}/pending", "get", Operation.pending)
    certificates("PATCH", "/{name}/pending", "update", Operation.pending)
    certificates("DELETE", "/{name}/pending", "update", Operation.pending)
    certificates("POST", "/{name}/pending/merge", "create", Operation.pending)
    certificates("GET", "/{name}", "get", Operation.get_certificate)
    certificates("GET", "/{name}/{version}", "get", Operation.get_certificate)
    certificates("PATCH", "/{name}", "update", Operation.change_certificate)
    certificates("PATCH", "/{name}/{version}", "update", Operation.change_certificate)
    certificates("DELETE", "/{name}", "delete", Operation.change_certificate)

    keys("GET", "", "list", Operation.list_keys)
    keys("POST", "/restore", "restore", Operation.restore)
    keys("POST", "/{name}/create", "create", Operation.make)
    keys("POST", "/{name}/backup", "backup", Operation.change_key)
    keys("POST", "/{name}/rotate", "rotate", Operation.change_key)
    keys("GET", "/{name}/versions", "list", Operation.list_key_versions)
    keys("GET", "/{name}/rotationpolicy", "getrotationpolicy", Operation.get_rotation_policy)
    keys("PUT", "/{name}/rotationpolicy", "setrotationpolicy", Operation.change_key)
    # an unversioned operation comes as keys/NAME//sign from the SDK, and as keys/NAME/sign from others
    for version in ("", "/{version}"):
        keys("POST", f"/{{name}}{version}/sign", "sign", Operation.sign)
        keys("POST", f"/{{name}}{version}/verify", "verify", Operation.verify)
        for operation in ("encrypt", "decrypt", "wrapKey", "unwrapKey"):
            keys("POST", f"/{{name}}{version}/{operation}", operation, _encrypting(operation))
        keys("POST", f"/{{name}}{version}/release", "release", Operation.change_key)
        keys("GET", f"/{{name}}{version}", "get", Operation.get_key)
        keys("PATCH", f"/{{name}}{version}", "update", Operation.change_key)
    keys("PUT", "/{name}", "import", Operation.make)
    keys("DELETE", "/{name}", "delete", Operation.change_key)

    for group in ("certificates", "keys"):
        ways.add("GET", f"/deleted{group}", _Way(group, "list", Operation.no_deleted))
        nothing = _Way(group, "", Operation.deleted)
        ways.add("GET", f"/deleted{group}/{{name}}", nothing)
        ways.add("DELETE", f"/deleted{group}/{{name}}", nothing)
        ways.add("POST", f"/deleted{group}/{{name}}/recover", nothing)
    return ways


def _encrypting(operation: str) -> Callable[[Operation], Response]:
    return lambda asked: asked.encrypt(operation)


_COLLECTIONS = ("certificates", "keys", "deletedcertificates", "deletedkeys")
_VERBS = ("create", "import", "backup", "rotate", "rotationpolicy", "policy", "release", "contacts")
_WAYS = _ways()
