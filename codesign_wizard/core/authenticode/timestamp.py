"""RFC 3161 time stamps: asking servers in order, and checking what they answer or what a file holds."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from codesign_wizard.core.authenticode import cms, der
from codesign_wizard.core.authenticode.der import DerError, Element
from codesign_wizard.core.authenticode.roots import Purpose, RootStore, load
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Remedy, Severity, utc_now
from codesign_wizard.core.job import JobContext, LogLevel, StageState
from codesign_wizard.core.signing import DigestAlgorithm
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.authenticode.trust import Judgement
    from codesign_wizard.core.network import Network

TST_INFO = "1.2.840.113549.1.9.16.1.4"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_MAXIMUM_ANSWER = 256 << 10
_MAXIMUM_SERVERS = 10

SERVER_DOWN = FindingKind(
    "authenticode.timestamp.server-down",
    Severity.WARNING,
    "The time-stamp server {server} could not be used: {why}.",
    "A time-stamp server refused the connection or answered with an error; the next one was asked.",
)
SERVER_SLOW = FindingKind(
    "authenticode.timestamp.server-slow",
    Severity.WARNING,
    "The time-stamp server {server} did not answer within {seconds} s.",
    "A time-stamp server took longer than the time-out; the next one was asked.",
)
ANSWER_WRONG = FindingKind(
    "authenticode.timestamp.answer-wrong",
    Severity.WARNING,
    "The time-stamp server {server} gave an answer that does not hold: {why}.",
    "A time stamp was for other data, for another request, not properly signed, or not trusted.",
)
NONE = FindingKind(
    "authenticode.timestamp.none",
    Severity.ERROR,
    "None of the {count} time-stamp servers gave a usable time stamp.",
    "Every time-stamp server failed. Without a time stamp a signature ends with its certificate.",
)
BAD_SERVER = FindingKind(
    "authenticode.timestamp.bad-address",
    Severity.ERROR,
    "{server} is not the address of a time-stamp server.",
    "A time-stamp server's address begins with http:// or https:// and names a host.",
)


class TokenError(ValueError):
    """The token does not hold; the text says why, in words for a person."""


@dataclass(frozen=True)
class Token:
    """A time stamp that was checked: when (UTC), by whom, and how its chain was judged."""

    time: datetime
    certificate: x509.Certificate
    chain: Judgement
    serial: int
    digest_algorithm: str


@dataclass(frozen=True)
class Timestamp:
    """A server's answer: the token in DER, and warnings about servers that were asked in vain."""

    token: bytes
    server: str
    time: datetime
    findings: list[Finding] = field(default_factory=list)

    @property
    def host(self) -> str:
        """The server in short, as a stage names it."""
        return _host(self.server)


