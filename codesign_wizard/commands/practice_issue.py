"""``practice issue CSR``: the practice CA's answer to a signing request, as CAs send it, or wrong.

With ``--apple`` it is what Apple's site gives for one: a .cer file.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.commands.arguments import WRONG
from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import require_file, write_atomic
from codesign_wizard.core.finding import FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.practice.state import State

_MAXIMUM = 1 << 20
_FORM = "pem"  # unless another is asked for

UNREADABLE = FindingKind(
    "practice.request-unreadable",
    Severity.ERROR,
    "{file} cannot be read as a signing request: {why}.",
    "The file is missing, or holds no certificate signing request in PEM or DER.",
)
REFUSED = FindingKind(
    "practice.request-refused",
    Severity.ERROR,
    "The practice CA does not take this request: {why}.",
    "It refuses what public CAs refuse: RSA below 3072 bits, a signature that does not hold, no subject.",
)
UNWRITABLE = FindingKind(
    "practice.answer-unwritable",
    Severity.ERROR,
    "The answer cannot be written to {folder}: {why}.",
    "The folder cannot be made or written to, or it is full.",
)


def issue(context: Context, path: Path) -> Outcome:
    """Answer the request in *path*; a file of the same name as one of the answer's is asked about first."""
    from codesign_wizard.practice import answers
    from codesign_wizard.practice.authority import CodeSigningAuthority, CsrError, TimestampAuthority
    from codesign_wizard.practice.state import State

    options = context.options
    folder: Path = options.output
    state = State(Path(options.state) if options.state else None)
    authority = CodeSigningAuthority(state)
    if options.apple and (options.fault or options.form != _FORM):
        raise InputError(
            WRONG(why=tr("--form and --fault are not for Apple's answer, which is a .cer file."))
        )
    try:
        require_file(path)
        if path.stat().st_size > _MAXIMUM:
            raise ValueError(tr("it is far too large"))
        request = answers.read_request(path.read_bytes())
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or tr("it is no signing request")
        raise InputError(UNREADABLE(file=path.name or str(path), why=why)) from error
    others = [TimestampAuthority(state).root] if options.form == "extra" else []
    try:
        if options.apple:
            files = [_apples_answer(state, request, options.apple)]
        else:
            files = answers.respond(
                authority, request, options.form, others, fault=options.fault or "", now=datetime.now(UTC)
            )
    except CsrError as error:
        if options.apple:
            again = Remedy(title=tr("Make it with codesign-wizard identity request."))
        else:
            again = Remedy(
                title=tr(
                    "Make another request; --fault unchecked answers this one all the same, and --apple"
                    " installer or application as Apple would."
                )
            )
        return Outcome([REFUSED(why=str(error), remedies=[again])], {})
    replaced = [name for name, _ in files if (folder / name).exists()]
    if replaced:
        context.confirm(tr("{file} will be replaced.").format(file=", ".join(replaced)))
    try:
        for name, data in files:
            context.job.check_cancelled()
            write_atomic(folder / name, data)
    except OSError as error:
        raise InputError(UNWRITABLE(folder=str(folder), why=error.strerror or str(error))) from error
    result = {
        "folder": str(folder),
        "form": "cer" if options.apple else options.form,
        "fault": options.fault,
        "files": [{"name": name, "size": len(data)} for name, data in files],
    }
    notes = (
        []
        if options.state
        else [tr("Without --state DIR this CA ends with the command, and nobody knows it.")]
    )
    return Outcome([], result, lines=[str(folder / name) for name, _ in files], notes=notes)


def _apples_answer(state: State, request: x509.CertificateSigningRequest, kind: str) -> tuple[str, bytes]:
    """Return name and bytes of what Apple's site gives, called as a browser saves it."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from codesign_wizard.practice.apple.authority import KINDS, AppleAuthority

    certificate = AppleAuthority(state).answer(request, KINDS[kind])
    return f"developerID_{kind}.cer", certificate.public_bytes(Encoding.DER)
