"""Drift: the formulas against worked values and simulation, the ring, the baseline."""

from __future__ import annotations

import json
import math
import random
import shlex
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitoring_kit.exporters.ai.baseline import EXAMPLES, run_baseline
from monitoring_kit.exporters.ai.drift import Reservoir, Ring
from monitoring_kit.exporters.ai.drift_math import chi2_quantile, ks, ks_threshold, psi, psi_threshold
from monitoring_kit.exporters.ai.reference import load_baseline, make_reference
from monitoring_kit.exporters.runtime import ConfigError, Request

from tests.unit.exporters.ai.rig import Rig

TENTHS = [0.1] * 10


@pytest.mark.parametrize(("probability", "degrees", "value"), [
    # Tables of the chi-square distribution.
    (0.95, 9, 16.919), (0.99, 9, 21.666), (0.999, 9, 27.877), (0.9999, 9, 33.720), (0.95, 4, 9.488), (0.99, 19, 36.191), (0.95, 99, 123.225),
])  # fmt: skip
def test_chi_square_quantiles(probability: float, degrees: int, value: float) -> None:
    assert chi2_quantile(probability, degrees) == pytest.approx(value, rel=0.015)


def test_psi_and_ks_of_worked_examples() -> None:
    # n = 98, 2 bins: q = (74.5 / 99, 24.5 / 99) against (1/2, 1/2).
    q = 74.5 / 99
    assert psi([74, 24], [0.5, 0.5]) == pytest.approx(
        (q - 0.5) * math.log(q / 0.5) + (0.5 - q) * math.log((1 - q) / 0.5)
    )
    assert ks([30, 10, 0, 0], [0.25] * 4) == pytest.approx(0.5)
    assert ks([1, 1, 1, 1], [0.25] * 4) == 0


def alarms(size: int, alpha: float, runs: int, seed: int) -> float:
    """The share of undrifted samples over the threshold; the reference has its own noise of 2,000 values."""
    rng = random.Random(seed)
    limit = psi_threshold(alpha, size, 2000, TENTHS)
    found = 0
    for _ in range(runs):
        weights = [rng.gammavariate(200, 1) for _ in range(10)]
        places = rng.choices(range(10), weights, k=size)
        counts = [0] * 10
        for place in places:
            counts[place] += 1
        found += psi(counts, TENTHS) > limit
    return found / runs


@pytest.mark.parametrize(("size", "runs"), [(100, 20_000), (200, 10_000), (1000, 3000), (10_000, 400)])
def test_psi_alarms_as_often_as_the_budget_says(size: int, runs: int) -> None:
    alpha = 0.05 if size > 1000 else 0.02
    noise = 4 * math.sqrt(alpha / runs)
    assert alpha / 2 - noise < alarms(size, alpha, runs, seed=size) < 2 * alpha + noise


def test_a_shift_is_seen() -> None:
    assert psi([5, 5, 5, 5, 5, 5, 5, 5, 80, 80], TENTHS) > psi_threshold(1e-4, 200, 1000, TENTHS)
    assert ks([5, 5, 5, 5, 5, 5, 5, 5, 80, 80], TENTHS) > ks_threshold(1e-4, 200, 1000)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["normal", "uniform", "ties", "two"]))
def test_a_reference_has_bins_that_hold_what_they_say(seed: int, shape: str) -> None:
    rng = random.Random(seed)
    draw = {
        "normal": lambda: rng.gauss(0, 1),
        "uniform": rng.random,
        "ties": lambda: rng.randrange(7) / 10,
        "two": lambda: rng.random() < 0.3,
    }
    values = [float(draw[shape]()) for _ in range(1500)]
    ref = make_reference(values)
    assert set(ref.edges) <= set(ref.grid)
    for edges, fractions in ((ref.edges, ref.fractions), (ref.grid, ref.grid_fractions)):
        bounds = [-math.inf, *edges, math.inf]
        for low, high, fraction in zip(bounds, bounds[1:], fractions, strict=False):
            assert fraction == sum(low < value <= high for value in values) / len(values)
            assert fraction > 0
    ring = Ring(ref, 60, 6, lambda: 0.0)
    ring.add(values, [1] * len(values))
    assert ring.reference.merged(ring.merged()) == [round(f * len(values)) for f in ref.fractions]
    assert ks(ring.merged(), ref.grid_fractions) == pytest.approx(0, abs=1e-9)


