"""The library of incidents, read from ``scenarios.yaml``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

from monitoring_kit.shipped import yaml_of
from monitoring_kit.spec.quantity import Duration

_TIMES = ("history", "within", "before", "incident", "after", "step", "every", "lasting", "resets", "gap")
USUAL_ERRORS = 0.0005


@dataclass(frozen=True, slots=True)
class Scenario:
    """One incident; lengths in seconds. See the head of ``scenarios.yaml`` for what each field does."""

    name: str
    title: str
    expect: str
    before: float
    incident: float
    after: float
    history: float = 0.0
    within: float = 0.0
    step: float = 15.0
    signals: tuple[str, ...] = ()
    by: str = ""
    traffic: float = 1.0
    errors: float = USUAL_ERRORS
    slow: float = 1.0
    up: float = 1.0
    gone: bool = False
    ramp: bool = False
    every: float = 0.0
    lasting: float = 0.0
    hit: int = 1
    of: int = 1
    resets: float = 0.0
    gap: float = 0.0
    season: bool = False
    rate: float = 0.0

    @property
    def judged(self) -> float:
        """How long alerts are watched: all but the past that is only there to be learned from."""
        return self.before + self.incident + self.after

    @property
    def length(self) -> float:
        return self.history + self.judged

    @property
    def begin(self) -> float:
        """When the incident begins, after the scenario's start."""
        return self.history + self.before

    @property
    def harms(self) -> bool:
        """Whether an alert during it is right."""
        return self.expect != "quiet"


@dataclass(frozen=True, slots=True)
class Moment:
    """What an instance of a hit service is like at one scrape."""

    traffic: float = 1.0
    errors: float = USUAL_ERRORS
    slow: float = 1.0
    up: bool = True
    scraped: bool = True
    reset: bool = False


def moment(scenario: Scenario, at: float, instance: int) -> Moment:
    """The state of ``instance`` ``at`` seconds after the scenario's start."""
    since = at - scenario.begin
    if not 0 <= since < scenario.incident or instance >= scenario.hit:
        return Moment()
    if scenario.gap:
        # The gap comes at the end of each period, so that the first scrapes of the incident are there.
        return Moment(scraped=since % scenario.every < scenario.every - scenario.gap)
    if scenario.resets:
        return Moment(reset=since % scenario.resets < scenario.step)
    if scenario.lasting and since % scenario.every >= scenario.lasting:
        return Moment()
    share = min(since / scenario.incident, 1.0) if scenario.ramp else 1.0
    return Moment(
        traffic=1 + (scenario.traffic - 1) * share,
        errors=USUAL_ERRORS + (scenario.errors - USUAL_ERRORS) * share,
        slow=1 + (scenario.slow - 1) * share,
        up=scenario.up > 0,
        scraped=not scenario.gone,
    )


@cache
def library() -> dict[str, Scenario]:
    """Every scenario by name, in the order of the file."""
    known = {f.name for f in fields(Scenario)}
    found = {}
    for entry in yaml_of("monitoring_kit.live.simulate", "scenarios.yaml")["scenarios"]:
        if unknown := set(entry) - known:
            raise ValueError(f"scenarios.yaml: {entry['name']}: unknown {', '.join(sorted(unknown))}")
        times = {key: Duration.of(str(entry[key])).seconds for key in _TIMES if key in entry}
        found[entry["name"]] = Scenario(**{**entry, **times, "signals": tuple(entry.get("signals", ()))})
    return found
