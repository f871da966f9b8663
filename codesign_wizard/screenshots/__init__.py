"""Pictures of every page in its main states, measured while they are taken: ``dev.py screenshots DIR``."""
