"""The forms in which a CA's answer arrives, taken apart down to DER: nothing is judged here.

PEM: RFC 7468, read leniently, as it is pasted out of mail programs. PKCS #7: RFC 2315, 9. Every step is
bounded in size, number and depth, names inside archives are only shown, and nothing is ever written to disk.
"""

from __future__ import annotations

import base64
import binascii
import html
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from codesign_wizard.core.authenticode import der
from codesign_wizard.core.authenticode.der import DerError, Element
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from email.message import Message

MAXIMUM_SIZE = 8 << 20  # octets of one piece, and of all that an archive holds
_MAXIMUM_MAIL = 2 << 20  # larger ones are looked through as plain text
_MAXIMUM_ENTRIES = 64
_MAXIMUM_RATIO = 200
_MAXIMUM_DEPTH = 3
_MAXIMUM_OBJECTS = 256
_MAXIMUM_PARTS = 64

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_DATA = "1.2.840.113549.1.7.1"

# editors turn hyphens into these
_DASHES = "\\-\u00ad\u2010-\u2015\u2212\ufe58\ufe63\uff0d"
_BEGIN = re.compile(
    rf"[{_DASHES}]{{2,10}}[ \t]*BEGIN[ \t]+([A-Z0-9#][A-Z0-9 #]{{0,40}}?)[ \t]*[{_DASHES}]{{2,10}}"
)
_END = re.compile(rf"[{_DASHES}]{{2,10}}[ \t]*END[ \t]")
_HEADERS = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,40}:.*")
_QUOTE_MARKS = re.compile(r"^[ \t]*(?:[>|][> |\t]*)+", re.M)
_INVISIBLE = re.compile("[\u200b-\u200f\u2028\u2029\u2060\ufeff\u00a0\u202a-\u202e\u00ad]")
_BREAKING_TAG = re.compile(r"<(?:br|p|div|/p|/div|li|tr|pre)\b[^<>]{0,300}>", re.I)
_TAG = re.compile(r"</?[a-z][a-z0-9]{0,15}\b[^<>]{0,300}>", re.I)
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")
_BARE_BASE64 = re.compile(r"(?<![A-Za-z0-9+/])MII[A-Za-z0-9+/\s]{200,}={0,2}")


