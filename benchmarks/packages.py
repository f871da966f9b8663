"""Signing a large macOS package against rcodesign, as whole processes, with the same local key.

Both take turns on the same file; medians of ``RUNS`` after one warm-up. Peak memory is the operating system's
figure for the process (``ru_maxrss``). Building the package again has no peer, for rcodesign cannot do it:
its time only informs, its memory has a limit. Needs rcodesign, and POSIX for ``wait4``. Run it with
``python -m benchmarks.run packages``.
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from codesign_wizard.core.apple.cpio import Entry
from codesign_wizard.core.apple.package_build import ComponentPlan, ProductPlan, build
from codesign_wizard.core.apple.tree import Tree
from codesign_wizard.core.apple.xar_write import Heap, copy_stream, settle, write
from codesign_wizard.core.job import Job
from tests.support import apple_pki, pki

RUNS = 5
LARGE, SMALL = 500 << 20, 50 << 20
MEMORY_LIMIT = 100.0  # MiB
GROWTH_LIMIT = 1.05  # peak memory at the large package over that at the small one


# a piece of work, as a process of its own: what, source, target, .p12 (without password, like the peer's)
_WORKER = """
import sys
from pathlib import Path
from codesign_wizard.core.job import Job
what, source, target, p12 = sys.argv[1:]
if what == "verify":
    from codesign_wizard.core.apple.package_verify import verify_package
    verify_package(Job(), Path(source))
else:
    from codesign_wizard.core.apple.package_sign import Seal, change_package, sign_package
    from codesign_wizard.core.local_signer import LocalSigner
    signer = LocalSigner.open(Path(p12), None)
    if what == "sign":
        sign_package(Job(), Path(source), Path(target), signer)
    else:
        change_package(Job(), Path(source), Path(target), lambda *_: None, seal=Seal(signer))
"""


def run() -> list[dict[str, Any]]:
    """Measure, and return rows for time, memory, and memory's independence of the package's size."""
    peer = shutil.which("rcodesign")
    if peer is None or not hasattr(os, "wait4"):
        raise RuntimeError("rcodesign and a POSIX system are needed")
    with tempfile.TemporaryDirectory(prefix="codesign-bench-") as name:
        return _Bench(Path(name), peer).rows()


class _Bench:
    def __init__(self, folder: Path, peer: str) -> None:
        self.folder, self.peer = folder, peer
        self.pem, self.p12 = folder / "key.pem", folder / "key.p12"
        issued, issuer = apple_pki.leaf("installer"), apple_pki.authority()
        # rcodesign opens only .p12 files of the old kind
        self.pem.write_bytes(pki.private_pem(issued) + issued.pem + issuer.pem)
        self.p12.write_bytes(pki.p12(issued, [issuer.certificate], None))

    def rows(self) -> list[dict[str, Any]]:
        large, small = self._package(LARGE), self._package(SMALL)
        target = self.folder / "signed.pkg"
        rows: list[dict[str, Any]] = []
        pairs = []
        theirs: list[str | Path]
        theirs = [self.peer, "sign", "--pem-file", self.pem, "--timestamp-url", "none", large, target]
        for _ in range(RUNS + 1):
            pairs.append((self._measured(self._ours("sign", large)), self._measured(theirs)))
        mine, other = zip(*pairs[1:], strict=True)
        rows.append(
            {
                "name": "sign a package of 500 MB, whole process",
                "ours": statistics.median(each[0] for each in mine),
                "peer": statistics.median(each[0] for each in other),
                "ratio": statistics.median(a[0] / b[0] for a, b in pairs[1:]),
                "limit": 1.0,
                "unit": "s",
                "runs": [mine, other],
            }
        )
        for what in ("sign", "verify", "build"):
            seconds, peak = self._measured(self._ours(what, large))
            at_small = max(self._measured(self._ours(what, small))[1] for _ in range(3))
            name = f"{what} a package of 500 MB"
            if what != "sign":
                rows.append({"name": name, "ours": seconds, "peer": None, "unit": "s"})
            memory = {"ours": peak, "unit": "MiB"}
            rows.append({"name": f"{name}: peak memory", "peer": None, "limit": MEMORY_LIMIT, **memory})
            growth = {"peer": at_small, "ratio": peak / at_small, "limit": GROWTH_LIMIT}
            rows.append({"name": f"{name}: peak memory over 50 MB", **growth, **memory})
        return rows

    def _package(self, size: int) -> Path:
        """Write an unsigned package with one program of *size* bytes, which hardly gets smaller packed."""
        files, path = self.folder / f"{size}", self.folder / f"{size}.pkg"
        files.mkdir()
        with (files / "program").open("wb") as file:
            for _ in range(size >> 20):
                file.write(os.urandom((1 << 20) - 4096) + bytes(4096))
        tree = Tree(files)
        tree.entries["."] = Entry(".", 0o40755)
        tree.refresh()
        plan = ComponentPlan("a.pkg", "com.example.a", "1", "/Applications", tree)
        with tempfile.TemporaryFile(dir=self.folder) as spool, path.open("wb") as target:
            toc = build(Job(), Heap(spool), ProductPlan("A", [plan], datetime.now(UTC)))
            write(target, settle(toc, lambda offset: offset, ()), (), ())
            length = spool.tell()
            spool.seek(0)
            copy_stream(Job(), spool, target, length)
        shutil.rmtree(files)
        return path

    def _ours(self, what: str, source: Path) -> list[str | Path]:
        return [
            sys.executable,
            "-c",
            _WORKER,
            what,
            source,
            self.folder / "signed.pkg",
            self.p12,
        ]

    def _measured(self, command: Sequence[str | Path]) -> tuple[float, float]:
        """Return seconds and peak MiB of one process; a failing one must not count as a quick one."""
        # what is thrown away is not to be paid for inside the time
        (self.folder / "signed.pkg").unlink(missing_ok=True)
        os.sync()
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
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
