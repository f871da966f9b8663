"""The style sheet, written from the tokens. No colour is named here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codesign_wizard.theme.colours import Tokens


def build(look: Tokens, px: Callable[[float], int], *, mono_family: str, mirrored: bool = False) -> str:
    """Return the style sheet for the colours *look*, lengths scaled by *px*; *mirrored* for right to left."""
    parts = (_surfaces, _type, _buttons, _fields, _pieces)
    mono = f'"{mono_family}", monospace'
    rail = f'QWidget[role="rail"] {{ border-{"left" if mirrored else "right"}: 1px solid {look.line}; }}'
    return "\n".join([*(part(look, px, mono) for part in parts), rail])


def _surfaces(look: Tokens, px: Callable[[float], int], mono: str) -> str:
    washes = "\n".join(
        f"""QFrame[role="banner"][severity="{name}"] {{
            background: {wash}; border: 1px solid {ink}; border-radius: {px(8)}px; }}"""
        for name, ink, wash in (
            ("ok", look.ok, look.ok_wash),
            ("info", look.line, look.surface),
            ("warning", look.warning, look.warning_wash),
            ("error", look.error, look.error_wash),
        )
    )
    return f"""
    QMainWindow, QScrollArea, QWidget[role="page"] {{ background: {look.canvas}; border: none; }}
    QWidget[role="header"] {{ background: {look.surface}; border-bottom: 1px solid {look.line}; }}
    QWidget[role="rail"] {{ background: {look.sunken}; }}
    QWidget[role="footer"] {{ background: {look.surface}; border-top: 1px solid {look.line}; }}
    QWidget[role="log"] {{ background: {look.surface}; }}
    QWidget[role="log-bar"] {{ background: {look.surface}; border-top: 1px solid {look.line}; }}
    QFrame[role="card"] {{
        background: {look.surface}; border: 1px solid {look.line}; border-radius: {px(8)}px; }}
    QFrame[role="card"][active="true"] {{ border-color: {look.accent}; }}
    QFrame[role="hairline"] {{ background: {look.line}; border: none; max-height: 1px; min-height: 1px; }}
    QFrame[role="drop"] {{
        background: {look.sunken}; border: 1px dashed {look.faint}; border-radius: {px(6)}px; }}
    QFrame[role="drop"][over="true"] {{ border: 1px solid {look.accent}; background: {look.accent_wash}; }}
    {washes}
    QToolTip {{ background: {look.surface}; color: {look.ink}; border: 1px solid {look.line};
        padding: {px(4)}px; }}
    QMainWindow::separator {{ background: {look.line}; height: 1px; width: 1px; }}
    """


def _type(look: Tokens, px: Callable[[float], int], mono: str) -> str:
    return f"""
    QLabel {{ background: transparent; border: none; }}
    QLabel[role="title"] {{ font-size: {px(21)}px; font-weight: 600; color: {look.ink}; }}
    QLabel[role="heading"] {{ font-weight: 600; color: {look.ink}; }}
    QLabel[role="soft"] {{ color: {look.soft}; }}
    QLabel[role="label"] {{ font-size: {px(11.5)}px; color: {look.soft}; }}
    QLabel[role="group"] {{ font-size: {px(10.5)}px; font-weight: 600; color: {look.faint}; }}
    QLabel[role="mono"] {{ font-family: {mono}; font-size: {px(11.5)}px; color: {look.ink}; }}
    QLabel[role="brand"] {{ font-size: {px(14)}px; font-weight: 600; color: {look.ink}; }}
    QLabel[role="slash"] {{ color: {look.faint}; }}
    QLabel[role="ok"] {{ color: {look.ok}; }}
    QLabel[role="warning"] {{ color: {look.warning}; }}
    QLabel[role="error"] {{ color: {look.error}; }}
    QLabel[role="badge"] {{
        background: {look.warning_wash}; color: {look.warning}; border: 1px solid {look.warning};
        border-radius: {px(9)}px; padding: {px(2)}px {px(9)}px; font-size: {px(11.5)}px; font-weight: 600; }}
    """


def _buttons(look: Tokens, px: Callable[[float], int], mono: str) -> str:
    height = px(30)
    # a radius of more than half the height would be no round corner at all: pills are px(20) high, and edges
    pressed, on_pressed = (look.selection, look.on_selection) if look.contrast else (look.line, look.ink)
    return f"""
    QPushButton {{
        background: {look.surface}; color: {look.ink}; border: 1px solid {look.line};
        border-radius: {px(6)}px; padding: 0 {px(14)}px; min-height: {height}px; font-weight: 600; }}
    QPushButton:hover {{ background: {look.sunken}; }}
    QPushButton:pressed {{ background: {pressed}; color: {on_pressed}; }}
    QPushButton:focus {{ border: 2px solid {look.accent}; padding: 0 {px(14) - 1}px;
        min-height: {height - 2}px; }}
    QPushButton:disabled {{
        color: {look.disabled}; background: {look.surface}; border: 1px dashed {look.soft}; }}
    QPushButton[kind="primary"] {{
        background: {look.accent}; color: {look.on_accent}; border: 1px solid {look.accent}; }}
    QPushButton[kind="primary"]:hover, QPushButton[kind="primary"]:pressed {{ border-color: {look.ink}; }}
    QPushButton[kind="primary"]:focus {{ border: 2px solid {look.ink}; background-clip: padding; }}
    QPushButton[kind="primary"]:disabled {{
        background: {look.sunken}; color: {look.disabled}; border: 1px dashed {look.soft}; }}
    QPushButton[kind="small"] {{
        min-height: {px(22)}px; padding: 0 {px(9)}px; font-size: {px(11.5)}px; font-weight: 400; }}
    QPushButton[kind="small"]:focus {{ min-height: {px(22) - 2}px; padding: 0 {px(9) - 1}px; }}
    QPushButton[kind="flat"] {{
        background: transparent; border: 1px solid transparent; color: {look.soft};
        padding: 0 {px(6)}px; min-height: {px(24)}px; font-weight: 400; }}
    QPushButton[kind="flat"]:hover {{ color: {look.ink}; text-decoration: underline; }}
    QPushButton[kind="flat"]:focus {{ border: 1px solid {look.accent}; min-height: {px(24)}px;
        padding: 0 {px(6)}px; }}
    QPushButton[kind="link"] {{
        background: transparent; border: 1px solid transparent; color: {look.accent};
        padding: 0; min-height: {px(20)}px; font-weight: 400; text-align: left;
        text-decoration: underline; }}
    QPushButton[kind="link"]:focus {{ border: 1px solid {look.accent}; min-height: {px(20)}px;
        padding: 0; }}
    QPushButton[kind="pill"] {{
        background: transparent; color: {look.soft}; border: 1px solid {look.line};
        border-radius: {px(10) + 1}px; padding: 0 {px(10)}px; min-height: {px(20)}px; font-size: {px(11.5)}px;
        font-weight: 400; }}
    QPushButton[kind="pill"]:checked {{
        background: {look.accent_wash}; color: {look.accent}; border-color: {look.accent};
        font-weight: 600; }}
    QPushButton[kind="pill"]:focus {{ border: 2px solid {look.accent}; padding: 0 {px(10) - 1}px;
        min-height: {px(20) - 2}px; }}
    QPushButton[kind="flat"]:disabled, QPushButton[kind="link"]:disabled, QPushButton[kind="pill"]:disabled {{
        color: {look.disabled}; border: 1px dashed {look.soft}; text-decoration: none; }}
    """


def _fields(look: Tokens, px: Callable[[float], int], mono: str) -> str:
    height = px(30)
    return f"""
    QLineEdit, QPlainTextEdit, QTextEdit {{
        background: {look.surface}; color: {look.ink}; border: 1px solid {look.line};
        border-radius: {px(6)}px; padding: 0 {px(9)}px;
        selection-background-color: {look.accent}; selection-color: {look.on_accent};
        placeholder-text-color: {look.placeholder}; }}
    QLineEdit {{ min-height: {height}px; }}
    QPlainTextEdit {{ padding: {px(5)}px {px(6)}px; }}
    QLineEdit:focus, QPlainTextEdit:focus {{ border: 2px solid {look.accent}; }}
    QLineEdit:focus {{ padding: 0 {px(9) - 1}px; min-height: {height - 2}px; }}
    QPlainTextEdit:focus {{ padding: {px(5) - 1}px {px(6) - 1}px; }}
    QLineEdit[mono="true"], QPlainTextEdit[mono="true"] {{
        font-family: {mono}; font-size: {px(11.5)}px; }}
    QLineEdit[state="error"] {{ border-color: {look.error}; }}
    QLineEdit[state="warning"] {{ border-color: {look.warning}; }}
    QLineEdit:disabled, QPlainTextEdit:disabled {{
        background: {look.sunken}; color: {look.soft}; border: 1px dashed {look.soft}; }}
    QLineEdit[kind="search"] {{ min-height: {px(22)}px; font-size: {px(11.5)}px; }}
    QLineEdit[kind="search"]:focus {{ min-height: {px(22) - 2}px; }}
    QTextEdit[role="code"] {{
        background: {look.sunken}; border: 1px solid {look.line}; border-radius: {px(6)}px;
        font-family: {mono}; font-size: {px(11.5)}px; padding: {px(6)}px {px(8)}px; }}
    QTextEdit[role="fact"] {{ background: transparent; border: none; padding: 0; }}
    QTextEdit[role="code"]:focus {{ border-color: {look.accent}; }}
    QAbstractItemView {{
        background: {look.surface}; color: {look.ink}; border: 1px solid {look.line};
        selection-background-color: {look.selection}; selection-color: {look.on_selection}; outline: none; }}
    QListWidget:disabled {{
        background: {look.sunken}; color: {look.soft}; border: 1px dashed {look.soft}; }}
    QListWidget {{ border-radius: {px(6)}px; padding: {px(3)}px; }}
    QListWidget:focus {{ border: 1px solid {look.accent}; }}
    QListWidget::item {{ padding: {px(5)}px {px(8)}px; border-radius: {px(4)}px; }}
    QListWidget::item:selected {{ background: {look.selection}; color: {look.on_selection};
        border: 1px solid {look.selection}; }}
    """


def _pieces(look: Tokens, px: Callable[[float], int], mono: str) -> str:
    return f"""
    QTabBar {{ background: transparent; border: none; }}
    QTabBar::tab {{
        background: transparent; color: {look.soft}; padding: {px(5)}px {px(10)}px;
        border: none; border-bottom: 2px solid transparent; margin-right: {px(4)}px; }}
    QTabBar::tab:selected {{ color: {look.ink}; border-bottom: 2px solid {look.accent}; font-weight: 600; }}
    QProgressBar {{
        background: {look.canvas if look.contrast else look.line}; border-radius: {px(2)}px;
        border: {f"1px solid {look.line}" if look.contrast else "none"};
        min-height: {px(4)}px; max-height: {px(4)}px; }}
    QProgressBar::chunk {{ background: {look.accent}; border-radius: {px(2)}px; }}
    QScrollBar:vertical {{ background: transparent; width: {px(10)}px; margin: 0; }}
    QScrollBar:horizontal {{ background: transparent; height: {px(10)}px; margin: 0; }}
    QScrollBar::handle {{
        background: {look.line}; border-radius: {px(3)}px; margin: {px(2)}px;
        min-height: {px(28)}px; min-width: {px(28)}px; }}
    QScrollBar::handle:hover {{ background: {look.faint}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QAbstractScrollArea::corner {{ background: transparent; border: none; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QTableView:focus {{ border: 1px solid {look.accent}; }}
    QTableView {{
        border: 1px solid transparent; gridline-color: transparent;
        font-family: {mono}; font-size: {px(11.5)}px;
        selection-color: {look.on_selection}; selection-background-color: {look.selection}; }}
    QTableView::item {{ padding: 0 {px(6)}px; border: none; }}
    QTableView[role="matrix"] {{ background: {look.surface}; border: 1px solid {look.line}; }}
    QTableView[role="matrix"]::item {{ padding: 0 {px(6)}px; border-bottom: 1px solid {look.line}; }}
    QTableView[role="matrix"]:focus {{ border: 1px solid {look.accent}; }}
    QTableView[role="matrix"] QHeaderView::section {{ padding: {px(6)}px {px(8)}px; border: none;
        border-bottom: 1px solid {look.line}; background: {look.surface}; }}
    QTableView::item:selected {{ background: {look.selection}; }}
    QHeaderView {{ background: {look.surface}; border: none; }}
    QHeaderView::section {{
        background: {look.surface}; color: {look.faint}; border: none;
        border-bottom: 1px solid {look.line}; padding: {px(3)}px {px(9)}px; font-size: {px(10.5)}px; }}
    """
