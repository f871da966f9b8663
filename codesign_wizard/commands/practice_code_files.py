"""Packages and programs for ``practice files``: signed, unsigned, damaged, and signed wrongly."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from codesign_wizard.core.job import JobContext
from codesign_wizard.core.signing import DigestAlgorithm

if TYPE_CHECKING:
    from codesign_wizard.core.apple.options import Identities
    from codesign_wizard.core.authenticode.timestamp import Timestamp, Timestamper
    from codesign_wizard.practice.apple.authority import AppleAuthority
    from codesign_wizard.practice.apple.files import SampleFile
    from codesign_wizard.practice.timestamp.models import TimestampUnit

_PRODUCT = "Practice Backup"
_UNSIGNED = "apple.verify.code-unsigned"
_NO_STAMP = ("apple.verify.code-timestamp-missing",)


@dataclass(frozen=True)
class _Made:
    name: str
    summary: str
    make: Callable[[Path], None]
    expects: Sequence[str] = ()


class _Stamper:
    """A time-stamp server of the practice cloud's, asked without a network."""

    def __init__(self, unit: TimestampUnit) -> None:
        self.unit = unit

    def stamp(self, job: JobContext, signature: bytes, digest: DigestAlgorithm) -> Timestamp:
        """Return a time stamp over *signature*."""
        from codesign_wizard.core.authenticode.timestamp import (
            Timestamp,
            check_token,
            read_response,
            request,
        )
        from codesign_wizard.practice.timestamp.hosts import APPLE_URL

        job.check_cancelled()
        nonce = secrets.randbits(63) | 1 << 62
        imprint = hashlib.new(digest.value, signature).digest()
        token = read_response(self.unit.answer(request(imprint, digest.value, nonce)))
        return Timestamp(token, APPLE_URL, check_token(token, signature, None, nonce=nonce).time)


def code_files(job: JobContext, authority: AppleAuthority, folder: Path) -> list[SampleFile]:
    """Make the files, working in *folder*; ``expects`` are what is wrong or odd (errors and warnings)."""
    from codesign_wizard.practice.apple.files import SampleFile

    files = []
    for each in _Making(job, authority).all():
        path = folder / each.name
        each.make(path)
        command = ("verify", each.name)
        files.append(
            SampleFile(each.name, each.summary, path.read_bytes(), None, command, tuple(each.expects))
        )
        path.unlink()
    return files


