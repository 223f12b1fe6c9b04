"""`mkit exporter`: run an exporter in this process."""

from __future__ import annotations

import importlib
from typing import Any

import click

# What follows the exporter's name goes to the exporter as it is: its flags have dots, as Prometheus' own have.
_RAW: dict[str, Any] = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


EXAMPLES = """\b
Examples:
  mkit exporter business --config business.yaml --config.check
  mkit exporter ai --config ai.yaml
  mkit exporter baseline --help
"""


@click.group(name="exporter", short_help="Run an exporter for business or AI metrics.", epilog=EXAMPLES)
def command() -> None:
    """Run an exporter for business or AI metrics.

    Each exporter has its own flags: `mkit exporter business --help`.
    """


def _run(ctx: click.Context, kind: str, args: tuple[str, ...]) -> None:
    try:
        module = importlib.import_module(f"monitoring_kit.exporters.{kind}.main")
    except ModuleNotFoundError as error:
        if error.name != f"monitoring_kit.exporters.{kind}.main":
            raise
        raise click.ClickException(f"this build has no {kind} exporter") from None
    ctx.exit(int(module.run(list(args))))


@command.command(
    "business",
    context_settings=_RAW,
    add_help_option=False,
    epilog="""\b
Examples:
  mkit exporter business --config generated/exporters/business.yaml
  mkit exporter business --config business.yaml --config.check
  mkit exporter business --config business.yaml --print-grants
  mkit exporter business --help
""",
)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def business(ctx: click.Context, args: tuple[str, ...]) -> None:
    """Business metrics from SQL, Redis and HTTP JSON."""
    _run(ctx, "business", args)


@command.command(
    "ai",
    context_settings=_RAW,
    add_help_option=False,
    epilog="""\b
Examples:
  mkit exporter ai --config generated/exporters/ai.yaml
  mkit exporter ai --config ai.yaml --config.check
  mkit exporter ai --config ai.yaml --print-grants
  mkit exporter ai --help
""",
)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def ai(ctx: click.Context, args: tuple[str, ...]) -> None:
    """Metrics of an AI model: inference, quality, drift."""
    _run(ctx, "ai", args)


@command.command(
    "baseline",
    context_settings=_RAW,
    add_help_option=False,
    epilog="""\b
Examples:
  mkit exporter baseline --help
""",
)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def baseline(ctx: click.Context, args: tuple[str, ...]) -> None:
    """Capture the reference against which drift is measured."""
    _run(ctx, "ai", ("baseline", *args))
