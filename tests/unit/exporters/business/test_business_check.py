"""``--config.check``: what it says of rows that do not become series, and why a query failed."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import sqlite3
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from monitoring_kit.exporters.business.build import make_driver, make_exporter
from monitoring_kit.exporters.business.config import parse_config
from monitoring_kit.exporters.business.config_sources import read_source
from monitoring_kit.exporters.business.dsn import Address
from monitoring_kit.exporters.business.main import Program
from monitoring_kit.exporters.business.source import Source
from monitoring_kit.exporters.business.sqlite import SqliteDriver
from monitoring_kit.exporters.business.state import State
from monitoring_kit.exporters.business.table import Ask
from monitoring_kit.exporters.runtime import CollectError, Deadline, ExporterApp, Request
from monitoring_kit.exporters.runtime.site import Site, SiteOptions

from monitoring_kit.cli.exporter import command

COUNT = "SELECT status, COUNT(*) AS value FROM orders GROUP BY status"
EVENTS = "SELECT id AS watermark, status, total AS value FROM orders WHERE id > :watermark ORDER BY id"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT, total REAL)")
        db.executemany("INSERT INTO orders (status, total) VALUES (?, ?)", [("paid", 1), ("open", 2), ("weird", 30)])
        db.commit()
    return path


def checked(shop: Path, **metric: Any) -> Result:
    kind = metric.get("type", "gauge")
    names = {"counter": "shop_orders_total", "histogram": "shop_order_euros", "info": "shop_orders_info"}
    name = names.get(kind, "shop_orders")
    body = {
        "sources": {"shop": {"kind": "sqlite", "url": f"sqlite:///{shop}"}},
        "metrics": {name: {"type": kind, "help": "Orders.", "source": "shop", "query": COUNT, **metric}},
        "state_file": str(shop.parent / "state.db"),
    }
    file = shop.parent / "business.yaml"
    file.write_text(yaml.safe_dump(body))
    return CliRunner().invoke(command, ["business", "--config", str(file), "--config.check"])


def verdict(done: Result) -> tuple[int, str]:
    return done.exit_code, str(done.stderr).splitlines()[0]


FIX = "write the values under `allow` (in a spec: `values`) of `status` as the source has them, case included"
WRONG_CASE = {"status": {"allow": ["Paid", "Open"]}}


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ({}, "shop_orders"),
        ({"every": "5m"}, "shop_orders"),
        ({"type": "counter"}, "shop_orders_total"),
        ({"type": "counter", "mode": "increment", "query": EVENTS}, "shop_orders_total"),
        ({"type": "histogram", "buckets": [1, 10], "query": EVENTS}, "shop_order_euros"),
        ({"type": "histogram", "buckets": [1, 10], "query": EVENTS, "max_rows": 1}, "shop_order_euros"),
    ],
)
def test_an_answer_of_which_nothing_is_left_fails_with_the_fix(shop: Path, metric: dict[str, Any], name: str) -> None:
    done = checked(shop, labels=WRONG_CASE, **metric)
    code, line = verdict(done)
    found = re.fullmatch(rf"FAILED {name} \(shop\): all 3 rows were dropped \(not_allowed: status (.*?)\): (.*)", line)
    assert found, line
    assert (code, sorted(found[1].split(", ")), found[2]) == (1, ['"open"', '"paid"', '"weird"'], FIX)


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ({"labels": {"status": {"allow": ["paid", "open"]}}}, '2 series, 1 row dropped (not_allowed: status "weird")'),
        ({"labels": {"status": {"allow": ["paid"]}}}, '1 series, 2 rows dropped (not_allowed: status "open", "weird")'),
        ({"labels": {"status": {"allow": ["Paid"], "else": "other"}}}, '1 series, 3 rows folded (not_allowed: status "open", "paid", "weird")'),
        ({"labels": {"status": {"max": 1}}}, '1 series, 2 rows dropped (label_cap: status "paid", "weird")'),
        ({"labels": {"status": {}}, "max_series": 2}, "2 series, 1 row dropped (family_cap)"),
        (
            {"labels": {"status": {"allow": ["paid", "weird"]}}, "valid": [0, 9], "query": "SELECT status, total AS value FROM orders"},
            '1 series, 2 rows dropped (1 not_allowed: status "open"; 1 out_of_range)',
        ),
        ({"labels": {"status": {}}}, "3 series"),
        ({"labels": {"status": {"allow": ["x"]}}, "query": f"{COUNT} HAVING 1 = 0"}, "0 series"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["gauge", "counter"])
def test_rows_that_are_no_series_are_counted_by_reason(
    shop: Path, kind: str, metric: dict[str, Any], words: str
) -> None:
    name = "shop_orders_total" if kind == "counter" else "shop_orders"
    assert verdict(checked(shop, type=kind, on_empty="omit", **metric)) == (0, f"ok     {name} (shop): {words}")


@pytest.mark.parametrize(
    ("nulls", "words"), [(1, "3 series, 1 NULL value left out"), (2, "3 series, 2 NULL values left out")]
)
@pytest.mark.parametrize("every", ["0s", "5m"])
def test_nulls_that_are_left_out_are_told(shop: Path, nulls: int, words: str, every: str) -> None:
    with contextlib.closing(sqlite3.connect(shop)) as db:
        db.executemany("INSERT INTO orders (status) VALUES (?)", [(f"new{number}",) for number in range(nulls)])
        db.commit()
    query = "SELECT status, total AS value FROM orders"
    assert verdict(checked(shop, query=query, labels=["status"], every=every)) == (
        0,
        f"ok     shop_orders (shop): {words}",
    )


def test_events_tell_what_folds_over_pages(shop: Path) -> None:
    labels = {"status": {"allow": ["paid"], "else": "other"}}
    done = checked(shop, type="histogram", buckets=[10], query=EVENTS, max_rows=1, labels=labels)
    assert verdict(done) == (
        0,
        'ok     shop_order_euros (shop): 8 series, 2 rows folded (not_allowed: status "open", "weird")',
    )


def test_events_that_were_counted_before_are_not_told_as_refused(shop: Path) -> None:
    saved = State(shop.parent / "state.db")
    saved.save(
        "shop_orders_total", "increment status  -", {"mark": ["plain", 1], "recent": [], "totals": [[["gone"], 5.0]]}
    )
    saved.close()
    labels = {"status": {"allow": ["paid", "open"]}}
    done = checked(shop, type="counter", mode="increment", query=EVENTS, labels=labels)
    assert verdict(done)[1] == 'ok     shop_orders_total (shop): 2 series, 1 row dropped (not_allowed: status "weird")'


SHOWN = [
    (["x" * 100], f'"{"x" * 40}..."'),
    (['a"b\\', "Đã trả"], '"a\\"b\\\\", "Đã trả"'),
    (["\x1b[2J\n\u202eevil\x7f"], '"\\u001b[2J\\n\\u202eevil\\u007f"'),
    (["a", "b", "c", "d", "e"], '"a", "b", "c", ...'),
]


@pytest.mark.parametrize(("values", "shown"), SHOWN)
@pytest.mark.parametrize("rest", [{}, {"else": "other"}], ids=["dropped", "folded"])
def test_refused_values_are_named_safely(shop: Path, values: list[str], shown: str, rest: dict[str, str]) -> None:
    with contextlib.closing(sqlite3.connect(shop)) as db:
        db.executemany("INSERT INTO orders (status, total) VALUES (?, 1)", [(value,) for value in values])
        db.commit()
    labels = {"status": {"allow": ["paid", "open", "weird"], **rest}}
    code, line = verdict(checked(shop, labels=labels, query=f"{COUNT} ORDER BY status"))
    assert (code, line.partition("(not_allowed: ")[2]) == (0, f"status {shown})"), line


def test_of_two_labels_each_has_its_values(shop: Path) -> None:
    labels: dict[str, Any] = {"status": {"allow": ["paid", "open"], "else": "?"}, "shop": {"allow": ["a"], "else": "?"}}
    # Counted by its first label's reason, a row does not tell of the others'.
    labels["town"] = {"pattern": "[A-Z]+", "else": "?"}
    query = "SELECT status, CASE id WHEN 1 THEN 'b' ELSE 'a' END AS shop, 'hue' AS town, total AS value FROM orders"
    code, line = verdict(checked(shop, labels=labels, query=query))
    assert (code, line.partition("3 rows folded ")[2]) == (
        0,
        '(2 not_allowed: shop "b", status "weird"; 1 pattern: town "hue")',
    )


def test_serving_keeps_no_refused_values(shop: Path) -> None:
    checked(shop)
    file = shop.parent / "business.yaml"
    for check in (False, True):
        exporter = Program().build(Namespace(config_file=str(file), config_check=check, strict=False), None)
        assert (exporter.registry.budget.witness is not None) is check
        for hook in exporter.close:
            hook()


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (
            {"valid": [100, 200], "labels": {"status": {}}},
            "all 3 rows were dropped (out_of_range): the values are outside `valid: [100.0, 200.0]`; is the unit the source's?",
        ),
        (
            {"labels": {"status": {"pattern": "[A-Z]+"}}},
            'all 3 rows were dropped (pattern: status "open", "paid", "weird"): '
            "write a `pattern` of `status` that fits the whole value as the source has it",
        ),
    ],
)
def test_every_reason_has_a_fix_of_its_own(shop: Path, metric: dict[str, Any], words: str) -> None:
    assert verdict(checked(shop, **metric)) == (1, f"FAILED shop_orders (shop): {words}")


@pytest.mark.parametrize(
    ("kind", "reason", "labels", "query", "set_"),
    [
        ("gauge", "invalid_rows", {}, "SELECT total FROM orders", "{}"),
        ("gauge", "invalid_rows", {"day": {}}, "SELECT 'mon' AS day, total AS value FROM orders", "{'day': 'mon'}"),
        ("counter", "invalid_rows", {}, "SELECT total FROM orders", "{}"),
        ("info", "invalid_rows", {"day": {}}, "SELECT 'mon' AS day FROM orders", "{'day': 'mon'}"),
    ],
)
def test_rows_that_repeat_a_label_set_are_told_with_the_fix(
    shop: Path, kind: str, reason: str, labels: dict[str, Any], query: str, set_: str
) -> None:
    name = {"counter": "shop_orders_total", "info": "shop_orders_info"}.get(kind, "shop_orders")
    fix = "add them up (in SQL: SUM or another aggregate, with GROUP BY), or tell them apart by a label"
    done = checked(shop, type=kind, labels=labels, query=query)
    assert verdict(done) == (1, f"FAILED {name} (shop): {reason}: {name}: two rows for the labels {set_}; {fix}")


@pytest.mark.parametrize(
    "metric",
    [{"type": "counter", "mode": "increment"}, {"type": "histogram", "buckets": [10]}],
    ids=["increment", "events"],
)
def test_rows_that_are_counted_one_by_one_may_share_their_labels(shop: Path, metric: dict[str, Any]) -> None:
    query = "SELECT id AS watermark, total AS value FROM orders WHERE id > :watermark ORDER BY id"
    done = checked(shop, query=query, **metric)
    assert done.exit_code == 0, done.stderr
    assert re.search(r"^shop_order(s_total|_euros_sum) 33(\.0)?$", done.stdout, re.M), done.stdout


def test_a_counter_that_falls_below_zero_has_a_wrong_value(shop: Path) -> None:
    code, line = verdict(checked(shop, type="counter", query="SELECT -1 AS value"))
    assert (code, line.startswith("FAILED shop_orders_total (shop): value: ")) == (1, True), line


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) AS value FROM n"


def test_a_query_over_its_timeout_names_the_limit_and_its_key(shop: Path) -> None:
    limit = "the limit that `timeout` sets (at the metric, else at its source)"
    assert verdict(checked(shop, query=ENDLESS, timeout="200ms")) == (
        1,
        f"FAILED shop_orders (shop): timeout: stopped after 0.2 s, {limit}: SQLITE_INTERRUPT: interrupted",
    )


def test_a_query_that_the_scrape_leaves_no_time_names_the_scrape(shop: Path) -> None:
    source = Source("shop", SqliteDriver(Address("sqlite", f"sqlite:///{shop}")))
    with pytest.raises(CollectError) as caught:
        source.fetch(Ask(ENDLESS, timeout=5.0), Deadline.after(0.45))
    words = r"stopped after 0\.\d+ s, what the scrape had left \(its scrape_timeout, or --scrape\.timeout\); `timeout` allows 5 s: "
    assert re.match(words, str(caught.value)), str(caught.value)
    source.close()


class Slow(SqliteDriver):
    """A login that takes nearly all of what it may."""

    def connect(self, deadline: Deadline) -> Any:
        time.sleep(0.7 * deadline.remaining())
        return super().connect(deadline)


def test_a_check_leaves_a_slow_login_and_a_slow_query_their_time(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring_kit.exporters.business.sqlite.SqliteDriver", Slow)
    code, line = verdict(checked(shop, query=ENDLESS, timeout="2s"))
    assert (code, "stopped after 2 s, the limit that `timeout` sets" in line) == (1, True), line


def test_a_check_does_not_blame_a_scrape(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring_kit.exporters.business.check._limit", lambda config: 1.0)
    code, line = verdict(checked(shop, query=ENDLESS, timeout="2s"))
    assert (code, "what the check had left; `timeout` allows 2 s" in line) == (1, True), line


@pytest.fixture
def mute() -> Iterator[str]:
    """Where a server takes connections and says nothing."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


