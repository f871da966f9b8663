"""The table of the page *Permissions*: what it is enough for, which lines are shown, what was seen of one."""

from __future__ import annotations

from PySide6.QtWidgets import QButtonGroup, QVBoxLayout, QWidget

from codesign_wizard.core.azure.permissions.catalogue import Model
from codesign_wizard.core.azure.permissions.report import Observation, Report, Row, State
from codesign_wizard.core.text import tr
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import (
    Card,
    CodeBox,
    CopyButton,
    button,
    clear,
    column,
    hairline,
    label,
    row,
    set_pill,
)
from codesign_wizard.widgets.findings import evidence_lines
from codesign_wizard.widgets.labels import beginning
from codesign_wizard.widgets.matrix import (
    STATE_ROLES,
    Matrix,
    grouped,
    missing_rows,
    purpose_words,
    short_name,
    state_role,
    state_words,
    uncertain_rows,
)
from codesign_wizard.widgets.pieces import Fold


class PermissionsTable(QWidget):
    """A report's rows with the verdicts above and, below, the evidence of the one that is chosen."""

    def __init__(self) -> None:
        super().__init__()
        self._report: Report | None = None
        self.matrix = Matrix()
        self.matrix.chosen.connect(self._show_detail)
        self.nothing = label("", "soft")
        self.verdicts = QVBoxLayout()
        self.verdicts.setSpacing(px(4))
        self.detail = Card()
        self.detail_box = QVBoxLayout()
        self.detail_box.setSpacing(px(8))
        self.detail.body.addLayout(self.detail_box)
        rows = QWidget()
        rows.setLayout(column(self.verdicts, self._filters(), self.matrix, self.nothing, gap=10))
        self.setLayout(column(rows, self.detail, gap=12))

    def _filters(self) -> QWidget:
        whole = QWidget()
        pills = [button("", kind="pill") for _ in range(3)]
        self.only_missing, self.only_uncertain, self.everything = pills
        group = QButtonGroup(self)
        for pill in pills:
            pill.setCheckable(True)
            group.addButton(pill)
        self.only_missing.setAccessibleName(tr("Show only what is missing"))
        self.only_uncertain.setAccessibleName(tr("Show only what is uncertain"))
        self.everything.setAccessibleName(tr("Show all permissions"))
        self.everything.setChecked(True)
        group.buttonClicked.connect(lambda clicked: self._show_rows())
        whole.setLayout(row(*pills, None, gap=6))
        return whole

    def show_report(self, report: Report | None) -> None:
        """Show *report*, what is missing first; hidden where nothing was found out."""
        self._report = report
        missing = bool(report is not None and missing_rows(report))
        uncertain = bool(report is not None and uncertain_rows(report))
        first = self.only_missing if missing else self.only_uncertain if uncertain else self.everything
        first.setChecked(True)
        self._show_rows()

    def _show_rows(self) -> None:
        report = self._report
        known = report is not None and bool(report.rows)
        self.setVisible(known)
        clear(self.verdicts)
        if report is None or not known:
            self.nothing.hide()
            return
        asked = [each for each in report.rows if each.permission.asked_for or each.state is State.GRANTED]
        missing, uncertain = missing_rows(report), uncertain_rows(report)
        set_pill(self.only_missing, tr("Missing {n}").format(n=len(missing)))
        set_pill(self.only_uncertain, tr("Uncertain {n}").format(n=len(uncertain)))
        set_pill(self.everything, tr("All {n}").format(n=len(asked)))
        # what is not granted stands in the order of need, and all of it as the portal groups it
        if self.only_missing.isChecked():
            chosen, nothing = missing, tr("Nothing that is asked for is missing.")
        elif self.only_uncertain.isChecked():
            chosen, nothing = uncertain, tr("Nothing that is asked for is uncertain.")
        else:
            chosen, nothing = asked, ""
        self.nothing.setText(nothing)
        self.nothing.setVisible(not chosen)
        self.matrix.setVisible(bool(chosen))
        self.detail.setVisible(bool(chosen))
        self.matrix.set(grouped(asked) if self.everything.isChecked() else chosen)
        for each in report.verdicts():
            words = {
                State.GRANTED: tr("yes"),
                State.MISSING: tr("no"),
                State.LIKELY: tr("likely"),
                State.UNTESTABLE: tr("not known"),
            }[each.state]
            self._say(f"{each.purpose.words}:", words, STATE_ROLES[each.state])
        model = tr("Azure RBAC") if report.model is Model.RBAC else tr("access policy")
        self._say(tr("Permission model:"), model, "soft")

    def _say(self, about: str, words: str, role: str) -> None:
        line = row(label(about, "soft"), label(words, role, wrap=False))
        line.setStretch(0, 1)
        self.verdicts.addLayout(line)

    def _show_detail(self, chosen: Row) -> None:
        clear(self.detail_box)
        permission = chosen.permission
        self.detail.setAccessibleName(f"{short_name(permission)}: {state_words(chosen)}")
        self.detail_box.addWidget(label(short_name(permission), "heading"))
        self.detail_box.addWidget(label(f"{permission.group}: {permission.label}", "soft"))
        needed = tr("Needed to: {what}").format(what=purpose_words(permission))
        if permission.asked_for:  # the table leaves it out where it is narrow
            self.detail_box.addWidget(label(needed, "soft"))
        self.detail_box.addWidget(label(beginning(state_words(chosen)), state_role(chosen)))
        for seen in chosen.observations:
            self.detail_box.addWidget(hairline())
            self.detail_box.addWidget(label(seen.text))
            fold = _evidence(seen)
            if fold is not None:
                self.detail_box.addWidget(fold)


def _evidence(seen: Observation) -> Fold | None:
    lines = evidence_lines(seen.evidence)
    if not lines:
        return None
    fold = Fold(tr("What we saw"))
    # there may be several, and each is met alone
    fold.button.setAccessibleName(tr("What we saw: {what}").format(what=seen.text))
    text = "\n".join(f"{name}: {value}" for name, value in lines)
    fold.body.addWidget(CodeBox(text, tr("What we saw")))
    copy = CopyButton(lambda: text, kind="small")
    copy.setAccessibleName(tr("Copy what we saw"))
    fold.body.addLayout(row(copy, None))
    return fold
