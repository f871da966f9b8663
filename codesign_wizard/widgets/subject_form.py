"""The form for a signing request: each attribute that CAs ask for, the key, and a preview of the subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from codesign_wizard.core.certificates.request import EC_WARNING, KeyChoice, RequestOptions, ec_result
from codesign_wizard.core.certificates.subject import FIELD, FIELDS, Subject
from codesign_wizard.core.certificates.subject_checks import check_form_field, check_subject
from codesign_wizard.core.finding import Finding, Severity, blocks, worst_first
from codesign_wizard.core.text import tr
from codesign_wizard.theme import SEVERITY_MARKS, px
from codesign_wizard.widgets.basics import (
    Card,
    Choice,
    CodeBox,
    CopyButton,
    Facts,
    MarkView,
    Tick,
    clear,
    label,
    restyle,
    row,
)
from codesign_wizard.widgets.fields import CheckedField, field_row
from codesign_wizard.widgets.pieces import Fold, severity_word

_FIRST = ("organization", "common_name", "locality", "state", "country")
_MORE = ("organizational_unit", "street", "postal_code", "email")
_EXTENDED = tuple(field.key for field in FIELDS if field.extended)
_SHORT = 72  # width of a field for two letters
_LABEL = 156


class SubjectField(CheckedField):
    """A field of the subject, with the CA's rule for it below."""

    def __init__(self, key: str) -> None:
        field = FIELD[key]
        self.key = key
        super().__init__(
            _letters().get(key, field.label),
            check=lambda text: check_form_field(key, text),
            tidy=_capitals if field.maximum == 2 else _single_blanks,
            mono=False,
            label_width=_LABEL,
            short=_SHORT if field.maximum == 2 else 0,
            note=field.hint if field.maximum == 2 else "",
        )
        self.edit.setMaxLength(field.maximum * 4)  # what is too long is told, not cut off
        if field.maximum != 2:
            self.rule = label(field.hint, "label")
            grid = self.layout()
            assert isinstance(grid, QGridLayout)
            grid.addWidget(self.rule, 2, 1)
        self.edit.setToolTip(field.hint)


class SubjectForm(QWidget):
    """Fields and key; ``edited`` tells that something was typed or chosen."""

    edited = Signal()
    judged = Signal()  # what is told of a field is another than before

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, SubjectField] = {}
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(px(16))
        card = Card(
            tr("Who the certificate is for"),
            note=tr("As the trade register has it: the CA compares letter by letter."),
        )
        for key in _FIRST:
            card.body.addWidget(self._field(key))
        self.fields["common_name"].edit.setPlaceholderText(tr("the organisation's name again"))
        self.more = self._fold(tr("More that some CAs &ask for"), _MORE)
        self.extended = self._fold(tr("For e&xtended validation (EV)"), _EXTENDED)
        card.body.addWidget(self.more)
        card.body.addWidget(self.extended)
        key_card = self._key_card()
        for part in (card, key_card):
            # a narrow column needs more lines than the card would like
            part.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
            box.addWidget(part)

    def _field(self, key: str) -> SubjectField:
        field = SubjectField(key)
        field.edited.connect(lambda text: self.edited.emit())
        field.judged.connect(self.judged)
        self.fields[key] = field
        return field

    def _fold(self, title: str, keys: Iterable[str]) -> Fold:
        fold = Fold(title)
        fold.button.setAccessibleName(title.replace("&", ""))
        fold.body.setContentsMargins(0, 0, 0, 0)
        for key in keys:
            fold.body.addWidget(self._field(key))
        return fold

    def _key_card(self) -> Card:
        card = Card(tr("The key"))
        self.key = Choice(tr("Kind and size of the key"))
        for choice in KeyChoice:
            name = tr("{key}, advised").format(key=choice.label) if not self.key.count() else choice.label
            self.key.addItem(name, choice.name)
        self.key.activated.connect(lambda place: self._key_chosen())
        self.advice = label("", "label")
        self.software = Tick(tr("Make it in so&ftware instead of the vault's hardware (tests only)"))
        self.software.setAccessibleName(tr("Make the key in software, for tests only"))
        self.software.toggled.connect(lambda on: self._key_chosen())
        card.body.addWidget(field_row(tr("&Key"), self.key, width=_LABEL))
        indent = row(_LABEL + 8, self.advice, 26, gap=0)
        indent.setStretch(1, 1)
        card.body.addLayout(indent)
        card.body.addWidget(self.software)
        self._advise()
        return card

    def set(self, values: Mapping[str, str], key: str, hardware: bool) -> None:
        """Show what was filled in before; *key* is a choice's name as ``rsa-4096``."""
        for name, field in self.fields.items():
            if field.edit.text() != values.get(name, ""):
                field.set(values.get(name, ""))
        try:
            chosen = KeyChoice.named(key)
        except KeyError:
            chosen = KeyChoice.RSA_4096
        self.key.setCurrentIndex(list(KeyChoice).index(chosen))
        self.software.blockSignals(True)
        self.software.setChecked(not hardware)
        self.software.blockSignals(False)
        self._advise()
        if any(values.get(name) for name in _MORE):
            self.more.open()
        if any(values.get(name) for name in _EXTENDED):
            self.extended.open()

    def values(self) -> dict[str, str]:
        """Return what is typed, by the keys of ``FIELDS``, tidied."""
        return {name: field.text for name, field in self.fields.items()}

    @property
    def key_name(self) -> str:
        """The key that is chosen, as ``rsa-4096``."""
        return self.chosen.label.lower().replace(" ", "-")

    @property
    def chosen(self) -> KeyChoice:
        """The key that is chosen."""
        return KeyChoice[self.key.currentData()]

    def asked(self) -> RequestOptions:
        """Return what the form asks for; without a common name the organisation's is taken."""
        return asked_for(self.values(), self.key_name, not self.software.isChecked())

    def wrong(self) -> tuple[str, ...]:
        """Return the names of the fields that are told to be wrong."""
        return tuple(
            FIELD[key].label
            for key in (*_FIRST, *_MORE, *_EXTENDED)
            if any(each.severity is Severity.ERROR for each in self.fields[key].findings)
        )

    def focus_wrong(self) -> bool:
        """Put the focus on the first field that blocks, its fold opened; tells whether there is one."""
        for field in self.fields.values():
            field.judge(accuse=True)
        for key in (*_FIRST, *_MORE, *_EXTENDED):
            field = self.fields[key]
            if any(each.severity is Severity.ERROR for each in field.findings):
                if key in _MORE:
                    self.more.open()
                if key in _EXTENDED:
                    self.extended.open()
                field.edit.setFocus(Qt.FocusReason.OtherFocusReason)
                return True
        return False

    def _key_chosen(self) -> None:
        self._advise()
        self.edited.emit()

    def _advise(self) -> None:
        curve = self.chosen.value[0] == "EC"
        text = self.chosen.advice
        if curve:
            text = f"{EC_WARNING().title} {ec_result()}"
        elif self.software.isChecked():
            text = tr("Every public CA refuses a key outside hardware: only for tests with a CA of your own.")
        restyle(self.advice, "role", "warning" if curve or self.software.isChecked() else "label")
        self.advice.setText(text)
        self.key.setAccessibleDescription(text)


