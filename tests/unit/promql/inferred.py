"""What is inferred of an expression, spelled in one line so that tests can say what they expect.

``{job! status="500"! queue -le …}`` are the labels of a branch: ``!`` guaranteed, ``="x"`` one constant, ``-`` impossible for a
reason of its own, ``…`` that there may be others. Then come kind, unit, ``[low, high]`` or ``{steps}`` and marks: ``dead``,
``always``, ``filtered``, ``always-true``, ``const``, ``scalar``, ``of NAME`` for the metric's own values. Branches are joined by
`` | ``. Nothing is written for what is unknown.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from monitoring_kit.checks.world import spec_world
from monitoring_kit.pipeline import compile_spec
from monitoring_kit.promql import parse
from monitoring_kit.promql.infer import Source, infer
from monitoring_kit.promql.world import INF, World
from tests.unit.checks.world_text import SPEC


@cache
def world() -> World:
    """The world of the checks' spec: see `tests.unit.checks.world_text`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mkit.yaml"
        path.write_text(SPEC)
        result = compile_spec(path, None, {})
    assert result.system is not None
    assert result.model is not None
    return spec_world(result.system, result.model)


def inferred(text: str, known: World | None = None) -> str:
    """The value of the whole expression."""
    expr = parse(text, variables=True)
    return " | ".join(spelled(source) for source in infer(expr, world() if known is None else known)[expr])


def spelled(source: Source) -> str:
    labels = [
        name + (f'="{fact.value}"' if fact.value is not None else "") + ("!" if fact.sure else "")
        for name, fact in source.have.items()
    ]
    labels += [f"-{name}" for name in source.gone] + ([] if source.rest else ["…"])
    parts = ["{" + " ".join(labels) + "}", source.kind or "", source.unit or ""]
    if source.steps is not None:
        parts.append("{" + " ".join(f"{step:g}" for step in sorted(source.steps)) + "}")
    if (source.low, source.high) != (-INF, INF):
        parts.append(f"[{source.low:g}, {source.high:g}]")
    marks = {
        "dead": source.dead, "always": source.always, "filtered": source.filtered, "always-true": source.tautology,
        "const": source.const, "scalar": source.scalar, f"of {source.series.name}" if source.series else "": source.series,
    }  # fmt: skip
    return " ".join(part for part in [*parts, *(mark for mark, on in marks.items() if on)] if part)
