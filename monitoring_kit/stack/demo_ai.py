"""`make demo-ai`: a real model, its exporter and a real Prometheus, from one spec; ends with a table of proofs.

The example's folder holds ``mkit.yaml`` with one ``ai-model`` service and an ``exporters.ai`` block, and ``service.py``
that takes the exporter's socket as its argument.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

import click
import requests
import yaml

from monitoring_kit.conventions import GRAFANA_DASHBOARDS, PROMETHEUS_YML
from monitoring_kit.diagnostics import Report
from monitoring_kit.pipeline import Compilation, compile_spec
from monitoring_kit.stack.demo import Failed, Table
from monitoring_kit.stack.ending import run_tidily
from monitoring_kit.stack.lab import Lab, LabError, free_port, read, wait_until
from monitoring_kit.stack.rewrite import local_prometheus
from monitoring_kit.stack.tools import ensure_tools

EXPORTER_YAML = "exporters/ai.yaml"
# How long the model works before the figures are compared.
WORK_SECONDS = 25.0
QUALITY_SECONDS = 60.0
# What must be seen when the generated dashboard has it.
WANTED_PANELS = ("Throughput", "Inference time", "Accuracy")


class Demo:
    """The demo of one example folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.table = Table()
        self.result = Compilation(Report())
        self.service = ""
        self.outputs: dict[str, bytes] = {}
        self.exporter = self.prometheus = ""

    def run(self) -> None:
        """All steps; raises Failed or LabError when one is not seen."""
        self.table.step("set up", self._tools)
        self.table.step("generate", self._generate)
        with Lab() as lab:
            self.table.step("start the exporter", lambda: self._start_exporter(lab))
            self.table.step("start the model", lambda: self._start_model(lab))
            self.table.step("start Prometheus", lambda: self._start_prometheus(lab))
            self.table.step("scrape", lambda: self._scraped(lab))
            self.table.step("work", self._work)
            self.table.step("inference time", self._latency)
            self.table.step("quality", lambda: self._quality(lab))
            self.table.step("nothing lost", self._lossless)
            self.table.step("rules and alerts", self._rules)
            self.table.step("dashboard", self._dashboard)

    def _tools(self) -> str:
        try:
            import cv2
        except ImportError:
            raise Failed("OpenCV is missing: pip install 'monitoring-kit[demo-ai]'") from None
        return f"OpenCV {cv2.__version__}, Prometheus {ensure_tools()['prometheus'].version}"

    def _generate(self) -> str:
        result = compile_spec(self.folder / "mkit.yaml")
        if not result.ok or result.system is None:
            raise Failed("\n".join(f"{d.span}: {d.message}" for d in result.report))
        self.result = result
        services = [view.name for view in result.system.services.values() if view.pack.kind == "ai-model"]
        if EXPORTER_YAML not in result.outputs or not services:
            raise Failed("the spec has no ai-model service with an exporter")
        self.service = services[0]
        return f"{len(result.outputs)} files, the exporter's configuration among them"

    def _start_exporter(self, lab: Lab) -> str:
        """The generated configuration, with its files and sockets in the lab's folder."""
        config = yaml.safe_load(self.result.outputs[EXPORTER_YAML].data)
        self.socket = lab.folder / "run" / "ai.sock"
        config["ingest"]["unix"] = str(self.socket)
        config.setdefault("quality", {})["state_file"] = str(lab.folder / "state/ai.db")
        config.get("drift", {}).pop("baseline", None)
        path = lab.write(EXPORTER_YAML, yaml.safe_dump(config, sort_keys=False))
        self.exporter = f"http://127.0.0.1:{free_port()}"
        listen = f"--web.listen-address={self.exporter.removeprefix('http://')}"
        command = [sys.executable, "-m", "monitoring_kit", "exporter", "ai", "--config", str(path), listen]
        lab.start("exporter", command, f"{self.exporter}/-/ready")
        return self.exporter

    def _start_model(self, lab: Lab) -> str:
        """The service on the exporter's socket, as its process would run anywhere."""
        command = [sys.executable, str(self.folder / "service.py"), str(self.socket)]
        lab.start("model", command, lambda: "mkit_model_processes" in self._exposed(), {"PYTHONUNBUFFERED": "1"})
        wait_until(lambda: self._sample("ai_predictions_total") > 0, 30, lambda: "\n".join(lab.dead()))
        return "it sends what it counts"

    def _exposed(self) -> str:
        return read(f"{self.exporter}/metrics")

    def _sample(self, name: str) -> float:
        """The sum of a metric's samples as the exporter shows them."""
        lines = [line for line in self._exposed().splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def _start_prometheus(self, lab: Lab) -> str:
        address = f"127.0.0.1:{free_port()}"
        self.prometheus = f"http://{address}"
        outputs = self.result.outputs
        targets = {self.service: self.exporter.removeprefix("http://")}
        text, _ = local_prometheus(outputs, targets, "127.0.0.1:9", address)
        for path, output in outputs.items():
            if path.startswith("prometheus/rules/"):
                lab.write(path, output.data.decode())
        lab.write(PROMETHEUS_YML, text)
        program = ensure_tools()["prometheus"].path
        command = [
            str(program), f"--config.file={lab.folder / PROMETHEUS_YML}", f"--web.listen-address={address}",
            f"--storage.tsdb.path={lab.folder / 'prometheus/data'}",
        ]  # fmt: skip
        lab.start("prometheus", command, f"{self.prometheus}/-/ready")
        return f"the generated scrape job and rules at {self.prometheus}"

    def query(self, expr: str) -> float | None:
        """The value of an instant query that has one, None when it has no result."""
        answer = requests.get(f"{self.prometheus}/api/v1/query", {"query": expr}, timeout=10)
        answer.raise_for_status()
        result = answer.json()["data"]["result"]
        return float(result[0]["value"][1]) if result else None

    def _wait(self, expr: str, seconds: float) -> float:
        wait_until(lambda: self.query(expr) is not None, seconds)
        found = self.query(expr)
        assert found is not None
        return found

    def _scraped(self, lab: Lab) -> str:
        self._wait(f'up{{job="{self.service}"}} == 1', 30)
        return f"up is 1 for the job {self.service}"

    def _work(self) -> str:
        time.sleep(WORK_SECONDS)
        frames = self._wait("sum(ai_predictions_total)", 10)
        people = self._wait("sum(mkit_model_objects_counted_total)", 10)
        return f"{people:.0f} people on {frames:.0f} frames"

    def _latency(self) -> str:
        p95 = self._wait(
            "histogram_quantile(0.95, sum by (le) (rate(ai_inference_duration_seconds_bucket[1m]))) > 0", 20
        )
        mean = self._wait(
            "sum(rate(ai_inference_duration_seconds_sum[1m])) / sum(rate(ai_inference_duration_seconds_count[1m]))", 10
        )
        if not mean / 4 < p95 < mean * 8:
            raise Failed(f"p95 {p95:.3f} s does not fit the mean {mean:.3f} s")
        return f"p95 {1000 * p95:.0f} ms, mean {1000 * mean:.0f} ms"

    def _quality(self, lab: Lab) -> str:
        """The accuracy that Prometheus has is 1 - WAPE of the counters that the exporter has."""
        accuracy = self._wait("ai_model_accuracy", QUALITY_SECONDS)
        samples = self._wait('sum(mkit_model_eval_samples{camera=""})', 10)
        coverage = self._wait('mkit_model_eval_coverage_ratio{camera=""}', 10)
        # Of one scrape, so that all three belong together.
        expr = (
            "abs(1 - (sum(mkit_model_overcount_objects_total) + sum(mkit_model_undercount_objects_total))"
            " / sum(mkit_model_truth_objects_total) - scalar(ai_model_accuracy)) < 0.001"
        )
        self._wait(expr, 10)
        return f"accuracy {accuracy:.1%} of {samples:.0f} frames whose truth is known ({coverage:.0%})"

    def _lossless(self) -> str:
        for metric in ("mkit_ai_ingest_lost_total", "mkit_ai_ingest_dropped_total"):
            if (found := self._wait(f"sum({metric})", 10)) != 0:
                raise Failed(f"{metric} is {found:.0f}")
        # Every frame is one prediction, one observation and one fact: three ways that must agree within a scrape.
        expr = "sum(ai_predictions_total) - sum(ai_inference_duration_seconds_count)"
        wait_until(lambda: abs(self.query(expr) or 0) <= 1, 10)
        return "0 events lost or dropped; counter and histogram agree"

    def _rules(self) -> str:
        answer = requests.get(f"{self.prometheus}/api/v1/rules", timeout=10).json()["data"]["groups"]
        rules = [rule for group in answer for rule in group["rules"]]
        bad = [rule["name"] for rule in rules if rule["health"] == "err"]
        firing = [rule["name"] for rule in rules if rule.get("state") == "firing" and rule["name"].startswith("Model")]
        if bad or firing:
            raise Failed(f"rules fail: {bad}; alerts fire: {firing}")
        self._wait(f'count({{__name__=~"service:.+", service="{self.service}"}})', 20)
        return f"{len(rules)} rules healthy, nothing fires about the model's data"

    def _dashboard(self) -> str:
        """Panels of the model's generated dashboard whose query has data in this Prometheus."""
        path = f"{GRAFANA_DASHBOARDS}/service-{self.service}.json"
        panels = json.loads(self.result.outputs[path].data)["panels"]
        queries = {p["title"]: [t["expr"] for t in p.get("targets", []) if "expr" in t] for p in panels}
        queries = {title: exprs for title, exprs in queries.items() if exprs}
        alive = [
            title for title, exprs in queries.items() if any(self.query(_plain(expr)) is not None for expr in exprs)
        ]
        missing = [title for title in WANTED_PANELS if title in queries and title not in alive]
        if missing or not alive:
            raise Failed(f"no data in the panels {missing or list(queries)}")
        return f"{len(alive)} of {len(queries)} panels have data: {', '.join(alive[:4])} ..."


def _plain(expr: str) -> str:
    """A panel's query without Grafana's variables."""
    expr = re.sub(r"\$\{?__(rate_interval|interval|range)\}?", "1m", expr)
    return re.sub(r"\$\{?\w+(:\w+)?\}?", ".*", expr)


def main() -> int:
    """Run the demo of the folder given; 0 when everything was seen."""
    demo = Demo(Path(sys.argv[1]).resolve())
    try:
        demo.run()
    except (Failed, LabError) as error:
        click.echo(demo.table.text() if demo.table.rows else "", err=True)
        click.echo(f"demo-ai failed: {error}", err=True)
        return 1
    click.echo(demo.table.text())
    return 0


if __name__ == "__main__":
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    run_tidily(main)
