"""`mkit backtest`: what the alerts of a spec would have done on recorded history."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitoring_kit.cli.console import show_findings
from monitoring_kit.cli.options import env_option, progress_option, spec_argument
from monitoring_kit.diagnostics.diagnostic import Severity

if TYPE_CHECKING:
    from monitoring_kit.live.backtest.client import Client
    from monitoring_kit.live.backtest.errors import BacktestError
    from monitoring_kit.live.backtest.inline import Recorded
    from monitoring_kit.live.backtest.jobs import Job
    from monitoring_kit.live.backtest.run import Options, Outcome
    from monitoring_kit.lower.model import Model

EXAMPLES = """\b
Examples:
  mkit backtest mkit.yaml --prometheus http://prometheus:9090 --from -7d
  mkit backtest mkit.yaml --tsdb /var/lib/prometheus --from 2026-01-01 --to 2026-01-31
  mkit backtest mkit.yaml --prometheus http://prometheus:9090 --incidents incidents.yaml
  mkit backtest mkit.yaml --prometheus http://prometheus:9090 --set HighErrorRate.threshold=3%,5%,8%
"""


@click.command("backtest", epilog=EXAMPLES)
@spec_argument
@click.option("--prometheus", metavar="URL", help="The Prometheus that holds the history.")
@click.option(
    "--tsdb",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A data folder or snapshot of Prometheus; it is only read.",
)
@click.option(
    "--from",
    "start",
    metavar="TIME",
    help="2026-01-31T08:00:00Z, 2026-01-31, -7d or Unix seconds.  [default: -7d, or all of DIR]",
)
@click.option("--to", "end", metavar="TIME", help="As --from, or now.  [default: now, or the end of DIR]")
@click.option("--alert", "alerts", multiple=True, metavar="NAME", help="Replay this alert only; repeatable.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="ALERT.KEY=V,V",
    help="What if: threshold, for or keep_firing_for; repeatable.",
)
@click.option(
    "--incidents",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Known incidents (YAML or CSV) to measure against.",
)
@click.option(
    "--slack",
    metavar="DURATION",
    default="5m",
    show_default=True,
    help="How long after an incident a firing still belongs to it.",
)
@click.option("--interval", metavar="DURATION", help="Evaluate at this interval instead of each group's own.")
@click.option("--cold", is_flag=True, help="Begin with every alert inactive at --from.")
@click.option(
    "--recordings",
    type=click.Choice(["auto", "history", "inline", "backfill"]),
    default="auto",
    show_default=True,
    help="Where recorded series come from; backfill needs --tsdb.",
)
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=120.0, show_default=True, help="Seconds for one query."
)
@click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True, help="Queries at a time.")
@click.option("--token-file", type=click.Path(path_type=Path), metavar="FILE", help="A bearer token for --prometheus.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print."
)
@env_option
@progress_option
@click.pass_context
def command(
    ctx: click.Context, spec: str, prometheus: str | None, tsdb: Path | None, start: str | None, end: str | None,
    alerts: tuple[str, ...], settings: tuple[str, ...], incidents: Path | None, slack: str, interval: str | None,
    cold: bool, recordings: str, timeout: float, jobs: int, token_file: Path | None, form: str, env: str | None,
    progress: bool | None,
) -> None:  # fmt: skip
    """Replay the alerts of SPEC on recorded history: when each would have fired, and with what labels.

    Exit codes: 0 replayed, 1 not everything could be, 130 interrupted; what is done is printed in each case.
    """
    if (prometheus is None) == (tsdb is None):
        raise click.UsageError("give --prometheus URL or --tsdb DIR")
    if recordings == "backfill" and tsdb is None:
        raise click.UsageError("--recordings backfill needs --tsdb: nothing is written to a running Prometheus")
    from monitoring_kit.live.backtest.client import Client
    from monitoring_kit.live.backtest.errors import BacktestError
    from monitoring_kit.live.backtest.incidents import read_incidents
    from monitoring_kit.live.backtest.jobs import recordings_of
    from monitoring_kit.live.backtest.report import as_data, as_text
    from monitoring_kit.live.backtest.run import run, within_history
    from monitoring_kit.live.backtest.tsdb import PrivateServer, copy_tsdb
    from monitoring_kit.stack.lab import Lab, LabError

    model = _model(spec, env, form)
    if model is None:
        ctx.exit(1)
    chosen = _jobs(model, alerts, settings)
    lasting, step = _duration("--slack", slack) or 0, _duration("--interval", interval)
    tell = _teller(progress)
    try:
        known = read_incidents(incidents) if incidents else []
        with ExitStack() as stack:
            bounds = None
            if tsdb is not None:
                lab = stack.enter_context(Lab())
                tell(f"copying {tsdb}")
                bounds = copy_tsdb(tsdb.resolve(), lab.folder / "data")
                server = PrivateServer(lab, lab.folder / "data", timeout)
                client = server.client
            else:
                client = Client(prometheus or "", timeout=timeout, token=_token(token_file))
            options = within_history(client, chosen, _options(start, end, bounds, step, cold, recordings, jobs))
            rules = recordings_of(model)
            if recordings in ("auto", "backfill") and tsdb is not None:
                client = _backfilled(server, lab, rules, options, recordings, chosen, tell)
            found = run(client, chosen, rules, options, _counter(progress))
    except BacktestError as error:
        _say(error, form)
        ctx.exit(1)
    except LabError as error:
        _say(BacktestError("backtest/tsdb", f"the private Prometheus did not start: {error}"), form)
        ctx.exit(1)
    if form == "json":
        click.echo(json.dumps(as_data(found, known, lasting), indent=2, ensure_ascii=False))
    else:
        click.echo(as_text(found, known, lasting), nl=False)
    if found.stopped == "interrupted":
        ctx.exit(130)
    ctx.exit(1 if found.stopped or any(o.problem for o in found.outcomes) else 0)


def _model(spec: str, env: str | None, form: str) -> Model | None:
    from monitoring_kit.pipeline import compile_spec

    compilation = compile_spec(spec, env)
    if compilation.ok and compilation.model is not None:
        return compilation.model
    show_findings(compilation.report, form, Severity.ERROR)
    return None


def _jobs(model: Model, alerts: tuple[str, ...], settings: tuple[str, ...]) -> list[Job]:
    from monitoring_kit.diagnostics.suggest import did_you_mean
    from monitoring_kit.live.backtest.jobs import jobs_of
    from monitoring_kit.live.backtest.whatif import SettingError, parse_setting, variants

    found = jobs_of(model)
    names = {job.alert for job in found}
    for name in alerts:
        if name not in names:
            raise click.UsageError(f"--alert: there is no alert `{name}`; {did_you_mean(name, names, 'alerts')}")
    try:
        parsed = [parse_setting(text) for text in settings]
        others = variants(model, parsed)
    except SettingError as error:
        raise click.UsageError(f"--set: {error}") from None
    wanted = set(alerts) or ({s.alert for s in parsed} or names)
    return [job for job in found if job.alert in wanted | {s.alert for s in parsed}] + others


def _options(
    start: str | None, end: str | None, bounds: tuple[int, int] | None, step: int | None, cold: bool, recordings: str,
    jobs: int,
) -> Options:  # fmt: skip
    from monitoring_kit.live.backtest.run import Options

    now = int(time.time() * 1000)
    last = _time("--to", end, now) if end else (bounds[1] if bounds else now)
    first = _time("--from", start, now) if start else (bounds[0] if bounds else last - 7 * 86_400_000)
    if first >= last:
        raise click.UsageError("--from is not before --to")
    mode = "inline" if recordings == "inline" else "history" if recordings == "history" else "auto"
    return Options(first, last, step, cold, mode, jobs)  # type: ignore[arg-type]


def _backfilled(
    server: object, lab: object, rules: list[Recorded], options: Options, mode: str, jobs: list[Job], tell: Callable[[str], None]
) -> Client:  # fmt: skip
    """Backfill what has no history: all of it where asked for, else what alerts read through windows."""
    from monitoring_kit.live.backtest.backfill import needed
    from monitoring_kit.live.backtest.history import recorded_history
    from monitoring_kit.live.backtest.tsdb import PrivateServer, backfill
    from monitoring_kit.stack.lab import Lab

    assert isinstance(server, PrivateServer)
    assert isinstance(lab, Lab)
    there = recorded_history(server.client, rules, options.start, options.end)
    wanted = needed([rule for i, rule in enumerate(rules) if i not in there], jobs, ranged_only=mode == "auto")
    if wanted:
        backfill(server, lab, wanted, options.start, options.end, tell)
    return server.client


def _time(option: str, text: str, now: int) -> int:
    from monitoring_kit.live.backtest.times import parse_time

    try:
        return parse_time(text, now)
    except (ValueError, OverflowError) as error:
        raise click.UsageError(f"{option}: {error}") from None


def _duration(option: str, text: str | None) -> int | None:
    from monitoring_kit.spec.quantity import Duration

    if text is None:
        return None
    try:
        found = Duration.of(text).ms
    except ValueError as error:
        raise click.UsageError(f"{option}: {error}") from None
    if option == "--interval" and found <= 0:
        raise click.UsageError("--interval: must be more than nothing")
    return found


def _token(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--token-file: {file}: {getattr(error, 'strerror', None) or 'not text'}") from None
    if not token or any(c.isspace() for c in token):
        raise click.UsageError(f"--token-file: {file} does not hold one token")
    return token


def _say(error: BacktestError, form: str) -> None:
    if form == "json":
        click.echo(json.dumps({"complete": False, "code": error.code, "error": error.message}, indent=2))
    click.echo(f"error[{error.code}]: {error.message}", err=True)
    if error.help:
        click.echo(f"  help: {error.help}", err=True)


def _teller(wanted: bool | None) -> Callable[[str], None]:
    shown = wanted if wanted is not None else sys.stderr.isatty()
    return (lambda text: click.echo(f"{text} ...", err=True)) if shown else (lambda _: None)


def _counter(wanted: bool | None) -> Callable[[int, int, Outcome], None] | None:
    terminal = sys.stderr.isatty() and wanted is not False
    if not terminal and not wanted:
        return None

    def show(done: int, total: int, outcome: Outcome) -> None:
        if terminal:
            end = "\r\x1b[K" if done == total else ""
            click.echo(f"\r\x1b[K{done}/{total} {outcome.job.title}{end}", nl=False, err=True, color=True)
        else:
            click.echo(f"{done}/{total} {outcome.job.title}: {len(outcome.firings)} firings", err=True)

    return show
