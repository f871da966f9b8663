"""``az`` in practice: ``account get-access-token`` and ``account show``, answered by the running cloud.

``--query`` takes one member's name, and ``--output`` is ``json``, ``tsv`` or ``none``: what scripts hand a
token on with. Run by its path, with the cloud's address before the arguments of ``az``; needs the standard
library only.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

_COMMANDS = {
    ("account", "get-access-token"): ("resource", "scope", "tenant", "subscription"),
    ("account", "show"): ("subscription",),
}

_FORMS = ("json", "tsv", "none")
_SHORT = {"-o": "output", "-t": "tenant", "-s": "subscription"}


def main(arguments: list[str]) -> int:
    """Print what ``az`` would; return its exit code: 0, 1 for a refusal, 2 for a wrong command line."""
    address, *words = arguments
    command = tuple(words[:2])
    known = _COMMANDS.get((command[0], command[1])) if len(command) == 2 else None
    if known is None:
        return _fail(2, f"'{' '.join(words)}' is nothing that az does in practice.")
    fields: dict[str, str] = {}
    shown = {"output": "json", "query": ""}
    rest = iter(words[2:])
    for word in rest:
        name, equals, value = word.partition("=")
        name = _SHORT.get(name, name.removeprefix("--"))
        value = value if equals else next(rest, "")
        if (name == "output" and value in _FORMS) or (name == "query" and value.isidentifier()):
            shown[name] = value
            continue
        if name not in known or not value:
            return _fail(2, f"unrecognized arguments: {word}")
        fields[name] = value
    data = urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(f"{address}/az/{'/'.join(command)}", data)  # noqa: S310  # http, loopback
    # the practice cloud is on this computer, whatever proxy the environment names
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            document = json.load(answer)
    except urllib.error.HTTPError as error:
        return _fail(1, str(json.load(error)["error"]))
    except OSError as error:
        return _fail(1, f"the practice cloud has ended: {error}")
    if shown["output"] != "none":
        sys.stdout.write(_written(document, **shown) + "\n")
    return 0


def _written(document: dict[str, Any], query: str, output: str) -> str:
    """Return what *query* names of *document*, or all of it; a missing member is null, as JMESPath has it."""
    chosen = document.get(query) if query else document
    if output == "json":
        return json.dumps(chosen, indent=2)
    cells = chosen.values() if isinstance(chosen, dict) else [chosen]
    return "\t".join("" if each is None else str(each) for each in cells if not isinstance(each, dict | list))


def _fail(code: int, words: str) -> int:
    sys.stderr.write(f"ERROR: {words}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
