"""A matcher whose last brace Alertmanager takes for the end of a list."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.routing.check import Alerts, RouteCheck
from monitoring_kit.checks.routing.config import Routing
from monitoring_kit.diagnostics import Diagnostic, Fix
from monitoring_kit.diagnostics.diagnostic import Severity

CODE = "routes/stripped-brace"


def run(routing: Routing, alerts: Alerts) -> Iterable[Diagnostic]:
    for item in routing.matcher_texts:
        text = item.text
        if not text.endswith("}") or text.startswith("{") or '"' in text:
            continue
        label, mark, value = next(
            ((a, m, b) for m in ("=~", "!~", "!=", "=") for a, s, b in [text.partition(m)] if s), ("", "", "")
        )
        if not label:
            continue
        wanted = f'{label}{mark}"{value.strip()}"'
        quoted = wanted if item.style == "" else wanted.replace('"', '\\"') if item.style == '"' else wanted
        yield Diagnostic(
            CODE, Severity.ERROR,
            f"Alertmanager strips the last `}}` of an unquoted matcher: it compares with `{value.strip()[:-1]}`", item.at(len(text) - 1, len(text)),
            f"write `{wanted}`", fix=Fix(item.at(0, len(text)), quoted),
        )  # fmt: skip


CHECK = RouteCheck(CODE, run)
