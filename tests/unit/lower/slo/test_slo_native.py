"""Latency objectives whose threshold lies between the buckets: read off a native histogram."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from monitoring_kit.pipeline import Compilation
from monitoring_kit.stack.tools import SUITES, Tool, find_tools
from tests.conftest import CHANNEL, HEAD, marked
from tests.unit.lower.slo.rig import Run, compiled

Compile = Callable[..., Compilation]
METRIC = 'http_request_duration_seconds{job="web",service="web",instance="a"%s}'
WINDOWS = ("5m", "30m", "1h", "6h", "2h", "1d", "3d")


def spec(version: str = "2.53", features: str = "native-histograms", slo: str = "threshold: 300ms") -> str:
    return (
        f'{HEAD}{CHANNEL}compatibility: {{prometheus: "{version}"}}\n'
        f"prometheus: {{retention: {{time: 100d}}, features: [{features}]}}\n"
        "metrics:\n  «http_request_duration_seconds»: {type: histogram, unit: seconds, help: x, native: true, buckets: [0.1, 1],"
        " labels: {route: {max: 9}}, services: [web]}\n"
        f"services:\n  web: {{kind: http, scrape: {{targets: ['web:80']}}, slos: {{fast: {{signal: latency, objective: 99%, {slo}}}}}}}\n"
    )


@pytest.fixture
def promtool() -> Tool:
    """One that understands native histograms in rule tests: the suite's own or a newer one that was fetched."""
    found = [find_tools(suite)["promtool"] for suite in (None, *SUITES)]
    for tool in found:
        if tool.release is not None and tool.release >= (2, 47):
            return tool
    known = ", ".join(dict.fromkeys(tool.version or "none" for tool in found))
    pytest.skip(
        f"native histograms in rule tests need promtool 2.47 or newer, here is {known}: mkit tools fetch --suite trixie"
    )


def run(text: str, folder: Path, promtool: Tool) -> Run:
    made = compiled(text.replace("«", "").replace("»", ""), folder)
    assert made.ok, [d.message for d in made.report]
    rules = []
    for name, output in made.outputs.items():
        if name.startswith("prometheus/rules/"):
            rules.append(folder / name.rpartition("/")[2])
            rules[-1].write_bytes(output.data)
    return Run(rules, folder, program=promtool.path)


# Buckets of schema 0 end at powers of two: offset -1 is (0.25, 0.5], offset 2 is (2, 4]. 2 of the 4 observations a step are above 2 s.
HALF = (
    "{{schema:0 count:0 sum:0 offset:-1 buckets:[0 0 0 0]}}+{{schema:0 count:4 sum:8 offset:-1 buckets:[2 0 0 2]}}x%d"
)
GOOD = (
    "{{schema:0 count:0 sum:0 offset:-1 buckets:[0 0 0 0]}}+{{schema:0 count:4 sum:2 offset:-1 buckets:[4 0 0 0]}}x%d"
)


def test_the_share_above_the_threshold(tmp_path: Path, promtool: Tool) -> None:
    """2 s is the end of a bucket of schema 0, so that nothing is interpolated: half of all events, over every window."""
    test = run(spec(slo="threshold: 2s"), tmp_path, promtool).put(METRIC % "", HALF % 240)
    test.expect("110m", "max(round(slo:total:rate5m, 0.0001))", {"{}": 0.1333})
    for window in WINDOWS:
        test.expect("110m", f"max(round(slo:sli_error:ratio_rate{window}, 0.0001))", {"{}": 0.5})
    test.firing("110m", "SloPageFast", "SloPageSlow", "SloTicketFast", "SloTicketSlow")
    assert test.passes()


def test_all_good_and_then_gone(tmp_path: Path, promtool: Tool) -> None:
    """A share of 0; a target that vanishes is told after 5 minutes of look-back and 10 of `for`."""
    test = run(spec(slo="threshold: 2s"), tmp_path, promtool).put(METRIC % "", GOOD % 240)
    for window in WINDOWS:
        test.expect("110m", f"max(slo:sli_error:ratio_rate{window})", {"{}": 0})
    assert test.firing("110m").firing("131m").firing("140m", "SloAbsent").passes()


