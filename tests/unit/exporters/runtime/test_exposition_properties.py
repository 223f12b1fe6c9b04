"""Property: whatever is declared and counted, three parsers read back exactly that, from three formats."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monitoring_kit.exporters.runtime import Deadline, Histogram, Registry
from monitoring_kit.exporters.runtime.native import upper_bound
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_om
from prometheus_client.parser import text_string_to_metric_families as parse_text

from .independent import Family, decode, parse

label_value = st.text(st.characters(exclude_categories=("Cs",)), max_size=12) | st.sampled_from(
    ['"', "\\", "\n", "}", '"}', " # {", "\\n", "a,b", "", "é", "+Inf", "\r", "\u2028", "\x85"]
)
finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
name = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).map(lambda text: "m" + text.replace("_", "x"))


@st.composite
def families(draw: Any) -> list[dict[str, Any]]:
    names = draw(st.lists(name, min_size=1, max_size=4, unique=True))
    out = []
    for base in names:
        kind = draw(st.sampled_from(["counter", "gauge", "histogram", "info"]))
        full = base + {"counter": "_total", "info": "_info"}.get(kind, "")
        labels = draw(st.lists(st.sampled_from(["a", "b", "camera", "x1"]), max_size=3, unique=True))
        spec: dict[str, Any] = {"name": full, "type": kind, "labels": labels}
        spec["help"] = (
            "h" + draw(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=20)) + "."
        )
        spec["created"] = draw(st.booleans()) and kind in ("counter", "histogram")
        if kind == "histogram":
            bounds = draw(st.lists(finite, min_size=1, max_size=5, unique=True).map(sorted))
            spec["buckets"] = bounds
            spec["native"] = draw(st.booleans())
        sets = draw(st.lists(st.tuples(*(label_value for _ in labels)), max_size=4, unique=True))
        values = finite.filter(lambda v: v >= 0) if kind == "counter" else finite | st.just(math.inf)
        numbers = st.lists(st.floats(-1e6, 1e6), max_size=6) if kind == "histogram" else values | st.integers(0, 10**20)
        rows = [(values_, draw(numbers)) for values_ in sets]
        out.append({"spec": spec, "rows": rows})
    return out


def build(data: list[dict[str, Any]]) -> tuple[Registry, dict[tuple[str, frozenset[tuple[str, str]]], float]]:
    registry = Registry("unit")
    want: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for item in data:
        family = registry.declare(item["spec"])
        for values, number in item["rows"]:
            pairs = dict(zip(family.label_names, values, strict=True))
            child = family.labels(*values)
            if isinstance(family, Histogram):
                for one in number:
                    child.observe(one)
                for bound in (*family.spec.buckets, math.inf):
                    key = (family.name + "_bucket", frozenset({**pairs, "le": _le(bound)}.items()))
                    want[key] = sum(one <= bound for one in number)
                want[(family.name + "_count", frozenset(pairs.items()))] = len(number)
                want[(family.name + "_sum", frozenset(pairs.items()))] = math.fsum([0]) + sum(number, 0.0)
            elif family.kind == "info":
                want[(family.name, frozenset(pairs.items()))] = 1
            else:
                child.value = number
                want[(family.name, frozenset(pairs.items()))] = float(number)
    return registry, want


def _le(bound: float) -> str:
    return "+Inf" if math.isinf(bound) else repr(float(bound))


def _left_out(key: Any, signed: set[str], falling: set[Any]) -> bool:
    base, _, end = key[0].rpartition("_")
    return end in ("sum", "count") and (base in signed or (base, key[1]) in falling)


def ours(found: dict[tuple[str, frozenset[tuple[str, str]]], float]) -> dict[Any, float]:
    return {
        key: value
        for key, value in found.items()
        if not key[0].startswith(("unit_", "process_")) and not key[0].endswith("_created")
    }


def flat(parsed: dict[str, Family]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {(n, frozenset(ls)): v for family in parsed.values() for (n, ls), v in family.samples.items()}


def from_client(parsed: Any) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {(s.name, frozenset(s.labels.items())): float(s.value) for family in parsed for s in family.samples}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(families())
def test_every_parser_reads_back_what_was_counted(data: list[dict[str, Any]]) -> None:
    registry, want = build(data)
    gathered = registry.gather(Deadline.after(5))
    text, om = gathered.render("text").decode(), gathered.render("openmetrics").decode()
    assert ours(flat(parse(text, openmetrics=False))) == want
    # OpenMetrics knows the sum as a counter: where it can be negative there is none, and so no count beside it.
    signed = {i["spec"]["name"] for i in data if i["spec"].get("buckets", [0])[0] < 0}
    falling = {(key[0][:-4], key[1]) for key, value in want.items() if key[0].endswith("_sum") and value < 0}
    unsigned = {key: value for key, value in want.items() if not _left_out(key, signed, falling)}
    assert ours(flat(parse(om, openmetrics=True))) == unsigned
    assert ours(from_client(parse_om(om))) == unsigned
    # prometheus_client's 0.0.4 parser splits lines at "\r" and Unicode line ends, which the format does not.
    if not any(char in text for char in "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"):
        assert ours(from_client(parse_text(text))) == want


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(families())
def test_protobuf_says_the_same(data: list[dict[str, Any]]) -> None:
    registry, want = build(data)
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in decode(registry.gather(Deadline.after(5)).render("protobuf")):
        for metric in family.metrics:
            if family.type != 4:
                found[(family.name, frozenset(metric.labels))] = metric.value
                continue
            for bound, count in metric.buckets:
                found[(family.name + "_bucket", frozenset((*metric.labels, ("le", _le(bound)))))] = count
            found[(family.name + "_count", frozenset(metric.labels))] = metric.count
            found[(family.name + "_sum", frozenset(metric.labels))] = metric.sum
            if metric.native is not None:
                native = metric.native
                total = sum(native.positive.values()) + sum(native.negative.values()) + native.zero_count
                assert total == metric.count
    assert ours(found) == want


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.floats(-1e9, 1e9), max_size=60),
    st.integers(-4, 8),
    st.integers(4, 160),
)
def test_native_buckets_hold_every_observation_where_it_belongs(values: list[float], schema: int, most: int) -> None:
    registry = Registry("unit")
    family = registry.declare(
        {"name": "h", "type": "histogram", "help": "x", "native": {"schema": schema, "max_buckets": most}}
    )
    for value in values:
        family.observe(value)
    found = [f for f in decode(registry.gather(Deadline.after(5)).render("protobuf")) if f.name == "h"]
    if not values:
        assert found == []
        return
    metric = found[0].metrics[0]
    native = metric.native
    assert native is not None
    assert native.schema <= schema
    assert len(native.positive) + len(native.negative) <= most or native.schema == -4
    for side, mine in (
        (native.positive, [v for v in values if v > 2.0**-128]),
        (native.negative, [-v for v in values if v < -(2.0**-128)]),
    ):
        assert sum(side.values()) == len(mine)
        for index, count in side.items():
            low, high = upper_bound(index - 1, native.schema), upper_bound(index, native.schema)
            slack = 1 + 1e-12
            inside = sum(low / slack < v <= high * slack for v in mine)
            strictly = sum(low * slack < v <= high / slack for v in mine)
            assert strictly <= count <= inside
