"""Codesign Wizard: set up and prove code signing of a branded backup client."""

__version__ = "0.1.0"
