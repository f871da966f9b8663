"""What an administrator sees of an application that could not sign in: whose the secret is, or the id.

Microsoft Graph tells of each secret its first three characters (``hint``, learn.microsoft.com/graph/api/
resources/passwordcredential), and knows a registration and a service principal by their object ids, too.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from codesign_wizard.core.azure.answer_parts import list_of, members_of
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.arm import Arm, RefusedError, odata
from codesign_wizard.core.azure.permissions.secret_end import HINT
from codesign_wizard.core.azure.signin_findings import APPLICATION_UNKNOWN, SECRET_WRONG
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Certainty, Evidence, Finding, FindingKind, Severity, utc_now
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

_MOST = 2000  # registrations that are looked through for whose secret it is

SECRET_OF_OTHER = FindingKind(
    "azure.admin.secret-of-other-application",
    Severity.INFO,
    "The secret begins as one of the application {name} ({other}) does, and as none of {application}.",
    "Microsoft Graph tells the first three characters of every secret: this is another application's.",
)
SECRET_NOT_HELD = FindingKind(
    "azure.admin.secret-not-held",
    Severity.INFO,
    "None of the secrets of the application {application} begins as the one given.",
    "Microsoft Graph tells the first three characters of every secret; it was replaced, or is none of them.",
)
SECRET_BEGINS_ALIKE = FindingKind(
    "azure.admin.secret-begins-alike",
    Severity.INFO,
    "A secret of the application {application} begins as the one given: that is cut short or mistyped.",
    "Microsoft Graph tells the first three characters of every secret, and one of them fits.",
)
OBJECT_ID_GIVEN = FindingKind(
    "azure.admin.object-id-given",
    Severity.INFO,
    "{given} is an object ID of the application {name}; its Application ID is {application}.",
    "Microsoft Graph knows a registration or an enterprise application by the id that was given.",
)


def seen_by_administrator(
    graph: Callable[[], Arm], refused: Finding, options: AzureOptions, secret: Secret
) -> list[Finding]:
    """Return what Microsoft Graph tells of the sign-in that was *refused*: nothing where it does not help.

    *graph* opens it with the administrator's eyes; it is called only when it is asked. Raises ``Cancelled``.
    """
    try:
        if refused.id == SECRET_WRONG.id:
            return _secret(graph(), options.application_id, secret.reveal()[:HINT])
        if refused.id == APPLICATION_UNKNOWN.id:
            return _object(graph(), options.application_id)
    except CodesignError:
        return []  # why the sign-in was refused is told without it
    return []


def _secret(graph: Arm, application: str, begins: str) -> list[Finding]:
    path = f"/v1.0/applications(appId='{odata(application)}')"
    own = graph.get(path, query="$select=appId,passwordCredentials").get("passwordCredentials")
    evidence = Evidence(time=utc_now())
    hints = _hints(own)
    if begins in hints:
        return [SECRET_BEGINS_ALIKE(application=application, certainty=Certainty.LIKELY, evidence=evidence)]
    if not isinstance(own, list) or len(hints) < len(own):
        return []  # one of which it is not told how it begins may be the one
    every = graph.pages("/v1.0/applications", query="$select=appId,displayName,passwordCredentials")
    for each in islice(every, _MOST):
        if begins in _hints(each.get("passwordCredentials")):
            return [
                SECRET_OF_OTHER(
                    application=application,
                    name=str(each.get("displayName") or "?"),
                    other=str(each.get("appId") or "?"),
                    certainty=Certainty.LIKELY,
                    evidence=evidence,
                )
            ]
    return [
        SECRET_NOT_HELD(
            application=application,
            detail=tr("It has {n}; the Value of one is shown only when it is made.").format(n=len(own))
            if own
            else tr("It has none."),
            certainty=Certainty.COMPUTED,
            evidence=evidence,
        )
    ]


def _hints(secrets: Any) -> list[str]:
    """Return how the *secrets* of a registration begin, as far as that is told."""
    return [str(hint) for each in list_of(secrets) if (hint := members_of(each).get("hint"))]


def _object(graph: Arm, given: str) -> list[Finding]:
    """Return whose object id *given* is."""
    for kind in ("applications", "servicePrincipals"):
        try:
            told = graph.get(f"/v1.0/{kind}/{odata(given)}", query="$select=appId,displayName")
        except RefusedError:
            continue  # there is none of this kind
        application = str(told.get("appId") or "")
        if application:
            return [
                OBJECT_ID_GIVEN(
                    given=given,
                    name=str(told.get("displayName") or "?"),
                    application=application,
                    evidence=Evidence(time=utc_now(), more={"application-id": application}),
                )
            ]
    return []