def test_the_ring_forgets_whole_sub_windows() -> None:
    now = [0.0]
    ring = Ring(make_reference([n / 1000 for n in range(1000)]), 60, 6, lambda: now[0])
    for _ in range(12):
        ring.add([0.5], [1])
        now[0] += 10
    assert sum(ring.merged()) == 5
    now[0] += 30
    assert sum(ring.merged()) == 2
    now[0] += 100
    assert ring.merged() == []


@pytest.mark.parametrize("values", [[1.0] * 5000, [float(n) for n in range(999)], [math.nan] * 2000])
def test_no_reference_without_a_distribution(values: list[float]) -> None:
    with pytest.raises(ValueError):
        make_reference(values)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format": "mkit-baseline/v1"}', '{"format": "other", "features": {}}']
)
def test_what_is_no_baseline_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(ConfigError):
        load_baseline(tmp_path / "b.json")


def test_baseline_of_a_column(tmp_path: Path, capsys: Any) -> None:
    lines = ["id,score", *(f"{n},{n / 2000}" for n in range(2000))]
    (tmp_path / "v.csv").write_text("\n".join(lines))
    args = ["--values", str(tmp_path / "v.csv"), "--column", "score", "--model", "m", "--model-version", "7"]
    assert run_baseline([*args, "-o", str(tmp_path / "b.json")]) == 0
    baseline = load_baseline(tmp_path / "b.json")
    assert (baseline.model, baseline.version) == ("m", "7")
    assert baseline.features["confidence"].size == 2000
    assert run_baseline(["--values", str(tmp_path / "none")]) == 1
    assert "none" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "column", "says"), [
    ("id,score\n1,0.5\n", "zz", "v.csv: no column 'zz' (its columns: id, score)"),
    ("", "zz", "v.csv: no column 'zz' (it is empty)"),
    ("id,score\n1,0.5\n2\n3,\n4,high\n", "score", "v.csv:5: 'high' is not a number"),
    ("id,score\n1," + "9" * 200_000 + "\n", "score", "v.csv:2: field larger than field limit (131072)"),
    ("0.5\n\n0,6\n", "", "v.csv:3: '0,6' is not a number"),
    ("id,score\n1,0.5\n2\n", "score", "1 values; a baseline needs at least 1000"),
])  # fmt: skip
def test_a_file_without_the_values_is_told_with_the_place(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    column: str,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("v.csv").write_text(text)
    assert run_baseline(["--values", "v.csv", *(["--column", column] if column else [])]) == 1
    assert capsys.readouterr().err == f"mkit exporter baseline: {says}\n"


def test_a_baseline_that_cannot_be_written_is_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "v").write_text("\n".join(str(number) for number in range(2000)))
    assert run_baseline(["--values", str(tmp_path / "v"), "-o", str(tmp_path / "none" / "b.json")]) == 1
    assert "No such file or directory" in capsys.readouterr().err


def test_the_examples_of_the_help_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit) as end:
        run_baseline(["--help"])
    shown = capsys.readouterr().out
    assert end.value.code == 0
    assert shown.endswith(EXAMPLES)
    monkeypatch.chdir(tmp_path)
    values = [str(number / 2000) for number in range(2000)]
    Path("confidences.txt").write_text("\n".join(values))
    Path("frames.csv").write_text("\n".join(["frame,brightness", *(f"7,{value}" for value in values)]))
    examples = [line.strip() for line in EXAMPLES.splitlines() if "--values" in line]
    assert len(examples) == 2
    for example in examples:
        words = shlex.split(example)
        assert words[:3] == ["mkit", "exporter", "baseline"]
        capsys.readouterr()
        if ">" in words:
            assert run_baseline(words[3 : words.index(">")]) == 0
            Path(words[-1]).write_text(capsys.readouterr().out)
        else:
            assert run_baseline(words[3:]) == 0
        (reference,) = load_baseline(Path("baseline.json")).features.values()
        assert reference.size == 2000


def test_counts_that_a_sender_makes_up_cost_nothing() -> None:
    """One item may say that there were 2^53 observations; the intake's lock is held while they are taken."""
    sample = Reservoir(100)
    began = time.process_time()
    for _ in range(50):
        sample.add([1.0, 2.0, 3.0], [2**52, 2**51, 2**51])
    assert time.process_time() - began < 1
    assert set(sample.values) == {1.0, 2.0, 3.0}
    assert len(sample.values) == 100


