"""The text formats, literally."""

from __future__ import annotations

import math
import random
import re
import struct
from collections.abc import Callable
from typing import Any

import pytest
from monitoring_kit.exporters.runtime import ExpositionError, Registry
from monitoring_kit.exporters.runtime import lines as lines_module
from monitoring_kit.exporters.runtime.text import render_family


def lines(family: Any, openmetrics: bool = False) -> str:
    return b"".join(render_family(family, openmetrics)).decode()


def declare(registry: Registry, name: str, kind: str, **more: Any) -> Any:
    return registry.declare({"name": name, "type": kind, "help": 'A "help"\nwith \\ in it', **more})


def test_counter(registry: Registry) -> None:
    tx = declare(registry, "tx_bytes_total", "counter", unit="bytes", labels=["path", "n"])
    tx.labels('a"b\\c\nd', "é").inc(3)
    assert lines(tx) == (
        '# HELP tx_bytes_total A "help"\\nwith \\\\ in it\n'
        "# TYPE tx_bytes_total counter\n"
        'tx_bytes_total{path="a\\"b\\\\c\\nd",n="é"} 3\n'
    )
    assert lines(tx, openmetrics=True) == (
        "# TYPE tx_bytes counter\n"
        "# UNIT tx_bytes bytes\n"
        '# HELP tx_bytes A \\"help\\"\\nwith \\\\ in it\n'
        'tx_bytes_total{path="a\\"b\\\\c\\nd",n="é"} 3\n'
    )


def test_a_family_without_samples_says_nothing(registry: Registry) -> None:
    tx = declare(registry, "tx_total", "counter", labels=["a"])
    assert lines(tx) == ""
    assert lines(tx, openmetrics=True) == ""


def test_counter_exemplar_and_created_only_in_openmetrics(registry: Registry, monkeypatch: Any) -> None:
    monkeypatch.setattr("time.time", lambda: 1700000000.25)
    tx = declare(registry, "tx_total", "counter", created=True)
    tx.inc(2, exemplar={"trace_id": "abc"})
    assert lines(tx).endswith("# TYPE tx_total counter\ntx_total 2\n")
    assert lines(tx, openmetrics=True).endswith(
        'tx_total 2 # {trace_id="abc"} 2.0 1700000000.250\ntx_created 1700000000.25\n'
    )


def test_an_exemplar_over_128_characters_is_left_out(registry: Registry) -> None:
    tx = declare(registry, "tx_total", "counter")
    tx.inc(1, exemplar={"trace_id": "x" * 120})
    assert " # " in lines(tx, openmetrics=True).splitlines()[-1]
    tx.inc(1, exemplar={"trace_id": "x" * 121})
    assert lines(tx, openmetrics=True).endswith("tx_total 2\n")


def test_histogram(registry: Registry, monkeypatch: Any) -> None:
    monkeypatch.setattr("time.time", lambda: 1700000000.25)
    wait = declare(registry, "wait_seconds", "histogram", labels=["q"], buckets=[0.1, 1], created=True)
    for value in (0.1, 0.5, 7):
        wait.labels("a").observe(value)
    wait.labels("a").observe(8, exemplar={"trace_id": "t"})
    body = (
        'wait_seconds_bucket{q="a",le="0.1"} 1\n'
        'wait_seconds_bucket{q="a",le="1.0"} 2\n'
        'wait_seconds_bucket{q="a",le="+Inf"} 4%s\n'
        'wait_seconds_count{q="a"} 4\n'
        'wait_seconds_sum{q="a"} 15.6\n'
    )
    assert lines(wait).endswith("# TYPE wait_seconds histogram\n" + body % "")
    assert lines(wait, openmetrics=True).endswith(
        body % ' # {trace_id="t"} 8.0 1700000000.250' + 'wait_seconds_created{q="a"} 1700000000.25\n'
    )


def test_a_native_only_histogram_has_count_and_sum_in_text(registry: Registry) -> None:
    wait = declare(registry, "wait_seconds", "histogram", native=True)
    wait.observe(2)
    assert lines(wait).splitlines()[2:] == [
        'wait_seconds_bucket{le="+Inf"} 1',
        "wait_seconds_count 1",
        "wait_seconds_sum 2.0",
    ]


def test_info_is_a_gauge_in_text_and_info_in_openmetrics(registry: Registry) -> None:
    info = declare(registry, "model_info", "info", labels=["version"])
    info.labels("v1")
    assert lines(info).splitlines()[1:] == ["# TYPE model_info gauge", 'model_info{version="v1"} 1']
    assert lines(info, openmetrics=True).splitlines()[0] == "# TYPE model info"
    assert lines(info, openmetrics=True).splitlines()[-1] == 'model_info{version="v1"} 1'


def test_infinities_and_nan_in_gauges(registry: Registry) -> None:
    gauge = declare(registry, "g", "gauge", labels=["x"])
    for name, value in (("a", math.inf), ("b", -math.inf), ("c", math.nan), ("d", 1e300), ("e", 1e308), ("f", 1e308)):
        gauge.labels(name).set(value)
    assert lines(gauge).splitlines()[2:] == [
        'g{x="a"} +Inf', 'g{x="b"} -Inf', 'g{x="d"} 1e+300', 'g{x="e"} 1e+308', 'g{x="f"} 1e+308',
    ]  # fmt: skip


def test_large_finite_counters_are_no_fault(registry: Registry) -> None:
    tx = declare(registry, "tx_total", "counter", labels=["x"])
    tx.labels("a").inc(1e308)
    tx.labels("b").inc(1e308)
    assert lines(tx).count("e+308") == 2


