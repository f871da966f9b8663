"""The command line as a program of its own whose practice keys come from the tests' primes.

``python -m tests.support.started COMMAND…`` is for tests of processes: signals, streams, state on the disk.
"""

from __future__ import annotations

import sys

from codesign_wizard.cli import main
from tests.support import keys

if __name__ == "__main__":
    keys.install()
    sys.exit(main(sys.argv[1:]))
