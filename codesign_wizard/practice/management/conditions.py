"""Conditions of role assignments (attribute-based access control), as far as a vault can meet them.

learn.microsoft.com/azure/role-based-access-control/conditions-format: expressions in parentheses joined by
``AND``/``&&``, ``OR``/``||`` and ``NOT``/``!``; ``ActionMatches{'…'}`` and ``SubOperationMatches{'…'}``;
comparisons ``@Source[name] Operator value``. A comparison with an attribute that is not there is false. Key
Vault has no attributes of its own for keys and certificates, so only ``@Environment`` is known there; changes
of role assignments have role and principal (``delegate-role-assignments-overview``: some roles only).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from codesign_wizard.practice.management.roles import matches

_TOKEN = re.compile(
    r"\s*(?:(?P<function>ActionMatches|SubOperationMatches)\s*\{\s*'(?P<pattern>[^']*)'\s*\}"
    r"|(?P<attribute>@(?P<source>Request|Resource|Principal|Environment)\s*\[(?P<name>[^\]]*)\])"
    r"|(?P<text>'[^']*')|(?P<set>\{[^{}]*\})"
    r"|(?P<sign>&&|\|\||[!()])|(?P<word>[A-Za-z][\w:]*))",
    re.IGNORECASE,
)
_ORDERS: dict[str, Callable[[datetime, datetime], bool]] = {
    "datetimeequals": lambda a, b: a == b,
    "datetimenotequals": lambda a, b: a != b,
    "datetimegreaterthan": lambda a, b: a > b,
    "datetimegreaterthanequals": lambda a, b: a >= b,
    "datetimelessthan": lambda a, b: a < b,
    "datetimelessthanequals": lambda a, b: a <= b,
}


_EQUAL = ("guidequals", "stringequals", "stringequalsignorecase")
_UNEQUAL = ("guidnotequals", "stringnotequals", "stringnotequalsignorecase")


class ConditionError(ValueError):
    """The text is no condition."""


def holds(condition: str, action: str, now: float, given: Mapping[str, str] | None = None) -> bool:
    """Tell whether *condition* lets *action* through at *now* (seconds since the epoch).

    *given* are attributes of what is asked for, as ``request:roledefinitionid`` or ``resource:principalid``.
    A text that cannot be read lets nothing through.
    """
    try:
        return _Parser(condition, action, now, given or {}).run()
    except (ConditionError, RecursionError):
        return False


def readable(condition: str) -> bool:
    """Tell whether *condition* is well-formed."""
    try:
        _Parser(condition, "", 0.0, {}).run()
    except (ConditionError, RecursionError):  # nested too deeply
        return False
    return True


class _Parser:
    """Reads by recursive descent and judges as it goes; ``!`` binds tightest, then AND, then OR."""

    def __init__(self, condition: str, action: str, now: float, given: Mapping[str, str]) -> None:
        self._tokens = _tokens(condition)
        self._at = 0
        self._action = action
        self._given = given
        self._now = datetime.fromtimestamp(now, UTC)

    def run(self) -> bool:
        """Return the whole text's value; raises ``ConditionError``."""
        value = self._any()
        if self._at != len(self._tokens):
            raise ConditionError("something follows the expression")
        return value

    def _next(self) -> re.Match[str]:
        if self._at >= len(self._tokens):
            raise ConditionError("the expression ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, *words: str) -> bool:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            if (token["sign"] or token["word"] or "").lower() in words:
                self._at += 1
                return True
        return False

    def _any(self) -> bool:
        value = self._all()
        while self._take("||", "or"):
            value = self._all() or value
        return value

    def _all(self) -> bool:
        value = self._not()
        while self._take("&&", "and"):
            value = self._not() and value
        return value

    def _not(self) -> bool:
        if self._take("!", "not"):
            return not self._not()
        if self._take("("):
            value = self._any()
            if not self._take(")"):
                raise ConditionError("a parenthesis is not closed")
            return value
        token = self._next()
        if token["function"]:
            # a vault's operations have no sub-operations
            named = token["function"].lower() == "actionmatches"
            return named and matches([token["pattern"]], self._action)
        if (token["word"] or "").lower() == "exists":
            return self._known(self._next()) is not None
        if token["attribute"]:
            return self._compare(token)
        raise ConditionError(f"unexpected {token[0].strip()}")

    def _compare(self, attribute: re.Match[str]) -> bool:
        operator, operand = self._next(), self._next()
        name = (operator["word"] or "").lower()
        if not name:
            raise ConditionError("an operator is missing")
        given = operand["text"] or operand["word"] or operand["set"] or operand["attribute"]
        if not given:
            raise ConditionError("a value is missing")
        value = self._known(attribute)
        if isinstance(value, datetime) and name in _ORDERS and operand["text"]:
            try:
                other = datetime.fromisoformat(operand["text"].strip("'"))
            except ValueError as error:
                raise ConditionError("not a time") from error
            return _ORDERS[name](value, other if other.tzinfo else other.replace(tzinfo=UTC))
        if isinstance(value, bool) and name in ("boolequals", "boolnotequals"):
            return (str(value).lower() == given.strip("'").lower()) is (name == "boolequals")
        if isinstance(value, str):
            return _one_of(value, name, given)
        return False

    def _known(self, attribute: re.Match[str]) -> datetime | bool | str | None:
        """Return the value of an attribute, ``None`` if there is none here."""
        source, name = (
            (attribute["source"] or "").lower(),
            attribute["name"].strip().lower().rpartition(":")[2],
        )
        if source != "environment":
            return self._given.get(f"{source}:{name}")
        # every request comes over the public network here
        known: dict[str, datetime | bool] = {"utcnow": self._now, "isprivatelink": False}
        return known.get(name)


def _one_of(value: str, operator: str, given: str) -> bool:
    """Compare *value* with those *given*; ``ForAnyOfAllValues:`` and its like say with how many of them."""
    quantifier, _, name = operator.rpartition(":")
    others = [each.strip().strip("'").lower() for each in given.strip("{}").split(",")]
    if name not in (*_EQUAL, *_UNEQUAL):
        return False
    fits = [(value.lower() == other) is (name in _EQUAL) for other in others]
    return all(fits) if quantifier.endswith("allvalues") else any(fits)


def _tokens(condition: str) -> list[re.Match[str]]:
    found, position = [], 0
    text = condition.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ConditionError(f"cannot read from {text[position : position + 20]!r}")
        found.append(match)
        position = match.end()
    return found
