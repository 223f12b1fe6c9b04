"""The text of a bucket's bound: mkit's exporters write `1.0`, others `1` or `1.0`, and a matcher compares texts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from monitoring_kit.exporters.runtime import Deadline, Registry

from monitoring_kit.pipeline import Compilation
from tests.unit.resolve.test_exposed import AI

Compile = Callable[..., Compilation]

MINE = "metrics:\n  my_seconds: {type: histogram, help: H., buckets: [1, 5], services: [det]}\n"
BLOCK = "exporters:\n  ai: {ingest: {http: true}}\n"
OTHER = "targets: ['ai-exporter:9642', 'model:8000']"


def found(result: Compilation) -> list[tuple[str, str]]:
    return [(str(d.severity.name), d.help or "") for d in result.report if d.code == "promql/unknown-value"]


@pytest.mark.parametrize(
    ("name", "bound", "severity"),
    [
        ("my_seconds", "5", "ERROR"),
        ("mkit_model_inference_duration_seconds", "1", "WARNING"),
        ("my_seconds", "5.0", None),
        ("my_seconds", "+Inf", None),
        ("mkit_model_inference_duration_seconds", "0.01", None),
    ],
)
def test_a_bound_that_is_written_otherwise(name: str, bound: str, severity: str | None, compile_text: Compile) -> None:
    alert = (
        f"alerts:\n  Mine: {{expr: 'rate({name}_bucket{{le=\"{bound}\"}}[5m]) > 5', severity: warning, summary: x}}\n"
    )
    text = AI + MINE + alert + BLOCK
    wanted = [(severity, f'mkit\'s exporters write this bound as "{bound}.0"')] if severity else []
    assert found(compile_text(text)) == wanted
    # Beside another target nobody knows who exposes a declared metric, and how.
    beside = text.replace("targets: ['ai-exporter:9642']", OTHER)
    assert found(compile_text(beside)) == (wanted if name.startswith("mkit_model") else [])


def test_the_exporters_write_bounds_so() -> None:
    registry = Registry("mkit_ai")
    family = registry.declare({"name": "my_seconds", "type": "histogram", "help": "H.", "buckets": [1, 5]})
    family.labels().observe(1)
    for form in ("text", "openmetrics"):
        text = registry.gather(Deadline.after(5)).render(form).decode()
        assert 'le="1.0"' in text
        assert 'le="1"' not in text
