"""The program with a console, as the stand-alone app starts it."""

import sys

from codesign_wizard.cli import main

sys.exit(main())
