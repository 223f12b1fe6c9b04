"""`exporters:` becomes what the exporters themselves accept, with the alerts and the dashboard that watch them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from monitoring_kit.exporters.ai.config import parse_config as ai_config
from monitoring_kit.exporters.business.config import parse_config

from monitoring_kit.pipeline import Compilation
from tests.conftest import CHANNEL, HEAD, marked

SPEC = HEAD + CHANNEL + (
    "services:\n  shop: {kind: business, scrape: {targets: ['business-exporter:9641']}}\n"
    "metrics:\n  user_count: {type: gauge, help: Active users., services: [shop]}\n"
    "  transaction_total: {type: counter, help: Transactions., labels: {status: {values: [ok, failed]}}, services: [shop]}\n"
)  # fmt: skip
EXPORTERS = (
    "exporters:\n  business:\n    sources: {db: {kind: sqlite, url: 'sqlite:////var/lib/shop.db'}}\n    collect:\n"
    "      user_count: {source: db, sql: SELECT COUNT(*) AS value FROM users}\n"
    "      transaction_total: {source: db, mode: cumulative, sql: 'SELECT status, COUNT(*) AS value FROM t GROUP BY status'}\n"
)


def test_the_exporter_accepts_its_configuration(compile_text: Callable[..., Compilation]) -> None:
    result = compile_text(SPEC + EXPORTERS)
    assert result.ok, list(result.report)
    output = result.outputs["exporters/business.yaml"]
    assert output.mode == 0o640
    data = yaml.safe_load(output.data)
    parse_config(data)
    assert data["metrics"]["transaction_total"]["labels"] == {"status": {"allow": ["ok", "failed"]}}
    assert data["metrics"]["user_count"]["help"] == "Active users."


def test_its_own_alerts_and_dashboard(compile_text: Callable[..., Compilation]) -> None:
    result = compile_text(SPEC + EXPORTERS)
    assert result.model is not None
    names = {rule.name for rule in result.model.alerts if rule.service == "shop"}
    assert {"ExporterSourceDown", "ExporterFiguresStale", "ExporterSeriesDropped", "ExporterSourceShrank"} <= names
    board = json.loads(result.outputs["grafana/dashboards/board-exporter-business.json"].data)
    assert {"Sources", "Age of the figures", "Dropped series"} <= {p["title"] for p in board["panels"]}


AI = HEAD + CHANNEL + (
    "services:\n  m: {kind: ai-model, scrape: {targets: ['ai-exporter:9642']}}\nexporters:\n  ai: {listen: ':9642', ingest: {http: true}}\n"
)  # fmt: skip


def firing(
    folder: Path, result: Compilation, service: str, series: dict[str, str], wanted: dict[str, list[str]]
) -> None:
    """promtool: which alerts, of those named in ``wanted`` as `minute alert`, fire with which labels beside the rule's own."""
    assert result.ok, list(result.report)
    (folder / "rules.yml").write_bytes(result.outputs[f"prometheus/rules/service-{service}.yml"].data)
    tests = []
    for when, labels in wanted.items():
        minute, alert = when.split()
        samples = [{"labels": f"{{{text}}}", "value": 1} for text in labels]
        expr = f"count by ({', '.join(sorted({t.split('=')[0] for text in labels for t in text.split(',')}) or ['service'])}) "
        expr += f'(ALERTS{{alertname="{alert}",alertstate="firing"}})'
        tests.append({"expr": expr, "eval_time": f"{minute}m", "exp_samples": samples})
    own = f"job='{service}',service='{service}',instance='a'"
    given = [
        {"series": f"{name}{{{own},{labels}}}", "values": values}
        for (name, _, labels), values in ((key.partition(" "), values) for key, values in series.items())
    ]
    case = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": given, "promql_expr_test": tests}],
    }
    (folder / "test.yml").write_text(yaml.safe_dump(case))
    done = subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_figure_that_has_failed_since_the_start(tmp_path: Path, compile_text: Callable[..., Compilation]) -> None:
    series = {
        "mkit_business_collector_success collector='user_count'": "0x60",
        "mkit_business_collector_success collector='transaction_total'": "1x60",
        "mkit_business_collector_success collector='short'": "0x10 1x50",
    }
    wanted = {
        "14 ExporterFiguresFailing": [],
        "20 ExporterFiguresFailing": ['collector="user_count"'],
        "50 ExporterFiguresStale": [],
    }
    firing(tmp_path, compile_text(SPEC + EXPORTERS), "shop", series, wanted)


