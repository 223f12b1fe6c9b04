"""`mkit import`: objectives of other tools as a spec."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from monitoring_kit.importers.result import Imported

EXAMPLES = """\b
Examples:
  mkit import sloth slos/*.yml -o mkit.yaml
  mkit import openslo slo.yaml sli.yaml > mkit.yaml
"""


@click.group("import", epilog=EXAMPLES)
def command() -> None:
    """Turn objectives of other tools into a spec, with a note for each thing that has no counterpart."""


def _options(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path)),
        click.option("--system", default="imported", show_default=True, help="Name of the system."),
        click.option(
            "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write there instead of stdout."
        ),
        click.option("--force", is_flag=True, help="Replace an existing file."),
    ):
        function = option(function)
    return function


@command.command("sloth", epilog=EXAMPLES)
@_options
@click.pass_context
def sloth(ctx: click.Context, files: tuple[Path, ...], system: str, output: Path | None, force: bool) -> None:
    """Import sloth specs: `version: prometheus/v1` and PrometheusServiceLevel objects."""
    from monitoring_kit.importers import import_sloth

    _run(ctx, import_sloth, files, system, output, force)


@command.command("openslo", epilog=EXAMPLES)
@_options
@click.pass_context
def openslo(ctx: click.Context, files: tuple[Path, ...], system: str, output: Path | None, force: bool) -> None:
    """Import OpenSLO v1 objects: SLO, with the SLI objects that they refer to."""
    from monitoring_kit.importers import import_openslo

    _run(ctx, import_openslo, files, system, output, force)


def _run(
    ctx: click.Context, read: Callable[[Iterable[Path]], Imported], files: tuple[Path, ...], system: str, out: Path | None, force: bool
) -> None:  # fmt: skip
    from monitoring_kit.emit.yaml_scalars import UnwritableError
    from monitoring_kit.importers import ImportFailedError
    from monitoring_kit.importers.write import as_spec

    if out is not None and out.exists() and not force:
        _there_already(ctx, out)
    try:
        found = read(files)
        text = as_spec(found, system, ", ".join(path.name for path in files))
    except (ImportFailedError, UnwritableError) as error:
        click.echo(f"error: {error}", err=True)
        ctx.exit(1)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    if not found.services:
        click.echo("error: nothing could be imported", err=True)
        ctx.exit(1)
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        with out.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        _there_already(ctx, out)
    except OSError as error:
        click.echo(f"error: {out}: {error.strerror}", err=True)
        ctx.exit(1)
    count = sum(map(len, found.services.values()))
    click.echo(f"{out}: {count} objectives of {len(found.services)} services, {len(found.notes)} notes", err=True)


def _there_already(ctx: click.Context, out: Path) -> NoReturn:
    click.echo(f"error: {out} is there already; --force replaces it", err=True)
    ctx.exit(1)
