"""`mkit`: the command line. Each verb is one module, imported only when it is called."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from monitoring_kit import __version__
from monitoring_kit.cli import unfreed
from monitoring_kit.stack.ending import INTERRUPTED, run_tidily

FINDINGS, USAGE, BUG = 1, 2, 3

# Verb to module and the line that `mkit --help` shows: reading it from the module would import them all.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Write a first spec for a service."),
    "check": ("check", "Report every mistake of a spec; write nothing."),
    "generate": ("generate", "Compile a spec to verified files."),
    "test": ("test", "Prove that alerts fire, stay silent and arrive."),
    "diff": ("diff", "Show what a spec would change in meaning."),
    "explain": ("explain", "Explain a code, or where a generated line comes from."),
    "lint": ("lint", "Check files that mkit did not write."),
    "cost": ("cost", "Show what the monitoring of a spec costs."),
    "up": ("up", "Start the real servers on the generated files."),
    "slo": ("slo", "Show how objectives stand, and compute their history."),
    "import": ("import_", "Turn the objectives of other tools into a spec."),
    "schema": ("schema", "Print the JSON Schema of the spec, for editors."),
    "catalog": ("catalog", "Capture and compare what exporters expose."),
    "exporter": ("exporter", "Run an exporter for business or AI metrics."),
    "simulate": ("simulate", "Replay a library of incidents through the rules."),
    "backtest": ("backtest", "Replay the alerts on recorded history."),
    "doctor": ("doctor", "Show which tools are here and what is missing."),
    "tools": ("tools", "Fetch prometheus, promtool, alertmanager and amtool."),
    "completion": ("completion", "Print the completion script of a shell."),
}

# What users may set, in the order of use; on the reference page of the command line.
ENVIRONMENT: dict[str, str] = {
    "MKIT_SUITE": "Use the tools that were fetched for this Debian suite (`bookworm`, `trixie`, `sid`); `path`, the default, takes "
    "those of this machine first.",
    "MKIT_<TOOL>": "The program to run as this tool, with suite `path`: `MKIT_PROMTOOL`, `MKIT_PROMETHEUS`, `MKIT_ALERTMANAGER`, "
    "`MKIT_AMTOOL`, `MKIT_GRAFANA_SERVER`, `MKIT_VICTORIA_METRICS`, `MKIT_VMALERT`.",
    "MKIT_TOOLS_DIR": "The one folder where fetched tools lie, in place of the user's cache.",
    "MKIT_DEBIAN_MIRROR": "The Debian mirror from which `mkit tools fetch` fetches.",
    "MKIT_TRACEBACK": "`1` adds the traceback to an internal error, for a report.",
    "MKIT_SECRETS": "For the generated `compose.yaml`: the folder of the secret files (`./secrets`).",
    "MKIT_GID": "For the generated `compose.yaml`: the group that may read files of mode 0640.",
    "MKIT_AI_SOCKET": "For a program with `mkit_client`: the AI exporter's unix socket.",
    "MKIT_DISABLED": "For a program with `mkit_client`: anything but empty switches its measuring off.",
}

# Verbs that are done within seconds and build trees without cycles, millions of objects in a large system: the collector
# would walk them again and again, for a fifth of the time, and find nothing.
UNCOLLECTED = frozenset(("check", "cost", "diff", "explain", "generate"))


class App(click.Group):
    """The group of all verbs, and the one place where an exception becomes an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (module, _) in COMMANDS.items() if _exists(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS or not _exists(COMMANDS[cmd_name][0]):
            return None
        module = importlib.import_module(f"monitoring_kit.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from monitoring_kit.diagnostics.suggest import did_you_mean

            ctx.fail(f"there is no command `{args[0]}`; {did_you_mean(args[0], self.list_commands(ctx), 'commands')}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run. Exit codes: 0 done, 1 findings or drift, 2 wrong usage, 3 a bug in mkit, 130 interrupted."""
        if not extra.pop("standalone_mode", True):
            return super().main(args, prog_name, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name or "mkit", standalone_mode=False, **extra)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted", err=True)
            sys.exit(INTERRUPTED)
        except Exception as error:
            _boundary(error, list(sys.argv[1:] if args is None else args))
        sys.exit(code if isinstance(code, int) else 0)


def _exists(module: str) -> bool:
    return os.path.isfile(os.path.join(os.path.dirname(__file__), f"{module}.py"))


def _boundary(error: Exception, args: list[str]) -> NoReturn:
    from monitoring_kit.diagnostics import Stop

    if isinstance(error, Stop):
        sys.exit(FINDINGS)
    if isinstance(error, ValueError) and _is_usage(error):
        click.UsageError(str(error)).show()
        sys.exit(USAGE)
    _confess(error, args)
    sys.exit(BUG)


def _is_usage(error: ValueError) -> bool:
    # Every verb that runs a tool reads MKIT_SUITE: a wrong one is the user's mistake wherever it is noticed.
    from monitoring_kit.stack.tools import UnknownSuiteError

    return isinstance(error, UnknownSuiteError)


def _confess(error: Exception, args: list[str]) -> None:
    """Say that mkit is to blame, where, and what to send. The arguments are shown, no contents of any file."""
    import platform
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno} in {frames[-1].name})" if frames else ""
    text = str(error) or type(error).__name__
    name = "" if type(error).__name__ == "InternalError" else f"{type(error).__name__}: "
    click.echo(f"internal error: {name}{text}{where}", err=True)
    click.echo("This is a bug in mkit, not in your spec. Nothing was written.", err=True)
    click.echo("Please report it with the spec that shows it and these lines:", err=True)
    click.echo(
        f"  mkit {__version__}, Python {platform.python_version()}, {platform.system()}; mkit {' '.join(args)}",
        err=True,
    )
    if os.environ.get("MKIT_TRACEBACK"):
        traceback.print_exception(error)
    else:
        click.echo("  and what MKIT_TRACEBACK=1 adds to them.", err=True)


@click.group(
    cls=App, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 findings or drift, 2 wrong usage, 3 a bug in mkit, 130 interrupted, 129 and 143 ended by SIGHUP and SIGTERM.",
)  # fmt: skip
@click.version_option(__version__, prog_name="mkit", message="%(prog)s %(version)s")
def main() -> None:
    """A compiler for monitoring: one YAML spec in; verified Prometheus, Alertmanager and Grafana files out."""


def run() -> NoReturn:
    """The program `mkit`: a verb in a process of its own."""
    if not UNCOLLECTED.isdisjoint(sys.argv[1:2]):
        gc.disable()
        unfreed.keep_all()
    try:
        run_tidily(lambda: main(prog_name="mkit"))
    except SystemExit as end:
        unfreed.leave(end.code)
        raise


if __name__ == "__main__":
    run()
