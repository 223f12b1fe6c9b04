"""Objectives: samples and milliseconds per evaluation and per day, against sloth's and pyrra's layouts on one history.

Every layout's queries run on the same raw series at the same instants. Samples are what Prometheus itself counts
(``stats=all``, ``totalQueryableSamples``). Recorded series that long windows are read from are backfilled by promtool from
the same raw series. Decisions are compared minute by minute: what a profile reads per window against the raw windows.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlencode

from monitoring_kit.conventions import SLO_BAD
from monitoring_kit.live.slo_backfill import backfill_rules, write_blocks
from monitoring_kit.live.slo_tsdb import served
from monitoring_kit.lower.model import Model, RecordingRule
from monitoring_kit.pipeline import compile_spec
from monitoring_kit.promql import print_expr
from monitoring_kit.stack.lab import read
from monitoring_kit.stack.tools import find_tools
from tests.bench.figures import Figure
from tests.slo_layouts import PYRRA_WINDOWS, SLOTH_WINDOWS, counters

DAY = 86_400
BAD = 'sum(rate(http_requests_total{job="web",status=~"5.."}[%s]))'
TOTAL = 'sum(rate(http_requests_total{job="web"}[%s]))'
# pods, codes, requests per second: N + E is pods x codes + pods.
SIZES = {2: (1, 1, 20.0), 32: (8, 3, 40.0), 1000: (250, 3, 400.0)}
SETS = (("40 rps, seed 1", 40.0, 1), ("40 rps, seed 2", 40.0, 2), ("0.5 rps", 0.5, 3))
TIERS = (
    ("page", "1h", "5m", 14.4),
    ("page", "6h", "30m", 6.0),
    ("ticket", "1d", "2h", 3.0),
    ("ticket", "3d", "6h", 1.0),
)


def measure(quick: bool = "--quick" in sys.argv) -> list[Figure]:
    """All figures; ``quick`` takes one size, one history and four days instead of fourteen."""
    found: list[Figure] = [_compile(1000)]
    for size, (pods, codes, rps) in SIZES.items():
        if not quick or size == 32:
            found += _cost(size, pods, codes, rps, 4)
    for name, rps, seed in SETS[:1] if quick else SETS:
        found += _decisions(name, rps, seed, 4 if quick else 14)
    return found


def objectives_spec(count: int) -> str:
    """A spec with ``count`` objectives, ten a service, each on a route of its own; nothing in it is worth a warning."""
    services = [f"s{n}" for n in range(count // 10)]
    lines = [
        "version: mkit/v1",
        "system: bench",
        "channels: {hook: {kind: webhook, url: 'http://hook:1/'}}",
        "prometheus: {retention: {time: 40d}}",
        "metrics:",
        "  http_requests_total: {type: counter, help: Requests., labels: {route: {max: 20}, status: {}},"
        f" services: [{', '.join(services)}]}}",
        "services:",
    ]
    for name in services:
        lines += [f"  {name}:", "    kind: http", f"    scrape: {{targets: ['{name}:8080']}}", "    slos:"]
        for n in range(10):
            events = f'http_requests_total{{job="{name}", route="/r{n}"'
            lines.append(f"      r{n}: {{total: '{events}}}', bad: '{events}, status=~\"5..\"}}', objective: 99.{n}%}}")
    return "\n".join(lines) + "\n"


def _compile(count: int) -> Figure:
    """Processor seconds of the whole command, the fastest of three runs."""
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder, "mkit.yaml")
        spec.write_text(objectives_spec(count))
        command = [sys.executable, "-m", "monitoring_kit", "generate", str(spec), "-o", folder + "/out", "--no-verify"]
        times = []
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            assert done.returncode == 0, done.stdout[-2000:]
            assert done.stderr.count("warning[") == 1, done.stderr[:2000]
    return Figure(f"{count:,} objectives, compiled and written, unverified, processor time", "mkit", min(times), "s", 3)


def _cost(size: int, pods: int, codes: int, rps: float, days: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        data, end = _history(Path(folder), pods, max(codes, 2), rps, days, 30, 7)
        exact, lean = (_model(Path(folder), profile) for profile in ("exact", "lean"))
        _backfill(exact, data, end, days)
        asked: dict[str, list[tuple[str, float]]] = {
            "sloth": [(f"({BAD % w}) / ({TOTAL % w})", 30) for w in SLOTH_WINDOWS],
            "pyrra": [
                *((f"{BAD % w} / {TOTAL % w}", 30) for w in PYRRA_WINDOWS),
                (TOTAL.replace("rate", "increase") % "28d", 150),
            ],
            "exact": _ours(exact),
            "lean": _ours(lean),
        }
        totals: dict[str, tuple[float, float]] = {}
        once: dict[str, tuple[float, float]] = {}

        def ask(url: str, _: Path) -> list[Path]:
            for who, queries in asked.items():
                costs = [(_samples(url, query, end, days), every) for query, every in queries]
                once[who] = (sum(n for (n, _), _ in costs), sum(ms for (_, ms), _ in costs))
                totals[who] = (sum(n * DAY / e for (n, _), e in costs), sum(ms * DAY / e for (_, ms), e in costs))
            return []

        served(find_tools()["prometheus"], data, ask, Path(folder) / "none")
    # sloth's 30 days: the sum and the count of its 5 minute ratio, every 30 s (86,400 samples each).
    once["sloth"] = (once["sloth"][0] + 2 * 86_400, once["sloth"][1])
    totals["sloth"] = (totals["sloth"][0] + 2 * 86_400 * 2880, totals["sloth"][1])
    found = [Figure(f"samples, every rule once, N+E={size}", who, n / 1000, "thousand") for who, (n, _) in once.items()]
    found += [Figure(f"milliseconds, every rule once, N+E={size}", who, ms, "ms") for who, (_, ms) in once.items()]
    found += [Figure(f"samples a day, N+E={size}", who, total / 1e6, "million") for who, (total, _) in totals.items()]
    found += [Figure(f"milliseconds a day, N+E={size}", who, ms / 1000, "s") for who, (_, ms) in totals.items()]
    limit = 1 / 10 if size >= 32 else None
    found.append(
        Figure(f"samples, exact/sloth, N+E={size}", "mkit", totals["exact"][0] / totals["sloth"][0], "of 1", limit)
    )
    return found


def _decisions(name: str, rps: float, seed: int, days: int) -> list[Figure]:
    """Minutes of pages and tickets that differ from those of raw windows, over the last days of the history."""
    result: dict[tuple[str, str], tuple[int, int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data, end = _history(Path(folder), 2, 2, rps, days + 3, 60, seed)
        models = {profile: _model(Path(folder), profile) for profile in ("exact", "lean")}
        _backfill(models["exact"], data, end, days + 3)

        def ask(url: str, _: Path) -> list[Path]:
            start = end - days * DAY
            raw = {w: _range(url, f"({BAD % w}) / ({TOTAL % w})", start, end) for w in SLOTH_WINDOWS}
            for profile, model in models.items():
                own = dict(raw)
                for rule in _ratios(model):
                    window = rule.record.removeprefix("slo:sli_error:ratio_rate")
                    if ":tile" in rule.text:
                        own[window] = _range(url, rule.text, start, end)
                for severity in ("page", "ticket"):
                    theirs, ours = _firing(raw, severity), _firing(own, severity)
                    result[profile, severity] = (len(theirs ^ ours), len(theirs))
            return []

        served(find_tools()["prometheus"], data, ask, Path(folder) / "none")
    found = []
    for (profile, severity), (differ, fired) in result.items():
        limit = 0.0 if (profile, severity) == ("exact", "page") else None
        found.append(
            Figure(f"{severity} minutes that differ of {fired}, {days} d, {name}", profile, differ, "min", limit)
        )
    return found


def _firing(windows: dict[str, dict[int, float]], severity: str) -> set[int]:
    found: set[int] = set()
    for kind, long, short, factor in TIERS:
        if kind == severity:
            limit = factor * 0.001
            found |= {t for t, v in windows[long].items() if v > limit and windows[short].get(t, 0.0) > limit}
    return found


def _model(folder: Path, profile: str) -> Model:
    text = (
        "version: mkit/v1\nsystem: bench\nprometheus: {retention: {time: 100d}}\nchannels: {hook: {kind: webhook, url: 'http://hook:1/'}}\n"
        f"services:\n  web: {{kind: http, scrape: {{targets: ['web:80']}}, slos: {{up: {{signal: errors, objective: 99.9%, profile: {profile}}}}}}}\n"
    )
    path = folder / f"{profile}.yaml"
    path.write_text(text)
    model = compile_spec(path, None, {}).model
    assert model is not None
    return model


def _ratios(model: Model) -> Iterable[RecordingRule]:
    return (rule for rule in model.recordings if rule.record.startswith("slo:sli_error:"))


def _ours(model: Model) -> list[tuple[str, float]]:
    """Every recording of the objective with its group's interval; the sub-queries of backfill are no part of it."""
    found = []
    for group in model.groups:
        if group.name.startswith("slo"):
            every = group.interval.seconds if group.interval else 30
            found += [
                (rule.text or print_expr(rule.expr), every) for rule in group.rules if isinstance(rule, RecordingRule)
            ]
    assert any(SLO_BAD in query for query, _ in found)
    return found


