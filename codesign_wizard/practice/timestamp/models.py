"""A time-stamp server's work: reading a request, making a signed token (RFC 3161, RFC 5652, RFC 5816)."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from codesign_wizard.practice import der
from codesign_wizard.practice.clock import Clock
from codesign_wizard.practice.key_making import PrivateKey
from codesign_wizard.practice.timestamp import errors

# under the enterprise number kept for documentation (RFC 5612)
POLICY = "1.3.6.1.4.1.32473.3161.1"
DIGESTS = {
    "2.16.840.1.101.3.4.2.1": 32,  # SHA-256
    "2.16.840.1.101.3.4.2.2": 48,  # SHA-384
    "2.16.840.1.101.3.4.2.3": 64,  # SHA-512
}
_SHA256 = "2.16.840.1.101.3.4.2.1"
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_TIME = "1.2.840.113549.1.9.5"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_RSA_ENCRYPTION = "1.2.840.113549.1.1.1"


@dataclass(frozen=True)
class TimestampRequest:
    """What a client asked for. ``nonce`` is ``None`` when it sent none."""

    algorithm: str  # dotted OID
    imprint: bytes
    policy: str | None
    nonce: int | None
    certificates: bool

    @classmethod
    def read(cls, data: bytes) -> TimestampRequest:
        """Return the request that *data* (DER) is; raises ``Rejection``."""
        try:
            fields = der.read_one(data).expect(der.SEQUENCE).children()
            if fields.pop(0).as_int() != 1:
                raise errors.Rejection(errors.BAD_REQUEST, "only version 1 is supported")
            algorithm, imprint = _read_imprint(fields.pop(0))
            policy = fields.pop(0).as_oid() if fields and fields[0].tag == der.OBJECT_IDENTIFIER else None
            nonce = fields.pop(0).as_int() if fields and fields[0].tag == der.INTEGER else None
            wanted = fields.pop(0).as_bool() if fields and fields[0].tag == der.BOOLEAN else False
            if fields:
                if fields[0].tag == 0xA0:
                    raise errors.Rejection(errors.UNACCEPTED_EXTENSION, "no extension is supported")
                raise der.DerError("something behind the last field")
        except (der.DerError, IndexError) as error:
            raise errors.Rejection(
                errors.BAD_DATA_FORMAT, "the data submitted has the wrong format"
            ) from error
        if algorithm not in DIGESTS:
            raise errors.Rejection(errors.BAD_ALGORITHM, "unrecognised or unsupported hash algorithm")
        if len(imprint) != DIGESTS[algorithm]:
            raise errors.Rejection(errors.BAD_DATA_FORMAT, "the imprint's length does not fit its algorithm")
        if policy not in (None, POLICY):
            raise errors.Rejection(errors.UNACCEPTED_POLICY, "the requested policy is not supported")
        return cls(algorithm, imprint, policy, nonce, wanted)


def _read_imprint(element: der.Element) -> tuple[str, bytes]:
    identifier, digest = element.expect(der.SEQUENCE).children()[:2]
    algorithm = identifier.expect(der.SEQUENCE).children()[0].as_oid()
    return algorithm, digest.expect(der.OCTET_STRING).content


class Authority(Protocol):
    """What vouches for time-stamp servers."""

    @property
    def issuers(self) -> Sequence[x509.Certificate]:
        """What is sent beside a server's certificate: its issuer first, the root last."""

    def unit_key(self, unit: str) -> PrivateKey:
        """Return the signing key of the server called *unit*."""

    def unit(self, unit: str) -> x509.Certificate:
        """Return the certificate of the server called *unit*."""


