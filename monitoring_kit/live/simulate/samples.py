"""The series of a scenario, as OpenMetrics text: every service with the metrics that the registry declares for it."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitoring_kit.live.simulate.scenario import USUAL_ERRORS, Moment, Scenario, moment
from monitoring_kit.stack.simulation_plan import SimulatedMetric, SimulatedSeries, SimulatedService

# A block of Prometheus is 2 h x 3^n long and begins at a multiple of that: few of them, but none that needs much memory.
BLOCK = 7200 * 9
SIGMA = 0.5
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Target:
    """One scraped instance of a service: its labels, and what it is like at each scrape."""

    service: SimulatedService
    labels: dict[str, str]
    moments: list[Moment]
    levels: list[float]


def targets_of(
    services: Sequence[SimulatedService],
    labels: dict[str, dict[str, str]],
    hit: set[str],
    scenario: Scenario,
    start: int,
) -> list[Target]:
    """Every instance of every service; ``labels`` are a service's target labels, ``hit`` the services that the incident is
    about."""
    steps = int(scenario.length / scenario.step)
    found = []
    for service in services:
        rng = random.Random(f"{scenario.name} {service.service}")  # noqa: S311 - noise, and the same at every run
        levels = [_level(scenario, start + i * scenario.step, rng) for i in range(steps)]
        for instance in range(scenario.of):
            own = dict(labels[service.service])
            if scenario.of > 1:
                own["instance"] = f"{instance}.{own['instance']}"
            affected = service.service in hit
            moments = [moment(scenario, i * scenario.step, instance) if affected else Moment() for i in range(steps)]
            found.append(Target(service, own, moments, [level / scenario.of for level in levels]))
    return found


def _level(scenario: Scenario, at: float, rng: random.Random) -> float:
    noise = rng.gauss(1, 0.03)
    if not scenario.season:
        return max(noise, 0.0)
    shape = 1 - 0.6 * math.cos(2 * math.pi * (at % _DAY) / _DAY)
    weekend = 0.7 if (at // _DAY + 3) % 7 >= 5 else 1.0
    return max(shape * weekend * rng.gauss(1, 0.08), 0.0)


def exposition(targets: Sequence[Target], scenario: Scenario, start: int) -> Iterator[tuple[int, str]]:
    """(start of the block, text) for each block: the samples of every series, oldest first."""
    times = [start + round(i * scenario.step) for i in range(int(scenario.length / scenario.step))]
    series = [lines for target in targets for lines in _target(target, scenario, times)]
    for block, inside in itertools.groupby(times, lambda at: at // BLOCK * BLOCK):
        count = len(list(inside))
        text = "".join(itertools.chain.from_iterable(itertools.islice(lines, count) for lines in series))
        if text:
            yield block, text + "# EOF\n"


def _target(target: Target, scenario: Scenario, times: Sequence[int]) -> Iterator[Iterator[str]]:
    """For each series its lines, one for each time, empty where there is no sample; made when they are asked for."""
    name = _series("up", target.labels)
    alive = target.service.alive
    states = list(zip(times, target.moments, strict=True))
    # An exporter answers whether or not what it looks at does; its other metrics are gone then.
    answers = alive is not None
    yield (f"{name} {int(s.up or answers)} {at}\n" if s.scraped else "" for at, s in states)
    if alive is not None:
        life = _series(alive, target.labels)
        yield (f"{life} {int(s.up)} {at}\n" if s.scraped else "" for at, s in states)
    for metric in target.service.metrics:
        if metric.name == alive:
            continue
        for index, series in enumerate(metric.series):
            seed = f"{scenario.name} {target.labels['instance']} {target.service.service} {metric.name} {index}"
            rng = random.Random(seed)  # noqa: S311
            for label, values in _metric(target, metric, series, scenario, times, rng):
                yield _lines(label, values, target, times)


def _metric(
    target: Target, metric: SimulatedMetric, series: SimulatedSeries, scenario: Scenario, times: Sequence[int],
    rng: random.Random,
) -> Iterator[tuple[str, Iterator[float]]]:  # fmt: skip
    labels = {**series.labels, **target.labels}
    if metric.type == "gauge":
        name = _series(metric.name, labels)
        if metric.age or metric.name.endswith("_timestamp_seconds"):
            # The time of something that was done `level` seconds ago, or has just been done.
            ago = metric.level if metric.age else 0.0
            yield name, iter([at - ago for at in times])
            return
        # A share of what an instance may use does not get smaller because there are more of them.
        values: Iterator[float] = (
            _gauge(metric, level if scenario.season else 1.0, scenario.of, rng) for level in target.levels
        )
        yield name, values
        return
    events = _events(target, metric, series, scenario, rng)
    if metric.type == "counter":
        yield _series(metric.name, labels), _summed(events, target.moments)
        return
    counts = list(events)
    bounds = [*metric.buckets, math.inf]
    usual = bounds[len(bounds) // 4] if len(bounds) > 1 else 1.0
    for bound in bounds:
        share = [n * _below(bound, usual * m.slow) for n, m in zip(counts, target.moments, strict=True)]
        le = "+Inf" if bound == math.inf else f"{bound:g}"
        name = _series(f"{metric.name}_bucket", {**labels, "le": le})
        yield name, _summed(iter(share), target.moments)
    spent = [n * usual * m.slow * math.exp(SIGMA**2 / 2) for n, m in zip(counts, target.moments, strict=True)]
    for suffix, events in (("sum", iter(spent)), ("count", iter(counts))):
        yield _series(f"{metric.name}_{suffix}", labels), _summed(events, target.moments)


def _gauge(metric: SimulatedMetric, level: float, of: int, rng: random.Random) -> float:
    if metric.steady:
        return metric.level
    if metric.unit == "ratio":
        return min(max(rng.gauss(0.96, 0.003), 0.0), 1.0)
    return metric.level * rng.gauss(1, 0.03) * (0.8 + 0.2 * min(level, 1.6))


def _events(
    target: Target, metric: SimulatedMetric, series: SimulatedSeries, scenario: Scenario, rng: random.Random
) -> Iterator[float]:
    """How many events of this series there are between a scrape and the one before."""
    some_bad = any(s.bad for s in metric.series)
    all_bad = all(s.bad for s in metric.series)
    # Processor time is no number of events: it neither fails nor comes one by one.
    smooth = not some_bad and metric.type == "counter" and metric.level < 1
    for level, state in zip(target.levels, target.moments, strict=True):
        rate = metric.level
        if scenario.rate and not metric.steady and metric.level >= 1:
            rate = min(rate, scenario.rate)
        mean = rate * scenario.step * series.share * (1 / scenario.of if metric.steady else level * state.traffic)
        if some_bad:
            mean *= state.errors if series.bad or all_bad else 1 - state.errors
        if not state.up:
            mean = 0.0
        yield mean if smooth or metric.steady else _poisson(mean, rng)


def _summed(events: Iterator[float], moments: Sequence[Moment]) -> Iterator[float]:
    total = 0.0
    for count, state in zip(events, moments, strict=True):
        total = count if state.reset else total + count
        yield total


def _lines(name: str, values: Iterator[float], target: Target, times: Sequence[int]) -> Iterator[str]:
    for at, state, value in zip(times, target.moments, values, strict=True):
        yield f"{name} {value:.10g} {at}\n" if state.up and state.scraped else ""


def _poisson(mean: float, rng: random.Random) -> float:
    """A Poisson number: Knuth's product of uniforms for small means, the normal approximation above."""
    if mean <= 0:
        return 0.0
    if mean > 30:
        return float(max(round(rng.gauss(mean, math.sqrt(mean))), 0))
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return float(count)


def _below(bound: float, usual: float) -> float:
    """The share of a log-normal distribution with median ``usual`` that is below ``bound``."""
    return 1.0 if bound == math.inf else 0.5 * (1 + math.erf(math.log(bound / usual) / (SIGMA * math.sqrt(2))))


def _series(name: str, labels: dict[str, str]) -> str:
    inner = ",".join(f'{n}="{_escaped(v)}"' for n, v in sorted(labels.items()))
    return f"{name}{{{inner}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


__all__ = ["USUAL_ERRORS", "Target", "exposition", "targets_of"]
