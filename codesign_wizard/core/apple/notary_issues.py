"""What the notary service finds wrong with a file: each kind of issue with its meaning and its mend.

Apple says the same few sentences for every file, so issues are gathered by kind, with the files below. The
same kinds are used for what our own verification predicts (``core.apple.preflight``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from codesign_wizard.core.apple import notary_findings as found
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.notary_api import LogIssue
from codesign_wizard.core.finding import Certainty, Evidence, Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

COMMON = (
    "https://developer.apple.com/documentation/security/"
    "notarizing_macos_software_before_distribution/resolving_common_notarization_issues"
)
_ARCHIVES = (".zip", ".jar", ".war", ".ear", ".whl")
_LISTED = 50


@dataclass(frozen=True)
class IssueKind:
    """A kind of issue: Apple's sentence, what it means, and how to mend it."""

    finding: FindingKind
    sentence: re.Pattern[str]
    meaning: Callable[[], str]
    mend: Callable[[], str]

    @property
    def name(self) -> str:
        """The stable name: ``hardened-runtime`` of ``apple.notary.issue-hardened-runtime``."""
        return self.finding.id.rpartition(".issue-")[2]


def _kind(
    finding: FindingKind, sentence: str, meaning: Callable[[], str], mend: Callable[[], str]
) -> IssueKind:
    return IssueKind(finding, re.compile(sentence, re.I), meaning, mend)


UNSIGNED = _kind(
    found.ISSUE_UNSIGNED,
    r"is not signed\.?$",
    lambda: tr(
        "It has no signature at all. Every program and library inside is looked at, not just the package."
    ),
    lambda: tr("Sign it, innermost first, then the package again: trial macos, or sign, does both."),
)
CERTIFICATE = _kind(
    found.ISSUE_CERTIFICATE,
    r"not signed with a valid Developer ID",
    lambda: tr(
        "The signature is another kind's (ad hoc, App Store, development), of a certificate that "
        "was not valid "
        "then, or of one that Apple did not issue."
    ),
    lambda: tr("Sign code with Developer ID Application, and packages with Developer ID Installer."),
)
TIMESTAMP = _kind(
    found.ISSUE_TIMESTAMP,
    r"secure timestamp",
    lambda: tr("Nothing proves when it was signed, so the signature would end with the certificate."),
    lambda: tr("Sign again with a time stamp (codesign --timestamp); the wizard always asks Apple for one."),
)
HARDENED = _kind(
    found.ISSUE_HARDENED,
    r"hardened runtime",
    lambda: tr("The hardened runtime (flag 0x10000) keeps others from putting code into a program."),
    lambda: tr("Sign again with the hardened runtime on (codesign --options runtime)."),
)
DEBUG = _kind(
    found.ISSUE_DEBUG,
    r"get-task-allow",
    lambda: tr("The entitlement lets any program read and change it; it is meant for development."),
    lambda: tr("Build for release, or sign again without this entitlement."),
)
SIGNATURE = _kind(
    found.ISSUE_SIGNATURE,
    r"signature of the binary is invalid|invalid signature|signature .* (?:is|was) (?:invalid|modified)",
    lambda: tr("It was changed after it was signed, or what it is sealed with was."),
    lambda: tr("Sign as the last step: nothing may be stripped, thinned, renamed or added afterwards."),
)
SDK = _kind(
    found.ISSUE_SDK,
    r"SDK older",
    lambda: tr("Programs built with an SDK before 10.9 cannot be hardened."),
    lambda: tr("Build it again with a newer Xcode, or get a newer version from its maker."),
)
ARCHIVE = _kind(
    found.ISSUE_ARCHIVE,
    r"(?:could not|cannot) be (?:extracted|opened|processed)|not a valid (?:archive|package)"
    r"|unable to (?:open|extract)",
    lambda: tr("Apple could not look inside."),
    lambda: tr("Build the package again, and open it on a Mac before it is submitted."),
)
NO_CODE = _kind(
    found.ISSUE_NO_CODE,
    r"no signed executables or bundles",
    lambda: tr("Apple makes tickets for signed programs and for signed packages, and found neither in it."),
    lambda: tr("Look whether the right file was submitted, and sign the programs in it."),
)
# what Apple also says of a file that has no signature at all
_FOLLOWING = (CERTIFICATE, TIMESTAMP, HARDENED)
KINDS = (NO_CODE, CERTIFICATE, TIMESTAMP, HARDENED, DEBUG, SIGNATURE, SDK, ARCHIVE, UNSIGNED)


@dataclass(frozen=True)
class Place:
    """A file inside what was submitted. ``path`` without the outer file's name.

    ``architecture`` may be "".
    """

    path: str
    architecture: str = ""

    @property
    def words(self) -> str:
        """Path and architecture, as lists show them."""
        path = shown(self.path)
        return f"{path} ({shown(self.architecture)})" if self.architecture else path


@dataclass(frozen=True)
class Predicted:
    """What our own verification says of a file: an issue of this kind at this place.

    ``why`` is a sentence on what was found there, where it says more than the kind does.
    """

    kind: IssueKind
    place: Place
    certainty: Certainty = Certainty.COMPUTED
    why: str = field(default="", compare=False)


def kind_of(message: str) -> IssueKind | None:
    """Return the kind of Apple's sentence, or ``None`` for one that is not known."""
    return next((kind for kind in KINDS if kind.sentence.search(message.strip())), None)


