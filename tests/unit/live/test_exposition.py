"""The text formats, checked against the official Python client's own parser."""

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary
from prometheus_client.exposition import generate_latest as classic
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from monitoring_kit.live.exposition import ExpositionError, parse

NAMES = st.from_regex(r"[a-z_:][a-z0-9_:]{0,12}", fullmatch=True).map(lambda name: f"x{name}")
LABELS = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,6}", fullmatch=True)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e"), max_size=12)
VALUES = st.floats() | st.integers(-(10**9), 10**9)


def escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


@given(st.lists(st.tuples(NAMES, st.dictionaries(LABELS, TEXT | st.just('a"b\\c\nd # 1 {},='), max_size=3), VALUES)))
def test_samples_read_as_the_official_client_reads_them(rows: list[tuple[str, dict[str, str], float]]) -> None:
    lines = []
    for name, labels, value in rows:
        inner = ",".join(f'{label}="{escaped(text)}"' for label, text in labels.items())
        lines.append(f"{name}{{{inner}}} {value!r}" if labels else f"{name} {value!r}")
    text = "".join(line + "\n" for line in lines)
    mine = [sample for family in parse(text).values() for sample in family.samples]
    theirs = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert sorted((sample.name, sorted(sample.labels.items())) for sample in mine) == sorted(
        (sample.name, sorted(sample.labels.items())) for sample in theirs
    )
    ours = sorted((float(sample.value) for sample in mine), key=repr)
    assert all(
        a == b or (math.isnan(a) and math.isnan(b))
        for a, b in zip(ours, sorted((s.value for s in theirs), key=repr), strict=True)
    )


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    with contextlib.suppress(ExpositionError):
        assert all(family.name for family in parse(text).values())


def registry() -> CollectorRegistry:
    found = CollectorRegistry()
    Counter("jobs", "Jobs.\nSecond line with \\.", ["queue"], registry=found).labels('a"b').inc()
    Gauge("depth", "Depth.", registry=found).set(3)
    Histogram("wait_seconds", "Wait.", buckets=(0.1, 1), registry=found).observe(0.5)
    Summary("size_bytes", "Size.", registry=found).observe(5)
    Info("build", "Build.", registry=found).info({"version": "1"})
    return found


def test_a_classic_exposition_of_every_type() -> None:
    families = parse(classic(registry()).decode())
    types = {name: family.type for name, family in families.items() if not name.endswith("_created")}
    assert types == {
        "jobs_total": "counter",
        "depth": "gauge",
        "wait_seconds": "histogram",
        "size_bytes": "summary",
        "build_info": "gauge",
    }
    assert families["jobs_total"].help == "Jobs.\nSecond line with \\."
    assert families["jobs_total"].samples[0].labels == {"queue": 'a"b'}
    assert {sample.name for sample in families["wait_seconds"].samples} == {
        "wait_seconds_bucket",
        "wait_seconds_count",
        "wait_seconds_sum",
    }


def test_an_openmetrics_exposition_of_every_type() -> None:
    families = parse(openmetrics(registry()).decode())
    types = {name: family.type for name, family in families.items()}
    expected = {"jobs": "counter", "depth": "gauge", "wait_seconds": "histogram", "size_bytes": "summary"}
    assert types == {**expected, "build": "info"}


@pytest.mark.parametrize(
    "line",
    [
        'a{b="c"} 1 1700000000000',
        "a 1 1700000000.123",
        'a_bucket{le="1"} 3 # {trace_id="x"} 0.5 1700000000.1',
        'a{b="x # y"} 1',
        'a{b="c",} NaN',
        "a{} +Inf",
        "a\t-Inf",
        'a { b = "c" , } 1e+05',
    ],
)
def test_lines_that_real_servers_send_or_nearly_send(line: str) -> None:
    (family,) = parse(line).values()
    assert len(family.samples) == 1


def test_everything_after_eof_is_ignored() -> None:
    assert list(parse("a 1\n# EOF\n!!!\n")) == ["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html>", "line 1: not a sample: '<html>'"),
        ("a 1\nb\n", "line 2: not a sample: 'b'"),
        ("a 0x10", "line 1: '0x10' is not a number"),
        ("a 1_000", "line 1: '1_000' is not a number"),
        ('a{b="c" 1', "line 1: not a label"),
        ('a{b="c"}', "line 1: not a sample"),
        ("a one", "line 1: 'one' is not a number"),
        ("a{b} 1", "line 1: not a label: 'b} 1'"),
        ('a{b="c" d="e"} 1', "line 1: not a label"),
        ('a{1b="c"} 1', "line 1: not a label"),
    ],
)
def test_what_is_no_exposition_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ExpositionError, match=message):
        parse(text)


def test_limits_are_kept() -> None:
    with pytest.raises(ExpositionError, match="larger than 10 bytes"):
        parse("a 1\n" * 3, max_bytes=10)
    with pytest.raises(ExpositionError, match="larger than 10 bytes"):
        parse("# ééééé", max_bytes=10)
    with pytest.raises(ExpositionError, match="line 3: more than 2 samples"):
        parse("a 1\n" * 3, max_series=2)
    with pytest.raises(ExpositionError, match="line 1: longer than"):
        parse("# " + "x" * 1_100_000)


def test_a_long_hostile_line_takes_no_long_time() -> None:
    import time

    began = time.monotonic()
    for line in ("a{" + 'b="c",' * 100_000 + "} 1", "a" + " " * 500_000 + "x", 'a{b="' + "\\\\" * 300_000 + '"} 1'):
        try:
            parse(line)
        except ExpositionError:
            continue
    assert time.monotonic() - began < 20
