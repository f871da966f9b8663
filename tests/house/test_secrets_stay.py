"""A secret given to the program is in nothing that the program writes: output, log, profile, crash."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from codesign_wizard.practice import key_making
from tests.support.canary import leaks, parts_of


@pytest.fixture
def canary() -> str:
    # with the signs that real ones have, so that every quoting shows
    return f"8Q~{secrets.token_urlsafe(18)}.{secrets.token_hex(4)}+/=ü"


def test_the_search_finds_every_spelling(canary: str, tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "log.txt").write_bytes(b"x" + base64.b64encode(f"client:{canary}:more".encode()))
    assert leaks(canary, tmp_path)
    assert leaks(canary, f"secret={canary}")
    assert leaks(canary, canary.encode("utf-16-le"))
    assert not leaks(canary, "nothing", b"\0", Path(__file__))


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_the_search_finds_a_key_however_it_is_packed(kind: str, tmp_path: Path) -> None:
    key = key_making.generate_key("rsa-2048") if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    parts = parts_of(key)
    file = tmp_path / "found"
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        packed = key.private_bytes(Encoding.DER, form, NoEncryption())
        pem = key.private_bytes(Encoding.PEM, form, NoEncryption())
        for written in (
            packed,
            b"somewhere before it" + packed,
            pem,
            json.dumps({"key": pem.decode()}).encode(),
            pem.replace(b"\n", b"\r\n"),
            base64.b64encode(b"ab" + packed),
            base64.encodebytes(b"a" + packed),
            base64.urlsafe_b64encode(packed),
            packed.hex().encode(),
            packed.hex(":").upper().encode(),
            repr(packed).encode(),
        ):
            file.write_bytes(written)
            assert leaks(parts, file), written[:40]
    numbers = key.private_numbers()
    number = numbers.q if isinstance(numbers, rsa.RSAPrivateNumbers) else numbers.private_value
    assert leaks(parts, f"with {number}")
    # neither what is public of it, nor the file that it lies in under a password, gives it away
    sealed = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"canary"))
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert not leaks(parts, sealed, sealed.hex(), public, base64.b64encode(public), public.hex(":"))


def test_the_search_finds_the_seed_of_one_time_codes() -> None:
    seed = secrets.token_bytes(20)
    written = base64.b32encode(seed).decode()
    for each in (f"otpauth://totp/x?secret={written}", seed.hex(), base64.b64encode(b"x" + seed), repr(seed)):
        assert leaks(seed, each), each


@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor", "windows", "--verbose"],
        ["doctor", "windows", "--json"],
        ["trial", "windows", "--json", "--verbose"],
        ["profile", "show", "--json"],
        ["server", "show", "--verbose"],
        ["no-such-command"],
    ],
    ids=" ".join,
)
def test_no_command_shows_the_secret_from_the_environment(
    arguments: list[str], canary: str, tmp_path: Path
) -> None:
    password, code = f"{secrets.token_urlsafe(12)}+/=", secrets.token_hex(8)
    environment = {
        **os.environ,
        "AZURE_CLIENT_SECRET": canary,
        "CODESIGN_WIZARD_SERVER": "https://canary-server.example/",
        "CODESIGN_WIZARD_SERVER_USER": "canary-admin",
        "CODESIGN_WIZARD_SERVER_PASSWORD": password,
        "CODESIGN_WIZARD_SERVER_CODE": code,
        "AZURE_TENANT_ID": "11111111-2222-4333-8444-555555555555",
        "AZURE_CLIENT_ID": "66666666-7777-4888-8999-aaaaaaaaaaaa",
        "CODESIGN_WIZARD_VAULT": "canary-vault",
        "CODESIGN_WIZARD_CERTIFICATE": "canary",
        "CODESIGN_WIZARD_CONFIG": str(tmp_path / "config"),
        "CODESIGN_WIZARD_CACHE": str(tmp_path / "cache"),
        # nobody listens there: every call is made, refused, and reported
        "CODESIGN_WIZARD_PROXY": "http://127.0.0.1:9",
        "HOME": str(tmp_path / "home"),
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", "codesign_wizard", *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode in (0, 1, 2), done.stderr
    assert b"Traceback" not in done.stderr
    for secret in (canary, password, code):
        assert leaks(secret, done.stdout, done.stderr, tmp_path) == []


CRASHING = """
import faulthandler, os, sys, threading
from codesign_wizard import cli
from codesign_wizard.core.redact import Secret
canaries = os.environ["CANARIES"].split("|")
for each in canaries:
    Secret(each)
cli.main(["--version"])

class Ending:
    def __del__(self):
        raise RuntimeError(f"ending with {canaries}")

def failing():
    raise ValueError(f"in a thread with {canaries}") from KeyError(" ".join(canaries))

thread = threading.Thread(target=failing, name="worker")
thread.start()
thread.join()
Ending()
faulthandler.enable()
faulthandler.dump_traceback()
os.environ.clear()
raise OSError(f"at last with {canaries}")
"""


def test_what_nobody_catches_is_written_without_a_secret(canary: str) -> None:
    """In the main thread, in another one and in a destructor, and by the handler of hard faults."""
    canaries = [canary, f"{secrets.token_urlsafe(12)}+/="]
    done = subprocess.run(
        [sys.executable, "-P", "-c", CRASHING],
        env={**os.environ, "CANARIES": "|".join(canaries)},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 1
    said = done.stderr.decode()
    for each in (
        "ValueError: in a thread with",
        "RuntimeError: ending with",
        "OSError: at last with",
        "worker",
    ):
        assert each in said
    assert "(most recent call first)" in said  # faulthandler's own
    for each in canaries:
        assert leaks(each, done.stdout, done.stderr) == []
