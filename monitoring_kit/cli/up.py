"""`mkit up`: the real servers on the generated files, on this machine."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from monitoring_kit.cli.options import env_option, spec_argument
from monitoring_kit.spec.quantity import Duration


class _Lasting(click.ParamType[Duration]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Duration:
        if isinstance(value, Duration):
            return value
        try:
            return Duration.of(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


EXAMPLES = """\b
Examples:
  mkit up mkit.yaml
  mkit up mkit.yaml --for 120s
"""


@click.command(name="up", epilog=EXAMPLES)
@spec_argument
@env_option
@click.option("--for", "lasting", type=_Lasting(), help="Stop after this time; until Ctrl-C when not given.")
def command(spec: str, env: str | None, lasting: Duration | None) -> None:
    """Start Prometheus and Alertmanager on the generated files of SPEC, with a simulated system behind them.

    Targets are replaced by local processes that expose the declared metrics, receivers by local endpoints that show
    what they are sent. Paths and addresses on the servers' command lines become local ones; TLS, login, remote stores and
    peers are left out. Everything else is used as generated, the other flags and the features included. Everything listens
    on the loopback address only.
    """
    from monitoring_kit.cli.console import show_findings
    from monitoring_kit.diagnostics import Severity
    from monitoring_kit.pipeline import compile_spec
    from monitoring_kit.stack.running import LabError, Stack

    compilation = compile_spec(spec, env)
    show_findings(compilation.report, "text", Severity.WARNING)
    if not compilation.ok:
        sys.exit(1)
    try:
        with Stack(compilation) as stack:
            _announce(stack)
            _watch(stack, lasting)
    except LabError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        click.echo("stopped")


def _announce(stack: Any) -> None:
    click.echo(f"Prometheus {stack.versions['prometheus']:8} {stack.prometheus}")
    click.echo(f"Alertmanager {stack.versions['alertmanager']:6} {stack.alertmanager}")
    if stack.grafana:
        click.echo(f"Grafana             {stack.grafana}")
    for service, url in stack.simulators.items():
        click.echo(f"  {service:18} {url}/metrics")
    for part in stack.left_out:
        click.echo(f"left out: {part}")
    first = next(iter(stack.simulators.values()))
    click.echo(
        f"break one: curl -X POST '{first}/-/fault?mode=errors' (or slow, down); mend it: curl -X POST {first}/-/heal"
    )
    click.echo("Ctrl-C stops everything")


def _watch(stack: Any, lasting: Duration | None) -> None:
    """Show notifications as they arrive, until the time is over or a child dies."""
    end = time.monotonic() + lasting.seconds if lasting else None
    shown = 0
    while end is None or time.monotonic() < end:
        time.sleep(0.2)
        for message in stack.capture.messages[shown:]:
            shown += 1
            at = time.strftime("%H:%M:%S", time.localtime(message.at))
            click.echo(f"{at} {message.channel}: {message.subject}")
        dead = stack.dead()
        if dead:
            raise click.ClickException("\n".join(dead))
