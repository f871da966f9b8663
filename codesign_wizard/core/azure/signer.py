"""Signing with a key in a vault, by Microsoft's own clients.

The certificate is read once and its key pinned to that version, so that what is signed and the certificate
shown with it belong together also while somebody renews it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from codesign_wizard.core.azure import explain, vault_findings
from codesign_wizard.core.azure.credential import ApplicationCredential
from codesign_wizard.core.azure.explain import VaultRefusal
from codesign_wizard.core.azure.options import AzureOptions, check_options
from codesign_wizard.core.azure.signature import SigningKey, signing_key
from codesign_wizard.core.azure.signin_findings import TENANT_OTHER
from codesign_wizard.core.chain import complete_chain
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.finding import Evidence, Finding, blocks, utc_now
from codesign_wizard.core.job import JobContext, LogLevel, call_cancellable
from codesign_wizard.core.network import Network
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.signing import DigestAlgorithm
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    import requests
    from azure.keyvault.certificates import CertificateClient, KeyVaultCertificate
    from cryptography import x509

T = TypeVar("T")

_BACK_OFF = (1.0, 2.0, 4.0)  # seconds at least before another attempt
_LONGEST_RETRY_AFTER = 30.0
_RETRIES = 2
_FAULTS = frozenset({408, 500, 502, 503, 504})  # that pass, when the service says in how many seconds


class KeyVaultSigner:
    """A ``core.signing.Signer`` whose key never leaves the vault. Make it by ``open``; ``close`` it."""

    def __init__(
        self,
        vault: _Vault,
        chain: Sequence[x509.Certificate],
        key: SigningKey,
        certificate: KeyVaultCertificate,
        findings: Sequence[Finding],
    ) -> None:
        self._vault = vault
        self._chain = list(chain)
        self._key = key
        self.certificate = certificate  # as Microsoft's client gave it
        self.key_id = str(certificate.key_id)
        self.version = str(certificate.properties.version or "") if certificate.properties else ""
        self._crypto = vault.cryptography_client(self.key_id, key)
        self.findings = list(findings)

    @classmethod
    def open(
        cls,
        job: JobContext,
        network: Network,
        options: AzureOptions,
        secret: Secret | None,
        *,
        version: str | None = None,
        credential: ApplicationCredential | None = None,
    ) -> KeyVaultSigner:
        """Read the certificate (*version*, or the current one), complete its chain, pin its key.

        *credential* is one that has signed in already. Raises ``CodesignError`` with a finding made of the
        vault's or Entra ID's words, ``InputError`` when an option is missing or cannot be right,
        ``Cancelled``.
        """
        from cryptography import x509

        wrong = [each for each in check_options(options, secret) if blocks([each])]
        if wrong or secret is None:
            raise InputError(wrong[0] if wrong else check_options(options, None)[0])
        vault = _Vault(network, options, credential or ApplicationCredential(job, network, options, secret))
        try:
            certificate = vault.certificate(job, version)
            try:
                leaf = x509.load_der_x509_certificate(bytes(certificate.cer or b""))
            except ValueError as error:
                raise CodesignError(
                    vault_findings.OTHER(
                        vault=options.vault_name,
                        words=tr("what it gave is no X.509 certificate"),
                        evidence=Evidence(message=str(error), time=utc_now()),
                    )
                ) from error
            key = signing_key(leaf, options.certificate_name)
            vault.check_key_id(str(certificate.key_id))
            chain = complete_chain(job, network, leaf)
            return cls(
                vault,
                chain.certificates,
                key,
                certificate,
                chain.findings,
            )
        except BaseException:
            vault.close()
            raise

    @property
    def certificate_chain(self) -> Sequence[x509.Certificate]:
        """The leaf first, then each issuer as far as known, without the root."""
        return self._chain

    @property
    def description(self) -> str:
        """Vault, certificate and version."""
        return tr("{certificate} in the vault {vault}, version {version}").format(
            certificate=self._vault.options.certificate_name,
            vault=self._vault.options.vault_name,
            version=self.version,
        )

    def test_digest(self) -> DigestAlgorithm:
        """Return a digest that this key can sign."""
        return self._key.digest or DigestAlgorithm.SHA256

    def sign(self, job: JobContext, digest: bytes, algorithm: DigestAlgorithm) -> bytes:
        """Have *digest* signed in the vault; see ``core.signing.Signer.sign``."""
        from azure.keyvault.keys.crypto import SignatureAlgorithm

        if len(digest) != algorithm.size:
            raise ValueError(f"a {algorithm.value} digest has {algorithm.size} bytes")
        name = self._key.algorithm(algorithm)
        value = self._vault.call(
            job,
            lambda hook: bytes(
                self._crypto.sign(SignatureAlgorithm(name), digest, raw_response_hook=hook).signature
            ),
            "keys sign",
            self.key_id,
        )
        return self._key.checked(value, digest, algorithm, self.key_id)

    def close(self) -> None:
        """Close the connections; safe to call twice."""
        self._crypto.close()
        self._vault.close()

    def __enter__(self) -> KeyVaultSigner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Vault:
    """Microsoft's clients for one vault, with every exception made a finding."""

    def __init__(self, network: Network, options: AzureOptions, credential: ApplicationCredential) -> None:
        # the SDK's own log would show what ours redacts
        logging.getLogger("azure").setLevel(logging.CRITICAL)
        self.options = options
        self._network = network
        self._credential = credential
        self._left_behind = False
        self._tenant_forgotten = False
        self._session: requests.Session | None = network.borrow(options.vault_url)
        self._transport = network.azure_transport(self._session, only=options.vault_host)

    @cached_property
    def certificates(self) -> CertificateClient:
        """The client for certificates; to make one takes longer than a call, and not everybody needs it."""
        from azure.keyvault.certificates import CertificateClient

        return CertificateClient(self.options.vault_url, self._credential, **self._settings())

    def _settings(self) -> dict[str, Any]:
        return {
            "transport": self._transport,
            "retry_policy": _retry_policy(),
            "permit_redirects": False,  # a vault sends nobody elsewhere
            "logging_enable": False,
        }

    def check_key_id(self, key_id: str) -> None:
        """Raise ``CodesignError`` for a key that is not in this vault: the token is for no other."""
        if not key_id.lower().startswith(f"{self.options.vault_url}/keys/"):
            raise CodesignError(
                vault_findings.OTHER(
                    vault=self.options.vault_name,
                    words=tr("what it calls the key of the certificate is none of its own"),
                    evidence=Evidence(time=utc_now(), more={"key": key_id[:300]}),
                )
            )

    def cryptography_client(self, key_id: str, key: SigningKey) -> Any:
        """Return a client for one version of a key, which is the certificate's *key*."""
        from azure.keyvault.keys import KeyVaultKey
        from azure.keyvault.keys.crypto import CryptographyClient

        # given its public part, the client need not read it first, which is a permission of its own
        return CryptographyClient(KeyVaultKey(key_id, key.jwk()), self._credential, **self._settings())

    def close(self) -> None:
        """Leave the connection to the next; safe to call twice."""
        if "certificates" in vars(self):
            self.certificates.close()
        if self._session is not None:
            if self._left_behind:  # a call may be at work in it yet
                self._session.close()
            else:
                self._network.give_back(self.options.vault_url, self._session)
            self._session = None

    def certificate(self, job: JobContext, version: str | None) -> KeyVaultCertificate:
        """Return the certificate; raises ``CodesignError``."""
        name, url = self.options.certificate_name, f"{self.options.vault_url}/certificates"

        def read(hook: Any) -> KeyVaultCertificate:
            if version:
                found = self.certificates.get_certificate_version(name, version, raw_response_hook=hook)
            else:
                found = self.certificates.get_certificate(name, raw_response_hook=hook)
            # Microsoft's client hands on what it could not read as it came
            bytes(found.cer or b"")
            _ = found.properties and found.properties.enabled
            return found

        try:
            certificate = self.call(job, read, "certificates get", url)
        except CodesignError as error:
            if error.finding.id == vault_findings.CERTIFICATE_MISSING.id and self._is_pending(job, url):
                raise CodesignError(self._pending(error.finding.evidence)) from error
            raise
        if not certificate.cer:
            evidence = Evidence(time=utc_now())
            # what was begun stays in the vault when its request is dropped
            waits = self._is_pending(job, url)
            raise CodesignError(self._pending(evidence) if waits else self._unissued(evidence))
        if certificate.properties is not None and certificate.properties.enabled is False:
            raise CodesignError(
                vault_findings.DISABLED(
                    name=name,
                    evidence=Evidence(time=utc_now(), more={"enabled": "false"}),
                    remedies=vault_findings.enable_remedies(self.options),
                )
            )
        return certificate

    def _is_pending(self, job: JobContext, url: str) -> bool:
        name = self.options.certificate_name
        try:
            operation = self.call(
                job,
                lambda hook: self.certificates.get_certificate_operation(name, raw_response_hook=hook),
                "certificates get",
                url,
            )
        except CodesignError:
            return False  # the first answer, that there is no certificate, stands
        return str(operation.status or "").lower() == "inprogress"

    def _pending(self, evidence: Evidence) -> Finding:
        return vault_findings.PENDING(
            name=self.options.certificate_name,
            evidence=evidence,
            remedies=vault_findings.pending_remedies(self.options),
        )

    def _unissued(self, evidence: Evidence) -> Finding:
        return vault_findings.UNISSUED(
            name=self.options.certificate_name,
            evidence=evidence,
            remedies=vault_findings.unissued_remedies(),
        )

    def _forget_tenant(self) -> bool:
        """Have the clients ask the vault for its tenant; tell whether it is the first time."""
        from azure.keyvault.certificates._shared import http_challenge_cache as certificates_cache
        from azure.keyvault.keys._shared import http_challenge_cache as keys_cache

        first, self._tenant_forgotten = not self._tenant_forgotten, True
        if first:
            certificates_cache.remove_challenge_for_url(self.options.vault_url)
            keys_cache.remove_challenge_for_url(self.options.vault_url)
        return first

    def call(self, job: JobContext, send: Callable[[Any], T], operation: str, url: str) -> T:
        """Run one call of a client, again after 1, 2 and 4 seconds while the vault throttles.

        The same where it cannot look up for the moment by whom the token is signed, or has a fault and says
        in how many seconds to come again.
        """
        from azure.core.exceptions import HttpResponseError

        self._credential.job = job
        answers: list[Any] = []

        def hook(answer: Any) -> None:
            told = answer.http_response
            answers[:] = [told]
            job.log(
                LogLevel.INFO,
                f"{told.request.method} {told.request.url.partition('?')[0]} {told.status_code}",
                part="vault",
                request_id=told.headers.get("x-ms-request-id", ""),
            )

        for wait in (*_BACK_OFF, None):
            try:
                return call_cancellable(job, lambda: send(hook), timeout=self._longest(), name="vault")
            except HttpResponseError as error:
                if error.response is None and (cut := self._network.failure(error, url)) is not None:
                    raise cut from error  # an answer that broke off
                pause = None if wait is None else _pause(error, wait)
                if pause is None:
                    raise CodesignError(self._explain(error, operation)) from error
                self._network.pause(job, *pause, part="vault")
            except CodesignError as error:
                # the clients remember the tenant of a vault for good, which may have been made anew since
                other = wait is not None and error.finding.id == TENANT_OTHER.id
                if not (other and self._forget_tenant()):
                    raise
            except Cancelled:
                self._left_behind = True
                raise
            except Exception as error:  # everything a transport can raise; what is not the network's goes on
                self._left_behind = self._left_behind or isinstance(error, TimeoutError)
                failure = self._network.failure(error, url)
                if failure is not None:
                    raise failure from error
                if not answers:
                    raise
                # Microsoft's clients take every answer for one of a vault's, and fall over any other
                job.log(LogLevel.WARNING, f"{type(error).__name__}: {error}"[:300], part="vault")
                raise CodesignError(self._told(answers[0], operation, understood=False)) from error
        raise AssertionError("the last attempt returns or raises")

    def _longest(self) -> float:
        # each attempt may connect and read, a token may have to be fetched, and the SDK waits in between
        return (_RETRIES + 2) * self._network.settings.timeout + 15.0

    def _explain(self, error: Any, operation: str) -> Finding:
        if error.response is None:
            return vault_findings.OTHER(
                vault=self.options.vault_name,
                words=str(error.message),
                evidence=Evidence(message=str(error.message), time=utc_now()),
            )
        return self._told(error.response, operation)

    def _told(self, answer: Any, operation: str, *, understood: bool = True) -> Finding:
        """Return what *answer* says, other than what was asked for; *understood* by the client at least."""
        refusal = _refusal(answer, {"host": self.options.vault_host})
        if refusal.status < 400 or (refusal.status == 401 and not understood):
            return vault_findings.not_a_vault(self.options, refusal.evidence)
        return explain.explain(refusal, self.options, operation=operation)


