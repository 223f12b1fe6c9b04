"""Capacity: what runs out, seen by a trend on recorded daily averages."""

from __future__ import annotations

from monitoring_kit.conventions import recorded
from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.lower import messages
from monitoring_kit.lower.detection import PER_DAY, Family, each_use, kept_long_enough, parameters
from monitoring_kit.lower.plans import CapacityPlan
from monitoring_kit.lower.uses import threshold_in, unit_help
from monitoring_kit.promql import build as b
from monitoring_kit.resolve.signals import Signal, SignalUse
from monitoring_kit.resolve.system import ServiceView
from monitoring_kit.spec.alerting import Alert
from monitoring_kit.spec.detection import Capacity
from monitoring_kit.spec.quantity import DIMENSIONS, Duration, Quantity

DAY = Duration(86_400_000)


def capacity_of(alert: Alert) -> Capacity | None:
    """The capacity entry that ``alert`` is, written out or in short."""
    if alert.capacity is not None:
        return alert.capacity
    if alert.signals and alert.horizon is not None:
        return Capacity(
            node=alert.node, name=alert.name, name_span=alert.name_span, signals=alert.signals, horizon=alert.horizon
        )
    return None


def lower_capacity(family: Family, alert: Alert, entry: Capacity, report: Report) -> None:
    """The rules of a capacity entry."""
    if not _horizon(entry, report) or not kept_long_enough(
        family.system, alert, Duration(DAY.ms * 8), "capacity", report
    ):
        return
    for name in entry.limits:
        if name not in {text.partition("(")[0] for text in entry.signals}:
            report.error(
                "capacity/limit",
                f"`{name}` is not among the signals",
                entry.limits[name].name_span,
                help="add it to `signals:`",
            )

    def each(view: ServiceView, use: SignalUse, span: Span) -> None:
        plan = _plan(family, alert, entry, view, use, span, report)
        if plan is not None:
            family.plans.append(plan)
            _record(family, plan)
            _alerts(family, alert, plan)

    each_use(family.system, alert, entry, entry.signals, report, each)


def _horizon(entry: Capacity, report: Report) -> bool:
    low, high = DAY, Duration(DAY.ms * 90)
    if low <= entry.horizon <= high:
        return True
    report.error(
        "capacity/horizon", f"a trend of daily averages says nothing about {entry.horizon}", entry.at("horizon"),
        help=f"write a horizon from {low} to {high}; for hours use a threshold",
    )  # fmt: skip
    return False


