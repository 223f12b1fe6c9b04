"""Service level objectives to rules: event-weighted ratios, burn-rate alerts in tiers, and what is left of each budget.

One idea a file: `sli` (what is counted), `classify` (whether counts may be added up over time), `period`, `windows` (the
table of burn rates), `maintenance`, `level0` to `tiles` (the recorded rates), `ratios`, `alerts`, `low_traffic`,
`vanished`, `meta`, and `groups`, which puts them in order.
"""

from monitoring_kit.lower.slo.groups import slo_groups
from monitoring_kit.lower.slo.plan import SloPlan, plan_slos

__all__ = ["SloPlan", "plan_slos", "slo_groups"]
