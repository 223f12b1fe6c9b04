"""``every``: queries that run in the background while the exporter is live, on a real SQLite file."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from monitoring_kit.exporters.business.main import Program
from monitoring_kit.exporters.runtime import Deadline, Exporter

from monitoring_kit.cli.exporter import command

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) AS value FROM n"
STAMP = 'mkit_business_result_timestamp_seconds{metric="rows_now"}'
ROWS = 'mkit_business_result_rows{metric="rows_now"}'


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("every-")]


def until(test: Callable[[], Any], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < end
        time.sleep(0.01)


class Live:
    """The exporter's program with a configuration in force, on a table tx(id)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = Program()
        self.exporter: Exporter | None = None
        self.failures: dict[str, str] = {}
        self.took = 0.0
        self.db = sqlite3.connect(folder / "shop.db", isolation_level=None)
        self.db.executescript("CREATE TABLE tx (id INTEGER PRIMARY KEY); INSERT INTO tx VALUES (1)")

    def add(self) -> None:
        self.db.execute("INSERT INTO tx VALUES (NULL)")

    def write(self, metrics: dict[str, Any], **source: Any) -> Path:
        kind = {"kind": "sqlite", "url": f"sqlite:///{self.folder / 'shop.db'}", "timeout": "1s", **source}
        file = self.folder / "business.yaml"
        file.write_text(yaml.safe_dump({"sources": {"shop": kind}, "metrics": metrics}))
        return file

    def load(self, metrics: dict[str, Any], **source: Any) -> None:
        """Start, or reload, with these metrics."""
        file, former = self.write(metrics, **source), self.exporter
        new = self.program.build(Namespace(config_file=str(file), config_check=False, strict=False), former)
        for hook in new.start:
            hook()
        self.exporter = new
        self.end(former)

    @staticmethod
    def end(exporter: Exporter | None) -> None:
        if exporter is not None:
            for hook in exporter.close:
                hook()
            exporter.registry.close()

    def scrape(self, seconds: float = 3.0) -> dict[str, float]:
        assert self.exporter is not None
        began = time.monotonic()
        gathered = self.exporter.registry.gather(Deadline.after(seconds))
        self.took, self.failures = time.monotonic() - began, gathered.failures
        lines = gathered.render("text").decode().splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[:1] not in ("#", "")}


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    found = Live(tmp_path)
    yield found
    found.end(found.exporter)
    found.db.close()
    assert threads() == []


def count(**more: Any) -> dict[str, Any]:
    query = "SELECT COUNT(*) AS value FROM tx"
    return {"type": "gauge", "help": "Rows.", "source": "shop", "query": query, "every": "300ms", **more}


def test_it_is_read_whether_or_not_it_is_scraped(live: Live) -> None:
    live.load({"rows_now": count(), "rows_too": count(every="200ms")})
    assert threads() == ["every-shop"]
    live.add()
    time.sleep(0.7)
    live.db.execute("BEGIN EXCLUSIVE")
    found = live.scrape()
    live.db.execute("COMMIT")
    assert (found["rows_now"], found["rows_too"], found[ROWS]) == (2, 2, 1)
    # Not the second that a query of its own would have waited for the lock.
    assert live.took < 0.9


def test_a_query_that_has_answered_once_delays_no_scrape(live: Live) -> None:
    live.load({"rows_now": count(timeout="10s")})
    stamp = live.scrape()[STAMP]
    live.db.execute("BEGIN EXCLUSIVE")
    time.sleep(0.6)
    for _ in range(3):
        found = live.scrape()
        assert (found["rows_now"], live.took < 2.5) == (1, True)
    live.db.execute("COMMIT")
    assert found[STAMP] - stamp < 0.6
    until(lambda: live.scrape()[STAMP] > found[STAMP])


def test_a_first_answer_that_is_not_there_yet_is_pending(live: Live) -> None:
    live.load({"rows_now": count(query=ENDLESS, timeout="6s")})
    assert "rows_now" not in live.scrape(0.5)
    # A deadline that is shorter than the most that it waits holds.
    assert (live.failures, live.took < 1.9) == ({"rows_now": "pending"}, True)
    # However long the scrape may take: the other figures are wanted too.
    live.scrape(10)
    assert (live.failures, 1.9 < live.took < 5) == ({"rows_now": "pending"}, True)
    until(lambda: live.scrape() and live.failures == {"rows_now": "timeout"}, 20)


