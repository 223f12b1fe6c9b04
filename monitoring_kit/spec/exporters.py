"""Records of the spec: the exporters that mkit ships."""

from __future__ import annotations

from typing import Any

from monitoring_kit.frozen import dataclass
from monitoring_kit.spec.shapes import Anything, Item, key


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporters(Item):
    """The exporters that run as sidecars."""

    business: dict[str, Any] | None = key(
        Anything(),
        "The business exporter: `sources`, and what to `collect` from them. Every key, and a full example: "
        "[business exporter](../exporters/business/README.md#in-a-spec).",
    )
    ai: dict[str, Any] | None = key(
        Anything(),
        "The AI exporter: ingest, model, ground truth, drift, GPU. Every key, and a full example: "
        "[AI exporter](../exporters/ai/README.md#in-a-spec).",
    )