class _Making:
    def __init__(self, job: JobContext, authority: AppleAuthority) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding

        from codesign_wizard.core.apple.trust import AppleRoots
        from codesign_wizard.practice.apple.timestamp import AppleTimestampAuthority
        from codesign_wizard.practice.clock import Clock
        from codesign_wizard.practice.timestamp.hosts import APPLE
        from codesign_wizard.practice.timestamp.models import TimestampUnit

        self.job = job
        self.stamper = _Stamper(TimestampUnit(APPLE, AppleTimestampAuthority(authority), Clock()))
        self.identities = _identities(authority)
        root, *issuers = (each.public_bytes(Encoding.DER) for each in authority.certificates())
        self.roots = AppleRoots(extra=[root], extra_issuers=issuers)

    def all(self) -> list[_Made]:
        """Name every file, what it is, and what is found."""
        return [
            _Made("signed.pkg", "a package as it should be, with signed programs in it", self._package),
            _Made(
                "unsigned.pkg",
                "a package that nobody signed, nor the programs in it",
                self._sample,
                ("apple.verify.package-unsigned", _UNSIGNED, "apple.verify.code-seal-missing"),
            ),
            _Made(
                "unsigned-inside.pkg",
                "a signed package with unsigned programs in it",
                lambda path: self._package(path, contents=False),
                (_UNSIGNED, "apple.verify.code-seal-missing"),
            ),
            _Made(
                "damaged.pkg",
                "changed after it was signed",
                self._damaged_package,
                ("apple.verify.package-file-wrong", "apple.verify.package-contents-wrong"),
            ),
            _Made(
                "swapped.pkg",
                "signed with the Application certificate",
                self._swapped_package,
                ("apple.verify.package-kind-wrong",),
            ),
            _Made(
                "no-timestamp.pkg",
                "signed without a time stamp",
                lambda path: self._package(path, stamped=False),
                ("apple.verify.package-timestamp-missing", *_NO_STAMP),
            ),
            _Made("signed-program", "a Mach-O program as it should be", self._program),
            _Made("unsigned-program", "a Mach-O program that nobody signed", self._bare, (_UNSIGNED,)),
            _Made(
                "damaged-program",
                "changed after it was signed",
                self._damaged_program,
                ("apple.verify.code-changed",),
            ),
            _Made(
                "not-hardened-program",
                "signed without the hardened runtime",
                lambda path: self._program(path, hardened=False),
                ("apple.verify.code-not-hardened",),
            ),
            _Made(
                "installer-signed-program",
                "signed with the Installer certificate",
                self._swapped_program,
                ("apple.verify.code-kind-wrong",),
            ),
        ]

    def _sample(self, path: Path) -> None:
        from codesign_wizard.core.apple.sample import build_sample

        build_sample(self.job, _PRODUCT, path)

    def _package(self, path: Path, *, contents: bool = True, stamped: bool = True) -> None:
        from codesign_wizard.core.apple.package_contents import sign_contents
        from codesign_wizard.core.apple.package_sign import sign_package

        self._sample(path)
        stamper = self._timestamper() if stamped else None
        installer = self.identities.installer_signer
        if contents:
            application = self.identities.application_signer
            sign_contents(self.job, path, path, application, installer, timestamp=stamper, roots=self.roots)
        else:
            sign_package(self.job, path, path, installer, timestamp=stamper, roots=self.roots)

    def _swapped_package(self, path: Path) -> None:
        from codesign_wizard.core.apple.package_contents import sign_contents

        self._sample(path)
        signer = self.identities.application_signer
        sign_contents(self.job, path, path, signer, signer, timestamp=self._timestamper(), roots=self.roots)

    def _damaged_package(self, path: Path) -> None:
        from codesign_wizard.core.apple.xar import Xar

        self._package(path)
        archive = Xar(path)
        try:
            entry = next(each for each in archive.entries if each.path.endswith("/Payload"))
            assert entry.data is not None
            place = archive.heap + entry.data.offset + entry.data.length // 2
        finally:
            archive.close()
        _flip(path, place)

    def _bare(self, path: Path) -> None:
        from codesign_wizard.core.samples import macho

        path.write_bytes(macho.program("This is a practice program. It changes nothing."))

    def _program(self, path: Path, *, hardened: bool = True, installer: bool = False) -> None:
        from codesign_wizard.core.apple.sign_macho import sign_macho

        self._bare(path)
        identities = self.identities
        sign_macho(
            self.job,
            path,
            path,
            identities.installer_signer if installer else identities.application_signer,
            hardened_runtime=hardened,
            timestamp=self._timestamper(),
            roots=self.roots,
        )

    def _swapped_program(self, path: Path) -> None:
        self._program(path, installer=True)

    def _damaged_program(self, path: Path) -> None:
        self._program(path)
        _flip(path, path.read_bytes().index(b"practice program"))

    def _timestamper(self) -> Timestamper:
        # it has the one method that signing calls
        return cast("Timestamper", self.stamper)


def _flip(path: Path, place: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))


def _identities(authority: AppleAuthority) -> Identities:
    from codesign_wizard.core.apple.certificates import describe
    from codesign_wizard.core.apple.identity import Identity
    from codesign_wizard.core.apple.options import Identities

    found = []
    for kind in ("application", "installer"):
        key, certificate = authority.identity(kind)
        chain = [certificate, authority.intermediate()]
        found.append(Identity(kind, key, certificate, chain, authority.root, describe(certificate)))
    return Identities(found[0], found[1])
