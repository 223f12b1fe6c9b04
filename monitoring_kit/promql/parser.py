"""PromQL text to a checked tree: a Pratt parser that applies Prometheus' own type rules as it goes.

Grammar and rules: prometheus/prometheus ``promql/parser`` of v2.42 to v3.5, the union of what they accept;
`monitoring_kit.promql.requires` tells what of it a given version lacks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

from monitoring_kit.promql import ast
from monitoring_kit.promql.durations import DurationReader
from monitoring_kit.promql.errors import PromQLError, Span
from monitoring_kit.promql.functions import AGGREGATIONS, FUNCTIONS
from monitoring_kit.promql.lexer import Token, tokenise
from monitoring_kit.promql.tokens import token_text, variable_parts
from monitoring_kit.promql.typecheck import check_aggregate, check_binary, check_call, expect_operand

MAX_NESTING = 150
"""Levels of parentheses, calls and right operands."""
MAX_DEPTH = 250
"""Levels of the finished tree; also the number of operators in one chain."""

PRECEDENCE = {
    "or": 1,
    "and": 2,
    "unless": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 3),
    "+": 4,
    "-": 4,
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 6,
}
_UNARY_OPERAND = 6

_NAMES = frozenset(AGGREGATIONS) | frozenset(["by", "and", "or", "unless", "offset", "without", "start", "end"])
_LABELS = (_NAMES - {"without"}) | frozenset(
    ["bool", "group_left", "group_right", "ignoring", "on", "atan2", "id", "metric"]
)
_EXPR = "an expression"


def parse(text: str | bytes, *, variables: bool = False) -> ast.Expr:
    """The tree of a PromQL expression; PromQLError for whatever Prometheus would not load.

    With ``variables`` the placeholders of dashboards and templates (``$name``, ``${name}``, ``${name:format}``)
    may stand for durations, numbers, metric names, grouping labels and inside of strings.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise PromQLError("invalid UTF-8 in the expression", (error.start, error.end), "UTF-8 text") from None
    tokens = tokenise(text, variables)
    if len(tokens) == 1:
        raise PromQLError("no expression found", (0, len(text)), _EXPR)
    return _Parser(tokens).whole()


