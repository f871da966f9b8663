"""Every row of the log can be read in every scheme, chosen or not."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from itertools import product

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from codesign_wizard.core.job import JobLabel, LogLevel, LogLine
from codesign_wizard.theme.colours import put_on, tokens
from codesign_wizard.theme.contrast import READABLE, contrast_ratio
from codesign_wizard.widgets.log_cells import colours
from codesign_wizard.widgets.log_model import Column, LogModel
from tests.unit.test_contrast import SCHEMES


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_row_of_the_log_is_readable_chosen_or_not(scheme: str) -> None:
    before, look = tokens(), SCHEMES[scheme]
    model = LogModel()
    now = datetime.now(UTC)
    job = JobLabel(1, "One")
    for level in LogLevel:
        model.append([LogLine(now, level, "vault", "Asked", "id", each) for each in (None, job)])
    model.set_filter(least=LogLevel.DEBUG, search="")
    model.set_explained(frozenset({"id"}))
    poor = set()
    put_on(look)
    for row, column, chosen in product(range(model.rowCount()), Column, (False, True)):
        ground, ink = colours(model, model.index(row, column), chosen=chosen)
        if contrast_ratio(ink.name(), ground) < READABLE:
            poor.add(f"{column.name} of row {row}, {chosen=}")
    put_on(before)
    assert poor == set()
    # what marks a chosen row beside its ground (WCAG 2.2, 1.4.11)
    assert look.contrast or contrast_ratio(look.accent, look.selection) >= 3
