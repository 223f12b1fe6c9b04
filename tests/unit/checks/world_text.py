"""A spec to check expressions against, and the real promtool to prove what they do."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import pytest
import yaml

from monitoring_kit.diagnostics import Diagnostic
from monitoring_kit.pipeline import compile_spec

SPEC = """version: mkit/v1
system: shop
prometheus: {scrape_interval: 15s, external_labels: {region: eu}}
channels:
  mail: {kind: webhook, url: 'http://hook:1/'}
services:
  shop: {kind: http, scrape: {targets: ['a:80', 'b:80']}}
  slow: {kind: node, scrape: {targets: ['c:80'], interval: 60s}}
  till: {kind: business, scrape: {targets: ['d:80']}}
metrics:
  http_requests_total: {type: counter, help: Requests., labels: {method: {}, status: {pattern: "[1-5][0-9]{2}"}}, services: [shop]}
  errors_total: {type: counter, help: Errors., labels: {method: {}}, services: [shop]}
  slow_total: {type: counter, help: Slow things., services: [slow]}
  http_request_duration_seconds: {type: histogram, unit: seconds, help: Latency., labels: {method: {}}, buckets: [0.1, 0.5, 1, 5], services: [shop]}
  queue_depth: {type: gauge, help: Jobs that wait., labels: {queue: {values: [mail, print]}}, services: [shop]}
  disk_used_bytes: {type: gauge, unit: bytes, help: Used., services: [shop]}
  hit_ratio: {type: gauge, unit: ratio, help: Hits., services: [shop]}
  last_backup_timestamp_seconds: {type: gauge, unit: seconds, help: Backup., services: [shop]}
  build_info: {type: info, help: Build., labels: {version: {}}, services: [shop]}
  user_count: {type: gauge, help: Users., services: [till]}
  transaction_total: {type: counter, help: Transactions., labels: {status: {values: [ok, failed]}}, services: [till]}
  revenue_per_hour: {type: gauge, unit: currency, help: Revenue., labels: {currency: {max: 10}}, services: [till]}
"""


@dataclass
class Checked:
    """The findings of one spec with their places cut out of its text."""

    text: str
    found: list[Diagnostic]

    def codes(self) -> list[str]:
        return [d.code for d in self.found]

    def one(self, code: str) -> Diagnostic:
        wanted = [d for d in self.found if d.code == code]
        assert len(wanted) == 1, self.found
        return wanted[0]

    def marked(self, code: str) -> str:
        """What the caret of the finding underlines."""
        return self.cut(self.one(code).span)

    def noted(self, code: str) -> list[str]:
        """What the second carets underline."""
        return [self.cut(note.span) for note in self.one(code).notes]

    def cut(self, span: object) -> str:
        line = self.text.split("\n")[span.line - 1]  # type: ignore[attr-defined]
        return line[span.column - 1 : span.end_column - 1]  # type: ignore[attr-defined]


def check_text(extra: str, spec: str = SPEC) -> Checked:
    """All findings of the spec with ``extra`` appended, but for what mkit says about itself."""
    text = spec + extra
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mkit.yaml"
        path.write_text(text)
        report = compile_spec(path, None, {}).report
    return Checked(text, list(report))


def check_alert(expr: str, **more: str) -> Checked:
    """The findings of one raw alert; further keys of the alert as YAML text."""
    fields = {"severity": "warning", "for": "5m", "notify": "[mail]", **more}
    keys = "".join(f", {k.rstrip('_')}: {v}" for k, v in fields.items())
    return check_text(f"alerts:\n  Raw: {{expr: '{expr}'{keys}}}\n")


def check_panel(query: str, **more: str) -> Checked:
    """The findings of one panel."""
    keys = "".join(f", {k}: {v}" for k, v in more.items())
    return check_text(
        f"dashboards:\n  main:\n    title: Main\n    panels:\n      - {{title: One, query: '{query}'{keys}}}\n"
    )


needs_promtool = pytest.mark.skipif(which("promtool") is None, reason="promtool is not on PATH")


def fires(
    expr: str, series: dict[str, str], at: str = "30m", for_: str = "0s", labels: dict[str, str] | None = None
) -> bool:
    """Whether an alert on ``expr`` fires on these input series, asked of the real ``promtool test rules``.

    Both outcomes are proven: promtool fails on an expected alert that does not fire and on a fired one not expected.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        rule = {"alert": "Raw", "expr": expr, "for": for_, "labels": labels or {}}
        (root / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [rule]}]}))
        silent = _test(root, series, "count(ALERTS{alertname='Raw',alertstate='firing'})", [], at)
        loud = _test(
            root,
            series,
            "count(ALERTS{alertname='Raw',alertstate='firing'}) > bool 0",
            [{"labels": "{}", "value": 1}],
            at,
        )
    assert silent != loud, "promtool could not evaluate the rule"
    return loud


def _test(root: Path, series: dict[str, str], expr: str, samples: list[dict[str, object]], at: str) -> bool:
    case = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "15s",
                "input_series": [{"series": k, "values": v} for k, v in series.items()],
                "promql_expr_test": [{"expr": expr, "eval_time": at, "exp_samples": samples}],
            }
        ],
    }
    (root / "test.yml").write_text(yaml.safe_dump(case))
    return subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=root, capture_output=True).returncode == 0
