"""Runs the rules of a spec in promtool, over series that a test writes."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from monitoring_kit.pipeline import Compilation, compile_spec
from monitoring_kit.stack.tools import find_tools
from tests.conftest import HEAD

CHANNELS = "channels:\n  mail: {kind: webhook, url: 'http://hook:1/'}\n  chat: {kind: webhook, url: 'http://chat:1/'}\n"
ROUTE = "metrics:\n  http_requests_total: {type: counter, help: x, labels: {status: {pattern: '[1-5][0-9]{2}'}, route: {max: 9}}, services: [web]}\n"
REQUESTS = 'http_requests_total{job="web",service="web",instance="a",status="%s"}'
OK, BAD = REQUESTS % "200", REQUESTS % "500"


def spec(slos: str, more: str = "", retention: str = "100d") -> str:
    """A spec with one service ``web`` that has ``slos`` (a flow mapping)."""
    return (
        f"{HEAD}{CHANNELS}prometheus: {{retention: {{time: {retention}}}}}\n{more}"
        f"services:\n  web: {{kind: http, scrape: {{targets: ['web:80']}}, slos: {slos}}}\n"
    )


def compiled(text: str, folder: Path) -> Compilation:
    path = folder / "mkit.yaml"
    path.write_text(text)
    return compile_spec(path, None, {})


def rules_of(text: str, folder: Path) -> list[Path]:
    """Compile and write the rule files; the spec must be sound."""
    made = compiled(text, folder)
    assert made.ok, [d.message for d in made.report]
    found = []
    for name, output in made.outputs.items():
        if name.startswith("prometheus/rules/"):
            found.append(folder / name.rpartition("/")[2])
            found[-1].write_bytes(output.data)
    return found


class Run:
    """One promtool test: series by selector, 30 s apart, and what must hold when."""

    def __init__(self, rules: list[Path], folder: Path, step: str = "30s", program: Path | None = None) -> None:
        self.rules, self.folder, self.step = rules, folder, step
        self.program = program or find_tools()["promtool"].path
        self.series: dict[str, str] = {}
        self.checks: list[dict[str, Any]] = []

    def put(self, selector: str, values: str) -> Run:
        self.series[selector] = values
        return self

    def expect(self, at: str, expr: str, samples: dict[str, float]) -> Run:
        """``expr`` has exactly these series (by labels) at that time."""
        found = [{"labels": labels, "value": value} for labels, value in samples.items()]
        self.checks.append({"expr": expr, "eval_time": at, "exp_samples": found})
        return self

    def firing(self, at: str, *alerts: str, by: str = "") -> Run:
        """Exactly these alerts of SLOs fire; with ``by`` an alert is written ``Name{label="value"}``."""
        labels = "alertname" + (f", {by}" if by else "")
        expr = f'max by ({labels}) (ALERTS{{alertstate="firing", alertname=~"Slo.*|My.*"}})'
        wanted = {}
        for alert in alerts:
            name, _, rest = alert.partition("{")
            wanted[f'{{alertname="{name}"' + (f", {rest}" if rest else "}")] = 1.0
        return self.expect(at, expr, wanted)

    def passes(self) -> bool:
        """Whether all of it holds; promtool's own words on standard output when not."""
        test = {
            "rule_files": [str(path) for path in self.rules],
            "evaluation_interval": self.step,
            "tests": [
                {
                    "interval": self.step,
                    "input_series": [{"series": k, "values": v} for k, v in self.series.items()],
                    "promql_expr_test": self.checks,
                }
            ],
        }
        path = self.folder / "test.yml"
        path.write_text(yaml.safe_dump(test))
        assert self.program is not None
        done = subprocess.run(
            [str(self.program), "test", "rules", str(path)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print((done.stdout + done.stderr)[-3000:])
        return done.returncode == 0
