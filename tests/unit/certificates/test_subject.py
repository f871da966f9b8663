"""Subjects survive the way into Key Vault's string and back, as OpenSSL reads them, to the byte."""

from __future__ import annotations

import random
import re
import subprocess
import warnings
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from codesign_wizard.core.certificates.subject import FIELDS, Subject, SubjectError
from codesign_wizard.core.certificates.subject_checks import check_form_field, check_subject
from tests.support import pki

HARD = {
    "comma": "Foo, Inc.",
    "quotes": 'The "Best" Company',
    "quote at the ends": '"Best"',
    "plus": "Salt + Pepper Ltd",
    "equals": "E=mc2 Ltd",
    "backslash": "Back\\slash Ltd",
    "hash": "#1 Backups",
    "brackets": "<Cloud>",
    "semicolon": "Foo; Bar",
    "umlauts": "Müller & Söhne GmbH",
    "cjk": "株式会社バックアップ",
    "emoji": "Back 🗄 up",
    "64 characters": "a" * 64,
    "64 CJK characters": "備" * 64,
    "blanks around": " a ",
    "everything": ',+="\\<>#; \\"" ,',
}


def request(subject: Subject) -> x509.CertificateSigningRequest:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = subject.to_name()
        return x509.CertificateSigningRequestBuilder(name).sign(pki.key("p256"), hashes.SHA256())


def read_by_openssl(der: bytes) -> list[tuple[str, str]]:
    """Return the subject's attributes as ``openssl req -subject`` names them, its escapes undone."""
    done = subprocess.run(
        ["openssl", "req", "-inform", "DER", "-noout", "-subject", "-nameopt", "RFC2253,utf8,-esc_msb,oid"],
        input=der,
        capture_output=True,
        check=True,
        timeout=20,
    )
    text = done.stdout.decode().removeprefix("subject=").removesuffix("\n")
    pairs = []
    for part in re.split(r"(?<!\\)(?:\\\\)*,(?=[0-9.]+=)", text):
        oid, _, value = part.partition("=")
        pairs.append((oid, re.sub(r"\\(.)", r"\1", value)))
    return pairs


@pytest.mark.parametrize("case", HARD)
def test_a_value_with_special_signs_survives_to_the_byte(case: str) -> None:
    value = HARD[case]
    subject = Subject((("2.5.4.3", value), ("2.5.4.10", value), ("2.5.4.6", "DE")))
    parsed = Subject.parse(subject.x500())
    assert parsed == subject
    der = request(parsed).public_bytes(Encoding.DER)
    assert value.encode() in der
    assert read_by_openssl(der) == list(subject.attributes)


def test_what_openssl_makes_is_read_alike(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pki.private_pem(pki.leaf("p256")))
    subject = Subject(
        tuple(
            (
                field.oid,
                "DE" if field.maximum == 2 else "Müller+Söhne, “X”" if not field.printable else "HRB 1",
            )
            for field in FIELDS
            if field.key != "email"
        )
    )
    lines = "\n".join(
        f"{number}.{oid} = {value}" for number, (oid, value) in enumerate(reversed(subject.attributes))
    )
    (tmp_path / "req.cnf").write_text(
        f"[req]\nprompt=no\nutf8=yes\nstring_mask=utf8only\ndistinguished_name=dn\n[dn]\n{lines}\n", "utf-8"
    )
    done = subprocess.run(
        ["openssl", "req", "-new", "-key", "key.pem", "-config", "req.cnf", "-outform", "DER", "-utf8"],
        cwd=tmp_path, capture_output=True, check=True, timeout=20,
    )  # fmt: skip
    read = Subject.from_name(x509.load_der_x509_csr(done.stdout).subject)
    assert read == subject
    assert Subject.parse(read.x500()) == subject