ERRORS = 'mkit_business_collector_errors_total{collector="rows_now",reason="%s"}'
SUCCESS = 'mkit_business_collector_success{collector="rows_now"}'


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.endswith("worker")]


def test_a_failed_run_is_counted_and_logged_once_however_often_it_is_scraped(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    live.load({"rows_now": count(query="SELECT COUNT(*) AS value FROM nowhere", every="1h")})
    for _ in range(4):
        found = live.scrape()
        assert (found[ERRORS % "query"], found[SUCCESS], live.failures) == (1, 0, {"rows_now": "query"})
    assert told(caplog) == ["collector failed"]


def test_failed_runs_between_two_scrapes_are_counted(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    live.load({"rows_now": count(query="SELECT COUNT(*) AS value FROM nowhere", every="50ms")})
    until(lambda: len(told(caplog)) > 5)
    assert live.scrape()[ERRORS % "query"] > 5


def test_an_answer_whose_rows_are_refused_is_counted_once(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    live.load({"rows_now": count(query="SELECT 1 AS value UNION ALL SELECT 2", every="1h")})
    for _ in range(4):
        found = live.scrape()
        assert (found[ERRORS % "invalid_rows"], found[SUCCESS]) == (1, 0)
    assert sorted(told(caplog)) == ["family failed", "rows refused"]


def test_a_first_answer_that_is_waited_for_is_no_failure(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    live.load({"rows_now": count(query=ENDLESS, timeout="60s")})
    for _ in range(2):
        found = live.scrape(0.3)
        assert (live.failures, found[SUCCESS]) == ({"rows_now": "pending"}, 0)
        assert not [name for name in found if "errors_total" in name]
    exporter, live.exporter = live.exporter, None
    live.end(exporter)
    # Nor is what the end breaks off.
    assert told(caplog) == []


def test_the_duration_is_the_last_runs(live: Live) -> None:
    slow = ENDLESS.replace("FROM n)", "FROM n LIMIT 500000)")
    live.load({"rows_now": count(query=slow, timeout="60s", every="1h")})
    until(lambda: live.scrape().get("rows_now") == 500000, 20)
    name = 'mkit_business_collector_duration_seconds{collector="rows_now"}'
    first = live.scrape()[name]
    assert (first > 0.01, live.scrape()[name]) == (True, first)


@pytest.mark.parametrize("on_error", ["drop", {"hold": "1m"}])
def test_a_failure_is_served_until_a_run_succeeds(live: Live, on_error: Any) -> None:
    live.load({"rows_now": count(on_error=on_error)})
    assert live.scrape()["rows_now"] == 1
    live.db.execute("ALTER TABLE tx RENAME TO gone")
    until(lambda: live.scrape() and live.failures)
    found = live.scrape()
    assert (live.failures, "rows_now" in found) == ({"rows_now": "query"}, on_error != "drop")
    live.db.execute("ALTER TABLE gone RENAME TO tx")
    live.add()
    until(lambda: live.scrape().get("rows_now") == 2)
    assert live.failures == {}


def test_a_reload_goes_on_with_what_has_not_changed(live: Live) -> None:
    info = {"type": "info", "help": "Rows.", "query": "SELECT CAST(COUNT(*) AS TEXT) AS n FROM tx", "labels": {"n": {}}}
    metrics = {
        "rows_now": count(every="1h"),
        "facts_info": count(every="1h", **info),
        "rows_total": count(every="1h", type="counter"),
    }
    live.load(metrics)
    before = live.scrape()
    live.add()
    live.load(metrics)
    found = live.scrape()
    names = ("rows_now", 'facts_info{n="1"}', STAMP, ROWS, 'mkit_business_up{source="shop"}')
    assert [found[name] for name in names] == [before[name] for name in names]
    # What it shows depends on totals that are not the answer's.
    assert (before["rows_total"], found["rows_total"]) == (1, 2)
    live.load({"rows_now": count(every="1h", help="Other words.")})
    assert live.scrape()["rows_now"] == 1
    live.add()
    live.load({"rows_now": count(every="1h", help="Other words.")}, timeout="2s")
    assert live.scrape()["rows_now"] == 3


def test_a_reload_does_not_put_off_what_is_due(live: Live) -> None:
    live.load({"rows_now": count(every="4s")})
    stamp = live.scrape()[STAMP]
    for _ in range(4):
        time.sleep(1)
        live.load({"rows_now": count(every="4s")})
    # Put off by the last reload, it would take four.
    until(lambda: live.scrape()[STAMP] > stamp, 3)


def test_while_a_reload_goes_on_a_scrape_gets_the_last_answer_of_the_former(live: Live) -> None:
    live.load({"rows_now": count(every="1s")})
    former = live.exporter
    assert live.scrape()["rows_now"] == 1
    file = live.write({"rows_now": count(help="Other words.")})
    new = live.program.build(Namespace(config_file=str(file), config_check=False, strict=False), former)
    for hook in new.start:
        hook()
    live.db.execute("BEGIN EXCLUSIVE")
    time.sleep(1.2)
    # It is due, but who serves until the new one is in its place has nobody to wait for.
    found = live.scrape()
    live.db.execute("COMMIT")
    assert (found.get("rows_now"), live.failures) == (1, {})
    live.exporter = new
    live.end(former)


def test_a_reload_that_cannot_start_leaves_the_former_its_pace(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    live.load({"rows_now": count(every="100ms")})
    stamp = live.scrape()[STAMP]
    start = threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        # As when the process may have no more of them.
        if thread.name == "every-too":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    file = live.write({"rows_now": count(), "rows_too": count(source="too")})
    data = yaml.safe_load(file.read_text())
    data["sources"]["too"] = data["sources"]["shop"]
    file.write_text(yaml.safe_dump(data))
    new = live.program.build(Namespace(config_file=str(file), config_check=False, strict=False), live.exporter)
    (begin,) = new.start
    with pytest.raises(RuntimeError):
        begin()
    live.end(new)
    until(lambda: live.scrape()[STAMP] > stamp)
    assert threads() == ["every-shop"]
    monkeypatch.undo()
    # And the next reload goes on from it.
    live.load({"rows_now": count(every="1h")})
    until(lambda: threads() == ["every-shop"])
    assert live.scrape()["rows_now"] == 1


def test_the_source_is_up_after_a_reload_before_its_next_query(live: Live) -> None:
    live.load({"rows_now": count(every="1h")})
    live.scrape()
    (live.folder / "shop.db").rename(live.folder / "away.db")
    live.load({"rows_now": count(every="1h")})
    found = live.scrape()
    assert (found["rows_now"], found['mkit_business_up{source="shop"}']) == (1, 1)


def test_the_end_breaks_off_what_is_running(live: Live) -> None:
    live.load({"rows_now": count(query=ENDLESS, timeout="60s"), "rows_too": count()})
    time.sleep(0.2)
    began = time.monotonic()
    exporter, live.exporter = live.exporter, None
    live.end(exporter)
    assert threads() == []
    assert time.monotonic() - began < 2.5


@pytest.mark.parametrize(("flag", "warned"), [(False, 1), (True, 0)])
def test_a_reload_warns_of_a_changed_strict(
    live: Live, caplog: pytest.LogCaptureFixture, flag: bool, warned: int
) -> None:
    file, program = live.write({"rows_now": count()}), Program()
    args = Namespace(config_file=str(file), config_check=False, strict=flag)
    live.end(program.build(args, None))
    live.end(program.build(args, None))
    assert "strict" not in caplog.text
    file.write_text(f"{file.read_text()}strict: true\n")
    live.end(program.build(args, None))
    assert caplog.text.count("strict has changed in the configuration") == warned


def test_a_check_asks_itself(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    start = threading.Thread.start

    def seen(thread: threading.Thread) -> None:
        begun.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", seen)
    # Longer than a scrape would wait for a first answer.
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 8000000) SELECT MIN(COUNT(*), 1) AS value FROM n"
    file = live.write({"rows_now": count(query=slow, timeout="60s"), "rows_too": count()})
    done = CliRunner().invoke(command, ["business", "--config", str(file), "--config.check"])
    assert (done.exit_code, "\nrows_now 1" in done.stdout) == (0, True), done.stderr
    assert not [name for name in begun if name.startswith("every-")]


def test_after_the_end_a_scrape_that_is_left_over_is_answered(live: Live) -> None:
    live.load({"rows_now": count(every="1h")})
    with contextlib.ExitStack() as stack:
        assert live.exporter is not None
        stack.callback(setattr, live, "exporter", None)
        live.end(live.exporter)
        assert live.scrape()["rows_now"] == 1
