"""The shipped signals and alerts of the business exporter name metrics and labels that the running exporter has."""

from __future__ import annotations

import re
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from monitoring_kit.exporters.runtime import Deadline
from monitoring_kit.exporters.runtime.selfmetrics import ReloadState
from prometheus_client.parser import text_string_to_metric_families

from monitoring_kit import rules
from tests.e2e.business_rig import COUNT, STATUS, Rig

PACK = yaml.safe_load((Path(rules.__path__[0]) / "exporters" / "business.yaml").read_text())
NAME = re.compile(r"\bmkit_business_\w+")


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str, set[str]]]:
    """Name to (type, help, label names) of a scrape in which a query failed, a table shrank and a series was dropped."""
    folder = tmp_path_factory.mktemp("pack")
    with sqlite3.connect(folder / "shop.db", isolation_level=None) as db:
        db.execute("CREATE TABLE tx (id INTEGER PRIMARY KEY, status TEXT)")
        db.executemany("INSERT INTO tx (status) VALUES (?)", [("ok",)] * 10)
        source = {"kind": "sqlite", "url": f"sqlite:///{folder / 'shop.db'}"}
        broken = {**COUNT, "query": "SELECT nothing FROM tx"}
        strict = {**STATUS, "labels": {"status": {"allow": ["failed"]}}}
        metrics = {"tx_total": STATUS, "rows_now": COUNT, "broken": broken, "strict_total": strict}
        with Rig({"shop": source}, metrics, folder / "state.db") as rig:
            # The program's part: it keeps how the reloads went.
            rig.registry.self_metrics.reload = ReloadState()
            rig.scrape()
            db.execute("DELETE FROM tx WHERE id < 5")
            text = rig.registry.gather(Deadline.after(5)).render("text").decode()
    found: dict[str, tuple[str, str, set[str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            _, _, labels = found.setdefault(sample.name, (family.type, family.documentation, set()))
            labels |= set(sample.labels)
    return found


@pytest.mark.parametrize("name", PACK["metrics"])
def test_every_metric_is_as_the_pack_declares_it(name: str, exposed: dict[str, Any]) -> None:
    assert name in exposed, f"the exporter has no {name}"
    kind, _, labels = exposed[name]
    declared = PACK["metrics"][name]
    assert kind == declared["type"]
    assert labels == set(declared.get("labels", {}))


@pytest.mark.parametrize("name", PACK["signals"])
def test_every_signal_reads_what_is_there(name: str, exposed: dict[str, Any]) -> None:
    signal = PACK["signals"][name]
    used = set(NAME.findall(signal["expr"]))
    assert used
    assert used <= set(PACK["metrics"]), "undeclared metrics are not counted in the job's limits"
    for metric in used:
        assert set(signal["by"]) <= exposed[metric][2] | {"instance"}, metric
    grouped = re.search(r"by \(([^)]*)\)", signal["expr"])
    assert grouped
    assert set(signal["by"]) | {"service"} == set(grouped[1].replace(" ", "").split(","))


@pytest.mark.parametrize("name", PACK["alerts"])
def test_every_alert_uses_a_signal_and_its_labels(name: str) -> None:
    alert = PACK["alerts"][name]
    signal = PACK["signals"][re.match(r"\w+", alert["when"])[0]]  # type: ignore[index]
    assert set(re.findall(r"\$labels\.(\w+)", alert["summary"])) <= {"service", *signal["by"]}


def test_only_accepted_rows_are_fresh(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db", isolation_level=None) as db:
        db.execute("CREATE TABLE tx (id INTEGER PRIMARY KEY, status TEXT)")
        source = {"kind": "sqlite", "url": f"sqlite:///{tmp_path / 'shop.db'}"}
        wanted = {**COUNT, "query": "SELECT id AS value FROM tx LIMIT 1", "on_empty": "error"}
        with Rig({"shop": source}, {"rows_now": wanted}) as rig:
            stamp = 'mkit_business_result_timestamp_seconds{metric="rows_now"}'
            found = rig.scrape()
            assert found['mkit_business_collector_success{collector="rows_now"}'] == 0
            assert stamp not in found
            db.execute("INSERT INTO tx VALUES (1, 'ok')")
            first = rig.scrape()[stamp]
            db.execute("DELETE FROM tx")
            assert rig.scrape()[stamp] == first


def test_rows_that_the_registry_refuses_make_no_figure_fresh(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db", isolation_level=None) as db:
        db.executescript("CREATE TABLE tx (camera TEXT, n INT); INSERT INTO tx VALUES ('a', 1), ('a', 2)")
        source = {"kind": "sqlite", "url": f"sqlite:///{tmp_path / 'shop.db'}"}
        wanted = {
            "type": "gauge",
            "help": "x",
            "labels": {"camera": {"max": 5}},
            "source": "shop",
            "query": "SELECT camera, n AS value FROM tx",
        }
        with Rig({"shop": source}, {"seen": wanted}) as rig:
            found = rig.scrape()
            assert found['mkit_business_collector_success{collector="seen"}'] == 0
            assert 'mkit_business_result_timestamp_seconds{metric="seen"}' not in found
            db.execute("DELETE FROM tx WHERE n = 2")
            assert rig.scrape()['mkit_business_result_timestamp_seconds{metric="seen"}'] == pytest.approx(
                time.time(), abs=5
            )


def test_figures_that_are_served_again_are_as_old_as_their_reading(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db", isolation_level=None) as db:
        db.executescript("CREATE TABLE tx (id INTEGER PRIMARY KEY); INSERT INTO tx VALUES (1)")
        source = {"kind": "sqlite", "url": f"sqlite:///{tmp_path / 'shop.db'}"}
        wanted = {**COUNT, "query": "SELECT COUNT(*) AS value FROM tx", "every": "1s"}
        with Rig({"shop": source}, {"rows_now": wanted}) as rig:
            stamp = 'mkit_business_result_timestamp_seconds{metric="rows_now"}'
            first = rig.scrape()[stamp]
            assert first == pytest.approx(time.time(), abs=5)
            assert rig.scrape()[stamp] == first
            time.sleep(1.1)
            assert rig.scrape()[stamp] > first
