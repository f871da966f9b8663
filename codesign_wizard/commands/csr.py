"""``csr``: the signing request in the vault: make it, show it again, save it, drop it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.commands.request_options import add_request_arguments, asked, described, say, wrong
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Severity, blocks, worst_first
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.azure.credential import ApplicationCredential
    from codesign_wizard.core.certificates.held import Holding, PendingRequest
    from codesign_wizard.core.certificates.request import RequestOptions
    from codesign_wizard.core.certificates.vault import CertificateVault

SAVED = FindingKind(
    "certificate.request.saved",
    Severity.OK,
    "The signing request was saved as {file}.",
    "The request, in PEM, was written to a file for the CA.",
)
DROPPED = FindingKind(
    "certificate.request.dropped",
    Severity.INFO,
    "The signing request {name} was dropped.",
    "The pending request was deleted from the vault; an answer to it can no longer be used.",
)
PROOF_SAVED = FindingKind(
    "certificate.request.proof-saved",
    Severity.OK,
    "The proof that the key is in the HSM was saved as {file}.",
    "The service's attestation of the key, for CAs that ask for it.",
)
PROOF_NONE = FindingKind(
    "certificate.request.proof-none",
    Severity.WARNING,
    "The vault gives no proof that the key of {name} is in the HSM.",
    "Key attestation is documented for Managed HSM; most vaults answer with an error.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do, the subject and the key."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=("create", "show", "save", "cancel"),
        default="show",
        help=tr("make a request, show it again, save it as PEM, or drop it"),
    )
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help=tr("save, create: the file for the request")
    )
    parser.add_argument(
        "--hsm-proof",
        type=Path,
        metavar="FILE",
        help=tr("show, save: also save the service's proof that the key is in its HSM, where it gives one"),
    )
    add_request_arguments(parser)


def run(context: Context) -> Outcome:
    """Do what the first word says."""
    options = context.options
    what, file = options.what, options.file
    if what == "save" and file is None:
        raise wrong(tr("csr save needs a file to write."))
    if what in ("show", "cancel") and file is not None:
        raise wrong(tr("csr {what} takes no file; csr save writes one.").format(what=what))
    context.reaches_out()
    wanted = asked(context) if what == "create" else None
    vault, credential = open_vault(context)
    with vault:
        if wanted is not None:
            return make(context, vault, credential, wanted, vault.state(context.job))
        pending = vault.read_pending(context.job)
        if pending is None or not pending.waits:
            return _none(vault, pending)
        if what == "cancel":
            return _cancel(context, vault, pending)
        proof = _proof(context, vault) if options.hsm_proof is not None else []
        return _shown(context, pending, _judged(pending), proof)


def open_vault(context: Context) -> tuple[CertificateVault, ApplicationCredential | None]:
    """Return the session's vault and what it signs in with; raises ``InputError``."""
    from codesign_wizard.core.azure.credential import ApplicationCredential
    from codesign_wizard.core.certificates.vault import CertificateVault

    session, secret = context.session, context.application_secret()
    options, network = session.azure_options(), session.network
    credential = ApplicationCredential(context.job, network, options, secret) if secret is not None else None
    return CertificateVault.open(context.job, network, options, secret, credential=credential), credential


def make(
    context: Context,
    vault: CertificateVault,
    credential: ApplicationCredential | None,
    wanted: RequestOptions,
    holding: Holding,
) -> Outcome:
    """Make the request *wanted*, after all that can be checked before and a yes."""
    from codesign_wizard.core.certificates.desk_words import what_is_made
    from codesign_wizard.core.certificates.preflight import check_before_request
    from codesign_wizard.core.certificates.request_check import check_request

    tier, permissions = _known(context, vault, credential)
    before = check_before_request(vault.options, wanted, holding, tier=tier, permissions=permissions)
    if blocks(before):
        return Outcome(worst_first(before), {}, blocked=tr("No signing request was made."))
    if context.options.file is not None:
        _ask_replace(context, context.options.file)
    renewal = holding.certificate is not None
    say([tr("To be made:"), *described(what_is_made(vault.options, wanted, renewal=renewal))])
    # what speaks against it is worth something only before the answer
    for found in before:
        if found.severity is Severity.WARNING:
            say([f"! {found.title}", *([f"  {found.detail}"] if found.detail else [])])
    context.confirm(tr("This makes what stands above, and nothing else."))
    pending = vault.create_request(context.job, wanted)
    checked = check_request(pending.request, wanted)
    return _shown(context, pending, [*before, *checked], asked_already=True)


