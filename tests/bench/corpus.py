"""The corpus of expressions behind `bench_promql`: ``python -m tests.bench.corpus`` writes tests/data/promql_corpus.txt.gz anew.

Three parts: the expressions of the committed examples (rules and panels), those of the shipped packs, and for the metrics of the
shipped exporter catalogs the shapes that public rule collections and mixins consist of.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from monitoring_kit.live.usage import find_uses
from monitoring_kit.promql import PromQLError, parse
from monitoring_kit.promql.catalog import Metric, load_catalog, shipped_catalogs

ROOT = Path(__file__).parents[2]
FILE = ROOT / "tests/data/promql_corpus.txt.gz"

COUNTER = (
    "rate({m}[5m])",
    'sum by (job, instance) (rate({m}{{job="{j}"}}[5m])) > 10',
    'sum without (instance) (rate({m}{{job=~"{j}|other", {l}!=""}}[5m]))',
    'increase({m}{{job="{j}"}}[1h]) > 5 and on (instance) up{{job="{j}"}} == 1',
    'sum by (job) (rate({m}{{job="{j}", {l}=~"a.*|b"}}[5m])) / sum by (job) (rate({m}{{job="{j}"}}[5m])) > 0.05',
    '100 * sum by (job, {l}) (rate({m}{{job="{j}"}}[$__rate_interval])) / ignoring ({l}) group_left sum by (job) (rate({m}{{job="{j}"}}[$__rate_interval]))',
    'topk(10, sum by ({l}) (rate({m}{{job="{j}", instance=~"$instance"}}[$__rate_interval])))',
    'sum(rate({m}{{job="{j}"}}[5m])) < 0.5 * sum(rate({m}{{job="{j}"}}[5m] offset 1w)) unless on () hour() < 6',
    'absent(rate({m}{{job="{j}", {l}="x"}}[5m])) == 1',
    "(sum by (job) (rate({m}[1h])) > (14.4 * 0.001) and sum by (job) (rate({m}[5m])) > (14.4 * 0.001)) or sum by (job) (rate({m}[6h])) > 6 * 0.001",
    'label_replace(sum by (instance) (irate({m}{{job="{j}"}}[2m])), "host", "$1", "instance", "(.*):.*") * on (host) group_left (env) host_info',
)
GAUGE = (
    '{m}{{job="{j}"}} > 100',
    'max by (job, instance) ({m}{{job="{j}", {l}!~"tmpfs|overlay"}})',
    'avg_over_time({m}{{job="{j}"}}[15m]) > on (instance) group_left 0.9 * max by (instance) ({m})',
    'predict_linear({m}{{job="{j}"}}[6h], 4 * 3600) < 0',
    'abs(delta({m}{{job="{j}"}}[10m])) > 50 or {m} == 0',
    'count by (job) ({m}{{job="{j}"}} > 5) / count by (job) ({m}{{job="{j}"}}) > 0.3',
    "({m} - avg_over_time({m}[1d])) / (stddev_over_time({m}[1d]) > 0) > 3",
    'quantile by (job) (0.99, {m}{{job="{j}", instance=~"$instance"}})',
    'clamp_max(sum by ({l}) ({m}), 100) * on (instance) group_left (version) build_info{{job="{j}"}}',
    'max_over_time(sum by (job) ({m}{{job="{j}"}})[30m:1m]) - min_over_time(sum by (job) ({m}{{job="{j}"}})[30m:1m])',
    'changes({m}{{job="{j}"}}[15m]) >= 3 and time() - process_start_time_seconds > 600',
)
HISTOGRAM = (
    'histogram_quantile(0.99, sum by (le, job) (rate({m}_bucket{{job="{j}"}}[5m]))) > 1',
    'histogram_quantile(0.95, sum by (le, {l}) (rate({m}_bucket{{instance=~"$instance"}}[$__rate_interval])))',
    'sum by (job) (rate({m}_sum{{job="{j}"}}[5m])) / sum by (job) (rate({m}_count{{job="{j}"}}[5m]))',
    '1 - sum by (job) (rate({m}_bucket{{job="{j}", le="0.5"}}[5m])) / sum by (job) (rate({m}_count{{job="{j}"}}[5m])) > 0.01',
    'sum by (le) (increase({m}_bucket{{job="{j}"}}[$__interval]))',
)
SUMMARY = ("rate({m}_sum[5m]) / rate({m}_count[5m])", 'max by (job) ({m}{{quantile="0.99", job="{j}"}}) > 0.5')
SHAPES = {"counter": COUNTER, "gauge": GAUGE, "histogram": HISTOGRAM, "summary": SUMMARY, "unknown": GAUGE[:3]}


def build() -> list[str]:
    """Every expression once, ordered; each one is valid."""
    found = {re.sub(r"\s+", " ", text).strip() for text in (*_examples(), *_packs(), *_catalogs())}
    return sorted(text for text in found if _valid(text))


def corpus() -> list[str]:
    """The committed corpus."""
    return gzip.decompress(FILE.read_bytes()).decode().splitlines()


def _valid(text: str) -> bool:
    try:
        parse(text, variables=True)
    except PromQLError:
        return False
    return True


def _examples() -> Iterator[str]:
    for folder in sorted((ROOT / "examples").glob("*/generated")):
        for name in ("prometheus/rules", "grafana/dashboards"):
            if (folder / name).is_dir():
                yield from (use.expr for use in find_uses(folder / name))


def _packs() -> Iterator[str]:
    for file in sorted((ROOT / "rules").glob("*.yaml")):
        for text in re.findall(r"^\s+(?:expr|numerator|denominator|total|good): (.+)$", file.read_text(), re.M):
            yield text.strip("'\"").replace("$window", "5m")


def _catalogs() -> Iterator[str]:
    for number, name in enumerate(shipped_catalogs()):
        catalog = load_catalog(name)
        for index, metric in enumerate(catalog.metrics.values()):
            shapes = SHAPES.get(metric.type, ())
            # A rotating third of the shapes for each metric: variety without repeating every shape a thousand times.
            for at in range(0, len(shapes), 3):
                yield _filled(shapes[(at + index + number) % len(shapes)], metric, name)


def _filled(shape: str, metric: Metric, job: str) -> str:
    label = next((label for label in metric.labels if label not in ("le", "quantile")), "instance")
    return shape.format(m=metric.name, j=job, l=label)


def main() -> None:
    lines = build()
    FILE.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), 9, mtime=0))
    print(
        f"{FILE.relative_to(ROOT)}: {len(lines)} expressions, {sum(map(len, lines)) / len(lines):.0f} characters each"
    )


if __name__ == "__main__":
    main()
