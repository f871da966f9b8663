"""The CA's answer, checked against the pending request before anything is merged.

The leaf is found by its key, the chain is built by signatures (RFC 5280, 6.1), issuers that are missing are
fetched from where the certificates name them. What the vault is to be given is the leaf, then each issuer,
without the root.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.authenticode.roots import RootStore
from codesign_wizard.core.certificates import answer_findings as kinds
from codesign_wizard.core.certificates.chains import build_chain, load_whole
from codesign_wizard.core.certificates.forms import MAXIMUM_SIZE, Kind, Part, Piece, read_pieces
from codesign_wizard.core.certificates.request import CODE_SIGNING, key_name, public_key_bytes, purpose_name
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import require_file
from codesign_wizard.core.finding import Certainty, Evidence, Finding, blocks, worst_first
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.authenticode.trust import Judgement

_MAXIMUM_CERTIFICATES = 64


@dataclass(frozen=True)
class Bundle:
    """What was handed in: every readable certificate once, in order, and what else was there."""

    certificates: list[x509.Certificate]
    sources: list[str]  # the file of each certificate
    findings: list[Finding]
    key_seen: bool = False


@dataclass(frozen=True)
class Answer:
    """The answer as judged. Only when ``ok`` may ``chain`` be merged: leaf first, then issuers, no root."""

    leaf: x509.Certificate | None = None
    chain: list[x509.Certificate] = field(default_factory=list)
    root: x509.Certificate | None = None
    findings: list[Finding] = field(default_factory=list)
    left_out: list[x509.Certificate] = field(default_factory=list)
    matches: str = ""  # the name of another request whose key it has

    @property
    def ok(self) -> bool:
        """Whether nothing stands against merging it."""
        return self.leaf is not None and not blocks(self.findings)

    def der(self) -> list[bytes]:
        """Return the chain in DER, as the vault takes it."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return [each.public_bytes(Encoding.DER) for each in self.chain]

    def words(self) -> list[tuple[str, str]]:
        """Return the answer for people: pairs of name and value."""
        from codesign_wizard.core.authenticode import trust

        if self.leaf is None:
            return []
        facts = [
            (tr("Certificate of"), trust.name(self.leaf)),
            (tr("Issued by"), trust.issuer_name(self.leaf)),
            (tr("Valid from"), self.leaf.not_valid_before_utc.date().isoformat()),
            (tr("Valid until"), self.leaf.not_valid_after_utc.date().isoformat()),
            (tr("Key"), key_name(self.leaf.public_key())[0]),
        ]
        facts += [(tr("Issuer"), trust.name(each)) for each in self.chain[1:]]
        if self.root is not None:
            facts.append((tr("Root"), trust.name(self.root)))
        return facts

    def to_json(self) -> dict[str, Any]:
        """Return leaf, chain and root for JSON."""
        from codesign_wizard.core.certificate_json import certificate_json

        return {
            "certificate": certificate_json(self.leaf) if self.leaf is not None else None,
            "chain": [certificate_json(each) for each in self.chain],
            "root": certificate_json(self.root) if self.root is not None else None,
            "matches": self.matches or None,
        }


def read_files(paths: Iterable[Path]) -> list[Piece]:
    """Return the files' contents; what is too large is not read. Raises ``InputError``."""
    pieces = []
    for path in paths:
        try:
            require_file(path)
            size = path.stat().st_size
            data = path.read_bytes() if size <= MAXIMUM_SIZE else b""
        except OSError as error:
            name = path.name or str(path)
            raise InputError(kinds.UNREADABLE(file=name, why=error.strerror or str(error))) from error
        pieces.append(Piece(path.name, data, size))
    return pieces


