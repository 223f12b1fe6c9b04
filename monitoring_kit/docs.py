"""The reference pages under `docs/`, written from the program itself so that they cannot drift from it.

Run as ``python -m monitoring_kit.docs`` to write them, with ``--check`` to fail when they are not up to date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import click

from monitoring_kit.checks.codes import codes, page
from monitoring_kit.cli.main import COMMANDS, App
from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.promql import print_expr
from monitoring_kit.resolve.packs import Packs, shipped_kinds
from monitoring_kit.resolve.signals import Signal
from monitoring_kit.spec.model import SPEC, json_schema
from monitoring_kit.spec.shapes import ByKind, Choice, Item, Lazy, ListOf, MapOf, Record, Shape

DOCS = Path(__file__).resolve().parents[1] / "docs"
_NOTE = "<!-- Written by `make gen` from the program: do not edit. -->\n\n"


def pages() -> dict[str, str]:
    """Every generated page: path below `docs/` -> text."""
    found = {
        "mkit.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        "spec.md": _spec(),
        "cli.md": _cli(),
        "signals.md": _signals(),
        "checks/index.md": _checks_index(),
    }
    for code in codes():
        found[f"checks/{code}.md"] = page(code) or ""
    return found


def _spec() -> str:
    """The spec reference: a section a record, a row a key."""
    parts = [
        _NOTE
        + "# Spec reference\n\nEvery key of the spec. `mkit schema` prints the same as JSON Schema for editors; `mkit check` "
        "reports unknown keys with the one you probably meant.\n"
    ]
    for record in _records(SPEC):
        parts.append(_record(record))
    return "\n".join(parts)


def _records(root: Record) -> Iterator[Record]:
    """All records reachable from ``root``, each once, in reading order."""
    seen: set[type[Item]] = set()
    pending: list[Shape] = [root]
    while pending:
        shape = pending.pop(0)
        if isinstance(shape, Record):
            if shape.cls in seen:
                continue
            seen.add(shape.cls)
            yield shape
            pending += [spec.metadata["shape"] for spec in shape.keys.values()]
        else:
            pending += _inner(shape)


def _inner(shape: Shape) -> list[Shape]:
    if isinstance(shape, ListOf):
        return [shape.item]
    if isinstance(shape, MapOf):
        return [shape.value]
    if isinstance(shape, ByKind):
        return list(shape.kinds.values())
    return [shape.make()] if isinstance(shape, Lazy) else []


def _record(record: Record) -> str:
    lines = [f"## {record.cls.__name__}", "", _one_line(record.cls.__doc__ or ""), ""]
    if record.short:
        lines += [f"A bare value stands for `{record.short}`.", ""]
    for group in record.exactly_one:
        lines += ["Exactly one of " + ", ".join(f"`{name}`" for name in group) + " is needed.", ""]
    lines += ["| key | value | default | what it says |", "| --- | --- | --- | --- |"]
    for name, spec in record.keys.items():
        default = "**required**" if spec.metadata["required"] else _default(spec)
        lines.append(
            f"| `{name}` | {_cell(_kind(spec.metadata['shape']))} | {default} | {_cell(spec.metadata['doc'])} |"
        )
    return "\n".join(lines) + "\n"


def _default(spec: Any) -> str:
    value = spec.default
    if value is MISSING or value in (None, (), ""):
        return ""
    if isinstance(value, tuple):
        return ", ".join(f"`{v}`" for v in value)
    return f"`{str(value).lower() if isinstance(value, bool) else getattr(value, 'text', value)}`"


def _kind(shape: Shape) -> str:
    if isinstance(shape, Record):
        return f"[{shape.cls.__name__}](#{shape.cls.__name__.lower()})"
    if isinstance(shape, ListOf):
        return f"list of {_kind(shape.item)}"
    if isinstance(shape, MapOf):
        return f"name: {_kind(shape.value)}"
    if isinstance(shape, ByKind):
        return "by `kind`: " + ", ".join(f"[{name}](#{r.cls.__name__.lower()})" for name, r in shape.kinds.items())
    if isinstance(shape, Choice):
        return ", ".join(f"`{word}`" for word in shape.words)
    hint = getattr(shape, "hint", "")
    return str(hint or shape.what)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|")


def _cli() -> str:
    """The help of every command, as click prints it."""
    from monitoring_kit.cli.main import ENVIRONMENT, main

    assert isinstance(main, App)
    parts = [
        _NOTE
        + "# Command line\n\nExit codes: 0 done, 1 findings or drift, 2 wrong usage, 3 a bug in mkit, 130 interrupted, 129 and 143 ended by SIGHUP and SIGTERM.\n",
        "## Environment variables\n\n| variable | what it says |\n| --- | --- |\n"
        + "".join(f"| `{name}` | {_cell(text)} |\n" for name, text in ENVIRONMENT.items()),
    ]
    context = click.Context(main, info_name="mkit", max_content_width=100, terminal_width=100)
    for name in COMMANDS:
        command = main.get_command(context, name)
        if command is not None:
            parts += _help(command, context, name)
    return "\n".join(parts)


def _help(command: click.Command, parent: click.Context, name: str) -> list[str]:
    context = click.Context(command, info_name=name, parent=parent, max_content_width=100, terminal_width=100)
    parts = [f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                parts += _help(found, context, child)
    return parts


def _signals() -> str:
    """The shipped signal packs."""
    report = Report()
    packs = Packs(report, "", ())
    parts = [
        _NOTE
        + "# Signals\n\nA service's `kind` gives it these signals. They are data: `rules/<kind>.yaml`; a pack of your own is one "
        "such file, named under `packs:` in the spec. `$window` is the range, `$cpu` and `$memory` are the service's `resources`; "
        "1 core and 1 GiB where they are not stated, with a warning at whatever asks for the signal.\n"
    ]
    for kind in shipped_kinds():
        loaded = packs.get(kind, Span(""))
        assert loaded is not None
        parts.append(f"## {kind}\n\n{loaded.pack.description}\n")
        parts.append("| signal | unit | bad | what it says | PromQL |\n| --- | --- | --- | --- | --- |")
        parts += [_signal_row(signal) for signal in loaded.pack.signals.values()]
        if loaded.alerts:
            rows = [f"| `{a.name}` | `{a.when}` | {a.for_} | {a.severity} |" for a in loaded.alerts.values()]
            parts += [
                "\nEvery service of this kind also gets these alerts:\n",
                "| alert | when | for | severity |\n| --- | --- | --- | --- |",
                *rows,
            ]
        parts.append("")
    return "\n".join(parts)


def _signal_row(signal: Signal) -> str:
    if signal.ratio is not None:
        text = f"rate of {print_expr(signal.ratio[0])} / rate of {print_expr(signal.ratio[1])}"
    elif signal.histogram is not None:
        text = f"quantile of {print_expr(signal.histogram)}"
    else:
        text = signal.text
    name = f"{signal.name}(p95)" if signal.histogram is not None else signal.name
    return f"| `{name}` | {signal.unit} | {signal.bad} | {_cell(signal.description)} | `{_cell(text)}` |"


def _checks_index() -> str:
    lines = [_NOTE + "# Diagnostics\n", "`mkit explain CODE` prints the page of a code.\n"]
    lines += [f"- [`{code}`]({code}.md)" for code in sorted(codes())]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write the pages, or with ``--check`` name those that are not up to date; the exit code."""
    wanted = pages()
    stale = []
    for name, text in wanted.items():
        path = DOCS / name
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    if "--check" in arguments and stale:
        click.echo("not up to date, run `make gen`: " + ", ".join(stale), err=True)
        return 1
    click.echo(f"docs: {len(wanted)} pages, {len(stale)} " + ("stale" if "--check" in arguments else "written"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
