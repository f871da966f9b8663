"""The server's package for macOS, signed by its settings with the .p12 files that were uploaded.

This module alone of practice signs with core's writers of Mach-O and packages: the server's build makes what
others judge, and judges nothing itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.apple.package_contents import sign_contents
from codesign_wizard.core.apple.package_sign import sign_package
from codesign_wizard.core.apple.sample import build_sample
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.job import Job
from codesign_wizard.core.local_signer import LocalSigner
from codesign_wizard.core.redact import Secret
from codesign_wizard.practice.comet.branding import NOTARISE, STAPLE
from codesign_wizard.practice.comet.build_parts import BuildError, stamper
from codesign_wizard.practice.comet.models import RESOURCE, CometServer
from codesign_wizard.practice.comet.notarise import ApiKey, NotarisingError, notarise, staple

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

# the older fields, for files on the server's own disk or uploaded, and the newer ones
_INSTALLER = ("CertificateFile", "CertificateName")
_APPLICATION = ("AppCertificateFile", "AppCertificateName")


def build_package(world: World, product: str, folder: Path) -> bytes:
    """Return the package for macOS; raises ``BuildError`` when its signing fails."""
    server = world.comet
    plain, signed = folder / "plain.pkg", folder / "signed.pkg"
    # packed, as a build server's packages are; our own sample is not, so that its bytes are always the same
    build_sample(Job(), product, plain, plain=False)
    level = int(server.macos_setting("Level"))
    installer = _identity(server, _INSTALLER, folder / "installer.p12")
    if installer is None:
        server.write("macOS codesigning is not configured: delivering an unsigned package")
        return plain.read_bytes()
    try:
        if level < NOTARISE:
            sign_package(Job(), plain, signed, installer, timestamp=stamper(world), now=world.clock.now())
        else:
            application = _identity(server, _APPLICATION, folder / "application.p12")
            if application is None:
                raise BuildError("the Developer ID Application certificate is missing")
            sign_contents(
                Job(),
                plain,
                signed,
                application,
                installer,
                timestamp=stamper(world),
                now=world.clock.now(),
            )
        package = signed.read_bytes()
        if level >= NOTARISE:
            notarise(world, _api_key(server), f"{product}.pkg", package)
        if level >= STAPLE:
            package = staple(world, signed)
    except (CodesignError, NotarisingError) as error:
        raise BuildError(f"macOS: {error}") from error
    server.write(f"macOS codesigning complete (level {level})")
    return package


def _api_key(server: CometServer) -> ApiKey:
    data = server.resource(str(server.macos_setting("NotaryAPIKeyFile")))
    if data is None:
        raise BuildError("macOS: the API key file is missing")
    return ApiKey(
        str(server.macos_setting("NotaryAPIIssuerID")), str(server.macos_setting("NotaryAPIKeyID")), data
    )


def _identity(server: CometServer, names: tuple[str, str], path: Path) -> LocalSigner | None:
    """Return the key in the file that one of the settings *names* refers to, ``None`` when none does."""
    for name in names:
        uri = str(server.macos_setting(name))
        if not uri.startswith(RESOURCE):
            continue
        data = server.resource(uri)
        if data is None:
            raise BuildError(f"macOS: the file of {name} is not there")
        path.write_bytes(data)
        password = str(server.macos_setting("PfxFilePassword"))
        try:
            return LocalSigner.open(path, Secret(password) if password else None)
        except CodesignError as error:
            raise BuildError(f"macOS: {name}: pkcs12: {error}") from error
    return None