def read_bundle(pieces: Sequence[Piece]) -> Bundle:
    """Return the certificates in *pieces* and a finding for whatever else is there; never raises."""
    parts = read_pieces(list(pieces))
    certificates: list[x509.Certificate] = []
    sources: list[str] = []
    seen: set[bytes] = set()
    rest: list[Part] = []
    for part in parts:
        if part.kind is not Kind.CERTIFICATE:
            rest.append(part)
        elif part.data not in seen and len(seen) < _MAXIMUM_CERTIFICATES:
            seen.add(part.data)
            certificate = load_whole(part.data)
            if certificate is None:
                rest.append(Part(Kind.DAMAGED, part.source, text=tr("a certificate in it is damaged")))
            else:
                certificates.append(certificate)
                sources.append(part.source)
    findings = list(kinds.of_parts(rest, bool(certificates)))
    if not certificates and not findings:
        findings = [kinds.NOTHING()]
    key_seen = any(part.kind is Kind.PRIVATE_KEY for part in rest)
    found = worst_first(_computed(each) for each in findings)
    return Bundle(certificates, sources, found, key_seen)


def check_answer(
    job: JobContext,
    bundle: Bundle,
    public_key: bytes | None,
    *,
    roots: RootStore,
    network: Network | None = None,
    others: Mapping[str, bytes] | None = None,
    now: datetime | None = None,
) -> Answer:
    """Judge what a CA sent.

    *public_key* is the pending request's SubjectPublicKeyInfo in DER, ``None`` when nothing is pending;
    *others* the keys of the vault's other requests, by name. Without *network* no issuer is fetched. Raises
    ``Cancelled`` only.
    """
    job.check_cancelled()
    return _Check(job, bundle, public_key, roots, network, dict(others or {}), now or datetime.now(UTC)).run()


class _Check:
    def __init__(
        self,
        job: JobContext,
        bundle: Bundle,
        public_key: bytes | None,
        roots: RootStore,
        network: Network | None,
        others: dict[str, bytes],
        now: datetime,
    ) -> None:
        self.job, self.bundle, self.roots, self.network = job, bundle, roots, network
        self.public_key, self.others, self.now = public_key, others, now

    def run(self) -> Answer:
        certificates = self.bundle.certificates
        if not certificates:
            return Answer(findings=self.bundle.findings)
        keys = {id(each): public_key_bytes(each) for each in certificates}
        mine = [each for each in certificates if keys[id(each)] == self.public_key]
        if not mine:
            return self._no_leaf(keys)
        leaf = max(mine, key=self._fitness)
        known = [each for each in certificates if each != leaf]
        built = build_chain(self.job, self.network, leaf, known, self.roots, self.now)
        findings = [
            *self.bundle.findings,
            *_leaf_findings(leaf, self.now),
            *built.findings,
            *_chain_findings(leaf, built.judged, bool(built.findings)),
        ]
        if len(mine) > 1:
            findings.append(kinds.SEVERAL(count=len(mine), date=leaf.not_valid_before_utc.date().isoformat()))
        if not blocks(findings):
            findings.append(kinds.FITS(name=_name(leaf), issuer=_issuer(leaf)))
        left_out = [each for each in certificates if each not in built.judged.path]
        found = worst_first(_computed(each) for each in findings)
        return Answer(leaf, built.chain, built.root, found, left_out)

    def _fitness(self, certificate: x509.Certificate) -> tuple[bool, bool, datetime]:
        """Of several certificates for the key: what can be used comes before what is newer."""
        return (
            CODE_SIGNING in _usages(certificate),
            certificate.not_valid_before_utc <= self.now <= certificate.not_valid_after_utc,
            certificate.not_valid_before_utc,
        )

    def _no_leaf(self, keys: dict[int, bytes]) -> Answer:
        certificates = self.bundle.certificates
        for name, key in self.others.items():
            found = next((each for each in certificates if keys[id(each)] == key), None)
            if found is not None:
                finding = kinds.OTHER_REQUEST(
                    name=_name(found), request=name, remedies=kinds.other_request_remedies(name)
                )
                return self._refused(finding, name)
        leaves = [each for each in certificates if not _is_authority(each)]
        if not leaves:
            return self._refused(
                kinds.ONLY_AUTHORITIES(
                    names=", ".join(_name(each) for each in certificates[:4]),
                    remedies=kinds.ask_again_remedies(),
                )
            )
        leaf = leaves[0]
        if self.public_key is None:
            return self._refused(kinds.NOT_WAITED_FOR(name=_name(leaf)))
        purposes = ", ".join(purpose_name(oid) for oid in sorted(_usages(leaf)))
        return self._refused(
            kinds.OTHER_KEY(
                name=_name(leaf),
                detail=tr("Its key is {key}; it is for {purposes}, from {issuer}.").format(
                    key=key_name(leaf.public_key())[0],
                    purposes=purposes or tr("no purpose that is named"),
                    issuer=_issuer(leaf),
                ),
                evidence=Evidence(more={"subject": leaf.subject.rfc4514_string()}),
                remedies=kinds.other_key_remedies(),
            )
        )

    def _refused(self, finding: Finding, matches: str = "") -> Answer:
        found = worst_first([*self.bundle.findings, _computed(finding)])
        return Answer(findings=found, matches=matches)


