"""Names and escaping of the Prometheus text formats."""

from __future__ import annotations

import re

_METRIC = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
_RESERVED_LABELS = frozenset({"le", "quantile"})
_SUFFIXES = ("_total", "_sum", "_count", "_bucket", "_created", "_info")

_LABEL_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})


def metric_name_fault(name: str, kind: str) -> str | None:
    """What is wrong with a metric name of that type, or None.

    Colons are refused because they are reserved for recording rules; counters must end in ``_total`` and info metrics
    in ``_info``; nothing else may carry a suffix that OpenMetrics gives a meaning.
    """
    if not _METRIC.match(name):
        return "is not a metric name ([a-zA-Z_][a-zA-Z0-9_]*, no colon)"
    needed = {"counter": "_total", "info": "_info"}.get(kind)
    if needed is not None:
        return None if name.endswith(needed) and name != needed else f"must end in {needed}"
    clash = next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), None)
    return f"must not end in {clash}, which is reserved for another type" if clash else None


def label_name_fault(name: str) -> str | None:
    """What is wrong with a label name, or None. ``le``, ``quantile`` and ``__`` names belong to Prometheus."""
    if not _LABEL.match(name):
        return "is not a label name ([a-zA-Z_][a-zA-Z0-9_]*)"
    if name in _RESERVED_LABELS or name.startswith("__"):
        return "is reserved by Prometheus"
    return None


def escape_label(value: str) -> str:
    """A label value with backslash, newline and quote escaped (text format 0.0.4 and OpenMetrics 1.0)."""
    return value.translate(_LABEL_ESCAPES)


def escape_help(text: str, *, quotes: bool = False) -> str:
    """A help text with backslash and newline escaped; OpenMetrics (``quotes``) escapes the quote as well."""
    return text.translate(_LABEL_ESCAPES if quotes else _HELP_ESCAPES)


def label_block(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    """``a="x",b="y"`` without braces; "" for no labels."""
    return ",".join(f'{name}="{escape_label(value)}"' for name, value in zip(names, values, strict=True))


def number(value: float) -> str:
    """A float as both text formats write it: shortest round-trip form, ``+Inf``, ``-Inf``, ``NaN``."""
    text = repr(float(value))
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(text, text)
