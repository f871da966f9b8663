"""Whether a certificate was revoked: asked by OCSP (RFC 6960), else read from the CA's list (RFC 5280, 5).

An answer counts only with a valid signature of the issuer, or of a responder that the issuer appointed, and
within its own validity. Where nobody can be reached, the outcome is *not checked*, never *good*.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import iso
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509 import ocsp

_MAXIMUM_OCSP = 64 << 10
_MAXIMUM_LIST = 16 << 20
_MAXIMUM_ADDRESSES = 2
_CLOCKS = timedelta(minutes=10)  # by which clocks may differ
_LONGEST = timedelta(days=10)  # for OCSP answers without a next update (CA/Browser Forum, 4.9.10)
_INDIRECT, _DELTA = "2.5.29.28", "2.5.29.27"
_OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"


class RevocationState(StrEnum):
    """What is known."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "not-checked"


@dataclass(frozen=True, slots=True)
class RevocationStatus:
    """The outcome for one certificate.

    ``source`` is ``ocsp`` or ``crl`` and ``address`` who said it; ``since`` and ``reason`` (RFC 5280, 5.3.1)
    only when revoked; ``why`` tells why nothing is known; ``until`` is when the answer ends.
    """

    state: RevocationState
    source: str = ""
    address: str = ""
    since: datetime | None = None
    reason: str = ""
    why: str = ""
    updated: datetime | None = None
    until: datetime | None = None
    tried: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return the members that are known."""
        document: dict[str, Any] = {"state": self.state.value}
        for name in ("source", "address", "reason", "why"):
            if getattr(self, name):
                document[name] = getattr(self, name)
        for name in ("since", "updated", "until"):
            if getattr(self, name) is not None:
                document[name] = iso(getattr(self, name))
        return document


class _Unusable(Exception):  # never leaves this module
    """An answer that does not count; the message says why."""


def check_revocation(
    job: JobContext,
    network: Network,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    *,
    now: datetime | None = None,
    timeout: float = 8.0,
) -> RevocationStatus:
    """Ask whether *certificate*, issued by *issuer*, was revoked. Raises ``Cancelled`` only."""
    now = now or datetime.now(UTC)
    tried: list[str] = []
    for source, address in _places(certificate):
        job.check_cancelled()
        ask = _ask_responder if source == "ocsp" else _read_list
        try:
            return ask(job, network, certificate, issuer, address, now, timeout)
        except _Unusable as error:
            tried.append(f"{address}: {error}")
        except CodesignError as error:
            tried.append(f"{address}: {error.finding.title.rstrip('.')}")
    why = tried[-1] if tried else tr("it does not say where to ask")
    return RevocationStatus(RevocationState.UNKNOWN, why=why, tried=tuple(tried))


def check_chain(
    job: JobContext,
    network: Network,
    path: Sequence[x509.Certificate],
    *,
    now: datetime | None = None,
    timeout: float = 8.0,
) -> list[RevocationStatus]:
    """Return the status of each certificate in *path* (leaf first) whose issuer follows it there."""
    return [
        check_revocation(job, network, certificate, issuer, now=now, timeout=timeout)
        for certificate, issuer in itertools.pairwise(path)
    ]


def _places(certificate: x509.Certificate) -> Iterator[tuple[str, str]]:
    """Yield where to ask, OCSP first; only http and https are asked."""
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    responders: list[str] = []
    lists: list[str] = []
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.AuthorityInformationAccess):
            responders += [
                each.access_location.value
                for each in extension.value
                if each.access_method == AuthorityInformationAccessOID.OCSP
                and isinstance(each.access_location, x509.UniformResourceIdentifier)
            ]
        elif isinstance(extension.value, x509.CRLDistributionPoints):
            for point in extension.value:
                # lists of some reasons only, or of another issuer, say nothing about all
                if point.reasons is None and point.crl_issuer is None:
                    lists += [
                        name.value
                        for name in point.full_name or ()
                        if isinstance(name, x509.UniformResourceIdentifier)
                    ]
    for source, addresses in (("ocsp", responders), ("crl", lists)):
        usable = [each for each in addresses if each.lower().startswith(("http://", "https://"))]
        for address in usable[:_MAXIMUM_ADDRESSES]:
            yield source, address


def _ask_responder(
    job: JobContext,
    network: Network,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    address: str,
    now: datetime,
    timeout: float,
) -> RevocationStatus:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import ocsp

    from codesign_wizard.core.authenticode.trust import BROKEN

    # SHA-1 only names the issuer here; most responders know no other (RFC 5019, 2.1.1)
    asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1()).build()  # noqa: S303
    answer = network.request(
        job,
        "POST",
        address,
        headers={"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"},
        data=asked.public_bytes(Encoding.DER),
        part="revocation",
        timeout=timeout,
        max_body=_MAXIMUM_OCSP,
        follow=True,
    )
    if answer.status != 200:
        raise _Unusable(tr("HTTP status {status}").format(status=answer.status))
    try:
        response = ocsp.load_der_ocsp_response(answer.body)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise _Unusable(
                tr("the responder says {status}").format(status=response.response_status.name.lower())
            )
        _check_responder(response, issuer, now)
        single = _single(response, certificate, issuer)
        return _status(single, address, now)
    except BROKEN as error:
        raise _Unusable(tr("the answer cannot be read")) from error


def _single(
    response: ocsp.OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate
) -> ocsp.OCSPSingleResponse:
    from cryptography.x509 import ocsp

    for single in response.responses:
        if single.serial_number != certificate.serial_number:
            continue
        asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, single.hash_algorithm).build()
        if (asked.issuer_key_hash, asked.issuer_name_hash) == (
            single.issuer_key_hash,
            single.issuer_name_hash,
        ):
            return single
    raise _Unusable(tr("the answer is about another certificate"))


def _status(single: ocsp.OCSPSingleResponse, address: str, now: datetime) -> RevocationStatus:
    from cryptography.x509 import ocsp

    updated, until = single.this_update_utc, single.next_update_utc
    _check_times(updated, until if until is not None else updated + _LONGEST, now)
    match single.certificate_status:
        case ocsp.OCSPCertStatus.GOOD:
            return RevocationStatus(RevocationState.GOOD, "ocsp", address, updated=updated, until=until)
        case ocsp.OCSPCertStatus.REVOKED:
            reason = single.revocation_reason
            return RevocationStatus(
                RevocationState.REVOKED,
                "ocsp",
                address,
                single.revocation_time_utc,
                reason.value if reason is not None else "",
                updated=updated,
                until=until,
            )
    raise _Unusable(tr("the responder does not know the certificate"))


def _check_responder(response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> None:
    """Check who signed (RFC 6960, 4.2.2.2): the issuer, or whom it appointed; raises ``_Unusable``."""
    from codesign_wizard.core.authenticode import trust
    from codesign_wizard.core.authenticode.trust import BROKEN

    for signer in [issuer, *response.certificates[:4]]:
        try:
            _verify(signer.public_key(), response.signature, response.tbs_response_bytes, response)
        except BROKEN:
            continue
        if signer == issuer or signer.public_key() == issuer.public_key():
            return
        try:
            signer.verify_directly_issued_by(issuer)
        except BROKEN as error:
            raise _Unusable(tr("the responder was not appointed by the issuer")) from error
        if _OCSP_SIGNING not in (trust.usages(signer) or ()):
            raise _Unusable(tr("the responder's certificate is not for OCSP"))
        if not signer.not_valid_before_utc - _CLOCKS <= now <= signer.not_valid_after_utc + _CLOCKS:
            raise _Unusable(tr("the responder's certificate is out of its validity"))
        return
    raise _Unusable(tr("its signature does not hold"))


def _verify(key: Any, signature: bytes, content: bytes, response: ocsp.OCSPResponse) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    digest = response.signature_hash_algorithm
    if digest is None:
        raise ValueError("no digest")
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, content, padding.PKCS1v15(), digest)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, content, ec.ECDSA(digest))
    else:
        raise ValueError("a key of another kind")


def _read_list(
    job: JobContext,
    network: Network,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    address: str,
    now: datetime,
    timeout: float,
) -> RevocationStatus:
    from cryptography import x509

    from codesign_wizard.core.authenticode.trust import BROKEN

    answer = network.request(
        job,
        "GET",
        address,
        part="revocation",
        retries=0,
        timeout=timeout,
        max_body=_MAXIMUM_LIST,
        follow=True,
    )
    if answer.status != 200:
        raise _Unusable(tr("HTTP status {status}").format(status=answer.status))
    try:
        is_pem = answer.body[:11] == b"-----BEGIN "
        found = (x509.load_pem_x509_crl if is_pem else x509.load_der_x509_crl)(answer.body)
        _check_list(found, certificate, issuer, now)
        entry = found.get_revoked_certificate_by_serial_number(certificate.serial_number)
        updated, until = found.last_update_utc, found.next_update_utc
        if entry is None:
            return RevocationStatus(RevocationState.GOOD, "crl", address, updated=updated, until=until)
        return RevocationStatus(
            RevocationState.REVOKED,
            "crl",
            address,
            entry.revocation_date_utc,
            _reason(entry),
            updated=updated,
            until=until,
        )
    except BROKEN as error:
        raise _Unusable(tr("the list cannot be read")) from error


def _check_list(
    found: x509.CertificateRevocationList,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    now: datetime,
) -> None:
    """Check that the list speaks for all of this issuer's certificates; raises ``_Unusable``."""
    from cryptography import x509

    key: Any = issuer.public_key()
    if found.issuer != certificate.issuer or not found.is_signature_valid(key):
        raise _Unusable(tr("the list is not the issuer's, or its signature does not hold"))
    for extension in found.extensions:
        if extension.oid.dotted_string == _DELTA:
            raise _Unusable(tr("the list holds changes only"))
        if isinstance(extension.value, x509.IssuingDistributionPoint):
            part = extension.value
            authority = _is_authority(certificate)
            if (
                part.indirect_crl
                or part.only_some_reasons
                or part.only_contains_attribute_certs
                or (part.only_contains_ca_certs and not authority)
                or (part.only_contains_user_certs and authority)
            ):
                raise _Unusable(tr("the list is about other certificates"))
        elif extension.critical and extension.oid.dotted_string not in (_INDIRECT, "2.5.29.20"):
            raise _Unusable(tr("the list has a critical extension that is not understood"))
    _check_times(found.last_update_utc, found.next_update_utc or found.last_update_utc + _LONGEST, now)


def _check_times(updated: datetime, until: datetime, now: datetime) -> None:
    if updated > now + _CLOCKS:
        raise _Unusable(tr("it is from the future; the clock may be wrong"))
    if until < now - _CLOCKS:
        raise _Unusable(tr("it is out of date since {date}").format(date=until.date().isoformat()))


def _reason(entry: x509.RevokedCertificate) -> str:
    from cryptography import x509

    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except x509.ExtensionNotFound:
        return ""


def _is_authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
