"""What a failed request means, looked at closer: a finding with what was seen and what to do."""

from __future__ import annotations

from urllib.parse import urlsplit

from codesign_wizard.core import network_findings as findings
from codesign_wizard.core import network_probe
from codesign_wizard.core.finding import Certainty, Evidence, Finding, utc_now
from codesign_wizard.core.network_failure import FailureKind, tunnel_status
from codesign_wizard.core.proxy_login import split
from codesign_wizard.core.text import tr


def explain(kind: FailureKind, message: str, url: str, proxy: str | None, seconds: float) -> Finding:
    """Return what kept *url* from being reached in *seconds*, through *proxy* or, with ``None``, without one.

    Where *kind* leaves it open, the proxy is asked once more and the host's certificate is looked at.
    """
    host = urlsplit(url).hostname or url
    more = {"host": host}
    if proxy:
        more["proxy"] = _without_login(proxy)
    evidence = Evidence(message=message, time=utc_now(), more=more)
    match kind:
        case FailureKind.NAME:
            return findings.NAME_UNKNOWN(host=host, evidence=evidence, remedies=findings.name_remedies(host))
        case FailureKind.REFUSED:
            return findings.REFUSED(host=host, evidence=evidence, remedies=findings.allow_remedies(host))
        case FailureKind.TIMEOUT:
            return findings.TIMEOUT(
                host=host, seconds=f"{seconds:g}", evidence=evidence, remedies=findings.slow_remedies()
            )
        case FailureKind.RESET:
            return _reset(host, evidence)
        case FailureKind.TLS:
            issuer = network_probe.presented_issuer(url, proxy)
            if issuer:
                evidence = Evidence(message=message, time=utc_now(), more={**more, "issuer": issuer})
            return findings.TLS_INSPECTED(
                host=host,
                evidence=evidence,
                detail=findings.inspected_detail(issuer),
                remedies=findings.inspected_remedies(issuer),
            )
        case FailureKind.PROXY_LOGIN:
            return findings.PROXY_LOGIN(
                proxy=more.get("proxy", ""),
                evidence=Evidence(407, message=message, time=utc_now(), more=more),
                remedies=findings.login_remedies(),
            )
        case FailureKind.PROXY:
            return _proxy_finding(host, url, proxy, more, message)
        case FailureKind.TOO_LARGE:
            return findings.OTHER(
                host=host, why=tr("the answer is larger than any should be"), evidence=evidence
            )
    why = tr("what answers speaks another protocol") if kind is FailureKind.PROTOCOL else message.rstrip(".")
    return findings.OTHER(
        host=host, why=why, evidence=evidence, remedies=findings.other_remedies(bool(proxy))
    )


def _reset(host: str, evidence: Evidence) -> Finding:
    proxy = evidence.more.get("proxy", "")
    return findings.RESET(
        host=host,
        evidence=evidence,
        detail=findings.reset_detail(proxy),
        remedies=findings.reset_remedies(host),
    )


def _proxy_finding(host: str, url: str, proxy: str | None, more: dict[str, str], message: str) -> Finding:
    evidence = Evidence(message=message, time=utc_now(), more=more)
    status = tunnel_status(message)
    try:
        told = network_probe.ask_proxy(url, proxy)
    except OSError:
        if status is None:
            return findings.PROXY_UNREACHABLE(
                proxy=more.get("proxy", ""), evidence=evidence, remedies=findings.proxy_remedies()
            )
        told = None
    if told is None and status is not None:
        # it answered once, and does not say it again
        told = network_probe.ProxyAnswer(status, "", "")
    if told is None or 200 <= told.status < 300:
        # it is there, and lets this host through: what was cut is the connection, while it was being made
        return _reset(host, evidence)
    evidence = Evidence(told.status, told.code or None, told.text or message, time=utc_now(), more=more)
    if told.name_unknown:
        return findings.NAME_UNKNOWN(
            host=host,
            evidence=evidence,
            remedies=findings.name_remedies(host),
            certainty=Certainty.OBSERVED if told.name_unknown_for_sure else Certainty.LIKELY,
        )
    return findings.PROXY_REFUSED(
        proxy=more.get("proxy", ""), host=host, evidence=evidence, remedies=findings.allow_remedies(host)
    )


def _without_login(proxy: str) -> str:
    try:
        parts = urlsplit(split(proxy)[0])
        port = parts.port
    except ValueError:
        return ""  # it is no address
    return f"{parts.scheme}://{parts.hostname or ''}" + (f":{port}" if port else "")
