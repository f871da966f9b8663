"""Opening a .p12 file whatever made it (RFC 7292): every identity in it, not the first one alone.

``cryptography`` decrypts everything that Keychain Access and OpenSSL write, but gives one key only. The outer
structure is read here: to tell a damaged file from a wrong password, to refuse absurd iteration counts before
any is done, and to hand over each key by itself, and the certificates as a small file without a key. Where
that leads to no answer, the file is handed over whole, which says best what is wrong with it.
"""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from codesign_wizard.core.apple import pkcs12_mac
from codesign_wizard.core.authenticode import der
from codesign_wizard.core.authenticode.der import DerError, Element

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

MAXIMUM_SIZE = 1 << 20
# OpenSSL writes 2,048, careful people a million; each passphrase that is tried costs all of them
MAXIMUM_ITERATIONS = 5_000_000
_MAXIMUM_KEYS = 32
_MAXIMUM_DEPTH = 24

_DATA = "1.2.840.113549.1.7.1"
_ENCRYPTED_DATA = "1.2.840.113549.1.7.6"
_KEY_BAG = "1.2.840.113549.1.12.10.1.1"
_SHROUDED_KEY_BAG = "1.2.840.113549.1.12.10.1.2"
_PBES2 = "1.2.840.113549.1.5.13"
_PBMAC1 = "1.2.840.113549.1.5.14"
_SCRYPT = "1.3.6.1.4.1.11591.4.11"
_SCHEMES = {
    "1.2.840.113549.1.12.1.1": "RC4-128",
    "1.2.840.113549.1.12.1.2": "RC4-40",
    "1.2.840.113549.1.12.1.3": "3DES",
    "1.2.840.113549.1.12.1.4": "2-key 3DES",
    "1.2.840.113549.1.12.1.5": "RC2-128",
    "1.2.840.113549.1.12.1.6": "RC2-40",
    "1.2.840.113549.3.2": "RC2",
    "1.2.840.113549.3.7": "3DES",
    "2.16.840.1.101.3.4.1.2": "AES-128",
    "2.16.840.1.101.3.4.1.22": "AES-192",
    "2.16.840.1.101.3.4.1.42": "AES-256",
}
_DIGESTS = {
    "1.3.14.3.2.26": "SHA-1",
    "2.16.840.1.101.3.4.2.1": "SHA-256",
    "2.16.840.1.101.3.4.2.2": "SHA-384",
    "2.16.840.1.101.3.4.2.3": "SHA-512",
    _PBMAC1: "PBMAC1",
}


class Reason(StrEnum):
    """Why a file does not open."""

    NOT_P12 = "not-p12"
    DAMAGED = "damaged"
    PASSWORD_WRONG = "password-wrong"
    PASSWORD_MISSING = "password-missing"
    TOO_LARGE = "too-large"
    TOO_COSTLY = "too-costly"
    UNSUPPORTED = "unsupported"
    CONTENT = "content"


class Pkcs12Error(ValueError):
    """The file does not open; ``reason`` says why, the text what the reader said, for the detail."""

    def __init__(self, reason: Reason, text: str = "") -> None:
        super().__init__(text or reason.value)
        self.reason = reason


@dataclass(frozen=True)
class Structure:
    """What a .p12 shows without its password.

    ``schemes`` are the ciphers in use; ``mac`` the digest of the integrity check, "" without one;
    ``iterations`` the key derivation's work all together; ``keys`` how many keys can be counted.
    """

    schemes: tuple[str, ...]
    mac: str
    iterations: int
    keys: int
    _splits: tuple[bytes, ...] = field(repr=False, default=())
    _keys: tuple[tuple[bytes, bool], ...] = field(repr=False, default=())  # PKCS #8, and whether encrypted
    _rest: bytes = field(repr=False, default=b"")  # a file of all the rest, "" without any


@dataclass(frozen=True)
class Contents:
    """What is inside: keys with their certificates, keys without one, and all other certificates.

    ``structure`` as before; ``more_keys_possible`` when the keys were encrypted together with the
    certificates, where only the first can be had.
    """

    identities: list[tuple[PrivateKeyTypes, x509.Certificate]]
    lone_keys: list[PrivateKeyTypes]
    certificates: list[x509.Certificate]
    structure: Structure
    more_keys_possible: bool = False


