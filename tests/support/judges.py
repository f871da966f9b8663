"""Programs by others that judge what this one writes.

A missing one skips the test visibly, with its name; in CI it fails, because there every judge is installed.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest


def missing(what: str) -> None:
    """Skip, or fail in CI, because *what* is not there."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and CI installs every judge")
    pytest.skip(f"{what} is not installed")


def program(name: str) -> str:
    """Return the path of the program *name*."""
    found = shutil.which(name)
    if found is None:
        missing(name)
    assert found is not None
    return found


def module(name: str) -> ModuleType:
    """Return the Python module *name* of another project."""
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(name)
        raise


def run(*arguments: str | Path, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a judge and return its output as text, standard error with it."""
    return subprocess.run(
        [str(each) for each in arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=check,
        timeout=timeout,
    )


def osslsigncode_accepts(path: Path, roots: Path, timestamp_roots: Path | None) -> None:
    """Fail unless osslsigncode accepts every signature of *path*, and its time stamps if roots are given."""
    arguments = [program("osslsigncode"), "verify", "-in", path, "-CAfile", roots]
    if timestamp_roots is not None:
        arguments += ["-TSA-CAfile", timestamp_roots]
    done = (
        run(*arguments, "-ignore-cdp", "-ignore-crl", check=False)
        if _knows_ignore()
        else run(*arguments, check=False)
    )
    assert done.returncode == 0, done.stdout
    assert "Succeeded" in done.stdout, done.stdout
    assert "Failed" not in done.stdout.replace("Failed to", ""), done.stdout
    if timestamp_roots is not None:
        # it falls back to the present time, with exit code 0, when the stamp is broken
        assert "Timestamp Server Signature verification: ok" in done.stdout, done.stdout


def _knows_ignore() -> bool:
    return "-ignore-crl" in run(program("osslsigncode"), "verify", "--help", check=False).stdout


def signify() -> ModuleType:
    """Return ``signify.authenticode``, whose oscrypto reads OpenSSL's version with one digit only."""
    import re

    real = re.search

    def search(pattern: object, text: object, flags: int = 0) -> object:
        if isinstance(pattern, str) and isinstance(text, str) and "\\d\\.\\d\\.\\d" in pattern:
            pattern = pattern.replace("\\d\\.\\d\\.\\d", "\\d+\\.\\d+\\.\\d+")
        return real(pattern, text, flags)  # type: ignore[call-overload]

    re.search = search  # type: ignore[assignment]
    try:
        import signify.authenticode as module
    except ImportError:
        missing("signify")
        raise
    finally:
        re.search = real
    return module
