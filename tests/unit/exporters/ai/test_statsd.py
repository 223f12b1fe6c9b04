"""StatsD and DogStatsD lines against the declarations of the protocols."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitoring_kit.exporters.ai.config import parse_config, read_config
from monitoring_kit.exporters.ai.statsd import Bad, Parser, StatsdHandler, StatsdNames
from monitoring_kit.exporters.runtime import ConfigError

from tests.servers import free_port
from tests.unit.exporters.ai.rig import Rig

METRICS = {
    "app_frames_total": {"type": "counter", "help": "F.", "labels": {"camera": {}}},
    "app_latency_seconds": {"type": "histogram", "help": "L.", "unit": "seconds", "buckets": [0.1, 1]},
    "app_size": {"type": "histogram", "help": "S.", "buckets": [10, 100]},
    "queue": {"type": "gauge", "help": "Q."},
}
CONFIG: dict[str, Any] = {"metrics": METRICS, "gpu": False}


@pytest.fixture
def rig() -> Any:
    with Rig(CONFIG) as made:
        yield made


@pytest.mark.parametrize(("line", "item"), [
    ("app_frames_total:1|c|#camera:a", ["c", "app_frames_total", {"camera": "a"}, 1, 1]),
    ("app.frames:3|c|@0.1|#camera:a", ["c", "app_frames_total", {"camera": "a"}, 30, 10]),
    ("app.latency_seconds:320|ms", ["H", "app_latency_seconds", {}, [0.32], [1], None]),
    ("app.latency_seconds:0.32|h|@0.5", ["H", "app_latency_seconds", {}, [0.32], [2], None]),
    ("app.size:10:20:30|d|T1656581400", ["H", "app_size", {}, [10, 20, 30], [1, 1, 1], None]),
    ("queue:5|g", ["g", "queue", {}, 5, "="]),
    ("queue:+5|g", ["g", "queue", {}, 5, "+"]),
    ("queue:-2|g|c:in-3f", ["g", "queue", {}, -2, "+"]),
    ("depth:7|g", ["g", "queue", {}, 7, "="]),
    ("svc.queue:7|g", ["g", "queue", {}, 7, "="]),
])  # fmt: skip
def test_lines(rig: Rig, line: str, item: list[Any]) -> None:
    parser = Parser(StatsdNames("svc", {"depth": "queue"}), rig.intake.targets)
    assert [parser.parse(line), parser.parse(line)] == [item, item]


@pytest.mark.parametrize(("line", "reason"), [
    ("x:a|s", "unsupported"), ("_e{5,4}:title|text", "unsupported"), ("_sc|name|0", "unsupported"),
    ("x", "malformed"), ("x:1", "malformed"), (":1|c", "malformed"), ("x:1|q", "malformed"), ("x:1|c|@0", "malformed"),
    ("x:1|c|@2", "malformed"), ("x:1|c|what", "malformed"), ("x:|c", "invalid_value"), ("x:nan|c", "invalid_value"),
    ("x:1e999|g", "invalid_value"), ("x:1_0|c", "invalid_value"),
])  # fmt: skip
def test_bad_lines(rig: Rig, line: str, reason: str) -> None:
    with pytest.raises(Bad, match=reason):
        Parser(StatsdNames(), rig.intake.targets).parse(line)


def test_the_map_is_looked_up_after_the_prefix_is_cut_and_lines_without_it_are_taken(rig: Rig) -> None:
    parser = Parser(StatsdNames("svc", {"depth": "queue"}), rig.intake.targets)
    assert [parser.parse(f"{name}:7|g")[1] for name in ("svc.depth", "depth", "svcdepth", "queue")] == ["queue"] * 4


@pytest.mark.parametrize(("key", "advice"), [("svc.depth", "write `depth`"), ("svcs", "write `s`"), ("svc.", "nothing is left of it")])  # fmt: skip
def test_keys_of_the_map_with_the_prefix_are_refused(key: str, advice: str) -> None:
    statsd = {"prefix": "svc", "map": {key: "queue", "depth": "queue", "a.svc": "queue"}}
    with pytest.raises(ConfigError) as caught:
        parse_config({**CONFIG, "ingest": {"statsd": statsd}})
    assert list(caught.value.lines) == [
        f"ingest.statsd.map.{key}: the prefix `svc` is cut before the map is looked up; {advice}"
    ]
    parse_config({**CONFIG, "ingest": {"statsd": {"map": {key: "queue"}}}})


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("queu", "there is no metric `queu`, so every `a.b` would be dropped; did you mean `queue`?"),
        ("mkit_model_predictions", "there is no metric `mkit_model_predictions`, so every `a.b` would be dropped; did you mean `mkit_model_predictions_total`?"),
        ("mkit_model_eval_samples", "`mkit_model_eval_samples` takes no events: the exporter fills it itself"),
        ("mkit_model_batch_size", ""),
    ],
)  # fmt: skip
def test_a_name_of_the_map_that_leads_nowhere(metric: str, said: str) -> None:
    data = {**CONFIG, "quality": {"key": ["id"]}, "ingest": {"statsd": {"map": {"a.b": metric}}}}
    assert [str(mistake) for mistake in read_config(data)[1]] == ([f"ingest.statsd.map.a.b: {said}"] if said else [])


def test_a_metric_of_the_map_whose_declaration_is_wrong_is_told_once() -> None:
    data = {"metrics": {"y_total": {"type": "countr", "help": "Y."}}, "ingest": {"statsd": {"map": {"a.b": "y_total"}}}}
    (mistake,) = read_config(data)[1]
    assert mistake.path == ("metrics", "y_total")


def test_no_packet_breaks_it() -> None:
    with Rig({**CONFIG, "ingest": {"statsd": {"udp": f"127.0.0.1:{free_port()}"}}}) as rig:
        lines = StatsdHandler(rig.intake, StatsdNames())
        batches = rig.intake.meters.batches.labels("statsd")

        @settings(max_examples=300, deadline=None)
        @given(st.binary(max_size=60) | st.text("app_frames:1|c@#gms.-+0,\n", max_size=60).map(str.encode))
        def sent(packet: bytes) -> None:
            before = batches.value
            lines(packet, 0)
            assert batches.value == before + 1

        sent()


def test_packets_arrive_over_udp_and_bad_lines_cost_only_themselves() -> None:
    port = free_port()
    with (
        Rig({**CONFIG, "ingest": {"statsd": {"udp": f"127.0.0.1:{port}"}}}) as rig,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out,
    ):
        out.sendto(b"app.frames:2|c|#camera:a\nnonsense\nqueue:4|g\nother:1|c\nx:1|s\n", ("127.0.0.1", port))
        end = time.monotonic() + 5
        while rig.value("queue") != 4:
            assert time.monotonic() < end
            time.sleep(0.02)
        assert rig.value("app_frames_total", camera="a") == 2
        for reason in ("malformed", "unknown_metric", "unsupported"):
            assert rig.dropped("statsd", reason) == 1
