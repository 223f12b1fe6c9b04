"""What the monitoring costs: series stored, samples scraped and samples read by rules, against the spec's budget."""

from __future__ import annotations

from collections.abc import Mapping

from monitoring_kit.diagnostics import Report
from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.cardinality import Cardinality
from monitoring_kit.lower.model import AlertingRule, Model, RecordingRule
from monitoring_kit.promql import Expr
from monitoring_kit.resolve.system import System

DAY = 86_400.0
# up, scrape_duration_seconds, scrape_samples_scraped, scrape_samples_post_metric_relabeling, scrape_series_added.
REPORTED = 5


@dataclass(frozen=True, slots=True)
class RuleCost:
    """A rule: the series that it stores (0 for an alert: those only while it is pending or fires) and the samples it reads."""

    name: str
    kind: str
    service: str | None
    series: int
    samples_per_evaluation: int
    samples_per_day: int


@dataclass(frozen=True, slots=True)
class GroupCost:
    """A group of rules that are evaluated every ``interval_seconds``."""

    name: str
    file: str
    interval_seconds: float
    rules: tuple[RuleCost, ...]

    @property
    def series(self) -> int:
        return sum(rule.series for rule in self.rules)

    @property
    def samples_per_evaluation(self) -> int:
        return sum(rule.samples_per_evaluation for rule in self.rules)

    @property
    def samples_per_day(self) -> int:
        return sum(rule.samples_per_day for rule in self.rules)


@dataclass(frozen=True, slots=True)
class JobCost:
    """A scrape job; ``assumed`` says that its targets are found by discovery and were counted as one."""

    name: str
    targets: int
    assumed: bool
    interval_seconds: float
    series: int
    samples_per_day: int

    @property
    def samples_per_scrape(self) -> int:
        """Of all targets together."""
        return self.series


@dataclass(frozen=True, slots=True)
class Cost:
    """The whole."""

    groups: tuple[GroupCost, ...]
    jobs: tuple[JobCost, ...]

    @property
    def recorded_series(self) -> int:
        return sum(group.series for group in self.groups)

    @property
    def scraped_series(self) -> int:
        return sum(job.series for job in self.jobs)

    @property
    def series(self) -> int:
        return self.recorded_series + self.scraped_series

    @property
    def read_per_second(self) -> float:
        """Samples that rules read."""
        return sum(group.samples_per_day for group in self.groups) / DAY

    @property
    def scraped_per_second(self) -> float:
        return sum(job.samples_per_day for job in self.jobs) / DAY

    @property
    def samples_per_second(self) -> float:
        return self.read_per_second + self.scraped_per_second


def cost(system: System, model: Model, targets: Mapping[str, int] | None = None) -> Cost:
    """The cost of ``system`` by its label budgets (`lower.cardinality` has the formula): an upper bound."""
    bounds = Cardinality(system, model, targets or {})
    usual = system.spec.prometheus.evaluation_interval.seconds
    groups = []
    for group in model.groups:
        seconds = group.interval.seconds if group.interval else usual
        groups.append(
            GroupCost(group.name, group.file, seconds, tuple(_rule(bounds, rule, seconds) for rule in group.rules))
        )
    return Cost(tuple(groups), tuple(_jobs(system, bounds)))


def _rule(bounds: Cardinality, rule: RecordingRule | AlertingRule, seconds: float) -> RuleCost:
    read = bounds.samples(rule.expr)
    per_day = round(read * DAY / seconds)
    if isinstance(rule, AlertingRule):
        return RuleCost(rule.name, "alert", rule.service, 0, read, per_day)
    return RuleCost(rule.record, "record", rule.service, _stored(bounds, rule.expr), read, per_day)


def _stored(bounds: Cardinality, expr: Expr) -> int:
    return bounds.series(expr)


def _jobs(system: System, bounds: Cardinality) -> list[JobCost]:
    found = []
    for view in system.services.values():
        scrape = view.spec.scrape
        if scrape is None:
            continue
        targets = bounds.targets_of(view)
        series = bounds.scraped(view) + targets * REPORTED
        assumed = not scrape.targets and view.name not in bounds.targets
        per_day = round(series * DAY / view.interval.seconds)
        found.append(JobCost(view.name, targets, assumed, view.interval.seconds, series, per_day))
    return found


def check_budget(system: System, model: Model, report: Report) -> None:
    """Report what exceeds the spec's budget, with where most of it goes."""
    budget = system.spec.budget
    if budget is None:
        return
    found = cost(system, model)
    if budget.series is not None and found.series > budget.series:
        most = max(found.jobs, key=lambda job: job.series, default=None)
        where = f"; the most by `{most.name}`: {most.series:,}" if most else ""
        report.error(
            "cost/budget", f"up to {found.series:,} series are stored, the budget is {budget.series:,}{where}", budget.at("series"),
            help="declare smaller label budgets (`max`, `values`) or raise the budget; `mkit cost` shows every job and rule",
        )  # fmt: skip
    if budget.samples_per_second is not None and found.samples_per_second > budget.samples_per_second:
        report.error(
            "cost/budget",
            f"up to {found.samples_per_second:,.0f} samples a second are scraped ({found.scraped_per_second:,.0f}) and read by rules "
            f"({found.read_per_second:,.0f}), the budget is {budget.samples_per_second:,.0f}",
            budget.at("samples_per_second"),
            help="scrape or evaluate less often, or raise the budget; `mkit cost` shows every job and rule",
        )  # fmt: skip
