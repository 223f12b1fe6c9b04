"""What every check says, word for word: severity, message, place, help, second carets and repair of each expression and routing
tree in its tests. The words were read before they were committed; a change of them must be seen in review.

`MKIT_SNAPSHOT=write python -m pytest tests/unit/lint/test_snapshots.py` writes the files of tests/data/findings anew.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from monitoring_kit.checks.registry import all_codes
from monitoring_kit.checks.routing.check import route_checks
from monitoring_kit.diagnostics import Diagnostic, Span
from tests.unit.checks.world_text import check_alert
from tests.unit.lint.lint_text import lint_routes

FOLDER = Path(__file__).parents[2] / "data/findings"
ROUTES = [check.code for check in route_checks()]
# Further expressions, for decisions that the checks' own tests leave open.
MORE = {
    "promql/quantile-input": [
        "histogram_quantile(101, rate(http_request_duration_seconds_bucket[5m])) > 2",
        "histogram_quantile(1.5, rate(http_request_duration_seconds_bucket[5m])) > 2",
        "quantile(50, queue_depth) > 2",
        "histogram_quantile(0.9, max(http_request_duration_seconds_bucket)) > 2",
        "histogram_quantile(0.9, sum without (le) (rate(http_request_duration_seconds_bucket[5m]))) > 2",
        "histogram_quantile(0.9, (sum(rate(http_request_duration_seconds_bucket[5m])))) > 2",
        "histogram_quantile(0.9, queue_depth) > 2",
    ],
    "promql/constant-comparison": [
        "up > 1", "up < 0", "1 < up", "absent(up) == 0", "group(up) == 0", "count by (job) (up) <= 0", "http_requests_total < 0",
        "hit_ratio > 5", "hit_ratio > 500", "vector(1) > 2", "clamp(queue_depth, 0, 5) > 6", "clamp_max(queue_depth, 5) > 6",
        "clamp_min(queue_depth, 5) < 4", "hour() > 24", "up >= 0", "up <= 1", "count(up) > 0", "build_info == 0", "up == 0.5",
        "histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[5m]))) > 10",
    ],
    "promql/histogram-base": [
        "http_request_duration_seconds > 1", "rate(http_request_duration_seconds[5m]) > 1", "avg(http_request_duration_seconds) > 1",
        "avg by (method) (http_request_duration_seconds) > 1", "histogram_quantile(0.9, http_request_duration_seconds) > 1",
        "histogram_quantile(0.9, rate(http_request_duration_seconds[5m])) > 1", "sum by (le) (rate(http_request_duration_seconds[5m])) > 1",
        'http_request_duration_seconds{method="GET"} > 1',
    ],
    "promql/impossible-grouping": [
        "sum by (cluster) (queue_depth) > 1", "sum without (cluster) (queue_depth) > 1", "sum by (quue) (queue_depth) > 1",
        "sum by (queue) (sum by (job) (queue_depth)) > 1", "sum without (queue) (sum by (job) (queue_depth)) > 1",
        "sum by (le) (queue_depth) > 1", "sum without (le) (queue_depth) > 1",
    ],
    "promql/many-matches": [
        "queue_depth / on (job) rate(http_requests_total[5m]) > 1", "sum by (job) (queue_depth) / on (job) queue_depth > 1",
        "queue_depth / on (job) sum by (job) (queue_depth) > 1", "sum by (job) (up) * on (job) group_right queue_depth > 1",
        "queue_depth * on (job) group_right build_info > 1",
    ],
    "promql/never-matches": [
        "sum by (job) (up) / sum by (queue) (queue_depth) > 1", 'up{job="a"} and up{job="b"}', "up and on (job) sum by (instance) (up)",
        'queue_depth{queue="mail"} / queue_depth{queue="print"} > 1', 'queue_depth{queue="mail"} / ignoring (queue) queue_depth{queue="print"} > 1',
        "up unless sum by (team) (up)", "sum by (job, queue) (queue_depth) / on (job, queue) sum by (job) (up) > 1",
    ],
    "promql/percent-of-ratio": [
        "hit_ratio > 2", "hit_ratio > 1.5", "hit_ratio > 95", "hit_ratio < 95", "hit_ratio > 0.95", "95 < hit_ratio",
        "sum(rate(errors_total[5m])) / sum(rate(http_requests_total[5m])) > 5", "sum(rate(errors_total[5m])) / sum(rate(http_requests_total[5m])) > 0.05",
    ],
    "promql/regex": [
        'up{job!~"a"} == 0', 'up{job!~"^a.*$"} == 0', 'up{job=~"^a|b$"} == 0', 'up{job=~".*"} == 0', 'up{job!~".*"} == 0',
        '{__name__=~"up"} == 0', 'up{job="^a$"} == 0', 'up{job=~"a$"} == 0', 'up{job=~"$x.*"} == 0',
    ],
    "promql/unknown-label": [
        "queue_depth > 1", 'queue_depth{quue="mail"} > 1', 'queue_depth{quue=~"mail"} > 1', 'queue_depth{quue!="mail"} > 1',
        'queue_depth{quue!~"mail"} > 1', 'queue_depth{quue=""} > 1', 'queue_depth{quue=~"mail|"} > 1', 'queue_depth{team="x"} > 1',
    ],
    "promql/unknown-metric": [
        "queue_dpth > 1", "http_requests > 1", "http_request_duration_seconds > 1", "errors > 1", "zzz > 1", 'zzz{job="shop"} > 1',
        "http_requests_totl > 1", "transaction_total_total > 1", "absent(zzz)",
    ],
    "promql/two-valued": ["up * 2 > 1", "rate(up[5m]) > 0", "deriv(up[5m]) > 0", "sum(up) > 1", "avg_over_time(up[5m]) < 1", "build_info > 1"],
    "promql/on-nothing": [
        "up and on (cluster) sum(up)", "up and on (cluster, job) up", "up / on (cluster) queue_depth > 1", "up unless on (cluster) up",
        'up and on (job, cluster) sum by (job) (up)',
    ],
    "promql/mixed-units": [
        "disk_used_bytes > last_backup_timestamp_seconds", "disk_used_bytes + hit_ratio > 1", "disk_used_bytes - disk_used_bytes > 1",
        "time() - last_backup_timestamp_seconds > 86400", "rate(http_request_duration_seconds_sum[5m]) + disk_used_bytes > 1",
    ],
}  # fmt: skip


def texts(code: str) -> Iterator[str]:
    """The expressions or configurations of the check's tests, and of ``MORE``."""
    area, name = code.replace("-", "_").split("/")
    place = "lint" if area == "routes" else "checks"
    try:
        module: ModuleType = importlib.import_module(f"tests.unit.{place}.test_{area}_{name}")
    except ModuleNotFoundError:
        module = ModuleType("none")
    for attribute in ("BAD", "GOOD_EXPR", "FOUND", "MORE", "SILENT"):
        value = getattr(module, attribute, [])
        for item in [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []:
            text = item[0] if isinstance(item, tuple) and item else item
            if isinstance(text, str):
                yield text
    yield from MORE.get(code, [])


def spelled(found: Diagnostic) -> str:
    lines = [f"  {found.severity.word} {_place(found.span)} {found.message}"]
    if found.help:
        lines.append(f"    help: {found.help}")
    lines += [f"    note: {_place(note.span)} {note.text}" for note in found.notes]
    if found.fix is not None:
        lines.append(f"    fix: {_place(found.fix.span)} {found.fix.text}")
    return "\n".join(lines) + "\n"


def _place(span: Span) -> str:
    return f"{span.line}:{span.column}-{span.end_line}:{span.end_column}"


def snapshot(code: str) -> str:
    parts = []
    for text in dict.fromkeys(texts(code)):
        found = lint_routes(text).report.diagnostics if code in ROUTES else check_alert(text).found
        parts.append(text.rstrip("\n") + "\n" + "".join(sorted(spelled(d) for d in found if d.code == code)))
    return "\n".join(parts)


@pytest.mark.parametrize("code", [*sorted(all_codes()), *ROUTES])
def test_snapshot(code: str) -> None:
    path = FOLDER / f"{code.replace('/', '_')}.txt"
    if os.environ.get("MKIT_SNAPSHOT") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(snapshot(code))
    assert snapshot(code) == path.read_text()
