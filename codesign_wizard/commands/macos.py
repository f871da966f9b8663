"""What ``sign``, ``verify``, ``trial`` and ``doctor`` do for macOS: options, identities, facts, outcomes."""

from __future__ import annotations

import argparse
import dataclasses
import os
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.commands.context import INTERRUPTED, Context, environment_secret
from codesign_wizard.commands.hints import password_hint, with_remedy
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.errors import Cancelled, InputError
from codesign_wizard.core.finding import Finding, FindingKind, Severity, worst_first
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import when

if TYPE_CHECKING:
    from codesign_wizard.core.apple.certificates import Kind
    from codesign_wizard.core.apple.forms import Form
    from codesign_wizard.core.apple.options import AppleOptions
    from codesign_wizard.core.authenticode.timestamp import Timestamper
    from codesign_wizard.core.macos_trial_state import LaterStep, MacosTrialResult
    from codesign_wizard.session import Session

OTHER_SYSTEM = FindingKind(
    "usage.option-for-other-system",
    Severity.ERROR,
    "{option} does not apply to {file}: it is for {system}.",
    "Some options of sign are for Windows files only, others for macOS files only.",
)
NOTHING_TO_CONTINUE = FindingKind(
    "usage.nothing-to-continue",
    Severity.ERROR,
    "There is no macOS trial of this profile to go on with.",
    "--continue goes on with a trial that signed a file and did not come to the end of its level.",
)
_WINDOWS_ONLY = ("append", "digest", "description", "url")
_MACOS_ONLY = (
    "application_file",
    "installer_file",
    "package_only",
    "entitlements",
    "identifier",
    "no_hardened_runtime",
)
_PASSWORD_IDS = ("apple.identity.password-missing", "apple.identity.password-wrong")
_MAXIMUM_ENTITLEMENTS = 1 << 20


def add_identity_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the two .p12 files, for a run."""
    parser.add_argument(
        "--application-file", metavar="FILE", help=tr("macOS: the Developer ID Application .p12")
    )
    parser.add_argument("--installer-file", metavar="FILE", help=tr("macOS: the Developer ID Installer .p12"))


def add_password_argument(parser: argparse.ArgumentParser) -> None:
    """Take the way in which a .p12's password comes."""
    parser.add_argument(
        "--password-stdin",
        "--p12-password-stdin",
        action="store_true",
        help=tr("read the .p12's password from standard input (else CODESIGN_WIZARD_P12_PASSWORD)"),
    )


def add_level_argument(parser: argparse.ArgumentParser) -> None:
    """Take how far signing for macOS goes."""
    parser.add_argument(
        "--level",
        choices=(*LEVELS, "0", "1", "2"),
        help=tr("macOS: how far to go, or what to judge for (default: the profile's)"),
    )


def add_trial_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what a trial above the level of signing needs."""
    from codesign_wizard.commands.api_key_options import add_key_arguments

    add_key_arguments(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--continue",
        dest="resume",
        action="store_true",
        help=tr("macOS: go on with the former trial, whatever is to be signed now"),
    )
    how.add_argument(
        "--anew",
        action="store_true",
        help=tr("macOS: sign and submit anew, also where the same trial was left unfinished"),
    )
    parser.add_argument("--anyway", action="store_true", help=tr("macOS: submit what Apple would refuse"))
    parser.add_argument(
        "--wait-at-most",
        type=float,
        metavar="MINUTES",
        default=60.0,
        help=tr("macOS: for Apple's result and its ticket; default: 60, the rest is with Apple"),
    )


def add_code_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what is for signing single files."""
    parser.add_argument(
        "--package-only", action="store_true", help=tr("macOS: sign a .pkg, not the programs in it")
    )
    parser.add_argument(
        "--entitlements", type=Path, metavar="PLIST", help=tr("macOS: entitlements in place of its own")
    )
    parser.add_argument("--identifier", metavar="ID", help=tr("macOS: the code's identifier"))
    parser.add_argument(
        "--no-hardened-runtime", action="store_true", help=tr("macOS: leave the hardened runtime off")
    )


def refuse_options(context: Context, file: Path, *, macos: bool) -> None:
    """Raise ``InputError`` for an option that is for the other system's files."""
    names, system = (_WINDOWS_ONLY, "Windows") if macos else (_MACOS_ONLY, "macOS")
    for name in names:
        if getattr(context.options, name, None):
            option = f"--{name.replace('_', '-')}"
            raise InputError(OTHER_SYSTEM(option=option, file=file.name, system=system))


