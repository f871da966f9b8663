"""``identity``: Apple .p12 files: judge them, make them without a Mac, put two under one password."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.hints import password_hint, with_remedy
from codesign_wizard.commands.identity_passwords import (
    KEYS_ENVIRONMENT,
    NEW_ENVIRONMENT,
    Passwords,
    asked_password,
    keys_password,
    wrong_use,
)
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Finding, Remedy, blocks, iso, utc_now, worst_first
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import APPLE_PASSWORD
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.apple.certificates import Description, Kind
    from codesign_wizard.core.apple.identity import Identity, IdentityReport
    from codesign_wizard.core.apple.repack import Protection, WrittenIdentity
    from codesign_wizard.core.apple.trust import AppleRoots


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do, the files, and how passwords come."""
    parser.add_argument(
        "what",
        choices=("check", "request", "assemble", "repack"),
        help=tr("judge .p12 files; make keys and requests; .cer and key to .p12; both under one password"),
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help=tr("the .p12 or .cer files"))
    parser.add_argument(
        "--installer-file", type=Path, metavar="FILE", help=tr("check: what is meant as Installer")
    )
    parser.add_argument(
        "--application-file", type=Path, metavar="FILE", help=tr("check: what is meant as Application")
    )
    parser.add_argument(
        "--password-stdin",
        "--p12-password-stdin",
        action="store_true",
        help=tr("read the password from standard input, a line for each file where they differ"),
    )
    parser.add_argument(
        "--new-password-stdin",
        action="store_true",
        help=tr("repack: the last line of standard input is the new password"),
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help=tr("where files go (default: here)"))
    parser.add_argument(
        "--legacy", action="store_true", help=tr("write 3DES and SHA-1, which older importers want")
    )
    parser.add_argument("--anew", action="store_true", help=tr("request: new keys though some wait already"))
    parser.add_argument("--name", default="", metavar="TEXT", help=tr("request: the name in it"))
    parser.add_argument("--email", default="", metavar="TEXT", help=tr("request: the address in it"))
    parser.add_argument(
        "--extra-root", action="append", metavar="PEM", help=tr("roots and issuers that count as Apple's")
    )


def run(context: Context) -> Outcome:
    """Do what the first word says."""
    return {
        "check": _check,
        "request": _request,
        "assemble": _assemble,
        "repack": _repack,
    }[context.options.what](context)


def _check(context: Context) -> Outcome:
    from codesign_wizard.core.apple.certificates import Kind

    options = context.options
    given: list[tuple[Path, Kind | None]] = [(path, None) for path in options.files]
    if options.installer_file is not None:
        given.append((options.installer_file, Kind.INSTALLER))
    if options.application_file is not None:
        given.append((options.application_file, Kind.APPLICATION))
    if not given:
        raise wrong_use(tr("identity check needs a .p12 file."))
    reports, findings, one = _judge(context, given)
    files = [
        {"file": str(path), "place": wanted.value if wanted is not None else None, **report_json(report)}
        for (path, wanted), report in zip(given, reports, strict=True)
    ]
    facts = [fact for report in reports for fact in _facts(report)]
    return Outcome(
        worst_first(findings),
        {"files": files, "one_password": one},
        facts,
        code=2 if any(each.id == "apple.identity.unreadable" for each in findings) else None,
        clear=tr("These identities can be signed with.")
        if len(reports) > 1
        else tr("This identity can be signed with."),
        blocked=tr("Not with these files as they are."),
    )


def _judge(
    context: Context, given: Sequence[tuple[Path, Kind | None]]
) -> tuple[list[IdentityReport], list[Finding], bool | None]:
    from codesign_wizard.core.apple.identity_pair import judge_pair

    roots, passwords = context.session.apple_roots(), Passwords(context)
    read = [
        _read(context, passwords, place, path, wanted, roots) for place, (path, wanted) in enumerate(given)
    ]
    reports, used = [report for report, _ in read], [password for _, password in read]
    if len(reports) != 2:
        return reports, _hinted(each for report in reports for each in report.findings), None
    first, second = _order(reports)
    pair = judge_pair(reports[first], reports[second], used[first], used[second])
    return reports, _hinted(pair.findings), pair.one_password


def _read(
    context: Context, passwords: Passwords, place: int, path: Path, wanted: Kind | None, roots: AppleRoots
) -> tuple[IdentityReport, Secret | None]:
    """Judge the file in *place*, asking for its password where it lacks and somebody can be asked."""
    from codesign_wizard.core.apple.identity_judge import read_identity

    password = passwords.of(place)
    report = read_identity(path, password, wanted=wanted, roots=roots)
    if _needs_password(report) and not passwords.told and context.can_ask:
        password = Secret(context.ask_secret(tr("Password of {file}: ").format(file=path.name)))
        report = read_identity(path, password, wanted=wanted, roots=roots)
    return report, password


