"""Requests, answers and versions in the vault: looked at, and changed where the person asked for it.

What only reads is ``VaultReader``'s. What changes the vault is here and named for it: ``create_request``,
``drop_request``, ``merge_answer``, ``recover_deleted``; nothing else does.
"""

from __future__ import annotations

from codesign_wizard.core.azure import vault_findings
from codesign_wizard.core.azure.credential import ApplicationCredential
from codesign_wizard.core.azure.options import AzureOptions

# throttling, cancellation and every refusal's explanation are there already
from codesign_wizard.core.certificates import answer_findings, service_findings
from codesign_wizard.core.certificates.bundle import Answer
from codesign_wizard.core.certificates.held import (
    HeldCertificate,
    PendingRequest,
)
from codesign_wizard.core.certificates.request import RequestOptions, public_key_bytes
from codesign_wizard.core.certificates.vault_reader import VaultReader
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import Finding, blocks
from codesign_wizard.core.job import JobContext, LogLevel
from codesign_wizard.core.network import Network, NetworkError
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr


class CertificateVault(VaultReader):
    """One name in one vault, to look at and to change. Make it by ``open``; ``close`` it.

    Every method raises ``CodesignError`` with a finding made of the vault's or Entra ID's words, and
    ``Cancelled``.
    """

    def create_request(self, job: JobContext, asked: RequestOptions) -> PendingRequest:
        """CHANGES THE VAULT: make a key and a request for it. Call it only when the person asked for it.

        Raises ``InputError`` where ``asked.check()`` blocks.
        """
        wrong = [each for each in asked.check() if blocks([each])]
        if wrong:
            raise InputError(wrong[0])
        policy = asked.sdk_policy()
        self._call(
            job,
            lambda hook: self._clients.certificates.begin_create_certificate(
                self.name, policy, tags=dict(asked.tags) or None, raw_response_hook=hook
            ),
            "certificates create",
        )
        pending = self.read_pending(job)
        if pending is None:
            raise CodesignError(service_findings.NONE(name=self.name))
        return pending

    def drop_request(self, job: JobContext) -> None:
        """CHANGES THE VAULT: delete the pending request. The CA's answer to it can never be used then."""
        self._call(
            job,
            lambda hook: self._clients.certificates.delete_certificate_operation(
                self.name, raw_response_hook=hook
            ),
            "certificates update",
        )

    def merge_answer(self, job: JobContext, answer: Answer) -> HeldCertificate:
        """CHANGES THE VAULT: give the CA's answer to the pending request, leaf first.

        The request is read once more before, and nothing is sent that does not fit it. Raises ``InputError``
        for an answer that is not ``ok``.
        """
        if not answer.ok or answer.leaf is None:
            blocking = [each for each in answer.findings if blocks([each])]
            raise InputError(blocking[0] if blocking else answer_findings.NOTHING())
        pending = self.read_pending(job)
        if pending is None:
            raise CodesignError(service_findings.NONE(name=self.name))
        if not pending.waits:
            raise CodesignError(service_findings.NOT_PENDING(name=self.name, status=pending.status))
        if pending.request.public_key != public_key_bytes(answer.leaf):
            raise CodesignError(
                answer_findings.OTHER_KEY(name=self.name, remedies=answer_findings.other_key_remedies())
            )
        content = answer.der()
        try:
            merged = self._call(
                job,
                lambda hook: self._clients.certificates.merge_certificate(
                    self.name, x509_certificates=content, raw_response_hook=hook
                ),
                "certificates create",
            )
            version = merged.properties.version if merged.properties else None
        except CodesignError as error:
            version = self._merged_all_the_same(job, content[0], error)
        return self.read(job, version).with_newest(True)

    def _merged_all_the_same(self, job: JobContext, leaf: bytes, error: CodesignError) -> str:
        """Return the version that holds *leaf*: an answer may be lost after the vault has done its work.

        Raises *error* again where the vault does not hold it.
        """
        lost = (service_findings.NONE.id, service_findings.NOT_PENDING.id)
        if error.finding.id not in lost and not isinstance(error, NetworkError):
            raise error
        job.log(LogLevel.INFO, tr("Looking whether the vault has merged it all the same"), part="vault")
        certificate = self._read(job, None, [])
        if certificate is None or certificate.der != leaf:
            raise error
        return certificate.version

    def recover_deleted(self, job: JobContext) -> None:
        """CHANGES THE VAULT: bring a deleted certificate back; returns when it is there."""
        self._call(
            job,
            # the SDK's poller asks every two seconds until it is there
            lambda hook: self._clients.certificates.begin_recover_deleted_certificate(
                self.name, raw_response_hook=hook
            ).result(),
            "certificates recover",
        )


def prove_signature(
    job: JobContext,
    network: Network,
    options: AzureOptions,
    secret: Secret | None,
    *,
    version: str | None = None,
    credential: ApplicationCredential | None = None,
) -> list[Finding]:
    """Have the vault sign a test text with *version*, and check it; every refusal is a finding.

    Raises ``InputError`` and ``Cancelled``.
    """
    import hashlib

    from codesign_wizard.core.azure.proof import TEST_TEXT
    from codesign_wizard.core.azure.signer import KeyVaultSigner

    try:
        with KeyVaultSigner.open(
            job, network, options, secret, version=version, credential=credential
        ) as signer:
            digest = signer.test_digest()
            signer.sign(job, hashlib.new(digest.value, TEST_TEXT).digest(), digest)
            return [*signer.findings, vault_findings.SIGNATURE_WORKS(name=options.certificate_name)]
    except InputError:
        raise
    except CodesignError as error:
        return [error.finding]
