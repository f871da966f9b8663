"""Our own sign-in in the form that Microsoft's clients want a credential."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.azure import signin_findings, vault_findings
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.signin import SignIn, sign_in
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Evidence, blocks, utc_now
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network
from codesign_wizard.core.redact import Secret

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

_SPARE = timedelta(minutes=5)  # a token is renewed this long before its end


class ApplicationCredential:
    """Gives the vault's clients a token of ``sign_in``: a refusal keeps every word of Entra ID's."""

    def __init__(self, job: JobContext, network: Network, options: AzureOptions, secret: Secret) -> None:
        self.job = job
        self._network = network
        self._options = options
        self._secret = secret
        self._lock = threading.Lock()
        self._signed_in: SignIn | None = None

    def sign_in(self) -> SignIn:
        """Sign in now and return the outcome; a token is kept for the clients. Raises ``Cancelled``."""
        with self._lock:
            self._signed_in = sign_in(self.job, self._network, self._options, self._secret)
            return self._signed_in

    @property
    def secret(self) -> Secret:
        """The secret that is signed in with."""
        return self._secret

    def vault_token(self) -> Secret:
        """Return a token for the vault, signing in where there is none; raises as ``get_token``."""
        return Secret(self.get_token().token)

    def management_token(self) -> SignIn:
        """Ask for a token for Azure Resource Manager, with the same secret; raises ``Cancelled``."""
        scope = self._options.cloud.management_scope
        return sign_in(self.job, self._network, self._options, self._secret, scope=scope)

    def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        fresh: bool = False,
        **_: Any,
    ) -> AccessToken:
        """Return a token, a new one only when the last is near its end, *claims* ask for one, or *fresh*.

        *scopes* and *tenant_id* are the vault's, from its challenge. Raises ``CodesignError`` with the
        sign-in's finding, and where a challenge asks for another service's token: the vault's own would go
        to whoever asks so.
        """
        from azure.core.credentials import AccessToken

        other = [each for each in scopes if _service(each) != _service(self._options.cloud.vault_scope)]
        if other:
            evidence = Evidence(401, time=utc_now(), more={"resource-asked-for": other[0][:300]})
            raise CodesignError(vault_findings.not_a_vault(self._options, evidence))

        with self._lock:
            result = self._signed_in
            if result is None or _stale(result) or claims or fresh:
                result = self._signed_in = sign_in(
                    self.job, self._network, self._options, self._secret, claims=claims or ""
                )
        if result.token is None or result.identity is None:
            raise CodesignError(next(each for each in result.findings if blocks([each])))
        given = result.identity.tenant_id.lower()
        if tenant_id and given and tenant_id.lower() != given:
            evidence = Evidence(time=utc_now(), more={"vault-tenant": tenant_id, "tenant-given": given})
            raise CodesignError(signin_findings.tenant_other(self._options, tenant_id, evidence, given=given))
        return AccessToken(result.token.reveal(), int(result.identity.expires.timestamp()))


def _service(scope: str) -> str:
    return scope.removesuffix("/.default").rstrip("/").lower()


def _stale(result: SignIn) -> bool:
    return result.identity is None or result.identity.expires - datetime.now(UTC) < _SPARE
