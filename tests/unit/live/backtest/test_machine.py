"""The state machine, against rules/alerting.go followed evaluation by evaluation."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitoring_kit.live.backtest.machine import Firing, Series, replay

STEP = 10


def by_hand(present: list[bool | None], hold: int, keep: int) -> list[tuple[int, int, int | None]]:
    """``AlertingRule.Eval`` for one element, transcribed; None is a failed evaluation."""
    found: list[tuple[int, int, int | None]] = []
    state, active, fired, since = "inactive", 0, 0, None
    for index, there in enumerate(present):
        at = index * STEP
        if there is None:
            continue
        if there:
            if state == "inactive":
                state, active = "pending", at
            since = None
        else:
            keeping = False
            if state == "firing" and keep > 0:
                since = at if since is None else since
                keeping = at - since < keep
            if state == "firing" and not keeping:
                found.append((active, fired, at))
            if not keeping:
                state, since = "inactive", None
                continue
        if state == "pending" and at - active >= hold:
            state, fired = "firing", at
    if state == "firing":
        found.append((active, fired, None))
    return found


def run(present: list[bool | None], hold: int, keep: int) -> list[Firing]:
    values = {i: float(i) for i, there in enumerate(present) if there}
    failed = [i for i, there in enumerate(present) if there is None]
    times = [i * STEP for i in range(len(present))]
    return replay("A", {}, hold, keep, times, [Series({"x": "1"}, values)], failed).firings


@given(st.lists(st.sampled_from([True, True, False, None]), max_size=40), st.integers(0, 60), st.integers(0, 60))
def test_same_as_prometheus(present: list[bool | None], hold: int, keep: int) -> None:
    assert [(f.active_at, f.start, f.end) for f in run(present, hold, keep)] == by_hand(present, hold, keep)


def test_pending_fires_once_for_has_passed() -> None:
    (found,) = run([False, True, True, True, True, False], 30, 0)
    assert (found.active_at, found.start, found.end, found.value) == (10, 40, 50, 4.0)


def test_kept_firing_bridges_a_gap() -> None:
    (found,) = run([True, False, False, True, False, False, False, False], 0, 30)
    assert (found.start, found.end) == (0, 70)


def test_labels_of_the_rule_win_and_templates_read_the_element() -> None:
    element = Series({"__name__": "m", "severity": "low", "pod": "a", "empty": ""}, {0: 1.0})
    (found,) = replay("A", {"severity": "high", "who": "{{ $labels.pod }}!"}, 0, 0, [0, 10], [element]).firings
    assert found.labels == {"alertname": "A", "severity": "high", "who": "a!", "pod": "a"}


def test_two_elements_of_equal_labels_fail_the_evaluation() -> None:
    one, two = Series({"x": "1"}, {0: 1.0, 1: 1.0, 2: 1.0}), Series({"x": "2"}, {1: 1.0})
    found = replay("A", {"x": "same"}, 0, 0, [0, 10, 20, 30], [one, two])
    assert found.clashes == {1}
    assert [(f.start, f.end) for f in found.firings] == [(0, 30)]


def test_pending_without_firing_is_counted_but_not_at_the_end() -> None:
    times = [i * STEP for i in range(6)]
    found = replay("A", {}, 100, 0, times, [Series({}, {1: 1.0, 5: 1.0})])
    assert (found.firings, found.unfired) == ([], 1)