def _history(folder: Path, pods: int, codes: int, rps: float, days: int, step: int, seed: int) -> tuple[Path, int]:
    end = int(time.time()) // 7200 * 7200
    data, path = folder / "data", folder / "history.txt"
    with path.open("w") as file:
        for labels, values in counters(pods, codes, rps, days * 1440, step, seed, end - days * DAY):
            text = ",".join(f'{k}="{v}"' for k, v in labels.items())
            file.writelines(f"http_requests_total{{{text}}} {value} {moment}\n" for moment, value in values)
        file.write("# EOF\n")
    promtool = find_tools()["promtool"].path
    assert promtool is not None
    command = [
        str(promtool),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--max-block-duration=720h",
        "-q",
        str(path),
        str(data),
    ]
    subprocess.run(command, check=True, capture_output=True)
    path.unlink()
    return data, end


def _backfill(model: Model, data: Path, end: int, days: int) -> None:
    promtool = find_tools()["promtool"].path
    assert promtool is not None
    rules = backfill_rules(model.slos)
    served(
        find_tools()["prometheus"],
        data,
        lambda url, to: write_blocks(promtool, rules, url, end - days * DAY, end, to, 100.0 * DAY),
        data,
    )


def _samples(url: str, query: str, at: int, days: int) -> tuple[float, float]:
    """Samples that a query reads, and the milliseconds that the server itself was busy with it: the fastest of seven runs, since
    a busy machine only adds. A window longer than the history is counted as if it were full; its milliseconds are those of
    the history."""
    times, count = [], 0
    for _ in range(7):
        answer = json.loads(read(f"{url}/api/v1/query?{urlencode({'query': query, 'time': at, 'stats': 'all'})}", 120))
        stats = answer["data"]["stats"]
        times.append(stats["timings"]["execTotalTime"] * 1000)
        count = stats["samples"]["totalQueryableSamples"]
    longest = next((n for n in (30, 28) if f"[{n}d]" in query), days)
    return count * longest / days, min(times)


def _range(url: str, query: str, start: int, end: int) -> dict[int, float]:
    """Value by minute; in parts, since a server answers at most 11,000 points."""
    found: dict[int, float] = {}
    for begin in range(start, end, 7 * DAY):
        params = urlencode({"query": query, "start": begin, "end": min(begin + 7 * DAY, end) - 60, "step": 60})
        for series in json.loads(read(f"{url}/api/v1/query_range?{params}", 300))["data"]["result"]:
            found.update((int(t), float(v)) for t, v in series["values"] if v != "NaN")
    return found


if __name__ == "__main__":
    from tests.bench.figures import table

    print(table(measure()))
