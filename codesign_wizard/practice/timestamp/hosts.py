"""Where the time-stamp servers are: two that anybody asks, by their label, and Apple's."""

from __future__ import annotations

HOSTS = {"a": "timestamp-a.example", "b": "timestamp-b.example"}
APPLE = "apple"  # its label
APPLE_HOST = "timestamp.apple.com"
APPLE_PATH = "/ts01"
APPLE_URL = f"http://{APPLE_HOST}{APPLE_PATH}"
