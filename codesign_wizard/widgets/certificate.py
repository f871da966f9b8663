"""A certificate and a signing request as they are shown: facts, chain, versions, the text for the CA."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QProgressBar, QVBoxLayout

from codesign_wizard.core.certificates.desk import (
    DeskState,
    ShownRequest,
    ShownVersion,
)
from codesign_wizard.core.certificates.desk_words import days_words
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import readable
from codesign_wizard.theme import Mark, px
from codesign_wizard.widgets.basics import (
    Card,
    CodeBox,
    CopyButton,
    Facts,
    MarkView,
    button,
    clear,
    column,
    hairline,
    label,
    row,
)
from codesign_wizard.widgets.findings import clear_heading
from codesign_wizard.widgets.pieces import Tabs

_SHOWN_VERSIONS = 6
_TRUSTED = ("certificate.judge.chain-ok", "certificate.judge.chain-extra-root")


class RequestCard(Card):
    """The signing request that waits: in words, as text for the CA, and the ways to take it along."""

    def __init__(self, save: Callable[[], object], drop: Callable[[], object]) -> None:
        super().__init__(tr("The signing request"))
        self.pem = ""
        self.words = Facts(name_width=146)
        # all of it is there to be read: 24 to 32 lines
        self.text = CodeBox("", tr("The signing request as text"), wrap=False)
        self.tabs = Tabs(tr("Ways to show the request"))
        self.tabs.add(tr("In words"), self.words)
        self.tabs.add(tr("As text"), self.text)
        self.copy = CopyButton(lambda: self.pem, tr("Copy the text"))
        self.save = button(tr("Sa&ve as a file…"), save)
        self.saved = label("", "ok")
        self.saved.hide()
        self.drop = button(tr("Drop the request…"), drop, "link")
        self.drop.setProperty("changes", True)
        self.body.addWidget(self.tabs)
        self.body.addLayout(row(self.save, self.copy, None))
        self.body.addWidget(self.saved)
        self.body.addStretch(1)
        self.body.addLayout(row(self.drop, None))

    def show_request(self, request: ShownRequest) -> None:
        """Show *request*; the tab that is open stays open."""
        if request.pem == self.pem:
            return
        self.pem = request.pem
        self.words.set(request.words)
        self.text.setPlainText(request.pem.strip())
        self.saved.hide()


class HeldCard(Card):
    """The certificate that signs: whose, from whom, how long still."""

    def __init__(self, renew: Callable[[], object], remind: Callable[[], object]) -> None:
        super().__init__()
        clear_heading(self)
        self.publisher = label("", "heading")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.begin, self.end = label("", "label", wrap=False), label("", "label", wrap=False)
        self.facts = Facts(name_width=112)
        self.renew = button(tr("&Renew it…"), renew)
        self.remind = button(tr("Save r&eminders…"), remind)
        self.remind.setAccessibleName(tr("Save reminders of its end for a calendar"))
        self.saved = label("", "ok")
        self.saved.hide()
        self.body.addWidget(self.publisher)
        self.body.addLayout(column(self.bar, row(self.begin, None, self.end), gap=3))
        self.body.addSpacing(px(2))
        self.body.addWidget(self.facts)
        self.body.addSpacing(px(4))
        self.body.addLayout(row(self.renew, self.remind, None))
        self.body.addWidget(self.saved)
        self.body.addStretch(1)

    def show_state(self, state: DeskState, now: datetime | None = None) -> None:
        """Show the certificate of *state*."""
        now = now or datetime.now(UTC)
        facts = state.facts
        self.publisher.setText(facts.get("publisher", state.name))
        self.setAccessibleName(tr("The certificate {name}").format(name=state.name))
        self.remind.setVisible(state.expires is not None and state.expires > now)
        self.renew.setVisible(not state.renewing)
        begin = _moment(facts.get("certificate_issued", ""))
        for part in (self.bar, self.begin, self.end):
            part.setVisible(begin is not None and state.expires is not None)
        if begin is not None and state.expires is not None:
            gone, whole = (now - begin).total_seconds(), (state.expires - begin).total_seconds()
            self.bar.setRange(0, 1000)
            self.bar.setValue(max(0, min(1000, round(1000 * gone / max(whole, 1)))))
            self.begin.setText(begin.astimezone(UTC).date().isoformat())
            date, left = state.expires.astimezone(UTC).date().isoformat(), days_words(state.expires, now)
            self.end.setText(tr("{date}, {left}").format(date=date, left=left))
            self.bar.setAccessibleName(tr("How much of its time is over: {left}").format(left=left))
        self.facts.set(held_facts(state))


class ChainCard(Card):
    """The chain from the certificate up to its root, and the versions that the vault has."""

    def __init__(self) -> None:
        super().__init__(tr("Its chain"))
        self.links = QVBoxLayout()
        self.links.setSpacing(px(8))
        self.body.addLayout(self.links)
        self.line = hairline()
        self.versions_heading = label(tr("Versions in the vault"), "heading")
        self.versions = Facts(name_width=84)
        for part in (self.line, self.versions_heading, self.versions):
            self.body.addWidget(part)
        self.body.addStretch(1)

    def show_state(self, state: DeskState) -> None:
        """Show chain and versions of *state*."""
        clear(self.links)
        rooted = bool(state.facts.get("root"))
        trusted = any(each.id in _TRUSTED for each in state.findings)
        for place, name in enumerate(state.chain):
            last = place == len(state.chain) - 1
            role = _role(place, root=rooted and last)
            mark = MarkView(Mark.OK if trusted else Mark.EMPTY, role, size=14)
            texts = column(label(name), label(role, "label"), gap=0)
            line = row(place * 14, mark, texts, gap=8)
            line.setAlignment(mark, Qt.AlignmentFlag.AlignTop)
            line.setStretch(2, 1)
            self.links.addLayout(line)
        several = bool(state.versions)
        for part in (self.line, self.versions_heading, self.versions):
            part.setVisible(several)
        self.versions.set([_version(each) for each in state.versions[:_SHOWN_VERSIONS]])


def held_facts(state: DeskState) -> list[tuple[str, str]]:
    """Return the facts of a certificate for people, in the order in which they are asked for."""
    facts = state.facts
    kind = facts.get("key", "")
    if facts.get("key_type", "").upper().endswith("-HSM"):
        level = facts.get("hsm", "")
        kind = (
            tr("{key}, in hardware ({level})").format(key=kind, level=level)
            if level
            else (tr("{key}, in hardware").format(key=kind))
        )
    elif facts.get("key_type"):
        kind = tr("{key}, in software").format(key=kind)
    named = (
        (tr("In the vault"), state.name),
        (tr("Issued by"), facts.get("issuer", "")),
        (tr("Owner checked"), facts.get("validation", "")),
        (tr("Key"), kind),
        (tr("Valid until"), readable(facts.get("certificate_expires", ""))),
        (tr("Version"), facts.get("version", "")),
        (tr("Serial number"), facts.get("serial", "")),
    )
    return [(name, value) for name, value in named if value]


def _role(place: int, *, root: bool) -> str:
    if place == 0:
        return tr("your certificate")
    return tr("root") if root else tr("intermediate")


def _version(each: ShownVersion) -> tuple[str, str]:
    made = each.created.astimezone(UTC).date().isoformat() if each.created else tr("unknown")
    words: list[str] = []
    if each.expires is not None:
        words.append(tr("until {date}").format(date=each.expires.astimezone(UTC).date().isoformat()))
    if each.newest:
        words.append(tr("newest"))
    if each.enabled is False:
        words.append(tr("switched off"))
    return made, ", ".join([each.version[:8], *words])


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def names(pieces: Sequence[str]) -> str:
    """Return the names of what was handed in, as a list for a sentence."""
    shown = ", ".join(pieces[:3])
    return tr("{names} and {n} more").format(names=shown, n=len(pieces) - 3) if len(pieces) > 3 else shown
