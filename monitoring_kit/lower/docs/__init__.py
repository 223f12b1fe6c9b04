"""Documentation for the people who run the system: an index, a metric reference, a page a service, a runbook an alert."""

from __future__ import annotations

from monitoring_kit import conventions
from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.docs.facts import Facts
from monitoring_kit.lower.docs.index import index
from monitoring_kit.lower.docs.metrics import metric_reference
from monitoring_kit.lower.docs.runbooks import runbook
from monitoring_kit.lower.docs.services import service_page
from monitoring_kit.lower.model import Model
from monitoring_kit.lower.tree import OutFile
from monitoring_kit.resolve.system import System

__all__ = ["lower_docs"]


def lower_docs(system: System, model: Model, report: Report) -> list[OutFile]:
    """The pages under ``docs/``: Markdown with relative links, complete without a network."""
    facts = Facts.of(system, model)
    pages = {conventions.DOCS_INDEX: index(facts), conventions.DOCS_METRICS: metric_reference(facts)}
    for name, view in system.services.items():
        pages[conventions.service_page_path(name)] = service_page(facts, view)
    for name, rules in facts.alerts.items():
        pages[conventions.runbook_path(name)] = runbook(facts, name, rules)
    return [OutFile(path, "text", text) for path, text in pages.items()]
