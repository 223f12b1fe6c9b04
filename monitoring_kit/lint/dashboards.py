"""The PromQL of Grafana dashboards (JSON), each query at its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitoring_kit.diagnostics import Report, Source
from monitoring_kit.lint.places import Place
from monitoring_kit.load.files import documents
from monitoring_kit.load.nodes import Mapping, Node, Scalar, Sequence
from monitoring_kit.promql import Expr, PromQLError, parse

# Datasource types that speak PromQL; a plain name or a variable can be anything and is then judged by the query itself.
PROMETHEUS = (
    "prometheus",
    "grafana-amazonprometheus-datasource",
    "grafana-azureprometheus-datasource",
    "victoriametrics-metrics-datasource",
)


@dataclass(slots=True, eq=False)
class PanelQuery:
    """One query of a panel; ``unit`` is the panel's, None where it has none or several queries share it."""

    dashboard: str
    title: str
    expr: Expr
    text: str
    place: Place
    unit: str | None


def is_dashboard(root: Node) -> bool:
    """Whether a JSON document is a dashboard, plain or as the HTTP API wraps it."""
    if not isinstance(root, Mapping):
        return False
    inner = root.get("dashboard")
    return any(
        "panels" in node.entries or "rows" in node.entries for node in (root, inner) if isinstance(node, Mapping)
    )


def read_dashboard(source: Source, report: Report) -> list[PanelQuery]:
    """Every Prometheus query of a dashboard. What is no PromQL is reported where the datasource is known to be Prometheus."""
    found: list[PanelQuery] = []
    for document in documents(source, report):
        root = document.root
        if not is_dashboard(root):
            report.info(
                "lint/not-dashboard",
                "this is no dashboard: it has neither `panels` nor `rows`",
                root.span,
                help="leave the file out",
            )
            continue
        assert isinstance(root, Mapping)
        inner = root.get("dashboard")
        board = inner if isinstance(inner, Mapping) else root
        title = _text(board, "title") or source.file
        for panel, kind in _panels(board, ""):
            found += _queries(panel, kind, title, report)
    return found


def _panels(node: Mapping, kind: str) -> Iterator[tuple[Mapping, str]]:
    """Panels with the type of the datasource they inherit, rows and library panels opened."""
    for key in ("panels", "rows"):
        block = node.get(key)
        for panel in block.items if isinstance(block, Sequence) else ():
            if isinstance(panel, Mapping):
                yield panel, kind
                yield from _panels(panel, kind)


def _queries(panel: Mapping, kind: str, title: str, report: Report) -> Iterator[PanelQuery]:
    own = _datasource(panel) or kind
    targets = panel.get("targets")
    listed = [t for t in targets.items if isinstance(t, Mapping)] if isinstance(targets, Sequence) else []
    unit = _unit(panel) if len([t for t in listed if "expr" in t.entries]) == 1 else None
    for target in listed:
        node = target.get("expr")
        type_ = _datasource(target) or own
        if not isinstance(node, Scalar) or not node.text.strip() or (type_ and type_ not in PROMETHEUS):
            continue
        place = Place(panel.span, {"expr": node})
        if unit is not None:
            place.fields["unit"] = unit
        try:
            expr = parse(node.text, variables=True)
        except PromQLError as error:
            if type_:
                report.error(
                    "promql/syntax",
                    f"invalid PromQL: {error.message}",
                    place.at("expr", *error.span),
                    help=error.help,
                )
            continue
        yield PanelQuery(
            title, _text(panel, "title") or "panel", expr, node.text, place, unit.text if unit is not None else None
        )


def _datasource(node: Mapping) -> str:
    """The type of the node's datasource in lower case, "" when it is not said."""
    block = node.get("datasource")
    return _text(block, "type").lower() if isinstance(block, Mapping) else ""


def _unit(panel: Mapping) -> Scalar | None:
    node: Node | None = panel
    for key in ("fieldConfig", "defaults", "unit"):
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, Scalar) and not node.is_null else None


def _text(node: Mapping, key: str) -> str:
    value = node.get(key)
    return value.text if isinstance(value, Scalar) and not value.is_null else ""
