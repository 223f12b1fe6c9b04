"""Prometheus protobuf exposition: length-delimited io.prometheus.client.MetricFamily, native histograms included.

Field numbers from prometheus/client_model io/prometheus/client/metrics.proto (v0.3 and later). Written by hand because
the format is six messages and the protobuf package would be the exporter's largest dependency.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from struct import pack

from .children import Child, Exemplar, HistogramChild, HistogramValue
from .family import AnyFamily, Histogram, ScalarFamily
from .lines import check_counters
from .native import spans

_TYPES = {"counter": 0, "gauge": 1, "info": 1, "summary": 2, "unknown": 3, "histogram": 4, "gaugehistogram": 5}
_VALUE_FIELD = {"gauge": b"\x12", "info": b"\x12", "counter": b"\x1a", "unknown": b"\x2a"}


def varint(value: int) -> bytes:
    """Base-128 varint of a non-negative integer."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> bytes:
    """A signed integer as sint32/sint64."""
    return varint(value << 1 if value >= 0 else ((-value) << 1) - 1)


def message(tag: int, body: bytes) -> bytes:
    """A length-delimited field."""
    return varint(tag << 3 | 2) + varint(len(body)) + body


def text(tag: int, value: str) -> bytes:
    return message(tag, value.encode())


def double(tag: int, value: float) -> bytes:
    return varint(tag << 3 | 1) + pack("<d", value)


def integer(tag: int, value: int) -> bytes:
    return varint(tag << 3) + varint(value)


def timestamp(tag: int, seconds: float) -> bytes:
    """A google.protobuf.Timestamp."""
    whole = int(seconds // 1)
    return message(tag, integer(1, whole) + integer(2, int((seconds - whole) * 1e9)))


def labels(pairs: Iterable[tuple[str, str]]) -> bytes:
    return b"".join([message(1, text(1, name) + text(2, value)) for name, value in pairs])


def exemplar(tag: int, item: Exemplar) -> bytes:
    body = labels(item.labels.items()) + double(2, item.value) + timestamp(3, item.timestamp)
    return message(tag, body)


def family_message(name: str, help_text: str, kind: str, metrics: Iterable[bytes], unit: str = "") -> bytes:
    """A delimited MetricFamily of already encoded Metric bodies."""
    return _delimited(name, help_text, kind, [message(4, metric) for metric in metrics], unit)


def _delimited(name: str, help_text: str, kind: str, fields: list[bytes], unit: str) -> bytes:
    body = text(1, name) + text(2, help_text) + integer(3, _TYPES[kind]) + b"".join(fields)
    if unit:
        body += text(5, unit)
    return varint(len(body)) + body


def render_family(family: AnyFamily) -> bytes:
    """One declared family; b"" when it has no sample. ExpositionError when a counter is not finite and >= 0."""
    if isinstance(family, Histogram):
        names = family.label_names
        bodies = (_labels(names, child) + message(7, _histogram(family, child)) for child in family.children())
        metrics = [message(4, body) for body in bodies]
    else:
        metrics = _scalars(family, family.children())
    return _delimited(family.name, family.spec.help, family.kind, metrics, family.spec.unit) if metrics else b""


def _labels(names: tuple[str, ...], child: HistogramChild) -> bytes:
    if child.encoded is None:
        child.encoded = labels(zip(names, child.values, strict=True))
    return child.encoded


def _scalars(family: ScalarFamily, children: list[Child]) -> list[bytes]:
    kind = family.kind
    if kind == "counter":
        check_counters([child.value for child in children], family.name)
        if family.spec.created or any(child.exemplar for child in children):
            return [_full_counter(family, child) for child in children]
    return [_front(family, child) + pack("<d", child.value) for child in children if child.value == child.value]


def _front(family: ScalarFamily, child: Child) -> bytes:
    """A Metric up to its eight value bytes: the same at every scrape, so it is kept."""
    if child.encoded is None:
        pairs = labels(zip(family.label_names, child.values, strict=True))
        child.encoded = b"\x22" + varint(len(pairs) + 11) + pairs + _VALUE_FIELD[family.kind] + b"\x09\x09"
    return child.encoded


def _full_counter(family: ScalarFamily, child: Child) -> bytes:
    pairs = labels(zip(family.label_names, child.values, strict=True))
    return message(4, pairs + message(3, _counter(family, child, child.value)))


def _counter(family: ScalarFamily, child: Child, value: float) -> bytes:
    body = double(1, value)
    if child.exemplar is not None:
        body += exemplar(2, child.exemplar)
    return body + timestamp(3, child.created) if family.spec.created else body


def _histogram(family: Histogram, child: HistogramChild) -> bytes:
    value = child.snapshot()
    counts = list(accumulate(value.counts))
    if value.schema is not None:
        # Prometheus refuses a native histogram whose count is not the sum of its native buckets.
        counts[-1] = sum(value.positive.values()) + sum(value.negative.values()) + value.zero_count
    body = integer(1, counts[-1]) + double(2, value.sum)
    if family.spec.buckets:
        bounds = (*family.spec.buckets, float("inf"))
        for place, (bound, count) in enumerate(zip(bounds, counts, strict=True)):
            bucket = integer(1, count) + double(2, bound)
            if (item := child.exemplars.get(place)) is not None:
                bucket += exemplar(3, item)
            body += message(3, bucket)
    if value.schema is not None:
        body += _native(family, value)
    if family.spec.created:
        body += timestamp(15, child.created)
    if not family.spec.buckets:
        body += b"".join([exemplar(16, item) for item in list(child.exemplars.values())])
    return body


def _native(family: Histogram, value: HistogramValue) -> bytes:
    body = varint(5 << 3) + zigzag(value.schema or 0)
    body += double(6, family.layout.zero_threshold) + integer(7, value.zero_count)
    for buckets, span_tag, delta_tag in ((value.negative, 9, 10), (value.positive, 12, 13)):
        ranges, deltas = spans(buckets)
        for offset, length in ranges:
            body += message(span_tag, varint(1 << 3) + zigzag(offset) + integer(2, length))
        if deltas:
            body += message(delta_tag, b"".join([zigzag(delta) for delta in deltas]))
    return body
