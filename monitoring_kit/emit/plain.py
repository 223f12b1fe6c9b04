"""What both emitters write alike."""

from __future__ import annotations

from typing import Any

from monitoring_kit.emit.yaml_scalars import UnwritableError, number

_INDENTS = ["  " * depth for depth in range(64)]


def spaces(depth: int) -> str:
    """Two spaces a level."""
    return _INDENTS[depth] if depth < len(_INDENTS) else "  " * depth


def bare(value: Any) -> str:
    """What JSON and YAML write alike: null, booleans, numbers and empty collections. Raises ``UnwritableError``."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    raise UnwritableError(f"a {type(value).__name__} is not plain data")
