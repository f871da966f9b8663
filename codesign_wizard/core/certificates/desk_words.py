"""A certificate's state, its request and the CA's answer, said to people: one sentence, and a smaller one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.certificates.desk import DeskState, Stage, waits_words
from codesign_wizard.core.certificates.judge import needs_renewal
from codesign_wizard.core.certificates.kept import failed, seen_before
from codesign_wizard.core.certificates.request import RequestOptions
from codesign_wizard.core.finding import Finding, Severity, blocks
from codesign_wizard.core.flow import StepState
from codesign_wizard.core.step_result import StepResult
from codesign_wizard.core.text import days_left, days_until, tr
from codesign_wizard.core.verdict import verdict, when

if TYPE_CHECKING:
    from codesign_wizard.core.certificates.bundle import Answer

Said = tuple[Severity, str, str]  # how grave, the sentence, the smaller one


def standing_words(result: StepResult | None, state: StepState, desk: DeskState | None) -> Said:
    """Return what the step says first: of *desk* as its *result* keeps it, or that a look is due."""
    if result is None:
        return (
            Severity.INFO,
            tr("Nobody has looked yet at what the vault holds."),
            tr("A few seconds, and nothing changes there."),
        )
    if state is StepState.OUT_OF_DATE:
        return (
            Severity.WARNING,
            tr("Something changed since this was looked at. Look again."),
            tr("The result below is of {time}.").format(time=when(result.obtained)),
        )
    if desk is None or failed(result):
        severity, title, text = verdict(
            result.findings, tr("The vault answers."), tr("What the vault holds could not be seen.")
        )
        before = seen_before(result)
        if desk is not None and before:
            text = tr("What is shown below is of {time}.").format(time=before)
        return severity, title, text
    severity, title, text = headline(desk)
    stamp = tr("Seen {time}.").format(time=when(result.obtained))
    return severity, title, f"{text} {stamp}".strip()


def form_words(before: Sequence[Finding] | None, *, renewal: bool, wrong: Sequence[str] = ()) -> Said:
    """Return what is said above the form for a request; *before* is what was found against it, if asked.

    *wrong*: the names of the fields that hold what no request can be made with.
    """
    if wrong:
        return (
            Severity.ERROR,
            tr("Correct what is wrong in the form."),
            tr("To be corrected: {names}.").format(names=", ".join(wrong)),
        )
    if before is not None and blocks(before):
        severity, title, text = verdict(before, "", tr("The request cannot be made like this."))
        return severity, title, f"{text} {tr('Nothing was made.')}".strip()
    if before is not None:
        return verdict(before, tr("The request can be made like this."))
    return (
        Severity.INFO,
        tr("A request for the next version: the present one keeps signing until you merge the answer.")
        if renewal
        else tr("Fill in who the certificate is for."),
        tr("The vault makes the key and the request. You see what is made before it is."),
    )


def answer_words(answer: Answer) -> Said:
    """Return what is said of the CA's *answer* before it is merged."""
    severity, title, _ = verdict(
        answer.findings, tr("The answer fits the request."), tr("This answer cannot be merged.")
    )
    if answer.ok:
        return severity, title, tr("It is not in the vault yet: merging it is the last step.")
    return severity, title, tr("Nothing was changed in the vault.")


def headline(state: DeskState, now: datetime | None = None) -> tuple[Severity, str, str]:
    """Return how grave it is, the sentence that says where the certificate stands, and a smaller one."""
    now = now or datetime.now(UTC)
    renewing = waits_words() if state.renewing else ""
    match state.stage:
        case Stage.FREE:
            return (
                Severity.INFO,
                tr("The vault {vault} holds no certificate {name} yet.").format(
                    vault=state.vault, name=state.name
                ),
                tr("Make a signing request, give it to a CA, and bring its answer back here."),
            )
        case Stage.PENDING:
            waits = tr("It waits in the vault, not here: close the program whenever you like.")
            since = since_words(state.request.since if state.request else None, now)
            return (
                Severity.INFO,
                tr("A signing request waits for the CA's answer."),
                f"{since} {waits}".strip(),
            )
        case Stage.USABLE | Stage.RENEWAL_DUE if state.expires is not None:
            severity, title, text = _held(state, state.expires, now)
            return severity, title, f"{renewing} {text}".strip()
    blocked = (
        tr("The certificate cannot be used to sign now.")
        if state.stage.held
        else tr("There is no certificate to sign with under this name.")
    )
    severity, title, text = verdict(state.findings, tr("The certificate can sign programs."), blocked)
    return severity, title, f"{renewing} {text}".strip()


