"""An inhibition that compares a label which alerts lack: a missing label equals a missing label."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.routing.check import Alerts, RouteCheck
from monitoring_kit.checks.routing.config import Routing
from monitoring_kit.diagnostics import Diagnostic
from monitoring_kit.diagnostics.diagnostic import Severity
from monitoring_kit.diagnostics.suggest import closest

CODE = "routes/equal-label"


def run(routing: Routing, alerts: Alerts) -> Iterable[Diagnostic]:
    for rule in routing.inhibitions:
        sources = [alert for alert in alerts or () if alert.can(rule.source)]
        targets = [alert for alert in alerts or () if alert.can(rule.target)]
        for label, span in rule.equal if sources and targets else ():
            if any(alert.may_have(label) for alert in targets):
                continue
            if any(alert.may_have(label) for alert in sources):
                if all(alert.must_have(label) for alert in sources):
                    yield Diagnostic(
                        CODE,
                        Severity.WARNING,
                        f"every source has the label `{label}` and no target has it: they are never equal, nothing is held back",
                        span,
                        f"remove `{label}`",
                    )
                continue
            near = closest(label, {name for alert in targets for name in alert.known()})
            yield Diagnostic(
                CODE, Severity.WARNING,
                f"no alert here has the label `{label}`, and two missing labels count as equal: one source holds back every target, of whatever it is",
                span, f"did you mean `{near}`?" if near else "compare a label that both have",
            )  # fmt: skip


CHECK = RouteCheck(CODE, run)