class _Parser:
    """``type`` and ``depth`` describe the expression that a method returned last."""

    __slots__ = ("depth", "pos", "tokens", "type", "unselective")

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.pos = 0
        self.unselective: list[Span] = []  # selectors that match every series
        self.type = "vector"
        self.depth = 1

    def whole(self) -> ast.Expr:
        found = self.expression(1, 0)
        if self.tokens[self.pos][0] != "eof":
            self.unexpected("an operator or the end of the expression")
        if self.unselective:
            raise PromQLError(
                "selector matches every series", self.unselective[0], "a matcher that excludes the empty value"
            )
        return found

    def unexpected(self, expected: str) -> NoReturn:
        kind, value, start, end = self.tokens[self.pos]
        if kind == "eof":
            start = max(0, start - 1)
        raise PromQLError(f"unexpected {token_text(kind, value)}", (start, end), expected)

    def expect(self, kind: str, expected: str) -> Token:
        token = self.tokens[self.pos]
        if token[0] != kind:
            self.unexpected(expected)
        self.pos += 1
        return token

    # expressions

    def expression(self, floor: int, nesting: int) -> ast.Expr:
        tokens = self.tokens
        kind, value, start, end = tokens[self.pos]
        if nesting > MAX_NESTING:
            raise PromQLError(f"expression nests deeper than {MAX_NESTING} levels", (start, end))
        if kind == "id":
            lhs = self.call(nesting) if tokens[self.pos + 1][0] == "(" else self.selector()
        elif kind in AGGREGATIONS:
            following = tokens[self.pos + 1][0]
            if following in ("(", "by", "without"):
                lhs = self.aggregate(nesting)
            else:
                lhs = self.selector()
        elif kind in ("{", "metric") or kind in _NAMES:
            lhs = self.selector()
        elif kind == "num" or kind == "dur":
            self.pos += 1
            self.type, self.depth = "scalar", 1
            number, text = value
            lhs = ast.Number(number / 1000 if kind == "dur" else number, kind == "dur", (start, end), text)
        elif kind == "(":
            self.pos += 1
            inner = self.expression(1, nesting + 1)
            lhs = ast.Paren(inner, (start, self.expect(")", "an operator or )")[3]))
            self.depth += 1
        elif kind == "+" or kind == "-":
            lhs = self.unary(nesting)
        elif kind == "str":
            self.pos += 1
            self.type, self.depth = "string", 1
            lhs = ast.String(value, (start, end))
        elif kind == "var":
            lhs = self.variable()
        else:
            self.unexpected(_EXPR)
        kind = tokens[self.pos][0]
        if kind == "[" or kind == "offset" or kind == "@":
            lhs = self.postfix(lhs)
            kind = tokens[self.pos][0]
        level = PRECEDENCE.get(kind, 0)
        while level >= floor and level:
            lhs = self.binary(lhs, level, nesting)
            level = PRECEDENCE.get(tokens[self.pos][0], 0)
        return lhs

    def unary(self, nesting: int) -> ast.Expr:
        sign, _, start, _ = self.tokens[self.pos]
        self.pos += 1
        operand = self.expression(_UNARY_OPERAND, nesting + 1)
        span = (start, operand.span[1])
        if isinstance(operand, ast.Number):
            if sign == "+":
                return ast.Number(operand.value, operand.duration, span, "+" + operand.text)
            negative = operand.value if operand.value != operand.value else -operand.value
            return ast.Number(negative, operand.duration, span, "-" + operand.text)
        expect_operand(self.type, operand.span, "a sign")
        self.deepen()
        return ast.Unary(sign, operand, span)

    def deepen(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            _, _, start, end = self.tokens[self.pos - 1]
            raise PromQLError(f"expression is deeper than {MAX_DEPTH} levels or operators", (start, end))

    def binary(self, lhs: ast.Expr, level: int, nesting: int) -> ast.Expr:
        op, _, op_start, op_end = self.tokens[self.pos]
        self.pos += 1
        left_type, left_depth = self.type, self.depth
        kind = self.tokens[self.pos][0]
        bool_modifier = kind == "bool"
        if bool_modifier:
            self.pos += 1
            kind = self.tokens[self.pos][0]
        matching = self.matching() if kind == "on" or kind == "ignoring" else None
        rhs = self.expression(level if op == "^" else level + 1, nesting + 1)
        node = ast.Binary(op, lhs, rhs, bool_modifier, matching, (lhs.span[0], rhs.span[1]), (op_start, op_end))
        self.type = check_binary(node, left_type, self.type)
        self.depth = max(left_depth, self.depth)
        self.deepen()
        return node

    def matching(self) -> ast.Matching:
        kind, _, start, _ = self.tokens[self.pos]
        self.pos += 1
        labels, label_spans, end = self.labels()
        group = self.tokens[self.pos][0]
        if group != "group_left" and group != "group_right":
            return ast.Matching(kind == "on", labels, span=(start, end), label_spans=label_spans)
        _, _, group_start, group_end = self.tokens[self.pos]
        self.pos += 1
        include: tuple[str, ...] = ()
        include_spans: tuple[Span, ...] = ()
        if self.tokens[self.pos][0] == "(":
            include, include_spans, group_end = self.labels()
        return ast.Matching(
            kind == "on",
            labels,
            "left" if group == "group_left" else "right",
            include,
            (start, end),
            label_spans,
            (group_start, group_end),
            include_spans,
        )

    def labels(self) -> tuple[tuple[str, ...], tuple[Span, ...], int]:
        """A label list in parentheses: names, their spans and the offset behind the list."""
        self.expect("(", "( and a list of labels")
        names: list[str] = []
        spans: list[Span] = []
        while True:
            kind, value, start, end = self.tokens[self.pos]
            if kind == ")":
                break
            if kind in _LABELS:
                names.append(value)
            elif kind == "str":
                if not value or "\udc80" <= max(value) <= "\udcff":
                    raise PromQLError(f"invalid label name {value!r}", (start, end), "a label")
                names.append(value)
            elif kind == "var":
                names.append(value[0])
            else:
                self.unexpected("a label or )")
            spans.append((start, end))
            self.pos += 1
            if self.tokens[self.pos][0] != ",":
                break
            self.pos += 1
        return tuple(names), tuple(spans), self.expect(")", ", or )")[3]

    def aggregate(self, nesting: int) -> ast.Expr:
        op, word, start, op_end = self.tokens[self.pos]
        self.pos += 1
        grouping: tuple[str, ...] = ()
        label_spans: tuple[Span, ...] = ()
        clause: Span | None = None
        without = False
        kind = self.tokens[self.pos][0]
        if kind != "(":
            without = kind == "without"
            clause, grouping, label_spans = self.grouping()
            if self.tokens[self.pos][0] != "(":
                self.unexpected(f"( and the operand of {word}")
        args, types, end = self.arguments(nesting)
        kind = self.tokens[self.pos][0]
        if clause is None and (kind == "by" or kind == "without"):
            without = kind == "without"
            clause, grouping, label_spans = self.grouping()
            end = clause[1]
        span = (start, end)
        check_aggregate(op, args, types, span)
        self.type = "vector"
        self.deepen()
        param = args[0] if len(args) == 2 else None
        return ast.Aggregate(op, args[-1], param, grouping, without, span, (start, op_end), clause, label_spans)

    def grouping(self) -> tuple[Span, tuple[str, ...], tuple[Span, ...]]:
        start = self.tokens[self.pos][2]
        self.pos += 1
        labels, spans, end = self.labels()
        return (start, end), labels, spans

    def arguments(self, nesting: int) -> tuple[tuple[ast.Expr, ...], tuple[str, ...], int]:
        """Arguments in parentheses with their types, and the offset behind them."""
        tokens = self.tokens
        self.pos += 1
        if tokens[self.pos][0] == ")":
            self.pos += 1
            self.depth = 1
            return (), (), tokens[self.pos - 1][3]
        args: list[ast.Expr] = []
        types: list[str] = []
        depth = 1
        while True:
            args.append(self.expression(1, nesting + 1))
            types.append(self.type)
            depth = max(depth, self.depth)
            if tokens[self.pos][0] != ",":
                break
            self.pos += 1
        end = self.expect(")", "an operator, , or )")[3]
        self.depth = depth
        return tuple(args), tuple(types), end

    def call(self, nesting: int) -> ast.Expr:
        _, name, start, name_end = self.tokens[self.pos]
        function = FUNCTIONS.get(name)
        if function is None:
            raise PromQLError(f"unknown function {name!r}", (start, name_end), _suggestion(name))
        self.pos += 1
        args, types, end = self.arguments(nesting)
        node = ast.Call(name, args, (start, end), (start, name_end))
        check_call(node, function, types)
        if name == "info" and len(args) == 2 and args[1].span in self.unselective:
            self.unselective.remove(args[1].span)  # info() alone may select everything
        self.type = function.returns
        self.deepen()
        return node

    def variable(self) -> ast.Expr:
        _, match, start, end = self.tokens[self.pos]
        if self.tokens[self.pos + 1][0] in ("{", "["):
            return self.selector()
        self.pos += 1
        self.type, self.depth = "scalar", 1
        name, form = variable_parts(match)
        return ast.NumberVar(name, form, (start, end))

    # selectors

    def selector(self) -> ast.Expr:
        kind, value, start, end = self.tokens[self.pos]
        self.type, self.depth = "vector", 1
        self.pos += 1
        name: str | None = None
        if kind != "{":
            name = value[0] if kind == "var" else value
            if self.tokens[self.pos][0] != "{":
                return ast.VectorSelector(name, span=(start, end))
            kind, value, _, end = self.tokens[self.pos]
            self.pos += 1
        span = (start, end)
        if name is None:
            if not value.selective:
                self.unselective.append(span)
            return ast.VectorSelector(value.name, value.matchers, None, None, span, quoted=value.name is not None)
        if value.name is not None:
            raise PromQLError(f"metric name is set twice: {name!r} and {value.name!r}", value.name_span)
        for matcher in value.matchers:
            if matcher.name == ast.METRIC_NAME:
                raise PromQLError(f"metric name is set twice: {name!r} and {matcher.value!r}", matcher.span)
        return ast.VectorSelector(name, value.matchers, None, None, span)

    def postfix(self, lhs: ast.Expr) -> ast.Expr:
        while True:
            kind = self.tokens[self.pos][0]
            if kind == "[":
                lhs = self.range(lhs)
            elif kind == "offset":
                lhs = self.offset(lhs)
            elif kind == "@":
                lhs = self.at(lhs)
            else:
                return lhs

    def range(self, lhs: ast.Expr) -> ast.Expr:
        _, brackets, start, end = self.tokens[self.pos]
        self.pos += 1
        span = (lhs.span[0], end)
        if brackets.subquery:
            if self.type != "vector":
                raise PromQLError(f"subquery over a {self.type}", lhs.span, "an instant vector")
            self.type = "matrix"
            self.deepen()
            return ast.Subquery(lhs, brackets.range, brackets.step, span=span)
        if not isinstance(lhs, ast.VectorSelector):
            raise PromQLError(
                "a range needs a plain selector", (start, end), "a subquery such as [5m:] over an expression"
            )
        if lhs.offset is not None and lhs.offset != ast.Duration(0):
            raise PromQLError("offset must follow the range", lhs.span, "x[5m] offset 1h")
        if lhs.at is not None and not isinstance(lhs.at.value, str):
            raise PromQLError("@ must follow the range", lhs.span, "x[5m] @ 1700000000")
        self.type = "matrix"
        self.deepen()
        return ast.MatrixSelector(lhs, brackets.range, span)

    def offset(self, lhs: ast.Expr) -> ast.Expr:
        _, _, start, end = self.tokens[self.pos]
        if not isinstance(lhs, ast.VectorSelector | ast.MatrixSelector | ast.Subquery):
            raise PromQLError("offset needs a selector or a subquery", (start, end))
        self.pos += 1
        reader = DurationReader(self.tokens, self.pos)
        value = reader.offset()
        self.pos = reader.pos
        target = lhs.vector if isinstance(lhs, ast.MatrixSelector) else lhs
        if target.offset is not None and target.offset != ast.Duration(0):
            raise PromQLError("offset is set twice", (start, value.span[1]))
        return _modified(lhs, value.span[1], offset=value)

    def at(self, lhs: ast.Expr) -> ast.Expr:
        _, _, start, end = self.tokens[self.pos]
        if not isinstance(lhs, ast.VectorSelector | ast.MatrixSelector | ast.Subquery):
            raise PromQLError("@ needs a selector or a subquery", (start, end))
        target = lhs.vector if isinstance(lhs, ast.MatrixSelector) else lhs
        if target.at is not None:
            raise PromQLError("@ is set twice", (start, end))
        self.pos += 1
        at = self.at_value(start)
        return _modified(lhs, at.span[1], at=at)

    def at_value(self, start: int) -> ast.At:
        kind, value, _, end = self.tokens[self.pos]
        if kind == "start" or kind == "end":
            self.pos += 1
            self.expect("(", "()")
            return ast.At(kind, (start, self.expect(")", ")")[3]))  # type: ignore[arg-type]
        sign = 1
        if kind == "+" or kind == "-":
            sign = -1 if kind == "-" else 1
            self.pos += 1
            kind, value, _, end = self.tokens[self.pos]
        if kind != "num" and kind != "dur":
            self.unexpected("a Unix timestamp, start() or end()")
        self.pos += 1
        seconds = sign * (value[0] / 1000 if kind == "dur" else value[0])
        if not abs(seconds) < 2**63:
            raise PromQLError("timestamp out of bounds", (start, end), "a Unix time in seconds")
        return ast.At(seconds, (start, end), value[1])


def _modified(lhs: Any, end: int, **change: Any) -> ast.Expr:
    """``lhs`` with an offset or ``@``; those of a range vector belong to its selector."""
    span = (lhs.span[0], end)
    if isinstance(lhs, ast.MatrixSelector):
        return ast.MatrixSelector(replace(lhs.vector, **change), lhs.range, span)
    modified: ast.Expr = replace(lhs, span=span, **change)
    return modified


def _suggestion(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), FUNCTIONS, 1)
    return f"{close[0]}()" if close else "a PromQL function"
