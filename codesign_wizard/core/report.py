"""The report: what is kept of a profile, as one document that may leave the machine and be opened elsewhere.

It is made of the settings by name (nothing that is not listed in ``profile`` gets in), the results of the
steps with their findings and evidence, and what follows from them. Every string goes through
``report_clean``. ``docs/json.md`` describes the document; ``report_html`` wraps it for people, and
``open_report`` takes either file back, as a profile that is only read.
"""

from __future__ import annotations

import dataclasses
import json
import locale
import platform
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import write_atomic, written
from codesign_wizard.core.finding import (
    Finding,
    FindingKind,
    Severity,
    iso,
    utc_now,
)
from codesign_wizard.core.flow import PERMISSIONS, Flow
from codesign_wizard.core.language import ENGLISH
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.profile_secrets import all_secrets
from codesign_wizard.core.report_clean import clean, remember_logins, without_login
from codesign_wizard.core.secrets import SecretStore
from codesign_wizard.core.summary import party_of, shown_results, summarise
from codesign_wizard.core.text import in_english, tr

KIND = "codesign-wizard-report"


SCHEMA = 1


SAVED = FindingKind("report.saved", Severity.OK, "The report is saved as {file}.", "The file was written.")


UNWRITABLE = FindingKind(
    "report.unwritable",
    Severity.ERROR,
    "{file} cannot be written: {why}.",
    "The report's file could not be written; a former one is unchanged.",
)


READ_ONLY = FindingKind(
    "report.read-only",
    Severity.ERROR,
    "This is a report of another day and perhaps another computer: nothing is run from it.",
    "Something was asked for that reaches out or changes something, with a report in a profile's place.",
)


KEYRING_SILENT = FindingKind(
    "report.keyring-not-asked",
    Severity.WARNING,
    "The keyring did not answer, so the report could not be searched for the secrets in it.",
    "Results hold no secrets; the last search for them knew only those of this run and their usual shapes.",
)


