"""A page of a report: everything can be read and copied, nothing typed, chosen or run.

What only shows something else has the property ``reads``, where it is no link or filter anyway; a link that
does more than that has ``changes``.
"""

from __future__ import annotations

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QWidget,
)

from codesign_wizard.core.text import tr
from codesign_wizard.widgets.basics import CopyButton
from codesign_wizard.widgets.pieces import FileDrop

_CHOICES = (QCheckBox, QComboBox, QRadioButton, QListWidget, FileDrop)
_SHOWING = ("link", "flat", "pill")  # kinds of buttons that begin nothing


def hold(page: QWidget) -> None:
    """Hold every control on *page* that would change or begin something."""
    for each in page.findChildren(QWidget):
        if each.property("reads"):
            continue
        if isinstance(each, QLineEdit | QPlainTextEdit):
            each.setReadOnly(True)
        elif isinstance(each, _CHOICES) or (
            isinstance(each, QPushButton)
            and not isinstance(each, CopyButton)
            and (each.property("kind") not in _SHOWING or each.property("changes"))
        ):
            each.setEnabled(False)
            each.setToolTip(tr("Not in a report: it is only read."))
