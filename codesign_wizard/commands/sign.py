"""``sign``: signs one .exe or .dll, or a package, app or program for macOS, by what the file is."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.commands.context import Context, environment_secret
from codesign_wizard.commands.hints import password_hint, with_remedy
from codesign_wizard.commands.macos import sign as sign_for_macos
from codesign_wizard.commands.macos_arguments import (
    add_code_arguments,
    add_identity_arguments,
    add_password_argument,
    refuse_options,
)
from codesign_wizard.commands.output import Outcome
from codesign_wizard.commands.verify import add_root_arguments
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Certainty, Finding, FindingKind, Severity, iso, utc_now
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.signing import DigestAlgorithm, Signer
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import when

if TYPE_CHECKING:
    from codesign_wizard.core.authenticode.sign import SignedFile
    from codesign_wizard.core.authenticode.timestamp import Timestamper

ONE_SECRET = FindingKind(
    "usage.two-secrets-on-stdin",
    Severity.ERROR,
    "Standard input can bring one secret only: the application's, or the .p12's password.",
    "--secret-stdin and --password-stdin were given together.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the file, where to, and how."""
    parser.add_argument(
        "file", type=Path, metavar="FILE", help=tr("the .exe, .dll, .pkg, .app or Mach-O to sign")
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help=tr("where the signed file goes")
    )
    add_signing_arguments(parser)
    parser.add_argument(
        "--p12", type=Path, metavar="FILE", help=tr("sign with this .p12 in place of the profile's keys")
    )
    add_password_argument(parser)
    add_identity_arguments(parser)
    add_code_arguments(parser)
    parser.add_argument("--no-timestamp", action="store_true", help=tr("sign without a time stamp"))
    add_root_arguments(parser)


def add_signing_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what signing and trial have in common."""
    parser.add_argument(
        "--append", action="store_true", help=tr("Windows: add to the signatures that are there")
    )
    parser.add_argument(
        "--digest",
        choices=[each.value for each in DigestAlgorithm],
        help=tr("Windows: the profile's, else sha256"),
    )
    parser.add_argument("--description", help=tr("what Windows names when it asks"))
    parser.add_argument("--url", help=tr("the address that goes with it"))
    parser.add_argument(
        "--timestamp-url",
        action="append",
        metavar="URL",
        help=tr("a time-stamp server, in order; may be repeated"),
    )


def run(context: Context) -> Outcome:
    """Sign the file."""
    from codesign_wizard.core.apple.forms import form_of
    from codesign_wizard.core.apple.sign_any import require_form
    from codesign_wizard.core.authenticode import trust
    from codesign_wizard.core.authenticode.sign import sign_file
    from codesign_wizard.core.trial_parts import is_same

    options = context.options
    source, target = options.file, options.output
    if options.secret_stdin and options.password_stdin:
        raise InputError(ONE_SECRET())
    form = form_of(source)
    context.signing = ("windows",) if form is None else ("macos",)
    if form is None and source.suffix.lower() == ".pkg":
        form = require_form(source)  # which says what it is instead
    if form is not None:
        return sign_for_macos(context, form)
    refuse_options(context, source, macos=False)
    if is_same(source, target):
        context.confirm(tr("{file} will be replaced by its signed form.").format(file=source))
    windows = context.session.profile.windows
    timestamper = None if options.no_timestamp else _timestamper(context)
    with closing(_signer(context)) as signer:
        signed = sign_file(
            context.job,
            source,
            target,
            signer,
            digest=DigestAlgorithm(options.digest or windows.digest),
            description=windows.description if options.description is None else options.description,
            url=windows.url if options.url is None else options.url,
            timestamp=timestamper,
            append=options.append,
        )
        findings = [*signer.findings, *signed.findings, *_lived(signer, signed)]
        chain = [trust.name(certificate) for certificate in signer.certificate_chain]
        key = signer.description
    roots = context.write_practice_roots(target.resolve().parent)
    result = {
        "file": str(target),
        "size": signed.size,
        "digest_algorithm": signed.digest_algorithm,
        "digest": signed.digest_hex,
        "checksum": signed.checksum,
        "signer": signed.signer_subject,
        "key": key,
        "chain": chain,
        "timestamp": None
        if signed.timestamp is None
        else {"server": signed.timestamp.server, "time": iso(signed.timestamp.time)},
        "practice_roots": [str(path) for path in roots],
    }
    facts = [
        (tr("File"), str(target)),
        (tr("Publisher"), chain[0]),
        (tr("Chain"), " → ".join(chain)),
        (tr("Key"), key),
        (tr("Digest"), f"{signed.digest_algorithm.upper().replace('SHA', 'SHA-')} {signed.digest_hex}"),
    ]
    if signed.timestamp is not None:
        facts.append((tr("Time stamp"), f"{when(signed.timestamp.time)}, {signed.timestamp.server}"))
    return Outcome(
        findings,
        result,
        facts,
        notes=verify_hint(target, roots),
        clear=tr("Signed."),
        blocked=tr("Signed, but Windows will not accept it."),
    )


def _lived(signer: Signer, signed: SignedFile) -> Iterator[Finding]:
    """Tell when the certificate was not valid at the time that counts: the stamp's, else now."""
    from codesign_wizard.core.authenticode import checks, trust

    leaf = signer.certificate_chain[0]
    time = utc_now() if signed.timestamp is None else signed.timestamp.time.astimezone(UTC)
    start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if start <= time <= end:
        return
    why = tr("{name} is valid from {start} to {end}, and it was signed on {date}").format(
        name=trust.name(leaf),
        start=start.date().isoformat(),
        end=end.date().isoformat(),
        date=time.date().isoformat(),
    )
    yield checks.EXPIRED(why=why, certainty=Certainty.COMPUTED)


