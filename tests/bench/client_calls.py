"""What a call costs in the model's process, ours and prometheus_client's: one JSON list of [what, who, nanoseconds].

    python client_calls.py FOLDER...

A script of its own, for it runs under whichever Python a model would: ``FOLDER`` are where ``mkit_client`` and
``prometheus_client`` lie. A call of ours leaves its value to the client's thread, which adds up what is pending every
250 ms: that is a figure of its own. A call pays it too when there are more than 8,192 of one handle between two of these
(32,000 a second), up to the sum of the two.
"""

from __future__ import annotations

import json
import math
import random
import sys
import time
from collections.abc import Callable
from typing import Any

CALLS = 8_000  # Fewer than a handle keeps pending.
RUNS = 150

Work = Callable[[int], None]


def calls(function: Callable[[], Any]) -> Work:
    def work(number: int) -> None:
        for _ in range(number):
            function()

    return work


def observations(function: Callable[[float], Any]) -> Work:
    rng = random.Random(1)
    values = [rng.lognormvariate(-3, 0.5) for _ in range(CALLS)]

    def work(number: int) -> None:
        for value in values[:number]:
            function(value)

    return work


def blocks(time_: Callable[[], Any]) -> Work:
    def work(number: int) -> None:
        for _ in range(number):
            with time_():
                pass

    return work


def main() -> None:
    sys.path += sys.argv[1:]
    import prometheus_client as peer
    from mkit_client import Client

    client = Client(start=False)
    counter, gauge, histogram = client.counter("c_total"), client.gauge("g"), client.histogram("h")
    registry = peer.CollectorRegistry()
    their_counter = peer.Counter("c", "C.", ["camera"], registry=registry).labels("a")
    theirs = peer.Histogram("h", "H.", ["camera"], registry=registry).labels("a")
    observe = observations(histogram.observe)
    ours, other = "mkit_client", "prometheus_client"
    works = {
        ("counter.inc()", ours): calls(counter.inc),
        ("counter.inc()", other): calls(their_counter.inc),
        ("gauge.set()", ours): observations(gauge.set),
        ("histogram.observe()", ours): observe,
        ("histogram.observe()", other): observations(theirs.observe),
        ("with histogram.time(): pass", ours): blocks(histogram.time),
        ("with histogram.time(): pass", other): blocks(theirs.time),
        ("a timed function (decorator)", ours): calls(histogram.time()(lambda: None)),
        ("a timed function (decorator)", other): calls(theirs.time()(lambda: None)),
    }
    found = dict.fromkeys(works, math.inf)
    thread = ("the client's thread, an observation", ours)
    found[thread] = math.inf

    def measure(key: tuple[str, str], work: Work) -> None:
        began = time.thread_time()
        work(CALLS)
        # The best of the runs: other load of the machine only adds.
        found[key] = min(found[key], (time.thread_time() - began) / CALLS * 1e9)

    for _ in range(RUNS):  # In turns, for the machine is faster at one moment than at another.
        for key, work in works.items():
            measure(key, work)
            client.flush()
        observe(CALLS)
        measure(thread, lambda _: client.flush())
    print(json.dumps([(what, who, value) for (what, who), value in found.items()]))


if __name__ == "__main__":
    main()
