"""Completing a certificate's chain: a vault hands out the leaf alone, a signature needs the issuers, too.

Issuers are fetched from the addresses the certificates themselves name (caIssuers, RFC 5280, 4.2.2.1) and
kept on disk, since they hardly ever change. Every step's signature is checked, so that it does not
matter who answers.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.files import write_atomic
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Remedy, Severity, iso, utc_now
from codesign_wizard.core.job import JobContext, LogLevel
from codesign_wizard.core.network import Network
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

_MAXIMUM_DEPTH = 6
_MAXIMUM_ADDRESSES = 4
_MAXIMUM_SIZE = 256 << 10

INCOMPLETE = FindingKind(
    "certificate.chain.incomplete",
    Severity.WARNING,
    "The certificate of the issuer {issuer} could not be had: {why}.",
    "An issuer's certificate could not be fetched; PCs that are offline may not name the publisher.",
)


@dataclass(frozen=True)
class ChainResult:
    """The leaf first, then each issuer as far as known, without the root; and what was missing."""

    certificates: list[x509.Certificate]
    findings: list[Finding] = field(default_factory=list)


def complete_chain(
    job: JobContext, network: Network, leaf: x509.Certificate, known: Iterable[x509.Certificate] = ()
) -> ChainResult:
    """Return *leaf* with its issuers, from *known*, the cache, or the network. Raises ``Cancelled`` only."""
    chain = [leaf]
    candidates = list(known)
    while len(chain) <= _MAXIMUM_DEPTH:
        last = chain[-1]
        if last.issuer == last.subject:
            # self-signed: whoever trusts it has it; a lone one stays, it is all there is
            return ChainResult(chain if len(chain) == 1 else chain[:-1])
        issuer, why, evidence = _issuer(job, network, last, candidates)
        if issuer is None:
            return ChainResult(chain, [_incomplete(last, why, evidence)] if why else [])
        chain.append(issuer)
    return ChainResult(chain[:-1], [_incomplete(chain[-1], tr("the chain has no end"), Evidence())])


def _issuer(
    job: JobContext, network: Network, certificate: x509.Certificate, known: list[x509.Certificate]
) -> tuple[x509.Certificate | None, str, Evidence]:
    """Return the issuer, or why it cannot be had ("" where nobody is expected to name it)."""
    for candidate in known:
        if _issued(certificate, candidate):
            return candidate, "", Evidence()
    addresses = _addresses(certificate)
    evidence = Evidence(time=utc_now(), more={"issuer": certificate.issuer.rfc4514_string()})
    if not addresses:
        # CAs name their issuer but for the one below the root, which Windows has
        return None, "" if _is_authority(certificate) else tr("it does not say where to fetch it"), evidence
    why = ""
    for address in addresses:
        place = _cache(network) / (hashlib.sha256(address.encode()).hexdigest() + ".cer")
        kept = _read(place)
        for candidate in _certificates(kept) if kept else []:
            if _issued(certificate, candidate):
                return candidate, "", evidence
        # a CA may have renewed its certificate under the same address: then what is kept does not fit
        try:
            answer = network.request(job, "GET", address, part="chain", max_body=_MAXIMUM_SIZE, follow=True)
        except CodesignError as error:
            why, evidence = error.finding.title.rstrip("."), error.finding.evidence
            continue
        evidence = Evidence(status=answer.status, time=utc_now(), more={"address": address})
        if answer.status != 200:
            why = tr("{address} answers with HTTP status {status}").format(
                address=address, status=answer.status
            )
            continue
        found = _certificates(answer.body)
        if found:
            _keep(job, place, answer.body)
        for candidate in found:
            if _issued(certificate, candidate):
                return candidate, "", evidence
        why = tr("{address} has another certificate").format(address=address)
    return None, why, evidence


def issuer_facts(chain: Iterable[x509.Certificate]) -> dict[str, str]:
    """Return which intermediate above the first of *chain* ends first, and when, by stable names.

    A root's own end does not count: trust stores hold it by itself.
    """
    from codesign_wizard.core.authenticode import trust

    between = [each for each in list(chain)[1:] if each.subject != each.issuer]
    first = min(between, key=lambda each: each.not_valid_after_utc, default=None)
    if first is None:
        return {}
    return {"issuer_expires": iso(first.not_valid_after_utc), "issuer_name": trust.name(first)}


def _read(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError:
        return b""


def _keep(job: JobContext, place: Path, data: bytes) -> None:
    try:
        write_atomic(place, data)
    except OSError as error:
        # the cache only saves time
        job.log(LogLevel.DEBUG, str(error), part="chain")


def _cache(network: Network) -> Path:
    import platformdirs

    told = network.settings.cache or os.environ.get("CODESIGN_WIZARD_CACHE")
    base = Path(told) if told else platformdirs.user_cache_path("codesign-wizard", appauthor=False)
    return base / "issuers"


def _addresses(certificate: x509.Certificate) -> list[str]:
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    found = [
        each.access_location.value
        for each in access
        if each.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(each.access_location, x509.UniformResourceIdentifier)
    ]
    return [each for each in found if each.lower().startswith(("http://", "https://"))][:_MAXIMUM_ADDRESSES]


def _certificates(data: bytes) -> list[x509.Certificate]:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import pkcs7

    loaders: tuple[Callable[[], list[x509.Certificate]], ...] = (
        lambda: [x509.load_der_x509_certificate(data)],
        lambda: x509.load_pem_x509_certificates(data),
        lambda: pkcs7.load_der_pkcs7_certificates(data),
        lambda: pkcs7.load_pem_pkcs7_certificates(data),
    )
    for load in loaders:
        try:
            found = load()
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        if found:
            return found[:16]
    return []


def _issued(child: x509.Certificate, parent: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        child.verify_directly_issued_by(parent)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _incomplete(certificate: x509.Certificate, why: str, evidence: Evidence) -> Finding:
    return INCOMPLETE(
        issuer=certificate.issuer.rfc4514_string(),
        why=why,
        evidence=evidence,
        remedies=[
            Remedy(
                title=tr("Allow the CA's address in proxy and firewall; it is plain http, and signed itself.")
            )
        ],
    )
