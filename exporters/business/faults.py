"""What can go wrong with a source, as reasons that become label values of ``collector_errors_total``."""

from __future__ import annotations

from typing import Any

from ..runtime import CollectError

REASONS = (
    "auth", "busy", "columns", "connect", "empty", "null_label", "null_value", "order", "permission", "query",
    "response", "state", "timeout", "too_large", "too_many_rows", "value",
)  # fmt: skip
# With these the source has answered nothing about its data, whether or not a line to it stands.
NO_ANSWER = ("auth", "connect")


class SourceFault(CollectError):
    """A source did not answer a query.

    ``reason`` is one of REASONS. ``lost`` says that the connection is gone, so that a query on a reused connection may
    be tried once more on a new one; ``spent`` that the source has answered, so that the same would come again, but the
    connection is of no more use. The message is free of secrets.
    """

    def __init__(self, reason: str, message: str = "", *, lost: bool = False, spent: bool = False) -> None:
        super().__init__(reason, message)
        self.lost = lost
        self.spent = spent


def column_names(description: Any) -> tuple[str, ...]:
    """The names in a DB-API cursor's description. SourceFault ``columns`` for a statement without an answer."""
    if not description:
        raise SourceFault("columns", "the statement gives no rows")
    return tuple(str(column[0]) for column in description)


def scrub(text: object, secrets: tuple[str, ...], limit: int = 300) -> str:
    """A driver's message on one line, shortened, with every secret replaced by ``***``."""
    line = " ".join(str(text).split())
    for secret in sorted((s for s in secrets if s), key=len, reverse=True):
        line = line.replace(secret, "***")
    return line if len(line) <= limit else line[: limit - 3] + "..."