def explain(issues: Iterable[LogIssue], own: list[Predicted] | None = None) -> list[Finding]:
    """Return a finding for each different sentence, with its files; *own* is our own look at the same file.

    ``None`` for *own* means that the file could not be looked at.
    """
    groups: dict[tuple[str, str], list[LogIssue]] = {}
    for issue in issues:
        groups.setdefault((issue.severity.lower(), issue.message.strip()), []).append(issue)
    unsigned = [
        Place(each.path, each.architecture)
        for (_, message), group in groups.items()
        if kind_of(message) is UNSIGNED
        for each in group
    ]
    return [
        _explained(severity, message, group, own, unsigned) for (severity, message), group in groups.items()
    ]


def predict(predicted: Iterable[Predicted]) -> list[Finding]:
    """Return a finding for each kind of issue that was predicted, with its files."""
    said = tr("Our own verification says so; Apple has not been asked. {meaning}")
    groups: dict[str, list[Predicted]] = {}
    for each in predicted:
        groups.setdefault(each.kind.name, []).append(each)
    findings = []
    for group in groups.values():
        kind = group[0].kind
        places = _unique([each.place for each in group])
        whys = [each.why for each in group if each.why]
        likely = all(each.certainty is Certainty.LIKELY for each in group)
        findings.append(
            kind.finding(
                what=_what(places),
                detail=" ".join([said.format(meaning=kind.meaning()), *whys[:1]]),
                severity=Severity.WARNING if likely else None,
                certainty=Certainty.LIKELY if likely else Certainty.COMPUTED,
                evidence=Evidence(more=_listed(places)),
                remedies=_mend(kind, places),
            )
        )
    return findings


def _explained(
    severity: str,
    message: str,
    issues: list[LogIssue],
    own: list[Predicted] | None,
    unsigned: list[Place],
) -> Finding:
    kind = kind_of(message)
    places = _unique([Place(each.path, each.architecture) for each in issues])
    code = next((each.code for each in issues if each.code), None)
    evidence = Evidence(code=code, message=message, more=_listed(places))
    grave = Severity.ERROR if severity == "error" else Severity.WARNING
    address = next((each.url for each in issues if each.url.startswith("https://")), "")
    if kind is None:
        return found.ISSUE_OTHER(
            what=_what(places),
            message=shown(message) or tr("nothing"),
            severity=grave,
            evidence=evidence,
            remedies=[Remedy(title=tr("Read Apple's page on it."), url=address or COMMON)],
        )
    detail = kind.meaning()
    # Apple names a file without a signature once for each thing that a signature would have
    if kind in _FOLLOWING and set(places) <= set(unsigned):
        detail = tr("This follows from its not being signed at all: signing it mends this as well.")
    elif own is not None:
        detail = f"{detail} {_compared(kind, places, own)}"
    return kind.finding(
        what=_what(places),
        detail=detail,
        severity=grave,
        evidence=evidence,
        remedies=_mend(kind, places, address),
    )


def _compared(kind: IssueKind, places: list[Place], own: list[Predicted]) -> str:
    """Say whether our own look at the file shows the same."""
    ours = [each.place for each in own if each.kind is kind]
    same = sum(any(same_place(place, each) for each in ours) for place in places)
    if same == len(places):
        return tr("Looked at here, this very file shows the same.")
    if same:
        return tr("Looked at here, {same} of {count} show the same.").format(same=same, count=len(places))
    return tr(
        "Looked at here, the file does not show it: it may have been signed again since, or Apple sees more."
    )


def same_place(apples: Place, ours: Place) -> bool:
    """Tell whether Apple's path, which begins with outer files, ends with ours,
    for a fitting architecture.
    """
    if apples.architecture and ours.architecture and apples.architecture != ours.architecture:
        return False
    long, short = _parts(apples.path), _parts(ours.path)
    # ours begins with the component's name, Apple's with “NAME.pkg/component.pkg Contents/Payload”
    for drop in range(len(short)):
        tail = short[drop:]
        if long[-len(tail) :] == tail and (drop <= 1 or len(tail) > 2):
            return True
    return False


def _parts(path: str) -> list[str]:
    """Return a path's parts without a framework's versions, which its short form leaves out."""
    parts = path.strip("/").split("/")
    return [
        part
        for number, part in enumerate(parts)
        if part != "Versions" and (number == 0 or parts[number - 1] != "Versions")
    ]


def _unique(places: list[Place]) -> list[Place]:
    return list(dict.fromkeys(places))


def _what(places: list[Place]) -> str:
    files = list(dict.fromkeys(place.path for place in places))
    first = shown(files[0].rpartition("/")[2]) if files and files[0] else tr("the file")
    archive = _archive(places[0]) if places else ""
    if archive:
        first = tr("{file} in {archive}").format(file=first, archive=shown(archive))
    if len(files) <= 1:
        return first
    return tr("{first} (and {count} more)").format(first=first, count=len(files) - 1)


def _listed(places: list[Place]) -> dict[str, str]:
    listed = {f"file {number}": place.words for number, place in enumerate(places[:_LISTED], 1)}
    if len(places) > _LISTED:
        listed["more"] = str(len(places) - _LISTED)
    return listed


def _mend(kind: IssueKind, places: list[Place], address: str = "") -> list[Remedy]:
    archives = [_archive(place) for place in places]
    remedies = []
    name = next(filter(None, archives), "")
    if name:
        before = tr(
            "{archive} is an archive, which no signing reaches: sign what is in it, then pack it anew."
        )
        remedies.append(Remedy(title=before.format(archive=shown(name)), url=address or COMMON))
    # to sign the whole anew mends nothing in an archive
    if not all(archives) or kind is not UNSIGNED:
        remedies.append(Remedy(title=kind.mend(), url=address or COMMON))
    return remedies


def _archive(place: Place) -> str:
    """Return the name of the archive that *place* is in, which is not the outermost file, or ""."""
    inner = place.path.split("/")[1:-1]
    return next((part for part in inner if part.lower().endswith(_ARCHIVES)), "")
