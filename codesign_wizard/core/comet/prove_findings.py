"""What can come out when the server's own builds are judged."""

from __future__ import annotations

from collections.abc import Iterable

from codesign_wizard.core.finding import Finding, FindingKind, Remedy, Severity, worst_first
from codesign_wizard.core.text import tr

NO_PLATFORM = FindingKind(
    "server.prove.no-platform",
    Severity.ERROR,
    "The server offers no client of this kind: {wanted}.",
    "No platform of the server's list fits what is to be proved.",
)
OTHER_SYSTEM = FindingKind(
    "server.prove.other-system",
    Severity.ERROR,
    "{platform} is for a system whose clients are not signed: there is nothing to prove.",
    "Only clients for Windows and macOS carry a code signature.",
)
REFUSED = FindingKind(
    "server.prove.refused",
    Severity.ERROR,
    "The server refused to build the client for {platform}.",
    "In place of a file came the server's refusal, as JSON under HTTP 200 or with another status.",
)
NO_FILE = FindingKind(
    "server.prove.no-file",
    Severity.ERROR,
    "What the server delivered for {platform} is no installer: {why}.",
    "The delivered bytes are of another kind, damaged, or hold nothing to install.",
)
LOADER = FindingKind(
    "server.prove.loader",
    Severity.ERROR,
    "The server delivered its loader with a data file, signed by {publisher}: not your signed installer.",
    "Without a working certificate the Windows download is a loader, validly signed by the vendor's partner.",
)
NOT_ONE = FindingKind(
    "server.prove.not-one",
    Severity.ERROR,
    "The download for {platform} holds {count} programs where one signed installer belongs.",
    "A signed Windows download holds exactly one .exe.",
)
BESIDE = FindingKind(
    "server.prove.data-beside",
    Severity.WARNING,
    "Beside the signed installer the download holds: {names}.",
    "With a certificate the Windows download should hold a single .exe.",
)
UNSIGNED = FindingKind(
    "server.prove.unsigned",
    Severity.ERROR,
    "The client for {platform} is not signed.",
    "The server built a client without any signature.",
)
OTHER_SIGNER = FindingKind(
    "server.prove.other-signer",
    Severity.ERROR,
    "The client for {platform} is signed, but not by you: by {publisher}, not {expected}.",
    "The signature is another certificate's than the one in the vault or in the .p12.",
)
EARLIER = FindingKind(
    "server.prove.earlier-certificate",
    Severity.WARNING,
    "The client for {platform} is signed by another certificate of {publisher} than the present one.",
    "The subject is the same, the certificate is not: most likely the one before the renewal.",
)
SIGNED = FindingKind(
    "server.prove.signed",
    Severity.OK,
    "The client for {platform} is signed by your certificate: {publisher}.",
    "The leaf of the signature is the certificate that the profile stands for.",
)
NOT_COMPARED = FindingKind(
    "server.prove.not-compared",
    Severity.WARNING,
    "The client for {platform} is signed by {publisher}; whether that is you could not be compared.",
    "The profile's own certificate could not be read, so the signer is only named.",
)
NO_TIMESTAMP = FindingKind(
    "server.prove.no-timestamp",
    Severity.ERROR,
    "The client for {platform} has no time stamp: its signature ends with the certificate.",
    "The server signed without a time stamp.",
)
NOT_STAPLED = FindingKind(
    "server.prove.not-stapled",
    Severity.ERROR,
    "The package for {platform} carries no ticket, though the server is to staple one.",
    "The level is sign, notarise and staple, and the package has no ticket behind it.",
)
NOTARISING_UNSEEN = FindingKind(
    "server.prove.notarising-unseen",
    Severity.WARNING,
    "Whether Apple has notarised the package for {platform} could not be seen.",
    "Apple's service for tickets could not be asked.",
)
NOTARISED = FindingKind(
    "server.prove.notarised",
    Severity.OK,
    "Apple has notarised the package for {platform}.",
    "Apple gives out a ticket for this package.",
)
NOT_NOTARISED = FindingKind(
    "server.prove.not-notarised",
    Severity.ERROR,
    "Apple has not notarised the package for {platform}, though the server is to have that done.",
    "The level asks for notarising, and Apple has no ticket for this package.",
)
SIGN_ONLY = FindingKind(
    "server.prove.sign-only",
    Severity.WARNING,
    "The package for {platform} is signed only: macOS 10.15 and later refuse it without notarisation.",
    "The server's level is sign only (since February 2020 not enough).",
)
LOG = FindingKind(
    "server.prove.log",
    Severity.INFO,
    "The server's log around the build, as far as it is about signing ({count}).",
    "Lines of the server's log around the build, filtered to signing.",
)
LOG_EMPTY = FindingKind(
    "server.prove.log-silent",
    Severity.INFO,
    "The server's log says nothing about signing around the build.",
    "No line of the log in these minutes is about signing.",
)
LOG_CLOSED = FindingKind(
    "server.prove.log-closed",
    Severity.INFO,
    "The server's log may not be read by this account.",
    "Only a top-level administrator may read the server's log.",
)
HERE_WORKS = FindingKind(
    "server.prove.works-from-here",
    Severity.INFO,
    "The same vault and certificate sign from here: the fault is on the server's side.",
    "A test signature with the profile's five options worked from this computer.",
)
HERE_FAILS = FindingKind(
    "server.prove.fails-from-here",
    Severity.INFO,
    "From here the vault does not sign either: {why}",
    "A test signature with the profile's five options failed from this computer, too.",
)
SAVED = FindingKind(
    "server.prove.unwritable",
    Severity.ERROR,
    "The folder {folder} cannot be written: {why}.",
    "The folder for the downloaded clients cannot be made or is full.",
)


def compare_remedies() -> list[Remedy]:
    """Return what to do when the server signs otherwise than by the profile."""
    return [
        Remedy(
            title=tr("Compare the server's settings with the profile (server diff), and apply what differs.")
        ),
        Remedy(title=tr("Then prove again; an installer built before may have been kept by the server.")),
    ]


def short(findings: Iterable[Finding]) -> str:
    """Return the worst of *findings* of a client in a few words, for where there is no room for more.

    A warning that has none is "": how the judging ended says it already.
    """
    told = {
        LOADER.id: tr("not signed by you"),
        OTHER_SIGNER.id: tr("not signed by you"),
        UNSIGNED.id: tr("not signed"),
        NO_TIMESTAMP.id: tr("no time stamp"),
        NOT_STAPLED.id: tr("no ticket"),
        NOT_NOTARISED.id: tr("not notarised"),
        NO_FILE.id: tr("no installer"),
        SIGN_ONLY.id: tr("signed only"),
    }
    worst = worst_first(findings)[0]
    return told.get(worst.id, tr("not in order") if worst.severity is Severity.ERROR else "")


def log_remedies() -> list[Remedy]:
    """Return where the server itself says more."""
    return [
        Remedy(
            title=tr("Read what the server's log says about signing, mend it, and prove again."),
            portal=(tr("On the server: Logs; look for the time of the build."),),
        )
    ]
