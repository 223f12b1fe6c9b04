"""The client: what it sends, what it survives, and that nothing is lost unseen."""

from __future__ import annotations

import ast
import asyncio
import json
import math
import os
import random
import socket
import struct
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitoring_kit.exporters.ai import mkit_client
from monitoring_kit.exporters.ai.mkit_client import Client


@pytest.fixture
def sock(tmp_path: Path) -> Any:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "s"))
        server.settimeout(5)
        yield server


def path(sock: socket.socket) -> str:
    return str(sock.getsockname())


def received(sock: socket.socket) -> dict[str, Any]:
    return dict(json.loads(sock.recv(1 << 18)))


def items(client: Client) -> list[Any]:
    client._encode()
    return [item for data, _ in client._unsent for item in json.loads(data)["items"]]


def weighted(item: list[Any]) -> list[tuple[float, int]]:
    """(value, count) of an item with observations; a place is the upper 19 bits of a single float (IEEE 754)."""
    if item[0] == "h":
        return [(value, 1) for value in item[3]]
    assert item[0] == "B"
    values = [struct.unpack(">f", struct.pack(">I", place << 13))[0] for place in item[3]]
    return list(zip(values, item[4], strict=True))


def test_adds_up_locally_and_sends_one_datagram(sock: socket.socket) -> None:
    client = Client(path(sock), labels={"site": "x"}, start=False)
    client.counter("c_total", camera="a").inc()
    client.counter("c_total", camera="a").inc(2.5)
    client.gauge("g").set(7)
    client.gauge("g").inc(-3)
    client.histogram("h").observe(0.25)
    client.flush()
    body = received(sock)
    assert (body["v"], body["seq"], body["first"], body["events"], body["dropped"]) == (1, 0, 0, 5, 0)
    assert body["items"] == [
        ["c", "c_total", {"site": "x", "camera": "a"}, 3.5, 2],
        ["g", "g", {"site": "x"}, 4, ],
        ["h", "h", {"site": "x"}, [0.25]],
    ]  # fmt: skip


def test_sends_by_itself_within_half_a_second(sock: socket.socket) -> None:
    client = Client(path(sock))
    client.counter("c_total").inc()
    began = time.monotonic()
    assert received(sock)["items"] == [["c", "c_total", {}, 1, 1]]
    assert time.monotonic() - began < 2
    client.close()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1, "x", None, [1], 1e400])
def test_what_is_no_count_is_dropped_and_counted_and_the_rest_stays(bad: Any) -> None:
    client = Client(start=False)
    counter = client.counter("c_total")
    counter.inc(1)
    counter.inc(bad)
    counter.inc(2)
    assert items(client) == [["c", "c_total", {}, 3, 2]]
    assert client.dropped == 1


@pytest.mark.parametrize("bad", [math.nan, -math.inf, "x", None])
def test_bad_observations_and_gauges_neither_raise_nor_count(bad: Any) -> None:
    client = Client(start=False)
    client.histogram("h").observe(bad)
    client.gauge("g").set(bad)
    client.gauge("g").dec(bad)
    client.prediction(1, bad)
    assert items(client) == []
    assert client.dropped == 4


def test_a_name_that_is_no_name_gives_a_handle_that_works() -> None:
    client = Client(start=False)
    client.counter(None, camera=object()).inc()  # type: ignore[arg-type]
    client.histogram("h", **{"": []}).observe(1)  # type: ignore[arg-type]


def test_timer_as_context_manager_and_decorator(sock: socket.socket) -> None:
    client = Client(path(sock), start=False)

    def slow() -> None:
        with client.timer("h"):
            time.sleep(0.01)
            raise KeyError

    with pytest.raises(KeyError):
        slow()

    @client.timer("h")
    def work(x: int) -> int:
        return x + 1

    @client.timer("h")
    async def wait() -> int:
        await asyncio.sleep(0.02)
        return 7

    assert (work(1), work.__name__) == (2, "work")
    assert asyncio.run(wait()) == 7
    ((_, _, _, values),) = items(client)
    assert len(values) == 3
    assert values[0] >= 0.01
    assert values[2] >= 0.02


