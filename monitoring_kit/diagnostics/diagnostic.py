"""What mkit says about a spec: one finding, and the list that a run collects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from enum import IntEnum

from monitoring_kit.diagnostics.span import Source, Span
from monitoring_kit.frozen import dataclass


class Severity(IntEnum):
    """error = proven wrong, nothing is written; warning = likely wrong; info = style, or worth knowing."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that explains the finding ("first defined here"), drawn with a caret of its own."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A mechanical repair: replace the text at ``span`` by ``text``."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    ``code`` is ``area/name`` and names the documentation page; ``message`` says what is wrong in one line; ``help``
    says what to write instead. ``secret`` hides the source line's value when the finding is rendered.
    """

    code: str
    severity: Severity
    message: str
    span: Span
    help: str = ""
    notes: tuple[Note, ...] = ()
    fix: Fix | None = None
    secret: bool = False

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        return (self.span.file, self.span.line, self.span.column, self.code, self.message)


@dataclass(slots=True)
class Report:
    """Collects the diagnostics of one run, and the sources they point into."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)
    _seen: set[Diagnostic] = field(default_factory=set)

    def add(self, diagnostic: Diagnostic) -> None:
        """Record a finding; the same finding said twice counts once."""
        if diagnostic not in self._seen:
            self._seen.add(diagnostic)
            self.diagnostics.append(diagnostic)

    def error(self, code: str, message: str, span: Span, **more: object) -> None:
        self.add(Diagnostic(code, Severity.ERROR, message, span, **more))  # type: ignore[arg-type]

    def warning(self, code: str, message: str, span: Span, **more: object) -> None:
        self.add(Diagnostic(code, Severity.WARNING, message, span, **more))  # type: ignore[arg-type]

    def info(self, code: str, message: str, span: Span, **more: object) -> None:
        self.add(Diagnostic(code, Severity.INFO, message, span, **more))  # type: ignore[arg-type]

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        for diagnostic in diagnostics:
            self.add(diagnostic)

    @property
    def failed(self) -> bool:
        """True when there is an error: nothing may be written then."""
        return any(d.severity is Severity.ERROR for d in self.diagnostics)

    def __iter__(self) -> Iterator[Diagnostic]:
        """The findings ordered by file, line and column."""
        return iter(sorted(self.diagnostics, key=lambda d: d.sort_key))

    def __len__(self) -> int:
        return len(self.diagnostics)

    def count(self, severity: Severity) -> int:
        return sum(d.severity is severity for d in self.diagnostics)


class Stop(Exception):
    """Raised by a stage that cannot go on; the report already holds the reason."""


class InternalError(Exception):
    """A bug in mkit, not in the user's spec: the message says which promise was broken."""
