"""What a person has set for the program as a whole on this computer, whatever the profile: ``settings.json``.

JSON, UTF-8, one object, in the configuration folder beside the profiles; written in one step. Members that
this version does not know are kept. A file that cannot be read counts as empty: it holds conveniences only,
and nothing may keep the program from starting.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LANGUAGE = "language"  # a language's code, or "" or nothing for the system's


def config_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of everything that is configured, which may not exist yet."""
    told = environment.get("CODESIGN_WIZARD_CONFIG")
    if told:
        return Path(told)
    import platformdirs

    return platformdirs.user_config_path("codesign-wizard", appauthor=False)


def read_preference(name: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the text kept as *name*, or ""."""
    value = _read(_file(environment)).get(name)
    return value if isinstance(value, str) else ""


def keep_preference(name: str, value: str, environment: Mapping[str, str] = os.environ) -> None:
    """Keep *value* as *name*; "" forgets it. Raises ``OSError`` when the file cannot be written."""
    from codesign_wizard.core.files import write_atomic

    path = _file(environment)
    members = {**_read(path), name: value}
    if not value:
        del members[name]
    data = json.dumps(members, indent=2, ensure_ascii=False).encode() + b"\n"
    write_atomic(path, data, private=True)


def _file(environment: Mapping[str, str]) -> Path:
    return config_folder(environment) / "settings.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