def build_report(
    profile: Profile, *, practice: bool = False, scenario: str | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """Return the report of *profile* as it is kept now, ready to be written as JSON. Asks nobody.

    It is in English whatever the program speaks: support reads it, and programs do.
    """
    results = {key: each.retold(ENGLISH) for key, each in profile.results.items()}
    with in_english():
        return _report(dataclasses.replace(profile, results=results), practice, scenario, now)


def _report(profile: Profile, practice: bool, scenario: str | None, now: datetime | None) -> dict[str, Any]:
    from codesign_wizard import __version__

    now = now or utc_now()
    remember_logins(profile.network.proxy)
    summary = summarise(profile, now=now)
    flow = Flow(profile)
    document = {
        "schema": SCHEMA,
        "kind": KIND,
        "tool": {"name": "codesign-wizard", "version": __version__},
        "made": iso(now),
        "practice": {"scenario": scenario} if practice else None,
        "system": system_facts(),
        "verdict": {
            "severity": summary.severity.value,
            "title": summary.title,
            "detail": summary.text,
        },
        "steps": [
            {
                "key": step.key,
                "title": step.title,
                "group": step.group.value,
                "state": flow.state(step.key).value,
            }
            for step in flow.steps()
        ],
        "findings": [
            {"step": key, "party": party_of(finding).value, **finding.to_json()}
            for key, finding in _by_weight(profile)
        ],
        "permissions": _permissions(profile),
        "endings": [each.to_json(now) for each in summary.endings],
        "next": [each.to_json() for each in summary.moves],
        "profile": settings(profile),
        "results": {key: result.to_json() for key, _, result in shown_results(profile)},
    }
    cleaned: dict[str, Any] = clean(document)
    return cleaned


def settings(profile: Profile) -> dict[str, Any]:
    """Return the settings that this version knows by name, without results and without the proxy's login."""
    document = profile.to_json()
    known = {each.name for each in dataclasses.fields(Profile)} - {"results", "unknown"}
    told = {name: value for name, value in document.items() if name in known}
    for name in list(told):
        member = getattr(profile, name)
        if dataclasses.is_dataclass(member) and not isinstance(member, type):
            told[name] = _known(member, told[name])
    told["network"]["proxy"] = without_login(profile.network.proxy)
    return told


def _known(member: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return *document* without what stood in a file under names that nobody here knows."""
    told = {}
    for each in dataclasses.fields(member):
        if each.name == "unknown":
            continue
        inner = getattr(member, each.name)
        value = document[each.name]
        told[each.name] = _known(inner, value) if dataclasses.is_dataclass(inner) else value
    return told


def system_facts() -> dict[str, str]:
    """Return versions of program, system and Python: what every support asks for."""
    facts = {
        "os": f"{platform.system()} {platform.release()}".strip(),
        "os_version": platform.version(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "language": locale.getlocale()[0] or "",
        "packaged": "yes" if getattr(sys, "frozen", False) else "no",
    }
    from importlib.metadata import PackageNotFoundError, version

    for name in ("cryptography", "requests", "azure-identity", "azure-keyvault-certificates", "PySide6"):
        try:
            facts[name] = version(name)
        except PackageNotFoundError:  # a packaged app leaves the lists of packages out
            continue
    return {name: value for name, value in facts.items() if value}


def search_secrets(store: SecretStore, profile_id: str) -> list[Finding]:
    """Make every secret of the profile known, so that none can pass; a finding where that fails."""
    from codesign_wizard.core.errors import CodesignError

    try:
        all_secrets(store, profile_id)
    except CodesignError as error:
        return [KEYRING_SILENT(evidence=error.finding.evidence)]
    return []


def write_report(document: Mapping[str, Any], target: Path) -> None:
    """Write the report as HTML or JSON by *target*'s ending, in one step; raises ``InputError``."""
    ending = target.suffix.lower()
    if ending == ".json":
        data = written(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    elif ending in (".html", ".htm"):
        from codesign_wizard.core.report_html import render

        with in_english():
            data = written(render(document))
    else:
        why = tr("its name must end in .html or .json")
        raise InputError(UNWRITABLE(file=target.name or str(target), why=why))
    try:
        write_atomic(target, data)
    except OSError as error:
        raise InputError(UNWRITABLE(file=target.name, why=error.strerror or str(error))) from error


def support_text(document: Mapping[str, Any]) -> str:
    """Return the short text for a mail or a ticket: verdict, what is wrong with codes and ids, versions.

    In English, as the *document* is.
    """
    with in_english():
        return _support_text(document)


def _support_text(document: Mapping[str, Any]) -> str:
    tool, system, verdict = document["tool"], document["system"], document["verdict"]
    lines = [
        f"Codesign Wizard {tool['version']}, {document['made']}"
        + (f" ({tr('practice accounts')})" if document["practice"] else ""),
        f"{system.get('os', '')} {system.get('machine', '')}, Python {system.get('python', '')}".strip(),
        " ".join(part for part in (verdict["title"], verdict["detail"]) if part),
    ]
    azure, macos = document["profile"]["windows"]["azure"], document["profile"]["macos"]
    names = [
        (tr("Vault"), azure["vault_name"]),
        (tr("Certificate"), azure["certificate_name"]),
        (tr("Application"), azure["application_id"]),
        (tr("Tenant"), azure["tenant_id"]),
        (tr("Apple team"), macos.get("team", "")),
        (tr("Apple key"), macos["api_key"]["key_id"]),
        (tr("Server"), document["profile"]["server"]["address"]),
        (tr("Proxy"), tr("yes") if document["profile"]["network"]["proxy"] else tr("no")),
    ]
    lines.append("; ".join(f"{name} {value}" for name, value in names if value))
    grave = [each for each in document["findings"] if each["severity"] in ("error", "warning")]
    for each in grave:
        lines.append("")
        lines.append(f"{each['severity'].upper()} {each['id']} ({each['step']}): {each['title']}")
        lines += _seen(each["evidence"])
    ends = [each for each in document["endings"] if each["ends"]]
    if ends:
        lines += ["", *(f"{each['what']}: {each['ends'][:10]}" for each in ends)]
    return "\n".join(lines) + "\n"


def _seen(evidence: Mapping[str, Any]) -> list[str]:
    head = [
        str(evidence[name]) if name != "request_id" else f"request {evidence[name]}"
        for name in ("status", "code", "request_id", "time")
        if evidence.get(name)
    ]
    lines = [f"  {', '.join(head)}"] if head else []
    told = str(evidence.get("message") or "").strip().splitlines()
    lines += [f"  {told[0][:300]}"] if told else []
    for name, value in evidence.items():
        # Microsoft's support asks for these by name
        if name.lower().replace("_", " ").replace("-", " ").endswith(" id") and name != "request_id":
            lines.append(f"  {name}: {value}")
    return lines


def _by_weight(profile: Profile) -> list[tuple[str, Finding]]:
    pairs = [(key, each) for key, _, result in shown_results(profile) for each in result.findings]
    return sorted(pairs, key=lambda pair: pair[1].severity.rank)


def _permissions(profile: Profile) -> Any:
    result = profile.results.get(PERMISSIONS)
    return None if result is None else result.details.get("report")
