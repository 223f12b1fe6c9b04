"""A mistake in an objective is told once, not for every window that its alerts look back."""

from __future__ import annotations

from collections.abc import Callable

from monitoring_kit.lower.slo.windows import table
from monitoring_kit.pipeline import Compilation
from monitoring_kit.spec.quantity import Duration
from tests.conftest import CHANNEL, HEAD

SPEC = f"""{HEAD}{CHANNEL}prometheus: {{retention: {{time: 40d}}}}
metrics:
  jobs_total: {{type: counter, help: Jobs., labels: {{state: {{values: [ok, failed]}}}}, services: [web]}}
services:
  web:
    kind: http
    scrape: {{targets: ['web:80']}}
    slos:
      jobs: {{total: jobs_total, bad: 'jobs_total{{state="broken"}}', objective: 99.9%}}
"""


def test_a_mistake_is_told_of_each_objective_that_has_it(compile_text: Callable[..., Compilation]) -> None:
    """Rules that read recorded series alone are judged once for all objectives; what an author wrote is judged each time."""
    right = "total: jobs_total, bad: 'jobs_total{state=\"failed\"}', objective: 99.9%"
    spec = SPEC.replace(
        "      jobs: ", f"      first: {{{right}}}\n      last: {{{right.replace('failed', 'lost')}}}\n      jobs: "
    )
    found = [d for d in compile_text(spec).report if d.code == "promql/unknown-value"]
    told = [('"lost"' in d.message, '"broken"' in d.message) for d in found]
    assert told == [(True, False)] * 2 + [(False, True)] * 2


def test_an_alert_on_a_window_knows_the_labels_of_every_objective(compile_text: Callable[..., Compilation]) -> None:
    """Each service has the labels that its own objectives are grouped by, and no other's."""
    parted = "total: jobs_total, bad: 'jobs_total{state=\"failed\"}', objective: 99%, group_by: [state]"
    service = f"  api: {{kind: http, scrape: {{targets: ['api:80']}}, slos: {{parted: {{{parted}}}}}}}\n"
    selected = {
        "Whole": 'service="web", slo="jobs"',
        "Parted": 'service="api", slo="parted", state="ok"',
        "Lost": 'service="api", slo="jops"',
        "Other": 'service="web", slo="jobs", state="ok"',
    }
    alerts = "".join(
        f"  {name}: {{expr: 'slo:sli_error:ratio_rate5m{{{matchers}}} > 0.5', severity: warning}}\n"
        for name, matchers in selected.items()
    )
    spec = SPEC.replace("services: [web]", "services: [web, api]").replace("broken", "failed")
    found = compile_text(f"{spec}{service}alerts:\n{alerts}").report
    told = [(d.code, d.message) for d in found if d.code.startswith("promql/unknown")]
    assert [code for code, _ in told] == ["promql/unknown-value", "promql/unknown-label"]
    assert '"jops"' in told[0][1]
    assert "`state`" in told[1][1]


def test_one_mistake_is_told_for_each_way_of_reading_it(compile_text: Callable[..., Compilation]) -> None:
    """The recorded rate and the raw windows: not once for each of 30m, 1h, 2h and 6h."""
    found = [d.message for d in compile_text(SPEC).report if d.code == "promql/unknown-value"]
    assert [message.split("`")[1] for message in found] == ["slo:bad:rate5m", "slo:sli_error:ratio_rate30m"]


def test_the_window_that_stands_for_the_others_is_the_shortest(compile_text: Callable[..., Compilation]) -> None:
    """So a scrape interval that is too long for any of them is told."""
    slow = SPEC.replace("broken", "failed").replace("['web:80']", "['web:80'], interval: 16m")
    told = [d.message.split("`")[1] for d in compile_text(slow).report if d.code == "promql/short-window"]
    assert {name for name in told if name.startswith("slo:sli_error")} == {"slo:sli_error:ratio_rate30m"}
    done = compile_text(SPEC.replace("broken", "failed"))
    assert done.model is not None
    windows = [r for r in done.model.recordings if r.record.startswith("slo:sli_error") and "[" in r.text]
    shortest = min(Duration.of(r.record.partition("ratio_rate")[2]).ms for r in windows)
    assert shortest == Duration.of("30m").ms
    assert len(windows) > 3


def test_no_window_reaches_beyond_the_objective_whose_history_must_be_kept(
    compile_text: Callable[..., Compilation],
) -> None:
    tiers = table()["tiers"].values()
    rolling = [period for period in table()["periods"] if period[0].isdigit()]
    assert max(Duration.of(tier["long"]) for tier in tiers) <= min(map(Duration.of, rolling))
    short = SPEC.replace("broken", "failed").replace("time: 40d", "time: 2d").replace("99.9%}", "99.9%, window: 7d}")
    assert [d.code for d in compile_text(short).report if d.severity.word == "error"] == ["slo/window"]
