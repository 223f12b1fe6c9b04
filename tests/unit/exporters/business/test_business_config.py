"""The configuration: strict, complete in its complaints, and made from the spec's block."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitoring_kit.exporters.business.config import load_config, parse_config, read_config
from monitoring_kit.exporters.business.dsn import Address
from monitoring_kit.exporters.business.faults import SourceFault
from monitoring_kit.exporters.business.spec_config import from_spec
from monitoring_kit.exporters.runtime import ConfigError

GOOD: dict[str, Any] = {
    "sources": {"shop": {"kind": "sqlite", "url": "sqlite:////data/shop.db"}},
    "metrics": {"user_count": {"type": "gauge", "help": "Users.", "source": "shop", "query": "SELECT 1 AS value"}},
}
BLOCK: dict[str, Any] = {
    "listen": ":9641",
    "sources": {"shop": {"kind": "mysql", "dsn_file": "/run/secrets/shop", "timeout": "2s"}},
    "collect": {
        "user_count": {"source": "shop", "sql": "SELECT COUNT(*) AS value FROM sessions"},
        "transaction_total": {"source": "shop", "sql": "SELECT status, COUNT(*) AS value FROM tx GROUP BY status"},
        "basket_euros": {
            "source": "shop",
            "watermark": "id",
            "sql": "SELECT id, total AS value FROM b WHERE id > :watermark",
        },
    },
}
REGISTRY: dict[str, Any] = {
    "user_count": {"type": "gauge", "help": "Active users."},
    "transaction_total": {"type": "counter", "help": "T.", "labels": {"status": {"values": ["ok", "failed"]}}},
    "basket_euros": {"type": "histogram", "help": "B.", "buckets": [1, 10], "native": True},
    "price_ratio": {"type": "gauge", "help": "P.", "unit": "currency", "labels": {"item": {"max": 3}}},
    "events_total": {"type": "counter", "help": "E.", "labels": {"item": {"max": 3}}},
}


def mistakes(change: Any, base: dict[str, Any] = GOOD) -> list[str]:
    data = copy.deepcopy(base)
    change(data)
    return [str(mistake) for mistake in read_config(data)[1]]


def metric(**changes: Any) -> Any:
    def change(data: dict[str, Any]) -> None:
        data["metrics"]["user_count"].update(changes)

    return change


def shop(**changes: Any) -> Any:
    def change(data: dict[str, Any]) -> None:
        data["sources"]["shop"].update(changes)

    return change


def test_defaults() -> None:
    config = parse_config(GOOD)
    found = config.metrics["user_count"]
    assert (config.listen, config.namespace, config.max_series, config.strict) == (
        ":9641",
        "mkit_business",
        10_000,
        False,
    )
    assert (found.mode, found.on_empty, found.on_error.kind, found.max_rows, found.timeout) == (
        "gauge",
        "omit",
        "drop",
        500,
        2.0,
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (metric(querry="x"), "metrics.user_count.querry: unknown key `querry`; did you mean `query`?"),
        (metric(source="shp"), "metrics.user_count.source: there is no source `shp`; did you mean `shop`?"),
        (metric(mode="cumulative"), "metrics.user_count.mode: cumulative fills a counter, but user_count is a gauge"),
        (metric(mode="gague"), "metrics.user_count.mode: `gague` is not possible; did you mean `gauge`?"),
        (metric(query="DROP TABLE x"), "metrics.user_count.query: must begin with SELECT, WITH, VALUES, SHOW or TABLE, not `DROP`"),
        (metric(query=None), "metrics.user_count.query: is missing"),
        (metric(query=7), "metrics.user_count.query: expected SQL text"),
        (metric(on_error={"hold": "5 minutes"}), "metrics.user_count.on_error: `5 minutes` is no duration; write 500ms, 2s or 5m"),
        (metric(on_error="ignore"), "metrics.user_count.on_error: expected drop, fail, or {hold: 5m} (how old the held values may get)"),
        (metric(on_null="zeros"), "metrics.user_count.on_null: `zeros` is not possible; did you mean `zero`?"),
        (metric(every="-1s"), "metrics.user_count.every: `-1s` is no duration; write 500ms, 2s or 5m"),
        (metric(max_rows=True), "metrics.user_count.max_rows: expected a whole number from 1 to 1000000"),
        (metric(watermark="id"), "metrics.user_count.watermark: belongs to the modes increment and events, not to gauge"),
        (metric(path="x"), "metrics.user_count.path: belongs to http sources"),
        (metric(labels={"le": {}}), "metrics.user_count: metric 'user_count': label 'le' is reserved by Prometheus"),
        (metric(help=""), "metrics.user_count: metric 'user_count': help is missing"),
        (shop(kind="oracle"), "sources.shop.kind: `oracle` is not possible; possible: `http`, `mariadb`, `mysql`, `postgresql`, `redis`, `sqlite`"),
        (shop(kind="mysql"), "sources.shop.url: must begin with mysql:// or mariadb://"),
        (shop(dsn_file="/x"), "sources.shop: needs either dsn_file (a file that holds the URL) or url (without password)"),
        (shop(kind="mysql", url="mysql://u@127.0.0.1:66000/d"), "sources.shop.url: has a port (what follows the host's `:`) that is no number from 0 to 65535"),
        (shop(time_zone="Mars/Olympus"), "sources.shop.time_zone: `Mars/Olympus` is no time zone; write Asia/Ho_Chi_Minh, UTC or +07:00"),
        (shop(tls={"ca_fil": "x"}), "sources.shop.tls.ca_fil: unknown key `ca_fil`; did you mean `ca_file`?"),
        (shop(timeout="1h"), "sources.shop.timeout: expected a duration from 0.01 to 600 seconds"),
        (lambda data: data.pop("sources"), "sources: expected a mapping with at least one entry"),
        (lambda data: data.update(listn=":1"), "listn: unknown key `listn`; did you mean `listen`?"),
        (lambda data: data.update(namespace="9x"), "namespace: `9x` cannot begin a metric name"),
    ],
)  # fmt: skip
def test_mistakes_say_where_and_what(change: Any, expected: str) -> None:
    assert expected in mistakes(change)


def test_help_says_when_a_value_is_cached_and_known_sets_are_bounded() -> None:
    config = parse_config({**GOOD, "metrics": {"user_count": {**GOOD["metrics"]["user_count"], "every": "5m"}}})
    assert config.metrics["user_count"].spec.help == "Users. (Read every 300 s.)"
    many = {name: {"allow": [str(i) for i in range(100)]} for name in "abc"}
    found = mistakes(metric(labels=many, on_empty="zero"))
    assert found == [
        "metrics.user_count.labels: the allow-lists make more than 10000 label sets; write on_empty: omit, or fewer values"
    ]


def test_a_password_in_the_configuration_is_refused_and_not_repeated() -> None:
    found = mistakes(shop(kind="mysql", url="mysql://u:hunter2@h/d"))
    assert found == ["sources.shop.url: must not hold a password; put the URL into a file and name it as dsn_file"]
    found = mistakes(shop(kind="mysql", url="mysql://u:hunter/2@h/d"))
    assert found
    assert "hunter" not in "".join(found)


@pytest.mark.parametrize("key", ["url", "dsn_file"])
def test_an_address_of_the_wrong_type_is_one_mistake(key: str) -> None:
    def change(data: dict[str, Any]) -> None:
        data["sources"]["shop"] = {"kind": "sqlite", key: 5}

    assert mistakes(change) == [f"sources.shop.{key}: expected text, found a number"]


PORT = "has a port (what follows the host's `:`) that is no number from 0 to 65535"
ENCODE = "a `@`, `/`, `?`, `#`, `[` or `]` in the password must be percent-encoded"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mysql://u:hunter2@127.0.0.1:zz/db", PORT),
        ("mysql://u:hunter2@127.0.0.1:70000/db", PORT),
        ("mysql://u:a:hunter2@127.0.0.1:zz", PORT),
        # The text after the first colon is the password, or may be.
        ("mysql://u:hunter/2@127.0.0.1:3306/db", f"{PORT}; if a part of the password stands there: {ENCODE}"),
        ("mysql://u:hunter#2@127.0.0.1:3306/db", f"{PORT}; if a part of the password stands there: {ENCODE}"),
        ("mysql://u:1@hunter:a/2@127.0.0.1:3306/db", f"{PORT}; if a part of the password stands there: {ENCODE}"),
        ("mysql://u:hunter2", f"{PORT}; if a part of the password stands there: {ENCODE}"),
        ("mysql://u:hunter[2@127.0.0.1:3306/db", f"is no URL ({ENCODE})"),
    ],
)
def test_a_wrong_port_is_named_without_the_password(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "dsn"
    file.write_text(f"{text}\n")
    with pytest.raises(SourceFault) as caught:
        Address("mysql", dsn_file=str(file)).resolve()
    assert str(caught.value) == f"{file} {message}"


def test_row_counting_modes_need_a_state_file_and_the_watermark() -> None:
    events = {"type": "histogram", "help": "B.", "source": "shop", "query": "SELECT 1 AS value"}
    found = mistakes(lambda data: data["metrics"].update(basket_euros=events))
    assert "metrics.basket_euros.query: must use :watermark" in found


def test_names_that_a_histogram_also_writes_clash() -> None:
    other = {
        "type": "histogram",
        "help": "U.",
        "source": "shop",
        "query": "SELECT 1 AS watermark, 2 AS value WHERE 1 > :watermark",
    }

    def change(data: dict[str, Any]) -> None:
        data["metrics"]["user"] = other
        data["state_file"] = "/tmp/x"

    assert mistakes(change) == ["metrics.user_count: histogram user writes samples of that name"]


def test_file_errors_carry_the_file_and_the_line(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with pytest.raises(ConfigError, match=r"c\.yaml: No such file"):
        load_config(path)
    path.write_text("sources:\n  a: [\n")
    with pytest.raises(ConfigError, match=r"c\.yaml:3:1: not YAML"):
        load_config(path)
    path.write_text("a: &a [*a]\n")
    with pytest.raises(ConfigError):
        load_config(path)
    path.write_bytes(b"#" * (5 << 20))
    with pytest.raises(ConfigError, match="larger than"):
        load_config(path)


def test_spec_block_becomes_a_whole_configuration() -> None:
    config, found = from_spec(BLOCK, REGISTRY)
    assert found == []
    parsed = parse_config(config)
    assert config["state_file"] == "/var/lib/mkit/business.db"
    assert [(name, m.mode, m.spec.kind) for name, m in parsed.metrics.items()] == [
        ("user_count", "gauge", "gauge"),
        ("transaction_total", "cumulative", "counter"),
        ("basket_euros", "events", "histogram"),
    ]
    assert parsed.metrics["transaction_total"].spec.labels[0].allow == ("ok", "failed")
    assert parsed.metrics["basket_euros"].spec.native is not None
    assert "source" not in REGISTRY["user_count"]


def test_counts_fold_into_other_but_prices_do_not() -> None:
    collect = {
        name: {"source": "shop", "sql": "SELECT item, 1 AS value FROM t"} for name in ("price_ratio", "events_total")
    }
    config, found = from_spec({**BLOCK, "collect": collect}, REGISTRY)
    assert found == []
    assert config["metrics"]["price_ratio"]["labels"] == {"item": {"max": 3}}
    assert config["metrics"]["events_total"]["labels"] == {"item": {"max": 3, "else": "other"}}
    # A unit that does not end the name has no place in OpenMetrics but the help.
    assert parse_config(config).metrics["price_ratio"].spec.help == "P (unit: currency)."


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        (lambda b: b["collect"].update(user_cont={}), ("collect", "user_cont"), "is not in the metric registry; did you mean `user_count`?"),
        (lambda b: b["collect"]["user_count"].update(sql="DELETE FROM x"), ("collect", "user_count", "sql"), "must begin with SELECT, WITH, VALUES, SHOW or TABLE, not `DELETE`"),
        (lambda b: b["collect"]["user_count"].pop("sql"), ("collect", "user_count", "sql"), "is missing"),
        (lambda b: b["collect"]["user_count"].update(command="GET x"), ("collect", "user_count", "command"), "stands beside sql; one query is expected"),
        (lambda b: b["collect"]["user_count"].update(evry="1m"), ("collect", "user_count", "evry"), "unknown key `evry`; did you mean `every`?"),
        (lambda b: b["collect"]["user_count"].update(mode="events"), ("collect", "user_count", "mode"), "events fills a histogram, but user_count is a gauge"),
        (lambda b: b["sources"]["shop"].update(dsn_fle="x"), ("sources", "shop", "dsn_fle"), "unknown key `dsn_fle`; did you mean `dsn_file`?"),
        (lambda b: b.update(collect={}), ("collect",), "expected a mapping with at least one metric"),
        (lambda b: b.update(metrics=None), ("metrics",), "unknown key `metrics`; a spec has `collect` here: name -> source and query"),
        (lambda b: b["collect"]["user_count"].update(labels=None), ("collect", "user_count", "labels"), "unknown key `labels`; it stands at `user_count` in the spec's own `metrics:`"),
        (lambda b: b.update(lisen=1), ("lisen",), "unknown key `lisen`; did you mean `listen`?"),
    ],
)  # fmt: skip
def test_mistakes_in_the_spec_point_into_the_block(change: Any, path: tuple[str, ...], message: str) -> None:
    block = copy.deepcopy(BLOCK)
    change(block)
    assert (path, message) in [(m.path, m.message) for m in from_spec(block, REGISTRY)[1]]


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["source", "query", "kind", "sources", "metrics", "a", "labels", "type"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(junk)
def test_no_configuration_raises_anything_but_its_mistakes(data: Any) -> None:
    config, found = read_config(data)
    assert (config is None) == bool(found)
    from_spec(data, REGISTRY)
    for value in (data,):
        wrapped = {**GOOD, "metrics": {"user_count": value}}
        read_config(wrapped)
        read_config({**GOOD, "sources": {"shop": value}})
        from_spec({**BLOCK, "collect": {"user_count": value}}, REGISTRY)


def test_no_driver_is_imported_to_read_a_configuration() -> None:
    code = (
        "import sys; from monitoring_kit.exporters.business.spec_config import from_spec;"
        "from monitoring_kit.exporters.business import build, main;"
        "bad = [m for m in ('pymysql', 'psycopg', 'redis', 'jmespath', 'requests') if m in sys.modules]; sys.exit(bool(bad))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_failing_metric_fails_the_scrape_only_where_asked(tmp_path: Path) -> None:
    from monitoring_kit.exporters.business.build import make_exporter
    from monitoring_kit.exporters.business.state import State
    from monitoring_kit.exporters.runtime import Deadline, ScrapeFailed

    source = {"shop": {"kind": "sqlite", "url": f"sqlite:///{tmp_path / 'missing.db'}"}}
    for rule in ("drop", "fail"):
        body = {**GOOD["metrics"]["user_count"], "on_error": rule}
        exporter = make_exporter(parse_config({"sources": source, "metrics": {"user_count": body}}), State(None))
        if rule == "fail":
            with pytest.raises(ScrapeFailed, match="connect"):
                exporter.registry.gather(Deadline.after(2))
        else:
            assert exporter.registry.gather(Deadline.after(2)).failures == {"user_count": "connect"}
        exporter.registry.close()


def test_gauge_may_end_in_count_and_is_checked_otherwise() -> None:
    assert parse_config(GOOD).metrics["user_count"].spec.name == "user_count"
    assert any("user_count" in line and "reserved" in line for line in mistakes(metric(labels={"quantile": {}})))
    assert mistakes(metric(buckets=[1]))


@pytest.mark.parametrize("key", ["headers", "header_files"])
def test_what_is_no_headers_name_is_refused(key: str) -> None:
    source = {
        "kind": "http",
        "url": "https://h/x",
        key: {"X Api Key": "/run/secrets/key", "X-Good": "/run/secrets/good"},
    }
    metric = {"type": "gauge", "help": "M.", "source": "api", "query": "n"}
    found = read_config({"sources": {"api": source}, "metrics": {"m": metric}})[1]
    assert [(m.path, str(m.message)) for m in found] == [
        (("sources", "api", key, "X Api Key"), "is no header's name: letters, digits and `-`")
    ]
