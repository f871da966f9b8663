"""Whether a certificate leads to a trusted root for a purpose at a time, and if not, why (RFC 5280, 6.1).

The path is built here rather than by ``cryptography.x509.verification``: that one says neither which path it
took nor why there is none, and both belong on the screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from codesign_wizard.core.authenticode.roots import Purpose, Root, RootStore, load
from codesign_wizard.core.text import shown, tr

if TYPE_CHECKING:
    from cryptography import x509

_MAXIMUM_DEPTH = 8
_MAXIMUM_TRIES = 200
# CryptoAPI's weak-crypto default (MinRsaPubKeyBitLength)
_MINIMUM_RSA = 1024
_ANY_USAGE = "2.5.29.37.0"
_UNDERSTOOD = {
    "2.5.29.14",  # subject key identifier
    "2.5.29.15",  # key usage
    "2.5.29.17",  # subject alternative name
    "2.5.29.19",  # basic constraints
    "2.5.29.31",  # CRL distribution points
    "2.5.29.32",  # certificate policies
    "2.5.29.35",  # authority key identifier
    "2.5.29.36",  # policy constraints
    "2.5.29.37",  # extended key usage
    "2.5.29.54",  # inhibit anyPolicy
    "1.3.6.1.5.5.7.1.1",  # authority information access
}


class Problem(StrEnum):
    """Why a chain does not count."""

    SELF_SIGNED = "self-signed"
    INCOMPLETE = "incomplete"
    UNTRUSTED = "untrusted"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    NOT_A_CA = "not-a-ca"
    USAGE = "usage"
    ROOT_REFUSED = "root-refused"
    OLD_ALGORITHM = "old-algorithm"
    SMALL_KEY = "small-key"
    MALFORMED = "malformed"


@dataclass(frozen=True)
class Judgement:
    """The path from the leaf on (with the root where there is one), and what is wrong with it."""

    path: list[x509.Certificate] = field(default_factory=list)
    root: Root | None = None
    problem: Problem | None = None
    text: str = ""

    @property
    def trusted(self) -> bool:
        """Whether the chain ends in a root that counts."""
        return self.problem is None

    @property
    def extra(self) -> bool:
        """Whether it counts only because of a root added by setting."""
        return self.root is not None and self.root.extra


def judge(
    leaf: x509.Certificate, others: Iterable[bytes], roots: RootStore, purpose: Purpose, when: datetime
) -> Judgement:
    """Return the best chain for *leaf* with the DER certificates in *others*, judged at *when* (UTC)."""
    return _Search(others, roots, purpose, when).best(leaf)


def name(certificate: x509.Certificate) -> str:
    """Return the common name of the subject, else the organisation, else the whole subject."""
    return _name_of(certificate.subject)


def issuer_name(certificate: x509.Certificate) -> str:
    """Return the issuer's common name, else its organisation, else the whole name."""
    return _name_of(certificate.issuer)


def usages(certificate: x509.Certificate) -> set[str] | None:
    """Return the extended key usages as dotted OIDs, ``None`` when the extension is absent."""
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return None
    return {usage.dotted_string for usage in extension.value}


def is_self_issued(certificate: x509.Certificate) -> bool:
    """Tell whether subject and issuer are the same name."""
    return certificate.subject.public_bytes() == certificate.issuer.public_bytes()


class PathSearch:
    """Looks for the best path from a leaf. How a path goes on, and what it is worth, the heirs say.

    At most *tries* signatures of one certificate by another are looked at: who sends certificates must not
    decide how long that takes.
    """

    def __init__(self, tries: int) -> None:
        self._left = tries

    def best(self, leaf: x509.Certificate) -> Judgement:
        """Return the best path from *leaf* on."""
        try:
            return self.extend([leaf])
        except BROKEN as error:
            return Judgement([leaf], None, Problem.MALFORMED, str(error))

    def extend(self, path: list[x509.Certificate]) -> Judgement:
        """Return the best path that begins with *path*."""
        raise NotImplementedError

    def issued(self, child: x509.Certificate, parent: x509.Certificate) -> bool:
        """Tell whether *parent* signed *child*; ``False`` for all once the tries are used up."""
        self._left -= 1
        if self._left < 0:
            return False
        try:
            child.verify_directly_issued_by(parent)
        except BROKEN:
            return False
        return True


def validity(certificate: x509.Certificate, when: datetime) -> tuple[Problem | None, str]:
    """Return what is wrong with the certificate's dates at *when*."""
    if when > certificate.not_valid_after_utc:
        date = certificate.not_valid_after_utc.date().isoformat()
        return Problem.EXPIRED, tr("{name} expired on {date}").format(name=name(certificate), date=date)
    if when < certificate.not_valid_before_utc:
        date = certificate.not_valid_before_utc.date().isoformat()
        text = tr("{name} is valid only from {date}").format(name=name(certificate), date=date)
        return Problem.NOT_YET_VALID, text
    return None, ""


def algorithm(certificate: x509.Certificate, is_root: bool) -> tuple[Problem | None, str]:
    """Return what is wrong with the digest that the certificate is signed with."""
    digest = certificate.signature_hash_algorithm
    # nobody checks the signature that a root makes over itself: Apple's own is SHA-1
    if not is_root and digest is not None and digest.name in ("md5", "sha1"):
        text = tr("{name} is signed with {digest}").format(name=name(certificate), digest=digest.name.upper())
        return Problem.OLD_ALGORITHM, text
    return None, ""


