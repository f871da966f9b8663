"""``trial``: builds or takes an installer, signs, time-stamps and verifies it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.doctor import NOT_HERE
from codesign_wizard.commands.output import Outcome
from codesign_wizard.commands.sign import add_signing_arguments, verify_hint
from codesign_wizard.commands.verify import add_root_arguments
from codesign_wizard.core.authenticode.checks import accepted
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.signing import DigestAlgorithm, Signer
from codesign_wizard.core.text import tr


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to try, with what, and where to."""
    parser.add_argument("what", nargs="?", choices=("windows", "all"), default="all", help=tr("what to try"))
    parser.add_argument("--input", type=Path, metavar="FILE", help=tr("your own .exe in place of the sample"))
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help=tr("where the files go; a name that ends in .exe is the file's"),
    )
    parser.add_argument(
        "--architecture", choices=("x64", "x86", "arm64"), help=tr("of the sample; default: x64")
    )
    add_signing_arguments(parser)
    add_root_arguments(parser)


def run(context: Context) -> Outcome:
    """Run the trial for Windows."""
    from codesign_wizard.core.azure.signer import KeyVaultSigner
    from codesign_wizard.core.trial import WindowsTrialRequest, run_windows_trial

    options, session = context.options, context.session
    windows, profile = session.profile.windows, session.profile
    own = options.input or (Path(windows.input_file) if windows.input_file else None)
    folder, name = _place(options.output or session.output_folder())
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
    if options.what == "all":
        findings.append(NOT_HERE())
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


def _place(output: Path) -> tuple[Path, str]:
    """Return the folder to write to, and the file's name if *output* is one."""
    output = output.absolute()
    if output.suffix.casefold() in (".exe", ".dll") and not os.path.isdir(output):  # noqa: PTH112  # it never raises
        return output.parent, output.name
    return output, ""
