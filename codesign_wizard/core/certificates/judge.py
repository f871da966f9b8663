"""Any version of a certificate in the vault, judged for signing programs: every check has a finding.

Rules: CA/Browser Forum, baseline requirements for code signing (6.1.5 key size, 6.2.7.4 hardware, 6.3.2 as
ballot CSC-31 changed it: at most 460 days for what is issued from 2026-03-01); Microsoft's root programme.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.authenticode.roots import RootStore
from codesign_wizard.core.certificates import judge_findings as kinds
from codesign_wizard.core.certificates.chains import BuiltChain, build_chain, load_whole
from codesign_wizard.core.certificates.held import HeldCertificate
from codesign_wizard.core.certificates.request import (
    CODE_SIGNING,
    key_name,
    key_usage_names,
    public_key_bytes,
    purpose_name,
)
from codesign_wizard.core.certificates.revocation import RevocationState, RevocationStatus, check_chain
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Severity, blocks, iso, worst_first
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network
from codesign_wizard.core.text import days_left, days_until, in_days, tr

if TYPE_CHECKING:
    from cryptography import x509

LONGEST_VALIDITY = timedelta(days=460)
_RULE_FROM = datetime(2026, 3, 1, tzinfo=UTC)
RENEW_WITHIN = timedelta(days=60)
_URGENT = timedelta(days=30)
_SHOWN_TAGS = 15
# CA/Browser Forum's policy identifiers (baseline requirements for code signing, 7.1.6)
_EXTENDED, _ORGANISATION = "2.23.140.1.3", "2.23.140.1.4.1"
_PLATFORMS = {"1": "FIPS 140-2 Level 2", "2": "FIPS 140-3 Level 3"}


@dataclass(frozen=True)
class VersionJudgement:
    """A version as judged; ``findings`` worst first, ``facts`` by stable names for people and JSON."""

    version: str
    findings: list[Finding]
    facts: dict[str, str]
    chain: list[x509.Certificate] = field(default_factory=list)
    root: x509.Certificate | None = None
    revocation: list[RevocationStatus] = field(default_factory=list)
    expires: datetime | None = None

    @property
    def usable(self) -> bool:
        """Whether nothing stands against signing with it."""
        return not blocks(self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the judgement for JSON; the findings stand in the document's own member."""
        from codesign_wizard.core.certificate_json import certificate_json

        return {
            "version": self.version,
            "usable": self.usable,
            "facts": dict(self.facts),
            "chain": [certificate_json(each) for each in self.chain],
            "root": certificate_json(self.root) if self.root is not None else None,
            "revocation": [each.to_json() for each in self.revocation],
        }


def judge_version(
    job: JobContext,
    held: HeldCertificate,
    *,
    roots: RootStore,
    network: Network | None = None,
    known: Iterable[x509.Certificate] = (),
    revocation: bool = True,
    now: datetime | None = None,
) -> VersionJudgement:
    """Judge *held*. Without *network* no issuer is fetched and revocation is not checked.

    Changes nothing; raises ``Cancelled`` only.
    """
    now = now or datetime.now(UTC)
    leaf = load_whole(held.der)
    if leaf is None:
        finding = kinds.UNREADABLE(name=held.name, certainty=Certainty.COMPUTED)
        return VersionJudgement(held.version, [finding], {"version": held.version})
    built = build_chain(job, network, leaf, known, roots, now)
    path = [*built.chain, *([built.root] if built.root is not None else [])]
    statuses: list[RevocationStatus] = []
    if revocation and network is not None:
        statuses = check_chain(job, network, path, now=now)
    found = [
        *_held_findings(held),
        *(_computed(each) for each in _certificate_findings(held, leaf, built, now)),
        *built.findings,
        *_revocation_findings(held.name, path, statuses),
    ]
    if not blocks(found):
        found.insert(
            0,
            kinds.USABLE(
                name=held.name,
                date=leaf.not_valid_after_utc.date().isoformat(),
                certainty=Certainty.COMPUTED,
            ),
        )
    facts = _facts(held, leaf, built)
    return VersionJudgement(
        held.version, worst_first(found), facts, built.chain, built.root, statuses, leaf.not_valid_after_utc
    )


def needs_renewal(expires: datetime, now: datetime | None = None) -> bool:
    """Tell whether it is time to ask for the next version: 60 days before the end."""
    return expires - (now or datetime.now(UTC)) <= RENEW_WITHIN


