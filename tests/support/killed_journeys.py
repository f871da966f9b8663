"""What the children of ``killed_window`` do on the later pages, each from where the one before ended.

A way is a generator: each of its yields waits for a condition. It tells what it found, and ends in ``kill``.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

from codesign_wizard import ending
from codesign_wizard.core import macos_trial
from codesign_wizard.core.apple import identity_work, key_work, notary_upload, staple
from codesign_wizard.core.azure.permissions import grant
from codesign_wizard.core.azure.permissions.admin import AdminWay
from codesign_wizard.core.certificates import vault
from codesign_wizard.core.comet import client, work
from codesign_wizard.core.flow import (
    APPLE_CERTIFICATES,
    CERTIFICATE,
    MACOS_LEVEL,
    MACOS_TRIAL,
    PERMISSIONS,
    SERVER,
    STEPS,
    SUMMARY,
)
from codesign_wizard.core.job import Job, StageState
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.secrets import APPLE_API_KEY
from codesign_wizard.pages.apple_certificates import AppleCertificatesPage
from codesign_wizard.pages.certificate import CertificatePage
from codesign_wizard.pages.macos_level import MacosLevelPage
from codesign_wizard.pages.macos_trial import MacosTrialPage
from codesign_wizard.pages.permissions import PermissionsPage
from codesign_wizard.pages.server import ServerPage
from codesign_wizard.pages.settings import SettingsPage
from codesign_wizard.pages.summary import SummaryPage
from codesign_wizard.practice.keyvault import lifecycle
from codesign_wizard.widgets.basics import CodeBox
from codesign_wizard.window import MainWindow
from tests.support.killed import PART, kill_at, small_parts

IMPORTED = (macos_trial, staple, work)
Steps = Iterator[Callable[[], bool]]
Tell = Callable[[str, Any], None]
Way = Callable[[str, MainWindow, Tell, Callable[[], None]], Steps]

REQUESTED = "fresh"  # the certificate that is asked for


def _open(own: MainWindow, key: str) -> Steps:
    """Open the page *key* as somebody who has come that far, and wait until that is kept."""
    workspace = own.workspace
    workspace.profile.reached = [step.key for step in STEPS]
    workspace.profile.macos.level = LEVELS[-1]
    own.show_step(key)
    workspace.save()
    yield lambda: not own.runner.tasks


def _told(own: MainWindow, key: str) -> dict[str, Any]:
    """Return what the page says, and what stands in its step's result."""
    page: Any = own.page
    result = own.workspace.profile.results.get(key)
    return {
        "banner": f"{page.banner.title} {page.banner.text}",
        "state": own.workspace.flow.state(key).value,
        "found": [each.id for each in result.findings] if result is not None else [],
    }


# -- the macOS trial


def macos(place: str, own: MainWindow, tell: Tell, kill: Callable[[], None]) -> Steps:
    """The trial to its last level: killed at a stage or in the upload, logged off there, closed waiting."""
    small_parts()
    practice = own.workspace.session.practice
    assert practice is not None
    notary = practice.world.notary
    notary.processing = 0.0
    if place == "waiting":
        notary._published = lambda submission: None  # type: ignore[method-assign]  # Apple takes its time
    yield from _open(own, MACOS_TRIAL)
    page = own.page
    assert isinstance(page, MacosTrialPage)
    submitted = [each.submission_id for each in notary.history()]
    tell("found", _told(own, MACOS_TRIAL) | {"go": page.go.text(), "submitted": submitted})
    match place:
        case "build" | "sign-package":
            kill_at(
                Job, "stage", lambda _, key, state, *__: key == place and state is StageState.RUNNING, kill
            )
        case "upload":
            kill_at(notary_upload._Run, "_tell", lambda run, done: done > 2 * PART, kill)
        case "stapled":
            kill_at(staple, "staple", lambda *_: True, kill, after=True)
        case "logged-off-uploading":
            sending = threading.Event()

            def hold() -> None:
                sending.set()
                threading.Event().wait()  # the process ends before

            kill_at(notary_upload._Run, "_tell", lambda run, done: done > 3 * PART, hold)
            page.go.click()
            yield sending.is_set
            own.findChildren(ending.Ending)[0].keep()
            kill()
    page.go.click()
    if place == "waiting":
        yield lambda: page.stages.cards["processing"].state is StageState.RUNNING
        own.close()
        yield lambda: False
    yield lambda: not own.runner.tasks
    own.workspace.save()
    result = own.workspace.profile.results[MACOS_TRIAL]
    submitted = [each.submission_id for each in notary.history()]
    tell("left", _told(own, MACOS_TRIAL) | {"file": result.facts["file"], "submitted": submitted})
    own.close()
    yield lambda: False


