"""Reading the requirement language ("Code Signing Requirement Language", Apple, archive) into expressions."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.requirements import (
    Comparison,
    Expression,
    Match,
    Op,
    RequirementError,
)
from codesign_wizard.core.authenticode import der
from codesign_wizard.core.text import tr

_TOKEN = re.compile(
    r"""\s*(?:/\*.*?\*/\s*|(?://|\#)[^\n]*(?:\n\s*|$))*
    (?:(?P<hash>H"[0-9a-fA-F]*")|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<sign><=|>=|=>|[()\[\]=<>!*])
       |(?P<word>[-A-Za-z0-9._/]+)|(?P<end>$))""",
    re.X | re.S,
)
_MAXIMUM_LENGTH = 16384
_MAXIMUM_DEPTH = 32


def compile_text(source: str) -> Expression:
    """Return the expression that *source* says; raises ``RequirementError`` naming the place."""
    if len(source) > _MAXIMUM_LENGTH:
        raise RequirementError(tr("the requirement is too long"))
    parser = _Parser(source)
    if parser.word == "designated":
        parser.step()
        parser.sign("=>")
    expression = parser.alternatives(0)
    if parser.kind != "end":
        raise parser.error()
    return expression


class _Parser:
    def __init__(self, source: str) -> None:
        self.source, self.place = source, 0
        self.kind = self.token = ""
        self.step()

    @property
    def word(self) -> str:
        return self.token if self.kind == "word" else ""

    def step(self) -> None:
        self.start = self.place
        found = _TOKEN.match(self.source, self.place)
        if found is None:
            raise self.error()
        self.place = found.end()
        self.kind = found.lastgroup or ""
        self.token = found.group(self.kind)

    def error(self) -> RequirementError:
        rest = self.source[self.start : self.start + 24].strip()
        return RequirementError(tr("the requirement is not understood at “{rest}”").format(rest=shown(rest)))

    def taken(self, sign: str) -> bool:
        if self.kind == "sign" and self.token == sign:
            self.step()
            return True
        return False

    def sign(self, sign: str) -> None:
        if not self.taken(sign):
            raise self.error()

    def value(self) -> bytes:
        if self.kind not in ("word", "quoted"):
            raise self.error()
        value = re.sub(r"\\(.)", r"\1", self.token) if self.kind == "quoted" else self.token
        self.step()
        return value.encode("utf-8", "replace")

    def hash(self) -> bytes:
        if self.kind != "hash" or len(self.token) % 2 == 0:
            raise self.error()
        value = bytes.fromhex(self.token[2:-1])
        self.step()
        return value

    def alternatives(self, depth: int) -> Expression:
        left = self.conjunction(depth)
        if self.word == "or":
            self.step()
            return Expression(Op.OR, (left, self.alternatives(depth + 1)))
        return left

    def conjunction(self, depth: int) -> Expression:
        if depth > _MAXIMUM_DEPTH:
            raise RequirementError(tr("a requirement is nested too deeply"))
        left = self.primary(depth)
        if self.word == "and":
            self.step()
            return Expression(Op.AND, (left, self.conjunction(depth + 1)))
        return left

    def primary(self, depth: int) -> Expression:
        if depth > _MAXIMUM_DEPTH:
            raise RequirementError(tr("a requirement is nested too deeply"))
        if self.taken("!"):
            return Expression(Op.NOT, (self.primary(depth + 1),))
        if self.taken("("):
            inner = self.alternatives(depth + 1)
            self.sign(")")
            return inner
        word = self.word
        self.step()
        match word:
            case "always" | "true":
                return Expression(Op.TRUE)
            case "never" | "false":
                return Expression(Op.FALSE)
            case "notarized":
                return Expression(Op.NOTARIZED)
            case "legacy":
                return Expression(Op.LEGACY_DEVELOPER_ID)
            case "identifier":
                self.taken("=")
                return Expression(Op.IDENTIFIER, (self.value(),))
            case "cdhash":
                self.taken("=")
                return Expression(Op.CDHASH, (self.hash(),))
            case "platform":
                self.taken("=")
                return Expression(Op.PLATFORM, (self.number(),))
            case "anchor":
                return self.anchor()
            case "certificate" | "cert":
                return self.certificate()
            case "info" | "entitlement":
                self.sign("[")
                key = self.value()
                self.sign("]")
                op = Op.INFO_FIELD if word == "info" else Op.ENTITLEMENT
                return Expression(op, (key, self.comparison()))
        raise self.error()

    def number(self) -> int:
        try:
            value = int(self.word)
        except ValueError:
            raise self.error() from None
        if not -(1 << 31) <= value < 1 << 31:
            raise self.error()
        self.step()
        return value

    def anchor(self) -> Expression:
        if self.word == "trusted":
            self.step()
            return Expression(Op.ANCHOR_TRUSTED)
        if self.word == "apple":
            self.step()
            if self.word == "generic":
                self.step()
                return Expression(Op.ANCHOR_APPLE_GENERIC)
            if self.kind == "quoted":
                return Expression(Op.NAMED_ANCHOR, (self.value(),))
            return Expression(Op.ANCHOR_APPLE)
        return self.of_certificate(-1)

    def certificate(self) -> Expression:
        slots = {"leaf": 0, "root": -1, "anchor": -1}
        if self.word in slots:
            slot = slots[self.word]
            self.step()
        else:
            slot = self.number()
        return self.of_certificate(slot)

    def of_certificate(self, slot: int) -> Expression:
        if self.word == "trusted":
            self.step()
            return Expression(Op.CERTIFICATE_TRUSTED, (slot,))
        if self.taken("["):
            name = self.value().decode()
            self.sign("]")
            kind, _, dotted = name.partition(".")
            ops = {
                "field": Op.CERTIFICATE_EXTENSION,
                "policy": Op.CERTIFICATE_POLICY,
                "timestamp": Op.CERTIFICATE_DATE,
            }
            if kind not in ops:
                return Expression(Op.CERTIFICATE_FIELD, (slot, name.encode(), self.comparison()))
            if not re.fullmatch(r"[0-2](\.\d{1,12}){1,20}", dotted):
                raise self.error()
            oid = der.read(der.oid(dotted)).value
            return Expression(ops[kind], (slot, oid, self.comparison()))
        self.taken("=")
        return Expression(Op.ANCHOR_HASH, (slot, self.hash()))

    def comparison(self) -> Comparison:
        if self.word in ("exists", "absent"):
            match = Match.EXISTS if self.word == "exists" else Match.ABSENT
            self.step()
            return Comparison(match)
        if self.kind != "sign" or self.token not in ("=", "<", ">", "<=", ">="):
            return Comparison()
        sign = self.token
        self.step()
        if self.word == "timestamp":
            self.step()
            return self.dated(sign)
        if sign != "=":
            signs = {
                "<": Match.LESS,
                ">": Match.GREATER,
                "<=": Match.LESS_EQUAL,
                ">=": Match.GREATER_EQUAL,
            }
            return Comparison(signs[sign], self.value())
        before = self.taken("*")
        value = self.value()
        after = self.taken("*")
        match = {
            (True, True): Match.CONTAINS,
            (False, True): Match.BEGINS,
            (True, False): Match.ENDS,
            (False, False): Match.EQUAL,
        }[before, after]
        return Comparison(match, value)

    def dated(self, sign: str) -> Comparison:
        signs = {
            "=": Match.ON,
            "<": Match.BEFORE,
            ">": Match.AFTER,
            "<=": Match.ON_OR_BEFORE,
            ">=": Match.ON_OR_AFTER,
        }
        try:
            time = datetime.strptime(self.value().decode(), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise self.error() from None
        return Comparison(signs[sign], time=time)
