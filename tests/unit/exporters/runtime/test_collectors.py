"""Collectors: isolation, deadlines, policies, caching, joining."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from monitoring_kit.exporters.runtime import (
    CollectError,
    Deadline,
    FamilyError,
    FamilyRows,
    Policy,
    Registry,
    ScrapeFailed,
    SpecError,
    Unsupported,
)

ONE = [((), 1.0)]


class Source:
    def __init__(self, registry: Registry, name: str, work: Callable[[Deadline], Any], families: int = 1) -> None:
        self.name = name
        self.families = tuple(
            registry.declare({"name": f"{name}{i}", "type": "gauge", "help": "x"}) for i in range(families)
        )
        self.work = work
        self.runs = 0
        self.closed = False

    def collect(self, deadline: Deadline) -> Iterable[Any]:
        self.runs += 1
        out = self.work(deadline)
        return [FamilyRows(family, ONE) for family in self.families] if out is None else out

    def close(self) -> None:
        self.closed = True


def gather(registry: Registry, seconds: float = 5.0) -> Any:
    return registry.gather(Deadline.after(seconds))


def own(registry: Registry, what: str, **labels: str) -> float | None:
    return registry.value(f"unit_collector_{what}", labels)


def boom(_: Deadline) -> None:
    raise RuntimeError("password=hunter2")


def refuse(_: Deadline) -> None:
    raise CollectError("denied", "permission denied")


def test_what_does_not_exist_here_is_no_failure(registry: Registry) -> None:
    there = [True]

    def work(_: Deadline) -> None:
        if not there[0]:
            raise Unsupported("no such device")

    registry.register(Source(registry, "device", work))
    assert gather(registry).failures == {}
    assert (own(registry, "supported", collector="device"), registry.value("device0")) == (1, 1)
    there[0] = False
    assert gather(registry).failures == {}
    assert (own(registry, "supported", collector="device"), own(registry, "success", collector="device")) == (0, 1)
    assert registry.value("device0") is None
    assert own(registry, "errors_total", collector="device", reason="unsupported") is None
    there[0] = True
    gather(registry)
    assert (own(registry, "supported", collector="device"), registry.value("device0")) == (1, 1)


def test_a_failing_collector_leaves_the_others_intact(registry: Registry, caplog: Any) -> None:
    registry.register(Source(registry, "good", lambda _: None))
    registry.register(Source(registry, "bad", boom))
    registry.register(Source(registry, "told", refuse))
    got = gather(registry)
    assert got.failures == {"bad": "exception", "told": "denied"}
    assert not got.nothing_worked
    assert registry.value("good0") == 1
    assert registry.value("bad0") is None
    assert own(registry, "success", collector="good") == 1
    assert own(registry, "success", collector="bad") == 0
    assert own(registry, "errors_total", collector="bad", reason="exception") == 1
    assert own(registry, "errors_total", collector="told", reason="denied") == 1
    assert own(registry, "last_success_timestamp_seconds", collector="bad") is None
    assert own(registry, "last_success_timestamp_seconds", collector="good") == pytest.approx(time.time(), abs=5)
    assert "hunter2" not in caplog.text
    assert "hunter2" not in got.render().decode()


def test_collectors_run_in_parallel_each_to_the_shared_deadline(registry: Registry) -> None:
    for name in "abcd":
        registry.register(Source(registry, name, lambda _: time.sleep(0.3)))
    began = time.monotonic()
    assert gather(registry).failures == {}
    assert time.monotonic() - began < 0.9


def test_a_hung_collector_times_out_and_does_not_pile_up(registry: Registry) -> None:
    release = threading.Event()
    hung = Source(registry, "hung", lambda _: release.wait(10) and None)
    registry.register(hung)
    registry.register(Source(registry, "good", lambda _: None))
    before = threading.active_count()
    for _ in range(5):
        began = time.monotonic()
        assert gather(registry, 0.1).failures == {"hung": "timeout"}
        assert time.monotonic() - began < 0.5
    assert hung.runs == 1
    assert threading.active_count() <= before + 2
    assert own(registry, "errors_total", collector="hung", reason="timeout") == 5
    release.set()
    time.sleep(0.1)
    assert gather(registry).failures == {}
    assert registry.value("hung0") == 1


def test_a_late_result_nobody_waits_for_is_discarded(registry: Registry) -> None:
    release = threading.Event()
    registry.register(Source(registry, "slow", lambda _: release.wait(10) and None))
    assert gather(registry, 0.05).failures == {"slow": "timeout"}
    release.set()
    time.sleep(0.1)
    assert registry.value("slow0") is None
    assert own(registry, "success", collector="slow") == 0


def test_the_collectors_own_timeout_counts_too(registry: Registry) -> None:
    seen: list[float] = []
    registry.register(
        Source(registry, "slow", lambda d: seen.append(d.remaining()) or time.sleep(0.6)),
        timeout=0.1,  # type: ignore[func-returns-value]
    )
    began = time.monotonic()
    assert gather(registry, 30).failures == {"slow": "timeout"}
    assert time.monotonic() - began < 0.5
    assert 0 < seen[0] <= 0.1


def test_vanished_rows_vanish_and_an_unyielded_family_is_emptied(registry: Registry) -> None:
    answers: list[Any] = [None, []]
    source = Source(registry, "s", lambda _: answers.pop(0), families=2)
    registry.register(source)
    gather(registry)
    assert registry.value("s0") == registry.value("s1") == 1
    assert gather(registry).failures == {}
    assert registry.value("s0") is None
    assert registry.value("s1") is None


def test_one_family_may_fail_alone(registry: Registry) -> None:
    source = Source(registry, "s", lambda _: None, families=2)
    source.work = lambda _: [FamilyRows(source.families[0], ONE), FamilyError(source.families[1], "null_value")]
    registry.register(source)
    assert gather(registry).failures == {"s": "null_value"}
    assert registry.value("s0") == 1
    assert registry.value("s1") is None
    assert own(registry, "success", collector="s") == 0


def test_rows_that_do_not_fit_fail_their_family_only(registry: Registry) -> None:
    source = Source(registry, "s", lambda _: None, families=2)
    source.work = lambda _: [FamilyRows(source.families[0], [*ONE, *ONE]), FamilyRows(source.families[1], ONE)]
    registry.register(source)
    assert gather(registry).failures == {"s": "invalid_rows"}
    assert registry.value("s0") is None
    assert registry.value("s1") == 1


def test_rows_for_a_family_of_another_collector_are_refused(registry: Registry) -> None:
    other = Source(registry, "other", lambda _: None)
    thief = Source(registry, "thief", lambda _: [FamilyRows(other.families[0], [((), 666.0)])])
    registry.register(other)
    registry.register(thief)
    assert gather(registry).failures == {"thief": "foreign_family"}
    assert registry.value("other0") == 1


def test_a_generator_that_breaks_halfway_publishes_nothing_of_the_run(registry: Registry) -> None:
    source = Source(registry, "s", lambda _: None, families=2)

    def half(_: Deadline) -> Iterable[FamilyRows]:
        yield FamilyRows(source.families[0], [((), 2.0)])
        raise CollectError("gone")

    registry.register(source)
    gather(registry)
    source.work = half
    assert gather(registry).failures == {"s": "gone"}
    assert registry.value("s0") is None


@pytest.mark.parametrize(
    "junk",
    [
        lambda family: ["not a row"],
        lambda family: [None],
        lambda family: 5,
        lambda family: [FamilyRows(family, [(([],), 1.0)])],
        lambda family: [FamilyRows(family, [(None, 1.0)])],
        lambda family: [FamilyRows(family, [1.0])],
        lambda family: [FamilyRows(family, None)],
        lambda family: [FamilyRows(None, [])],
    ],
)
def test_whatever_a_collector_yields_its_worker_lives(registry: Registry, junk: Callable[[Any], Any]) -> None:
    source = Source(registry, "s", lambda _: None)
    registry.register(source)
    registry.register(Source(registry, "good", lambda _: None))
    source.work = lambda _: junk(source.families[0])
    for _ in range(2):
        began = time.monotonic()
        assert list(gather(registry).failures) == ["s"]
        assert time.monotonic() - began < 2
        assert registry.value("good0") == 1
        assert own(registry, "success", collector="s") == 0
    source.work = lambda _: None
    assert gather(registry).failures == {}
    assert registry.value("s0") == 1


def test_hold_keeps_the_last_rows_up_to_its_age(registry: Registry) -> None:
    source = Source(registry, "s", lambda _: None)
    registry.register(source, policy=Policy.hold(0.3))
    gather(registry)
    source.work = refuse
    assert gather(registry).failures == {"s": "denied"}
    assert registry.value("s0") == 1
    assert own(registry, "success", collector="s") == 0
    time.sleep(0.35)
    gather(registry)
    assert registry.value("s0") is None


def test_fail_fails_the_scrape(registry: Registry) -> None:
    registry.register(Source(registry, "s", refuse), policy=Policy.fail())
    with pytest.raises(ScrapeFailed, match="collector s: denied"):
        gather(registry)


def test_cache_serves_and_expires(registry: Registry) -> None:
    source = Source(registry, "s", lambda _: None)
    registry.register(source, cache=0.2)
    gather(registry)
    gather(registry)
    assert source.runs == 1
    time.sleep(0.25)
    gather(registry)
    assert source.runs == 2


def test_a_failure_is_not_cached(registry: Registry) -> None:
    source = Source(registry, "s", refuse)
    registry.register(source, cache=60)
    gather(registry)
    source.work = lambda _: None
    assert gather(registry).failures == {}
    assert registry.value("s0") == 1


def test_a_late_cached_run_lands_for_the_next_scrape(registry: Registry) -> None:
    source = Source(registry, "s", lambda _: time.sleep(0.3))
    registry.register(source, cache=60)
    assert gather(registry, 0.05).failures == {"s": "timeout"}
    time.sleep(0.4)
    assert gather(registry, 0.05).failures == {}
    assert source.runs == 1
    assert registry.value("s0") == 1


def test_concurrent_scrapes_join_one_run(registry: Registry) -> None:
    source = Source(registry, "s", lambda _: time.sleep(0.2))
    registry.register(source)
    results: list[Any] = []
    threads = [threading.Thread(target=lambda: results.append(gather(registry))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.runs <= 2
    assert [r.failures for r in results] == [{}] * 8


def test_registration_is_checked(registry: Registry) -> None:
    source = Source(registry, "s", lambda _: None)
    registry.register(source)
    with pytest.raises(SpecError, match="registered twice"):
        registry.register(source)
    clash = Source(registry, "t", lambda _: None)
    clash.families = source.families
    with pytest.raises(SpecError, match="belongs to collector 's'"):
        registry.register(clash)
    with pytest.raises(SpecError, match="not declared in this registry"):
        registry.register(Source(Registry("x"), "u", lambda _: None))


def test_close_closes_the_collectors_and_their_threads(registry: Registry) -> None:
    source = Source(registry, "s", lambda _: None)
    registry.register(source)
    gather(registry)
    before = threading.active_count()
    registry.close()
    time.sleep(0.1)
    assert source.closed
    assert threading.active_count() == before - 1


def test_live_counting_while_scraping_loses_nothing(registry: Registry) -> None:
    from .independent import decode

    wait = registry.declare(
        {"name": "wait_seconds", "type": "histogram", "help": "x", "buckets": [0.1, 1], "native": True}
    )
    done = threading.Event()

    def write() -> None:
        for number in range(40000):
            wait.observe(number % 7 / 3)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    last = 0
    while not done.is_set():
        for family in decode(gather(registry).render("protobuf")):
            if family.name == "wait_seconds":
                [metric] = family.metrics
                native = metric.native
                assert native is not None
                assert sum(native.positive.values()) + native.zero_count == metric.count >= last
                last = metric.count
    thread.join()
    assert registry.value("wait_seconds_count") == 40000
