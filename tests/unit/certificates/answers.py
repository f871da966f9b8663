"""What CAs send: a PKI with two generations and a cross-signed root, and every form of an answer."""

from __future__ import annotations

import base64
import functools
import io
import textwrap
import zipfile
from collections.abc import Callable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID

from codesign_wizard.core.authenticode.der import read
from codesign_wizard.core.authenticode.roots import Purpose, RootStore
from codesign_wizard.core.certificates.subject import Subject
from tests.support import pki
from tests.support.pki import Issued

SUBJECT = Subject.from_form(
    {"common_name": 'Söhne, "X"', "organization": 'Söhne, "X"', "locality": "Köln", "country": "DE"}
)


def request(
    kind: str = "rsa3072",
    subject: Subject = SUBJECT,
    usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.CODE_SIGNING,
    digital_signature: bool = True,
) -> bytes:
    builder = x509.CertificateSigningRequestBuilder(subject.to_name())
    if usage is not None:
        bits = (digital_signature, False, not digital_signature, False, False, False, False, False, False)
        builder = builder.add_extension(x509.KeyUsage(*bits), True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
    return builder.sign(pki.key(kind), hashes.SHA256()).public_bytes(Encoding.DER)


Form = Callable[[Sequence[x509.Certificate]], list[tuple[str, bytes]]]


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def spki(kind: str = "rsa3072") -> bytes:
    return pki.key(kind).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@functools.cache
def root() -> Issued:
    return pki.issue("Answer Root", pki.key("p256-r1"), None, ca=True, usage=None, days=(-900, 4000))


@functools.cache
def old_root() -> Issued:
    return pki.issue("Old Root", pki.key("p256-r0"), None, ca=True, usage=None, days=(-2000, 4000))


@functools.cache
def cross() -> Issued:
    """The root's key, vouched for by the older root."""
    return pki.issue("Answer Root", pki.key("p256-r1"), old_root(), ca=True, usage=None, days=(-900, 3000))


@functools.cache
def upper() -> Issued:
    return pki.issue("Upper CA", pki.key("p256-u"), root(), ca=True, usage=None, days=(-800, 3000))


@functools.cache
def issuing() -> Issued:
    return pki.issue("Issuing CA", pki.key("p256-i"), upper(), ca=True, days=(-700, 2500))


@functools.cache
def stranger() -> Issued:
    """Another CA of the same name, with another key."""
    return pki.issue("Issuing CA", pki.key("p256-x"), upper(), ca=True, days=(-700, 2500))


def leaf(kind: str = "good") -> x509.Certificate:
    """A code-signing certificate for the key that waits, or one with a mistake."""
    return _leaf(kind)


@functools.cache
def _leaf(kind: str) -> x509.Certificate:
    own, issuer = pki.key("rsa3072"), issuing()
    match kind:
        case "tls":
            made = pki.issue("Publisher", own, issuer, usage=ExtendedKeyUsageOID.SERVER_AUTH)
        case "expired":
            made = pki.issue("Publisher", own, issuer, days=(-400, -10))
        case "future":
            made = pki.issue("Publisher", own, issuer, days=(5, 300))
        case "other-key":
            made = pki.issue("Publisher", pki.key("rsa3072-other"), issuer)
        case "other-tls":
            made = pki.issue("www", pki.key("rsa3072-other"), issuer, usage=ExtendedKeyUsageOID.SERVER_AUTH)
        case "rsa2048":
            made = pki.issue("Publisher", pki.key("rsa2048"), issuer)
        case "ec":
            made = pki.issue("Publisher", pki.key("p384"), issuer)
        case "no-signatures":
            made = pki.issue("Publisher", own, issuer, digital_signature=False)
        case "e-mail":
            made = pki.issue("Publisher", own, issuer, usage=ExtendedKeyUsageOID.EMAIL_PROTECTION)
        case "authority":
            made = pki.issue("Publisher", own, issuer, ca=True)
        case "self-signed":
            made = pki.issue("Publisher", own, None)
        case "reissued":
            made = pki.issue("Publisher", own, issuer, days=(-0.5, 400))
        case _:
            made = pki.issue("Publisher", own, issuer)
    return made.certificate


def root_store() -> RootStore:
    return RootStore(microsoft=False, extra={Purpose.CODE_SIGNING: [der(root().certificate)]})


def zipped(files: Sequence[tuple[str, bytes]]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return target.getvalue()


def as_pem(certificates: Sequence[x509.Certificate]) -> list[tuple[str, bytes]]:
    return [("answer.pem", b"".join(map(pem, certificates)))]


def as_mail(certificates: Sequence[x509.Certificate]) -> list[tuple[str, bytes]]:
    text = b"".join(map(pem, certificates)).decode()
    quoted = "".join(f"> > {line}\r\n" for line in text.splitlines())
    head = (
        "From: CA <orders@ca.example>\r\nSubject: Your certificate -- order 5\r\n\r\nDear customer,\r\n\r\n"
    )
    return [("mail.txt", (head + quoted + "\r\n-- \r\nKind regards\r\n").encode())]


def as_mime(certificates: Sequence[x509.Certificate]) -> list[tuple[str, bytes]]:
    from email.message import EmailMessage

    message = EmailMessage()
    message["Subject"] = "Your certificate"
    message.set_content("It is attached.")
    for number, each in enumerate(certificates):
        message.add_attachment(
            der(each), maintype="application", subtype="pkix-cert", filename=f"{number}.cer"
        )
    return [("mail.eml", message.as_bytes())]


def as_html(certificates: Sequence[x509.Certificate]) -> list[tuple[str, bytes]]:
    text = b"".join(map(pem, certificates)).decode().replace("+", "&#43;").replace("=", "&#x3D;")
    body = text.replace("-----", "&#45;&#45;---").replace("\n", "<br />\n")
    page = f"<html><body><p>Your certificate:&nbsp;</p><div class='c'>{body}</div></body></html>"
    return [("page.html", page.encode())]


def as_dashes(certificates: Sequence[x509.Certificate]) -> list[tuple[str, bytes]]:
    text = b"".join(map(pem, certificates)).decode()
    return [("note.txt", text.replace("-----", "—–—").replace("\n", "\u2028\r\n\u00a0").encode())]


def as_printable(certificates: Sequence[x509.Certificate]) -> list[tuple[str, bytes]]:
    import quopri

    lines = [
        "-----BEGIN CERTIFICATE-----\n"
        + base64.b64encode(der(each)).decode()
        + "\n-----END CERTIFICATE-----\n"
        for each in certificates
    ]
    return [("quoted.txt", quopri.encodestring("".join(lines).encode()))]


def as_json(certificates: Sequence[x509.Certificate]) -> list[tuple[str, bytes]]:
    text = b"".join(map(pem, certificates)).decode().replace("\n", "\\n")
    return [("answer.json", f'{{"certificate": "{text}"}}'.encode())]


def as_bare(certificates: Sequence[x509.Certificate]) -> list[tuple[str, bytes]]:
    return [
        ("bare.txt", "\n".join(textwrap.wrap(base64.b64encode(der(each)).decode(), 76)).encode())
        for each in certificates
    ]


def as_wide(certificates: Sequence[x509.Certificate]) -> list[tuple[str, bytes]]:
    return [("notepad.txt", b"\xff\xfe" + as_pem(certificates)[0][1].decode().encode("utf-16-le"))]


def as_mislabelled(certificates: Sequence[x509.Certificate]) -> list[tuple[str, bytes]]:
    data = pkcs7.serialize_certificates(list(certificates), Encoding.PEM)
    return [("answer.cer", data.replace(b"PKCS7", b"CERTIFICATE"))]


def as_trusted(certificates: Sequence[x509.Certificate]) -> list[tuple[str, bytes]]:
    text = b"".join(map(pem, certificates)).replace(b"BEGIN CERT", b"BEGIN X509 CERT")
    return [("answer.crt", b"subject=/CN=x\nissuer=/CN=y\n" + text.replace(b"END CERT", b"END X509 CERT"))]


def as_indefinite(certificates: Sequence[x509.Certificate]) -> list[tuple[str, bytes]]:
    """BER whose outer lengths are open, as Java writes it."""
    outer = read(pkcs7.serialize_certificates(list(certificates), Encoding.DER)).children()
    open_outer = b"\x30\x80" + outer[0].encoded + b"\xa0\x80" + outer[1].value + b"\0\0\0\0"
    return [("java.p7b", open_outer)]


FORMS: dict[str, Form] = {
    "p7b-ber": as_indefinite,
    "pem": as_pem,
    "pem-crlf": lambda found: [("a.crt", as_pem(found)[0][1].replace(b"\n", b"\r\n"))],
    "der": lambda found: [(f"{number}.cer", der(each)) for number, each in enumerate(found)],
    "der-joined": lambda found: [("all.cer", b"".join(map(der, found)) + b"\r\n")],
    "p7b-der": lambda found: [("a.p7b", pkcs7.serialize_certificates(list(found), Encoding.DER))],
    "p7b-pem": lambda found: [("a.p7b", pkcs7.serialize_certificates(list(found), Encoding.PEM))],
    "p7b-as-cer": lambda found: [("a.cer", pkcs7.serialize_certificates(list(found), Encoding.DER))],
    "mislabelled": as_mislabelled,
    "x509-label": as_trusted,
    "zip": lambda found: [
        ("a.zip", zipped([("readme.txt", b"Hi"), *((f"../x/{i}.crt", pem(e)) for i, e in enumerate(found))]))
    ],
    "zip-in-zip": lambda found: [("a.zip", zipped([("b.zip", zipped(as_pem(found)))]))],
    "zip-p7b": lambda found: [
        ("a.zip", zipped([("c.p7b", pkcs7.serialize_certificates(list(found), Encoding.DER))]))
    ],
    "mail": as_mail,
    "mime": as_mime,
    "html": as_html,
    "dashes": as_dashes,
    "quoted-printable": as_printable,
    "json": as_json,
    "bare": as_bare,
    "utf-16": as_wide,
}  # fmt: skip
