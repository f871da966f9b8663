"""The practice sign-in pages: plain HTML forms, of one column, without anything from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Mapping, Sequence

from codesign_wizard.core.text import tr
from codesign_wizard.practice.entra.models import User
from codesign_wizard.practice.wire.messages import Response

_STYLE = """
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5b6675; --ground: #eef1f5; --card: #fff;
  --line: #d5dbe3; --accent: #1f5fbf; --bad: #a3261d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf1; --soft: #a4afbd; --ground: #14181e;
  --card: #1d232b; --line: #36404c; --accent: #7db0f5; --bad: #ff9c94; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--ground);
  color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", sans-serif; }
main { width: min(26rem, calc(100vw - 2rem)); background: var(--card); border: 1px solid var(--line);
  border-radius: 12px; padding: 2rem; }
.tag { display: inline-block; font-size: .8rem; font-weight: 600; color: var(--accent);
  border: 1px solid; border-radius: 99px; padding: .1rem .7rem; }
h1 { font-size: 1.35rem; line-height: 1.25; margin: .9rem 0 .5rem; }
p { margin: .5rem 0; color: var(--soft); overflow-wrap: anywhere; }
p.bad { color: var(--bad); }
label { display: block; margin-top: 1rem; font-weight: 600; }
input { width: 100%; font: 1.1rem ui-monospace, monospace; letter-spacing: .12em; padding: .55rem .7rem;
  margin-top: .3rem; border: 1px solid var(--line); border-radius: 8px; background: transparent;
  color: inherit; text-transform: uppercase; }
button { display: block; width: 100%; text-align: left; font: inherit; padding: .7rem .9rem;
  margin-top: .7rem; border: 1px solid var(--line); border-radius: 8px; background: transparent;
  color: inherit; cursor: pointer; }
button.first { border-color: var(--accent); box-shadow: inset 3px 0 var(--accent); }
button:hover, button:focus-visible, input:focus-visible { outline: 2px solid var(--accent); }
button span { display: block; font-size: .85rem; color: var(--soft); overflow-wrap: anywhere; }
"""
_SUBMIT = "document.forms[0].submit()"


def choose(people: Sequence[User], client: str) -> Response:
    """Return the page that asks who signs in; the answer comes to the same address as ``who``."""
    return _page(
        tr("Sign in as the practice administrator"),
        f"<p>{_text(tr('{client} asks for it. No password is needed: this is practice.'), client=client)}</p>"
        + _form(_people(people)),
    )


def device(people: Sequence[User], *, code: str = "", wrong: str = "") -> Response:
    """Return the page that asks for the code that a device shows, and who signs in."""
    complaint = f'<p class="bad" role="alert">{html.escape(wrong)}</p>' if wrong else ""
    field = (
        f'<label for="otc">{_text(tr("Code"))}</label>'
        f'<input id="otc" name="otc" value="{html.escape(code[:64])}" maxlength="64" autocomplete="off" '
        'autofocus spellcheck="false" required>'
    )
    return _page(
        tr("Enter the code that the program shows"),
        f"<p>{_text(tr('Then choose who signs in. No password is needed: this is practice.'))}</p>"
        + complaint
        + _form(field + _people(people)),
    )


def done(declined: bool) -> Response:
    """Return the last page of a device's sign-in."""
    if declined:
        return _page(tr("You have not signed in"), f"<p>{_text(tr('You can close this page.'))}</p>")
    text = tr("The program goes on by itself. You can close this page.")
    return _page(tr("You have signed in"), f"<p>{_text(text)}</p>")


def refused(words: str, status: int = 400) -> Response:
    """Return the page that shows Entra ID's refusal."""
    return _page(
        tr("Sorry, but we are having trouble signing you in."),
        f'<p class="bad">{html.escape(words)}</p>',
        status=status,
    )


def missing() -> Response:
    """Return the page for every address that practice has nothing at."""
    text = tr("The practice cloud has no page at this address.")
    return _page(tr("There is nothing here"), f"<p>{_text(text)}</p>", status=404)


def form_post(address: str, fields: Mapping[str, str]) -> Response:
    """Return the page that carries *fields* to *address* by itself (OAuth 2.0 Form Post Response Mode)."""
    hidden = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in fields.items()
    )
    body = (
        f'<form method="post" action="{html.escape(address)}">{hidden}'
        f'<button class="first">{_text(tr("Go on"))}</button></form><script>{_SUBMIT}</script>'
    )
    return _page(tr("You are being sent back to the program"), body)


def _people(people: Sequence[User]) -> str:
    buttons = [
        f'<button name="who" value="{html.escape(each.object_id)}"{first}>{html.escape(each.name)}'
        f"<span>{html.escape(each.principal_name)}</span></button>"
        for each, first in zip(people, (' class="first"', *[""] * len(people)), strict=False)
    ]
    return "".join(buttons) + f'<button name="who" value="" formnovalidate>{_text(tr("Cancel"))}</button>'


def _form(inside: str) -> str:
    # no action: back to this address, whatever way led here
    return f'<form method="post">{inside}</form>'


def _text(text: str, **values: str) -> str:
    return html.escape(text.format(**values) if values else text)


def _page(title: str, body: str, *, status: int = 200) -> Response:
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
        f'<body><main><span class="tag">{_text(tr("Practice"))}</span><h1>{html.escape(title)}</h1>'
        f"{body}</main></body></html>"
    )
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        # scripts: the one that sends a form on; forms: here, and to the program that waits on loopback
        (
            "Content-Security-Policy",
            f"default-src 'none'; style-src '{_hash(_STYLE)}'; script-src '{_hash(_SUBMIT)}'; "
            "base-uri 'none'; frame-ancestors 'none'; "
            "form-action 'self' http://localhost:* http://127.0.0.1:* http://[::1]:*",
        ),
        ("Referrer-Policy", "same-origin"),
    ]
    return Response(status, text.encode(), headers)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
