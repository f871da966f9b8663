"""What libraries log, in our log: standard error is not theirs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from codesign_wizard.core.job import LogLevel, LogLine
from codesign_wizard.core.redact import redact


class _Handler(logging.Handler):
    def __init__(self, listener: Callable[[LogLine], None]) -> None:
        super().__init__(logging.INFO)
        self._listener = listener

    def emit(self, record: logging.LogRecord) -> None:
        time = datetime.fromtimestamp(record.created, UTC)
        part = record.name.partition(".")[0]
        self._listener(LogLine(time, LogLevel.DEBUG, part, redact(record.getMessage())))


def listen_to_libraries(listener: Callable[[LogLine], None]) -> Callable[[], None]:
    """Give *listener* a line for each that a library logs, on its thread; returns what ends that."""
    handler = _Handler(listener)
    logging.getLogger().addHandler(handler)
    return lambda: logging.getLogger().removeHandler(handler)
