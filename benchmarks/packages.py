"""Signing a large macOS package against rcodesign, as whole processes, with the same local key.

rcodesign cannot open a package and sign what is inside. So what is compared is what both can do: signing
the universal program of 500 MB that the package installs, signing the package of 500 MB, and the sum of both.
Both take turns on the same file; medians of ``RUNS`` after one warm-up. What only we do, signing the program
inside the package and building that again, informs about its time, and its memory has a limit. Peak memory is
the operating system's figure for the process (``ru_maxrss``). Without rcodesign only the memory is measured,
and a row says so. Needs POSIX for ``wait4``.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
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
if what == "program":
    from codesign_wizard.core.apple.sign_macho import sign_macho
    from codesign_wizard.core.local_signer import LocalSigner
    sign_macho(Job(), Path(source), Path(target), LocalSigner.open(Path(p12), None), timestamp=None)
elif what == "verify":
    from codesign_wizard.core.apple.package_verify import verify_package
    verify_package(Job(), Path(source))
else:
    from codesign_wizard.core.local_signer import LocalSigner
    signer = LocalSigner.open(Path(p12), None)
    if what == "sign":
        from codesign_wizard.core.apple.package_sign import sign_package
        sign_package(Job(), Path(source), Path(target), signer)
    else:
        from codesign_wizard.core.apple.package_contents import sign_contents
        done = sign_contents(Job(), Path(source), Path(target), signer, signer, timestamp=None)
        assert len(done.code) == 1
"""

# starts the process that is measured: its peak memory begins with its parent's, so that is a small one
_LAUNCHER = """
import os, sys, time
began = time.perf_counter()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
seconds = time.perf_counter() - began
with open(sys.argv[1], "w") as file:
    print(seconds, usage.ru_maxrss, file=file)
sys.exit(os.waitstatus_to_exitcode(status) != 0)
"""
# a universal program of random bytes
_PROGRAM = """
import os, sys
from tests.support import macho
size, path = int(sys.argv[1]), sys.argv[2]
bodies = [b"".join(os.urandom((1 << 20) - 4096) + bytes(4096) for _ in range(size >> 21)) for _ in range(2)]
images = [macho.thin(cpu, body=body) for cpu, body in zip(("x86_64", "arm64"), bodies)]
with open(path, "wb") as file:
    file.write(macho.universal(*images))
"""


def run() -> list[dict[str, Any]]:
    """Measure, and return rows for time, memory, and memory's independence of the package's size."""
    if not hasattr(os, "wait4"):
        return [{"name": "macOS packages: not measured, for this system does not tell peak memory"}]
    peer = shutil.which("rcodesign")
    with tempfile.TemporaryDirectory(prefix="codesign-bench-") as name:
        return _Bench(Path(name), peer).rows()


