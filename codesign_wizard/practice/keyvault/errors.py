"""What Key Vault says when it refuses: codes, inner codes, texts, statuses.

Line ends inside texts are CR LF, as the service sends them. The texts are those of real answers; where no
source shows one, the docstring says so.
"""

from __future__ import annotations

from dataclasses import dataclass

_RECOVER = (
    "If you recently deleted this {kind} you may be able to recover it using the correct recovery command. "
    "For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"
)


@dataclass
class VaultError(Exception):
    """A refusal, as ``{"error": {"code", "message", "innererror": {"code"}}}``."""

    status: int
    code: str
    message: str
    inner: str = ""
    retry_after: int | None = None


def unauthorized(message: str) -> VaultError:
    """401: no token, or not a good one."""
    return VaultError(401, "Unauthorized", message)


def token_missing() -> VaultError:
    """The first step of every client."""
    return unauthorized("AKV10000: Request is missing a Bearer or PoP token.")


def issuer_invalid(expected: str, found: str) -> VaultError:
    """A token of another directory."""
    return unauthorized(f"AKV10032: Invalid issuer. Expected one of {expected}, found {found}.")


def audience_invalid(expected: str, found: str) -> VaultError:
    """A token for another resource."""
    return unauthorized(f"AKV10022: Invalid audience. Expected {expected}, found: {found}.")


def signature_key_unknown(header: str) -> VaultError:
    """The token was not signed by Entra ID."""
    return unauthorized(
        f"AKV10046: Unable to resolve the key used for signature validation. EncodedJwtHeader: '{header}'."
    )


def token_malformed() -> VaultError:
    """Not a JSON Web Token at all (wording by analogy; no captured answer was found)."""
    return unauthorized("Error validating token: IDX12741: JWT must have three segments (JWS).")


def signature_invalid() -> VaultError:
    """A signature that does not fit (text of Microsoft.IdentityModel, which Key Vault passes on)."""
    return unauthorized("Error validating token: IDX10511: Signature validation failed.")


def token_expired() -> VaultError:
    """Past ``exp`` (Key Vault passed on ``IDX10223`` so in azure-sdk-for-python#12368)."""
    return unauthorized("Error validating token: IDX10223")


def token_not_yet_valid() -> VaultError:
    """Before ``nbf`` (Microsoft.IdentityModel's number; by analogy with ``IDX10223``)."""
    return unauthorized("Error validating token: IDX10222")


def firewall(address: str, caller: str, vault: str) -> VaultError:
    """The vault's network rules do not hold the client's address."""
    return VaultError(
        403,
        "Forbidden",
        "Client address is not authorized and caller is not a trusted service.\r\n"
        f"Client address: {address}\r\nCaller: {caller}\r\nVault: {vault}",
        "ForbiddenByFirewall",
    )


def connection(caller: str, vault: str) -> VaultError:
    """Public network access is disabled: private endpoints only."""
    return VaultError(
        403,
        "Forbidden",
        "Public network access is disabled and request is not from a trusted service nor via an approved "
        f"private link.\r\nCaller: {caller}\r\nVault: {vault}",
        "ForbiddenByConnection",
    )


def role_missing(caller: str, action: str, resource: str, vault: str, *, denied: str = "") -> VaultError:
    """RBAC: no assignment grants the action, or the deny assignment *denied* forbids it."""
    return VaultError(
        403,
        "Forbidden",
        "Caller is not authorized to perform action on resource.\r\n"
        "If role assignments, deny assignments or role definitions were changed recently, please observe "
        f"propagation time.\r\nCaller: {caller}\r\nAction: '{action}'\r\nResource: '{resource}'\r\n"
        f"Assignment: (not found)\r\nDenyAssignmentId: {repr(denied) if denied else 'null'}\r\n"
        f"DecisionReason: '{'DeniedByDenyAssignment' if denied else 'DeniedWithNoValidRBAC'}' \r\n"
        f"Vault: {vault}\r\n",
        "ForbiddenByRbac",
    )


def policy_missing(caller: str, group: str, permission: str, vault: str) -> VaultError:
    """Access policies: the permission is not ticked for the caller."""
    return VaultError(
        403,
        "Forbidden",
        f"The user, group or application '{caller}' does not have {group} {permission} permission on key "
        f"vault '{vault}'. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125287",
        "ForbiddenByPolicy",
    )


