"""The pages for people: complete, linked, and proof against markup in what users wrote."""

from __future__ import annotations

import json
import os
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.compose import lower_compose
from monitoring_kit.lower.docs import lower_docs
from monitoring_kit.lower.docs import markdown as md
from monitoring_kit.lower.model import Model
from monitoring_kit.lower.tree import OutFile
from monitoring_kit.resolve.system import System
from tests.unit.lower.spec_text import HEAD, Compile, Lowered, lowered

SHOP = (
    HEAD
    + """
description: Sells *things*.
owner: {team: core, email: core@example.com}
grafana: {url: https://grafana.example.com/}
services:
  web:
    kind: http
    description: The <b>shop</b> | front
    scrape: {targets: ['web:80']}
    depends_on: [db]
    slos: {fast: {signal: latency, objective: 99%, threshold: 1s}}
    runbook: https://wiki.example.com/web
    owner: {team: front, slack: "#front"}
  db: {kind: mysql, scrape: {targets: ['db:9104']}}
metrics:
  http_requests_total: {type: counter, help: Requests., labels: {status: {values: [ok, bad]}, route: {max: 30}, code: {pattern: "a|b"}}, services: [web]}
  http_request_duration_seconds: {type: histogram, help: Time., unit: seconds, buckets: [0.5, 1], native: true, services: [web]}
alerts:
  HighErrors: {services: [web], when: "errors > 5%", for: 2m, keep_firing_for: 10m, severity: critical, notify: [mail], runbook: "https://wiki.example.com/errors"}
  Raw: {expr: "sum by (service) (rate(http_requests_total[5m])) > 9", severity: warning, summary: "{{ $value | humanize }} is much", description: "Far too many."}
alerting: {watchdog: {notify: [mail]}}
dashboards:
  sales: {title: Sales, panels: [{title: T, signal: traffic}]}
"""
)


def all_pages(system: System, model: Model, report: Report) -> list[OutFile]:
    pages = [f for f in lower_compose(system, model, report) if f.path.startswith("docs/")]
    return [*lower_docs(system, model, report), *pages]


@pytest.fixture
def shop(compile_text: Compile) -> Lowered:
    return lowered(compile_text(SHOP), all_pages)


def html(files: Lowered, path: str) -> str:
    return str(MarkdownIt("commonmark").enable("table").render(files.text(path)))


def test_a_page_for_every_service_and_alert(shop: Lowered) -> None:
    alerts = {"HighErrors", "Raw", "ServiceDown", "TargetDown", "ServiceAbsent", "Watchdog"}
    assert {f"docs/runbooks/{name}.md" for name in alerts} <= set(shop.files)
    assert {"docs/index.md", "docs/metrics.md", "docs/services/web.md", "docs/services/db.md"} <= set(shop.files)
    assert shop.found == []


def test_the_index_leads_to_every_dashboard(compile_text: Compile) -> None:
    """All that Grafana is given, and nothing else."""
    done = compile_text(SHOP.replace("values: [ok, bad]", 'values: ["200", "500"]'))
    made = {
        json.loads(o.data)["uid"]
        for path, o in done.outputs.items()
        if path.startswith("grafana/dashboards/") and path.endswith(".json")
    }
    page = done.outputs["docs/index.md"].data.decode()
    assert set(re.findall(r"https://grafana\.example\.com/d/([\w-]+)", page)) == made
    assert len(made) == 5


def test_every_relative_link_leads_to_a_page(shop: Lowered) -> None:
    checked = 0
    for path in shop.files:
        for target in re.findall(r'href="([^"]+)"', html(shop, path)):
            if not target.startswith("http"):
                assert os.path.normpath(os.path.join(os.path.dirname(path), target)) in shop.files, (path, target)
                checked += 1
    assert checked > 20


def test_every_page_is_reached_from_the_index(shop: Lowered) -> None:
    seen, pending = set(), ["docs/index.md"]
    while pending:
        path = pending.pop()
        if path not in seen:
            seen.add(path)
            found = re.findall(r'href="([^":]+)"', html(shop, path))
            pending += [os.path.normpath(os.path.join(os.path.dirname(path), target)) for target in found]
    assert seen == set(shop.files)


def test_runbook_of_a_threshold_alert(shop: Lowered) -> None:
    page = shop.text("docs/runbooks/HighErrors.md")
    assert "It fires when `errors` is above 5% for 2m." in page
    assert "It goes on firing for 10m after the condition has ended." in page
    assert "Tells `mail` (webhook)" in page
    assert "`web` needs [`db`](../services/db.md)" in page
    assert "https://grafana.example.com/d/shop-service-web" in page
    assert "https://wiki.example.com/errors" in page
    assert "https://wiki.example.com/web" in page
    assert "Owner: front (\\#front)" in page
    assert "breaks it down by `status`" in page
    # The query and, because it reads a recorded series, what that records.
    queries = re.findall(r"```promql\n(.+)\n```", page)
    assert queries[0] == 'service:errors:ratio_rate5m{service="web"} > 0.05'
    assert "http_requests_total" in queries[1]


