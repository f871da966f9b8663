"""The Azure CLI itself, led to a practice cloud, with whom it asks to sign in played by a browser of ours.

It is on the PATH under another name (``azure-cli``), and only here it is ``az``: no other test may meet it.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.entra.models import User
from tests.support import judges

_PAGES, _WHO = "PRACTICE_SIGN_IN_PAGES", "PRACTICE_WHO"  # of the browser's own environment


class AzureCli:
    """``az`` in *folder*, which holds all that it keeps."""

    def __init__(self, cloud: PracticeCloud, folder: Path, like: Path | None = None) -> None:
        """Prepare it; *like* is another one's folder, whose list of commands it takes over."""
        if like is not None:
            (folder / "azure").mkdir()
            for index in (like / "azure").glob("*Index.json"):
                shutil.copy(index, folder / "azure")
        self.folder = folder
        program = judges.program("azure-cli")
        programs = folder / "programs"
        programs.mkdir()
        (programs / "az").symlink_to(program)
        browser = f"{sys.executable} {Path(__file__).resolve()} %s &"  # it must not be waited for
        self._environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "AZURE_CONFIG_DIR": str(folder / "azure"),
            "AZURE_CORE_COLLECT_TELEMETRY": "no",
            "AZURE_CORE_NO_COLOR": "1",
            "HTTPS_PROXY": cloud.proxy_url,
            "HTTP_PROXY": cloud.proxy_url,
            "REQUESTS_CA_BUNDLE": str(cloud.ca_file),
            "BROWSER": browser,
            _PAGES: f"{cloud.proxy_url}/sign-in/",
        }

    def sign_in(self, user: User) -> None:
        """Sign *user* in with the browser."""
        self._environment[_WHO] = user.object_id
        self.run("az login --output none")

    def run(self, script: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run *script*, pasted into bash; with *check* it must end well, and every line of it."""
        done = subprocess.run(
            ["bash", "--norc", "-c", f"set -e\n{script}" if check else script],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0 or not check, (script, done.stdout, done.stderr)
        return done


def browse(address: str) -> None:
    """Do what a person's browser does with a sign-in address: choose who it is, and carry the answer back."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    page = os.environ[_PAGES] + address.removeprefix("https://")
    chosen = urllib.parse.urlencode({"who": os.environ[_WHO]}).encode()
    back = opener.open(page, chosen, timeout=30).read().decode()
    action = re.search(r'action="([^"]+)"', back)
    assert action is not None, back
    hidden = re.findall(r'name="([^"]+)" value="([^"]*)"', back)
    form = urllib.parse.urlencode([(html.unescape(name), html.unescape(value)) for name, value in hidden])
    opener.open(html.unescape(action[1]), form.encode(), timeout=30).read()


if __name__ == "__main__":
    browse(sys.argv[1])