def certificate_missing(name: str) -> VaultError:
    """404; *name* may carry ``/version``."""
    return VaultError(
        404,
        "CertificateNotFound",
        f"A certificate with (name/id) {name} was not found in this key vault. "
        + _RECOVER.format(kind="certificate"),
    )


def key_missing(name: str) -> VaultError:
    """404; *name* may carry ``/version``."""
    return VaultError(
        404,
        "KeyNotFound",
        f"A key with (name/id) {name} was not found in this key vault. " + _RECOVER.format(kind="key"),
    )


def secret_missing(name: str) -> VaultError:
    """404; *name* may carry ``/version``."""
    return VaultError(
        404,
        "SecretNotFound",
        f"A secret with (name/id) {name} was not found in this key vault. " + _RECOVER.format(kind="secret"),
    )


def deleted_missing(kind: str, name: str) -> VaultError:
    """404 below ``deletedcertificates`` and its like; *kind* is ``Certificate``, ``Key`` or ``Secret``."""
    return VaultError(404, f"{kind}NotFound", f"Deleted {kind} not found: {name}")


def contacts_missing() -> VaultError:
    """404: nobody is named to be told of certificates that expire."""
    return VaultError(404, "ContactsNotFound", "Contacts not found")


def issuer_missing() -> VaultError:
    """404: no certificate authority is set up under this name."""
    return VaultError(404, "CertificateIssuerNotFound", "Issuer not found")


def pending_missing(name: str) -> VaultError:
    """404: no signing request waits under this name."""
    return VaultError(404, "PendingCertificateNotFound", f"Pending certificate not found: {name}")


def name_invalid(name: str) -> VaultError:
    """400: letters, digits and hyphens only, 127 at most (wording by analogy)."""
    return bad_parameter(f"The request URI contains an invalid name: {name}")


def issuer_unknown(name: str) -> VaultError:
    """400: the policy names a certificate authority that is not set up (wording by analogy)."""
    return bad_parameter(
        f"Issuer {name} not found. Please create the issuer before using it in a policy.\r\n"
    )


def pending_in_progress() -> VaultError:
    """409 in the service's own code ``Forbidden``: a request of this name waits."""
    return VaultError(
        409,
        "Forbidden",
        "A new key vault certificate can not be created or imported while a pending key vault certificate's "
        "status is inProgress.",
    )


def merge_forbidden(issuer: str) -> VaultError:
    """403: the vault asks this CA by itself (create-certificate-scenarios; spelled as there)."""
    return VaultError(
        403,
        "Forbidden",
        f"Merge is forbidden on pending object created with issuer : {issuer} while it is in progess.",
    )


def already_there(name: str, kind: str = "certificate") -> VaultError:
    """409: what is to be restored, a *kind*, has its name taken (wording by analogy)."""
    return VaultError(409, "Conflict", f"A {kind} with (name/id) {name} already exists in this key vault.")


def pending_over() -> VaultError:
    """403: only what is in progress can be cancelled (azure-sdk-for-js#25758)."""
    return VaultError(403, "Forbidden", "Pending status must be in progress to allow update.")


def purge_protected(vault: str) -> VaultError:
    """403: nothing is purged by hand."""
    return VaultError(
        403,
        "Forbidden",
        'Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault '
        f"service will automatically purge it after the retention period has passed.\r\nVault: {vault}",
    )


def deleted_but_recoverable(name: str, kind: str = "Certificate") -> VaultError:
    """409: a deleted certificate or key (*kind* ``Key``) still owns its name."""
    return VaultError(
        409,
        "Conflict",
        f"{kind} {name} is currently in a deleted but recoverable state, and its name cannot be reused; "
        f"in this state, the {kind.lower()} can only be recovered or purged.",
        "ObjectIsDeletedButRecoverable",
    )


def name_taken(name: str) -> VaultError:
    """409: a key or secret without a certificate has the name (wording by analogy)."""
    return already_there(name, "key")


def key_managed(operation: str) -> VaultError:
    """403: a certificate's own key is read-only (about-certificates; wording by analogy)."""
    return VaultError(403, "Forbidden", f"Operation {operation} is not allowed on a managed key.")


