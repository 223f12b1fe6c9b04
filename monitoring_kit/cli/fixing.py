"""`--fix` and `--dry-run` of `mkit lint` and `mkit check`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from monitoring_kit.diagnostics import Report
    from monitoring_kit.lint.fixing import Again, Fixes

F = TypeVar("F", bound=Callable[..., Any])


def fix_options(function: F) -> F:
    """--fix and --dry-run."""
    for option in (
        click.option("--dry-run", is_flag=True, help="With --fix: show what would be rewritten."),
        click.option("--fix", is_flag=True, help="Rewrite what can be repaired mechanically."),
    ):
        function = option(function)
    return function


def run_fix(report: Report, again: Again, dry_run: bool) -> Fixes:
    """Repair and tell on stderr what was done; with ``dry_run`` print the diff to stdout and write nothing."""
    from monitoring_kit.lint.fixing import StaleError, diff, fix, write

    made = fix(report, again)
    if dry_run:
        click.echo(diff(made, report.sources), nl=False)
    elif made.texts:
        try:
            write(made, report.sources)
        except StaleError as error:
            raise click.ClickException(f"{error}; nothing was written") from None
        except OSError as error:
            raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    verb = "would be repaired" if dry_run else "repaired"
    click.echo(f"{len(made.applied)} findings {verb} in {len(made.texts)} files", err=True)
    for found, reason in made.refused:
        click.echo(f"not repaired: {found.span}: {found.code}: {reason}", err=True)
    return made
