"""YAML text to positioned nodes, by libyaml's event stream: no recursion, limits enforced as the text is read."""

from __future__ import annotations

import re
from typing import Any

import yaml

from monitoring_kit.diagnostics import Report, Source, Span, Stop
from monitoring_kit.load.limits import MAX_DEPTH, MAX_NODES
from monitoring_kit.load.nodes import Entry, Mapping, Node, Scalar, Sequence

# A PyYAML that was built without libyaml gives the same events, ten times slower.
_Parser: Any = getattr(yaml.cyaml, "CParser", yaml.Loader) if yaml.__with_libyaml__ else yaml.Loader


def read_yaml(source: Source, report: Report) -> Node | None:
    """The root node of the only document in ``source``; None for an empty one.

    Every mistake goes to ``report``; syntax errors and exceeded limits raise ``Stop`` because nothing after them can
    be trusted. Duplicate keys are reported and the first value is kept.
    """
    try:
        return _Builder(source, report).build()
    except yaml.MarkedYAMLError as error:
        _syntax(source, report, error)
    except yaml.reader.ReaderError as error:
        span = _span_of_offset(source, error.position)
        report.error(
            "yaml/syntax",
            f"not YAML: the character #x{ord(_first(error.character)):04x} is not allowed",
            span,
        )
    except RecursionError:
        report.error("yaml/limit", "the file nests too deeply", Span(source.file))
    raise Stop


def _first(character: Any) -> str:
    return character if isinstance(character, str) and character else "\ufffd"


def _span_of_offset(source: Source, offset: int) -> Span:
    before = source.text[: max(offset, 0)]
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return Span(source.file, line, column, line, column + 1)


def _syntax(source: Source, report: Report, error: yaml.MarkedYAMLError) -> None:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    text = source.line(line)
    help_ = ""
    if "maximum nesting depth" in (error.problem or ""):
        # libyaml reads ahead of its events, and since 0.2.6 gives up by itself at a depth of 1,000.
        report.error(
            "yaml/limit", f"more than {MAX_DEPTH} levels of nesting", Span(source.file, line, column, line, column + 1)
        )
        return
    if re.match(r"^ *\t", text):
        column = text.index("\t") + 1
        message, help_ = (
            "a tab is used for indentation",
            "YAML indents with spaces only: replace the tab by two spaces",
        )
    else:
        message = f"not YAML: {error.problem or error.context or 'unreadable'}"
        if error.context and error.problem:
            message += f" ({error.context})"
        if "mapping values are not allowed" in message:
            help_ = "a `: ` inside an unquoted value starts a new key: quote the value, or check the indentation"
        elif "expected ',' or '}'" in message:
            help_ = "a `,` or `}` is missing in a `{...}`; a value that holds `,`, `{` or `}` must be quoted"
    report.error("yaml/syntax", message, Span(source.file, line, column, line, column + 1), help=help_)


_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")


class _Frame:
    """A collection that is still open."""

    __slots__ = ("anchor", "key", "merge", "node", "size")

    def __init__(self, node: Mapping | Sequence, anchor: str | None) -> None:
        self.node, self.anchor, self.size = node, anchor, 1
        self.key: Scalar | None = None
        self.merge: list[Node] = []


