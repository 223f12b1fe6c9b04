"""The landing page."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence

from .app import ExporterApp
from .worker import Worker

_STYLE = "body{font:15px/1.5 sans-serif;margin:2em;max-width:60em}td,th{text-align:left;padding:.2em 1.5em .2em 0}"


def landing(app: ExporterApp, telemetry_path: str, workers: Sequence[Worker]) -> bytes:
    """Name, version, links, and a table of the collectors' last runs."""
    title = html.escape(f"{app.name} {app.version}")
    rows = "".join([_row(worker) for worker in workers])
    table = (
        f"<table><tr><th>Collector</th><th>Last run</th><th>Duration</th><th>Last success (UTC)</th></tr>{rows}</table>"
        if rows
        else ""
    )
    path = html.escape(telemetry_path, quote=True)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"</head><body><h1>{title}</h1><p>{html.escape(app.description)}</p>"
        f'<ul><li><a href="{path}">Metrics</a></li><li><a href="/-/healthy">Healthy</a></li>'
        f'<li><a href="/-/ready">Ready</a></li></ul>{table}</body></html>\n'
    ).encode()


def _row(worker: Worker) -> str:
    state = worker.state
    if state.last_success is None and not state.errors:
        return f"<tr><td>{html.escape(worker.name)}</td><td>not yet</td><td></td><td></td></tr>"
    stamp = "" if state.last_success is None else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(state.last_success))
    outcome = "ok" if state.success else "failed"
    return (
        f"<tr><td>{html.escape(worker.name)}</td><td>{outcome}</td><td>{state.duration:.3f} s</td><td>{stamp}</td></tr>"
    )
