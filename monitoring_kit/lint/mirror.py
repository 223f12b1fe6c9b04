"""Compiling a spec with some of its files replaced: in a copy, so that a repair is proven before the spec is touched."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from monitoring_kit.diagnostics import Diagnostic, Note, Report, Source, Span


def compile_with(spec: str, env: str | None, first: Report, texts: Mapping[str, str]) -> Report:
    """The report on ``spec`` if its files had these ``texts``; ``first`` is the report on the files as they are.

    Files that the spec only names (certificates, passwords) are not copied: mkit never reads them.
    """
    from monitoring_kit.pipeline import compile_spec

    files = {file: os.path.abspath(file) for file in {*first.sources, spec}}
    base = os.path.commonpath([os.path.dirname(path) for path in files.values()])
    with tempfile.TemporaryDirectory() as folder:
        places = {}
        for file, path in files.items():
            copy = Path(folder, os.path.relpath(path, base))
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = texts.get(file)
            copy.write_bytes(Path(path).read_bytes() if text is None else text.encode())
            places[str(copy)] = file
        copied = {name: path for path, name in places.items()}
        return _renamed(compile_spec(copied[spec], env).report, places)


def _renamed(report: Report, places: Mapping[str, str]) -> Report:
    """The report with the names of the files as the user gave them."""
    made = Report(sources={places.get(n, n): Source(places.get(n, n), s.text) for n, s in report.sources.items()})

    def at(span: Span) -> Span:
        return replace(span, file=places.get(span.file, os.path.normpath(span.file)))

    for found in report:
        notes = tuple(Note(at(note.span), note.text) for note in found.notes)
        fix = replace(found.fix, span=at(found.fix.span)) if found.fix is not None else None
        made.add(
            Diagnostic(found.code, found.severity, found.message, at(found.span), found.help, notes, fix, found.secret)
        )
    return made
