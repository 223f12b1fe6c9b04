"""`mkit tools`: fetch the real servers into an ignored folder, without touching the system."""

from __future__ import annotations

import sys

import click

EXAMPLES = """\b
Examples:
  mkit tools fetch
  mkit tools fetch --suite trixie --suite sid --refresh
"""


@click.group("tools", epilog=EXAMPLES)
def command() -> None:
    """Fetch prometheus, promtool, alertmanager and amtool."""


@command.command("fetch", epilog=EXAMPLES)
@click.option("--suite", "suites", multiple=True, metavar="SUITE", help="bookworm, trixie or sid; repeatable.")
@click.option("--refresh", is_flag=True, help="Fetch again even if all are there: suites move.")
def fetch(suites: tuple[str, ...], refresh: bool) -> None:
    """Fetch what is missing of the four tools, and print their versions.

    Without --suite: for this machine, where tools on PATH count. Debian's packages are unpacked into the
    tool folder; nothing is installed. On other systems the pinned official archives are taken.
    """
    from monitoring_kit.stack.fetch import FetchError
    from monitoring_kit.stack.fetch import fetch as fetch_suite
    from monitoring_kit.stack.tools import PATH_SUITE, REQUIRED, chosen_suite, find_tools, missing

    try:
        wanted = [chosen_suite(suite) for suite in suites] or [chosen_suite()]
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    for suite in wanted:
        place = "this machine" if suite == PATH_SUITE else suite
        if refresh or missing(find_tools(suite)):
            click.echo(f"{place}: fetching ...", err=True)
            try:
                fetch_suite(suite)
            except FetchError as error:
                click.echo(f"error: {place}: {error}", err=True)
                sys.exit(1)
        tools = find_tools(suite)
        if left := missing(tools):
            click.echo(f"error: {place}: {left[0].name}: {left[0].missing_reason}", err=True)
            sys.exit(1)
        sources = {name: "on PATH" if tools[name].source == PATH_SUITE else tools[name].source for name in REQUIRED}
        shown = (f"{name} {tools[name].version} ({sources[name]})" for name in REQUIRED)
        click.echo(f"{place}: {', '.join(shown)}")
