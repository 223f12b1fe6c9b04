"""From a model to test files: each alert over the recorded series it reads and, where that is not too long, from the raw ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from monitoring_kit.lower.model import AlertingRule, Model
from monitoring_kit.lower.rule_files import rule_tree
from monitoring_kit.resolve.system import System
from monitoring_kit.verify.rule_tests.bundles import Scope, scope_of
from monitoring_kit.verify.rule_tests.cases import Case, Setting, Suite, make
from monitoring_kit.verify.rule_tests.engine import OLDEST, Engine
from monitoring_kit.verify.rule_tests.evaluate import Recording, UnsupportedError
from monitoring_kit.verify.rule_tests.joins import EvaluationError
from monitoring_kit.verify.rule_tests.leaves import Leaf, Wiring
from monitoring_kit.verify.rule_tests.machine import Subject
from monitoring_kit.verify.rule_tests.recordings import record_file
from monitoring_kit.verify.rule_tests.testfile import TestFile, file_tree

# Beyond this many steps of history an alert is tested on the recorded series, and each recording rule on its own.
DEEP_STEPS = 200


@dataclass(slots=True)
class RuleTests:
    """The generated tests of one rule. ``kinds`` are the kinds of its cases; ``problem`` says why it has no firing case."""

    name: str
    service: str | None
    alert: AlertingRule | None
    key: str
    files: list[TestFile] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)
    problem: str = ""

    @property
    def covered(self) -> bool:
        """Whether a test sees the alert fire (a recording rule: sees its value)."""
        return bool(self.kinds.get("fires") or self.kinds.get("records"))


class Planner:
    """Makes the tests of a model's rules, one rule at a time; pure and repeatable."""

    def __init__(self, system: System, model: Model, *, engine: Engine = OLDEST) -> None:
        self.system, self.model, self.engine = system, model, engine
        self.wiring = Wiring(system, model)
        self.alerts = list(model.alerts)
        self.intervals = {id(r): g.interval.ms for g in model.groups if g.interval for r in g.rules}

    def alert(self, number: int) -> RuleTests:
        """The tests of the alert with this number in the order of the files."""
        rule = self.alerts[number]
        result = RuleTests(rule.name, rule.service, rule, f"alert-{number:05d}")
        subject = Subject(rule.name, rule.expr, rule.for_.ms, rule.keep_firing_for.ms, rule.labels, rule.annotations)
        problems: list[str] = []
        recordings: dict[str, list[Recording]] = {}
        try:
            recordings = self.wiring.closure(rule.expr)
        except UnsupportedError as error:
            problems.append(f"the tests do not know {error}")
        if recordings:
            self._suite(result, rule, subject, {}, problems, "")
        self._suite(result, rule, subject, recordings, problems, "-raw" if recordings else "")
        if not result.covered:
            result.problem = problems[0] if problems else "no input was found at which it fires"
        return result

    def _suite(
        self, result: RuleTests, rule: AlertingRule, subject: Subject, recordings: Mapping[str, list[Recording]],
        problems: list[str], suffix: str,
    ) -> None:  # fmt: skip
        try:
            suite = self._made(rule, subject, recordings, brief=result.covered)
        except (UnsupportedError, EvaluationError) as error:
            problems.append(f"the tests do not know {error}")
            return
        if suite is None:
            return
        if suite.problem:
            problems.append(suite.problem)
        if not suite.cases:
            return
        chain = [rule_tree(self.wiring.rules[id(r)]) for rules in recordings.values() for r in rules]
        rules = (*chain, rule_tree(rule))
        name = f"{result.key}{suffix}"
        tree = file_tree(f"{name}.rules.yml", rule.name, suite.step, suite.cases)
        scope = self._scope(rule, recordings, suite.cases)
        result.files.append(TestFile(name, rule.name, rules, tree, len(suite.cases), len(rules) - 1, scope))
        _count(result.kinds, suite.cases)

    def _scope(
        self, rule: AlertingRule, recordings: Mapping[str, list[Recording]], cases: Sequence[Case]
    ) -> Scope | None:
        view = self.system.services.get(rule.service or "")
        if view is None:
            return None
        chain = [r for rules in recordings.values() for r in rules]
        series = [one.labels for case in cases for one in case.series]
        exprs = [rule.expr, *(r.expr for r in chain)]
        return scope_of(exprs, series, [r.labels for r in chain], (view.name, view.job))

    def _made(
        self, rule: AlertingRule, subject: Subject, recordings: Mapping[str, list[Recording]], *, brief: bool
    ) -> Suite | None:
        trees = [rule.expr, *(r.expr for rules in recordings.values() for r in rules)]
        leaves: list[Leaf] = self.wiring.leaves(trees, rule.service)
        if not recordings:
            leaves = [*self.wiring.stubs(rule.expr, rule.service), *leaves]
        setting = Setting(subject, leaves, recordings, engine=self.engine)
        if recordings and setting.reach // setting.step > DEEP_STEPS:
            return None
        return make(setting, knobs=1 if recordings else 4, brief=brief)

    def recordings(self) -> Iterator[Callable[[], RuleTests]]:
        """The tests of the recording rules, each made when called."""
        for number, rule in enumerate(self.model.recordings):
            interval = self.intervals.get(id(rule), self.system.spec.prometheus.evaluation_interval.ms)
            yield lambda n=number, r=rule, i=interval: record_file(self.wiring, r, n, i, engine=self.engine)  # type: ignore[misc]


def _count(kinds: dict[str, int], cases: Iterable[Case]) -> None:
    for case in cases:
        kinds[case.kind] = kinds.get(case.kind, 0) + 1
