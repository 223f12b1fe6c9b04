"""Threshold alerts on signals and raw PromQL alerts."""

from __future__ import annotations

from monitoring_kit.conventions import NOTIFY, SERVICE, SEVERITY, TEAM, notify_value, signal_panel
from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.lower import messages
from monitoring_kit.lower.model import AlertingRule, Condition
from monitoring_kit.lower.signals import ON_SERVICE, recorded_selector
from monitoring_kit.lower.uses import check_limit, check_use, find_use, threshold_in, unit_help, unknown_signal
from monitoring_kit.promql import Expr, PromQLError, parse
from monitoring_kit.promql.ast import Binary, Matching, Number
from monitoring_kit.resolve.resolve import alert_services
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.resolve.uses import RawCondition, UseError, read_conditions
from monitoring_kit.spec.alerting import Alert
from monitoring_kit.spec.quantity import DIMENSIONS, Quantity


def static_labels(
    system: System, service: str | None, severity: str, notify: tuple[str, ...], extra: dict[str, str]
) -> dict[str, str]:
    """The labels that mkit puts on an alert: what it is about, how bad it is, who is told, who owns it."""
    labels = {SEVERITY: severity, NOTIFY: notify_value(notify)}
    if service is not None:
        labels[SERVICE] = service
    owner = system.owner_of(service)
    if owner is not None:
        labels[TEAM] = owner.team
    return {**labels, **extra}


def channels_of(system: System, alert: Alert) -> tuple[str, ...]:
    """The channels that must receive an alert, in the order in which the spec defines them."""
    wanted = set(alert.notify or system.default_channels)
    return tuple(name for name in system.spec.channels if name in wanted)


def read_when(alert: Alert, report: Report) -> tuple[RawCondition, ...]:
    """The conditions of ``when:``; () after reporting."""
    assert alert.when is not None
    try:
        return read_conditions(alert.when)
    except UseError as error:
        report.error("signals/syntax", error.message, alert.at("when", error.start, error.end), help=error.help)
        return ()


def threshold_alerts(system: System, alert: Alert, report: Report, only: str | None = None) -> list[AlertingRule]:
    """One rule for each service that a threshold alert watches."""
    conditions = read_when(alert, report)
    if not conditions:
        return []
    services = (only,) if only else alert_services(system, alert, conditions[0].use.name)
    if not services and not (alert.services and not all(s in system.services for s in alert.services)):
        unknown_signal(system, conditions[0].use, (), alert, "when", report)
    for use in (part.use for part in conditions):
        check_limit(system, use.name, services, alert.at("when", use.start, use.end), report)
    rules = []
    for service in services:
        rule = _threshold_alert(system, alert, system.services[service], conditions, report)
        if rule is not None:
            rules.append(rule)
    return rules


def _threshold_alert(
    system: System, alert: Alert, view: ServiceView, raw: tuple[RawCondition, ...], report: Report
) -> AlertingRule | None:
    conditions = []
    for part in raw:
        condition = _condition(system, alert, view, part, report)
        if condition is None:
            return None
        conditions.append(condition)
    first = conditions[0]
    notify = channels_of(system, alert)
    texts = {
        "summary": alert.summary or messages.threshold_summary(view.name, first),
        "description": alert.description or messages.threshold_description(first, str(alert.for_)),
        "value": messages.human(first.use.signal.unit),
        **messages.links(system, alert, alert.name, view.name, signal_panel(first.use)),
    }
    return AlertingRule(
        name=alert.name,
        expr=condition_expr(view.name, conditions),
        for_=alert.for_,
        keep_firing_for=alert.keep_firing_for,
        labels=static_labels(system, view.name, alert.severity, notify, alert.labels),
        annotations=texts,
        origin=alert.name_span,
        kind="threshold",
        severity=alert.severity,
        notify=notify,
        service=view.name,
        conditions=tuple(conditions),
        spec=alert,
    )


