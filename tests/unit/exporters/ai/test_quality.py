"""The join of predictions and late truth, against a simple model that keeps everything."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitoring_kit.exporters.ai.build import make_exporter
from monitoring_kit.exporters.ai.config import parse_config
from monitoring_kit.exporters.ai.config_quality import QualityConfig
from monitoring_kit.exporters.ai.fact import check
from monitoring_kit.exporters.ai.facts_store import FactsStore
from monitoring_kit.exporters.ai.intake import Fact
from monitoring_kit.exporters.ai.join import Join
from monitoring_kit.exporters.ai.parts import Lasting
from monitoring_kit.exporters.ai.scores import CountSums, class_scores, count_scores
from monitoring_kit.exporters.ai.truth_poll import TruthPoll
from monitoring_kit.exporters.runtime import Deadline

from tests.unit.exporters.ai.rig import Rig

NOW = 1_700_000_000.0
COUNT = QualityConfig(key=("camera", "start"), time="start", by="camera", max_delay=1000, window=1000)
IDS = QualityConfig(kind="class", key=("id",), max_delay=1000, window=1000)


def join(config: QualityConfig, path: Path | None = None) -> Join:
    return Join(config, FactsStore(path, "x"), lambda: NOW)


def feed(to: Join, *facts: tuple[str, Any, Any, float], reread: bool = False) -> list[float]:
    made = []
    for side, key, value, when in facts:
        names = {"camera": key, "start": when} if to.config.time else {"id": key}
        made.append(check(Fact(side, names, value, when, {}), to.config, "1"))
    return to.apply(made, reread)


def tally(of: Join, name: str) -> float:
    return sum(value for (found, *_), value in of.tallies.items() if found == name)


@pytest.mark.parametrize("order", [("p", "t"), ("t", "p")])
def test_sides_meet_in_any_order(order: tuple[str, str]) -> None:
    joined = join(COUNT)
    values = {"p": 12, "t": 10}
    delays = [feed(joined, (side, "a", values[side], NOW - 60)) for side in order]
    assert [tally(joined, name) for name in ("evaluated", "overcount", "undercount", "truth_objects")] == [1, 2, 0, 10]
    assert delays == [[], [60.0]]


def test_the_same_again_counts_as_duplicate_and_a_change_as_correction() -> None:
    joined = join(COUNT)
    feed(joined, ("p", "a", 12, NOW), ("t", "a", 10, NOW), ("t", "a", 10, NOW), ("t", "a", 11, NOW))
    assert [tally(joined, n) for n in ("evaluated", "duplicate", "corrected", "overcount")] == [1, 1, 1, 2]
    # Gauges read what holds now.
    assert joined.store.rows("SELECT truth FROM facts") == [(11,)]


def test_a_table_that_is_read_again_counts_nothing_twice() -> None:
    joined = join(COUNT)
    for _ in range(3):
        feed(joined, ("t", "a", 10, NOW - 10), ("t", "a", 3, NOW - 900), reread=True)
    feed(joined, ("p", "a", 10, NOW))
    feed(joined, ("t", "a", 3, NOW - 2000), reread=True)
    assert all(tally(joined, name) == 0 for name in ("duplicate", "late", "corrected"))


def test_late_future_expired_and_unmatched() -> None:
    joined = join(COUNT)
    feed(joined, ("p", "a", 1, NOW - 1500), ("t", "b", 1, NOW - 1400))
    feed(joined, ("p", "a", 2, NOW), ("t", "a", 1, NOW - 1500), ("p", "a", 2, NOW + 10_000))
    assert {name: tally(joined, name) for name in ("late", "expired", "unmatched", "refused", "evaluated")} == {
        "late": 1, "expired": 1, "unmatched": 1, "refused": 1, "evaluated": 0,
    }  # fmt: skip


def test_truth_by_id_is_late_by_the_time_of_its_prediction() -> None:
    joined = join(IDS)
    feed(joined, ("p", "1", "cat", NOW - 900), ("p", "2", "dog", NOW - 100))
    assert feed(joined, ("t", "1", "dog", NOW - 1)) == [900.0]
    assert [tally(joined, n) for n in ("evaluated", "false_positives", "false_negatives")] == [1, 1, 1]
    assert ("false_positives", "1", "", "cat") in joined.tallies
    assert ("false_negatives", "1", "", "dog") in joined.tallies


def test_memory_is_bounded_and_what_is_pushed_out_is_counted() -> None:
    joined = Join(
        QualityConfig(key=("camera", "start"), time="start", max_rows=100), FactsStore(None, "x"), lambda: NOW
    )
    feed(joined, *[("p", "a", 1, NOW - 500 + n) for n in range(150)])
    assert joined.store.rows("SELECT COUNT(*), MIN(time) FROM facts") == [(100, NOW - 450)]
    assert tally(joined, "expired") == 50


def test_a_restart_loses_nothing(tmp_path: Path) -> None:
    before = join(COUNT, tmp_path / "s.db")
    feed(before, ("p", "a", 12, NOW), ("p", "b", 5, NOW), ("t", "a", 10, NOW))
    # No close: the process was killed.
    after = join(COUNT, tmp_path / "s.db")
    feed(after, ("t", "b", 7, NOW))
    assert [tally(after, n) for n in ("evaluated", "overcount", "undercount")] == [2, 2, 2]
    assert after.newest == NOW


def test_a_failed_write_changes_nothing_and_may_be_tried_again(tmp_path: Path) -> None:
    joined = join(COUNT, tmp_path / "s.db")
    feed(joined, ("p", "a", 12, NOW))
    with sqlite3.connect(tmp_path / "s.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        joined.store._db.execute("PRAGMA busy_timeout=50")
        with pytest.raises(sqlite3.OperationalError):
            feed(joined, ("t", "a", 10, NOW))
        other.execute("ROLLBACK")
    assert tally(joined, "evaluated") == 0
    feed(joined, ("t", "a", 10, NOW))
    assert tally(joined, "evaluated") == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("pt"), st.sampled_from("abc"), st.integers(0, 5), st.integers(0, 20)), max_size=40
    )
)
def test_pairs_are_those_of_a_model_that_keeps_everything(facts: list[tuple[str, str, int, int]]) -> None:
    joined = join(COUNT)
    seen: dict[str, dict[tuple[str, int], int]] = {"p": {}, "t": {}}
    over = under = pairs = 0
    for side, camera, value, slot in facts:
        feed(joined, (side, camera, value, NOW - slot))
        key = (camera, slot)
        other = seen["t" if side == "p" else "p"]
        if key not in seen[side] and key in other:
            pred, truth = (value, other[key]) if side == "p" else (other[key], value)
            over, under, pairs = over + max(pred - truth, 0), under + max(truth - pred, 0), pairs + 1
        seen[side][key] = value
    assert [tally(joined, n) for n in ("evaluated", "overcount", "undercount")] == [pairs, over, under]
    both = {key: (seen["p"][key], seen["t"][key]) for key in seen["p"].keys() & seen["t"].keys()}
    rows = joined.store.rows(
        "SELECT COUNT(*), TOTAL(ABS(pred - truth)) FROM facts WHERE pred IS NOT NULL AND truth IS NOT NULL"
    )
    assert rows == [(len(both), float(sum(abs(p - t) for p, t in both.values())))]


# -- scores: worked by hand -------------------------------------------------------------------------------------------------


def test_count_scores() -> None:
    # Windows (counted, true): (12, 10), (5, 7), (0, 0), (3, 3).
    scores = count_scores(CountSums(4, 20, 20, 2, 2))
    assert scores == pytest.approx(
        {"mae": 1.0, "wape": 0.2, "bias": 0.0, "accuracy": 0.8, "recall": 0.9, "precision": 0.9, "f1": 0.9}
    )


def test_scores_without_a_denominator_are_absent() -> None:
    assert count_scores(CountSums(3, 0, 0, 0, 0)) == {"mae": 0.0}
    assert count_scores(CountSums(1, 4, 0, 4, 0)) == {"mae": 4.0, "precision": 0.0}
    assert class_scores({}) == {}


def test_class_scores() -> None:
    # Confusion: cat/cat 3, cat/dog 1, dog/dog 4, dog/bird 2.
    scores = class_scores({("cat", "cat"): 3, ("cat", "dog"): 1, ("dog", "dog"): 4, ("dog", "bird"): 2})
    assert scores == pytest.approx({
        "accuracy": 0.7, "precision": (3 / 4 + 4 / 6) / 2, "recall": (1 + 4 / 5 + 0) / 3, "f1": (6 / 7 + 8 / 11 + 0) / 3,
    })  # fmt: skip


# -- in the exporter ----------------------------------------------------------------------------------------------------------


def config(tmp_path: Path, **quality: Any) -> dict[str, Any]:
    return {
        "model": {"name": "m", "version": "1"}, "gpu": False, "ingest": {"http": True},
        "metrics": {"ai_model_accuracy": {"type": "gauge", "unit": "ratio", "help": "A.", "labels": {"model": {}, "version": {}}}},
        "quality": {
            "key": ["camera", "start"], "time": "start", "by": "camera", "min_samples": 3,
            "state_file": str(tmp_path / "q.db"), "publish": {"accuracy": "ai_model_accuracy"}, **quality,
        },
    }  # fmt: skip


def test_gauges_are_absent_under_min_samples(tmp_path: Path) -> None:
    with Rig(config(tmp_path)) as rig:
        now = time.time()
        for number in range(3):
            key = {"camera": "a", "start": now - number}
            assert rig.value("ai_model_accuracy", model="m", version="1") is None
            assert rig.intake.items("http", [["p", key, 10, None, {}], ["t", key, 8, None, {}]]) == 0
        rig.intake.items("http", [["p", {"camera": "b", "start": now}, 10, None, {}]])
        labels = {"model": "m", "version": "1"}
        assert rig.value("ai_model_accuracy", **labels) == 0.75
        assert rig.value("mkit_model_count_bias_ratio", **labels, camera="a") == 0.25
        assert rig.value("mkit_model_eval_samples", **labels, camera="b") == 0
        assert rig.value("mkit_model_eval_coverage_ratio", **labels, camera="") == 0.75
        assert rig.value("mkit_model_eval_accuracy_ratio", **labels, camera="b") is None
        assert rig.value("mkit_model_truth_delay_seconds_count", **labels) == 3


@pytest.mark.parametrize(("key", "value"), [
    ({"camera": "a"}, 1), ({"camera": "a", "start": 1, "x": 2}, 1), ("a", 1), ({"camera": "a", "start": "monday"}, 1),
    ({"camera": "a", "start": 1}, -1), ({"camera": "a", "start": 1}, "3"), ({"camera": "a", "start": 1}, True),
    ({"camera": "", "start": 1}, 1), ({"camera": "x" * 200, "start": 1}, 1), ({"camera": None, "start": 1}, 1),
])  # fmt: skip
def test_malformed_facts_are_counted(tmp_path: Path, key: Any, value: Any) -> None:
    with Rig(config(tmp_path)) as rig:
        assert rig.intake.items("http", [["p", key, value, None, {}]]) == 1
        assert rig.dropped("http", "malformed") == 1


@pytest.mark.parametrize("when", [{}, {"time": None}])
def test_facts_over_http_without_a_time_have_that_of_their_arrival(tmp_path: Path, when: dict[str, Any]) -> None:
    with Rig(config(tmp_path, key=["id"], time=None, by=None, min_samples=1)) as rig:
        before = time.time()
        events = [{verb: 8, "key": {"id": "1"}, **when} for verb in ("prediction", "truth")]
        answer = rig.post(json.dumps({"batch_id": "b", "events": events}).encode())
        assert (answer.status, answer.headers) == (204, {})
        assert rig.value("ai_model_accuracy", model="m", version="1") == 1.0
        watermark = rig.value("mkit_model_eval_watermark_timestamp_seconds", model="m", version="1")
        assert watermark is not None
        assert before <= watermark + 86_400 <= time.time()
        # A time that is none is still a mistake.
        events = [{"truth": 8, "key": {"id": "2"}, "time": wrong} for wrong in ("monday", -1, True)]
        answer = rig.post(json.dumps({"batch_id": "c", "events": events}).encode())
        assert answer.headers == {"X-Mkit-Dropped": "3"}


def test_a_reload_goes_on_with_the_join(tmp_path: Path) -> None:
    first = Rig(config(tmp_path))
    now = time.time()
    first.intake.items("http", [["p", {"camera": "a", "start": now}, 10, None, {}]])
    second = Rig(config(tmp_path, min_samples=1), first.lasting)
    first.close()
    second.intake.items("http", [["t", {"camera": "a", "start": now}, 10, None, {}]])
    assert second.value("ai_model_accuracy", model="m", version="1") == 1.0
    second.close()


def test_truth_is_read_from_a_table(tmp_path: Path) -> None:
    now = time.time()
    with sqlite3.connect(tmp_path / "shop.db") as db:
        db.execute("CREATE TABLE manual_counts (camera TEXT, start REAL, true_count INTEGER)")
        db.executemany("INSERT INTO manual_counts VALUES ('a', ?, 8)", [(now - n,) for n in range(5)])
    truth = {
        "source": {"kind": "sqlite", "url": f"sqlite:///{tmp_path / 'shop.db'}"}, "every": 1,
        "query": "SELECT camera, start, true_count FROM manual_counts WHERE start >= :since",
    }  # fmt: skip
    with Rig(config(tmp_path, truth=truth)) as rig:
        rig.intake.items("http", [["p", {"camera": "a", "start": now - n}, 10, None, {}] for n in range(5)])
        end = time.monotonic() + 8
        while rig.value("ai_model_accuracy", model="m", version="1") != 0.75:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert rig.value("mkit_ai_truth_success") == 1
        with sqlite3.connect(tmp_path / "shop.db") as db:
            db.execute("DROP TABLE manual_counts")
        end = time.monotonic() + 8
        while rig.value("mkit_ai_truth_success") != 0:
            assert time.monotonic() < end
            time.sleep(0.05)
        # The figures stay: the truth that was read holds.
        assert rig.value("ai_model_accuracy", model="m", version="1") == 0.75


def test_errors_of_the_truth_source_survive_a_reload(tmp_path: Path) -> None:
    now = time.time()
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as db:
        db.execute("CREATE TABLE counts (camera TEXT, start REAL, n INTEGER)")
        db.executemany("INSERT INTO counts VALUES ('a', ?, ?)", [(now, 8), (now - 1, -1), (now - 2, -1)])
        db.commit()
    source = {"kind": "sqlite", "url": f"sqlite:///{tmp_path / 'shop.db'}"}

    def asking(table: str, **more: Any) -> dict[str, Any]:
        truth = {
            "source": source,
            "every": 3600,
            "query": f"SELECT camera, start, n FROM {table} WHERE start >= :since",
        }
        return config(tmp_path, truth=truth, **more)

    def errors(rig: Rig, reason: str) -> float | None:
        return rig.value("mkit_ai_truth_errors_total", reason=reason)

    def until(rig: Rig, reason: str, count: float) -> None:
        end = time.monotonic() + 8
        while errors(rig, reason) != count:
            assert time.monotonic() < end, errors(rig, reason)
            time.sleep(0.05)

    first = Rig(asking("missing"))
    # Every reason is there at zero, also before a first success.
    assert [errors(first, reason) for reason in ("row", "connect", "timeout", "exception")] == [0, 0, 0, 0]
    until(first, "query", 1)
    first.intake.items("http", [["p", {"camera": "a", "start": now}, 10, None, {}]])
    second = Rig(asking("counts", min_samples=1), first.lasting)
    first.close()
    until(second, "row", 2)
    assert errors(second, "query") == 1
    assert second.value("mkit_model_truth_delay_seconds_count", model="m", version="1") == 1
    third = Rig(asking("missing"), second.lasting)
    second.close()
    until(third, "query", 2)
    assert errors(third, "row") == 2
    assert third.value("mkit_model_truth_delay_seconds_count", model="m", version="1") == 1
    third.close()


def test_bad_rows_of_a_table_count_once_while_they_stay(tmp_path: Path) -> None:
    now = time.time()
    rows: list[tuple[Any, Any, Any]] = [("a", now + 9000, 8), ("a", now, None), ("a", now, None), (None, now, 2)]

    def write(db: sqlite3.Connection, found: list[tuple[Any, Any, Any]]) -> None:
        with db:
            db.execute("DELETE FROM counts")
            db.executemany("INSERT INTO counts VALUES (?, ?, ?)", found)

    def counted(rig: Rig) -> tuple[Any, Any]:
        refused = rig.value("mkit_model_facts_refused_total", model="m", version="1", side="truth")
        return rig.value("mkit_ai_truth_errors_total", reason="row"), refused

    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as db:
        db.execute("CREATE TABLE counts (camera TEXT, start REAL, n REAL)")
        write(db, rows)
        source = {"kind": "sqlite", "url": f"sqlite:///{tmp_path / 'shop.db'}"}
        truth = {"source": source, "every": 3600, "query": "SELECT camera, start, n FROM counts"}
        polls: list[TruthPoll] = []
        exporter = make_exporter(parse_config(config(tmp_path, truth=truth)), Lasting(), polls)
        (poll,) = polls

        def counts() -> tuple[Any, Any]:
            exporter.registry.gather(Deadline.after(5))
            name = {"model": "m", "version": "1", "side": "truth"}
            return (
                exporter.registry.value("mkit_ai_truth_errors_total", {"reason": "row"}),
                exporter.registry.value("mkit_model_facts_refused_total", name),
            )

        for _ in range(3):
            poll.poll()
            assert counts() == (3, 1)
        # Another one like it is another one; what left the table and comes back is new.
        write(db, [*rows, ("a", now, None)])
        poll.poll()
        assert counts() == (4, 1)
        write(db, [])
        poll.poll()
        write(db, rows)
        poll.poll()
        assert counts() == (7, 2)
        for close in exporter.close:
            close()
        exporter.registry.close()
        # The same over a reload.
        first = Rig(config(tmp_path, truth={**truth, "every": 1}))
        _until(lambda: counted(first) == (3, 1))
        second = Rig(config(tmp_path, truth=truth, min_samples=1), first.lasting)
        first.close()
        _until(lambda: (second.value("mkit_ai_truth_last_success_timestamp_seconds") or 0) > 0)
        assert counted(second) == (3, 1)
        second.close()


def test_of_several_rows_with_one_key_the_last_one_holds(tmp_path: Path) -> None:
    """A table that contradicts itself is not corrected anew at every read."""
    now = time.time() - 60
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as db, db:
        db.execute("CREATE TABLE counts (camera TEXT, start REAL, n REAL)")
        db.executemany(
            "INSERT INTO counts VALUES (?, ?, ?)", [("a", now, 3), ("a", now, 9), ("a", now, 9), ("b", now, 4)]
        )
    source = {"kind": "sqlite", "url": f"sqlite:///{tmp_path / 'shop.db'}"}
    truth = {"source": source, "every": 3600, "query": "SELECT camera, start, n FROM counts ORDER BY rowid"}
    polls: list[TruthPoll] = []
    exporter = make_exporter(parse_config(config(tmp_path, truth=truth)), Lasting(), polls)
    try:
        for _ in range(3):
            answer = polls[0].poll()
            assert answer.rows == 4
        gathered = exporter.registry.gather(Deadline.after(5))
        sides = {"model": "m", "version": "1", "side": "truth"}
        assert exporter.registry.value("mkit_ai_truth_errors_total", {"reason": "row"}) == 1
        assert exporter.registry.value("mkit_model_facts_corrected_total", sides) in (None, 0)
        assert gathered.failures == {}
    finally:
        for close in exporter.close:
            close()
        exporter.registry.close()


def _until(test: Any) -> None:
    end = time.monotonic() + 8
    while not test():
        assert time.monotonic() < end
        time.sleep(0.05)
