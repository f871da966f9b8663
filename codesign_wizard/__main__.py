"""``python -m codesign_wizard``."""

from __future__ import annotations

import sys

from codesign_wizard.cli import main

sys.exit(main())
