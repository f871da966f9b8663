"""Code requirements: Apple's small language that says who may stand behind a program.

Compiled, decoded, written as ``codesign -d -r-`` does, and evaluated. Opcodes: Security framework,
requirement.h; language: "Code Signing Requirement Language" (Apple, archive).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.apple import oids, superblob
from codesign_wizard.core.authenticode import der
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509


DESIGNATED = 3


_EPOCH = datetime(2001, 1, 1, tzinfo=UTC)


_MAXIMUM_DEPTH = 64


_MAXIMUM_NODES = 512


class RequirementError(superblob.BlobError):
    """The requirement cannot be read; the text says why."""


class Op(IntEnum):
    """Opcodes of an expression."""

    FALSE = 0
    TRUE = 1
    IDENTIFIER = 2
    ANCHOR_APPLE = 3
    ANCHOR_HASH = 4
    INFO_VALUE = 5
    AND = 6
    OR = 7
    CDHASH = 8
    NOT = 9
    INFO_FIELD = 10
    CERTIFICATE_FIELD = 11
    CERTIFICATE_TRUSTED = 12
    ANCHOR_TRUSTED = 13
    CERTIFICATE_EXTENSION = 14
    ANCHOR_APPLE_GENERIC = 15
    ENTITLEMENT = 16
    CERTIFICATE_POLICY = 17
    NAMED_ANCHOR = 18
    NAMED_CODE = 19
    PLATFORM = 20
    NOTARIZED = 21
    CERTIFICATE_DATE = 22
    LEGACY_DEVELOPER_ID = 23


class Match(IntEnum):
    """How a field is compared."""

    EXISTS = 0
    EQUAL = 1
    CONTAINS = 2
    BEGINS = 3
    ENDS = 4
    LESS = 5
    GREATER = 6
    LESS_EQUAL = 7
    GREATER_EQUAL = 8
    ON = 9
    BEFORE = 10
    AFTER = 11
    ON_OR_BEFORE = 12
    ON_OR_AFTER = 13
    ABSENT = 14


_DATED = range(Match.ON, Match.ABSENT)


# what stands behind an opcode: e expression, d data, s certificate slot, m match, i number
_OPERANDS = {
    Op.FALSE: "",
    Op.TRUE: "",
    Op.IDENTIFIER: "d",
    Op.ANCHOR_APPLE: "",
    Op.ANCHOR_HASH: "sd",
    Op.INFO_VALUE: "dd",
    Op.AND: "ee",
    Op.OR: "ee",
    Op.CDHASH: "d",
    Op.NOT: "e",
    Op.INFO_FIELD: "dm",
    Op.CERTIFICATE_FIELD: "sdm",
    Op.CERTIFICATE_TRUSTED: "s",
    Op.ANCHOR_TRUSTED: "",
    Op.CERTIFICATE_EXTENSION: "sdm",
    Op.ANCHOR_APPLE_GENERIC: "",
    Op.ENTITLEMENT: "dm",
    Op.CERTIFICATE_POLICY: "sdm",
    Op.NAMED_ANCHOR: "d",
    Op.NAMED_CODE: "d",
    Op.PLATFORM: "i",
    Op.NOTARIZED: "",
    Op.CERTIFICATE_DATE: "sdm",
    Op.LEGACY_DEVELOPER_ID: "",
}


@dataclass(frozen=True)
class Comparison:
    """A match and what is compared with: text, or a time for the dated ones."""

    match: Match = Match.EXISTS
    value: bytes = b""
    time: datetime | None = None


@dataclass(frozen=True)
class Expression:
    """An opcode with its operands: expressions, octets, slots (0 leaf, -1 root), comparisons, numbers."""

    op: Op
    operands: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return text(self)


@dataclass(frozen=True)
class Context:
    """What a requirement is asked of. ``chain`` is leaf first, with its root where there is one.

    ``apple`` says that the chain ends in a root that counts as Apple's; ``notarized`` that a ticket is known.
    """

    identifier: str
    cdhashes: Sequence[bytes] = ()
    chain: Sequence[x509.Certificate] = ()
    apple: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)
    entitlements: Mapping[str, Any] = field(default_factory=dict)
    notarized: bool = False


def conjunction(*parts: Expression) -> Expression:
    """Return all *parts* joined by "and", nested to the right as Apple's own requirements are."""
    first, *rest = parts
    return Expression(Op.AND, (first, conjunction(*rest))) if rest else first


