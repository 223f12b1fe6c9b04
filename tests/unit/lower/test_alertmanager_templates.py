"""What notifications say, rendered by the real amtool, with labels as hostile as an exposition can make them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from monitoring_kit.lower.alertmanager_template import template_text
from monitoring_kit.stack.tools import Tool
from tests.unit.lower.alertmanager_tools import amtools, rendered

Render = Callable[..., str]
HOSTILE = "<script>alert(1)</script> <!channel> `b` \"q\" 's' & *s* _u_ ~t~ [l](http://e) @everyone \\ {{ .X }} $1 %s 😀\r\nsecond\x07"
URL = re.compile(r"https?://[^\s<>\"|]+")
KINDS = {"mkit.telegram.html": "html", "mkit.email.html": "html"}
# Every template that a receiver uses.
TEMPLATES = sorted(
    set(re.findall(r'define "(mkit\.[a-z_.]+)"', template_text()))
    - {"mkit.line", "mkit.cut", "mkit.time", "mkit.url", "mkit.ended"}
)
WHOLE = [n for n in TEMPLATES if not n.endswith((".alert", ".line", ".cut"))]


def alert(status: str = "firing", summary: str = "web: error rate is 7%, above 5%", **labels: str) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {
            "alertname": "HighErrorRate", "severity": "critical", "service": "web", "team": "shop", "notify": "m",
            "system": "shop", **labels,
        },
        "annotations": {
            "summary": summary,
            "description": "Share of failed requests. It has been above 5% for 2m.",
            "value": "7%",
            "dashboard": "https://grafana.example.com/d/shop-web?viewPanel=3&from=now-1h",
            "runbook_url": "https://docs.example.com/runbooks/HighErrorRate.md",
            "probable_causes": "database, redis",
        },
        "startsAt": "2026-11-23T20:00:00Z",
        "endsAt": "2026-11-23T20:30:00Z" if status == "resolved" else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph?g0.expr=a%3E1&g0.tab=1",
        "fingerprint": "0123456789abcdef",
    }  # fmt: skip


def notification(*alerts: dict[str, Any], status: str = "") -> dict[str, Any]:
    """The data of a notification, with what the alerts have in common as Alertmanager finds it (template.go)."""

    def common(key: str) -> dict[str, str]:
        return {n: v for n, v in alerts[0][key].items() if all(a[key].get(n) == v for a in alerts)} if alerts else {}

    firing = any(a["status"] == "firing" for a in alerts)
    return {
        "receiver": "m",
        "status": status or ("firing" if firing else "resolved"),
        "alerts": list(alerts),
        "groupLabels": {},
        "commonLabels": common("labels"),
        "commonAnnotations": common("annotations"),
        "externalURL": "http://alertmanager:9093",
    }


@pytest.fixture(params=amtools())
def render(request: pytest.FixtureRequest, tmp_path: Path) -> Render:
    """Render a template by name, with each suite's amtool in turn."""
    program: Tool = request.param
    template = tmp_path / "mkit.tmpl"
    template.write_text(template_text(), encoding="utf-8")

    def run(name: str, data: dict[str, Any]) -> str:
        file = tmp_path / "data.json"
        file.write_text(json.dumps(data), encoding="utf-8")
        return rendered(template, name, file, KINDS.get(name, "text"), program.path)

    return run


def test_the_title_says_what_and_how_bad(render: Render) -> None:
    assert render("mkit.title", notification(alert())) == "[CRITICAL] HighErrorRate: web: error rate is 7%, above 5%"
    two = notification(alert(instance="a", summary="one"), alert(instance="b", summary="two"))
    assert render("mkit.title", two) == "[CRITICAL x2] HighErrorRate of web"
    ended = "[RESOLVED] HighErrorRate, when last firing: web: error rate is 7%, above 5%"
    assert render("mkit.title", notification(alert("resolved"))) == ended
    mixed = notification(alert(summary="one"), alert("resolved", summary="two"))
    assert render("mkit.title", mixed) == "[CRITICAL] HighErrorRate of web"
    apart = notification(alert(alertname="A", severity="info", summary="one"), alert(alertname="B", summary="two"))
    assert render("mkit.title", apart) == "[FIRING x2] 2 alerts of web"


