"""The site over real sockets."""

from __future__ import annotations

import gzip
import re
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from monitoring_kit.exporters.runtime import (
    CollectError,
    ConfigError,
    Exporter,
    FamilyRows,
    Policy,
    Registry,
    Request,
    Response,
    Route,
    wire,
)

from .conftest import Start
from .independent import decode, parse


class Source:
    name = "s"

    def __init__(self, registry: Registry, work: Any) -> None:
        self.families = (registry.declare({"name": "s", "type": "gauge", "help": "x"}),)
        self.work = work

    def collect(self, deadline: Any) -> Any:
        self.work(deadline)
        return [FamilyRows(self.families[0], [((), 1.0)])]


def raw(port: int, data: bytes, parts: int = 1) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=15) as sock:
        step = -(-len(data) // parts)
        for start in range(0, len(data), step):
            sock.sendall(data[start : start + step])
            time.sleep(0.01 if parts > 1 else 0)
        out = b""
        while chunk := sock.recv(65536):
            out += chunk
        return out


def test_the_pages(start: Start, registry: Registry) -> None:
    registry.declare({"name": "g", "type": "gauge", "help": "x"}).set(1)
    run = start(registry)
    page = run.ask("/")
    assert page.status == 200
    assert 'href="/metrics"' in page.text
    assert "unit-exporter 1.2.3" in page.text
    assert run.ask("/metrics").text.startswith("# HELP g x\n# TYPE g gauge\ng 1\n")
    assert run.ask("/metrics?collect=x").status == 200
    assert (run.ask("/-/healthy").status, run.ask("/-/ready").status) == (200, 200)
    assert run.ask("/metricsx").status == 404
    assert run.ask("/-/nothing").status == 404
    refused = run.ask("/metrics", "POST", b"x")
    assert (refused.status, refused.body) == (413, b"body larger than 0 bytes\n")
    refused = run.ask("/metrics", "DELETE")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


def test_another_telemetry_path(start: Start, registry: Registry) -> None:
    run = start(registry, "--web.telemetry-path", "/m")
    assert run.ask("/m").status == 200
    assert run.ask("/metrics").status == 404


def test_head_has_the_length_and_no_body(start: Start, registry: Registry) -> None:
    run = start(registry)
    head = run.ask("/metrics", "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) > 100
    for path in ("/", "/-/healthy", "/-/ready"):
        assert run.ask(path, "HEAD").status == 200
    assert raw(run.port, b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").endswith(b"\r\n\r\n")


def test_formats_and_gzip(start: Start, registry: Registry) -> None:
    registry.declare({"name": "tx_total", "type": "counter", "help": "x"}).inc(5)
    run = start(registry)
    om = run.ask(Accept="application/openmetrics-text;version=1.0.0")
    assert parse(om.text, openmetrics=True)["tx"].samples == {("tx_total", ()): 5}
    packed = run.ask(Accept_Encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert parse(gzip.decompress(packed.body).decode(), openmetrics=False)["tx_total"].samples == {("tx_total", ()): 5}
    proto = run.ask(Accept="application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
    assert decode(proto.body)[0].metrics[0].value == 5
    assert "Accept" in proto.headers["vary"]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET metrics HTTP/1.1\r\n\r\n", 400),
        (b"GET /metrics HTTP/2.0\r\n\r\n", 505),
        (b"GET /metrics HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nA : b\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST /e HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /e HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n", 400),
        (b"POST /e HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST /e HTTP/1.1\r\nContent-Length: 11\r\n\r\n", 413),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 20000 + b"\r\n\r\n", 431),
        (b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 100 + b"\r\n", 431),
    ],
)
def test_malformed_requests_are_refused_and_the_connection_ends(
    start: Start, registry: Registry, request_: bytes, status: int
) -> None:
    route = Route("POST", "/e", lambda request: Response(204), max_body=10)
    run = start(lambda args, previous: Exporter(registry, routes=[route]))
    answer = raw(run.port, request_)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close" in answer
    assert run.ask("/-/healthy").status == 200


def test_a_route_hears_of_bodies_that_were_too_large_for_it(start: Start, registry: Registry) -> None:
    heard: list[str] = []
    routes = [
        Route("POST", path, lambda request: Response(204), max_body=10, too_large=lambda: heard.append("large"))
        for path in ("/e", "/f")
    ]
    run = start(lambda args, previous: Exporter(registry, routes=routes))
    for head in (b"POST /e HTTP/1.1\r\nContent-Length: %d", b"POST /other HTTP/1.1\r\nContent-Length: %d"):
        assert raw(run.port, (head + b"\r\n\r\n") % 11).startswith(b"HTTP/1.1 413 ")
    assert raw(run.port, b"POST /e HTTP/1.1\r\nContent-Length: x\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert raw(run.port, b"POST /f HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").startswith(
        b"HTTP/1.1 204 "
    )
    assert heard == ["large"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_request_without_a_length_has_no_body(start: Start, registry: Registry, method: str) -> None:
    """RFC 9112, 6.3; what follows on the connection is the next request."""
    run = start(
        lambda args, previous: Exporter(
            registry, routes=[Route(method, "/e", lambda r: Response(200, b"<%s>" % r.body))]
        )
    )
    data = b"%s /e HTTP/1.1\r\nHost: x\r\n\r\n%s /metrics HTTP/1.1\r\n\r\n" % ((method.encode(),) * 2)
    answer = raw(run.port, data + b"GET /-/healthy HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert re.findall(rb"HTTP/1.1 (\d+) ", answer) == [b"200", b"405", b"200"]
    assert b"\r\n\r\n<>HTTP/1.1 405 " in answer


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_line_of_the_readme_reloads(start: Start, registry: Registry) -> None:
    readme = (Path(wire.__file__).parent / "README.md").read_text()
    (line,) = re.findall(r"^curl .*/-/reload$", readme, re.MULTILINE)
    builds: list[int] = []

    def build(args: Any, previous: Any) -> Exporter:
        builds.append(1)
        return Exporter(registry)

    run = start(build, "--web.enable-lifecycle")
    command = [*line.replace(":9641", f":{run.port}").split(), "-s", "-w", "%{http_code}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout.endswith("200")
    assert len(builds) == 2


def test_mounted_handlers_get_the_body_however_it_arrives(start: Start, registry: Registry) -> None:
    seen: list[Request] = []

    def handler(request: Request) -> Response:
        seen.append(request)
        return Response(204)

    run = start(lambda args, previous: Exporter(registry, routes=[Route("POST", "/v1/events", handler)]))
    assert run.ask("/v1/events?x=1", "POST", b'{"a": 1}', X_Key="k").status == 204
    data = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
    assert raw(run.port, data, parts=20).startswith(b"HTTP/1.1 204 ")
    assert [request.body for request in seen] == [b'{"a": 1}', b"hello"]
    assert (seen[0].query, seen[0].headers["x-key"], seen[0].remote) == ("x=1", "k", "127.0.0.1")
    assert run.ask("/v1/events").status == 405


def test_a_client_that_sends_too_much_reads_the_refusal(start: Start, registry: Registry) -> None:
    """Not a broken pipe: it is still sending when the answer comes."""
    run = start(lambda args, previous: Exporter(registry, routes=[Route("POST", "/e", lambda r: Response(204))]))
    body = b" " * (4 << 20)
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", run.port), timeout=10) as sock:
            sock.sendall(b"POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
            time.sleep(0.05)
            sock.sendall(body)
            assert sock.recv(64).startswith(b"HTTP/1.1 413 ")


def test_expect_continue_and_pipelining(start: Start, registry: Registry) -> None:
    run = start(
        lambda args, previous: Exporter(registry, routes=[Route("POST", "/e", lambda r: Response(200, r.body))])
    )
    data = b"POST /e HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nok"
    data += b"GET /-/healthy HTTP/1.1\r\nConnection: close\r\n\r\n"
    answer = raw(run.port, data)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 2


def test_a_raising_handler_answers_500_without_the_text(start: Start, registry: Registry, caplog: Any) -> None:
    def handler(request: Request) -> Response:
        raise RuntimeError("password=hunter2")

    run = start(lambda args, previous: Exporter(registry, routes=[Route("POST", "/e", handler)]))
    answer = run.ask("/e", "POST", b"x")
    assert answer.status == 500
    assert "hunter2" not in answer.text + caplog.text
    assert run.ask().status == 200


def test_too_many_requests_in_flight_get_503(start: Start, registry: Registry) -> None:
    release = threading.Event()
    busy = threading.Semaphore(0)

    def handler(request: Request) -> Response:
        busy.release()
        release.wait(10)
        return Response(204)

    run = start(lambda a, p: Exporter(registry, routes=[Route("POST", "/e", handler)]), "--web.max-requests", "2")
    threads = [threading.Thread(target=run.ask, args=("/e", "POST", b"x")) for _ in range(2)]
    for thread in threads:
        thread.start()
        assert busy.acquire(timeout=5)
    refused = run.ask()
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    release.set()
    for thread in threads:
        thread.join()
    assert run.ask().status == 200


def test_the_scrape_timeout_header_bounds_the_scrape(start: Start, registry: Registry) -> None:
    registry.declare({"name": "other", "type": "gauge", "help": "x"}).set(1)
    registry.register(Source(registry, lambda d: time.sleep(3)))
    run = start(registry)
    began = time.monotonic()
    answer = run.ask(X_Prometheus_Scrape_Timeout_Seconds="1.0")
    assert 0.4 < time.monotonic() - began < 1.0
    assert answer.status == 200
    assert "other 1" in answer.text
    assert 'unit_collector_errors_total{collector="s",reason="timeout"} 1' in answer.text


@pytest.mark.parametrize("told", ["nan", "inf", "-1", "0", "x", ""])
def test_a_strange_timeout_header_means_our_own(start: Start, registry: Registry, told: str) -> None:
    left: list[float] = []
    registry.register(Source(registry, lambda d: left.append(d.remaining())))
    run = start(registry, "--scrape.timeout", "3")
    run.ask(X_Prometheus_Scrape_Timeout_Seconds=told)
    assert 2.5 < left[0] <= 3


def refuse(_: Any) -> None:
    raise CollectError("denied")


def test_nothing_worked_is_503_strict_and_fail_are_500(start: Start) -> None:
    def make(policy: Policy) -> Registry:
        registry = Registry("unit")
        registry.register(Source(registry, refuse), policy=policy)
        return registry

    assert start(make(Policy.drop())).ask().status == 503
    assert start(make(Policy.fail())).ask().status == 500
    registry = make(Policy.drop())
    registry.declare({"name": "live", "type": "gauge", "help": "x"}).set(1)
    assert start(registry).ask().status == 200
    strict = start(registry, "--strict").ask()
    assert (strict.status, strict.text) == (500, "collectors failed (--strict): s\n")


def test_an_invalid_exposition_is_not_sent(start: Start, registry: Registry) -> None:
    registry.declare({"name": "bad_total", "type": "counter", "help": "x"}).labels().value = -1
    registry.declare({"name": "good", "type": "gauge", "help": "x"}).set(1)
    answer = start(registry).ask()
    assert answer.status == 500
    assert "bad_total" in answer.text
    assert "good 1" not in answer.text


def test_reload_swaps_and_a_bad_configuration_keeps_the_old(start: Start) -> None:
    made: list[Registry] = []
    closed: list[int] = []
    fault: list[Exception] = []

    def build(args: Any, previous: Any) -> Exporter:
        if fault:
            raise fault[0]
        registry = Registry("unit")
        number = len(made)
        registry.declare({"name": "generation", "type": "gauge", "help": "x"}).set(number)
        made.append(registry)
        return Exporter(registry, close=[lambda: closed.append(number)])

    run = start(build, "--web.enable-lifecycle")
    assert "generation 0\n" in run.ask().text
    assert run.ask("/-/reload", "POST", b"").status == 200
    assert "generation 1\n" in run.ask().text
    assert closed == [0]
    for error, shown in (
        (ConfigError("line 3: no such source"), "no such source"),
        (RuntimeError("pw"), "RuntimeError"),
    ):
        fault[:] = [error]
        answer = run.ask("/-/reload", "POST", b"")
        assert answer.status == 500
        assert shown in answer.text
        assert "pw" not in answer.text
        assert "generation 1\n" in run.ask().text
        assert "unit_config_last_reload_successful 0\n" in run.ask().text
    fault.clear()
    assert run.ask("/-/reload", "POST", b"").status == 200
    assert "unit_config_last_reload_successful 1\n" in run.ask().text
    assert run.ask("/-/reload").status == 405


def test_reload_is_off_by_default(start: Start, registry: Registry) -> None:
    assert start(registry).ask("/-/reload", "POST", b"").status == 403


def test_not_ready_says_why(start: Start, registry: Registry) -> None:
    why: list[str | None] = ["waiting for the socket"]
    run = start(lambda a, p: Exporter(registry, ready=lambda: why[0]))
    assert (run.ask("/-/ready").status, run.ask("/-/ready").text) == (503, "not ready: waiting for the socket\n")
    why[0] = None
    assert run.ask("/-/ready").status == 200


def test_stop_lets_the_request_in_flight_finish(start: Start, registry: Registry) -> None:
    entered = threading.Event()

    def handler(request: Request) -> Response:
        entered.set()
        time.sleep(0.5)
        return Response(200, b"done")

    run = start(lambda a, p: Exporter(registry, routes=[Route("POST", "/e", handler)]))
    idle = socket.create_connection(("127.0.0.1", run.port))
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(run.ask("/e", "POST", b"x")))
    thread.start()
    assert entered.wait(5)
    run.stop()
    thread.join()
    assert answers[0].body == b"done"
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", run.port), timeout=1)
    idle.close()


def test_concurrent_scrapes_are_all_whole(start: Start, registry: Registry) -> None:
    gauge = registry.declare({"name": "g", "type": "gauge", "help": "x", "labels": ["n"]})
    for number in range(2000):
        gauge.labels(str(number)).set(number / 7)
    run = start(registry)
    bad: list[Any] = []

    def scrape() -> None:
        for _ in range(5):
            found = parse(gzip.decompress(run.ask(Accept_Encoding="gzip").body).decode(), openmetrics=False)
            if len(found["g"].samples) != 2000:
                bad.append(len(found["g"].samples))

    threads = [threading.Thread(target=scrape) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bad == []
