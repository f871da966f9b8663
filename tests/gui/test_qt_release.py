"""The release of PySide6 that is installed must not drop references to None (6.12.0 on 3.11 does)."""

import sys
from typing import Any

import pytest
from PySide6.QtCore import QTimer


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on")
def test_calls_that_return_none_keep_its_reference_count(qapp: Any) -> None:
    timer = QTimer()
    before = sys.getrefcount(None)
    for _ in range(500):
        timer.stop()
    assert before - sys.getrefcount(None) < 100
