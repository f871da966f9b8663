"""The subject of a signing request: what a form asks, and the X.500 string that Key Vault takes.

Key Vault reads the string as Windows does (``CertStrToName``,
learn.microsoft.com/windows/win32/api/wincrypt): attributes are separated by commas, a value with a sign that
means something stands in double quotes, and a double quote inside is written twice; a backslash is an
ordinary sign. Attribute types without a short name there are written as ``OID.1.2.3``. Upper bounds: X.520,
as RFC 5280, appendix A.1, repeats them, in characters.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codesign_wizard.core.text import mark, tr, translate

if TYPE_CHECKING:
    from cryptography import x509

# X.520 counts characters, cryptography octets: long names outside ASCII are no news to anybody
warnings.filterwarnings("ignore", message="Attribute's length must be", category=UserWarning)

_MAXIMUM_TEXT = 8192
_SPECIAL = re.compile(r'[,+="\\<>#;\r\n\t]|^\s|\s$|\s\s')
_TYPE = re.compile(r"\s*(?:OID\.)?([A-Za-z][A-Za-z0-9 -]{0,63}?|\d{1,10}(?:\.\d{1,10}){1,30})\s*=", re.I)


class SubjectError(ValueError):
    """The text is no X.500 name; the message says why, in the person's words."""


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute that CAs ask for. ``short`` is its name in the string, ``maximum`` in characters."""

    key: str
    oid: str
    short: str
    maximum: int
    _label: str
    _hint: str
    printable: bool = False  # PrintableString only (X.520)
    extended: bool = False  # asked for with extended validation

    @property
    def label(self) -> str:
        """The attribute's name for people."""
        return translate(self._label)

    @property
    def hint(self) -> str:
        """What CAs want in it, one sentence."""
        return translate(self._hint)


# in the order in which the string has them: the most particular first (RFC 4514, 2.1)
FIELDS: tuple[Field, ...] = (
    Field(
        "common_name", "2.5.4.3", "CN", 64,
        mark("Common name"),
        mark("For code signing the organisation's name again; Windows shows it as the publisher."),
    ),
    Field(
        "organization", "2.5.4.10", "O", 64,
        mark("Organisation"),
        mark("The registered name, letter by letter as in the trade register, with its legal form."),
    ),
    Field(
        "organizational_unit", "2.5.4.11", "OU", 64,
        mark("Unit"),
        mark("Best left empty: most CAs no longer take it."),
    ),
    Field(
        "street", "2.5.4.9", "STREET", 128,
        mark("Street"),
        mark("Street and number of the registered office; only if the CA asks."),
    ),
    Field("locality", "2.5.4.7", "L", 128, mark("Town"), mark("The town of the registered office.")),
    Field(
        "state", "2.5.4.8", "ST", 128,
        mark("State or province"),
        mark("Written out, not abbreviated."),
    ),
    Field(
        "postal_code", "2.5.4.17", "PostalCode", 40,
        mark("Postal code"),
        mark("Only if the CA asks."),
    ),
    Field(
        "country", "2.5.4.6", "C", 2,
        mark("Country"),
        mark("The two letters of ISO 3166: GB, not UK."),
        printable=True,
    ),
    Field(
        "email", "1.2.840.113549.1.9.1", "E", 255,
        mark("E-mail"),
        mark("Best left empty: it would stand in every signed file."),
    ),
    Field(
        "serial_number", "2.5.4.5", "SERIALNUMBER", 64,
        mark("Registration number"),
        mark("With extended validation: the number in the trade register."),
        printable=True, extended=True,
    ),
    Field(
        "business_category", "2.5.4.15", "OID.2.5.4.15", 128,
        mark("Business category"),
        mark("With extended validation: Private Organization, Government Entity, Business Entity or "
           "Non-Commercial Entity."),
        extended=True,
    ),
    Field(
        "jurisdiction_locality", "1.3.6.1.4.1.311.60.2.1.1", "OID.1.3.6.1.4.1.311.60.2.1.1", 128,
        mark("Town of registration"),
        mark("With extended validation: only where registers are kept by towns."),
        extended=True,
    ),
    Field(
        "jurisdiction_state", "1.3.6.1.4.1.311.60.2.1.2", "OID.1.3.6.1.4.1.311.60.2.1.2", 128,
        mark("State of registration"),
        mark("With extended validation: only where registers are kept by states."),
        extended=True,
    ),
    Field(
        "jurisdiction_country", "1.3.6.1.4.1.311.60.2.1.3", "OID.1.3.6.1.4.1.311.60.2.1.3", 2,
        mark("Country of registration"),
        mark("With extended validation: the country of the trade register, two letters."),
        printable=True, extended=True,
    ),
)  # fmt: skip
FIELD = {field.key: field for field in FIELDS}
_BY_OID = {field.oid: field for field in FIELDS}

