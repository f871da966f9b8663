"""What speaks for and against a signing request, alone and beside what was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from codesign_wizard.core.certificates.request import (
    CODE_SIGNING,
    EC_WARNING,
    RequestOptions,
    SigningRequest,
    computed,
    purpose_name,
)
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

GOOD = FindingKind(
    "certificate.request.good",
    Severity.OK,
    "The signing request is for {name}, {key}, and its signature holds.",
    "The request was read back, and is what was asked for as far as that is known.",
)


SIGNATURE_WRONG = FindingKind(
    "certificate.request.signature-wrong",
    Severity.ERROR,
    "The signing request's own signature does not hold.",
    "The request was damaged or altered on its way; CAs refuse it.",
)


SUBJECT_DIFFERS = FindingKind(
    "certificate.request.subject-differs",
    Severity.WARNING,
    "The subject in the signing request is not the one that was asked for.",
    "The vault read the subject differently, usually at a quote or a backslash.",
)


KEY_DIFFERS = FindingKind(
    "certificate.request.key-differs",
    Severity.ERROR,
    "The key in the signing request is {key}, not {wanted}.",
    "The request's key is of another kind or size than was asked for.",
)


KEY_SMALL = FindingKind(
    "certificate.request.key-small",
    Severity.ERROR,
    "The key is too small for a code-signing certificate: {key}.",
    "CAs refuse RSA keys below 3072 bits (CA/Browser Forum, 6.1.5).",
)


USAGE_DIFFERS = FindingKind(
    "certificate.request.usage-differs",
    Severity.WARNING,
    "The signing request does not ask for code signing, but for {purposes}.",
    "The extended key usage in the request lacks code signing; most CAs go by the order instead.",
)


KEY_USAGE_DIFFERS = FindingKind(
    "certificate.request.key-usage-differs",
    Severity.WARNING,
    "The signing request does not ask for digital signatures.",
    "The key usage in the request lacks digitalSignature; the vault's key then may not sign.",
)


def check_request(request: SigningRequest, asked: RequestOptions | None = None) -> list[Finding]:
    """Return whether *request* is sound, and what was *asked* where that is known."""
    found = list(_faults(request, asked))
    if not found:
        name = (
            request.subject.get("common_name") or request.subject.get("organization") or str(request.subject)
        )
        found = [GOOD(name=name, key=request.key)]
    return [computed(each) for each in found]


def _faults(request: SigningRequest, asked: RequestOptions | None) -> Iterator[Finding]:
    again = [Remedy(title=tr("Drop this request, and make a new one."))]
    if not request.signature_holds:
        yield SIGNATURE_WRONG(remedies=again)
    if asked is not None and not asked.subject.same_as(request.subject):
        yield SUBJECT_DIFFERS(
            detail=tr("Difference: {difference}").format(
                difference="; ".join(asked.subject.differences(request.subject))
            ),
            evidence=Evidence(more={"asked": asked.subject.x500(), "request": request.subject.x500()}),
            remedies=[
                Remedy(
                    title=tr("Ask the CA whether it goes by the order; if not, drop it and write it anew.")
                )
            ],
        )
    if asked is not None and asked.key.label != request.key:
        yield KEY_DIFFERS(key=request.key, wanted=asked.key.label, remedies=again)
    elif request.key.startswith("RSA") and request.key_bits < 3072:
        yield KEY_SMALL(key=request.key, remedies=again)
    if asked is None and request.key.startswith("EC"):
        yield EC_WARNING(remedies=[Remedy(title=tr("Drop this request, and make one with an RSA key."))])
    if request.usages is not None and CODE_SIGNING not in request.usages:
        yield USAGE_DIFFERS(
            purposes=", ".join(purpose_name(oid) for oid in request.usages),
            detail=tr("The portal's own proposal is for web servers."),
            remedies=again,
        )
    if request.key_usage is not None and "digitalSignature" not in request.key_usage:
        yield KEY_USAGE_DIFFERS(
            evidence=Evidence(more={"usage": " ".join(request.key_usage)}), remedies=again
        )
