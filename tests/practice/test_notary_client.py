"""Our notary client against the practice notary: refusals were predicted, what is accepted is stapled."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from codesign_wizard.core.apple import notary, notary_submit
from codesign_wizard.core.apple.notary_desk import Desk
from codesign_wizard.core.apple.notary_issues import kind_of
from codesign_wizard.core.apple.preflight import preflight
from codesign_wizard.core.apple.sign_bundle import sign_bundle
from codesign_wizard.core.apple.staple import staple, validate
from codesign_wizard.core.authenticode.timestamp import Timestamper
from codesign_wizard.core.job import Job
from codesign_wizard.core.local_signer import LocalSigner
from codesign_wizard.opening import open_session
from codesign_wizard.session import Session
from tests.support import apple_bundles

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="the app has links, which not everybody may make there"
)
DEBUGGABLE = (
    b'<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>'
    b"<key>com.apple.security.get-task-allow</key><true/></dict></plist>"
)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with open_session(practice=True) as opened:
        assert opened.practice is not None
        opened.practice.world.notary.processing = 0.0
        yield opened


@pytest.fixture
def desk(session: Session) -> Desk:
    key = session.api_key()
    assert key is not None
    return session.notary_desk(key)


def _signed(session: Session, folder: Path, fault: str) -> Path:
    app = apple_bundles.app(folder)
    if fault == "unsigned":
        return app
    assert session.practice is not None
    authority = session.practice.apple
    key, certificate = authority.identity("distribution" if fault == "certificate" else "application")
    signer = LocalSigner("practice.p12", key, [certificate, authority.intermediate("G2")])
    roots = session.apple_roots()
    servers = session.profile.windows.timestamp_servers
    stamps = None if fault == "timestamp" else Timestamper(session.network, servers, roots=roots.timestamp)
    sign_bundle(
        Job(),
        app,
        app,
        signer,
        timestamp=stamps,
        hardened_runtime=fault != "hardened-runtime",
        entitlements=DEBUGGABLE if fault == "get-task-allow" else None,
        roots=roots,
    )
    if fault == "signature":
        with (app / "Contents" / "Resources" / "icon.icns").open("ab") as file:
            file.write(b"changed")
    return app


def _zipped(app: Path) -> Path:
    target = app.with_suffix(".zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(app.rglob("*")):
            name = path.relative_to(app.parent).as_posix()
            if path.is_symlink():
                info = zipfile.ZipInfo(name)
                info.external_attr = 0o120755 << 16
                archive.writestr(info, str(path.readlink()))
            elif path.is_file():
                archive.write(path, name)
    return target


@pytest.mark.parametrize(
    "fault", ["unsigned", "certificate", "timestamp", "hardened-runtime", "get-task-allow", "signature"]
)
def test_what_the_notary_refuses_was_predicted(
    session: Session, desk: Desk, tmp_path: Path, fault: str
) -> None:
    path = _zipped(_signed(session, tmp_path, fault))
    look = preflight(Job(), path, roots=session.apple_roots())
    predicted = {each.kind.name for each in look.predicted}
    assert fault in predicted
    outcome = notary.wait(Job(), desk, notary_submit.submit(Job(), desk, path, look_first=False).record)
    assert not outcome.accepted
    assert outcome.log is not None
    kinds = [kind_of(issue.message) for issue in outcome.log.issues]
    assert {kind.name for kind in kinds if kind is not None} == predicted
    assert None not in kinds
    explained = [each for each in outcome.findings if each.id == f"apple.notary.issue-{fault}"]
    assert "shows the same" in explained[0].detail


def test_what_is_right_is_accepted_stapled_and_validated(
    session: Session, desk: Desk, tmp_path: Path
) -> None:
    app = _signed(session, tmp_path, "")
    looked = notary_submit.submit(Job(), desk, app)
    assert (looked.record.name, looked.record.file) == (f"{app.stem}.zip", str(app))
    assert [each.id for each in looked.findings] == ["apple.notary.preflight-ok"]
    outcome = notary.wait(Job(), desk, looked.record)
    assert outcome.accepted, outcome.findings
    assert staple(Job(), session.network, app).changed
    assert validate(Job(), session.network, app).stapled
    assert not staple(Job(), session.network, app).changed
    # stapled it is the app that was submitted still
    again = notary_submit.submit(Job(), desk, app)
    assert again.record.id == looked.record.id
    assert [each.id for each in again.findings] == ["apple.notary.already-submitted"]
    rows = notary.history(Job(), desk)
    assert looked.record.id in [row[0].id for row in rows if row[0] is not None]
    # the ticket is none of what the seal is over
    assert preflight(Job(), app, roots=session.apple_roots()).ok
    shutil.rmtree(app)
