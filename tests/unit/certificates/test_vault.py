"""Requests, answers and versions through Microsoft's own clients, against a stand-in for the service."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from codesign_wizard.core.authenticode.roots import RootStore
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.catalogue import Model, permissions
from codesign_wizard.core.azure.permissions.report import Report, Row, State
from codesign_wizard.core.certificates.bundle import Answer, check_answer, read_bundle
from codesign_wizard.core.certificates.forms import Piece
from codesign_wizard.core.certificates.held import NameState
from codesign_wizard.core.certificates.judge import judge_version
from codesign_wizard.core.certificates.preflight import check_before_request
from codesign_wizard.core.certificates.request import KeyChoice, RequestOptions
from codesign_wizard.core.certificates.request_check import check_request
from codesign_wizard.core.certificates.vault import CertificateVault, prove_signature
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.finding import Certainty, Severity, blocks
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import Network, NetworkSettings
from codesign_wizard.core.redact import Secret
from codesign_wizard.practice.cloud import PracticeCloud
from tests.support import pki
from tests.unit.certificates import answers
from tests.unit.certificates import stand_in as stand_in_module
from tests.unit.certificates.answers import SUBJECT, as_pem
from tests.unit.certificates.stand_in import CREATED, OPTIONS, Refused, StandIn, opened

ASKED = RequestOptions(SUBJECT, KeyChoice.RSA_3072, tags={"order": "5"})
POLICY = ASKED.policy()


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
def vault(stand_in: StandIn, tmp_path: Path) -> Any:
    with opened(stand_in, tmp_path) as found:
        yield found


def answer_for(vault: CertificateVault, kind: str = "good") -> Answer:
    pending = vault.read_pending(Job())
    parts = [answers.root().certificate, answers.upper().certificate, answers.issuing().certificate]
    pieces = [Piece(name, data) for name, data in as_pem([*parts, answers.leaf(kind)])]
    key = pending.request.public_key if pending else None
    return check_answer(Job(), read_bundle(pieces), key, roots=answers.root_store())


def refusal(call: Any, *arguments: Any) -> str:
    with pytest.raises(CodesignError) as caught:
        call(Job(), *arguments)
    return caught.value.finding.id


def held(stand_in: StandIn, name: str = "code", kind: str = "rsa3072", leaf: Any = None) -> dict[str, Any]:
    version = {
        "version": f"{len(stand_in.certificates.get(name, [])) + 1:032x}", "cer": leaf or answers.leaf(),
        "tags": {}, "policy": POLICY, "key": pki.key(kind), "enabled": True,
    }  # fmt: skip
    stand_in.certificates.setdefault(name, []).append(version)
    return version


def test_the_whole_life_of_a_certificate(stand_in: StandIn, vault: CertificateVault, tmp_path: Path) -> None:
    assert vault.state(Job()).state is NameState.FREE
    made = vault.create_request(Job(), ASKED)
    sent = stand_in.bodies[0]
    sent["policy"]["x509_props"].pop("sans", None)
    assert sent == {"policy": POLICY, "tags": {"order": "5"}}
    assert made.waits
    assert made.request_id == "a76827a18b63421c917da80f28e9913d"
    assert made.since is not None
    assert made.since.timestamp() == CREATED + 1
    assert [each.id for each in check_request(made.request, ASKED)] == ["certificate.request.good"]

    # another start of the program finds it in the vault
    with opened(stand_in, tmp_path) as later:
        state = later.state(Job())
        assert state.state is NameState.PENDING
        assert state.pending == made
        assert "waits" in state.words()
        merged = later.merge_answer(Job(), answer_for(later))
    assert stand_in.changes == ["POST /certificates/code/create", "POST /certificates/code/pending/merge"]
    chain = [answers.leaf(), answers.issuing().certificate, answers.upper().certificate]
    assert stand_in.bodies[-1] == {
        "x5c": [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in chain]
    }
    assert merged.der == answers.leaf().public_bytes(Encoding.DER)
    assert (merged.newest, merged.exportable, merged.tags) == (True, None, {"order": "5"})
    assert merged.key is not None
    assert (merged.key.kind, merged.key.hardware, merged.key.platform) == ("RSA-HSM", True, "2")
    assert merged.key.operations == ("sign", "verify")
    assert merged.key.public_key == answers.spki()

    # renewal: a new version beside the old one, which stays the newest until the answer is merged
    again = vault.create_request(Job(), ASKED)
    assert again.request.public_key == answers.spki("rsa3072-other")
    state = vault.state(Job())
    assert state.state is NameState.RENEWING
    assert state.certificate is not None
    assert state.certificate.version == merged.version
    assert (state.certificate.exportable, state.certificate.reuse_key) == (False, False)
    assert len(state.versions) == 1
    assert state.newest_version == merged.version
    vault.merge_answer(Job(), answer_for(vault, "other-key"))
    state = vault.state(Job())
    assert state.state is NameState.CERTIFICATE
    assert [each.version[-1] for each in state.versions] == ["2", "1"]
    assert state.versions[0].to_json()["sha1"]
    old = vault.read(Job(), state.versions[1].version)
    assert (old.newest, old.exportable) == (None, None)
    assert old.der == answers.leaf().public_bytes(Encoding.DER)


def test_reading_changes_nothing(stand_in: StandIn, vault: CertificateVault) -> None:
    held(stand_in, "other")
    vault.create_request(Job(), ASKED)
    before = list(stand_in.changes)
    vault.state(Job())
    vault.read_pending(Job())
    vault.versions(Job())
    vault.pending_keys(Job())
    vault.attestation(Job(), "1".zfill(32))
    answer_for(vault)
    assert stand_in.changes == before


def test_a_dropped_request_is_gone(stand_in: StandIn, vault: CertificateVault) -> None:
    vault.create_request(Job(), ASKED)
    vault.drop_request(Job())
    assert vault.read_pending(Job()) is None
    assert vault.state(Job()).state is NameState.FREE
    assert refusal(vault.drop_request) == "certificate.request.none"
    assert refusal(vault.merge_answer, Answer()) == "certificate.answer.nothing"


@pytest.mark.parametrize("kind", ["other-key", "tls", "expired", "self-signed", "e-mail"])
def test_a_wrong_answer_never_reaches_the_vault(
    kind: str, stand_in: StandIn, vault: CertificateVault
) -> None:
    vault.create_request(Job(), ASKED)
    before = list(stand_in.asked)
    answer = answer_for(vault, kind)
    with pytest.raises(InputError):
        vault.merge_answer(Job(), answer)
    assert [each for each in stand_in.asked[len(before) :] if not each.startswith("GET")] == []
    assert vault.state(Job()).state is NameState.PENDING


def test_a_request_that_changed_meanwhile_is_noticed(stand_in: StandIn, vault: CertificateVault) -> None:
    vault.create_request(Job(), ASKED)
    answer = answer_for(vault)
    assert answer.ok
    vault.drop_request(Job())
    assert refusal(vault.merge_answer, answer) == "certificate.request.none"
    stand_in.key_kinds = ["rsa3072-third"]
    vault.create_request(Job(), ASKED)
    assert refusal(vault.merge_answer, answer) == "certificate.answer.other-key"
    stand_in.pending["code"]["status"] = "Canceled"
    assert refusal(vault.merge_answer, answer) == "certificate.request.not-waiting"
    assert "merge" not in str(stand_in.changes)


def test_a_merge_whose_answer_is_lost_is_found_done(stand_in: StandIn, vault: CertificateVault) -> None:
    vault.create_request(Job(), ASKED)
    answer = answer_for(vault)
    stand_in.lose_next_answer = True
    merged = vault.merge_answer(Job(), answer)
    # the client asked twice, and the second time nothing was pending any more
    assert stand_in.changes[1:] == ["POST /certificates/code/pending/merge"] * 2
    assert merged.der == answers.leaf().public_bytes(Encoding.DER)


def test_an_answer_to_another_request_is_told_by_name(stand_in: StandIn, tmp_path: Path) -> None:
    with opened(stand_in, tmp_path, "first") as first:
        first.create_request(Job(), ASKED)
    stand_in.key_kinds = ["rsa3072-other"]
    held(stand_in, "finished", "rsa3072-third")
    with opened(stand_in, tmp_path, "second") as second:
        second.create_request(Job(), ASKED)
        keys = second.pending_keys(Job())
        assert keys == {"first": answers.spki("rsa3072")}
        stand_in.denied = {"certificates/list"}
        assert second.pending_keys(Job()) == {}


def test_a_deleted_certificate_is_recovered_only_when_asked(
    stand_in: StandIn, vault: CertificateVault
) -> None:
    held(stand_in)
    stand_in.deleted["code"] = stand_in.certificates.pop("code")
    state = vault.state(Job())
    assert state.state is NameState.DELETED
    assert state.deleted is not None
    assert state.purge is not None
    assert (state.purge - state.deleted).days == 90
    assert refusal(vault.create_request, ASKED) == "certificate.request.name-deleted"
    stand_in.denied = {"certificates/read"}
    with pytest.raises(CodesignError) as caught:
        vault.state(Job())
    assert caught.value.finding.id == "azure.permission.missing"
    stand_in.denied = set()
    vault.recover_deleted(Job())
    assert vault.state(Job()).state is NameState.CERTIFICATE


def test_a_key_of_the_same_name_is_noticed(stand_in: StandIn, vault: CertificateVault) -> None:
    stand_in.keys["code"] = {**stand_in.key_bundle("code", held(stand_in, "x")), "managed": False}
    assert vault.state(Job()).state is NameState.TAKEN
    stand_in.keys["code"]["managed"] = True
    assert vault.state(Job()).state is NameState.FREE


def test_missing_permissions_cost_only_what_they_must(stand_in: StandIn, vault: CertificateVault) -> None:
    held(stand_in)
    stand_in.denied = {"certificates/list", "keys/read"}
    state = vault.state(Job())
    assert state.state is NameState.CERTIFICATE
    assert state.certificate is not None
    assert state.certificate.key is None
    assert state.versions == ()
    assert {each.id for each in state.findings} == {
        "certificate.judge.versions-unseen", "certificate.judge.key-unseen"
    }  # fmt: skip
    stand_in.denied = {"certificates/create/action", "certificates/update/action"}
    assert refusal(vault.create_request, ASKED) == "azure.permission.missing"
    assert refusal(vault.drop_request) == "azure.permission.missing"


SERVICE = {
    "certificate.request.pending-exists": (409, "Forbidden", stand_in_module.IN_PROGRESS),
    "certificate.request.busy": (
        409, "Conflict", "There was a conflict while updating pending certificate 'x'. This can happen when "
        "multiple operations are performed in parallel."),
    "certificate.request.name-taken": (409, "Conflict", "A key with that name exists."),
    "certificate.request.subject-refused": (
        400, "BadParameter", "The subject name provided is not a valid X500 name"),
    "certificate.request.vault-standard": (
        400, "BadParameter", "Hardware key operation not allowed on standard vault"),
    "certificate.request.other-issuer": (
        403, "Forbidden", "Merge is forbidden on pending object created with issuer : DigiCert while it is "
        "in progess."),
    "certificate.request.not-waiting": (
        403, "Forbidden", "Pending status must be in progress to allow update."),
    "certificate.answer.vault-other-key": (400, "BadParameter", stand_in_module.MISMATCH),
    "certificate.answer.vault-refused": (
        400, "BadParameter", "Property x5c has invalid value X5C must has at least one valid item"),
    "azure.vault.other": (400, "BadParameter", "Property  has invalid value\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("wanted", SERVICE)
def test_every_refusal_of_the_service_is_explained(
    wanted: str, stand_in: StandIn, vault: CertificateVault
) -> None:
    stand_in.refuse = Refused(*SERVICE[wanted])
    with pytest.raises(CodesignError) as caught:
        vault.create_request(Job(), ASKED)
    finding = caught.value.finding
    assert finding.id == wanted
    assert finding.evidence.status == SERVICE[wanted][0]
    assert finding.evidence.message
    assert finding.evidence.request_id == "req-1"


def test_what_cannot_be_asked_is_not_sent(stand_in: StandIn, vault: CertificateVault, tmp_path: Path) -> None:
    assert (
        refusal(vault.create_request, RequestOptions(SUBJECT.parse("C=UK")))
        == "certificate.request.subject-country"
    )
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        vault.create_request(job, ASKED)
    assert stand_in.asked == []
    with pytest.raises(InputError):
        opened(stand_in, tmp_path, "no such name")


def test_proof_of_the_hardware_is_given_where_the_service_has_it(
    stand_in: StandIn, vault: CertificateVault
) -> None:
    version = held(stand_in)["version"]
    assert vault.attestation(Job(), version) is None
    stand_in.tier = "managed"
    assert vault.attestation(Job(), version) == b"PEMproof"


def before(vault: CertificateVault, asked: RequestOptions = ASKED, **more: Any) -> list[str]:
    found = check_before_request(OPTIONS, asked, vault.state(Job()), **more)
    return [each.id.removeprefix("certificate.request.") for each in found if "quoting" not in each.id]


def test_before_anything_is_made_every_obstacle_is_told(stand_in: StandIn, vault: CertificateVault) -> None:
    assert before(vault) == ["name-free", "vault-tier-unknown"]
    assert before(vault, tier="Premium") == ["name-free", "vault-premium"]
    assert before(vault, tier="standard") == ["name-free", "vault-standard"]
    software = RequestOptions(SUBJECT, hardware=False)
    assert before(vault, software, tier="standard") == ["key-software", "name-free"]
    held(stand_in)
    assert before(vault) == ["renewal", "vault-premium"]
    vault.create_request(Job(), ASKED)
    found = check_before_request(OPTIONS, ASKED, vault.state(Job()))
    pending = next(each for each in found if each.id.endswith("pending-exists"))
    assert "It waits since 2026-" in pending.detail
    assert len(pending.remedies) == 2
    assert "pending delete" in str(pending.remedies[1].az)
    vault.drop_request(Job())
    stand_in.deleted["code"] = stand_in.certificates.pop("code")
    assert before(vault) == ["name-deleted", "vault-tier-unknown"]
    stand_in.deleted.clear()
    stand_in.keys["code"] = {**stand_in.key_bundle("code", held(stand_in, "x")), "managed": False}
    assert before(vault) == ["name-taken", "vault-tier-unknown"]


@pytest.mark.parametrize("model", Model)
def test_missing_permissions_are_told_before(model: Model, vault: CertificateVault) -> None:
    def report(*missing: str) -> Report:
        rows = [
            Row(each, State.MISSING if each.action.endswith(missing) else State.GRANTED, Certainty.OBSERVED)
            for each in permissions(model)
        ]
        return Report(model, tuple(rows))

    fine = check_before_request(
        OPTIONS, ASKED, vault.state(Job()), permissions=report("keys/sign/action", "x")
    )
    assert not blocks(fine)
    found = check_before_request(
        OPTIONS, ASKED, vault.state(Job()), permissions=report("certificates/create/action", "x")
    )
    assert [each.id for each in found if blocks([each])] == ["certificate.request.permission-missing"]


@pytest.fixture
def cloud() -> Iterator[PracticeCloud]:
    with PracticeCloud() as found:
        yield found


def test_a_vault_as_practised_is_read_judged_and_proved(cloud: PracticeCloud, tmp_path: Path) -> None:
    """The practice cloud speaks HTTPS and judges by itself: nothing of the stand-in above is in the way."""
    accounts = cloud.accounts
    settings = NetworkSettings(
        proxy=cloud.proxy_url, ca_bundle=str(cloud.ca_file), use_environment=False, cache=str(tmp_path)
    )
    network = Network(settings)
    options = AzureOptions(
        accounts.vault_name, accounts.certificate_name, accounts.application_id, accounts.tenant_id
    )
    secret = Secret(accounts.application_secret)
    assert [each.id for each in prove_signature(Job(), network, options, secret)] == ["azure.signature.works"]
    wrong = prove_signature(Job(), network, options, Secret("canary-not-the-secret"))
    assert [each.id for each in wrong] == ["azure.sign-in.secret-wrong"]
    with CertificateVault.open(Job(), network, options, secret) as vault:
        held_now = vault.read(Job())
    judged = judge_version(
        Job(), held_now, roots=RootStore.microsoft([cloud.roots_file]), network=network, revocation=False
    )
    assert judged.usable
    assert judged.findings[-1].severity is Severity.OK
    assert len(judged.chain) >= 2
