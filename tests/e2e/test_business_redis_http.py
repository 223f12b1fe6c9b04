"""The business exporter on a real Redis and on HTTP JSON endpoints that misbehave."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from monitoring_kit.exporters.business.config import parse_config
from monitoring_kit.exporters.business.grants import PLACEHOLDER, grants
from monitoring_kit.exporters.business.httpjson import SHARED_SECONDS
from monitoring_kit.exporters.runtime import Deadline

from tests import servers
from tests.e2e.business_rig import Rig
from tests.servers import PASSWORD, RealServer
from tests.unit.exporters.ai.rig import Rig as Model

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def redis() -> Iterator[RealServer]:
    with servers.start_redis() as server:
        yield server


def source(redis: RealServer, folder: Path, user: str = "") -> dict[str, Any]:
    path = folder / "redis_dsn"
    path.write_text(f"redis://{user}:{quote(PASSWORD, safe='')}@127.0.0.1:{redis.port}/0")
    return {"kind": "redis", "dsn_file": str(path), "timeout": "500ms"}


def gauge(query: Any, **more: Any) -> dict[str, Any]:
    return {"type": "gauge", "help": "A value.", "source": "cache", "query": query, **more}


METRICS = {
    "active_now": gauge("ZCOUNT last_seen {now-5m} +inf"),
    "queue_length": gauge({"mail": "LLEN q:mail", "sms": "LLEN q:sms"}, labels={"key": ["mail", "sms"]}),
    "stock_now": gauge("HGETALL stock", labels={"key": {"max": 10}}),
    "visitors_now": gauge("PFCOUNT visitors"),
    "clients_now": gauge("INFO clients", field="connected_clients"),
    "expiry_seconds": gauge("TTL offer"),
    "missing_now": gauge("GET nothing"),
    "price_now": gauge("GET price"),
}


def fill(redis: RealServer) -> None:
    admin = redis.extra["admin"]()
    admin.flushall()
    now = time.time()
    admin.zadd("last_seen", {f"u{i}": now - 30 - i * 60 for i in range(10)})
    admin.rpush("q:mail", *range(7))
    admin.hset("stock", mapping={"apple": 3, "pear": "4.5"})
    admin.pfadd("visitors", "a", "b", "c")
    admin.set("price", "12.75")
    admin.set("offer", 1)


def test_values_of_every_shape(redis: RealServer, tmp_path: Path) -> None:
    fill(redis)
    with Rig({"cache": source(redis, tmp_path)}, METRICS) as rig:
        found = rig.scrape()
    assert rig.failures == {}
    assert found["active_now"] == 5
    assert found['queue_length{key="mail"}'] == 7
    assert found['queue_length{key="sms"}'] == 0
    assert found['stock_now{key="pear"}'] == 4.5
    assert found["visitors_now"] == 3
    assert found["clients_now"] >= 1
    assert found["price_now"] == 12.75
    # No expiry and no key are not numbers.
    assert "expiry_seconds" not in found
    assert "missing_now" not in found


def test_generated_acl_is_enough_and_no_more(redis: RealServer, tmp_path: Path) -> None:
    fill(redis)
    path = tmp_path / "dsn"
    path.write_text(f"redis://mkit:{quote(PASSWORD, safe='')}@127.0.0.1:{redis.port}/0")
    sources = {"cache": {"kind": "redis", "dsn_file": str(path)}}
    printed = grants(parse_config({"sources": sources, "metrics": METRICS}))
    assert PASSWORD not in printed
    line = next(line for line in printed.splitlines() if line.startswith("ACL "))
    redis.extra["admin"]().execute_command(*line.replace(PLACEHOLDER, PASSWORD).split())
    with Rig(sources, METRICS) as rig:
        assert rig.scrape()["active_now"] == 5
        assert rig.failures == {}
    with Rig(sources, {"other_now": gauge("GET secret")}) as rig:
        rig.scrape()
        assert rig.failures == {"other_now": "permission"}


@pytest.mark.parametrize(
    "query",
    [
        "KEYS *",
        "SET a 1",
        "EVAL 'return 1' 0",
        "GET",
        "FLUSHALL",
        "LLEN a b",
        "CONFIG GET requirepass",
        "",
        "MEMORY DOCTOR",
    ],
)
def test_commands_off_the_list_are_refused(query: str) -> None:
    with pytest.raises(Exception, match=r"metrics\.evil_now\.query"):
        parse_config(
            {"sources": {"cache": {"kind": "redis", "url": "redis://h"}}, "metrics": {"evil_now": gauge(query)}}
        )


def test_stopped_hung_and_back(redis: RealServer, tmp_path: Path) -> None:
    fill(redis)
    with Rig({"cache": source(redis, tmp_path)}, {"price_now": METRICS["price_now"]}) as rig:
        assert rig.scrape()["price_now"] == 12.75
        redis.freeze()
        try:
            rig.scrape(2)
            assert rig.failures == {"price_now": "timeout"}
            assert rig.took < 0.7
            rig.scrape(2)
            assert rig.failures == {"price_now": "timeout"}
        finally:
            redis.thaw()
        end = time.monotonic() + 6
        while "price_now" not in rig.scrape():
            assert time.monotonic() < end
            time.sleep(0.05)
        redis.stop()
        rig.scrape()
        assert rig.failures == {"price_now": "connect"}
        redis.start()


def test_wrong_type_and_hash_over_the_cap(redis: RealServer, tmp_path: Path) -> None:
    fill(redis)
    redis.extra["admin"]().hset("many", mapping={f"f{i}": i for i in range(1000)})
    metrics = {
        "wrong_now": gauge("LLEN stock"),
        "many_now": gauge("HGETALL many", labels=["key"]),
        "price_now": METRICS["price_now"],
    }
    with Rig({"cache": source(redis, tmp_path)}, metrics) as rig:
        assert rig.scrape()["price_now"] == 12.75
        assert rig.failures == {"wrong_now": "query", "many_now": "too_many_rows"}


class Api(BaseHTTPRequestHandler):
    """Answers as its server's ``answers`` say: path -> (status, body) or a function."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers.get("Authorization")))  # type: ignore[attr-defined]
        status, body = self.server.answers.get(self.path, (404, b"{}"))  # type: ignore[attr-defined]
        if callable(body):
            body(self)
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 302:
            self.send_header("Location", "/orders")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def api() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    server.answers, server.seen = {}, []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


