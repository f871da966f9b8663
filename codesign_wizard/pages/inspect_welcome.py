"""*Inspect* before a file was given: what can be dropped, what one learns of it, and room to drop it on."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QSizePolicy

from codesign_wizard.core.inspect_words import inspectable
from codesign_wizard.core.text import tr
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import column, label
from codesign_wizard.widgets.labels import keep_ltr
from codesign_wizard.widgets.pieces import FileDrop

_NAMES = 216  # width of the column, at a text scale of 1


class InspectWelcome(FileDrop):
    """The place to drop a file on, as large as the page has room for."""

    def __init__(self) -> None:
        super().__init__(
            tr("Drop a file here"), tr("Choose a file…"), tr("All files (*)"), folders=True, upright=True
        )
        self.words.setProperty("role", "heading")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        side = px(24)
        self.box.setContentsMargins(side, px(16), side, px(16))
        self.box.setSpacing(px(12))
        kinds = QGridLayout()
        kinds.setHorizontalSpacing(px(18))
        kinds.setVerticalSpacing(px(8))
        kinds.setColumnMinimumWidth(0, px(_NAMES))
        kinds.setColumnStretch(0, 2)
        kinds.setColumnStretch(1, 3)
        for place, each in enumerate(inspectable()):
            endings = label(each.endings, "label")
            keep_ltr(endings)
            kinds.addLayout(column(label(each.name), endings, gap=1), place, 0, Qt.AlignmentFlag.AlignTop)
            kinds.addWidget(label(each.told, "soft"), place, 1, Qt.AlignmentFlag.AlignTop)
        # words, button, kinds; what room is left stands around them
        self.box.setStretchFactor(self.words, 0)
        self.box.addLayout(kinds)
        self.box.insertStretch(0, 1)
        self.box.addStretch(1)
