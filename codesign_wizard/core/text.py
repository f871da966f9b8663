"""Words that a person reads: one function to mark and translate them.

``tr`` takes a *literal* only, so that the strings can be collected from the source; values are put in
afterwards: ``tr("{name} was not found.").format(name=name)``. A check refuses f-strings and variables.
"""

from __future__ import annotations

from collections.abc import Callable

_translator: Callable[[str], str] | None = None


def tr(text: str) -> str:
    """Return *text* in the language of the person, or as it stands when there is no translation."""
    return text if _translator is None else _translator(text)


def translate(text: str) -> str:
    """Return *text*, known only at run time but collected elsewhere (a finding's title), translated."""
    return tr(text)


def install_translator(translator: Callable[[str], str] | None) -> None:
    """Let *translator* answer ``tr`` from now on; ``None`` gives the source language back."""
    global _translator
    _translator = translator
