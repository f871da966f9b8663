"""What a vault says of requests and certificates, by Microsoft's own clients: nothing here changes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Self, TypeVar

from codesign_wizard.core.azure import vault_findings
from codesign_wizard.core.azure.credential import ApplicationCredential
from codesign_wizard.core.azure.options import AzureOptions, check_options

# throttling, cancellation and every refusal's explanation are there already
from codesign_wizard.core.azure.signer import _Vault
from codesign_wizard.core.certificates import service_findings
from codesign_wizard.core.certificates.held import (
    HeldCertificate,
    Holding,
    KeyFacts,
    NameState,
    NameSummary,
    PendingRequest,
    VersionSummary,
    time_of,
)
from codesign_wizard.core.certificates.request import SigningRequest
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import Finding, blocks
from codesign_wizard.core.job import JobContext, LogLevel
from codesign_wizard.core.network import Network
from codesign_wizard.core.redact import Secret

if TYPE_CHECKING:
    from azure.keyvault.certificates import (
        CertificateOperation,
        CertificateProperties,
    )
    from azure.keyvault.keys import KeyVaultKey

T = TypeVar("T")

_MAXIMUM_VERSIONS = 200
_MAXIMUM_PENDING = 25
_MAXIMUM_PAGES = 100


class _Clients(_Vault):
    """The clients for certificates and keys over one connection."""

    def __init__(self, network: Network, options: AzureOptions, credential: ApplicationCredential) -> None:
        from azure.keyvault.keys import KeyClient

        super().__init__(network, options, credential)
        self.keys = KeyClient(options.vault_url, credential, **self._settings())

    def close(self) -> None:
        """Close the connections."""
        self.keys.close()
        super().close()


class VaultReader:
    """One name in one vault, to look at. Make it by ``open``; ``close`` it, or use it in a ``with``.

    Every method raises ``CodesignError`` with a finding made of the vault's or Entra ID's words, and
    ``Cancelled``.
    """

    def __init__(self, clients: _Clients) -> None:
        self._clients = clients
        self.options = clients.options
        self.name = clients.options.certificate_name

    @classmethod
    def open(
        cls,
        job: JobContext,
        network: Network,
        options: AzureOptions,
        secret: Secret | None,
        *,
        credential: ApplicationCredential | None = None,
    ) -> Self:
        """Return the vault; nothing is asked yet. *credential* is one that has signed in already.

        Raises ``InputError`` when an option is missing or cannot be right.
        """
        wrong = [each for each in check_options(options, secret) if blocks([each])]
        if wrong or secret is None:
            raise InputError(wrong[0] if wrong else check_options(options, None)[0])
        return cls(
            _Clients(network, options, credential or ApplicationCredential(job, network, options, secret))
        )

    def close(self) -> None:
        """Close the connections."""
        self._clients.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def state(self, job: JobContext) -> Holding:
        """Return everything that the vault says of the name."""
        findings: list[Finding] = []
        certificate = self._read(job, None, findings)
        pending = self.read_pending(job)
        waits = pending if pending is not None and pending.waits else None
        if certificate is not None and certificate.der:
            versions = self._versions(job, findings)
            state = NameState.RENEWING if waits else NameState.CERTIFICATE
            return Holding(self.name, state, certificate, waits, versions, findings=tuple(findings))
        if waits is not None:
            return Holding(self.name, NameState.PENDING, None, waits, findings=tuple(findings))
        if certificate is None:
            deleted = self._deleted(job)
            if deleted is not None:
                return deleted
            if self._foreign_key_exists(job):
                return Holding(self.name, NameState.TAKEN, findings=tuple(findings))
        return Holding(self.name, NameState.FREE, findings=tuple(findings))

    def read_pending(self, job: JobContext) -> PendingRequest | None:
        """Return the request under the name, whatever its status; ``None`` when there is none."""
        operation = self._operation(job, self.name)
        return self._pending(job, operation) if operation is not None and operation.csr else None

    def read(self, job: JobContext, version: str | None = None) -> HeldCertificate:
        """Return a version (without *version* the newest), with the facts of its key if they can be read."""
        certificate = self._read(job, version, [], missing_is_error=True)
        assert certificate is not None  # its absence was raised
        return certificate

    def key(self, job: JobContext, key_id: str) -> KeyFacts | None:
        """Return what the vault says of a key, ``None`` where it may not be read or is not there."""
        return self._key(job, key_id, [])

    def versions(self, job: JobContext) -> list[VersionSummary]:
        """Return all versions that have a certificate, newest first."""
        return [each for each in self.all_versions(job) if not each.pending]

    def all_versions(self, job: JobContext) -> list[VersionSummary]:
        """Return all versions, newest first, the one that waits for its certificate among them."""
        listed = self._call(
            job,
            lambda hook: _take(
                VersionSummary.of,
                self._clients.certificates.list_properties_of_certificate_versions(
                    self.name, raw_response_hook=hook
                ),
            ),
            "certificates list",
        )
        return sorted(
            listed, key=lambda each: each.created.timestamp() if each.created else 0.0, reverse=True
        )

    def names(self, job: JobContext) -> list[NameSummary]:
        """Return every certificate of the vault, also those that are only requested yet, by name."""
        listed = self._call(
            job,
            lambda hook: _take(
                NameSummary.of,
                self._clients.certificates.list_properties_of_certificates(
                    include_pending=True, raw_response_hook=hook
                ),
            ),
            "certificates list",
        )
        return sorted(listed, key=lambda each: each.name.lower())

    def pending_keys(self, job: JobContext) -> dict[str, bytes]:
        """Return the public keys (SubjectPublicKeyInfo in DER) of the vault's other requests, by name.

        What cannot be read is left out: they only serve to say where an answer belongs.
        """
        try:
            names = [each.name for each in self.names(job)]
        except CodesignError as error:
            job.log(LogLevel.INFO, error.finding.title, part="vault")
            return {}
        return self.waiting(job, [each for each in names if each != self.name])

    def waiting(self, job: JobContext, names: Sequence[str]) -> dict[str, bytes]:
        """Return those of *names* whose request waits, with its public key, as far as they can be read.

        A name without a certificate may have none: what was begun stays in the vault when it is dropped.
        """
        keys: dict[str, bytes] = {}
        for name in names[:_MAXIMUM_PENDING]:
            try:
                operation = self._operation(job, name)
                if operation is not None and operation.csr and _status(operation) == "inprogress":
                    keys[name] = SigningRequest.read(bytes(operation.csr)).public_key
            except CodesignError as error:
                job.log(LogLevel.INFO, f"{name}: {error.finding.title}", part="vault")
        return keys

    def attestation(self, job: JobContext, version: str | None = None) -> bytes | None:
        """Return the service's proof that the key is in an HSM (PEM certificate and statement), or ``None``.

        Microsoft documents it for Managed HSM; a vault answers with an error then, which is no finding.
        """
        try:
            return self._call(
                job,
                lambda hook: _attested(
                    self._clients.keys.get_key_attestation(self.name, version, raw_response_hook=hook)
                ),
                "keys get",
            )
        except CodesignError as error:
            job.log(LogLevel.INFO, error.finding.title, part="vault")
            return None

    def _call(self, job: JobContext, send: Callable[[Any], T], operation: str) -> T:
        """Run one call; *send* reads all it needs of the answer: what no vault says shows only then."""
        try:
            return self._clients.call(job, send, operation, self.options.vault_url)
        except CodesignError as error:
            finding = service_findings.refined(error.finding, self.options, self.name)
            if finding is error.finding:
                raise
            raise CodesignError(finding) from error

    @staticmethod
    def _found(read: Callable[[], T]) -> T | None:
        """Return what *read* gives, ``None`` where the vault says that there is no such thing."""
        try:
            return read()
        except CodesignError as error:
            if error.finding.evidence.status == 404:
                return None
            raise

    def _operation(self, job: JobContext, name: str) -> CertificateOperation | None:
        return self._found(
            lambda: self._call(
                job,
                lambda hook: _with_request(
                    self._clients.certificates.get_certificate_operation(name, raw_response_hook=hook)
                ),
                "certificates get",
            )
        )

    def _read(
        self, job: JobContext, version: str | None, findings: list[Finding], missing_is_error: bool = False
    ) -> HeldCertificate | None:
        client = self._clients.certificates

        def send(hook: Any) -> HeldCertificate:
            if version:
                told = client.get_certificate_version(self.name, version, raw_response_hook=hook)
            else:
                told = client.get_certificate(self.name, raw_response_hook=hook)
            return HeldCertificate.of(told, None, True if not version else None)

        def read() -> HeldCertificate:
            return self._call(job, send, "certificates get")

        held = read() if missing_is_error else self._found(read)
        if held is None:
            return None
        if held.der:
            held = replace(held, key=self._key(job, held.key_id, findings))
        if missing_is_error and not held.der:
            raise CodesignError(self._bare(job))
        return held

    def _bare(self, job: JobContext) -> Finding:
        """Return why a version has no certificate: its request waits, or was dropped."""
        if self.waiting(job, [self.name]):
            return vault_findings.PENDING(
                name=self.name, remedies=vault_findings.pending_remedies(self.options)
            )
        return vault_findings.UNISSUED(name=self.name, remedies=vault_findings.unissued_remedies())

    def _key(self, job: JobContext, key_id: str, findings: list[Finding]) -> KeyFacts | None:
        version = key_id.rpartition("/")[2]
        try:
            return self._call(
                job,
                lambda hook: KeyFacts.of(
                    self._clients.keys.get_key(self.name, version, raw_response_hook=hook)
                ),
                "keys get",
            )
        except CodesignError as error:
            if error.finding.evidence.status not in (403, 404):
                raise
            findings.append(
                service_findings.KEY_UNSEEN(
                    name=self.name, why=error.finding.title.rstrip("."), evidence=error.finding.evidence
                )
            )
            return None

    def _versions(self, job: JobContext, findings: list[Finding]) -> tuple[VersionSummary, ...]:
        try:
            return tuple(self.versions(job))
        except CodesignError as error:
            if error.finding.evidence.status != 403:
                raise
            findings.append(
                service_findings.VERSIONS_UNSEEN(
                    name=self.name, evidence=error.finding.evidence, remedies=error.finding.remedies
                )
            )
            return ()

    def _pending(self, job: JobContext, operation: CertificateOperation) -> PendingRequest:
        status = _status(operation)
        return PendingRequest(
            self.name,
            SigningRequest.read(bytes(operation.csr or b"")),
            status,
            str(operation.issuer_name or ""),
            str(operation.request_id or ""),
            self._since(job) if status == "inprogress" else None,
            str(operation.status_details or ""),
            str(operation.error.message or "") if operation.error else "",
        )

    def _since(self, job: JobContext) -> datetime | None:
        """Return when the request was made: not the operation tells, but its version without certificate."""
        try:
            waiting = [each.created for each in self.all_versions(job) if each.pending and each.created]
        except CodesignError:
            return None  # a list that may not be read only costs the date
        if waiting:
            return max(waiting)
        certificate = self._found(
            lambda: self._call(
                job,
                lambda hook: self._clients.certificates.get_certificate(self.name, raw_response_hook=hook),
                "certificates get",
            )
        )
        if certificate is None or certificate.cer or certificate.properties is None:
            return None
        return time_of(certificate.properties.created_on)

    def _deleted(self, job: JobContext) -> Holding | None:
        try:
            deleted = self._call(
                job,
                lambda hook: self._clients.certificates.get_deleted_certificate(
                    self.name, raw_response_hook=hook
                ),
                "certificates get",
            )
        except CodesignError as error:
            if error.finding.evidence.status == 404:
                return None
            if error.finding.evidence.status == 403:
                # the service looks for a deleted object before it asks for the permission: so there is one
                return Holding(self.name, NameState.DELETED, findings=(error.finding,))
            raise
        return Holding(
            self.name,
            NameState.DELETED,
            deleted=time_of(deleted.deleted_on),
            purge=time_of(deleted.scheduled_purge_date),
        )

    def _foreign_key_exists(self, job: JobContext) -> bool:
        """Tell whether a key has the name that belongs to no certificate."""
        try:
            key = self._call(
                job, lambda hook: self._clients.keys.get_key(self.name, raw_response_hook=hook), "keys get"
            )
        except CodesignError as error:
            if error.finding.evidence.status in (403, 404):
                return False  # a key that may not be read shows when the request is made
            raise
        return not key.properties.managed


def _status(operation: CertificateOperation) -> str:
    status = str(operation.status or "").lower()
    return "cancelled" if status == "canceled" else status


def _with_request(operation: CertificateOperation) -> CertificateOperation:
    bytes(operation.csr or b"")  # Microsoft's client hands on what it could not read as it came
    return operation


def _attested(key: KeyVaultKey) -> bytes | None:
    told = key.properties.attestation
    if told is None or not told.public_key_attestation:
        return None
    return bytes(told.certificate_pem_file or b"") + bytes(told.public_key_attestation)


def _take(read: Callable[[CertificateProperties], T], listed: Any) -> list[T]:
    found = []
    # pages without anything on them may go on for ever
    for each in chain.from_iterable(islice(listed.by_page(), _MAXIMUM_PAGES)):
        found.append(read(each))
        if len(found) >= _MAXIMUM_VERSIONS:
            break
    return found