@pytest.mark.parametrize(("written", "samples"), [("", 22_000), (", max_series: 500", 3_000)])
def test_the_scrape_takes_what_the_exporter_may_serve_and_no_more(
    compile_text: Callable[..., Compilation], written: str, samples: int
) -> None:
    """Twice `max_series` and 2,000, though the labels would allow 83 families of more."""
    result = compile_text(AI.replace("listen: ':9642'", f"listen: ':9642'{written}"))
    jobs = {
        job["job_name"]: job
        for job in yaml.safe_load(result.outputs["prometheus/prometheus.yml"].data)["scrape_configs"]
    }
    assert jobs["m"]["sample_limit"] == samples
    assert result.system is not None
    assert {exporter.max_series for exporter in result.system.exporters} == {
        500 if written else ai_config({}).max_series
    }
    more = compile_text(AI.replace("['ai-exporter:9642']", "['ai-exporter:9642', 'other:80']"))
    jobs = {
        job["job_name"]: job for job in yaml.safe_load(more.outputs["prometheus/prometheus.yml"].data)["scrape_configs"]
    }
    assert jobs["m"]["sample_limit"] > 22_000


TRUTH = AI.replace(
    "listen: ':9642'",
    "sources: {db: {kind: sqlite, url: 'sqlite:////nowhere.db'}}, "
    "truth: {source: db, sql: 'SELECT id, value FROM t WHERE at >= :since', key: [id], every: 1h}, "
    "drift: {features: {f: mkit_model_batch_size}, baseline: b.json}",
)


def test_figures_are_stale_beyond_their_own_pace(tmp_path: Path, compile_text: Callable[..., Compilation]) -> None:
    """A figure that is read once an hour is an hour old without being late."""
    read = "mkit_business_result_timestamp_seconds metric="
    pace = "mkit_business_read_interval_seconds metric="
    series = {
        f"{read}'hourly'": "0x70 4200x60", f"{pace}'hourly'": "3600x200",
        f"{read}'each'": "0x200", f"{pace}'each'": "0x200",
    }  # fmt: skip
    wanted = {
        "14 ExporterFiguresStale": [],
        "20 ExporterFiguresStale": ['metric="each"'],
        "70 ExporterFiguresStale": ['metric="each"'],
        "130 ExporterFiguresStale": ['metric="each"'],
    }
    firing(tmp_path, compile_text(SPEC + EXPORTERS), "shop", series, wanted)
    series[f"{read}'hourly'"] = "0x200"
    firing(
        tmp_path,
        compile_text(SPEC + EXPORTERS),
        "shop",
        series,
        {"80 ExporterFiguresStale": ['metric="each"', 'metric="hourly"']},
    )


def test_a_collector_of_the_ai_exporter_that_fails(tmp_path: Path, compile_text: Callable[..., Compilation]) -> None:
    scraped = AI.replace("listen: ':9642'", "scrape: {url: 'http://127.0.0.1:8002/metrics', mapping: triton}")
    series = {
        "mkit_ai_collector_success collector='scrape'": "0x60",
        "mkit_ai_collector_success collector='quality'": "1x60",
        "mkit_ai_collector_success collector='drift'": "0x10 1x50",
    }
    wanted = {"14 ModelCollectorFailing": [], "20 ModelCollectorFailing": ['collector="scrape"']}
    firing(tmp_path, compile_text(scraped), "m", series, wanted)


@pytest.mark.parametrize(
    ("text", "service", "own", "alert"),
    [
        (SPEC + EXPORTERS, "shop", "mkit_business", "ExporterReloadFailed"),
        (AI, "m", "mkit_ai", "ModelExporterReloadFailed"),
    ],
)
def test_a_reload_that_failed(
    tmp_path: Path, compile_text: Callable[..., Compilation], text: str, service: str, own: str, alert: str
) -> None:
    series = {f"{own}_config_last_reload_successful ": "1x10 0x20 1x20"}
    wanted = {f"9 {alert}": [], f"14 {alert}": [], f"17 {alert}": ['instance="a"'], f"35 {alert}": []}
    firing(tmp_path, compile_text(text), service, series, wanted)


def test_truth_is_stale_beyond_its_own_pace(tmp_path: Path, compile_text: Callable[..., Compilation]) -> None:
    series = {"mkit_ai_truth_last_success_timestamp_seconds ": "0x200", "mkit_ai_truth_interval_seconds ": "3600x200"}
    wanted = {"70 ModelTruthStale": [], "90 ModelTruthStale": ['service="m"']}
    firing(tmp_path, compile_text(TRUTH), "m", series, wanted)


