"""Puts the theme on: palette, fonts and style sheet, and again whenever the system changes its mind."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from codesign_wizard.core.resources import resource
from codesign_wizard.theme import sheet
from codesign_wizard.theme.colours import DARK, LIGHT, Tokens, put_on
from codesign_wizard.theme.measures import font, mirrored, px, set_scale, system_text_scale

if TYPE_CHECKING:
    from PySide6.QtGui import QIcon

_ICON_SIZES = (16, 24, 32, 48, 64, 128, 256)


def apply(
    app: QApplication,
    scheme: Qt.ColorScheme | None = None,
    *,
    scale: float | None = None,
    contrast: QPalette | None = None,
) -> None:
    """Dress the application; *scheme* ``None`` takes the system's, *scale* ``None`` keeps the present one.

    *contrast*: high contrast with these colours, whatever the system prefers.
    """
    if scale is not None:
        set_scale(scale)
    hints = app.styleHints()
    wanted = hints.accessibility().contrastPreference() is Qt.ContrastPreference.HighContrast
    if contrast is not None or (scheme is None and wanted):
        from codesign_wizard.theme.contrast import from_palette

        app.setPalette(QPalette() if contrast is None else contrast)
        look = from_palette(app.palette())
    else:
        dark = (hints.colorScheme() if scheme is None else scheme) is Qt.ColorScheme.Dark
        look = DARK if dark else LIGHT
    put_on(look)
    app.setPalette(_palette(look))
    app.setFont(font())
    app.setStyleSheet(sheet.build(look, px, mono_family=font(mono=True).family(), mirrored=mirrored()))


class Follower(QObject):
    """Dresses the application again whenever the system's scheme or contrast changes."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        hints = app.styleHints()
        hints.colorSchemeChanged.connect(self._changed)
        hints.accessibility().contrastPreferenceChanged.connect(self._changed)

    def _changed(self) -> None:
        apply(self._app)


def arguments() -> list[str]:
    """Return what a new ``QApplication`` is told: Fusion everywhere but on macOS.

    Asking for the style afterwards would make another one first, and Python's whole class for it.
    """
    return [] if sys.platform == "darwin" else ["-style", "fusion"]


def start(app: QApplication) -> None:
    """Dress a new application in the system's scheme and text size, and keep following it."""
    apply(app, scale=system_text_scale(app))
    Follower(app)


def app_icon() -> QIcon:
    """Return the program's icon; a picture is read when its size is first shown."""
    # here, not above: its many enumerations cost the first window time
    from PySide6.QtGui import QIcon

    icon = QIcon()
    for size in _ICON_SIZES:
        icon.addFile(str(resource(f"icons/codesign-wizard-{size}.png")), QSize(size, size))
    return icon


def _palette(look: Tokens) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for which, value in (
        (role.Window, look.canvas),
        (role.Base, look.surface),
        (role.AlternateBase, look.sunken),
        (role.Button, look.surface),
        (role.WindowText, look.ink),
        (role.Text, look.ink),
        (role.ButtonText, look.ink),
        (role.BrightText, look.error),
        (role.PlaceholderText, look.placeholder),
        (role.Highlight, look.accent),
        (role.HighlightedText, look.on_accent),
        (role.Link, look.accent),
        (role.LinkVisited, look.accent),
        (role.ToolTipBase, look.surface),
        (role.ToolTipText, look.ink),
        (role.Light, look.surface),
        (role.Midlight, look.line),
        (role.Mid, look.line),
        (role.Dark, look.faint),
        (role.Shadow, look.line),
        (role.Accent, look.accent),
    ):
        palette.setColor(which, QColor(value))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(look.disabled))
    return palette
