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
    pages = [
        OutFile(conventions.DOCS_INDEX, "text", index(facts)),
        OutFile(conventions.DOCS_METRICS, "text", metric_reference(facts)),
    ]
    for name, view in system.services.items():
        text = service_page(facts, view)
        pages.append(OutFile(conventions.service_page_path(name), "text", text, origin=view.origin))
    for name, rules in facts.alerts.items():
        text = runbook(facts, name, rules)
        pages.append(OutFile(conventions.runbook_path(name), "text", text, origin=rules[0].origin))
    return pages
