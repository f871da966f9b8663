"""The server's builds: a branded installer for a platform, signed by its settings, in the form they ask for.

docs.cometbackup.com/latest/installation/codesigning: with a certificate the Windows download is a zip with a
single signed .exe; without one, a zip with a small loader .exe (validly signed by a partner company of the
vendor) and a data file.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from codesign_wizard.core.authenticode.sign import sign_file
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.job import Job
from codesign_wizard.core.local_signer import LocalSigner
from codesign_wizard.core.sample import build_sample
from codesign_wizard.core.signing import Signer
from codesign_wizard.practice.authority import name
from codesign_wizard.practice.comet import errors
from codesign_wizard.practice.comet.branding import AZURE, PREBUILT
from codesign_wizard.practice.comet.build_parts import BuildError, stamper
from codesign_wizard.practice.comet.models import CometServer
from codesign_wizard.practice.comet.vault import AzureSettings, VaultError, VaultSigner

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

LOADER_COMPANY = "Practice Loader Software Ltd (practice)"
VENDOR = "Practice Server Vendor Ltd (practice)"
OTHER_COMPANY = "Practice Backup Reseller Ltd (practice)"
# a program for any CPU has the header of a 32-bit one (ECMA-335, II.25.2.2 and II.25.3.3.1)
_MACHINES = {"x86_64": "x64", "x86_32": "x86", "anycpu": "x86"}
_DATA = 256 << 10  # bytes of the file beside a loader


class Builder:
    """Builds for one request at a time; its files are gone when it has answered."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def _server(self) -> CometServer:
        return self._world.comet

    def build(self, kind: str, architecture: str) -> tuple[str, bytes]:
        """Return file name and content for a platform; raises ``CometError``."""
        server = self._server
        product = str(server.setting("ProductName")) or "Backup"
        server.write(f"Building client software for {kind} ({architecture})")
        if server.faults.refuses:
            server.write(f"Build failed: {server.faults.refuses}")
            raise errors.build_failed(server.faults.refuses)
        with tempfile.TemporaryDirectory(prefix="codesign-wizard-build-") as folder:
            try:
                if kind == "windows":
                    return self._windows(product, architecture, Path(folder))
                if kind == "macos":
                    return self._macos(product, Path(folder))
            except (BuildError, VaultError, CodesignError) as error:
                server.write(f"Codesigning failed: {error}")
                raise errors.build_failed(f"codesigning: {error}") from error
        raise errors.build_failed("this platform is not played in practice")

    def _windows(self, product: str, architecture: str, folder: Path) -> tuple[str, bytes]:
        server = self._server
        target = folder / "installer.exe"
        target.write_bytes(build_sample(product, _MACHINES[architecture]))
        archive = f"{_slug(product)}-windows-{architecture}.zip"
        if server.setting("BuildMode") == PREBUILT:
            self._sign(target, self._company(VENDOR))
            return archive, _zipped([(f"{_slug(product)}.exe", target.read_bytes())])
        if server.setting("WindowsCodeSignMethod") != AZURE or server.faults.delivers_loader:
            self._sign(target, self._company(LOADER_COMPANY))
            server.write("Codesigning is not configured: delivering the loader with a data file")
            return archive, _zipped(
                [("install.exe", target.read_bytes()), ("install.dat", hashlib.shake_256(b"-").digest(_DATA))]
            )
        if server.faults.signs_as_other:
            self._sign(target, self._company(OTHER_COMPANY))
        else:
            settings = AzureSettings(
                *(
                    str(server.setting(f"WindowsCodeSignAzure{option}"))
                    for option in ("VaultName", "CertName", "AppID", "AppSecret", "TenantID")
                )
            )
            server.write(
                f"Codesigning with Azure Key Vault '{settings.vault_name}' certificate "
                f"'{settings.certificate_name}' as application {settings.application_id}"
            )
            self._sign(target, VaultSigner(self._world, settings))
        server.write("Codesigning complete")
        return archive, _zipped([(f"{_slug(product)}.exe", target.read_bytes())])

    def _sign(self, target: Path, signer: Signer) -> None:
        sign_file(Job(), target, target, signer, timestamp=stamper(self._world))

    def _macos(self, product: str, folder: Path) -> tuple[str, bytes]:
        from codesign_wizard.practice.comet.macos import build_package

        return f"{_slug(product)}.pkg", build_package(self._world, product, folder)

    def _company(self, company: str) -> Signer:
        """Return a key of another company with a certificate from the practice CA."""
        world = self._world
        key = world.state.key(f"company-{_slug(company)}", "rsa-3072")

        def make() -> x509.Certificate:
            return world.code_signing.issue_for(
                key.public_key(),
                name(company, company, "NZ", "Christchurch"),
                start=world.clock.now() - timedelta(days=30),
            )

        leaf = world.state.certificate(f"company-{_slug(company)}", make)
        return LocalSigner(company, key, [leaf, world.code_signing.intermediate])


def _zipped(files: list[tuple[str, bytes]]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, data in files:
            archive.writestr(file, data)
    return target.getvalue()


def _slug(text: str) -> str:
    return (
        "-".join("".join(char if char.isalnum() else " " for char in text.lower()).split())[:60] or "client"
    )
