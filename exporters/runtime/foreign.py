"""Rendering of ``prometheus_client`` Metric objects in the three formats. Not fast, but valid."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from . import protobuf as pb
from .children import Exemplar
from .names import escape_help, escape_label, number
from .text import exemplar_text

_LEGACY = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
_HISTOGRAMS = ("histogram", "gaugehistogram")


def escape_name(name: str, scheme: str) -> str:
    """A UTF-8 metric or label name under an escaping scheme (Prometheus "Escaping schemes").

    ``allow-utf-8`` leaves it; ``underscores`` replaces what is not legacy by ``_``; ``dots`` writes ``_dot_`` and
    doubles underscores; ``values`` prefixes ``U__`` and writes code points.
    """
    if scheme == "allow-utf-8" or (scheme != "dots" and _LEGACY.match(name)):
        return name
    if scheme == "dots":
        return "".join([_dots(char, place) for place, char in enumerate(name)])
    if scheme == "values":
        return "U__" + "".join([_values(char, place) for place, char in enumerate(name)])
    return "".join([char if _legal(char, place) else "_" for place, char in enumerate(name)])


def _legal(char: str, place: int) -> bool:
    return char.isascii() and (char.isalpha() or char in "_:" or (char.isdigit() and place > 0))


def _dots(char: str, place: int) -> str:
    if char == "_":
        return "__"
    if char == ".":
        return "_dot_"
    return char if _legal(char, place) else "__"


def _values(char: str, place: int) -> str:
    if char == "_":
        return "__"
    return char if _legal(char, place) else f"_{ord(char):x}_"


def _series(name: str, labels: Iterable[tuple[str, str]], scheme: str) -> str:
    name = escape_name(name, scheme)
    pairs = [f'{_quoted(escape_name(key, scheme))}="{escape_label(value)}"' for key, value in labels]
    if not _LEGACY.match(name):
        pairs.insert(0, _quoted(name))
        name = ""
    return name + ("{" + ",".join(pairs) + "}" if pairs else "")


def _quoted(name: str) -> str:
    return name if _LEGACY.match(name) else f'"{escape_label(name)}"'


def render_foreign(metric: Any, form: str, scheme: str) -> bytes:
    """One Metric object; b"" without samples."""
    if not metric.samples:
        return b""
    if form == "protobuf":
        return _protobuf(metric, scheme)
    openmetrics = form == "openmetrics"
    return "".join([*_openmetrics(metric, scheme)] if openmetrics else [*_text(metric, scheme)]).encode()


def _openmetrics(metric: Any, scheme: str) -> Iterable[str]:
    name = _quoted(escape_name(metric.name, scheme))
    kind = "unknown" if metric.type == "untyped" else metric.type
    yield f"# TYPE {name} {kind}\n"
    if metric.unit and metric.name.endswith("_" + metric.unit):
        yield f"# UNIT {name} {metric.unit}\n"
    yield f"# HELP {name} {escape_help(metric.documentation, quotes=True)}\n"
    for sample in metric.samples:
        tail = ""
        if sample.timestamp is not None:
            tail += f" {float(sample.timestamp):.3f}"
        if sample.exemplar is not None and sample.name.endswith(("_bucket", "_total")):
            tail += exemplar_text(_exemplar(sample.exemplar))
        yield f"{_series(sample.name, sample.labels.items(), scheme)} {number(sample.value)}{tail}\n"


def _exemplar(found: Any) -> Exemplar:
    return Exemplar(dict(found.labels), float(found.value), float(found.timestamp or 0.0))


def _text(metric: Any, scheme: str) -> Iterable[str]:
    kind = {"info": "gauge", "stateset": "gauge", "gaugehistogram": "histogram", "unknown": "untyped"}.get(
        metric.type, metric.type
    )
    suffix = {"counter": "_total", "info": "_info"}.get(metric.type, "")
    groups: dict[str, list[Any]] = {metric.name + suffix: []}
    for sample in metric.samples:
        # _created and the gaugehistogram's own suffixes are families of their own in 0.0.4; the former double counters.
        if sample.name == metric.name + "_created":
            continue
        extra = sample.name.endswith(("_gsum", "_gcount")) and metric.type == "gaugehistogram"
        groups.setdefault(sample.name if extra else metric.name + suffix, []).append(sample)
    for name, samples in groups.items():
        shown = _quoted(escape_name(name, scheme))
        own = kind if name == metric.name + suffix else "gauge"
        yield f"# HELP {shown} {escape_help(metric.documentation)}\n# TYPE {shown} {own}\n"
        for sample in samples:
            stamp = "" if sample.timestamp is None else f" {int(float(sample.timestamp) * 1000)}"
            yield f"{_series(sample.name, sample.labels.items(), scheme)} {number(sample.value)}{stamp}\n"


def _protobuf(metric: Any, scheme: str) -> bytes:
    kind = {"stateset": "gauge", "untyped": "unknown"}.get(metric.type, metric.type)
    suffix = {"counter": "_total", "info": "_info"}.get(metric.type, "")
    sets: dict[tuple[tuple[str, str], ...], list[Any]] = {}
    drop = {"histogram": "le", "gaugehistogram": "le", "summary": "quantile"}.get(kind)
    for sample in metric.samples:
        key = tuple((k, v) for k, v in sample.labels.items() if k != drop)
        sets.setdefault(key, []).append(sample)
    bodies = []
    for key, samples in sets.items():
        pairs = pb.labels((escape_name(k, scheme), v) for k, v in key)
        value = _value(metric.name, kind, samples)
        if value:
            bodies.append(pairs + value)
    return pb.family_message(escape_name(metric.name + suffix, scheme), metric.documentation, kind, bodies)


def _value(name: str, kind: str, samples: list[Any]) -> bytes:
    if kind in _HISTOGRAMS:
        return pb.message(7, _histogram(name, samples))
    if kind == "summary":
        return pb.message(4, _summary(name, samples))
    found = next((s for s in samples if not s.name.endswith("_created")), None)
    if found is None:
        return b""
    body = pb.double(1, float(found.value))
    if kind == "counter":
        if found.exemplar is not None:
            body += pb.exemplar(2, _exemplar(found.exemplar))
        return pb.message(3, body)
    return pb.message(5 if kind == "unknown" else 2, body)


def _histogram(name: str, samples: list[Any]) -> bytes:
    count = next((s.value for s in samples if s.name in (f"{name}_count", f"{name}_gcount")), 0)
    total = next((s.value for s in samples if s.name in (f"{name}_sum", f"{name}_gsum")), 0.0)
    body = pb.integer(1, int(count)) + pb.double(2, float(total))
    for sample in samples:
        if sample.name == f"{name}_bucket":
            bucket = pb.integer(1, int(sample.value)) + pb.double(2, float(sample.labels["le"]))
            if sample.exemplar is not None:
                bucket += pb.exemplar(3, _exemplar(sample.exemplar))
            body += pb.message(3, bucket)
    return body


def _summary(name: str, samples: list[Any]) -> bytes:
    body = b""
    for sample in samples:
        if sample.name == f"{name}_count":
            body += pb.integer(1, int(sample.value))
        elif sample.name == f"{name}_sum":
            body += pb.double(2, float(sample.value))
        elif sample.name == name:
            quantile = pb.double(1, float(sample.labels["quantile"])) + pb.double(2, float(sample.value))
            body += pb.message(3, quantile)
    return body
