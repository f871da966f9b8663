"""``trial``: builds or takes an installer, signs, time-stamps and verifies it; for Windows, macOS or both."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.macos_arguments import (
    add_identity_arguments,
    add_level_argument,
    add_password_argument,
    add_trial_arguments,
    is_for_macos,
)
from codesign_wizard.commands.macos_trial import trial as trial_for_macos
from codesign_wizard.commands.output import Outcome
from codesign_wizard.commands.sign import ONE_SECRET, add_signing_arguments, verify_hint
from codesign_wizard.commands.systems import windows_and_macos
from codesign_wizard.commands.verify import add_root_arguments
from codesign_wizard.core.authenticode.checks import accepted
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.signing import DigestAlgorithm, Signer
from codesign_wizard.core.text import tr

WINDOWS_NAMES = (".exe", ".dll")
MACOS_NAMES = (".pkg", ".app")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to try, with what, and where to."""
    parser.add_argument(
        "what", nargs="?", choices=("windows", "macos", "all"), default="all", help=tr("what to try")
    )
    parser.add_argument(
        "--input", type=Path, metavar="FILE", help=tr("your own .exe or .pkg in place of the sample")
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help=tr("where the files go; a name that ends in .exe or .pkg is the file's"),
    )
    parser.add_argument(
        "--architecture", choices=("x64", "x86", "arm64"), help=tr("of the Windows sample; default: x64")
    )
    add_signing_arguments(parser)
    add_identity_arguments(parser)
    add_password_argument(parser)
    add_level_argument(parser)
    add_trial_arguments(parser)
    add_root_arguments(parser)


def run(context: Context) -> Outcome:
    """Run the trials that are wanted, one after the other; one that fails does not stop the other."""
    options = context.options
    context.signing = ("windows", "macos") if options.what == "all" else (options.what,)
    profile = context.session.profile
    if options.secret_stdin and options.password_stdin:
        raise InputError(ONE_SECRET())
    own: Path | None = options.input
    for_macos = own is not None and is_for_macos(own)
    windows, macos = windows_and_macos(profile, options.what)
    # both write to one folder, which practice would make anew each time
    output = options.output or context.session.output_folder()
    outcomes = []
    if windows:
        default = Path(profile.windows.input_file) if profile.windows.input_file else None
        mine = None if macos and for_macos else own
        outcomes.append(_windows(context, mine or default, *_place(output, WINDOWS_NAMES)))
    if macos:
        default = Path(profile.macos.input_file) if profile.macos.input_file else None
        mine = None if windows and not for_macos else own
        outcomes.append(trial_for_macos(context, mine or default, *_place(output, MACOS_NAMES)))
    outcome = outcomes[0] if len(outcomes) == 1 else both(outcomes)
    if not context.practising:
        return outcome
    from codesign_wizard.commands.practice_end import practice_end

    return practice_end(outcome, kept=options.output is not None, level=context.session.macos_level())


def both(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcomes of two systems as one: their results side by side."""
    names = (tr("Windows"), tr("macOS"))
    return Outcome(
        [finding for each in outcomes for finding in each.findings],
        {key: value for each in outcomes for key, value in each.result.items()},
        [
            (f"{name}: {words}", value)
            for name, each in zip(names, outcomes, strict=True)
            for words, value in each.facts
        ],
        notes=[line for each in outcomes for line in each.notes],
        clear=" ".join(f"{name}: {each.clear}" for name, each in zip(names, outcomes, strict=True)),
        blocked=" ".join(
            f"{name}: {each.blocked if each.exit_code else each.clear}"
            for name, each in zip(names, outcomes, strict=True)
        ),
    )


def _windows(context: Context, own: Path | None, folder: Path, name: str) -> Outcome:
    """Run the trial for Windows."""
    from codesign_wizard.core.azure.signer import KeyVaultSigner
    from codesign_wizard.core.trial import WindowsTrialRequest, run_windows_trial

    options, session = context.options, context.session
    windows, profile = session.profile.windows, session.profile
    context.reaches_out()
    # asked for now: a keyring may want to be unlocked, and that wait is no part of a stage
    secret = context.application_secret()

    def open_signer(job: JobContext) -> Signer:
        return KeyVaultSigner.open(job, session.network, session.azure_options(), secret)

    product = profile.product_name or profile.name
    network = session.network
    result = run_windows_trial(
        context.job,
        WindowsTrialRequest(
            open_signer=open_signer,
            network=network,
            roots=session.roots(),
            output_folder=folder,
            product_name=product,
            input_file=own,
            architecture=options.architecture or windows.architecture,
            description=(windows.description or product)
            if options.description is None
            else options.description,
            url=windows.url if options.url is None else options.url,
            timestamp_servers=options.timestamp_url or windows.timestamp_servers,
            digest=DigestAlgorithm(options.digest or windows.digest),
            append=options.append,
            timestamp_timeout=network.settings.timeout,
            output_name=name,
        ),
    )
    findings = list(result.findings)
    roots = context.write_practice_roots(folder) if result.exe is not None else []
    document = {**result.to_json(), "practice_roots": [str(path) for path in roots]}
    names = {
        "publisher": tr("Publisher"),
        "chain": tr("Chain"),
        "timestamp": tr("Time stamp"),
        "digest": tr("Digest"),
        "checksum": tr("Checksum"),
        "key": tr("Key"),
        "file": tr("Signed file"),
        "zip": tr("For the server"),
    }
    facts = [(words, result.facts[name]) for name, words in names.items() if result.facts.get(name)]
    clear = tr("Signed and verified: Windows will accept it.")
    hint = verify_hint(result.exe, roots) if result.exe is not None else []
    return Outcome(
        findings,
        {"windows": document},
        facts,
        notes=hint,
        clear=accepted(findings, clear),
        blocked=tr("The trial did not succeed; nothing was written."),
    )


def _place(output: Path, names: Sequence[str]) -> tuple[Path, str]:
    """Return the folder to write to, and the file's name if *output* is one that ends in one of *names*.

    With a name for the other system the folder is the same, and the name is made as usual.
    """
    output = output.absolute()
    suffix = output.suffix.casefold()
    if suffix in (*WINDOWS_NAMES, *MACOS_NAMES) and not _is_plain_folder(output):
        return output.parent, output.name if suffix in names else ""
    return output, ""


def _is_plain_folder(path: Path) -> bool:
    # an app is a folder itself
    return os.path.isdir(path) and path.suffix.casefold() != ".app"  # noqa: PTH112  # it never raises
