"""promql/infinite: which infinities an expression can have, told by the check and seen on the real Prometheus.

``g`` is a gauge of any sign, ``p`` one that is never negative, ``one`` one that is never below 1, ``c_total`` a counter and ``b``
the buckets of a histogram; other labels than ``x`` are unknown.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from monitoring_kit.promql.world import Series, World
from tests.unit.checks.expr_text import check_expr
from tests.unit.checks.world_text import needs_promtool

CODE = "promql/infinite"
BOUNDS = {"g": None, "p": 0.0, "one": 1.0, "c_total": 0.0}
KNOWN = {
    name: Series(name, name, "counter" if name == "c_total" else "gauge", low=-float("inf") if low is None else low)
    for name, low in BOUNDS.items()
}
WORLD = World(find=lambda name, owner: [KNOWN[name]] if name in KNOWN else [], finite=True)
BOTH = "infinite"
SIGNS = [
    ("g", ""), ("vector(1)", ""), ("vector(Inf)", "+Inf"), ("vector(-Inf)", "-Inf"), ("-vector(Inf)", "-Inf"), ("+vector(Inf)", "+Inf"),
    ("-(-vector(Inf))", "+Inf"), ("(one / p)", "+Inf"),
    # A quotient has the signs that both sides leave.
    ("one / p", "+Inf"), ("-(one / p)", "-Inf"), ("g / p", BOTH), ("p / g", BOTH), ("one / (g <= 0)", BOTH), ("g / 0", BOTH),
    ("one / 0", "+Inf"), ("one / 2", ""), ("one / -1", ""), ("one / (-1)", ""), ("(one / p) / 2", "+Inf"), ("2 / (one / p)", ""),
    # What keeps zero away.
    ("one / (p > 0)", ""), ("one / (p >= 1)", ""), ("one / (p >= 0)", "+Inf"), ("one / (p > g)", "+Inf"), ("one / (p > -1)", "+Inf"), ("one / (g < 0)", ""),
    ("one / (g <= -1)", ""), ("one / (g < 1)", BOTH), ("one / (g != 0)", ""), ("one / (p != 1)", "+Inf"), ("one / (p == 1)", ""),
    ("one / (p == 0)", "+Inf"), ("one / (p > bool 0)", "+Inf"), ("one / (p > 0 < 5)", ""), ("one / (p < 5)", "+Inf"), ("one / one", ""),
    ("one / (p and g)", "+Inf"), ("one / ((p > 0) and g)", ""), ("one / ((p > 0) unless (g > 5))", ""), ("one / (p unless (g > 5))", "+Inf"),
    ("one / (one * one)", ""), ("one / (one * p)", "+Inf"), ("one / (p * one)", "+Inf"), ("one / (p or one)", "+Inf"),
    ("one / ((p > 5) or one)", ""), ("one / ((p > 5) or p)", "+Inf"), ("one / (one / p)", ""), ("one / (p / one)", "+Inf"),
    ("one / (g + one)", BOTH), ("one / (p - one)", BOTH),
    ("one / clamp_min(g, 1)", ""), ("one / clamp_min(p, 0)", "+Inf"), ("one / clamp_min(g, -1)", BOTH), ("one / clamp_max(p, 1)", "+Inf"),
    ("one / time()", ""), ("one / timestamp(g)", ""), ("one / count_over_time(g[5m])", ""),
    ("sum(one) / count(g)", ""), ("sum(one) / group(g)", ""), ("sum(one) / max(one)", ""), ("sum(one) / min(p)", "+Inf"),
    ("sum(one) / sum(p > 0)", ""), ("sum(one) / avg(p > 0)", ""), ("sum(one) / max(g - g)", BOTH),
    ('sum(rate(c_total{x="1"}[5m])) / sum(rate(c_total[5m]))', ""),
    # What passes an infinity on.
    ("sum(one / p)", "+Inf"), ("count(one / p)", ""), ("group(one / p)", ""), ('count_values("v", one / p)', ""),
    ("max_over_time((one / p)[5m:1m])", "+Inf"), ("vector(scalar(sum(one / p)))", "+Inf"), ("exp(one / p)", "+Inf"),
    ("(one / p) and g", "+Inf"), ("one and (one / p)", ""), ("one unless (one / p)", ""), ("(one / p) unless (g > 5)", "+Inf"),
    ("(p > 5) or (one / p)", "+Inf"), ("one + (one / p)", "+Inf"), ("(one / p) * g", BOTH), ("g * (one / p)", BOTH),
    ("one - (one / p)", BOTH), ("(one / p) - one", BOTH), ("-(one / p) + one", "-Inf"),
    # What a comparison leaves.
    ("(one / p) < +Inf", ""), ("(one / p) <= 5", ""), ("(one / p) <= +Inf", "+Inf"), ("(one / p) == 1", ""), ("(one / p) == +Inf", "+Inf"),
    ("(one / p) != +Inf", ""), ("(g / p) != +Inf", "-Inf"), ("(g / p) != -Inf", "+Inf"), ("(g / p) < 5", "-Inf"), ("(g / p) > 5", "+Inf"),
    ("(g / p) <= 5", "-Inf"), ("(g / p) > -Inf", "+Inf"), ("(g / p) >= -Inf", BOTH), ("(g / p) >= 0", "+Inf"), ("(g / p) != 3", BOTH),
    ("(g / p) > bool 5", ""), ("(g / p) > g", BOTH), ("(g / p) < (+Inf)", "-Inf"), ("(g / p) < +(+Inf)", "-Inf"), ("(g / p) > -(+Inf)", "+Inf"), ("(g / p) <= -(-Inf)", BOTH), ("(g / p) != -(+Inf)", "+Inf"), ("(g / p) != +(+Inf)", "-Inf"),
    ("(g / p) < -g", BOTH), ("1 < (one / p)", "+Inf"), ("1 < bool (one / p)", ""), ("-1 > (g / p)", BOTH),
    # Powers and functions.
    ("p ^ 2", ""), ("p ^ 0", ""), ("p ^ -1", BOTH), ("p ^ g", BOTH), ("(one / p) ^ 2", "+Inf"),
    ("ln(p)", "-Inf"), ("log2(p)", "-Inf"), ("log10(p)", "-Inf"), ("ln(one)", ""), ("ln(one / p)", "+Inf"), ("ln(p / one)", "-Inf"),
    ("histogram_quantile(0.9, b)", ""), ("histogram_quantile(0, b)", ""), ("histogram_quantile(1, b)", ""), ("histogram_quantile(2, b)", BOTH),
    ("histogram_quantile(-1, b)", BOTH), ("clamp(one / p, 0, 1)", ""), ("clamp_max(one / p, 5)", ""), ("clamp_max(one / p, +Inf)", "+Inf"),
    ("clamp_min(one / p, 0)", "+Inf"), ("clamp_min(-(one / p), 0)", ""), ("clamp_min(-(one / p), -Inf)", "-Inf"),
    ("clamp_max(-(one / p), 0)", "-Inf"), ("absent(one / p)", ""), ("changes((one / p)[5m:1m])", ""), ("sgn(one / p)", ""), ("hour()", ""),
]  # fmt: skip
# True of what is known of them, but not on these data: more may be told than happens, never less.
CAREFUL = [
    ("one / (one or p)", "+Inf"), ("one or (one / p)", "+Inf"), ("2 ^ g", BOTH), ("clamp_max(one / p, scalar(p))", "+Inf"),
    ("clamp_min(-(one / p), scalar(p))", "-Inf"), ("histogram_quantile(scalar(g), b)", BOTH), ("sum(one) / stddev(one)", "+Inf"),
    ("(one / p) % 2", "+Inf"),
]  # fmt: skip
SERIES = {
    **{f"g{{x='{n}'}}": f"{value}x60" for n, value in enumerate((-1, 1, 0, 1, -1))},
    **{f"p{{x='{n}'}}": f"{value}x60" for n, value in enumerate((0, 0, 1, 1, 1))},
    **{f"one{{x='{n}'}}": f"{value}x60" for n, value in enumerate((1, 2, 1, 2, 1))},
    **{f"c_total{{x='{n}'}}": f"0+{n}x60" for n in range(3)},
    **{f"b{{le='{le}'}}": f"{count}x60" for le, count in (("0.1", 1), ("1", 2), ("+Inf", 3))},
}


@pytest.mark.parametrize(("text", "signs"), SIGNS + CAREFUL)
def test_signs(text: str, signs: str) -> None:
    found = [f for f in check_expr(text, WORLD, use="record").found if f.code == CODE]
    assert [f.message.split(":")[0] for f in found] == ([f"the value can be {signs}"] if signs else [])


def test_silent_where_infinities_can_be_stored() -> None:
    assert check_expr("one / p", World(find=WORLD.find), use="record").codes() == []
    assert CODE not in check_expr("one / p", WORLD, use="panel").codes()


@needs_promtool
def test_prometheus_agrees(tmp_path: Path) -> None:
    """What is not told never happens; of what is told at least one happens."""
    tests = []
    for text, signs in SIGNS + CAREFUL:
        for sign in ("+Inf", "-Inf"):
            if signs not in (sign, BOTH):
                tests.append({"expr": f"({text}) == {sign}", "eval_time": "20m", "exp_samples": []})
        if signs and (text, signs) not in CAREFUL:
            seen = f"(count(abs({text}) == +Inf) > bool 0)"
            tests.append({"expr": seen, "eval_time": "20m", "exp_samples": [{"labels": "{}", "value": 1}]})
    inputs = [{"series": name, "values": values} for name, values in SERIES.items()]
    case = {"tests": [{"interval": "30s", "input_series": inputs, "promql_expr_test": tests}]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(case, width=1_000_000))
    done = subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