def developer_id(identifier: str, team: str) -> Expression:
    """Return the designated requirement that Apple's tool gives code signed with Developer ID Application."""
    return conjunction(
        Expression(Op.IDENTIFIER, (identifier.encode(),)),
        Expression(Op.ANCHOR_APPLE_GENERIC),
        Expression(Op.CERTIFICATE_EXTENSION, (1, _oid(oids.DEVELOPER_ID_AUTHORITY), Comparison())),
        Expression(Op.CERTIFICATE_EXTENSION, (0, _oid(oids.DEVELOPER_ID_APPLICATION), Comparison())),
        Expression(Op.CERTIFICATE_FIELD, (0, b"subject.OU", Comparison(Match.EQUAL, team.encode()))),
    )


def self_reference(identifier: str, leaf: x509.Certificate) -> Expression:
    """Return the requirement for code of any other signer: this identifier, this very certificate."""
    from cryptography.hazmat.primitives import hashes

    # Apple names certificates by SHA-1 in requirements
    digest = leaf.fingerprint(hashes.SHA1())  # noqa: S303
    return conjunction(
        Expression(Op.IDENTIFIER, (identifier.encode(),)), Expression(Op.ANCHOR_HASH, (0, digest))
    )


def requirement_set(designated: Expression) -> bytes:
    """Return the blob for the requirements slot, with the designated requirement in it."""
    return superblob.build({DESIGNATED: single_blob(designated)}, superblob.MAGIC_REQUIREMENTS)


def single_blob(expression: Expression) -> bytes:
    """Return the blob of one requirement, as ``csreq -b`` writes it."""
    return superblob.blob(superblob.MAGIC_REQUIREMENT, struct.pack(">I", 1) + encode(expression))


def parse_set(data: bytes) -> dict[int, Expression]:
    """Return the expressions of a requirements blob by type (3 is the designated one).

    Raises ``RequirementError``, or ``BlobError`` for a container that does not fit.
    """
    return {
        kind: parse_blob(blob) for kind, blob in superblob.parse(data, superblob.MAGIC_REQUIREMENTS).items()
    }


def parse_blob(data: bytes) -> Expression:
    """Return the expression of a single requirement blob; raises ``RequirementError`` or ``BlobError``."""
    content = superblob.content(data, superblob.MAGIC_REQUIREMENT)
    if content[:4] != struct.pack(">I", 1):
        raise RequirementError(tr("a requirement of a kind that is not known"))
    return decode(content[4:])


def encode(expression: Expression) -> bytes:
    """Return *expression* in its binary form."""
    parts = [struct.pack(">I", expression.op)]
    for kind, operand in zip(_OPERANDS[expression.op], expression.operands, strict=True):
        if kind == "e":
            parts.append(encode(operand))
        elif kind == "d":
            parts.append(_data(operand))
        elif kind == "m":
            parts.append(struct.pack(">I", operand.match))
            if operand.time is not None:
                parts.append(struct.pack(">q", int((operand.time - _EPOCH).total_seconds())))
            elif operand.match not in (Match.EXISTS, Match.ABSENT):
                parts.append(_data(operand.value))
        else:
            parts.append(struct.pack(">i", operand))
    return b"".join(parts)


