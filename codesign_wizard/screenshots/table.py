"""Every scene by its name, the longest first: the pictures are done sooner when none of them is last."""

from __future__ import annotations

from collections.abc import Callable

from codesign_wizard.screenshots.scenes.apple import apple_files, apple_passwords, macos_trial, without_a_mac
from codesign_wizard.screenshots.scenes.certificate import certificate, renewal
from codesign_wizard.screenshots.scenes.inspect import chain, protected, unreadable
from codesign_wizard.screenshots.scenes.key_vault import firewall, signing_in, wrong_secret
from codesign_wizard.screenshots.scenes.level import level, level_empty, level_refused
from codesign_wizard.screenshots.scenes.notary import macos_notarise, macos_refused
from codesign_wizard.screenshots.scenes.permissions import no_role, not_yet, some_permissions
from codesign_wizard.screenshots.scenes.server import server_apply, server_sign_in, server_trouble
from codesign_wizard.screenshots.scenes.summary import report, summary
from codesign_wizard.screenshots.scenes.way import fresh, way
from codesign_wizard.screenshots.scenes.what_if import what_if
from codesign_wizard.screenshots.scenes.windows_trial import no_time_stamp, one_time_stamp, running
from codesign_wizard.screenshots.studio import Studio

SCENES: dict[str, Callable[[Studio], None]] = {
    scene.__name__: scene
    for scene in (
        way,
        fresh,
        certificate,
        server_apply,
        apple_files,
        macos_notarise,
        macos_trial,
        level,
        what_if,
        without_a_mac,
        some_permissions,
        not_yet,
        macos_refused,
        server_trouble,
        apple_passwords,
        wrong_secret,
        no_role,
        level_refused,
        renewal,
        running,
        firewall,
        signing_in,
        no_time_stamp,
        one_time_stamp,
        unreadable,
        protected,
        chain,
        level_empty,
        server_sign_in,
        summary,
        report,
    )
}
