"""What somebody does who has none of it yet: the portal's steps, or one script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesign_wizard.core.text import tr
from codesign_wizard.widgets.basics import CopyButton, clear, label, row
from codesign_wizard.widgets.pieces import Fold, Tabs, az_box, portal_steps, powershell_box

if TYPE_CHECKING:
    from codesign_wizard.core.azure.options import AzureOptions


class SetupSteps(Fold):
    """Folded at first; ``offer`` makes the steps for the names that are typed by then."""

    def __init__(self) -> None:
        super().__init__(tr("I have n&one of these yet"))
        self.button.setAccessibleName(tr("I have none of these yet"))
        self.tabs: Tabs | None = None
        self._of: AzureOptions | None = None

    def offer(self, options: AzureOptions) -> None:
        """Show the steps and scripts for *options*, once it is open."""
        if not self.button.isChecked() or options == self._of:
            return
        from codesign_wizard.core.azure.setup_script import setup_remedy

        remedy = setup_remedy(options)
        chosen = self.tabs.index if self.tabs is not None else 0
        self._of = options
        clear(self.body)
        tabs = self.tabs = Tabs(tr("Ways to do it"))
        az, shell = remedy.az or "", remedy.powershell or ""
        texts = ("\n".join(remedy.portal), az, shell)
        tabs.add(tr("Portal"), portal_steps(remedy.portal))
        tabs.add("az", az_box(az, tr("az script"), script=True))
        tabs.add("PowerShell", powershell_box(shell, tr("PowerShell script"), script=True))
        copy = CopyButton(lambda: texts[tabs.index])
        copy.setAccessibleName(tr("Copy the steps shown"))
        # above the script, which is longer than the window is high
        head = row(label(remedy.title, "soft"), copy)
        head.setStretch(0, 1)
        self.body.addLayout(head)
        self.body.addWidget(tabs)
        after = label(tr("Paste what the script prints into the field above."), "soft")
        after.hide()
        tabs.chosen.connect(lambda place: after.setVisible(place > 0))  # the portal prints nothing
        self.body.addWidget(after)
        tabs.bar.setCurrentIndex(chosen)
