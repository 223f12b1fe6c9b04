"""Inhibition: which firing alert holds back which others.

Alertmanager takes two missing labels for equal, so every label of ``equal`` is asked to be there on both sides. No alert
can be on both sides of an emitted rule: none holds back itself, and none is left to what Alertmanager does with such an
alert, which differs between versions (0.25 and 0.28 hold it back where a source stands on one side alone; 0.33, which
remembers one source for all that are equal, may not).
"""

from __future__ import annotations

from monitoring_kit.conventions import (
    ALERTNAME,
    SERVICE,
    SERVICE_ABSENT,
    SERVICE_DOWN,
    SEVERITY,
    SLO,
    SLO_ALERTS,
    SLO_TIER,
    TARGET_DOWN,
    WATCHDOG,
)
from monitoring_kit.diagnostics import Note, Report, Span
from monitoring_kit.lower.alertmanager_matchers import differs, equals, none_of, one_of, present
from monitoring_kit.lower.model import Model
from monitoring_kit.lower.tree import Branch
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.alerting import Inhibition

GONE = (SERVICE_DOWN, SERVICE_ABSENT)


def inhibit_rules(system: System, model: Model) -> list[Branch]:
    """All inhibition rules: critical over the rest of a service, dead dependency over its dependants, fast burn-rate alerts
    over slower ones of the same SLO, the spec's own."""
    here = sorted(system.external_labels)
    rules = [_severity_rule(system, here)]
    rules += _dependency_rules(system, model, here)
    rules += _tier_rules(model, here)
    for rule in system.spec.alerting.inhibit:
        rules += _own_rules(rule) if _sound(rule) else []
    return rules


def _severity_rule(system: System, here: list[str]) -> Branch:
    return _rule(
        system.spec.alerting.node.span,
        source=[equals(SEVERITY, "critical")],
        target=[one_of(SEVERITY, ("warning", "info")), differs(ALERTNAME, WATCHDOG)],
        equal=[SERVICE, *here],
    )


def _dependency_rules(system: System, model: Model, here: list[str]) -> list[Branch]:
    """One rule a service that others depend on, as far as it has an alert that tells of its death."""
    told = {(rule.service, rule.name) for rule in model.alerts}
    rules = []
    for view in system.services.values():
        names = [name for name in GONE if (view.name, name) in told]
        dependants = [name for name in view.dependants if name != view.name]
        if names and dependants:
            rules.append(
                _rule(
                    view.origin,
                    source=[one_of(ALERTNAME, names), equals(SERVICE, view.name)],
                    target=[one_of(SERVICE, dependants), none_of(ALERTNAME, (*GONE, TARGET_DOWN, WATCHDOG))],
                    equal=here,
                )
            )
    return rules


def _tier_rules(model: Model, here: list[str]) -> list[Branch]:
    """While a fast burn-rate alert of an SLO fires, its slower ones hold their tongue: the same incident, told once.

    One rule a tier and set of labels that SLOs are grouped by: a group's alert holds back that group's alone.
    """
    groupings = {tuple(sorted(plan.by)): plan.origin for plan in model.slos}
    every = sorted({label for by in groupings for label in by})
    names = [tier.replace("_", "-") for tier in SLO_ALERTS]
    rules = []
    for by, origin in groupings.items():
        others = [equals(label, "") for label in every if label not in by]
        for index, tier in enumerate(names[:-1]):
            rules.append(
                _rule(
                    origin,
                    source=[equals(SLO_TIER, tier), *others],
                    target=[one_of(SLO_TIER, names[index + 1 :]), *others],
                    equal=[SERVICE, SLO, *by, *here],
                )
            )
    return rules


def _own_rules(rule: Inhibition) -> list[Branch]:
    """The spec's rule without the alerts that are sources themselves: "not (a and b)" takes a rule for each label."""
    return [
        _rule(
            rule.node.span,
            source=[equals(name, value) for name, value in rule.source.items()],
            target=[*(equals(name, value) for name, value in rule.target.items()), *_sparing_watchdog(rule), *apart],
            equal=list(dict.fromkeys(rule.equal)),
            known=(rule.source, rule.target),
        )
        for apart in _apart(rule)
    ]


def _apart(rule: Inhibition) -> list[list[str]]:
    """What keeps sources out of the targets: one matcher for each emitted rule, [[]] when they cannot meet anyway, [] when
    every target is a source."""
    target = {name: rule.source[name] for name in rule.equal if name in rule.source} | rule.target
    if any(target.get(name, value) != value for name, value in rule.source.items()):
        return [[]]
    return [[differs(name, value)] for name, value in rule.source.items() if name not in target]


def _sparing_watchdog(rule: Inhibition) -> list[str]:
    return [] if ALERTNAME in rule.target else [differs(ALERTNAME, WATCHDOG)]


def _rule(
    origin: Span, *, source: list[str], target: list[str], equal: list[str],
    known: tuple[dict[str, str], dict[str, str]] = ({}, {}),
) -> Branch:  # fmt: skip
    return Branch(
        origin,
        source_matchers=source + [present(name) for name in equal if not known[0].get(name)],
        target_matchers=target + [present(name) for name in equal if not known[1].get(name)],
        equal=equal or None,
    )


def _sound(rule: Inhibition) -> bool:
    watchdog = WATCHDOG in (rule.source.get(ALERTNAME), rule.target.get(ALERTNAME))
    return bool(rule.source and rule.target) and not watchdog and bool(_apart(rule))


def check_inhibitions(system: System, report: Report) -> None:
    """Report the spec's own inhibition rules that hold back too much, nothing, or each other."""
    rules = system.spec.alerting.inhibit
    for index, rule in enumerate(rules):
        _check_rule(rule, report)
        for earlier in rules[:index]:
            if earlier.source == rule.target and earlier.target == rule.source and _sound(rule):
                report.error(
                    "alertmanager/inhibit-cycle", "two inhibition rules hold back each other's source: when both fire, nobody hears of either", rule.node.span,
                    notes=(Note(earlier.node.span, "the other one"),), help="keep the rule whose source is the cause",
                )  # fmt: skip


def _check_rule(rule: Inhibition, report: Report) -> None:
    for side in ("source", "target"):
        labels = getattr(rule, side)
        if not labels:
            report.error(
                "alertmanager/inhibit-all",
                f"an empty `{side}` matches every alert",
                rule.at(side),
                help="name at least one label",
            )
        elif labels.get(ALERTNAME) == WATCHDOG:
            what = "always fires and would hold these back for ever" if side == "source" else "must never be held back"
            report.error("alertmanager/inhibit-watchdog", f"the watchdog {what}", rule.at(side))
    if rule.source and rule.target and not _apart(rule):
        report.error(
            "alertmanager/inhibit-self", "every target is a source as well, and an alert does not hold back itself", rule.at("source"),
            help="add to `source` what tells the cause from the symptoms, such as `severity: critical`",
        )  # fmt: skip
    for index, label in enumerate(rule.equal):
        left, right = rule.source.get(label), rule.target.get(label)
        if left is not None and right is not None and left != right:
            report.error(
                "alertmanager/inhibit-never", f"`{label}` must be equal, but is `{left}` on one side and `{right}` on the other", rule.at("equal", index=index),
                help=f"remove `{label}` from `equal`",
            )  # fmt: skip
