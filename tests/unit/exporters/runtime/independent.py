"""Readers of the three expositions that share no code with the writer, nor with prometheus_client.

Strict on purpose: whatever the format does not allow is an AssertionError. Written from the text format page, OpenMetrics
1.0 and client_model's metrics.proto.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
NUMBER = r"(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]Inf|NaN)"
PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"')
UNESCAPE = {"\\\\": "\\", "\\n": "\n", '\\"': '"'}

Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass
class Family:
    name: str
    type: str = "untyped"
    help: str = ""
    unit: str = ""
    samples: dict[Key, float] = field(default_factory=dict)
    exemplars: dict[Key, tuple[dict[str, str], float]] = field(default_factory=dict)


def pairs(text: str) -> tuple[tuple[str, str], ...]:
    out, place = [], 0
    while place < len(text):
        match = PAIR.match(text, place)
        assert match, f"bad labels: {text[place:]!r}"
        out.append((match[1], re.sub(r'\\[\\n"]', lambda m: UNESCAPE[m[0]], match[2])))
        place = match.end()
        if place < len(text):
            assert text[place] == ","
            place += 1
    assert len({name for name, _ in out}) == len(out), "label twice"
    return tuple(out)


def sample_line(line: str) -> tuple[str, tuple[tuple[str, str], ...], float, str]:
    """Name, labels, value, exemplar text: a scan by hand because a brace or a hash may stand in a label value."""
    match = re.match(NAME, line)
    assert match, line
    name, rest, labels = match[0], line[match.end() :], ""
    if rest.startswith("{"):
        inside = re.match(r'\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\}', rest)
        assert inside, line
        labels, rest = inside[1], rest[inside.end() :]
    value, _, exemplar = rest.removeprefix(" ").partition(" # ")
    assert rest.startswith(" ")
    assert re.fullmatch(NUMBER, value), line
    return name, pairs(labels), float(value.replace("Inf", "inf")), exemplar


SUFFIXES = {
    "counter": ("_total", "_created"),
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "info": ("_info",),
    "gauge": ("",),
    "untyped": ("",),
    "summary": ("", "_sum", "_count"),
}


def parse(text: str, openmetrics: bool) -> dict[str, Family]:
    assert text.endswith("# EOF\n" if openmetrics else "\n") or not text
    lines = text.split("\n")
    assert lines.pop() == ""
    if openmetrics:
        assert lines.pop() == "# EOF"
    out: dict[str, Family] = {}
    current: Family | None = None
    seen: set[Key] = set()
    for line in lines:
        if line.startswith("# "):
            _, keyword, name, *rest = line.split(" ", 3)
            assert keyword in ("HELP", "TYPE", "UNIT"), line
            if current is None or current.name != name:
                assert name not in out, f"family {name} twice or not contiguous"
                current = out[name] = Family(name)
            assert not current.samples, "metadata behind samples"
            setattr(current, keyword.lower(), rest[0])
            continue
        name, labels, value, exemplar = sample_line(line)
        assert current is not None
        ends = ("",) if not openmetrics and current.type == "counter" else SUFFIXES[current.type]
        assert name in {current.name + end for end in ends}, f"stray {name} in {current.name}"
        key = (name, labels)
        assert (name, tuple(sorted(labels))) not in seen, f"{key} twice"
        seen.add((name, tuple(sorted(labels))))
        current.samples[key] = value
        if exemplar:
            assert openmetrics
            assert name.endswith(("_bucket", "_total"))
            inside = re.match(r'\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\} (\S+) (\S+)\Z', exemplar)
            assert inside, exemplar
            found = dict(pairs(inside[1]))
            assert sum(len(k) + len(v) for k, v in found.items()) <= 128
            current.exemplars[key] = (found, float(inside[2]))
    for family in out.values():
        check_histogram(family)
    return out


def check_histogram(family: Family) -> None:
    if family.type != "histogram":
        return
    sets: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    for (name, labels), value in family.samples.items():
        if name.endswith("_bucket"):
            rest = tuple(pair for pair in labels if pair[0] != "le")
            bound = float(dict(labels)["le"].replace("Inf", "inf"))
            sets.setdefault(rest, []).append((bound, value))
    for labels, buckets in sets.items():
        assert buckets == sorted(buckets), "bounds do not rise, or counts fall"
        assert [count for _, count in buckets] == sorted(count for _, count in buckets)
        assert buckets[-1][0] == float("inf")
        assert family.samples.get((f"{family.name}_count", labels), buckets[-1][1]) == buckets[-1][1]


# -- protobuf ---------------------------------------------------------------------------------------------------------


def varint(data: bytes, place: int) -> tuple[int, int]:
    shift = value = 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if not byte & 0x80:
            return value, place


def fields(data: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    place = 0
    while place < len(data):
        tag, place = varint(data, place)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, place = varint(data, place)
            yield number, value
        elif wire == 1:
            yield number, struct.unpack_from("<d", data, place)[0]
            place += 8
        else:
            assert wire == 2
            length, place = varint(data, place)
            assert place + length <= len(data)
            yield number, data[place : place + length]
            place += length


def signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


@dataclass
class Native:
    schema: int
    zero_threshold: float
    zero_count: int
    positive: dict[int, int]
    negative: dict[int, int]


@dataclass
class Metric:
    labels: tuple[tuple[str, str], ...]
    value: float = 0.0
    count: int = 0
    sum: float = 0.0
    buckets: list[tuple[float, int]] = field(default_factory=list)
    native: Native | None = None
    exemplars: int = 0
    created: bool = False


@dataclass
class ProtoFamily:
    name: str
    type: int
    help: str
    unit: str
    metrics: list[Metric]


def decode(data: bytes) -> list[ProtoFamily]:
    out, place = [], 0
    while place < len(data):
        length, place = varint(data, place)
        assert place + length <= len(data)
        out.append(_family(data[place : place + length]))
        place += length
    assert len({family.name for family in out}) == len(out), "family twice"
    return out


def _family(data: bytes) -> ProtoFamily:
    family = ProtoFamily("", 0, "", "", [])
    for number, value in fields(data):
        if number == 4:
            assert isinstance(value, bytes)
            family.metrics.append(_metric(value))
        elif number == 3:
            assert isinstance(value, int)
            family.type = value
        else:
            assert isinstance(value, bytes)
            setattr(family, {1: "name", 2: "help", 5: "unit"}[number], value.decode())
    return family


def _metric(data: bytes) -> Metric:
    metric = Metric(())
    for number, value in fields(data):
        assert isinstance(value, bytes)
        if number == 1:
            pair = dict(fields(value))
            metric.labels += ((pair[1].decode(), pair[2].decode()),)  # type: ignore[union-attr]
        elif number == 7:
            _histogram(metric, value)
        else:
            for inner, item in fields(value):
                if inner == 1:
                    metric.value = float(item)  # type: ignore[arg-type]
                metric.exemplars += inner == 2
                metric.created |= inner == 3
    return metric


def _histogram(metric: Metric, data: bytes) -> None:
    found: dict[int, list[int | float | bytes]] = {}
    for number, value in fields(data):
        found.setdefault(number, []).append(value)
    metric.count, metric.sum = int(found[1][0]), float(found[2][0])
    for bucket in found.get(3, []):
        assert isinstance(bucket, bytes)
        inner = dict(fields(bucket))
        metric.buckets.append((float(inner[2]), int(inner.get(1, 0))))  # type: ignore[arg-type]
        metric.exemplars += 3 in inner
    metric.exemplars += len(found.get(16, []))
    metric.created = 15 in found
    if 5 in found:
        metric.native = Native(
            signed(int(found[5][0])),
            float(found[6][0]),
            int(found[7][0]),
            _buckets(found.get(12, []), found.get(13, [])),
            _buckets(found.get(9, []), found.get(10, [])),
        )


def _buckets(spans: list[int | float | bytes], deltas: list[int | float | bytes]) -> dict[int, int]:
    indexes: list[int] = []
    place = 0
    for span in spans:
        assert isinstance(span, bytes)
        inner = dict(fields(span))
        place += signed(int(inner.get(1, 0)))
        length = int(inner[2])
        indexes += range(place, place + length)
        place += length
    packed = b"".join(item for item in deltas if isinstance(item, bytes))
    counts, at, count = [], 0, 0
    while at < len(packed):
        delta, at = varint(packed, at)
        count += signed(delta)
        counts.append(count)
    return dict(zip(indexes, counts, strict=True))
