"""Records of the spec: the families of alerts that learn from history instead of comparing with a constant."""

from __future__ import annotations

from monitoring_kit.frozen import dataclass
from monitoring_kit.spec.quantity import Duration, Quantity
from monitoring_kit.spec.shapes import (
    DURATION,
    FLAG,
    LABEL_NAME,
    TEXT,
    Amount,
    Choice,
    Item,
    ListOf,
    MapOf,
    Number,
    Record,
    Text,
    key,
)

SIGNALS = ListOf(TEXT, single=True, low=1)
_DAYS = Duration(14 * 86_400_000)
_SIGNAL_NAME = Text(r"[a-z][a-z0-9_]*", "a signal name (lower case letters, digits and `_`)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly(Item):
    """Values far from what the same time of earlier weeks lets expect."""

    signals: tuple[str, ...] = key(SIGNALS, "Signals to watch.", required=True, example="traffic")
    sensitivity: float = key(Number(1, 100), "Standard deviations of the usual error of the prediction.", 4.0)
    floor: Quantity = key(
        Amount(("ratio",)), "Least spread, as a share of the prediction.", Quantity(0.05, "ratio", "5%"), example="5%"
    )
    season: str = key(Choice(("1w", "1d")), "What repeats itself: the week or the day.", "1w")
    zero: bool = key(FLAG, "Also an alert when the signal stops or is gone.", True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityLimit(Item):
    """Limits of a resource, in the signal's unit."""

    soft: Quantity | None = key(Amount(), "Where to plan; the daily average above it is an alert.", example="80%")
    hard: Quantity | None = key(Amount(), "Where it starts to hurt; the forecast must stay below.", example="90%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity(Item):
    """Resources that a trend on their daily averages sees run out."""

    signals: tuple[str, ...] = key(SIGNALS, "Signals to watch.", required=True, example="memory")
    horizon: Duration = key(DURATION, "How far ahead to look.", _DAYS)
    limits: dict[str, CapacityLimit] = key(
        MapOf(Record(CapacityLimit), key=_SIGNAL_NAME), "Limits by signal; 80% and 90% of a share when not set.", dict
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Degradation(Item):
    """A new version that does worse than the one before it."""

    signals: tuple[str, ...] = key(SIGNALS, "Signals to compare.", required=True, example="[latency, errors]")
    label: str = key(LABEL_NAME, "Label that tells the versions apart.", "version")
    worse: Quantity = key(
        Amount(("ratio",)),
        "How much worse, as a share of the version before.",
        Quantity(0.2, "ratio", "20%"),
        example="20%",
    )
    window: Duration = key(DURATION, "Range that is compared.", Duration(30 * 60_000))
    memory: Duration = key(DURATION, "How long ago the version before may have served.", Duration(86_400_000))
