"""`mkit explain`: what a code means, or which line of the spec made a generated line."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitoring_kit.cli.options import env_option
from monitoring_kit.conventions import MANIFEST

if TYPE_CHECKING:
    from monitoring_kit.emit import Mark, Output
    from monitoring_kit.pipeline import Compilation

EXAMPLES = """\b
Examples:
  mkit explain spec/unknown-key
  mkit explain generated/prometheus/rules/service-web.yml:12
  mkit explain generated/alertmanager/alertmanager.yml:30 --spec specs/shop.yaml
"""

_PLACE = re.compile(r"(?P<path>.+):(?P<line>\d+)(?::\d+)?")


@click.command("explain", epilog=EXAMPLES)
@click.argument("what", metavar="CODE|FILE:LINE")
@click.option(
    "--spec",
    type=click.Path(path_type=Path),
    help="The spec (default: the one that the manifest names, near the output folder).",
)
@env_option
@click.pass_context
def command(ctx: click.Context, what: str, spec: Path | None, env: str | None) -> None:
    """Explain a diagnostic CODE such as promql/syntax, or say which line of the spec made FILE:LINE of the output.

    Of a flag that stands there by default it names the key that would change it."""
    place = _PLACE.fullmatch(what)
    if place is None:
        ctx.exit(_explain_code(what))
    ctx.exit(_explain_line(Path(place["path"]), int(place["line"]), spec, env))


def _explain_code(code: str) -> int:
    from monitoring_kit.checks.codes import codes, page
    from monitoring_kit.diagnostics.suggest import did_you_mean

    text = page(code)
    if text is None:
        click.echo(f"there is no code `{code}`; {did_you_mean(code, codes(), 'codes')}", err=True)
        return 1
    click.echo(text, nl=False)
    return 0


def _explain_line(file: Path, line: int, spec: Path | None, env: str | None) -> int:
    from monitoring_kit.pipeline import compile_spec
    from monitoring_kit.write.manifest import BadManifestError, read_manifest

    out = _folder_of(file)
    try:
        manifest = read_manifest(out) if out else None
    except BadManifestError as error:
        click.echo(str(error), err=True)
        return 1
    if out is None or manifest is None:
        click.echo(f"{file} is not below a folder that mkit wrote (there is no manifest.json)", err=True)
        return 1
    made_from = manifest.data.get("spec") or {}
    spec = spec or _find_spec(out, str(made_from.get("file")))
    if spec is None:
        click.echo(f"cannot find {made_from.get('file')} near {out}: name it with --spec", err=True)
        return 1
    compilation = compile_spec(spec, env or made_from.get("environment"))
    path = file.resolve().relative_to(out.resolve()).as_posix()
    output = compilation.outputs.get(path)
    if output is None:
        return _no_output(compilation, path, spec)
    if compilation.system and compilation.system.sha256 != made_from.get("sha256"):
        click.echo(f"note: {spec} has changed since {out} was generated", err=True)
    elif file.is_file() and file.read_bytes() != output.data:
        click.echo(f"note: {file} is not what {spec} gives; the line is looked up in what it gives", err=True)
    return _tell(compilation, output, path, line)


def _no_output(compilation: Compilation, path: str, spec: Path) -> int:
    if compilation.ok:
        if path == MANIFEST:
            click.echo(
                f"{path} is mkit's own: the hashes of {spec} and of every file, and the versions that judged them",
                err=True,
            )
            return 1
        click.echo(f"{spec} does not generate {path}", err=True)
        return 1
    from monitoring_kit.cli.console import show_findings
    from monitoring_kit.diagnostics import Severity

    show_findings(compilation.report, "text", Severity.ERROR)
    return 1


def _tell(compilation: Compilation, output: Output, path: str, line: int) -> int:
    lines = output.data.decode().split("\n")
    if not 0 < line < len(lines):
        click.echo(f"{path} has {len(lines) - 1} lines", err=True)
        return 1
    mark = output.source_map.at(line)
    key = output.source_map.keys.get(line)
    if mark is None and key is not None:
        click.echo(f"{path}:{line}  {lines[line - 1].strip()}")
        click.echo(f"by default; `{key}` changes it" if key else "always written; no key of the spec changes it")
        return 0
    if mark is None or not mark.origin.file:
        click.echo(
            f"{path}:{line} comes from no single place of the spec: it is a default, is always written, or is made of many parts"
        )
        return 0
    click.echo(f"{path}:{line}  {lines[line - 1].strip()}")
    click.echo(_render(compilation, mark, path), color=None)
    return 0


def _render(compilation: Compilation, mark: Mark, path: str) -> str:
    from monitoring_kit.cli.console import wants_color
    from monitoring_kit.diagnostics import Diagnostic, Severity
    from monitoring_kit.diagnostics.render import Style, render

    made = Diagnostic("spec", Severity.INFO, f"lines {mark.first} to {mark.last} are made by this", mark.origin)
    text = render(made, compilation.report.sources, Style(wants_color(sys.stdout)))
    return text.split("\n", 1)[1]


def _folder_of(file: Path) -> Path | None:
    """The nearest folder above ``file`` that holds a manifest."""
    for folder in Path(os.path.abspath(file)).parents:
        if (folder / "manifest.json").is_file():
            return folder
    return None


def _find_spec(out: Path, name: str) -> Path | None:
    """The spec by its base name: in the current folder, or at most two folders above the output."""
    for folder in (Path.cwd(), *out.parents[:2]):
        if (folder / name).is_file():
            return Path(os.path.relpath(folder / name))
    return None
