"""A real Prometheus with synthetic series of everything that a system's rules and dashboards read."""

from __future__ import annotations

import json
import math
import re
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from monitoring_kit.emit import emit
from monitoring_kit.lower.rule_files import lower_rule_files
from monitoring_kit.promql import Expr, metric_name, parse, selectors
from monitoring_kit.promql.ast import Duration as PromDuration
from monitoring_kit.promql.ast import Matcher, MatrixSelector, VectorSelector
from monitoring_kit.promql.walk import walk
from monitoring_kit.resolve.registry import LabelInfo, MetricInfo
from monitoring_kit.stack.lab import free_port, read, wait_until
from tests.unit.lower.dashboard_help import Built, data_panels
from tests.unit.lower.spec_text import tool

STEP = 15
SPAN = 25 * 60
DAY = 86_400
# The furthest that a rule looks back: three seasons of a week and what they are averaged over.
HISTORY = 30 * DAY
# Values that the matchers of packs ask for; whatever none of them accepts is made of letters.
_CANDIDATES = ("200", "404", "500", "ok", "failed", "eth0", "ext4", "/", "idle", "user", "a")
# What other gauges are a share of: twice as large, so that everything is half full.
_BOUND = re.compile(r"(?i)total|size|max|limit|quota")


@dataclass
class Lab:
    """A running server; ``end`` is the time of its last synthetic sample, ``learnt`` holds the recorded series
    that have weeks of history."""

    url: str
    end: int
    learnt: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def ask(self, path: str, **arguments: Any) -> Any:
        """The data of an API answer; fails when Prometheus refuses the query."""
        answer = json.loads(read(f"{self.url}/api/v1/{path}?{urlencode(arguments, doseq=True)}"))
        assert answer["status"] == "success", answer
        return answer["data"]

    def range(self, expr: str, step: int) -> list[dict[str, Any]]:
        now = time.time()
        found: list[dict[str, Any]] = self.ask("query_range", query=expr, start=now - 120, end=now, step=step)["result"]
        return found

    def instant(self, expr: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("query", query=expr)["result"]
        return found


def read_by(built: Built) -> list[Expr]:
    """Every expression of the rules and the panels."""
    rules = [rule.expr for group in built.model.groups for rule in group.rules]
    shown = [
        parse(t["expr"], variables=True) for b in built.boards.values() for p in data_panels(b) for t in p["targets"]
    ]
    return rules + shown


def matchers_by_metric(expressions: Iterable[Expr]) -> dict[str, list[Matcher]]:
    found: dict[str, list[Matcher]] = {}
    for expr in expressions:
        for selector in selectors(expr):
            name = metric_name(selector)
            if name:
                found.setdefault(name, []).extend(m for m in selector.matchers if "$" not in m.value)
    return found


def label_values(label: str, info: LabelInfo, matchers: list[Matcher]) -> list[str]:
    """Two or more values that a label may have, among them one that each matcher accepts."""
    if info.values:
        return list(info.values)
    wanted = [m for m in matchers if m.name == label]
    found = [m.value for m in wanted if m.op == "="]
    found += [c for c in _CANDIDATES if any(m.op == "=~" and re.fullmatch(m.value, c) for m in wanted)][:2]
    if info.pattern:
        found += [c for c in _CANDIDATES if re.fullmatch(info.pattern, c)]
    found += ["other"] if not info.pattern else []
    return list(dict.fromkeys(found))[:4]


def samples(info: MetricInfo, labels: dict[str, str], seed: int, start: int, end: int) -> Iterator[str]:
    """The OpenMetrics lines of one child: counters grow, gauges stay, histograms fill their buckets evenly."""
    base = "{" + ",".join(f"{k}={json.dumps(v)}" for k, v in labels.items())
    for at in range(start, end + 1, STEP):
        grown = (at - start) / STEP * (seed + 1)
        if info.type == "histogram":
            bounds = [f"{b:g}" for b in info.buckets or (0.1, 1.0)] + ["+Inf"]
            for number, bound in enumerate(bounds):
                yield f'{info.name}_bucket{base},le="{bound}"}} {grown * (number + 1)} {at}'
            yield f"{info.name}_count{base}}} {grown * len(bounds)} {at}"
            yield f"{info.name}_sum{base}}} {grown * len(bounds) * 0.2} {at}"
        elif info.type in ("counter", "unknown"):
            yield f"{info.name}{base}}} {grown} {at}"
        else:
            value = 0.0 if info.name == "up" and seed % 2 else (0.5 + seed % 2) * (2 if _BOUND.search(info.name) else 1)
            yield f"{info.name}{base}}} {value} {at}"


def exposition(built: Built, start: int, end: int) -> Iterator[str]:
    """The OpenMetrics lines of everything that rules and dashboards read, of two instances of every service."""
    wanted = matchers_by_metric(read_by(built))
    families: dict[str, list[str]] = {}
    kinds: dict[str, MetricInfo] = {}
    for service, known in built.system.registry.by_service.items():
        for info in known.values():
            names = set(info.series_names()) & set(wanted)
            if not names:
                continue
            matchers = [m for name in names for m in wanted[name]]
            values = [label_values(label, about, matchers) for label, about in info.labels.items()]
            kinds[info.name] = info
            for instance in range(2):
                target = {"job": service, "service": service, "instance": f"{service}-{instance}:80"}
                for child in product(*values):
                    labels = {**target, **dict(zip(info.labels, child, strict=True))}
                    families.setdefault(info.name, []).extend(samples(info, labels, instance, start, end))
    for name, series in families.items():
        # As unknown, since OpenMetrics insists on counters called _total and the exporters of the catalogs do not.
        yield f"# TYPE {name} {'histogram' if kinds[name].type == 'histogram' else 'unknown'}"
        yield from series


def start(built: Built, folder: Path) -> tuple[subprocess.Popen[bytes], Lab]:
    """Load the series, start Prometheus on the generated rules, and wait until these have been evaluated.

    Where rules read days of what they record themselves, the server is started twice: first to learn under which labels the
    rules record, then with weeks of such history behind it.
    """
    far = read_over_days(built)
    learnt: dict[str, list[dict[str, Any]]] = {}
    if far:
        child, lab = _serve(built, folder / "first", {})
        try:
            learnt = {name: _recorded_of(built, name, lab.instant(stem(name))) for name in sorted(far)}
        finally:
            child.terminate()
            child.wait(20)
    return _serve(built, folder / "lab", learnt)


def read_over_days(built: Built) -> set[str]:
    """The recorded series that some rule reads over a day or more, by range or offset."""
    recorded = {rule.record for rule in built.model.recordings}
    found = set()
    for group in built.model.groups:
        for rule in group.rules:
            for node in walk(rule.expr):
                if isinstance(node, MatrixSelector):
                    name, ms = metric_name(node.vector), _ms(node.range) + _ms(node.vector.offset)
                elif isinstance(node, VectorSelector):
                    name, ms = metric_name(node), _ms(node.offset)
                else:
                    continue
                if name in recorded and ms >= DAY * 1000:
                    found.add(name)
    return found


def _recorded_of(built: Built, name: str, series: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The series of the stem of ``name`` whose services have a rule that records ``name``; a rule of none records for all."""
    services = {rule.service for rule in built.model.recordings if rule.record == name}
    return [s for s in series if None in services or s["metric"].get("service") in services]


def _ms(duration: Any) -> float:
    return abs(duration.ms) if isinstance(duration, PromDuration) else 0.0


def stem(name: str) -> str:
    """The series that ``name`` is learnt from, which exists within minutes and has its labels."""
    return re.sub(r":(avg_\w+|residual\w*)$", "", name)


def weeks(learnt: dict[str, list[dict[str, Any]]], end: int) -> Iterator[str]:
    """The OpenMetrics lines of weeks of recorded series: a daily season around a value that grows by 1 % a day up to the one
    that was measured, so that what continues live goes on where history ends."""
    for name, found in learnt.items():
        yield f"# TYPE {name} unknown"
        step = 3600 if name.endswith("1h") else 300
        for number, series in enumerate(found):
            labels = ",".join(f"{k}={json.dumps(v)}" for k, v in series["metric"].items() if k != "__name__")
            now = float(series["value"][1])
            if name.endswith(":since"):
                # Since when it is there: one version came after the other.
                first = end - (number + 1) * 7200
                yield from (f"{name}{{{labels}}} {first} {at}" for at in range(first, end, step))
                continue
            for at in range(end - HISTORY, end, step):
                age = (end - at) / DAY
                wave = math.sin(2 * math.pi * age)
                if ":residual" in name:
                    value = 0.02 * now * wave
                else:
                    value = now * (1 - 0.01 * age) * (1 if name.endswith(("1w", "1d")) else 1 + 0.2 * wave)
                yield f"{name}{{{labels}}} {value!r} {at}"


def _serve(built: Built, folder: Path, learnt: dict[str, list[dict[str, Any]]]) -> tuple[subprocess.Popen[bytes], Lab]:
    folder.mkdir()
    end = int(time.time()) // STEP * STEP
    text = folder / "series.om"
    text.write_text("\n".join([*exposition(built, end - SPAN, end), *weeks(learnt, end), "# EOF", ""]))
    promtool = [
        str(tool("promtool").path),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        # Wide blocks: promtool reads the whole file once for each of them.
        "--max-block-duration=800h",
        str(text),
        str(folder / "data"),
    ]
    done = subprocess.run(promtool, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    # Every second, whatever a group's own interval is: it changes when a rule has its turn, not what it says.
    hurried = replace(built.model, groups=tuple(replace(group, interval=None) for group in built.model.groups))
    for path, output in emit(lower_rule_files(hurried), built.system).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(output.data)
    (folder / "prometheus.yml").write_text(
        "global: {evaluation_interval: 1s}\nrule_files: ['prometheus/rules/*.yml']\n"
    )
    port = free_port()
    log = (folder / "log").open("wb")
    child = subprocess.Popen(
        [
            str(tool("prometheus").path), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=60d",
        ],
        stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    lab = Lab(f"http://127.0.0.1:{port}", end, learnt)
    try:
        wait_until(
            lambda: _evaluated(lab), 60, lambda: "" if child.poll() is None else (folder / "log").read_text()[-2000:]
        )
        _settle(lab)
    except BaseException:
        child.terminate()
        raise
    return child, lab


def _evaluated(lab: Lab) -> bool:
    try:
        groups = lab.ask("rules")["groups"]
    except (OSError, AssertionError):
        return False
    # Some seconds, since an alert and a rule on a rule see what the evaluation before has written.
    return (
        bool(groups)
        and all(g["lastEvaluation"] > "0002" for g in groups)
        and time.time() - lab.end > 3
        and bool(lab.instant("ALERTS"))
        and all(lab.instant(stem(name)) for name in lab.learnt)
    )


def _settle(lab: Lab) -> None:
    """Wait until rules on rules on rules have all been evaluated: no evaluation adds a recorded series any more."""
    counts: list[str] = []
    deadline = time.monotonic() + 60
    while len(counts) < 4 or len(set(counts[-4:])) > 1:
        assert time.monotonic() < deadline, f"recorded series keep coming: {counts}"
        time.sleep(1)
        counts.append(lab.instant('count({__name__=~".+:.+"})')[0]["value"][1])


def interpolated(expr: str, step: int, chosen: dict[str, str]) -> str:
    """``expr`` as Grafana sends it: ``$__rate_interval`` as its Prometheus data source computes it (grafana/grafana
    pkg/promlib/models/query.go: the greater of interval + scrape interval and four scrape intervals)."""
    values = {
        "__rate_interval": f"{max(step + step, 4 * step)}s",
        "__interval": f"{step}s",
        "__range": "3600s",
        **chosen,
    }
    for name, value in values.items():
        expr = expr.replace(f"${{{name}}}", value).replace(f"${name}", value)
    return expr


def finite(series: dict[str, Any]) -> bool:
    last = series["values"][-1] if "values" in series else series["value"]
    return math.isfinite(float(last[1]))
