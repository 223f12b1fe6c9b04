"""Anomaly, capacity and degradation rules over weeks of history in Prometheus' own rule engine: what is found, when, and what
must stay quiet."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from monitoring_kit.pipeline import compile_spec
from monitoring_kit.stack.tools import find_tools
from tests.history import page
from tests.history.scenarios import CHANGES, EVENT, HEAD, LEAKS, Curve, anomaly, capacity, sampled
from tests.unit.lower.history_help import PER_DAY, Question, Story, between, fired, history_groups, tell

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def told(folder: Path, spec: str, series: dict[str, list[float | None]], questions: list[Question]) -> str:
    path = folder / "mkit.yaml"
    path.write_text(spec if spec.startswith(HEAD) else HEAD + spec)
    done = compile_spec(path, None, {})
    assert done.ok, [d.message for d in done.report]
    return tell(folder, history_groups(done), [Story("history", series, tuple(questions))], timeout=300)


def found_between(alert: str, low: float, high: float, labels: str) -> list[Question]:
    """Silent until day ``low``, firing by day ``high``."""
    return [
        Question(fired(alert, low, labels), low, 0),
        Question(between(fired(alert, high, labels), 1, 1e9), high, 1),
    ]


def test_the_committed_page_is_what_the_rules_do() -> None:
    """Recorded and replayed by another way than the tests below, which ask promtool about the same histories."""
    committed, now = page.PAGE.read_text("utf-8"), page.text()
    release = find_tools()["promtool"].release
    assert release is not None
    if release >= (3, 0):
        # Ranges are left-open from Prometheus 3.0, one sample shorter: an alert may come an evaluation sooner or later.
        assert _shape(committed) == _shape(now)
    else:
        assert committed == now


def _shape(text: str) -> list[list[bool]]:
    """Of each row of the tables, where there is something and where not."""
    return [[cell.strip() in ("-", "0") for cell in row.split("|")] for row in text.splitlines() if row.startswith("|")]


def test_capacity(tmp_path: Path) -> None:
    """Seasons and rotation are quiet; leaks are found while there is time, each within these days."""
    # Full on day 22.5: found 13 days ahead, as soon as there is a week and a day to compare with. On top of a season full on day
    # 24.25 by its trend: found more than a week ahead. Full within 6.5 days: found with more than three days left.
    within = {"leak": (8.9, 9.5), "leak and season": (9, 15.5), "fast": (8, 11.2)}
    history = capacity()
    assert within.keys() == LEAKS.keys()
    questions = []
    for case in history.cases:
        label = f',mountpoint="{case}"'
        if case in within:
            questions += found_between("full", *within[case], label)
        else:
            questions.append(Question(fired("full", history.days, label), history.days, 0))
    left = 'sum(service:disk:ratio:days_to_limit{mountpoint="leak"})'
    questions += [Question(between(left, 10.4, 10.6), 12, 1), Question(between(left, 7.4, 7.6), 15, 1)]
    assert told(tmp_path, history.spec, history.series(), questions) == ""


def test_anomaly(tmp_path: Path) -> None:
    """A daily sine with 5 % noise: two weeks of it are quiet, with growth of 1 % a day, too; then something happens at noon."""
    minute, history = 1 / 1440, anomaly()
    questions = []
    for case in CHANGES:
        mine = f',case="{case}"'
        questions += [Question(fired(alert, EVENT, mine), EVENT, 0) for alert in history.alerts]
        odd, zero = case in ("zero", "spike", "half", "less"), case in ("zero", "gone")
        for alert, expected in (("odd", odd), ("oddZero", zero)):
            if not expected:
                questions.append(Question(fired(alert, history.days, mine), history.days, 0))
                continue
            questions.append(Question(between(fired(alert, 20 * minute, mine), 1, 4), EVENT + 20 * minute, 1))
            # Held: for ten hours without a gap, however the noise falls (30 % less is not far outside at night).
            if case != "less":
                questions.append(Question(between(fired(alert, 10 / 24, mine), 117, 120), EVENT + 10 / 24, 1))
    assert told(tmp_path, history.spec, history.series(), questions) == ""


def test_anomaly_is_silent_while_it_learns(tmp_path: Path) -> None:
    """Whatever happens in the first week, there is nothing to compare with."""
    wild = random.Random(3)
    series = {
        'service:traffic:rate5m{service="web"}': sampled(8, lambda d: 0.0 if 3 < d < 4 else wild.uniform(1, 1000))
    }
    questions = [
        Question(fired("odd", 8), 8, 0),
        Question(fired("oddZero", 7), 7, 0),
        Question("count(service:traffic:rate5m:prediction)", 6.8, None),
    ]
    spec = "services:\n  web: {kind: http, scrape: {targets: ['a:1']}}\nalerts:\n  odd: {anomaly: traffic, severity: warning}\n"
    assert told(tmp_path, spec, series, questions) == ""


def test_degradation(tmp_path: Path) -> None:
    """Accuracy and latency of versions that follow each other: a worse one is told, an equal or better one is not."""
    second = 1 / 86400

    def version(start: float, end: float, value: float, wobble: float) -> Curve:
        noise = random.Random(f"{start}")
        return lambda d: value * (1 + wobble * noise.gauss(0, 1)) if start <= d + second and d < end else None

    cases: dict[str, tuple[float, float]] = {"worse": (0.93, 0.900), "equal": (0.93, 0.929), "better": (0.93, 0.97)}
    series, questions = {}, []
    for model, (before, after) in cases.items():
        labels = f'job="model",service="model",instance="a",model="{model}"'
        series[f'ai_model_accuracy{{{labels},version="1"}}'] = sampled(2.5, version(0, 1, before, 0.001))
        series[f'ai_model_accuracy{{{labels},version="2"}}'] = sampled(2.5, version(1, 3, after, 0.001))
        mine = f',model="{model}"'
        questions.append(Question(fired("drop", 1.02, mine), 1.02, 0))
        if model == "worse":
            # A window of 30 minutes and `for` of 15 after the deployment; a day later the version before is forgotten.
            questions.append(Question(between(fired("drop", 1 / 24, f'{mine},version="2"'), 1, 12), 1 + 1 / 24, 1))
            questions.append(Question(fired("drop", 0.4, mine), 2.5, 0))
        else:
            questions.append(Question(fired("drop", 2.5, mine), 2.5, 0))
    # Nobody was there before the first version.
    questions.append(Question(fired("drop", 2.5, ',version="1"'), 2.5, 0))
    spec = "services:\n  model: {kind: ai-model, scrape: {targets: ['a:1']}}\nalerts:\n  drop: {degradation: {signals: accuracy}, severity: warning}\n"
    assert told(tmp_path, spec, series, questions) == ""


def test_degradation_of_counters_and_rollback(tmp_path: Path) -> None:
    """Errors by version during a rollout and a rollback: the new version is told while it serves, the old one never."""

    def count(start: float, end: float, per_step: float) -> Curve:
        return lambda d: round((d - start) * PER_DAY) * per_step if start <= d + 1e-9 and d <= end + 1e-9 else None

    series = {}
    for version, start, end, errors in (("1", 0.0, 2.0, 1.0), ("2", 1.0, 1.25, 20.0)):
        for status, step in (("200", 1000.0), ("500", errors)):
            labels = f'job="web",service="web",instance="a{version}",version="{version}",status="{status}"'
            series[f"http_requests_total{{{labels}}}"] = sampled(2, count(start, end, step))
    questions = [
        Question(fired("worse", 1.0), 1.0, 0),
        Question(between(fired("worse", 2 / 24, ',version="2"'), 6, 24), 1 + 2 / 24, 1),
        Question(fired("worse", 2, ',version="1"'), 2, 0),
        # Rolled back: silent again.
        Question(fired("worse", 0.6), 2, 0),
    ]
    spec = """\
services:
  web: {kind: http, scrape: {targets: ['a:1']}}
metrics:
  http_requests_total: {type: counter, help: Requests., labels: {version: {max: 4}, status: {}}, services: [web]}
alerts:
  worse: {degradation: {signals: errors}, severity: warning}
"""
    assert told(tmp_path, spec, series, questions) == ""
