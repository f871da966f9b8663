"""The App Store Connect API key: found, read from its file, its ids checked, kept whole in the keyring.

A team key is a PKCS#8 PEM file ``AuthKey_KEYID.p8`` with an EC P-256 private key, which Apple hands out
once, and two ids: the Key ID (ten capital letters and digits) and the Issuer ID of the team (a UUID).
Individual keys have no Issuer ID; the notary service does not take them (developer.apple.com, *Creating API
Keys for App Store Connect API*).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.apple import api_key_findings as found
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import require_file
from codesign_wizard.core.finding import Certainty, Finding, FindingKind, Remedy
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_MAXIMUM = 64 << 10
_NAMED = re.compile(r"(?:Auth|Api)Key_([A-Za-z0-9]{10})(?![A-Za-z0-9])")
_OTHER_PURPOSE = re.compile(r"SubscriptionKey_", re.I)
_KEY_ID = re.compile(r"[A-Z0-9]{10}")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_QUOTES = "\"'“”‘’«»`"


@dataclass(frozen=True)
class ApiKey:
    """A key that can be used: both ids, and the private key as PKCS#8 PEM (241 characters)."""

    key_id: str
    issuer_id: str
    private_key: Secret


@dataclass(frozen=True)
class KeyFile:
    """What a file holds: the private key, and the ids that its name (or a JSON around the key) tells."""

    private_key: Secret
    key_id: str = ""
    issuer_id: str = ""
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class FoundKey:
    """A file that is called like an API key, in one of the usual places."""

    path: Path
    key_id: str


def usual_places(environment: Mapping[str, str] | None = None) -> list[Path]:
    """Return the folders where Apple's tools look (``altool``, Transporter), and Downloads."""
    environment = os.environ if environment is None else environment
    home = Path.home()
    told = environment.get("API_PRIVATE_KEYS_DIR", "")
    places = [Path(told)] if told else []
    places += [
        Path("private_keys"),
        home / "private_keys",
        home / ".private_keys",
        home / ".appstoreconnect" / "private_keys",
    ]
    import platformdirs

    return [*places, platformdirs.user_downloads_path()]


def find(places: Iterable[Path] | None = None) -> list[FoundKey]:
    """Return the files called ``AuthKey_….p8`` in *places*, the newest first; a folder not there has none."""
    dated: list[tuple[float, FoundKey]] = []
    seen: set[Path] = set()
    for place in usual_places() if places is None else places:
        try:
            for entry in os.scandir(place):
                name = _NAMED.match(entry.name)
                path = Path(entry.path).absolute()
                if name and entry.name.lower().endswith(".p8") and entry.is_file() and path not in seen:
                    seen.add(path)
                    dated.append((entry.stat().st_mtime, FoundKey(path, name[1].upper())))
        except OSError:
            continue  # most of these folders are not there, which is what is being asked
    return [key for _, key in sorted(dated, key=lambda each: -each[0])]


def read_key_file(path: Path) -> KeyFile:
    """Return the key in *path*; raises ``InputError`` that names the mistake.

    Read are PKCS#8 (as Apple gives it), SEC1 and the JSON file of fastlane (``key_id``, ``issuer_id``,
    ``key``), with any line ends, with or without a byte order mark.
    """
    try:
        require_file(path)
        with path.open("rb") as file:
            data = file.read(_MAXIMUM + 1)
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(found.UNREADABLE(file=shown(path.name) or str(path), why=why)) from error
    file_ = parse_key(data, shown(path.name))
    name = _NAMED.match(path.name)
    findings = list(file_.findings)
    if _OTHER_PURPOSE.match(path.name):
        findings.append(
            found.OTHER_PURPOSE(
                file=shown(path.name), certainty=Certainty.LIKELY, remedies=[found.where_it_comes_from()]
            )
        )
    key_id = file_.key_id or (name[1].upper() if name else "")
    return KeyFile(file_.private_key, key_id, file_.issuer_id, findings)


