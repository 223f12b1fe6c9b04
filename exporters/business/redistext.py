"""Redis commands: a closed list of cheap reads, so that no configuration can write or block the server."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

# Command -> (fewest, most) arguments. No KEYS, SCAN, EVAL: they block the server or do anything.
# https://redis.io/docs/latest/commands/
ALLOWED: dict[str, tuple[int, int]] = {
    "BITCOUNT": (1, 4),
    "DBSIZE": (0, 0),
    "EXISTS": (1, 100),
    "GET": (1, 1),
    "HGET": (2, 2),
    "HGETALL": (1, 1),
    "HLEN": (1, 1),
    "INFO": (1, 1),
    "LLEN": (1, 1),
    "MEMORY USAGE": (1, 3),
    "PFCOUNT": (1, 100),
    "PTTL": (1, 1),
    "SCARD": (1, 1),
    "STRLEN": (1, 1),
    "TTL": (1, 1),
    "XLEN": (1, 1),
    "ZCARD": (1, 1),
    "ZCOUNT": (3, 3),
    "ZSCORE": (2, 2),
}
_NOW = re.compile(r"\{now(?:-(\d+)(s|m|h|d))?\}")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LABELLED = ("HGETALL",)


def parse_command(text: str) -> tuple[str, list[str]]:
    """(command in capitals, arguments). ValueError for what is not on the list."""
    try:
        words = shlex.split(text)
    except ValueError:
        raise ValueError("has a quote without end") from None
    if not words:
        raise ValueError("is empty")
    name, rest = words[0].upper(), words[1:]
    if name == "MEMORY" and rest:
        name, rest = f"MEMORY {rest[0].upper()}", rest[1:]
    if name not in ALLOWED:
        raise ValueError(f"`{name}` is not among the commands allowed: {', '.join(ALLOWED)}")
    low, high = ALLOWED[name]
    if not low <= len(rest) <= high:
        raise ValueError(f"{name} takes {low if low == high else f'{low} to {high}'} arguments, not {len(rest)}")
    return name, rest


def commands(query: Any) -> dict[str | None, tuple[str, list[str]]]:
    """Label value -> command; one entry under None for a query that is one command. ValueError when it is neither."""
    if isinstance(query, str):
        return {None: parse_command(query)}
    if not isinstance(query, Mapping) or not query:
        raise ValueError("expected a command, or a mapping from label values to commands")
    if len(query) > 100:
        raise ValueError("has more than 100 commands")
    return {str(label): parse_command(str(text)) for label, text in query.items()}


def redis_faults(query: Any, labels: tuple[str, ...], field: str | None) -> list[str]:
    """Why the query cannot fill a metric with these labels; empty when it can."""
    try:
        found = commands(query)
    except ValueError as error:
        return [str(error)]
    needed = 1 if isinstance(query, Mapping) else 0
    if None in found and found[None][0] in _LABELLED:
        needed = 1
    out = []
    if len(labels) != needed:
        out.append(f"makes {needed} label(s), but the metric has {len(labels)}")
    for name, _ in found.values():
        if (name == "INFO") != (field is not None):
            out.append("INFO needs `field`, the line of its answer" if name == "INFO" else "`field` belongs to INFO")
        if needed and isinstance(query, Mapping) and name in _LABELLED:
            out.append(f"{name} gives many values, so it stands alone")
    return list(dict.fromkeys(out))


def uses_now(query: Any) -> bool:
    """Whether a command holds ``{now}`` or ``{now-5m}``."""
    texts = [query] if isinstance(query, str) else list(query.values())
    return any(_NOW.search(str(text)) for text in texts)


def fill_now(argument: str, now: int) -> str:
    """The argument with ``{now-5m}`` as Unix seconds."""
    return _NOW.sub(lambda m: str(now - int(m.group(1) or 0) * _SECONDS[m.group(2) or "s"]), argument)