# -- the server


def _signed_in(own: MainWindow, tell: Tell) -> Steps:
    yield from _open(own, SERVER)
    page = own.page
    assert isinstance(page, ServerPage)
    tell("before", _told(own, SERVER) | {"macos": own.workspace.flow.state(MACOS_TRIAL).value})
    page.jobs.connect_server()
    yield lambda: not own.runner.tasks
    tell("found", _told(own, SERVER))


def server(place: str, own: MainWindow, tell: Tell, kill: Callable[[], None]) -> Steps:
    """A change, its undo and the proof, each killed when the server has done its part."""
    yield from _signed_in(own, tell)
    page = own.page
    assert isinstance(page, ServerPage)
    if place == "proving":
        page._platforms_chosen([5])
        kill_at(Job, "stage", lambda _, key, state, *__: key == "unpack.5" and state is StageState.DONE, kill)
        page.jobs.prove()
        yield lambda: False
    kill_at(client.CometClient, "set_branding", lambda *_: True, kill, after=True)
    if place == "undoing":
        page.jobs.ask_undo()
    else:
        page.jobs.ask_apply()
    page.question.yes.click()
    yield lambda: False


# -- the certificate


def certificate(place: str, own: MainWindow, tell: Tell, kill: Callable[[], None]) -> Steps:
    """A request made, its answer merged, and what was deleted recovered.

    Killed when the vault has done it and nobody has heard of it.
    """
    own.workspace.profile.windows.azure.certificate_name = REQUESTED
    yield from _open(own, CERTIFICATE)
    page, practice = own.page, own.workspace.session.practice
    assert isinstance(page, CertificatePage)
    assert practice is not None
    if place == "recovering":
        world = practice.world
        with world.lock:
            lifecycle.delete(world.vault, REQUESTED, int(world.clock.now().timestamp()))
        world.save()
    page.look()
    yield lambda: not own.runner.tasks
    tell("found", _told(own, CERTIFICATE))
    if place == "recovering":
        kill_at(vault.CertificateVault, "recover_deleted", lambda *_: True, kill, after=True)
        page.requesting.ask_recover()
    elif place == "requesting":
        kill_at(vault.CertificateVault, "create_request", lambda *_: True, kill, after=True)
        page.requesting.write()
        page.requesting.check()
    elif place == "merging":
        kill_at(vault.CertificateVault, "merge_answer", lambda *_: True, kill, after=True)
        page.answering.practise("zip")
    else:
        own.close()
        yield lambda: False
    yield lambda: not own.runner.tasks
    page.question.yes.click()
    yield lambda: False


# -- permissions


def granting(place: str, own: MainWindow, tell: Tell, kill: Callable[[], None]) -> Steps:
    """A grant killed after its first step, then looked at again by the administrator."""
    yield from _open(own, PERMISSIONS)
    page = own.page
    assert isinstance(page, PermissionsPage)
    page.admin.card.way.setCurrentIndex(page.admin.card.way.findData(AdminWay.DEVICE_CODE))
    page.run()
    yield lambda: not own.runner.tasks
    tell("found", _told(own, PERMISSIONS))
    page.admin.sign_in()
    yield lambda: not page.admin.card.code_part.isHidden()
    box = page.admin.card.code_part.findChild(CodeBox)
    assert box is not None
    own.workspace.session.approve_sign_in(box.toPlainText().splitlines()[1])
    yield lambda: not own.runner.tasks
    plan = page.admin.plan
    tell("plan", [each.title for each in plan.steps] if plan is not None else None)
    if place == "granting":
        kill_at(grant._Worker, "do", lambda *_: True, kill, after=True)
        page.admin.card.grant_now.click()
    else:
        own.close()
    yield lambda: False


# -- Apple's certificates and key, reports, settings


