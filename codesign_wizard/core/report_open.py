"""A report taken back, HTML or JSON: a profile that is only read. Nothing in it is trusted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import require_file
from codesign_wizard.core.finding import (
    Certainty,
    Evidence,
    Finding,
    FindingKind,
    Remedy,
    Severity,
)
from codesign_wizard.core.flow import SUMMARY, Flow, StepState
from codesign_wizard.core.language import ENGLISH, current_language
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.report import KIND, SCHEMA
from codesign_wizard.core.step_result import StepResult
from codesign_wizard.core.text import shown, tr

MAXIMUM = 16 << 20  # a report is some hundred kilobytes


_LONGEST = 200_000  # characters of one string in it


NOT_A_REPORT = FindingKind(
    "report.unreadable",
    Severity.ERROR,
    "{file} cannot be opened as a report: {why}.",
    "The file is no report of this program, is damaged, or is too large to be one.",
)


NEWER = FindingKind(
    "report.newer",
    Severity.ERROR,
    "{file} was written by a later version of Codesign Wizard.",
    "The report's schema is later than this version understands.",
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a report that was opened comes from."""

    path: Path
    made: datetime
    version: str  # of the program that made it
    system: str
    practice: bool

    @property
    def file(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def words(self) -> str:
        """One line that says so."""
        text = tr("Report of {time} UTC, made by version {version} on {system}").format(
            time=f"{self.made:%Y-%m-%d %H:%M}", version=self.version, system=self.system
        )
        return tr("{text}, with practice accounts").format(text=text) if self.practice else text


@dataclass(frozen=True, slots=True)
class OpenedReport:
    """A report's profile with the results that were kept in it, and where it comes from."""

    profile: Profile
    origin: Origin
    document: dict[str, Any]


# --- opened again ---
def is_report(start: bytes) -> bool:
    """Tell from the *start* of a file whether it can be a report of this program; 4 KiB suffice."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] == b"{":
        return f'"{KIND}"'.encode() in text[:1000]
    return text[:9].lower() == b"<!doctype" and f'content="{KIND}'.encode() in text[:2000]


def open_report(path: Path) -> OpenedReport:
    """Read a report, HTML or JSON; nothing in it is trusted. Raises ``InputError``."""
    name = path.name or str(path)
    try:
        require_file(path)
        if path.stat().st_size > MAXIMUM:
            raise _refused(name, tr("it is too large to be one"))
        data = path.read_bytes()
        if not data.strip():
            raise _refused(name, tr("it is empty"))
    except OSError as error:
        raise _refused(name, error.strerror or str(error)) from error
    try:
        document = json.loads(_json_in(data))
        return _opened(path, document)
    except InputError as error:
        if error.finding.id in (NOT_A_REPORT.id, NEWER.id):
            raise
        raise _refused(name, error.finding.detail or error.finding.title) from error
    except UnicodeDecodeError as error:
        raise _refused(name, tr("it is no text in UTF-8")) from error
    except json.JSONDecodeError as error:
        raise _refused(name, tr("it is cut short or damaged")) from error
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise _refused(name, tr("something in it is not as the program writes it")) from error


def _json_in(data: bytes) -> str:
    text = data.decode("utf-8-sig")
    if text.lstrip()[:1] == "{":
        return text
    from codesign_wizard.core.report_html import DATA_BEGIN, DATA_END

    before, mark, rest = text.partition(DATA_BEGIN)
    if not mark or "<!doctype" not in before[:20].lower():
        raise ValueError("no data block")
    inner, mark, _ = rest.partition(DATA_END)
    if not mark:
        raise json.JSONDecodeError("no end", "", 0)
    return inner


def _opened(path: Path, document: Any) -> OpenedReport:
    name = path.name
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise _refused(name, tr("it is none of Codesign Wizard's"))
    if type(document.get("schema")) is not int or document["schema"] < 1:
        raise ValueError("schema")
    if document["schema"] > SCHEMA:
        raise InputError(NEWER(file=name, detail=tr("Open it with that version.")))
    document = _harmless(document)
    made = _time(document["made"])
    tool, system = document["tool"], document["system"]
    origin = Origin(
        path=path,
        made=made,
        version=_text(tool["version"])[:40],
        system=_text(system.get("os", "?"))[:60],
        practice=document.get("practice") is not None,
    )
    members = {key: value for key, value in document["profile"].items() if key not in ("results", "schema")}
    profile = Profile.from_json({"schema": 1, **members})
    profile.id = "report"
    profile.results = {_text(key): _result(value) for key, value in dict(document.get("results", {})).items()}
    states = {_text(each["key"]): StepState(each["state"]) for each in document["steps"]}
    _as_it_was(profile, states)
    profile.page = SUMMARY
    # what was not reached has nothing to show
    profile.reached = [*profile.reached, SUMMARY]
    return OpenedReport(profile, origin, document)


def _as_it_was(profile: Profile, states: Mapping[str, StepState]) -> None:
    """Let every step stand where it stood: paths were shortened and logins cut, so fingerprints differ."""
    flow = Flow(profile)
    for key, result in profile.results.items():
        result.inputs = "" if states.get(key) is StepState.OUT_OF_DATE else flow.inputs(key)


def _result(document: Mapping[str, Any]) -> StepResult:
    made = StepResult(
        obtained=_time(document["obtained"]),
        ok=document["ok"] is True,
        findings=[_finding(each) for each in document["findings"]],
        facts={_text(name): _text(value) for name, value in document["facts"].items()},
        details=dict(document["details"]),
        language=ENGLISH,
    )
    return made.retold(current_language())


def _finding(document: Mapping[str, Any]) -> Finding:
    evidence = dict(document.get("evidence") or {})
    status, time = evidence.pop("status", None), evidence.pop("time", None)
    if status is not None and type(status) is not int:
        raise ValueError("status")
    told = {
        each: None if evidence.get(each) is None else _text(evidence[each])
        for each in ("code", "message", "request_id")
    }
    more = {name: _text(value) for name, value in evidence.items() if name not in told}
    return Finding(
        id=_text(document["id"]),
        severity=Severity(document["severity"]),
        title=_text(document["title"]),
        detail=_text(document.get("detail", "")),
        certainty=Certainty(document.get("certainty", "observed")),
        evidence=Evidence(status=status, time=None if time is None else _time(time), more=more, **told),
        remedies=tuple(_remedy(each) for each in document.get("remedies", ())),
    )


def _remedy(document: Mapping[str, Any]) -> Remedy:
    told = {name: _text(document[name]) for name in ("az", "powershell", "url") if document.get(name)}
    # a page of the vendors' is https; nothing else is opened for a stranger
    if not told.get("url", "https://").startswith("https://"):
        del told["url"]
    portal = tuple(_text(each) for each in document.get("portal", ()))
    return Remedy(_text(document["title"]), portal, told.get("az"), told.get("powershell"), told.get("url"))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("text")
    return value


def _time(value: object) -> datetime:
    time = datetime.fromisoformat(_text(value))
    if time.tzinfo is None or not 2000 < time.year < 3000:
        raise ValueError("time")
    return time.astimezone(UTC)


def _harmless(value: Any, depth: int = 0) -> Any:
    """Return *value* without characters that move a cursor or turn the writing; raises on bounds."""
    if depth > 40:
        raise ValueError("depth")
    if isinstance(value, str):
        if len(value) > _LONGEST:
            raise ValueError("length")
        return shown(value, keep="\n\t")
    if isinstance(value, dict):
        return {shown(name): _harmless(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_harmless(item, depth + 1) for item in value]
    return value


def _refused(name: str, why: str) -> InputError:
    return InputError(
        NOT_A_REPORT(
            file=name,
            why=why,
            remedies=[Remedy(title=tr("Ask for the report again: as the file itself, not its text."))],
        )
    )
