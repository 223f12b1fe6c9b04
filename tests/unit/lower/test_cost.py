"""`mkit cost`: the formula on expressions whose series can be counted by hand, the budget, and the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitoring_kit.cli.cost import command
from monitoring_kit.lower.cardinality import Cardinality
from monitoring_kit.lower.cost import REPORTED, cost
from monitoring_kit.pipeline import Compilation
from monitoring_kit.promql import parse
from tests.conftest import HEAD, marked

Compile = Callable[..., Compilation]
CHANNEL = "channels:\n  mail: {kind: webhook, url: 'http://hook:1/'}\n"
SPEC = (
    HEAD
    + CHANNEL
    + """\
prometheus: {scrape_interval: 10s, evaluation_interval: 30s}
services:
  web: {kind: http, scrape: {targets: ['a:1', 'b:1']}}
  pods: {kind: http, scrape: {kubernetes: {role: pod, port: http}}}
metrics:
  jobs_total: {type: counter, help: Jobs., labels: {queue: {values: [mail, image, video]}, shard: {max: 8}}, services: [web]}
  job_seconds: {type: histogram, unit: seconds, help: Time., labels: {queue: {values: [mail, image, video]}}, buckets: [1, 2, 5], services: [web]}
  wild_total: {type: counter, help: Unknown label., labels: {user: {}}, services: [web]}
  queue_length: {type: gauge, help: Length., labels: {queue: {values: [mail, image, video]}}, services: [web]}
"""
)

# expression, series of its result, samples read in one evaluation
COUNTED = [
    ("jobs_total", 2 * 3 * 8, 2 * 3 * 8),
    ('jobs_total{queue="mail"}', 2 * 8, 2 * 8),
    ('jobs_total{queue=~"m.*|video"}', 2 * 2 * 8, 2 * 2 * 8),
    ('jobs_total{queue!="mail"}', 2 * 2 * 8, 2 * 2 * 8),
    ('jobs_total{queue="nothing"}', 0, 0),
    ('jobs_total{shard=~"1|2"}', 2 * 3 * 2, 2 * 3 * 2),
    ('jobs_total{job="pods"}', 1, 1),
    ("wild_total", 2 * 20, 2 * 20),
    ("rate(jobs_total[5m])", 48, 48 * 30),
    ("sum(rate(jobs_total[5m]))", 1, 48 * 30),
    ("sum by (queue) (rate(jobs_total[5m]))", 3, 48 * 30),
    ("sum without (shard) (jobs_total)", 6, 48),
    ("topk(3, jobs_total)", 48, 48),
    ("job_seconds_bucket", 2 * 3 * 4, 24),
    ("job_seconds_sum", 6, 6),
    ("histogram_quantile(0.9, sum by (queue, le) (rate(job_seconds_bucket[1m])))", 3, 24 * 6),
    ("queue_length / on (queue, instance) queue_length", 6, 12),
    ("jobs_total * on (queue, instance) group_left () queue_length", 48, 54),
    ("queue_length or jobs_total", 54, 54),
    ("queue_length unless jobs_total", 6, 54),
    ("queue_length > 5", 6, 6),
    ("absent(queue_length)", 1, 6),
    ("up", 2 + 1, 3),
    ("max_over_time(sum(jobs_total)[10m:1m])", 1, 48 * 10),
    ('label_replace(queue_length, "x", "$1", "queue", "(.*)")', 6, 6),
    ("vector(1)", 1, 0),
    # Recorded at the evaluation interval of 30 s: ten samples in five minutes.
    ('avg_over_time(service:availability:avg5m{service="web"}[5m])', 1, 10),
]


@pytest.mark.parametrize(("expr", "series", "samples"), COUNTED, ids=[case[0] for case in COUNTED])
def test_counted(compile_text: Compile, expr: str, series: int, samples: int) -> None:
    done = compile_text(SPEC)
    assert done.system is not None
    assert done.model is not None
    bounds = Cardinality(done.system, done.model)
    tree = parse(expr)
    assert (bounds.series(tree), bounds.samples(tree)) == (series, samples)


def test_sums(compile_text: Compile) -> None:
    done = compile_text(SPEC)
    assert done.system is not None
    assert done.model is not None
    found = cost(done.system, done.model)
    jobs = {job.name: job for job in found.jobs}
    assert (jobs["web"].targets, jobs["web"].assumed) == (2, False)
    assert (jobs["pods"].targets, jobs["pods"].assumed) == (1, True)
    assert jobs["web"].samples_per_day == jobs["web"].series * 8640
    assert found.series == sum(j.series for j in found.jobs) + sum(g.series for g in found.groups)
    assert found.read_per_second == pytest.approx(
        sum(r.samples_per_evaluation / g.interval_seconds for g in found.groups for r in g.rules), rel=1e-4
    )
    more = cost(done.system, done.model, {"pods": 40})
    assert {j.name: j.series for j in more.jobs}["pods"] == 40 * jobs["pods"].series
    assert jobs["pods"].series > REPORTED


def test_a_budget_that_is_exceeded(compile_text: Compile) -> None:
    for text, message in (
        ("budget: {series: «100»}\n", "the budget is 100"),
        ("budget: {samples_per_second: «2.5»}\n", "the budget is 2"),
    ):
        clean, where = marked(SPEC + text)
        found = [d for d in compile_text(clean).report if d.code == "cost/budget"]
        assert [(d.span.line, d.span.column) for d in found] == [where[:2]] if where else False
        assert message in found[0].message
    assert compile_text(SPEC + "budget: {series: 10000000, samples_per_second: 10000000}\n").ok
    assert [d.code for d in compile_text(SPEC + "budget: {series: 0}\n").report if d.severity.word == "error"] == [
        "spec/value"
    ]


def run(tmp_path: Path, text: str, *more: str) -> tuple[int, str]:
    path = tmp_path / "mkit.yaml"
    path.write_text(text)
    result = CliRunner().invoke(command, [str(path), *more])
    return result.exit_code, result.output


def test_the_command(tmp_path: Path) -> None:
    code, text = run(tmp_path, SPEC)
    assert code == 0
    assert "pods        1?" in text
    assert "--targets JOB=N" in text
    assert "series at most" in text
    code, text = run(tmp_path, SPEC, "--format", "json", "--targets", "pods=7")
    assert code == 0
    data = json.loads(text)
    assert {j["name"]: j["targets"] for j in data["jobs"]} == {"web": 2, "pods": 7}
    assert data["series"]["total"] == data["series"]["scraped"] + data["series"]["recorded"]
    assert data["budget"] is None
    assert all(g["samples_per_day"] == sum(r["samples_per_day"] for r in g["rules"]) for g in data["groups"])


def test_what_goes_wrong(tmp_path: Path) -> None:
    assert run(tmp_path, SPEC + "budget: {series: 100}\n")[0] == 1
    code, text = run(tmp_path, SPEC + "budget: {series: 100}\n", "--format", "json")
    assert (code, json.loads(text[text.index("{\n") :])["exceeded"]) == (1, True)
    assert run(tmp_path, "version: mkit/v1\n")[0] == 1
    for wrong in ("web", "web=", "web=-1", "web=0", "nobody=3"):
        assert run(tmp_path, SPEC, "--targets", wrong)[0] == 2
