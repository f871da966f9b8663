"""What ``sign``, ``verify``, ``trial`` and ``doctor`` do for macOS: options, identities, facts, outcomes."""

from __future__ import annotations

import dataclasses
import os
import shlex
from collections.abc import Iterable, Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.commands.context import Context, environment_secret
from codesign_wizard.commands.hints import password_hint, with_remedy
from codesign_wizard.commands.macos_arguments import refuse_options
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Finding, Severity, worst_first
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import when

if TYPE_CHECKING:
    from codesign_wizard.core.apple.certificates import Kind
    from codesign_wizard.core.apple.forms import Form
    from codesign_wizard.core.apple.options import AppleOptions
    from codesign_wizard.core.authenticode.timestamp import Timestamper


_PASSWORD_IDS = ("apple.identity.password-missing", "apple.identity.password-wrong")


_MAXIMUM_ENTITLEMENTS = 1 << 20


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
