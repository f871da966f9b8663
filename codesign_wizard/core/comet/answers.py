"""What a Comet Server answered: a document, a refusal in its own words, or something else altogether.

Success is a ``Status`` of 200 to 299, or none, whatever HTTP says; a refusal comes mostly under HTTP 200.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from codesign_wizard.core.comet import findings
from codesign_wizard.core.comet.address import ServerAddress
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Evidence, Finding, Remedy, utc_now
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.text import shown, tr

_WORDS = 500


class CometRefusalError(CodesignError):
    """The server answered, and refused: ``status`` and ``message`` are its own."""

    def __init__(self, finding: Finding, status: int, message: str) -> None:
        super().__init__(finding)
        self.status = status
        self.message = message

    @property
    def forbidden(self) -> bool:
        """Whether it is a matter of rights."""
        return self.status in (401, 403)


def parse(address: ServerAddress, answer: Answer, what: str) -> Any:
    """Return the document of a good answer; raises ``CodesignError`` for all others."""
    if 300 <= answer.status < 400:
        location = urlsplit(answer.headers.get("location", ""))
        target = f"{location.scheme}://{location.netloc}" if location.netloc else location.path
        raise CodesignError(
            findings.REDIRECTED(
                host=address.host,
                target=shown(target) or "?",
                evidence=Evidence(answer.status, time=utc_now()),
                remedies=[Remedy(title=tr("If that is the server, give its address itself."))],
            )
        )
    told = refusal_in(answer.body)
    if told is None and not 200 <= answer.status < 300:
        if answer.status in (401, 403, 429) or answer.status >= 500:
            told = (answer.status, f"HTTP {answer.status} {opening(answer.body)}".strip())
        else:
            raise CodesignError(
                not_comet(address, Evidence(answer.status, message=opening(answer.body), time=utc_now()))
            )
    if told is not None:
        status, message = told
        finding = findings.REFUSED(
            what=what,
            words=_sentence(message),
            evidence=Evidence(answer.status, code=str(status), message=message, time=utc_now()),
            remedies=[Remedy(title=tr("Look at what the server says; its log may tell more."))],
        )
        raise CometRefusalError(finding, status, message)
    try:
        return loads(answer.body)
    except ValueError:
        raise CodesignError(
            not_comet(address, Evidence(answer.status, message=opening(answer.body), time=utc_now()))
        ) from None


def refusal_in(body: bytes) -> tuple[int, str] | None:
    """Return ``Status`` and ``Message`` of a *body* that says no, ``None`` for all others."""
    if not body[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") or len(body) > 1 << 20:
        return None
    try:
        document = loads(body)
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    status, message = document.get("Status"), document.get("Message")
    if type(status) is not int or not isinstance(message, str) or 200 <= status < 300:
        return None
    return status, shown(message)[:_WORDS]


def loads(body: bytes) -> Any:
    """Return the JSON document of *body*, UTF-8 with or without a mark; raises ``ValueError``."""
    try:
        return json.loads(body.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def not_comet(address: ServerAddress, evidence: Evidence) -> Finding:
    """Return that something else than a Comet Server answers."""
    return findings.NO_SERVER(
        host=address.host,
        evidence=evidence,
        remedies=[
            Remedy(title=tr("Give the address that opens the Comet Server's own web page, with its port."))
        ],
    )


def opening(body: bytes) -> str:
    """Return how *body* begins, harmless to show."""
    return shown(body[:200].decode("utf-8", "replace")).strip()


def _sentence(message: str) -> str:
    message = message.strip() or tr("without a word")
    return message if message.endswith((".", "!", "?")) else f"{message}."
