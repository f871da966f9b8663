"""Refusals of a time-stamp server: PKIFailureInfo bits and status texts (RFC 3161, 2.4.2)."""

from __future__ import annotations

BAD_ALGORITHM = 0
BAD_REQUEST = 2
BAD_DATA_FORMAT = 5
UNACCEPTED_POLICY = 15
UNACCEPTED_EXTENSION = 16


class Rejection(Exception):
    """The request is refused with failure bit ``bit``; the text is the status string."""

    def __init__(self, bit: int, text: str) -> None:
        super().__init__(text)
        self.bit = bit
