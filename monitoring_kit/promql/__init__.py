"""PromQL as a typed tree: parse, build, transform and print expressions.

``parse`` and ``print_expr`` are inverse; `monitoring_kit.promql.build` has the combinators,
`monitoring_kit.promql.transform` the rewrites and `monitoring_kit.promql.ast` the nodes.
"""

from monitoring_kit.promql.ast import Expr
from monitoring_kit.promql.errors import PromQLError, Span, line_column
from monitoring_kit.promql.parser import parse
from monitoring_kit.promql.printer import print_expr
from monitoring_kit.promql.requires import requires
from monitoring_kit.promql.transform import (
    add_matchers,
    rename_labels,
    rename_metrics,
    replace_durations,
    replace_variables,
    rewrite,
    variables,
)
from monitoring_kit.promql.walk import children, metric_name, metrics, selectors, value_type, walk

__all__ = [
    "Expr",
    "PromQLError",
    "Span",
    "add_matchers",
    "children",
    "line_column",
    "metric_name",
    "metrics",
    "parse",
    "print_expr",
    "rename_labels",
    "rename_metrics",
    "replace_durations",
    "replace_variables",
    "requires",
    "rewrite",
    "selectors",
    "value_type",
    "variables",
    "walk",
]
