"""An inhibition rule whose source or target no alert can match."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.routes.never_matches import guilty, suggestion
from monitoring_kit.checks.routing.check import Alerts, RouteCheck
from monitoring_kit.checks.routing.config import Routing
from monitoring_kit.checks.routing.matchers import contradiction
from monitoring_kit.diagnostics import Diagnostic, Note
from monitoring_kit.diagnostics.diagnostic import Severity

CODE = "routes/inhibit-never"


def run(routing: Routing, alerts: Alerts) -> Iterable[Diagnostic]:
    for rule in routing.inhibitions:
        for side, matchers in (("source", rule.source), ("target", rule.target)):
            if not matchers:
                continue
            effect = "nothing is ever held back" if side == "source" else "there is nothing to hold back"
            clash = contradiction(matchers)
            if clash is not None:
                text = f"no value of `{clash[0].label}` satisfies {' and '.join(f'`{m}`' for m in clash)}: {effect}"
                yield Diagnostic(
                    CODE,
                    Severity.ERROR,
                    text,
                    clash[0].span,
                    "correct the matchers",
                    tuple(Note(m.span, "this must hold as well") for m in clash[1:]),
                )
            elif alerts and not any(alert.can(matchers) for alert in alerts):
                matcher = guilty(matchers, matchers, alerts)
                text = f"none of the {len(alerts)} alerts can be the {side}: {effect}"
                yield Diagnostic(
                    CODE, Severity.WARNING, text, (matcher or matchers[0]).span, suggestion(matcher, alerts)
                )


CHECK = RouteCheck(CODE, run)
