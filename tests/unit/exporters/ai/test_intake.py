"""The intake: only what is declared is counted, and everything else is counted as dropped."""

from __future__ import annotations

import json
import math
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitoring_kit.exporters.ai.datagrams import unix_socket
from monitoring_kit.exporters.ai.mkit_client import Client
from monitoring_kit.exporters.ai.senders import MAX_CLIENTS, Arrival, Senders
from monitoring_kit.exporters.runtime import ConfigError, Deadline
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.exporters.ai.rig import Rig
from tests.unit.exporters.runtime.independent import decode, parse

MODEL = {"model": "m", "version": "1"}
METRICS = {
    "a_total": {"type": "counter", "help": "A.", "labels": {"x": {"allow": ["1", "2"]}}},
    "h_seconds": {"type": "histogram", "help": "H.", "unit": "seconds", "buckets": [0.1, 1], "native": True},
    "g": {"type": "gauge", "help": "G.", "labels": {"model": {}}},
}
CONFIG: dict[str, Any] = {
    "model": {"name": "m", "version": "1"},
    "metrics": METRICS,
    "ingest": {"http": True},
    "gpu": False,
}


@pytest.fixture
def rig() -> Any:
    with Rig(CONFIG) as made:
        yield made


@pytest.mark.parametrize(("item", "reason"), [
    (["c", "b_total", {}, 1, 1], "unknown_metric"),
    (["c", "a_total", {"x": "1", "y": "2"}, 1, 1], "unknown_label"),
    (["c", "a_total", {}, 1, 1], "missing_label"),
    (["c", "a_total", {"x": 1}, 1, 1], "invalid_label"),
    (["c", "a_total", {"x": ["1"]}, 1, 1], "invalid_label"),
    (["c", "a_total", {"x": "1"}, -1, 1], "invalid_value"),
    (["c", "a_total", {"x": "1"}, float("nan"), 1], "invalid_value"),
    (["c", "a_total", {"x": "1"}, True, 1], "invalid_value"),
    (["c", "a_total", {"x": "1"}, "1", 1], "invalid_value"),
    (["g", "a_total", {"x": "1"}, 1], "wrong_type"),
    (["h", "h_seconds", {}, ["x"]], "invalid_value"),
    (["H", "h_seconds", {}, [1.0], [0], 0], "invalid_value"),
    (["H", "h_seconds", {}, [1.0, 2.0], [1], 0], "malformed"),
    (["h", "h_seconds", {}, [10**400]], "malformed"),
    (["B", "h_seconds", {}, [0x3E800000 >> 13], [1], float("nan")], "invalid_value"),
    (["B", "h_seconds", {}, [0x7F800000 >> 13], [1], 0], "invalid_value"),  # An infinity's bits.
    (["B", "h_seconds", {}, [1 << 19], [1], 0], "invalid_value"),
    (["B", "h_seconds", {}, [-1], [1], 0], "invalid_value"),
    (["B", "h_seconds", {}, [0.25], [1], 0], "invalid_value"),
    (["B", "h_seconds", {}, [1, 2], [1], 0], "malformed"),
    (["B", "h_seconds", {}, 1, [1], 0], "malformed"),
    (["c", "a_total"], "malformed"),
    (["?"], "malformed"), ([], "malformed"), (None, "malformed"), (3, "malformed"), ({}, "malformed"),
    (["p", {"id": "1"}, 2, 0, {}], "no_quality"),
])  # fmt: skip
def test_what_is_not_declared_is_dropped_and_counted(rig: Rig, item: Any, reason: str) -> None:
    before = [line for line in rig.text().splitlines() if not line.startswith(("mkit_ai_", "process_"))]
    assert rig.intake.items("http", [item]) == 1
    assert rig.dropped("http", reason) == 1
    after = [line for line in rig.text().splitlines() if not line.startswith(("mkit_ai_", "process_"))]
    assert before == after


@pytest.mark.parametrize("kind", ["H", "B"])
def test_a_refused_item_counts_with_all_its_events(rig: Rig, kind: str) -> None:
    assert rig.intake.items("http", [[kind, "unknown_seconds", {}, [1, 2], [7, 5], 17.0]]) == 12
    assert rig.dropped("http", "unknown_metric") == 12


