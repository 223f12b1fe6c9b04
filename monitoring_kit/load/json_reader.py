"""JSON text (RFC 8259) to positioned nodes: without recursion, duplicate keys reported.

The YAML reader does not do for JSON: libyaml knows no surrogate pairs (``\\ud83d\\ude00``) and no keys beyond 1,024 bytes.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import NoReturn

from monitoring_kit.diagnostics import Note, Report, Source, Span, Stop
from monitoring_kit.load.limits import MAX_DEPTH, MAX_NODES
from monitoring_kit.load.nodes import Entry, Mapping, Node, Scalar, Sequence

_TOKEN = re.compile(
    r'[ \t\r\n]*(?:([{}\[\]:,])|("(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|'
    r"(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)(?![\w.+-]))"
)
_UNIT = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.S)
_BLANK = re.compile(r"[ \t\r\n]*")


def read_json(source: Source, report: Report) -> Node:
    """The root value. A mistake is reported at its place and raises ``Stop``; of a key written twice the last one counts, as
    for every reader of dashboards."""
    return _Reader(source, report).read()


class _Reader:
    def __init__(self, source: Source, report: Report) -> None:
        self.source, self.report, self.text = source, report, source.text
        self.lines = [0, *(m.end() for m in re.finditer("\n", source.text))]
        self.stack: list[tuple[Mapping | Sequence, Scalar | None]] = []
        self.key: Scalar | None = None
        self.count = 0

    def read(self) -> Node:
        """Walk the tokens; ``state`` is what may come next: a value, a key, ``:`` or what follows a value."""
        at, state, root = 0, "value", None
        while True:
            match = _TOKEN.match(self.text, at)
            if match is None:
                at = _BLANK.match(self.text, at).end()  # type: ignore[union-attr]
                if at == len(self.text) and state == "end":
                    assert root is not None
                    return root
                self._stop(at, at + 1, "the text ends inside of a value" if at >= len(self.text) else "this is no JSON")
            at = match.end()
            start = at - len(match[match.lastindex or 0])
            mark = match[1]
            if state == "end":
                self._stop(start, at, "something follows the value")
            if mark in ("{", "[") and state in ("value", "first"):
                self._open(mark, start)
                state = "first-key" if mark == "{" else "first"
            elif (mark == "}" and state in ("first-key", "next") and isinstance(self._top(), Mapping)) or (
                mark == "]" and state in ("first", "next") and isinstance(self._top(), Sequence)
            ):
                root, state = self._close(at)
            elif mark == "," and state == "next":
                state = "key" if isinstance(self._top(), Mapping) else "value"
            elif mark == ":" and state == "colon":
                state = "value"
            elif match[2] is not None and state in ("key", "first-key"):
                self.key, state = self._scalar(match[2], start, at), "colon"
            elif mark is None and state in ("value", "first"):
                root, state = self._put(self._scalar(match[match.lastindex or 0], start, at), start, at)
            else:
                self._stop(start, at, f"expected {_EXPECTED[state]}")

    def _top(self) -> Mapping | Sequence | None:
        return self.stack[-1][0] if self.stack else None

    def _open(self, mark: str, start: int) -> None:
        if len(self.stack) >= MAX_DEPTH:
            self._stop(start, start + 1, f"more than {MAX_DEPTH} levels of nesting", "yaml/limit")
        span = self._span(start, start + 1)
        self.stack.append((Mapping({}, span) if mark == "{" else Sequence([], span), self.key))
        self.key = None

    def _close(self, end: int) -> tuple[Node, str]:
        node, self.key = self.stack.pop()
        line, column = self._place(end)
        node.span = Span(self.source.file, node.span.line, node.span.column, line, column)
        return self._put(node, end - 1, end)

    def _put(self, node: Node, start: int, end: int) -> tuple[Node, str]:
        self.count += 1
        if self.count > MAX_NODES:
            self._stop(start, end, f"more than {MAX_NODES:,} values", "yaml/limit")
        top = self._top()
        if top is None:
            return node, "end"
        if isinstance(top, Sequence):
            top.items.append(node)
        else:
            assert self.key is not None
            first = top.entries.get(self.key.text)
            if first is not None:
                self.report.warning(
                    "yaml/duplicate-key", f"the key `{self.key.text}` is written twice: the last one counts", self.key.span,
                    help="remove one of them", notes=(Note(first.key.span, "first written here"),),
                )  # fmt: skip
            top.entries[self.key.text] = Entry(self.key, node)
            self.key = None
        return node, "next"

    def _scalar(self, raw: str, start: int, end: int) -> Scalar:
        quoted = raw[0] == '"'
        text = json.loads(raw) if quoted and "\\" in raw else raw[1:-1] if quoted else raw
        line, column = self._place(start)
        width = column + end - start
        node = Scalar(text, not quoted, '"' if quoted else "", self.source, start, end, line, column, line, width)
        if quoted and "\\" in raw:
            # A character of the value is one unit of the text: no JSON string goes over a line's end.
            node._offsets = [(line, column + 1 + m.start()) for m in _UNIT.finditer(raw[1:-1])] + [(line, width - 1)]
        return node

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self.lines, offset)
        return line, offset - self.lines[line - 1] + 1

    def _span(self, start: int, end: int) -> Span:
        return Span(self.source.file, *self._place(start), *self._place(end))

    def _stop(self, start: int, end: int, message: str, code: str = "json/syntax") -> NoReturn:
        self.report.error(code, f"not JSON: {message}" if code == "json/syntax" else message, self._span(start, end))
        raise Stop


_EXPECTED = {
    "value": "a value", "first": "a value or `]`", "key": "a key in quotes", "first-key": "a key in quotes or `}`",
    "colon": "`:`", "next": "`,` or the end of the list or object",
}  # fmt: skip
