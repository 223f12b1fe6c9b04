"""What mkit ships is clean with zero disables: the example, and every kind with the alerts it brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring_kit.checks.engine import findings
from monitoring_kit.checks.registry import all_codes
from monitoring_kit.checks.run import subjects_of
from monitoring_kit.pipeline import compile_spec
from monitoring_kit.resolve.packs import shipped_kinds
from tests.unit.checks.world_text import check_text

HEAD = "version: mkit/v1\nsystem: shop\nchannels:\n  mail: {kind: webhook, url: 'http://hook:1/'}\n"


def test_the_example_is_clean() -> None:
    report = compile_spec(Path(__file__).parents[3] / "examples/ai-camera-counting/mkit.yaml", None, {}).report
    assert [d for d in report if d.code in all_codes()] == []


@pytest.mark.parametrize("kind", shipped_kinds())
def test_a_kind_is_clean(kind: str) -> None:
    services = f"services:\n  it: {{kind: {kind}, scrape: {{targets: ['a:80', 'b:80']}}, resources: {{cpu: 2, memory: 1GiB}}}}\n"
    found = check_text(services, HEAD)
    assert [d for d in found.found if d.code in all_codes()] == []


def test_generated_rules_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "mkit.yaml"
    path.write_text(
        HEAD + "services:\n" + "".join(f"  s{n}: {{kind: http, scrape: {{targets: ['a{n}:80']}}}}\n" for n in range(20))
    )
    result = compile_spec(path, None, {})
    assert result.system is not None
    assert result.model is not None
    looked_at = subjects_of(result.system, result.model, result.report)
    # One of each shape, however many services have it.
    assert len(looked_at) == len({about.name for about in looked_at})
    assert {"ServiceDown", "service:traffic:rate5m"} <= {about.name for about in looked_at}
    assert not any(findings(about) for about in looked_at)


def test_a_finding_in_an_own_pack_points_into_the_pack(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text(
        "kind: own\ntitle: Own\ndescription: Own.\nmetrics:\n  depth: {type: gauge, help: Depth.}\n"
        "signals:\n  traffic: {title: T, description: D., unit: per_second, expr: 'sum by (service) (rate(depth[$window]))'}\n"
    )
    path = tmp_path / "mkit.yaml"
    path.write_text(HEAD + "packs: [pack.yaml]\nservices:\n  it: {kind: own, scrape: {targets: ['a:80']}}\n")
    found = [d for d in compile_spec(path, None, {}).report if d.code == "promql/rate-on-gauge"]
    assert len(found) == 1
    assert found[0].span.file.endswith("pack.yaml")


def test_a_pack_may_group_by_labels_that_a_service_lacks(tmp_path: Path) -> None:
    """The pack keeps `model` and `version` apart where there are any: no word about what the author has not written."""
    path = tmp_path / "mkit.yaml"
    path.write_text(
        HEAD + "services:\n  counter: {kind: ai-model, scrape: {targets: ['ai:1']}}\n"
        "metrics:\n  ai_model_accuracy: {type: gauge, unit: ratio, help: A., services: [counter]}\n"
    )
    assert [d.message for d in compile_spec(path, None, {}).report] == []