def _held_findings(held: HeldCertificate) -> Iterator[Finding]:
    """What the vault says of the version and its key."""
    key = held.key
    if held.enabled is False:
        remedies = kinds.enable_remedies(held.key_id, held.name)
        yield kinds.DISABLED(name=held.name, evidence=Evidence(more={"enabled": "false"}), remedies=remedies)
    elif key is not None and key.enabled is False:
        remedies = kinds.enable_remedies(held.key_id, held.name)
        yield kinds.KEY_DISABLED(
            name=held.name, evidence=Evidence(more={"key-enabled": "false"}), remedies=remedies
        )
    if key is not None:
        evidence = Evidence(more={"kty": key.kind, **({"hsmPlatform": key.platform} if key.platform else {})})
        if key.hardware and key.platform != "0":
            level = _PLATFORMS.get(key.platform, tr("the level is not told"))
            yield kinds.HARDWARE(level=level, evidence=evidence)
        else:
            yield kinds.SOFTWARE(name=held.name, evidence=evidence, remedies=kinds.renew_remedies())
        if key.operations and "sign" not in key.operations:
            yield kinds.OPERATIONS(
                name=held.name,
                operations=", ".join(key.operations),
                evidence=Evidence(more={"key_ops": " ".join(key.operations)}),
                remedies=kinds.renew_remedies(),
            )
    exportable = held.exportable if held.exportable is not None else (key.exportable if key else None)
    if exportable:
        evidence = Evidence(more={"exportable": "true"})
        yield kinds.EXPORTABLE(name=held.name, evidence=evidence, remedies=kinds.renew_remedies())
    elif exportable is False or (key is not None and key.hardware):
        yield kinds.NOT_EXPORTABLE()
    if held.reuse_key:
        yield kinds.REUSES_KEY(name=held.name)
    if held.newest:
        yield kinds.NEWEST()
    elif held.newest is False:
        yield kinds.OLDER(version=held.version)
    if held.tags:
        shown = sorted(held.tags.items())[:_SHOWN_TAGS]
        yield kinds.TAGS(tags=", ".join(f"{name}={value}" if value else name for name, value in shown))


def _certificate_findings(
    held: HeldCertificate, leaf: x509.Certificate, built: BuiltChain, now: datetime
) -> Iterator[Finding]:
    yield from _key(held, leaf)
    yield from _usage(held, leaf)
    yield from _chain(held, leaf, built)
    yield from _validity(held, leaf, now)
    policy, kind = _policy(leaf)
    yield kinds.POLICY(kind=kind, evidence=Evidence(more={"policy": policy}) if policy else None)


def _key(held: HeldCertificate, leaf: x509.Certificate) -> Iterator[Finding]:
    shown, bits = key_name(leaf.public_key())
    evidence = Evidence(more={"key": shown})
    if shown.startswith("RSA"):
        if bits >= 3072:
            yield kinds.KEY_OK(key=shown)
        else:
            severity = Severity.ERROR if bits < 2048 else None
            yield kinds.KEY_SMALL(
                key=shown, severity=severity, evidence=evidence, remedies=kinds.renew_remedies()
            )
    else:
        yield kinds.KEY_EC(key=shown, evidence=evidence, remedies=kinds.renew_remedies())
    if held.key is not None and held.key.public_key and held.key.public_key != public_key_bytes(leaf):
        yield kinds.KEY_OTHER(name=held.name, evidence=Evidence(more={"key": held.key.id}))
    digest = leaf.signature_hash_algorithm
    if digest is not None and digest.name in ("md5", "sha1"):
        yield kinds.ALGORITHM(digest=digest.name.upper(), remedies=kinds.renew_remedies())


def _usage(held: HeldCertificate, leaf: x509.Certificate) -> Iterator[Finding]:
    from cryptography import x509

    from codesign_wizard.core.authenticode import trust

    usages = trust.usages(leaf) or set()
    if CODE_SIGNING not in usages:
        purposes = ", ".join(purpose_name(oid) for oid in sorted(usages))
        yield kinds.USAGE_WRONG(
            name=held.name,
            purposes=purposes or tr("no purpose that is named"),
            evidence=Evidence(more={"extended-key-usage": " ".join(sorted(usages)) or "-"}),
            remedies=kinds.renew_remedies(),
        )
    else:
        yield kinds.USAGE_OK()
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return  # without the extension every use is allowed
    if not usage.digital_signature:
        names = ", ".join(key_usage_names(usage))
        evidence = Evidence(more={"key-usage": names})
        yield kinds.KEY_USAGE_WRONG(
            name=held.name, usages=names, evidence=evidence, remedies=kinds.renew_remedies()
        )


def _chain(held: HeldCertificate, leaf: x509.Certificate, built: BuiltChain) -> Iterator[Finding]:
    from codesign_wizard.core.authenticode import trust
    from codesign_wizard.core.authenticode.trust import Problem

    judged = built.judged
    evidence = Evidence(more={"issuer": leaf.issuer.rfc4514_string()})
    if judged.trusted:
        kind = kinds.CHAIN_EXTRA if judged.extra else kinds.CHAIN_OK
        yield kind(root=trust.name(judged.path[-1]))
    elif judged.problem is Problem.SELF_SIGNED:
        yield kinds.SELF_SIGNED(name=held.name, evidence=evidence, remedies=kinds.renew_remedies())
    elif judged.problem is Problem.INCOMPLETE:
        if not built.findings:  # else the gap has been told, with its reason
            yield kinds.CHAIN_INCOMPLETE(
                issuer=trust.issuer_name(judged.path[-1]),
                evidence=evidence,
                remedies=kinds.merge_again_remedies(),
            )
    elif judged.problem is not Problem.USAGE or CODE_SIGNING in (trust.usages(leaf) or ()):
        # a leaf of another kind has been told already
        yield kinds.CHAIN_WRONG(why=judged.text, evidence=evidence, remedies=kinds.renew_remedies())