def test_what_is_declared_is_counted_and_the_model_filled_in(rig: Rig) -> None:
    items = [["c", "a_total", {"x": "1"}, 2.5, 3], ["g", "g", {}, 4], ["h", "h_seconds", {}, [0.05, 5.0]],
             ["H", "h_seconds", {}, [0.5], [10], 5.0], ["B", "h_seconds", {}, [0x3E800000 >> 13], [4], 1.0],
             ["c", "mkit_model_batches_total", {}, 1, 1]]  # fmt: skip
    assert rig.intake.items("http", items) == 0
    assert rig.value("a_total", x="1") == 2.5
    assert rig.value("g", model="m") == 4
    assert rig.value("h_seconds_count") == 16
    assert rig.value("h_seconds_sum") == pytest.approx(11.05)
    assert 'h_seconds_bucket{le="1.0"} 15' in rig.text()
    assert rig.value("mkit_model_batches_total", **MODEL) == 1
    assert rig.value("mkit_ai_ingest_events_total", transport="http") == 3 + 1 + 2 + 10 + 4 + 1


# -- zeros ----------------------------------------------------------------------------------------------------------------


def zeros(metrics: dict[str, Any], **more: Any) -> Rig:
    return Rig({**CONFIG, "metrics": metrics, **more})


def test_what_the_allow_lists_name_starts_at_zero() -> None:
    lists = {"class": {"allow": ["person", "car"], "else": "other"}, "version": {}, "lane": {"allow": ["1", "2"]}}
    metrics = {
        "seen_total": {"type": "counter", "help": "S.", "labels": lists},
        "wait_seconds": {"type": "histogram", "help": "W.", "buckets": [1, 2], "native": True, "labels": {"lane": {"allow": ["1", "2"]}}},
        "open_total": {"type": "counter", "help": "O.", "labels": {"class": {"allow": ["a"]}, "id": {}}},
        "other_model_total": {"type": "counter", "help": "O.", "labels": {"model": {"allow": ["x"]}}},
        "level": {"type": "gauge", "help": "L.", "labels": {"lane": {"allow": ["1", "2"]}}},
    }  # fmt: skip
    with zeros(metrics) as rig:
        families = {family.name: family for family in text_string_to_metric_families(rig.text())}
        seen = {(s.labels["class"], s.labels["lane"]): s.value for s in families["seen"].samples}
        assert seen == {(kind, lane): 0 for kind in ("person", "car") for lane in "12"}
        assert {s.value for s in families["wait_seconds"].samples} == {0}
        assert rig.value("wait_seconds_count", lane="2") == 0
        assert [s.labels for s in families["other_model"].samples] == [{"model": "x"}]
        assert {"open", "level"}.isdisjoint(families)
        # 27 series that nobody asked for stay away; counters of the set for any model were always there.
        assert "mkit_model_frame_latency_seconds" not in families
        assert rig.value("mkit_model_batches_total", **MODEL) == 0
        # Nothing was dropped for the zeros, and an event counts on top of them.
        assert "mkit_ai_series_dropped_total{" not in rig.text()
        rig.intake.items("http", [["c", "seen_total", {"class": name, "lane": "1"}, 1, 1] for name in ("car", "bus")])
        assert rig.value("seen_total", **{"class": "car", "version": "1", "lane": "1"}) == 1
        assert rig.value("seen_total", **{"class": "other", "version": "1", "lane": "1"}) == 1
        assert rig.exporter.registry.family("seen_total").series == 4 + 1
        # A reload keeps what was counted.
        with Rig({**CONFIG, "metrics": metrics}, rig.lasting) as heir:
            assert heir.value("seen_total", **{"class": "car", "version": "1", "lane": "1"}) == 1
            assert heir.value("seen_total", **{"class": "person", "version": "1", "lane": "2"}) == 0


@pytest.mark.parametrize("form", ["text", "openmetrics", "protobuf"])
def test_an_exposition_of_zeros_is_valid(form: str) -> None:
    labels = {"lane": {"allow": ["1", "2"]}}
    metrics = {
        "seen_total": {"type": "counter", "help": "S.", "labels": labels},
        "wait_seconds": {"type": "histogram", "help": "W.", "buckets": [1, 2], "native": True, "labels": labels},
    }  # fmt: skip
    with zeros(metrics) as rig:
        data = rig.exporter.registry.gather(Deadline.after(5)).render(form)
        if form == "protobuf":
            found = {family.name: len(family.metrics) for family in decode(data)}
            assert (found["seen_total"], found["wait_seconds"]) == (2, 2)
            return
        families = parse(data.decode(), openmetrics=form == "openmetrics")
        assert len(families["seen" if form == "openmetrics" else "seen_total"].samples) == 2
        assert set(families["wait_seconds"].samples.values()) == {0}


