"""The program without a console, as the stand-alone app starts it."""

import sys

from codesign_wizard.cli import main_gui

sys.exit(main_gui())
