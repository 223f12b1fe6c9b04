"""Grafana: dashboards of the system, of every service and of the spec, and their provisioning."""

from __future__ import annotations

from monitoring_kit.conventions import GRAFANA_DASHBOARDS, slug
from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.dashboards.context import Context
from monitoring_kit.lower.dashboards.custom import custom_board
from monitoring_kit.lower.dashboards.overview import overview_board
from monitoring_kit.lower.dashboards.provisioning import provisioning_files
from monitoring_kit.lower.dashboards.service import service_board
from monitoring_kit.lower.dashboards.slo import slo_board
from monitoring_kit.lower.dashboards.unique import check_unique
from monitoring_kit.lower.model import Model
from monitoring_kit.lower.tree import Branch, OutFile
from monitoring_kit.resolve.system import System

__all__ = ["lower_grafana"]


def lower_grafana(system: System, model: Model, report: Report) -> list[OutFile]:
    """The Grafana files of ``system``: classic dashboard JSON (schemaVersion 42) and provisioning.

    One dashboard shows the system, one each service, one the objectives, and one each of the spec's own. Mistakes go to ``report``: a unit
    that Grafana does not know, an undefined variable, two dashboards with one uid or title.
    """
    context = Context(system, model, report)
    boards: dict[str, Branch] = {"system": overview_board(context)}
    made = list(boards.values())
    for name, view in system.services.items():
        made.append(service_board(context, view))
        boards[f"service-{slug(name)}"] = made[-1]
    if model.slos:
        made.append(slo_board(context))
        boards["slo"] = made[-1]
    for name, spec in system.spec.dashboards.items():
        made.append(custom_board(context, spec))
        boards[f"board-{slug(name)}"] = made[-1]
    check_unique(context, made)
    files = [OutFile(f"{GRAFANA_DASHBOARDS}/{key}.json", "json", board) for key, board in boards.items()]
    return files + provisioning_files(context)
