"""What can be said of a CA's answer: one sentence for each thing that is wrong with it, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from codesign_wizard.core.certificates.forms import Kind, Part
from codesign_wizard.core.finding import Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

UNREADABLE = FindingKind(
    "certificate.answer.unreadable",
    Severity.ERROR,
    "{file} cannot be read: {why}.",
    "The file is missing, is a folder, or the system does not let it be read.",
)
NOTHING = FindingKind(
    "certificate.answer.nothing",
    Severity.ERROR,
    "Nothing was given: choose the files that the CA sent, or paste its text.",
    "Neither a file nor a text was handed in.",
)
EMPTY = FindingKind(
    "certificate.answer.empty",
    Severity.ERROR,
    "{file} is empty.",
    "The file holds nothing but blanks; the download broke off.",
)
TOO_LARGE = FindingKind(
    "certificate.answer.too-large",
    Severity.ERROR,
    "{file} is far too large to be a certificate.",
    "Larger than 8 MB, or an archive that would unpack to more.",
)
WEB_PAGE = FindingKind(
    "certificate.answer.web-page",
    Severity.ERROR,
    "{file} is a web page, not a certificate.",
    "A page, often of a sign-in or an error, was saved in place of the download.",
)
PFX = FindingKind(
    "certificate.answer.pfx",
    Severity.ERROR,
    "{file} is a .pfx file, locked by a password: the vault needs the certificate alone, without a key.",
    "A .p12 (.pfx) holds a key of its own; the certificate for the vault's key comes without one.",
)
REQUEST_BACK = FindingKind(
    "certificate.answer.request-back",
    Severity.ERROR,
    "{file} is the signing request itself, not the CA's answer to it.",
    "A certificate signing request was given in place of the certificate.",
)
PRIVATE_KEY = FindingKind(
    "certificate.answer.private-key",
    Severity.WARNING,
    "{file} holds a private key! It was not used and is forgotten here: find out who made it, and delete it.",
    "No CA needs or has the private key; whoever sent it may have copied it elsewhere.",
)
LOCKED_ARCHIVE = FindingKind(
    "certificate.answer.locked-archive",
    Severity.ERROR,
    "{file} is an archive locked by a password: unpack it first.",
    "An entry of the zip is encrypted.",
)
DAMAGED = FindingKind(
    "certificate.answer.damaged",
    Severity.ERROR,
    "{file} is damaged: {why}.",
    "It begins like a certificate or an archive, but cannot be read to its end.",
)
OTHER = FindingKind(
    "certificate.answer.no-certificate",
    Severity.ERROR,
    "There is no certificate in {file}: {what}.",
    "The content is of another kind.",
)
ONLY_AUTHORITIES = FindingKind(
    "certificate.answer.only-authorities",
    Severity.ERROR,
    "Only certificates of the CA itself are here ({names}), not the one for your request.",
    "The download held root or intermediate certificates alone.",
)
OTHER_REQUEST = FindingKind(
    "certificate.answer.other-request",
    Severity.ERROR,
    "The certificate of {name} answers another request of this vault: {request}.",
    "Its public key is that of another pending request.",
)
OTHER_KEY = FindingKind(
    "certificate.answer.other-key",
    Severity.ERROR,
    "The certificate of {name} was made for another key than the one that waits in the vault.",
    "The public key is not the request's: an old request was used, or somebody else's certificate was given.",
)
NOT_WAITED_FOR = FindingKind(
    "certificate.answer.no-request",
    Severity.ERROR,
    "No request in the vault waits for the certificate of {name}.",
    "The request was dropped, or answered already.",
)
TLS = FindingKind(
    "certificate.answer.tls",
    Severity.ERROR,
    "The certificate of {name} is for web servers ({purposes}), not for code signing.",
    "The extended key usage is that of a TLS certificate; the wrong product was ordered.",
)
NOT_CODE_SIGNING = FindingKind(
    "certificate.answer.not-code-signing",
    Severity.ERROR,
    "The certificate of {name} is not for code signing, but for {purposes}.",
    "The extended key usage lacks code signing.",
)
NO_SIGNATURES = FindingKind(
    "certificate.answer.no-digital-signature",
    Severity.ERROR,
    "The certificate of {name} may not be used for digital signatures.",
    "The key usage lacks digitalSignature.",
)
AUTHORITY = FindingKind(
    "certificate.answer.authority",
    Severity.ERROR,
    "The certificate of {name} is a CA's, which may not sign programs.",
    "The basic constraints say CA.",
)
EXPIRED = FindingKind(
    "certificate.answer.expired",
    Severity.ERROR,
    "The certificate of {name} expired on {date}.",
    "It is past its last day: an old answer, or this computer's clock is wrong.",
)
NOT_YET = FindingKind(
    "certificate.answer.not-yet-valid",
    Severity.WARNING,
    "The certificate of {name} is valid only from {date}.",
    "Its first day is still to come, or this computer's clock is wrong.",
)
KEY_SMALL = FindingKind(
    "certificate.answer.key-small",
    Severity.ERROR,
    "The key of {name} is too small: {key}, and code signing needs 3072 bits.",
    "RSA below 3072 bits (CA/Browser Forum, 6.1.5).",
)
KEY_EC = FindingKind(
    "certificate.answer.key-ec",
    Severity.WARNING,
    "The key of {name} is {key}, which Windows does not accept for programs.",
    "Microsoft's root programme does not support ECDSA for Authenticode.",
)
OLD_ALGORITHM = FindingKind(
    "certificate.answer.algorithm-old",
    Severity.ERROR,
    "The certificate of {name} is signed with {digest}, which Windows no longer accepts.",
    "SHA-1 or MD5 in the certificate's own signature.",
)
SELF_SIGNED = FindingKind(
    "certificate.answer.self-signed",
    Severity.ERROR,
    "The certificate of {name} vouches only for itself: no CA has signed it.",
    "Issuer and subject are the same.",
)
SEVERAL = FindingKind(
    "certificate.answer.several",
    Severity.INFO,
    "{count} certificates fit the request; the one of {date} is taken.",
    "The CA issued more than once for the same key.",
)
CHAIN = FindingKind(
    "certificate.answer.chain",
    Severity.OK,
    "The chain is whole: {count} certificates up to {root}, which Windows trusts for code signing.",
    "Every issuer is there, and the root is one of Microsoft's programme.",
)
CHAIN_EXTRA = FindingKind(
    "certificate.answer.chain-extra-root",
    Severity.INFO,
    "The chain of {count} ends in {root}, which counts only because it was added in the settings.",
    "A customer's Windows does not know this root.",
)
CHAIN_INCOMPLETE = FindingKind(
    "certificate.answer.chain-incomplete",
    Severity.WARNING,
    "The certificate of the issuer {issuer} is missing and could not be fetched.",
    "Signing works without it, but PCs that are offline may not name the publisher.",
)
CHAIN_UNTRUSTED = FindingKind(
    "certificate.answer.chain-untrusted",
    Severity.WARNING,
    "Windows will not trust programs signed with it: {why}.",
    "The chain ends in no root that Windows trusts for code signing.",
)
FITS = FindingKind(
    "certificate.answer.fits",
    Severity.OK,
    "The certificate of {name}, from {issuer}, fits the request.",
    "Same key, for code signing, valid: it can be merged.",
)

_BLOCKING = {
    Kind.EMPTY: EMPTY,
    Kind.TOO_LARGE: TOO_LARGE,
    Kind.WEB_PAGE: WEB_PAGE,
    Kind.PFX: PFX,
    Kind.REQUEST: REQUEST_BACK,
    Kind.LOCKED_ARCHIVE: LOCKED_ARCHIVE,
    Kind.DAMAGED: DAMAGED,
    Kind.OTHER: OTHER,
}


def of_parts(parts: Iterable[Part], beside: bool) -> Iterator[Finding]:
    """Yield the finding for each part that is no certificate.

    *beside* tells that there are certificates: then a read-me or a request with them is nothing to speak of,
    and what is damaged is a warning.
    """
    told: set[tuple[Kind, str]] = set()
    for part in parts:
        if (part.kind, part.source) in told:
            continue
        told.add((part.kind, part.source))
        if part.kind is Kind.PRIVATE_KEY:
            yield PRIVATE_KEY(file=part.source, remedies=private_key_remedies())
            if not beside:
                yield OTHER(file=part.source, what=tr("it is a private key"))
        elif part.kind is Kind.REVOCATION_LIST:
            if not beside:
                yield OTHER(file=part.source, what=tr("it is a revocation list"))
        elif not beside or part.kind in (Kind.DAMAGED, Kind.LOCKED_ARCHIVE):
            yield _BLOCKING[part.kind](
                file=part.source,
                why=part.text,
                what=part.text,
                severity=Severity.WARNING if beside else None,
                remedies=_remedies(part.kind),
            )


def _remedies(kind: Kind) -> list[Remedy]:
    match kind:
        case Kind.PFX:
            return [
                Remedy(
                    title=tr("Ask the CA for the certificate as .cer, .crt, .pem or .p7b."),
                    portal=(
                        tr("If the CA made the key, the certificate cannot be used with the vault's."),
                        tr("Then have it issued again for the request of the vault."),
                    ),
                )
            ]
        case Kind.REQUEST:
            return [Remedy(title=tr("Send it to the CA, and give here what the CA sends back."))]
        case Kind.LOCKED_ARCHIVE:
            return []
        case Kind.WEB_PAGE:
            return [Remedy(title=tr("Sign in at the CA with a browser, and download the certificate there."))]
    return ask_again_remedies()


def private_key_remedies() -> list[Remedy]:
    """Return what to do about a private key that came along."""
    return [
        Remedy(
            title=tr("Do not use that key."),
            portal=(
                tr("If the CA sent it, the CA knows the key: have that certificate revoked and issued anew."),
                tr("If you made it yourself, delete the file; the vault's key is another."),
            ),
        )
    ]


def ask_again_remedies() -> list[Remedy]:
    """Return how to get the certificate once more."""
    return [Remedy(title=tr("Download the certificate again from the CA, with its chain."))]


def other_key_remedies() -> list[Remedy]:
    """Return what to do when the key does not fit."""
    return [
        Remedy(
            title=tr(
                "Send the CA the request that waits in the vault, and ask it to issue again for that. CAs "
                "call it a reissue or rekey; it costs nothing as a rule."
            )
        )
    ]


def other_request_remedies(name: str) -> list[Remedy]:
    """Return where the answer belongs."""
    return [Remedy(title=tr("Choose the certificate {name}, and merge the answer there.").format(name=name))]


def wrong_product_remedies() -> list[Remedy]:
    """Return what to do about a certificate for something else."""
    return [Remedy(title=tr("Order a code-signing certificate, and have the CA issue it for this request."))]


def new_request_remedies() -> list[Remedy]:
    """Return that the request itself was wrong."""
    return [Remedy(title=tr("Drop the request, and make one with an RSA key of 4096 bits."))]


def incomplete_remedies() -> list[Remedy]:
    """Return how to get a missing issuer."""
    return [Remedy(title=tr("Download the CA's intermediate certificate, and give both files together."))]


def untrusted_remedies() -> list[Remedy]:
    """Return what to do about a chain to a root that Windows does not know."""
    return [Remedy(title=tr("Ask the CA for a code-signing certificate under a root that Windows trusts."))]
