"""Whether a request can be made, told before anything is: each obstacle with its way on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from codesign_wizard.core.azure.options import AzureOptions, check_field
from codesign_wizard.core.azure.permissions.report import Report, State
from codesign_wizard.core.certificates import service_findings as kinds
from codesign_wizard.core.certificates.held import Holding, NameState
from codesign_wizard.core.certificates.request import RequestOptions
from codesign_wizard.core.finding import Certainty, Finding, Remedy, iso
from codesign_wizard.core.text import tr

# what making and answering a request takes: data actions, and names in an access policy
_NEEDED_ACTIONS = ("certificates/read", "certificates/create/action", "certificates/update/action")
_NEEDED_NAMES = ("get", "list", "create", "update")


def check_before_request(
    options: AzureOptions,
    asked: RequestOptions,
    holding: Holding,
    *,
    tier: str = "",
    permissions: Report | None = None,
) -> list[Finding]:
    """Return what speaks for and against asking the vault for *asked* under the name that *holding* is of.

    *tier* is the vault's (``premium``, ``standard``, "" when nobody told); *permissions* what a look at the
    permissions found out. Changes nothing and asks nobody.
    """
    return [
        *check_field("certificate_name", holding.name),
        *asked.check(),
        *_name(options, holding),
        *_tier(options, asked, holding, tier.lower()),
        *_permissions(permissions),
        *holding.findings,
    ]


def _name(options: AzureOptions, holding: Holding) -> Iterator[Finding]:
    match holding.state:
        case NameState.FREE:
            yield kinds.NAME_FREE(name=holding.name)
        case NameState.CERTIFICATE:
            yield kinds.RENEWAL(name=holding.name)
        case NameState.PENDING | NameState.RENEWING:
            finding = kinds.pending_exists(options, holding.name)
            since = holding.pending.since if holding.pending else None
            if since is not None:
                detail = tr("It waits since {time}.").format(time=iso(since))
                finding = dataclasses.replace(finding, detail=detail)
            yield finding
        case NameState.DELETED:
            finding = kinds.name_deleted(options, holding.name)
            if holding.purge is not None:
                detail = tr("It is gone for good on {date}.").format(date=holding.purge.date().isoformat())
                finding = dataclasses.replace(finding, detail=detail)
            yield finding
        case NameState.TAKEN:
            yield kinds.NAME_TAKEN(name=holding.name, remedies=kinds.other_name_remedies())


def _tier(options: AzureOptions, asked: RequestOptions, holding: Holding, tier: str) -> Iterator[Finding]:
    key = holding.certificate.key if holding.certificate else None
    if not asked.hardware:
        return
    if tier == "standard":
        yield kinds.vault_standard(options)
    elif tier == "premium":
        yield kinds.VAULT_PREMIUM(vault=options.vault_name)
    elif key is not None and key.hardware:
        yield kinds.VAULT_PREMIUM(vault=options.vault_name, certainty=Certainty.COMPUTED)
    else:
        yield kinds.VAULT_TIER_UNKNOWN(vault=options.vault_name)


def _permissions(report: Report | None) -> Iterator[Finding]:
    if report is None:
        return
    missing = [
        row.permission.label + " (" + row.permission.key + ")"
        for row in report.rows
        if row.state is State.MISSING
        and row.permission.kind == "certificates"
        and (row.permission.name in _NEEDED_NAMES or row.permission.name.endswith(_NEEDED_ACTIONS))
    ]
    if missing:
        yield kinds.PERMISSION_MISSING(
            permissions=", ".join(missing),
            remedies=[Remedy(title=tr("Grant them on the page Permissions, or ask an administrator to."))],
        )
