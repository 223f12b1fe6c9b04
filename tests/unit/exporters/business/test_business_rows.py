"""Values, rows, sources and refreshes without a database."""

from __future__ import annotations

import sys
import threading
import time
from datetime import UTC, date, datetime, timedelta, timezone
from datetime import time as clock_time
from decimal import Decimal
from itertools import pairwise
from types import FrameType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitoring_kit.exporters.business.dsn import Address, Dsn, parse_dsn
from monitoring_kit.exporters.business.faults import SourceFault, scrub
from monitoring_kit.exporters.business.refresher import Refresher
from monitoring_kit.exporters.business.rows import RowRules, read_rows
from monitoring_kit.exporters.business.source import BACKOFF_MAX, Source
from monitoring_kit.exporters.business.table import Ask, Canceller, Table
from monitoring_kit.exporters.business.values import to_label, to_number
from monitoring_kit.exporters.runtime import CollectError, Deadline


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None), (True, 1.0), (0, 0.0), (2.5, 2.5), (Decimal("1.10"), 1.1),
        (timedelta(minutes=1, milliseconds=500), 60.5), (datetime(1970, 1, 2, tzinfo=UTC), 86400.0),
        (datetime(1970, 1, 2, 7), 86400.0), (date(1970, 1, 2), 86400.0 - 7 * 3600),
    ],
)  # fmt: skip
def test_numbers(value: Any, expected: float | None) -> None:
    assert to_number(value, timezone(timedelta(hours=7)), parse_text=False) == expected


@pytest.mark.parametrize(
    "value",
    [
        "1",
        b"1",
        [1],
        {},
        object(),
        10**400,
        float("nan"),
        float("-inf"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("1e999"),
    ],
)
def test_no_number_is_guessed(value: Any) -> None:
    with pytest.raises(SourceFault) as caught:
        to_number(value, None, parse_text=False)
    assert caught.value.reason == "value"


@pytest.mark.parametrize(("text", "expected"), [("1.5", 1.5), (" 2 ", 2.0), ("1e3", 1000.0)])
def test_text_numbers_where_allowed(text: str, expected: float | None) -> None:
    assert to_number(text, None, parse_text=True) == expected


@pytest.mark.parametrize("text", ["", "1_000", "0x10", "1,5", "\u0661", "twelve", "nan", "1e999", "-inf", "0000-00-00"])
def test_text_that_is_no_number(text: str) -> None:
    with pytest.raises(SourceFault):
        to_number(text, None, parse_text=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", "x"), (True, "true"), (5, "5"), (5.0, "5"), (0.5, "0.5"), (Decimal("10.00"), "10"), (Decimal("1E+2"), "100"),
        (date(2026, 1, 2), "2026-01-02"), (clock_time(1, 2), "01:02:00"), (b"caf\xc3\xa9", "café"), (UUID(int=1), str(UUID(int=1))),
    ],
)  # fmt: skip
def test_labels(value: Any, expected: str) -> None:
    assert to_label(value, "l") == expected


def test_columns_are_matched_by_name_in_any_order() -> None:
    rules = RowRules(("a", "b"))
    table = Table(("value", "b", "a"), [(1, "y", "x"), (None, "y", "z")])
    assert [(row.labels, row.value) for row in read_rows(table, rules)] == [(("x", "y"), 1.0), ((), None)]
    with pytest.raises(SourceFault, match="column a comes twice"):
        read_rows(Table(("a", "a", "value"), []), rules)
    with pytest.raises(SourceFault, match="neither a label nor the value"):
        read_rows(Table(("a", "b", "c", "value"), []), rules)
    with pytest.raises(SourceFault, match="no column b"):
        read_rows(Table(("a", "value"), []), rules)


@given(st.text(min_size=1, max_size=30))
def test_dsn_gives_back_any_password_and_shows_none(password: str) -> None:
    from urllib.parse import quote

    dsn = parse_dsn(f"mysql+pymysql://user:{quote(password, safe='')}@db.example:3307/shop?charset=utf8mb4", "mysql")
    assert (dsn.user, dsn.password, dsn.host, dsn.port, dsn.database) == ("user", password, "db.example", 3307, "shop")
    assert len(password) < 8 or password not in repr(dsn)


def test_scrub_takes_every_spelling_of_a_secret_out() -> None:
    dsn = Dsn("mysql", password="a b%c")
    assert scrub("failed: a b%c or a%20b%25c\nagain", dsn.secrets) == "failed: *** or *** again"
    assert len(scrub("x" * 1000, ())) == 300


