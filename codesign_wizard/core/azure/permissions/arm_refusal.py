"""How Azure Resource Manager and Microsoft Graph refuse: status, code, and what their words name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from codesign_wizard.core.azure.answer_parts import LONGEST, readable, text_of
from codesign_wizard.core.finding import Evidence, utc_now
from codesign_wizard.core.network_answer import Answer


@dataclass(frozen=True, slots=True)
class ArmRefusal:
    """What an answer other than success says. ``action`` and ``scope`` are "" where the text tells none."""

    status: int
    code: str
    message: str
    action: str
    scope: str
    evidence: Evidence


def read_refusal(answer: Answer) -> ArmRefusal:
    """Return what an answer says; understands any body."""
    try:
        document: Any = answer.json()
    except ValueError:
        document = None
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        error = document if isinstance(document, dict) else {}
    code, message = text_of(error.get("code"))[:200], text_of(error.get("message"))[:LONGEST]
    action = re.search(r"perform action '([\w./*-]{1,200})'", message)
    scope = re.search(r"over scope '([^']{1,500})'", message)
    more = {
        "host": urlsplit(answer.url).netloc,
        "correlation-id": answer.headers.get("x-ms-correlation-request-id", ""),
        "action": action[1] if action else "",
        "scope": scope[1] if scope else "",
    }
    evidence = Evidence(
        status=answer.status,
        code=code or None,
        message=message.strip() or readable(answer.body) or None,
        request_id=answer.headers.get("x-ms-request-id") or answer.headers.get("request-id") or None,
        time=utc_now(),
        more={name: value for name, value in more.items() if value},
    )
    return ArmRefusal(answer.status, code, message, more["action"], more["scope"], evidence)
