"""What can be asked of the keys in a vault: read, use, and a life of their own."""

from __future__ import annotations

from codesign_wizard.practice.entra.tokens import base64url
from codesign_wizard.practice.keyvault import backups, errors, key_life, responses
from codesign_wizard.practice.keyvault.asked import Asked
from codesign_wizard.practice.keyvault.key_use import KeyUse
from codesign_wizard.practice.keyvault.objects import KeyVersion
from codesign_wizard.practice.keyvault.pending import DeletedKey
from codesign_wizard.practice.wire.messages import Response, json_response


class KeyOperations(Asked):
    """Operations below ``/keys`` and ``/deletedkeys``; the permission is judged before each."""

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

    # a life of their own

    def create_key(self) -> Response:
        return self._key(key_life.create(self._vault, self._name, self._body(), self._now))

    def import_key(self) -> Response:
        body = self._body()
        return self._key(key_life.import_key(self._vault, self._world.state, self._name, body, self._now))

    def update_key(self) -> Response:
        self._vault.key_version(self._name, self._version)  # existence before content
        return self._key(key_life.update(self._vault, self._name, self._version, self._body(), self._now))

    def rotate_key(self) -> Response:
        return self._key(key_life.rotate(self._vault, self._name, self._now))

    def delete_key(self) -> Response:
        gone = key_life.delete(self._vault, self._name, self._now)
        return self._changed(responses.deleted_key(self._vault, gone, self._world.state))

    def get_rotation_policy(self) -> Response:
        found, _ = self._vault.key_version(self._name, "")
        return json_response(200, responses.rotation_policy(self._vault, found))

    def put_rotation_policy(self) -> Response:
        self._vault.key_version(self._name, "")  # existence before content
        found = key_life.set_rotation(self._vault, self._name, self._body(), self._now)
        return self._changed(responses.rotation_policy(self._vault, found))

    def back_up_key(self) -> Response:
        blob = backups.back_up_key(self._vault, self._world.state, self._name)
        return json_response(200, {"value": base64url(blob)})

    def restore_key(self) -> Response:
        blob = self._bytes(self._body(), "value")
        self._request.values["name"] = backups.restore_key(self._vault, self._world.state, blob)
        return self._key(self._vault.key_version(self._name, "")[1])

    def attest_key(self) -> Response:
        self._vault.key_version(self._name, self._version)
        raise errors.not_played("attestation")

    def release_key(self) -> Response:
        self._vault.key_version(self._name, self._version)
        raise errors.not_played("release")

    def list_deleted_keys(self) -> Response:
        vault, state = self._vault, self._world.state
        return self._page(
            key_life.all_deleted(vault), lambda each: responses.deleted_key(vault, each, state, item=True)
        )

    def get_deleted_key(self) -> Response:
        found = self._deleted_key("get")
        return json_response(200, responses.deleted_key(self._vault, found, self._world.state))

    def recover_key(self) -> Response:
        self._deleted_key("recover")
        return self._key(key_life.recover(self._vault, self._name).versions[-1])

    def purge_key(self) -> Response:
        self._deleted_key("purge")
        key_life.purge(self._vault, self._name)
        self._world.save()
        return Response(204, b"", [])

    def _deleted_key(self, permission: str) -> DeletedKey:
        """Return what was deleted; what never was answers 404 to everybody, before any permission."""
        found = key_life.deleted(self._vault, self._name)
        self._permit("keys", permission, self._name)
        return found

    def _key(self, version: KeyVersion) -> Response:
        """Keep what was done, and answer with this version of the key."""
        key, chosen = self._vault.key_version(self._name, version.version)
        return self._changed(responses.key_bundle(self._vault, key, chosen, self._world.state))

    # use

    def sign(self) -> Response:
        use = self._use()
        body = self._body()
        algorithm, digest = self._text(body, "alg"), self._bytes(body, "value")
        return self._result(use, use.sign(algorithm, digest))

    def verify(self) -> Response:
        use = self._use()
        body = self._body()
        algorithm = self._text(body, "alg")
        digest, signature = self._bytes(body, "digest"), self._bytes(body, "value")
        return json_response(200, {"value": use.verify(algorithm, digest, signature)})

    def encrypt(self, operation: str) -> Response:
        use = self._use()
        body = self._body()
        algorithm, value = self._text(body, "alg"), self._bytes(body, "value")
        return self._result(use, use.encrypt(operation, algorithm, value))

    def _use(self) -> KeyUse:
        key, chosen = self._vault.key_version(self._name, self._version)
        kid = f"https://{self._vault.host}/keys/{key.name}/{chosen.version}"
        return KeyUse(kid, chosen, self._world.state, self._world.clock)

    def _result(self, use: KeyUse, value: bytes) -> Response:
        return json_response(200, {"kid": use.kid, "value": base64url(value)})
