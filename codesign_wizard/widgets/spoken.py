"""What a screen reader says on its own.

Imported ahead: Qt makes these enumerations at their first use, in the midst of what is told.
"""

from __future__ import annotations

from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget

_ASSERTIVE = QAccessible.AnnouncementPoliteness.Assertive


def say(widget: QWidget, text: str, *, assertive: bool) -> None:
    """Let a screen reader say *text* of *widget*, at once if *assertive*."""
    event = QAccessibleAnnouncementEvent(widget, text)
    if assertive:
        event.setPoliteness(_ASSERTIVE)
    QAccessible.updateAccessibility(event)
