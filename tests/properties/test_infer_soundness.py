"""What inference claims of an expression holds on the real Prometheus.

Random expressions over declared series; every claim (a label that is impossible or guaranteed, a bound, a branch that is
never there) becomes a query which must return nothing, and `promtool test rules` evaluates them all on data that keeps to
the declarations. Expressions that fail at run time (many-to-many matching) prove nothing and are left out.
"""

from __future__ import annotations

import math
import re
import subprocess
import tempfile
from pathlib import Path
from random import Random

import pytest
import yaml

from monitoring_kit.checks.world import spec_world
from monitoring_kit.pipeline import compile_spec
from monitoring_kit.promql import PromQLError, parse, value_type
from monitoring_kit.promql.infer import infer
from monitoring_kit.promql.world import World
from tests.unit.checks.world_text import SPEC, needs_promtool
from tests.unit.promql.inferred import world
from tests.unit.promql.test_infer_labels import EXPECTED as LABELS_TABLE
from tests.unit.promql.test_infer_matching import EXPECTED as MATCHING_TABLE
from tests.unit.promql.test_infer_values import EXPECTED as VALUES_TABLE

pytestmark = needs_promtool

LABELS = ("job", "instance", "service", "status", "method", "queue", "version", "le", "team", "nothing")
MATCHERS = {
    "http_requests_total": ["", '{status="500"}', '{status=~"5.."}', '{method!=""}', '{status!="200"}', '{nothing=""}'],
    "errors_total": ["", '{instance="a:80"}'],
    "queue_depth": ["", '{queue="mail"}', '{queue=~"mail|print"}', '{job="shop"}'],
    "hit_ratio": [""],
    "build_info": [""],
    "up": ["", '{job="shop"}', '{job=~"shop|till"}', '{service!="till"}'],
    "http_request_duration_seconds_bucket": ["", '{le="5"}'],
    "http_request_duration_seconds_count": [""],
    "user_count": [""],
}
COUNTERS = [n for n in MATCHERS if n.endswith(("_total", "_bucket", "_count")) and n != "user_count"]


def data() -> dict[str, str]:
    """Series that keep to the declarations of the spec."""
    found = {}
    for instance, speed in (("a:80", 1), ("b:80", 3)):
        own = f"job='shop',service='shop',instance='{instance}'"
        for method in ("GET", "PUT"):
            for status, rate in (("200", 20), ("404", 0), ("500", 2)):
                found[f"http_requests_total{{{own},method='{method}',status='{status}'}}"] = f"0+{rate * speed}x240"
            found[f"errors_total{{{own},method='{method}'}}"] = f"5+{speed}x100 0+{speed}x140"
            for le, n in (("0.1", 1), ("0.5", 3), ("1", 4), ("5", 6), ("+Inf", 7)):
                found[f"http_request_duration_seconds_bucket{{{own},method='{method}',le='{le}'}}"] = (
                    f"0+{n * speed}x240"
                )
            found[f"http_request_duration_seconds_count{{{own},method='{method}'}}"] = f"0+{7 * speed}x240"
        for queue in ("mail", "print"):
            found[f"queue_depth{{{own},queue='{queue}'}}"] = f"-3+{speed}x40 9-1x200"
        found[f"hit_ratio{{{own}}}"] = f"0.{speed}x240"
        found[f"build_info{{{own},version='1.{speed}'}}"] = "1x240"
        found[f"up{{{own}}}"] = "1x100 0x4 1x136" if speed == 1 else "1x240"
    found["up{job='till',service='till',instance='d:80'}"] = "0x240"
    found["user_count{job='till',service='till',instance='d:80'}"] = "7x240"
    return found


