"""The common flags of every exporter."""

from __future__ import annotations

import os
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter

from .app import ExporterApp
from .durations import duration
from .logs import LEVELS


def seconds(text: str) -> float:
    """A positive duration flag: ``10``, ``2.5``, ``500ms``, ``1m``."""
    try:
        value = float(text) if text.replace(".", "", 1).isdigit() else duration(text, "value")
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
    return value


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError("expected an integer of at least 1")
    return int(text)


def _path(text: str) -> str:
    if not text.startswith("/") or text == "/" or text.startswith("/-/"):
        raise ArgumentTypeError("expected a path such as /metrics")
    return text


class Formatter(RawDescriptionHelpFormatter):
    """Knows its width. argparse would import shutil, and with it every compressor, to ask the terminal at each start."""

    def __init__(self, prog: str) -> None:
        columns = os.environ.get("COLUMNS", "")
        super().__init__(prog, width=int(columns) if columns.isdigit() and int(columns) > 20 else 100)


def parser(app: ExporterApp) -> ArgumentParser:
    """The parser with the common flags and the application's own."""
    out = ArgumentParser(prog=app.name, description=app.description, allow_abbrev=False, formatter_class=Formatter)
    add = out.add_argument
    add("--version", action="version", version=f"{app.name} {app.version}")
    add("--config.file", dest="config_file", metavar="FILE", help="configuration of the exporter")
    add("--config.check", dest="config_check", action="store_true", help="check, print the samples of one scrape, exit")
    add("--log.level", dest="log_level", choices=LEVELS, default="info")
    add("--log.format", dest="log_format", choices=("logfmt", "json"), default="logfmt")
    add(
        "--web.listen-address",
        dest="listen",
        action="append",
        metavar="ADDRESS",
        help=f"host:port or [v6]:port, repeatable (default {app.default_listen})",
    )
    add("--web.systemd-socket", dest="systemd", action="store_true", help="use the sockets passed by systemd")
    add(
        "--web.config.file",
        dest="web_config",
        metavar="FILE",
        help="TLS, users, rate limit (exporter-toolkit's format)",
    )
    add("--web.telemetry-path", dest="telemetry_path", type=_path, default="/metrics", metavar="PATH")
    add("--web.max-requests", dest="max_requests", type=_count, default=40, metavar="N", help="in flight; more get 503")
    add("--web.enable-lifecycle", dest="lifecycle", action="store_true", help="allow POST /-/reload")
    add(
        "--web.disable-exporter-metrics",
        dest="no_process",
        action="store_true",
        help="leave out process_* and keep the collectors' own figures",
    )
    add("--scrape.timeout", dest="scrape_timeout", type=seconds, default=10.0, metavar="DURATION")
    add(
        "--scrape.timeout-offset",
        dest="timeout_offset",
        type=seconds,
        default=0.5,
        metavar="DURATION",
        help="taken off the timeout that Prometheus announces",
    )
    add("--strict", action="store_true", help="answer 500 when any collector fails")
    if app.add_arguments is not None:
        app.add_arguments(out)
    return out
