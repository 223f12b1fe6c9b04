"""Which source lines hold a secret, and what may be shown of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from monitoring_kit.diagnostics.diagnostic import Diagnostic
from monitoring_kit.diagnostics.span import Source

HIDDEN = "<hidden>"

# The indentation, list dashes and the first key: what comes after may be the secret.
_HEAD = re.compile(r"\s*(?:-\s+)*(?:\"[^\"]*\"\s*:|'[^']*'\s*:|[A-Za-z0-9_.-]+\s*:(?=\s|$))?\s*")


class SecretLines:
    """The lines that a secret finding points at, with the deeper indented ones below, so that no *other* finding on the
    same line shows the value either."""

    def __init__(self, diagnostics: Iterable[Diagnostic], sources: dict[str, Source]) -> None:
        self._lines: set[tuple[str, int]] = set()
        for diagnostic in diagnostics:
            if diagnostic.secret:
                spans = [diagnostic.span, *(note.span for note in diagnostic.notes)]
                for span in spans:
                    self._hide(span.file, span.line, span.end_line, sources.get(span.file))

    def _hide(self, file: str, first: int, last: int, source: Source | None) -> None:
        self._lines.update((file, number) for number in range(first, last + 1))
        if source is None:
            return
        lines = source.text.split("\n")
        depth = _indent(lines[first - 1]) if first <= len(lines) else 0
        number = first + 1
        while number <= len(lines) and (not lines[number - 1].strip() or _indent(lines[number - 1]) > depth):
            self._lines.add((file, number))
            number += 1

    def __contains__(self, place: tuple[str, int]) -> bool:
        return place in self._lines


def redacted(line: str) -> str:
    """``line`` up to its first key; everything behind it is hidden."""
    head = _HEAD.match(line)
    kept = head.group() if head else ""
    return kept + HIDDEN


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
