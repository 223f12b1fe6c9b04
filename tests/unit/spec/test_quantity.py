"""Durations and quantities, against Prometheus' own rules and plain arithmetic."""

from __future__ import annotations

import subprocess
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_kit.spec.quantity import Duration, parse_quantity


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("15s", 15_000),
        ("1h30m", 5_400_000),
        ("14d", 1_209_600_000),
        ("2w", 1_209_600_000),
        ("1y", 31_536_000_000),
        ("100ms", 100),
        ("0", 0),
    ],
)
def test_durations(text: str, ms: int) -> None:
    assert Duration.of(text).ms == ms


@pytest.mark.parametrize("text", ["", "5", "5 m", "m5", "1.5h", "-5m", "5m1h", "200y"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match=r"dur|longer"):
        Duration.of(text)


@given(st.integers(0, 3_000_000_000_000))
def test_a_duration_reads_back_what_it_spells(ms: int) -> None:
    assert Duration.of(str(Duration(ms))).ms == ms


@pytest.mark.skipif(which("promtool") is None, reason="promtool is not on PATH")
def test_prometheus_reads_our_spelling(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rules = "groups:\n- name: g\n  rules:\n"
    for ms in (0, 1, 999, 15_000, 90_000, 3_600_000, 5_400_000, 604_800_000, 31_536_000_000, 31_536_000_000 + 1):
        rules += f"  - {{alert: a{ms}, expr: up, for: {Duration(ms)}}}\n"
    (tmp_path / "r.yml").write_text(rules)
    assert subprocess.run(["promtool", "check", "rules", tmp_path / "r.yml"], capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("text", "value", "dimension"),
    [
        ("5%", 0.05, "ratio"),
        ("99.9%", 0.999, "ratio"),
        ("99.99 %", 0.9999, "ratio"),
        ("2s", 2, "seconds"),
        ("500ms", 0.5, "seconds"),
        ("1h30m", 5400, "seconds"),
        ("50GB", 50e9, "bytes"),
        ("2GiB", 2 * 2**30, "bytes"),
        ("512MB", 512e6, "bytes"),
        ("100/s", 100, "per_second"),
        ("30/min", 0.5, "per_second"),
        ("10MB/s", 10e6, "bytes_per_second"),
        ("42", 42, "number"),
        ("-1.5e3", -1500, "number"),
    ],
)
def test_quantities(text: str, value: float, dimension: str) -> None:
    found = parse_quantity(text)
    assert (found.value, found.dimension) == (value, dimension)


@pytest.mark.parametrize("text", ["", "%", "5 potatoes", "five", "5%%", "1/fortnight", "s"])
def test_no_quantities(text: str) -> None:
    with pytest.raises(ValueError, match=r"quantity|unit"):
        parse_quantity(text)