def test_missing_secret_file_names_the_file(tmp_path: Any) -> None:
    with pytest.raises(SourceFault, match="nothing: No such file"):
        Address("mysql", dsn_file=str(tmp_path / "nothing")).resolve()


class Fake:
    """A driver and connection whose answers are scripted."""

    def __init__(self) -> None:
        self.script: list[Any] = []
        self.connects = 0
        self.aborted = threading.Event()

    def connect(self, deadline: Deadline) -> Fake:
        self.connects += 1
        if self.script and self.script[0] == "refuse":
            self.script.pop(0)
            raise SourceFault("connect", "refused", lost=True)
        return self

    def run(self, ask: Ask, timeout: float) -> Table:
        step = self.script.pop(0) if self.script else Table(("value",), [(1,)])
        if isinstance(step, Exception):
            raise step
        if step == "hang":
            self.aborted.wait(5)
            self.aborted.clear()
            raise SourceFault("connect", "cut", lost=True)
        return step

    def canceller(self) -> Canceller:
        return Canceller(lambda: time.sleep(3))

    def abort(self) -> None:
        self.aborted.set()

    def close(self) -> None:
        pass


def test_backoff_grows_to_its_limit_and_ends_with_success() -> None:
    now, driver = [100.0], Fake()
    source = Source("s", driver, clock=lambda: now[0])
    tries = []
    for _ in range(400):
        driver.script = ["refuse"]
        before = driver.connects
        with pytest.raises(CollectError) as caught:
            source.fetch(Ask("q"), Deadline.after(1))
        assert caught.value.reason == "connect"
        if driver.connects > before:
            tries.append(now[0])
        now[0] += 0.1
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert gaps[0] <= 0.4
    assert max(gaps) <= BACKOFF_MAX + 0.2
    assert min(gaps[-4:]) >= BACKOFF_MAX / 2
    driver.script, now[0] = [], now[0] + BACKOFF_MAX
    assert source.fetch(Ask("q"), Deadline.after(1)).rows == [(1,)]
    assert source.up


def test_lost_line_is_tried_once_more_and_only_when_it_was_reused() -> None:
    driver = Fake()
    source = Source("s", driver)
    lost = SourceFault("connect", "gone", lost=True)
    driver.script = [lost]
    with pytest.raises(CollectError):
        source.fetch(Ask("q"), Deadline.after(1))
    assert driver.connects == 1
    source.fetch(Ask("q"), Deadline.after(1))
    driver.script = [lost]
    assert source.fetch(Ask("q"), Deadline.after(1)).rows == [(1,)]
    driver.script = [lost, lost]
    with pytest.raises(CollectError):
        source.fetch(Ask("q"), Deadline.after(1))


def test_hung_query_is_cut_although_the_kill_hangs_too() -> None:
    driver = Fake()
    source = Source("s", driver)
    driver.script = ["hang"]
    began = time.monotonic()
    with pytest.raises(CollectError) as caught:
        source.fetch(Ask("q", timeout=0.2), Deadline.after(5))
    assert time.monotonic() - began < 0.4
    assert caught.value.reason == "timeout"
    assert source.up is False
    assert source.kills == 1


def test_waiting_for_the_source_ends_before_the_deadline() -> None:
    driver = Fake()
    source = Source("s", driver)
    driver.script = ["hang"]

    def hold() -> None:
        with pytest.raises(CollectError):
            source.fetch(Ask("q", timeout=1), Deadline.after(3))

    first = threading.Thread(target=hold)
    first.start()
    time.sleep(0.05)
    began = time.monotonic()
    with pytest.raises(CollectError) as caught:
        source.fetch(Ask("q"), Deadline.after(0.5))
    assert caught.value.reason == "busy"
    assert time.monotonic() - began < 0.5
    first.join()


class Slow:
    """Stands for a collector."""

    name = "slow"
    family = "family"
    families = ("family",)
    age = 0.0

    def __init__(self) -> None:
        self.runs = 0
        self.go = threading.Event()
        self.error: Exception | None = None

    def adopt(self, former: Slow) -> None:
        pass

    def samples(self, deadline: Deadline) -> list[Any]:
        self.runs += 1
        run = self.runs
        self.go.wait(5)
        if self.error is not None:
            raise self.error
        return [((), float(run))]


