"""The report: nothing secret or private leaves, the rest comes back, and strangers' files do no harm."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import Evidence, FindingKind, Remedy, Severity
from codesign_wizard.core.flow import CERTIFICATE, KEY_VAULT, WINDOWS_TRIAL, Flow, StepState
from codesign_wizard.core.job import Job
from codesign_wizard.core.profile import Profile, new_profile
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.report import build_report, search_secrets, support_text, write_report
from codesign_wizard.core.report_clean import clean_text, remember_logins
from codesign_wizard.core.report_open import MAXIMUM, is_report, open_report
from codesign_wizard.core.secrets import (
    APPLE_API_KEY,
    APPLE_KEYS_PASSWORD,
    APPLE_PASSWORD,
    APPLE_UPLOAD,
    APPLICATION_SECRET,
    SERVER_PASSWORD,
    MemoryStore,
)
from tests.support.canary import leaks

WRONG = FindingKind("test.report-wrong", Severity.ERROR, "{name} is wrong.", "Only in tests.")
WHEN = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def profile(name: str = "Harbour & <b>Sons</b>", told: str = "AADSTS7000222: expired") -> Profile:
    made = new_profile(name)
    made.windows.azure.vault_name, made.windows.azure.tenant_id = "harbour", "0f8fad5b-d9cb-469f-a165-1"
    flow = Flow(made)
    evidence = Evidence(
        401, "AADSTS7000222", told, "11111111-aaaa", WHEN, {"correlation-id": "22222222-bbbb"}
    )
    remedies = [Remedy("Make a new one.", ("Open <it>",), az="az ad app", url="https://aka.ms/x")]
    finding = WRONG(name="<script>alert(1)</script>", evidence=evidence, remedies=remedies)
    flow.record(
        KEY_VAULT, [finding], {"object_id": "33333333", "certificate_expires": "2027-01-05T00:00:00Z"}
    )
    flow.record(CERTIFICATE, [], {"publisher": "Harbour Ltd"}, details={"deep": [{"text": told}]})
    flow.record(WINDOWS_TRIAL, [], {"file": str(Path.home() / "Documents" / "setup.exe")})
    return made


class Page(HTMLParser):
    """What a browser would load, run, or take for markup in *text*."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("ending", [".json", ".html"])
def test_a_report_comes_back_as_it_was(ending: str, tmp_path: Path) -> None:
    made = profile()
    made.windows.description = "changed since"
    states = {step.key: Flow(made).state(step.key) for step in Flow(made).steps()}
    assert states[WINDOWS_TRIAL] is StepState.OUT_OF_DATE
    file = tmp_path / f"report{ending}"
    write_report(build_report(made, now=WHEN), file)
    assert is_report(file.read_bytes()[:2048])
    opened = open_report(file)
    assert opened.profile.name == made.name
    assert opened.profile.id != made.id
    assert opened.origin.made == WHEN
    assert not opened.origin.practice
    flow = Flow(opened.profile)
    assert {step.key: flow.state(step.key) for step in flow.steps() if step.key in made.results} == {
        key: state for key, state in states.items() if key in made.results
    }
    was, now = made.results[KEY_VAULT], opened.profile.results[KEY_VAULT]
    assert now.findings == was.findings
    assert (now.obtained, now.facts, now.ok) == (was.obtained, was.facts, False)
    assert opened.profile.results[CERTIFICATE].details == made.results[CERTIFICATE].details


def test_the_page_loads_nothing_runs_nothing_and_shows_strangers_words_as_text() -> None:
    from codesign_wizard.core.report_html import render

    page = Page(render(build_report(profile(told="</script><img src=x onerror=alert(1)>"))))
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "codesign-wizard-report"}]
    assert not {tag for tag, _ in page.tags} & {"img", "link", "iframe", "object", "b", "base", "form"}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style")], tag
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    for text in ("Harbour & <b>Sons</b>", "<script>alert(1)</script> is wrong.", "onerror=", "22222222-bbbb"):
        assert text in page.words
    assert [a["href"] for t, a in page.tags if t == "a"] == ["https://aka.ms/x"]


