"""The label matchers in braces."""

from __future__ import annotations

import re
from typing import NamedTuple

from monitoring_kit.promql.ast import METRIC_NAME, Matcher, MatchOp
from monitoring_kit.promql.errors import PromQLError, Span
from monitoring_kit.promql.literals import string_value
from monitoring_kit.promql.re2 import RE2Error, analyse
from monitoring_kit.promql.tokens import SKIP, STRING, VARIABLE

_WS = r"[ \t\r\n]*"
_MATCHER = re.compile(
    rf"({_WS})([a-zA-Z_][a-zA-Z0-9_]*){_WS}(=~|!~|!=|=){_WS}"
    r'("[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"|\'[^\'\\\n]*(?:\\[^\n][^\'\\\n]*)*\'|`[^`]*`)'
    rf"{_WS}([,}}])"
)
_ITEM = re.compile(rf"{SKIP}(?:([a-zA-Z_][a-zA-Z0-9_]*)|(=~|!~|!=|=)|({STRING})|([,}}])|({VARIABLE}))")
_SKIP = re.compile(SKIP)
_HAS_VARIABLE = re.compile(VARIABLE)


class Braces(NamedTuple):
    """What stood between ``{`` and ``}``."""

    matchers: tuple[Matcher, ...]
    name: str | None
    """a metric name in quotes: ``{"http.requests", ...}``"""
    name_span: Span
    selective: bool
    """at least one matcher excludes the empty label value"""


class _Reader:
    def __init__(self, text: str, start: int, variables: bool) -> None:
        self.text, self.start, self.pos, self.variables = text, start, start + 1, variables
        self.matchers: list[Matcher] = []
        self.names: list[tuple[str, Span]] = []
        self.selective = False

    def read(self) -> Braces:
        match_matcher = _MATCHER.match
        text = self.text
        while True:
            match = match_matcher(text, self.pos)
            if match is None:
                if self._slow():
                    break
                continue
            raw = match[4]
            value_start = match.start(4)
            value = raw[1:-1]
            if "\\" in raw or "\ufffd" in raw:
                value = string_value(raw, value_start)
            name_start = match.end(1)
            value_end = value_start + len(raw)
            self._add(match[2], match[3], value, (name_start, value_end), (value_start, value_end), False)  # type: ignore[arg-type]
            self.pos = match.end()
            if match[5] == "}":
                break
        return self._result()

    def _result(self) -> Braces:
        if len(self.names) == 1 and not any(m.name == METRIC_NAME for m in self.matchers):
            name, span = self.names[0]
            if name:
                return Braces(tuple(self.matchers), name, span, True)
        for name, span in self.names:
            self._add(METRIC_NAME, "=", name, span, span, True)
        return Braces(tuple(self.matchers), None, (0, 0), self.selective)

    def _add(self, name: str, op: MatchOp, value: str, span: Span, value_span: Span, quoted: bool) -> None:
        if op == "=":
            self.selective = self.selective or value != ""
        elif op == "!=":
            self.selective = self.selective or value == ""
        elif self.variables and _HAS_VARIABLE.search(value):
            self.selective = True
        else:
            try:
                empty = analyse(value).matches_empty
            except RE2Error as error:
                raise PromQLError(
                    f"bad regular expression for label {name!r}: {error.message}",
                    _inside(self.text, value_span, error),
                    "RE2 syntax",
                ) from None
            self.selective = self.selective or empty == (op == "!~")
        self.matchers.append(Matcher(name, op, value, span, value_span, quoted))

    def _next(self) -> tuple[str, str, int, int]:
        """Kind (``name``, ``op``, ``string``, ``,``, ``}`` or ``var``), text and offsets of the next item."""
        match = _ITEM.match(self.text, self.pos)
        if match is None:
            skipped = _SKIP.match(self.text, self.pos)
            at = skipped.end() if skipped else self.pos
            if at >= len(self.text):
                raise PromQLError("unclosed {", (self.start, self.start + 1), "a closing }")
            char = self.text[at]
            if char in "\"'`":
                raise PromQLError("unterminated string", (at, len(self.text)), f"a closing {char}")
            raise PromQLError(f"unexpected character {char!r} inside braces", (at, at + 1), 'label="value"')
        group = 1 if match[1] else 2 if match[2] else 3 if match[3] else 4 if match[4] else 5
        start, self.pos = match.span(group)
        kind = ("name", "op", "string", match[group], "var")[group - 1]
        if kind == "var" and not self.variables:
            raise PromQLError("unexpected character '$' inside braces", (start, start + 1), 'label="value"')
        return kind, match[group], start, self.pos

    def _slow(self) -> bool:
        """One item with comments, quoted names or a mistake in it; True at the closing brace."""
        kind, text, start, end = self._next()
        if kind == "}":
            return True
        if kind not in ("name", "string", "var"):
            raise PromQLError(f"unexpected {text!r} inside braces", (start, end), "a label name or }")
        name = string_value(text, start) if kind == "string" else text
        after, op, op_start, op_end = self._next()
        if after == "op":
            self._value(name, op, (start, end), kind == "string")
            after, op, op_start, op_end = self._next()
        elif kind == "string":
            self.names.append((name, (start, end)))
        else:
            raise PromQLError(f"unexpected {op!r} after label {name!r}", (op_start, op_end), "one of = != =~ !~")
        if after not in (",", "}"):
            raise PromQLError(f"unexpected {op!r} inside braces", (op_start, op_end), ", or }")
        return after == "}"

    def _value(self, name: str, op: str, name_span: Span, quoted: bool) -> None:
        kind, raw, start, end = self._next()
        if kind != "string":
            raise PromQLError(f"unexpected {raw!r} as a label value", (start, end), "a quoted string")
        self._add(name, op, string_value(raw, start), (name_span[0], end), (start, end), quoted)  # type: ignore[arg-type]


def read_braces(text: str, start: int, variables: bool) -> tuple[Braces, int]:
    """Matchers of the braces that open at ``start``, and the offset behind them."""
    reader = _Reader(text, start, variables)
    return reader.read(), reader.pos


def _inside(text: str, value_span: Span, error: RE2Error) -> Span:
    """The span of a pattern's mistake, or of the whole value where escapes shift the offsets."""
    start, end = value_span
    if "\\" in text[start:end] and text[start] != "`":
        return value_span
    return start + 1 + error.start, max(start + 2 + error.start, start + 1 + error.end)