class Timestamper:
    """Asks time-stamp servers in order until one gives a token that holds.

    *timeout* is in seconds for one attempt; *attempts* are made at each server unless its answer is wrong.
    """

    def __init__(
        self,
        network: Network,
        servers: Sequence[str],
        *,
        timeout: float | None = None,
        attempts: int = 2,
        roots: RootStore | None = None,
    ) -> None:
        self._network = network
        self.servers = [server.strip() for server in servers if server.strip()][:_MAXIMUM_SERVERS]
        self._timeout = network.settings.timeout if timeout is None else timeout
        self._attempts = attempts
        self._roots = roots
        for server in self.servers:
            check_server(server)

    def stamp(self, job: JobContext, signature: bytes, digest: DigestAlgorithm) -> Timestamp:
        """Return a time stamp over *signature*; raises ``CodesignError`` when no server gives one."""
        findings: list[Finding] = []
        for server in self.servers:
            for attempt in range(1, self._attempts + 1):
                job.stage("time-stamp", StageState.RUNNING, _host(server))
                job.log(
                    LogLevel.INFO,
                    tr("Asking {server}, attempt {attempt} of {attempts}").format(
                        server=server, attempt=attempt, attempts=self._attempts
                    ),
                    part="timestamp",
                )
                try:
                    token, time = self._ask(job, server, signature, digest.value)
                except _ServerError as error:
                    job.log(LogLevel.WARNING, error.finding.title, part="timestamp")
                    if error.final or attempt == self._attempts:
                        findings.append(error.finding)
                        break
                    job.wait(0.25 * attempt)
                else:
                    return Timestamp(token, server, time, findings)
        raise CodesignError(
            NONE(
                count=len(self.servers),
                detail=" ".join(finding.title for finding in findings)
                or tr("There is no time-stamp server in the list."),
                evidence=Evidence(
                    time=utc_now(), more={f"server {n}": each.title for n, each in enumerate(findings, 1)}
                ),
                remedies=[
                    Remedy(
                        title=tr("Add another time-stamp server, or ask your network people to allow these."),
                        url="https://knowledge.digicert.com/general-information/rfc3161-compliant-time-stamp-authority-server",
                    )
                ],
            )
        )

    def _ask(self, job: JobContext, server: str, signature: bytes, digest: str) -> tuple[bytes, datetime]:
        from codesign_wizard.core.network import NetworkError

        nonce = secrets.randbits(63) | 1 << 62
        imprint = hashlib.new(digest, signature).digest()
        try:
            answer = self._network.request(
                job,
                "POST",
                server,
                headers={
                    "Content-Type": "application/timestamp-query",
                    "Accept": "application/timestamp-reply",
                },
                data=request(imprint, digest, nonce),
                part="timestamp",
                retries=0,
                timeout=self._timeout,
                max_body=_MAXIMUM_ANSWER,
            )
        except NetworkError as error:
            if error.kind == "timeout":
                raise _ServerError(
                    SERVER_SLOW(server=server, seconds=f"{self._timeout:g}", evidence=error.finding.evidence)
                ) from error
            raise _ServerError(
                SERVER_DOWN(
                    server=server, why=error.finding.title.rstrip("."), evidence=error.finding.evidence
                )
            ) from error
        evidence = Evidence(status=answer.status, time=utc_now())
        if not 200 <= answer.status < 300:
            why = tr("it answered with HTTP status {status}").format(status=answer.status)
            raise _ServerError(SERVER_DOWN(server=server, why=why, evidence=evidence))
        try:
            token = read_response(answer.body)
            checked = check_token(token, signature, self._roots, nonce=nonce)
        except TokenError as error:
            raise _ServerError(
                ANSWER_WRONG(server=server, why=str(error), evidence=evidence), final=True
            ) from error
        if self._roots is not None and not checked.chain.trusted:
            raise _ServerError(
                ANSWER_WRONG(server=server, why=checked.chain.text, evidence=evidence), final=True
            )
        return token, checked.time


class _ServerError(Exception):
    def __init__(self, finding: Finding, *, final: bool = False) -> None:
        super().__init__(finding.title)
        self.finding = finding
        self.final = final


def _host(server: str) -> str:
    return urlsplit(server).hostname or server


def check_server(server: str) -> None:
    """Raise ``InputError`` unless *server* is an http or https address with a host."""
    try:
        parts = urlsplit(server)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or any(char.isspace() for char in server):
        raise InputError(
            BAD_SERVER(server=server, detail=tr("Write it in full, such as http://timestamp.digicert.com."))
        )


def request(imprint: bytes, digest: str, nonce: int) -> bytes:
    """Return a TimeStampReq in DER that wants the server's certificate (RFC 3161, 2.4.1)."""
    return der.sequence(
        der.integer(1),
        der.sequence(cms.algorithm(cms.DIGESTS[digest], null=True), der.octet_string(imprint)),
        der.integer(nonce),
        der.tlv(der.BOOLEAN, b"\xff"),
    )


def read_response(data: bytes) -> bytes:
    """Return the token in a TimeStampResp (RFC 3161, 2.4.2); raises ``TokenError``."""
    try:
        members = der.read(data).expect(der.SEQUENCE).children()
        status = members[0].expect(der.SEQUENCE).children()
        code = der.read_integer(status[0])
        # granted, grantedWithMods
        if code not in (0, 1):
            texts = status[1].children() if len(status) > 1 and status[1].tag == der.SEQUENCE else []
            words = [der.read_string(each) for each in texts]
            raise TokenError(
                tr("it refused the request (status {code}) {words}")
                .format(code=code, words=" ".join(words))
                .strip()
            )
        return members[1].expect(der.SEQUENCE).encoded
    except (DerError, IndexError) as error:
        raise TokenError(tr("it is no time-stamp answer")) from error


