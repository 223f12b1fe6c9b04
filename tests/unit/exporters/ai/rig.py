"""An AI exporter in this process, built from plain configuration."""

from __future__ import annotations

from typing import Any

from monitoring_kit.exporters.ai.build import make_exporter
from monitoring_kit.exporters.ai.config import parse_config
from monitoring_kit.exporters.ai.intake import Intake
from monitoring_kit.exporters.ai.parts import Lasting
from monitoring_kit.exporters.runtime import Deadline, Exporter, Request, Response


class Rig:
    """The exporter, its intake, and what a scrape shows."""

    def __init__(self, config: dict[str, Any], lasting: Lasting | None = None) -> None:
        self.lasting = lasting or Lasting()
        self.exporter: Exporter = make_exporter(parse_config(config), self.lasting)
        for start in self.exporter.start:
            start()
        assert self.lasting.intake is not None
        self.intake: Intake = self.lasting.intake

    def close(self) -> None:
        for close in self.exporter.close:
            close()
        self.exporter.registry.close()

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def text(self) -> str:
        return self.exporter.registry.gather(Deadline.after(5)).render("text").decode()

    def value(self, name: str, **labels: str) -> float | None:
        """One sample after a scrape."""
        self.exporter.registry.gather(Deadline.after(5))
        return self.exporter.registry.value(name, labels)

    def dropped(self, transport: str, reason: str) -> float:
        found = self.exporter.registry.value("mkit_ai_ingest_dropped_total", {"transport": transport, "reason": reason})
        assert found is not None
        return found

    def post(self, body: bytes) -> Response:
        (route,) = (route for route in self.exporter.routes if route.path == "/v1/events")
        return route.handler(Request("POST", "/v1/events", body=body))