def _leaf_findings(leaf: x509.Certificate, now: datetime) -> Iterator[Finding]:
    from cryptography import x509

    name, usages = _name(leaf), _usages(leaf)
    if _is_authority(leaf):
        yield kinds.AUTHORITY(name=name)
    if CODE_SIGNING not in usages:
        kind = kinds.TLS if "1.3.6.1.5.5.7.3.1" in usages else kinds.NOT_CODE_SIGNING
        yield kind(
            name=name,
            purposes=", ".join(purpose_name(oid) for oid in sorted(usages)) or tr("no purpose that is named"),
            remedies=kinds.wrong_product_remedies(),
        )
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
        if not usage.digital_signature:
            yield kinds.NO_SIGNATURES(name=name, remedies=kinds.wrong_product_remedies())
    except x509.ExtensionNotFound:
        pass  # without the extension every use is allowed
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now > end:
        yield kinds.EXPIRED(name=name, date=end.date().isoformat(), remedies=kinds.ask_again_remedies())
    elif now < begin:
        yield kinds.NOT_YET(name=name, date=begin.date().isoformat())
    key, bits = key_name(leaf.public_key())
    if key.startswith("RSA") and bits < 3072:
        yield kinds.KEY_SMALL(name=name, key=key, remedies=kinds.new_request_remedies())
    elif not key.startswith("RSA"):
        yield kinds.KEY_EC(name=name, key=key, remedies=kinds.new_request_remedies())
    digest = leaf.signature_hash_algorithm
    if digest is not None and digest.name in ("md5", "sha1"):
        yield kinds.OLD_ALGORITHM(name=name, digest=digest.name.upper(), remedies=kinds.ask_again_remedies())


def _chain_findings(leaf: x509.Certificate, judged: Judgement, gap_told: bool) -> Iterator[Finding]:
    from codesign_wizard.core.authenticode import trust
    from codesign_wizard.core.authenticode.trust import Problem

    if judged.trusted:
        kind = kinds.CHAIN_EXTRA if judged.extra else kinds.CHAIN
        yield kind(root=trust.name(judged.path[-1]), count=len(judged.path))
    elif judged.problem is Problem.SELF_SIGNED:
        yield kinds.SELF_SIGNED(name=_name(leaf), remedies=kinds.ask_again_remedies())
    elif judged.problem is Problem.INCOMPLETE:
        if not gap_told:
            yield kinds.CHAIN_INCOMPLETE(
                issuer=trust.issuer_name(judged.path[-1]), remedies=kinds.incomplete_remedies()
            )
    elif judged.problem is not Problem.USAGE or CODE_SIGNING in _usages(leaf):
        # a leaf of another kind has been told already
        yield kinds.CHAIN_UNTRUSTED(why=judged.text, remedies=kinds.untrusted_remedies())


def _usages(certificate: x509.Certificate) -> set[str]:
    from codesign_wizard.core.authenticode import trust

    return trust.usages(certificate) or set()


def _is_authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _name(certificate: x509.Certificate) -> str:
    from codesign_wizard.core.authenticode import trust

    return trust.name(certificate)


def _issuer(certificate: x509.Certificate) -> str:
    from codesign_wizard.core.authenticode import trust

    return trust.issuer_name(certificate)


def _computed(finding: Finding) -> Finding:
    return dataclasses.replace(finding, certainty=Certainty.COMPUTED)
