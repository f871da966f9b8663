"""Signing in as the application: one raw token request, so that no word of a refusal is lost.

OAuth 2.0 client credentials (RFC 6749, 4.4) at ``{authority}/{tenant}/oauth2/v2.0/token``. The libraries keep
only a part of the error body, which is why none is used for this one call.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from codesign_wizard.core.azure import signin_findings as findings
from codesign_wizard.core.azure.answer_parts import text_of
from codesign_wizard.core.azure.identifiers import guid_of
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.finding import Evidence, Finding, blocks, iso, utc_now
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network, NetworkError
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

_LONGEST_LIFE = 7 * 86_400  # seconds; Entra ID gives an hour or a day


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """Whom the vault sees, from the token's claims; ``object_id`` is the service principal's."""

    application_id: str
    object_id: str
    tenant_id: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class SignIn:
    """The outcome of signing in: an identity and a token, or findings that say why there is none."""

    identity: CallerIdentity | None
    token: Secret | None
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there is a token."""
        return self.token is not None and not blocks(self.findings)


def sign_in(
    job: JobContext,
    network: Network,
    options: AzureOptions,
    secret: Secret,
    *,
    claims: str = "",
    scope: str = "",
) -> SignIn:
    """Ask for a Key Vault token; what goes wrong is in the findings. Raises ``Cancelled``.

    *scope* asks for a token of another service. *claims* is what a continuous-access challenge of the vault
    asks for (base64 already taken off).
    """
    form = {
        "grant_type": "client_credentials",
        "client_id": options.application_id,
        "client_secret": secret.reveal(),
        "scope": scope or options.cloud.vault_scope,
    }
    if claims:
        form["claims"] = claims
    url = f"https://{options.cloud.authority_host}/{quote(options.tenant_id, safe='.-')}/oauth2/v2.0/token"
    try:
        answer = network.request(job, "POST", url, data=form, part="sign-in", max_body=1 << 20)
    except NetworkError as error:
        return SignIn(None, None, [error.finding])
    if answer.status != 200:
        return SignIn(None, None, [findings.explain(_refused(answer), options, secret)])
    return _granted(answer, options)


def _granted(answer: Answer, options: AzureOptions) -> SignIn:
    try:
        document = answer.json()
        token = Secret(_sendable(document["access_token"]))
        seconds = min(max(int(document.get("expires_in", 0)), 0), _LONGEST_LIFE)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return SignIn(None, None, [findings.explain(_refused(answer), options, None)])
    told = read_claims(token)
    # the token's own claims are for its audience; only shown, and the life is measured by our clock
    identity = CallerIdentity(
        application_id=_guid(told, "appid") or _guid(told, "azp") or options.application_id,
        object_id=_guid(told, "oid"),
        tenant_id=_guid(told, "tid"),
        expires=datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds),
    )
    evidence = Evidence(
        status=answer.status,
        request_id=answer.request_id or None,
        time=utc_now(),
        more={
            "application-id": identity.application_id,
            "object-id": identity.object_id,
            "tenant-id": identity.tenant_id,
            "expires": iso(identity.expires),
        },
    )
    return SignIn(
        identity,
        token,
        [
            findings.OK(
                object_id=identity.object_id or tr("an object ID that the token does not tell"),
                evidence=evidence,
            )
        ],
    )


def _guid(claims: Mapping[str, Any], name: str) -> str:
    """Return a claim of an application's token that names something in Entra ID; "" where it is no GUID."""
    return guid_of(text_of(claims.get(name)))


def _refused(answer: Answer) -> findings.Refusal:
    """Return what *answer* says; a token that it may hold in a form that is none is not shown."""
    shown = b"" if b"access_token" in answer.body else answer.body
    return findings.read_refusal(answer.status, shown, answer.headers)


def _sendable(token: object) -> str:
    """Return *token* if it may stand in a header (RFC 6750, 2.1); raises ``ValueError``."""
    if not isinstance(token, str) or not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", token):
        raise ValueError("it is no token")
    return token


def read_claims(token: Secret) -> dict[str, Any]:
    """Return the claims of a JSON Web Token (RFC 7519) without checking it; empty when it is none."""
    parts = token.reveal().split(".")
    if len(parts) < 2:
        return {}
    try:
        document = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
