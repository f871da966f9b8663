"""The best chain for a leaf, of what came along and of what can be fetched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from codesign_wizard.core.authenticode.roots import Purpose, RootStore, load
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.authenticode.trust import Judgement


@dataclass(frozen=True)
class BuiltChain:
    """``chain`` is the leaf, then each issuer, without the root; ``findings`` tell what could not be had."""

    judged: Judgement
    chain: list[x509.Certificate]
    root: x509.Certificate | None
    findings: list[Finding] = field(default_factory=list)


def build_chain(
    job: JobContext,
    network: Network | None,
    leaf: x509.Certificate,
    known: Iterable[x509.Certificate],
    roots: RootStore,
    now: datetime,
) -> BuiltChain:
    """Return the best chain for *leaf*; without *network* no issuer is fetched. Raises ``Cancelled`` only.

    An expired leaf's chain is judged as of its last moment: that it expired is another finding.
    """
    from codesign_wizard.core.chain import complete_chain

    certificates = list(known)
    when = min(max(now, leaf.not_valid_before_utc), leaf.not_valid_after_utc)
    judged = _judged(leaf, certificates, roots, when)
    findings: list[Finding] = []
    if judged.root is None and network is not None:
        result = complete_chain(job, network, judged.path[-1], certificates)
        findings = result.findings
        new = [each for each in result.certificates if each != leaf and each not in certificates]
        if new:
            judged = _judged(leaf, [*certificates, *new], roots, when)
    path = judged.path
    ends_in_root = len(path) > 1 and (judged.root is not None or _is_root(path[-1]))
    return BuiltChain(
        judged, path[:-1] if ends_in_root else list(path), path[-1] if ends_in_root else None, findings
    )


def load_whole(encoded: bytes) -> x509.Certificate | None:
    """Return the certificate, or ``None`` when any part of it that is asked for later cannot be read."""
    from codesign_wizard.core.authenticode.trust import BROKEN
    from codesign_wizard.core.certificates.request import public_key_bytes

    try:
        certificate = load(encoded)
        # what is broken inside shows only when it is read
        for name in (certificate.subject, certificate.issuer):
            name.rfc4514_string()
        for read in ("not_valid_before_utc", "not_valid_after_utc", "signature_hash_algorithm"):
            getattr(certificate, read)
        list(certificate.extensions)
        public_key_bytes(certificate)
    except BROKEN:
        return None
    return certificate


def _judged(
    leaf: x509.Certificate, certificates: list[x509.Certificate], roots: RootStore, when: datetime
) -> Judgement:
    """Judge first without roots that came along: a trusted one is known anyway.

    A self-signed root beside its cross-signed twin would only make a detour.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    from codesign_wizard.core.authenticode import trust

    links = [each for each in certificates if not _is_root(each)]
    found = trust.Judgement()
    for kept in (links, certificates):
        encoded = [each.public_bytes(Encoding.DER) for each in kept if each != leaf]
        found = trust.judge(leaf, encoded, roots, Purpose.CODE_SIGNING, when)
        if found.root is not None or len(links) == len(certificates):
            break
    return found


def _is_root(certificate: x509.Certificate) -> bool:
    from codesign_wizard.core.authenticode import trust

    return trust.is_self_issued(certificate)
