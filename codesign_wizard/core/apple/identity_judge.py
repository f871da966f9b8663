"""A .p12 file judged as an Apple identity: what it is, whose, until when, each mistake with its fix."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.apple import identity_findings as found
from codesign_wizard.core.apple.certificates import Kind, classify, describe, read_certificates
from codesign_wizard.core.apple.identity import Identity, IdentityReport
from codesign_wizard.core.apple.pkcs12 import MAXIMUM_SIZE, Contents, Pkcs12Error, Reason, open_p12
from codesign_wizard.core.apple.trust import AppleRoots, judge
from codesign_wizard.core.authenticode.trust import BROKEN, Judgement, Problem
from codesign_wizard.core.files import require_file
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Remedy, blocks, utc_now
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import days_until, in_days, tr

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

MINIMUM_RSA = 2048
_SOON = timedelta(days=60)
_AUTHORITY_SOON = timedelta(days=180)


def read_identity(
    path: Path,
    password: Secret | None,
    *,
    wanted: Kind | None = None,
    now: datetime | None = None,
    roots: AppleRoots | None = None,
) -> IdentityReport:
    """Return what the file is and what is wrong with it; never raises for what it holds.

    *wanted* is ``Kind.APPLICATION`` or ``Kind.INSTALLER`` when the file was given as that one.
    """
    try:
        require_file(path)
        if path.stat().st_size > MAXIMUM_SIZE:
            return IdentityReport(path.name, [found.TOO_COSTLY(file=path.name)], wanted=wanted)
        data = path.read_bytes()
    except OSError as error:
        finding = found.UNREADABLE(file=path.name, why=error.strerror or str(error))
        return IdentityReport(path.name, [finding], wanted=wanted)
    return judge_data(path.name, data, password, wanted=wanted, now=now, roots=roots)


def judge_data(
    name: str,
    data: bytes,
    password: Secret | None,
    *,
    wanted: Kind | None = None,
    now: datetime | None = None,
    roots: AppleRoots | None = None,
) -> IdentityReport:
    """Return the report for the bytes of a file called *name*; see ``read_identity``."""
    report = _report(name, data, password, wanted, now or utc_now(), roots or AppleRoots())
    return dataclasses.replace(report, wanted=wanted)


def _report(
    name: str, data: bytes, password: Secret | None, wanted: Kind | None, now: datetime, roots: AppleRoots
) -> IdentityReport:
    try:
        contents = open_p12(data, password.reveal() if password is not None else None)
    except Pkcs12Error as error:
        return _refused(name, data, error)
    judging = _Judging(name, contents, wanted, now, roots)
    try:
        return judging.report()
    except BROKEN as error:
        finding = found.DAMAGED(file=name, evidence=Evidence(message=str(error)))
        return IdentityReport(name, [finding], structure=contents.structure, opened=True)


def _refused(name: str, data: bytes, error: Pkcs12Error) -> IdentityReport:
    reason = error.reason
    if reason is Reason.NOT_P12:
        return _other_file(name, data)
    evidence = Evidence(message=str(error)) if str(error) != reason.value else None
    again = Remedy(title=tr("Export or copy the file again, as a whole."))
    match reason:
        case Reason.PASSWORD_WRONG:
            finding = found.PASSWORD_WRONG(file=name, remedies=[found.type_password()])
        case Reason.PASSWORD_MISSING:
            finding = found.PASSWORD_MISSING(file=name, remedies=[found.type_password()])
        case Reason.CONTENT:
            finding = found.CONTENT(
                file=name, evidence=evidence, remedies=[found.make_anew(Kind.APPLICATION.label)]
            )
        case Reason.TOO_COSTLY | Reason.TOO_LARGE:
            finding = found.TOO_COSTLY(file=name, evidence=evidence, remedies=[again])
        case Reason.UNSUPPORTED:
            finding = found.UNSUPPORTED(
                file=name, what=str(error), evidence=evidence, remedies=[found.export_with_key()]
            )
        case _:
            finding = found.DAMAGED(file=name, evidence=evidence, remedies=[again])
    return IdentityReport(name, [finding])


def _other_file(name: str, data: bytes) -> IdentityReport:
    from codesign_wizard.core.authenticode.refusals import describe as describe_file

    certificates = read_certificates(data)
    if certificates and b"PRIVATE KEY-----" not in data:
        try:
            description = describe(certificates[0])
        except BROKEN as error:
            return IdentityReport(name, [found.DAMAGED(file=name, evidence=Evidence(message=str(error)))])
        finding = found.CERTIFICATE_ONLY(
            file=name, name=description.common_name, remedies=[found.export_with_key(), found.assemble()]
        )
        return IdentityReport(name, [finding], certificate=description)
    what = describe_file(io.BytesIO(data), len(data))
    return IdentityReport(name, [found.NOT_P12(file=name, what=what, remedies=[found.export_with_key()])])


class _Judging:
    def __init__(
        self, name: str, contents: Contents, wanted: Kind | None, now: datetime, roots: AppleRoots
    ) -> None:
        self.name, self.contents, self.wanted, self.now, self.roots = name, contents, wanted, now, roots
        self.findings: list[Finding] = []

    def report(self) -> IdentityReport:
        contents = self.contents
        identities = [self._identity(key, certificate) for key, certificate in contents.identities]
        if not identities:
            return self._without_identity()
        chosen, judged = self._choose(identities)
        others = [identity for identity, _ in identities if identity is not chosen]
        if others:
            self.findings.append(self._several(chosen, len(identities)))
        if contents.more_keys_possible:
            self.findings.append(found.MORE_POSSIBLE(file=self.name))
        self._kind(chosen)
        self._key(chosen)
        self._time(chosen)
        if chosen.kind.is_developer_id:
            if not chosen.team:
                self.findings.append(
                    found.NO_TEAM(file=self.name, remedies=[found.make_anew(chosen.kind.label)])
                )
            self._chain(chosen, judged)
        if not blocks(self.findings):
            self.findings.append(
                found.FOUND(
                    file=self.name,
                    kind=chosen.kind.label,
                    name=chosen.description.owner,
                    team=chosen.team,
                    date=chosen.description.until.date().isoformat(),
                    evidence=Evidence(more={"sha256": chosen.description.sha256}),
                )
            )
        return IdentityReport(
            self.name, self.findings, chosen, others, chosen.description, contents.structure, opened=True
        )

    def _identity(self, key: PrivateKeyTypes, certificate: x509.Certificate) -> tuple[Identity, Judgement]:
        from cryptography.hazmat.primitives.serialization import Encoding

        others = [each.public_bytes(Encoding.DER) for each in self.contents.certificates]
        # an expired leaf's chain is judged as of its last moment: that it expired is another finding
        when = min(max(self.now, certificate.not_valid_before_utc), certificate.not_valid_after_utc)
        judged = judge(certificate, others, self.roots, when)
        path = judged.path
        with_root = len(path) > 1 and judged.root is not None
        identity = Identity(
            self.name,
            key,
            certificate,
            list(path[:-1] if with_root else path),
            path[-1] if with_root else None,
            describe(certificate),
        )
        return identity, judged

    def _choose(self, identities: Sequence[tuple[Identity, Judgement]]) -> tuple[Identity, Judgement]:
        def merit(item: tuple[Identity, Judgement]) -> tuple[bool, bool, bool, datetime]:
            identity = item[0]
            valid = identity.description.since <= self.now <= identity.description.until
            return (
                identity.kind is self.wanted,
                identity.kind.is_developer_id,
                valid,
                identity.description.until,
            )

        return max(identities, key=merit)

    def _without_identity(self) -> IdentityReport:
        contents = self.contents
        certificate = next(
            (each for each in contents.certificates if classify(each) is not Kind.AUTHORITY),
            contents.certificates[0] if contents.certificates else None,
        )
        description = describe(certificate) if certificate is not None else None
        if contents.lone_keys:
            more = {"certificate": description.common_name} if description is not None else {}
            finding = found.NO_CERTIFICATE(
                file=self.name, evidence=Evidence(more=more), remedies=[found.export_with_key()]
            )
        elif description is not None:
            finding = found.NO_KEY(
                file=self.name,
                evidence=Evidence(more={"certificate": description.common_name}),
                remedies=[found.export_with_key(), found.assemble()],
            )
        else:
            finding = found.EMPTY(file=self.name, remedies=[found.export_with_key()])
        return IdentityReport(
            self.name, [finding], certificate=description, structure=contents.structure, opened=True
        )

    def _several(self, chosen: Identity, count: int) -> Finding:
        return found.SEVERAL(
            file=self.name,
            count=count,
            name=chosen.description.common_name,
            remedies=[
                Remedy(
                    title=tr("Export one identity a file."),
                    portal=(
                        tr("In Keychain Access, select one certificate only before File > Export Items."),
                        tr("Or run `codesign-wizard identity repack`, which writes each to its own file."),
                    ),
                )
            ],
        )

    def _kind(self, chosen: Identity) -> None:
        kind = chosen.kind
        target = self.wanted or Kind.APPLICATION
        if kind is Kind.OTHER or kind is Kind.AUTHORITY:
            self.findings.append(
                found.NOT_APPLE(
                    file=self.name,
                    name=chosen.description.common_name,
                    issuer=chosen.description.issuer,
                    remedies=[found.make_anew(target.label)],
                )
            )
        elif not kind.is_developer_id:
            self.findings.append(
                found.WRONG_KIND(file=self.name, kind=kind.label, remedies=[found.make_anew(target.label)])
            )
        elif self.wanted is not None and kind is not self.wanted:
            self.findings.append(
                found.SWAPPED(
                    file=self.name,
                    kind=kind.label,
                    wanted=self.wanted.label,
                    remedies=[found.choose_other_field()],
                )
            )

    def _key(self, chosen: Identity) -> None:
        from cryptography.hazmat.primitives.asymmetric import rsa

        remedies = [found.make_anew((self.wanted or Kind.APPLICATION).label)]
        if not isinstance(chosen.key, rsa.RSAPrivateKey):
            self.findings.append(found.KEY_KIND(file=self.name, remedies=remedies))
        elif chosen.key.key_size < MINIMUM_RSA:
            self.findings.append(found.KEY_SMALL(file=self.name, bits=chosen.key.key_size, remedies=remedies))

    def _time(self, chosen: Identity) -> None:
        described = chosen.description
        remedies = [found.make_anew(chosen.kind.label)]
        if described.until < self.now:
            date = described.until.date().isoformat()
            self.findings.append(found.EXPIRED(file=self.name, date=date, remedies=remedies))
        elif described.since > self.now:
            date = described.since.date().isoformat()
            self.findings.append(found.NOT_YET(file=self.name, date=date))
        elif described.until - self.now < _SOON:
            self.findings.append(
                found.EXPIRING(
                    file=self.name,
                    date=described.until.date().isoformat(),
                    left=in_days(days_until(described.until, self.now)),
                    remedies=remedies,
                )
            )

    def _chain(self, chosen: Identity, judged: Judgement) -> None:
        expired = chosen.description.until < self.now
        if not judged.trusted and not (expired and judged.problem is Problem.EXPIRED):
            self.findings.append(
                found.CHAIN_UNTRUSTED(
                    file=self.name, why=judged.text, remedies=[found.make_anew(chosen.kind.label)]
                )
            )
            return
        own = [chosen.certificate, *self.contents.certificates]
        if any(each not in own for each in chosen.chain):
            self.findings.append(found.CHAIN_COMPLETED(file=self.name, certainty=Certainty.COMPUTED))
        ends = min((each.not_valid_after_utc for each in chosen.chain[1:]), default=None)
        if (
            ends is not None
            and not expired
            and (ends < chosen.description.until or ends - self.now < _AUTHORITY_SOON)
            and ends < chosen.description.until + timedelta(days=1)
        ):
            self.findings.append(
                found.AUTHORITY_ENDS(
                    file=self.name,
                    date=ends.date().isoformat(),
                    certainty=Certainty.COMPUTED,
                    remedies=[found.make_anew(chosen.kind.label)],
                )
            )