def read_structure(data: bytes) -> Structure:
    """Return what the file shows without a password; raises ``Pkcs12Error``."""
    if len(data) > MAXIMUM_SIZE:
        raise Pkcs12Error(Reason.TOO_LARGE)
    if not data.startswith(b"\x30"):
        raise Pkcs12Error(Reason.NOT_P12)
    try:
        members = der.whole(_definite(data)).children()
        if len(members) < 2 or members[0].tag != der.INTEGER or members[1].tag != der.SEQUENCE:
            raise Pkcs12Error(Reason.NOT_P12)
        if der.read_integer(members[0]) != 3:
            raise Pkcs12Error(Reason.NOT_P12)
    except DerError as error:
        raise Pkcs12Error(_reason(data), str(error)) from error
    try:
        return _structure(members)
    except Pkcs12Error:
        raise
    except (ValueError, IndexError) as error:
        raise Pkcs12Error(Reason.DAMAGED, str(error)) from error


def open_p12(data: bytes, password: str | None) -> Contents:
    """Return everything in the file; raises ``Pkcs12Error``.

    *password* is text; ``None`` means that none is known. An empty one and none are both tried either way,
    and a password with other than ASCII signs in the spellings that programs have used.
    """
    structure = read_structure(data)
    if structure.iterations > MAXIMUM_ITERATIONS:
        raise Pkcs12Error(Reason.TOO_COSTLY, str(structure.iterations))
    last = ""
    for spelling in _spellings(password):
        parts = _load_parts(data, structure, spelling)
        if parts is not None:
            return _contents(structure, parts)
        try:
            first = _load(data, spelling)
        except _NotOpenedError as error:
            last = str(error)
            continue
        except Pkcs12Error as error:
            if error.reason is Reason.DAMAGED and _mac_fits(data, spelling):
                raise Pkcs12Error(Reason.CONTENT, str(error)) from error
            raise
        return _collect(structure, spelling, first)
    if any(_mac_fits(data, spelling) for spelling in _spellings(password)):
        raise Pkcs12Error(Reason.CONTENT, last)
    raise Pkcs12Error(Reason.PASSWORD_WRONG if password else Reason.PASSWORD_MISSING, last)


def _mac_fits(data: bytes, password: bytes | None) -> bool:
    """Tell whether it is the right password after all, and the rest is what cannot be read."""
    try:
        members = der.whole(_definite(data)).children()
        content = members[1].children()[1].first().value
        return pkcs12_mac.fits(members, content, password) is True
    except (ValueError, IndexError):
        return False


class _NotOpenedError(ValueError):
    """This spelling of the password does not open it."""


_Loaded = tuple["PrivateKeyTypes | None", "x509.Certificate | None", "list[x509.Certificate]"]


def _load(data: bytes, password: bytes | None) -> _Loaded:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import pkcs12

    from codesign_wizard.core.private_key import hide

    try:
        with warnings.catch_warnings():
            # BER is read all the same
            warnings.simplefilter("ignore")
            key, certificate, others = pkcs12.load_key_and_certificates(data, password)
    except UnsupportedAlgorithm as error:
        raise Pkcs12Error(Reason.UNSUPPORTED, str(error)) from error
    except (ValueError, TypeError) as error:
        if "password" in str(error).lower():
            raise _NotOpenedError(str(error)) from error
        raise Pkcs12Error(Reason.DAMAGED, str(error)) from error
    if key is not None:
        hide(key)
    return key, certificate, list(others)


