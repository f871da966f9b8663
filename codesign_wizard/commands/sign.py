"""``sign``: signs one .exe or .dll with the vault's key or a local .p12."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.commands.context import Context, environment_secret
from codesign_wizard.commands.output import Outcome
from codesign_wizard.commands.verify import add_root_arguments
from codesign_wizard.core.signing import DigestAlgorithm, Signer
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.authenticode.timestamp import Timestamper


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the file, where to, and how."""
    parser.add_argument("file", type=Path, help="the .exe or .dll to sign")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="where the signed file goes"
    )
    add_signing_arguments(parser)
    parser.add_argument(
        "--p12", type=Path, metavar="FILE", help="sign with this .p12 in place of the vault's key"
    )
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the .p12's password from standard input (else CODESIGN_WIZARD_P12_PASSWORD)",
    )
    parser.add_argument("--no-timestamp", action="store_true", help="sign without a time stamp")
    add_root_arguments(parser)


def add_signing_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what signing and trial have in common."""
    parser.add_argument("--append", action="store_true", help="add to the signatures that are there")
    parser.add_argument("--digest", choices=[each.value for each in DigestAlgorithm], help="default: sha256")
    parser.add_argument("--description", help="what Windows names when it asks")
    parser.add_argument("--url", help="the address that goes with it")
    parser.add_argument(
        "--timestamp-url", action="append", metavar="URL", help="time-stamp server, in order; may be repeated"
    )


def run(context: Context) -> Outcome:
    """Sign the file."""
    from codesign_wizard.core.authenticode.sign import sign_file

    options = context.options
    source, target = options.file, options.output
    if _same(source, target):
        context.confirm(tr("{file} will be replaced by its signed form.").format(file=source))
    signer = _signer(context)
    signed = sign_file(
        context.job,
        source,
        target,
        signer,
        digest=DigestAlgorithm(options.digest or "sha256"),
        description=options.description or "",
        url=options.url or "",
        timestamp=None if options.no_timestamp else _timestamper(context),
        append=options.append,
    )
    roots = context.write_practice_roots(target.resolve().parent)
    result = {
        "file": str(target),
        "size": signed.size,
        "digest_algorithm": signed.digest_algorithm,
        "digest": signed.digest_hex,
        "checksum": signed.checksum,
        "signer": signed.signer_subject,
        "key": signer.description,
        "timestamp": None
        if signed.timestamp is None
        else {"server": signed.timestamp.server, "time": signed.timestamp.time.isoformat()},
        "practice_roots": [str(path) for path in roots],
    }
    facts = [
        (tr("File"), str(target)),
        (tr("Signed by"), signed.signer_subject),
        (tr("Digest"), f"{signed.digest_algorithm.upper()} {signed.digest_hex}"),
    ]
    if signed.timestamp is not None:
        facts.append(
            (tr("Time stamp"), f"{signed.timestamp.time:%Y-%m-%d %H:%M:%S} UTC, {signed.timestamp.server}")
        )
    return Outcome(signed.findings, result, facts, lines=verify_hint(target, roots), quiet_ok=True)


def verify_hint(file: Path, roots: list[Path]) -> list[str]:
    """Return how another program verifies a practice signature; nothing outside practice."""
    if len(roots) != 2:
        return []
    return [
        tr("Another program's judgement:"),
        f"  osslsigncode verify -in {file} -CAfile {roots[0]} -TSA-CAfile {roots[1]}",
    ]


def _signer(context: Context) -> Signer:
    options = context.options
    if options.p12 is not None:
        from codesign_wizard.core.local_signer import LocalSigner

        password = (
            context.read_secret()
            if options.password_stdin
            else environment_secret("CODESIGN_WIZARD_P12_PASSWORD")
        )
        return LocalSigner.open(options.p12, password)
    from codesign_wizard.core.azure.signer import KeyVaultSigner

    session = context.session
    return KeyVaultSigner.open(
        context.job, session.network, session.azure_options(), session.application_secret()
    )


def _timestamper(context: Context) -> Timestamper:
    from codesign_wizard.core.authenticode.timestamp import Timestamper

    session = context.session
    servers = context.options.timestamp_url or session.profile.windows.timestamp_servers
    return Timestamper(session.network, servers, roots=session.roots())


def _same(source: Path, target: Path) -> bool:
    return target.exists() and source.exists() and source.samefile(target)