def test_no_secret_of_any_kind_is_in_any_form_of_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the keyring holds what another run put there: nothing in this process knows it before it is asked
    made = profile()
    store = MemoryStore()
    lines = "\n".join(secrets.token_urlsafe(48) for _ in range(3))
    canaries = {
        APPLICATION_SECRET: f"8Q~{secrets.token_urlsafe(18)}+/=ü",
        APPLE_PASSWORD: f'p"12\\{secrets.token_urlsafe(12)}',
        APPLE_KEYS_PASSWORD: secrets.token_urlsafe(16),
        APPLE_API_KEY: f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----",
        APPLE_UPLOAD[0]: secrets.token_urlsafe(40),
        SERVER_PASSWORD: secrets.token_urlsafe(12),
    }
    monkeypatch.setattr(
        store, "get", lambda owner, name: Secret(canaries[name]) if name in canaries else None
    )
    login = f"{secrets.token_hex(6)}@x/{secrets.token_hex(6)}"
    made.network.proxy = f"http://harbour:{login}@proxy.example:8080"
    session_key, token = (
        secrets.token_urlsafe(24),
        f"eyJ{secrets.token_urlsafe(30)}.{secrets.token_urlsafe(30)}",
    )
    signed = secrets.token_urlsafe(20)
    spread = [
        *canaries.values(),
        f"Proxy {made.network.proxy} refused",
        f'{{"SessionKey": "{session_key}"}}',
        f"Authorization: Bearer {token}",
        f"https://store.example/log?sig={signed}&X-Amz-Signature={signed}",
        json.dumps({"quoted": list(canaries.values())}),
    ]
    for place, text in enumerate(spread):
        result = made.results[CERTIFICATE]
        result.facts[f"fact_{place}"] = text
        result.details[f"detail {place}"] = {"deep": [text]}
        found = WRONG(name=text, detail=text, evidence=Evidence(code=text, message=text, more={"x": text}))
        result.findings.append(found)
    made.unknown["left"] = made.windows.azure.unknown["by_hand"] = "my-secret-by-hand"
    assert search_secrets(store, made.id) == []
    document = build_report(made)
    for name in ("r.html", "r.json"):
        write_report(document, tmp_path / name)
    text = support_text(document)
    for canary in (*canaries.values(), lines.splitlines()[1], login, session_key, token, signed):
        assert leaks(canary, tmp_path, text) == [], canary
    assert leaks("my-secret-by-hand", tmp_path, text) == []
    assert document["profile"]["network"]["proxy"] == "http://proxy.example:8080"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"C:\Users\mary\Documents\a.p12", r"~\Documents\a.p12"),
        ("file:///Users/mary/x and /home/Mary/y, /homepage/z", "file://~/x and ~/y, /homepage/z"),
        ("https://example.com/home/page", "https://example.com/home/page"),
        ("http://user:pw@host/", "http://host/"),
        # the number of an error of Microsoft's is no secret, a code that signs somebody in is one
        ("https://login.microsoftonline.com/error?code=7000222",) * 2,
        (
            "https://login.microsoftonline.com/x?code=7000222",
            "https://login.microsoftonline.com/x?code=••••••",
        ),
        (
            "https://login.microsoftonline.com/error?code=0.AX",
            "https://login.microsoftonline.com/error?code=••••••",
        ),
        ("one line\r\nand another", "one line\nand another"),
        ("password=hunter22 next", "password=•••••• next"),
        ('{"client_secret":"a\\"b","x":1}', '{"client_secret":••••••,"x":1}'),
        ("\x1b[31mred\u202e", "\ufffd[31mred\ufffd"),
        ("Key Vault: key sign", "Key Vault: key sign"),
    ],
)
def test_text_is_cleaned(text: str, expected: str) -> None:
    assert clean_text(text) == expected


def test_this_person_s_folder_becomes_a_tilde() -> None:
    remember_logins("")
    assert clean_text(f"{Path.home()}/Documents/x") == "~/Documents/x"


