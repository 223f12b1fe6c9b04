"""Findings as text for people: the source line, a caret under the exact stretch, and what to write instead."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from monitoring_kit.diagnostics.diagnostic import Diagnostic, Report, Severity
from monitoring_kit.diagnostics.redact import HIDDEN, SecretLines, redacted
from monitoring_kit.diagnostics.span import Source, Span
from monitoring_kit.frozen import dataclass

_COLORS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.INFO: "1;36"}
_TAB = "    "


@dataclass(frozen=True, slots=True)
class Style:
    """How to draw: with ANSI colours or without, and how many columns a source line may take."""

    color: bool = False
    width: int = 120

    def paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text


@dataclass(frozen=True, slots=True)
class _Label:
    span: Span
    text: str
    mark: str
    color: str


def render_report(report: Report, style: Style, min_severity: Severity = Severity.INFO) -> str:
    """All findings of at least ``min_severity`` in the order of their places, then the counts; "" when there are none."""
    shown = [d for d in report if d.severity >= min_severity]
    if not shown:
        return ""
    secrets = SecretLines(report.diagnostics, report.sources)
    blocks = [render(d, report.sources, style, secrets) for d in shown]
    return "\n\n".join([*blocks, summary(shown)]) + "\n"


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """``2 errors, 1 warning`` for the findings given."""
    parts = []
    for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO):
        count = sum(d.severity is severity for d in diagnostics)
        word = "note" if severity is Severity.INFO else severity.word
        if count:
            parts.append(f"{count} {word}{'s' if count > 1 else ''}")
    return ", ".join(parts) or "no findings"


def render(diagnostic: Diagnostic, sources: dict[str, Source], style: Style, secrets: SecretLines | None = None) -> str:
    """One finding as lines of text, without a newline at the end."""
    hidden = secrets if secrets is not None else SecretLines([diagnostic], sources)
    color = _COLORS[diagnostic.severity]
    head = style.paint(color, f"{diagnostic.severity.word}[{diagnostic.code}]")
    lines = [f"{head}: {style.paint('1', clean(diagnostic.message))}"]
    labels = [_Label(diagnostic.span, "", "^", color)]
    labels += [_Label(note.span, clean(note.text), "-", "1;34") for note in diagnostic.notes]
    gutter = max(len(str(label.span.line)) for label in labels)
    for index, (file, group) in enumerate(_by_file(labels)):
        arrow = "-->" if index == 0 else ":::"
        place = group[0].span if index else diagnostic.span
        lines.append(f"{' ' * gutter}{style.paint('1;34', arrow)} {clean(str(place))}")
        lines += _snippet(group, sources.get(file), style, gutter, hidden)
    if diagnostic.help:
        first, *rest = clean(diagnostic.help, keep_newlines=True).split("\n")
        lines.append(f"{' ' * gutter} {style.paint('1;34', '=')} {style.paint('1', 'help')}: {first}")
        lines += [f"{' ' * gutter}         {line}" for line in rest]
    return "\n".join(lines)


def clean(text: str, *, keep_newlines: bool = False) -> str:
    """``text`` without characters that a terminal would obey."""
    return "".join(
        c if c.isprintable() or (keep_newlines and c == "\n") else " " if c in "\t\n\r" else "\ufffd" for c in text
    )


def _by_file(labels: Iterable[_Label]) -> list[tuple[str, list[_Label]]]:
    """The labels of each file, the finding's own file first, ordered by line."""
    groups: dict[str, list[_Label]] = {}
    for label in labels:
        groups.setdefault(label.span.file, []).append(label)
    return [(file, sorted(group, key=lambda x: (x.span.line, x.span.column))) for file, group in groups.items()]


def _snippet(labels: list[_Label], source: Source | None, style: Style, gutter: int, hidden: SecretLines) -> list[str]:
    if source is None or not source.text:
        return [f"{' ' * gutter}  {label.text}" for label in labels if label.text]
    bar = style.paint("1;34", "|")
    lines = [f"{' ' * gutter} {bar}"]
    last: int | None = None
    for label in labels:
        number = label.span.line
        text = source.line(number)
        start, end = label.span.column - 1, _end(label.span, text)
        if (source.file, number) in hidden:
            text, start, end = _hide(text, start, end)
        shown, pad, length = _fit(text, start, end, style.width)
        if number != last:
            if last is not None and number > last + 1:
                lines.append(f"{' ' * gutter} {style.paint('1;34', ':')}")
            lines.append(f"{style.paint('1;34', str(number).rjust(gutter))} {bar} {shown}".rstrip())
        last = number
        caret = style.paint(label.color, label.mark * length + (f" {label.text}" if label.text else ""))
        lines.append(f"{' ' * gutter} {bar} {' ' * pad}{caret}")
    return lines


def _end(span: Span, text: str) -> int:
    """The exclusive end column (from 0) on the first line of the span."""
    if span.end_line == span.line and span.end_column > span.column:
        return span.end_column - 1
    return len(text.rstrip()) if span.end_line > span.line else span.column


def _hide(text: str, start: int, end: int) -> tuple[str, int, int]:
    shown = redacted(text)
    kept = len(shown) - len(HIDDEN)
    if end <= kept:
        return shown, start, end
    return shown, min(start, kept), len(shown)


def _fit(text: str, start: int, end: int, width: int) -> tuple[str, int, int]:
    """The line cut to ``width`` columns around the stretch, the columns before the caret and the caret's length."""
    start = min(max(start, 0), len(text))
    end = min(max(end, start + 1), len(text) + 1)
    cut_left = 0
    if _columns(text) > width and _columns(text[:end]) > width:
        cut_left = max(0, min(start - width // 4, len(text) - width))
    lead = "…" if cut_left else ""
    visible = text[cut_left:]
    shown = lead + _expand(visible)
    pad = len(lead) + _columns(text[cut_left:start])
    length = max(1, _columns(text[start:end]))
    if _columns(visible) > width:
        keep, used = 0, 0
        while keep < len(visible) and used < width:
            used += _columns(visible[keep])
            keep += 1
        shown = lead + _expand(visible[:keep]) + "…"
        length = max(1, min(length, used + len(lead) - pad))
    return shown, pad, length


def _expand(text: str) -> str:
    return clean(text.replace("\t", _TAB))


def _columns(text: str) -> int:
    """The columns that ``text`` takes in a terminal: wide characters two, combining marks none (Unicode annex 11)."""
    if text.isascii():
        return len(text) + text.count("\t") * (len(_TAB) - 1)
    return sum(_column(c) for c in text)


def _column(char: str) -> int:
    if char == "\t":
        return len(_TAB)
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
