"""Read a text exposition (Prometheus 0.0.4 or OpenMetrics 1.0) into families, within limits.

Written for what servers really send: names stay as they were written (the official client's parser
renames counters), and values are kept only where they are part of a metric's shape.
Source of the grammar: prometheus/docs, "Exposition formats" and the OpenMetrics 1.0 specification.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_BYTES = 64 * 1024 * 1024
MAX_LINE_BYTES = 1024 * 1024
MAX_SERIES = 500_000

_NAME = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]*")
_LABEL = re.compile(r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(,|(?=\}))')
_CLOSE = re.compile(r"[ \t]*\}[ \t]*")
# Value, timestamp (not kept), exemplar (not kept).
_VALUE = re.compile(r"(\S+)(?:[ \t]+(-?[0-9.eE+]+))?[ \t]*(?:#.*)?$")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "\\": "\\", '"': '"'}
_SUFFIXES: dict[str, tuple[str, ...]] = {
    "counter": ("_total", "_created"),
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
    "summary": ("_sum", "_count", "_created"),
    "info": ("_info",),
}


class ExpositionError(ValueError):
    """The text is no exposition, or it is larger than allowed; the message has the line number."""


@dataclass(frozen=True)
class Sample:
    """One line: series name, labels as written, and the value as text."""

    name: str
    labels: dict[str, str]
    value: str


@dataclass
class Family:
    """The samples under one `# TYPE`; `name` is as the exposition wrote it."""

    name: str
    type: str = "unknown"
    help: str = ""
    unit: str = ""
    samples: list[Sample] = field(default_factory=list)


def parse(text: str, *, max_bytes: int = MAX_BYTES, max_series: int = MAX_SERIES) -> dict[str, Family]:
    """Families by name, in the order of the text.

    A sample without metadata is a family of its own with type `unknown`. Raises ExpositionError for a
    line that is neither comment nor sample, for text over `max_bytes` (UTF-8) and for more samples
    than `max_series`.
    """
    if len(text) > max_bytes or len(text.encode("utf-8", "surrogatepass")) > max_bytes:
        raise ExpositionError(f"the exposition is larger than {max_bytes} bytes")
    families: dict[str, Family] = {}
    owners: dict[str, str] = {}
    series = 0
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip("\r")
        if not line.strip():
            continue
        if len(line) > MAX_LINE_BYTES:
            raise ExpositionError(f"line {number}: longer than {MAX_LINE_BYTES} characters")
        if line.startswith("#"):
            if line.strip() == "# EOF":
                break
            _metadata(line, families, owners)
            continue
        series += 1
        if series > max_series:
            raise ExpositionError(f"line {number}: more than {max_series} samples")
        sample = _sample(line, number)
        families.setdefault(owners.get(sample.name, sample.name), Family(sample.name)).samples.append(sample)
    return families


def _metadata(line: str, families: dict[str, Family], owners: dict[str, str]) -> None:
    parts = line.split(None, 3)
    if len(parts) < 3 or parts[0] != "#" or parts[1] not in ("TYPE", "HELP", "UNIT"):
        return
    name, rest = parts[2], parts[3] if len(parts) > 3 else ""
    family = families.setdefault(name, Family(name))
    if parts[1] == "HELP":
        family.help = _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[0]), rest)
    elif parts[1] == "UNIT":
        family.unit = rest.strip()
    else:
        kind = rest.strip().lower()
        family.type = "unknown" if kind in ("untyped", "") else kind
        owners[name] = name
        for suffix in _SUFFIXES.get(family.type, ()):
            owners.setdefault(name + suffix, name)


def _sample(line: str, number: int) -> Sample:
    name = _NAME.match(line)
    if name is None:
        raise ExpositionError(f"line {number}: not a sample: {line[:80]!r}")
    labels, position = _labels(line, name.end(), number)
    value = _VALUE.match(line, position)
    if value is None:
        raise ExpositionError(f"line {number}: not a sample: {line[:80]!r}")
    try:
        float("_" if "_" in value[1] else value[1])
    except ValueError:
        raise ExpositionError(f"line {number}: {value[1][:40]!r} is not a number") from None
    return Sample(name[1], labels, value[1])


def _labels(line: str, position: int, number: int) -> tuple[dict[str, str], int]:
    """The labels that begin at `position`, if any do, and where the value begins."""
    labels: dict[str, str] = {}
    if not line.startswith("{", position):
        return labels, position
    position += 1
    while (close := _CLOSE.match(line, position)) is None:
        found = _LABEL.match(line, position)
        if found is None:
            raise ExpositionError(f"line {number}: not a label: {line[position : position + 60]!r}")
        labels[found[1]] = _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[0]), found[2])
        position = found.end()
    return labels, close.end()
