"""Anomaly: a value far from what earlier weeks let expect, measured by the usual error of that expectation."""

from __future__ import annotations

from monitoring_kit.conventions import recorded
from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.lower import messages
from monitoring_kit.lower.detection import INTERVAL, PER_DAY, Family, each_use, kept_long_enough, parameters
from monitoring_kit.lower.plans import AnomalyPlan
from monitoring_kit.promql import Expr
from monitoring_kit.promql import build as b
from monitoring_kit.resolve.signals import SignalUse
from monitoring_kit.resolve.system import ServiceView
from monitoring_kit.spec.alerting import Alert
from monitoring_kit.spec.detection import Anomaly
from monitoring_kit.spec.quantity import Duration

DAY = 86_400_000
# Tells the predictions from each season apart until their median is taken.
_AGO = "mkit_seasons_ago"


def anomaly_of(alert: Alert) -> Anomaly | None:
    """The anomaly entry that ``alert`` is, written out or in short."""
    if alert.anomaly is not None:
        return alert.anomaly
    if alert.signals and alert.horizon is None:
        return Anomaly(node=alert.node, name=alert.name, name_span=alert.name_span, signals=alert.signals)
    return None


def lower_anomaly(family: Family, alert: Alert, entry: Anomaly, report: Report) -> None:
    """The rules of an anomaly entry."""
    season = Duration.of(entry.season)
    if not kept_long_enough(family.system, alert, Duration(season.ms + DAY), "anomaly", report):
        return
    if not 0 < entry.floor.value <= 1:
        report.error(
            "spec/value",
            f"a floor of {entry.floor.text} makes no sense",
            entry.at("floor"),
            help="write a share such as 5%",
        )
        return
    known = parameters("anomaly")
    half = Duration.of(known["around"]).ms // 2
    kept = family.system.spec.prometheus.retention.time.ms
    seasons = max(1, min(known["seasons"], (kept - half) // season.ms))

    def each(view: ServiceView, use: SignalUse, span: Span) -> None:
        if _AGO in use.signal.by:
            # Equal label sets after the median's label is taken away would fail the rule for every series.
            report.error(
                "anomaly/label", f"`{use.signal.name}` keeps the label `{_AGO}`, which mkit itself needs", span
            )
            return
        plan = AnomalyPlan(
            alert.name,
            view.name,
            use,
            recorded(use),
            alert.name_span,
            entry.sensitivity,
            entry.floor.value,
            season,
            seasons,
            entry.zero,
        )
        family.plans.append(plan)
        _record(family, plan)
        _outside(family, alert, plan)
        if plan.zero:
            _zero(family, alert, plan)

    each_use(family.system, alert, entry, entry.signals, report, each)


def _record(family: Family, plan: AnomalyPlan) -> None:
    known = parameters("anomaly")
    tile = b.metric(plan.tile, service=plan.service)
    family.tile(plan)
    expected = round(PER_DAY * plan.season.ms / DAY * known["coverage"])
    whole = b.ge(b.over_time("count", tile, str(plan.season)), float(expected))
    family.record(plan, plan.mean, b.and_(b.over_time("avg", tile, str(plan.season)), whole))
    family.record(plan, plan.prediction, _prediction(plan))
    family.record(plan, plan.residual, b.sub(tile, b.metric(plan.prediction, service=plan.service)))
    errors = b.offset(b.over(b.metric(plan.residual, service=plan.service), known["spread"]), known["lag"])
    least = Duration.of(known["warm_up"]).ms // INTERVAL.ms
    warm = b.ge(b.over_time("count", errors), float(least))
    family.record(plan, plan.spread, b.and_(b.over_time("stddev", errors), warm))


def _prediction(plan: AnomalyPlan) -> Expr:
    """The median over the seasons of what was around this time, moved by the growth of the season's average since.

    GitLab's prediction; the growth counts only once a whole season was averaged, since a part of one is mostly season.
    """
    parts = [_ago(plan, n) for n in range(1, plan.seasons + 1)]
    if len(parts) == 1:
        return parts[0]
    labelled = [b.label_replace(part, _AGO, str(n)) for n, part in enumerate(parts, start=1)]
    both: Expr = labelled[0]
    for part in labelled[1:]:
        both = b.or_(both, part)
    return b.aggregate("quantile", both, without=(_AGO,), param=0.5)


def _ago(plan: AnomalyPlan, seasons: int) -> Expr:
    mean = b.metric(plan.mean, service=plan.service)
    ago = around(plan, seasons)
    grown = b.sub(mean, b.offset(mean, str(Duration(plan.season.ms * seasons))))
    return b.or_(b.add(ago, grown), ago)


def around(plan: AnomalyPlan, seasons: int, func: str = "avg") -> Expr:
    """The tiles around the same time some seasons ago."""
    wide = Duration.of(parameters("anomaly")["around"])
    back = Duration(plan.season.ms * seasons - wide.ms // 2)
    return b.over_time(func, b.offset(b.over(b.metric(plan.tile, service=plan.service), str(wide)), _plain(back)))


def _plain(duration: Duration) -> str:
    """In hours, as a reader counts them: 166h is a week less two hours."""
    return f"{duration.ms // 3_600_000}h" if duration.ms % 3_600_000 == 0 else str(duration)


def band(plan: AnomalyPlan) -> Expr:
    """How far from the prediction a value may be: the usual error, but never less than the floor, times the sensitivity."""
    prediction = b.metric(plan.prediction, service=plan.service)
    spread = b.metric(plan.spread, service=plan.service)
    floor = b.mul(plan.floor, b.call("abs", prediction))
    return b.mul(plan.sensitivity, b.or_(b.gt(spread, floor), b.and_(floor, spread)))


def learning_days(plan: AnomalyPlan) -> int:
    """How many days of history the alert needs before it says anything: a season, the lag and the warm-up."""
    known = parameters("anomaly")
    return (plan.season.ms + Duration.of(known["lag"]).ms + Duration.of(known["warm_up"]).ms) // DAY


def _outside(family: Family, alert: Alert, plan: AnomalyPlan) -> None:
    residual = b.metric(plan.residual, service=plan.service)
    bad = plan.use.signal.bad
    distance: Expr = residual if bad == "high" else b.mul(-1, residual) if bad == "low" else b.call("abs", residual)
    word = {"high": "above", "low": "below"}.get(bad, "away from")
    unit = messages.human(plan.use.signal.unit)
    family.alert(
        plan, alert, alert.name, b.gt(distance, band(plan)), _for(alert),
        {
            "summary": f"{_who(plan)}: {plan.use.title} is {unit} {word} what this time of the {_WORDS[str(plan.season)]} lets expect",
            "description": f"{plan.use.signal.description} It differs from the prediction by more than {plan.sensitivity:g} times the prediction's usual error.",
            "value": unit,
        },
        "anomaly",
    )  # fmt: skip


_WORDS = {"1w": "week", "1d": "day"}


def _zero(family: Family, alert: Alert, plan: AnomalyPlan) -> None:
    """The companion: statistics that say "unusual" fade as the silence enters their own history, and have nothing to say about
    a series that is gone. What was never zero around this time a season ago must not be zero or absent now."""
    value = b.metric(plan.record, service=plan.service)
    there: Expr = value if plan.use.signal.bad == "high" else b.gt(value, 0)
    expr = b.unless(b.gt(around(plan, 1, "min"), 0), there)
    gone = "gone" if plan.use.signal.bad == "high" else "zero or gone"
    unit = messages.human(plan.use.signal.unit)
    family.alert(
        plan, alert, zero_alert(alert.name), expr, _for(alert),
        {
            "summary": f"{_who(plan)}: {plan.use.title} is {gone}",
            "description": f"{plan.use.signal.description} A {_WORDS[str(plan.season)]} ago it was never below {unit} around this time.",
            "value": unit,
        },
        "anomaly",
    )  # fmt: skip


def zero_alert(name: str) -> str:
    """The name of the alert on silence of an entry."""
    return f"{name}Zero"


def _for(alert: Alert) -> Duration:
    return alert.for_ if alert.has("for") else Duration.of(parameters("anomaly")["for"])


def _who(plan: AnomalyPlan) -> str:
    return plan.service + "".join(f" {{{{ $labels.{label} }}}}" for label in plan.use.signal.by)
