"""The history of objectives: tiles computed from raw samples and written as blocks by promtool.

A tile of today is the average of rates that were recorded along the way. For the past there is no such recording, so the
rules here compute it in one go, as a subquery over the raw counters, and promtool evaluates them over the history
(``promtool tsdb create-blocks-from rules``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from monitoring_kit import conventions as c
from monitoring_kit.emit.yaml_text import yaml_text
from monitoring_kit.live.block_size import block_argument, own_block
from monitoring_kit.lower.model import RecordingRule, RuleGroup
from monitoring_kit.lower.rule_files import group_tree
from monitoring_kit.lower.slo import tiles
from monitoring_kit.lower.slo.groups import HOUR_INTERVAL, TILE_INTERVAL
from monitoring_kit.lower.slo.level0 import bad_expr, total_expr
from monitoring_kit.lower.slo.plan import SloPlan
from monitoring_kit.lower.tree import Branch
from monitoring_kit.promql import Expr, parse, rewrite
from monitoring_kit.promql import build as q
from monitoring_kit.promql.ast import Matching, Paren, VectorSelector
from monitoring_kit.promql.template import Template
from monitoring_kit.verify.programs import Children, Result, run

# Steps within a tile: the fast group's own for small tiles; a minute still overlaps five-minute rates five times.
_STEPS = {"5m": "30s", "1h": "1m"}


# Rule files that promtool works on at the same time: it takes one rule after the other.
PARTS = 4

# promtool ends without a word when the first of its blocks is shorter than a group's interval (2.42: `importRule` breaks
# out of its loop), so the start is moved to where a block begins.
_BLOCK_SECONDS = 7200


# A quarter of large counters takes hours; this only ends a hang.
TIMEOUT_SECONDS = 6 * 3600.0


class BackfillError(Exception):
    """The history could not be written; the text says why."""


def backfill_rules(plans: Iterable[SloPlan]) -> list[str]:
    """Rule files whose rules record the tiles of every objective from raw samples alone; none when no objective has tiles.

    They are independent of each other.
    """
    small: list[RecordingRule] = []
    hourly: list[RecordingRule] = []
    done: set[tuple[str, str]] = set()
    for plan in plans:
        if not plan.shape.sli.tileable:
            continue
        events = {c.SERVICE: plan.service, c.SLO_EVENTS: plan.events}
        sides = [("bad", bad_expr(plan.shape), {**events, c.SLO: plan.name, c.SLO_DEFINITION: plan.definition})]
        if (plan.service, plan.events) not in done:
            done.add((plan.service, plan.events))
            sides.insert(0, ("total", total_expr(plan.shape), events))
        for kind, expr, labels in sides:
            raw = _inlined(plan, expr)
            small.append(RecordingRule(c.slo_tile(kind, "5m"), _tile(raw, "5m"), labels, plan.origin))
            hourly += _hourly(kind, raw, labels, plan)
    return [_file(small[n::PARTS], hourly[n::PARTS]) for n in range(min(PARTS, len(small)))]


def _file(small: Sequence[RecordingRule], hourly: Sequence[RecordingRule]) -> str:
    groups = [
        RuleGroup("slo-tiles-5m", c.SLO_RULES, tuple(small), TILE_INTERVAL),
        RuleGroup("slo-tiles-1h", c.SLO_RULES, tuple(hourly), HOUR_INTERVAL),
    ]
    return yaml_text(Branch(groups=[group_tree(group) for group in groups if group.rules]))[0]


def _hourly(kind: str, raw: Expr, labels: dict[str, str], plan: SloPlan) -> list[RecordingRule]:
    tile = _tile(raw, "1h")
    found = [RecordingRule(c.slo_tile(kind, "1h"), tile, labels, plan.origin)]
    if plan.shape.period.calendar:
        unit = plan.shape.period.unit
        number = q.aggregate("count_values", tiles.period_number(unit, 1800), param=c.SLO_CALENDAR)
        marked = q.mul(tile, number, Matching(True, (), "left", (c.SLO_CALENDAR,)))
        found.append(RecordingRule(c.slo_tile(kind, f"1h_{unit}"), marked, labels, plan.origin))
    return found


def _tile(raw: Expr, size: str) -> Expr:
    return q.over_time("avg", q.over(Paren(raw), size, _STEPS[size]))


def _inlined(plan: SloPlan, expr: Expr) -> Expr:
    """``expr`` with the plan's names filled in and the recorded total replaced by what it records."""
    total = Paren(total_expr(plan.shape))

    def change(node: Expr) -> Expr:
        return total if isinstance(node, VectorSelector) and node.name == c.SLO_TOTAL else node

    filled = Template(rewrite(expr, change)).fill(job=plan.view.job)
    return parse(filled)


def write_blocks(
    promtool: Path, rules: Sequence[str], url: str, start: float, end: float, out: Path, retention: float
) -> list[Path]:
    """Evaluate the files of ``rules`` at ``url`` from ``start`` to ``end`` (Unix times) and write blocks below ``out``, none
    longer than a server that keeps ``retention`` seconds has them.

    The blocks are complete when this returns; each is a folder of its own. Raises BackfillError, in which case what was
    written so far is left for inspection.
    """
    out = out.resolve()  # promtool runs in that folder
    out.mkdir(parents=True, exist_ok=True)
    before = set(out.iterdir())
    start -= start % _BLOCK_SECONDS
    block = block_argument(TILE_INTERVAL.seconds, own_block(retention))

    children = Children()

    def one(item: tuple[int, str]) -> Result:
        path = out / f"slo-backfill-{item[0]}.rules.yml"
        path.write_text(item[1], encoding="utf-8")
        arguments = [
            "tsdb", "create-blocks-from", "rules", block, f"--start={int(start)}", f"--end={int(end)}", f"--url={url}", f"--output-dir={out}", str(path),
        ]  # fmt: skip
        try:
            return run(promtool, arguments, out, TIMEOUT_SECONDS, Path(heads), children)
        finally:
            path.unlink()

    with TemporaryDirectory(prefix="mkit-backfill-") as heads, ThreadPoolExecutor(PARTS) as pool:
        try:
            results = list(pool.map(one, enumerate(rules)))
        except BaseException:
            # Leaving the pool waits for its threads, which wait for these: a large history takes minutes.
            pool.shutdown(wait=False, cancel_futures=True)
            children.stop()
            raise
    blocks = sorted(p for p in out.iterdir() if p not in before and (p / "meta.json").is_file())
    # promtool 2.42 prints errors of single rules and still exits with 0.
    wrong = [result.text for result in results if result.failed or "error" in result.err.lower()]
    if wrong:
        raise BackfillError(f"promtool could not evaluate the history: {wrong[0][-2000:]}")
    if not blocks:
        raise BackfillError("there is no history to compute from: no block was written")
    return blocks
