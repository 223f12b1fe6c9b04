"""Find levels of the leaves at which an expression has no result, and levels at which it has one."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence

from monitoring_kit.frozen import dataclass
from monitoring_kit.promql import ast
from monitoring_kit.promql.walk import walk
from monitoring_kit.verify.rule_tests.engine import Engine
from monitoring_kit.verify.rule_tests.evaluate import Evaluator, Recording, UnsupportedError
from monitoring_kit.verify.rule_tests.joins import EvaluationError
from monitoring_kit.verify.rule_tests.leaves import Leaf, Level
from monitoring_kit.verify.rule_tests.shapes import build

Point = Mapping[str, Level]
_TRIES = 400


@dataclass(frozen=True, slots=True)
class Knob:
    """A leaf whose level alone decides whether an expression has a result, the others being at ``silent``.

    ``edge`` is the last silent level before ``beyond``, a firing one; ``exact`` when the two are neighbours of a round number, so
    that a boundary is tested by ``edge`` itself.
    """

    leaf: str
    silent: Point
    firing: Point
    below: Point
    exact: bool


class Steady:
    """Whether an expression has a result once all leaves have stood at their levels for long enough."""

    def __init__(
        self, expr: ast.Expr, leaves: Sequence[Leaf], recordings: Mapping[str, Sequence[Recording]], step: int, reach: int,
        *, engine: Engine,
    ) -> None:  # fmt: skip
        self.expr, self.leaves, self.recordings = expr, leaves, recordings
        self.step, self.engine = step, engine
        self.points = reach // step + 3
        self.tries = 0

    def evaluator(self, point: Point) -> Evaluator:
        levels = {leaf.key: [point[leaf.key]] * self.points for leaf in self.leaves}
        return Evaluator(build(self.leaves, levels, self.step, engine=self.engine), self.recordings)

    def fires(self, point: Point) -> bool:
        self.tries += 1
        try:
            return bool(self.evaluator(point).vector(self.expr, (self.points - 1) * self.step))
        except (EvaluationError, OverflowError):
            return False


def find(steady: Steady) -> list[Knob]:
    """The knobs of an expression; [] when no levels were found that make the difference."""
    grids = {leaf.key: grid(leaf, steady.expr, steady.recordings) for leaf in steady.leaves}
    silent, firing = _two_sides(steady, grids)
    if silent is None or firing is None:
        return []
    knobs: list[Knob] = []
    for key in grids:
        knob = _knob(steady, key, silent, firing, grids)
        if knob is not None:
            knobs.append(knob)
    return knobs or _path(steady, silent, firing)


def grid(leaf: Leaf, expr: ast.Expr, recordings: Mapping[str, Sequence[Recording]]) -> list[Level]:
    """Levels worth trying: around the numbers of the rules, powers of ten, and no series at all."""
    if leaf.kind == "up":
        return [1.0, 0.0, None]
    if leaf.kind == "histogram":
        bounds = leaf.buckets
        middles = [(a + b) / 2 for a, b in zip((0.0, *bounds), bounds, strict=False)]
        return [leaf.healthy, *middles, *bounds, None]
    if leaf.kind == "shares":
        return [0.0, 0.001, 0.01, 0.03, 0.1, 0.3, 0.6, 1.0, None]
    numbers = {
        abs(n) for tree in (expr, *(r.expr for rules in recordings.values() for r in rules)) for n in _numbers(tree)
    }
    found = [leaf.healthy, 0.0, *(n * f for n in sorted(numbers) for f in (1.0, 2.0, 0.5))]
    if leaf.kind == "counter":
        found += [0.01, 0.1, 1.0, 3.0, 10.0, 30.0, 60.0, 100.0, 1e3, 1e4, 1e6, 1e9]
    else:
        found += [0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e5, 1e7, 1e9, 1e11, 1e13, 1e15, -1.0, -100.0]
    return [*dict.fromkeys(found), None]


def _numbers(expr: ast.Expr) -> Iterator[float]:
    return (node.value for node in walk(expr) if isinstance(node, ast.Number) and math.isfinite(node.value))


def _two_sides(steady: Steady, grids: Mapping[str, list[Level]]) -> tuple[Point | None, Point | None]:
    start: dict[str, Level] = {leaf.key: leaf.healthy for leaf in steady.leaves}
    first = steady.fires(start)
    other = _other_side(steady, start, grids, first)
    return (other, start) if first else (start, other)


def _other_side(steady: Steady, start: Point, grids: Mapping[str, list[Level]], first: bool) -> Point | None:
    for key, values in grids.items():
        for value in values:
            if value is not None and steady.fires({**start, key: value}) != first:
                return {**start, key: value}
    # A fixed seed: the same spec gives the same tests.
    rng = random.Random(7)  # noqa: S311
    keys = list(grids)
    for _ in range(_TRIES if len(keys) > 1 else 0):
        point = {
            k: rng.choice([v for v in grids[k] if v is not None]) if rng.random() < 0.7 else start[k] for k in keys
        }
        if steady.fires(point) != first:
            return point
    for key in keys:
        if steady.fires({**start, key: None}) != first:
            return {**start, key: None}
    point = dict.fromkeys(keys)
    return point if steady.fires(point) != first else None


def _knob(steady: Steady, key: str, silent: Point, firing: Point, grids: Mapping[str, list[Level]]) -> Knob | None:
    """A knob that silences ``firing`` by the level of ``key`` alone."""
    now = firing[key]
    choices: list[Level] = [
        silent[key],
        *sorted((v for v in grids[key] if v is not None), key=lambda v: abs(v - (now or 0.0))),
    ]
    quiet = next((v for v in choices if v is not None and v != now and not steady.fires({**firing, key: v})), None)
    if quiet is None:
        if now is None or steady.fires({**firing, key: None}):
            return None
        return None
    base = {**firing, key: quiet}
    if now is None or next(leaf for leaf in steady.leaves if leaf.key == key).kind == "up":
        return Knob(key, base, firing, base, False)
    low, high = _bisect(steady, key, firing, quiet, now)
    edge, beyond, exact = _rounded(steady, key, firing, low, high)
    return Knob(key, base, {**firing, key: beyond}, {**firing, key: edge}, exact)


def _path(steady: Steady, silent: Point, firing: Point) -> list[Knob]:
    """From one side to the other, one leaf after the other: the one at which the result appears is the knob."""
    point = dict(silent)
    for key, value in firing.items():
        before = dict(point)
        point[key] = value
        if steady.fires(point):
            return [Knob(key, before, dict(point), before, False)]
    return []


def _bisect(steady: Steady, key: str, point: Point, low: float, high: float) -> tuple[float, float]:
    for _ in range(60):
        middle = (low + high) / 2
        if middle in (low, high) or abs(high - low) <= 2e-4 * max(abs(low), abs(high)):
            break
        if steady.fires({**point, key: middle}):
            high = middle
        else:
            low = middle
    return low, high


def _rounded(steady: Steady, key: str, point: Point, low: float, high: float) -> tuple[float, float, bool]:
    """The edge as a round number, with half a percent between it and the firing level; exact when the round number is silent
    and its neighbours on the other side are not."""
    round_number = simplest(*sorted((low, high)))
    outward = 1.0 if high > low else -1.0
    margin = max(abs(round_number), 1e-3) * 0.005 * outward
    nudge = max(abs(round_number), 1e-3) * 1e-6 * outward
    silent_there = not steady.fires({**point, key: round_number})
    beyond = _first_firing(steady, key, point, round_number, margin, high)
    if silent_there and steady.fires({**point, key: round_number + nudge}):
        return round_number, beyond, True
    if not silent_there and not steady.fires({**point, key: round_number - nudge}):
        # The comparison holds at the number itself: fire exactly there.
        return round_number - margin, round_number, True
    return (round_number - margin if not steady.fires({**point, key: round_number - margin}) else low), beyond, False


def _first_firing(steady: Steady, key: str, point: Point, start: float, margin: float, fallback: float) -> float:
    for factor in (1, 2, 5, 10, 40):
        if steady.fires({**point, key: start + margin * factor}):
            return start + margin * factor
    return fallback


def simplest(low: float, high: float) -> float:
    """The decimal number with the fewest digits in [low, high]."""
    if low <= 0 <= high:
        return 0.0
    size = math.floor(math.log10(max(abs(low), abs(high))))
    for digits in range(15):
        unit = 10.0 ** (size - digits)
        candidate = round(round(high / unit) * unit, max(0, digits - size))
        for value in (candidate, round((math.floor(high / unit)) * unit, max(0, digits - size))):
            if low <= value <= high:
                return value
    return high


__all__ = ["Knob", "Steady", "UnsupportedError", "find", "grid", "simplest"]