class _Search(PathSearch):
    def __init__(self, others: Iterable[bytes], roots: RootStore, purpose: Purpose, when: datetime) -> None:
        super().__init__(_MAXIMUM_TRIES)
        self.roots, self.purpose, self.when = roots, purpose, when
        self.others: dict[bytes, list[x509.Certificate]] = {}
        for encoded in others:
            try:
                certificate = load(encoded)
                self.others.setdefault(certificate.subject.public_bytes(), []).append(certificate)
            except BROKEN:
                continue  # a certificate nobody can read is no link of a chain

    def extend(self, path: list[x509.Certificate]) -> Judgement:
        last = path[-1]
        issuer = last.issuer.public_bytes()
        results = []
        for root in self.roots.find(issuer, self.purpose):
            certificate = load(root.encoded)
            if certificate == last:
                results.append(self._judged(path, root))
            elif self.issued(last, certificate):
                results.append(self._judged([*path, certificate], root))
        if not any(result.trusted for result in results) and len(path) < _MAXIMUM_DEPTH:
            for certificate in self.others.get(issuer, []):
                if certificate not in path and self.issued(last, certificate):
                    results.append(self.extend([*path, certificate]))
        if results:
            # a trusted path, else one that reached a root, else the longest
            return max(results, key=lambda each: (each.trusted, each.root is not None, len(each.path)))
        return self._unfinished(path)

    def _unfinished(self, path: list[x509.Certificate]) -> Judgement:
        last = path[-1]
        if not is_self_issued(last):
            text = tr("its issuer, {issuer}, is not in the file").format(issuer=issuer_name(last))
            return Judgement(path, None, Problem.INCOMPLETE, text)
        if len(path) == 1:
            return Judgement(path, None, Problem.SELF_SIGNED, tr("it vouches only for itself"))
        if self.roots.like_windows:
            text = tr("it ends in {root}, which Windows does not know").format(root=name(last))
        else:
            text = tr("it ends in {root}, which is not Apple's root").format(root=name(last))
        return Judgement(path, None, Problem.UNTRUSTED, text)

    def _judged(self, path: list[x509.Certificate], root: Root) -> Judgement:
        problem, text = self._problem(path)
        if problem is None:
            text = root.refusal(self.purpose, self.when, path[0].not_valid_before_utc)
            problem = Problem.ROOT_REFUSED if text else None
        return Judgement(path, root, problem, text)

    def _problem(self, path: Sequence[x509.Certificate]) -> tuple[Problem | None, str]:
        for place, certificate in enumerate(path):
            is_root = place == len(path) - 1 and place > 0
            for problem, text in self._looked_at(certificate, is_root):
                if problem is not None:
                    return problem, text
            if place > 0:
                problem, text = self._authority(certificate, place - 1)
                if problem is not None:
                    return problem, text
            allowed = usages(certificate)
            # a CA without the extension may issue for everything; a leaf must say what it is for
            if (allowed is None and place == 0) or (
                allowed is not None and not allowed & {self.purpose.value, *({_ANY_USAGE} if place else ())}
            ):
                return Problem.USAGE, tr("{name} is not meant for this purpose").format(
                    name=name(certificate)
                )
        return None, ""

    def _looked_at(
        self, certificate: x509.Certificate, is_root: bool
    ) -> Iterator[tuple[Problem | None, str]]:
        """Yield what each look finds; the next is taken only after one that finds nothing."""
        yield validity(certificate, self.when)
        yield algorithm(certificate, is_root)
        yield self._key(certificate)
        yield self._critical(certificate, is_root)

    def _key(self, certificate: x509.Certificate) -> tuple[Problem | None, str]:
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MINIMUM_RSA:
            text = tr("the key of {name} has only {bits} bits").format(
                name=name(certificate), bits=key.key_size
            )
            return Problem.SMALL_KEY, text
        return None, ""

    def _critical(self, certificate: x509.Certificate, is_root: bool) -> tuple[Problem | None, str]:
        for extension in certificate.extensions:
            if extension.critical and extension.oid.dotted_string not in _UNDERSTOOD and not is_root:
                text = tr("{name} has a critical extension that is not understood ({oid})").format(
                    name=name(certificate), oid=extension.oid.dotted_string
                )
                return Problem.MALFORMED, text
        return None, ""

    def _authority(self, certificate: x509.Certificate, below: int) -> tuple[Problem | None, str]:
        from cryptography import x509

        try:
            basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
            is_ca, length = basic.ca, basic.path_length
        except x509.ExtensionNotFound:
            # roots of version 1 have no extensions at all
            is_ca, length = certificate.version is x509.Version.v1 and is_self_issued(certificate), None
        try:
            usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
            may_sign = usage.key_cert_sign
        except x509.ExtensionNotFound:
            may_sign = True
        if not is_ca or not may_sign or (length is not None and below > length):
            text = tr("{name} is not allowed to issue this certificate").format(name=name(certificate))
            return Problem.NOT_A_CA, text
        return None, ""


def _name_of(subject: x509.Name) -> str:
    from cryptography.x509.oid import NameOID

    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        for attribute in subject.get_attributes_for_oid(oid):
            return shown(attribute.value) if isinstance(attribute.value, str) else attribute.value.hex()
    return shown(subject.rfc4514_string())


def _broken() -> tuple[type[Exception], ...]:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    # what cryptography raises for certificates that break the rules
    return (
        ValueError,
        TypeError,
        OverflowError,
        IndexError,
        InvalidSignature,
        UnsupportedAlgorithm,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    )


BROKEN = _broken()
