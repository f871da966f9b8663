"""An upload to the practice S3, as a process of its own: memory by file size, and a connection cut ten times.

The cuts are made by a relay between the command and the practice cloud's proxy, each in the middle of a part.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from codesign_wizard.practice.cloud import PracticeCloud

SMALL, LARGE = 21 << 20, 500 << 20
CUTS = 10
GROWTH = 8.0  # MiB more for the large file than for the small one
_PART = re.compile(r"PUT \S*notary-submissions\S* 200\b")
# a process that runs the command and says its own greatest memory at the end
_MEASURED = (
    "import resource, sys; from codesign_wizard.cli import main; code = main(sys.argv[1:]); "
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(code)"
)


class Relay:
    """Passes bytes to the practice proxy; cuts a connection after *every* bytes sent, *cuts* times."""

    def __init__(self, port: int, every: int, cuts: int) -> None:
        self._port, self._every, self.left = port, every, cuts
        self._since = 0
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._port))
            for source, target, up in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._pass, args=(source, target, up), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, up: bool) -> None:
        try:
            while data := source.recv(64 << 10):
                if up and self._cut(len(data)):
                    break
                target.sendall(data)
        except OSError:
            pass  # cut on the other side
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is closed already

    def _cut(self, count: int) -> bool:
        with self._lock:
            self._since += count
            if self.left and self._since > self._every:
                self._since, self.left = 0, self.left - 1
                return True
            return False


def run() -> list[dict[str, Any]]:
    """Upload a small and a large file; the limits are on growth of memory, and on what arrived twice."""
    small, _, _ = _upload(SMALL, 0)
    large, seconds, twice = _upload(LARGE, CUTS)
    return [
        _row("notary upload, 500 MB: memory beyond that for 21 MB", large - small, GROWTH, "MiB"),
        _row("notary upload, 500 MB cut ten times: parts that arrived twice", twice, 0.0, "parts"),
        _row("notary upload, 500 MB cut ten times", seconds, 300.0, "s"),
    ]


def _row(name: str, ours: float, limit: float, unit: str) -> dict[str, Any]:
    return {
        "name": name,
        "ours": ours,
        "peer": None,
        "ratio": None,
        "limit": limit,
        "unit": unit,
        "runs": [ours],
    }


def _upload(size: int, cuts: int) -> tuple[float, float, int]:
    """Return peak memory in MiB, seconds, and how many parts arrived more often than there are."""
    answers: list[str] = []
    with tempfile.TemporaryDirectory() as folder, PracticeCloud(on_answer=answers.append) as cloud:
        path = Path(folder) / "large.zip"
        with path.open("wb") as file:
            for _ in range(size >> 20):
                file.write(os.urandom(1 << 20))
        relay = Relay(int(cloud.proxy_url.rpartition(":")[2]), size // (cuts + 1), cuts)
        words = ["notary", "submit", str(path), "--anyway", "--no-wait", "--json"]
        accounts = cloud.accounts
        words += ["--key-file", str(cloud.api_key_file), "--issuer", accounts.api_issuer_id]
        environment = dict(os.environ) | {
            "HTTPS_PROXY": relay.url,
            "NO_PROXY": "",
            "REQUESTS_CA_BUNDLE": str(cloud.ca_file),
            "CODESIGN_WIZARD_CONFIG": folder,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", _MEASURED, *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=1800,
        )
        seconds = time.perf_counter() - began
        relay.close()
        # a quick failure must not count as a quick upload
        if done.returncode or not json.loads(done.stdout)["result"]["uploaded"] or relay.left:
            raise RuntimeError(f"the upload failed, {relay.left} cuts left: {done.stderr[-2000:]}")
        arrived = sum(bool(_PART.search(each)) for each in answers)
        if not arrived:
            raise RuntimeError("no part was seen to arrive")
    expected = -(-size // (8 << 20))
    return int(done.stderr.split()[-1]) / 1024, seconds, arrived - expected
