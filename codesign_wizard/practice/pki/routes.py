"""AIA (RFC 5280, 4.2.2.1), CRL distribution points (4.2.1.13) and OCSP (RFC 6960, appendix A)."""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from codesign_wizard.practice.authority import PKI_HOST
from codesign_wizard.practice.wire.messages import Request, Response, Service
from codesign_wizard.practice.wire.router import Handler, Router

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World


def service(world: World) -> Service:
    """Return the service for the practice CA's host."""
    return Service("pki", (PKI_HOST,), Pki(world).handle, schemes=("http",))


class Pki:
    """Serves what the practice CA publishes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._router: Router[Handler] = Router()
        for path, kind, content in (
            ("/root.crt", "application/pkix-cert", lambda: _der(world.code_signing.root)),
            ("/ca.crt", "application/pkix-cert", lambda: _der(world.code_signing.intermediate)),
            ("/ca.p7c", "application/pkcs7-mime", world.code_signing.bundle),
            ("/ca.crl", "application/pkix-crl", lambda: self._crl(of_root=False)),
            ("/root.crl", "application/pkix-crl", lambda: self._crl(of_root=True)),
        ):
            self._router.add(
                "GET",
                path,
                lambda _, kind=kind, content=content: _file(kind, content()),  # type: ignore[misc]  # a lambda with defaults
            )
        self._router.add("POST", "/ocsp", lambda request: self._ocsp(request.body))
        self._router.add("GET", "/ocsp/{request}", self._ocsp_get)

    def handle(self, request: Request) -> Response:
        """Answer *request*."""
        handler, known = self._router.find(request)
        if request.path in self._world.code_signing.withheld:
            return Response(404, b"", [("Content-Type", "text/plain")])
        if handler is None:
            return Response(405 if known else 404, b"", [("Content-Type", "text/plain")])
        return handler(request)

    def _crl(self, *, of_root: bool) -> bytes:
        return self._world.code_signing.revocation_list(self._world.clock.now(), of_root=of_root)

    def _ocsp_get(self, request: Request) -> Response:
        encoded = unquote(request.values["request"])
        try:
            return self._ocsp(base64.b64decode(encoded, validate=True))
        except binascii.Error:
            return self._ocsp(b"")

    def _ocsp(self, body: bytes) -> Response:
        kind = "application/ocsp-response"
        try:
            asked = ocsp.load_der_ocsp_request(body)
            serial = asked.serial_number
        except ValueError:
            refusal = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
            return _file(kind, refusal.public_bytes(serialization.Encoding.DER))
        authority, now = self._world.code_signing, self._world.clock.now()
        issuer = authority.intermediate
        ours = asked.issuer_key_hash == _issuer_key_hash(issuer, asked.hash_algorithm)
        issued, revoked = authority.status(serial)
        if revoked is not None and ours:
            status = ocsp.OCSPCertStatus.REVOKED
        else:
            status = ocsp.OCSPCertStatus.GOOD if issued and ours else ocsp.OCSPCertStatus.UNKNOWN
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                issuer_name_hash=asked.issuer_name_hash,
                issuer_key_hash=asked.issuer_key_hash,
                serial_number=serial,
                algorithm=asked.hash_algorithm,
                cert_status=status,
                this_update=now,
                next_update=now + timedelta(days=1),
                revocation_time=revoked if status is ocsp.OCSPCertStatus.REVOKED else None,
                revocation_reason=None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, issuer)
        )
        for extension in asked.extensions:
            if isinstance(extension.value, x509.OCSPNonce):
                builder = builder.add_extension(extension.value, False)
        answer = builder.sign(authority.intermediate_key, hashes.SHA256())
        return _file(kind, answer.public_bytes(serialization.Encoding.DER))


def _issuer_key_hash(issuer: x509.Certificate, algorithm: hashes.HashAlgorithm) -> bytes:
    """Return the hash of the issuer's key bits, without tag, length and unused bits (RFC 6960, 4.1.1)."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = issuer.public_key()
    assert isinstance(key, rsa.RSAPublicKey), "the practice CA's key is RSA"
    digest = hashes.Hash(algorithm)
    digest.update(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1))
    return digest.finalize()


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _file(kind: str, content: bytes) -> Response:
    return Response(200, content, [("Content-Type", kind), ("Cache-Control", "max-age=3600")])