@pytest.mark.parametrize("value", [-1, math.inf, math.nan])
@pytest.mark.parametrize("form", ["text", "openmetrics", "protobuf"])
def test_an_impossible_counter_stops_the_whole_exposition(registry: Registry, value: float, form: str) -> None:
    tx = declare(registry, "tx_total", "counter")
    tx.labels().value = value
    with pytest.raises(ExpositionError, match="tx_total"):
        registry_body(registry, form)


def registry_body(registry: Registry, form: str) -> bytes:
    from monitoring_kit.exporters.runtime import Deadline

    return registry.gather(Deadline.after(1)).render(form)


def test_changes_show_although_unchanged_blocks_are_reused(registry: Registry) -> None:
    gauge = declare(registry, "g", "gauge", labels=["x"])
    children = [gauge.labels(f"{i}") for i in range(700)]
    want = {f"{i}": 0.0 for i in range(700)}
    for step in range(6):
        for i in range(0, 700, 1 if step == 3 else 97):
            children[i].set(step + i / 8)
            want[f"{i}"] = step + i / 8
        if step == 4:
            gauge.labels(f"new{step}").set(9)
            want[f"new{step}"] = 9
        got = {line.split('"')[1]: float(line.split()[-1]) for line in lines(gauge).splitlines()[2:]}
        assert got == want


def test_const_rows_in_another_order_and_with_gaps_are_rendered_right(registry: Registry) -> None:
    gauge = declare(registry, "g", "gauge", labels=["x"])
    for keys in (range(600), range(599, -1, -1), range(0, 600, 2), range(600), [5]):
        gauge.replace([((str(i),), i / 4) for i in keys])
        got = {line.split('"')[1]: float(line.split()[-1]) for line in lines(gauge).splitlines()[2:]}
        assert got == {str(i): i / 4 for i in keys}


class Scalar(float):
    """As numpy's float64: a float whose ``repr`` is no number."""

    def __repr__(self) -> str:
        return f"np.float64({float(self)!r})"


@pytest.mark.parametrize("openmetrics", [False, True])
@pytest.mark.parametrize(("kind", "exemplar"), [("gauge", None), ("counter", None), ("counter", {"trace_id": "a"})])
def test_values_that_do_not_print_as_numbers_are_written_as_such(
    registry: Registry, kind: str, exemplar: Any, openmetrics: bool
) -> None:
    family = declare(registry, "x_total" if kind == "counter" else "x", kind, labels=["n"])
    for number, value in enumerate((True, Scalar(0.5), 3, 10**25)):
        if kind == "counter":
            family.labels(str(number)).inc(value, exemplar)
        else:
            family.labels(str(number)).set(value)
    found = [line.split(" # ")[0].split()[-1] for line in lines(family, openmetrics).splitlines() if line[0] != "#"]
    assert [float(text) for text in found] == [1, 0.5, 3, 1e25]


def test_what_is_no_number_stops_the_exposition(registry: Registry) -> None:
    gauge = declare(registry, "x", "gauge")
    gauge.set("1")
    with pytest.raises(ExpositionError, match="x: a value is no number"):
        registry_body(registry, "text")


@pytest.fixture(params=["orjson", "alone"])
def encoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With orjson and without it."""
    if request.param == "alone":
        monkeypatch.setattr("monitoring_kit.exporters.runtime.lines._encoder", lambda load: None)
    return str(request.param)


def test_every_double_reads_back_as_itself(registry: Registry, encoder: str) -> None:
    rng = random.Random(3)
    edges = [
        0.0,
        -0.0,
        5e-324,
        2.2250738585072014e-308,
        1.7976931348623157e308,
        1e16,
        1e-7,
        123456789012345680.0,
        0.1,
        1 / 3,
    ]
    bits = [struct.unpack("<d", rng.randbytes(8))[0] for _ in range(3000)]
    values = [
        *edges,
        *(value for value in bits if math.isfinite(value) and abs(value) < 1e290),
        *range(40),
        2**63,
        -(2**63),
    ]
    gauge = declare(registry, "g", "gauge", labels=["x"])
    for number, value in enumerate(values):
        gauge.labels(str(number)).set(value)
    found = [line.split()[-1] for line in lines(gauge).splitlines()[2:]]
    assert [float(text) for text in found] == [float(value) for value in values]
    assert all(re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", text) for text in found)


def test_the_first_full_block_loads_orjson_which_then_writes_all(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def encode(values: list[float]) -> bytes:
        sizes.append(len(values))
        return b"[" + b",".join([b"7"] * len(values)) + b"]"

    def load() -> Callable[[list[float]], bytes]:
        monkeypatch.setattr("monitoring_kit.exporters.runtime.lines._loaded", encode)
        return encode

    monkeypatch.setattr("monitoring_kit.exporters.runtime.lines._loaded", None)
    monkeypatch.setattr("monitoring_kit.exporters.runtime.lines._load", load)
    gauge = declare(registry, "g", "gauge", labels=["x"])

    def texts(series: int) -> list[str]:
        for number in range(series):
            gauge.labels(str(number)).set(0.5)
        return [line.split()[-1] for line in lines(gauge).splitlines()[2:]]

    assert (texts(255), sizes) == (["0.5"] * 255, [])
    assert (texts(300), sizes) == (["7"] * 300, [256, 44])
    assert lines_module.texts_of([]) == []
