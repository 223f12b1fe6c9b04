"""What the families that learn from history watch: read by rules, dashboards and documents alike."""

from __future__ import annotations

from monitoring_kit.diagnostics import Span
from monitoring_kit.frozen import dataclass
from monitoring_kit.resolve.signals import SignalUse
from monitoring_kit.spec.quantity import Duration


@dataclass(frozen=True, slots=True)
class Plan:
    """One signal of one service that the entry ``alert`` of the spec watches; ``record`` is its recorded series."""

    alert: str
    service: str
    use: SignalUse
    record: str
    origin: Span

    @property
    def key(self) -> str:
        """The value of the label ``signal`` of its alerts."""
        return str(self.use)

    @property
    def tile(self) -> str:
        """The series of its 5-minute averages: days and weeks are read from these."""
        return f"{self.record}:avg_5m"


@dataclass(frozen=True, slots=True)
class CapacityPlan(Plan):
    """A resource with its limits in the signal's unit; ``long_days`` is the longer trend's range, 0 where none is kept."""

    soft: float
    hard: float
    soft_alert: bool
    horizon: Duration
    long_days: int

    @property
    def daily(self) -> str:
        """The series of its daily averages."""
        return f"{self.record}:avg_1d"

    @property
    def slope(self) -> str:
        """The series of its slope over the last days, per day."""
        return f"{self.record}:slope_6d"

    @property
    def forecast(self) -> str:
        """The series of what it will be at the horizon."""
        return f"{self.record}:forecast_{self.horizon}"

    @property
    def trend(self) -> str:
        """The series of its change from week to week, per day."""
        return f"{self.record}:trend_7d"

    @property
    def long_trend(self) -> str:
        """The series of its slope over the longer range, per day."""
        return f"{self.record}:trend_{self.long_days}d"

    @property
    def days_to_limit(self) -> str:
        """The series of the days until it reaches the hard limit."""
        return f"{self.record}:days_to_limit"


@dataclass(frozen=True, slots=True)
class AnomalyPlan(Plan):
    """A signal with its season; ``seasons`` is how many of them the retention holds (at least 1)."""

    sensitivity: float
    floor: float
    season: Duration
    seasons: int
    zero: bool

    @property
    def suffix(self) -> str:
        """Apart from the weekly season, the season stands in the names."""
        return "" if str(self.season) == "1w" else f"_{self.season}"

    @property
    def mean(self) -> str:
        """The series of the average over a season."""
        return f"{self.record}:avg_{self.season}"

    @property
    def prediction(self) -> str:
        """The series of the expected value."""
        return f"{self.record}:prediction{self.suffix}"

    @property
    def residual(self) -> str:
        """The series of value less prediction."""
        return f"{self.record}:residual{self.suffix}"

    @property
    def spread(self) -> str:
        """The series of the standard deviation of the residual."""
        return f"{self.record}:residual{self.suffix}:stddev_1w"


@dataclass(frozen=True, slots=True)
class DegradationPlan(Plan):
    """A signal whose versions are compared by ``label``; ``record`` is its series with that label kept."""

    label: str
    worse: float
    window: Duration
    memory: Duration

    @property
    def since(self) -> str:
        """The series of when each version was first seen, in Unix seconds."""
        return f"{self.record}:since"

    @property
    def newest(self) -> str:
        """The series of the version that came last, among those that serve."""
        return f"{self.record}:newest"

    @property
    def previous(self) -> str:
        """The series of the average of the version before."""
        return f"{self.record}:previous"
