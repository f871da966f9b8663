"""``python -m codesign_wizard.screenshots DIR [LOOK or SCENE…]``: one process for each processor."""

from __future__ import annotations

import os
import sys

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before Qt is imported

from codesign_wizard.core.text import tr
from codesign_wizard.screenshots.looks import LOOKS
from codesign_wizard.screenshots.run import main
from codesign_wizard.screenshots.table import SCENES


def run(arguments: list[str]) -> int:
    """Take the pictures that *arguments* ask for, all of them when only the folder is named."""
    wanted = arguments[1:]
    if not arguments or not set(wanted) <= {*LOOKS, *SCENES}:
        sys.stderr.write(
            tr(
                "Say where the pictures go: python3 dev.py screenshots DIR [LOOK or SCENE…]. "
                "Looks: {looks}. Scenes: {scenes}."
            ).format(looks=", ".join(LOOKS), scenes=", ".join(SCENES))
            + "\n"
        )
        return 2
    return main(
        arguments[0],
        scenes=[each for each in SCENES if each in wanted] or tuple(SCENES),
        looks=[each for each in LOOKS if each in wanted] or tuple(LOOKS),
        processes=os.cpu_count() or 1,
    )


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:]))