class _Bench:
    def __init__(self, folder: Path, peer: str | None) -> None:
        self.folder, self.peer = folder, peer
        self.pem, self.p12 = folder / "key.pem", folder / "key.p12"
        issued, issuer = apple_pki.leaf("installer"), apple_pki.authority()
        # rcodesign opens only .p12 files of the old kind
        self.pem.write_bytes(pki.private_pem(issued) + issued.pem + issuer.pem)
        self.p12.write_bytes(pki.p12(issued, [issuer.certificate], None))

    def rows(self) -> list[dict[str, Any]]:
        large, small = self._package(LARGE), self._package(SMALL)
        program = self.folder / f"{LARGE}"
        rows = self._compared(program, large)
        for what, name in (
            ("program", "sign a program of 500 MB"),
            ("sign", "sign a package of 500 MB"),
            ("verify", "verify a package of 500 MB"),
            ("build", "sign what a package of 500 MB installs, build it again and sign it"),
        ):
            source, other = (program, self.folder / f"{SMALL}") if what == "program" else (large, small)
            seconds, peak = self._measured(self._ours(what, source))
            at_small = max(self._measured(self._ours(what, other))[1] for _ in range(3))
            if what in ("verify", "build"):
                rows.append({"name": name, "ours": seconds, "peer": None, "unit": "s"})
            memory = {"ours": peak, "unit": "MiB"}
            rows.append({"name": f"{name}: peak memory", "peer": None, "limit": MEMORY_LIMIT, **memory})
            growth = {"peer": at_small, "ratio": peak / at_small, "limit": GROWTH_LIMIT}
            # a program's hashes are kept: 32 bytes for every 4096
            if what not in ("program", "build"):
                rows.append({"name": f"{name}: peak memory over 50 MB", **growth, **memory})
        return rows

    def _compared(self, program: Path, package: Path) -> list[dict[str, Any]]:
        if self.peer is None:
            return [{"name": "macOS packages: nothing compared, for rcodesign is not installed"}]
        version = subprocess.check_output([self.peer, "--version"], text=True).strip()
        pairs = []
        for _ in range(RUNS + 1):
            ours = [
                self._measured(self._ours(what, source))
                for what, source in (("program", program), ("sign", package))
            ]
            theirs = [self._measured(self._theirs(source)) for source in (program, package)]
            pairs.append((ours, theirs))
        rows = []
        for name, which in (
            ("sign a program of 500 MB", (0,)),
            ("sign a package of 500 MB", (1,)),
            ("sign program and package", (0, 1)),
        ):
            runs = [
                (sum(ours[n][0] for n in which), sum(theirs[n][0] for n in which))
                for ours, theirs in pairs[1:]
            ]
            peaks = [max(theirs[n][1] for n in which) for _, theirs in pairs[1:]]
            rows.append(
                {
                    "name": f"{name}, whole process",
                    "ours": statistics.median(each[0] for each in runs),
                    "peer": statistics.median(each[1] for each in runs),
                    "ratio": statistics.median(a / b for a, b in runs),
                    # of the package alone a quarter of a second is Python's start: what counts is the work
                    **({} if which == (1,) else {"limit": 1.0}),
                    "unit": "s",
                    "runs": runs,
                    "peer_peak_memory": max(peaks),
                    "peer_version": version,
                }
            )
        return rows

    def _theirs(self, source: Path) -> list[str | Path]:
        assert self.peer is not None
        target = self.folder / "signed"
        return [self.peer, "sign", "--pem-file", self.pem, "--timestamp-url", "none", source, target]

    def _package(self, size: int) -> Path:
        """Write an unsigned package with one program of *size* bytes, which hardly gets smaller packed.

        The program stays beside it, named by its size.
        """
        files, path = self.folder / "files", self.folder / f"{size}.pkg"
        files.mkdir()
        root = Path(__file__).resolve().parents[1]
        subprocess.run(
            [sys.executable, "-c", _PROGRAM, str(size), str(files / "program")], check=True, cwd=root
        )
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
        (files / "program").rename(self.folder / f"{size}")
        files.rmdir()
        return path

    def _ours(self, what: str, source: Path) -> list[str | Path]:
        return [
            sys.executable,
            "-c",
            _WORKER,
            what,
            source,
            self.folder / "signed",
            self.p12,
        ]

    def _measured(self, command: Sequence[str | Path]) -> tuple[float, float]:
        """Return seconds and peak MiB of one process; a failing one must not count as a quick one."""
        # what is thrown away is not to be paid for inside the time
        (self.folder / "signed").unlink(missing_ok=True)
        os.sync()
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
        with (self.folder / "output").open("w+b") as output:
            launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, self.folder / "measured", *command]
            done = subprocess.run(launcher, stdout=output, stderr=output, env=environment, check=False)
            if done.returncode:
                output.seek(0)
                raise RuntimeError(f"{command} failed: {output.read()[-2000:].decode('utf-8', 'replace')}")
        seconds, peak = (self.folder / "measured").read_text().split()
        return float(seconds), int(peak) / (1024 if sys.platform != "darwin" else 1024 * 1024)
