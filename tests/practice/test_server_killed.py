"""A real kill in the middle of a change: the server is whole, and the next start says what happened.

The window's own end is in ``tests/gui/test_killed_window.py``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from codesign_wizard.cli import main
from codesign_wizard.core.comet.document import Members
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.comet.models import HOST
from codesign_wizard.practice.comet.routes import service as comet_service
from codesign_wizard.practice.wire.messages import Request, Response
from tests.practice.test_survey import profile
from tests.support.server_bench import Bench

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "codesign_wizard", "server", "apply", "--yes"]


def _configured(cloud: PracticeCloud, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = profile(cloud, 1)
    made.windows_wanted = made.macos_wanted = True
    made.server.address, made.server.user = cloud.accounts.server_address, cloud.accounts.server_user
    made.extra_roots = [str(cloud.apple_roots_file)]
    cloud.apple_account.write()
    made.macos.application_file = str(cloud.apple_account.application_file)
    made.macos.installer_file = str(cloud.apple_account.installer_file)
    ProfileStore(folder / "profiles").save(made)
    for name, value in (
        ("CODESIGN_WIZARD_CONFIG", str(folder)),
        ("AZURE_CLIENT_SECRET", cloud.accounts.application_secret),
        ("CODESIGN_WIZARD_P12_PASSWORD", cloud.apple_account.password),
        ("CODESIGN_WIZARD_SERVER_PASSWORD", cloud.accounts.server_password),
    ):
        monkeypatch.setenv(name, value)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize(
    ("after", "finding", "saved"),
    [
        ("resource/new", "server.apply.interrupted-before", False),
        ("branding-config/set", "server.apply.interrupted-saved", True),
    ],
)
def test_killed_in_the_middle_of_apply(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    after: str,
    finding: str,
    saved: bool,
) -> None:
    world, server = bench.cloud.world, bench.server
    world.accounts.server_password = server.administrators[0].password
    _configured(bench.cloud, tmp_path, monkeypatch)
    before = server.branding_text()
    service = comet_service(world)
    running: list[subprocess.Popen[str]] = []
    calls: list[str] = []

    def answer(request: Request) -> Response:
        given = service.handle(request)
        calls.append(request.path.removeprefix("/api/v1/admin/"))
        # the server has done it, and whoever asked does not hear of it any more
        uploads = sum(call.endswith("resource/new") for call in calls)
        if request.path.endswith(after) and (saved or uploads == 2):
            running[0].send_signal(signal.SIGKILL)
            running[0].wait(30)
        return given

    # it starts in a process of its own, as it does for a person
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with world.lock:
        world.conditions.answers[HOST] = answer
        running.append(
            subprocess.Popen(
                COMMAND, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
            )
        )
    try:
        told, _ = running[0].communicate(timeout=120)
    finally:
        running[0].kill()
        world.conditions.answers.pop(HOST, None)
    assert running[0].returncode == -signal.SIGKILL, told
    assert calls[-1].endswith(after)
    # all of it or nothing
    assert (server.branding_text() != before) is saved
    now = Members(server.branding_text())
    assert now.get("WindowsCodeSignMethod") == (4 if saved else 1)
    assert now.object("MacOSCodeSign").get("SignLocally") is saved
    assert server.macos_setting("CertificateFile").startswith("resource://") is saved

    assert main(["server", "diff", "--json"]) == 0
    told_next = {each["id"] for each in json.loads(capsys.readouterr().out)["findings"]}
    assert finding in told_next
    assert main(["server", "diff", "--json"]) == 0
    assert finding not in capsys.readouterr().out