@pytest.mark.parametrize(("before", "size"), [(0, 400), (100, 300), (150, 250), (1000, 3000)])
def test_many_at_once_are_sampled_as_one_by_one(before: int, size: int) -> None:
    """The share of the new ones among all that were seen, within four standard deviations of the mean of 200 samples."""
    shares = []
    for seed in range(200):
        sample = Reservoir(100)
        sample._random.seed(seed)
        for _ in range(before // 50):
            sample.add([0.0], [50])
        sample.add([1.0, 2.0], [size // 2, size // 2])
        assert len(sample.values) == 100
        shares.append(sum(value > 0 for value in sample.values) / 100)
    wanted = size / (before + size)
    deviation = (wanted * (1 - wanted) / 100 / 200) ** 0.5
    assert abs(sum(shares) / 200 - wanted) <= 4 * deviation


def config(tmp_path: Path, version: str = "1") -> dict[str, Any]:
    return {
        "model": {"name": "m", "version": version}, "ingest": {"http": True}, "gpu": False,
        "drift": {"features": {"confidence": "mkit_model_confidence_ratio"}, "baseline": str(tmp_path / "b.json")},
    }  # fmt: skip


def observations(rng: random.Random, a: float, b: float, size: int) -> list[Any]:
    values = [rng.betavariate(a, b) for _ in range(size)]
    return [["h", "mkit_model_confidence_ratio", {"class": "x"}, values]]


def test_capture_then_judge_then_drift(tmp_path: Path) -> None:
    rng = random.Random(3)
    with Rig(config(tmp_path)) as rig:
        (route,) = (route for route in rig.exporter.routes if route.path == "/v1/baseline")
        assert route.handler(Request("GET", "/v1/baseline")).status == 409
        rig.intake.items("http", observations(rng, 8, 2, 5000))
        answer = route.handler(Request("GET", "/v1/baseline"))
        assert answer.status == 200
        (tmp_path / "b.json").write_bytes(answer.body)
        assert json.loads(answer.body)["features"]["confidence"]["size"] == 5000
    labels = {"model": "m", "version": "1", "feature": "confidence"}
    with Rig(config(tmp_path)) as rig:
        rig.intake.items("http", observations(rng, 8, 2, 100))
        assert rig.value("mkit_model_drift_samples", **labels, method="psi") == 100
        assert rig.value("mkit_model_drift_score", **labels, method="psi") is None
        rig.intake.items("http", observations(rng, 8, 2, 900))
        for method in ("psi", "ks"):
            score = rig.value("mkit_model_drift_score", **labels, method=method)
            limit = rig.value("mkit_model_drift_threshold", **labels, method=method)
            assert score is not None
            assert limit is not None
            assert score < limit
        rig.intake.items("http", observations(rng, 4, 4, 500))
        for method in ("psi", "ks"):
            score = rig.value("mkit_model_drift_score", **labels, method=method)
            limit = rig.value("mkit_model_drift_threshold", **labels, method=method)
            assert score is not None
            assert limit is not None
            assert score > limit
    with Rig(config(tmp_path, "2")) as rig:
        rig.intake.items("http", observations(rng, 4, 4, 500))
        # Another version needs another baseline: no alarm meanwhile.
        assert "drift_score{" not in rig.text()
        assert rig.value("mkit_model_drift_baseline_usable", model="m", version="2", feature="confidence") == 0
    with Rig(config(tmp_path)) as rig:
        assert rig.value("mkit_model_drift_baseline_usable", **labels) == 1
    (tmp_path / "b.json").unlink()
    with Rig(config(tmp_path)) as rig:
        # One was named, so drift is to be judged: that it is not must be seen.
        assert rig.value("mkit_model_drift_baseline_usable", **labels) == 0
        assert "drift_score{" not in rig.text()
    unnamed = config(tmp_path)
    del unnamed["drift"]["baseline"]
    with Rig(unnamed) as rig:
        assert "mkit_model_drift" not in rig.text()
        rig.intake.items("http", observations(rng, 4, 4, 2000))
        (route,) = (route for route in rig.exporter.routes if route.path == "/v1/baseline")
        assert route.handler(Request("GET", "/v1/baseline")).status == 200
