"""What stands around the exporter: its README, image, command line and pack say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml
from monitoring_kit.exporters.ai import health
from monitoring_kit.exporters.ai.catalog import model_specs
from monitoring_kit.exporters.ai.config import parse_config
from monitoring_kit.exporters.ai.meters import REASONS

from tests.servers import free_port
from tests.unit.exporters.ai.rig import Rig

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / "exporters/ai"
README = (FOLDER / "README.md").read_text()


def test_the_configurations_of_the_readme_are_accepted() -> None:
    found = set()
    for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL):
        data = yaml.safe_load(block)
        for key in {"quality", "drift"} & set(data):
            found.add(key)
            parse_config({**data, "metrics": {"ai_model_accuracy": {"type": "gauge", "help": "A."}}})
    assert found == {"quality", "drift"}


def test_the_readme_names_every_metric_and_reason() -> None:
    for name in model_specs(1):
        short = name.removeprefix("mkit_model_")
        assert short in README or (short.startswith("load_") and "`load_*`" in README), name
    for reason in REASONS:
        assert reason in README


def test_the_image_is_pinned_runs_as_nobody_and_is_checked_without_a_shell() -> None:
    docker = (FOLDER / "Dockerfile").read_text()
    assert re.search(r"^ARG PYTHON_IMAGE=python:\d+\.\d+\.\d+-slim-\w+$", docker, re.MULTILINE)
    assert re.search(r"^USER 10642:10642$", docker, re.MULTILINE)
    for word in ("HEALTHCHECK", "ENTRYPOINT"):
        command = docker.split(f"\n{word}", 1)[1].split("\n\n")[0]
        assert re.search(r'\["/opt/mkit/bin/python", "-m", "monitoring_kit\.exporters\.ai\.\w+"\]', command), word
    for line in (FOLDER / "requirements.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"[\w.\[\]-]+==[\w.]+", line)


def test_the_health_check_fails_where_nobody_listens() -> None:
    assert health.main([f"http://127.0.0.1:{free_port()}/-/healthy"]) == 1


def test_the_pack_reads_metrics_that_the_exporter_has(tmp_path: Path) -> None:
    pack = yaml.safe_load((ROOT / "rules/exporters/ai.yaml").read_text())
    config = {
        "quality": {"key": ["id"], "state_file": str(tmp_path / "q.db"),
                    "truth": {"source": {"kind": "sqlite", "url": f"sqlite:///{tmp_path / 'x.db'}"}, "query": "SELECT id, value FROM t"}},
        "drift": {"features": {"c": "mkit_model_confidence_ratio"}}, "gpu": False,
    }  # fmt: skip
    with Rig(config) as rig:
        registry = rig.exporter.registry
        known = {family.name: family for family in registry.families}
        own = {"mkit_ai_series": ("gauge", set()), "mkit_ai_series_dropped_total": ("counter", {"metric", "reason"})}
        for name, body in pack["metrics"].items():
            kind, labels = own.get(name) or (known[name].kind, set(known[name].label_names))
            assert body["type"] == kind, name
            assert set(body.get("labels", {})) <= labels, name


def test_a_command_line_without_a_configuration_is_wrong_usage() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "monitoring_kit", "exporter", "ai"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "--config FILE is needed" in done.stderr) == (2, True)


def test_the_command_line_has_both_verbs() -> None:
    for args, words in (
        (["ai", "--help"], "--config"),
        (["baseline", "--help"], "--values"),
        (["ai", "--version"], "mkit-exporter-ai"),
    ):
        command = [sys.executable, "-m", "monitoring_kit", "exporter", *args]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, words in done.stdout) == (0, True), done.stderr