def parse_key(data: bytes, name: str) -> KeyFile:
    """Return the key in *data*, which people know as *name*; raises ``InputError`` that names the mistake."""
    if not data.strip():
        raise _wrong(found.NOT_A_KEY, file=name, what=tr("it is empty"))
    if len(data) > _MAXIMUM:
        raise _wrong(found.NOT_A_KEY, file=name, what=tr("it is far larger than a key"))
    text = _text(data)
    if text.lstrip().startswith("{"):
        return _from_json(text, name)
    key = _from_pem(text, name) if "-----BEGIN" in text else _from_der(data, text, name)
    return KeyFile(_checked(key, name))


def check_ids(key_id: str, issuer_id: str, *, named: str = "") -> tuple[str, str, list[Finding]]:
    """Return both ids tidied, and what is wrong with them; *named* is the Key ID of the file's name."""
    findings: list[Finding] = []
    key, issuer = tidy(key_id), tidy(issuer_id).lower()
    if not key and named:
        key = named
    if not key:
        findings.append(_sure(found.KEY_ID_MISSING, found.compare_ids()))
    else:
        if not key.isupper() and _KEY_ID.fullmatch(key.upper()):
            key = key.upper()
            findings.append(_sure(found.KEY_ID_CASE, value=key))
        if not _KEY_ID.fullmatch(key):
            why = _why_no_key_id(key)
            findings.append(_sure(found.KEY_ID_WRONG, found.compare_ids(), value=shown(key[:40]), why=why))
        elif named and named != key:
            findings.append(_sure(found.KEY_ID_DIFFERS, found.compare_ids(), value=key, named=named))
    if not issuer:
        remedies = (found.compare_ids(), found.where_it_comes_from())
        findings.append(_sure(found.ISSUER_MISSING, *remedies))
    elif not _UUID.fullmatch(issuer):
        why = _why_no_issuer(issuer)
        findings.append(_sure(found.ISSUER_WRONG, found.compare_ids(), value=shown(issuer[:50]), why=why))
    return key, issuer, findings


def tidy(text: str) -> str:
    """Return *text* without blanks and the quotes that come along when copying."""
    return "".join(text.split()).strip(_QUOTES).replace("\u200b", "").replace("\ufeff", "")


def none() -> Finding:
    """Return the finding for a key that is not there yet."""
    return _sure(found.NONE, found.where_it_comes_from())


def load_private_key(key: ApiKey) -> EllipticCurvePrivateKey:
    """Return the private key for signing; raises ``InputError`` for one that cannot be read."""
    pem = key.private_key.reveal().encode()
    return _checked_key(_from_pem(pem.decode(), tr("The key in the keyring")), tr("The key in the keyring"))


def _why_no_key_id(key: str) -> str:
    if _UUID.fullmatch(key.lower()):
        return tr("it is an Issuer ID, which belongs into the other field")
    if len(key) != 10:
        return tr("it has {count} characters, not 10").format(count=len(key))
    return tr("it has other characters than letters and digits")


def _why_no_issuer(issuer: str) -> str:
    if _KEY_ID.fullmatch(issuer.upper()):
        return tr("it is a Key ID or a Team ID; the Issuer ID stands above the list of keys")
    if re.fullmatch(r"[0-9a-f]{32}", issuer):
        return tr("its hyphens are missing")
    return tr("it is not of the form 8-4-4-4-12 hexadecimal digits")