def test_truth_that_was_never_read(tmp_path: Path, compile_text: Callable[..., Compilation]) -> None:
    series = {"mkit_ai_truth_success ": "0x60"}
    wanted = {"14 ModelTruthFailing": [], "20 ModelTruthFailing": ['instance="a"'], "50 ModelTruthStale": []}
    firing(tmp_path, compile_text(TRUTH), "m", series, wanted)
    # Once read, its age tells.
    series |= {"mkit_ai_truth_last_success_timestamp_seconds ": "0x60", "mkit_ai_truth_interval_seconds ": "60x60"}
    wanted = {"50 ModelTruthFailing": [], "50 ModelTruthStale": ['service="m"']}
    firing(tmp_path, compile_text(TRUTH), "m", series, wanted)


def test_a_baseline_of_another_version(tmp_path: Path, compile_text: Callable[..., Compilation]) -> None:
    series = {
        "mkit_model_drift_baseline_usable model='m',version='2',feature='f'": "0x1600",
        "mkit_model_drift_baseline_usable model='m',version='2',feature='g'": "1x1600",
    }
    wanted = {"1430 ModelDriftUnjudged": [], "1450 ModelDriftUnjudged": ['feature="f",model="m",version="2"']}
    firing(tmp_path, compile_text(TRUTH), "m", series, wanted)


@pytest.mark.parametrize(
    ("text", "service", "own", "alert"),
    [
        (SPEC + EXPORTERS, "shop", "mkit_business", "ExporterSeriesNearLimit"),
        (AI, "m", "mkit_ai", "ModelSeriesNearLimit"),
    ],
)
def test_the_series_limit_comes_near(
    tmp_path: Path, compile_text: Callable[..., Compilation], text: str, service: str, own: str, alert: str
) -> None:
    result = compile_text(text)
    for used, found in ((399, []), (400, ['instance="a"'])):
        series = {f"{own}_series ": f"{used}x60", f"{own}_series_limit ": "500x60"}
        firing(tmp_path, result, service, series, {f"14 {alert}": [], f"20 {alert}": found})


def test_the_limits_count_the_exporters_own_series(compile_text: Callable[..., Compilation]) -> None:
    def limit(text: str) -> int:
        jobs = yaml.safe_load(compile_text(text).outputs["prometheus/prometheus.yml"].data)["scrape_configs"]
        return next(int(j["sample_limit"]) for j in jobs if j["job_name"] == "shop")

    assert limit(SPEC + EXPORTERS) > limit(SPEC)


def test_mistakes_stand_where_they_were_made(compile_text: Callable[..., Compilation]) -> None:
    for old, new in (
        ("user_count: {source", "«user_cuont»: {source"),
        ("mode: cumulative", "«moed»: cumulative"),
        ("source: db, mode", "source: «dbb», mode"),
        ("sql: SELECT COUNT(*) AS value FROM users", "sql: «DELETE FROM users»"),
    ):
        text, place = marked(SPEC + EXPORTERS.replace(old, new))
        found = [d for d in compile_text(text).report if d.code == "exporters/config"]
        assert found, old
        assert place is not None
        assert (found[0].span.line, found[0].span.column) == place[:2], (old, found[0])


def test_keys_of_the_generated_file_are_answered_with_those_of_the_spec(
    compile_text: Callable[..., Compilation],
) -> None:
    for old, new, said in (
        ("    collect:", "    metrics:", "unknown key `metrics`; a spec has `collect` here: name -> source and query"),
        (
            "{source: db, sql",
            "{help: Users., source: db, sql",
            "unknown key `help`; it stands at `user_count` in the spec's own `metrics:`",
        ),
    ):
        found = [d for d in compile_text(SPEC + EXPORTERS.replace(old, new, 1)).report if d.code == "exporters/config"]
        assert [d.message for d in found] == [said]


def test_keys_of_the_ai_exporters_file_are_answered_with_those_of_the_spec(
    compile_text: Callable[..., Compilation],
) -> None:
    head = HEAD + CHANNEL + "services:\n  m: {kind: ai-model, scrape: {targets: ['ai-exporter:9642']}}\n"
    for key, said in (
        ("quality: {key: [id]}", "a spec has `truth` here: the same keys, and beside them the `source` and `sql` of truth that is read from a table"),
        ("metrics: {a_total: {type: counter}}", "metrics stand in the spec's own `metrics:`, with this exporter's service in their `services`"),
    ):  # fmt: skip
        name, _, rest = key.partition(":")
        text, place = marked(f"{head}exporters:\n  ai:\n    «{name}»:{rest}\n    qualty: 1\n")
        found = [d for d in compile_text(text).report if d.code == "exporters/config"]
        assert found[0].message == f"unknown key `{name}`; {said}"
        assert place is not None
        assert (found[0].span.line, found[0].span.column) == place[:2]
        # What no hint knows is answered as ever, and never with what does not belong there.
        assert [d.message.split(";")[0] for d in found[1:]] == ["unknown key `qualty`"]
        assert "`quality`" not in found[1].message


