"""Incident files, and precision, recall and time to detect."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring_kit.live.backtest.errors import BacktestError
from monitoring_kit.live.backtest.incidents import Incident, read_incidents, score
from monitoring_kit.live.backtest.machine import Firing


def firing(start: int, end: int | None, alert: str = "A", service: str = "s") -> Firing:
    return Firing(alert, {"alertname": alert, "service": service}, start, start, end, 1.0)


def test_yaml_and_csv_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "incidents:\n- {name: x, start: 2026-01-01T00:00:00Z, end: 2026-01-01 01:00:00, service: s, alerts: [A, B]}\n"
        "- {start: 1767229200, end: 1767232800}\n"
    )
    (tmp_path / "a.csv").write_text(
        "name,start,end,service,alerts\nx,2026-01-01,2026-01-01T02:00:00+01:00,s,A B\nincident 2,1767229200,1767232800,,\n"
    )
    assert read_incidents(tmp_path / "a.yaml") == read_incidents(tmp_path / "a.csv") == [
        Incident("x", 1767225600000, 1767229200000, "s", ("A", "B")),
        Incident("incident 2", 1767229200000, 1767232800000),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "- {start: 2026-01-01", "line 1"),
        ("a.yaml", "just text", "neither a list"),
        ("a.yaml", "[]", "no incident"),
        ("a.yaml", "- 5", "incident 1 is no mapping"),
        ("a.yaml", "- {start: 2026-01-01}", "`end` is missing"),
        ("a.yaml", "- {start: 2026-01-02, end: 2026-01-01}", "ends (2026-01-01) before it starts"),
        ("a.yaml", "- {start: soon, end: 2026-01-01}", "incident 1: start: `soon` is no time"),
        ("a.yaml", "- {start: -5d, end: 2026-01-01}", "not a fixed time"),
        ("a.yaml", "- {begin: 1, end: 2}", "unknown key `begin`"),
        ("a.csv", "start,end\n1,2,3\n", "line 2: more values"),
        ("a.csv", 'start,end\n"1,2\n', "line"),
        ("a.csv", "start,end\n", "no incident"),
    ],
)
def test_malformed_files_are_named_with_the_place(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BacktestError) as caught:
        read_incidents(tmp_path / name)
    assert caught.value.code == "backtest/incidents"
    assert message in caught.value.message


def test_missing_and_binary_files(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    for name, message in (("none.yaml", "No such file"), ("b.yaml", "UTF-8")):
        with pytest.raises(BacktestError, match=message):
            read_incidents(tmp_path / name)


def test_precision_recall_and_time_to_detect() -> None:
    incidents = [Incident("one", 100, 200), Incident("two", 1000, 1100), Incident("three", 2000, 2100, "other")]
    firings = [firing(130, 250), firing(150, 160), firing(600, 700), firing(990, None), firing(2010, 2020)]
    got = score(incidents, firings[:3] + firings[4:])
    assert (got.true, got.false, got.precision, got.recall) == (2, 2, 0.5, 1 / 3)
    assert [(f.alert, f.after) for f in got.found] == [("A", 30), (None, None), (None, None)]
    assert score(incidents, firings).found[1].after == 0


def test_slack_forgives_a_late_firing_but_does_not_find_with_it() -> None:
    late = [firing(220, 300)]
    assert score([Incident("one", 100, 200)], late, slack=30).precision == 1.0
    assert score([Incident("one", 100, 200)], late, slack=30).recall == 0.0
    assert score([Incident("one", 100, 200)], late, slack=10).precision == 0.0


def test_nothing_to_divide_by() -> None:
    assert score([], []).precision is None
    assert score([], []).recall is None
