"""Another key or kind of facts: what was known is set aside, said, and taken up again."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from monitoring_kit.exporters.ai.facts_aside import beside
from monitoring_kit.exporters.runtime import ConfigError

from tests.unit.exporters.ai.rig import Rig

NOW = time.time()
LABELS = {"model": "m", "version": "1"}
WINDOWS, PREDICTIONS = "mkit_model_evaluated_windows_total", "mkit_model_evaluated_predictions_total"
PATIENT = ["patient", "at"]


def config(tmp_path: Path, **quality: Any) -> dict[str, Any]:
    block = {"key": PATIENT, "min_samples": 1, "state_file": str(tmp_path / "s.db"), **quality}
    return {"model": {"name": "m", "version": "1"}, "gpu": False, "quality": block}


def feed(rig: Rig, side: str, *patients: str, value: Any = 3) -> None:
    facts = [[side, {"patient": name, "at": "ward"}, value, NOW, {}] for name in patients]
    assert rig.intake.items("http", facts) == 0


def reload(rig: Rig, settings: dict[str, Any]) -> Rig:
    heir = Rig(settings, rig.lasting)
    rig.close()
    return heir


def files(tmp_path: Path) -> set[str]:
    return {path.name for path in tmp_path.iterdir() if not path.name.endswith((".lock", "-wal", "-shm"))}


def test_the_order_of_the_key_does_not_matter(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = Rig(config(tmp_path))
    feed(first, "p", "a", "b")
    feed(first, "t", "a")
    second = reload(first, config(tmp_path, key=PATIENT[::-1]))
    assert second.value(WINDOWS, **LABELS) == 1
    feed(second, "t", "b")
    assert second.value(WINDOWS, **LABELS) == 2
    second.close()
    with Rig(config(tmp_path)) as third:
        feed(third, "t", "b")
        assert third.value(WINDOWS, **LABELS) == 2
        assert third.value("mkit_model_facts_duplicate_total", **LABELS, side="truth") == 1
    assert files(tmp_path) == {"s.db"}
    assert not caplog.records


def test_a_file_with_the_key_as_it_was_once_configured_is_gone_on_with(tmp_path: Path) -> None:
    with Rig(config(tmp_path)) as rig:
        # The second is the first with its fields exchanged: neither may take the other's place on the way.
        rig.intake.items("http", [["p", {"patient": a, "at": b}, 3, NOW, {}] for a, b in (("x", "y"), ("y", "x"))])
        feed(rig, "p", "a")
    with contextlib.closing(sqlite3.connect(tmp_path / "s.db")) as db:
        db.execute("UPDATE meta SET value = 'count patient at time=None by=None' WHERE name = 'shape'")
        keys = [key for (key,) in db.execute("SELECT key FROM facts")]
        assert '["ward", "a"]' in keys
        db.execute("""UPDATE facts SET key = '["a", "ward"]' WHERE key = '["ward", "a"]'""")
        db.commit()
    with Rig(config(tmp_path)) as rig:
        feed(rig, "t", "a")
        rig.intake.items("http", [["t", {"patient": "x", "at": "y"}, 3, NOW, {}]])
        assert rig.value(WINDOWS, **LABELS) == 2
    assert files(tmp_path) == {"s.db"}


def test_another_kind_sets_facts_aside_and_takes_them_up_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    aside = beside(tmp_path / "s.db", "count at patient time=None by=None")
    rig = Rig(config(tmp_path))
    feed(rig, "p", "a", "b")
    feed(rig, "t", "a")
    for turn in range(3):
        with caplog.at_level(logging.WARNING):
            rig = reload(rig, config(tmp_path, kind="class"))
        assert [rig.value(PREDICTIONS, **LABELS), aside.exists()] == [turn, True]
        said = caplog.records[-1].__dict__
        assert [said["state_file"], said["aside"]] == [str(tmp_path / "s.db"), str(aside)]
        feed(rig, "p", f"c{turn}", value="cat")
        feed(rig, "t", f"c{turn}", value="cat")
        rig = reload(rig, config(tmp_path))
        assert [rig.value(WINDOWS, **LABELS), aside.exists()] == [1 + turn, False]
        # A prediction from before the change still meets its truth, and one that met does not again.
        feed(rig, "p", f"d{turn}")
        feed(rig, "t", f"d{turn}", "a")
        assert rig.value("mkit_model_facts_duplicate_total", **LABELS, side="truth") == 1 + turn
    feed(rig, "t", "b")
    assert rig.value(WINDOWS, **LABELS) == 5
    rig.close()
    # One file for each shape, however often they change.
    assert len(files(tmp_path)) == 2


def test_a_restart_with_another_shape_does_the_same(tmp_path: Path) -> None:
    with Rig(config(tmp_path)) as rig:
        feed(rig, "p", "a")
        feed(rig, "t", "a")
    with Rig(config(tmp_path, kind="class")) as rig:
        assert rig.value(PREDICTIONS, **LABELS) == 0
    with Rig(config(tmp_path)) as rig:
        assert rig.value(WINDOWS, **LABELS) == 1


def test_what_cannot_be_set_aside_stays_in_force(tmp_path: Path) -> None:
    with Rig(config(tmp_path)) as rig:
        feed(rig, "p", "a", "b")
        feed(rig, "t", "a")
        aside = beside(tmp_path / "s.db", "count at patient time=None by=None")
        (aside.with_name(f"{aside.name}.part") / "x").mkdir(parents=True)
        with pytest.raises(ConfigError, match=r"state_file .*s\.db: holds facts of another shape"):
            Rig(config(tmp_path, kind="class"), rig.lasting)
        feed(rig, "t", "b")
        assert rig.value(WINDOWS, **LABELS) == 2