def test_no_observation_has_no_share(tmp_path: Path, promtool: Tool) -> None:
    """The fraction of nothing is NaN in Prometheus; here it is no value at all."""
    still = "{{schema:0 count:960 sum:480 offset:-1 buckets:[960 0 0 0]}}x480"
    test = run(spec(slo="threshold: 2s"), tmp_path, promtool).put(METRIC % "", still)
    for window in WINDOWS:
        test.expect("200m", f"slo:sli_error:ratio_rate{window}", {})
    test.expect("200m", "max(slo:total:rate5m)", {"{}": 0})
    test.expect("200m", "count(slo:bad:rate5m != slo:bad:rate5m)", {})
    assert test.firing("200m").passes()


def test_budgets_by_label(tmp_path: Path, promtool: Tool) -> None:
    test = run(spec(slo="threshold: 2s, group_by: route"), tmp_path, promtool)
    test.put(METRIC % ',route="/a"', HALF % 240).put(METRIC % ',route="/b"', GOOD % 240)
    test.expect("110m", "max by (route) (slo:sli_error:ratio_rate1h)", {'{route="/a"}': 0.5, '{route="/b"}': 0})
    test.firing(
        "110m",
        *(f'{n}{{route="/a"}}' for n in ("SloPageFast", "SloPageSlow", "SloTicketFast", "SloTicketSlow")),
        by="route",
    )
    assert test.passes()


def test_a_wrong_share_would_be_seen(tmp_path: Path, promtool: Tool) -> None:
    """The tests above can fail."""
    test = run(spec(slo="threshold: 2s"), tmp_path, promtool).put(METRIC % "", HALF % 240)
    assert not test.expect("110m", "max(slo:sli_error:ratio_rate1h)", {"{}": 0.25}).passes()


def test_a_threshold_at_a_buckets_end_needs_no_native_histogram(compile_text: Compile) -> None:
    made = compile_text(marked(spec("2.42", "", "threshold: 1s"))[0])
    assert made.ok
    assert "histogram_fraction" not in made.outputs["prometheus/rules/service-web.yml"].data.decode()


def test_the_server_must_keep_them(compile_text: Compile) -> None:
    made = compile_text(marked(spec(features=""))[0])
    (found,) = [d for d in made.report if d.code == "slo/threshold"]
    assert "no bucket" in found.message
    assert "features: [native-histograms]" in (found.help or "")


@pytest.mark.parametrize(
    ("version", "keys"),
    [
        ("2.45", {"scrape_classic_histograms"}),
        ("2.53", {"scrape_classic_histograms"}),
        ("3.0", {"always_scrape_classic_histograms"}),
        ("3.9", {"always_scrape_classic_histograms", "scrape_native_histograms"}),
    ],
)
def test_both_forms_are_kept(compile_text: Compile, version: str, keys: set[str]) -> None:
    """A server with native histograms drops the classic buckets of the same one, which quantiles read, unless it is told."""
    made = compile_text(marked(spec(version))[0])
    assert made.ok, [d.message for d in made.report]
    jobs = {j["job_name"]: j for j in yaml.safe_load(made.outputs["prometheus/prometheus.yml"].data)["scrape_configs"]}
    assert {k for k, v in jobs["web"].items() if "histograms" in k and v is True} == keys
    assert not [k for k in jobs["prometheus"] if "histograms" in k]


@pytest.mark.parametrize("version", ["2.42", "2.44"])
def test_a_server_that_cannot_keep_both_is_refused(compile_text: Compile, version: str) -> None:
    text, place = marked(spec(version))
    (found,) = [d for d in compile_text(text).report if d.severity.name == "ERROR"]
    assert found.code == "version/unsupported"
    assert "keeps only the native form of `http_request_duration_seconds`" in found.message
    assert "2.45" in (found.help or "")
    assert place is not None
    assert (found.span.line, found.span.column) == place[:2]
