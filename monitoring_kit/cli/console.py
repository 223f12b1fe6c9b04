"""Findings and progress on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

from monitoring_kit.diagnostics.diagnostic import Report, Severity


def wants_color(stream: TextIO) -> bool:
    """NO_COLOR (no-color.org) wins, then FORCE_COLOR, then whether the stream is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def failing(report: Report, fail_on: Severity) -> bool:
    return any(d.severity >= fail_on for d in report.diagnostics)


def show_findings(
    report: Report, form: str, min_severity: Severity, more: dict[str, Any] | None = None, *, err: bool = True
) -> None:
    """Print the findings in ``form``. Text goes to stderr unless ``err`` is False; the machine formats go to stdout, JSON with
    ``more`` beside the findings."""
    from monitoring_kit.diagnostics import formats

    if form == "text":
        from monitoring_kit.diagnostics.render import Style, render_report

        stream = sys.stderr if err else sys.stdout
        color = wants_color(stream)
        width = max(60, shutil.get_terminal_size((120, 24)).columns - 8) if stream.isatty() else 120
        text = render_report(report, Style(color, width), min_severity)
        click.echo(text, nl=False, err=err, color=color)
    elif form == "json":
        click.echo(formats.as_json(report, min_severity, more), nl=False)
    elif form == "sarif":
        from monitoring_kit.checks.codes import summary_of

        click.echo(formats.as_sarif(report, min_severity, summary_of), nl=False)
    else:
        click.echo(formats.as_github(report, min_severity), nl=False)


class Progress:
    """Names the step that is running, on stderr: a line that vanishes on a terminal, lines with times where it was asked for."""

    def __init__(self, wanted: bool | None) -> None:
        self.terminal = sys.stderr.isatty() and wanted is not False
        self.lines = wanted is True and not sys.stderr.isatty()

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        start = time.monotonic()
        if self.terminal:
            click.echo(f"\r\x1b[K{text} ...", nl=False, err=True, color=True)
        try:
            yield
        finally:
            if self.terminal:
                click.echo("\r\x1b[K", nl=False, err=True, color=True)
            elif self.lines:
                click.echo(f"{text}: {time.monotonic() - start:.2f} s", err=True)
