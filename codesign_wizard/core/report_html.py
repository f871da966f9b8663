"""The report for people: one HTML file that loads nothing, runs nothing, and carries the document in it.

A Content-Security-Policy forbids everything but the style below, which it names by its hash (CSP Level 3,
2.3.1). The document stands in a data block (HTML, 4.12.1: a script element of a type that is no script), with
``<`` escaped, so that nothing in it can end the block. Every text is escaped where it is put in.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from codesign_wizard.core.azure.permissions.report import State
from codesign_wizard.core.summary import diagnosis_titles
from codesign_wizard.core.text import tr

DATA_BEGIN = '<script type="application/json" id="codesign-wizard-report">'
DATA_END = "</script>"

# the colours of the window (theme.Tokens); no class or id comes from the document
_STYLE = """
:root{color-scheme:light dark;--canvas:#f5f6f8;--surface:#fff;--sunken:#eef0f3;--line:#dfe3e8;--ink:#1a1f26;
--soft:#57606c;--accent:#2257d6;--ok:#176b3a;--okw:#e5f4ea;--warning:#855300;--warningw:#fdf1d8;
--error:#b0261e;--errorw:#fcebe9;--info:#2257d6;--infow:#e9effd}
@media (prefers-color-scheme:dark){:root{--canvas:#14171b;--surface:#1c2026;--sunken:#171a1f;--line:#30363e;
--ink:#e9ecf0;--soft:#a7b0bb;--accent:#8fb2ff;--ok:#79d69b;--okw:#162c20;--warning:#f0c065;
--warningw:#30270f;--error:#ff9d94;--errorw:#3a1b19;--info:#8fb2ff;--infow:#1e2a44}}
*{box-sizing:border-box}
body{margin:0;background:var(--canvas);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",
sans-serif;overflow-wrap:anywhere}
main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem}
h2{font-size:1.1rem;margin:2rem 0 .6rem}
h3{font-size:1rem;margin:0 0 .25rem}
p{margin:.25rem 0}
a{color:var(--accent)}
.soft{color:var(--soft)}
.small{font-size:.875rem}
.card,.verdict{background:var(--surface);border:1px solid var(--line);border-radius:8px;padding:.9rem 1rem;
margin:.6rem 0;break-inside:avoid}
.verdict{font-size:1.1rem;margin-top:1rem}
.error{border-left:4px solid var(--error)}.warning{border-left:4px solid var(--warning)}
.info{border-left:4px solid var(--info)}.ok{border-left:4px solid var(--ok)}
.verdict.error{background:var(--errorw)}.verdict.warning{background:var(--warningw)}
.verdict.info{background:var(--infow)}.verdict.ok{background:var(--okw)}
.word{font-weight:600;font-size:.875rem}
.error>.word,.state.missing{color:var(--error)}.warning>.word,.state.likely{color:var(--warning)}
.info>.word{color:var(--info)}.ok>.word,.state.granted{color:var(--ok)}
dl{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.2rem 1rem;margin:.4rem 0}
dt{color:var(--soft)}dd{margin:0}
@media (max-width:34rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.4rem}}
table{border-collapse:collapse;width:100%;font-size:.9375rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;border-top:1px solid var(--line)}
th{color:var(--soft);font-weight:500;border-top:0}
pre,code{font:.8125rem/1.5 ui-monospace,Consolas,Menlo,monospace}
pre{background:var(--sunken);border:1px solid var(--line);border-radius:6px;padding:.6rem;margin:.4rem 0;
white-space:pre-wrap}
ol,ul{margin:.3rem 0;padding-left:1.4rem}
details{margin:.5rem 0}summary{cursor:pointer;color:var(--soft)}
@media print{:root{--canvas:#fff;--surface:#fff;--sunken:#fff;--ink:#000;--soft:#333;--line:#999;
color-scheme:light}body{font-size:10.5pt}main{max-width:none;padding:0}
details::details-content{content-visibility:visible;height:auto}h2{break-after:avoid}}
"""


def render(document: Mapping[str, Any]) -> str:
    """Return the report *document* (``report.build_report``) as an HTML page, UTF-8 when it is encoded."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    name = document["profile"]["name"]
    title, kind = tr("Signing report: {name}").format(name=name), _e(document["kind"])
    parts = [
        "<!doctype html>\n<html>\n<head>\n",
        '<meta charset="utf-8">\n',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n',
        f'<meta name="generator" content="{kind}">\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
        '<meta name="referrer" content="no-referrer">\n',
        f"<title>{_e(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n",
        *_head(document, title),
        *_next(document),
        *_steps(document),
        *_findings(document),
        *_endings(document),
        *_permissions(document),
        *_results(document),
        *_settings(document),
        *_system(document),
        f"</main>\n{DATA_BEGIN}{_data(document)}{DATA_END}\n</body>\n</html>\n",
    ]
    return "".join(parts)


def _data(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _head(document: Mapping[str, Any], title: str) -> Iterable[str]:
    tool, verdict = document["tool"], document["verdict"]
    made = tr("Made {time} by Codesign Wizard {version}. Times are UTC. No secrets are in it.").format(
        time=_time(document["made"]), version=tool["version"]
    )
    yield f'<h1>{_e(title)}</h1>\n<p class="soft">{_e(made)}</p>\n'
    if document["practice"] is not None:
        yield f"<p><strong>{_e(tr('Made on practice accounts: nothing in it is real.'))}</strong></p>\n"
    yield f'<div class="verdict {_severity(verdict)}">'
    yield f'<span class="word">{_e(_word(verdict["severity"]))}</span>'
    yield f"<p><strong>{_e(verdict['title'])}</strong></p>"
    if verdict["detail"]:
        yield f"<p>{_e(verdict['detail'])}</p>"
    yield "</div>\n"


def _next(document: Mapping[str, Any]) -> Iterable[str]:
    moves = document["next"]
    if not moves:
        return
    yield f"<h2>{_e(tr('What to do next'))}</h2>\n"
    for party in dict.fromkeys(each["party"] for each in moves):
        own = [each for each in moves if each["party"] == party]
        yield f'<div class="card"><h3>{_e(own[0]["name"])}</h3><ul>'
        for each in own:
            how = f'<br><span class="soft">{_e(each["how"])}</span>' if each["how"] else ""
            yield f"<li>{_e(each['what'])}{how}</li>"
        yield "</ul></div>\n"


def _steps(document: Mapping[str, Any]) -> Iterable[str]:
    steps = [each for each in document["steps"] if each["key"] in document["results"]]
    if not steps:
        return
    words = {
        "done": tr("done"),
        "attention": tr("needs attention"),
        "out-of-date": tr("out of date"),
        "in-progress": tr("in progress"),
    }
    yield f"<h2>{_e(tr('What was checked'))}</h2>\n<table><tr>"
    for each in (tr("Step"), tr("State"), tr("Checked")):
        yield f"<th>{_e(each)}</th>"
    yield "</tr>"
    for step in steps:
        obtained = document["results"][step["key"]]["obtained"]
        state = words.get(step["state"], step["state"])
        yield f"<tr><td>{_e(step['title'])}</td><td>{_e(state)}</td><td>{_e(_time(obtained))}</td></tr>"
    yield "</table>\n"


def _findings(document: Mapping[str, Any]) -> Iterable[str]:
    titles = _titles(document)
    grave = [each for each in document["findings"] if each["severity"] in ("error", "warning")]
    rest = [each for each in document["findings"] if each not in grave]
    if grave:
        yield f"<h2>{_e(tr('What stands in the way'))}</h2>\n"
        for each in grave:
            yield from _finding(each, titles)
    if rest:
        words = tr("What is in order, and notes ({n})").format(n=len(rest))
        yield f"<details><summary>{_e(words)}</summary>"
        for each in rest:
            yield from _finding(each, titles)
        yield "</details>\n"


def _finding(finding: Mapping[str, Any], titles: Mapping[str, str]) -> Iterable[str]:
    step = titles.get(finding["step"], finding["step"])
    likely = f" ({tr('likely, not proved')})" if finding["certainty"] == "likely" else ""
    yield f'<div class="card {_severity(finding)}"><span class="word">{_e(_word(finding["severity"]))}'
    yield f'{_e(likely)}</span> <span class="soft small">{_e(step)}</span><h3>{_e(finding["title"])}</h3>'
    if finding["detail"]:
        yield f"<p>{_e(finding['detail'])}</p>"
    for remedy in finding["remedies"]:
        yield from _remedy(remedy)
    yield f"<details{' open' if finding['severity'] in ('error', 'warning') else ''}>"
    yield f"<summary>{_e(tr('What we saw'))}</summary>"
    names = {
        "status": tr("Status"),
        "code": tr("Code"),
        "message": tr("Message"),
        "request_id": tr("Request id"),
        "time": tr("Time"),
    }
    pairs = [(names.get(name, name), str(value)) for name, value in finding["evidence"].items()]
    yield _list([*pairs, (tr("Finding"), finding["id"])])
    yield "</details></div>\n"


def _remedy(remedy: Mapping[str, Any]) -> Iterable[str]:
    yield f"<p><strong>{_e(tr('What to do:'))}</strong> {_e(remedy['title'])}</p>"
    if remedy.get("portal"):
        yield "<ol>" + "".join(f"<li>{_e(each)}</li>" for each in remedy["portal"]) + "</ol>"
    for name, words in (("az", "az (bash)"), ("powershell", "PowerShell")):
        if remedy.get(name):
            yield f'<p class="soft small">{_e(words)}</p><pre>{_e(remedy[name])}</pre>'
    url = remedy.get("url", "")
    if url.startswith("https://"):
        yield f'<p><a rel="noopener noreferrer" href="{_e(url)}">{_e(url)}</a></p>'


def _endings(document: Mapping[str, Any]) -> Iterable[str]:
    ends = document["endings"]
    if not ends:
        return
    yield f"<h2>{_e(tr('What ends when'))}</h2>\n<table>"
    for each in ends:
        when = each["ends"][:10] if each["ends"] else _no_end(each["known"])
        left = _days(each["days"])
        yield f"<tr><td>{_e(each['what'])}<br><span class='soft small'>{_e(each['note'])}</span></td>"
        yield f"<td>{_e(when)}</td><td>{_e(left)}</td></tr>"
    yield "</table>\n"


def _days(days: int | None) -> str:
    if days is None:
        return ""
    return tr("1 day") if days == 1 else tr("{n} days").format(n=days)


def _no_end(known: str) -> str:
    return tr("no end") if known == "never" else tr("not known")


def _permissions(document: Mapping[str, Any]) -> Iterable[str]:
    matrix = document["permissions"]
    rows = matrix.get("permissions", []) if isinstance(matrix, dict) else []
    if not rows:
        return
    words = {state.value: state.words for state in State}
    yield f"<h2>{_e(tr('Permissions in the vault'))}</h2>\n<table><tr>"
    for each in (tr("Permission"), tr("State"), tr("Seen by")):
        yield f"<th>{_e(each)}</th>"
    yield "</tr>"
    for row in rows:
        seen = "; ".join(str(each.get("text", "")) for each in row.get("evidence", [])[:1])
        state = row["state"]
        known = state if state in words else "untestable"
        asked = "" if row.get("asked_for") else f" ({tr('not asked for')})"
        yield f"<tr><td><code>{_e(row['name'])}</code>{_e(asked)}</td>"
        yield f'<td class="state {known}">{_e(words.get(state, state))}</td><td>{_e(seen)}</td></tr>'
    yield "</table>\n"


def _results(document: Mapping[str, Any]) -> Iterable[str]:
    titles = _titles(document)
    told = [(key, each) for key, each in document["results"].items() if each["facts"]]
    if not told:
        return
    yield f"<h2>{_e(tr('What was seen'))}</h2>\n"
    for key, result in told:
        facts = [(name, value) for name, value in result["facts"].items() if not name.startswith("stage.")]
        yield f'<div class="card"><h3>{_e(titles.get(key, key))}</h3>'
        yield f'<p class="soft small">{_e(_time(result["obtained"]))}</p>{_list(facts)}</div>\n'


def _settings(document: Mapping[str, Any]) -> Iterable[str]:
    yield f"<details><summary>{_e(tr('Settings, without secrets'))}</summary>"
    yield _list(_flat(document["profile"])) + "</details>\n"


def _system(document: Mapping[str, Any]) -> Iterable[str]:
    yield f"<h2>{_e(tr('Versions'))}</h2>\n"
    tool = document["tool"]
    yield _list([(tool["name"], tool["version"]), *document["system"].items()])


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [
            pair for key, item in value.items() for pair in _flat(item, f"{name}.{key}" if name else str(key))
        ]
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return [] if value in ("", None) else [(name, str(value))]


def _list(pairs: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{_e(name)}</dt><dd>{_e(value)}</dd>" for name, value in pairs) + "</dl>"


def _titles(document: Mapping[str, Any]) -> dict[str, str]:
    return {each["key"]: each["title"] for each in document["steps"]} | diagnosis_titles()


def _severity(told: Mapping[str, Any]) -> str:
    """Return a class of the style above, whatever the document says."""
    return told["severity"] if told["severity"] in ("error", "warning", "ok") else "info"


def _word(severity: str) -> str:
    return {
        "error": tr("Problem"),
        "warning": tr("Warning"),
        "ok": tr("In order"),
    }.get(severity, tr("Note"))


def _time(text: str) -> str:
    return text.replace("T", " ").replace("Z", " UTC")


def _e(text: object) -> str:
    return escape(str(text))