def test_support_gets_verdict_codes_ids_and_versions_in_few_lines() -> None:
    text = support_text(build_report(profile()))
    for part in (
        "Needs attention: Key Vault",
        "test.report-wrong",
        "401, AADSTS7000222",
        "request 11111111-aaaa",
    ):
        assert part in text
    for part in ("correlation-id: 22222222-bbbb", "2026-11-20T09:30:00Z", "Python 3", "Vault harbour"):
        assert part in text
    assert len(text.splitlines()) < 15


def mangled(change: Any) -> bytes:
    document = json.loads(json.dumps(build_report(profile())))
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"<!doctype html><p>hello", "not as the program writes it"),
        (b"\xff\xfe\x00", "no text"),
        (b'{"kind": "something"}', "none of Codesign Wizard's"),
        (b"[" * 100_000, "written|writes|damaged"),
        (mangled(lambda d: d.update(schema=2)), "later version"),
        (mangled(lambda d: d.update(made="yesterday")), "not as the program writes it"),
        (mangled(lambda d: d["results"]["key-vault"]["findings"][0]["evidence"].update(status={})), "not as"),
        (mangled(lambda d: d["results"]["key-vault"]["findings"][0].update(title=["x"])), "not as"),
        (mangled(lambda d: d["results"].update(x=5)), "not as"),
        (mangled(lambda d: d["profile"].update(name=7)), "wrong type"),
        (mangled(lambda d: d["steps"][0].update(state="splendid")), "not as"),
        (mangled(lambda d: d["results"]["key-vault"].update(obtained="2026-01-01T00:00:00")), "not as"),
        (mangled(lambda d: None)[:-40], "damaged"),
    ],
)
def test_what_is_no_report_is_refused_in_one_sentence(data: bytes, why: str, tmp_path: Path) -> None:
    import re

    file = tmp_path / "report.json"
    file.write_bytes(data)
    with pytest.raises(InputError) as refused:
        open_report(file)
    finding = refused.value.finding
    assert finding.id in ("report.unreadable", "report.newer")
    assert re.search(why, finding.title + finding.detail)
    assert "\n" not in finding.title


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    with file.open("wb") as out:
        out.truncate(MAXIMUM + 1)
    with pytest.raises(InputError, match="too large"):
        open_report(file)


def test_a_stranger_s_link_and_signs_do_no_harm(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        finding = document["results"]["key-vault"]["findings"][0]
        finding["remedies"][0]["url"] = "file:///etc/passwd"
        finding["title"] = "good\u202edab\x1b[2J"

    file = tmp_path / "report.json"
    file.write_bytes(mangled(change))
    (finding,) = open_report(file).profile.results[KEY_VAULT].findings
    assert finding.remedies[0].url is None
    assert finding.title == "good\ufffddab\ufffd[2J"


def test_nothing_is_run_or_kept_from_a_report(tmp_path: Path) -> None:
    from codesign_wizard.opening import open_session

    file = tmp_path / "report.html"
    write_report(build_report(profile()), file)
    with open_session(profile=str(file)) as session:
        assert session.profile.windows.azure.vault_name == "harbour"
        assert session.application_secret() is None
        for refused in (lambda: session.network, session.save):
            with pytest.raises(CodesignError, match="nothing is run from it"):
                refused()
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_a_report_that_cannot_be_written_leaves_the_former_one(tmp_path: Path) -> None:
    document = build_report(profile())
    with pytest.raises(InputError, match=r"must end in \.html or \.json"):
        write_report(document, tmp_path / "report.txt")
    (tmp_path / "report.html").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_report(document, tmp_path / "report.html")
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_inspect_tells_what_a_report_says(tmp_path: Path) -> None:
    from codesign_wizard.core.inspect import inspect_file

    file = tmp_path / "report.html"
    write_report(build_report(profile()), file)
    found = inspect_file(Job(), file)
    assert found.kind == "report"
    assert [each.id for each in found.findings] == ["test.report-wrong"]
    assert timedelta() <= datetime.now(UTC) - open_report(file).origin.made < timedelta(minutes=5)