def _refusal(answer: Any, more: Mapping[str, str] | None = None) -> VaultRefusal:
    """Return what a client's *answer* says."""
    try:
        body = answer.body()
    except Exception:  # a body that cannot be had (cut off, not read) tells no more
        body = b""
    return explain.read_refusal(int(answer.status_code or 0), body, answer.headers, more)


def _passing(error: Any) -> bool:
    return error.status_code == 401 and error.response is not None and _refusal(error.response).passing


def _pause(error: Any, least: float) -> tuple[float, str] | None:
    """Return how many seconds to wait before another attempt, and why; ``None`` when there is to be none."""
    if _passing(error):
        return least, tr("The vault cannot check the token; trying again in {seconds} s")
    told = str((error.response.headers if error.response else {}).get("Retry-After", "")).strip()
    named = told.isascii() and told.isdigit()
    if error.status_code == 429:
        text = tr("The vault throttles; trying again in {seconds} s")
    elif error.status_code in _FAULTS and named:
        text = tr("Trying again in {seconds} s")
    else:
        return None
    seconds = max(least, float(told[:6])) if named else least
    return (seconds, text) if seconds <= _LONGEST_RETRY_AFTER else None


def _retry_policy() -> Any:
    from azure.core.pipeline.policies import RetryPolicy

    class Policy(RetryPolicy):  # type: ignore[type-arg,unused-ignore]  # generic in some versions
        def is_retry(self, settings: Any, response: Any) -> Any:
            # waiting inside the SDK could not be cancelled, and would take as long as the answer likes
            told = response.http_response
            if told.status_code == 429 or "Retry-After" in told.headers:
                return False
            return super().is_retry(settings, response)

    return Policy(retry_total=_RETRIES, retry_connect=_RETRIES, retry_read=_RETRIES, retry_backoff_max=4)
