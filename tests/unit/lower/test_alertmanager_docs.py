"""The guide to alert delivery says what the compiler does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from monitoring_kit.lower.alertmanager import Router
from monitoring_kit.pipeline import Compilation
from monitoring_kit.spec.channels import CHANNEL
from tests.unit.lower.alertmanager_tools import alertmanager, check_config

GUIDE = Path(__file__).parents[3] / "docs" / "alert-delivery.md"


def test_the_guides_spec_compiles_and_routes_as_it_says(
    compile_text: Callable[..., Compilation], tmp_path: Path
) -> None:
    found = re.search(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    compiled = compile_text(found[1])
    assert compiled.ok, [d.message for d in compiled.report]
    files = alertmanager(compiled)
    assert files.found == []
    check_config(files, tmp_path)
    assert compiled.system is not None
    assert compiled.model is not None
    router = Router(compiled.system, compiled.model)
    reached = {a.name: router.channels({"alertname": a.name, **a.labels}) for a in compiled.model.alerts}
    assert reached["HighErrorRate"] == {"chat", "pager"}
    assert reached["Watchdog"] == {"heartbeat"}
    assert router.channels({"alertname": "Foreign"}) == {"mail"}


def test_the_guide_lists_every_kind() -> None:
    listed = re.findall(r"^\| ([a-z]+) \| 0\.", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(CHANNEL.kinds)