def test_runbook_of_a_raw_alert_shows_its_own_words(shop: Lowered) -> None:
    page = shop.text("docs/runbooks/Raw.md")
    assert "Far too many." in page
    assert "It fires when the query returns a series." in page


def test_a_template_is_shown_as_code(compile_text: Compile) -> None:
    text = SHOP.replace(', description: "Far too many."', "")
    page = lowered(compile_text(text), lower_docs).text("docs/runbooks/Raw.md")
    assert "`{{ $value | humanize }} is much`" in page


def test_watchdog_page_says_that_silence_is_the_alarm(shop: Lowered) -> None:
    page = shop.text("docs/runbooks/Watchdog.md")
    assert "always fires" in page
    assert "vector(1)" in page


def test_service_page(shop: Lowered) -> None:
    page = shop.text("docs/services/web.md")
    assert "| `fast` | `latency` | below 1s | 99% | 14d |" in page
    assert "Needs [`db`](db.md)" in page
    assert "Needed by [`web`](web.md)" in shop.text("docs/services/db.md")
    assert "`service:errors:ratio_rate5m`" in page
    assert "every 15s" in page


def test_metric_reference_bounds_the_series(shop: Lowered) -> None:
    page = shop.text("docs/metrics.md")
    assert "### `http_requests_total`" in page
    # 2 statuses x 30 routes x 20 (a pattern has no count).
    assert "at most 1,200 a target" in page
    assert "`ok`, `bad`" in page
    assert "at most 30" in page
    assert "0.5, 1" in page
    assert "mysqld" in page, "what the kinds' catalogs know"


def test_users_markup_stays_text(shop: Lowered) -> None:
    page = html(shop, "docs/services/web.md")
    assert "The &lt;b&gt;shop&lt;/b&gt; | front" in page
    assert "<b>" not in page
    assert "<em>" not in html(shop, "docs/index.md")


def test_many_services_share_a_page(compile_text: Compile) -> None:
    services = "".join(f"  s{i}: {{kind: http, scrape: {{targets: ['s{i}:80']}}}}\n" for i in range(12))
    text = HEAD + "services:\n" + services + "alerts:\n  A: {when: errors > 1%, severity: warning}\n"
    page = lowered(compile_text(text), lower_docs).text("docs/runbooks/A.md")
    assert page.count("> 0.01") == 5
    assert "The others (7) have the same query" in page
    assert page.count("| [`s") == 12


def test_two_runs_are_equal(compile_text: Compile) -> None:
    first = lowered(compile_text(SHOP), lower_docs)
    second = lowered(compile_text(SHOP), lower_docs)
    assert {p: f.tree for p, f in first.files.items()} == {p: f.tree for p, f in second.files.items()}


PRINTABLE = st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp", "Zs"), whitelist_characters=" "), max_size=60
)


def shown(markup: str) -> str:
    """The text that a reader sees of one inline piece of Markdown."""
    out = []
    for token in MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(markup):
        for child in token.children or []:
            assert child.type in ("text", "code_inline", "text_special"), child.type
            out.append(child.content)
    return "".join(out)


@given(PRINTABLE)
def test_text_shows_as_written(value: str) -> None:
    assert shown("x " + md.text("y" + value)) == ("x y" + value).strip()


@example("---")
@example("===")
@example("1.")
@example("-")
@example("+ x")
@example("12) x")
@example("- - -")
@example("> x")
@example("# x")
@given(PRINTABLE)
def test_text_at_the_start_of_a_line_is_a_paragraph(value: str) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(md.text(value))
    assert {t.type for t in tokens} <= {"paragraph_open", "inline", "paragraph_close"}


@given(PRINTABLE.filter(str.strip))
def test_code_shows_as_written(value: str) -> None:
    assert shown("x " + md.code(value)) == "x " + " ".join(value.split())


@given(st.text("`a\n", max_size=20))
def test_a_fence_cannot_be_closed_from_inside(value: str) -> None:
    tokens = MarkdownIt("commonmark").parse(md.fence(value, "promql"))
    assert [t.type for t in tokens] == ["fence"]


@given(st.lists(PRINTABLE, min_size=2, max_size=2))
def test_a_cell_cannot_be_ended_from_inside(cells: list[str]) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(md.table(("a", "b"), [[md.text(c) for c in cells]]))
    row = [t.content for t in tokens if t.type == "inline"][2:]
    assert len(row) == 2
