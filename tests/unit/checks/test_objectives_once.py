"""A mistake in an objective is told once, not for every window that its alerts look back."""

from __future__ import annotations

from collections.abc import Callable

from monitoring_kit.pipeline import Compilation
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


def test_one_mistake_is_told_for_each_way_of_reading_it(compile_text: Callable[..., Compilation]) -> None:
    """The recorded rate and the raw windows: not once for each of 30m, 1h, 2h and 6h."""
    found = [d.message for d in compile_text(SPEC).report if d.code == "promql/unknown-value"]
    assert [message.split("`")[1] for message in found] == ["slo:bad:rate5m", "slo:sli_error:ratio_rate30m"]
