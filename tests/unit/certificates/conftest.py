"""The roots of the tests' own PKI."""

from __future__ import annotations

import pytest

from codesign_wizard.core.authenticode.roots import RootStore
from tests.unit.certificates import answers


@pytest.fixture(scope="session")
def roots() -> RootStore:
    """Roots that trust the tests' root and nothing else."""
    return answers.root_store()