def _text(data: bytes) -> str:
    # what Windows' editors make of a text: a byte order mark, two bytes a character
    for mark, encoding in (
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
        (b"\xef\xbb\xbf", "utf-8"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode("utf-8", "replace")


def _from_json(text: str, name: str) -> KeyFile:
    try:
        document = json.loads(text)
        pem, key_id, issuer = (str(document.get(each) or "") for each in ("key", "key_id", "issuer_id"))
    except (ValueError, AttributeError, RecursionError) as error:
        raise _wrong(found.DAMAGED, file=name, why=tr("it is no JSON")) from error
    if "-----BEGIN" not in pem:
        raise _wrong(found.NOT_A_KEY, file=name, what=tr("it is a JSON file without a key in it"))
    return KeyFile(_checked(_from_pem(pem, name), name), tidy(key_id).upper(), tidy(issuer).lower())


def _from_pem(text: str, name: str) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    labels = re.findall(r"-----BEGIN ([A-Z0-9 ]+)-----", text)
    private = next((label for label in labels if label.endswith("PRIVATE KEY")), "")
    if not private:
        if "CERTIFICATE" in labels:
            raise _wrong(found.CERTIFICATE, file=name)
        what = tr("it is a public key") if "PUBLIC KEY" in " ".join(labels) else tr("it holds no private key")
        raise _wrong(found.NOT_A_KEY, file=name, what=what)
    if private.startswith("ENCRYPTED") or "Proc-Type: 4,ENCRYPTED" in text:
        raise _wrong(found.ENCRYPTED, file=name)
    begin, end = f"-----BEGIN {private}-----", f"-----END {private}-----"
    start = text.index(begin)
    stop = text.find(end, start)
    if stop < 0:
        raise _wrong(found.DAMAGED, file=name, why=tr("its last line, “{line}”, is missing").format(line=end))
    body = "".join(text[start + len(begin) : stop].split())
    lines = [body[place : place + 64] for place in range(0, len(body), 64)]
    try:
        return load_pem_private_key("\n".join([begin, *lines, end, ""]).encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if private.startswith("RSA"):
            raise _wrong(found.WRONG_KIND, file=name, kind="RSA") from error
        raise _wrong(
            found.DAMAGED, file=name, why=tr("what is between its first and last line is no key")
        ) from error


def _from_der(data: bytes, text: str, name: str) -> object:
    import base64
    import binascii

    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        # pasted without its first and last line
        der = data if data[:1] == b"\x30" else base64.b64decode("".join(text.split()), validate=True)
    except (ValueError, binascii.Error):
        der = b""
    if not der.startswith(b"\x30"):
        raise _wrong(found.NOT_A_KEY, file=name, what=tr("it does not begin like a key"))
    try:
        return load_der_private_key(der, None)
    except TypeError as error:
        raise _wrong(found.ENCRYPTED, file=name) from error
    except (ValueError, UnsupportedAlgorithm):
        pass
    try:
        x509.load_der_x509_certificate(der)
    except ValueError as error:
        # PFX (RFC 7292, 4) begins with its version, 3
        if b"\x02\x01\x03" in der[:16]:
            raise _wrong(found.NOT_A_KEY, file=name, what=tr("it is a .p12 file")) from error
        raise _wrong(found.DAMAGED, file=name, why=tr("it is neither a key nor a certificate")) from error
    raise _wrong(found.CERTIFICATE, file=name)


def _checked(key: object, name: str) -> Secret:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = _checked_key(key, name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Secret(pem.decode())


def _checked_key(key: object, name: str) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey):
        if not isinstance(key.curve, ec.SECP256R1):
            raise _wrong(found.WRONG_CURVE, file=name, curve=key.curve.name)
        return key
    if isinstance(key, rsa.RSAPrivateKey):
        kind = f"RSA {key.key_size}"
    else:
        kind = type(key).__name__.removeprefix("_").removesuffix("PrivateKey")
    raise _wrong(found.WRONG_KIND, file=name, kind=kind)


def _wrong(finding: FindingKind, /, **values: Any) -> InputError:
    first = {
        found.ENCRYPTED.id: (found.take_the_password_off,),
        found.DAMAGED.id: (found.take_it_anew,),
    }.get(finding.id, ())
    return InputError(_sure(finding, *(each() for each in first), found.where_it_comes_from(), **values))


def _sure(finding: FindingKind, /, *remedies: Remedy, **values: Any) -> Finding:
    return finding(certainty=Certainty.COMPUTED, remedies=remedies, **values)
