"""The monotone guard, the ledger and the state file."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitoring_kit.exporters.business.faults import SourceFault
from monitoring_kit.exporters.business.guard import MAX_GONE, Guard
from monitoring_kit.exporters.business.ledger import Ledger
from monitoring_kit.exporters.business.marks import dump_mark, later, load_mark
from monitoring_kit.exporters.business.rows import Row
from monitoring_kit.exporters.business.state import State
from monitoring_kit.exporters.runtime import ConfigError, MetricSpec

readings = st.lists(
    st.dictionaries(st.sampled_from([("a",), ("b",), ()]), st.floats(0, 1e12), max_size=3), min_size=1, max_size=30
)


@given(readings, st.sampled_from(["hold", "rebase"]), st.data())
def test_no_value_ever_falls_not_even_over_a_restart(
    steps: list[dict[tuple[str, ...], float]], rule: str, data: st.DataObject
) -> None:
    guard = Guard(rule)
    shown: dict[tuple[str, ...], float] = {}
    for step in steps:
        if data.draw(st.booleans()):
            saved = json.loads(json.dumps(guard.dump()))
            guard = Guard(rule)
            guard.load(saved)
        for labels, value in guard.apply(step.items()):
            assert value >= shown.get(labels, 0.0)
            shown[labels] = value
            if rule == "hold":
                assert (
                    value == max(s[labels] for s in steps[: steps.index(step) + 1] if labels in s)
                    or value >= step[labels]
                )


def test_each_fall_counts_once_and_hold_waits_for_the_old_height() -> None:
    guard = Guard("hold")
    values = [guard.apply([((), reading)])[0][1] for reading in (1000, 990, 990, 995, 1005, 1000)]
    assert values == [1000, 1000, 1000, 1000, 1005, 1005]
    assert guard.regressions == 2


def test_rebase_counts_what_comes_after_a_fall() -> None:
    guard = Guard("rebase")
    assert [guard.apply([((), reading)])[0][1] for reading in (1000, 990, 995, 0, 3)] == [1000, 1000, 1005, 1005, 1008]
    assert guard.regressions == 2


def test_changed_says_whether_there_is_something_to_save() -> None:
    guard = Guard()
    guard.apply([(("a",), 5.0)])
    assert guard.changed
    guard.changed = False
    guard.apply([(("a",), 5.0)])
    assert not guard.changed
    guard.apply([(("a",), 4.0)])
    assert guard.changed


def test_data_of_a_file_that_kept_no_count_is_gone_on_with() -> None:
    guard = Guard()
    guard.load([[["a"], 990.0, 1000.0]])
    assert (guard.apply([(("a",), 980.0)]), guard.regressions) == ([(("a",), 1000.0)], 1)
    again = Guard()
    again.load(json.loads(json.dumps(guard.dump())))
    assert (again.apply([(("a",), 980.0)]), again.regressions) == ([(("a",), 1000.0)], 1)


def test_vanished_label_set_returns_at_its_height_and_memory_is_bounded() -> None:
    guard = Guard()
    guard.apply([(("a",), 5.0)])
    assert guard.apply([]) == []
    assert guard.apply([(("a",), 2.0)]) == [(("a",), 5.0)]
    for start in range(0, 3 * MAX_GONE, 1000):
        guard.apply([((str(i),), 1.0) for i in range(start, start + 1000)])
    assert len(guard.dump()["seen"]) <= MAX_GONE + 1000


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(-1e6, 1e6)), max_size=40))
def test_histogram_totals_survive_their_dump(values: list[tuple[str, float]]) -> None:
    spec = MetricSpec.parse(
        {
            "name": "x_seconds",
            "type": "histogram",
            "help": "X.",
            "labels": ["l"],
            "buckets": [0.1, 1, 10],
            "native": True,
        }
    )
    whole, first = Ledger(spec), Ledger(spec)
    rows = [Row((label,), value) for label, value in values]
    whole.add(rows)
    first.add(rows[: len(rows) // 2])
    second = Ledger(spec)
    second.load(json.loads(json.dumps(first.dump())))
    second.add(rows[len(rows) // 2 :])
    ours = {labels: (list(v.counts), v.zero_count, dict(v.positive), dict(v.negative)) for labels, v in second.totals()}
    assert ours == {
        labels: (list(v.counts), v.zero_count, dict(v.positive), dict(v.negative)) for labels, v in whole.totals()
    }


@pytest.mark.parametrize(
    "mark", [0, 7, 2**70, 1.5, "2026-01-01", Decimal("12.10"), date(2026, 1, 2), datetime(2026, 1, 2, 3, tzinfo=UTC)]
)
def test_marks_keep_their_type(mark: object) -> None:
    found = load_mark(json.loads(json.dumps(dump_mark(mark))))
    assert found == mark
    assert type(found) is type(mark)


def test_marks_of_different_types_or_without_order_are_refused() -> None:
    with pytest.raises(SourceFault, match="different types"):
        later("5", 4)
    with pytest.raises(SourceFault, match="cannot be a bytes"):
        dump_mark(b"x")
    with pytest.raises(SourceFault, match="cannot be a bool"):
        dump_mark(True)


def test_state_outlives_the_process_and_knows_its_shape(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    state = State(path)
    assert state.load("m", "s") == (None, False)
    state.save("m", "s", {"mark": 5})
    state.close()
    state = State(path)
    assert state.load("m", "s") == ({"mark": 5}, True)
    assert state.load("m", "other") == ({"mark": 5}, False)
    with pytest.raises(ConfigError, match="another exporter uses it"):
        State(path)
    dry = State(path, dry=True)
    dry.save("m", "s", {"mark": 9})
    assert state.load("m", "s") == ({"mark": 5}, True)
    state.close()
    State(path).close()
    # Everything is in the one file, and a check leaves nothing beside it.
    dry = State(path, dry=True)
    assert dry.load("m", "s") == ({"mark": 5}, True)
    dry.close()
    assert sorted(found.name for found in tmp_path.iterdir()) == ["state.db", "state.db.lock"]


def test_state_file_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=f"the folder {tmp_path}/missing does not exist: create it, or set `state_file`"
    ):
        State(tmp_path / "missing" / "state.db")
    (tmp_path / "not.db").write_text("not a database, but long enough to be looked at as one")
    with pytest.raises(ConfigError, match="state_file"):
        State(tmp_path / "not.db")


def test_a_failed_save_is_a_fault_and_the_old_data_stands(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    state = State(path)
    state.save("m", "s", 1)
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SourceFault, match="locked"):
        state.save("m", "s", 2)
    other.rollback()
    assert state.load("m", "s") == (1, True)
    state.close()
