"""Addresses as people paste them."""

from __future__ import annotations

import pytest

from codesign_wizard.core.comet.address import check_exposed, parse_address
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.redact import redact


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("backup.example.com", "https://backup.example.com/"),
        (" <https://backup.example.com/> ", "https://backup.example.com/"),
        ("HTTPS://Backup.Example.COM:443", "https://backup.example.com/"),
        ("https://backup.example.com:8443/#/admin/settings", "https://backup.example.com:8443/"),
        ("https://backup.example.com/api/v1/admin/list-users", "https://backup.example.com/"),
        ("https://backup.example.com/gen/branding.props", "https://backup.example.com/"),
        ("https://example.com/comet/index.html", "https://example.com/comet/"),
        ("https://example.com/comet", "https://example.com/comet/"),
        ("backup.example.com?lang=de", "https://backup.example.com/"),
        ("localhost:8060", "http://localhost:8060/"),
        ("127.0.0.1:8060", "http://127.0.0.1:8060/"),
        ("http://127.0.0.1", "http://127.0.0.1/"),
        ("https://localhost", "https://localhost/"),
        ("[::1]:8060", "http://[::1]:8060/"),
        ("http://192.0.2.7/", "http://192.0.2.7/"),
        ("büro.example", "https://xn--bro-hoa.example/"),
        ("backup.example.com.", "https://backup.example.com/"),
        ("https://backup.example.com///", "https://backup.example.com/"),
        ("https://backup.example.com/admin", "https://backup.example.com/"),
        ("::1", "http://[::1]/"),
        ("https.example.com", "https://https.example.com/"),
    ],
)
def test_what_people_paste(text: str, url: str) -> None:
    address = parse_address(text)
    assert address.url == url
    assert parse_address(address.url) == address


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "server.address.missing"),
        ("ftp://backup.example.com", "server.address.wrong"),
        ("https://", "server.address.wrong"),
        ("https://backup.example.com:99999", "server.address.wrong"),
        ("two words", "server.address.wrong"),
        ("https://one.example\nhttps://two.example", "server.address.wrong"),
        ("https:/backup.example.com", "server.address.wrong"),
        ("https//backup.example.com", "server.address.wrong"),
        ("http:backup.example.com", "server.address.wrong"),
        ("https://https://backup.example.com", "server.address.wrong"),
        ("https://-x.example", "server.address.wrong"),
        ("https://[::1", "server.address.wrong"),
        ("x" * 300, "server.address.wrong"),
    ],
)
def test_what_is_no_address(text: str, finding: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_address(text)
    assert raised.value.finding.id == finding
    assert raised.value.finding.remedies


def test_a_password_in_an_address_is_refused_and_hidden() -> None:
    with pytest.raises(InputError) as raised:
        parse_address("https://admin:canary-4711@backup.example.com")
    assert "canary-4711" not in str(raised.value.finding.to_json())
    assert "canary-4711" not in redact("it was canary-4711")


def test_unencrypted_is_for_this_computer_or_on_request() -> None:
    assert check_exposed(parse_address("http://localhost:8060"), allowed=False) == []
    assert check_exposed(parse_address("https://backup.example.com"), allowed=False) == []
    far = parse_address("http://backup.example.com")
    with pytest.raises(InputError) as raised:
        check_exposed(far, allowed=False)
    assert raised.value.finding.id == "server.address.plain-http"
    assert [each.id for each in check_exposed(far, allowed=True)] == ["server.address.plain-http-used"]