def _single_blanks(text: str) -> str:
    return " ".join(text.split())


def _capitals(text: str) -> str:
    return _single_blanks(text).upper()


def _letters() -> dict[str, str]:
    """Return the labels that have a key of their own."""
    return {
        "organization": tr("&Organisation"),
        "common_name": tr("Co&mmon name"),
        "locality": tr("&Town"),
        "state": tr("State or &province"),
        "country": tr("Co&untry"),
    }


def asked_for(values: Mapping[str, str], key: str, hardware: bool) -> RequestOptions:
    """Return what a filled form asks for; an empty common name takes the organisation's."""
    form = dict(values)
    if not form.get("common_name", "").strip():
        form["common_name"] = form.get("organization", "")
    try:
        choice = KeyChoice.named(key)
    except KeyError:
        choice = KeyChoice.RSA_4096
    return RequestOptions(Subject.from_form(form), choice, hardware)


class SubjectPreview(Card):
    """The subject as it will stand in the request, live, and what is to be said of it as a whole."""

    def __init__(self) -> None:
        super().__init__(tr("What it will contain"))
        self.facts = Facts(name_width=128)
        self.empty = label(tr("Nothing yet: it grows as you type."), "soft")
        self.string = CodeBox("", tr("The subject as the vault is given it"))
        self.copy = CopyButton(lambda: self.string.toPlainText(), kind="small")
        self.copy.setAccessibleName(tr("Copy the subject"))
        self.remarks = QVBoxLayout()
        self.remarks.setSpacing(px(8))
        for part in (self.empty, self.facts, self.string):
            self.body.addWidget(part)
        self.body.addLayout(row(self.copy, None))
        self.body.addLayout(self.remarks)
        self._shown: object = None

    def show_subject(self, subject: Subject) -> None:
        """Show *subject*, and the remarks that no single field has made already."""
        if subject == self._shown:
            return
        self._shown = subject
        filled = bool(subject)
        self.facts.set(subject.preview())
        self.string.setPlainText(subject.x500())
        self.facts.setVisible(filled)
        # a value that is refused beside its field is none to copy
        for part in (self.string, self.copy):
            part.setVisible(filled and not blocks(_of_fields(subject)))
        self.empty.setVisible(not filled)
        clear(self.remarks)
        for finding in whole(subject) if filled else ():
            self.remarks.addLayout(_remark(finding))


def whole(subject: Subject) -> list[Finding]:
    """Return what is to be said of *subject* besides what each field says itself."""
    single = {(each.id, each.title) for each in _of_fields(subject)}
    found = [each for each in check_subject(subject) if (each.id, each.title) not in single]
    return worst_first(found)


def _of_fields(subject: Subject) -> list[Finding]:
    """Return what the fields say of the values in *subject*, each of its own."""
    return [
        each
        for oid, value in subject.attributes
        for field in FIELDS
        if field.oid == oid
        for each in check_form_field(field.key, value)
    ]


def _remark(finding: Finding) -> QVBoxLayout:
    mark = MarkView(SEVERITY_MARKS[finding.severity], severity_word(finding.severity))
    text = label(f"{finding.title} {finding.detail}".strip(), "label")
    line = row(mark, text, gap=8)
    line.setAlignment(mark, Qt.AlignmentFlag.AlignTop)
    line.setStretch(1, 1)
    box = QVBoxLayout()
    box.addLayout(line)
    return box