def _load_parts(data: bytes, structure: Structure, password: bytes | None) -> list[_Loaded] | None:
    """Return what the file holds, each key read by itself; ``None`` where that is not to be had this way.

    The whole file would hold up the window for as long as an RSA key is looked at (``private_key``), so a
    key that is none is refused here: raises ``Pkcs12Error``.
    """
    from cryptography.exceptions import UnsupportedAlgorithm

    from codesign_wizard.core.private_key import UnusableKeyError, load_private_key

    if not structure.keys or (structure.mac and not _mac_fits(data, password)):
        return None
    try:
        loaded: list[_Loaded] = [_load(structure._rest, password)] if structure._rest else []
        for encoded, encrypted in structure._keys:
            loaded.append((load_private_key(encoded, password if encrypted else None), None, []))
    except UnusableKeyError as error:
        raise Pkcs12Error(Reason.CONTENT, str(error)) from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return loaded


def _collect(structure: Structure, password: bytes | None, first: _Loaded) -> Contents:
    loaded = [first]
    if structure.keys > 1:
        loaded = []
        for split in structure._splits:
            try:
                loaded.append(_load(split, password))
            except _NotOpenedError as error:
                # the whole file opened with it, so this one bag is under another password or broken
                raise Pkcs12Error(Reason.DAMAGED, str(error)) from error
    return _contents(structure, loaded)


def _contents(structure: Structure, loaded: list[_Loaded]) -> Contents:
    certificates: list[x509.Certificate] = []
    keys: list[PrivateKeyTypes] = []
    for key, certificate, others in loaded:
        for each in [*([certificate] if certificate is not None else []), *others]:
            if each not in certificates:
                certificates.append(each)
        if key is not None:
            keys.append(key)
    identities, lone = [], []
    for key in keys:
        public = key.public_key()
        own = next((each for each in certificates if _public_key(each) == public), None)
        if own is None:
            lone.append(key)
        else:
            identities.append((key, own))
    used = [certificate for _, certificate in identities]
    return Contents(
        identities,
        lone,
        [each for each in certificates if each not in used],
        structure,
        more_keys_possible=bool(keys) and structure.keys == 0,
    )


def _public_key(certificate: x509.Certificate) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None  # a certificate beside ours with a key of a strange kind


def _spellings(password: str | None) -> Iterator[bytes | None]:
    if not password:
        yield None
        yield b""
        return
    seen = set()
    for text in (
        password,
        unicodedata.normalize("NFC", password),
        unicodedata.normalize("NFD", password),
        # OpenSSL before 1.1.0 took each byte of the UTF-8 form for a character
        password.encode("utf-8", "surrogatepass").decode("latin-1"),
    ):
        try:
            encoded = text.encode()
        except UnicodeEncodeError:
            continue
        if encoded not in seen:
            seen.add(encoded)
            yield encoded


def _reason(data: bytes) -> Reason:
    # SEQUENCE { INTEGER 3, SEQUENCE …: it began as a .p12, so it was cut or overwritten
    begin = data[:16]
    return Reason.DAMAGED if b"\x02\x01\x03\x30" in begin else Reason.NOT_P12


