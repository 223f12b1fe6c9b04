"""`mkit tools`: fetch the real servers into an ignored folder, without touching the system."""

from __future__ import annotations

import sys

import click


@click.group("tools")
def command() -> None:
    """Fetch prometheus, promtool, alertmanager and amtool."""


@command.command("fetch")
@click.option("--suite", "suites", multiple=True, metavar="SUITE", help="bookworm, trixie or sid; repeatable.")
@click.option("--missing", is_flag=True, help="Only if a tool is missing now.")
def fetch(suites: tuple[str, ...], missing: bool) -> None:
    """Fetch the four tools and print the versions that were served.

    Without --suite: for this machine. Debian's packages are unpacked into the tool folder; nothing is
    installed. On other systems the pinned official archives are taken.
    """
    from monitoring_kit.stack.fetch import FetchError
    from monitoring_kit.stack.fetch import fetch as fetch_suite
    from monitoring_kit.stack.tools import chosen_suite, find_tools
    from monitoring_kit.stack.tools import missing as missing_tools

    try:
        wanted = [chosen_suite(suite) for suite in suites] or [chosen_suite()]
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    for suite in wanted:
        if missing and not missing_tools(find_tools(suite)):
            click.echo(f"{suite}: nothing is missing")
            continue
        click.echo(f"{suite}: fetching ...", err=True)
        try:
            served = fetch_suite(suite)
        except FetchError as error:
            click.echo(f"error: {suite}: {error}", err=True)
            sys.exit(1)
        click.echo(f"{suite}: " + ", ".join(f"{name} {version}" for name, version in sorted(served.items())))