def identities(context: Context, kinds: Sequence[Kind]) -> AppleOptions:
    """Return where the identities are and their password, asked for where it lacks and somebody can be."""
    from codesign_wizard.core.apple.options import judge_identities

    options, session = context.options, context.session
    given = getattr(options, "p12", None)
    password = context.read_secret() if getattr(options, "password_stdin", False) else None
    if password is None and (given or options.application_file or options.installer_file):
        # for files that were named for this run, in practice too, which asks no environment otherwise
        password = environment_secret("CODESIGN_WIZARD_P12_PASSWORD")
    told = password is not None or session.overrides.apple_password is not None
    with context.waiting_for_person():
        found = session.apple_options(password)
    if given is not None:
        over = session.overrides
        found = dataclasses.replace(
            found,
            application_file=found.application_file if over.application_file else given,
            installer_file=found.installer_file if over.installer_file else given,
            # a file named for this run is not asked for the profile's team
            team="",
        )
    if context.options.application_file or context.options.installer_file:
        found = dataclasses.replace(found, team=session.overrides.apple_team or "")
    if told or not context.can_ask:
        return found
    report = judge_identities(found, roots=session.apple_roots(), kinds=kinds)
    if any(each.id in _PASSWORD_IDS for each in report.findings):
        typed = context.ask_secret(tr("Password of the .p12 files: "))
        return dataclasses.replace(found, password=Secret(typed))
    return found


def timestamper(context: Context) -> Timestamper | None:
    """Return what asks for time stamps, or ``None`` when none are wanted."""
    if getattr(context.options, "no_timestamp", False):
        return None
    context.reaches_out()
    return context.session.apple_timestamper(context.options.timestamp_url or ())


def sign(context: Context, form: Form) -> Outcome:
    """Sign one file or app for macOS."""
    from codesign_wizard.core.apple.options import RefusedIdentities, open_identities
    from codesign_wizard.core.apple.sign_any import SigningOptions, sign_any
    from codesign_wizard.core.trial_parts import is_same

    options = context.options
    source, target = options.file, options.output
    refuse_options(context, source, macos=True)
    how = SigningOptions(
        contents=not options.package_only,
        identifier=options.identifier or "",
        entitlements=None if options.entitlements is None else _plist(options.entitlements),
        hardened_runtime=not options.no_hardened_runtime,
    )
    if is_same(source, target):
        context.confirm(tr("{file} will be replaced by its signed form.").format(file=source))
    roots, kinds = context.session.apple_roots(), how.kinds(form)
    try:
        opened = open_identities(identities(context, kinds), roots=roots, kinds=kinds)
    except RefusedIdentities as error:
        errors = {each.id for each in error.findings if each.severity is Severity.ERROR}
        code = 2 if errors == {"apple.options.missing"} else None
        blocked = tr("Nothing was signed.")
        return Outcome(hinted(error.findings), {"file": None}, code=code, blocked=blocked)
    signed = sign_any(
        context.job,
        source,
        target,
        opened,
        timestamp=timestamper(context),
        roots=roots,
        options=how,
    )
    written = context.write_practice_roots(target.resolve().parent, windows=False, macos=True)
    result = {**signed.to_json(), "practice_roots": [str(path) for path in written]}
    return Outcome(
        worst_first(signed.findings),
        result,
        _signed_facts(signed),
        notes=judge_hint(target, written),
        clear=tr("Signed."),
        blocked=tr("Signed, but macOS will not accept it."),
    )


def _signed_facts(signed: Any) -> list[tuple[str, str]]:
    from codesign_wizard.core.apple.sign_any import digest_text
    from codesign_wizard.core.authenticode import trust

    chain = [trust.name(each) for each in signed.chain]
    facts = [
        (tr("File"), str(signed.path)),
        (tr("Publisher"), chain[0]),
        (tr("Chain"), " → ".join(chain)),
        (tr("Team"), signed.team),
        (tr("Key"), signed.key),
        (tr("Programs signed"), str(len(signed.code))),
        (tr("Digest"), digest_text(signed)),
    ]
    if signed.timestamp is not None:
        facts.append((tr("Time stamp"), f"{when(signed.timestamp.time)}, {signed.timestamp.server}"))
    return [(name, value) for name, value in facts if value]