# names of attribute types that a pasted subject may have: of Windows, OpenSSL, RFC 4514 and RFC 4519
_NAMES = {
    **{field.short.upper(): field.oid for field in FIELDS},
        "COMMONNAME": "2.5.4.3", "SN": "2.5.4.4", "SURNAME": "2.5.4.4", "COUNTRYNAME": "2.5.4.6",
        "LOCALITYNAME": "2.5.4.7", "S": "2.5.4.8", "SP": "2.5.4.8", "STATEORPROVINCENAME": "2.5.4.8",
        "STREETADDRESS": "2.5.4.9", "ORGANIZATIONNAME": "2.5.4.10", "ORGANIZATION": "2.5.4.10",
        "ORGANIZATIONALUNITNAME": "2.5.4.11", "T": "2.5.4.12", "TITLE": "2.5.4.12",
        "DESCRIPTION": "2.5.4.13", "BUSINESSCATEGORY": "2.5.4.15", "G": "2.5.4.42", "GN": "2.5.4.42",
        "GIVENNAME": "2.5.4.42", "I": "2.5.4.43", "INITIALS": "2.5.4.43", "DNQUALIFIER": "2.5.4.46",
        "ORGANIZATIONIDENTIFIER": "2.5.4.97", "DC": "0.9.2342.19200300.100.1.25",
        "UID": "0.9.2342.19200300.100.1.1", "EMAIL": "1.2.840.113549.1.9.1",
        "EMAILADDRESS": "1.2.840.113549.1.9.1", "JURISDICTIONL": "1.3.6.1.4.1.311.60.2.1.1",
        "JURISDICTIONST": "1.3.6.1.4.1.311.60.2.1.2", "JURISDICTIONC": "1.3.6.1.4.1.311.60.2.1.3",
        "JURISDICTIONLOCALITYNAME": "1.3.6.1.4.1.311.60.2.1.1",
        "JURISDICTIONSTATEORPROVINCENAME": "1.3.6.1.4.1.311.60.2.1.2",
        "JURISDICTIONCOUNTRYNAME": "1.3.6.1.4.1.311.60.2.1.3",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subject:
    """A name: pairs of attribute type (dotted OID) and value, in the order of the string."""

    attributes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_form(cls, values: Mapping[str, str]) -> Subject:
        """Return what a form was filled with: keys of ``FIELDS``; blanks around values and empty ones go.

        Values are brought to Unicode's form C, as people type and CAs print them. Raises ``KeyError`` for
        other keys.
        """
        tidied = {
            FIELD[key].key: " ".join(unicodedata.normalize("NFC", value).split())
            for key, value in values.items()
        }
        for key in ("country", "jurisdiction_country"):
            if key in tidied:
                tidied[key] = tidied[key].upper()
        return cls(tuple((field.oid, tidied[field.key]) for field in FIELDS if tidied.get(field.key)))

    @classmethod
    def parse(cls, text: str) -> Subject:
        """Return the name that an X.500 string of Windows' kind means; raises ``SubjectError``."""
        return cls(tuple(_parsed(text)))

    @classmethod
    def from_name(cls, name: x509.Name) -> Subject:
        """Return a certificate's or request's name, which holds the least particular attribute first."""
        pairs = [
            (
                attribute.oid.dotted_string,
                attribute.value if isinstance(attribute.value, str) else "#" + attribute.value.hex(),
            )
            for attribute in name
        ]
        return cls(tuple(reversed(pairs)))

    def to_name(self) -> x509.Name:
        """Return the name in the order in which certificates hold it; raises ``SubjectError``."""
        from cryptography import x509

        try:
            return x509.Name(
                [
                    # its own bounds are in octets, X.520's in characters
                    x509.NameAttribute(x509.ObjectIdentifier(oid), value, _validate=False)
                    for oid, value in reversed(self.attributes)
                ]
            )
        except (ValueError, TypeError) as error:
            raise SubjectError(str(error)) from error

    def to_form(self) -> dict[str, str]:
        """Return the values by the keys of ``FIELDS``; of several units the first, others are left out."""
        form: dict[str, str] = {}
        for oid, value in self.attributes:
            if oid in _BY_OID:
                form.setdefault(_BY_OID[oid].key, value)
        return form

    def x500(self) -> str:
        """Return the string for Key Vault."""
        return ",".join(f"{_short(oid)}={_quoted(value)}" for oid, value in self.attributes)

    def preview(self) -> list[tuple[str, str]]:
        """Return each attribute's name for people and its value, in order."""
        return [
            (_BY_OID[oid].label if oid in _BY_OID else _short(oid), value) for oid, value in self.attributes
        ]

    def get(self, key: str) -> str:
        """Return the first value of the field *key*, or ""."""
        return next((value for oid, value in self.attributes if oid == FIELD[key].oid), "")

    def same_as(self, other: Subject) -> bool:
        """Tell whether both have the same attributes, whatever the order, in which services differ."""
        return Counter(self.attributes) == Counter(other.attributes)

    def differences(self, other: Subject) -> list[str]:
        """Return, in words, what *other* lacks or has beyond this."""
        mine, others = Counter(self.attributes), Counter(other.attributes)
        missing = [f"−{_short(oid)}={value}" for oid, value in (mine - others).elements()]
        return missing + [f"+{_short(oid)}={value}" for oid, value in (others - mine).elements()]

    def __str__(self) -> str:
        return self.x500()

    def __bool__(self) -> bool:
        return bool(self.attributes)


def label_of(oid: str) -> str:
    """Return the name for people of an attribute type."""
    return _BY_OID[oid].label if oid in _BY_OID else _short(oid)


def field_of(oid: str) -> Field | None:
    """Return the field for an attribute type, ``None`` for one that no form asks."""
    return _BY_OID.get(oid)


def _short(oid: str) -> str:
    if oid in _BY_OID:
        return _BY_OID[oid].short
    return {"0.9.2342.19200300.100.1.25": "DC"}.get(oid, f"OID.{oid}")


def _quoted(value: str) -> str:
    if value and not _SPECIAL.search(value):
        return value
    doubled = value.replace('"', '""')
    return f'"{doubled}"'


def _parsed(text: str) -> Iterator[tuple[str, str]]:
    if len(text) > _MAXIMUM_TEXT:
        raise SubjectError(tr("it is too long"))
    position = 0
    if not text.strip():
        return
    while True:
        found = _TYPE.match(text, position)
        if found is None:
            raise SubjectError(
                tr("no attribute such as CN= stands at “{text}”").format(text=text[position : position + 24])
            )
        oid = _oid(found[1])
        value, position = _value(text, found.end())
        yield oid, value
        if position == len(text):
            return
        position += 1  # the separator


def _oid(name: str) -> str:
    if name[0].isdigit():
        return name
    known = _NAMES.get(name.upper().replace(" ", ""))
    if known is None:
        raise SubjectError(tr("{name} is not an attribute that is known").format(name=name))
    return known


def _value(text: str, start: int) -> tuple[str, int]:
    """Return the value at *start* and where the separator after it, or the end, is."""
    begin = start + len(text[start:]) - len(text[start:].lstrip())
    if text[begin : begin + 1] == '"':
        return _in_quotes(text, begin)
    end = begin
    while end < len(text) and text[end] not in ",;+":
        if text[end] in '"=<>#':
            raise SubjectError(
                tr("the value at “{text}” needs double quotes around it").format(
                    text=text[begin : begin + 24]
                )
            )
        end += 1
    return text[begin:end].rstrip(), end


def _in_quotes(text: str, begin: int) -> tuple[str, int]:
    pieces = []
    position = begin + 1
    while True:
        end = text.find('"', position)
        if end < 0:
            raise SubjectError(tr("a double quote is not closed"))
        pieces.append(text[position:end])
        if text[end + 1 : end + 2] != '"':
            break
        pieces.append('"')
        position = end + 2
    rest = end + 1
    while rest < len(text) and text[rest].isspace():
        rest += 1
    if rest < len(text) and text[rest] not in ",;+":
        raise SubjectError(tr("something follows the closing double quote"))
    return "".join(pieces), rest


def names(fields: Sequence[str]) -> str:
    """Return the labels of the fields with these keys, as a list for a sentence."""
    return ", ".join(FIELD[key].label for key in fields)