def verify_hint(file: Path, roots: Sequence[Path]) -> list[str]:
    """Return how another program verifies a practice signature; nothing outside practice."""
    if len(roots) != 2:
        return []
    command = ["osslsigncode", "verify", "-in", file, "-CAfile", roots[0], "-TSA-CAfile", roots[1]]
    words = [str(word) for word in command]
    if os.name == "nt":
        import subprocess

        line = subprocess.list2cmdline(words)
    else:
        import shlex

        line = shlex.join(words)
    return [tr("Another program's judgement:"), f"  {line}"]


def p12_password(context: Context) -> Secret | None:
    """Return the password of a .p12 from standard input or the environment, if it was given there."""
    if context.options.password_stdin:
        return context.read_secret()
    return environment_secret("CODESIGN_WIZARD_P12_PASSWORD")


def _signer(context: Context) -> Signer:
    options = context.options
    if options.p12 is not None:
        return _local_signer(context, options.p12)
    from codesign_wizard.core.azure.signer import KeyVaultSigner

    context.reaches_out()
    session = context.session
    return KeyVaultSigner.open(
        context.job, session.network, session.azure_options(), context.application_secret()
    )


def _local_signer(context: Context, path: Path) -> Signer:
    from codesign_wizard.core.local_signer import LocalSigner

    password = p12_password(context)
    try:
        return LocalSigner.open(path, password)
    except InputError as error:
        if password is not None or not path.is_file():
            raise
        if not context.can_ask:
            raise InputError(with_remedy(error.finding, password_hint())) from error
    # perhaps it only wants its password; if not, this attempt says what is wrong
    question = tr("Password of {file}: ").format(file=path.name)
    return LocalSigner.open(path, Secret(context.ask_secret(question)))


def _timestamper(context: Context) -> Timestamper:
    from codesign_wizard.core.authenticode.timestamp import Timestamper

    context.reaches_out()
    session = context.session
    servers = context.options.timestamp_url or session.profile.windows.timestamp_servers
    return Timestamper(session.network, servers, roots=session.roots())