def _order(reports: Sequence[IdentityReport]) -> tuple[int, int]:
    """Return the places of Installer and Application; the places that were told stay."""
    from codesign_wizard.core.apple.certificates import Kind

    wanted = [report.wanted for report in reports]
    kinds = [report.identity.kind if report.identity is not None else None for report in reports]
    if any(each is not None for each in wanted):
        turned = wanted[0] is Kind.APPLICATION or wanted[1] is Kind.INSTALLER
    else:
        turned = kinds[0] is Kind.APPLICATION or kinds[1] is Kind.INSTALLER
    return (1, 0) if turned else (0, 1)


def _needs_password(report: IdentityReport) -> bool:
    return any(
        each.id in ("apple.identity.password-missing", "apple.identity.password-wrong")
        for each in report.findings
    )


def _hinted(findings: Iterable[Finding]) -> list[Finding]:
    return [
        with_remedy(each, password_hint()) if each.id == "apple.identity.password-missing" else each
        for each in findings
    ]


def _repack(context: Context) -> Outcome:
    from codesign_wizard.core.apple.repack import Protection

    options = context.options
    if not 1 <= len(options.files) <= 2:
        raise wrong_use(tr("identity repack needs one or two .p12 files."))
    roots, passwords = context.session.apple_roots(), Passwords(context)
    reports = [
        _read(context, passwords, place, path, None, roots)[0] for place, path in enumerate(options.files)
    ]
    findings = [each for report in reports for each in report.findings]
    identities = [each for report in reports for each in _wanted(report, len(reports))]
    if any(report.identity is None for report in reports):
        return Outcome(worst_first(_hinted(findings)), {"files": []}, blocked=tr("Nothing was written."))
    if len(identities) == 2 and identities[0].kind is identities[1].kind:
        raise wrong_use(tr("Both files are of one kind; repack one file at a time."))
    # the first file's own password is the one, unless another is given
    new = passwords.new or passwords.of(0) or asked_password(context)
    protection = Protection.LEGACY if options.legacy else Protection.MODERN
    files = _write(context, identities, new, protection)
    # whether they fit together is for check to say; what was wrong before still is
    return _written(findings, files)


def _wanted(report: IdentityReport, files: int) -> list[Identity]:
    """Return what to write of a file: where it is the only one, one Developer ID identity of each kind."""
    if report.identity is None:
        return []
    chosen = {report.identity.kind: report.identity}
    if files == 1:
        for other in report.others:
            if other.kind.is_developer_id and report.identity.kind.is_developer_id:
                chosen.setdefault(other.kind, other)
    return list(chosen.values())


def _write(
    context: Context, identities: Sequence[Identity], password: Secret | None, protection: Protection
) -> list[WrittenIdentity]:
    from codesign_wizard.core.apple import identity_findings as found
    from codesign_wizard.core.apple.repack import file_name, write_identity

    if not password:
        raise InputError(
            found.NEW_PASSWORD_MISSING(
                remedies=[
                    Remedy(
                        title=tr("Give one in {variable}, or on standard input.").format(
                            variable=NEW_ENVIRONMENT
                        )
                    )
                ]
            )
        )
    folder = context.options.output or Path()
    there = [name for name in map(file_name, [each.kind for each in identities]) if (folder / name).exists()]
    if there:
        context.confirm(tr("{files} will be replaced.").format(files=", ".join(there)))
    roots = context.session.apple_roots()
    files = [write_identity(each, folder, password, protection, roots=roots) for each in identities]
    session = context.session
    if session.secrets.kept:
        session.secrets.set(session.profile.id, APPLE_PASSWORD, password)
    return files


def _written(findings: Sequence[Finding], files: Sequence[WrittenIdentity]) -> Outcome:
    from codesign_wizard.core.apple.repack import written

    result = [
        {
            "file": str(each.path),
            "protection": each.protection.value,
            "chain": each.chain,
            **description_json(each.identity.description),
        }
        for each in files
    ]
    facts = [(each.identity.kind.label, str(each.path)) for each in files]
    return Outcome(
        worst_first([*findings, written(files)]),
        {"files": result},
        facts,
        clear=tr("The files are ready."),
        blocked=tr("The files were written, but what is wrong with them is wrong still."),
    )


