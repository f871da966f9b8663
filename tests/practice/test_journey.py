"""The whole way on practice accounts, as README.md shows it: from a request to the server's own clients."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from codesign_wizard.cli import main

JOURNEY = """
profile set macos=yes macos.level=staple
csr create request.csr --certificate fresh --yes
practice issue request.csr --form zip
certificate merge order-20260114.zip --certificate fresh --yes
doctor --certificate fresh
notary check
trial all --certificate fresh --output out
server diff --certificate fresh
server apply --certificate fresh --yes
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
    for line in JOURNEY.strip().splitlines():
        words = line.split()
        where = ["--state", "state"] if words[0] == "practice" else ["--practice", "--state", "state"]
        assert f"codesign-wizard {line} {' '.join(where)}" in readme
        assert main([*words, *where]) == 0, capsys.readouterr().out
    told = " ".join(capsys.readouterr().out.split())
    assert "is signed by your certificate: Practice Backup Ltd (practice)." in told
    assert "carries the ticket that Apple gives out for it." in told
    assert len(list((tmp_path / "out").glob("server-*"))) == 2