class TimestampUnit:
    """One time-stamp server: its certificate and its serial numbers.

    With ``answers_another`` it time-stamps something else than what it was sent, as after a mix-up behind a
    load balancer: a sound token, for another imprint and nonce.
    """

    def __init__(self, label: str, authority: Authority, clock: Clock) -> None:
        self.label = label
        self.answers_another = False
        self._authority = authority
        self._clock = clock
        self._serial = secrets.randbits(96)
        self._lock = threading.Lock()

    def answer(self, data: bytes) -> bytes:
        """Return the TimeStampResp (DER) to the TimeStampReq *data*, granted or rejected."""
        try:
            request = TimestampRequest.read(data)
        except errors.Rejection as rejection:
            text = der.sequence(der.utf8_string(str(rejection)))
            return der.sequence(der.sequence(der.integer(2), text, der.named_bits(rejection.bit)))
        if self.answers_another:
            request = replace(
                request, imprint=secrets.token_bytes(len(request.imprint)), nonce=secrets.randbits(63)
            )
        return der.sequence(der.sequence(der.integer(0)), self._token(request))

    def stamp(self, imprint: bytes) -> bytes:
        """Return a token (DER) over the SHA-256 *imprint*, as for a request without nonce."""
        return self._token(TimestampRequest(_SHA256, imprint, None, None, True))

    def _token(self, request: TimestampRequest) -> bytes:
        certificate = self._authority.unit(self.label)
        with self._lock:
            self._serial += 1
            serial = self._serial
        now = self._clock.now()
        info = der.sequence(
            der.integer(1),
            der.oid(POLICY),
            der.sequence(
                der.sequence(der.oid(request.algorithm), der.null()), der.octet_string(request.imprint)
            ),
            der.integer(serial),
            der.generalized_time(now),
            der.sequence(der.integer(1)),  # accuracy: one second
            b"" if request.nonce is None else der.integer(request.nonce),
            # the server's name, from its certificate (RFC 3161, 2.4.2: tsa)
            der.explicit(0, der.explicit(4, certificate.subject.public_bytes())),
        )
        attributes = [
            _attribute(_CONTENT_TYPE, der.oid(_TST_INFO)),
            _attribute(_SIGNING_TIME, der.tlv(0x17, now.strftime("%y%m%d%H%M%SZ").encode())),
            _attribute(_MESSAGE_DIGEST, der.octet_string(_digest(info))),
            _attribute(_SIGNING_CERTIFICATE_V2, _signing_certificate(certificate)),
        ]
        signed = der.set_of(attributes)
        key = self._authority.unit_key(self.label)
        assert isinstance(key, rsa.RSAPrivateKey), "asked for as RSA"
        signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        signer = der.sequence(
            der.integer(1),
            der.sequence(certificate.issuer.public_bytes(), der.integer(certificate.serial_number)),
            der.sequence(der.oid(_SHA256), der.null()),
            der.explicit(0, signed[len(signed) - _content_length(signed) :]),
            der.sequence(der.oid(_RSA_ENCRYPTION), der.null()),
            der.octet_string(signature),
        )
        certificates = b""
        if request.certificates:
            sent = (certificate, *self._authority.issuers)
            encoded = [each.public_bytes(serialization.Encoding.DER) for each in sent]
            certificates = der.explicit(0, b"".join(encoded))
        return der.sequence(
            der.oid(_SIGNED_DATA),
            der.explicit(
                0,
                der.sequence(
                    der.integer(3),  # the content is not id-data (RFC 5652, 5.1)
                    der.set_of([der.sequence(der.oid(_SHA256), der.null())]),
                    der.sequence(der.oid(_TST_INFO), der.explicit(0, der.octet_string(info))),
                    certificates,
                    der.set_of([signer]),
                ),
            ),
        )


def _attribute(oid: str, value: bytes) -> bytes:
    return der.sequence(der.oid(oid), der.set_of([value]))


def _signing_certificate(certificate: x509.Certificate) -> bytes:
    """Return SigningCertificateV2 with one ESSCertIDv2 (RFC 5035, 4); SHA-256 is its default algorithm."""
    issuer_serial = der.sequence(
        der.sequence(der.explicit(4, certificate.issuer.public_bytes())),
        der.integer(certificate.serial_number),
    )
    encoded = certificate.public_bytes(serialization.Encoding.DER)
    return der.sequence(der.sequence(der.sequence(der.octet_string(_digest(encoded)), issuer_serial)))


def _digest(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize()


def _content_length(element: bytes) -> int:
    return len(der.read_one(element).content)