def _validity(held: HeldCertificate, leaf: x509.Certificate, now: datetime) -> Iterator[Finding]:
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    date, days = end.date().isoformat(), days_until(end, now)
    evidence = Evidence(more={"not-before": iso(begin), "not-after": iso(end)})
    if now > end:
        yield kinds.EXPIRED(name=held.name, date=date, evidence=evidence, remedies=kinds.renew_remedies())
    elif now < begin:
        first = begin.date().isoformat()
        yield kinds.NOT_YET(name=held.name, date=first, evidence=evidence)
    elif end - now <= RENEW_WITHIN:
        yield kinds.EXPIRES_SOON(
            name=held.name,
            date=date,
            left=in_days(days),
            detail=tr("Renew it now: a CA takes up to two weeks."),
            severity=None if end - now <= _URGENT else Severity.INFO,
            evidence=evidence,
            remedies=kinds.renew_remedies(),
        )
    else:
        yield kinds.VALID(date=date, left=days_left(days), evidence=evidence)
    if begin >= _RULE_FROM:
        # both ends count (RFC 5280, 4.1.2.5)
        if end - begin + timedelta(seconds=1) > LONGEST_VALIDITY:
            yield kinds.VALIDITY_TOO_LONG(days=(end - begin).days, evidence=evidence)
        else:
            yield kinds.VALIDITY_RULE()


def _policy(leaf: x509.Certificate) -> tuple[str, str]:
    """Return the policy's OID, or "", and what it means."""
    from cryptography import x509

    try:
        policies = leaf.extensions.get_extension_for_class(x509.CertificatePolicies).value
    except x509.ExtensionNotFound:
        return "", tr("not stated")
    found = {each.policy_identifier.dotted_string for each in policies}
    if _EXTENDED in found:
        return _EXTENDED, tr("extended validation (EV)")
    if _ORGANISATION in found:
        return _ORGANISATION, tr("organisation or individual validation (OV, IV)")
    return "", tr("not stated")


def _revocation_findings(
    name: str, path: Sequence[x509.Certificate], statuses: Sequence[RevocationStatus]
) -> Iterator[Finding]:
    from codesign_wizard.core.authenticode import trust

    if not statuses:
        yield kinds.REVOCATION_NOT_CHECKED(why=tr("nobody was asked"))
        return
    for place, status in enumerate(statuses):
        evidence = Evidence(more={key: str(value) for key, value in status.to_json().items()})
        shown = name if place == 0 else trust.name(path[place])
        if status.state is RevocationState.REVOKED:
            since = iso(status.since) if status.since else tr("an unknown time")
            yield kinds.REVOKED(
                name=shown,
                since=since,
                detail=tr("The reason given: {reason}.").format(reason=status.reason)
                if status.reason
                else "",
                evidence=evidence,
                remedies=kinds.revoked_remedies(),
            )
    states = [status.state for status in statuses]
    if RevocationState.REVOKED in states:
        return
    first = statuses[0]
    if first.state is RevocationState.GOOD:
        evidence = Evidence(more={key: str(value) for key, value in first.to_json().items()})
        yield kinds.NOT_REVOKED(source=first.source.upper(), evidence=evidence)
    else:
        evidence = Evidence(more={str(number): text for number, text in enumerate(first.tried, 1)})
        yield kinds.REVOCATION_NOT_CHECKED(why=first.why, evidence=evidence)


def _facts(held: HeldCertificate, leaf: x509.Certificate, built: BuiltChain) -> dict[str, str]:
    from codesign_wizard.core.authenticode import trust
    from codesign_wizard.core.chain import issuer_facts

    key = held.key
    facts = {
        "certificate": held.name,
        "version": held.version,
        "publisher": trust.name(leaf),
        "issuer": trust.issuer_name(leaf),
        "root": trust.name(built.root) if built.root is not None else "",
        "key": key_name(leaf.public_key())[0],
        "key_type": key.kind if key else "",
        "hsm": _PLATFORMS.get(key.platform, "") if key and key.hardware else "",
        "validation": _policy(leaf)[1],
        "certificate_issued": iso(leaf.not_valid_before_utc),
        "certificate_expires": iso(leaf.not_valid_after_utc),
        **issuer_facts(built.chain),
        "serial": f"{leaf.serial_number:x}",
        "created": iso(held.created) if held.created else "",
    }
    return {name: value for name, value in facts.items() if value}


def _computed(finding: Finding) -> Finding:
    return dataclasses.replace(finding, certainty=Certainty.COMPUTED)
