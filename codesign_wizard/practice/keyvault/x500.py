"""X.500 names as Key Vault reads them from a policy: by the rules of Windows.

``CertStrToName`` (learn.microsoft.com/windows/win32/api/wincrypt/nf-wincrypt-certstrtonamea): attributes are
separated by commas or semicolons, values of one RDN by plus signs; a value may stand in double quotes, a
double quote inside is written twice. ``X500DistinguishedName`` encodes the string's last attribute first.
"""

from __future__ import annotations

import re

from cryptography import x509

_OIDS = {
    "CN": "2.5.4.3",
    "SN": "2.5.4.4",
    "SERIALNUMBER": "2.5.4.5",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "S": "2.5.4.8",
    "ST": "2.5.4.8",
    "STREET": "2.5.4.9",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "T": "2.5.4.12",
    "TITLE": "2.5.4.12",
    "DESCRIPTION": "2.5.4.13",
    "POSTALCODE": "2.5.4.17",
    "G": "2.5.4.42",
    "GN": "2.5.4.42",
    "GIVENNAME": "2.5.4.42",
    "I": "2.5.4.43",
    "INITIALS": "2.5.4.43",
    "E": "1.2.840.113549.1.9.1",
    "EMAIL": "1.2.840.113549.1.9.1",
    "DC": "0.9.2342.19200300.100.1.25",
}
_PRINTABLE_ONLY = ("2.5.4.5", "2.5.4.6")
_IA5 = ("1.2.840.113549.1.9.1", "0.9.2342.19200300.100.1.25")
_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")
_TYPE = re.compile(r"\s*(?:OID\.)?([A-Za-z]+|\d+(?:\.\d+)+)\s*=\s*", re.IGNORECASE)


def parse(text: str) -> x509.Name:
    """Return the name that *text* stands for; raises ``ValueError``."""
    sets: list[list[x509.NameAttribute[str]]] = [[]]
    place = 0
    while True:
        found = _TYPE.match(text, place)
        if found is None:
            raise ValueError(f"no attribute at {place}")
        value, place = _value(text, found.end())
        sets[-1].append(_attribute(found[1], value))
        while place < len(text) and text[place].isspace():
            place += 1
        if place == len(text):
            break
        if text[place] in ",;":
            sets.append([])
        elif text[place] != "+":
            raise ValueError(f"a separator is missing at {place}")
        place += 1
    return x509.Name(x509.RelativeDistinguishedName(each) for each in reversed(sets))


def text(name: x509.Name) -> str:
    """Return *name* as ``parse`` reads it, quoted where it must be."""
    shown = {oid: kind for kind, oid in reversed(_OIDS.items())}
    parts = []
    for attribute in (each for rdn in reversed(list(name.rdns)) for each in rdn):
        value, dotted = str(attribute.value), attribute.oid.dotted_string
        if re.search(r'[",;+=<>#\n]|^\s|\s$', value):
            value = '"' + value.replace('"', '""') + '"'
        parts.append(f"{shown.get(dotted, f'OID.{dotted}')}={value}")
    return ", ".join(parts)


def _value(text: str, place: int) -> tuple[str, int]:
    if place < len(text) and text[place] == '"':
        value, place = "", place + 1
        while True:
            end = text.find('"', place)
            if end < 0:
                raise ValueError("a quote is open")
            value += text[place:end]
            if text[end + 1 : end + 2] != '"':
                return value, end + 1
            value += '"'
            place = end + 2
    found = re.compile(r'[^,;+"]*').match(text, place)
    assert found is not None, "it matches nothing, too"
    return found[0].strip(), found.end()


def _attribute(kind: str, value: str) -> x509.NameAttribute[str]:
    oid = kind if kind[0].isdigit() else _OIDS.get(kind.upper(), "")
    if not oid or not value:
        raise ValueError(f"{kind} is not known, or empty")
    tag = x509.name._ASN1Type.UTF8String
    if oid in _PRINTABLE_ONLY:
        if not _PRINTABLE.fullmatch(value):
            raise ValueError(f"{kind} takes printable ASCII only")
        tag = x509.name._ASN1Type.PrintableString
    elif oid in _IA5:
        tag = x509.name._ASN1Type.IA5String
    if oid == "2.5.4.6" and len(value) != 2:
        raise ValueError("a country has two letters")
    # cryptography counts octets where X.520 counts characters, and refuses 64 of them outside ASCII
    return x509.NameAttribute(x509.ObjectIdentifier(oid), value, tag, _validate=False)
