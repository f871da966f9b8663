"""docs/security.md names what the code has: keyring entries, hosts, calls to the server, folders."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from codesign_wizard.core import long_secret, profile_secrets, secrets
from codesign_wizard.core.clouds import CLOUDS
from codesign_wizard.core.comet import client
from codesign_wizard.core.profile import APPLE_TIMESTAMP_SERVERS, DEFAULT_TIMESTAMP_SERVERS
from codesign_wizard.core.redact import Secret

ROOT = Path(__file__).parents[2]
CORE = ROOT / "codesign_wizard"
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
# examples in texts for people, names of XML, and practice's own: nobody is asked there
_NO_HOSTS = {"backup.example.com", "schemas.microsoft.com", "www.w3.org", "host", "proxy", "login"}
_HOST = re.compile(r"https?://([a-z0-9-]+(?:\.[a-z0-9-]+)+)")


def section(title: str) -> str:
    """Return the text of the section *title*, with those below it."""
    found = re.search(rf"^(#+) {re.escape(title)}$\n(.*)", PAGE, re.M | re.S)
    assert found is not None, title
    return re.split(rf"^#{{1,{len(found[1])}}} ", found[2], maxsplit=1, flags=re.M)[0]


def named(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def test_the_keyring_entries_are_all_of_the_code() -> None:
    class Watching(secrets.MemoryStore):
        def set(self, profile_id: str, name: str, secret: Secret) -> None:
            super().set(profile_id, name, secret)
            written.add(name)

        def forget(self, profile_id: str, name: str) -> None:
            super().forget(profile_id, name)
            forgotten.add(name)

    written: set[str] = set()
    forgotten: set[str] = set()
    store = Watching()
    constants = {
        value
        for name, value in vars(secrets).items()
        if name.isupper() and name not in ("SERVICE", "SERVER_UNDO") and isinstance(value, str)
    } - {secrets._WINDOWS_LIMIT}
    long_secret.put(store, "mine", secrets.SERVER_UNDO, Secret("x" * 2000))
    in_code = constants | {secrets.APPLE_UPLOAD[0], secrets.APPLE_UPLOAD[-1]} | written
    assert named(section("In the keyring")) - {secrets.SERVICE, "PROFILE/NAME"} == in_code
    profile_secrets.forget_all(store, "mine")
    assert constants | set(secrets.APPLE_UPLOAD) | written <= forgotten, "forgetting a profile forgets all"


def _literals() -> Iterator[str]:
    """Yield every text in the program but for practice and what only takes pictures; docstrings left out."""
    for file in CORE.rglob("*.py"):
        if {"practice", "screenshots"} & set(file.parts) or file.name.startswith("practice"):
            continue
        tree = ast.parse(file.read_text("utf-8"))
        words = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in words:
                yield node.value


def test_the_hosts_are_all_of_the_code() -> None:
    in_code = {host for text in _literals() for host in _HOST.findall(text)} - _NO_HOSTS
    for cloud in CLOUDS:
        in_code |= {cloud.authority_host, cloud.management_host, cloud.graph_host, cloud.portal_host}
        in_code.add(f"VAULT.{cloud.vault_suffix}")
    in_code.add("BUCKET.s3.us-west-2.amazonaws.com")
    in_code = {host for host in in_code if not host.startswith("vault.")}
    asked = named(section("What is sent where").partition("The calls to the Comet")[0])
    opened = named(section("Only opened, when you click"))
    hosts = {each for each in asked | opened if re.fullmatch(r"[A-Za-z0-9-]+(\.[a-z0-9-]+)+", each)}
    assert hosts == in_code
    servers = {urlsplit(each).hostname for each in (*DEFAULT_TIMESTAMP_SERVERS, *APPLE_TIMESTAMP_SERVERS)}
    assert servers <= asked
    assert not asked & opened


def test_the_calls_to_the_server_are_all_of_the_code() -> None:
    text = Path(client.__file__).read_text("utf-8")
    in_code = set(re.findall(r'"((?:account|meta|branding)/[a-z/-]+)"', text))
    listed = (
        section("What is sent where").partition("The calls to the Comet")[2].partition("Of the settings")[0]
    )
    assert named(listed) - {"/api/v1/admin/"} == in_code


def test_forgetting_a_profile_leaves_nothing_of_it(tmp_path: Path) -> None:
    from codesign_wizard.core.profile import Profile
    from codesign_wizard.core.profile_store import ProfileStore

    store = ProfileStore(tmp_path / "profiles")
    for name in ("mine", "other"):
        store.save(Profile(id=name, name=name))
        for part in (
            f"apple/{name}/submissions/one.json",
            f"apple/{name}/installer.key",
            f"server/{name}.json",
        ):
            (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / part).write_text("{}")
    store.forget("mine")
    store.forget("../other")
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {
        "profiles/other.json",
        "apple/other/submissions/one.json",
        "apple/other/installer.key",
        "server/other.json",
    }