def save_file(context: Context, path: Path, data: bytes, *, asked_already: bool = False) -> None:
    """Write *data* to *path*, asking before a file is replaced; raises ``InputError``."""
    from codesign_wizard.core.authenticode.refusals import UNWRITABLE
    from codesign_wizard.core.files import write_atomic

    if not asked_already:
        _ask_replace(context, path)
    try:
        write_atomic(path, data)
    except OSError as error:
        raise InputError(UNWRITABLE(file=path.name, why=error.strerror or str(error))) from error


def _known(
    context: Context, vault: CertificateVault, credential: ApplicationCredential | None
) -> tuple[str, Any]:
    """Return the vault's tier ("" where nobody tells) and what the application may do there."""
    from codesign_wizard.core.azure.permissions.diagnosis import diagnose

    if credential is None:
        return "", None
    report = diagnose(context.job, context.session.network, vault.options, credential).report
    return (str(report.facts.get("sku", "")), report) if report is not None else ("", None)


def _judged(pending: PendingRequest) -> list[Finding]:
    from codesign_wizard.core.certificates.request_check import check_request

    return check_request(pending.request)


def _shown(
    context: Context,
    pending: PendingRequest,
    findings: Sequence[Finding],
    proof: Sequence[Finding] = (),
    *,
    asked_already: bool = False,
) -> Outcome:
    found, file, pem = [*findings, *proof], context.options.file, pending.request.pem()
    if file is not None:
        save_file(context, file, pem.encode("ascii"), asked_already=asked_already)
        found.append(SAVED(file=str(file)))
    return Outcome(
        worst_first(found),
        {**pending.to_json(), "file": str(file) if file is not None else None},
        facts=pending.request.words(),
        lines=pem.splitlines() if file is None else (),
        notes=[tr("Give this request to the CA, then: certificate merge FILE…")],
        clear=tr("The signing request waits for the CA's answer."),
        blocked=tr("The signing request is not as it should be."),
    )


def _proof(context: Context, vault: CertificateVault) -> list[Finding]:
    file = context.options.hsm_proof
    proof = vault.attestation(context.job)
    if proof is None:
        return [PROOF_NONE(name=vault.name)]
    save_file(context, file, proof)
    return [PROOF_SAVED(file=str(file))]


def _ask_replace(context: Context, path: Path) -> None:
    if path.exists():
        context.confirm(tr("{file} will be replaced.").format(file=path.name))


def _cancel(context: Context, vault: CertificateVault, pending: PendingRequest) -> Outcome:
    context.confirm(
        tr(
            "This drops the signing request {name}. Its key is lost: a certificate that the CA issues for it "
            "can never be used."
        ).format(name=pending.name)
    )
    vault.drop_request(context.job)
    return Outcome([DROPPED(name=pending.name)], {"name": pending.name}, clear=tr("Nothing waits any more."))


def _none(vault: CertificateVault, pending: PendingRequest | None) -> Outcome:
    from codesign_wizard.core.certificates import service_findings

    finding = service_findings.NONE(name=vault.name)
    if pending is not None:
        finding = service_findings.NOT_PENDING(
            name=vault.name, status=pending.status, evidence=Evidence(code=pending.status)
        )
    return Outcome([finding], {}, blocked=tr("There is no signing request to work with."))
