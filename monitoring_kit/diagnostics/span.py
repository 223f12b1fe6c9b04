"""Positions in the user's files."""

from __future__ import annotations

from monitoring_kit.frozen import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of one source file: lines and columns count from 1, the end is exclusive."""

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one input file, kept so that a diagnostic can show the line it speaks of."""

    file: str
    text: str

    def line(self, number: int) -> str:
        """The line with that number (from 1) without its newline; "" past the end."""
        lines = self.text.split("\n")
        return lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else ""
