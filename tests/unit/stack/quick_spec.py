"""A spec that `mkit up` has running in a moment."""

from __future__ import annotations

import pytest

from monitoring_kit.stack.tools import find_tools

SPEC = """\
version: mkit/v1
system: quick
services:
  web: {kind: http, scrape: {targets: ["web:80"]}}
channels:
  hook: {kind: webhook, url: "http://hook:1/"}
alerting: {watchdog: {notify: [hook], interval: 10s}}
"""
needs_servers = pytest.mark.skipif(
    not all(find_tools()[name].found for name in ("prometheus", "alertmanager")),
    reason="prometheus and alertmanager are not here: run `make tools`",
)
