"""The package that a person of the practice company has at hand, made when a command is given no other.

What is special about it is the scenario's (``PracticeAccounts.package``); it is signed by the practice team.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codesign_wizard.core.apple.package import Component
    from codesign_wizard.core.apple.tree import Tree
    from codesign_wizard.core.job import JobContext
    from codesign_wizard.session import Session


def practice_package(job: JobContext, session: Session) -> Path:
    """Return the package, made in the cloud's folder; the same one for the same state."""
    from codesign_wizard.core.apple.package_contents import code_in
    from codesign_wizard.core.apple.package_sign import Seal, change_package
    from codesign_wizard.core.apple.sample import build_sample, file_name
    from codesign_wizard.core.apple.sign_bundle import sign_bundle
    from codesign_wizard.core.authenticode.timestamp import Timestamper
    from codesign_wizard.core.local_signer import LocalSigner

    cloud = session.practice
    assert cloud is not None, "asked for in practice only"
    kind, roots = cloud.accounts.package, session.apple_roots()

    def signer(name: str) -> LocalSigner:
        key, certificate = cloud.apple.identity(name)
        return LocalSigner(name, key, [certificate, cloud.apple.intermediate(), cloud.apple.root])

    folder = cloud.folder / "package"
    folder.mkdir(exist_ok=True)
    path = folder / f"{file_name(cloud.accounts.product_name)}.pkg"
    build_sample(job, cloud.accounts.product_name, path)
    if kind == "unsigned":
        return path
    stamper = None
    if kind != "no-timestamp":
        servers = cloud.accounts.timestamp_servers
        stamper = Timestamper(session.network, servers, roots=roots.timestamp)
    application = signer("distribution" if kind == "wrong-certificate" else "application")

    def change(_component: Component, _part: str, tree: Tree) -> None:
        assert tree.folder is not None, "unpacked into a folder"
        for each in code_in(tree.folder):
            sign_bundle(
                job,
                each,
                each,
                application,
                timestamp=stamper,
                hardened_runtime=kind != "no-hardened-runtime",
                roots=roots,
            )

    change_package(
        job,
        path,
        path,
        change,
        seal=Seal(signer("installer"), stamper, roots, datetime.now(UTC)),
    )
    return path