def test_zeros_count_as_series_and_come_all_or_not_at_all() -> None:
    def wide(lanes: int, **more: Any) -> dict[str, Any]:
        labels = {name: {"allow": [str(lane) for lane in range(lanes)]} for name in "ab"}
        return {"seen_total": {"type": "counter", "help": "S.", "labels": labels, **more}}

    def held(metrics: dict[str, Any], **more: Any) -> int:
        with zeros(metrics, **more) as rig:
            assert "mkit_ai_series_dropped_total{" not in rig.text()
            return int(rig.exporter.registry.family("seen_total").series)

    assert held(wide(1)) == 1
    with zeros(wide(10)) as ten, zeros(wide(1)) as one:
        assert (ten.value("mkit_ai_series") or 0) - (one.value("mkit_ai_series") or 0) == 99
    assert held(wide(100), max_series=20_000) == 10_000
    assert held(wide(101), max_series=20_000) == 0
    assert held(wide(100)) == 0  # of 10,000 series, others hold some
    assert (held(wide(10, max_series=100)), held(wide(10, max_series=99))) == (100, 0)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.sampled_from(["c", "h", "H", "B", "g", "a_total", "h_seconds", "x", "1"]),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(["x", "y", "v", "items", "client"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(json_values, max_size=6), json_values)
def test_no_input_breaks_the_intake_or_the_exposition(items: list[Any], body: Any) -> None:
    with Rig(CONFIG) as rig:
        rig.intake.items("http", items)
        rig.intake.datagram(body)
        rig.intake.datagram({"v": 1, "client": "c", "first": 0, "events": 1, "dropped": 0, "items": items})
        families = {family.name for family in text_string_to_metric_families(rig.text())}
        assert "mkit_ai_ingest_dropped" in families


# -- losses ---------------------------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5), st.sampled_from(["ok", "lost"])), min_size=1, max_size=30)
)
def test_every_event_is_counted_lost_or_given_up(datagrams: list[tuple[int, int, str]]) -> None:
    senders = Senders()
    first = dropped = arrived = lost = given_up = 0
    last_sent = 0
    senders.arrived("c", 0, 0, 0)
    for events, drops, fate in datagrams:
        dropped += drops
        first += drops
        if fate == "ok":
            found = senders.arrived("c", first, events, dropped)
            assert not found.stale
            arrived, lost, given_up = arrived + events, lost + found.lost, given_up + found.dropped
            last_sent = first + events
        first += events
    assert arrived + lost + given_up == last_sent


def test_a_datagram_that_comes_twice_counts_once() -> None:
    senders = Senders()
    assert senders.arrived("c", 5, 3, 0) == Arrival()
    assert senders.arrived("c", 5, 3, 0).stale
    assert senders.arrived("c", 8, 1, 0) == Arrival()


def test_clients_are_forgotten_beyond_the_limit() -> None:
    senders = Senders()
    for number in range(MAX_CLIENTS + 10):
        senders.arrived(str(number), 0, 1, 0)
    assert len(senders) == MAX_CLIENTS


# -- HTTP -----------------------------------------------------------------------------------------------------------------


def batch(batch_id: str, *events: Any) -> bytes:
    return json.dumps({"batch_id": batch_id, "events": events}).encode()


def test_a_batch_counts_once_whatever_the_number_of_tries(rig: Rig) -> None:
    body = batch(
        "b1",
        {"metric": "a_total", "labels": {"x": "1"}, "inc": 2},
        {"metric": "nope", "set": 1},
        {"metric": "h_seconds", "observe": [0.1, 2]},
    )
    for _ in range(3):
        answer = rig.post(body)
        assert (answer.status, answer.headers["X-Mkit-Dropped"]) == (204, "1")
    assert rig.value("a_total", x="1") == 2
    assert rig.value("h_seconds_count") == 2
    assert rig.dropped("http", "duplicate_batch") == 2


@pytest.mark.parametrize("body", [
    b"", b"\xff", b"[]", b"{}", b'{"batch_id": 1, "events": []}', b'{"batch_id": "", "events": []}', b'{"batch_id": "x"}',
    b'{"batch_id": "' + b"x" * 200 + b'", "events": []}', b"[" * 100_000,
])  # fmt: skip
def test_what_is_no_batch_is_refused(rig: Rig, body: bytes) -> None:
    assert rig.post(body).status == 400
    assert rig.dropped("http", "malformed") == 1


def test_a_batch_of_too_many_events_is_413(rig: Rig) -> None:
    assert rig.post(batch("x", *[{}] * 10_001)).status == 413


def test_events_that_are_no_objects_or_have_two_verbs_are_dropped(rig: Rig) -> None:
    answer = rig.post(batch("x", 1, {"metric": "a_total", "inc": 1, "set": 2}, {}))
    assert (answer.status, answer.headers) == (204, {"X-Mkit-Dropped": "3"})


def test_too_many_events_are_429_and_may_come_later() -> None:
    with Rig({**CONFIG, "ingest": {"http": {"max_events_per_second": 10}}}) as rig:
        event = {"metric": "a_total", "labels": {"x": "1"}, "inc": 1}
        assert rig.post(batch("1", *[event] * 10)).status == 204
        answer = rig.post(batch("2", *[event] * 5))
        assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
        time.sleep(0.6)
        assert rig.post(batch("2", *[event] * 5)).status == 204
        assert rig.value("a_total", x="1") == 15


