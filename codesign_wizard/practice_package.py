"""The packages that a person of the practice company has at hand: one to submit, one to take to a trial.

What is wrong with them is the scenario's (``PracticeAccounts.package``). What is submitted was signed by the
practice team, with that fault. A trial signs everything anew, so there the fault is where no signing reaches:
in a program inside a zip archive, as in the .jar of a company that packs its libraries so.
"""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codesign_wizard.core.apple.package import Component
    from codesign_wizard.core.apple.tree import Tree
    from codesign_wizard.core.authenticode.timestamp import Timestamper
    from codesign_wizard.core.job import JobContext
    from codesign_wizard.core.local_signer import LocalSigner
    from codesign_wizard.core.profile import Profile
    from codesign_wizard.session import Session

TO_SUBMIT, TO_TRY = "package", "package-to-try"  # folders
_ARCHIVE, _HELPER = "tools.zip", "sample-helper"


def package_to_submit(job: JobContext, session: Session) -> Path:
    """Return the package, made in the cloud's folder, signed as the scenario has it."""
    from codesign_wizard.core.apple.package_contents import code_in
    from codesign_wizard.core.apple.package_sign import Seal, change_package
    from codesign_wizard.core.apple.sign_bundle import sign_bundle

    kind, roots, path = _kind(session), session.apple_roots(), _built(job, session, TO_SUBMIT)
    if kind == "unsigned":
        return path
    stamper, application = _stamper(session), _application(session)

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

    installer = _signer(session, "installer")
    change_package(job, path, path, change, seal=Seal(installer, stamper, roots, datetime.now(UTC)))
    return path


def package_to_try(job: JobContext, session: Session) -> Path | None:
    """Return the package for a trial, made in the cloud's folder; ``None`` where the sample will do."""
    kind = _kind(session)
    if kind == "signed":
        return None
    # only now: every practice session comes by here, and Apple's keys take a moment
    from codesign_wizard.core.apple.package_sign import change_package
    from codesign_wizard.core.apple.sign_macho import sign_macho

    roots, path = session.apple_roots(), _built(job, session, TO_TRY)
    stamper, application = _stamper(session), _application(session)

    def change(_component: Component, _part: str, tree: Tree) -> None:
        assert tree.folder is not None, "unpacked into a folder"
        for helper in tree.folder.glob(f"*.app/Contents/Helpers/{_HELPER}"):
            program = helper
            if kind != "unsigned":
                program = tree.folder.parent / _HELPER
                sign_macho(
                    job,
                    helper,
                    program,
                    application,
                    timestamp=stamper,
                    hardened_runtime=kind != "no-hardened-runtime",
                    roots=roots,
                )
            with zipfile.ZipFile(helper.parents[1] / "Resources" / _ARCHIVE, "w") as archive:
                archive.write(program, f"tools/{_HELPER}")

    change_package(job, path, path, change)
    return path


def take_to_trial(profile: Profile, package: str) -> None:
    """Let the macOS trial take the practice company's *package*; "" leaves all but a former one of these."""
    if package or Path(profile.macos.input_file).parent.name == TO_TRY:
        profile.macos.input_file = package


def _kind(session: Session) -> str:
    assert session.practice is not None, "asked for in practice only"
    return session.practice.accounts.package


def _built(job: JobContext, session: Session, folder: str) -> Path:
    from codesign_wizard.core.apple.sample import build_sample, file_name

    assert session.practice is not None
    product = session.practice.accounts.product_name
    place = session.practice.folder / folder
    place.mkdir(exist_ok=True)
    path = place / f"{file_name(product)}.pkg"
    build_sample(job, product, path)
    return path


def _stamper(session: Session) -> Timestamper | None:
    from codesign_wizard.core.authenticode.timestamp import Timestamper

    if _kind(session) == "no-timestamp":
        return None
    assert session.practice is not None
    servers = session.practice.accounts.timestamp_servers
    return Timestamper(session.network, servers, roots=session.apple_roots().timestamp)


def _application(session: Session) -> LocalSigner:
    return _signer(session, "distribution" if _kind(session) == "wrong-certificate" else "application")


def _signer(session: Session, name: str) -> LocalSigner:
    from codesign_wizard.core.local_signer import LocalSigner

    assert session.practice is not None
    apple = session.practice.apple
    key, certificate = apple.identity(name)
    return LocalSigner(name, key, [certificate, apple.intermediate(), apple.root])