class Kind(StrEnum):
    """What a piece, or a part of one, is."""

    CERTIFICATE = "certificate"
    REQUEST = "request"
    PRIVATE_KEY = "private-key"
    PFX = "pfx"
    REVOCATION_LIST = "revocation-list"
    EMPTY = "empty"
    TOO_LARGE = "too-large"
    WEB_PAGE = "web-page"
    LOCKED_ARCHIVE = "locked-archive"
    DAMAGED = "damaged"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Piece:
    """What was handed in: a file's content, or a pasted text, under a name for people."""

    name: str
    data: bytes
    size: int | None = None  # where the content was not read because of it

    @classmethod
    def of_text(cls, text: str, name: str = "") -> Piece:
        """Return a pasted text as a piece."""
        return cls(name or tr("the pasted text"), text.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class Part:
    """One thing found in a piece. ``data`` is its DER; private keys are dropped, so it is b"" for them."""

    kind: Kind
    source: str
    data: bytes = b""
    text: str = ""  # why, or what it is instead


@dataclass
class _Reader:
    parts: list[Part] = field(default_factory=list)
    left: int = MAXIMUM_SIZE

    def add(self, kind: Kind, source: str, data: bytes = b"", text: str = "") -> None:
        if len(self.parts) < _MAXIMUM_OBJECTS:
            self.parts.append(Part(kind, source, data, text))

    def read(self, piece: Piece, depth: int = 0) -> None:
        data = piece.data
        if (piece.size or len(data)) > MAXIMUM_SIZE:
            self.add(Kind.TOO_LARGE, piece.name)
        elif not data.strip(b"\0 \t\r\n\xef\xbb\xbf"):
            self.add(Kind.EMPTY, piece.name)
        elif data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            self._archive(piece, depth)
        elif data[:2] == b"\x30\x80":
            self._indefinite(piece.name, data)
        elif data[:1] == b"\x30" and self._der(piece.name, data):
            return
        else:
            self._text(piece, depth)

    def _archive(self, piece: Piece, depth: int) -> None:
        if depth >= _MAXIMUM_DEPTH - 1:
            self.add(Kind.OTHER, piece.name, text=tr("an archive within archives"))
            return
        try:
            with zipfile.ZipFile(io.BytesIO(piece.data)) as archive:
                entries = [each for each in archive.infolist() if not each.is_dir()]
                wanted = [each for each in entries if not each.filename.startswith("__MACOSX/")]
                if not wanted:
                    self.add(Kind.EMPTY, piece.name)
                if len(wanted) > _MAXIMUM_ENTRIES:
                    self.add(Kind.TOO_LARGE, piece.name, text=tr("it holds too many files"))
                    return
                for entry in wanted:
                    self._entry(archive, entry, piece.name, depth)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
            self.add(Kind.DAMAGED, piece.name, text=str(error))

    def _entry(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, outer: str, depth: int) -> None:
        # the name is for people only
        name = f"{outer} › {_shown(entry.filename)}"
        if entry.flag_bits & 0x1:
            self.add(Kind.LOCKED_ARCHIVE, outer)
            return
        if entry.file_size > self.left or entry.file_size > _MAXIMUM_RATIO * max(entry.compress_size, 100):
            self.add(Kind.TOO_LARGE, name)
            return
        try:
            with archive.open(entry) as stream:
                # what the directory says of the size may be a lie
                data = stream.read(entry.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            self.add(Kind.DAMAGED, name, text=str(error))
            return
        self.left -= len(data)
        self.read(Piece(name, data), depth + 1)

    def _text(self, piece: Piece, depth: int) -> None:
        text = _decoded(piece.data)
        if text is None:
            self.add(Kind.OTHER, piece.name, text=_describe(piece.data))
            return
        before = len(self.parts)
        if depth < _MAXIMUM_DEPTH and len(piece.data) <= _MAXIMUM_MAIL and _is_mail(text):
            self._mail(piece, depth)
        if len(self.parts) == before:
            for each in _variants(text):
                self._blocks(piece.name, each, depth)
                if len(self.parts) > before:
                    return
            if _is_page(text):
                self.add(Kind.WEB_PAGE, piece.name)
            else:
                self.add(Kind.OTHER, piece.name, text=_describe(piece.data))

    def _mail(self, piece: Piece, depth: int) -> None:
        import email
        import email.policy

        message: Message = email.message_from_bytes(piece.data, policy=email.policy.compat32)
        texts: list[Piece] = []
        found: list[Piece] = []
        for number, part in enumerate(message.walk()):
            if part.is_multipart() or number > _MAXIMUM_PARTS:
                continue
            content = part.get_payload(decode=True)
            if not isinstance(content, bytes) or not content.strip():
                continue
            name = part.get_filename()
            inner = Piece(f"{piece.name} › {_shown(str(name))}" if name else piece.name, content)
            (found if name else texts).append(inner)
        attached = _Reader(left=self.left)
        for each in [*found, *texts]:
            attached.read(each, depth + 1)
        # what people wrote around the certificate is no refusal
        self.parts += [each for each in attached.parts if each.kind in _CONTENT]

    def _blocks(self, name: str, text: str, depth: int) -> None:
        """Add what the PEM blocks of *text* hold, or bare base64 in it."""
        begins = list(_BEGIN.finditer(text))[:_MAXIMUM_OBJECTS]
        for number, begin in enumerate(begins):
            label = " ".join(begin[1].split())
            limit = begins[number + 1].start() if number + 1 < len(begins) else len(text)
            end = _END.search(text, begin.end(), limit)
            if "PRIVATE KEY" in label:
                self.add(Kind.PRIVATE_KEY, name)
                continue
            self._encoded(name, text[begin.end() : end.start() if end else limit], depth, end is None)
        if not begins:
            for found in _BARE_BASE64.finditer(text):
                self._encoded(name, found[0], depth, False, bare=True)

    def _encoded(self, name: str, body: str, depth: int, open_end: bool, bare: bool = False) -> None:
        # header lines of RFC 1421 stand before the first blank line
        lines = [line for line in body.splitlines() if not _HEADERS.match(line.strip())]
        joined = "".join("".join(lines).split())
        digits = _NOT_BASE64.sub("", joined)
        if len(joined) - len(digits) > len(joined) // 50 and not bare:
            self.add(Kind.DAMAGED, name, text=tr("signs stand in it that do not belong there"))
            return
        data = _from_base64(digits.split("=")[0])
        if data[:11] == b"-----BEGIN ":
            if depth < _MAXIMUM_DEPTH:
                self._blocks(name, data.decode("latin-1"), depth + 1)
            return
        if data[:2] == b"\x30\x80":
            self._indefinite(name, data)
        elif not self._der(name, data) and not bare:
            cut = open_end or not data or _is_cut(data)
            self.add(Kind.DAMAGED, name, text=tr("it is cut short") if cut else tr("it is no certificate"))

    def _der(self, name: str, data: bytes) -> bool:
        """Add what one or several DER elements are; return False when they are nothing that is known."""
        found = False
        offset = 0
        while offset < len(data):
            if not data[offset:].strip(b"\0\r\n\t \x1a"):
                break  # padding, or a line end at the end of a file
            try:
                element = der.read(data, offset).expect(der.SEQUENCE)
                known = self._element(name, element)
            except DerError:
                known = False
            if not known:
                if found or not (data[:1] == b"\x30" and _is_cut(data) and _looks_like_ours(data)):
                    return found
                self.add(Kind.DAMAGED, name, text=tr("it is cut short"))
                return True
            found = True
            offset = element.end
        return found

    def _element(self, name: str, element: Element) -> bool:
        parts = element.children()
        tags = [part.tag for part in parts]
        if tags[:1] == [der.OBJECT_IDENTIFIER]:
            return self._content_info(name, parts)
        if tags in ([der.INTEGER, der.SEQUENCE], [der.INTEGER, der.SEQUENCE, der.SEQUENCE]):
            content = parts[1].children()
            # PFX (RFC 7292, 4)
            if content and der.read_oid(content[0]) in (_DATA, _SIGNED_DATA):
                self.add(Kind.PFX, name)
                return True
        if tags[:3] == [der.INTEGER, der.SEQUENCE, der.OCTET_STRING]:  # PKCS #8
            self.add(Kind.PRIVATE_KEY, name)
            return True
        if tags == [der.INTEGER] * 9 or tags[:2] == [der.INTEGER, der.OCTET_STRING]:  # PKCS #1, RFC 5915
            self.add(Kind.PRIVATE_KEY, name)
            return True
        if tags == [der.SEQUENCE, der.OCTET_STRING]:  # an encrypted PKCS #8
            self.add(Kind.PRIVATE_KEY, name)
            return True
        if tags[:3] != [der.SEQUENCE, der.SEQUENCE, der.BIT_STRING]:
            return False
        inner = [part.tag for part in parts[0].children()]
        if inner[:3] == [der.INTEGER, der.SEQUENCE, der.SEQUENCE] and inner[3:4] == [0xA0]:
            self.add(Kind.REQUEST, name, element.encoded)
        elif len(inner) >= 6 and (inner[0] == 0xA0 or inner[4:6] == [der.SEQUENCE, der.SEQUENCE]):
            self.add(Kind.CERTIFICATE, name, element.encoded)
        else:
            self.add(Kind.REVOCATION_LIST, name)
        return True

    def _indefinite(self, name: str, data: bytes) -> None:
        """Add what BER of indefinite length holds (X.690, 8.1.3.6), as Java and Apple write it."""
        from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

        from codesign_wizard.core.authenticode.trust import BROKEN

        if der.oid(_DATA) in data[:64] and der.oid(_SIGNED_DATA) not in data[:32]:
            self.add(Kind.PFX, name)
            return
        try:
            with warnings.catch_warnings():
                # that it is not DER is known
                warnings.simplefilter("ignore")
                certificates = pkcs7.load_der_pkcs7_certificates(data)
            found = [each.public_bytes(Encoding.DER) for each in certificates]
        except BROKEN as error:
            self.add(Kind.DAMAGED, name, text=str(error) or tr("it is no certificate"))
            return
        for each in found:
            self.add(Kind.CERTIFICATE, name, each)

    def _content_info(self, name: str, parts: list[Element]) -> bool:
        """PKCS #7 (RFC 2315, 7 and 9.1): what a .p7b is, whatever its name says."""
        if der.read_oid(parts[0]) != _SIGNED_DATA or len(parts) < 2:
            return False
        certificates = []
        for member in parts[1].first().children():
            if member.tag == 0xA0:
                certificates = [each for each in member.children() if each.tag == der.SEQUENCE]
        if not certificates:
            self.add(Kind.OTHER, name, text=tr("a PKCS #7 file without a certificate"))
        for each in certificates:
            self.add(Kind.CERTIFICATE, name, each.encoded)
        return True


_CONTENT = (Kind.CERTIFICATE, Kind.REQUEST, Kind.PRIVATE_KEY, Kind.PFX, Kind.LOCKED_ARCHIVE, Kind.DAMAGED)


def read_pieces(pieces: list[Piece]) -> list[Part]:
    """Return everything found in *pieces*, in order; never raises for what they hold."""
    reader = _Reader()
    for piece in pieces[:_MAXIMUM_ENTRIES]:
        reader.read(piece)
    return reader.parts


def _variants(text: str) -> list[str]:
    """Return the text as it stands, without quote marks, and with the wrappings of mail and HTML undone."""
    plain = _INVISIBLE.sub(lambda found: "-" if found[0] == "\u00ad" else "", text)
    cleaners: tuple[Callable[[str], str], ...] = (
        lambda each: _QUOTE_MARKS.sub("", each),
        lambda each: _TAG.sub("", _BREAKING_TAG.sub("\n", each)),
        html.unescape,
        lambda each: _TAG.sub("", _BREAKING_TAG.sub("\n", each)),
        lambda each: _QUOTE_MARKS.sub("", each),
    )
    if re.search(r"=\r?\n|=3D", plain):
        # quoted-printable; base64 loses nothing but padding by it
        plain = re.sub(r"=3[dD]", "=", re.sub(r"=\r?\n", "", plain))
    if "\\n" in plain and "-----BEGIN" in plain:
        # out of a JSON document or a program
        plain = plain.replace("\\r", "").replace("\\n", "\n")
    for clean in cleaners:
        plain = clean(plain)
    return [plain]


def _decoded(data: bytes) -> str | None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data[:4096]:
        start = data[:256]
        # UTF-16 without its mark: every other octet of plain text is nought
        for first, codec in ((0, "utf-16-be"), (1, "utf-16-le")):
            if start[first::2].count(0) > len(start) * 2 // 5:
                return data.decode(codec, "replace")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _from_base64(digits: str) -> bytes:
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4))
    except (binascii.Error, ValueError):
        # one digit too many or too few: the DER inside tells where it ends
        return base64.b64decode(digits[: len(digits) // 4 * 4])


def _is_mail(text: str) -> bool:
    head = text[:65536].lower()
    return "mime-version:" in head and "content-transfer-encoding:" in head


def _is_page(text: str) -> bool:
    return bool(
        re.match(
            r"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)?<(?:!doctype html|html|head)\b",
            text,
            re.I | re.S,
        )
    )


def _is_cut(data: bytes) -> bool:
    """Tell whether the outermost element would be longer than what is there."""
    if len(data) < 4 or data[0] != der.SEQUENCE or data[1] not in (0x81, 0x82, 0x83):
        return False
    count = data[1] & 0x7F
    return 2 + count + int.from_bytes(data[2 : 2 + count], "big") > len(data)


def _looks_like_ours(data: bytes) -> bool:
    # a certificate or PKCS #7 begins with a long sequence in a long sequence, or with an OID in one
    return data[1] == 0x82 and data[4:5] in (b"\x30", b"\x06")


def _describe(data: bytes) -> str:
    from codesign_wizard.core.authenticode.refusals import describe

    return describe(io.BytesIO(data), len(data))


def _shown(name: str) -> str:
    """Return the last part of a path inside an archive, without what could not be shown."""
    last = re.split(r"[\\/]", name)[-1]
    return re.sub(r"[\x00-\x1f\x7f\u202a-\u202e]", "", last)[:80] or "?"