ORDERS = {
    "orders": [{"state": "open", "n": 3}, {"state": "paid", "n": 4.5}, {"state": "lost", "n": None}],
    "total": 9,
    "name": "x",
}
PER_STATE = {
    "type": "gauge", "help": "Orders.", "source": "api", "path": "orders", "labels": {"state": {"max": 5}},
    "query": "orders[].{state: state, value: n}",
}  # fmt: skip


def http(query: str, path: str = "orders", **more: Any) -> dict[str, Any]:
    return {"type": "gauge", "help": "A value.", "source": "api", "path": path, "query": query, **more}


def api_source(api: ThreadingHTTPServer, **more: Any) -> dict[str, Any]:
    return {"api": {"kind": "http", "url": f"http://127.0.0.1:{api.server_address[1]}", "timeout": "500ms", **more}}


def test_json_documents(api: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    api.answers["/orders"] = (200, json.dumps(ORDERS).encode())
    token = tmp_path / "token"
    token.write_text("t0ps3cret\n")
    metrics = {
        "orders_now": PER_STATE,
        "total_now": http("total"),
        "missing_now": http("nothing.here", on_null="omit"),
        "strict_now": http("nothing.here", on_null="error"),
        "text_now": http("name"),
        "shape_now": http("orders[].n"),
        "status_now": http("total", path="elsewhere"),
    }
    with Rig(api_source(api, bearer_file=str(token)), metrics) as rig, caplog.at_level(logging.DEBUG):
        found = rig.scrape()
    assert found['orders_now{state="open"}'] == 3
    assert found['orders_now{state="paid"}'] == 4.5
    assert 'orders_now{state="lost"}' not in found
    assert found["total_now"] == 9
    assert "missing_now" not in found
    assert rig.failures == {
        "strict_now": "null_value",
        "text_now": "value",
        "shape_now": "columns",
        "status_now": "response",
    }
    # Six metrics of one document made one request, or two when the failing path came between them.
    assert sum(path == "/orders" for path, _ in api.seen) <= 2
    assert {auth for _, auth in api.seen} == {"Bearer t0ps3cret"}
    assert "t0ps3cret" not in str([record.__dict__ for record in caplog.records])


LABS = {"labs": [{"name": "north", "open": 1}, {"name": "south", "open": 2}, {"name": "west", "open": None}]}


def test_a_key_that_was_renamed_is_an_error_with_the_question(api: Any, caplog: pytest.LogCaptureFixture) -> None:
    api.answers["/labs"] = (200, json.dumps(LABS).encode())
    labels = {"lab": {"max": 5}}

    def lab(query: str, **more: Any) -> dict[str, Any]:
        return http(query, path="labs", labels=labels, **more)

    metrics = {
        "right_now": lab("labs[].{lab: name, value: open}"),
        "renamed_now": lab("labs[].{lab: name, value: pending}"),
        "written_now": lab("labs[].{lab: name, value: pending}", on_null="omit"),
        "zero_now": lab("labs[].{lab: name, value: pending}", on_null="zero"),
        "none_now": lab("labs[?open > `9`].{lab: name, value: pending}"),
        "one_now": http("sum_of_all", path="labs"),
        "gone_now": lab("laboratories[].{lab: name, value: open}"),
    }
    with Rig(api_source(api), metrics) as rig:
        found = rig.scrape()
    assert rig.failures == {"renamed_now": "null_value", "one_now": "null_value", "gone_now": "columns"}
    assert {name: value for name, value in found.items() if name.startswith(("right_now", "written_now", "zero_now", "none_now"))} == {
        'right_now{lab="north"}': 1, 'right_now{lab="south"}': 2,
        'zero_now{lab="north"}': 0, 'zero_now{lab="south"}': 0, 'zero_now{lab="west"}': 0,
    }  # fmt: skip
    told = {record.collector: str(record.err) for record in caplog.records if hasattr(record, "collector")}
    question = "is the key still called so? If null is right, write on_null: omit"
    assert told == {
        "renamed_now": f"value: the expression gave null for all 3 rows; {question}",
        "one_now": f"value: the expression gave null; {question}",
        "gone_now": "no column lab in the answer (it has value); the expression gave null: are the document's keys still called so?",
    }


@pytest.mark.parametrize("figure", ["1e999", "-1e999", "Infinity", "NaN"])
def test_a_figure_that_is_not_finite_is_refused(api: Any, figure: str, caplog: pytest.LogCaptureFixture) -> None:
    api.answers["/orders"] = (200, f'{{"total": {figure}}}'.encode())
    with Rig(api_source(api), {"total_now": http("total")}) as rig:
        assert "total_now" not in rig.scrape()
        assert rig.failures == {"total_now": "value"}
    assert "let the query give NULL" in str([record.__dict__ for record in caplog.records])


@pytest.mark.parametrize("every", ["0s", "1h"])
def test_a_document_that_is_shared_was_read_when_it_came(api: Any, every: str) -> None:
    api.answers["/orders"] = (200, b'{"total": 1}')
    with Rig(api_source(api), {"total_now": http("total"), "late_now": http("total", every=every)}) as rig:
        (late,) = [one for one in rig.registry.workers if one.name == "late_now"]
        (early,) = [one for one in rig.registry.workers if one.name == "total_now"]
        list(early.collector.collect(Deadline.after(3)))
        early.collector.taken()
        time.sleep(0.5)
        list(late.collector.collect(Deadline.after(3)))
        late.collector.taken()
        assert len(api.seen) == 1
        family: Any = rig.registry.family("mkit_business_result_timestamp_seconds")
        assert abs(family.labels("total_now").value - family.labels("late_now").value) < 0.2


def test_truth_may_be_an_empty_list(api: Any, tmp_path: Path) -> None:
    api.answers["/truth"] = (200, b'{"counts": []}')
    truth = {"source": api_source(api)["api"], "path": "truth", "every": 3600, "query": "counts"}
    model_config = {
        "model": {"name": "m", "version": "1"}, "gpu": False, "ingest": {"http": True},
        "metrics": {"ai_accuracy": {"type": "gauge", "help": "A.", "labels": {"model": {}, "version": {}}}},
        "quality": {"key": ["id"], "state_file": str(tmp_path / "q.db"), "truth": truth, "publish": {"accuracy": "ai_accuracy"}},
    }  # fmt: skip
    with Model(model_config) as model:
        end = time.monotonic() + 8
        while (done := model.value("mkit_ai_truth_success")) is None:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert done == 1


def test_headers_that_are_secrets_come_from_files(api: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    api.answers["/orders"] = (200, json.dumps(ORDERS).encode())
    key = tmp_path / "key"
    key.write_text("t0ps3cret\n")
    source = api_source(api, header_files={"Authorization": str(key)}, headers={"X-Region": "eu"})
    with Rig(source, {"total_now": http("total")}) as rig, caplog.at_level(logging.DEBUG):
        assert rig.scrape()["total_now"] == 9
        key.write_text("t0ps\n3cret\n")
        time.sleep(SHARED_SECONDS + 0.1)  # until the document is asked for anew
        assert "total_now" not in rig.scrape()
        assert rig.failures == {"total_now": "connect"}
    assert api.seen == [("/orders", "t0ps3cret")]
    assert "3cret" not in str([record.__dict__ for record in caplog.records])


@pytest.mark.parametrize(
    ("status", "reason", "up"), [(401, "auth", 0), (403, "permission", 1), (404, "response", 1), (503, "response", 1)]
)
def test_a_refused_login_is_no_answer_of_the_source(api: Any, status: int, reason: str, up: int) -> None:
    api.answers["/orders"] = (status, b"{}")
    with Rig(api_source(api), {"total_now": http("total")}) as rig:
        found = rig.scrape()
        assert (rig.failures, found['mkit_business_up{source="api"}']) == ({"total_now": reason}, up)
        api.answers["/orders"] = (200, b'{"total": 1}')
        assert rig.scrape()['mkit_business_up{source="api"}'] == 1


def test_an_answer_that_is_too_large_is_one_and_is_asked_for_once(api: Any) -> None:
    api.answers["/orders"] = (200, b'{"total": 1}')
    with Rig(api_source(api, max_bytes="64KiB"), {"total_now": http("total")}) as rig:
        assert rig.scrape()["total_now"] == 1
        api.answers["/orders"] = (200, b'"' + b"x" * 10_000_000 + b'"')
        for requests in (2, 3):
            time.sleep(SHARED_SECONDS)
            found = rig.scrape()
            assert (rig.failures, found['mkit_business_up{source="api"}']) == ({"total_now": "too_large"}, 1)
            assert len(api.seen) == requests
        api.answers["/orders"] = (200, b'{"total": 2}')
        assert rig.scrape()["total_now"] == 2


@pytest.mark.parametrize("key", ["bearer_file", "header_files"])
def test_a_source_whose_secret_is_missing_is_not_up(api: Any, key: str, tmp_path: Path) -> None:
    api.answers["/orders"] = (200, b'{"total": 1}')
    file = tmp_path / "key"
    more = {key: str(file) if key == "bearer_file" else {"X-Api-Key": str(file)}}
    with Rig(api_source(api, **more), {"total_now": http("total")}) as rig:
        assert rig.scrape()['mkit_business_up{source="api"}'] == 0
        assert (rig.failures, api.seen) == ({"total_now": "connect"}, [])
        file.write_text("secret")
        assert rig.scrape()['mkit_business_up{source="api"}'] == 1


def _drip(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(50):
        handler.wfile.write(b" ")
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((200, b"[1, 2"), "response"),
        ((200, b"[" * 100_000), "response"),
        ((200, b'"' + b"x" * 100_000 + b'"'), "too_large"),
        ((302, b""), "response"),
        ((500, b"{}"), "response"),
        ((200, _drip), "timeout"),
    ],
)
def test_bad_answers(api: Any, answer: Any, reason: str) -> None:
    api.answers["/orders"] = answer
    with Rig(api_source(api, max_bytes="64KiB"), {"total_now": http("total")}) as rig:
        rig.scrape(2)
        assert (
            rig.failures == {"total_now": reason} if reason != "response" or len(answer[1]) < 70_000 else rig.failures
        )
        assert rig.took < 0.8
        assert not any(path != "/orders" for path, _ in api.seen)
        api.answers["/orders"] = (200, b'{"total": 1}')
        end = time.monotonic() + 5
        while rig.scrape().get("total_now") != 1:
            assert time.monotonic() < end
            time.sleep(0.05)
