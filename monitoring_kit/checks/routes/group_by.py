"""group_by on a label that no alert has."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.routing.check import Alerts, RouteCheck
from monitoring_kit.checks.routing.config import Routing
from monitoring_kit.diagnostics import Diagnostic
from monitoring_kit.diagnostics.diagnostic import Severity
from monitoring_kit.diagnostics.suggest import closest
from monitoring_kit.load.nodes import Scalar, Sequence

CODE = "routes/group-by"


def run(routing: Routing, alerts: Alerts) -> Iterable[Diagnostic]:
    if not alerts:
        return
    for route in routing.routes():
        block = route.node.get("group_by")
        reaching = [alert for alert in alerts if alert.can(route.path())]
        for item in block.items if isinstance(block, Sequence) else ():
            if (
                not isinstance(item, Scalar)
                or item.text == "..."
                or not reaching
                or any(a.may_have(item.text) for a in reaching)
            ):
                continue
            near = closest(item.text, {name for alert in reaching for name in alert.known()})
            yield Diagnostic(
                CODE, Severity.WARNING, f"no alert that gets here has the label `{item.text}`: grouping by it does nothing", item.span,
                f"did you mean `{near}`?" if near else f"remove `{item.text}`",
            )  # fmt: skip


CHECK = RouteCheck(CODE, run)