class Maker:
    """Random expressions over the declared series."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def pick(self, *options: str) -> str:
        return self.random.choice(options)

    def selector(self, names: list[str] | None = None) -> str:
        name = self.random.choice(names or list(MATCHERS))
        return name + self.random.choice(MATCHERS[name])

    def labels(self) -> str:
        return ", ".join(self.random.sample(LABELS, self.random.randint(0, 3)))

    def vector(self, depth: int) -> str:
        if depth <= 0:
            return self.pick(
                self.selector(),
                f"rate({self.selector(COUNTERS)}[5m])",
                self.selector(),
                f"vector({self.pick('0', '1', '7')})",
            )
        kind = self.random.randrange(11)
        inner = self.vector(depth - 1)
        if kind < 3:
            op = self.pick("sum", "avg", "min", "max", "count", "group", "stddev")
            return f"{op} {self.pick('by', 'without')} ({self.labels()}) ({inner})"
        if kind == 3:
            return f"{self.pick('topk', 'bottomk')}(2, {inner})"
        if kind == 4:
            over = self.pick(
                "avg_over_time",
                "max_over_time",
                "count_over_time",
                "increase",
                "changes",
                "sum_over_time",
                "last_over_time",
                "deriv",
            )
            return f"{over}({self.selector()}[5m])"
        if kind == 5:
            return f"({inner}) {self.pick('>', '<', '>=', '<=', '==', '!=')} {self.pick('', '', 'bool ')}{self.pick('0', '1', '2.5', '-1', '100')}"
        if kind == 6:
            return f"({inner}) {self.pick('+', '-', '*', '/', '%', '^')} {self.pick('2', '-3', '0', '0.5')}"
        if kind == 7:
            function = self.pick(
                "abs({})",
                "ceil({})",
                "floor({})",
                "round({})",
                "clamp_min({}, 1)",
                "clamp_max({}, 2)",
                "-({})",
                "sqrt({})",
                "sgn({})",
            )
            return function.format(inner)
        if kind == 8:
            return self.pick(
                f'label_replace({inner}, "team", "x", "", "")', f'label_join({inner}, "team", "-", "job", "method")', f"absent({inner})",
                "histogram_quantile(0.9, sum by (le, job) (rate(http_request_duration_seconds_bucket[5m])))", f"vector(scalar({inner}))",
                f"absent({self.selector()})", 'label_replace(up, "job", "", "", "")',
            )  # fmt: skip
        matching = self.pick("", "", f"on ({self.labels()})", f"ignoring ({self.labels()})")
        op = self.pick("and", "or", "unless", "+", "-", "*", "/", ">", "<", "==")
        if matching and op not in ("and", "or", "unless") and self.random.random() < 0.4:
            matching += f" {self.pick('group_left', 'group_right')} ({self.pick('', 'version', 'team')})"
        return f"({inner}) {op} {matching} ({self.vector(depth - 1)})"


def claims(text: str, world: World) -> list[str]:
    """Queries that must return nothing if what is inferred of ``text`` is true."""
    expr = parse(text)
    sources = [s for s in infer(expr, world)[expr] if s.dead is None]
    if not sources:
        return [f"({text})"]
    found = []
    for label in LABELS:
        if all(s.fact(label) is None for s in sources):
            found.append(f"(count by ({label}) ({text})) unless on ({label}) vector(1)")
        elif all((fact := s.fact(label)) is not None and fact.sure for s in sources):
            found.append(f"(count by ({label}) ({text})) and on ({label}) vector(1)")
    low, high = min(s.low for s in sources), max(s.high for s in sources)
    # Sums of floating-point numbers: a bound holds up to rounding.
    if not math.isinf(low):
        found.append(f"({text}) < {low - 1e-6 * max(1, abs(low)):.12g}")
    if not math.isinf(high):
        found.append(f"({text}) > {high + 1e-6 * max(1, abs(high)):.12g}")
    if all(s.steps is not None for s in sources):
        steps = sorted({step for s in sources for step in s.steps or ()})
        found.append("(" + text + ") " + " ".join(f"!= {step:g}" for step in steps))
    return found


def violated(queries: list[str]) -> list[str]:
    """Those queries that return something on the data (not those that fail)."""
    tests = [{"expr": q, "eval_time": at, "exp_samples": []} for q in queries for at in ("26m", "40m")]
    case = {
        "tests": [
            {
                "interval": "15s",
                "input_series": [{"series": k, "values": v} for k, v in data().items()],
                "promql_expr_test": tests,
            }
        ]
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.yml"
        path.write_text(yaml.safe_dump(case, width=1_000_000))
        done = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True)
    output = done.stdout + done.stderr
    return [m[1] for m in re.finditer(r"expr: \"(.*)\", time: \S+,\n\s+exp:", output)]


@pytest.mark.parametrize("seed", range(4))
def test_no_claim_is_violated(seed: int, tmp_path: Path) -> None:
    (tmp_path / "mkit.yaml").write_text(SPEC)
    result = compile_spec(tmp_path / "mkit.yaml", None, {})
    assert result.system is not None
    assert result.model is not None
    world = spec_world(result.system, result.model)
    maker = Maker(seed)
    queries: list[str] = []
    while len(queries) < 2500:
        text = maker.vector(maker.random.randint(1, 3))
        try:
            if value_type(parse(text)) == "vector":
                queries += claims(text, world)
        except PromQLError:
            continue
    # The false claim at the end shows that promtool came that far.
    assert violated([*queries, "up > 0"]) == ["up > 0", "up > 0"]


TABLES = [text for table in (LABELS_TABLE, MATCHING_TABLE, VALUES_TABLE) for text, _ in table if "$" not in text]


def test_the_tables_of_the_unit_tests_are_true(tmp_path: Path) -> None:
    queries: list[str] = []
    for text in TABLES:
        if value_type(parse(text)) == "vector":
            queries += claims(text, world())
    assert len(queries) > 2 * len(TABLES)
    # The false claim at the end shows that promtool came that far.
    assert violated([*queries, "up > 0"]) == ["up > 0", "up > 0"]


def test_a_false_claim_would_be_seen() -> None:
    false = ["up > 0", "(count by (job) (up)) unless on (job) vector(1)"]
    assert violated([false[0], "up > 5", false[1], "up / on (job) group_left queue_depth"]) == [
        q for q in false for _ in range(2)
    ]