def _plist(path: Path) -> bytes:
    from codesign_wizard.core.authenticode.refusals import UNREADABLE
    from codesign_wizard.core.files import require_file

    try:
        require_file(path)
        if path.stat().st_size > _MAXIMUM_ENTITLEMENTS:
            raise OSError(None, tr("it is too large to be one"))
        return path.read_bytes()
    except OSError as error:
        raise InputError(UNREADABLE(file=path.name, why=error.strerror or str(error))) from error


def verify(context: Context) -> Outcome:
    """Judge one file or app as macOS would."""
    from codesign_wizard.core.apple.verify_any import accepted, verify_any
    from codesign_wizard.core.authenticode import trust

    session = context.session
    result = verify_any(
        context.job, context.options.file, roots=session.apple_roots(), level=session.macos_level()
    )
    facts = [(tr("File"), str(result.path)), (tr("Kind"), result.form.label)]
    if result.certificate is not None:
        facts.append((tr("Publisher"), trust.name(result.certificate)))
    if result.chain:
        facts.append((tr("Chain"), " → ".join(trust.name(each) for each in result.chain)))
    if result.timestamp is not None:
        facts.append((tr("Time stamp"), when(result.timestamp.time.astimezone(UTC))))
    facts += gatekeeper_facts(result.gatekeeper.online.value, result.gatekeeper.offline.value)
    return Outcome(
        result.findings,
        result.to_json(),
        facts,
        clear=accepted(result, tr("The signature holds.")),
        blocked=tr("macOS will not accept this file."),
    )


def trial(context: Context, own: Path | None, folder: Path, name: str) -> Outcome:
    """Run the trial for macOS."""
    from codesign_wizard.core.apple.forms import Form, form_of
    from codesign_wizard.core.apple.sign_any import SigningOptions
    from codesign_wizard.core.apple.verify_any import accepted
    from codesign_wizard.core.macos_trial import not_refused, run_macos_trial, unfinished
    from codesign_wizard.core.macos_trial_state import MacosTrialRequest

    session = context.session
    profile = session.profile
    form = Form.PACKAGE if own is None else form_of(own) or Form.PROGRAM
    # what the level lacks is told before anything is signed
    later = _later(context)
    request = MacosTrialRequest(
        options=identities(context, SigningOptions().kinds(form)),
        roots=session.apple_roots(),
        timestamper=timestamper(context),
        output_folder=folder,
        product_name=profile.product_name or profile.name,
        level=session.macos_level(),
        input_file=own,
        output_name=name,
        later=later,
        keep=session.keep_macos_trial if later else lambda _: None,
    )
    state = None if context.options.anew else session.macos_trial()
    if state is not None and context.options.anyway:
        from codesign_wizard.core.apple.later_words import UPLOAD

        state = not_refused(state, UPLOAD)
    if context.options.resume and state is None:
        raise InputError(NOTHING_TO_CONTINUE())
    if not context.options.resume and not unfinished(context.job, request, state):
        state = None
    try:
        result = run_macos_trial(context.job, request, state)
    except Cancelled:
        return _interrupted(session, later)
    written = result.file is not None
    roots = context.write_practice_roots(folder, windows=False, macos=True) if written else []
    document = {**result.to_json(), "practice_roots": [str(path) for path in roots]}
    clear = tr("Signed and verified: the signatures hold.")
    if later and result.ok:
        clear = tr("Signed, verified and notarised.")
        if result.level == LEVELS[2]:
            clear = tr("Signed, verified, notarised and stapled.")
    if result.verification is not None:
        clear = accepted(result.verification, clear)
    if written and result.pending:
        clear = tr("It is signed, and with Apple now. Started again, it goes on there.")
    return Outcome(
        hinted(result.findings),
        {"macos": document},
        _trial_facts(result.facts),
        notes=[] if result.file is None else judge_hint(result.file, roots),
        clear=clear,
        blocked=_blocked(result),
    )


