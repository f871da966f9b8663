"""Errors that explain themselves: each carries the finding that a person sees."""

from __future__ import annotations

from codesign_wizard.core.finding import Finding


class CodesignError(Exception):
    """Work could not be done; ``finding`` says what happened and what to do. The exit code is 1."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.title)
        self.finding = finding


class InputError(CodesignError):
    """What was handed in (a file, an option, a value) cannot be used. The exit code is 2."""


class Cancelled(Exception):
    """The person cancelled the job. Not an error: things are left as they were. The exit code is 130."""
