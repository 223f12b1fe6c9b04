"""Duration expressions: what may stand in a range, a step and behind ``offset``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monitoring_kit.promql.ast import Duration, DurationExpr, DurationOp, DurationParen, DurationVar
from monitoring_kit.promql.errors import PromQLError, Span
from monitoring_kit.promql.literals import MAX_DURATION_MS
from monitoring_kit.promql.tokens import token_text, variable_parts

_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}
_SIGN_OPERAND = 3  # a sign binds like * does, so its operand is read at the level of ^
_MAX_DEPTH = 50
_EXPECTED = "a duration such as 5m"


class DurationReader:
    """Reads one duration expression from ``tokens`` beginning at ``pos``, and leaves ``pos`` behind it."""

    def __init__(self, tokens: list[tuple[str, Any, int, int]], pos: int) -> None:
        self.tokens, self.pos = tokens, pos

    def positive(self) -> DurationExpr:
        """A range or a step, which must be greater than zero."""
        found = self._expression(1, 0)
        literal = found
        while isinstance(literal, DurationParen):
            literal = literal.expr
        if isinstance(literal, Duration) and literal.ms <= 0:
            raise PromQLError("duration must be greater than 0", literal.span, "a positive duration")
        return found

    def offset(self) -> DurationExpr:
        """An offset: a signed literal takes no operators, ``foo offset 5m + 1`` is a sum of vectors."""
        kind = self.tokens[self.pos][0]
        if kind in ("num", "dur", "var"):
            return self._primary()
        if kind in ("+", "-") and self.tokens[self.pos + 1][0] in ("num", "dur", "var"):
            return self._signed(self._primary)
        return self._expression(1, 0)

    def _expression(self, floor: int, depth: int) -> DurationExpr:
        if depth > _MAX_DEPTH:
            _, _, start, end = self.tokens[self.pos]
            raise PromQLError("duration expression nests too deeply", (start, end))
        if self.tokens[self.pos][0] in ("+", "-"):
            lhs = self._signed(lambda: self._expression(_SIGN_OPERAND, depth + 1))
        else:
            lhs = self._primary(depth)
        while True:
            op, _, start, end = self.tokens[self.pos]
            level = _PRECEDENCE.get(op, 0)
            if level < floor or not level:
                return lhs
            self.pos += 1
            rhs = self._expression(level if op == "^" else level + 1, depth + 1)
            if op in "/%" and isinstance(rhs, Duration) and rhs.ms == 0:
                raise PromQLError("division by zero", (start, end))
            lhs = DurationOp(op, lhs, rhs, (lhs.span[0], rhs.span[1]))

    def _signed(self, read: Callable[[], DurationExpr]) -> DurationExpr:
        """A sign and the operand that ``read`` reads; folded into a literal."""
        sign, _, start, _ = self.tokens[self.pos]
        self.pos += 1
        operand = read()
        span = (start, operand.span[1])
        if isinstance(operand, Duration):
            ms = -operand.ms if sign == "-" else operand.ms
            return Duration(ms, span, sign + operand.text)
        if sign == "+" and not isinstance(operand, DurationVar):
            return operand
        return DurationOp(sign, None, operand, span)

    def _primary(self, depth: int = 0) -> DurationExpr:
        kind, value, start, end = self.tokens[self.pos]
        self.pos += 1
        if kind in ("num", "dur"):
            number, text = value
            return _literal(number if kind == "dur" else number * 1000, (start, end), text)
        if kind == "var":
            name, form = variable_parts(value)
            following, unit, unit_start, unit_end = self.tokens[self.pos]
            if following == "unit" and unit_start == end:
                self.pos += 1
                return DurationVar(name, form, unit, (start, unit_end))
            return DurationVar(name, form, "", (start, end))
        if kind == "(":
            inner = self._expression(1, depth + 1)
            closing, _, close_start, close_end = self.tokens[self.pos]
            if closing != ")":
                raise PromQLError("unclosed ( in a duration", (start, close_start), ")")
            self.pos += 1
            return DurationParen(inner, (start, close_end))
        raise PromQLError(f"unexpected {token_text(kind, value)} in a duration", (start, end), _EXPECTED)


def _literal(ms: float, span: Span, text: str) -> Duration:
    if not abs(ms) <= MAX_DURATION_MS:
        raise PromQLError("duration out of range", span, "less than 292 years")
    return Duration(int(ms) if ms == int(ms) else ms, span, text)
