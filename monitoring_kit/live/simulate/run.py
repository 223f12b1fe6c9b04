"""Run scenarios: series to blocks by promtool, a private Prometheus on these, and every alert replayed on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from monitoring_kit.conventions import PROMETHEUS_YML, SLO_BAD, SLO_TOTAL
from monitoring_kit.live.backtest.backfill import needed
from monitoring_kit.live.backtest.errors import BacktestError
from monitoring_kit.live.backtest.inline import Recorded
from monitoring_kit.live.backtest.jobs import Job, jobs_of, recordings_of
from monitoring_kit.live.backtest.machine import Firing
from monitoring_kit.live.backtest.run import MAX_INNER as BACKTEST_MAX_INNER
from monitoring_kit.live.backtest.run import Backtest, Options, run
from monitoring_kit.live.backtest.tsdb import PrivateServer, backfill, tool
from monitoring_kit.live.simulate.samples import BLOCK, exposition, targets_of
from monitoring_kit.live.simulate.scenario import Scenario, library
from monitoring_kit.lower.detection import SIGNAL
from monitoring_kit.lower.model import Model
from monitoring_kit.pipeline import Compilation
from monitoring_kit.resolve.system import ServiceView
from monitoring_kit.stack.lab import Lab, LabError
from monitoring_kit.stack.simulation_plan import plan

# Monday, 5 January 2026, 00:00 UTC; a scenario has 40 days for itself, so that no window reaches another one's.
EPOCH = 1_767_571_200
APART = 40 * 86_400
# Alerts on days of recorded history are left out where a scenario has no such past.
MAX_INNER = 300_000


@dataclass(frozen=True, slots=True)
class Detection:
    """How one service fared in one scenario: the first alert of any severity and the first critical one, with the milliseconds
    from the incident's start; None when there was none."""

    service: str
    first: str | None
    after: int | None
    page: str | None
    page_after: int | None


@dataclass(slots=True)
class Played:
    """One scenario; ``detections`` are those of the hit services that an alert of the spec watches. ``right`` and ``false`` are the firings with and without a cause; ``begin`` and ``finish`` the incident."""

    scenario: Scenario
    begin: int
    finish: int
    hit: list[str]
    backtest: Backtest
    detections: list[Detection] = field(default_factory=list)
    right: list[tuple[Job, Firing]] = field(default_factory=list)
    false: list[tuple[Job, Firing]] = field(default_factory=list)

    @property
    def goal_met(self) -> bool | None:
        """Whether every watched service was found in time; None where nothing is promised or nothing can keep it."""
        if self.not_judged:
            return None
        if self.scenario.expect == "page":
            limit = self.scenario.within * 1000
            return all(d.after is not None and d.after < limit for d in self.detections)
        if self.scenario.expect == "ticket":
            return all(d.after is not None for d in self.detections)
        return not self.false if self.scenario.expect == "quiet" else None

    @property
    def not_judged(self) -> str:
        """Why an expected page or ticket could not come from any alert of the spec; "" where one could."""
        if self.scenario.expect not in ("page", "ticket") or self.detections:
            return ""
        return "no page" if self.scenario.expect == "page" and self.right else "no alert"

    @property
    def unwatched(self) -> list[str]:
        """The hit services for which the spec has no alert on this."""
        watched = {d.service for d in self.detections}
        return [name for name in self.hit if name not in watched] if self.scenario.harms else []


Tell = Callable[[str], None]


def simulate(
    compilation: Compilation, scenarios: Sequence[Scenario], tell: Tell = lambda _: None, threads: int = 4
) -> list[Played]:
    """Play ``scenarios`` against the rules of a compiled spec. Raises BacktestError when a tool is missing or fails."""
    assert compilation.system is not None
    assert compilation.model is not None
    found: dict[str, Played] = {}
    try:
        # One server for each scrape interval: how long a vanished series lingers depends on it.
        for step in dict.fromkeys(s.step for s in scenarios):
            with Lab() as lab:
                mine = [s for s in scenarios if s.step == step]
                hit = {s.name: _write(compilation, s, _start(scenarios, s), lab, tell) for s in mine}
                # A failed scrape ends its series at once in a live server; here they end with the lookback.
                server = PrivateServer(lab, lab.folder / "data", 120.0, f"{round(step * 2) + 1}s")
                for scenario in mine:
                    tell(f"replaying {scenario.name}")
                    start = _start(scenarios, scenario)
                    recordings = _past(compilation.model, scenario, start, server, lab, tell)
                    found[scenario.name] = _play(
                        compilation.model, server, scenario, start, hit[scenario.name], recordings, threads
                    )
    except LabError as error:
        raise BacktestError("simulate/tools", str(error)) from None
    return [found[s.name] for s in scenarios]


def _start(scenarios: Sequence[Scenario], scenario: Scenario) -> int:
    # The place in the library, so that a scenario is the same whichever others are played with it.
    known = list(library().values())
    place = known.index(scenario) if scenario in known else len(known) + scenarios.index(scenario)
    return EPOCH + place * APART