def _plan(
    family: Family, alert: Alert, entry: Capacity, view: ServiceView, use: SignalUse, span: Span, report: Report
) -> CapacityPlan | None:
    signal = use.signal
    if not signal.capacity:
        names = sorted(name for name, s in view.signals.items() if s.capacity)
        report.error(
            "capacity/signal", f"`{signal.name}` of `{view.name}` is nothing that runs out", span,
            help=f"`{view.name}` has " + (", ".join(f"`{n}`" for n in names) if names else "no signal of a capacity"),
        )  # fmt: skip
        return None
    known = parameters("capacity")["limits"]
    usual = {} if signal.unit != "ratio" else known.get(signal.name, known["default"])
    own = entry.limits.get(signal.name)
    hard = _limit(signal, own.hard if own else None, usual.get("hard"), own.at("hard") if own else span, report)
    soft = _limit(signal, own.soft if own else None, usual.get("soft", hard), own.at("soft") if own else span, report)
    if hard is None or soft is None:
        if hard is None and (own is None or own.hard is None):
            report.error(
                "capacity/limit", f"how much `{signal.name}` is too much? It is {DIMENSIONS[signal.unit].split(',')[0]}, not a share", span,
                help=f"add `limits: {{{signal.name}: {{hard: ...}}}}`",
            )  # fmt: skip
        return None
    soft = min(soft, hard) if own is None or own.soft is None else soft
    if soft > hard and own is not None:
        report.error(
            "capacity/limit",
            "the soft limit is above the hard one",
            own.at("soft"),
            help="the soft limit is where to plan",
        )
        return None
    for other in family.plans:
        if (
            isinstance(other, CapacityPlan)
            and (other.service, other.key) == (view.name, str(use))
            and other.hard != hard
        ):
            report.error(
                "capacity/limit", f"`{other.alert}` has another hard limit for `{signal.name}` of `{view.name}`", span,
                help="a resource has one hard limit: give both entries the same",
            )  # fmt: skip
            return None
    days = int(family.system.spec.prometheus.retention.time.ms // DAY.ms) - 1
    longest = Duration.of(parameters("capacity")["long_trend"]).ms // DAY.ms
    long_days = min(longest, days // 7 * 7)
    return CapacityPlan(
        alert.name, view.name, use, recorded(use), alert.name_span, soft, hard, own is not None and own.soft is not None,
        entry.horizon, long_days if long_days > 7 else 0,
    )  # fmt: skip


def _limit(signal: Signal, written: Quantity | None, usual: float | None, span: Span, report: Report) -> float | None:
    if written is None:
        return usual
    value = threshold_in(signal, written)
    if value is None:
        report.error(
            "units/mismatch", f"`{written.text}` does not fit `{signal.name}`", span, help=unit_help(signal, written)
        )
    return value


def _record(family: Family, plan: CapacityPlan) -> None:
    """Tiles, daily averages, two trends, the forecast and the days that are left."""
    known = parameters("capacity")
    tile = b.metric(plan.tile, service=plan.service)
    daily = b.metric(plan.daily, service=plan.service)
    family.tile(plan)
    # A part of a day is mostly season: its average would look like growth.
    enough = b.ge(b.over_time("count", tile, "1d"), float(round(PER_DAY * known["coverage"])))
    family.record(plan, plan.daily, b.and_(b.over_time("avg", tile, "1d"), enough))
    # From week to week, so that neither a day's nor a week's season is in it.
    family.record(plan, plan.trend, b.div(b.sub(daily, b.offset(daily, "1w")), 7))
    if plan.long_days:
        family.record(plan, plan.long_trend, b.mul(b.call("deriv", b.over(daily, f"{plan.long_days}d")), DAY.seconds))
    fit = b.mul(b.call("deriv", b.over(daily, known["fit"])), DAY.seconds)
    history = Duration.of(known["history"]).ms / DAY.ms * PER_DAY
    family.record(plan, plan.slope, b.and_(fit, b.ge(b.over_time("count", daily, known["fit"]), history)))
    slope = b.metric(plan.slope, service=plan.service)
    family.record(plan, plan.forecast, b.and_(b.predict_linear(daily, known["fit"], plan.horizon.seconds), slope))
    # The average of a day is that of its middle: half a day of the way is already behind it.
    left = b.sub(b.div(b.sub(plan.hard, daily), b.gt(slope, 0)), 0.5)
    family.record(plan, plan.days_to_limit, b.clamp_min(left, 0))


def _alerts(family: Family, alert: Alert, plan: CapacityPlan) -> None:
    daily = b.metric(plan.daily, service=plan.service)
    trend = b.metric(plan.trend, service=plan.service)
    days = plan.horizon.ms / DAY.ms
    # The fit must not mistake the rise of a week's sawtooth for growth: the change from week to week has to agree. Without a
    # week and a day of history there is none, and the alert is silent.
    weekly = b.gt(b.add(daily, b.mul(trend, days)), plan.hard)
    expr = b.and_(b.gt(b.metric(plan.forecast, service=plan.service), plan.hard), weekly)
    for_ = alert.for_ if alert.has("for") else Duration.of(parameters("capacity")["for"])
    who = plan.service + "".join(f" {{{{ $labels.{label} }}}}" for label in plan.use.signal.by)
    human = messages.human(plan.use.signal.unit)
    hard, soft = shown(plan.hard, plan.use.signal), shown(plan.soft, plan.use.signal)
    family.alert(
        plan, alert, alert.name, expr, for_,
        {
            "summary": f"{who}: {plan.use.title} reaches {hard} within {plan.horizon}",
            "description": f"{plan.use.signal.description} By the trend of its daily averages it will be {human} in {plan.horizon}; the hard limit is {hard}.",
            "value": human,
        },
        "capacity",
    )  # fmt: skip
    if plan.soft_alert:
        family.alert(
            plan, alert, soft_alert(alert.name), b.gt(daily, plan.soft), for_,
            {
                "summary": f"{who}: {plan.use.title} was {human} on average of the last day, above its soft limit of {soft}",
                "description": f"{plan.use.signal.description} There is still room below the hard limit of {hard}: plan now.",
                "value": human,
            },
            "capacity",
        )  # fmt: skip


def soft_alert(name: str) -> str:
    """The name of the alert on the soft limit of an entry."""
    return f"{name}SoftLimit"


def shown(value: float, signal: Signal) -> str:
    """A limit as people write it."""
    return f"{value * 100:.6g}%" if signal.unit == "ratio" else f"{value:.6g}"