def _interrupted(session: Session, later: Sequence[LaterStep]) -> Outcome:
    """Say what Apple has, in whole or in part, which Ctrl-C does not withdraw; else raise ``Cancelled``."""
    from codesign_wizard.core.apple import notary
    from codesign_wizard.core.apple.notary_steps import SUBMISSION

    state = session.macos_trial() if later else None
    told = "" if state is None else str(state.data.get(SUBMISSION, ""))
    record = session.submissions().get(told) if told else None
    if record is not None and record.open:
        finding = notary.in_progress(record)
        blocked = tr("Nobody waits any more; it goes on with Apple. Started again, the trial goes on there.")
    else:
        part = (
            None
            if state is None
            else notary.stopped(session.submissions(), session.secrets, Path(state.file))
        )
        if part is None:
            raise Cancelled
        record, finding = part
        blocked = tr("The package is signed, but not sent yet. Started again, the trial goes on there.")
    return Outcome(
        [finding],
        {"macos": {"state": state.to_json() if state is not None else None}},
        [(tr("Submission"), record.id)],
        clear=blocked,
        blocked=blocked,
        code=INTERRUPTED,
    )


def _blocked(result: MacosTrialResult) -> str:
    from codesign_wizard.core.macos_trial import REFUSED

    if result.file is None:
        return tr("The trial did not succeed; nothing was written.")
    if result.state is not None and REFUSED in result.state.data:
        return tr("The trial was refused; what was signed is kept. Started again, it signs anew.")
    return tr("The trial did not come to its end; what was signed is kept. Started again, it goes on there.")


def _later(context: Context) -> Sequence[LaterStep]:
    """Return the steps after signing that the level has; raises ``InputError`` without an API key."""
    session = context.session
    if session.macos_level() == LEVELS[0]:
        return ()
    from codesign_wizard.commands.api_key_options import given_key
    from codesign_wizard.core.apple.notary_steps import later_steps

    given = given_key(context)
    patience = max(0.0, context.options.wait_at_most * 60)
    return later_steps(
        lambda: session.notary_desk(given.key, given.known),
        session.network,
        patience=patience,
        anyway=context.options.anyway,
    )


def _trial_facts(facts: dict[str, str]) -> list[tuple[str, str]]:
    names = {
        "publisher": tr("Publisher"),
        "chain": tr("Chain"),
        "team": tr("Team"),
        "timestamp": tr("Time stamp"),
        "digest": tr("Digest"),
        "key": tr("Key"),
        "programs": tr("Programs signed"),
        "file": tr("Signed file"),
    }
    shown = [(words, facts[name]) for name, words in names.items() if facts.get(name)]
    return [*shown, *gatekeeper_facts(facts.get("gatekeeper_online"), facts.get("gatekeeper_offline"))]


def gatekeeper_facts(online: str | None, offline: str | None) -> list[tuple[str, str]]:
    """Return what Gatekeeper does with a downloaded copy, for people; nothing where it is not known."""
    if online is None or offline is None:
        return []
    words = {
        "opens": tr("lets it through"),
        "stops": tr("stops it"),
        "opens-once-notarised": tr("lets it through once Apple has notarised it"),
    }
    return [
        (tr("Gatekeeper, online"), words.get(online, online)),
        (tr("Gatekeeper, offline"), words.get(offline, offline)),
    ]


def hinted(findings: Iterable[Finding]) -> list[Finding]:
    """Return *findings*, those about a password or file with how it is given here."""
    return [_hinted(each) for each in findings]


def _hinted(finding: Finding) -> Finding:
    if finding.id in _PASSWORD_IDS:
        return with_remedy(finding, password_hint())
    if finding.id == "apple.options.missing":
        kind = "installer" if finding.evidence.more.get("field") == "installer_file" else "application"
        return with_remedy(
            finding,
            tr("Give it with {option} or in {variable}, or keep it: {setting}.").format(
                option=f"--{kind}-file FILE",
                variable=f"CODESIGN_WIZARD_{kind.upper()}_FILE",
                setting=f"profile set macos.{kind}-file=FILE",
            ),
        )
    return finding


def judge_hint(file: Path, roots: Sequence[Path]) -> list[str]:
    """Return how other programs judge a practice signature; nothing outside practice."""
    if not roots:
        return []
    commands = [
        ["rcodesign", "print-signature-info", str(file)],
        ["codesign-wizard", "verify", str(file), "--extra-root", str(roots[0])],
    ]
    return [tr("Another program's judgement:"), *(f"  {_line(words)}" for words in commands)]


def _line(words: list[str]) -> str:
    if os.name == "nt":
        import subprocess

        return subprocess.list2cmdline(words)
    return shlex.join(words)


def is_for_macos(path: Path) -> bool:
    """Tell whether *path* is of one of macOS' forms, or is called a package."""
    from codesign_wizard.core.apple.forms import form_of

    with suppress(OSError):
        return form_of(path) is not None or path.suffix.lower() == ".pkg"
    return False
