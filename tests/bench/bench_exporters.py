"""The exporter runtime next to prometheus_client and a Go exporter, in one run.

Nothing here is a gate: figures depend on the machine, so peers are measured beside ours. "All values new" means that
every value changed since the last rendering; three decimals are what sensors and prices have, seventeen digits are the
worst case.
"""

from __future__ import annotations

import compileall
import contextlib
import json
import math
import os
import random
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from monitoring_kit.stack.fetch import FetchError, fetch_packages
from tests.bench import failing_sources
from tests.bench.figures import Figure, pace

SERVER = Path(__file__).with_name("exporter_under_test.py")
LABELS = ("camera", "site", "model")


def best_of(work: Callable[[], object], prepare: Callable[[], object], runs: int) -> float:
    """The median of ``runs`` in milliseconds of processor time (other load only adds to the clock's), each after ``prepare``."""
    times = []
    for _ in range(runs):
        prepare()
        began = time.thread_time()
        work()
        times.append((time.thread_time() - began) * 1e3)
    return statistics.median(times)


# -- rendering --------------------------------------------------------------------------------------------------------


def fill(labels: Callable[..., Any], series: int) -> list[Any]:
    return [labels(f"cam-{number}", "warehouse", "m1") for number in range(series)]


def changes(children: list[Any]) -> dict[str, Callable[[], None]]:
    """Ways in which values change between two scrapes."""
    rng = random.Random(5)

    def three_decimals() -> None:
        for child in children:
            child.set(round(rng.random() * 1000, 3))

    def integers() -> None:
        for child in children:
            child.set(rng.randrange(10**6))

    def seventeen_digits() -> None:
        for child in children:
            child.set(rng.random() * 1000)

    def a_tenth() -> None:
        for child in children[: len(children) // 10]:
            child.set(round(rng.random() * 1000, 3))

    return {
        "all values new, 3 decimals": three_decimals,
        "all values new, integers": integers,
        "all values new, 17 digits (worst case)": seventeen_digits,
        "a tenth new": a_tenth,
        "none new": lambda: None,
    }


def render(registry: Any, form: str) -> bytes:
    from monitoring_kit.exporters.runtime import Deadline

    return bytes(registry.gather(Deadline.after(60)).render(form))


def rendering(runs: int) -> Iterator[Figure]:
    from monitoring_kit.exporters.runtime import Registry
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    for series, target in ((1000, 0.4), (10000, 4.0)):
        registry = Registry("bench", max_series=None)
        family = registry.declare({"name": "latency_seconds", "type": "gauge", "help": "x", "labels": LABELS})
        theirs = CollectorRegistry()
        gauge = Gauge("latency_seconds", "x", LABELS, registry=theirs)
        ours, peers = fill(family.labels, series), fill(gauge.labels, series)
        for name, change in changes(ours).items():
            spent = best_of(partial(render, registry, "text"), change, runs)
            yield Figure(f"text, {series} series, {name}", "mkit", spent, "ms", target)
        for form in ("openmetrics", "protobuf"):
            change = changes(ours)["all values new, 3 decimals"]
            spent = best_of(partial(render, registry, form), change, runs)
            yield Figure(f"{form}, {series} series, all values new, 3 decimals", "mkit", spent, "ms")
        change = changes(peers)["all values new, 3 decimals"]
        spent = best_of(partial(generate_latest, theirs), change, max(3, runs // 5))
        yield Figure(f"text, {series} series, all values new, 3 decimals", "prometheus_client", spent, "ms")


# -- instrumentation --------------------------------------------------------------------------------------------------


def per_call(work: Callable[[], object], calls: int = 100_000) -> float:
    began = time.thread_time()
    for _ in range(calls):
        work()
    return (time.thread_time() - began) / calls * 1e9


def instrumentation() -> Iterator[Figure]:
    from monitoring_kit.exporters.runtime import Registry
    from prometheus_client import CollectorRegistry
    from prometheus_client import Counter as TheirCounter
    from prometheus_client import Histogram as TheirHistogram

    registry, theirs = Registry("bench"), CollectorRegistry()
    buckets = [0.002 * 1.5**n for n in range(16)]
    counter = registry.declare({"name": "c_total", "type": "counter", "help": "x"}).labels()
    spec = {"type": "histogram", "help": "x", "buckets": buckets}
    classic = registry.declare({"name": "h", **spec}).labels()
    both = registry.declare({"name": "n", **spec, "native": True}).labels()
    yield Figure("counter inc", "mkit", per_call(counter.inc), "ns")
    # The best of some runs: it stands for the machine, whose other load only adds.
    their_counter = TheirCounter("c", "x", registry=theirs)
    peer_inc = min(per_call(their_counter.inc) for _ in range(5))
    yield Figure("counter inc", "prometheus_client", peer_inc, "ns")
    yield pace(peer_inc)
    yield Figure("observe, 16 buckets", "mkit", per_call(lambda: classic.observe(0.0123)), "ns")
    yield Figure("observe, 16 buckets and native", "mkit", per_call(lambda: both.observe(0.0123)), "ns")
    peer = TheirHistogram("h", "x", buckets=buckets, registry=theirs)
    yield Figure("observe, 16 buckets", "prometheus_client", per_call(lambda: peer.observe(0.0123)), "ns")


CLASSIC = (
    0.002, 0.005, 0.0075, 0.01, 0.0125, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.05, 0.06, 0.075, 0.1, 0.125, 0.15, 0.2,
    0.25, 0.35, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip


def quantile_error() -> Iterator[Figure]:
    """Worst relative error of the p95 of lognormal latencies (medians 8, 30, 120 ms), as histogram_quantile computes it."""
    from monitoring_kit.exporters.runtime import Registry
    from monitoring_kit.exporters.runtime.native import upper_bound

    worst = {"classic": 0.0, "native": 0.0}
    for median in (0.008, 0.03, 0.12):
        rng = random.Random(11)
        values = sorted(rng.lognormvariate(math.log(median), 0.5) for _ in range(50_000))
        child = (
            Registry("b")
            .declare({"name": "h", "type": "histogram", "help": "x", "buckets": CLASSIC, "native": True})
            .labels()
        )
        for value in values:
            child.observe(value)
        true = values[int(0.95 * len(values))]
        bounds = zip((0.0, *CLASSIC), CLASSIC, child.counts, strict=False)
        sparse = sorted(child.positive.items())
        ranges = [(upper_bound(i - 1, 3), upper_bound(i, 3), count) for i, count in sparse]
        for name, buckets in (("classic", list(bounds)), ("native", ranges)):
            worst[name] = max(worst[name], abs(quantile(buckets, 0.95 * len(values)) - true) / true)
    yield Figure("p95 error, 24 classic buckets", "mkit", worst["classic"] * 100, "%", 6)
    yield Figure("p95 error, native schema 3", "mkit", worst["native"] * 100, "%", 1)


def quantile(buckets: list[tuple[float, float, int]], rank: float) -> float:
    seen = 0
    for low, high, count in buckets:
        if seen + count >= rank:
            return low + (high - low) * (rank - seen) / count
        seen += count
    return math.inf


# -- serving ----------------------------------------------------------------------------------------------------------

REQUEST = (
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n"
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def scrape(sock: socket.socket) -> tuple[float, int]:
    """One GET on a kept connection (or a new one's first): seconds and body bytes."""
    began = time.perf_counter()
    sock.sendall(REQUEST)
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = sock.recv(262144)
        if not chunk:
            raise ConnectionError
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    got, tail = len(body), body[-5:]
    # Go sends larger answers chunked; http.server closes the connection instead.
    while got < lengths[0] if lengths else tail != b"0\r\n\r\n":
        chunk = sock.recv(262144)
        if not chunk:
            break
        got, tail = got + len(chunk), (tail + chunk)[-5:]
    return time.perf_counter() - began, got


def connect(port: int, until: float) -> socket.socket:
    while True:
        try:
            sock = socket.create_connection(("127.0.0.1", port), timeout=20)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError:
            if time.perf_counter() > until:
                raise
            time.sleep(0.001)


def load(port: int, scrapers: int, rounds: int) -> list[float]:
    """Seconds of every GET of ``scrapers`` clients that scrape back to back; the first of each warms up, uncounted."""
    out: list[float] = []

    def client() -> None:
        sock = connect(port, time.perf_counter() + 5)
        for number in range(rounds + 1):
            try:
                spent, _ = scrape(sock)
            except OSError:
                sock = connect(port, time.perf_counter() + 5)
                spent, _ = scrape(sock)
            if number:
                out.append(spent)
            if not keeps_alive:
                sock.close()
                sock = connect(port, time.perf_counter() + 5)
        sock.close()

    probe = connect(port, time.perf_counter() + 5)
    scrape(probe)
    probe.settimeout(0.2)
    with contextlib.suppress(OSError):
        probe.sendall(REQUEST)
    try:
        keeps_alive = bool(probe.recv(1))
    except OSError:
        keeps_alive = False
    probe.close()
    threads = [threading.Thread(target=client) for _ in range(scrapers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(out)


def resident(process: subprocess.Popen[bytes]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def processor_time(process: subprocess.Popen[bytes]) -> float:
    """Milliseconds that its threads ran: the part of a start that other load on the machine does not add to."""
    ran = 0
    for task in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            ran += int(task.read_text().split()[0])  # Nanoseconds: Documentation/scheduler/sched-stats.rst.
    return ran / 1e6


@contextlib.contextmanager
def server(command: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """A started server and the seconds from its start to the end of its first scrape; the port is the last digits."""
    port = next(int(part.rpartition(":")[2]) for part in command if part.rpartition(":")[2].isdigit())
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        sock = connect(port, began + 20)
        scrape(sock)
        first = time.perf_counter() - began
        sock.close()
        yield process, first
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """The programs that start meanwhile find the package as a wheel lays it out.

    A checkout's editable install has an import hook that costs a start a third more processor time, and no user has it.
    """
    root = Path(__file__).parents[2]
    # PYTHONSAFEPATH: ``-m`` would put the working folder, which is the checkout, before PYTHONPATH.
    before = {name: os.environ.get(name) for name in ("PYTHONPATH", "PYTHONSAFEPATH")}
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "monitoring_kit"
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / "monitoring_kit", target, ignore=skip)
        for part in ("exporters", "rules", "dashboards"):
            shutil.copytree(root / part, target / part, ignore=skip)
        compileall.compile_dir(folder, quiet=2)
        os.environ.update(PYTHONPATH=folder, PYTHONSAFEPATH="1")
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


def ours(which: str, series: int, change: int) -> list[str]:
    return [sys.executable, str(SERVER), which, str(free_port()), str(series), str(change)]


def serving(rounds: int, starts: int) -> Iterator[Figure]:
    names = {"mkit": "mkit", "client": "prometheus_client"}
    for which, name in names.items():
        promised = which == "mkit"
        firsts, spent = [], []
        for _ in range(starts):
            with server(ours(which, 100, 0)) as (process, first):
                firsts.append(first * 1e3)
                spent.append(processor_time(process))
                idle = resident(process)
        yield Figure("start to first scrape", name, statistics.median(firsts), "ms", 120 if promised else None)
        yield Figure("start to first scrape, processor time", name, statistics.median(spent), "ms")
        yield Figure("RSS idle", name, idle, "MiB", 25 if promised else None)
        with server(ours(which, 10_000, 1000)) as (process, _):
            times = load(process_port(process), 4, rounds if promised else max(5, rounds // 10))
            yield from latencies(
                "GET gzip, 10k series, 4 scrapers, 10k changes/s", name, times, 10 if promised else None
            )
            yield Figure("RSS at 10k series", name, resident(process), "MiB", 30 if promised else None)
    yield from go_peer(max(10, rounds // 4))


def go_peer(rounds: int) -> Iterator[Figure]:
    """Debian's Pushgateway, an exporter on Go's client_golang, with as many pushed series; nothing where it cannot be had."""
    program = shutil.which("prometheus-pushgateway")
    if program is None:
        try:
            root = fetch_packages(("prometheus-pushgateway",))
        except FetchError as reason:
            print(f"not measured with Go: {reason}", flush=True)
            return
        program = str(root / "usr/bin/prometheus-pushgateway")
    port, name = free_port(), "pushgateway (Go, client_golang)"
    with server([program, "--log.level=error", f"--web.listen-address=127.0.0.1:{port}"]) as (process, first):
        yield Figure("start to first scrape", name, first * 1e3, "ms")
        yield Figure("RSS idle", name, resident(process), "MiB")
        rng = random.Random(2)
        lines = [
            f'latency_seconds{{camera="cam-{number}",site="warehouse",model="m1"}} {round(rng.random() * 1000, 3)}\n'
            for number in range(10_000)
        ]
        body = ("# TYPE latency_seconds gauge\n" + "".join(lines)).encode()
        push = urllib.request.Request(f"http://127.0.0.1:{port}/metrics/job/bench", body, method="PUT")
        urllib.request.urlopen(push, timeout=20).close()
        yield from latencies("GET gzip, 10k series, one scraper, no changes", name, load(port, 1, rounds), None)
        yield from latencies("GET gzip, 10k series, 4 scrapers, no changes", name, load(port, 4, rounds), None)
        yield Figure("RSS at 10k series", name, resident(process), "MiB")


def business_start(starts: int) -> Iterator[Figure]:
    """The business exporter with its state file, two metrics of a SQLite database."""
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.closing(sqlite3.connect(f"{folder}/shop.db")) as database:
            database.execute("CREATE TABLE tx (id INTEGER PRIMARY KEY)")
        metric = {"help": "Rows.", "source": "shop", "query": "SELECT COUNT(*) FROM tx"}
        metrics = {"rows_now": {**metric, "type": "gauge"}, "rows_total": {**metric, "type": "counter"}}
        source = {"kind": "sqlite", "url": f"sqlite:///{folder}/shop.db"}
        config = Path(folder) / "business.json"  # JSON is YAML.
        config.write_text(
            json.dumps({"sources": {"shop": source}, "metrics": metrics, "state_file": f"{folder}/state.db"})
        )
        firsts, spent = [], []
        for _ in range(starts):
            command = [sys.executable, "-m", "monitoring_kit.exporters.business.main", "--config", str(config),
                       f"--web.listen-address=127.0.0.1:{free_port()}"]  # fmt: skip
            with server(command) as (process, first):
                firsts.append(first * 1e3)
                spent.append(processor_time(process))
        yield Figure("start to first scrape, business exporter", "mkit", statistics.median(firsts), "ms", 120)
        yield Figure("start to first scrape, business exporter, processor time", "mkit", statistics.median(spent), "ms")


def process_port(process: subprocess.Popen[bytes]) -> int:
    args = process.args
    assert isinstance(args, list)
    return int(args[3])


def latencies(what: str, who: str, times: list[float], target: float | None) -> Iterator[Figure]:
    yield Figure(f"{what}, p50", who, times[len(times) // 2] * 1e3, "ms")
    yield Figure(f"{what}, p99", who, times[min(len(times) - 1, int(len(times) * 0.99))] * 1e3, "ms", target)


def measure() -> list[Figure]:
    """All figures, ours next to the peers' in the same run."""
    found = [*rendering(51), *instrumentation(), *quantile_error()]
    with installed():
        found += [*serving(rounds=250, starts=9), *business_start(starts=9)]
    return [*found, *failing_sources.measure()]