def since_words(since: datetime | None, now: datetime) -> str:
    """Return how long a request has been waiting, one sentence, "" when the vault does not tell."""
    if since is None:
        return ""
    days = (now - since).days
    date = since.astimezone(UTC).date().isoformat()
    if days <= 0:
        return tr("Made today.") if since.date() == now.date() else tr("Made on {date}.").format(date=date)
    if days == 1:
        return tr("Made on {date}, 1 day ago.").format(date=date)
    return tr("Made on {date}, {n} days ago.").format(date=date, n=days)


def days_words(expires: datetime, now: datetime) -> str:
    """Return how long a certificate is still good for: ``311 days left``, ``ends today``, ``expired``."""
    if expires <= now:
        return tr("expired")
    return days_left(days_until(expires, now))


def what_is_made(options: AzureOptions, asked: RequestOptions, *, renewal: bool) -> list[tuple[str, str]]:
    """Return exactly what ``CertificateDesk.request`` makes: pairs of name and value, for a confirmation."""
    key = f"{asked.key.label} ({asked.key_type})"
    kept = tr("made in the vault's hardware, never leaves it") if asked.hardware else tr("kept in software")
    return [
        (tr("In the vault"), f"{options.vault_name} ({options.vault_host})"),
        (
            tr("Certificate"),
            tr("{name}: a new version; the present one keeps signing").format(name=options.certificate_name)
            if renewal
            else tr("{name}: new").format(name=options.certificate_name),
        ),
        (tr("Key"), tr("{key}, {kept}, not exportable, not used again").format(key=key, kept=kept)),
        (tr("Subject"), asked.subject.x500()),
        (tr("Asks for"), tr("code signing, digital signatures")),
    ]


def what_is_merged(options: AzureOptions, answer: Answer) -> list[tuple[str, str]]:
    """Return exactly what ``CertificateDesk.merge`` gives the vault: pairs of name and value."""
    from codesign_wizard.core.authenticode import trust
    from codesign_wizard.core.certificates.request import key_name

    if answer.leaf is None:
        return []
    begin, end = (
        each.date().isoformat()
        for each in (answer.leaf.not_valid_before_utc, answer.leaf.not_valid_after_utc)
    )
    facts = [
        (tr("In the vault"), f"{options.vault_name} ({options.vault_host})"),
        (tr("Certificate of"), trust.name(answer.leaf)),
        (tr("Issued by"), trust.issuer_name(answer.leaf)),
        (tr("Valid"), tr("{begin} to {end}").format(begin=begin, end=end)),
        (tr("Key"), key_name(answer.leaf.public_key())[0]),
        (tr("Goes there"), " → ".join(trust.name(each) for each in answer.chain)),
    ]
    if answer.root is not None:
        facts.append((tr("Stays out"), trust.name(answer.root)))
    return facts


def _held(state: DeskState, expires: datetime, now: datetime) -> tuple[Severity, str, str]:
    """Return the headline of a certificate that was usable when it was looked at."""
    date = expires.astimezone(UTC).date().isoformat()
    if expires <= now:
        return (
            Severity.ERROR,
            tr("The certificate expired on {date}.").format(date=date),
            tr("Renew it: what was signed with a time stamp stays valid."),
        )
    left = days_words(expires, now)
    clear = tr("The certificate can sign programs until {date}, {left}.").format(date=date, left=left)
    if not needs_renewal(expires, now):
        return verdict(state.findings, clear, tr("The certificate cannot be used to sign now."))
    if state.renewing:
        return Severity.WARNING, clear, ""  # renewing is what somebody else is at: the CA
    return (
        Severity.WARNING,
        tr("Time to renew: the certificate is valid until {date}, {left}.").format(date=date, left=left),
        tr("It keeps signing until then, also while the CA works."),
    )
