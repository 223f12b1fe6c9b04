"""What-if: the same alert with other thresholds, or another `for`. `HighErrorRate.threshold=3%,5%,8%`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.live.backtest.jobs import Job, job_of
from monitoring_kit.lower.alerts import condition_expr
from monitoring_kit.lower.model import AlertingRule, Model
from monitoring_kit.lower.uses import threshold_in
from monitoring_kit.promql import Expr
from monitoring_kit.promql.ast import COMPARISONS, Binary, Number, Paren
from monitoring_kit.spec.quantity import DIMENSIONS, Duration, Quantity, parse_quantity

KEYS = ("threshold", "for", "keep_firing_for")
MAX_VARIANTS = 200
_SETTING = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\.([A-Za-z_]+)=(.+)")


class SettingError(ValueError):
    """A --set that cannot be read or applied."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One --set: the alert's name, what to change, and the values as written."""

    alert: str
    key: str
    values: tuple[str, ...]


def parse_setting(text: str) -> Setting:
    """`ALERT.KEY=VALUE[,VALUE...]`, KEY one of threshold, for, keep_firing_for. Raises SettingError."""
    match = _SETTING.fullmatch(text.strip())
    if match is None:
        raise SettingError(f"`{text}` is not ALERT.KEY=VALUE,VALUE; write HighErrorRate.threshold=3%,5%,8%")
    if match[2] not in KEYS:
        raise SettingError(f"`{match[2]}` cannot be set; {did_you_mean(match[2], KEYS, 'keys')}")
    values = tuple(dict.fromkeys(v.strip() for v in match[3].split(",") if v.strip()))
    if not values:
        raise SettingError(f"`{text}` names no value")
    return Setting(match[1], match[2], values)


def variants(model: Model, settings: Sequence[Setting]) -> list[Job]:
    """A job for each value of each setting and each rule of that alert. Raises SettingError for what does not fit."""
    found = []
    names = {rule.name for rule in model.alerts}
    for setting in settings:
        if setting.alert not in names:
            raise SettingError(f"there is no alert `{setting.alert}`; {did_you_mean(setting.alert, names, 'alerts')}")
        for group in model.groups:
            for rule in group.rules:
                if isinstance(rule, AlertingRule) and rule.name == setting.alert:
                    for value in setting.values:
                        found.append(job_of(changed(rule, setting.key, value), model, group, f"{setting.key}={value}"))
    if len(found) > MAX_VARIANTS:
        raise SettingError(f"{len(found)} variants; at most {MAX_VARIANTS} at a time")
    return found


def changed(rule: AlertingRule, key: str, value: str) -> AlertingRule:
    """``rule`` with another threshold, ``for`` or ``keep_firing_for``. Raises SettingError."""
    if key != "threshold":
        try:
            duration = Duration.of(value)
        except ValueError as error:
            raise SettingError(str(error)) from None
        return replace(rule, for_=duration) if key == "for" else replace(rule, keep_firing_for=duration)
    try:
        quantity = parse_quantity(value)
    except ValueError as error:
        raise SettingError(str(error)) from None
    if rule.conditions and rule.service is not None:
        return _with_condition(rule, quantity)
    return replace(rule, expr=_with_number(rule, rule.expr, quantity), text="")


def _with_condition(rule: AlertingRule, quantity: Quantity) -> AlertingRule:
    if len(rule.conditions) > 1:
        raise SettingError(
            f"`{rule.name}` has {len(rule.conditions)} conditions: which threshold is meant is not clear"
        )
    (condition,) = rule.conditions
    value = threshold_in(condition.use.signal, quantity)
    if value is None:
        raise SettingError(
            f"`{quantity.text}` does not fit `{condition.use}`, which is {DIMENSIONS[condition.use.signal.unit]}"
        )
    other = replace(condition, threshold=Quantity(value, condition.threshold.dimension, quantity.text))
    return replace(rule, conditions=(other,), expr=condition_expr(rule.service or "", [other]), text="")


def _with_number(rule: AlertingRule, expr: Expr, quantity: Quantity) -> Expr:
    if isinstance(expr, Paren):
        return replace(expr, expr=_with_number(rule, expr.expr, quantity))
    if isinstance(expr, Binary) and expr.op in COMPARISONS and isinstance(expr.rhs, Number):
        return replace(expr, rhs=Number(quantity.value))
    raise SettingError(
        f"the expression of `{rule.name}` does not end in a comparison with a number: it has no threshold to set"
    )