def test_any_subject_comes_back_from_its_string() -> None:
    signs = random.Random(5)
    alphabet = "ab ,+=\"\\<>#;ü備\u200b'/"
    for _ in range(400):
        pairs = [
            (signs.choice(FIELDS).oid, "".join(signs.choices(alphabet, k=signs.randint(1, 12))))
            for _ in range(signs.randint(1, 6))
        ]
        subject = Subject(tuple(pairs))
        assert Subject.parse(subject.x500()) == subject, subject.x500()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("CN=Example Ltd, O=Example Ltd, C=NZ", ["2.5.4.3", "2.5.4.10", "2.5.4.6"]),
        ("cn = a ; s = b + l = c", ["2.5.4.3", "2.5.4.8", "2.5.4.7"]),
        ('O="Foo, Inc." , E=a@b.example', ["2.5.4.10", "1.2.840.113549.1.9.1"]),
        ("OID.2.5.4.15=Private Organization,1.2.3.4=x", ["2.5.4.15", "1.2.3.4"]),
        (
            "emailAddress=a@b.example,serialNumber=1,postalCode=2",
            ["1.2.840.113549.1.9.1", "2.5.4.5", "2.5.4.17"],
        ),
        ("", []),
    ],
)
def test_pasted_names_are_understood(text: str, wanted: list[str]) -> None:
    assert [oid for oid, _ in Subject.parse(text).attributes] == wanted


@pytest.mark.parametrize(
    "text",
    ["Example", "O=Foo, Inc.", 'O="Foo', 'O="Foo" Inc', "Q=1", "CN=a,", "CN=a#b", "=a", "CN=" + "a" * 9000],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(SubjectError):
        Subject.parse(text)


def test_the_string_is_quoted_only_where_it_must_be() -> None:
    form = {
        "organization": "  Foo,  Inc. ",
        "common_name": 'A "B"',
        "country": "nz",
        "locality": "Ōtautahi",
        "state": "",
    }
    assert Subject.from_form(form).x500() == 'CN="A ""B""",O="Foo, Inc.",L=Ōtautahi,C=NZ'
    assert Subject.from_form(form).to_form() == {
        "organization": "Foo, Inc.", "common_name": 'A "B"', "country": "NZ", "locality": "Ōtautahi"
    }  # fmt: skip
    assert dict(Subject.from_form(form).preview())["Country"] == "NZ"


GOOD = {
    "common_name": "Example Ltd", "organization": "Example Ltd", "locality": "Christchurch", "country": "NZ"
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, []),
        ({"organization": "a" * 65}, ["too-long:error"]),
        ({"organization": "備" * 64}, []),
        ({"locality": "a" * 128}, []),
        ({"locality": "a" * 129}, ["too-long:error"]),
        ({"country": "uk"}, ["country:error"]),
        ({"country": "New Zealand"}, ["country:error"]),
        ({"common_name": "a\u0000b"}, ["characters:error"]),
        ({"common_name": "a\ufffdb"}, ["characters:error"]),
        ({"serial_number": "HRB 12345"}, []),
        ({"serial_number": "№ 12"}, ["characters:error"]),
        ({"organizational_unit": "-"}, ["placeholder:error"]),
        ({"state": "N/A"}, ["placeholder:error"]),
        ({"street": "5"}, []),
        ({"email": "info"}, ["email:error"]),
        ({"email": "info@example.com"}, []),
        ({"business_category": "Company"}, ["category:warning"]),
        ({"business_category": "Private Organization", "jurisdiction_country": "DE"}, []),
        ({"jurisdiction_country": "DEU"}, ["country:error"]),
        ({"country": "US", "state": "CA"}, ["state-short:warning"]),
        ({"country": "US", "state": "California"}, []),
        ({"locality": ""}, ["incomplete:warning"]),
        ({"common_name": "", "organization": ""}, ["incomplete:warning"]),
        ({"common_name": 'The "Best"'}, ["quoting:info"]),
    ],
)
def test_every_rule_has_its_finding(change: dict[str, str], wanted: list[str]) -> None:
    found = check_subject(Subject.from_form({**GOOD, **change}))
    shown = [f"{each.id.removeprefix('certificate.request.subject-')}:{each.severity}" for each in found]
    assert shown == wanted


def test_other_faults_of_a_whole_subject() -> None:
    assert [each.id for each in check_subject(Subject())] == ["certificate.request.subject-empty"]
    ids = {each.id for each in check_subject(Subject.parse("CN=a,CN=b,O=c,L=d,C=NZ,DC=x"))}
    assert ids == {"certificate.request.subject-twice", "certificate.request.subject-attribute"}
    assert "Is GB meant?" in check_form_field("country", "UK")[0].detail
    assert check_form_field("country", "") == []
