"""Packages signed for the tests, and what is said of them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from codesign_wizard.core.apple.package_sign import sign_package
from codesign_wizard.core.apple.package_verify import PackageVerification, verify_package
from codesign_wizard.core.apple.xar import Xar
from codesign_wizard.core.authenticode import der
from codesign_wizard.core.authenticode.timestamp import Timestamp
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.job import Job, JobContext
from codesign_wizard.core.signing import DigestAlgorithm
from tests.support import apple_pki, pki


class Stamper:
    """A time-stamp authority without a network; *size* makes its answers larger."""

    def __init__(self, folder: Path, padding: int = 0) -> None:
        self._tsa, self._padding = pki.Tsa(folder), padding
        self.asked = 0

    def stamp(self, _job: JobContext, signature: bytes, digest: DigestAlgorithm) -> Timestamp:
        from codesign_wizard.core.authenticode import timestamp

        self.asked += 1
        imprint = hashlib.new(digest.value, signature).digest()
        token = timestamp.read_response(self._tsa.reply(timestamp.request(imprint, digest.value, 1 << 62)))
        if self._padding:
            token = _padded(token, self._padding)
        return Timestamp(token, "http://stamp.example", datetime.now(UTC))


def _padded(token: bytes, size: int) -> bytes:
    """Return the token with an unsigned attribute of *size* bytes more."""
    from codesign_wizard.core.authenticode import cms

    return cms.add_unsigned(token, "1.2.3.4", der.octet_string(bytes(size)))


def ids(verification: PackageVerification) -> set[str]:
    """Return what the verification found, by the ends of the ids."""
    return {finding.id.removeprefix("apple.verify.package-") for finding in verification.findings}


def bad(verification: PackageVerification) -> set[str]:
    """Return its errors and warnings likewise."""
    return {
        finding.id.removeprefix("apple.verify.package-")
        for finding in verification.findings
        if finding.severity in (Severity.ERROR, Severity.WARNING)
    }


def signed(source: Path, kind: str = "installer", now: datetime | None = None) -> Path:
    """Sign *source* by the test team's *kind* and return the package beside it."""
    target = source.with_name(f"{kind}.pkg")
    sign_package(Job(), source, target, apple_pki.signer(kind), roots=apple_pki.roots(), now=now)
    return target


def verify(path: Path, now: datetime | None = None) -> PackageVerification:
    """Judge the package by the test team's roots."""
    return verify_package(Job(), path, roots=apple_pki.roots(), now=now)


def heap_of(data: bytearray) -> int:
    """Return where the archive's heap begins."""
    return 28 + int.from_bytes(data[8:16], "big")


def members_of(path: Path) -> dict[str, tuple[bytes, bool]]:
    """Return the files of a package: the content of each, and whether it is packed in the archive."""
    with Xar(path) as archive:
        return {
            entry.path: (archive.read(entry, 1 << 20), not entry.path.endswith(("Payload", "Scripts")))
            for entry in archive.entries
            if entry.data is not None
        }
