"""Looking up a notarisation ticket with Apple's ticket service (CloudKit).

``POST …/records/lookup`` with the record name ``2/T/HEX``: T is the digest's type (1 SHA-1, 2 SHA-256), HEX
the first 20 bytes, in hexadecimal, of a package's table-of-contents checksum or of a code directory's
digest. No account is needed. The answer's ``signedTicket`` is the ticket, in Base64.
"""

from __future__ import annotations

import base64
import binascii
import time
from typing import Any

from codesign_wizard.core.apple import staple_findings as found
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Certainty, Evidence, Remedy, utc_now
from codesign_wizard.core.job import JobContext, LogLevel
from codesign_wizard.core.network import Network, NetworkError
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.network_failure import FailureKind
from codesign_wizard.core.text import tr

LOOKUP = (
    "https://api.apple-cloudkit.com/database/1/com.apple.gk.ticket-delivery/production/public/records/lookup"
)
# a ticket may lag behind “Accepted” by some seconds, now and then by minutes
PATIENCE = 300.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 20.0
_SHORTEST_PAUSE = 0.2  # in practice, where all pauses are short
_MAXIMUM_TICKET = 16 << 20
_DIGEST_TYPES = {"sha1": 1, "sha256": 2}
_PART = "ticket"


def record_name(digest_name: str, digest: bytes) -> str:
    """Return the record's name for a digest (``sha1`` or ``sha256``, whole).

    Raises ``KeyError`` for others.
    """
    return f"2/{_DIGEST_TYPES[digest_name]}/{digest[:20].hex()}"


def look_up(
    job: JobContext, network: Network, record: str, file: str, *, patience: float = PATIENCE
) -> bytes:
    """Return the ticket, waiting up to *patience* seconds for one that is not there yet.

    *file* is what people know it as. Raises ``CodesignError`` and ``Cancelled``.
    """
    # in practice tickets come within seconds, or not at all
    pace = network.settings.pace
    patience = min(patience, PATIENCE * pace)
    longest, pause = (max(_SHORTEST_PAUSE, each * pace) for each in (_LONGEST_PAUSE, _FIRST_PAUSE))
    began = time.monotonic()
    while True:
        answer = _ask(job, network, record)
        ticket = _ticket(answer)
        if ticket is not None:
            return ticket
        waited = time.monotonic() - began
        if waited + pause > patience:
            raise CodesignError(_not_found(answer, record, file, waited))
        job.progress(
            round(waited), None, tr("No ticket yet, after {seconds} s").format(seconds=round(waited))
        )
        job.wait(pause)
        pause = min(longest, pause * 1.5)


def _ask(job: JobContext, network: Network, record: str) -> Answer:
    """Ask once; a lookup changes nothing, so a connection that was lost is tried again."""
    for attempt in range(3):
        try:
            answer = network.request(
                job,
                "POST",
                LOOKUP,
                json={"records": [{"recordName": record}]},
                part=_PART,
                max_body=_MAXIMUM_TICKET,
            )
        except NetworkError as error:
            if attempt == 2 or error.kind not in (FailureKind.RESET, FailureKind.TIMEOUT):
                raise
        else:
            if answer.status < 500 and answer.status != 429:
                return answer
        if attempt < 2:
            job.log(LogLevel.INFO, tr("Asking for the ticket again"), part=_PART)
            network.pause(job, 1.0 + attempt)
    return answer


def _ticket(answer: Answer) -> bytes | None:
    """Return the ticket in an answer, ``None`` for NOT_FOUND; raises ``CodesignError`` for anything else."""
    try:
        document: Any = answer.json()
        record = document["records"][0] if answer.status == 200 else document
    except (ValueError, LookupError, TypeError) as error:
        raise _refused(answer, tr("it is no answer of this service"), "") from error
    if not isinstance(record, dict):
        raise _refused(answer, tr("it is no answer of this service"), "")
    code = record.get("serverErrorCode")
    if code == "NOT_FOUND" and answer.status in (200, 404):
        return None
    if code or answer.status != 200:
        reason = str(record.get("reason") or "")
        raise _refused(answer, str(code or tr("status {status}").format(status=answer.status)), reason)
    try:
        signed = record["fields"]["signedTicket"]["value"]
        ticket = base64.b64decode(signed, validate=True)
    except (LookupError, TypeError, ValueError, binascii.Error) as error:
        raise _refused(answer, tr("it holds no ticket"), "") from error
    if not ticket:
        raise _refused(answer, tr("the ticket in it is empty"), "")
    return ticket


def _refused(answer: Answer, why: str, reason: str) -> CodesignError:
    return CodesignError(
        found.TICKET_REFUSED(
            why=why,
            evidence=Evidence(status=answer.status, message=reason or None, time=answer.time or utc_now()),
            remedies=[
                Remedy(
                    title=tr("Try again later; the file is notarised without a stapled ticket, too."),
                    url="https://developer.apple.com/system-status/",
                )
            ],
        )
    )


def _not_found(answer: Answer, record: str, file: str, waited: float) -> Any:
    return found.TICKET_NOT_FOUND(
        file=file,
        detail=tr(
            "Apple was asked for {seconds} s. Tickets come with “Accepted”, at times some minutes later."
        ).format(seconds=round(waited)),
        certainty=Certainty.OBSERVED,
        evidence=Evidence(
            status=answer.status,
            code="NOT_FOUND",
            message="Record not found",
            time=answer.time or utc_now(),
            more={"record": record},
        ),
        remedies=[
            Remedy(title=tr("Look whether Apple accepted this very file: notary history, notary status ID.")),
            Remedy(title=tr("Accepted just now? Staple again in a quarter of an hour.")),
            Remedy(
                title=tr("A file that was signed again after it was submitted has to be submitted again.")
            ),
        ],
    )