OF_SOURCE, OF_SCRAPE = "the limit that the source's `timeout` sets", "what the scrape had left"


@pytest.mark.parametrize(("seconds", "limit"), [(5.0, OF_SOURCE), (0.5, OF_SCRAPE)])
@pytest.mark.parametrize("url", ["mysql://u@{}/db", "postgresql://u@{}/db", "redis://{}/0", "https://{}/"])
def test_a_connection_over_its_timeout_names_the_limit_and_its_key(
    mute: str, url: str, seconds: float, limit: str
) -> None:
    kind = url.partition(":")[0].replace("https", "http")
    timeout = "300ms" if limit == OF_SOURCE else "4s"
    config = read_source("far", {"kind": kind, "url": url.format(mute), "timeout": timeout}, [])
    assert config is not None
    source = Source("far", make_driver(config), config.timeout)
    with pytest.raises(CollectError, match=rf"given up after \d\.\d+ s, {limit}") as caught:
        source.fetch(Ask("SELECT 1"), Deadline.after(seconds))
    assert (caught.value.reason, source.up) == ("timeout", False)


@pytest.mark.parametrize("obstacle", ["No such file or directory", "a folder", "NOTADB"])
def test_a_file_that_cannot_be_read_is_named(shop: Path, obstacle: str) -> None:
    shop.unlink()
    if obstacle == "a folder":
        shop.mkdir()
    elif obstacle == "NOTADB":
        shop.write_text("no database " * 100)
    code, line = verdict(checked(shop))
    assert (code, f": {shop}" in line, obstacle in line) == (1, True, True), line


