"""The committed page of simulated incidents: what the example does in every scenario."""

from __future__ import annotations

from monitoring_kit.live.simulate.report import HEAD, as_text
from monitoring_kit.live.simulate.run import simulate
from monitoring_kit.live.simulate.scenario import library
from monitoring_kit.pipeline import compile_spec

EXAMPLE = "examples/ai-camera-counting/mkit.yaml"
PAGE = "docs/simulation.md"


def simulation_report(spec: str = EXAMPLE) -> str:
    """The text of ``docs/simulation.md``; minutes of work, the same at every run with the same rules and the same Prometheus.

    Raises BacktestError when a tool is missing or fails, ValueError for a spec with mistakes.
    """
    compilation = compile_spec(spec)
    if not compilation.ok:
        raise ValueError(f"{spec} has mistakes: run mkit check {spec}")
    return HEAD.format(spec=spec) + as_text(simulate(compilation, list(library().values())), markdown=True)
