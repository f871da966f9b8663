"""What can be between this computer and a vendor, each with what to tell the network people."""

from __future__ import annotations

from codesign_wizard.core.finding import FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

NAME_UNKNOWN = FindingKind(
    "network.name-unknown",
    Severity.ERROR,
    "The name {host} is not known.",
    "DNS, or the proxy's, has no address for the host.",
)
REFUSED = FindingKind(
    "network.refused",
    Severity.ERROR,
    "{host} refuses the connection.",
    "Nothing listens there, or a firewall answers in its place.",
)
TIMEOUT = FindingKind(
    "network.timeout",
    Severity.ERROR,
    "{host} did not answer within {seconds} s.",
    "The connection or the answer took longer than the time-out.",
)
RESET = FindingKind(
    "network.connection-reset",
    Severity.ERROR,
    "The connection to {host} was torn down.",
    "Something between here and the host ended the connection without an answer.",
)
TLS_INSPECTED = FindingKind(
    "network.tls-inspected",
    Severity.ERROR,
    "The certificate that {host} shows is not trusted by this computer.",
    "TLS is inspected on the way by a device whose CA is not known here, or the host is not what it claims.",
)
PROXY_LOGIN = FindingKind(
    "network.proxy-login",
    Severity.ERROR,
    "The proxy {proxy} wants a user name and a password.",
    "The proxy answered 407.",
)
PROXY_REFUSED = FindingKind(
    "network.proxy-refused",
    Severity.ERROR,
    "The proxy {proxy} does not let {host} through.",
    "The proxy answered the CONNECT with an error.",
)
PROXY_UNREACHABLE = FindingKind(
    "network.proxy-unreachable",
    Severity.ERROR,
    "The proxy {proxy} cannot be reached.",
    "Nothing answers at the proxy's address.",
)
PROXY_ADDRESS = FindingKind(
    "network.proxy-address",
    Severity.ERROR,
    "{proxy} is not the address of a proxy that can be used.",
    "The proxy in the settings or the environment has no host, a wrong port, or another scheme than http(s).",
)
CLOCK = FindingKind(
    "network.clock-wrong",
    Severity.ERROR,
    "This computer's clock is {offset} {direction}, compared with {host}.",
    "The Date of an answer differs from the local clock by five minutes or more.",
)
CA_BUNDLE = FindingKind(
    "network.ca-bundle",
    Severity.ERROR,
    "The CA bundle {file} cannot be read.",
    "The file named in the settings or the environment is missing or holds no certificates in PEM.",
)
OTHER = FindingKind(
    "network.other",
    Severity.ERROR,
    "{host} could not be asked: {why}.",
    "The request failed in a way that is not known; the words are the system's.",
)


def inspected_detail(issuer: str) -> str:
    """Say who issued what was shown, if that is known."""
    if issuer:
        return tr(
            "It was issued by {issuer}. A proxy or virus scanner that inspects TLS does this; trust it here."
        ).format(issuer=issuer)
    return tr("A proxy or virus scanner that inspects TLS does this: it must be trusted here.")


def inspected_remedies(issuer: str) -> list[Remedy]:
    """Return how to trust an inspecting proxy, or go round it."""
    return [
        Remedy(
            title=tr("Give the inspecting proxy's CA certificate to the wizard."),
            portal=(
                tr("Ask your network people for the CA certificate in PEM ({issuer}).").format(
                    issuer=issuer or tr("its name is in their proxy's settings")
                ),
                tr("Choose the file under Settings, CA bundle; or pass --ca-bundle FILE."),
                tr("The backup server needs the same certificate, if it is behind the same proxy."),
            ),
        ),
        Remedy(title=tr("Or ask them not to inspect the hosts that this page names.")),
    ]


def login_remedies() -> list[Remedy]:
    """Return how to give the proxy a login."""
    return [
        Remedy(
            title=tr("Put the login into the proxy's address."),
            portal=(
                tr("Settings, Proxy: http://USER:PASSWORD@HOST:PORT; or set HTTPS_PROXY so."),
                tr("A proxy that wants a Windows sign-in (NTLM, Kerberos) needs a local relay such as Px."),
            ),
        )
    ]


def name_remedies(host: str) -> list[Remedy]:
    """Return what to do about a name without an address."""
    return [
        Remedy(
            title=tr(
                "Compare the name, and whether this computer is online; else ask your network people "
                "whether {host} may be looked up from here."
            ).format(host=host)
        )
    ]


def allow_remedies(host: str) -> list[Remedy]:
    """Return what the network people must allow."""
    return [Remedy(title=tr("Ask your network people to allow {host}, port 443.").format(host=host))]


def slow_remedies() -> list[Remedy]:
    """Return what to do when answers take long."""
    return [
        Remedy(
            title=tr("Try again; if it stays slow, give it longer under Settings, Time-out, or --timeout.")
        ),
    ]


def reset_remedies(host: str) -> list[Remedy]:
    """Return what to do about connections that are torn down."""
    return [
        Remedy(
            title=tr(
                "Try again; if it stays, ask your network people what ends connections to {host}."
            ).format(host=host)
        )
    ]


def reset_detail(proxy: str) -> str:
    """Say what the connection went through, if that is anything ("" for none)."""
    if not proxy:
        return ""
    return tr("It goes through the proxy {proxy}: that, or something behind it, ended it.").format(
        proxy=proxy
    )


def proxy_remedies() -> list[Remedy]:
    """Return what to do when nothing answers at the proxy's address."""
    return [
        Remedy(
            title=tr("Compare the proxy's address with what your network people give for it."),
            portal=(
                tr("It stands under Settings, Proxy; or in --proxy; or in HTTPS_PROXY."),
                tr("It may be known only inside the company's network, or over its VPN."),
            ),
        )
    ]


def proxy_form() -> str:
    """Say how the address of a proxy is written."""
    return tr("Write it as http://host:port; other kinds than http and https are not supported.")


def other_remedies(through_proxy: bool) -> list[Remedy]:
    """Return what to do about a failure that has no name."""
    found = [
        Remedy(title=tr("Try again; if it stays, show your network people these words.")),
    ]
    if through_proxy:
        found.insert(
            0,
            Remedy(
                title=tr("Compare the proxy's address and port with what your network people give for it.")
            ),
        )
    return found
