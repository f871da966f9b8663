"""Scenarios of the area network."""

from __future__ import annotations

import secrets

from codesign_wizard.core.text import tr
from codesign_wizard.practice.conditions import ProxyLogin
from codesign_wizard.practice.keyvault.models import Throttle
from codesign_wizard.practice.scenarios.registry import scenario
from codesign_wizard.practice.wire.messages import Request, Response
from codesign_wizard.practice.world import World

AREA = "network"
_DOCTOR = ("doctor", "windows")
HOLD_SECONDS = 30.0
# what the web server under a service says when nothing behind it takes requests (HTTP.sys)
_UNAVAILABLE = (
    b'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN""http://www.w3.org/TR/html4/strict.dtd">\r\n'
    b"<HTML><HEAD><TITLE>Service Unavailable</TITLE>\r\n"
    b'<META HTTP-EQUIV="Content-Type" Content="text/html; charset=us-ascii"></HEAD>\r\n'
    b"<BODY><h2>Service Unavailable</h2>\r\n"
    b"<hr><p>HTTP Error 503. The service is unavailable.</p>\r\n</BODY></HTML>\r\n"
)


def unavailable(request: Request) -> Response:
    """Answer 503, whatever was asked."""
    return Response(503, _UNAVAILABLE, [("Content-Type", "text/html; charset=us-ascii")])


@scenario(
    "vault-unknown",
    AREA,
    lambda: tr("The vault's name does not resolve."),
    command=_DOCTOR,
    expects=["azure.vault.unknown"],
)
def vault_unknown(world: World) -> None:
    """Two letters changed places."""
    name = world.vault.name
    world.accounts.vault_name = name[:-1] + ("x" if name[-1] != "x" else "y")


@scenario(
    "firewall",
    AREA,
    lambda: tr("The vault's firewall does not let this address in."),
    command=_DOCTOR,
    expects=["azure.vault.firewall"],
)
def firewall(world: World) -> None:
    """Selected networks only, and this is none of them."""
    world.vault.firewall.open = False
    world.vault.firewall.allowed = ["198.51.100.24"]


@scenario(
    "private-endpoint",
    AREA,
    lambda: tr("The vault can be reached through a private endpoint only."),
    command=_DOCTOR,
    expects=["azure.vault.private-endpoint"],
)
def private_endpoint(world: World) -> None:
    """Public network access is disabled."""
    world.vault.firewall.private_only = True


@scenario(
    "tls-inspected",
    AREA,
    lambda: tr("A security gateway opens TLS connections and signs them with a CA that is not trusted."),
    command=_DOCTOR,
    expects=["network.tls-inspected"],
)
def tls_inspected(world: World) -> None:
    """Every server certificate comes from the gateway's authority."""
    world.conditions.inspected = True


@scenario(
    "proxy-login",
    AREA,
    lambda: tr("The proxy asks for a login."),
    command=_DOCTOR,
    expects=["network.proxy-login"],
)
def proxy_login(world: World) -> None:
    """407 for everything until the right ``Proxy-Authorization`` comes."""
    world.conditions.proxy_login = ProxyLogin("practice", secrets.token_urlsafe(9))


@scenario(
    "throttled",
    AREA,
    lambda: tr("The vault refuses: too many requests."),
    command=_DOCTOR,
    expects=["azure.vault.throttled"],
)
def throttled(world: World) -> None:
    """429 to every request with a token, without Retry-After, as captured from the service."""
    world.vault.throttle = Throttle(free=0)


@scenario(
    "service-down",
    AREA,
    lambda: tr("The vault's service is unavailable."),
    command=_DOCTOR,
    expects=["azure.vault.unavailable"],
)
def service_down(world: World) -> None:
    """503 from the web server before the service."""
    world.conditions.answers[world.vault.host] = unavailable


@scenario(
    "slow",
    AREA,
    lambda: tr("The vault does not answer in time."),
    command=("doctor", "windows", "--timeout", "2"),
    expects=["network.timeout"],
)
def slow(world: World) -> None:
    """Connections are taken, answers are held back."""
    world.conditions.holds[world.vault.host] = HOLD_SECONDS


@scenario(
    "connection-reset",
    AREA,
    lambda: tr("Connections to the vault are torn down."),
    command=_DOCTOR,
    expects=["network.connection-reset"],
)
def connection_reset(world: World) -> None:
    """A middlebox answers the TLS handshake with a reset."""
    world.conditions.resets.add(world.vault.host)
