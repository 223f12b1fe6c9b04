"""Test cases of an alerting rule: it fires at its minute, is silent below its threshold and short of ``for``, recovers, and
behaves without data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from monitoring_kit.frozen import dataclass
from monitoring_kit.promql import ast
from monitoring_kit.promql.walk import walk
from monitoring_kit.verify.rule_tests.engine import Engine
from monitoring_kit.verify.rule_tests.evaluate import Evaluator, Recording, UnsupportedError, milliseconds, reach
from monitoring_kit.verify.rule_tests.joins import EvaluationError
from monitoring_kit.verify.rule_tests.leaves import Leaf, Level
from monitoring_kit.verify.rule_tests.machine import Firing, Machine, Subject
from monitoring_kit.verify.rule_tests.shapes import build
from monitoring_kit.verify.rule_tests.solve import Knob, Steady, find
from monitoring_kit.verify.rule_tests.store import InputSeries, Store

MINUTE = 60_000
MAX_STEPS = 3_500
LONG_STEPS = 400


@dataclass(frozen=True, slots=True)
class Expected:
    """At ``step`` exactly these alerts fire."""

    step: int
    firing: Sequence[Firing]


@dataclass(frozen=True, slots=True)
class Case:
    """One test: its input series and what must fire when. ``kind`` is fires, below, short or no-data."""

    name: str
    kind: str
    series: Sequence[InputSeries]
    expected: Sequence[Expected]


@dataclass(slots=True)
class Suite:
    """The cases of one rule over one set of inputs; ``step`` in milliseconds. ``problem`` says why there is no firing case."""

    step: int
    recordings: Mapping[str, Sequence[Recording]]
    cases: list[Case] = field(default_factory=list)
    problem: str = ""

    @property
    def fires(self) -> bool:
        return any(case.kind == "fires" for case in self.cases)


class Setting:
    """A rule with its leaves and recording rules, ready to be played through."""

    def __init__(
        self, subject: Subject, leaves: list[Leaf], recordings: Mapping[str, Sequence[Recording]], *, engine: Engine
    ) -> None:
        self.subject, self.leaves, self.recordings, self.engine = subject, leaves, recordings, engine
        trees = [subject.expr, *(r.expr for rules in recordings.values() for r in rules)]
        self.reach = sum(max((reach(t) for t in trees[i : i + 1]), default=0) for i in (0,))
        self.reach += max((reach(t) for t in trees[1:]), default=0) * min(1, len(trees) - 1)
        self.step = _step(subject, trees, self.reach)

    def play(
        self, levels: Mapping[str, Sequence[Level]], resets: Sequence[int] = ()
    ) -> tuple[Store, Iterator[list[Firing]]]:
        """The series, and what fires at each step."""
        store = build(self.leaves, levels, self.step, engine=self.engine, resets=resets)
        machine = Machine(self.subject, Evaluator(store, self.recordings))
        length = max((len(v) for v in levels.values()), default=0)
        return store, (machine.step(i * self.step) for i in range(length))


def _step(subject: Subject, trees: Sequence[ast.Expr], furthest: int) -> int:
    """The test's interval: at most a minute where that does, four samples in each range, two evaluations in ``for``."""
    windows = [
        milliseconds(n.range) for t in trees for n in walk(t) if isinstance(n, ast.MatrixSelector | ast.Subquery)
    ]
    limit = min([4 * MINUTE, *(w // 4 for w in windows)])
    wanted = MINUTE if furthest <= 1500 * MINUTE else limit
    step = min(wanted, limit)
    for duration in (subject.for_, subject.keep):
        if duration:
            step = min(step, max(5_000, duration // 2))
    step -= step % 5_000
    if step <= 0 or furthest // step > MAX_STEPS:
        raise UnsupportedError("ranges that no test of reasonable length covers")
    return step


def make(setting: Setting, *, knobs: int = 4, brief: bool = False) -> Suite:
    """The suite of a rule; ``brief`` is the firing case alone, for a rule whose other cases another suite has."""
    suite = Suite(setting.step, setting.recordings)
    steady = Steady(
        setting.subject.expr,
        setting.leaves,
        setting.recordings,
        setting.step,
        setting.reach,
        engine=setting.engine,
    )
    if not setting.leaves:
        return _constant(setting, suite)
    found = find(steady)
    if not found:
        suite.problem = f"no input was found at which it fires ({steady.tries} tried)"
    # A history of a week takes seconds to play: once is enough.
    for number, knob in enumerate(found[: 1 if setting.reach // setting.step > LONG_STEPS else knobs]):
        _add(setting, knob, suite, first=number == 0, brief=brief)
    if not brief:
        _without_data(setting, suite)
    if not suite.fires and not suite.problem:
        suite.problem = "it did not fire within the time of a test"
    return suite


def _constant(setting: Setting, suite: Suite) -> Suite:
    """A rule that reads no series, as a watchdog: it fires as soon as it may."""
    steps = setting.subject.for_ // setting.step + 3
    machine = Machine(setting.subject, Evaluator(Store(setting.step, [], setting.engine), setting.recordings))
    firing = [machine.step(i * setting.step) for i in range(steps)]
    start = next((i for i, now in enumerate(firing) if now), None)
    if start is None:
        suite.problem = "it reads no series and never fires"
        return suite
    checks = [Expected(i, firing[i]) for i in sorted({max(0, start - 1), start, steps - 1})]
    suite.cases.append(Case("fires always", "fires", (), checks))
    return suite


def _add(setting: Setting, knob: Knob, suite: Suite, *, first: bool, brief: bool) -> None:
    warm = setting.reach // setting.step + 4
    hold = setting.subject.for_ // setting.step
    longest = setting.reach // setting.step + hold + 8
    start = _fire(setting, knob, suite, warm, longest)
    if start is None or brief:
        return
    length = start - warm + 3
    if knob.below != knob.silent:
        _silent(
            setting, knob.silent, knob.below, (warm, length, 3), f"silent at the edge: {_moved(knob)}", "below", suite
        )
    if hold and first:
        for bad in dict.fromkeys((start - warm, start - warm - 1, (start - warm) // 2, 1)):
            if bad > 0 and _silent(
                setting,
                knob.silent,
                knob.firing,
                (warm, bad, hold + 4),
                f"silent short of for: {_moved(knob)}",
                "short",
                suite,
            ):
                break


def _moved(knob: Knob) -> str:
    return f"{knob.leaf} from {_shown(knob.silent[knob.leaf])} to {_shown(knob.firing[knob.leaf])}"


def _shown(level: Level) -> str:
    return "no series" if level is None else f"{level:.6g}"


def _levels(
    setting: Setting, silent: Mapping[str, Level], other: Mapping[str, Level], phases: tuple[int, int, int]
) -> dict[str, list[Level]]:
    before, during, after = phases
    return {
        leaf.key: [silent[leaf.key]] * before + [other[leaf.key]] * during + [silent[leaf.key]] * after
        for leaf in setting.leaves
    }


def _fire(setting: Setting, knob: Knob, suite: Suite, warm: int, longest: int) -> int | None:
    """Add the firing case; the step at which the alert starts to fire."""
    _, firing = setting.play(_levels(setting, knob.silent, knob.firing, (warm, longest, 0)), [warm // 2])
    start = next((i for i, now in enumerate(firing) if i >= warm and now), None)
    if start is None:
        return None
    tail = setting.reach // setting.step + setting.subject.keep // setting.step + 8
    levels = _levels(setting, knob.silent, knob.firing, (warm, start - warm + 3, tail))
    # A restart in good health and one while it is bad: counters start again, rates must not notice.
    resets = [warm // 2, start + 1]
    begin, found = None, list[list[Firing]]()
    for now in setting.play(levels, resets)[1]:
        found.append(now)
        if begin is None and len(found) > warm and now:
            begin = len(found) - 1
        elif begin is not None and not now:
            break
    if begin is None:
        return None
    end = None if found[-1] else len(found) - 1
    store, _ = setting.play({key: values[: len(found) + 2] for key, values in levels.items()}, resets)
    marks = {warm - 1, begin - 1, begin, begin + 1, *((end - 1, end) if end is not None else (len(found) - 1,))}
    checks = [Expected(i, found[i]) for i in sorted(m for m in marks if 0 <= m < len(found))]
    suite.cases.append(Case(f"fires and recovers: {_moved(knob)}", "fires", store.series, checks))
    return begin


def _silent(
    setting: Setting, silent: Mapping[str, Level], other: Mapping[str, Level], phases: tuple[int, int, int], name: str, kind: str,
    suite: Suite,
) -> bool:  # fmt: skip
    store, played = setting.play(_levels(setting, silent, other, phases))
    found = list(played)
    if any(found[phases[0] - 1 :]):
        return False
    marks = sorted({phases[0], sum(phases[:2]) - 1, sum(phases[:2]), sum(phases) - 1})
    suite.cases.append(Case(name, kind, store.series, [Expected(i, []) for i in marks if i < len(found)]))
    return True


def _without_data(setting: Setting, suite: Suite) -> None:
    """No series at all: an alert on absence fires once its ``for`` is over, any other is silent."""
    steps = setting.subject.for_ // setting.step + 4
    machine = Machine(setting.subject, Evaluator(Store(setting.step, [], setting.engine), setting.recordings))
    try:
        found = [machine.step(i * setting.step) for i in range(steps)]
    except EvaluationError:
        return
    start = next((i for i, now in enumerate(found) if now), None)
    marks = sorted({0, steps - 1} if start is None else {max(0, start - 1), start, steps - 1})
    kind = "no-data" if start is None else "fires"
    suite.cases.append(Case("without data", kind, (), [Expected(i, found[i]) for i in marks]))
