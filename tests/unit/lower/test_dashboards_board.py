"""The grid: reading order without overlap, rows that open and rows that are closed."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitoring_kit.lower.dashboards import board as module
from monitoring_kit.lower.dashboards.board import Board
from monitoring_kit.lower.dashboards.panel import Look, Query, panel, ref_id
from monitoring_kit.lower.tree import Branch


def made(title: str = "x", type_: str = "timeseries") -> Branch:
    return panel(type_, title, "d", [Query("up")], Look("short"), None)


def place(panel: dict[str, Any]) -> tuple[int, int, int, int]:
    grid = panel["gridPos"]
    return grid["x"], grid["y"], grid["w"], grid["h"]


SIZES = st.lists(st.tuples(st.integers(1, 24), st.integers(1, 12), st.booleans()), min_size=1, max_size=30)


@given(SIZES)
def test_panels_never_overlap_and_keep_their_order(sizes: list[tuple[int, int, bool]]) -> None:
    board = Board("u")
    for index, (width, height, row) in enumerate(sizes):
        if row:
            board.row(f"row {index}")
        board.add(f"p{index}", made(), width, height)
    places = [place(p) for p in board.panels]
    assert all(x + w <= 24 for x, _, w, _ in places)
    for a, b in combinations(places, 2):
        assert a[0] + a[2] <= b[0] or b[0] + b[2] <= a[0] or a[1] + a[3] <= b[1] or b[1] + b[3] <= a[1]
    assert [(y, x) for x, y, _, _ in places] == sorted((y, x) for x, y, _, _ in places)


def test_a_closed_row_holds_its_panels_and_takes_one_line() -> None:
    board = Board("u")
    board.row("closed", collapsed=True)
    board.add("a", made())
    board.add("b", made())
    board.row("open")
    board.add("c", made())
    closed, opened, last = board.panels
    assert closed["collapsed"] is True
    assert [place(p) for p in closed["panels"]] == [(0, 1, 12, 8), (12, 1, 12, 8)]
    assert place(opened) == (0, 1, 24, 1)
    assert opened["panels"] == []
    assert place(last) == (0, 2, 12, 8)


def test_ids_come_from_keys_so_that_order_does_not_matter() -> None:
    one, two = Board("u"), Board("u")
    one.add("a", made())
    one.add("b", made())
    two.add("b", made())
    two.add("a", made())
    assert {p["id"] for p in one.panels} == {p["id"] for p in two.panels}
    other = Board("v")
    other.add("a", made())
    assert other.panels[0]["id"] != one.panels[0]["id"]


def test_keys_that_meet_in_one_id_are_kept_apart(monkeypatch: object) -> None:
    monkeypatch.setattr(module, "panel_id", lambda dashboard, key: 7)  # type: ignore[attr-defined]
    board = Board("u")
    board.add("a", made())
    board.add("b", made())
    assert [p["id"] for p in board.panels] == [7, 8]


def test_ref_ids_go_on_after_z() -> None:
    assert [ref_id(i) for i in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]


def test_panel_types_ask_for_the_kind_of_answer_that_they_show() -> None:
    assert made(type_="table")["targets"][0]["instant"] is True
    assert made(type_="timeseries")["targets"][0]["range"] is True
    gauge = panel("gauge", "g", "d", [Query("up")], Look("percentunit"), None)
    assert gauge["fieldConfig"]["defaults"]["max"] == 1
    assert "max" not in made(type_="gauge")["fieldConfig"]["defaults"]
