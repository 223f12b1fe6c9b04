"""``# mkit disable promql/impossible until 2027-01-31: reason`` in the linted files."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass

from monitoring_kit.diagnostics import Diagnostic, Report, Source, Span
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.load.nodes import Mapping, Node, Scalar, Sequence

_COMMENT = re.compile(r"(?:^|(?<=\s))#[ \t]*mkit\b[ \t:]*(.*)$", re.M)
_DISABLE = re.compile(r"disable[ \t]+([\w/-]+)(?:[ \t]+until[ \t]+(\S+?))?[ \t]*(?::[ \t]*(.*))?$")
_FORM = "write `# mkit disable CODE until 2027-01-31: reason`; `until …` may be left out"


@dataclass(slots=True)
class Comment:
    """A disable: what of, on which lines (from, to) of which file; ``used`` once it has covered a finding."""

    code: str
    lines: tuple[int, int]
    span: Span
    used: bool = False


class Disables:
    """The disables of all files, and of ``--disable``."""

    def __init__(self, everywhere: Iterable[str], known: Iterable[str], today: datetime.date | None = None) -> None:
        self.everywhere = frozenset(everywhere)
        self.known = frozenset(known)
        self.today = today or datetime.date.today()
        self.comments: dict[str, list[Comment]] = {}

    def read(self, source: Source, roots: Iterable[Node], report: Report) -> None:
        """Find the comments of a YAML file; malformed, unknown and expired ones are reported."""
        if "mkit" not in source.text:
            return
        found = list(_COMMENT.finditer(source.text))
        blocks = _blocks(roots) if found else {}
        for match in found:
            line = source.text.count("\n", 0, match.start()) + 1
            column = match.start() - source.text.rfind("\n", 0, match.start())
            span = Span(source.file, line, column, line, column + len(match[0].rstrip()))
            comment = self._comment(match[1].strip(), span, report)
            if comment is not None:
                comment.lines = _reach(source, line, column, blocks)
                self.comments.setdefault(source.file, []).append(comment)

    def _comment(self, text: str, span: Span, report: Report) -> Comment | None:
        match = _DISABLE.fullmatch(text)
        if match is None:
            if text.startswith("disable"):
                report.warning("checks/comment", "this comment disables nothing: it cannot be read", span, help=_FORM)
            return None
        code, until, reason = match.groups()
        if code not in self.known:
            report.warning(
                "checks/unknown",
                f"there is no check `{code}` to disable",
                span,
                help=did_you_mean(code, self.known, "checks"),
            )
            return None
        if not reason:
            report.warning(
                "checks/comment",
                "a disable needs a reason, so that somebody can tell when it no longer holds",
                span,
                help=_FORM,
            )
            return None
        if until is not None:
            try:
                day = datetime.date.fromisoformat(until)
            except ValueError:
                report.warning("checks/comment", f"`{until}` is no date", span, help=_FORM)
                return None
            if day < self.today:
                report.warning(
                    "checks/expired", f"`{code}` was disabled until {until}: its findings are reported again", span,
                    help="mend what it finds, or set a later date with a reason that still holds",
                )  # fmt: skip
                return None
        return Comment(code, (span.line, span.line), span)

    def covers(self, found: Diagnostic) -> bool:
        """Whether the finding is disabled."""
        if found.code in self.everywhere:
            return True
        covered = False
        for comment in self.comments.get(found.span.file, ()):
            if comment.code == found.code and comment.lines[0] <= found.span.line <= comment.lines[1]:
                comment.used = covered = True
        return covered

    def finish(self, report: Report) -> None:
        """Report every comment that covered nothing."""
        for comments in self.comments.values():
            for comment in comments:
                if not comment.used and comment.code not in self.everywhere:
                    report.warning(
                        "checks/stale", f"`{comment.code}` finds nothing here: it need not be disabled", comment.span,
                        help="remove the comment, so that the next finding is seen",
                    )  # fmt: skip


def _blocks(roots: Iterable[Node]) -> dict[int, tuple[int, int]]:
    """By the line on which a list item or an entry starts: the lines of the outermost one that starts there."""
    found: dict[int, tuple[int, int]] = {}

    def note(start: int, node: Node) -> None:
        end = _end(node)
        if start not in found:
            found[start] = (start, end)

    pending = list(roots)
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Mapping):
            note(node.span.line, node)
            for entry in node.entries.values():
                note(entry.key.line, entry.value)
            pending += [entry.value for entry in reversed(node.entries.values())]
        elif isinstance(node, Sequence):
            for item in node.items:
                note(item.span.line, item)
            pending += reversed(node.items)
    return found


def _end(node: Node) -> int:
    """The last line of a node; libyaml ends a block where the next token starts, which can be lines below."""
    if isinstance(node, Scalar):
        return node.end_line - (1 if node.style in ("|", ">") else 0)
    span = node.span
    return max(span.end_line - 1, span.line) if span.end_column == 1 and span.end_line > span.line else span.end_line


def _reach(source: Source, line: int, column: int, blocks: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """What a comment is about: behind a value its line's block, else the block that follows it, else what it stands in."""
    lines = source.text.split("\n")
    if lines[line - 1][: column - 1].strip():
        return blocks.get(line, (line, line))
    for number in range(line, len(lines)):
        text = lines[number].strip()
        if text and not text.startswith("#") and text != "---":
            if number + 1 in blocks:
                return blocks[number + 1]
            break
    around = [lines_ for lines_ in blocks.values() if lines_[0] <= line <= lines_[1]]
    return min(around, key=lambda lines_: lines_[1] - lines_[0], default=(line, line))
