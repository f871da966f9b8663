"""The server's log around a build, as far as it is about signing.

Its lines begin with a time, date first; the days are numbers of the server's own. Where times cannot be read,
the log's end is taken.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from codesign_wizard.core.comet.answers import CometRefusalError
from codesign_wizard.core.comet.client import CometClient
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import shown

_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)")
_ABOUT = re.compile(
    r"sign|certificate|azure|key ?vault|aadsts|pkcs|pfx|p12|notar|stapl|apple|authenticode|timestamp"
    r"|software build|build(?:ing)? (?:client|software)|build failed|generat",
    re.I,
)
_SLACK = timedelta(minutes=2)
_MAXIMUM_LINES = 40
_TAIL = 400
_LENGTH = 400


def signing_lines(
    job: JobContext, client: CometClient, began: datetime, ended: datetime, drift: timedelta
) -> list[str] | None:
    """Return the log's lines about signing between *began* and *ended* (UTC, by our clock).

    *drift* is the server's clock less ours. ``None`` when the log may not be read. Raises ``CodesignError``.
    """
    try:
        # the newest; a build may have run over midnight
        days = client.log_days(job)[:2]
        texts = [client.log(job, day) for day in reversed(days)]
    except CometRefusalError as error:
        if error.forbidden:
            return None
        raise
    return filtered("\n".join(texts), began + drift - _SLACK, ended + drift + _SLACK)


def filtered(text: str, began: datetime, ended: datetime) -> list[str]:
    """Return the lines of *text* between two times (UTC) that are about signing: at most the last 40."""
    lines = text.splitlines()
    timed = [(_time(line), line) for line in lines]
    if any(time is not None for time, _ in timed):
        chosen, inside = [], False
        for time, line in timed:
            # a line without a time belongs to the one before
            inside = inside if time is None else began <= time <= ended
            if inside:
                chosen.append(line)
    else:
        chosen = lines[-_TAIL:]
    return [shown(line.strip())[:_LENGTH] for line in chosen if _ABOUT.search(line)][-_MAXIMUM_LINES:]


def _time(line: str) -> datetime | None:
    found = _TIME.search(line[:60])
    if found is None:
        return None
    try:
        year, month, day, hour, minute, second = (int(each) for each in found.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