class _Builder:
    def __init__(self, source: Source, report: Report) -> None:
        self.source, self.report = source, report
        self.stack: list[_Frame] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.root: Node | None = None
        self.total = 0

    def build(self) -> Node | None:
        parser = _Parser(self.source.text)
        try:
            documents = 0
            while True:
                event: Any = parser.get_event()
                kind = type(event)
                if kind is yaml.ScalarEvent:
                    self._add(self._scalar(event), event.anchor, 1, event)
                elif kind is yaml.MappingStartEvent:
                    self._open(Mapping({}, self._span(event)), event)
                elif kind is yaml.SequenceStartEvent:
                    self._open(Sequence([], self._span(event)), event)
                elif kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
                    self._close(event)
                elif kind is yaml.AliasEvent:
                    self._alias(event)
                elif kind is yaml.DocumentStartEvent:
                    documents += 1
                    if documents > 1:
                        self._stop(
                            "yaml/documents",
                            "a second YAML document starts here",
                            event,
                            "write one spec a file",
                        )
                elif kind is yaml.StreamEndEvent or event is None:
                    return self.root
        finally:
            parser.dispose()

    def _span(self, event: Any) -> Span:
        a, b = event.start_mark, event.end_mark
        return Span(self.source.file, a.line + 1, a.column + 1, b.line + 1, b.column + 1)

    def _scalar(self, event: Any) -> Scalar:
        a, b = event.start_mark, event.end_mark
        style = event.style or ""
        start, line, column = a.index, a.line + 1, a.column + 1
        if event.anchor or event.tag:
            # libyaml starts the event at its anchor or tag; the value starts behind them.
            match = _PROPERTIES.match(self.source.text, start)
            skipped = match.group() if match else ""
            start += len(skipped)
            newlines = skipped.count("\n")
            column = column + len(skipped) if not newlines else len(skipped) - skipped.rfind("\n")
            line += newlines
        plain = style == "" and event.implicit[0]
        return Scalar(event.value, plain, style, self.source, start, b.index, line, column, b.line + 1, b.column + 1)

    def _stop(self, code: str, message: str, event: Any, help_: str = "") -> None:
        self.report.error(code, message, self._span(event), help=help_)
        raise Stop

    def _open(self, node: Mapping | Sequence, event: Any) -> None:
        if len(self.stack) >= MAX_DEPTH:
            self._stop("yaml/limit", f"more than {MAX_DEPTH} levels of nesting", event)
        self.stack.append(_Frame(node, event.anchor))

    def _close(self, event: Any) -> None:
        frame = self.stack.pop()
        node, end = frame.node, event.end_mark
        start = node.span
        node.span = Span(start.file, start.line, start.column, end.line + 1, end.column + 1)
        if isinstance(node, Mapping):
            self._merge(node, frame.merge)
        self._add(node, frame.anchor, frame.size, event)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            self._stop("yaml/syntax", f"the alias `*{event.anchor}` has no anchor `&{event.anchor}` before it", event)
        node, size = self.anchors[event.anchor]
        self._add(node, None, size, event)

    def _add(self, node: Node, anchor: str | None, size: int, event: Any) -> None:
        """Hang ``node`` into the innermost open collection. ``size`` counts what aliases expand to: a file that
        doubles itself a hundred times is stopped here, before anything walks it."""
        if size > MAX_NODES:
            self._stop(
                "yaml/limit",
                f"aliases expand to more than {MAX_NODES:,} nodes",
                event,
                "write the values out",
            )
        if anchor:
            self.anchors[anchor] = (node, size)
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        frame.size += size
        if frame.size > MAX_NODES:
            self._stop(
                "yaml/limit",
                f"the file expands to more than {MAX_NODES:,} nodes",
                event,
                "split the spec, or write aliases out",
            )
        if isinstance(frame.node, Sequence):
            frame.node.items.append(node)
        elif frame.key is None:
            frame.key = self._key(node, event)
        else:
            self._entry(frame, frame.key, node)
            frame.key = None

    def _key(self, node: Node, event: Any) -> Scalar:
        if not isinstance(node, Scalar):
            self._stop("yaml/syntax", "a mapping key must be a plain name", event)
            raise Stop
        return node

    def _entry(self, frame: _Frame, key: Scalar, value: Node) -> None:
        assert isinstance(frame.node, Mapping)
        if key.plain and key.text == "<<":
            frame.merge.append(value)
            return
        first = frame.node.entries.get(key.text)
        if first is None:
            frame.node.entries[key.text] = Entry(key, value)
            return
        from monitoring_kit.diagnostics import Note

        if len(self.stack) == 1 and isinstance(first.value, Mapping) and isinstance(value, Mapping):
            # A section that is written twice, such as `services:`: nobody shall be told that what the second holds is missing.
            for name, entry in value.entries.items():
                first.value.entries.setdefault(name, entry)
        self.report.error(
            "yaml/duplicate-key", f"the key `{key.text}` is written twice", key.span,
            help="YAML would silently keep one of them: remove or rename the other",
            notes=(Note(first.key.span, "first written here"),),
        )  # fmt: skip

    def _merge(self, node: Mapping, merged: list[Node]) -> None:
        for value in merged:
            for item in value.items if isinstance(value, Sequence) else [value]:
                if not isinstance(item, Mapping):
                    self.report.error("yaml/syntax", "`<<` merges mappings only", item.span)
                    continue
                for name, entry in item.entries.items():
                    node.entries.setdefault(name, entry)
