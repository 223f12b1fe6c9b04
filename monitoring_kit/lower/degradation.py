"""Degradation: a version that does worse than the one that served before it."""

from __future__ import annotations

from monitoring_kit.conventions import SERVICE, recorded
from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.lower import messages
from monitoring_kit.lower.detection import Family, each_use, parameters
from monitoring_kit.lower.plans import DegradationPlan
from monitoring_kit.lower.signals import signal_expr
from monitoring_kit.promql import Expr, add_matchers, ast
from monitoring_kit.promql import build as b
from monitoring_kit.promql.world import stems
from monitoring_kit.resolve.signals import Signal, SignalUse, needed_series
from monitoring_kit.resolve.system import ServiceView
from monitoring_kit.spec.alerting import Alert
from monitoring_kit.spec.detection import Degradation
from monitoring_kit.spec.quantity import Duration


def lower_degradation(family: Family, alert: Alert, entry: Degradation, report: Report) -> None:
    """The rules of a degradation entry."""
    if not 0 < entry.worse.value <= 10:
        report.error(
            "spec/value", f"`{entry.worse.text}` is no difference", entry.at("worse"), help="write a share such as 20%"
        )
        return
    if entry.memory.ms < 2 * entry.window.ms:
        report.error(
            "degradation/memory", f"the version before must be remembered longer than the window of {entry.window}",
            entry.at("memory" if entry.has("memory") else "window"), help=f"write `memory: {Duration(entry.window.ms * 4)}` or more",
        )  # fmt: skip
        return

    def each(view: ServiceView, use: SignalUse, span: Span) -> None:
        wide = SignalUse(use.signal, use.quantile, entry.window if use.signal.windowed else None)
        if not _comparable(family, view, use.signal, entry.label, span, report):
            return
        record = recorded(wide).replace("service:", f"service_{entry.label}:", 1)
        plan = DegradationPlan(
            alert.name,
            view.name,
            use,
            record,
            alert.name_span,
            entry.label,
            entry.worse.value,
            entry.window,
            entry.memory,
        )
        family.plans.append(plan)
        family.record(plan, plan.record, by_version(view, wide, entry.label))
        _record(family, plan)
        _alert(family, alert, plan)

    each_use(family.system, alert, entry, entry.signals, report, each)


def _comparable(family: Family, view: ServiceView, signal: Signal, label: str, span: Span, report: Report) -> bool:
    if signal.bad == "none":
        report.error(
            "degradation/signal", f"more or less of `{signal.name}` is neither better nor worse", span,
            help="compare latency, errors or accuracy; for traffic write an `anomaly:`",
        )  # fmt: skip
        return False
    scrape = view.spec.scrape
    found = scrape and (
        scrape.relabel
        or scrape.metric_relabel
        or scrape.kubernetes
        or scrape.docker
        or scrape.consul
        or scrape.http
        or scrape.file
    )
    if found or label in view.spec.labels:
        return True
    known = family.system.registry.by_service.get(view.name, {})
    for name in sorted(needed_series(signal)):
        info = next((known[stem] for stem in stems(name) if stem in known), None)
        if info is not None and label not in info.labels:
            report.error(
                "degradation/label", f"`{info.name}` of `{view.name}` has no label `{label}` that tells its versions apart", span,
                help=f"declare the label under `metrics:`, or name another with `label:`; it has {', '.join(f'`{n}`' for n in info.labels) or 'none'}",
            )  # fmt: skip
            return False
    return True


def by_version(view: ServiceView, use: SignalUse, label: str) -> Expr:
    """The signal of each version by itself: a ratio is that of the version's own events."""
    signal, kept = use.signal, (SERVICE, label)
    window = ast.Duration(float((use.window or signal.window).ms))
    if signal.ratio is not None:
        bad, total = (b.sum_by(kept, b.rate(add_matchers(part, {"job": view.job}), window)) for part in signal.ratio)
        return b.div(b.or_(bad, b.mul(0, total)), b.gt(total, 0))
    split = () if label in signal.by else (label,)
    found = signal_expr(view, use, split=split)
    # No observation is no latency: NaN must not get into an average.
    return b.gt(found, 0) if signal.histogram is not None else found


def _labels(plan: DegradationPlan) -> tuple[str, ...]:
    """What two versions share: the service and what the signal keeps beside it."""
    return (SERVICE, *(n for n in plan.use.signal.by if n != plan.label))


def _record(family: Family, plan: DegradationPlan) -> None:
    value, since = b.metric(plan.record, service=plan.service), b.metric(plan.since, service=plan.service)
    memory, shared = str(plan.memory), _labels(plan)
    # The first time that a version was seen, carried on by reading itself.
    known = b.and_(b.over_time("min", since, memory), value)
    family.record(plan, plan.since, b.or_(known, b.call("timestamp", value)))
    latest = b.binary("==", since, b.max_by(shared, since), match=b.matching(on=shared, group="left"))
    family.record(plan, plan.newest, b.and_(value, latest))
    current = b.metric(plan.newest, service=plan.service)
    remembered = b.over_time("last", since, memory)
    others = b.unless(remembered, current)
    last = b.binary("==", others, b.max_by(shared, others), match=b.matching(on=shared, group="left"))
    family.record(plan, plan.previous, b.and_(b.over_time("avg", value, memory), last))


def _alert(family: Family, alert: Alert, plan: DegradationPlan) -> None:
    signal, shared = plan.use.signal, _labels(plan)
    newest, previous = (
        b.metric(plan.newest, service=plan.service),
        b.max_by(shared, b.metric(plan.previous, service=plan.service)),
    )
    factor, floor = 1 + plan.worse, parameters("degradation")["floor"]
    limit: Expr = b.mul(factor, previous)
    if signal.unit == "ratio" and signal.bad == "low":
        # 95% to 94% is a fifth more mistakes: what is missing counts.
        limit = b.sub(1, b.add(b.mul(factor, b.paren(b.sub(1, previous))), floor))
    elif signal.unit == "ratio":
        limit = b.add(limit, floor)
    elif signal.bad == "low":
        limit = b.mul(1 / factor, previous)
    worse = b.binary("<" if signal.bad == "low" else ">", newest, limit, match=b.matching(on=shared, group="left"))
    served = b.ge(b.sub(b.call("time"), b.metric(plan.since, service=plan.service)), plan.window.seconds)
    unit = messages.human(signal.unit)
    who = f"{plan.service} {{{{ $labels.{plan.label} }}}}"
    family.alert(
        plan, alert, alert.name, b.and_(worse, served),
        alert.for_ if alert.has("for") else Duration.of(parameters("degradation")["for"]),
        {
            "summary": f"{who}: {plan.use.title} is {unit}, worse than that of the version before",
            "description": f"{signal.description} It is more than {plan.worse * 100:g}% worse than the average of the version that served before.",
            "value": unit,
        },
        "degradation",
    )  # fmt: skip
