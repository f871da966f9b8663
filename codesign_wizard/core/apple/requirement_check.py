"""Whether code fulfils a requirement: its identifier, its certificates and its plist compared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.apple.requirements import (
    FIELDS,
    SIGNS,
    Comparison,
    Context,
    Expression,
    Match,
    Op,
    dotted_oid,
    printed,
)
from codesign_wizard.core.authenticode import der

if TYPE_CHECKING:
    from cryptography import x509


def evaluate(expression: Expression, context: Context) -> bool:
    """Tell whether the code in *context* fulfils *expression*."""
    op, operands = expression.op, expression.operands
    if op is Op.AND:
        return evaluate(operands[0], context) and evaluate(operands[1], context)
    if op is Op.OR:
        return evaluate(operands[0], context) or evaluate(operands[1], context)
    if op is Op.NOT:
        return not evaluate(operands[0], context)
    if op is Op.TRUE:
        return True
    if op is Op.IDENTIFIER:
        return bool(context.identifier.encode() == operands[0])
    if op is Op.CDHASH:
        return operands[0] in context.cdhashes
    if op is Op.NOTARIZED:
        return context.notarized
    if op is Op.ANCHOR_APPLE_GENERIC:
        return context.apple
    if op is Op.INFO_VALUE:
        return context.info.get(printed(operands[0])) == printed(operands[1])
    if op is Op.INFO_FIELD:
        return _compare(context.info.get(printed(operands[0])), operands[1])
    if op is Op.ENTITLEMENT:
        return _compare(context.entitlements.get(printed(operands[0])), operands[1])
    if op in (Op.ANCHOR_HASH, Op.CERTIFICATE_FIELD, *FIELDS):
        certificate = _certificate(context.chain, operands[0])
        return certificate is not None and _certificate_fits(op, operands, certificate)
    # Apple's own software, platforms, a Mac's own trust settings and named code: nothing a partner signs
    return False


def _certificate(chain: Sequence[x509.Certificate], slot: int) -> x509.Certificate | None:
    place = slot if slot >= 0 else len(chain) + slot
    return chain[place] if 0 <= place < len(chain) else None


def _certificate_fits(op: Op, operands: tuple[Any, ...], certificate: x509.Certificate) -> bool:
    from cryptography.hazmat.primitives import hashes

    from codesign_wizard.core.apple import trust
    from codesign_wizard.core.authenticode.trust import BROKEN

    if op is Op.ANCHOR_HASH:
        return bool(certificate.fingerprint(hashes.SHA1()) == operands[1])  # noqa: S303
    if op is Op.CERTIFICATE_FIELD:
        values: list[str | None] = [*_subject(certificate, printed(operands[1]))]
        return any(_compare(value, operands[2]) for value in values or [None])
    dotted = dotted_oid(operands[1])
    if op is Op.CERTIFICATE_POLICY:
        from cryptography import x509

        try:
            policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
        except x509.ExtensionNotFound:
            return False
        except BROKEN:
            return False
        return any(policy.policy_identifier.dotted_string == dotted for policy in policies)
    value = trust.extension_value(certificate, dotted)
    if value is None or operands[2].match in (Match.EXISTS, Match.ABSENT):
        return _compare(None if value is None else True, operands[2])
    try:
        element = der.read(value)
        if op is Op.CERTIFICATE_DATE:
            # the extension holds its date as a string or a time
            shown = der.read_string(element)
            time = datetime.strptime(shown[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            return _compare(time, operands[2])
        return _compare(der.read_string(element), operands[2])
    except (der.DerError, ValueError):
        return False


_SUBJECT = {
    "CN": "2.5.4.3",
    "SN": "2.5.4.4",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "STREET": "2.5.4.9",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "D": "2.5.4.13",
    "UID": "0.9.2342.19200300.100.1.1",
}


def _subject(certificate: x509.Certificate, key: str) -> list[str]:
    oid = _SUBJECT.get(key.removeprefix("subject."))
    if oid is None or not key.startswith("subject."):
        return []
    return [
        attribute.value
        for attribute in certificate.subject
        if attribute.oid.dotted_string == oid and isinstance(attribute.value, str)
    ]


def _compare(value: Any, comparison: Comparison) -> bool:
    match = comparison.match
    if match is Match.ABSENT:
        return value is None
    if match is Match.EXISTS:
        return value is not None and value is not False
    if isinstance(value, list):
        return any(_compare(each, comparison) for each in value)
    if comparison.time is not None:
        return isinstance(value, datetime) and _ordered(value, comparison.time, SIGNS[match])
    if value is True:
        return comparison.value == b"true"
    if not isinstance(value, str | int):
        return False
    own, other = str(value), printed(comparison.value)
    if match is Match.EQUAL:
        return own == other
    if match is Match.CONTAINS:
        return other in own
    if match is Match.BEGINS:
        return own.startswith(other)
    if match is Match.ENDS:
        return own.endswith(other)
    return _ordered(_natural(own), _natural(other), SIGNS[match])


def _ordered(left: Any, right: Any, sign: str) -> bool:
    return bool(
        {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right, "=": left == right}[
            sign
        ]
    )


def _natural(text_: str) -> list[tuple[int, int, str]]:
    """Return a key that orders version numbers as people do (kCFCompareNumerically)."""
    key: list[tuple[int, int, str]] = []
    run = ""
    for char in text_ + "\0":
        digit = char.isascii() and char.isdigit()
        if run and (run[0].isdigit() != digit or not digit):
            key.append((0, int(run), "") if run[0].isdigit() else (1, 0, run))
            run = ""
        run += char
    return key