def test_a_timer_that_is_kept_times_each_block_and_a_nested_one_is_another() -> None:
    client = Client(start=False)
    kept = client.timer("h")
    time.sleep(0.02)
    for _ in range(2):
        with kept:
            pass
    with client.timer("h"), client.timer("h"):
        time.sleep(0.02)
    ((_, _, _, values),) = items(client)
    assert len(values) == 4
    assert max(values[:2]) < 0.02
    assert min(values[2:]) >= 0.02


def test_timers_add_up_in_the_caller_when_nobody_sends() -> None:
    client = Client(start=False)
    histogram = client.histogram("h")
    decorated = histogram.time()(lambda: None)
    for _ in range(mkit_client.MAX_PENDING * 2):
        decorated()
        with histogram.time():
            pass
    assert len(histogram._pending) <= mkit_client.MAX_PENDING
    assert sum(sum(item[4]) for item in items(client)) + len(histogram._pending) == mkit_client.MAX_PENDING * 4


def test_in_flight_gauge() -> None:
    client = Client(start=False)
    gauge = client.gauge("g")
    with gauge.track():
        assert items(client) == [["g", "g", {}, 1]]
    client._unsent.clear()
    assert items(client) == [["g", "g", {}, 0]]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(513, 9000), st.floats(0, 8))
def test_many_observations_are_rounded_by_a_tiny_bit_and_the_sum_is_exact(seed: int, size: int, spread: float) -> None:
    rng = random.Random(seed)
    values = [rng.lognormvariate(0, spread) for _ in range(size)]
    client = Client(start=False)
    histogram = client.histogram("h")
    for value in values:
        histogram.observe(value)
    pairs: list[tuple[float, int]] = []
    total = 0.0
    for item in items(client):
        pairs += weighted(item)
        total += item[5] if item[0] == "B" else math.fsum(item[3])
    counted = sorted(value for value, count in pairs for _ in range(count))
    assert len(counted) == len(values)
    for found, true in zip(counted, sorted(values), strict=True):
        assert found == pytest.approx(true, rel=1e-3 if len(counted) < 16_000 and spread < 2 else 0.05)
    assert total == pytest.approx(math.fsum(values), rel=1e-9)


def test_many_places_with_large_counts_and_long_labels_fit_into_datagrams() -> None:
    client = Client(start=False)
    histogram = client.histogram("h", camera="x" * 8_000)
    for n in range(3_000):
        histogram.observe(1.01**n % 7919)
    histogram._fold()
    for place in histogram._rounded:
        histogram._rounded[place] = 10**9
    assert len(histogram._rounded) > 1_500
    found = items(client)
    assert client.dropped == 0
    assert len(found) >= 2
    assert all(len(data) < 2 * mkit_client.MAX_DATAGRAM for data, _ in client._unsent)


def test_huge_observations_among_many_are_not_lost() -> None:
    client = Client(start=False)
    histogram = client.histogram("h")
    values = [0.25] * 600 + [1e39, -1e300, 3.5e38]
    for value in values:
        histogram.observe(value)
    (item,) = items(client)
    assert sorted(weighted(item)) == [
        (pytest.approx(-3.4e38, rel=0.01), 1), (0.25, 600), (pytest.approx(3.4e38, rel=0.01), 2),
    ]  # fmt: skip
    total = item[5]
    assert total == pytest.approx(math.fsum(values))
    assert client.dropped == 0


@pytest.mark.parametrize("lost", range(0, 24, 3))
def test_places_are_the_bits_without_the_last_ones(lost: int) -> None:
    rng = random.Random(lost)
    values = [rng.lognormvariate(0, 9) * rng.choice((1, -1)) for _ in range(50)] + [0.0, 0.1, 1, 2**30]
    mask = 0xFFFFFFFF << lost & 0xFFFFFFFF
    expected = [struct.unpack("I", struct.pack("f", value))[0] & mask for value in values]
    assert list(mkit_client._places(values, mask)) == expected


def test_round_values_stay_below_their_bucket_bound() -> None:
    client = Client(start=False)
    for _ in range(1000):
        for bound in (0.005, 0.0125, 0.25, 1, 8, 0.1):
            client.histogram("h").observe(bound)
    for item in items(client):
        for value, _ in weighted(item):
            assert any(value <= bound and value > bound * 0.999 for bound in (0.005, 0.0125, 0.25, 1, 8, 0.1))


