"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from monitoring_kit.diagnostics.diagnostic import Severity

F = TypeVar("F", bound=Callable[..., Any])

SEVERITIES = {s.word: s for s in Severity}


class _SeverityType(click.Choice[str]):
    def __init__(self) -> None:
        super().__init__(list(reversed(SEVERITIES)))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if isinstance(value, Severity) else SEVERITIES[super().convert(value, param, ctx)]


class _Folder(click.Path):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            # What an unset variable leaves of `-o "$OUT"`: as a path it would be the current folder.
            self.fail("the name is empty; the current folder is `.`", param, ctx)
        return super().convert(value, param, ctx)


def spec_argument(function: F) -> F:
    """SPEC, passed on as text: whether the file can be read is a finding, not wrong usage."""
    return click.argument("spec", type=click.Path(readable=False, path_type=str))(function)


def out_option(function: F) -> F:
    return click.option(
        "-o", "--output", "out", required=True, type=_Folder(path_type=Path), help="The output folder."
    )(function)


def env_option(function: F) -> F:
    return click.option("--env", metavar="ENV", help="Apply the overlay of this environment of the spec.")(function)


def progress_option(function: F) -> F:
    return click.option(
        "--progress/--no-progress", default=None, help="Show the steps on stderr (default: on a terminal)."
    )(function)


def findings_options(*formats: str) -> Callable[[F], F]:
    """--format, --fail-on and --min-severity."""

    def add(function: F) -> F:
        for option in (
            click.option(
                "--format",
                "form",
                type=click.Choice(formats),
                default=formats[0],
                show_default=True,
                help="How to print.",
            ),
            click.option(
                "--fail-on",
                type=_SeverityType(),
                default="error",
                show_default=True,
                help="Exit 1 from this severity on.",
            ),
            click.option(
                "--min-severity", type=_SeverityType(), default="info", show_default=True, help="Hide lesser findings."
            ),
        ):
            function = option(function)
        return function

    return add


def check_severities(fail_on: Severity, min_severity: Severity) -> None:
    """Refuse to fail because of something that is hidden."""
    if min_severity > fail_on:
        raise click.UsageError(f"--min-severity {min_severity.word} would hide what --fail-on {fail_on.word} fails on")
