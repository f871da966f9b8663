"""A throw-away PKI: root, issuing CA, leaves of every kind, and a time-stamp authority run by OpenSSL."""

from __future__ import annotations

import functools
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from codesign_wizard.core.local_signer import LocalSigner
from tests.support.keys import rsa_key

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PASSWORD = "canary-p12-password"


@functools.cache
def key(kind: str) -> Key:
    """Return a key: ``rsa3072``, ``rsa2048``, ``p256``, ``p384``; a dash and a word tell several apart."""
    name = kind.partition("-")[0]
    if name.startswith("rsa"):
        return rsa_key(int(name[3:]))
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[name])


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)


def issue(
    name: str,
    own: Key,
    issuer: Issued | None,
    *,
    ca: bool = False,
    usage: x509.ObjectIdentifier | list[x509.ObjectIdentifier] | None = ExtendedKeyUsageOID.CODE_SIGNING,
    critical_usage: bool = False,
    days: tuple[float, float] = (-1, 400),
    digital_signature: bool = True,
    digest: hashes.HashAlgorithm | None = None,
    host: str = "",
) -> Issued:
    """Return a certificate for *own*, from *issuer* or self-signed, valid for *days* from now.

    *host* is the name of a server that it stands for.
    """
    now = datetime.now(UTC)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    authority = issuer or Issued(None, own)  # type: ignore[arg-type]  # only its key is used then
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature, not digital_signature, False, False, False, ca, ca, False, False
            ),
            critical=True,
        )
    )
    if usage is not None:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage(usage if isinstance(usage, list) else [usage]), critical=critical_usage
        )
    if host:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    return Issued(builder.sign(authority.key, digest or hashes.SHA256()), own)


@functools.cache
def root() -> Issued:
    """The root for code signing."""
    return issue("Test Root", key("rsa3072-root"), None, ca=True, usage=None, days=(-800, 4000))


@functools.cache
def intermediate() -> Issued:
    """The issuing CA."""
    return issue("Test Code Signing CA", key("rsa3072-ca"), root(), ca=True, days=(-800, 4000))


@functools.cache
def leaf(kind: str) -> Issued:
    """A code-signing certificate for a key of *kind*, or one of the faulty ones."""
    match kind:
        case "no-usage":
            return issue("No usage", key("rsa3072"), intermediate(), usage=None)
        case "tls":
            return issue("TLS", key("rsa3072"), intermediate(), usage=ExtendedKeyUsageOID.SERVER_AUTH)
        case "expired":
            return issue("Expired", key("rsa3072"), intermediate(), days=(-400, -10))
        case "self-signed":
            return issue("Self-signed", key("rsa3072-self"), None)
        case "lifetime":
            usages = [ExtendedKeyUsageOID.CODE_SIGNING, x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.13")]
            return issue("Lifetime", key("rsa3072"), intermediate(), usage=usages)
        case "no-signature-usage":
            return issue("No signature", key("rsa3072"), intermediate(), digital_signature=False)
    return issue(f"Test Publisher {kind}", key(kind), intermediate())


@functools.cache
def timestamp_root() -> Issued:
    """The root of the time-stamp authority."""
    return issue("Test TSA Root", key("rsa3072-tsaroot"), None, ca=True, usage=None, days=(-800, 4000))


@functools.cache
def timestamp_authority() -> Issued:
    """The time-stamp authority."""
    return issue(
        "Test TSA",
        key("rsa3072-tsa"),
        timestamp_root(),
        usage=ExtendedKeyUsageOID.TIME_STAMPING,
        critical_usage=True,
        days=(-700, 3000),
    )


def signer(kind: str) -> LocalSigner:
    """Return a signer with a leaf of *kind* and the issuing CA."""
    issued = leaf(kind)
    chain = (
        [issued.certificate] if kind == "self-signed" else [issued.certificate, intermediate().certificate]
    )
    return LocalSigner(f"{kind}.p12", issued.key, chain)


def p12(issued: Issued, others: list[x509.Certificate], password: str | None = PASSWORD) -> bytes:
    """Return a .p12 with the key, the certificate and *others*."""
    encryption = BestAvailableEncryption(password.encode()) if password is not None else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"test", issued.key, issued.certificate, others, encryption)


def private_pem(issued: Issued) -> bytes:
    """Return the key in PEM, not encrypted: for OpenSSL in a test's own folder."""
    return issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Tsa:
    """A time-stamp authority behind HTTP. ``/500``, ``/slow``, ``/wrong``, ``/text`` misbehave."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tsa.pem").write_bytes(timestamp_authority().pem)
        (folder / "tsa.key").write_bytes(private_pem(timestamp_authority()))
        (folder / "root.pem").write_bytes(timestamp_root().pem)
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(
            f"[tsa]\ndefault_tsa = t\n[t]\ndir = {folder}\nserial = {folder}/serial\n"
            "crypto_device = builtin\n"
            f"signer_cert = {folder}/tsa.pem\ncerts = {folder}/root.pem\nsigner_key = {folder}/tsa.key\n"
            "signer_digest = sha256\ndefault_policy = 1.2.3.4.1\nother_policies = 1.2.3.4.5\n"
            "digests = sha256, sha384, sha512\naccuracy = secs:1\nordering = no\ntsa_name = yes\n"
            "ess_cert_id_chain = no\ness_cert_id_alg = sha256\n"
        )
        self._lock = threading.Lock()
        self._number = 0
        self.asked: list[str] = []
        self.stop = threading.Event()

    def reply(self, query: bytes) -> bytes:
        """Return OpenSSL's answer to a query."""
        with self._lock:
            self._number += 1
            ask, answer = self.folder / f"{self._number}.tsq", self.folder / f"{self._number}.tsr"
            ask.write_bytes(query)
            subprocess.run(
                [
                    "openssl",
                    "ts",
                    "-reply",
                    "-queryfile",
                    ask,
                    "-out",
                    answer,
                    "-config",
                    self.folder / "tsa.cnf",
                ],
                check=True,
                capture_output=True,
                timeout=30,
            )
            return answer.read_bytes()


@contextmanager
def tsa(folder: Path) -> Iterator[tuple[str, Tsa]]:
    """Run the authority; yields its address and the authority."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = Tsa(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            authority.asked.append(self.path)
            if self.path == "/500":
                self.send_error(500)
                return
            if self.path == "/slow":
                authority.stop.wait(20)
                return
            if self.path == "/wrong":
                import hashlib

                from codesign_wizard.core.authenticode import timestamp

                query = timestamp.request(hashlib.sha256(b"other").digest(), "sha256", 12345)
            body = b"<html>Welcome</html>" if self.path == "/text" else authority.reply(query)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", authority
    finally:
        authority.stop.set()
        server.shutdown()
        server.server_close()
