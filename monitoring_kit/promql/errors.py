"""The one exception of the PromQL package."""

from __future__ import annotations

Span = tuple[int, int]
"""Start (inclusive) and end (exclusive) offset into the expression's text, in characters."""


class PromQLError(ValueError):
    """A PromQL text that Prometheus would reject, or a limit of mkit.

    ``message`` is one line without the position, ``span`` the offending characters and
    ``expected`` what would have been accepted there ("" where nothing specific would).
    """

    def __init__(self, message: str, span: Span, expected: str = "") -> None:
        self.message = message
        self.span = span
        self.expected = expected
        super().__init__(f"{message}, expected {expected}" if expected else message)

    @property
    def help(self) -> str:
        """What would have been accepted, as the help of a finding; "" where nothing specific would."""
        return f"expected {self.expected}" if self.expected else ""


def line_column(text: str, offset: int) -> tuple[int, int]:
    """1-based line and column of ``offset`` in ``text``, columns counted in characters."""
    line = text.count("\n", 0, offset) + 1
    return line, offset - (text.rfind("\n", 0, offset) + 1) + 1
