"""Run benchmarks, print a table, and write ``benchmarks/latest.json``.

    python -m benchmarks.run [NAME]

Each benchmark is a module of this folder with ``run() -> list[Row]``. A row compares one of our numbers
with a peer's, measured in the same run, or with a fixed limit. The exit code is 1 when a row is over its
limit.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
LATEST = FOLDER / "latest.json"
NAMES = ("authenticode", "trial", "window_trial", "first_window", "diagnosis", "packages", "notary_upload")

# ``name``; ``ours``, ``peer`` (None without one) in ``unit``; ``ratio`` = ours / peer; ``limit`` for the
# ratio, or for ours when there is no peer; anything else (runs, version of the peer) goes to the JSON file.
Row = Mapping[str, Any]


def over(row: Row) -> bool:
    """Tell whether a row is over its limit; a row without a limit only informs."""
    limit = row.get("limit")
    measured = row.get("ratio") if row.get("peer") is not None else row.get("ours")
    return limit is not None and measured is not None and measured > limit


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table for people."""
    head = ("name", "ours", "peer", "ratio", "limit", "unit", "")
    lines = [head] + [
        (
            str(row["name"]),
            _number(row.get("ours")),
            _number(row.get("peer")),
            _number(row.get("ratio")),
            _number(row.get("limit")),
            str(row.get("unit", "")),
            "OVER" if over(row) else "ok" if row.get("limit") is not None else "",
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in (0, 5, 6) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; return 1 when anything is over its limit."""
    parser = argparse.ArgumentParser(prog="dev.py bench")
    parser.add_argument("name", nargs="?", choices=NAMES, help="only this one")
    name = parser.parse_args(arguments).name
    rows: list[Row] = []
    for each in [name] if name else NAMES:
        print(f"{each} …", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"benchmarks.{each}").run()
    print(table(rows))
    document = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "rows": [{**row, "over": over(row)} for row in rows],
    }
    LATEST.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if any(over(row) for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
