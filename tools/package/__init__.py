"""Makes the stand-alone app: a folder (on macOS a bundle) that needs no Python. Run by ``dev.py package``."""
