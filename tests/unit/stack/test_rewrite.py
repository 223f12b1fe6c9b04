"""A local run touches targets and receivers, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml

from monitoring_kit.pipeline import Compilation, compile_spec
from monitoring_kit.stack.rewrite import local_alertmanager, local_prometheus

EXAMPLE = Path(__file__).parents[3] / "examples/ai-camera-counting/mkit.yaml"


def test_targets_are_local_and_the_rest_is_as_generated() -> None:
    result = compile_spec(EXAMPLE)
    assert result.system is not None
    targets = {name: f"127.0.0.1:{9000 + i}" for i, name in enumerate(result.system.services)}
    text, left_out = local_prometheus(result.outputs, targets, "127.0.0.1:1", "127.0.0.1:2")
    before = yaml.safe_load(result.outputs["prometheus/prometheus.yml"].data)
    after = yaml.safe_load(text)
    assert after["global"] == before["global"]
    assert after["alerting"]["alert_relabel_configs"] == before["alerting"]["alert_relabel_configs"]
    assert after["rule_files"] == before["rule_files"]
    assert {j["job_name"]: j["static_configs"][0]["targets"] for j in after["scrape_configs"]} == {
        k: [v] for k, v in targets.items()
    }
    limits = ("sample_limit", "scrape_interval", "label_limit")
    assert [[j.get(k) for k in limits] for j in after["scrape_configs"]] == [
        [j.get(k) for k in limits] for j in before["scrape_configs"]
    ]
    assert [part.split(" ")[0] for part in left_out] == ["remote_write", "remote_read"]


def test_discovery_and_tls_become_one_local_target(compile_text: Callable[..., Compilation]) -> None:
    text = (
        "version: mkit/v1\nsystem: s\nchannels: {h: {kind: webhook, url: 'http://h/'}}\nservices:\n"
        "  k: {kind: http, scrape: {kubernetes: {selector: app=k}, scheme: https, tls: {ca_file: /ca}, bearer_file: /t}}\n"
    )
    result = compile_text(text)
    assert result.ok, list(result.report)
    found, _ = local_prometheus(result.outputs, {"k": "127.0.0.1:7"}, "127.0.0.1:1", "127.0.0.1:2")
    (job,) = (j for j in yaml.safe_load(found)["scrape_configs"] if j["job_name"] == "k")
    assert job["static_configs"] == [{"targets": ["127.0.0.1:7"], "labels": {"service": "k"}}]
    assert job["scheme"] == "http"
    assert not [key for key in job if "tls" in key or "sd_configs" in key or "authorization" in key]


def test_receivers_are_local_and_routes_are_as_generated() -> None:
    result = compile_spec(EXAMPLE)
    text, files = local_alertmanager(result.outputs, "127.0.0.1:25", "http://127.0.0.1:80", "/lab/secrets")
    before = yaml.safe_load(result.outputs["alertmanager/alertmanager.yml"].data)
    after = yaml.safe_load(text)
    for part in ("route", "inhibit_rules", "time_intervals", "templates"):
        assert after[part] == before[part]
    assert "example.com:587" not in text
    assert "/run/secrets" not in text
    assert files["/lab/secrets/slack-api_url_file"] == "http://127.0.0.1:80/slack"
    receivers = {r["name"]: r for r in after["receivers"]}
    assert receivers["email"]["email_configs"][0]["smarthost"] == "127.0.0.1:25"
    assert receivers["pagerduty"]["pagerduty_configs"][0]["url"] == "http://127.0.0.1:80/pagerduty"
    assert not [path for path in files if "email" in path]
