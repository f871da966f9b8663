"""The work itself. Nothing in here imports Qt, the command line, or the practice cloud."""