def _condition(system: System, alert: Alert, view: ServiceView, raw: RawCondition, report: Report) -> Condition | None:
    signal = view.signals.get(raw.use.name)
    if signal is None:
        unknown_signal(system, raw.use, (view.name,), alert, "when", report)
        return None
    if not check_use(raw.use, signal, alert, "when", report):
        return None
    span = alert.at("when", raw.start, raw.end)
    value = threshold_in(signal, raw.threshold)
    if value is None:
        message = f"`{raw.threshold.text}` is {DIMENSIONS[raw.threshold.dimension].split(',')[0]}, but `{signal.name}` is {DIMENSIONS[signal.unit].split(',')[0]}"
        report.error("units/mismatch", message, span, help=unit_help(signal, raw.threshold))
        return None
    condition = Condition(find_use(raw.use, signal), raw.comparator, Quantity(value, signal.unit, raw.threshold.text))
    return condition if _can_fire(system, view, condition, span, report) else None


def _can_fire(system: System, view: ServiceView, condition: Condition, span: Span, report: Report) -> bool:
    """Report a threshold that no value of the signal can pass."""
    signal, value, comparator = condition.use.signal, condition.threshold.value, condition.comparator
    text = condition.threshold.text
    if signal.histogram is not None:
        name = getattr(signal.histogram, "name", "")
        info = system.registry.by_service[view.name].get(name)
        top = max(info.buckets) if info and info.buckets else None
        if top is not None and comparator in (">", ">=") and (value > top or (value == top and comparator == ">")):
            report.error(
                "alerts/threshold", f"`{condition.use}` can never be above {text}: the last bucket of `{name}` ends at {top:g}s", span,
                help=f"histogram_quantile returns at most {top:g}; add a bucket above {text} or lower the threshold",
            )  # fmt: skip
            return False
        return True
    shares = signal.form == "ratio" or signal.name == "availability"
    never = (comparator == ">" and value >= 1) or (comparator == ">=" and value > 1)
    never = never or (comparator == "<" and value <= 0) or (comparator == "<=" and value < 0)
    if signal.unit == "ratio" and shares and never:
        report.error(
            "alerts/threshold",
            f"`{signal.name}` is a share and can never be {comparator} {text}",
            span,
            help="choose a threshold between 0% and 100%",
        )
        return False
    return True


def condition_expr(service: str, conditions: list[Condition]) -> Expr:
    """The expression of an alert on signals of ``service``: every condition must hold."""
    parts = [Binary(c.comparator, recorded_selector(c.use, service), Number(c.threshold.value)) for c in conditions]
    expr: Expr = parts[0]
    for part, condition in zip(parts[1:], conditions[1:], strict=True):
        shared = [n for n in conditions[0].use.signal.by if n in condition.use.signal.by]
        matching = ON_SERVICE if not shared else Matching(True, (SERVICE, *shared))
        expr = Binary("and", expr, part, matching=matching)
    return expr


def raw_alert(system: System, alert: Alert, report: Report) -> list[AlertingRule]:
    """The rule of an alert that is written in PromQL."""
    assert alert.expr is not None
    try:
        expr = parse(alert.expr)
    except PromQLError as error:
        start, end = error.span
        report.error(
            "promql/syntax",
            f"invalid PromQL: {error.message}",
            alert.at("expr", start, max(end, start + 1)),
            help=error.help,
        )
        return []
    service = alert.services[0] if len(alert.services) == 1 and alert.services[0] in system.services else None
    notify = channels_of(system, alert)
    texts = {
        "summary": alert.summary or alert.name,
        **({"description": alert.description} if alert.description else {}),
        "value": "{{ $value | humanize }}",
        **messages.links(system, alert, alert.name, service, None),
    }
    return [
        AlertingRule(
            name=alert.name,
            expr=expr,
            for_=alert.for_,
            keep_firing_for=alert.keep_firing_for,
            labels=static_labels(system, service, alert.severity, notify, alert.labels),
            annotations=texts,
            origin=alert.name_span,
            kind="expr",
            severity=alert.severity,
            notify=notify,
            service=service,
            spec=alert,
        )
    ]
