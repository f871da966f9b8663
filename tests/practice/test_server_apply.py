"""What our side changes on a server: our keys and nothing else, and all of it back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.comet.document import Members
from codesign_wizard.core.comet.look import State
from codesign_wizard.core.comet.settings import FileFields, MacosWanted, Part, Wanted
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.job import Job
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import MemoryStore
from tests.support.server_bench import AZURE_KEYS, P12, Bench, ids, macos


def test_apply_changes_our_keys_and_nothing_else(bench: Bench) -> None:
    before = bench.members()
    applied = bench.apply()
    after = bench.members()
    assert ids(applied.findings) == {"server.apply.done"}
    assert {name for name in after if before.get(name) != after[name]} == AZURE_KEYS
    assert list(after) == list(before)
    assert bench.server.setting("WindowsCodeSignAzureAppSecret") == bench.cloud.accounts.application_secret
    assert bench.server.open_sessions == 0


def test_two_hundred_unknown_keys_and_five_megabytes_survive_to_the_digit(bench: Bench) -> None:
    odd = (
        '{"Big":12345678901234567890123456789,"Float":1.10,"Exp":4E+2,"Zero":-0.0,"Text":"\\/\\u00e9\\u2028"}'
    )
    strange = {f"Later{n}": f'[{{"n":{n}.500,"deep":[[[{odd}]]]}}, null]' for n in range(200)}
    strange["Large"] = json.dumps("plain text, ü " * 380_000, ensure_ascii=False)
    bench.server.branding |= strange
    macos_before = Members(bench.server.branding["MacOSCodeSign"])
    before = bench.members()
    bench.apply(Wanted(bench.wanted.azure, bench.wanted.secret, MacosWanted(1)), [Part.AZURE, Part.LEVEL])
    after = bench.members()
    assert {name for name in after if before[name] != after[name]} == AZURE_KEYS | {"MacOSCodeSign"}
    macos_after = Members(after["MacOSCodeSign"])
    assert [name for name in macos_after if macos_after.raw(name) != macos_before.raw(name)] == ["Level"]


def test_what_is_the_same_is_not_sent_again(bench: Bench) -> None:
    bench.apply()
    with bench.desk() as desk:
        again = desk.compare(Job(), bench.wanted)
        states = {line.setting.path[-1]: line.state for line in again.lines}
    # the server keeps the secret its own way: whether it is the same cannot be told
    assert states.pop("WindowsCodeSignAzureAppSecret") is State.UNKNOWN
    assert set(states.values()) == {State.SAME}
    assert not again.blocked


def test_each_part_alone(bench: Bench, tmp_path: Path) -> None:
    wanted = Wanted(bench.wanted.azure, bench.wanted.secret, macos(tmp_path))
    for part, keys in (
        (Part.LEVEL, {"Level"}),
        (
            Part.CERTIFICATES,
            {
                "SignLocally",
                "CertificateFile",
                "AppCertificateFile",
                "PfxFilePassword",
                "PfxFilePasswordFormat",
            },
        ),
        (Part.API_KEY, {"NotaryAPIIssuerID", "NotaryAPIKeyID", "NotaryAPIKeyFile"}),
    ):
        before, inner = bench.members(), Members(bench.server.branding["MacOSCodeSign"])
        assert "server.apply.done" in ids(bench.apply(wanted, [part]).findings)
        after, now = bench.members(), Members(bench.server.branding["MacOSCodeSign"])
        assert {name for name in after if before[name] != after[name]} == {"MacOSCodeSign"}
        assert {name for name in now if inner.raw(name) != now.raw(name)} == keys
        bench.undo()
        assert bench.members() == before
        bench.apply(wanted, [part])
    before = bench.members()
    bench.apply(wanted, [Part.AZURE])
    assert {name for name in bench.members() if bench.members()[name] != before.get(name)} == AZURE_KEYS
    bench.undo()
    assert bench.members() == {**dict.fromkeys(AZURE_KEYS, '""'), **before}
    assert bench.server.macos_setting("PfxFilePassword") == "one for both"
    uri = bench.server.macos_setting("NotaryAPIKeyFile")
    assert bench.server.resource(uri) == b"the text of a key"


def test_the_unsure_field_is_told_and_can_be_chosen(bench: Bench, tmp_path: Path) -> None:
    wanted = Wanted(macos=macos(tmp_path))
    with bench.desk() as desk:
        unsure = desk.compare(Job(), wanted, [Part.CERTIFICATES])
        assert "server.settings.field-unsure" in ids(unsure.findings)
        chosen = desk.compare(Job(), wanted, [Part.CERTIFICATES], FileFields.NAME)
        assert "server.settings.field-unsure" not in ids(chosen.findings)
        desk.apply(Job(), chosen)
        # from here on the server shows which one it uses
        again = desk.compare(Job(), wanted, [Part.CERTIFICATES])
    assert again.fields is FileFields.NAME
    assert "server.settings.field-unsure" not in ids(again.findings)
    assert bench.server.macos_setting("CertificateName").startswith("resource://")
    assert bench.server.macos_setting("CertificateFile") == ""


def test_undo_gives_back_what_was_there(bench: Bench, tmp_path: Path) -> None:
    bench.apply(Wanted(macos=macos(tmp_path)), [Part.LEVEL, Part.CERTIFICATES, Part.API_KEY])
    before = bench.members()
    old_password = bench.server.macos_setting("PfxFilePassword")
    other = tmp_path / "other"
    other.mkdir()
    (other / "installer.p12").write_bytes(b"another file")
    new = macos(tmp_path, 0)
    changed = MacosWanted(
        0, other / "installer.p12", None, Secret("another"), new.issuer_id, "OTHERKEY01", new.key
    )
    bench.apply(Wanted(macos=changed), [Part.LEVEL, Part.CERTIFICATES, Part.API_KEY])
    assert bench.members() != before
    with bench.desk() as desk:
        assert desk.can_undo
        undone = desk.undo(Job())
        assert not desk.can_undo
    assert ids(undone.findings) == {"server.undo.done"}
    # the file that nothing referred to meanwhile was uploaded again
    assert bench.members() == before
    assert bench.server.macos_setting("PfxFilePassword") == old_password
    assert bench.server.resource(bench.server.macos_setting("CertificateFile")) == P12 + b"installer.p12"
    assert bench.journal.old() is None


def test_undo_is_refused_when_others_changed_our_keys_since(bench: Bench) -> None:
    bench.apply()
    bench.server.change("WindowsCodeSignAzureCertName", "theirs")
    with bench.desk() as desk, pytest.raises(CodesignError) as raised:
        desk.undo(Job())
    assert raised.value.finding.id == "server.apply.changed-meanwhile"
    assert bench.server.setting("WindowsCodeSignAzureCertName") == "theirs"


def test_undo_without_a_change_and_without_the_keyring(bench: Bench, tmp_path: Path) -> None:
    with bench.desk() as desk:
        with pytest.raises(CodesignError) as raised:
            desk.undo(Job())
        assert raised.value.finding.id == "server.undo.nothing"
    for password in ("first", "second"):
        bench.apply(Wanted(macos=replace(macos(tmp_path), password=Secret(password))), [Part.CERTIFICATES])
    bench.secrets = MemoryStore()
    with bench.desk() as desk:
        with pytest.raises(CodesignError) as raised:
            desk.undo(Job())
        assert raised.value.finding.id == "server.undo.secrets-gone"


def test_what_would_not_sign_is_told_before_it_is_given(
    bench: Bench, identities: dict[str, Path], tmp_path: Path
) -> None:
    accounts = bench.cloud.accounts
    roots = AppleRoots.with_files([bench.cloud.apple_roots_file], [bench.cloud.timestamp_roots_file])
    good = MacosWanted(
        1,
        identities["installer"],
        identities["application"],
        Secret("one for both"),
        accounts.api_issuer_id,
        accounts.api_key_id,
        Secret(accounts.api_private_key),
        roots=roots,
    )
    swapped = replace(good, installer=good.application, application=good.installer)
    wrong_password = replace(good, password=Secret("another"))
    no_key = replace(good, key=Secret("-----BEGIN NOTHING-----"))
    other_team = replace(good, team="OTHERTEAM1")
    with bench.desk() as desk:
        assert desk.compare(Job(), Wanted(macos=good)).may_apply
        for wanted, finding in (
            (swapped, "apple.identity.swapped"),
            (wrong_password, "apple.identity.password-wrong"),
            (other_team, "apple.options.other-team"),
            (no_key, "apple.api-key."),
        ):
            comparison = desk.compare(Job(), Wanted(macos=wanted))
            assert any(each.startswith(finding) for each in ids(comparison.findings)), finding
            assert not comparison.may_apply
            # what is well can be given all the same
            assert desk.compare(Job(), Wanted(macos=wanted), [Part.LEVEL]).may_apply
        wrong = Wanted(bench.wanted.azure, Secret("no~secret"))
        assert ids(desk.try_here(Job(), wrong, desk.compare(Job(), wrong))) == {
            "server.settings.azure-fails-here"
        }
        assert desk.try_here(Job(), bench.wanted, desk.compare(Job(), bench.wanted)) == []