def test_calls_of_many_threads_all_count() -> None:
    client = Client(start=False)
    counter, histogram = client.counter("c_total"), client.histogram("h")

    def work() -> None:
        for _ in range(30_000):
            counter.inc()
            histogram.observe(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = items(client)
    assert found[0][3:] == [120_000, 120_000]
    assert sum(count for item in found[1:] for _, count in weighted(item)) == 120_000
    assert client.dropped == 0


def test_without_an_exporter_nothing_is_lost_for_a_while_and_then_counted(tmp_path: Path) -> None:
    client = Client(str(tmp_path / "nobody"), start=False)
    counter = client.counter("c_total")
    for _ in range(mkit_client.MAX_UNSENT + 10):
        counter.inc()
        client.flush()
    assert client.dropped == 10
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "nobody"))
        server.settimeout(1)
        bodies = []
        while len(bodies) < mkit_client.MAX_UNSENT:
            client.flush()
            bodies.append(json.loads(server.recv(1 << 18)))
    assert [body["first"] for body in bodies] == list(range(10, 10 + mkit_client.MAX_UNSENT))


def test_a_full_queue_neither_blocks_nor_loses(sock: socket.socket) -> None:
    client = Client(path(sock), start=False)
    counter = client.counter("c_total")
    began = time.monotonic()
    for _ in range(60):
        counter.inc()
        client.flush()
    assert time.monotonic() - began < 2
    assert client._unsent
    assert client.dropped == 0
    total = 0.0
    while total < 60:
        total += received(sock)["items"][0][3]
        client.flush()
    assert total == 60


def test_a_forked_child_counts_for_itself(sock: socket.socket) -> None:
    client = Client(path(sock), start=False)
    counter = client.counter("c_total")
    counter.inc(5)
    child = os.fork()
    if child == 0:
        counter.inc(7)
        client.flush()
        os._exit(0)
    os.waitpid(child, 0)
    client.flush()
    first, second = received(sock), received(sock)
    assert [body["items"][0][3] for body in (first, second)] == [7, 5]
    assert first["client"] != second["client"]
    assert first["first"] == second["first"] == 0


def test_a_timer_made_before_a_fork_counts_in_the_child(sock: socket.socket) -> None:
    client = Client(path(sock), start=False)
    timer = client.timer("h")
    decorated = client.timer("h")(lambda: None)
    with timer:
        pass
    child = os.fork()
    if child == 0:
        with timer:
            pass
        decorated()
        decorated()
        client.flush()
        os._exit(0)
    os.waitpid(child, 0)
    client.flush()
    assert [len(received(sock)["items"][0][3]) for _ in range(2)] == [3, 1]


def test_a_forked_child_sends_by_itself(sock: socket.socket) -> None:
    client = Client(path(sock))
    counter = client.counter("c_total")
    child = os.fork()
    if child == 0:
        counter.inc(7)
        time.sleep(1)
        os._exit(0)
    assert received(sock)["items"] == [["c", "c_total", {}, 7, 7 / 7]]
    os.waitpid(child, 0)
    client.close()


def test_large_batches_become_several_datagrams_with_numbers_that_follow() -> None:
    client = Client(start=False)
    for number in range(2000):
        client.counter("c_total", camera=f"camera-{number:08}").inc()
    client._encode()
    bodies = [json.loads(data) for data, _ in client._unsent]
    assert len(bodies) > 1
    assert all(len(data) < 2 * mkit_client.MAX_DATAGRAM for data, _ in client._unsent)
    expected = 0
    for body in bodies:
        assert body["first"] == expected
        expected += body["events"]
    assert expected == 2000


def test_the_file_stands_alone_and_parses_as_python_3_9() -> None:
    source = Path(mkit_client.__file__).read_text()
    tree = ast.parse(source, feature_version=(3, 9))
    names = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
             for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))}  # fmt: skip
    import sys

    assert {str(name).split(".")[0] for name in names} <= sys.stdlib_module_names
