"""What a .p12 (.pfx) holds, whoever made it: for Windows' keys and for Apple's identities alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from codesign_wizard.core.apple import identity_findings as found
from codesign_wizard.core.apple.certificates import Kind, classify
from codesign_wizard.core.apple.identity_judge import judge_data
from codesign_wizard.core.apple.pkcs12 import Contents, Pkcs12Error, Reason, open_p12
from codesign_wizard.core.authenticode.trust import BROKEN
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.inspection import DAMAGED, PASSWORD, WRONG_PASSWORD, Inspection
from codesign_wizard.core.local_signer import NO_CERTIFICATE, NO_KEY
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.apple.trust import AppleRoots

Describe = Callable[[list["x509.Certificate"]], Inspection]


def inspect_p12(
    name: str, data: bytes, password: Secret | None, describe: Describe, roots: AppleRoots | None
) -> Inspection:
    """Say what the file holds; *describe* says what certificates are. Raises ``InputError``."""
    plain = password.reveal() if password is not None else None
    try:
        contents = open_p12(data, plain)
    except Pkcs12Error as error:
        title = tr("{file} is a .p12 file: a key and its certificates, encrypted.").format(file=name)
        if error.reason in (Reason.PASSWORD_MISSING, Reason.PASSWORD_WRONG):
            kind = PASSWORD if password is None else WRONG_PASSWORD
            return Inspection("p12", title, [], [kind(file=name)])
        return Inspection("p12", title, [], judge_data(name, data, password, roots=roots).findings)
    try:
        return _opened(name, data, password, contents, describe, roots)
    except BROKEN as error:
        # what is broken inside shows only when it is read
        raise InputError(DAMAGED(file=name, what=tr("a certificate"), detail=str(error))) from error


def _opened(
    name: str,
    data: bytes,
    password: Secret | None,
    contents: Contents,
    describe: Describe,
    roots: AppleRoots | None,
) -> Inspection:
    own = [certificate for _, certificate in contents.identities]
    certificates = [*own, *contents.certificates]
    shown = describe(certificates) if certificates else Inspection("p12", "")
    keys = len(own) + len(contents.lone_keys)
    structure = contents.structure
    words = ", ".join(structure.schemes) or tr("not encrypted")
    facts = [
        (tr("Keys"), str(keys)),
        (tr("Protection"), f"{words}; {structure.mac or tr('no integrity check')}"),
        *shown.facts,
    ]
    details = {
        "certificates": [],
        **shown.details,
        "keys": keys,
        "encryption": list(structure.schemes),
        "mac": structure.mac or None,
    }
    if any(classify(each) not in (Kind.OTHER, Kind.AUTHORITY) for each in own or certificates):
        findings = judge_data(name, data, password, roots=roots).findings
    else:
        findings = [*_missing(name, contents), *shown.findings]
    return dataclasses.replace(
        shown, title=_title(name, contents, shown), facts=facts, findings=findings, details=details
    )


def _missing(name: str, contents: Contents) -> list[Finding]:
    if contents.identities:
        return []
    if contents.lone_keys:
        return [NO_CERTIFICATE(file=name)]
    kind = NO_KEY if contents.certificates else found.EMPTY
    return [kind(file=name, remedies=[found.export_with_key()] if contents.certificates else [])]


def _title(name: str, contents: Contents, shown: Inspection) -> str:
    if contents.identities and len(contents.identities) == 1:
        return shown.title
    if contents.identities:
        return tr("{file} holds {count} keys with their certificates.").format(
            file=name, count=len(contents.identities)
        )
    if contents.lone_keys:
        return tr("{file} holds a key without its certificate.").format(file=name)
    if contents.certificates:
        return tr("{file} is a .p12 file with certificates but no key.").format(file=name)
    return tr("{file} is a .p12 file with nothing in it.").format(file=name)
