"""`mkit doctor`: which real servers mkit can use, and what to do about those that are missing."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from monitoring_kit.stack.tools import Tool


EXAMPLES = """\b
Examples:
  mkit doctor
  mkit doctor --suite sid --format json
"""


@click.command("doctor", epilog=EXAMPLES)
@click.option("--suite", metavar="SUITE", help="Look only at what was fetched for this Debian suite.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print.")
def command(suite: str | None, form: str) -> None:
    """Print each tool, its version, where it was found, and what is missing.

    Exit code 1 if a required tool is missing or does not run.
    """
    from monitoring_kit.stack.tools import REQUIRED, chosen_suite, find_tools

    try:
        chosen = chosen_suite(suite)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    tools = find_tools(chosen)
    rows = [_row(tool, tool.name in REQUIRED) for tool in tools.values()]
    lacking = _lacking(tools["promtool"])
    healthy = all(row["problem"] == "" for row in rows if row["required"])
    if form == "json":
        answer = {"suite": chosen, "ok": healthy, "tools": rows, "promtool_lacks_discovery": lacking}
        click.echo(json.dumps(answer, indent=2))
    else:
        _print(rows, lacking)
    sys.exit(0 if healthy else 1)


def _row(tool: Tool, required: bool) -> dict[str, Any]:
    problem = tool.missing_reason
    if tool.found and tool.version is None:
        problem = f"{tool.path} does not say its version when run with --version; is it for this machine?"
    return {
        "name": tool.name,
        "required": required,
        "version": tool.version,
        "path": str(tool.path) if tool.path else None,
        "source": tool.source,
        "problem": problem,
    }


def _lacking(promtool: Tool) -> list[str]:
    from monitoring_kit.stack.tools import DISCOVERIES

    if promtool.version is None:
        return []
    return [name for name in DISCOVERIES if not promtool.supports_sd(name)]


def _print(rows: list[dict[str, Any]], lacking: list[str]) -> None:
    for row in rows:
        mark = "ok" if not row["problem"] else ("missing" if row["required"] else "optional")
        color = {"ok": "green", "missing": "red", "optional": "yellow"}[mark]
        where = f"{row['version'] or '-':<16} {row['source']:<16} {row['path'] or ''}"
        click.echo(f"{click.style(f'{mark:<9}', fg=color)}{row['name']:<17}{where}".rstrip())
        if row["problem"]:
            click.echo(f"         {row['problem']}")
    if lacking:
        names = ", ".join(lacking)
        click.echo(f"note     this promtool was built without the service discoveries: {names}")
