"""What a look in the vault judges and what may come of it, told before anybody has looked."""

from __future__ import annotations

from codesign_wizard.core.certificates.judge import RENEW_WITHIN
from codesign_wizard.core.text import tr


def judged() -> list[tuple[str, str]]:
    """Return what is judged, a few words and a sentence each."""
    return [
        (tr("Whether it can sign"), tr("It is enabled and within its time, and its key may sign.")),
        (
            tr("Its key"),
            tr("RSA of at least 3072 bits, made in the vault's hardware, which it never leaves."),
        ),
        (tr("What it is for"), tr("Code signing, with a complete chain to its CA, and not revoked.")),
        (
            tr("How long it lasts"),
            tr("Until when it is valid; {n} days before its end it is time to renew.").format(
                n=RENEW_WITHIN.days
            ),
        ),
    ]


def outcomes() -> list[tuple[str, str]]:
    """Return what the vault may hold, and the way on from there."""
    return [
        (tr("A certificate"), tr("Use it, or ask for its next version while it keeps signing.")),
        (tr("A request that waits"), tr("Give the CA's answer in: it is checked, then merged.")),
        (tr("Nothing of this name"), tr("Write a signing request, or give another name.")),
    ]