def _structure(members: list[Element]) -> Structure:
    kind, content = members[1].children()[:2]
    if der.read_oid(kind) != _DATA:
        # public-key integrity mode (RFC 7292, 4): no program that people export with writes it
        raise Pkcs12Error(Reason.UNSUPPORTED, der.read_oid(kind))
    safe = der.whole(_definite(content.first().expect(der.OCTET_STRING).value))
    schemes: list[str] = []
    iterations = 0
    mac = ""
    if len(members) > 2:
        digest_info, *rest = members[2].expect(der.SEQUENCE).children()
        algorithm = digest_info.first()
        mac = _DIGESTS.get(der.read_oid(algorithm.first()), der.read_oid(algorithm.first()))
        iterations += der.read_integer(rest[1]) if len(rest) > 1 else 1
        if mac == "PBMAC1":
            iterations += _cost(algorithm)[1]
    fixed: list[bytes] = []
    bags: list[bytes] = []
    keys: list[tuple[bytes, bool]] = []
    for info in safe.children():
        oid, wrapped = info.expect(der.SEQUENCE).children()
        if der.read_oid(oid) == _ENCRYPTED_DATA:
            inner = wrapped.first().children()[1].children()[1]
            scheme, cost = _cost(inner)
            schemes.append(scheme)
            iterations += cost
            fixed.append(info.encoded)
        elif der.read_oid(oid) == _DATA:
            others = []
            contents = der.whole(_definite(wrapped.first().expect(der.OCTET_STRING).value))
            for bag in contents.children():
                bag_kind, value = bag.expect(der.SEQUENCE).children()[:2]
                if der.read_oid(bag_kind) not in (_KEY_BAG, _SHROUDED_KEY_BAG):
                    others.append(bag.encoded)
                    continue
                encrypted = der.read_oid(bag_kind) == _SHROUDED_KEY_BAG
                keys.append((value.first().encoded, encrypted))
                if encrypted:
                    scheme, cost = _cost(value.first().first())
                    schemes.append(scheme)
                    iterations += cost
                bags.append(bag.encoded)
            if others:
                fixed.append(_content_info(der.sequence(*others)))
        else:
            raise Pkcs12Error(Reason.UNSUPPORTED, der.read_oid(oid))
    if len(bags) > _MAXIMUM_KEYS:
        raise Pkcs12Error(Reason.TOO_COSTLY, str(len(bags)))
    splits = []
    if len(bags) > 1:
        splits = [_pfx([*fixed, _content_info(der.sequence(bag))]) for bag in bags]
        # each small file has the certificates decrypted anew
        iterations *= len(bags)
    without_keys = _pfx(fixed) if fixed else b""
    return Structure(
        tuple(dict.fromkeys(schemes)), mac, iterations, len(bags), tuple(splits), tuple(keys), without_keys
    )


def _content_info(content: bytes) -> bytes:
    return der.sequence(der.oid(_DATA), der.tlv(0xA0, der.octet_string(content)))


def _pfx(infos: list[bytes]) -> bytes:
    # without a MAC, which the whole file has passed already
    return der.sequence(der.integer(3), _content_info(der.sequence(*infos)))


def _cost(algorithm: Element) -> tuple[str, int]:
    """Return the cipher's name and the iterations of an encryption's or MAC's AlgorithmIdentifier."""
    members = algorithm.expect(der.SEQUENCE).children()
    oid = der.read_oid(members[0])
    if oid in (_PBES2, _PBMAC1):
        derivation, cipher = members[1].expect(der.SEQUENCE).children()
        scheme = der.read_oid(cipher.first())
        kind, parameters = derivation.expect(der.SEQUENCE).children()
        values = [abs(der.read_integer(each)) for each in parameters.children() if each.tag == der.INTEGER]
        if der.read_oid(kind) == _SCRYPT:
            work = 1
            for value in values[:3]:
                work *= value
            return _SCHEMES.get(scheme, scheme), work
        return _SCHEMES.get(scheme, scheme), values[0] if values else 1
    count = members[1].expect(der.SEQUENCE).children()[1]
    return _SCHEMES.get(oid, oid), abs(der.read_integer(count))


def _definite(data: bytes) -> bytes:
    """Return BER with every length definite and octet strings in one piece (X.690, 8.1.3.6 and 8.7)."""
    encoded, end = _converted(data, 0, 0)
    if end != len(data):
        raise DerError("something follows the end")
    return encoded


def _converted(data: bytes, offset: int, depth: int) -> tuple[bytes, int]:
    if depth > _MAXIMUM_DEPTH:
        raise DerError("nested too deep")
    if offset + 2 > len(data):
        raise DerError("cut short")
    tag = data[offset]
    if data[offset + 1] != 0x80:
        element = der.read(data, offset)
        if not tag & 0x20:
            return element.encoded, element.end
        content, end = element.content, element.end
        parts = []
        while content < end:
            part, content = _converted(data, content, depth + 1)
            parts.append(part)
    else:
        if not tag & 0x20:
            raise DerError("an indefinite length on a primitive value")
        content, parts = offset + 2, []
        while data[content : content + 2] != b"\0\0":
            part, content = _converted(data, content, depth + 1)
            parts.append(part)
        end = content + 2
    if tag == 0x24:
        return der.octet_string(b"".join(der.read(part).value for part in parts)), end
    return der.tlv(tag, *parts), end