def test_a_journal_that_a_crash_left_is_told_as_one(shop: Path) -> None:
    with contextlib.closing(sqlite3.connect(shop, isolation_level=None)) as db:
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN")
        db.execute("UPDATE orders SET status = hex(randomblob(1000000))")
        # What a crash in the middle of a transaction leaves.
        crashed = shop.with_name("crashed.db")
        for suffix in ("", "-journal"):
            shutil.copy(f"{shop}{suffix}", f"{crashed}{suffix}")
    code, line = verdict(checked(crashed, labels={"status": {}}))
    assert code == 1
    assert "a crash left its rollback journal behind; an application that may write must open it once" in line
    assert "write-ahead" not in line
    with contextlib.closing(sqlite3.connect(crashed)) as db:
        db.execute("SELECT 1 FROM orders").fetchall()
    assert verdict(checked(crashed, labels={"status": {}})) == (0, "ok     shop_orders (shop): 3 series")


def test_every_source_down_is_an_answer_that_says_so(shop: Path) -> None:
    shop.unlink()
    metric = {"type": "gauge", "help": "O.", "source": "shop", "query": "SELECT 1"}
    source = {"kind": "sqlite", "url": f"sqlite:///{shop}"}
    exporter = make_exporter(
        parse_config({"sources": {"shop": source}, "metrics": {"orders_now": metric}}), State(None)
    )
    app = ExporterApp("unit", "1", "x", ":0", lambda args, previous: exporter)
    for strict, status in ((False, 200), (True, 500)):
        site = Site(app, exporter, SiteOptions(strict=strict), lambda: None)
        answer = site.handle(Request("GET", "/metrics"))
        assert answer.status == status
        assert strict or b'mkit_business_up{source="shop"} 0' in answer.body
    exporter.registry.close()
