"""The findings about notarisation tickets: looking one up, stapling it, validating what is stapled."""

from __future__ import annotations

from codesign_wizard.core.finding import FindingKind, Severity

TICKET_NOT_FOUND = FindingKind(
    "apple.ticket.not-found",
    Severity.ERROR,
    "Apple has no ticket for {file}.",
    "NOT_FOUND, also after waiting: the file was not notarised, or was changed since.",
)
TICKET_REFUSED = FindingKind(
    "apple.ticket.refused",
    Severity.ERROR,
    "Apple's ticket service does not answer as it should: {why}.",
    "CloudKit gave an error other than NOT_FOUND, or something that is no ticket.",
)

DONE = FindingKind(
    "apple.staple.done",
    Severity.OK,
    "The ticket is stapled to {file}: a Mac accepts it without a network.",
    "The ticket was fetched, written, read back and compared.",
)
ALREADY = FindingKind(
    "apple.staple.already",
    Severity.INFO,
    "The same ticket was stapled to {file} already: nothing was changed.",
    "The stapled ticket equals the one that Apple gives out.",
)
RENEWED = FindingKind(
    "apple.staple.renewed",
    Severity.INFO,
    "Another ticket was stapled to {file}; it was replaced by Apple's present one.",
    "The stapled ticket differed from the one that Apple gives out.",
)
VALID = FindingKind(
    "apple.staple.valid",
    Severity.OK,
    "{file} carries the ticket that Apple gives out for it.",
    "The stapled ticket equals the one in Apple's ticket service.",
)
NOT_STAPLED = FindingKind(
    "apple.staple.not-stapled",
    Severity.ERROR,
    "No ticket is stapled to {file}.",
    "The file has no ticket where stapling puts one.",
)
TICKET_DAMAGED = FindingKind(
    "apple.staple.ticket-damaged",
    Severity.ERROR,
    "The ticket stapled to {file} is damaged: {why}.",
    "The trailer of the package contradicts itself, or the ticket in the app is empty.",
)
TICKET_DIFFERS = FindingKind(
    "apple.staple.ticket-differs",
    Severity.ERROR,
    "The ticket stapled to {file} is not the one that Apple gives out for it.",
    "The stapled ticket is another file's, or was changed.",
)
UNSIGNED = FindingKind(
    "apple.staple.unsigned",
    Severity.ERROR,
    "{file} is not signed: there is no ticket for what is not signed.",
    "Tickets belong to signatures; the file has none, or none that can be read.",
)
NO_CMS = FindingKind(
    "apple.staple.no-cms",
    Severity.WARNING,
    "{file} has an RSA signature only; Apple's stapler refuses such a package (“CDHash must be set”).",
    "The CMS signature (x-signature) is missing.",
)
CANNOT = FindingKind(
    "apple.staple.cannot",
    Severity.ERROR,
    "No ticket can be stapled to {file}: {why}.",
    "Only packages (.pkg) and apps (.app) are stapled here.",
)
UNWRITABLE = FindingKind(
    "apple.staple.unwritable",
    Severity.ERROR,
    "The ticket cannot be written to {file}: {why}.",
    "The file or its folder cannot be written; it is what it was.",
)
