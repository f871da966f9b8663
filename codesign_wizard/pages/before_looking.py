"""What Permissions and Certificate show while nobody has looked: what will be seen, and what comes first."""

from __future__ import annotations

from codesign_wizard.core.azure.permissions import ahead as permissions_ahead
from codesign_wizard.core.certificates import ahead as certificate_ahead
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import KEY_VAULT
from codesign_wizard.core.text import tr
from codesign_wizard.pages import key_vault_words
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.widgets.basics import Card, Columns
from codesign_wizard.widgets.matrix import STATE_ROLES, signed
from codesign_wizard.widgets.preview import Legend, PreviewCard


def permissions_preview() -> Columns:
    """Return what a look at the permissions asks about, and the signs of its answers."""
    asked = PreviewCard(
        tr("What will be asked about"),
        [(purpose.words, ", ".join(names)) for purpose, names in permissions_ahead.asked_about()],
        note=tr("In the words of an access policy; Azure RBAC has its own for the same."),
        bullets=True,
        mono=True,
    )
    answers = Card(tr("What the answers mean"))
    answers.body.addWidget(
        Legend((signed(state), STATE_ROLES[state], text) for state, text in permissions_ahead.answers())
    )
    answers.body.addStretch(1)
    return Columns(asked, answers, share=(5, 3), level=True)


def certificate_preview() -> Columns:
    """Return what a look in the vault judges of a certificate, and what may come of it."""
    judged = PreviewCard(tr("What will be judged"), certificate_ahead.judged(), bullets=True)
    outcomes = PreviewCard(tr("What the vault may hold"), certificate_ahead.outcomes())
    return Columns(judged, outcomes, share=(5, 3), level=True)


def key_vault_first(workspace: Workspace) -> tuple[Severity, str, str] | None:
    """Return why Key Vault comes first, as a banner says it, or ``None`` where a look can be tried."""
    options = workspace.session.azure_options()
    lacking = key_vault_words.missing(options, secret_known=True)
    wrong = key_vault_words.impossible(options)
    return key_vault_words.comes_first(lacking, wrong, workspace.flow.blocking(KEY_VAULT))
