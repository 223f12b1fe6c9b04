"""Records of the spec: service level objectives."""

from __future__ import annotations

from typing import Any

from monitoring_kit.diagnostics import Report
from monitoring_kit.frozen import dataclass
from monitoring_kit.load.nodes import Node
from monitoring_kit.spec.owner import Owner
from monitoring_kit.spec.quantity import Duration, Quantity
from monitoring_kit.spec.shapes import (
    DURATION,
    FLAG,
    INVALID,
    LABEL_NAME,
    LABELS,
    NAME,
    NOTIFY,
    TEXT,
    URL,
    Amount,
    Choice,
    Item,
    JsonSchema,
    ListOf,
    Number,
    Record,
    Shape,
    Text,
    key,
)

_DAY_MS = 86_400_000
ROLLING_DAYS = (7, 14, 28, 30, 90)
_CALENDAR = {"month": 31, "quarter": 92}
_SEVERITY = Choice(("critical", "warning", "info"))
_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
_HOUR = r"(?:[01]\d|2[0-3]):[0-5]\d"
WEEKLY = Text(
    rf"{_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?)* {_HOUR}-(?:{_HOUR}|24:00)",
    "days and hours in UTC such as `sun 02:00-04:00`",
)
INSTANT = Text(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?Z", "a time in UTC such as 2026-03-01T22:00Z")


@dataclass(frozen=True, slots=True)
class Period:
    """What the error budget is counted over: the last ``length`` (rolling), or the calendar ``unit`` so far.

    ``length`` of a calendar period is its longest one.
    """

    unit: str
    length: Duration

    @property
    def calendar(self) -> bool:
        return self.unit != "rolling"

    def __str__(self) -> str:
        return self.unit if self.calendar else f"{self.length.ms // _DAY_MS}d"


def rolling(days: int) -> Period:
    """The last ``days`` days."""
    return Period("rolling", Duration(days * _DAY_MS))


class PeriodShape(Shape):
    """A rolling window of 7, 14, 28, 30 or 90 days, or a calendar month or quarter."""

    what = "one of " + ", ".join(f"`{d}d`" for d in ROLLING_DAYS) + ", `month`, `quarter`"

    def read(self, node: Node, report: Report) -> Any:
        text = self._scalar(node, report)
        if text is None:
            return INVALID
        if text in _CALENDAR:
            return Period(text, Duration(_CALENDAR[text] * _DAY_MS))
        try:
            length = Duration.of(text)
        except ValueError:
            length = Duration(0)
        if length.ms not in [d * _DAY_MS for d in ROLLING_DAYS]:
            report.error("spec/value", f"`{text[:40]}` is not {self.what}", node.span)
            return INVALID
        return Period("rolling", length)

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        return {"enum": [*(f"{d}d" for d in ROLLING_DAYS), "1w", "2w", "4w", *_CALENDAR]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier(Item):
    """One burn-rate alert: what differs from the shipped table of windows."""

    disable: bool = key(FLAG, "Leave this alert out.", False)
    name_: str | None = key(NAME, "Another alert name.")
    for_: Duration | None = key(DURATION, "How long the condition must hold.")
    keep_firing_for: Duration | None = key(DURATION, "How long it goes on firing after the condition has ended.")
    severity: str | None = key(_SEVERITY, "critical, warning or info.")
    notify: tuple[str, ...] = key(NOTIFY, "Channels; those of the SLO when not set.", ())
    factor: float | None = key(Number(0.01, 1000), "Burn rate above which it fires, in budgets per window.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiers(Item):
    """The four burn-rate alerts."""

    page_fast: Tier = key(Record(Tier), "Budget gone within about two days.", Tier)
    page_slow: Tier = key(Record(Tier), "Budget gone within about five days.", Tier)
    ticket_fast: Tier = key(Record(Tier), "Budget gone within about ten days.", Tier)
    ticket_slow: Tier = key(Record(Tier), "Budget just runs out by the end.", Tier)


@dataclass(frozen=True, slots=True, kw_only=True)
class MinEvents(Item):
    """The floor below which a share says too little to wake anyone."""

    total: int = key(Number(1, whole=True), "Fewest events in a page's long window.", required=True)
    bad: int | None = key(
        Number(1, whole=True),
        "Bad events below the floor that raise the low-traffic alert; as many as would page at the floor, five at least, when not set.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance(Item):
    """Planned work whose events do not count: every week, or once."""

    weekly: str | None = key(WEEKLY, "Days and hours in UTC.", example="sun 02:00-04:00")
    from_: str | None = key(INSTANT, "Begin of a single window (UTC).")
    to: str | None = key(INSTANT, "End of a single window (UTC).")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo(Item):
    """A service level objective: on a signal, on counters of events, or on a ratio in PromQL."""

    signal: str | None = key(TEXT, "Signal, e.g. `errors` or `latency`.", example="errors")
    total: str | None = key(TEXT, "All events: a counter's selector, or PromQL with `$window`.")
    bad: str | None = key(TEXT, "Bad events, in the same way.")
    good: str | None = key(TEXT, "Good events, in the same way; instead of `bad`.")
    error_ratio: str | None = key(TEXT, "PromQL with `$window` that gives the share of bad events.")
    description: str = key(TEXT, "What it promises, in a sentence.", "")
    objective: Quantity = key(Amount(("ratio",)), "Share of good events, below 100%.", required=True, example="99.9%")
    threshold: Quantity | None = key(Amount(), "For a histogram: what counts as good.")
    window: Period | None = key(
        PeriodShape(),
        "7d, 14d, 28d, 30d, 90d, month or quarter; 30d, or the longest that Prometheus keeps, when not set.",
    )
    profile: str = key(
        Choice(("exact", "lean")),
        "exact: windows up to 6h from raw samples; lean: up to 1h, several times cheaper.",
        "exact",
    )
    group_by: tuple[str, ...] = key(ListOf(LABEL_NAME, single=True), "One budget for each value of these labels.", ())
    labels: dict[str, str] = key(LABELS, "Extra labels of its alerts.", dict)
    owner: Owner | None = key(Record(Owner, short="team"), "Owner; the service's when not set.")
    tiers: Tiers = key(Record(Tiers), "What differs from the four burn-rate alerts.", Tiers)
    notify: tuple[str, ...] = key(NOTIFY, "Channels; by severity when not set.", ())
    min_events: MinEvents | None = key(Record(MinEvents, short="total"), "Fewest events before a page.")
    maintenance: tuple[Maintenance, ...] = key(
        ListOf(Record(Maintenance, short="weekly"), single=True), "Planned work that does not count.", ()
    )
    absent: str = key(
        Choice(("critical", "warning", "info", "off")), "Severity of the alert on vanished events.", "warning"
    )
    runbook: str | None = key(URL, "Runbook; a generated page when not set.")


SLO = Record(Slo, exactly_one=(("signal", "total", "error_ratio"),))

__all__ = ["INSTANT", "ROLLING_DAYS", "SLO", "Maintenance", "MinEvents", "Period", "Slo", "Tier", "Tiers", "rolling"]