def check_token(
    token: bytes, signature: bytes, roots: RootStore | None, *, nonce: int | None = None
) -> Token:
    """Check a TimeStampToken over *signature*; raises ``TokenError`` when it does not hold.

    Checked: the imprint, the nonce if given, the CMS signature, the certificate's critical and only usage,
    ESSCertID (RFC 3161, 2.4.2; RFC 5816). The chain is judged at the token's own time and reported.
    """
    from codesign_wizard.core.authenticode import trust

    try:
        data = cms.parse(token)
        if data.content_type != TST_INFO or len(data.signers) != 1:
            raise TokenError(tr("it is no time-stamp token"))
        info = der.whole(data.content.expect(der.OCTET_STRING).value).children()
        der.read_oid(info[1])
        identifier, imprint = info[2].expect(der.SEQUENCE).children()
        digest = cms.digest_name(identifier)
        serial = der.read_integer(info[3])
        time = der.read_time(info[4])
        sent = next((der.read_integer(each) for each in info[5:] if each.tag == der.INTEGER), None)
        if imprint.expect(der.OCTET_STRING).value != hashlib.new(digest, signature).digest():
            raise TokenError(tr("it is for other data"))
        if nonce is not None and sent != nonce:
            raise TokenError(tr("it is for another request"))
        signer = data.signers[0]
        if not data.announces(signer):
            raise TokenError(tr("its list of digest algorithms lacks its own"))
        certificate = find_certificate(data, signer)
        if certificate is None:
            raise TokenError(tr("its certificate is missing"))
        problem = cms.check_signer(signer, TST_INFO, data.content_octets, certificate)
        if problem:
            raise TokenError(tr("its signature is wrong: {problem}").format(problem=problem))
        _check_usage(certificate)
        _check_reference(signer, certificate)
    except (DerError, ValueError, IndexError, OverflowError) as error:
        if isinstance(error, TokenError):
            raise
        raise TokenError(tr("it cannot be read ({error})").format(error=error)) from error
    refused = ("md5",) if roots is not None and roots.old_signers else ("md5", "sha1")
    if digest in ("md5", "sha1") or signer.digest_algorithm in refused:
        raise TokenError(tr("it uses {digest}, which no longer counts").format(digest="SHA-1"))
    judged = trust.judge(
        certificate,
        data.certificates,
        roots if roots is not None else RootStore(microsoft=False),
        Purpose.TIME_STAMPING,
        time.astimezone(UTC),
    )
    return Token(time, certificate, judged, serial, digest)


def find_certificate(data: cms.SignedData, signer: cms.SignerInfo) -> x509.Certificate | None:
    """Return the signer's certificate among those of *data*, or ``None``."""
    from codesign_wizard.core.authenticode.trust import BROKEN

    for encoded in data.certificates:
        try:
            fields = der.whole(encoded).first().children()
            offset = 1 if fields[0].tag == 0xA0 else 0
            if signer.key_identifier:
                certificate = load(encoded)
                if _key_identifier(certificate) == signer.key_identifier:
                    return certificate
            elif (
                fields[offset + 2].encoded == signer.issuer
                and der.read_integer(fields[offset]) == signer.serial
            ):
                return load(encoded)
        except BROKEN:
            continue  # an unreadable certificate is not the signer's
    return None


def _key_identifier(certificate: x509.Certificate) -> bytes:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return b""


def _check_usage(certificate: x509.Certificate) -> None:
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        raise TokenError(tr("its certificate is not meant for time stamps")) from None
    found = {usage.dotted_string for usage in extension.value}
    if found != {Purpose.TIME_STAMPING.value} or not extension.critical:
        raise TokenError(tr("its certificate is not meant for time stamps alone"))


def _check_reference(signer: cms.SignerInfo, certificate: x509.Certificate) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    encoded = certificate.public_bytes(Encoding.DER)
    newer, older = signer.one(_SIGNING_CERTIFICATE_V2), signer.one(_SIGNING_CERTIFICATE)
    if newer is None and older is None:
        raise TokenError(tr("it does not name its certificate"))
    if newer is not None:
        digest, value = _essential(newer, "sha256")
        if hashlib.new(digest, encoded).digest() != value:
            raise TokenError(tr("it names another certificate"))
    if older is not None:
        _, value = _essential(older, "sha1")
        if hashlib.sha1(encoded, usedforsecurity=False).digest() != value:
            raise TokenError(tr("it names another certificate"))


def _essential(attribute: Element, digest: str) -> tuple[str, bytes]:
    # SigningCertificate(V2) ::= SEQUENCE { certs SEQUENCE OF ESSCertID(v2), … }: the first names the signer's
    members = attribute.expect(der.SEQUENCE).first().expect(der.SEQUENCE).first().children()
    if members[0].tag == der.SEQUENCE:
        digest = cms.digest_name(members[0])
        members = members[1:]
    return digest, members[0].expect(der.OCTET_STRING).value
