"""What a vault can be asked: path, permission, and what is done, in this order.

Key Vault REST reference, certificates and keys. Where a request needs a permission, the permission is judged
before it is looked whether the object exists, and that before the body. The one exception is the service's
own: below ``deletedcertificates`` and its like a missing object answers 404 to everybody
(azure-sdk-for-python#9113).
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from codesign_wizard.practice.entra.tokens import base64url
from codesign_wizard.practice.keyvault import backups, errors, issuers, lifecycle, responses
from codesign_wizard.practice.keyvault.key_operations import KeyOperations
from codesign_wizard.practice.keyvault.objects import CertificatePolicy, VaultCertificate
from codesign_wizard.practice.keyvault.pending import IN_PROGRESS, DeletedCertificate, PendingOperation
from codesign_wizard.practice.wire.messages import Response, json_response
from codesign_wizard.practice.wire.router import Router, split


@dataclass(frozen=True)
class _Way:
    """What a path needs: ``permission`` of ``group``, on the named object or (``whole``) on the vault."""

    group: str
    permission: str
    act: Callable[[Operation], Response]
    whole: bool = False


class Operation(KeyOperations):
    """One authenticated request on its way: permission, existence, content."""

    def run(self) -> Response:
        """Carry the operation out; raises ``VaultError``."""
        way, known = _WAYS.find(self._request)
        if way is None:
            raise self._no_way(known)
        if way.permission:
            self._permit(way.group, way.permission, "" if way.whole else self._name)
        return way.act(self)

    def _no_way(self, known: bool) -> errors.VaultError:
        collection, *rest = [urllib.parse.unquote(each) for each in split(self._request.path)]
        if collection.lower() not in _COLLECTIONS:
            return errors.path_unknown(self._request.path)
        if known and (not rest or rest[-1].lower() == "versions"):
            return errors.method_not_allowed(self._request.method)
        return errors.operation_unknown(self._request.method, rest[-1].lower() if rest else collection)

    # certificates

    def list_certificates(self) -> Response:
        vault, state = self._vault, self._world.state
        held = {
            name: responses.certificate_item(vault, each, each.versions[-1], state, whole=True)
            for name, each in vault.certificates.items()
            if each.versions
        }
        if self._with_pending:
            for name, each in vault.pending.items():
                if vault.unmerged(name) is not None:
                    held.setdefault(name, responses.pending_item(vault, each, whole=True))
        return self._page([held[name] for name in sorted(held)], lambda each: each)

    def list_certificate_versions(self) -> Response:
        vault, state = self._vault, self._world.state
        waiting = vault.pending.get(self._name.lower())
        bare = waiting is not None and (waiting.waits or vault.unmerged(self._name) is not None)
        versions = [responses.pending_item(vault, waiting, whole=False)] if waiting and bare else []
        if not versions or self._name.lower() in vault.certificates:
            certificate = vault.certificate(self._name)
            versions += [
                responses.certificate_item(vault, certificate, each, state, whole=False)
                for each in reversed(certificate.versions)
            ]
        return self._page(versions, lambda each: each)

    def get_certificate(self) -> Response:
        vault, state = self._vault, self._world.state
        bare = self._bare()
        if bare is not None:
            return json_response(200, responses.pending_bundle(vault, bare))
        found, version = vault.certificate_version(self._name, self._version)
        return json_response(
            200, responses.certificate_bundle(vault, found, version, state, latest=not self._version)
        )

    def _bare(self) -> PendingOperation | None:
        """Return the request if it is its version that is meant: one without a certificate."""
        waiting = self._vault.pending.get(self._name.lower())
        if waiting is None or not (waiting.waits or self._vault.unmerged(self._name)):
            return None
        if self._version.lower() == waiting.key["version"]:
            return waiting
        return None if self._version else self._vault.unmerged(self._name)

    def get_policy(self) -> Response:
        return json_response(200, self._policy())

    def _policy(self) -> dict[str, Any]:
        waiting = self._vault.unmerged(self._name)
        if waiting is None:
            return responses.certificate_policy(self._vault, self._vault.certificate(self._name))
        holder = VaultCertificate(waiting.name, CertificatePolicy(**waiting.policy), [])
        return responses.certificate_policy(self._vault, holder)

    def update_policy(self) -> Response:
        shown = self._policy()  # existence before content
        lifecycle.change_policy(self._vault, self._name, shown, self._body(), self._now)
        self._world.save()
        return json_response(200, self._policy())

    # a certificate's life

    def create_certificate(self) -> Response:
        made = lifecycle.create(self._vault, self._world.state, self._name, self._body(), self._now)
        self._world.save()
        # even what the vault signs itself is not told to be done at once
        fresh = replace(made, status=IN_PROGRESS, target="")
        response = json_response(202, responses.pending_operation(self._vault, fresh))
        version = self._request.parameters["api-version"]
        place = f"https://{self._vault.host}/certificates/{made.name}/pending"
        location = f"{place}?api-version={version}&request_id={made.request_id}"
        response.headers += [("Location", location), ("Retry-After", "10")]
        return response

    def get_pending(self) -> Response:
        found = lifecycle.pending(self._vault, self._name, self._request.parameters.get("request_id", ""))
        return json_response(200, responses.pending_operation(self._vault, found))

    def cancel_pending(self) -> Response:
        lifecycle.pending(self._vault, self._name)  # existence before content
        if self._body().get("cancellation_requested") is not True:
            raise errors.property_invalid("cancellation_requested")
        found = lifecycle.cancel(self._vault, self._name)
        self._world.save()
        return json_response(200, responses.pending_operation(self._vault, found))

    def delete_pending(self) -> Response:
        found = lifecycle.drop(self._vault, self._name)
        self._world.save()
        return json_response(200, responses.pending_operation(self._vault, found))

    def merge(self) -> Response:
        lifecycle.pending(self._vault, self._name)
        lifecycle.merge(self._vault, self._world.state, self._name, self._body(), self._now)
        self._world.save()
        return self._newest(201)

    def import_certificate(self) -> Response:
        lifecycle.import_certificate(self._vault, self._world.state, self._name, self._body(), self._now)
        self._world.save()
        return self._newest(200)

    def update_certificate(self) -> Response:
        vault, state, bare = self._vault, self._world.state, self._bare()
        if bare is not None:
            lifecycle.update_bare(bare, self._body())
            self._world.save()
            return json_response(200, responses.pending_bundle(vault, bare))
        found, version = vault.certificate_version(self._name, self._version)
        lifecycle.update(vault, self._name, version.version, self._body(), self._now)
        self._world.save()
        return json_response(200, responses.certificate_bundle(vault, found, version, state, latest=False))

    def delete_certificate(self) -> Response:
        gone = lifecycle.delete(self._vault, self._name, self._now)
        self._world.save()
        return json_response(200, responses.deleted_certificate(self._vault, gone, self._world.state))

    def list_deleted_certificates(self) -> Response:
        vault, state = self._vault, self._world.state
        held = [each for _, each in sorted(vault.deleted.items())]
        return self._page(held, lambda each: responses.deleted_certificate(vault, each, state, item=True))

    def get_deleted_certificate(self) -> Response:
        found = self._deleted("get")
        return json_response(200, responses.deleted_certificate(self._vault, found, self._world.state))

    def recover_certificate(self) -> Response:
        self._deleted("recover")
        lifecycle.recover(self._vault, self._name)
        self._world.save()
        return self._newest(200)

    def purge_certificate(self) -> Response:
        self._deleted("purge")
        lifecycle.purge(self._vault, self._name)
        self._world.save()
        return Response(204, b"", [])

    def _deleted(self, permission: str) -> DeletedCertificate:
        """Return what was deleted; what never was answers 404 to everybody, before any permission."""
        found = lifecycle.deleted(self._vault, self._name)
        self._permit("certificates", permission, self._name)
        return found

    def _newest(self, status: int) -> Response:
        vault, state, bare = self._vault, self._world.state, self._vault.unmerged(self._name)
        if bare is not None:
            return json_response(status, responses.pending_bundle(vault, bare))
        found, version = vault.certificate_version(self._name, "")
        document = responses.certificate_bundle(vault, found, version, state, latest=True)
        return json_response(status, document)

    def get_contacts(self) -> Response:
        return json_response(200, issuers.contacts(self._vault))

    def put_contacts(self) -> Response:
        return self._changed(issuers.put_contacts(self._vault, self._body()))

    def delete_contacts(self) -> Response:
        return self._changed(issuers.delete_contacts(self._vault))

    def list_issuers(self) -> Response:
        return self._page([each for _, each in sorted(self._vault.issuers.items())], issuers.item)

    def get_issuer(self) -> Response:
        return json_response(200, issuers.get(self._vault, self._issuer))

    def put_issuer(self) -> Response:
        return self._changed(issuers.put(self._vault, self._issuer, self._body(), self._now))

    def patch_issuer(self) -> Response:
        issuers.get(self._vault, self._issuer)  # existence before content
        return self._changed(issuers.patch(self._vault, self._issuer, self._body(), self._now))

    def delete_issuer(self) -> Response:
        return self._changed(issuers.delete(self._vault, self._issuer))

    def back_up_certificate(self) -> Response:
        blob = backups.back_up(self._vault, self._world.state, self._name)
        return json_response(200, {"value": base64url(blob)})

    def restore_certificate(self) -> Response:
        blob = self._bytes(self._body(), "value")
        self._request.values["name"] = backups.restore(self._vault, self._world.state, blob)
        self._world.save()
        return self._newest(200)

    @property
    def _issuer(self) -> str:
        return self._request.values.get("issuer", "")

    # secrets: those of certificates, and no others

    def list_secrets(self) -> Response:
        vault, state = self._vault, self._world.state
        held = [each for _, each in sorted(vault.certificates.items()) if each.versions]
        return self._page(
            held, lambda each: responses.certificate_secret(vault, each, each.versions[-1], state, item=True)
        )

    def get_secret(self) -> Response:
        vault, state = self._vault, self._world.state
        wanted = f"{self._name}/{self._version}".rstrip("/")
        try:
            found, version = vault.certificate_version(self._name, self._version)
        except errors.VaultError as error:
            raise errors.secret_missing(wanted) from error
        if not version.attributes.enabled:
            raise errors.secret_disabled()
        return json_response(200, responses.certificate_secret(vault, found, version, state, item=False))

    def deleted_secret(self, permission: str) -> Response:
        if self._name.lower() not in self._vault.deleted:
            raise errors.deleted_missing("Secret", self._name)
        self._permit("secrets", permission, self._name)
        raise errors.not_played(f"secrets/{permission}")


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
    certificates("GET", "/contacts", "managecontacts", Operation.get_contacts, whole=True)
    certificates("DELETE", "/contacts", "managecontacts", Operation.delete_contacts, whole=True)
    certificates("PUT", "/contacts", "managecontacts", Operation.put_contacts, whole=True)
    certificates("GET", "/issuers", "listissuers", Operation.list_issuers, whole=True)
    certificates("GET", "/issuers/{issuer}", "getissuers", Operation.get_issuer, whole=True)
    certificates("PATCH", "/issuers/{issuer}", "setissuers", Operation.patch_issuer, whole=True)
    certificates("PUT", "/issuers/{issuer}", "setissuers", Operation.put_issuer, whole=True)
    certificates("DELETE", "/issuers/{issuer}", "deleteissuers", Operation.delete_issuer, whole=True)
    certificates("POST", "/restore", "restore", Operation.restore_certificate)
    certificates("POST", "/{name}/create", "create", Operation.create_certificate)
    certificates("POST", "/{name}/import", "import", Operation.import_certificate)
    certificates("POST", "/{name}/backup", "backup", Operation.back_up_certificate)
    certificates("GET", "/{name}/versions", "list", Operation.list_certificate_versions)
    certificates("GET", "/{name}/policy", "get", Operation.get_policy)
    certificates("PATCH", "/{name}/policy", "update", Operation.update_policy)
    certificates("GET", "/{name}/pending", "get", Operation.get_pending)
    certificates("PATCH", "/{name}/pending", "update", Operation.cancel_pending)
    certificates("DELETE", "/{name}/pending", "update", Operation.delete_pending)
    certificates("POST", "/{name}/pending/merge", "create", Operation.merge)
    certificates("GET", "/{name}", "get", Operation.get_certificate)
    certificates("GET", "/{name}/{version}", "get", Operation.get_certificate)
    certificates("PATCH", "/{name}", "update", Operation.update_certificate)
    certificates("PATCH", "/{name}/{version}", "update", Operation.update_certificate)
    certificates("DELETE", "/{name}", "delete", Operation.delete_certificate)

    keys("GET", "", "list", Operation.list_keys)
    keys("POST", "/restore", "restore", Operation.restore_key)
    keys("POST", "/{name}/create", "create", Operation.create_key)
    keys("POST", "/{name}/backup", "backup", Operation.back_up_key)
    keys("POST", "/{name}/rotate", "rotate", Operation.rotate_key)
    keys("GET", "/{name}/versions", "list", Operation.list_key_versions)
    keys("GET", "/{name}/rotationpolicy", "getrotationpolicy", Operation.get_rotation_policy)
    keys("PUT", "/{name}/rotationpolicy", "setrotationpolicy", Operation.put_rotation_policy)
    # an unversioned operation comes as keys/NAME//sign from the SDK, and as keys/NAME/sign from others
    for version in ("", "/{version}"):
        keys("POST", f"/{{name}}{version}/sign", "sign", Operation.sign)
        keys("POST", f"/{{name}}{version}/verify", "verify", Operation.verify)
        for operation in ("encrypt", "decrypt", "wrapKey", "unwrapKey"):
            keys("POST", f"/{{name}}{version}/{operation}", operation, _encrypting(operation))
        keys("POST", f"/{{name}}{version}/release", "release", Operation.release_key)
        keys("GET", f"/{{name}}{version}/attestation", "get", Operation.attest_key)
        keys("GET", f"/{{name}}{version}", "get", Operation.get_key)
        keys("PATCH", f"/{{name}}{version}", "update", Operation.update_key)
    keys("PUT", "/{name}", "import", Operation.import_key)
    keys("DELETE", "/{name}", "delete", Operation.delete_key)

    ways.add("GET", "/secrets", _Way("secrets", "list", Operation.list_secrets))
    ways.add("GET", "/secrets/{name}/versions", _Way("secrets", "list", _unplayed("secrets/versions")))
    for version in ("", "/{version}"):
        ways.add("GET", f"/secrets/{{name}}{version}", _Way("secrets", "get", Operation.get_secret))
    for method, pattern, permission in _OTHER_SECRETS:
        ways.add(method, pattern, _Way("secrets", permission, _unplayed(f"secrets/{permission}")))
    for method, tail, permission in (
        ("GET", "", "get"),
        ("DELETE", "", "purge"),
        ("POST", "/recover", "recover"),
    ):
        ways.add(method, f"/deletedsecrets/{{name}}{tail}", _Way("secrets", "", _deleted_secret(permission)))

    for group, listed, got, purged, recovered in (
        ("certificates", Operation.list_deleted_certificates, Operation.get_deleted_certificate,
         Operation.purge_certificate, Operation.recover_certificate),
        ("keys", Operation.list_deleted_keys, Operation.get_deleted_key,
         Operation.purge_key, Operation.recover_key),
    ):  # fmt: skip
        ways.add("GET", f"/deleted{group}", _Way(group, "list", listed))
        for method, tail, act in (("GET", "", got), ("DELETE", "", purged), ("POST", "/recover", recovered)):
            ways.add(method, f"/deleted{group}/{{name}}{tail}", _Way(group, "", act))
    return ways


def _encrypting(operation: str) -> Callable[[Operation], Response]:
    return lambda asked: asked.encrypt(operation)


def _unplayed(operation: str) -> Callable[[Operation], Response]:
    def refuse(_: Operation) -> Response:
        raise errors.not_played(operation)

    return refuse


def _deleted_secret(permission: str) -> Callable[[Operation], Response]:
    return lambda asked: asked.deleted_secret(permission)


# what callers need for secrets of their own, which this vault does not hold
_OTHER_SECRETS = (
    ("PUT", "/secrets/{name}", "set"),
    ("PATCH", "/secrets/{name}", "set"),
    ("PATCH", "/secrets/{name}/{version}", "set"),
    ("DELETE", "/secrets/{name}", "delete"),
    ("POST", "/secrets/{name}/backup", "backup"),
    ("POST", "/secrets/restore", "restore"),
    ("GET", "/deletedsecrets", "list"),
)
_COLLECTIONS = ("certificates", "keys", "secrets", "deletedcertificates", "deletedkeys", "deletedsecrets")
_WAYS = _ways()
