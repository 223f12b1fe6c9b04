"""Fixtures: an exporter program running in this process, and an HTTP client without a library in between."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from monitoring_kit.exporters.runtime import Exporter, ExporterApp, Registry
from monitoring_kit.exporters.runtime.flags import parser
from monitoring_kit.exporters.runtime.program import Program


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Running:
    program: Program
    port: int
    thread: threading.Thread = field(repr=False)

    def ask(self, path: str = "/metrics", method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            named = {key.replace("_", "-"): value for key, value in headers.items()}
            connection.request(method, path, body=body, headers=named)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def stop(self) -> None:
        self.program.stop()
        self.thread.join(10)
        assert not self.thread.is_alive()


Start = Callable[..., Running]


@pytest.fixture
def start() -> Iterator[Start]:
    """``start(build, *flags)``: serve what ``build(args, previous)`` makes, or a registry, on a free loopback port."""
    running: list[Running] = []

    def go(build: object, *flags: str) -> Running:
        made = build if callable(build) else lambda args, previous: Exporter(build)  # type: ignore[arg-type]
        app = ExporterApp("unit-exporter", "1.2.3", "An exporter under test", "127.0.0.1:0", made)  # type: ignore[arg-type]
        program = Program(app, parser(app).parse_args(["--web.listen-address", "127.0.0.1:0", *flags]))
        up = threading.Event()
        thread = threading.Thread(target=program.serve, args=(up.set,), daemon=True)
        thread.start()
        assert up.wait(10)
        out = Running(program, program.addresses[0][1], thread)
        running.append(out)
        return out

    yield go
    for item in running:
        if item.thread.is_alive():
            item.stop()


@pytest.fixture
def registry() -> Registry:
    return Registry("unit")
