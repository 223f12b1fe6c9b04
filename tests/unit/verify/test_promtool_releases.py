"""Rule tests on the promtool of each release: what it prints, and what its engine computes."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring_kit.promql import parse
from monitoring_kit.stack.tools import PATH_SUITE, Tool, find_tools
from monitoring_kit.verify.rule_tests import promtool
from monitoring_kit.verify.rule_tests.engine import OLDEST, Engine, engine_of
from monitoring_kit.verify.rule_tests.evaluate import Evaluator
from monitoring_kit.verify.rule_tests.store import InputSeries, Store


@pytest.fixture(params=[PATH_SUITE, "bookworm", "trixie", "sid"])
def release(request: pytest.FixtureRequest) -> Tool:
    tool = find_tools(request.param)["promtool"]
    if tool.path is None:
        pytest.skip(tool.missing_reason)
    return tool


def test_every_file_gets_its_own_verdict(release: Tool, tmp_path: Path) -> None:
    good, wrong = (f"{{tests: [{{name: a, interval: 1m, input_series: [], promql_expr_test: [{{expr: '{expr}', "
                   "eval_time: 1m, exp_samples: [{labels: '{}', value: 1}]}]}]}" for expr in ("vector(1)", "vector(2)"))  # fmt: skip
    texts = {"a.yml": good, "b.yml": wrong, "c.yml": good, "d.yml": "[", "e.yml": wrong}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    assert release.path is not None
    found = promtool.run(release.path, tmp_path, list(texts))
    assert [name for name, problem in found.items() if not problem] == ["a.yml", "c.yml"]
    assert "vector(2)" in found["b.yml"]
    assert "vector(2)" in found["e.yml"]
    assert "vector" not in found["d.yml"]


def test_a_rate_is_what_this_release_computes(release: Tool, tmp_path: Path) -> None:
    """Two samples of which the first is 18 s above zero, in a range that began long before them."""
    values: list[float | str | None] = [*[None] * 19, 21.0, 41.0]
    expected = Evaluator(Store(15_000, [InputSeries("c_total", {}, values)], engine_of(release.release))).vector(
        parse("rate(c_total[5m])"), 300_000
    )[0][1]
    notation = "_x19 " + " ".join(f"{v:g}" for v in values if v is not None)
    text = f"""tests:
  - name: rate
    interval: 15s
    input_series: [{{series: c_total, values: '{notation}'}}]
    promql_expr_test:
      - {{expr: 'abs(rate(c_total[5m]) - {expected!r}) < bool 1e-12', eval_time: 300s, exp_samples: [{{labels: '{{}}', value: 1}}]}}
"""
    (tmp_path / "rate.yml").write_text(text)
    assert release.path is not None
    assert promtool.run(release.path, tmp_path, ["rate.yml"]) == {"rate.yml": ""}


def test_the_zero_point_counts_from_2_51_on_only_where_it_is_near() -> None:
    """prometheus/prometheus#13725: 15.75 s to zero were added before, although half an interval is 7.5 s."""
    series = [InputSeries("c_total", {}, [*[None] * 19, 21.0, 41.0])]
    before, since = (
        Evaluator(Store(15_000, series, engine)).vector(parse("increase(c_total[5m])"), 300_000)[0][1]
        for engine in (OLDEST, Engine(near_zero=True))
    )
    assert before == pytest.approx(20 * (15 + 15.75) / 15)
    assert since == pytest.approx(20 * (15 + 7.5) / 15)
    assert [engine_of(r) for r in (None, (2, 50), (2, 51), (3, 0))] == [
        OLDEST, OLDEST, Engine(near_zero=True), Engine(left_open=True, near_zero=True)
    ]  # fmt: skip


def test_a_count_of_verdicts_that_does_not_fit_judges_nothing() -> None:
    assert set(promtool._read("  SUCCESS\n\n", ["a.yml", "b.yml"]).values()) == {"promtool did not get to it: SUCCESS"}
    assert promtool._read("  SUCCESS\n\n  FAILED:\nwrong\n\n", ["a.yml", "b.yml"]) == {
        "a.yml": "", "b.yml": "FAILED:\nwrong"
    }  # fmt: skip
