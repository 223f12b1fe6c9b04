"""Singleflight, the render thread, and the landing page's table."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from monitoring_kit.exporters.runtime import CollectError, Deadline, FamilyRows, Registry
from monitoring_kit.exporters.runtime.flight import Singleflight
from monitoring_kit.exporters.runtime.renderer import Renderer

from .conftest import Start


def fly(flights: Singleflight[int], key: str, seconds: float, work: Any, out: list[Any]) -> threading.Thread:
    def run() -> None:
        try:
            out.append(flights.do(key, Deadline.after(seconds), work))
        except CollectError as error:
            out.append(error.reason)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def counting(calls: list[float], release: threading.Event) -> Any:
    def work(deadline: Deadline) -> int:
        calls.append(deadline.remaining())
        release.wait(5)
        return len(calls)

    return work


def test_equal_calls_share_one_flight() -> None:
    flights: Singleflight[int] = Singleflight()
    calls: list[float] = []
    release, out = threading.Event(), []  # type: ignore[var-annotated]
    threads = []
    for _ in range(5):
        threads.append(fly(flights, "a", 5, counting(calls, release), out))
        time.sleep(0.02)
    release.set()
    for thread in threads:
        thread.join()
    assert out == [1] * 5
    assert flights.do("a", Deadline.after(5), lambda deadline: 9) == 9


def test_other_keys_and_sooner_deadlines_fly_alone() -> None:
    flights: Singleflight[int] = Singleflight()
    calls: list[float] = []
    release, out = threading.Event(), []  # type: ignore[var-annotated]
    threads = []
    for key, seconds in (("a", 5.0), ("b", 5.0), ("a", 1.0)):
        threads.append(fly(flights, key, seconds, counting(calls, release), out))
        time.sleep(0.02)
    assert len(calls) == 3
    assert calls[2] <= 1.0
    release.set()
    for thread in threads:
        thread.join()


def test_an_error_reaches_every_caller_once() -> None:
    flights: Singleflight[int] = Singleflight()
    release, out = threading.Event(), []  # type: ignore[var-annotated]

    def work(deadline: Deadline) -> int:
        release.wait(5)
        raise CollectError("denied")

    threads = [fly(flights, "a", 5 + n, work, out) for n in range(3)]
    time.sleep(0.05)
    release.set()
    for thread in threads:
        thread.join()
    assert out == ["denied"] * 3
    assert flights.do("a", Deadline.after(5), lambda deadline: 1) == 1


def test_the_renderer_goes_on_after_an_error() -> None:
    renderer: Renderer[int] = Renderer()
    with pytest.raises(ZeroDivisionError):
        renderer.run(lambda: 1 // 0)
    assert renderer.run(lambda: 2) == 2


class Named:
    def __init__(self, registry: Registry, name: str, fails: bool) -> None:
        self.name, self.fails = name, fails
        self.families = (registry.declare({"name": f"m{len(registry.families)}", "type": "gauge", "help": "x"}),)

    def collect(self, deadline: Deadline) -> Any:
        if self.fails:
            raise CollectError("denied")
        return [FamilyRows(self.families[0], [((), 1.0)])]


def test_the_landing_page_lists_the_collectors_escaped(start: Start, registry: Registry) -> None:
    registry.register(Named(registry, "<b>good", False))
    registry.register(Named(registry, "bad", True))
    run = start(registry)
    assert run.ask("/").text.count("<td>not yet</td>") == 2
    run.ask()
    page = run.ask("/").text
    assert "<td>&lt;b&gt;good</td><td>ok</td>" in page
    assert "<td>bad</td><td>failed</td>" in page
    assert "<b>good" not in page
