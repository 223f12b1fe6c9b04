"""A simulated system that nothing breaks fires no alert: judged by the real promtool on the generated rules."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from monitoring_kit.pipeline import Compilation, compile_spec
from monitoring_kit.stack.simulation_plan import plan
from monitoring_kit.stack.simulator import Simulation
from monitoring_kit.stack.tools import find_tools
from tests.conftest import CHANNEL, HEAD

EXAMPLE = Path(__file__).parents[3] / "examples/ai-camera-counting/mkit.yaml"
PROMTOOL = find_tools()["promtool"].path
STEP, STEPS = 30, 60  # seconds; half an hour, which is longer than the `for` of most alerts


def _series(result: Compilation) -> list[dict[str, str]]:
    """What Prometheus would have scraped, in promtool's notation."""
    assert result.system is not None
    assert result.model is not None
    found: dict[str, list[str]] = {}
    for index, service in enumerate(plan(result.system, result.model)):
        target = f'job="{service.service}",service="{service.service}",instance="{service.service}:1"'
        found[f"up{{{target}}}"] = ["1"] * STEPS
        simulation = Simulation(service.plain(), seed=index, now=0)
        for step in range(STEPS):
            for family in text_string_to_metric_families(simulation.exposition(step * STEP)):
                for sample in family.samples:
                    labels = "".join(
                        f",{k}={v!r}".replace("'", '"') for k, v in sample.labels.items() if k != "service"
                    )
                    found.setdefault(f"{sample.name}{{{target}{labels}}}", []).append(repr(sample.value))
    return [{"series": name, "values": " ".join(values)} for name, values in found.items()]


def _firing(result: Compilation, folder: Path) -> str:
    """promtool's answer to: which alerts fire at the end? Nothing in it is a pass."""
    names = []
    for path, output in result.outputs.items():
        if path.startswith("prometheus/rules/"):
            (folder / Path(path).name).write_bytes(output.data)
            names.append(Path(path).name)
    query = {
        "expr": 'sum by (alertname, service) (ALERTS{alertstate="firing", alertname!="Watchdog"})',
        "eval_time": f"{STEP * (STEPS - 1)}s",
        "exp_samples": [],
    }
    test = {"interval": f"{STEP}s", "input_series": _series(result), "promql_expr_test": [query]}
    file = folder / "normal.test.yml"
    file.write_text(
        yaml.safe_dump({"rule_files": names, "evaluation_interval": f"{STEP}s", "tests": [test]}, width=10**9)
    )
    done = subprocess.run(
        [str(PROMTOOL), "test", "rules", file.name], cwd=folder, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not here: run `make tools`")
def test_the_example_is_quiet(tmp_path: Path) -> None:
    assert _firing(compile_spec(EXAMPLE), tmp_path) == ""


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not here: run `make tools`")
def test_every_kind_is_quiet(tmp_path: Path, compile_text: Callable[..., Compilation]) -> None:
    kinds = ("http", "ai-model", "business", "mysql", "redis", "node", "container", "prometheus", "alertmanager")
    services = "".join(f"  s-{kind}: {{kind: {kind}, scrape: {{targets: ['{kind}:80']}}}}\n" for kind in kinds)
    result = compile_text(HEAD + CHANNEL + "services:\n" + services)
    assert result.ok
    assert _firing(result, tmp_path) == ""