# -- the socket, and reloads ------------------------------------------------------------------------------------------------


def until(test: Any, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_socket_has_its_mode_and_goes_with_the_exporter(tmp_path: Path) -> None:
    path = tmp_path / "run" / "ai.sock"
    with Rig({**CONFIG, "ingest": {"unix": str(path)}}) as rig:
        assert path.stat().st_mode & 0o777 == 0o660
        client = Client(str(path), start=False)
        client.counter("a_total", x="1").inc()
        client.flush()
        until(lambda: rig.value("a_total", x="1") == 1)
        assert rig.value("mkit_model_processes", **MODEL) == 1
        assert (rig.value("mkit_model_resident_memory_bytes", **MODEL) or 0) > 1 << 20
    assert not path.exists()


def test_many_observations_of_a_client_keep_their_buckets_and_their_sum(tmp_path: Path) -> None:
    with Rig({**CONFIG, "ingest": {"unix": str(tmp_path / "s")}}) as rig:
        client = Client(str(tmp_path / "s"), start=False)
        histogram = client.histogram("h_seconds")
        values = [bound * factor for bound in (0.1, 1, 10) for factor in (0.9, 1, 1.002) for _ in range(400)] + [1e300]
        for value in values:
            histogram.observe(value)
        client.flush()
        until(lambda: rig.value("h_seconds_count") == len(values))
        for bound in (0.1, 1.0):
            count = sum(value <= bound for value in values)
            assert f'h_seconds_bucket{{le="{bound}"}} {count}\n' in rig.text()
        assert rig.value("h_seconds_sum") == pytest.approx(math.fsum(values))


def test_a_stale_socket_is_replaced_and_a_file_is_not(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as old:
        old.bind(str(path))
    unix_socket(path).close()
    path.unlink()
    path.write_text("mine")
    with pytest.raises(ConfigError, match="something else"):
        unix_socket(path)
    assert path.read_text() == "mine"


def test_a_reload_keeps_counters_clients_sockets_and_batches(tmp_path: Path) -> None:
    config = {**CONFIG, "ingest": {"unix": str(tmp_path / "s"), "http": True}}
    first = Rig(config)
    client = Client(str(tmp_path / "s"), start=False)
    counter, histogram = client.counter("a_total", x="1"), client.histogram("h_seconds")
    counter.inc()
    histogram.observe(0.2)
    client.flush()
    until(lambda: first.value("a_total", x="1") == 1)
    assert first.post(batch("b", {"metric": "a_total", "labels": {"x": "2"}, "inc": 5})).status == 204
    second = Rig({**config, "max_series": 5000}, first.lasting)
    # What still reaches the old configuration counts in the new one.
    assert first.post(batch("late", {"metric": "a_total", "labels": {"x": "2"}, "inc": 1})).status == 204
    first.close()
    counter.inc()
    client.flush()
    until(lambda: second.value("a_total", x="1") == 2)
    assert second.post(batch("b", {"metric": "a_total", "labels": {"x": "2"}, "inc": 5})).status == 204
    assert second.value("a_total", x="2") == 6
    assert 'h_seconds_bucket{le="1.0"} 1' in second.text()
    assert second.value("mkit_ai_ingest_lost_total", where="transport") == 0
    second.close()
    assert not (tmp_path / "s").exists()


def test_lost_datagrams_are_seen(tmp_path: Path) -> None:
    with Rig({**CONFIG, "ingest": {"unix": str(tmp_path / "s")}}) as rig:
        client = Client(str(tmp_path / "s"), start=False)
        counter = client.counter("a_total", x="1")
        for number in range(3):
            counter.inc()
            client._encode()
            if number == 1:
                client._unsent.clear()
            client._send()
        until(lambda: rig.value("a_total", x="1") == 2)
        assert rig.value("mkit_ai_ingest_lost_total", where="transport") == 1


def test_the_answer_to_a_batch_counts_what_no_label_lets_in(rig: Rig) -> None:
    other = {"metric": "a_total", "labels": {"x": "3"}, "inc": 1}
    answer = rig.post(batch("gate", {"metric": "a_total", "labels": {"x": "1"}, "inc": 1}, other, other))
    assert (answer.status, answer.headers["X-Mkit-Dropped"]) == (204, "2")
    assert rig.post(batch("gate", other)).headers["X-Mkit-Dropped"] == "2"
    assert rig.post(batch("fine", {"metric": "a_total", "labels": {"x": "1"}, "inc": 1})).headers == {}
    assert rig.value("mkit_ai_series_dropped_total", metric="a_total", reason="not_allowed") == 2
