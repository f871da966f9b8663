"""The licences of what is inside the app, gathered from the environment that it is made from."""

from __future__ import annotations

import re
import shutil
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXTS = Path(__file__).with_name("texts")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)
_LICENCE = re.compile(
    r"(?:^|/)(?:LICEN[CS]E|COPYING|NOTICE|AUTHORS)[^/]*$|\.dist-info/licenses/", re.IGNORECASE
)
_HEAD = """\
The stand-alone app of Codesign Wizard holds these packages and Python itself. Codesign Wizard is under the
MIT License. Qt and PySide6 are under the GNU Lesser General Public License 3: the app uses them as shared
libraries in the folder PySide6 beside this one, which may be replaced by changed ones of the same interface;
their source is at https://download.qt.io/official_releases/QtForPython/.

"""


def gather(folder: Path) -> Path:
    """Write the licence texts, and a list of what is under which, into *folder* and return it."""
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(TEXTS, folder)
    lines = [f"Python {sys.version.split()[0]}: Python-2.0"]
    own = next((path for path in _python_licences() if path.is_file()), None)
    if own is not None:
        shutil.copy(own, folder / "Python.txt")
    for name in sorted(set(_PINNED.findall((ROOT / "requirements.lock").read_text(encoding="utf-8")))):
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # for another system or Python
        lines.append(f"{name} {package.version}: {_expression(package)}")
        for file in package.files or ():
            if _LICENCE.search(file.as_posix()) and Path(str(file.locate())).is_file():
                target = folder / name / file.name
                target.parent.mkdir(exist_ok=True)
                shutil.copy(str(file.locate()), target)
    (folder / "README.txt").write_text(_HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _expression(package: Distribution) -> str:
    metadata = package.metadata
    said = "".join(metadata.get_all("License-Expression") or [])
    if not said:
        classifiers = metadata.get_all("Classifier") or []
        said = ", ".join(
            each.rpartition(" :: ")[2]
            for each in classifiers
            if each.startswith("License :: OSI Approved ::")
        )
    stated = "".join(metadata.get_all("License") or []).strip()
    # some put the whole text there
    return said or (stated if stated and "\n" not in stated else "see the text in this folder")


def _python_licences() -> list[Path]:
    base = Path(sys.base_prefix)
    library = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}"
    return [base / library / "LICENSE.txt", base / "LICENSE.txt", base / "share/doc/python3/copyright"]