def _write(compilation: Compilation, scenario: Scenario, start: int, lab: Lab, tell: Tell) -> list[str]:
    """Write the blocks of a scenario; returns the services that it hits."""
    assert compilation.system is not None
    assert compilation.model is not None
    tell(f"writing {scenario.name}")
    hit = [name for name, view in compilation.system.services.items() if _concerns(scenario, view)]
    services = plan(compilation.system, compilation.model)
    targets = targets_of(services, _labels(compilation), set(hit), scenario, start)
    promtool = tool("promtool")

    def block(item: tuple[int, str]) -> None:
        file = lab.write(f"samples/{scenario.name}-{item[0]}.txt", item[1])
        lab.run(
            "promtool",
            [
                promtool, "tsdb", "create-blocks-from", "openmetrics", f"--max-block-duration={BLOCK}s", "-q", file,
                lab.folder / "data",
            ],
        )  # fmt: skip
        file.unlink()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(block, exposition(targets, scenario, start)))
    return hit


def _concerns(scenario: Scenario, view: ServiceView) -> bool:
    return not scenario.signals or any(
        view.signals[name].ratio is not None or name != "errors" for name in scenario.signals if name in view.signals
    )


def _labels(compilation: Compilation) -> dict[str, dict[str, str]]:
    """The target labels of each service, as the generated scrape jobs give them."""
    import yaml

    assert compilation.system is not None
    config = yaml.safe_load(compilation.outputs[PROMETHEUS_YML].data)
    jobs = {job["job_name"]: job for job in config.get("scrape_configs", [])}
    found = {}
    for name, view in compilation.system.services.items():
        static = (jobs.get(view.job, {}).get("static_configs") or [{}])[0]
        instance = (static.get("targets") or [f"{name}:80"])[0]
        found[name] = {"service": name, "instance": instance, **static.get("labels", {}), "job": view.job}
    return found


def _past(model: Model, scenario: Scenario, start: int, server: PrivateServer, lab: Lab, tell: Tell) -> list[Recorded]:
    """Record what alerts read through windows, where the scenario has a past; returns the rules that are left to evaluate."""
    recordings = recordings_of(model)
    if not scenario.history:
        return recordings
    wanted = needed(recordings, jobs_of(model), ranged_only=True)
    # Nothing new is there between two scrapes; but events are counted by the number of an objective's recorded rates.
    step, counted = round(scenario.step * 1000), (SLO_TOTAL, SLO_BAD)
    rules = [r if r.record in counted else replace(r, interval=max(r.interval, step)) for r in wanted]
    backfill(server, lab, rules, start * 1000, round(start + scenario.length) * 1000, tell)
    done = {id(rule) for rule in wanted}
    return [rule for rule in recordings if id(rule) not in done]


def _play(
    model: Model, server: PrivateServer, scenario: Scenario, start: int, hit: list[str], recordings: list[Recorded],
    threads: int,
) -> Played:  # fmt: skip
    # The first scrapes give no rate yet: evaluation begins after two of them.
    first = (start + max(scenario.history, 2 * scenario.step)) * 1000
    last = (start + scenario.length) * 1000 - 1
    most = BACKTEST_MAX_INNER if scenario.history else MAX_INNER
    options = Options(round(first), round(last), cold=True, recordings="inline", threads=threads, max_inner=most)
    # Nothing new is there between two scrapes.
    step = round(scenario.step * 1000)
    jobs = [replace(job, interval=max(job.interval, step)) for job in jobs_of(model)]
    result = run(server.client, jobs, recordings, options)
    if result.stopped:
        if result.stopped_kind == "interrupted":
            raise KeyboardInterrupt
        raise BacktestError(result.stopped_kind, result.stopped)
    # The worst case: the fault comes just after a scrape that still saw nothing of it.
    begin = round((start + scenario.begin - scenario.step) * 1000)
    played = Played(scenario, begin, begin + round((scenario.incident + scenario.step) * 1000), hit, result)
    for outcome in result.outcomes:
        for firing in outcome.firings:
            concerned = (
                scenario.harms and firing.start >= begin and (outcome.job.service is None or outcome.job.service in hit)
            )
            (played.right if concerned else played.false).append((outcome.job, firing))
    watched = [name for name in hit if _watched(model, scenario, name)]
    if scenario.harms:
        played.detections = [_detection(played, name) for name in watched] or _found_anyway(played)
    return played


def _found_anyway(played: Played) -> list[Detection]:
    """Where no alert is known to be meant for it (PromQL does not say so), those that came count."""
    found = [_detection(played, name) for name in played.hit]
    return [d for d in found if (d.page if played.scenario.expect == "page" else d.first) is not None]


def _watched(model: Model, scenario: Scenario, service: str) -> bool:
    """Whether the spec has an alert for such an incident of ``service`` at all (a critical one where a page is expected)."""
    for rule in model.alerts:
        if rule.service != service or (scenario.expect == "page" and rule.severity != "critical"):
            continue
        if scenario.by not in ("", rule.kind):
            continue
        read = {condition.use.signal.name for condition in rule.conditions} | {
            rule.labels.get(SIGNAL, "").split("(")[0]
        }
        if not scenario.signals or rule.kind == "slo" or read & set(scenario.signals):
            return True
    return False


def _detection(played: Played, service: str) -> Detection:
    mine = sorted(
        ((f, job) for job, f in played.right if job.service == service and f.start <= played.finish),
        key=lambda pair: (pair[0].start, pair[1].severity != "critical", pair[1].title),
    )
    pages = [(f, job) for f, job in mine if job.severity == "critical"]
    first, page = (mine or [None])[0], (pages or [None])[0]  # type: ignore[list-item]
    return Detection(
        service,
        first[1].alert if first else None, first[0].start - played.begin if first else None,
        page[1].alert if page else None, page[0].start - played.begin if page else None,
    )  # fmt: skip