def _request(context: Context) -> Outcome:
    from codesign_wizard.core.apple import identity_findings as found
    from codesign_wizard.core.apple.requests import WANTED, RequestDesk, apple_steps
    from codesign_wizard.core.files import write_atomic

    options, session = context.options, context.session
    if options.files:
        raise wrong_use(tr("identity request takes no files."))
    desk = RequestDesk(session.apple_keys_folder())
    pending = desk.pending()
    folder = options.output or Path()
    findings: list[Finding] = []
    result, facts = [], []
    for kind in WANTED:
        request = next((each for each in pending if each.kind is kind), None)
        kind_of_news = found.REQUEST_WAITS
        if request is None or options.anew:
            password = keys_password(context, make=True)
            if password is None:
                return Outcome([_no_keyring(session.secrets.reason)], {}, blocked=tr("No request was made."))
            # keyring and folder know the profile by its id, which must be there again next time
            session.save()
            if not context.practising:
                session.profiles.set_last_used(session.profile.id)
            name = options.name or session.profile.product_name or session.profile.name
            request = desk.create(kind, password, name=name, email=options.email, now=utc_now())
            kind_of_news = found.REQUESTED
        target = folder / request.file_name
        try:
            write_atomic(target, request.request)
        except OSError as error:
            why = error.strerror or str(error)
            raise InputError(found.UNWRITABLE(file=str(target), why=why)) from error
        date = request.made.date().isoformat()
        findings.append(kind_of_news(kind=kind.label, file=target.name, date=date))
        result.append(
            {
                "kind": kind.value,
                "file": str(target),
                "made": iso(request.made),
                "pem": request.request.decode(),
            }
        )
        facts.append((kind.label, str(target)))
    steps = apple_steps()
    return Outcome(
        findings,
        {"requests": result, "steps": steps},
        facts,
        notes=[f"{number}. {step}" for number, step in enumerate(steps, 1)],
        clear=tr("The requests are ready for Apple's site; the keys wait here, encrypted."),
    )


def _no_keyring(reason: str) -> Finding:
    from codesign_wizard.core.apple import identity_findings as found

    return found.NO_KEYRING(
        detail=reason,
        remedies=[
            Remedy(
                title=tr("Choose a password, keep it yourself, and give it each time in {variable}.").format(
                    variable=KEYS_ENVIRONMENT
                )
            )
        ],
    )


def _assemble(context: Context) -> Outcome:
    from codesign_wizard.core.apple.repack import Protection
    from codesign_wizard.core.apple.requests import RequestDesk

    options = context.options
    if not options.files:
        raise wrong_use(tr("identity assemble needs the .cer files from Apple's site."))
    desk = RequestDesk(context.session.apple_keys_folder())
    made = desk.assemble(
        options.files, keys_password(context, make=False), roots=context.session.apple_roots()
    )
    if blocks(made.findings):
        return Outcome(worst_first(made.findings), {"files": []}, blocked=tr("Nothing was written."))
    passwords = Passwords(context)
    new = passwords.new or passwords.of(0) or asked_password(context)
    protection = Protection.LEGACY if options.legacy else Protection.MODERN
    files = _write(context, [identity for identity, _ in made.identities], new, protection)
    # the keys are in the .p12 files now, which were opened again to be sure
    for _, request in made.identities:
        desk.drop(request)
    return _written(made.findings, files)


def report_json(report: IdentityReport) -> dict[str, Any]:
    """Return what a report says of a file, as docs/json.md has it."""
    document: dict[str, Any] = {
        "ok": report.ok,
        "opened": report.opened,
        "has_key": report.identity is not None,
    }
    if report.certificate is not None:
        document |= description_json(report.certificate)
    if report.identity is not None:
        from codesign_wizard.core.authenticode import trust

        chain = [*report.identity.chain, *([report.identity.root] if report.identity.root else [])]
        document["chain"] = [trust.name(each) for each in chain]
        document["others"] = [description_json(each.description) for each in report.others]
    if report.structure is not None:
        document["encryption"] = list(report.structure.schemes)
        document["mac"] = report.structure.mac or None
    return document


def description_json(description: Description) -> dict[str, Any]:
    """Return the certificate in short, as docs/json.md has it."""
    return {
        "kind": description.kind.value,
        "name": description.common_name,
        "owner": description.owner,
        "team": description.team or None,
        "issuer": description.issuer,
        "not_before": iso(description.since),
        "not_after": iso(description.until),
        "serial": description.serial,
        "sha256": description.sha256,
    }


def _facts(report: IdentityReport) -> list[tuple[str, str]]:
    facts = [(tr("File"), report.name)]
    described = report.certificate
    if described is not None:
        facts += [
            (tr("Kind"), described.kind.label),
            (tr("Name"), described.common_name),
            (tr("Team"), described.team or "–"),
            (tr("Valid"), f"{described.since.date()} – {described.until.date()}"),
        ]
    if report.identity is not None:
        from codesign_wizard.core.authenticode import trust

        chain = [*report.identity.chain, *([report.identity.root] if report.identity.root else [])]
        facts.append((tr("Chain"), " → ".join(trust.name(each) for each in chain)))
    if report.structure is not None:
        words = ", ".join(report.structure.schemes) or tr("not encrypted")
        facts.append((tr("Protection"), f"{words}; {report.structure.mac or tr('no integrity check')}"))
    return facts