@pytest.mark.parametrize(
    "name", ["mkit.text", "mkit.slack.text", "mkit.markdown", "mkit.telegram.html", "mkit.email.html"]
)
def test_a_message_says_everything_one_needs_at_night(render: Render, name: str) -> None:
    said = html.unescape(render(name, notification(alert())))
    for wanted in (
        "web: error rate is 7%, above 5%", "It has been above 5% for 2m.", "7%", "database, redis",
        "https://grafana.example.com/d/shop-web?viewPanel=3&from=now-1h",
        "https://docs.example.com/runbooks/HighErrorRate.md", "http://prometheus:9090/graph?g0.expr=a%3E1&g0.tab=1",
    ):  # fmt: skip
        assert wanted in said, f"{wanted} is missing in {said}"


def test_plain_text_as_a_whole(render: Render) -> None:
    assert render("mkit.text", notification(alert(), alert("resolved", summary="gone"))) == (
        "Firing:\n"
        "- web: error rate is 7%, above 5%\n"
        "  Share of failed requests. It has been above 5% for 2m.\n"
        "  Value: 7%\n"
        "  Severity: critical\n"
        "  Service: web\n"
        "  Probable cause: look at database, redis first\n"
        "  Since: 2026-11-23 20:00:00 UTC\n"
        "  Dashboard: https://grafana.example.com/d/shop-web?viewPanel=3&from=now-1h\n"
        "  Runbook: https://docs.example.com/runbooks/HighErrorRate.md\n"
        "  Graph: http://prometheus:9090/graph?g0.expr=a%3E1&g0.tab=1\n"
        "Resolved:\n"
        "- when last firing: gone\n"
        "  Value when last firing: 7%\n"
        "  Severity: critical\n"
        "  Service: web\n"
        "  Since: 2026-11-23 20:00:00 UTC, until 2026-11-23 20:30:00 UTC\n"
        "  Dashboard: https://grafana.example.com/d/shop-web?viewPanel=3&from=now-1h\n"
        "  Runbook: https://docs.example.com/runbooks/HighErrorRate.md\n"
        "  Graph: http://prometheus:9090/graph?g0.expr=a%3E1&g0.tab=1\n"
        "Alertmanager: http://alertmanager:9093/#/alerts?receiver=m\n"
    )


# Every place where a message of an ended alert may repeat what held while it fired, seen as a reader does: no tags, no bold.
PAST = re.compile(
    r"when last firing(?:: | )web: error rate is 7%, above 5%|Value when last firing:? 7%|when last firing: 7%"
)
SAYING = (
    "mkit.title", "mkit.slack.title", "mkit.text", "mkit.list.resolved", "mkit.short", "mkit.slack.text", "mkit.markdown",
    "mkit.telegram.html", "mkit.email.html", "mkit.common.summary", "mkit.common.value", "mkit.common.description",
    "mkit.common.probable_causes",
)  # fmt: skip


@pytest.mark.parametrize("name", SAYING)
def test_an_ended_alert_does_not_say_that_its_last_value_still_holds(render: Render, name: str) -> None:
    said = render(name, notification(alert("resolved")))
    seen = " ".join(html.unescape(re.sub(r"<(?!http)[^>]*>|[*]", " ", said)).split())
    left = PAST.sub("", seen)
    for present in ("7%", "error rate is", "It has been above", "database, redis"):
        assert present not in left, f"{name} says {seen}"
    if name not in ("mkit.common.description", "mkit.common.probable_causes"):
        assert PAST.search(seen), f"{name} forgot what the alert was about: {seen}"


def test_what_still_fires_beside_an_ended_alert_is_told_as_of_now(render: Render) -> None:
    both = notification(alert(instance="a"), alert("resolved", instance="b"))
    assert render("mkit.title", both) == "[CRITICAL] HighErrorRate: web: error rate is 7%, above 5%"
    assert render("mkit.common.value", both) == "7%"
    assert "when last firing" not in render("mkit.list.firing", both)
    assert "- when last firing: web: error rate is 7%, above 5%\n" in render("mkit.list.resolved", both)


def bare() -> dict[str, Any]:
    """A foreign alert: no annotations, no service, no severity."""
    one = alert()
    return one | {"labels": {"alertname": "Foreign"}, "annotations": {}, "generatorURL": ""}


@pytest.mark.parametrize("name", WHOLE)
def test_every_template_bears_alerts_without_anything(render: Render, name: str) -> None:
    assert "no value" not in render(name, notification(bare()))
    render(name, notification(bare(), alert()))