def hardware_refused() -> VaultError:
    """400: keys in the HSM are for Premium vaults (azure-sdk-for-net#6551)."""
    return bad_parameter("Hardware key operation not allowed on standard vault")


def secret_disabled() -> VaultError:
    """403 for the secret of a disabled certificate version."""
    return VaultError(
        403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled"
    )


def key_disabled(operation: str) -> VaultError:
    """403 for private operations with a disabled key."""
    return VaultError(
        403, "Forbidden", f"Operation {operation} is not allowed on a disabled key.", "KeyDisabled"
    )


def key_expired(operation: str) -> VaultError:
    """403 after the key's ``exp`` (inner code by analogy; no captured answer was found)."""
    return VaultError(
        403, "Forbidden", f"Operation {operation} is not allowed on an expired key.", "KeyExpired"
    )


def key_not_yet_valid(operation: str) -> VaultError:
    """403 before the key's ``nbf`` (by analogy; no captured answer was found)."""
    return VaultError(
        403, "Forbidden", f"Operation {operation} is not allowed on a not yet valid key.", "KeyNotYetValid"
    )


def operation_forbidden(operation: str) -> VaultError:
    """403: the key's ``key_ops`` do not hold the operation."""
    return VaultError(
        403, "Forbidden", f"Operation {operation} is not permitted on this key.", "KeyOperationForbidden"
    )


def throttled(retry_after: int | None) -> VaultError:
    """429; a captured answer had no Retry-After, others have."""
    return VaultError(
        429,
        "Throttled",
        "Request was not processed because too many requests were received. "
        "Reason: VaultRequestTypeLimitReached",
        retry_after=retry_after,
    )


def bad_parameter(message: str) -> VaultError:
    """400 BadParameter."""
    return VaultError(400, "BadParameter", message)


def backup_invalid() -> VaultError:
    """400: what is to be restored is no backup."""
    return bad_parameter("Backup blob contains invalid or corrupt version.")


def not_played(operation: str) -> VaultError:
    """501 in words of the practice cloud's own: the caller may, but this vault cannot."""
    return VaultError(501, "NotImplemented", f"The practice vault does not carry out '{operation}'.")


def decryption_failed() -> VaultError:
    """400: the ciphertext is none of this key's (wording by analogy)."""
    return bad_parameter("Failed to decrypt the specified value with the key.")


def version_missing() -> VaultError:
    """400: no ``api-version``."""
    return bad_parameter("api-version must be specified")


def version_unknown(version: str, latest: str) -> VaultError:
    """400: an ``api-version`` the service does not know."""
    return bad_parameter(
        f"The specified version ({version}) is not recognized. Consider using the latest supported version "
        f"({latest})."
    )


def value_length(algorithm: str, given: int, wanted: int) -> VaultError:
    """400: the digest does not fit the algorithm."""
    return bad_parameter(
        f"Invalid length of 'value': {given} bytes. {algorithm} requires {wanted} bytes, encoded with "
        "base64url."
    )


def algorithm_incompatible(kid: str, kind: str, algorithm: str, wanted: str) -> VaultError:
    """400: an algorithm of another key type."""
    return bad_parameter(
        f"Key and signing algorithm are incompatible. Key {kid} is of type '{kind}', and algorithm "
        f"'{algorithm}' can only be used with a key of type {wanted}."
    )


def property_invalid(name: str = "") -> VaultError:
    """400 in the service's own odd wording: ``Property  has invalid value``."""
    return bad_parameter(f"Property {name} has invalid value\r\n")


def operation_unknown(method: str, operation: str) -> VaultError:
    """400: the path names an operation the method does not have."""
    return bad_parameter(f"Method {method} does not allow operation '{operation}'")


def method_not_allowed(method: str) -> VaultError:
    """405 (wording by analogy)."""
    return VaultError(405, "MethodNotAllowed", f"The requested resource does not support method '{method}'.")


def path_unknown(path: str) -> VaultError:
    """404 for a collection the service does not have (wording by analogy)."""
    return VaultError(404, "NotFound", f"No resource was found that matches the request path '{path}'.")
