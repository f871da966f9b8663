"""The throw-away authority behind the practice network's HTTPS, and a certificate for every host name."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from codesign_wizard.practice.authority import build, key_usage, name
from codesign_wizard.practice.state import State, private_key_pem


class TlsAuthority:
    """Issues server certificates on demand. *label* names its key among the state's.

    The validity counts from the machine's clock, not from the cloud's: a cloud whose clock is wrong is still
    reached over sound TLS.
    """

    def __init__(self, state: State, folder: Path, label: str, subject: x509.Name) -> None:
        self._state = state
        self._folder = folder
        self._label = label
        self._subject = subject
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    @property
    def certificate(self) -> x509.Certificate:
        """The authority's own certificate; key usage and identifiers as strict verifiers want them."""
        key = self._state.key(self._label, "ec-P-256")
        return self._state.certificate(
            self._label,
            lambda: build(
                self._subject,
                key.public_key(),
                self._subject,
                key,
                start=datetime.now(UTC) - timedelta(days=1),
                days=3650,
                extensions=[
                    (x509.BasicConstraints(ca=True, path_length=0), True),
                    (key_usage("key_cert_sign", "crl_sign"), True),
                ],
            ),
        )

    def context(self, host: str, known: Callable[[str], bool]) -> ssl.SSLContext:
        """Return the server side of TLS for *host*; another *known* name in the SNI gets its own certificate.

        ALPN offers HTTP/1.1 only.
        """
        with self._lock:
            context = self._contexts.get(host)
            if context is None:
                context = self._make(host)
                context.sni_callback = self._chooser(host, known)
                self._contexts[host] = context
        return context

    def _chooser(
        self, host: str, known: Callable[[str], bool]
    ) -> Callable[[ssl.SSLSocket | ssl.SSLObject, str | None, ssl.SSLContext], None]:
        def choose(
            connection: ssl.SSLSocket | ssl.SSLObject, server_name: str | None, _: ssl.SSLContext
        ) -> None:
            wanted = (server_name or host).lower()
            if wanted != host and known(wanted):
                connection.context = self.context(wanted, known)

        return choose

    def _make(self, host: str) -> ssl.SSLContext:
        key = self._state.key(f"{self._label}-server", "ec-P-256")
        authority = self._state.key(self._label, "ec-P-256")
        try:
            general: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            general = x509.DNSName(host)
        subject = name(host) if len(host) <= 64 else x509.Name([])  # ub-common-name, RFC 5280
        certificate = build(
            subject,
            key.public_key(),
            self.certificate.subject,
            authority,
            start=datetime.now(UTC) - timedelta(days=1),
            days=90,
            extensions=[
                (x509.BasicConstraints(ca=False, path_length=None), True),
                (key_usage("digital_signature"), True),
                (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
                # an empty subject makes the alternative name critical (RFC 5280, 4.2.1.6)
                (x509.SubjectAlternativeName([general]), not list(subject)),
            ],
        )
        file = self._folder / f"{self._label}-{len(self._contexts)}.pem"
        pem = certificate.public_bytes(serialization.Encoding.PEM) + private_key_pem(key)
        file.touch(mode=0o600)
        file.write_bytes(pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(file)
        finally:
            file.unlink()  # the ssl module reads files only; nothing needs it afterwards
        return context


def authority_name(common_name: str, organization: str) -> x509.Name:
    """Return the subject of a TLS authority."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
