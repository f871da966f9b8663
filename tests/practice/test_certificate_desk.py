"""Each step of a certificate's life as one job, against the practice cloud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from codesign_wizard.core.certificates.desk import CertificateDesk, DeskState, Stage
from codesign_wizard.core.certificates.desk_words import what_is_merged
from codesign_wizard.core.certificates.forms import Piece
from codesign_wizard.core.certificates.request import RequestOptions
from codesign_wizard.core.certificates.subject import Subject
from codesign_wizard.core.certificates.vault_reader import VaultReader
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import blocks
from codesign_wizard.core.job import Job
from codesign_wizard.opening import open_session
from codesign_wizard.session import Session

ASKED = RequestOptions(
    Subject.from_form({"common_name": "Harbour", "organization": "Harbour", "country": "NZ"})
)


@pytest.fixture
def session() -> Iterator[Session]:
    with open_session(practice=True) as opened:
        yield opened


def desk(session: Session, name: str) -> CertificateDesk:
    session.profile.windows.azure.certificate_name = name
    return CertificateDesk(
        session.network, session.azure_options(), session.application_secret, session.roots
    )


def answer(session: Session, state: DeskState) -> Piece:
    assert state.request is not None
    assert session.practice is not None
    world = session.practice.world
    leaf = world.code_signing.issue(
        x509.load_pem_x509_csr(state.request.pem.encode()), start=world.clock.now()
    )
    chain = (world.code_signing.root, leaf, world.code_signing.intermediate)
    return Piece("answer.pem", b"".join(each.public_bytes(Encoding.PEM) for each in chain))


def test_a_life_from_free_to_usable(session: Session) -> None:
    fresh = desk(session, "fresh")
    assert fresh.look(Job()).stage is Stage.FREE
    before = fresh.before_request(Job(), ASKED)
    assert not blocks(before)
    assert fresh.look(Job()).stage is Stage.FREE, "looking makes nothing"
    made = fresh.request(Job(), ASKED)
    assert made.stage is Stage.PENDING
    assert "certificate.request.good" in [each.id for each in made.findings]
    judged = fresh.check(Job(), [answer(session, made)])
    assert judged.ok
    shown = dict(what_is_merged(fresh.options, judged))
    assert shown["Goes there"] == "Harbour → Practice Code Signing CA"
    assert shown["Stays out"] == "Practice Code Signing Root"
    assert fresh.look(Job()).stage is Stage.PENDING, "judging merges nothing"
    merged = fresh.merge(Job(), judged)
    assert merged.stage is Stage.USABLE
    assert merged.request is None
    assert "azure.signature.works" in [each.id for each in merged.findings]
    assert merged.subject["common_name"] == "Harbour"


def test_an_answer_to_another_request_says_to_which(session: Session) -> None:
    first, second = desk(session, "first"), desk(session, "second")
    one, two = first.request(Job(), ASKED), second.request(Job(), ASKED)
    found = first.check(Job(), [answer(session, two)])
    assert not found.ok
    assert found.matches == "second"
    with pytest.raises(InputError):
        first.merge(Job(), found)
    assert first.check(Job(), [answer(session, one)]).ok
    assert first.look(Job()).stage is Stage.PENDING


def test_a_second_request_is_stopped_before_it_is_made(session: Session) -> None:
    fresh = desk(session, "fresh")
    fresh.request(Job(), ASKED)
    assert "certificate.request.pending-exists" in [
        each.id for each in fresh.before_request(Job(), ASKED) if blocks([each])
    ]
    with pytest.raises(CodesignError) as refused:
        fresh.request(Job(), ASKED)
    assert refused.value.finding.id == "certificate.request.pending-exists"
    assert fresh.drop(Job()).stage is Stage.FREE


def test_what_is_no_certificate_is_told_without_asking_the_vault(session: Session) -> None:
    session.profile.network.proxy = "http://127.0.0.1:9"  # nobody listens there
    found = desk(session, "fresh").check(Job(), [Piece("a.cer", b"<html><body>Sign in</body></html>")])
    assert [each.id for each in found.findings] == ["certificate.answer.web-page"]


def test_a_list_goes_on_with_the_page_that_the_vault_names_with_its_port(session: Session) -> None:
    assert session.practice is not None
    certificate = session.practice.world.vault.certificate("code-signing")
    first = certificate.versions[0]
    certificate.versions += [replace(first, version=f"{number:032x}") for number in range(30)]
    with VaultReader.open(
        Job(), session.network, session.azure_options(), session.application_secret()
    ) as vault:
        assert len(vault.versions(Job())) == 31
