"""``${NAME}`` and ``${NAME:-default}`` in scalars, filled from the environment at compile time."""

from __future__ import annotations

import re
from collections.abc import Mapping as Map

from monitoring_kit.diagnostics import Report
from monitoring_kit.load.nodes import Node, Scalar, Sequence

# Upper case only: Grafana's `${datasource}` and `${__url_time_range}` must pass through untouched.
_PLACEHOLDER = re.compile(r"\$\$\{|\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}")


def fill(node: Node, environ: Map[str, str], report: Report) -> None:
    """Replace the placeholders below ``node`` in place; a name that is not set and has no default is reported.

    ``$${`` stands for a literal ``${``.
    """
    pending: list[Node] = [node]
    seen: set[int] = set()
    while pending:
        here = pending.pop()
        if isinstance(here, Scalar):
            if "${" in here.text:
                _fill_scalar(here, environ, report)
        elif id(here) not in seen:
            seen.add(id(here))
            pending += here.items if isinstance(here, Sequence) else [e.value for e in here.entries.values()]


def _fill_scalar(node: Scalar, environ: Map[str, str], report: Report) -> None:
    def value(match: re.Match[str]) -> str:
        if match.group() == "$${":
            return "${"
        name, default = match.group(1), match.group(2)
        if name in environ:
            return environ[name]
        if default is None:
            report.error(
                "env/unset", f"the environment variable {name} is not set", node.at(match.start(), match.end()),
                help=f"set it, or give a default: ${{{name}:-value}}",
            )  # fmt: skip
        return default or ""

    text = _PLACEHOLDER.sub(value, node.text)
    if text != node.text:
        node.text, node.replaced = text, True