def _data(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value + bytes(-len(value) % 4)


def decode(data: bytes) -> Expression:
    """Return the expression in *data*, which must be nothing else; raises ``RequirementError``."""
    reader = _Reader(data)
    expression = reader.expression(0)
    if reader.place != len(data):
        raise RequirementError(tr("something follows a requirement"))
    return expression


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.place, self.nodes = data, 0, 0

    def expression(self, depth: int) -> Expression:
        self.nodes += 1
        if depth > _MAXIMUM_DEPTH or self.nodes > _MAXIMUM_NODES:
            raise RequirementError(tr("a requirement is nested too deeply"))
        # the upper byte holds flags for readers that do not know an opcode
        number = self.number() & 0xFFFFFF
        if number not in Op.__members__.values():
            raise RequirementError(tr("a requirement asks for something unknown"))
        op = Op(number)
        operands: list[Any] = []
        for kind in _OPERANDS[op]:
            if kind == "e":
                operands.append(self.expression(depth + 1))
            elif kind == "d":
                operands.append(self.octets())
            elif kind == "m":
                operands.append(self.comparison())
            else:
                operands.append(struct.unpack(">i", self.take(4))[0])
        return Expression(op, tuple(operands))

    def take(self, length: int) -> bytes:
        if self.place + length > len(self.data):
            raise RequirementError(tr("a requirement is cut short"))
        self.place += length
        return self.data[self.place - length : self.place]

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def octets(self) -> bytes:
        length = self.number()
        value = self.take(length)
        self.take(-length % 4)
        return value

    def comparison(self) -> Comparison:
        number = self.number()
        if number not in Match.__members__.values():
            raise RequirementError(tr("a requirement compares in a way that is not known"))
        match = Match(number)
        if match in (Match.EXISTS, Match.ABSENT):
            return Comparison(match)
        if match in _DATED:
            seconds = struct.unpack(">q", self.take(8))[0]
            try:
                return Comparison(match, time=_EPOCH + timedelta(seconds=seconds))
            except OverflowError as error:
                raise RequirementError(tr("a requirement names a time that does not exist")) from error
        return Comparison(match, self.octets())


def _oid(dotted: str) -> bytes:
    return der.read(der.oid(dotted)).value


def dotted_oid(value: bytes) -> str:
    """Return the contents of an OBJECT IDENTIFIER with dots, as far as they are one."""
    try:
        return der.read_oid(der.read(der.tlv(der.OBJECT_IDENTIFIER, value)))
    except der.DerError:
        return value.hex()


_PLAIN = {
    Op.FALSE: "never",
    Op.TRUE: "always",
    Op.ANCHOR_APPLE: "anchor apple",
    Op.ANCHOR_APPLE_GENERIC: "anchor apple generic",
    Op.ANCHOR_TRUSTED: "anchor trusted",
    Op.NOTARIZED: "notarized",
    Op.LEGACY_DEVELOPER_ID: "legacy",
}


FIELDS = {
    Op.CERTIFICATE_EXTENSION: "field",
    Op.CERTIFICATE_POLICY: "policy",
    Op.CERTIFICATE_DATE: "timestamp",
}


SIGNS = {
    Match.LESS: "<",
    Match.GREATER: ">",
    Match.LESS_EQUAL: "<=",
    Match.GREATER_EQUAL: ">=",
    Match.ON: "=",
    Match.BEFORE: "<",
    Match.AFTER: ">",
    Match.ON_OR_BEFORE: "<=",
    Match.ON_OR_AFTER: ">=",
}


def text(expression: Expression) -> str:
    """Return *expression* in the requirement language, as Apple's tool prints it."""
    op, operands = expression.op, expression.operands
    if op in _PLAIN:
        return _PLAIN[op]
    if op in (Op.AND, Op.OR):
        word = " and " if op is Op.AND else " or "
        # "and" binds tighter; an "or" inside it needs its parentheses
        sides = (f"({text(each)})" if op is Op.AND and each.op is Op.OR else text(each) for each in operands)
        return word.join(sides)
    if op is Op.NOT:
        inner = text(operands[0])
        return f"! ({inner})" if operands[0].op in (Op.AND, Op.OR) else f"! {inner}"
    if op is Op.IDENTIFIER:
        return f"identifier {_quoted(operands[0])}"
    if op is Op.CDHASH:
        return f'cdhash H"{operands[0].hex()}"'
    if op is Op.PLATFORM:
        return f"platform = {operands[0]}"
    if op is Op.INFO_VALUE:
        return f"info[{_quoted(operands[0])}] = {_quoted(operands[1])}"
    if op in (Op.INFO_FIELD, Op.ENTITLEMENT):
        word = "info" if op is Op.INFO_FIELD else "entitlement"
        return f"{word}[{_quoted(operands[0])}]{_compared(operands[1])}"
    if op is Op.NAMED_ANCHOR:
        return f'anchor apple "{printed(operands[0])}"'
    if op is Op.NAMED_CODE:
        return f"({_quoted(operands[0])})"
    slot = {0: "leaf", -1: "root"}.get(operands[0], str(operands[0]))
    if op is Op.CERTIFICATE_TRUSTED:
        return f"certificate {slot} trusted"
    if op is Op.ANCHOR_HASH:
        return f'certificate {slot} = H"{operands[1].hex()}"'
    name = f"{FIELDS[op]}.{dotted_oid(operands[1])}" if op in FIELDS else printed(operands[1])
    return f"certificate {slot}[{name}]{_compared(operands[2])}"


def _compared(comparison: Comparison) -> str:
    match = comparison.match
    if match is Match.EXISTS:
        return " /* exists */"
    if match is Match.ABSENT:
        return " absent"
    if comparison.time is not None:
        return f' {SIGNS[match]} timestamp "{comparison.time:%Y%m%d%H%M%S}Z"'
    value = _quoted(comparison.value)
    stars = {
        Match.EQUAL: f" = {value}",
        Match.CONTAINS: f" = *{value}*",
        Match.BEGINS: f" = {value}*",
        Match.ENDS: f" = *{value}",
    }
    return stars.get(match) or f" {SIGNS[match]} {value}"


def printed(value: bytes) -> str:
    """Return an operand as text; what is no UTF-8 is shown by its octets."""
    return value.decode("utf-8", "backslashreplace")


def _quoted(value: bytes) -> str:
    shown = printed(value)
    if shown.isascii() and shown.isalnum() and not shown[0].isdigit():
        return shown
    escaped = shown.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