def value(refresher: Refresher, seconds: float = 1.0) -> float:
    (rows,) = refresher.collect(Deadline.after(seconds))
    return float(list(rows.rows)[0][1])  # type: ignore[arg-type]  # noqa: RUF015


class Reading:
    """A refresher, its collector and its clock."""

    def __init__(self, every: float = 60) -> None:
        self.now = 0.0
        self.slow = Slow()
        self.slow.go.set()
        self.refresher = Refresher(self.slow, every, 10, clock=lambda: self.now)  # type: ignore[arg-type]

    def run(self, error: str = "") -> float:
        """Run it; when it is due again from now."""
        self.slow.error = CollectError("query", error) if error else None
        self.refresher.refresh(Deadline.after(1))
        return self.refresher.due - self.now


def test_before_it_is_live_a_scrape_runs_the_query_when_it_is_due() -> None:
    reading = Reading()
    assert (value(reading.refresher), value(reading.refresher)) == (1, 1)
    reading.now = 61
    assert value(reading.refresher) == 2
    reading.now = 122
    reading.slow.error = CollectError("query", "no")
    with pytest.raises(CollectError, match="no"):
        value(reading.refresher)
    # A failure is not kept.
    reading.slow.error = None
    assert value(reading.refresher) == 4


def test_live_a_scrape_gets_what_the_last_run_gave() -> None:
    reading = Reading()
    reading.refresher.live = True
    began = time.monotonic()
    with pytest.raises(CollectError) as caught:
        value(reading.refresher, 0.2)
    assert (caught.value.reason, time.monotonic() - began < 0.2, reading.slow.runs) == ("pending", True, 0)
    assert reading.run() == 60
    reading.now = 1000
    assert (value(reading.refresher), reading.slow.runs) == (1, 1)
    reading.run("no")
    for _ in range(3):
        with pytest.raises(CollectError, match="no") as caught:
            value(reading.refresher)
    assert len(caught.traceback) < 10
    reading.run()
    assert value(reading.refresher) == 3


@pytest.mark.parametrize(
    ("every", "waits"), [(600, [5, 10, 20, 40, 60, 60]), (30, [5, 10, 20, 30, 30, 30]), (1, [1, 1, 1, 1, 1, 1])]
)
def test_a_failed_run_is_tried_again_soon_and_then_more_slowly(every: float, waits: list[float]) -> None:
    reading = Reading(every)
    for _ in range(2):
        assert [reading.run("no") for _ in waits] == waits
        assert reading.run() == every


def test_a_run_that_takes_longer_than_its_pace_is_due_when_it_ends() -> None:
    reading = Reading(every=3)
    real = reading.slow.samples

    def samples(deadline: Deadline) -> list[Any]:
        reading.now += took
        return real(deadline)

    reading.slow.samples = samples  # type: ignore[method-assign]
    for took, due in ((1, 2), (5, 0)):  # noqa: B007 - `samples` reads it
        assert reading.run() == due


@pytest.mark.parametrize(("age", "taken"), [(70, True), (71, False)])
def test_a_reload_goes_on_with_an_answer_that_is_not_too_old(age: float, taken: bool) -> None:
    old, new = Reading(), Reading()
    old.run()
    new.now, new.refresher.live = age, True
    new.refresher.adopt(old.refresher)
    assert new.refresher.due == (60 if taken else 0)
    if taken:
        assert (value(new.refresher), new.slow.runs) == (1, 0)
    else:
        with pytest.raises(CollectError, match="first answer"):
            value(new.refresher, 0.1)


def test_an_answer_is_handed_over_with_the_moment_at_which_it_is_due() -> None:
    old, pairs = Reading(), set()
    old.run()
    old.now = 60

    def adopting(frame: FrameType, event: str, _: Any) -> Any:
        """A reload before every line of the run."""
        if event == "line":
            new = Reading()
            new.now, new.refresher.live = 60, True
            new.refresher.adopt(old.refresher)
            pairs.add((value(new.refresher), new.refresher.due))
        return adopting if frame.f_code is Refresher._run.__code__ else None

    before = sys.gettrace()
    sys.settrace(adopting)
    try:
        old.run()
    finally:
        sys.settrace(before)
    assert pairs == {(1, 60), (2, 120)}


def test_a_reload_does_not_go_on_with_a_failure() -> None:
    old, new = Reading(), Reading()
    old.run()
    old.run("no")
    new.refresher.adopt(old.refresher)
    assert new.refresher.due == 0