def test_a_declaration_that_the_scraped_mapping_contradicts(compile_text: Callable[..., Compilation]) -> None:
    own = "{metrics: {mkit_model_queue_length: {type: gauge, help: Q., labels: {model: {}, version: {}}}}, rules: [{metric: q, to: mkit_model_queue_length, labels: {m: model, v: version}}]}"
    for mapping in ("triton", own):
        text = HEAD + CHANNEL + (
            "services:\n  m: {kind: ai-model, scrape: {targets: ['ai-exporter:9642']}}\nexporters:\n  ai:\n"
            f"    scrape: {{url: 'http://127.0.0.1:8002/metrics', mapping: {mapping}}}\n"
            "metrics:\n  «mkit_model_queue_length»: {TYPE, help: Mine., labels: {LABELS}, services: [m]}\n"
        )  # fmt: skip
        filled = "`scrape` fills `mkit_model_queue_length` as a gauge with the labels `model`, `version`, and it is declared as a"
        for kind, labels, said in (
            ("gauge", "model: {}", f"{filled} gauge with the label `model`: declare it so"),
            ("histogram", "model: {}, version: {}", f"{filled} histogram with the labels `model`, `version`: declare it so"),
            ("summary", "", f"{filled} summary with no labels: declare it so"),
        ):  # fmt: skip
            spec, place = marked(text.replace("TYPE", f"type: {kind}").replace("LABELS", labels))
            (found,) = (d for d in compile_text(spec).report if d.code == "exporters/config")
            assert found.message.startswith(said)
            assert place is not None
            assert (found.span.line, found.span.column) == place[:2]
        # Where they agree the registry's words and bounds are the exporter's.
        agreed = text.replace("TYPE", "type: gauge").replace("LABELS", "version: {}, model: {values: [bert]}")
        result = compile_text(marked(agreed)[0])
        assert result.ok, list(result.report)
        scrape = ai_config(yaml.safe_load(result.outputs["exporters/ai.yaml"].data)).scrape
        assert scrape is not None
        spec_of = scrape.specs["mkit_model_queue_length"]
        assert (spec_of.help, spec_of.labels[1].allow) == ("Mine.", ("bert",))


def test_truth_that_reads_the_whole_table(compile_text: Callable[..., Compilation]) -> None:
    head = (
        HEAD
        + CHANNEL
        + "services:\n  m: {kind: ai-model, scrape: {targets: ['ai-exporter:9642']}}\nexporters:\n  ai:\n"
    )
    for source, compare in (
        ("kind: mysql, dsn_file: /run/secrets/d", "FROM_UNIXTIME(:since)"),
        ("kind: mariadb, dsn_file: /run/secrets/d", "FROM_UNIXTIME(:since)"),
        ("kind: postgresql, dsn_file: /run/secrets/d", "to_timestamp(:since)"),
        ("kind: sqlite, url: 'sqlite:////var/lib/t.db'", ":since"),
    ):
        body = f"    sources: {{t: {{{source}}}}}\n    truth:\n      source: t\n      key: [id]\n      sql: «SELECT id, n FROM t»\n"
        text, place = marked(head + body)
        result = compile_text(text)
        assert result.ok, list(result.report)
        (found,) = (d for d in result.report if d.code == "exporters/truth-unbounded")
        assert place is not None
        assert (found.span.line, found.span.column) == place[:2]
        assert f">= {compare}`" in found.help
        # What is advised is accepted, and enough.
        better = compile_text(text.replace("FROM t", f"FROM t WHERE at >= {compare}"))
        assert better.ok, list(better.report)
        assert "exporters/truth-unbounded" not in {d.code for d in better.report}
        for bound in (
            "WHERE at >= NOW() - INTERVAL 1 DAY",
            "WHERE at > unixepoch('now') - 86400",
            "ORDER BY id DESC LIMIT 100",
        ):
            bounded = compile_text(text.replace("FROM t", f"FROM t {bound}"))
            assert "exporters/truth-unbounded" not in {d.code for d in bounded.report}, bound


def test_an_exporter_that_nobody_scrapes(compile_text: Callable[..., Compilation]) -> None:
    text = SPEC.replace("9641", "9000") + EXPORTERS
    (found,) = (d for d in compile_text(text).report if d.code == "exporters/no-service")
    assert "business-exporter:9641" in found.help
