"""What is wrong with a subject before a request is made of it.

Rules: upper bounds and character sets of X.520 (RFC 5280, appendix A.1); CA/Browser Forum, baseline
requirements for code signing, 7.1.4.2 (which attributes, no placeholders) and EV guidelines, 7.1.4.2
(business category, jurisdiction). Most CAs take the subject from the order, not from the request; what
differs is then corrected by them, so only what no CA and no vault can accept is an error.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from codesign_wizard.core.certificates import countries
from codesign_wizard.core.certificates.subject import FIELD, Field, Subject, field_of, label_of, names
from codesign_wizard.core.finding import Certainty, Evidence, Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

EMPTY = FindingKind(
    "certificate.request.subject-empty",
    Severity.ERROR,
    "The subject is empty: give at least the common name.",
    "A request needs a subject; Key Vault refuses one without.",
)
INCOMPLETE = FindingKind(
    "certificate.request.subject-incomplete",
    Severity.WARNING,
    "The subject lacks what CAs ask for: {fields}.",
    "Common name, organisation, town or state, and country stand in every code-signing certificate.",
)
TOO_LONG = FindingKind(
    "certificate.request.subject-too-long",
    Severity.ERROR,
    "{field} has {length} characters; {maximum} are allowed.",
    "A value is longer than X.520 allows.",
)
COUNTRY = FindingKind(
    "certificate.request.subject-country",
    Severity.ERROR,
    "{value} is not a country code.",
    "The country is not one of ISO 3166-1's codes.",
)
CHARACTERS = FindingKind(
    "certificate.request.subject-characters",
    Severity.ERROR,
    "{field} holds a character that is not allowed there: {character}.",
    "Control characters are allowed nowhere, others than ASCII not in number, country and e-mail.",
)
PLACEHOLDER = FindingKind(
    "certificate.request.subject-placeholder",
    Severity.ERROR,
    "{field} says nothing: leave it empty instead of “{value}”.",
    "A value such as a dash, N/A or a template's text; CAs must refuse it.",
)
EMAIL = FindingKind(
    "certificate.request.subject-email",
    Severity.ERROR,
    "{value} is no e-mail address.",
    "The e-mail address in the subject has not the form name@domain.",
)
STATE = FindingKind(
    "certificate.request.subject-state-short",
    Severity.WARNING,
    "The state {value} is abbreviated: CAs want it written out.",
    "A state of the United States or a province of Canada in two letters.",
)
CATEGORY = FindingKind(
    "certificate.request.subject-category",
    Severity.WARNING,
    "{value} is none of the four business categories.",
    "The EV guidelines know Private Organization, Government Entity, Business Entity, Non-Commercial Entity.",
)
TWICE = FindingKind(
    "certificate.request.subject-twice",
    Severity.WARNING,
    "{field} stands in the subject more than once.",
    "CAs take each attribute once.",
)
QUOTING = FindingKind(
    "certificate.request.subject-quoting",
    Severity.INFO,
    "{field} holds {character}, which services read differently: compare the finished request.",
    "A backslash or a double quote in a value; the request is read back and compared.",
)
UNKNOWN = FindingKind(
    "certificate.request.subject-attribute",
    Severity.WARNING,
    "CAs do not ask for the attribute {name}.",
    "An attribute of the pasted subject belongs in no code-signing certificate.",
)

CATEGORIES = ("Private Organization", "Government Entity", "Business Entity", "Non-Commercial Entity")
_PLACEHOLDERS = re.compile(
    r"[\W_]+|n/?a|none|null|empty|unknown|x{2,}|test|todo|<.*>|\[.*\]|\$?\{.*\}|your .*|default city|"
    r"some-state|default company ltd|internet widgits pty ltd",
    re.I,
)
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")
_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")


def check_subject(subject: Subject) -> list[Finding]:
    """Return what is wrong with *subject*, in the order of its attributes; nothing when all is well."""
    if not subject:
        return [EMPTY(certainty=Certainty.COMPUTED)]
    findings: list[Finding] = []
    for oid, value in subject.attributes:
        field = field_of(oid)
        if field is None:
            findings.append(UNKNOWN(name=label_of(oid), certainty=Certainty.COMPUTED))
        findings += _value(field, oid, value)
    counts = Counter(oid for oid, _ in subject.attributes)
    findings += [
        TWICE(field=label_of(oid), certainty=Certainty.COMPUTED) for oid in counts if counts[oid] > 1
    ]
    return findings + list(_whole(subject))


def check_form_field(key: str, value: str) -> list[Finding]:
    """Return what is wrong with one field of the form on its own; nothing for an empty one."""
    return [
        finding
        for oid, text in Subject.from_form({key: value}).attributes
        for finding in _value(FIELD[key], oid, text)
    ]


def _value(field: Field | None, oid: str, value: str) -> Iterator[Finding]:
    label, evidence = label_of(oid), Evidence(more={"field": field.key if field else oid})
    for character in value:
        if unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") or character == "\ufffd":
            name = unicodedata.name(character, "") or f"U+{ord(character):04X}"
            yield _computed(CHARACTERS(field=label, character=name, evidence=evidence))
            return
    if not value.strip():
        yield _computed(PLACEHOLDER(field=label, value=value, evidence=evidence))
        return
    if field is None:
        return
    if field.maximum == 2:
        yield from _country(field, value, evidence)
        return
    if len(value) > field.maximum:
        yield _computed(
            TOO_LONG(
                field=label,
                length=len(value),
                maximum=field.maximum,
                evidence=evidence,
                remedies=[Remedy(title=tr("Ask the CA how it abbreviates the name, and write it so."))],
            )
        )
    if field.key != "street" and _PLACEHOLDERS.fullmatch(value.strip()):
        yield _computed(PLACEHOLDER(field=label, value=value, evidence=evidence))
    elif field.printable and not _PRINTABLE.fullmatch(value):
        wrong = next(each for each in value if not _PRINTABLE.fullmatch(each))
        yield _computed(CHARACTERS(field=label, character=wrong, evidence=evidence))
    elif field.key == "email" and not _EMAIL.fullmatch(value):
        yield _computed(EMAIL(value=value, evidence=evidence))
    elif field.key == "business_category" and value not in CATEGORIES:
        yield _computed(CATEGORY(value=value, evidence=evidence))
    for character in '"\\':
        if character in value:
            yield _computed(QUOTING(field=label, character=character, evidence=evidence))


def _country(field: Field, value: str, evidence: Evidence) -> Iterator[Finding]:
    if value in countries.CODES:
        return
    meant = countries.meant(value)
    detail = tr("Is {code} meant?").format(code=meant) if meant else tr("Germany is DE, New Zealand NZ.")
    yield _computed(COUNTRY(value=value, detail=detail, evidence=evidence))


def _whole(subject: Subject) -> Iterator[Finding]:
    missing = [key for key in ("common_name", "organization", "country") if not subject.get(key)]
    if not subject.get("locality") and not subject.get("state"):
        missing.insert(len(missing) - ("country" in missing), "locality")
    if missing:
        yield _computed(
            INCOMPLETE(
                fields=names(missing),
                detail=tr("The CA may fill it in from the order, or send the request back."),
            )
        )
    if subject.get("country") in ("US", "CA") and re.fullmatch(r"[A-Za-z]{2}", subject.get("state")):
        yield _computed(STATE(value=subject.get("state"), evidence=Evidence(more={"field": "state"})))


def _computed(finding: Finding) -> Finding:
    return dataclasses.replace(finding, certainty=Certainty.COMPUTED)
