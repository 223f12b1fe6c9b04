"""Reading a source: limits on size and time, and no credential in a message."""

import gzip
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from monitoring_kit.live.scrape import ScrapeError, read_source

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], str]]:
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/metrics"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def body(data: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def slow(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b"a 1\n")
        handler.wfile.flush()
        time.sleep(0.1)


def test_a_url_and_a_file_are_read(serve: Callable[[Answer], str], tmp_path: Path) -> None:
    assert read_source(serve(body(b"a 1\n"))) == "a 1\n"
    (tmp_path / "m").write_bytes(b"a 2\n")
    assert read_source(str(tmp_path / "m")) == "a 2\n"


def test_openmetrics_is_asked_for_first(serve: Callable[[Answer], str]) -> None:
    seen: list[str] = []
    read_source(serve(lambda handler: (seen.append(handler.headers["Accept"]), body(b"a 1\n")(handler))[1]))
    assert seen[0].startswith("application/openmetrics-text")
    assert "text/plain" in seen[0]


def test_a_body_over_the_limit_is_refused(serve: Callable[[Answer], str], tmp_path: Path) -> None:
    with pytest.raises(ScrapeError, match="larger than 1000 bytes"):
        read_source(serve(body(b"x" * 100_000)), max_bytes=1000)
    (tmp_path / "m").write_bytes(b"x" * 1001)
    with pytest.raises(ScrapeError, match="larger than 1000 bytes"):
        read_source(str(tmp_path / "m"), max_bytes=1000)


def test_a_compressed_bomb_counts_unpacked(serve: Callable[[Answer], str]) -> None:
    bomb = gzip.compress(b"a 1\n" * 1_000_000)
    with pytest.raises(ScrapeError, match="larger than 100000 bytes"):
        read_source(serve(body(bomb, Content_Encoding="gzip")), max_bytes=100_000)


def test_a_server_that_drips_is_left(serve: Callable[[Answer], str]) -> None:
    began = time.monotonic()
    with pytest.raises(ScrapeError, match=r"within 0\.5 s"):
        read_source(serve(slow), timeout=0.5)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(("status", "reason"), [(404, "answered 404"), (503, "answered 503")])
def test_an_error_status_is_told(serve: Callable[[Answer], str], status: int, reason: str) -> None:
    with pytest.raises(ScrapeError, match=reason):
        read_source(serve(body(b"no", status)))


def test_a_refused_connection_is_told() -> None:
    with pytest.raises(ScrapeError, match=r"127\.0\.0\.1:9/metrics: Connection refused"):
        read_source("http://127.0.0.1:9/metrics", timeout=2)


def test_credentials_in_a_url_are_refused_and_not_repeated() -> None:
    with pytest.raises(ScrapeError, match="credentials in a URL are refused") as error:
        read_source("http://user:hunter2@127.0.0.1:9/metrics")
    assert "hunter2" not in str(error.value)
    assert "user" not in str(error.value)


def test_bytes_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"a\xff 1\n")
    with pytest.raises(ScrapeError, match="not UTF-8 at byte 1"):
        read_source(str(tmp_path / "m"))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScrapeError, match="No such file"):
        read_source(str(tmp_path / "none"))
