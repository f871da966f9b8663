"""Whether a certificate leads to Apple's root at a time, and if not, why (RFC 5280, 6.1).

Apple's leaves carry critical extensions of Apple's own and are judged by them, which the general judge of
``core.authenticode.trust`` must refuse; the path itself is Apple's short one: leaf, Developer ID
Certification Authority, Apple Root CA (apple.com/certificateauthority).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.apple import oids
from codesign_wizard.core.authenticode.roots import Purpose, Root, RootStore, load, read_roots
from codesign_wizard.core.authenticode.trust import (
    BROKEN,
    Judgement,
    PathSearch,
    Problem,
    algorithm,
    is_self_issued,
    issuer_name,
    name,
    validity,
)
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.resources import resource
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

_MAXIMUM_DEPTH = 6
_MAXIMUM_TRIES = 100
# key usage, basic constraints, extended key usage, names, policies: what RFC 5280 defines and is looked at
_UNDERSTOOD = {"2.5.29.15", "2.5.29.19", "2.5.29.37", "2.5.29.14", "2.5.29.35", "2.5.29.32", "2.5.29.31"}

ROOT = "AppleIncRootCertificate.cer"
INTERMEDIATES = ("DeveloperIDG2CA.cer", "DeveloperIDCA.cer", "AppleTimestampCA.cer")

BAD_ROOTS = FindingKind(
    "apple.roots.unreadable",
    Severity.ERROR,
    "The extra Apple-like root certificates in {file} cannot be read.",
    "A file named as extra root certificates is missing or holds no certificate in PEM or DER.",
)


class AppleRoots:
    """The roots that count as Apple's, issuers known besides, and the roots for time stamps.

    ``extra`` roots and issuers (DER) count like Apple's own: practice and tests bring theirs.
    """

    def __init__(
        self,
        *,
        extra: Sequence[bytes] = (),
        extra_issuers: Sequence[bytes] = (),
        extra_timestamp: Sequence[bytes] = (),
    ) -> None:
        own = _bundled(ROOT)
        self.roots = [Root(own, False, None), *(Root(each, True, None) for each in extra)]
        self.issuers = [*(_bundled(each) for each in INTERMEDIATES), *extra_issuers]
        self.timestamp = RootStore(
            microsoft=False,
            extra={Purpose.TIME_STAMPING: [own, *extra_timestamp, *extra]},
            old_signers=True,
        )

    @classmethod
    def with_files(cls, extra: Iterable[Path] = (), extra_timestamp: Iterable[Path] = ()) -> AppleRoots:
        """Return Apple's roots and those in the given PEM or DER files; raises ``InputError``.

        A certificate in *extra* that is no root is taken as a known issuer.
        """
        found = [each for path in extra for each in read_roots(path, BAD_ROOTS)]
        roots = [each for each in found if is_self_issued(load(each))]
        return cls(
            extra=roots,
            extra_issuers=[each for each in found if each not in roots],
            extra_timestamp=[each for path in extra_timestamp for each in read_roots(path, BAD_ROOTS)],
        )


def judge(
    leaf: x509.Certificate,
    others: Iterable[bytes],
    roots: AppleRoots,
    when: datetime,
    *,
    usage: str | None = None,
) -> Judgement:
    """Return the best chain for *leaf*, leaf first with its root, judged at *when* (UTC).

    *others* are certificates in DER that came along; Apple's intermediates are known. *usage* is the extended
    key usage that the leaf must have.
    """
    return _Search(others, roots, when, usage).best(leaf)


def has_extension(certificate: x509.Certificate, oid: str) -> bool:
    """Tell whether the certificate has the extension *oid* (dotted), whatever its value."""
    return extension_value(certificate, oid) is not None


def extension_value(certificate: x509.Certificate, oid: str) -> bytes | None:
    """Return the octets of the extension *oid* that ``cryptography`` does not know, or ``None``.

    A known extension (basic constraints and the like) gives ``b""``.
    """
    from cryptography import x509

    try:
        for extension in certificate.extensions:
            if extension.oid.dotted_string == oid:
                value = extension.value
                return value.value if isinstance(value, x509.UnrecognizedExtension) else b""
    except BROKEN:
        return None
    return None


def usages(certificate: x509.Certificate) -> set[str]:
    """Return the extended key usages as dotted OIDs; empty when there are none."""
    from codesign_wizard.core.authenticode import trust

    try:
        return trust.usages(certificate) or set()
    except BROKEN:
        return set()


class _Search(PathSearch):
    def __init__(self, others: Iterable[bytes], roots: AppleRoots, when: datetime, usage: str | None) -> None:
        super().__init__(_MAXIMUM_TRIES)
        self.when, self.usage = when, usage
        self.roots = [(root, load(root.encoded)) for root in roots.roots]
        self.others: list[x509.Certificate] = []
        for encoded in [*others, *roots.issuers]:
            try:
                certificate = load(encoded)
                certificate.subject.public_bytes()
            except BROKEN:
                continue  # a certificate nobody can read is no link of a chain
            if certificate not in self.others:
                self.others.append(certificate)

    def extend(self, path: list[x509.Certificate]) -> Judgement:
        last = path[-1]
        results = []
        for root, certificate in self.roots:
            if certificate == last:
                results.append(self._judged(path, root))
            elif last.issuer == certificate.subject and self.issued(last, certificate):
                results.append(self._judged([*path, certificate], root))
        if not results and len(path) < _MAXIMUM_DEPTH:
            for certificate in self.others:
                named = last.issuer == certificate.subject
                if named and certificate not in path and self.issued(last, certificate):
                    results.append(self.extend([*path, certificate]))
        if results:
            return max(results, key=lambda each: (each.trusted, each.root is not None, len(each.path)))
        return _unfinished(path)

    def _judged(self, path: list[x509.Certificate], root: Root) -> Judgement:
        for place, certificate in enumerate(path):
            is_root = place == len(path) - 1 and place > 0
            problem, text = self._problem(certificate, place, is_root)
            if problem is not None:
                return Judgement(path, root, problem, text)
        return Judgement(path, root)

    def _problem(
        self, certificate: x509.Certificate, place: int, is_root: bool
    ) -> tuple[Problem | None, str]:
        who = name(certificate)
        problem, text = validity(certificate, self.when)
        if problem is None:
            problem, text = algorithm(certificate, is_root)
        if problem is not None:
            return problem, text
        for extension in certificate.extensions:
            oid = extension.oid.dotted_string
            if extension.critical and oid not in _UNDERSTOOD and not oid.startswith(oids.APPLE_EXTENSIONS):
                text = tr("{name} has a critical extension that is not understood ({oid})").format(
                    name=who, oid=oid
                )
                return Problem.MALFORMED, text
        if place and not _is_authority(certificate, place - 1):
            return Problem.NOT_A_CA, tr("{name} is not allowed to issue this certificate").format(name=who)
        if not place and self.usage is not None and self.usage not in usages(certificate):
            return Problem.USAGE, tr("{name} is not meant for this purpose").format(name=who)
        return None, ""


def _unfinished(path: list[x509.Certificate]) -> Judgement:
    last = path[-1]
    if not is_self_issued(last):
        text = tr("its issuer, {issuer}, is not known").format(issuer=issuer_name(last))
        return Judgement(path, None, Problem.INCOMPLETE, text)
    if len(path) == 1:
        return Judgement(path, None, Problem.SELF_SIGNED, tr("it vouches only for itself"))
    text = tr("it ends in {root}, which is not Apple's root").format(root=name(last))
    return Judgement(path, None, Problem.UNTRUSTED, text)


def _is_authority(certificate: x509.Certificate, below: int) -> bool:
    from cryptography import x509

    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False
    try:
        may_sign = certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        may_sign = True
    return basic.ca and may_sign and (basic.path_length is None or below <= basic.path_length)


@cache
def _bundled(file: str) -> bytes:
    return (resource("apple") / file).read_bytes()
