"""What people are sent links to runbooks and dashboards, or the spec's author hears that it cannot."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitoring_kit.pipeline import Compilation
from tests.conftest import HEAD, marked

Compile = Callable[..., Compilation]
MAIL = "«mail»: {kind: email, to: [a@example.com], from: m@example.com, smarthost: 'smtp:25'}"
HOOK = "hook: {kind: webhook, url: 'http://hook:1/'}"
WEB = "services:\n  web: {kind: http, scrape: {targets: ['web:80']}}\n"
DOCS, GRAFANA = "docs_url: https://docs.example.com/x\n", "grafana: {url: 'https://grafana.example.com'}\n"


@pytest.mark.parametrize(
    ("given", "says", "help_"),
    [
        ("", "runbooks and dashboards", "`docs_url: https://...` (where the generated docs/ folder is published) and `grafana: {url:"),
        (GRAFANA, "link to runbooks:", "add `docs_url:"),
        (DOCS, "link to dashboards:", "add `grafana: {url:"),
    ],
)  # fmt: skip
def test_links_that_lead_nowhere_are_told(compile_text: Compile, given: str, says: str, help_: str) -> None:
    text, place = marked(f"{HEAD}alerting: {{default: [hook]}}\nchannels:\n  {HOOK}\n  {MAIL}\n{WEB}{given}")
    done = compile_text(text)
    (found,) = done.report
    assert (found.code, found.severity.word) == ("alerts/no-links", "info")
    assert says in found.message
    assert help_ in found.help
    assert place is not None
    assert (found.span.line, found.span.column) == place[:2]


@pytest.mark.parametrize(("channels", "given"), [(MAIL, DOCS + GRAFANA), (HOOK, "")])
def test_nothing_is_told_where_all_links_lead_on_and_of_programs(
    compile_text: Compile, channels: str, given: str
) -> None:
    text, _ = marked(f"{HEAD}channels:\n  {channels}\n{WEB}{given}")
    assert [d.message for d in compile_text(text).report] == []
