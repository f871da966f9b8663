"""The whole way on practice accounts, as README.md shows it: from a request to the server's own clients."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from codesign_wizard.cli import main
from tests.support.canary import leaks

PASSWORD = "only-for-practice"
JOURNEY = """
profile set macos=yes macos.level=staple
csr create request.csr --certificate fresh --yes
practice issue request.csr --form zip
certificate merge order-20260114.zip --certificate fresh --yes
identity request --output requests
practice issue requests/developer-id-installer.certSigningRequest --apple installer
practice issue requests/developer-id-application.certSigningRequest --apple application
identity assemble developerID_installer.cer developerID_application.cer --output made --new-password-stdin
profile set macos.installer-file=made/developer-id-installer.p12 \
macos.application-file=made/developer-id-application.p12 --password-stdin
doctor --certificate fresh
notary check
trial all --certificate fresh --output out
server diff --certificate fresh
server apply --certificate fresh --yes
server diff --certificate fresh
server prove --certificate fresh --output out
"""


@pytest.mark.skipif(
    sys.platform == "win32", reason="the sample has links, which not everybody may make there"
)
def test_from_nothing_to_the_server_s_own_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    lines = JOURNEY.strip().splitlines()
    place = 0
    for line in lines:
        words = line.split()
        where = ["--state", "state"] if words[0] == "practice" else ["--practice", "--state", "state"]
        typed = f"echo {PASSWORD} | " if words[-1].endswith("password-stdin") else ""
        shown = f"\n{typed}codesign-wizard {line} {' '.join(where)}\n"
        assert shown in readme[place:], shown
        place = readme.index(shown, place) + len(shown) - 1
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{PASSWORD}\n".encode())))
        assert main([*words, *where]) == 0, capsys.readouterr().out
    everything = capsys.readouterr().out
    told = " ".join(everything.split())
    # the second look, right after the change
    after = everything.rpartition("on the server ")[2]
    assert "The server has what the profile holds" in " ".join(after.split())
    assert "\n≠" not in after
    assert "is signed by your certificate: Practice Backup Ltd (practice)." in told
    assert "carries the ticket that Apple gives out for it." in told
    assert len(list((tmp_path / "out").glob("server-*"))) == 2
    assert leaks(PASSWORD, everything, tmp_path / "state" / "profiles", tmp_path / "state" / "server") == []