def identities(place: str, own: MainWindow, tell: Tell, kill: Callable[[], None]) -> Steps:
    """Files read and not heard of, and files about to be written anew; then written."""
    yield from _open(own, APPLE_CERTIFICATES)
    page = own.page
    assert isinstance(page, AppleCertificatesPage)
    folder = (
        own.workspace.session.profiles.folder.parent / "own"
    )  # the practice's own are elsewhere each time
    folder.mkdir(exist_ok=True)
    files = [folder / path.name for path in page.files_given().values()]
    for path, copy in zip(page.files_given().values(), files, strict=True):
        if path != copy:
            shutil.copyfile(path, copy)
    # what a killed one left hidden goes with the next write
    left = sorted(path.name for path in folder.glob("[!.]*") if path not in files)
    tell("found", _told(own, APPLE_CERTIFICATES) | {"files": len(files), "left": left})
    if place == "importing":
        kill_at(identity_work, "look_again", lambda *_: True, kill, after=True)
    page.take_files([str(path) for path in files])
    yield lambda: not own.runner.tasks
    own.workspace.save()  # or chance decides which files the next start finds
    page.making.open_repack()
    page.making.ask_write()
    if place == "repacking":
        kill_at(os, "replace", lambda _, target: str(target).endswith(".p12"), kill)
    elif place == "repacked-one":
        kill_at(os, "replace", lambda _, target: str(target).endswith(".p12"), kill, after=True)
    page.question.yes.click()
    yield lambda: not own.runner.tasks
    own.workspace.save()
    left = sorted(path.name for path in folder.iterdir() if path.name.startswith(".") or path not in files)
    tell("left", _told(own, APPLE_CERTIFICATES) | {"files": len(page.files_given()), "left": left})
    own.close()
    yield lambda: False


def api_key(place: str, own: MainWindow, tell: Tell, kill: Callable[[], None]) -> Steps:
    """The key in the keyring and nobody has heard of it; then checked with Apple."""
    yield from _open(own, MACOS_LEVEL)
    page, session = own.page, own.workspace.session
    assert isinstance(page, MacosLevelPage)
    practice = session.practice
    assert practice is not None
    # as it is written down: practice gives its own key at each start where none is
    written = practice.world.state.document("keyring") or {}
    tell("found", _told(own, MACOS_LEVEL) | {"kept": written.get(f"{session.profile.id}/{APPLE_API_KEY}")})
    if place == "key-given":
        file = session.profiles.folder.parent / f"AuthKey_{practice.accounts.api_key_id}.p8"
        file.write_text(practice.accounts.api_private_key)
        session.set_api_key(None)
        kill_at(key_work, "take", lambda *_: True, kill, after=True)
        page.take(str(file))
        yield lambda: False
    page.check()
    yield lambda: not own.runner.tasks
    own.workspace.save()
    tell("left", _told(own, MACOS_LEVEL))
    own.close()
    yield lambda: False


def report(place: str, own: MainWindow, tell: Tell, kill: Callable[[], None]) -> Steps:
    """A report about to take the former one's place, and what is typed on *Settings*."""
    yield from _open(own, SUMMARY)
    page = own.page
    assert isinstance(page, SummaryPage)
    target = own.workspace.session.profiles.folder.parent / "report.html"
    former = target.read_text().strip()[-7:] if target.exists() else ""
    tell("found", {"report": former, "timeout": own.workspace.profile.network.timeout})
    if place == "reporting":
        target.write_text("a former one")
        kill_at(os, "replace", lambda _, to: str(to).endswith(".html"), kill)
    elif place == "settings":
        own.open_panel("settings")
        settings = own.findChild(SettingsPage)
        assert settings is not None
        settings.timeout.edit.setText("33")
        settings.timeout.edited.emit("33")
        own.findChildren(ending.Ending)[0].keep()
        kill()
    page.save_report(target)
    yield lambda: not own.runner.tasks
    beside = [path.name for path in target.parent.iterdir() if "report.html" in path.name]
    tell("left", {"report": target.read_text().strip()[-7:], "beside": beside})
    own.close()
    yield lambda: False


WAYS: dict[str, Way] = {
    **dict.fromkeys(("importing", "repacking", "repacked-one", "repacked"), identities),
    **dict.fromkeys(("key-given", "key-checked"), api_key),
    **dict.fromkeys(("reporting", "settings", "reported"), report),
    **dict.fromkeys(("build", "sign-package", "upload", "logged-off-uploading", "waiting"), macos),
    **dict.fromkeys(("stapled", "notarised"), macos),
    **dict.fromkeys(("applying", "undoing", "proving"), server),
    **dict.fromkeys(("requesting", "merging", "merged", "recovering", "recovered"), certificate),
    **dict.fromkeys(("granting", "granted"), granting),
}
SCENARIOS = dict.fromkeys(("granting", "granted"), "rbac-none")
