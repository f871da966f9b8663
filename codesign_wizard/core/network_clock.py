"""This computer's clock, compared with the Date header of an answer (RFC 9110, 6.6.1; whole seconds)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from codesign_wizard.core import network_findings
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Remedy, iso
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.text import tr

CLOCK_TOLERANCE = timedelta(minutes=5)  # what Entra ID and Key Vault allow tokens to be off


def clock_finding(
    answer: Answer | None, host: str, *, tolerance: timedelta = CLOCK_TOLERANCE
) -> Finding | None:
    """Return what is to be said of the clock, or ``None`` where it is right or nothing tells the time."""
    if answer is None or answer.time is None or answer.headers.get("age"):
        return None
    now = datetime.now(UTC)
    offset = now - answer.time
    if abs(offset) - timedelta(seconds=answer.seconds) < tolerance:
        return None
    minutes = round(abs(offset).total_seconds() / 60)
    amount = tr("{hours} h {minutes} min").format(hours=minutes // 60, minutes=minutes % 60)
    return network_findings.CLOCK(
        offset=amount if minutes >= 60 else tr("{minutes} min").format(minutes=minutes),
        direction=tr("ahead") if offset > timedelta(0) else tr("behind"),
        host=host,
        detail=tr("Tokens, certificates and time stamps are refused by a clock that is wrong."),
        certainty=Certainty.COMPUTED,
        evidence=Evidence(
            status=answer.status,
            request_id=answer.request_id or None,
            time=now.replace(microsecond=0),
            more={"host": host, "time-there": iso(answer.time), "time-here": iso(now)},
        ),
        remedies=[
            Remedy(
                title=tr("Let this computer set its clock from the network."),
                portal=(
                    tr("Windows: Settings, Time & language, Date & time, Sync now; or: w32tm /resync"),
                    tr("macOS: System Settings, General, Date & Time: Set time and date automatically."),
                    tr("Linux: timedatectl set-ntp true"),
                ),
            )
        ],
    )
