"""Signing and verifying a large program against osslsigncode, as whole processes, with the same local key.

Both take turns on the same file; medians of ``RUNS`` after one warm-up. Peak memory is the operating system's
figure for the process (``ru_maxrss``). Needs osslsigncode, and POSIX for ``wait4``.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support import pe, pki

RUNS = 5
LARGE, SMALL = 500_000_000, 50_000_000
MEMORY_LIMIT = 100.0  # MiB
GROWTH_LIMIT = 1.05  # peak memory at the large file over that at the small one


def run() -> list[dict[str, Any]]:
    """Measure, and return rows for time, memory, and memory's independence of the file's size."""
    peer = shutil.which("osslsigncode")
    if peer is None or not hasattr(os, "wait4"):
        raise RuntimeError("osslsigncode and a POSIX system are needed")
    with tempfile.TemporaryDirectory(prefix="codesign-bench-") as name:
        return _Bench(Path(name), peer).rows()


class _Bench:
    def __init__(self, folder: Path, peer: str) -> None:
        self.folder = folder
        self.peer = peer
        self.root, self.key, self.password = (folder / each for each in ("root.pem", "key.p12", "password"))
        self.root.write_bytes(pki.root().pem)
        self.key.write_bytes(pki.p12(pki.leaf("rsa3072"), [pki.intermediate().certificate]))
        self.password.write_text(pki.PASSWORD)

    def rows(self) -> list[dict[str, Any]]:
        large, small = self._program(LARGE), self._program(SMALL)
        rows = []
        memory: dict[str, float] = {}
        for what, ours, theirs in (
            ("sign", self._sign, self._peer_sign),
            ("verify", self._verify, self._peer_verify),
        ):
            mine, other = self._turns(ours(large), theirs(large))
            ratio = statistics.median(a[0] / b[0] for a, b in zip(mine, other, strict=True))
            rows.append(
                {
                    "name": f"{what} 500 MB, whole process",
                    "ours": statistics.median(each[0] for each in mine),
                    "peer": statistics.median(each[0] for each in other),
                    "ratio": ratio,
                    "limit": 1.0,
                    "unit": "s",
                    "runs": [mine, other],
                }
            )
            memory[what] = max(each[1] for each in mine)
            at_small = max(self._measured(ours(small))[1] for _ in range(3))
            rows.append(
                {
                    "name": f"{what}: peak memory at 500 MB",
                    "ours": memory[what],
                    "peer": None,
                    "limit": MEMORY_LIMIT,
                    "unit": "MiB",
                    "osslsigncode": max(each[1] for each in other),
                }
            )
            rows.append(
                {
                    "name": f"{what}: peak memory, 500 MB over 50 MB",
                    "ours": memory[what],
                    "peer": at_small,
                    "ratio": memory[what] / at_small,
                    "limit": GROWTH_LIMIT,
                    "unit": "MiB",
                }
            )
        return rows

    def _program(self, size: int) -> Path:
        path = self.folder / f"{size}.exe"
        with path.open("wb") as file:
            file.write(pe.small())
            while (left := size - file.tell()) > 0:
                file.write(os.urandom(min(left, 1 << 20)))
        return path

    def _ours(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "codesign_wizard", *(str(each) for each in arguments), "--quiet"]

    def _sign(self, source: Path) -> list[str]:
        target = self.folder / f"{source.stem}-ours.exe"
        return self._ours("sign", source, "--output", target, "--p12", self.key, "--no-timestamp")

    def _verify(self, source: Path) -> list[str]:
        return self._ours("verify", self.folder / f"{source.stem}-ours.exe", "--extra-root", self.root)

    def _peer_sign(self, source: Path) -> list[str]:
        target = self.folder / f"{source.stem}-theirs.exe"
        words = ("sign", "-pkcs12", self.key, "-readpass", self.password, "-h", "sha256")
        return [self.peer, *(str(each) for each in (*words, "-in", source, "-out", target))]

    def _peer_verify(self, source: Path) -> list[str]:
        signed = self.folder / f"{source.stem}-ours.exe"
        return [self.peer, "verify", "-in", str(signed), "-CAfile", str(self.root)]

    def _turns(
        self, mine: Sequence[str], other: Sequence[str]
    ) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        results: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
        for _ in range(RUNS + 1):
            for place, command in enumerate((mine, other)):
                results[place].append(self._measured(command))
        return results[0][1:], results[1][1:]

    def _measured(self, command: Sequence[str]) -> tuple[float, float]:
        """Return seconds and peak MiB of one process; a failing one must not count as a quick one."""
        if "sign" in command:
            # the peer refuses to overwrite; and what is thrown away is not to be paid for inside the time
            flag = "-out" if command[0] == self.peer else "--output"
            Path(command[command.index(flag) + 1]).unlink(missing_ok=True)
            os.sync()
        environment = {
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "",
            "CODESIGN_WIZARD_P12_PASSWORD": pki.PASSWORD,
        }
        with (self.folder / "output").open("w+b") as output:
            began = time.perf_counter()
            process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                output.seek(0)
                raise RuntimeError(f"{command} failed: {output.read()[-2000:].decode('utf-8', 'replace')}")
        return seconds, usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