@pytest.mark.parametrize(
    ("severity", "words"),
    [
        ("critical", ("critical", "P1", "CRITICAL", "danger")),
        ("warning", ("warning", "P3", "WARNING", "warning")),
        ("info", ("info", "P5", "INFO", "#439FE0")),
        ("page", ("error", "P2", "CRITICAL", "warning")),
    ],
)
def test_severities_in_the_words_of_each_service(render: Render, severity: str, words: tuple[str, ...]) -> None:
    data = notification(alert(severity=severity))
    names = ("mkit.pagerduty.severity", "mkit.opsgenie.priority", "mkit.victorops.type", "mkit.slack.color")
    assert tuple(render(name, data) for name in names) == words
    assert render("mkit.slack.color", notification(alert("resolved", severity=severity))) == "good"


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]


def hostile() -> dict[str, Any]:
    one = alert(**dict.fromkeys(("alertname", "service", "severity", "team", "instance", "system", "env"), HOSTILE))
    one["annotations"] = dict.fromkeys(one["annotations"], HOSTILE)
    return one | {"generatorURL": "javascript:alert(1)"}


def test_hostile_values_stay_text_in_html(render: Render) -> None:
    known = {"b", "a", "!doctype", "html", "head", "meta", "title", "body", "h2", "h3", "div", "p", "table", "tr", "td"}
    for name in ("mkit.email.html", "mkit.telegram.html"):
        said = render(name, notification(hostile()))
        found = _Tags(said)
        assert set(found.tags) <= (known if "email" in name else {"b", "a"})
        assert "<script>alert(1)</script>" in html.unescape(said)
        assert all(link.startswith("http://alertmanager:9093/") for link in found.links)


@pytest.mark.parametrize(
    "name", ["mkit.slack.title", "mkit.slack.text", "mkit.slack.severity", "mkit.slack.service", "mkit.slack.footer"]
)
def test_hostile_values_cannot_call_the_channel_on_slack(render: Render, name: str) -> None:
    said = render(name, notification(hostile()))
    assert "<" not in said
    assert ">" not in said
    assert "&lt;!channel&gt;" in said.lower()
    assert set(re.findall(r"&\w*;?", said.lower())) <= {"&lt;", "&gt;", "&amp;"}


def test_hostile_values_stay_text_in_markdown(render: Render) -> None:
    said = render("mkit.markdown", notification(hostile()))
    ours = re.sub(r"(?m)^- \*\*|\*\*$", "", said)
    assert not re.search(r"(?<!\\)(?:\\\\)*[*_~`|<>\[\]]", re.sub(r"\\\\", "", ours))
    assert "@everyone" not in said


@pytest.mark.parametrize(
    "name", ["mkit.title", "mkit.slack.title", "mkit.label.service", "mkit.tags", "mkit.common.summary"]
)
def test_one_line_stays_one_line(render: Render, name: str) -> None:
    said = render(name, notification(hostile()))
    assert not re.search(r"[\x00-\x1f]", said)
    assert "{{ .X }} $1 %s 😀" in said


@pytest.mark.parametrize("name", ["mkit.url.dashboard", "mkit.url.runbook"])
def test_only_web_addresses_become_links(render: Render, name: str) -> None:
    assert render(name, notification(hostile())) == ""
    assert URL.fullmatch(render(name, notification(alert())))
    assert render("mkit.url.first", notification(hostile())) == "http://alertmanager:9093/#/alerts?receiver=m"


@pytest.mark.parametrize(
    ("name", "limit", "cap"),
    [
        ("mkit.text", 0, 10), ("mkit.slack.text", 40_000, 5), ("mkit.markdown", 4_096, 4), ("mkit.telegram.html", 4_096, 3),
        ("mkit.email.html", 0, 20), ("mkit.short", 1_600, 5), ("mkit.list.firing", 0, 10),
    ],
)  # fmt: skip
def test_long_lists_and_texts_are_cut_and_say_so(render: Render, name: str, limit: int, cap: int) -> None:
    many = [alert(summary=f"summary-{i:03} " + "x" * 2000, instance=f"i{i}") for i in range(60)]
    for one in many:
        one["annotations"]["description"] = "d" * 5000
    said = render(name, notification(*many))
    assert len(set(re.findall(r"summary-\d{3}", said))) == cap
    assert f"{cap} of 60" in said
    if limit:
        # Telegram counts what is seen, not the addresses behind it.
        seen = re.sub(r"<[^>]*>", "", said) if "telegram" in name else said
        assert len(seen) <= limit


def test_no_function_that_alertmanager_0_25_lacks() -> None:
    newer = (
        "trimSpace",
        "date",
        "tz",
        "since",
        "humanizeDuration",
        "toJson",
        "safeUrl",
        "urlUnescape",
        "dict",
        "append",
        "now",
    )
    used = set(re.findall(r"[|({]\s*([a-zA-Z]+)\b", template_text()))
    assert not used & set(newer)
